# SPDX-License-Identifier: GPL-2.0-or-later
"""What a contained device still needs: each works, or it does not, seen from both ends.

need(NAME, FAMILIES, FUNCTION): the function gets the laboratory (see leaktest) and the family, and returns whether it worked; an
OSError (a timeout, say) is a no. Needs run side by side, but those of alone(...) one after the other.
"""
import contextlib
import os
import signal
import socket
import ssl
import struct
import time

import lab
import packets
from lab import ADDRESSES, MACS, inside, run

PATIENCE = 2.5  # seconds
NEEDS = []


class Need:
    def __init__(self, name, family, works, alone):
        self.name, self.family, self.works, self.alone = name, family, works, alone

    def try_it(self, laboratory):
        try:
            return bool(self.works(laboratory, self.family))
        except (OSError, ssl.SSLError):
            return False


def need(name, families, works, alone=False):
    for family in families:
        NEEDS.append(Need(name, family, works, alone))


def created(family, kind=socket.SOCK_STREAM, protocol=0, space="dev"):
    with inside(space):
        new = socket.socket(socket.AF_INET6 if family == "6" else socket.AF_INET, kind, protocol)
    new.settimeout(PATIENCE)
    new.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    return new


def waits(client, is_it, patience=PATIENCE):
    end = time.monotonic() + patience
    while time.monotonic() < end:
        client.settimeout(max(0.01, end - time.monotonic()))
        data = client.recv(4096)
        if is_it(data):
            return True
        if not data:
            break
    return False


# ---- itself ----

def to_itself(name, kind):
    def works(_, family):
        address = getattr(ADDRESSES[family], name)
        with created(family, kind) as server, created(family, kind) as client:
            server.bind((address, 0))
            if kind == socket.SOCK_DGRAM:
                client.sendto(b"hello", server.getsockname())
                data, peer = server.recvfrom(100)
                server.sendto(data, peer)
                return client.recv(100) == b"hello"
            server.listen()
            client.connect(server.getsockname())
            connection, _ = server.accept()
            with connection:
                connection.send(b"hello")
                return client.recv(100) == b"hello"
    return works


for where, name in (("local", "loopback"), ("dev", "its own address on wan"), ("lan", "its own address on the LAN")):
    need(f"TCP to {name}", "46", to_itself(where, socket.SOCK_STREAM))
    need(f"UDP to {name}", "46", to_itself(where, socket.SOCK_DGRAM))


# ---- names ----

QUESTION = b"\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00\x03one\x02vr\x04test\x00\x00\x01\x00\x01"


def dns(name, kind=socket.SOCK_DGRAM):
    def works(_, family):
        question = os.urandom(2) + QUESTION
        with created(family, kind) as client:
            client.connect((getattr(ADDRESSES[family], name, name), 53))
            if kind == socket.SOCK_STREAM:
                client.send(len(question).to_bytes(2, "big") + question)
                answer = client.recv(600)[2:]
            else:
                client.send(question)
                answer = client.recv(600)
        return answer[:2] == question[:2] and socket.inet_aton(ADDRESSES["4"].one) in answer
    return works


need("the resolver, UDP", "46", dns("resolver"))
need("the resolver, TCP", "46", dns("resolver", socket.SOCK_STREAM))
need("a local resolver at 127.0.0.1", "4", dns("127.0.0.1"))
need("a local resolver at 127.0.0.53", "4", dns("127.0.0.53"))
need("a local resolver at 127.0.0.53, TCP", "4", dns("127.0.0.53", socket.SOCK_STREAM))


# ---- the server ----

def tls(_, family):
    context = ssl.create_default_context(cafile=lab.WORK / "ca.pem")
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    with created(family) as client:
        client.connect((ADDRESSES[family].one, lab.SERVER_PORT))
        with context.wrap_socket(client, server_hostname="VelociraptorServer") as wrapped:
            wrapped.send(b"GET /server.pem HTTP/1.0\r\n\r\n")
            return b"200" in wrapped.recv(64)


def echo(client):
    """What the server says first to everybody may come in between."""
    client.sendall(b"x")
    return waits(client, lambda data: b"x" in data)


def peer(_, family, name="two", source=None):
    with created(family) as client:
        if source:
            client.bind((getattr(ADDRESSES[family], source), 0))
        client.connect((getattr(ADDRESSES[family], name), lab.PEER_PORT))
        return echo(client)


