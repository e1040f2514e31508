#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""An uplink through WireGuard: its own packets are allowed because the kernel says where they go, and nothing beside them."""
import base64
import contextlib
import fcntl
import os
import re
import shutil
import socket
import struct
import subprocess
import sys
import termios
import time

import lab
import uplinks
from frames import Attempt, ethernet, ip_type, mark, udp
from lab import Namespace, check, same, skip, wait_for
from router import FORBIDDEN4, FORBIDDEN6, SERVER4, SERVERS, WAN4, WAN6
from uplinks import Tunnel

PROGRAMS = [*uplinks.PROGRAMS, "wg", "openssl"]
MODULES = [*uplinks.MODULES, "wireguard"]

OWN_PORT, PORT = 51820, 51821
PROVEN = f"https://{SERVER4}:8443/"
SO_BINDTODEVICE = 25
F_SETPIPE_SZ = 1031

CONFIGURATION = """[req]
distinguished_name = name
[name]
[ca]
basicConstraints = critical,CA:TRUE
keyUsage = critical,keyCertSign
[server]
basicConstraints = critical,CA:FALSE
keyUsage = critical,digitalSignature,keyEncipherment
extendedKeyUsage = serverAuth
subjectAltName = DNS:VelociraptorServer
"""


class Datagram(Attempt):
    """As any program sends one."""

    def __init__(self, name, namespace, host, port, own_port=0, device=""):
        super().__init__(name, device, None)
        self.namespace, self.end, self.own_port = namespace, (host, port), own_port

    def send(self, sender):
        self.mark = mark()
        family = lab.family_of(self.end[0])
        with contextlib.closing(self.namespace.socket(family, socket.SOCK_DGRAM)) as sender, contextlib.suppress(OSError):
            if self.device:
                sender.setsockopt(socket.SOL_SOCKET, SO_BINDTODEVICE, self.device.encode())
            sender.bind(("", self.own_port))
            sender.sendto(self.mark, self.end)


