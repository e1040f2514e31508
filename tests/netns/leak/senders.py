# SPDX-License-Identifier: GPL-2.0-or-later
"""Ways to send, for rows.py. Each returns a function of a shot (see leaktest) that sends once what bears the shot's mark.

Names of addresses and MAC addresses are those of lab.py; anything else is taken as it is.
"""
import os
import socket
import struct

import lab
import packets
from packets import ARP, ICMP, ICMPV6, IPV4, IPV6, SYN, TCP, UDP

PACKET_VNET_HDR, PACKET_QDISC_BYPASS, SOL_PACKET, SO_MARK = 15, 20, 263, 36
NOBODY = 65534
UDP_SEGMENT = 103
# The kernel cuts what is sent at once into datagrams of so many bytes (linux/udp.h), behind the hooks where the link can do it.
SEGMENT_BYTES = 1400
SEGMENTED = ((socket.IPPROTO_UDP, UDP_SEGMENT, SEGMENT_BYTES),)


def address(shot, name):
    return getattr(lab.ADDRESSES[shot.family], name, name)


def hardware(name):
    return lab.MACS.get(name, name)


def family_of(shot):
    return socket.AF_INET6 if shot.family == "6" else socket.AF_INET


def opened(shot, space, kind, protocol=0):
    with lab.inside(space):
        created = socket.socket(family_of(shot), kind, protocol)
    created.setblocking(False)
    created.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
    created.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    shot.keep(created)
    return created


def target(shot, space, to, port, interface):
    """As connect wants it; link-local and multicast addresses need an interface."""
    host = address(shot, to)
    if not interface:
        return (host, port)
    with lab.inside(space):
        index = socket.if_nametoindex(interface)
    return (host, port, 0, index) if shot.family == "6" else (host, port)


def over(created, shot, space, interface):
    """Multicast goes out here."""
    if not interface:
        return
    with lab.inside(space):
        index = socket.if_nametoindex(interface)
    if shot.family == "6":
        created.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_IF, index)
    else:
        created.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, struct.pack("4s4si", b"", b"", index))


# ---- the kernel's sockets ----

def udp(space, to, port=None, own_port=None, interface=None, size=0, options=(), source="", user=0):
    """user: whose the socket is."""
    def send(shot):
        shot.uses(port=port, own_port=own_port)
        created = opened(shot, space, socket.SOCK_DGRAM)
        os.fchown(created.fileno(), user, -1)
        over(created, shot, space, interface)
        for level, name, value in options:
            created.setsockopt(level, name, value)
        created.bind((address(shot, source) if source else "", shot.own_port))
        created.sendto(shot.payload(size), target(shot, space, to, shot.port, interface))
    return send


def syn(space, to, port=None, own_port=None, interface=None, options=(), source=""):
    """The kernel opens a connection."""
    def send(shot):
        shot.uses(port=port, own_port=own_port)
        shot.looks_for_ports()
        created = opened(shot, space, socket.SOCK_STREAM)
        for level, name, value in options:
            created.setsockopt(level, name, value)
        created.bind((address(shot, source) if source else "", shot.own_port))
        created.connect_ex(target(shot, space, to, shot.port, interface))
    return send


def connected(to, port, size):
    """A connection of nobody's to somebody who accepts it; it is sent at once, once it is open."""
    def send(shot):
        created = opened(shot, "dev", socket.SOCK_STREAM)
        os.fchown(created.fileno(), NOBODY, -1)
        created.settimeout(3)
        created.connect(target(shot, "dev", to, port, None))
        created.send(shot.payload(size))
    return send


def from_port(first, to):
    """To the server's port there, from a port that a rule of somebody else (lab.FOREIGN) looks at; another one each time."""
    return lambda shot: syn("dev", to, lab.SERVER_PORT, first + shot.run)(shot)