def speaks_first(laboratory, family):
    listens = laboratory.allowed[family, "listens"]
    listens.settimeout(0)
    with contextlib.suppress(BlockingIOError):
        listens.recv(4096)  # what it has said before
    listens.settimeout(PATIENCE)
    laboratory.programs["peer"].send_signal(signal.SIGUSR1)
    return listens.recv(100) != b""


def goes_on(laboratory, family):
    return echo(laboratory.allowed[family, "speaks"])


need("the server, TLS 1.3", "46", tls)
need("another server, TCP", "46", peer)
need("a connection that was open, the server speaks first", "46", speaks_first)
need("a connection that was open, the device speaks first", "46", goes_on)


def cold(laboratory, family):
    for space, link in (("dev", "wan"), ("isp", "inside")):
        lab.ip(space, f"neighbour flush dev {link}\n")
    return peer(laboratory, family)


def over_link_local(laboratory, family):
    """As router advertisements make routes."""
    route = f"{ADDRESSES['6'].two} via {ADDRESSES['6'].local_gateway} dev wan"
    lab.ip("dev", f"neighbour flush dev wan\nroute add {route}\n")
    try:
        return peer(laboratory, family)
    finally:
        lab.ip("dev", f"route delete {route}\n")


def moved(laboratory, family):
    """A new lease, a privacy address: the device has another address than when it was contained."""
    address = f"{ADDRESSES[family].moved}/{64 if family == '6' else 24} dev wan"
    lab.ip("dev", f"address add {address} {'nodad' if family == '6' else ''}\n")
    try:
        return peer(laboratory, family, source="moved")
    finally:
        lab.ip("dev", f"address delete {address}\n")


def path_mtu(_, family):
    """isp can't pass on more than 1300 bytes to two, and says so."""
    two = getattr(ADDRESSES[family], "two")
    lab.ip("isp", f"route replace {two} dev outside mtu lock 1300\n")
    try:
        with created(family) as client:
            client.connect((two, lab.PEER_PORT))
            client.sendall(bytes(200000))
            client.shutdown(socket.SHUT_WR)
            while client.recv(65536):
                pass
        return "mtu 1300" in run("dev", ["ip", "route", "get", two]).stdout
    finally:
        lab.ip("isp", f"route delete {two} dev outside\n")
        run("dev", ["ip", f"-{family}", "route", "flush", "cache"])


need("the server with cold neighbour caches", "46", cold, alone=True)
need("the server by the router's link-local address", "6", over_link_local, alone=True)
need("the server from a new address", "46", moved, alone=True)
need("path MTU", "46", path_mtu, alone=True)


# ---- DHCP ----

MAGIC = b"\x63\x82\x53\x63"


def bootp(kind, identifier, own="0.0.0.0", broadcast=False, options=b""):
    return struct.pack("!BBBBIHH4s4s4s4s16s192x", 1, 1, 6, 0, identifier, 0, 0x8000 if broadcast else 0, packets.packed(own),
                       bytes(4), bytes(4), bytes(4), packets.mac(MACS["wan"])) + MAGIC + b"\x35\x01" + bytes([kind]) + options + b"\xff"


def is_answer(data, identifier, kind):
    return data[:1] == b"\x02" and data[4:8] == struct.pack("!I", identifier) and b"\x35\x01" + bytes([kind]) in data[236:]


def dhcp(to, own, broadcast, kind, answer, options=b""):
    """With the kernel's socket, as a client that has its address."""
    def works(_, family):
        identifier = int.from_bytes(os.urandom(4), "big")
        with created(family, socket.SOCK_DGRAM) as client:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
            client.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, b"wan\0")
            client.bind(("", 68))
            client.sendto(bootp(kind, identifier, own, broadcast, options), (to, 67))
            return waits(client, lambda data: is_answer(data, identifier, answer))
    return works


def dhcp_raw(broadcast):
    """With packet sockets, as a client without an address."""
    def works(_, __):
        identifier = int.from_bytes(os.urandom(4), "big")
        data = packets.udp("0.0.0.0", "255.255.255.255", 68, 67, bootp(1, identifier, broadcast=broadcast))
        packet = packets.ipv4("0.0.0.0", "255.255.255.255", packets.UDP, data)
        with inside("dev"):
            client = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
            client.bind(("wan", packets.IPV4))
        with client:
            client.send(packets.ethernet(MACS["broadcast"], MACS["wan"], packets.IPV4, packet))
            return waits(client, lambda frame: is_answer(frame[42:], identifier, 2))
    return works