class Wireguard(Tunnel):
    kind = "wireguard"
    code = 0
    peers = ("eth0", "tun9")

    def build(self):
        self.keys = {}
        for namespace in (self.dev, self.world.namespace):
            private = namespace.must("wg", "genkey")
            path = f"/tmp/{namespace.name}.key"
            with open(path, "w") as file:
                file.write(private)
            self.keys[namespace.name] = path, namespace.must("wg", "pubkey", data=private).strip()
        with open("/tmp/shared.key", "w") as file:
            file.write(self.dev.must("wg", "genpsk"))
        super().build()

    def end(self, namespace, device, own, other, length):
        ours = namespace is self.dev
        namespace.ip(f"""address add {own}/{length} dev {device}{' nodad' if length == 64 else ''}
            link add tun9 type wireguard""")
        namespace.must("wg", "set", "tun9", "private-key", self.keys[namespace.name][0], "listen-port", str(OWN_PORT if ours else PORT))
        if ours:
            self.others(namespace)
        self.add_peer(namespace)
        namespace.ip("link set tun9 up")

    def others(self, namespace):
        """Peers that no server is behind."""
        key = namespace.must("wg", "genkey")
        namespace.must("wg", "set", "tun9", "peer", namespace.must("wg", "pubkey", data=key).strip(), "allowed-ips", "10.77.0.0/16",
                       "endpoint", "10.30.0.77:7777")

    def allowed(self):
        return "0.0.0.0/0,::/0"

    def add_peer(self, namespace):
        ours = namespace is self.dev
        host, port = (self.outer[1], PORT) if ours else (self.outer[0], OWN_PORT)
        namespace.must("wg", "set", "tun9", "peer", self.keys["world" if ours else "dev"][1], "preshared-key", "/tmp/shared.key",
                       "endpoint", f"[{host}]:{port}" if ":" in host else f"{host}:{port}", "allowed-ips",
                       self.allowed() if ours else "0.0.0.0/0,::/0")

    def attempts(self):
        yield from super().attempts()
        own, other = self.outer
        for name, own_port, port in (("own_port", OWN_PORT, 9), ("their_port", 40000, PORT), ("no_port", 40000, 9)):
            packet = udp(own, other, b"", port, own_port)
            yield Attempt(f"wan_udp_with_{name}", "wan", lambda mark, a=own_port, b=port: ethernet(
                self.world.namespace.mac("eth0"), self.dev.mac("wan"), ip_type(packet), udp(own, other, mark, b, a)))
        yield Datagram("udp_to_their_port", self.dev, other, PORT)
        yield Datagram("udp_to_another_port", self.dev, other, 9)
        yield Datagram("udp_beside_the_tunnel", self.dev, FORBIDDEN4, 9, device="wan")
        for name, source, destination in (("ipv4", WAN4, FORBIDDEN4), ("ipv6", WAN6, FORBIDDEN6)):
            packet = udp(source, destination, b"")
            yield Attempt(f"tun9_{name}", "tun9", lambda mark, s=source, d=destination: udp(s, d, mark), ip_type(packet))

    def keep(self):
        code, said = self.dev.run("quarantine", "-n", *SERVERS)
        check(f"{self.name}_only_this_flow_is_allowed", code == 0 and len(re.findall(
            rf"ip6? daddr {re.escape(self.outer[1])} udp sport {OWN_PORT} udp dport {PORT}\b", said)) == 2 and "10.30.0.77" not in said and
            "--allow what the tunnel" not in said, code, said)
        self.keys_are_forgotten()
        self.prove()
        self.begin_anew()
        super().keep()

    def prove(self):
        """The whole, with a server that proves itself through the tunnel."""
        world = self.world.namespace
        server = world.start("openssl", "s_server", "-accept", f"{SERVER4}:8443", "-WWW", "-quiet", "-key", "server.key", "-cert",
                             "server.pem", cwd="/tmp/served")
        check(f"{self.name}_server_listens", wait_for(20, lambda: self.listens(world)), server.poll)
        code, said = self.dev.run("quarantine", "--ca", "/tmp/served/ca.pem", "-T", "40", PROVEN, *SERVERS)
        same(f"{self.name}_server_is_proven", self.code if lab.kernel_at_least(5, 16) else 5, code, said)
        check(f"{self.name}_it_says_so", f"proven at {SERVER4}" in said, said)
        check(f"{self.name}_endpoint_is_told", f"udp:{'[' if ':' in self.outer[1] else ''}{self.outer[1]}" in said, said)
        server.kill()

    def keys_are_forgotten(self):
        """Right after they were told, while it waits for room to print its rules."""
        end, their_end = os.pipe()
        fcntl.fcntl(their_end, F_SETPIPE_SZ, 4096)
        # a warning alone would fill the pipe's only page: nothing fits behind it that is longer than the rest of it
        process = self.dev.start("quarantine", "-n", *SERVERS, stdout=their_end, stderr=subprocess.DEVNULL)
        os.close(their_end)
        check(f"{self.name}_is_stopped", wait_for(10, lambda: waiting_in(end) >= 2048 and not time.sleep(0.5)))
        memory = memory_of(process.pid)
        os.close(end)
        check(f"{self.name}_memory_is_read", SERVERS[0].encode() in memory)
        for path in (self.keys["dev"][0], "/tmp/shared.key"):
            with open(path) as file:
                check(f"{self.name}_{path[5:]}_is_forgotten", base64.b64decode(file.read()) not in memory)
        process.kill()
        process.wait()

    @staticmethod
    def listens(world):
        with contextlib.closing(world.socket(socket.AF_INET, socket.SOCK_STREAM)) as asking:
            return asking.connect_ex((SERVER4, 8443)) == 0

    def begin_anew(self):
        """The other end has forgotten the session, and speaks first."""
        world = self.world.namespace
        world.must("wg", "set", "tun9", "peer", self.keys["dev"][1], "remove")
        self.add_peer(world)
        Datagram("", world, WAN4, 9).send(None)
        check(f"{self.name}_begins_anew", wait_for(5, lambda: not world.must("wg", "show", "tun9", "latest-handshakes").endswith("\t0\n")),
              lambda: world.must("wg"), lambda: uplinks.rules(self.dev))


