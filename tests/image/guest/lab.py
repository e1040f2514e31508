# SPDX-License-Identifier: GPL-2.0-or-later
"""What the guest tests share: results, network namespaces, flows and frames, and what arrives of them.

Nothing that a sender is told counts. A packet has arrived when a packet socket on the device at the other end has seen it, and
packets are told apart by a mark in their payload.
"""
import contextlib
import ctypes
import os
import re
import socket
import struct
import subprocess
import time

ETH_P_ALL = 3
ETH_P_IP = 0x0800
ETH_P_ARP = 0x0806
ETH_P_8021Q = 0x8100
ETH_P_IPV6 = 0x86DD
PACKET_OUTGOING = 4
SOL_PACKET = 263
PACKET_QDISC_BYPASS = 20
SO_RCVBUFFORCE = 33
CLONE_NEWNET = 0x40000000

libc = ctypes.CDLL(None, use_errno=True)
home = os.open("/proc/self/ns/net", os.O_RDONLY)
failures = 0


# ---- results ----


def check(name, good, *why):
    """One result. What `why` says is shown when it is a failure; functions are called only then."""
    global failures
    if good:
        print(f"ok {name}", flush=True)
        return True
    failures += 1
    lines = "\n".join(str(part() if callable(part) else part) for part in why).splitlines() or ["it does not hold"]
    print(f"not ok {name}: {lines[0]}")
    for line in lines[1:]:
        print(f"# {line}")
    print(end="", flush=True)
    return False


def same(name, wanted, got, *why):
    return check(name, wanted == got, f"expected {wanted!r}, got {got!r}", *why)


def skip(name, why):
    print(f"ok {name} # skipped: {why}", flush=True)


def remark(text):
    for line in str(text).splitlines():
        print(f"# {line}", flush=True)


def kernel_at_least(*wanted):
    """For what a kernel is expected to have. What quarbox finds, it finds by trying."""
    return tuple(map(int, re.findall(r"\d+", os.uname().release)[:2])) >= wanted


# ---- namespaces ----


class Namespace:
    """A network namespace, with what is run and opened in it."""

    all = []

    def __init__(self, name):
        self.name = name
        subprocess.run(["ip", "netns", "add", name], check=True)
        self.descriptor = os.open(f"/run/netns/{name}", os.O_RDONLY)
        self.processes = []
        Namespace.all.append(self)
        for key in ("ipv6/conf/all/accept_dad", "ipv6/conf/default/accept_dad", "ipv4/icmp_ratelimit"):
            self.sysctl(key, 0)
        self.ip("link set lo up")

    @contextlib.contextmanager
    def entered(self):
        enter(self.descriptor)
        try:
            yield
        finally:
            enter(home)

    def sysctl(self, key, value):
        with self.entered(), open(f"/proc/sys/net/{key}", "w") as file:
            file.write(str(value))

    def read(self, path):
        with self.entered(), open(path) as file:
            return file.read()

    def start(self, *command, **how):
        how = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True, **how}
        with self.entered():
            process = subprocess.Popen(command, **how)
        self.processes.append(process)
        return process

    def run(self, *command, data=None):
        """Its exit code, and what it printed. Some versions of nft don't come back from listing a hook on every device."""
        process = self.start(*command, stdin=subprocess.DEVNULL if data is None else subprocess.PIPE)
        try:
            said = process.communicate(data, timeout=60)[0]
        except subprocess.TimeoutExpired:
            process.kill()
            said = process.communicate()[0] + "\nstopped after 60 seconds"
        return process.returncode, said

    def must(self, *command, data=None):
        code, said = self.run(*command, data=data)
        if code:
            raise RuntimeError(f"{self.name}: {' '.join(command)}: {code}: {said}\n{data or ''}")
        return said

    def ip(self, batch):
        self.must("ip", "-batch", "-", data=batch)

    def nft(self, text):
        return self.must("nft", "-f", "-", data=text)

    def socket(self, *about):
        with self.entered():
            return socket.socket(*about)

    def mac(self, device):
        return bytes.fromhex(self.read(f"/sys/class/net/{device}/address").strip().replace(":", ""))


def enter(descriptor):
    if libc.setns(descriptor, CLONE_NEWNET) != 0:
        raise OSError(ctypes.get_errno(), "setns")
    # /sys shows the devices of the namespace that mounted it
    libc.umount2(b"/sys", 2)
    libc.mount(b"sysfs", b"/sys", b"sysfs", 0, None)


def clean_up():
    """No namespace stays, and no process in one."""
    for namespace in Namespace.all:
        for process in namespace.processes:
            if process.poll() is None:
                process.kill()
            process.wait()
            for stream in (process.stdin, process.stdout):
                if stream:
                    stream.close()
        os.close(namespace.descriptor)
        subprocess.run(["ip", "netns", "delete", namespace.name], check=True)
    Namespace.all.clear()
    Sniffer.close_all()


def wait_for(seconds, condition):
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            return False
        time.sleep(0.02)
    return True


# ---- what arrives ----