def raw(space, to, protocol, body=None, interface=None, options=()):
    """A raw socket of a protocol; the kernel makes the IP header."""
    def send(shot):
        created = opened(shot, space, socket.SOCK_RAW, protocol)
        over(created, shot, space, interface)
        for level, name, value in options:
            created.setsockopt(level, name, value)
        data = body(shot) if body else bytes(8) + shot.payload()
        created.sendto(data, target(shot, space, to, 0, interface))
    return send


def ping(space, to, interface=None):
    def body(shot):
        return packets.icmp(8, 0, b"\0\1\0\1", shot.payload()) if shot.family == "4" else \
            b"\x80\0\0\0\0\1\0\1" + shot.payload()

    def send(shot):
        raw(space, to, ICMP if shot.family == "4" else ICMPV6, body, interface)(shot)
    return send


def header(space, packet, interface=None):
    """A raw socket to which we give the IP header."""
    def send(shot):
        data = packet(shot)
        created = opened(shot, space, socket.SOCK_RAW, socket.IPPROTO_RAW)
        to = socket.inet_ntop(family_of(shot), data[16:20] if shot.family == "4" else data[24:40])
        created.sendto(data, target(shot, space, to, 0, interface))
    return send


# ---- frames ----

NEXT_HOPS = {"wan": "gateway", "mine": "gateway", "lan1": "h1", "lan2": "h2", "br-lan": "h1", "c0": "box", "opt": "side",
             "late0": "latehost", "lateport0": "lateport", "vx4": "beyond", "vx6": "beyond", "inside": "wan"}


def frame(space, interface, packet, to=None, source=None, bypass=False, tag=(), bound=0, padded=True, segmented=False):
    """A packet socket. packet: gives (ethertype, payload) or an IP packet; tag: (ethertype, identifier)... in front of it.

    bound: the socket claims to send this ethertype; True: that of the row's IP family. segmented: as SEGMENTED, of a UDP packet.
    """
    def send(shot):
        data = packet(shot)
        own_kind = kind = IPV6 if shot.family == "6" else IPV4
        if isinstance(data, tuple):
            kind, data = data
        for outer, identifier in reversed(tag):
            data, kind = packets.tagged(outer, identifier, kind, data)
        with lab.inside(space):
            created = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
            created.bind((interface, own_kind if bound is True else bound))
        shot.keep(created)
        if bypass:
            created.setsockopt(SOL_PACKET, PACKET_QDISC_BYPASS, 1)
        created.setsockopt(SOL_PACKET, PACKET_VNET_HDR, segmented)
        created.send((segments_header(shot) if segmented else b"") +
                     packets.ethernet(hardware(to or NEXT_HOPS[interface.rstrip('9')]), hardware(source or own_mac(space, interface)),
                                      kind, data, padded))
    return send


VIRTIO_NET_HDR_F_NEEDS_CSUM, VIRTIO_NET_HDR_GSO_UDP_L4 = 1, 5


def segments_header(shot):
    """linux/virtio_net.h: where the UDP header begins, and its checksum there."""
    begins = 14 + (40 if shot.family == "6" else 20)
    return struct.pack("=BBHHHH", VIRTIO_NET_HDR_F_NEEDS_CSUM, VIRTIO_NET_HDR_GSO_UDP_L4, begins + 8, SEGMENT_BYTES, begins, 6)


def renamed(interface, send):
    """While the device's interface has another name."""
    return with_names([(interface, f"{interface}9")], send)


def called_lo(send):
    """While the device's uplink has the name of the loopback interface."""
    return with_names([("lo", "lo9"), ("wan", "lo")], send)


def with_names(names, send):
    """names: (old, new)..., one after the other."""
    def sent(shot):
        lab.ip("dev", "".join(f"link set {old} name {new}\n" for old, new in names))
        try:
            send(shot)
            shot.lab.witness.look(0.02)  # what another processor still delivers
        finally:
            lab.ip("dev", "".join(f"link set {new} name {old}\n" for old, new in reversed(names)))
    return sent