def dhcpv6(_, family):
    identifier = os.urandom(3)
    client_id = struct.pack("!HHHH", 1, 10, 3, 1) + packets.mac(MACS["wan"])
    message = b"\x01" + identifier + client_id + struct.pack("!HHIII", 3, 12, 1, 0, 0) + struct.pack("!HHH", 8, 2, 0)
    with created(family, socket.SOCK_DGRAM) as client, inside("dev"):
        index = socket.if_nametoindex("wan")
        client.bind(("::", 546, 0, index))
        client.sendto(message, ("ff02::1:2", 547, 0, index))
        return waits(client, lambda data: data[:1] == b"\x02" and data[1:4] == identifier)


WANTED = b"\x32\x04" + packets.packed(ADDRESSES["4"].dev)
need("DHCP: renewal, unicast", "4", dhcp(ADDRESSES["4"].gateway, ADDRESSES["4"].dev, False, 3, 5), alone=True)
need("DHCP: rebinding, broadcast", "4", dhcp("255.255.255.255", ADDRESSES["4"].dev, False, 3, 5), alone=True)
need("DHCP: broadcast answer", "4", dhcp("255.255.255.255", "0.0.0.0", True, 1, 2), alone=True)
need("DHCP: discovery with packet sockets", "4", dhcp_raw(False), alone=True)
need("DHCP: the same, broadcast answer", "4", dhcp_raw(True), alone=True)
need("DHCPv6: solicitation and advertisement", "6", dhcpv6)


def elsewhere(laboratory, family):
    """The provider moves the device to another network: lease, gateway and all."""
    addresses, length = ADDRESSES[family], 64 if family == "6" else 24
    nodad = "nodad" if family == "6" else ""
    renews = dhcp(ADDRESSES["4"].gateway, ADDRESSES["4"].dev, False, 3, 5)
    lab.ip("isp", f"address add {addresses.next_gateway}/{length} dev inside {nodad}\n")
    try:
        if not renews(laboratory, "4"):
            return False
        lab.ip("dev", f"address add {addresses.elsewhere}/{length} dev wan {nodad}\n"
                      f"route add {addresses.two} via {addresses.next_gateway} dev wan src {addresses.elsewhere}\n")
        return peer(laboratory, family)
    finally:
        lab.ip("isp", f"address delete {addresses.next_gateway}/{length} dev inside\n")
        lab.ip("dev", f"address delete {addresses.elsewhere}/{length} dev wan\nroute delete {addresses.two}\n", check=False)


def other_gateway(laboratory, family):
    """Another router takes over: the same addresses, another MAC address."""
    lab.ip("isp", f"link set inside address {MACS['near']}\n")
    try:
        return cold(laboratory, family)
    finally:
        lab.ip("isp", f"link set inside address {MACS['gateway']}\n")
        lab.ip("dev", "neighbour flush dev wan\n")


need("the server from another network, after a lease", "46", elsewhere, alone=True)
need("the gateway has another MAC address", "46", other_gateway, alone=True)


# ---- the link ----

def sees(space, interface, act, is_it):
    """What act causes comes over this link."""
    with inside(space):
        listener = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
        listener.bind((interface, 3))
    with listener:
        act()
        return waits(listener, is_it, 2 * PATIENCE)


def send_frame(space, interface, to, source, kind, payload):
    with inside(space):
        sender = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
        sender.bind((interface, 0))
    with sender:
        sender.send(packets.mac(to) + packets.mac(source) + kind.to_bytes(2, "big") + payload)


def answers_arp(_, __):
    request = packets.arp(1, MACS["gateway"], ADDRESSES["4"].gateway, "00:00:00:00:00:00", ADDRESSES["4"].dev)
    answer = packets.arp(2, MACS["wan"], ADDRESSES["4"].dev, MACS["gateway"], ADDRESSES["4"].gateway)
    return sees("isp", "inside", lambda: send_frame("isp", "inside", MACS["broadcast"], MACS["gateway"], packets.ARP, request),
                lambda frame: answer in frame)


def answers_solicitation(_, __):
    wanted = packets.packed(ADDRESSES["6"].dev)
    group = packets.solicited_node(ADDRESSES["6"].dev)
    body = packets.icmpv6(ADDRESSES["6"].local_gateway, group, 135, 0, bytes(4), wanted + b"\1\1" + packets.mac(MACS["gateway"]))
    packet = packets.ipv6(ADDRESSES["6"].local_gateway, group, packets.ICMPV6, body, ttl=255)
    return sees("isp", "inside", lambda: send_frame("isp", "inside", packets.multicast_mac(group), MACS["gateway"], packets.IPV6, packet),
                lambda frame: frame[20:21] == b":" and frame[54:55] == b"\x88" and wanted in frame)