class Sniffer:
    """All that arrives at a device, while nobody drops it."""

    opened = []

    def __init__(self, namespace, device):
        self.socket = namespace.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_ALL))
        self.socket.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 4 << 20)
        self.socket.bind((device, ETH_P_ALL))
        self.socket.setblocking(False)
        self.frames = []
        Sniffer.opened.append(self)

    def drain(self):
        with contextlib.suppress(BlockingIOError):
            while True:
                data, address = self.socket.recvfrom(65536)
                if address[2] != PACKET_OUTGOING:
                    self.frames.append(data)

    def forget(self):
        self.drain()
        self.frames.clear()

    def has(self, mark):
        self.drain()
        return any(mark in frame for frame in self.frames)

    def count(self, ethertype):
        self.drain()
        return sum(struct.unpack_from("!H", frame, 12)[0] == ethertype for frame in self.frames)

    @classmethod
    def close_all(cls):
        for sniffer in cls.opened:
            sniffer.socket.close()
        cls.opened.clear()


def addresses_of(frame):
    """Source and destination of an IP packet, or None: neither ARP nor neighbour discovery is anybody's traffic."""
    kind = struct.unpack_from("!H", frame, 12)[0]
    if kind == ETH_P_IP:
        return socket.inet_ntop(socket.AF_INET, frame[26:30]), socket.inet_ntop(socket.AF_INET, frame[30:34])
    if kind == ETH_P_IPV6 and not (frame[20] in (0, 58) and (frame[20] == 0 or 133 <= frame[54] <= 137)):
        return socket.inet_ntop(socket.AF_INET6, frame[22:38]), socket.inet_ntop(socket.AF_INET6, frame[38:54])
    return None


# ---- flows ----


def family_of(address):
    return socket.AF_INET6 if ":" in address else socket.AF_INET


class Flow:
    """Datagrams or a connection between two namespaces, in both directions."""

    def __init__(self, number, near, near_address, far, far_address):
        self.number = number
        self.sequence = 0
        self.near_to = self.far_to = None
        self.near, self.far = (namespace.socket(family_of(address), self.kind) for namespace, address in
                               ((near, near_address), (far, far_address)))
        for end in (self.near, self.far):
            end.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.near.bind((near_address, 0))
        self.far.bind((far_address, 7000 + number))

    def send(self):
        self.sequence += 1
        for end, direction in ((self.near, ">"), (self.far, "<")):
            with contextlib.suppress(OSError):
                end.send(f"mark {self.number}{direction}{self.sequence:08d} ".encode())

    def receive(self):
        for end in (self.near, self.far):
            with contextlib.suppress(OSError):
                while end.recv(65536):
                    pass

    def close(self):
        self.near.close()
        self.far.close()


class Datagrams(Flow):
    kind = socket.SOCK_DGRAM

    def __init__(self, number, near, near_address, far, far_address, seconds=3):
        super().__init__(number, near, near_address, far, far_address)
        self.near.connect(self.far.getsockname())
        self.far.settimeout(seconds / 5)
        for _ in range(5):
            self.near.send(b"hello")
            with contextlib.suppress(OSError):
                self.far.connect(self.far.recvfrom(100)[1])
                break
        self.far.setblocking(False)
        self.near.setblocking(False)


class Connection(Flow):
    kind = socket.SOCK_STREAM

    def __init__(self, number, near, near_address, far, far_address, seconds=3):
        super().__init__(number, near, near_address, far, far_address)
        listener = self.far
        listener.listen()
        listener.settimeout(seconds)
        self.near.settimeout(seconds)
        with contextlib.suppress(OSError):
            self.near.connect(listener.getsockname())
            self.far = listener.accept()[0]
            listener.close()
        self.far.setblocking(False)
        self.near.setblocking(False)
        for end in (self.near, self.far):
            end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


MARK = re.compile(rb"mark (\d+)([<>])(\d{8}) ")


class Traffic:
    """Flows that go on, and which of their packets arrive: those of `>` at the far sniffer, those of `<` at the near one."""

    def __init__(self, near_sniffer, far_sniffer):
        self.sniffers = {">": far_sniffer, "<": near_sniffer}
        self.flows = []
        self.sent = 0

    def step(self):
        for flow in self.flows:
            flow.send()
            flow.receive()
            self.sent += 1
        for sniffer in self.sniffers.values():
            sniffer.drain()
        time.sleep(0.01)

    def go_on(self, seconds):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            self.step()

    def go_on_while(self, process):
        while process.poll() is None:
            self.step()
        for sniffer in self.sniffers.values():
            sniffer.drain()

    def forget(self):
        for sniffer in self.sniffers.values():
            sniffer.forget()

    def arrived(self):
        """For each flow and direction how many packets."""
        counts = {f"{flow.number}{direction}": 0 for flow in self.flows for direction in "><"}
        for direction, sniffer in self.sniffers.items():
            for frame in sniffer.frames:
                for number, way, _ in MARK.findall(frame):
                    key = number.decode() + way.decode()
                    if way.decode() == direction and key in counts:
                        counts[key] += 1
        return counts

    def strays(self, near_addresses, far_addresses):
        """Whatever else arrives from one end at the other, without a mark: acknowledgements, resets, errors."""
        found = []
        for direction, addresses in ((">", far_addresses), ("<", near_addresses)):
            for frame in self.sniffers[direction].frames:
                ends = addresses_of(frame)
                if ends and ends[1] in addresses:
                    found.append(f"{direction} {ends[0]} -> {ends[1]}: {frame[14:94].hex()}")
        return found

    def close(self):
        for flow in self.flows:
            flow.close()
        self.flows.clear()