class WireguardManyPeers(Wireguard):
    """So many that the kernel's answer has many messages, and what leads to the server is in the last of a peer's own several."""

    kind = "wireguard many_peers"
    outer = ("2001:db8:30::2", "2001:db8:30::1")

    def others(self, namespace):
        with open("/tmp/peers", "w") as file:
            for number in range(300):
                file.write(f"[Peer]\nPublicKey = {base64_of(number + 1)}\nAllowedIPs = 10.78.{number // 256}.{number % 256}/32\n"
                           f"Endpoint = 10.30.0.77:{7000 + number}\n")
        namespace.must("wg", "addconf", "tun9", "/tmp/peers")

    def allowed(self):
        return ",".join([f"10.79.{number // 256}.{number % 256}/32" for number in range(3000)] + ["0.0.0.0/0", "::/0"])


def waiting_in(pipe):
    """Bytes."""
    return struct.unpack("i", fcntl.ioctl(pipe, termios.FIONREAD, bytes(4)))[0]


def memory_of(pid):
    found = b""
    with open(f"/proc/{pid}/maps") as maps, open(f"/proc/{pid}/mem", "rb", 0) as memory:
        for line in maps:
            begin, end = (int(word, 16) for word in line.split()[0].split("-"))
            memory.seek(begin)
            with contextlib.suppress(OSError):  # of the kernel's pages
                found += memory.read(end - begin)
    return found


def base64_of(number):
    """Of 32 bytes that nobody has a private key for."""
    return base64.b64encode(number.to_bytes(4, "big") * 8).decode()


def certificates():
    folder = lab.Namespace("maker")
    with open("/tmp/openssl.cnf", "w") as file:
        file.write(CONFIGURATION)
    folder.must("mkdir", "-p", "/tmp/served")

    def openssl(*words):
        process = folder.start("openssl", *words, cwd="/tmp/served", env={"PATH": "/usr/bin", "OPENSSL_CONF": "/tmp/openssl.cnf"})
        said = process.communicate()[0]
        if process.returncode:
            raise RuntimeError(f"openssl {' '.join(words)}: {said}")

    key = ("-newkey", "rsa:2048", "-nodes")
    openssl("req", "-x509", *key, "-keyout", "ca.key", "-subj", "/O=Velociraptor CA", "-days", "30", "-extensions", "ca", "-out", "ca.pem")
    openssl("req", *key, "-keyout", "server.key", "-subj", "/CN=VelociraptorServer", "-out", "server.csr")
    openssl("x509", "-req", "-in", "server.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-days", "30", "-extfile",
            "/tmp/openssl.cnf", "-extensions", "server", "-out", "server.pem")
    lab.clean_up()


def peer_without_endpoint():
    """It would have to speak first: where to, nobody knows."""
    dev = Namespace("dev")
    with open("/tmp/dev.key", "w") as file:
        file.write(dev.must("wg", "genkey"))
    key = dev.must("wg", "pubkey", data=dev.must("wg", "genkey")).strip()
    dev.ip(f"link add tun9 type wireguard\naddress add {WAN4}/24 dev tun9")
    dev.must("wg", "set", "tun9", "private-key", "/tmp/dev.key", "peer", key, "allowed-ips", "0.0.0.0/0")
    dev.ip("link set tun9 up\nroute add default dev tun9")
    code, said = dev.run("quarantine", "-n", SERVERS[0])
    check("wireguard_without_an_endpoint_is_told", code == 0 and "tun9: --allow what the tunnel itself sends" in said, code, said)
    dev.must("wg", "set", "tun9", "peer", key, "endpoint", "192.0.2.9:9")
    code, said = dev.run("quarantine", "-n", SERVERS[0])
    check("wireguard_with_an_endpoint_is_not", code == 0 and "--allow" not in re.sub(r'"[^"]*"', "", said), code, said)


def main():
    if not shutil.which("wg"):
        skip("wireguard", "there is no wg")
        return 0
    egress = uplinks.has_egress(Namespace("trial"))
    lab.clean_up()
    certificates()
    for kind in (WireguardManyPeers,) if "quick" in sys.argv else (Wireguard, WireguardManyPeers):
        uplinks.run(kind, egress)
        lab.clean_up()
    peer_without_endpoint()
    lab.clean_up()
    return 1 if lab.failures else 0


if __name__ == "__main__":
    sys.exit(main())