def advertised(_, __):
    """The gateway's advertisement makes a default route."""
    source = ADDRESSES["6"].local_gateway
    body = packets.icmpv6(source, "ff02::1", 134, 0, b"\x40\0\x07\x08", bytes(8) + b"\1\1" + packets.mac(MACS["gateway"]))
    packet = packets.ipv6(source, "ff02::1", packets.ICMPV6, body, ttl=255)
    send_frame("isp", "inside", packets.multicast_mac("ff02::1"), MACS["gateway"], packets.IPV6, packet)
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        if "default" in run("dev", ["ip", "-6", "route", "show", "proto", "ra"]).stdout:
            run("dev", ["ip", "-6", "route", "delete", "default", "proto", "ra"])
            return True
        time.sleep(0.05)
    return False


def solicits(_, __):
    source = ADDRESSES["6"].local_wan
    body = b"\x85\0\0\0" + bytes(4) + b"\1\1" + packets.mac(MACS["wan"])

    def act():
        with created("6", socket.SOCK_RAW, packets.ICMPV6) as sender, inside("dev"):
            index = socket.if_nametoindex("wan")
            sender.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_HOPS, 255)
            sender.bind((source, 0, 0, index))
            sender.sendto(body, ("ff02::2", 0, 0, index))
    return sees("isp", "inside", act, lambda frame: frame[54:55] == b"\x85" and packets.packed(source) in frame)


def reports_group(_, __):
    group = "ff02::1:%x" % int.from_bytes(os.urandom(2), "big")
    with created("6", socket.SOCK_DGRAM) as member, inside("dev"):
        index = socket.if_nametoindex("wan")
        join = packets.packed(group) + struct.pack("i", index)
        return sees("isp", "inside", lambda: member.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_JOIN_GROUP, join),
                    lambda frame: frame[62:63] == b"\x8f" and packets.packed(group) in frame)


def detects_duplicates(_, __):
    """The solicitation from the unspecified address."""
    address = "2001:db8:1::%x" % int.from_bytes(b"\x10" + os.urandom(1), "big")
    try:
        return sees("isp", "inside", lambda: lab.ip("dev", f"address add {address}/64 dev wan\n"),
                    lambda frame: frame[22:38] == bytes(16) and frame[54:55] == b"\x87" and packets.packed(address) in frame)
    finally:
        lab.ip("dev", f"address delete {address}/64 dev wan\n")


def resolves_many(_, __):
    """The rate of programs' solicitations is not the kernel's."""
    asked = {f"2001:db8:1::2:{number:x}" for number in range(100)}
    missing = {packets.packed(address) for address in asked}

    def is_last(frame):
        if frame[54:55] == b"\x87":
            missing.discard(frame[62:78])
        return not missing
    try:
        return sees("isp", "inside", lambda: lab.ip("dev", "".join(f"neighbour add {address} dev wan use\n" for address in asked)), is_last)
    finally:
        lab.ip("dev", "".join(f"neighbour delete {address} dev wan\n" for address in asked), check=False)


def arp_arrives(sender, padding):
    """By a packet socket, as DHCP clients do."""
    def works(_, __):
        body = packets.arp(1, MACS["wan"], getattr(ADDRESSES["4"], sender), "00:00:00:00:00:00", ADDRESSES["4"].dev) + bytes(padding)
        return sees("isp", "inside", lambda: send_frame("dev", "wan", MACS["broadcast"], MACS["wan"], packets.ARP, body),
                    lambda frame: body in frame)
    return works


need("ARP requests are answered", "4", answers_arp)
need("ARP probe for a new lease", "4", arp_arrives("unspecified", 0))
need("ARP probe, padded as busybox does", "4", arp_arrives("unspecified", 18))
# A program's announcement of an address is no need: neighbours learn it when the kernel asks for them, and nothing tells it
# from one in the gateway's name.
need("neighbour solicitations are answered", "6", answers_solicitation)
need("router advertisement gives a default route", "6", advertised)
need("router solicitation", "6", solicits)
need("multicast listener report", "6", reports_group)
need("a hundred neighbours at once", "6", resolves_many, alone=True)
need("duplicate address detection", "6", detects_duplicates, alone=True)