def own_mac(space, interface):
    interface = interface.rstrip("9")
    return {"isp": "gateway", "world": "world"}.get(space, interface if space == "dev" else space)


def xdp(interface, packet):
    """From an AF_XDP socket of the device."""
    def send(shot):
        shot.lab.xdp_sender(interface).send(packets.ethernet(hardware(NEXT_HOPS[interface]), hardware(interface),
                                                             IPV6 if shot.family == "6" else IPV4, packet(shot)))
    return send


# ---- what is in frames and packets ----

def datagram(source, to, port=None, own_port=None, size=0, cut=None, **more):
    """A UDP packet; cut: only this slice of it, as a fragment has."""
    def packet(shot):
        shot.uses(port=port, own_port=own_port)
        ends = address(shot, source), address(shot, to)
        data = packets.udp(*ends, shot.own_port, shot.port, shot.payload(size))
        return packets.ip(*ends, UDP, data[cut] if cut else data, **more)
    return packet


def segment(source, to, port=None, own_port=None, flags=SYN, **more):
    def packet(shot):
        shot.uses(port=port, own_port=own_port)
        shot.looks_for_ports()
        ends = address(shot, source), address(shot, to)
        return packets.ip(*ends, TCP, packets.tcp(*ends, shot.own_port, shot.port, flags, shot.payload()), **more)
    return packet


def protocol(number, source, to, **more):
    def packet(shot):
        return packets.ip(address(shot, source), address(shot, to), number, bytes(8) + shot.payload(), **more)
    return packet


def control(source, to, kind, code=0, rest=bytes(4), data=b"", ttl=64, size=0, marked=True, **more):
    """ICMP or ICMPv6; data stands before the mark."""
    def packet(shot):
        ends = address(shot, source), address(shot, to)
        body = (data(shot) if callable(data) else data) + (shot.payload(size) if marked else b"")
        if shot.family == "4":
            return packets.ip(*ends, ICMP, packets.icmp(kind, code, rest, body), ttl=ttl, **more)
        return packets.ip(*ends, ICMPV6, packets.icmpv6(*ends, kind, code, rest, body), ttl=ttl, **more)
    return packet


def quoted(source, to, number=UDP, port=53, own_port=40000):
    """The packet that an ICMP error is about."""
    def data(shot):
        ends = address(shot, source), address(shot, to)
        return packets.ip(*ends, number, struct.pack("!HHHH", own_port, port, 8, 0))
    return data


def resolution(operation, sender_mac, sender, target_mac, wanted, size=0, marked=True, hardware_type=1):
    """ARP; the mark stands behind it, where padding is."""
    def packet(shot):
        data = packets.arp(operation, hardware(sender_mac), address(shot, sender), hardware(target_mac),
                           address(shot, wanted), hardware_type)
        return ARP, data + (shot.payload(size) if marked else b"")
    return packet


def followed(packet, size):
    """With so many bytes behind it of which its header knows nothing, the mark among them."""
    return lambda shot: packet(shot) + shot.payload(size)


def solicitation(source, to, kind=135, target="near", **more):
    """Of a neighbour; of a router (kind 133), which names none. The option has the device's MAC address."""
    def packet(shot):
        data = (packets.packed(address(shot, target)) if kind == 135 else b"") + b"\1\1" + packets.mac(hardware("wan"))
        return control(source, to, kind, data=data, ttl=255, **more)(shot)
    return packet


def recognised(packet):
    """A packet that has no room for a mark: its bytes are looked for."""
    def noted(shot):
        data = packet(shot)
        shot.looks_for_bytes(data[1] if isinstance(data, tuple) else data)
        return data
    return noted


def ethertype(kind, head=b"", size=20):
    def packet(shot):
        return kind, head + shot.payload(size)
    return packet


