#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""quarantine is killed, or hangs for good, at each of its calls on netlink sockets: what counts is the state before or the new one.

Which of them is asked of packets, in every family: at once, and again when a probation that was under way is over. What is
expected is what packets find on devices whose quarantine nobody has disturbed. Also runs on this machine's own kernel
(tests/netns/killed_test.sh). Arguments: here, this machine is not emulated: at each call that sends something; all: and at those
between; quick: at fewer of them.
"""
import collections
import contextlib
import itertools
import re
import resource
import selectors
import socket
import struct
import sys
import threading
import time

import lab
from flowtable import MODULES as FLOWTABLE_MODULES
from lab import PACKET_OUTGOING, Namespace, check, same
from tracer import SENDS, Traced

PROGRAMS = ["ip", "nft"]
MODULES = [*FLOWTABLE_MODULES, "af_packet"]

PORT = 8000
OLD, NEW, ALSO, FORBIDDEN = (("198.51.100.%d" % last, "2001:db8:2::%d" % last) for last in (2, 3, 4, 99))
HOSTS = {"old": OLD, "new": NEW, "forbidden": FORBIDDEN}
TIMEOUT = 2  # seconds, -T
PROBATION_LASTS = TIMEOUT + 8  # seconds
PROBATION = PROBATION_LASTS + 0.3  # and what a timer may be late
CONTAINED = (0, 5)  # partial: older kernels have no egress hook
EXPERIMENTAL = 0x88B5


def urls(host):
    return [f"http://{host[0]}:{PORT}/", f"http://[{host[1]}]:{PORT}/"]


CONTAIN = ["quarantine", "-k", "-T", str(TIMEOUT), "--dns", "none", *urls(NEW)]
# a forbidden URL that answers, because it is allowed: proven, and rolled back all the same
ROLL_BACK = [*CONTAIN, "-f", urls(ALSO)[0], "--allow", f"tcp:{ALSO[0]}:{PORT}"]

ARTIFACT = f"""table inet vrr_quarantine_table {{
    chain inbound_chain {{
        type filter hook input priority 0; policy drop
        ip saddr {OLD[0]} tcp sport {PORT} ct state established accept
    }}
    chain outbound_chain {{
        type filter hook output priority 0; policy drop
        ip daddr {OLD[0]} tcp dport {PORT} ct state established,new accept
    }}
    chain forward_chain {{ type filter hook forward priority 0; policy drop; }}
}}"""


def start_with_nothing(device):
    pass


def start_with_ours(device):
    code, said = device.run("quarantine", "--no-probe", "--dns", "none", *urls(OLD))
    if code not in CONTAINED:
        raise RuntimeError(said)


def start_with_artifact(device):
    device.nft(ARTIFACT)


STARTS = {"nothing": start_with_nothing, "ours": start_with_ours, "artifact": start_with_artifact}


# ---- the world ----


class World:
    """All hosts, a web server on each, and a socket that sees the frames of all devices."""

    def __init__(self):
        self.namespace = Namespace("world")
        hosts = (*HOSTS.values(), ALSO)
        self.namespace.ip("\n".join(f"address add {host[0]}/32 dev lo\naddress add {host[1]}/128 dev lo nodad" for host in hosts))
        self.waiting = selectors.DefaultSelector()
        for host in hosts:
            for address in host:
                self._listen(address)
        self.datagrams = [self._bound(address) for address in FORBIDDEN]
        self.frames = self.namespace.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(EXPERIMENTAL))
        self.frames.setsockopt(socket.SOL_SOCKET, lab.SO_RCVBUFFORCE, 4 << 20)
        for each in (self.frames, *self.datagrams):
            each.setblocking(False)
        threading.Thread(target=self._serve, daemon=True).start()

    def _bound(self, address, kind=socket.SOCK_DGRAM):
        bound = self.namespace.socket(lab.family_of(address), kind)
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind((address, PORT))
        return bound

    def _listen(self, address):
        listener = self._bound(address, socket.SOCK_STREAM)
        listener.listen(1024)
        self.waiting.register(listener, selectors.EVENT_READ, True)

    def _serve(self):
        while True:
            for key, _ in self.waiting.select():
                with contextlib.suppress(OSError):
                    if key.data:
                        self.waiting.register(key.fileobj.accept()[0], selectors.EVENT_READ, False)
                    else:
                        self._answer(key.fileobj)

    def _answer(self, connection):
        """Whoever has sent something has sent all of its request."""
        self.waiting.unregister(connection)
        with contextlib.closing(connection):
            if connection.recv(4096):
                connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nok\n")

    def forget(self):
        for each in (self.frames, *self.datagrams):
            with contextlib.suppress(BlockingIOError):
                while each.recv(2048):
                    pass


# ---- devices ----


class Device(Namespace):
    """One behind a link of its own to the world, with two ports that it bridges; what is beyond these is in the world, too."""

    made = 0
    free = []

    @classmethod
    def take(cls, world):
        """One without rules. A device costs a small machine more memory than it can spare for each step."""
        return cls.free.pop() if cls.free else cls(world)

    def give_back(self):
        self.must("nft", "flush", "ruleset")
        self.free.append(self)

    def __init__(self, world):
        Device.made += 1
        self.number = Device.made
        super().__init__(f"dev{self.number}")
        high, low = divmod(self.number, 250)
        net4, net6 = f"10.{high}.{low}", f"fd00:{self.number:x}:"
        self.ip(f"""link add wan type veth peer name w{self.number} netns world
            link add br-lan type bridge
            link add p0 type veth peer name a{self.number} netns world
            link add p1 type veth peer name b{self.number} netns world
            link set p0 master br-lan
            link set p1 master br-lan
            link set p0 up
            link set p1 up
            link set br-lan up
            link set wan up
            address add {net4}.2/24 dev wan
            address add {net6}:2/64 dev wan nodad
            route add default via {net4}.1
            route add ::/0 via {net6}:1""")
        world.namespace.ip(f"""link set w{self.number} up
            link set a{self.number} up
            link set b{self.number} up
            address add {net4}.1/24 dev w{self.number}
            address add {net6}:1/64 dev w{self.number} nodad""")

    def rules(self):
        """Without what the kernel has learned meanwhile, and without what the tables say of their run."""
        text = self.must("nft", "-s", "-a", "list", "ruleset")
        text = re.sub(r"(\n\t\tflags dynamic.*(?:\n\t\ttimeout .*)?)\n\t\telements = {[^}]*}", r"\1", text)
        return re.sub(r'(?m)^\tcomment "quarbox .*"', '\tcomment "quarbox"', text)


class Round:
    """What passes from some devices: each to all hosts, raw frames of theirs, and frames between their bridged ports."""

    number = 0

    def __init__(self, world, devices):
        Round.number += 1
        self.world = world
        self.found = {device: set() for device in devices}
        self.by_name = {f"{letter}{device.number}": (device, what) for device in devices
                        for letter, what in (("w", "raw"), ("b", "bridged"))}
        self.connections = []
        self.mark = b"round %06d " % Round.number
        world.forget()

    def ask(self, patience):
        for device in self.found:
            with device.entered():
                self._send(device)
        with contextlib.closing(self.world.namespace.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)) as sender:
            for device in self.found:
                sender.sendto(self._frame(device), (f"a{device.number}", EXPERIMENTAL))
        end = time.monotonic() + patience
        while time.monotonic() < end:
            if self._take():
                end = time.monotonic() + patience
            time.sleep(0.01)
        for connection, _, _ in self.connections:
            connection.close()
        return self.found

    def _frame(self, device):
        return b"\xff" * 6 + b"\2test!" + struct.pack("!H", EXPERIMENTAL) + self.mark + b"%06d" % device.number + bytes(40)

    def _send(self, device):
        for name, host in HOSTS.items():
            for address in host:
                connection = socket.socket(lab.family_of(address), socket.SOCK_STREAM)
                connection.setblocking(False)
                connection.connect_ex((address, PORT))
                self.connections.append((connection, device, name + ("6" if ":" in address else "4")))
        for address in FORBIDDEN:
            with contextlib.closing(socket.socket(lab.family_of(address), socket.SOCK_DGRAM)) as sender, contextlib.suppress(OSError):
                sender.sendto(self.mark + b"%06d" % device.number, (address, PORT))
        with contextlib.closing(socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)) as sender, contextlib.suppress(OSError):
            sender.sendto(self._frame(device), ("wan", EXPERIMENTAL))

    def _take(self):
        """Whether something has arrived that had not before."""
        before = sum(map(len, self.found.values()))
        for connection, device, name in self.connections:
            with contextlib.suppress(OSError):
                connection.getpeername()
                self.found[device].add(name)
        for each, name in zip(self.world.datagrams, ("udp4", "udp6")):
            with contextlib.suppress(BlockingIOError):
                while data := each.recv(2048):
                    self._note(data, name)
        with contextlib.suppress(BlockingIOError):
            while True:
                data, address = self.world.frames.recvfrom(2048)
                if address[2] != PACKET_OUTGOING and address[0] in self.by_name:
                    self._note(data, self.by_name[address[0]][1])
        return sum(map(len, self.found.values())) > before

    def _note(self, data, name):
        match = re.search(re.escape(self.mark) + rb"(\d{6})", data)
        for device in self.found:
            if match and device.number == int(match[1]):
                self.found[device].add(name)


HERE = "here" in sys.argv  # not emulated
PATIENCE = 0.15 if HERE else 0.6  # seconds without news
AT_ONCE = 40  # devices, in one round


def passing(world, devices):
    found = {}
    for first in range(0, len(devices), AT_ONCE):
        found.update(Round(world, devices[first:first + AT_ONCE]).ask(PATIENCE))
    return {device: frozenset(each) for device, each in found.items()}


def states(world, devices, allowed):
    """For each the name of the state that counts. What has not arrived yet, though it may, is asked for again."""
    found = passing(world, devices)
    for _ in range(3):
        late = [device for device in devices if found[device] not in allowed.values() and
                any(found[device] < whole for whole in allowed.values())]
        found.update(passing(world, late))
    names = {whole: name for name, whole in allowed.items()}
    return {device: names.get(found[device], f"neither: {sorted(found[device])}") for device in devices}


# ---- rule sets ----


def blocks(lines, indent):
    """The parts of a listing that begin and end at this depth."""
    block = []
    for line in lines:
        block.append(line)
        if line == f"{indent}}}" or not re.match(rf"{indent}\w.*\{{", block[0]):
            yield block
            block = []


def without_probation(text):
    """A listing without what a probation leaves behind."""
    kept = []
    for table in blocks(text.splitlines(), ""):
        if any(line.startswith("\tset probation {") for line in table):
            continue
        for block in blocks(table[1:-1], "\t"):
            if block[0] and not re.match(r"\t(set|chain) probation_", block[0]):
                kept += [line for line in block if 'comment "quarbox probation"' not in line]
    return kept


def shape(text):
    """Tables, chains and rules, without what differs from device to device."""
    tables = ["\n".join(re.findall(r"table \w+ \w+|chain \w+|comment \".*?\"", "\n".join(table)))
              for table in blocks(text.splitlines(), "")]
    return sorted(tables)


# ---- one start state ----


class Case:
    """A start state and a command, and what packets find before and after it when nobody disturbs it."""

    all = []

    def __init__(self, world, name, start, command, codes):
        Case.all.append(self)
        self.world, self.name, self.start, self.command = world, name, start, command
        self.on_probation = []  # device, stop, and until when
        self.hung = []  # device, stop and process
        self.ended = []  # devices whose probation has ended as it should
        self.in_time = 0  # killed on probation, and looked at before its end
        device = self.new_device()
        old = passing(world, [device])[device]
        traced = Traced(device, *command)
        traced.finish()
        check(f"{name}_undisturbed", traced.code in codes, traced.code, traced.said)
        self.kept = shape(device.rules())
        self.allowed = {"old": old, "new": passing(world, [device])[device]}
        device.give_back()

    def new_device(self):
        device = Device.take(self.world)
        self.start(device)
        device.before = device.rules()
        return device

    def state(self, device):
        """As its rule set says: "old" and "new" are for good."""
        rules = device.rules()
        if "probation" in rules:
            return "probation"
        if rules == device.before:
            return "old"
        return "new" if shape(rules) == self.kept else "neither"

    def expect(self, what, found, wanted):
        """found: a state for each device; wanted: device, state and where, for each."""
        wrong = [f"{where}: {found[device]}, not {state}" for device, state, where in wanted if found[device] != state]
        check(f"{self.name}_{what}", not wrong, f"{len(wrong)} of {len(wanted)}", *wrong[:20])

    def stopped_at_each(self, chosen):
        """For each stop that `chosen` takes a run that stands there: its device, the process, the stop."""
        for number in range(1000):
            traced = Traced(device := self.new_device(), *self.command)
            if not traced.run_to(number, chosen):
                device.give_back()
                return
            yield device, traced, f"stop {number}"
            look_at_ended(1)

    def kill_at_each(self, chosen, hang_some):
        """What counts then is asked for while a probation still lasts. Returns how often which state.

        hang_some: every other run that is on probation hangs instead.
        """
        told = collections.Counter()
        unseen = []
        begun = time.monotonic()  # before the run that is looked at
        for device, traced, where in self.stopped_at_each(chosen):
            state = self.state(device)
            told[state] += 1
            ends = begun + PROBATION_LASTS
            if state == "probation":
                self.on_probation.append((device, where, time.monotonic() + PROBATION))
            if hang_some and state == "probation" and told[state] % 2 == 0:
                self.hung.append((device, where, traced))
            else:
                traced.kill()
                since = time.monotonic() if not unseen else since
                unseen.append((device, state, where, ends))
                if len(unseen) == AT_ONCE or time.monotonic() - since > TIMEOUT:
                    self._look_at_killed(unseen)
                    unseen = []
            begun = time.monotonic()
        self._look_at_killed(unseen)
        if told["probation"]:
            check(f"{self.name}_probation_is_seen", self.in_time)
        lab.remark(f"{self.name}: killed at {sum(told.values())}: {', '.join(f'{told[state]} {state}' for state in told)}")
        return told

    def _look_at_killed(self, killed):
        if not killed:
            return
        found = states(self.world, [device for device, *_ in killed], self.allowed)
        now = time.monotonic()
        # On a machine with other work a probation can be over before it has been looked at.
        late = [where for _, state, where, ends in killed if state == "probation" and now > ends]
        self.in_time += sum(state == "probation" for _, state, *_ in killed) - len(late)
        if late:
            lab.remark(f"{self.name}: looked at too late: {', '.join(late)}")
        self.expect(f"killed_to_{killed[-1][2].split()[-1]}", found, [
            (device, "old" if state == "old" else "new", where) for device, state, where, _ in killed if where not in late])
        for device, state, *_ in killed:
            if state != "probation":
                device.give_back()

    def hang_at_each(self, chosen):
        """Stopped for good there, in the middle of a probation."""
        for device, traced, where in self.stopped_at_each(chosen):
            if self.state(device) == "probation":
                self.on_probation.append((device, where, time.monotonic() + PROBATION))
                self.hung.append((device, where, traced))
            else:
                traced.kill()
                device.give_back()

    def look_at(self, stopped):
        """Those whose probation has just ended: it counts no more, and all of the state before it is there."""
        found = states(self.world, [device for device, *_ in stopped], self.allowed)
        self.ended += [device for device, *_ in stopped]
        self.expect(f"probation_ended_{len(self.ended)}", found, [(device, "old", where) for device, where, _ in stopped])
        lost = [device for device, *_ in stopped if without_probation(device.rules()) != without_probation(device.before)]
        check(f"{self.name}_nothing_of_the_old_is_lost_{len(self.ended)}", not lost,
              *[f"{device.before}\n{device.rules()}" for device in lost[:1]])

    def roll_back_the_next(self):
        """With what a killed one has left behind."""
        hung = [device for device, *_ in self.hung]
        device = next(device for device in self.ended if device not in hung)
        code, said = device.run(*ROLL_BACK)
        same(f"{self.name}_the_next_rolls_back", 4, code, said)
        same(f"{self.name}_the_next_rolls_back_to_the_same", device.before, device.rules())

    def go_on(self):
        """The hung ones do, too late. What they say is what counts, for good."""
        for *_, traced in self.hung:
            traced.finish()
        found = states(self.world, [device for device, *_ in self.hung], self.allowed)
        self.expect("goes_on", found, [(device, "new" if traced.code in CONTAINED else "old", f"{where}, exit code {traced.code}")
                                       for device, where, traced in self.hung])
        left = [where for device, where, _ in self.hung if "probation" in device.rules()]
        check(f"{self.name}_goes_on_leaves_no_probation", not left, *left)
        codes = collections.Counter(traced.code for *_, traced in self.hung)
        lab.remark(f"{self.name}: hung on probation at {len(self.hung)}, exit codes {dict(codes)}")


looked = 0


def look_at_ended(pause):
    """Soon after it is over, and not later: that it ends some time is not enough. pause: seconds since the last look."""
    global looked
    now = time.monotonic()
    if now - looked < pause:
        return
    looked = now
    for case in Case.all:
        stopped = [each for each in case.on_probation if each[2] <= now]
        case.on_probation = [each for each in case.on_probation if each[2] > now]
        if stopped:
            case.look_at(stopped)


# ---- which stops ----


def each_send(when, call):
    """Between two of them nothing changes in the kernel."""
    return call in SENDS and when == "before"


def each_call(when, call):
    return when == "before" or call in SENDS


def some_sends(step):
    """One in so many, and each case begins with another one."""
    count = itertools.count(next(offsets))
    return lambda when, call: each_send(when, call) and next(count) % step == 0


offsets = itertools.count()


def check_references(cases):
    """What packets find on the undisturbed devices is what it should be."""
    everything = frozenset(f"{name}{family}" for name in (*HOSTS, "udp") for family in (4, 6)) | {"raw", "bridged"}
    raw = set() if lab.kernel_at_least(5, 16) else {"raw"}
    olds = {"nothing": everything, "ours": {"old4", "old6"} | raw, "artifact": {"old4", "raw", "bridged"}}
    for case in cases[:3]:
        same(f"{case.name}_before", olds[case.name], set(case.allowed["old"]))
        same(f"{case.name}_contained", {"new4", "new6"} | raw, set(case.allowed["new"]))
    same("rolled_back_before", olds["ours"], set(cases[3].allowed["new"]))


def main():
    began = time.monotonic()
    resource.setrlimit(resource.RLIMIT_NOFILE, (resource.getrlimit(resource.RLIMIT_NOFILE)[1],) * 2)
    world = World()
    cases = [Case(world, name, start, CONTAIN, CONTAINED) for name, start in STARTS.items()]
    cases.append(Case(world, "rolled_back", start_with_ours, ROLL_BACK, (4,)))
    check_references(cases)
    cases[3].allowed["new"] = cases[1].allowed["new"]
    for case in cases:
        chosen = each_call if "all" in sys.argv else each_send if HERE else some_sends(5 if "quick" in sys.argv else 2)
        told = case.kill_at_each(chosen, not HERE)
        ends = {"old", "probation"} | ({"new"} if case.command == CONTAIN else set())
        same(f"{case.name}_killed_before_during_and_after", ends, set(told))
        if HERE:
            case.hang_at_each(each_send)
    lab.remark(f"stopped: {time.monotonic() - began:.0f} s, {Device.made} devices")
    while any(case.on_probation for case in cases):
        time.sleep(0.1)
        look_at_ended(0.5)
    for case in cases:
        case.roll_back_the_next()
        case.go_on()
    lab.remark(f"killed: {time.monotonic() - began:.0f} s")
    lab.clean_up()
    return 1 if lab.failures else 0


if __name__ == "__main__":
    sys.exit(main())