def fragment(packet, offset, more=False):
    """The packet as a fragment."""
    def cut(shot):
        data = packet(shot)
        if shot.family == "4":
            data = data[:6] + struct.pack("!H", (0x2000 if more else 0) | offset // 8) + data[8:10] + b"\0\0" + data[12:]
            return data[:10] + struct.pack("!H", packets.checksum(data[:20])) + data[12:]
        head = struct.pack("!BBHI", data[6], 0, offset | more, shot.own_port)
        return data[:4] + struct.pack("!HB", len(data) - 32, packets.FRAGMENT) + data[7:40] + head + data[40:]
    return cut


def tunnelled(source, to, packet):
    """In VXLAN, from outside, for vx4."""
    def outer(shot):
        inner = packets.ethernet(hardware("vx4"), hardware("beyond"), IPV4, packet(shot))
        ends = address(shot, source), address(shot, to)
        return packets.ip(*ends, UDP, packets.udp(*ends, 45678, 4789, struct.pack("!II", 0x08000000, 4 << 8) + inner))
    return outer


def with_type(kind, packet):
    """Under another ethertype."""
    def other(shot):
        data = packet(shot)
        return kind, data[1] if isinstance(data, tuple) else data
    return other


# ---- with something to look for that is not what was sent ----

def translated(port, send):
    """The SYN arrives with another destination port."""
    def sent(shot):
        send(shot)
        shot.looks_for_ports(port)
    return sent


def joins(shot):
    """The kernel tells the link which group somebody here has joined."""
    group = bytes((239, 77 + shot.run, shot.number >> 8, shot.number & 255))
    shot.looks_for_bytes(group)
    created = opened(shot, "dev", socket.SOCK_DGRAM)
    with lab.inside("dev"):
        index = socket.if_nametoindex("wan")
    created.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, group + struct.pack("4si", b"", index))


def asks(host, target):
    """Asks for the device's address from a MAC address that nobody else has: the answer bears it."""
    def send(shot):
        mac = "02:77:77:%02x:%02x:%02x" % (shot.run, shot.number >> 8, shot.number & 255)
        shot.looks_for_bytes(packets.mac(mac))
        if shot.family == "4":
            frame(host, "eth0", resolution(1, mac, host, "00:00:00:00:00:00", target, marked=False), "broadcast", mac)(shot)
            return
        data = packets.packed(address(shot, target)) + b"\1\1" + packets.mac(mac)
        frame(host, "eth0", control(packets.link_local(mac), target, 135, data=data, ttl=255, marked=False), "br-lan", mac)(shot)
    return send


# ---- connections that were open before ----

class Flow:
    """From one namespace to another; both ends can send."""

    def __init__(self, space, to, server, kind="tcp", port=lab.ECHO_PORT):
        self.space, self.to, self.server, self.kind, self.port = space, to, server, kind, port


class OpenFlow:
    def __init__(self, flow, family, listeners):
        """listeners: those of the server's namespace, by kind."""
        addresses = lab.ADDRESSES[family]
        listener = listeners[flow.kind]
        with lab.inside(flow.space):
            self.client = socket.socket(socket.AF_INET6 if family == "6" else socket.AF_INET,
                                        socket.SOCK_STREAM if flow.kind == "tcp" else socket.SOCK_DGRAM)
        self.client.settimeout(3)
        self.client.connect((getattr(addresses, flow.to), flow.port))
        if flow.kind == "tcp":
            self.server = self.accept(listener)
            self.answer = self.server.send
        else:
            self.client.send(b"hello")
            _, peer = listener.recvfrom(100)
            self.server = listener
            self.answer = lambda data: listener.sendto(data, peer)
        self.client.setblocking(False)

    def accept(self, listener):
        """Of what waits there, the one that is ours."""
        while True:
            connection, peer = listener.accept()
            connection.setblocking(False)
            if peer[1] == self.client.getsockname()[1]:
                return connection

    def close(self):
        self.client.close()
        if self.server.type == socket.SOCK_STREAM:
            self.server.close()


def forth(name):
    """From the end that opened it."""
    return lambda shot: shot.flow(name).client.send(shot.payload())


def back(name):
    return lambda shot: shot.flow(name).answer(shot.payload())
