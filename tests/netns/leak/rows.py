# SPDX-License-Identifier: GPL-2.0-or-later
"""The rows of leaktest: what must be blocked (attempts), what can't be and why (KINDS), what is open before (FLOWS).

attempt(NAME, FAMILIES, DIRECTION, PLACE, SENDER): PLACE is the receiver at which it must not arrive. It becomes a row for each of
FAMILIES: 4, 6, - (neither).

Places: wan, far (beyond the gateway), port1, port2, port3, box, side, mv, iv, latehost, lateport, latemv: the link of that
neighbour or child of the device; dev: what passes the device's input hook; sniff: its packet sockets of one ethertype; tap: those for all.
"""
import socket
import struct

import lab
import packets
from packets import ACK, CWR, DESTINATION, ECE, FRAGMENT, HOP_BY_HOP, PSH, QINQ, ROUTING, SYN, URG, VLAN
from senders import (NOBODY, SEGMENTED, SO_MARK, Flow, address, asks, back, called_lo, connected, control, datagram, ethertype, followed,
                     forth, fragment, frame, from_port, hardware, header, joins, ping, protocol, quoted, raw, recognised, renamed,
                     resolution, segment, solicitation, syn, translated, tunnelled, udp, with_type, xdp)

KINDS = {
    "xdp": "XDP sends by the driver's own function (AF_XDP, redirect): no hook of nf_tables is on that way",
    "tap": "packet sockets for all protocols get a frame before the ingress hook",
    "tc": "tc redirects before the ingress hook, and what it sends skips the egress hook",
}

ATTEMPTS = []


class Attempt:
    def __init__(self, name, family, direction, where, send):
        self.name, self.family, self.direction, self.where, self.send = name, family, direction, where, send
        self.only, self.kind, self.changes, self.requires = None, None, False, None


def attempt(name, families, direction, where, send, only=None, kind=None, changes=False, requires=None):
    """only: a condition on the frame that arrives. kind: of KINDS. changes: it needs what was open before, and can't be repeated after
    release. requires: a kind of link, of lab.optional_links.
    """
    for family in families:
        row = Attempt(name, family, direction, where, send)
        row.only, row.kind, row.changes, row.requires = only, kind, changes, requires
        ATTEMPTS.append(row)


def going_to(name):
    return lambda shot, data: packets.destination_of(data) == address(shot, name)


def to_mac(name):
    return lambda shot, data: data[:6] == packets.mac(hardware(name))


def longer_than_a_frame(_, data):
    return len(data) > 1522

# What is no row, because a device needs it: questions to the resolver, at their rate; ARP, neighbour discovery and listener
# reports of their own size to the link; DHCP requests to the link, and answers to them from anywhere (relays), at their rate.
#
# Nor what somebody on the uplink's own link could have in any case: frames for the server that go to his MAC address, router
# advertisements of his, the address in a neighbour solicitation. He could as well answer ARP in the gateway's name, and rules
# that knew the gateway's address by heart would strand the device when it is replaced (a need). In the same way an interface
# that appears later may be the new uplink: what goes to the server may leave there.

# ---- out: the device's own sockets, over wan ----

attempt("UDP to the forbidden host", "46", "out", "wan", udp("dev", "forbidden"))
attempt("TCP to the forbidden host", "46", "out", "wan", syn("dev", "forbidden"))
attempt("ping the forbidden host", "46", "out", "wan", ping("dev", "forbidden"))
attempt("TCP to the server's port of the forbidden host", "46", "out", "wan", syn("dev", "forbidden", 8000))
attempt("TCP from the server's port to the forbidden host", "46", "out", "wan", syn("dev", "forbidden", own_port=8000))
attempt("TCP to another port of the server", "46", "out", "wan", syn("dev", "one"))
attempt("TCP to the other server's port", "46", "out", "wan", syn("dev", "one", 9000))
attempt("UDP to the server's port", "46", "out", "wan", udp("dev", "one", 8000))
attempt("ping the server", "46", "out", "wan", ping("dev", "one"))
attempt("UDP to a neighbour on wan", "46", "out", "wan", udp("dev", "near"))
attempt("TCP to a neighbour on wan", "46", "out", "wan", syn("dev", "near"))
attempt("TCP to the gateway", "46", "out", "wan", syn("dev", "gateway"))
attempt("ping the gateway", "46", "out", "wan", ping("dev", "gateway"))
attempt("UDP to the gateway's link-local address", "6", "out", "wan", udp("dev", "local_gateway", interface="wan"))
attempt("mDNS on wan", "46", "out", "wan", udp("dev", "mdns", 5353, 5353, interface="wan"))
attempt("SSDP on wan", "46", "out", "wan", udp("dev", "ssdp", 1900, interface="wan"))
attempt("multicast to all on wan", "46", "out", "wan", udp("dev", "all", interface="wan"))
attempt("UDP broadcast on wan", "4", "out", "wan", udp("dev", "192.0.2.255"))
attempt("UDP broadcast to a port of DNS", "4", "out", "wan", udp("dev", "192.0.2.255", 53))

attempt("DNS over UDP to the rogue resolver", "46", "out", "wan", udp("dev", "rogue", 53))
attempt("DNS over TCP to the rogue resolver", "46", "out", "wan", syn("dev", "rogue", 53))
attempt("UDP from port 53 to the forbidden host", "46", "out", "wan", udp("dev", "forbidden", own_port=53))
attempt("TCP from port 53 to the forbidden host", "46", "out", "wan", syn("dev", "forbidden", own_port=53, source="dev"))
attempt("UDP to another port of the resolver", "46", "out", "wan", udp("dev", "resolver"))
attempt("TCP to another port of the resolver", "46", "out", "wan", syn("dev", "resolver"))
attempt("DNS over TLS to the resolver", "46", "out", "wan", syn("dev", "resolver", 853))
attempt("ping the resolver", "46", "out", "wan", ping("dev", "resolver"))
attempt("DNS to the server", "46", "out", "wan", udp("dev", "one", 53))
# The resolver's rate counts packets. TCP repeats segments one by one, at their rate.
attempt("many questions as one packet", "46", "out", "wan", udp("dev", "resolver", 53, size=4000, options=SEGMENTED, user=NOBODY))
attempt("many segments of DNS over TCP as one packet", "46", "out", "wan", connected("resolver", 53, 4000), longer_than_a_frame)
attempt("mDNS from the resolver's port", "46", "out", "wan", udp("dev", "mdns", 5353, 53, interface="wan"))

attempt("DHCP ports to the forbidden host", "4", "out", "far", udp("dev", "forbidden", 67, 68))
attempt("many DHCP requests as one packet, unicast", "4", "out", "wan", udp("dev", "gateway", 67, 68, size=4000, options=SEGMENTED))
attempt("many DHCP requests as one packet, broadcast", "4", "out", "wan", udp("dev", "broadcast", 67, 68, size=4000, options=SEGMENTED))
attempt("many DHCPv6 requests as one packet", "6", "out", "wan",
        udp("dev", "ff02::1:2", 547, 546, interface="wan", size=4000, options=SEGMENTED))
attempt("port 67 of the forbidden host", "46", "out", "wan", udp("dev", "forbidden", 67))
attempt("port 68 of the forbidden host", "46", "out", "wan", udp("dev", "forbidden", 68))
attempt("DHCP server's ports to the forbidden host", "4", "out", "wan", udp("dev", "forbidden", 68, 67))
attempt("port 67 of a neighbour", "4", "out", "wan", udp("dev", "near", 67))
attempt("port 67, broadcast", "4", "out", "wan", udp("dev", "192.0.2.255", 67))
attempt("DHCP server's ports, broadcast", "4", "out", "wan", udp("dev", "192.0.2.255", 68, 67))
attempt("DHCP over TCP", "4", "out", "wan", syn("dev", "near", 67, 68))
attempt("DHCPv6 ports to the forbidden host", "6", "out", "wan", udp("dev", "forbidden", 547, 546))
attempt("port 547 of the forbidden host", "6", "out", "wan", udp("dev", "forbidden", 547))
attempt("DHCPv6 server's ports, link-local", "6", "out", "wan", udp("dev", "local_gateway", 546, 547, interface="wan"))
attempt("DHCPv6 port, wrong source port", "6", "out", "wan", udp("dev", "ff02::1:2", 547, interface="wan"))
attempt("DHCPv6 from a global address", "6", "out", "wan", udp("dev", "ff02::1:2", 547, 546, interface="wan", source="dev"))
attempt("DHCPv6 ports to the gateway", "6", "out", "wan", udp("dev", "local_gateway", 547, 546, interface="wan"))
attempt("DHCPv6 to all nodes", "6", "out", "wan", udp("dev", "ff02::1", 547, 546, interface="wan"))

for number, name in {2: "IGMP", 4: "IP in IP", 41: "IPv6 in IP", 47: "GRE", 50: "ESP", 51: "AH", 89: "OSPF", 103: "PIM", 115: "L2TP",
                     132: "SCTP", 136: "UDP-Lite", 253: "protocol 253"}.items():
    attempt(f"{name} to the forbidden host", "46", "out", "wan", raw("dev", "forbidden", number))
for number, name in {4: "IP in IP", 47: "GRE", 50: "ESP", 132: "SCTP", 253: "protocol 253"}.items():
    attempt(f"{name} to the server", "46", "out", "wan", raw("dev", "one", number))
    attempt(f"{name} to the resolver", "46", "out", "wan", raw("dev", "resolver", number))
attempt("IGMP report of a group that means something", "4", "out", "wan", joins)
attempt("IGMP report with a payload", "4", "out", "wan", raw("dev", "224.0.0.22", 2, interface="wan"))

attempt("echo reply nobody asked for", "4", "out", "wan", header("dev", control("dev", "forbidden", 0)))
attempt("echo reply nobody asked for", "6", "out", "wan", header("dev", control("dev", "forbidden", 129)))
attempt("ICMP timestamp", "4", "out", "wan", header("dev", control("dev", "forbidden", 13)))
attempt("ICMP redirect", "4", "out", "wan", header("dev", control("dev", "forbidden", 5)))
attempt("ICMP error about nothing", "4", "out", "wan", header("dev", control("dev", "forbidden", 3, 3, data=quoted("forbidden", "dev"))))
attempt("ICMP error about nothing, to the server", "4", "out", "wan", header("dev", control("dev", "one", 3, 3, data=quoted("one", "dev"))))
attempt("ICMP error about nothing", "6", "out", "wan", header("dev", control("dev", "forbidden", 1, 4, data=quoted("forbidden", "dev"))))
attempt("packet too big about nothing", "6", "out", "wan", header("dev", control("dev", "forbidden", 2, data=quoted("forbidden", "dev"))))
for kind, name, rest in ((133, "router solicitation", bytes(4)), (134, "router advertisement", bytes(12)),
                         (135, "neighbour solicitation", bytes(4)), (136, "neighbour advertisement", bytes(4)),
                         (137, "redirect", bytes(4)), (131, "multicast listener report", bytes(4))):
    attempt(f"{name} to the forbidden host", "6", "out", "wan",
            header("dev", control("dev", "forbidden", kind, rest=rest[:4], data=bytes(16), ttl=255)))
attempt("multicast listener report, far", "6", "out", "wan", header("dev", control("dev", "forbidden", 131, data=bytes(16), ttl=1)))
attempt("router advertisement by the device", "6", "out", "wan",
        header("dev", control("local_wan", "all", 134, rest=b"\x40\0\x07\x08", data=bytes(8) + b"\xfd\x02", ttl=255), "wan"))
attempt("redirect by the device", "6", "out", "wan", header("dev", control("local_wan", "all", 137, data=bytes(32), ttl=255), "wan"))
attempt("neighbour solicitation, hop limit 64", "6", "out", "wan",
        header("dev", control("local_wan", "all", 135, data=packets.packed("2001:db8:1::1"), ttl=64), "wan"))
attempt("neighbour solicitation with 1000 bytes", "6", "out", "wan",
        header("dev", control("dev", "local_gateway", 135, data=packets.packed("2001:db8:1::1"), ttl=255, size=1000), "wan"))
attempt("neighbour advertisement with 1000 bytes", "6", "out", "wan",
        header("dev", control("dev", "local_gateway", 136, data=packets.packed("2001:db8:1::2"), ttl=255, size=1000), "wan"))
attempt("multicast listener report with 1000 bytes", "6", "out", "wan",
        header("dev", control("local_wan", "ff02::16", 131, data=bytes(16), ttl=1, size=1000), "wan"))
attempt("router solicitation with 1000 bytes", "6", "out", "wan",
        header("dev", control("local_wan", "ff02::2", 133, ttl=255, size=1000), "wan"))

# ---- out: odd packets ----

attempt("TTL 1 to the forbidden host", "46", "out", "wan", header("dev", datagram("dev", "forbidden", ttl=1)))
attempt("a large datagram in fragments", "46", "out", "wan", udp("dev", "forbidden", size=4000))
attempt("record route", "4", "out", "wan", header("dev", datagram("dev", "forbidden", options=b"\x07\x07\x04\0\0\0\0\0")))
attempt("router alert", "4", "out", "wan", header("dev", datagram("dev", "forbidden", options=b"\x94\x04\0\0")))
# As a socket's option it names the hops before the destination.
BY_SERVER, BY_RESOLVER = (((socket.IPPROTO_IP, socket.IP_OPTIONS, b"\x83\x07\x04" + packets.packed(by) + b"\0"),)
                          for by in (lab.ADDRESSES["4"].one, lab.ADDRESSES["4"].resolver))
TO_FORBIDDEN = b"\x83\x07\x04" + packets.packed(lab.ADDRESSES["4"].forbidden) + b"\0"
attempt("source route by the server to the forbidden host", "4", "out", "wan", syn("dev", "forbidden", 8000, options=BY_SERVER))
attempt("source route by the resolver to the forbidden host", "4", "out", "wan", udp("dev", "forbidden", 53, options=BY_RESOLVER))
ROUTE = (ROUTING, b"\x02\0\x01" + bytes(4) + packets.packed("2001:db8:2::99"))
attempt("routing header by the server to the forbidden host", "6", "out", "wan", header("dev", segment("dev", "one", 8000, headers=[ROUTE])))
attempt("routing header by the resolver", "6", "out", "wan", header("dev", datagram("dev", "resolver", 53, headers=[ROUTE])))
OPTIONS = b"\0\x01\x04" + bytes(4)
attempt("hop-by-hop options", "6", "out", "wan", header("dev", datagram("dev", "forbidden", headers=[(HOP_BY_HOP, OPTIONS)])))
attempt("destination options", "6", "out", "wan", header("dev", datagram("dev", "forbidden", headers=[(DESTINATION, OPTIONS)] * 3)))
attempt("DNS question in the forbidden host's name", "46", "out", "wan", header("dev", datagram("forbidden", "resolver", 53)))
attempt("connection in the forbidden host's name", "46", "out", "wan", header("dev", segment("forbidden", "one", 8000)))
attempt("connection from the LAN's address", "46", "out", "wan", header("dev", segment("h1", "one", 8000)))
attempt("UDP from a loopback address", "46", "out", "wan", udp("dev", "forbidden", source="local"))

# ---- out: the other interfaces of the device ----

for where, to, interface in (("port1", "h1", "br-lan"), ("box", "box", "c0"), ("side", "side", "opt")):
    attempt(f"UDP to {to}", "46", "out", where, udp("dev", to))
    attempt(f"TCP to {to}", "46", "out", where, syn("dev", to))
    attempt(f"ping {to}", "46", "out", where, ping("dev", to))
    attempt(f"mDNS on {interface}", "46", "out", where, udp("dev", "mdns", 5353, 5353, interface=interface))
attempt("UDP broadcast on the LAN", "4", "out", "port2", udp("dev", "10.1.0.255"))
attempt("DHCP server's ports on the LAN", "4", "out", "port1", udp("dev", "10.1.0.255", 68, 67))
attempt("DHCP client's ports on the LAN", "4", "out", "port1", udp("dev", "10.1.0.255", 67, 68))
attempt("DHCPv6 on the LAN", "6", "out", "port1", udp("dev", "ff02::1:2", 547, 546, interface="br-lan"))
attempt("DNS to h1", "46", "out", "port1", udp("dev", "h1", 53))
attempt("the server's port of h1", "46", "out", "port1", syn("dev", "h1", 8000))
attempt("UDP into a VXLAN tunnel", "46", "out", "wan", udp("dev", "beyond"))
attempt("TCP into a VXLAN tunnel", "46", "out", "wan", header("dev", segment("vxlan", "beyond")))
attempt("frame into a VXLAN tunnel", "4", "out", "wan", frame("dev", "vx4", ethertype(0x88B5)))
attempt("frame into a VXLAN tunnel", "6", "out", "wan", frame("dev", "vx6", ethertype(0x88B5)))

# ---- out: raw frames on wan ----

for bypass, how in ((False, "frame"), (True, "frame that bypasses the queue")):
    attempt(f"{how}: UDP to the forbidden host", "46", "out", "wan", frame("dev", "wan", datagram("dev", "forbidden"), bypass=bypass))
    attempt(f"{how}: TCP to the forbidden host", "46", "out", "wan", frame("dev", "wan", segment("dev", "forbidden"), bypass=bypass))
    attempt(f"{how}: experimental ethertype", "-", "out", "wan", frame("dev", "wan", ethertype(0x88B5), bypass=bypass))
    attempt(f"{how}: ARP with 1000 bytes", "4", "out", "wan",
            frame("dev", "wan", resolution(1, "wan", "dev", "broadcast", "gateway", size=1000), "broadcast", bypass=bypass))
attempt("frame: ping", "4", "out", "wan", frame("dev", "wan", control("dev", "forbidden", 8)))
attempt("frame: ping", "6", "out", "wan", frame("dev", "wan", control("dev", "forbidden", 128)))
attempt("frame: DNS to the rogue resolver", "46", "out", "wan", frame("dev", "wan", datagram("dev", "rogue", 53)))
attempt("frame: many questions as one packet", "46", "out", "wan",
        frame("dev", "wan", datagram("dev", "resolver", 53, size=4000), bound=True, segmented=True))
attempt("frame: another port of the server", "46", "out", "wan", frame("dev", "wan", segment("dev", "one")))
attempt("frame: UDP to the server's port", "46", "out", "wan", frame("dev", "wan", datagram("dev", "one", 8000)))
attempt("frame: DHCP ports to the forbidden host", "4", "out", "wan", frame("dev", "wan", datagram("dev", "forbidden", 67, 68)))
attempt("frame: DHCPv6 ports to the forbidden host", "6", "out", "wan", frame("dev", "wan", datagram("dev", "forbidden", 547, 546)))
attempt("frame: broadcast, with DHCP ports, to the forbidden host", "4", "out", "wan",
        frame("dev", "wan", datagram("dev", "forbidden", 67, 68), "broadcast"))
attempt("frame: to a loopback address", "46", "out", "wan", frame("dev", "wan", datagram("dev", "local")))
attempt("frame: to the device's own address", "46", "out", "wan", frame("dev", "wan", datagram("dev", "lan")))
attempt("frame: from a loopback address to the server", "4", "out", "wan", frame("dev", "wan", segment("local", "one", 8000)))
attempt("frame: to the server, broadcast", "46", "out", "wan", frame("dev", "wan", segment("dev", "one", 8000), "broadcast"), to_mac("broadcast"))
attempt("frame: to the server from another MAC address", "46", "out", "wan", frame("dev", "wan", segment("dev", "one", 8000), source="stranger"))
attempt("frame: to the resolver from another MAC address", "46", "out", "wan", frame("dev", "wan", datagram("dev", "resolver", 53), source="stranger"))
attempt("frame: DNS question in the forbidden host's name", "46", "out", "wan", frame("dev", "wan", datagram("forbidden", "resolver", 53)))
attempt("frame: connection in the forbidden host's name", "46", "out", "wan", frame("dev", "wan", segment("forbidden", "one", 8000)))
attempt("frame: to the server, VLAN 5", "46", "out", "wan", frame("dev", "wan", segment("dev", "one", 8000), tag=[(VLAN, 5)]))
attempt("frame: to the server, VLAN 0 with priority", "46", "out", "wan", frame("dev", "wan", segment("dev", "one", 8000), tag=[(VLAN, 0xE000)]))
attempt("frame: to the server, 802.1ad", "46", "out", "wan", frame("dev", "wan", segment("dev", "one", 8000), tag=[(QINQ, 5)]))
attempt("frame: to the server, two tags", "46", "out", "wan", frame("dev", "wan", segment("dev", "one", 8000), tag=[(QINQ, 5), (VLAN, 6)]))
attempt("frame: DNS to the resolver, VLAN 5", "46", "out", "wan", frame("dev", "wan", datagram("dev", "resolver", 53), tag=[(VLAN, 5)]))
attempt("frame: to the forbidden host, VLAN 5", "46", "out", "wan", frame("dev", "wan", datagram("dev", "forbidden"), tag=[(VLAN, 5)]))
attempt("frame: ARP, VLAN 5", "4", "out", "wan",
        frame("dev", "wan", resolution(1, "wan", "dev", "broadcast", "gateway"), "broadcast", tag=[(VLAN, 5)]))
attempt("frame: first fragment to the server", "46", "out", "wan", frame("dev", "wan", fragment(segment("dev", "one", 8000, flags=ACK), 0, True)))
attempt("frame: later fragment to the server", "46", "out", "wan", frame("dev", "wan", fragment(protocol(6, "dev", "one"), 64)))
attempt("frame: later fragment to the resolver", "46", "out", "wan", frame("dev", "wan", fragment(protocol(17, "dev", "resolver"), 64)))
attempt("frame: source route by the server", "4", "out", "wan",
        frame("dev", "wan", segment("dev", "one", 8000, options=TO_FORBIDDEN)))
attempt("frame: routing header by the server", "6", "out", "wan", frame("dev", "wan", segment("dev", "one", 8000, headers=[ROUTE])))
attempt("frame: IP version 5", "4", "out", "wan", frame("dev", "wan", protocol(6, "dev", "one", version=5)))
attempt("frame: IP version 7", "6", "out", "wan", frame("dev", "wan", protocol(6, "dev", "one", version=7)))
attempt("frame: the other family's ethertype", "4", "out", "wan",
        frame("dev", "wan", lambda shot: (packets.IPV6, segment("dev", "one", 8000, flags=ACK)(shot))))
attempt("frame: the other family's ethertype", "6", "out", "wan",
        frame("dev", "wan", lambda shot: (packets.IPV4, segment("dev", "one", 8000, flags=ACK)(shot))))
attempt("frame: GRE to the server", "46", "out", "wan", frame("dev", "wan", protocol(47, "dev", "one")))
attempt("frame: multicast listener report, hop limit 64", "6", "out", "wan",
        frame("dev", "wan", control("local_wan", "ff02::16", 143, data=bytes(20), ttl=64), packets.multicast_mac("ff02::16")))
attempt("frame: multicast listener report with 1000 bytes", "6", "out", "wan",
        frame("dev", "wan", control("local_wan", "ff02::16", 131, data=bytes(16), ttl=1, size=1000), packets.multicast_mac("ff02::16")))
attempt("frame: neighbour solicitation with 1000 bytes", "6", "out", "wan",
        frame("dev", "wan", control("dev", "local_gateway", 135, data=packets.packed("2001:db8:1::1"), ttl=255, size=1000)))
# As short as it must be, the header says so, too.
for kind, name in ((133, "router solicitation"), (135, "neighbour solicitation")):
    for to, mac in (("all", packets.multicast_mac("ff02::1")), ("local_gateway", None)):
        attempt(f"frame: {name} with 1300 bytes behind it, to {to.replace('_', ' ')}", "6", "out", "wan",
                frame("dev", "wan", followed(solicitation("dev", to, kind, marked=False), 1300), mac))
attempt("frame: multicast listener report with 1300 bytes behind it", "6", "out", "wan",
        frame("dev", "wan", followed(control("local_wan", "ff02::16", 131, data=bytes(16), ttl=1, marked=False), 1300),
              packets.multicast_mac("ff02::16")))
attempt("frame: neighbour solicitation in the gateway's name", "6", "out", "wan",
        frame("dev", "wan", recognised(solicitation("gateway", "ff02::1:ff00:9", marked=False)), packets.multicast_mac("ff02::1:ff00:9")))
attempt("frame: neighbour solicitation in the gateway's name, link-local", "6", "out", "wan",
        frame("dev", "wan", recognised(solicitation("gateway", packets.link_local(hardware("near")), marked=False)), "near"))
# In a link-local name by a packet socket it passes: below a bond or a bridge nobody knows whose it is.
attempt("frame: neighbour solicitation in a neighbour's name", "6", "out", "wan",
        frame("dev", "wan", recognised(solicitation("near", "ff02::1:ff00:9", marked=False)), packets.multicast_mac("ff02::1:ff00:9")))
for whom, name in (("local_gateway", "the gateway's link-local"), ("near", "a neighbour's")):
    attempt(f"raw: neighbour solicitation in {name} name", "6", "out", "wan",
            header("dev", recognised(solicitation(whom, "ff02::1:ff00:9", marked=False)), interface="wan"))
attempt("frame: router solicitation in the gateway's name", "6", "out", "wan",
        frame("dev", "wan", recognised(solicitation("gateway", "ff02::2", 133, marked=False)), packets.multicast_mac("ff02::2")))
attempt("frame: router advertisement", "6", "out", "wan",
        frame("dev", "wan", control("local_wan", "all", 134, rest=b"\x40\0\x07\x08", data=bytes(8) + b"\xfd\x02", ttl=255),
              packets.multicast_mac("ff02::1")))
attempt("frame: ARP for an address elsewhere", "4", "out", "wan", frame("dev", "wan", resolution(1, "wan", "dev", "broadcast", "forbidden"), "broadcast"))
attempt("frame: ARP in a neighbour's name", "4", "out", "wan", frame("dev", "wan", resolution(1, "wan", "near", "broadcast", "gateway"), "broadcast"))
attempt("frame: ARP answer in the gateway's name", "4", "out", "wan", frame("dev", "wan", resolution(2, "wan", "gateway", "near", "near"), "near"))
attempt("frame: gratuitous ARP in the gateway's name", "4", "out", "wan",
        frame("dev", "wan", resolution(1, "wan", "gateway", "broadcast", "gateway"), "broadcast"))
attempt("frame: ARP with another sender MAC address", "4", "out", "wan",
        frame("dev", "wan", resolution(1, "stranger", "dev", "broadcast", "gateway"), "broadcast"))
attempt("frame: ARP from another MAC address", "4", "out", "wan",
        frame("dev", "wan", resolution(1, "wan", "dev", "broadcast", "gateway"), "broadcast", "stranger"))
attempt("frame: inverse ARP", "4", "out", "wan", frame("dev", "wan", resolution(8, "wan", "dev", "near", "near"), "near"))
attempt("frame: ARP of another hardware type", "4", "out", "wan",
        frame("dev", "wan", resolution(1, "wan", "dev", "broadcast", "gateway", hardware_type=6), "broadcast"))
ETHERTYPES = {
    "LLDP": (0x88CC, "01:80:c2:00:00:0e"), "EAPOL": (0x888E, "01:80:c2:00:00:03"), "EAPOL to a host": (0x888E, "gateway"),
    "PPPoE discovery": (0x8863, "broadcast"), "PPPoE session": (0x8864, "gateway"), "MPLS": (0x8847, "gateway"),
    "IPX": (0x8137, "broadcast"), "AppleTalk": (0x809B, "gateway"), "loopback": (0x9000, "gateway"), "AoE": (0x88A2, "gateway"),
    "slow protocols": (0x8809, "01:80:c2:00:00:02"), "PTP": (0x88F7, "gateway"), "wake on LAN": (0x0842, "gateway"),
    "RoCE": (0x8915, "gateway"), "MACsec": (0x88E5, "gateway"), "RARP": (0x8035, "broadcast"), "DSA": (0xDADA, "gateway"),
    "batman": (0x4305, "broadcast"), "profinet": (0x8892, "gateway"), "tipc": (0x88CA, "gateway"), "ECTP to all": (0x9000, "broadcast"),
}
# What the kernel takes a frame for is what the socket was bound to, not what stands in the frame.
for number, name in ((0x88B5, "an experimental ethertype"), (VLAN, "a VLAN tag"), (0x8864, "PPPoE"), (None, "LLC")):
    attempt(f"frame: bound to IP, has {name}", "46", "out", "wan",
            frame("dev", "wan", with_type(number, segment("dev", "one", 8000)), bound=True))
attempt("frame: bound to ARP, has an experimental ethertype", "4", "out", "wan",
        frame("dev", "wan", with_type(0x88B5, resolution(1, "wan", "dev", "broadcast", "gateway")), bound=packets.ARP))
attempt("frame: bound to ARP, is IP to the forbidden host", "4", "out", "wan", frame("dev", "wan", datagram("dev", "forbidden"), bound=packets.ARP))
attempt("frame: bound to IP, is IPv6 to the forbidden host", "6", "out", "wan", frame("dev", "wan", datagram("dev", "forbidden"), bound=packets.IPV4))
attempt("frame: bound to IPv6, is IP to the forbidden host", "4", "out", "wan", frame("dev", "wan", datagram("dev", "forbidden"), bound=packets.IPV6))
for name, (number, to) in ETHERTYPES.items():
    attempt(f"frame: {name}", "-", "out", "wan", frame("dev", "wan", ethertype(number), to))
attempt("frame: LLC", "-", "out", "wan", frame("dev", "wan", ethertype(None, b"\xf0\xf0\x03")))
attempt("frame: SNAP", "-", "out", "wan", frame("dev", "wan", ethertype(None, b"\xaa\xaa\x03\0\0\0\x88\xb5")))
attempt("frame: spanning tree", "-", "out", "wan", frame("dev", "wan", ethertype(None, b"\x42\x42\x03\0\0\0\0"), "01:80:c2:00:00:00"))
attempt("frame: 1500 bytes", "-", "out", "wan", frame("dev", "wan", ethertype(0x88B5, size=1480)))
attempt("AF_XDP: UDP to the forbidden host", "46", "out", "wan", xdp("wan", datagram("dev", "forbidden")), kind="xdp")
attempt("AF_XDP on another interface", "46", "out", "side", xdp("opt", datagram("opt", "side")), kind="xdp")

# ---- out: raw frames on the other interfaces ----

for interface, where in (("lan1", "port1"), ("br-lan", "port1"), ("c0", "box"), ("opt", "side")):
    host = where.replace("port", "h")
    attempt(f"frame on {interface}: UDP", "46", "out", where, frame("dev", interface, datagram("lan", host)))
    attempt(f"frame on {interface}: ARP", "4", "out", where, frame("dev", interface, resolution(1, "lan1", "lan", "broadcast", host), "broadcast"))
    attempt(f"frame on {interface}: experimental ethertype", "-", "out", where, frame("dev", interface, ethertype(0x88B5)))
    attempt(f"frame on {interface}: experimental ethertype, bypasses the queue", "-", "out", where,
            frame("dev", interface, ethertype(0x88B5), bypass=True))
    attempt(f"frame on {interface}: LLDP", "-", "out", where, frame("dev", interface, ethertype(0x88CC), "01:80:c2:00:00:0e"))
    attempt(f"frame on {interface}: VLAN 5", "46", "out", where, frame("dev", interface, datagram("lan", host), tag=[(VLAN, 5)]))
    attempt(f"frame on {interface}: to the server", "46", "out", where, frame("dev", interface, segment("dev", "one", 8000)))
attempt("frame on a macvlan child of wan: UDP to the forbidden host", "46", "out", "wan", frame("dev", "mine", datagram("mv", "forbidden")))
attempt("frame on a macvlan child of wan: to the server", "46", "out", "wan", frame("dev", "mine", segment("mv", "one", 8000)))
attempt("frame on a macvlan child of wan: experimental ethertype", "-", "out", "wan", frame("dev", "mine", ethertype(0x88B5)))

# ---- out: rules of somebody else that turn what is allowed ----

attempt("DNAT: the server's port to the forbidden host", "46", "out", "wan", from_port(41000, "one"), going_to("forbidden"))
attempt("DNAT: the server's port to its port 22", "46", "out", "wan",
        translated(22, from_port(41100, "one")))
attempt("DNAT: the resolver to the rogue resolver", "46", "out", "wan", lambda shot: udp("dev", "resolver", 53, 41200 + shot.run)(shot), going_to("rogue"))
attempt("DNAT: loopback to the forbidden host", "4", "out", "wan", lambda shot: udp("dev", "local", own_port=41300 + shot.run)(shot), going_to("forbidden"))
attempt("DNAT: the device's own address to the forbidden host", "6", "out", "wan",
        lambda shot: udp("dev", "dev", own_port=41300 + shot.run)(shot), going_to("forbidden"))
attempt("DNAT: the server's port to h1", "46", "out", "port1", from_port(41400, "one"), going_to("h1"))
attempt("policy routing: to the server over the LAN", "46", "out", "port1", from_port(41500, "one"))
attempt("policy routing: to the resolver over the LAN", "46", "out", "port1",
        udp("dev", "resolver", 53, options=((socket.SOL_SOCKET, SO_MARK, 7),)))
attempt("dup: what goes to the server also to h1", "46", "out", "port1", from_port(41600, "one"))
for port, name in ((41900, "in output"), (42000, "in postrouting"), (42100, "on wan's egress")):
    attempt(f"nft rewrites what goes to the server, {name}", "46", "out", "wan", from_port(port, "one"), going_to("forbidden"))
attempt("nft fwd from wan's egress to another interface", "46", "out", "side", from_port(42200, "one"))

# ---- out: interfaces that get another name ----

for interface, where, to in (("wan", "wan", "forbidden"), ("opt", "side", "side"), ("lan1", "port1", "h1")):
    attempt(f"{interface} renamed: experimental ethertype", "-", "out", where,
            renamed(interface, frame("dev", f"{interface}9", ethertype(0x88B5))))
    attempt(f"{interface} renamed: UDP frame", "46", "out", where, renamed(interface, frame("dev", f"{interface}9", datagram("dev", to))))
attempt("opt renamed: UDP", "46", "out", "side", renamed("opt", udp("dev", "side")))
attempt("opt renamed: UDP from side", "46", "in", "dev", renamed("opt", udp("side", "opt")))
attempt("opt renamed: side to the forbidden host", "46", "forward", "wan", renamed("opt", udp("side", "forbidden")))
attempt("wan renamed: UDP to the forbidden host", "46", "out", "wan", renamed("wan", udp("dev", "forbidden")))
attempt("wan renamed: a macvlan child to the forbidden host", "46", "forward", "wan", renamed("wan", udp("mv", "forbidden")))
attempt("wan renamed: the forbidden host to a macvlan child", "46", "forward", "mv", renamed("wan", udp("world", "mv", source="forbidden")))
attempt("lan1 renamed: h1 to h2", "46", "bridge", "port2", renamed("lan1", udp("h1", "h2")))
attempt("wan renamed to lo: UDP to the forbidden host", "46", "out", "wan", called_lo(udp("dev", "forbidden")))
attempt("wan renamed to lo: TCP to the forbidden host", "46", "out", "wan", called_lo(syn("dev", "forbidden")))
attempt("wan renamed to lo: UDP from the forbidden host", "46", "in", "dev", called_lo(udp("world", "dev", source="forbidden")))
attempt("wan renamed to lo: TCP from the forbidden host", "46", "in", "dev", called_lo(syn("world", "dev", 7000, source="forbidden")))
attempt("wan renamed to lo: UDP frame", "46", "out", "wan", called_lo(frame("dev", "lo", datagram("dev", "forbidden"), "gateway", "wan")))
attempt("wan renamed to lo: experimental ethertype", "-", "out", "wan", called_lo(frame("dev", "lo", ethertype(0x88B5), "gateway", "wan")))

# ---- in ----

for name, source in (("the forbidden host", "forbidden"), ("the server", "one"), ("the resolver", "resolver"), ("the gateway", "gateway")):
    space = "isp" if source == "gateway" else "world"
    attempt(f"UDP from {name}", "46", "in", "dev", udp(space, "dev", source=source))
    attempt(f"TCP from {name}", "46", "in", "dev", syn(space, "dev", source=source))
    attempt(f"TCP from {name} to a port that listens", "46", "in", "dev", syn(space, "dev", 7000, source=source))
    attempt(f"ping from {name}", "46", "in", "dev", ping(space, "dev"))
attempt("TCP from the server's port", "46", "in", "dev", syn("world", "dev", own_port=18000, source="one"))
for flags, name in ((SYN, "SYN"), (SYN | PSH, "SYN PSH"), (SYN | URG, "SYN URG"), (SYN | ECE | CWR, "SYN with ECN"), (SYN | PSH | ECE, "SYN PSH ECE")):
    attempt(f"{name} from the server's port", "46", "in", "dev", header("world", segment("one", "dev", own_port=8000, flags=flags)))
    attempt(f"{name} from the resolver's port 53", "46", "in", "dev", header("world", segment("resolver", "dev", own_port=53, flags=flags)))
attempt("SYN from the server's port to a port that listens", "46", "in", "dev", header("world", segment("one", "dev", 7000, 8000, flags=SYN | PSH)))
attempt("an answer of the resolver nobody asked for", "46", "in", "dev", udp("world", "dev", own_port=1053, source="resolver"))
attempt("UDP from the resolver's port 53, unasked", "46", "in", "dev", header("world", datagram("resolver", "dev", own_port=53)))
attempt("UDP from the rogue resolver's port 53", "46", "in", "dev", header("world", datagram("rogue", "dev", own_port=53)))
attempt("UDP from the server's port", "46", "in", "dev", header("world", datagram("one", "dev", own_port=8000)))
attempt("DHCP request to the device", "4", "in", "dev", udp("isp", "dev", 67))
attempt("DHCPv6 answer of a far host", "6", "in", "dev", header("world", datagram("forbidden", "dev", 546, 547)))
attempt("UDP to the LAN's address over wan", "46", "in", "dev", udp("world", "lan", source="forbidden"))
attempt("nft rewrites the forbidden host into the server, on ingress", "46", "in", "dev",
        frame("isp", "inside", segment("forbidden", "dev", 7400, 8000, flags=ACK)))
attempt("nft rewrites the forbidden host into the server, in prerouting", "46", "in", "dev",
        frame("isp", "inside", segment("forbidden", "dev", 7500, 8000, flags=ACK)))
attempt("UDP to a loopback address over wan", "4", "in", "dev", frame("isp", "inside", datagram("forbidden", "local")))
attempt("UDP from a loopback address over wan", "4", "in", "dev", frame("isp", "inside", datagram("127.0.0.9", "dev")))
attempt("UDP from the device's own address over wan", "4", "in", "dev", frame("isp", "inside", datagram("lan", "dev")))
attempt("UDP to the link-local address", "6", "in", "dev", udp("isp", "local_wan", interface="inside"))
attempt("TCP to the link-local address", "6", "in", "dev", syn("isp", "local_wan", interface="inside"))
attempt("mDNS from wan", "46", "in", "dev", udp("isp", "mdns", 5353, interface="inside"))
attempt("multicast to all from wan", "46", "in", "dev", udp("isp", "all", interface="inside"))
attempt("broadcast from wan", "4", "in", "dev", udp("isp", "192.0.2.255"))
for number, name in {2: "IGMP", 4: "IP in IP", 41: "IPv6 in IP", 47: "GRE", 50: "ESP", 132: "SCTP", 136: "UDP-Lite",
                     253: "protocol 253"}.items():
    attempt(f"{name} from the forbidden host", "46", "in", "dev", raw("world", "dev", number))
attempt("GRE from the server", "46", "in", "dev", header("world", protocol(47, "one", "dev")))
attempt("a datagram in fragments from the forbidden host", "46", "in", "dev", udp("world", "dev", size=4000, source="forbidden"))
attempt("record route from the forbidden host", "4", "in", "dev", header("world", datagram("forbidden", "dev", options=b"\x07\x07\x04\0\0\0\0\0")))
attempt("destination options from the forbidden host", "6", "in", "dev", header("world", datagram("forbidden", "dev", headers=[(DESTINATION, OPTIONS)])))
attempt("fragmentation needed about nothing", "4", "in", "dev",
        header("isp", control("gateway", "dev", 3, 4, b"\0\0\x05\0", quoted("dev", "forbidden"))))
attempt("packet too big about nothing", "6", "in", "dev",
        header("isp", control("gateway", "dev", 2, 0, b"\0\0\x05\0", quoted("dev", "forbidden"))))
attempt("unreachable about nothing", "4", "in", "dev", header("world", control("forbidden", "dev", 3, 3, data=quoted("dev", "forbidden"))))
attempt("unreachable about nothing", "6", "in", "dev", header("world", control("forbidden", "dev", 1, 4, data=quoted("dev", "forbidden"))))
attempt("ICMP redirect", "4", "in", "dev", header("isp", control("gateway", "dev", 5, 1, packets.packed("192.0.2.9"), quoted("dev", "forbidden"))))
attempt("redirect", "6", "in", "dev", header("isp", control("local_gateway", "local_wan", 137, data=bytes(32), ttl=255), "inside"))
attempt("echo reply from the forbidden host", "4", "in", "dev", header("world", control("forbidden", "dev", 0)))
attempt("echo reply from the forbidden host", "6", "in", "dev", header("world", control("forbidden", "dev", 129)))
attempt("neighbour solicitation from far", "6", "in", "dev", header("world", control("forbidden", "dev", 135, data=bytes(16), ttl=255)))
ADVERTISEMENT = bytes(8) + b"\xfd\x02"
attempt("router advertisement on the LAN", "6", "in", "dev",
        frame("h1", "eth0", control("local_h1", "all", 134, rest=b"\x40\0\x07\x08", data=ADVERTISEMENT, ttl=255), packets.multicast_mac("ff02::1")))
attempt("neighbour solicitation on the LAN", "6", "in", "dev",
        frame("h1", "eth0", control("h1", "lan", 135, data=packets.packed("2001:db8:11::1"), ttl=255), "br-lan"))

for space, own in (("h1", "lan"), ("box", "c0"), ("side", "opt")):
    attempt(f"UDP from {space}", "46", "in", "dev", udp(space, own))
    attempt(f"TCP from {space}", "46", "in", "dev", syn(space, own, 7000))
    attempt(f"ping from {space}", "46", "in", "dev", ping(space, own))
    attempt(f"mDNS from {space}", "46", "in", "dev", udp(space, "mdns", 5353, interface="eth0"))
    attempt(f"UDP from {space} to the device's address on wan", "46", "in", "dev", udp(space, "dev"))
attempt("DNS from h1", "46", "in", "dev", udp("h1", "lan", 53))
attempt("DHCP request from h1", "4", "in", "dev", udp("h1", "10.1.0.255", 67, 68))
attempt("DHCP answer from h1", "4", "in", "dev", udp("h1", "10.1.0.255", 68, 67))
attempt("UDP from h1 to the link-local address", "6", "in", "dev", udp("h1", "local_lan", interface="eth0"))
attempt("UDP from h1 in the server's name", "46", "in", "dev", frame("h1", "eth0", datagram("one", "dev", own_port=8000), "br-lan"))
attempt("ACK from h1 in the server's name", "46", "in", "dev", frame("h1", "eth0", segment("one", "dev", own_port=8000, flags=ACK), "br-lan"))
attempt("DNS answer from h1 in the resolver's name", "46", "in", "dev", frame("h1", "eth0", datagram("resolver", "dev", own_port=53), "br-lan"))
attempt("redirect from the LAN to the device", "46", "in", "dev", udp("h1", "forbidden", 7200))
attempt("TPROXY from the LAN to the device", "46", "in", "dev", udp("h1", "forbidden", 7300))
attempt("UDP through a VXLAN tunnel", "4", "in", "dev",
        frame("isp", "inside", tunnelled("forbidden", "dev", datagram("beyond", "vxlan"))))

# What the device answers is what comes out again.
attempt("answer to a ping", "46", "out", "wan", ping("world", "dev"))
attempt("answer to a SYN", "46", "out", "wan", syn("world", "dev", 7000, source="forbidden"))
attempt("RST of a closed port", "46", "out", "wan", syn("world", "dev", source="forbidden"))
attempt("RST of a closed port to the server", "46", "out", "wan", header("world", segment("one", "dev", own_port=8000)))
attempt("port unreachable", "46", "out", "wan", udp("world", "dev", source="forbidden"))
attempt("port unreachable to the resolver", "46", "out", "wan", udp("world", "dev", own_port=53, source="resolver"))
attempt("protocol unreachable", "4", "out", "wan", raw("world", "dev", 99))
attempt("answer to a ping from h1", "46", "out", "port1", ping("h1", "lan"))
attempt("ARP answer to h1", "4", "out", "port1", asks("h1", "lan"))
attempt("neighbour advertisement to h1", "6", "out", "port1", asks("h1", "lan"))
attempt("time exceeded", "46", "out", "port1", frame("h1", "eth0", datagram("h1", "forbidden", ttl=1), "br-lan"))
# ---- in: frames ----

for place, kind in (("sniff", None), ("tap", "tap")):
    heard = "a packet socket for IP" if place == "sniff" else "a packet socket for all"
    attempt(f"{heard} hears the forbidden host", "46", "in", place, udp("world", "dev", source="forbidden"), kind=kind)
    attempt(f"{heard} hears h1", "46", "in", place, udp("h1", "lan"), kind=kind)
    attempt(f"{heard} hears box", "46", "in", place, udp("box", "c0"), kind=kind)
    heard = heard.replace("IP", "one ethertype")
    attempt(f"{heard} hears experimental frames on wan", "-", "in", place, frame("isp", "inside", ethertype(0x88B5)), kind=kind)
    attempt(f"{heard} hears experimental frames on a port", "-", "in", place, frame("h1", "eth0", ethertype(0x88B5), "br-lan"), kind=kind)
    attempt(f"{heard} hears experimental frames of box", "-", "in", place, frame("box", "eth0", ethertype(0x88B5), "c0"), kind=kind)
    attempt(f"{heard} hears tagged frames on wan", "-", "in", place, frame("isp", "inside", ethertype(0x88B5), tag=[(VLAN, 5)]), kind=kind)
    attempt(f"{heard} hears IP in tagged frames", "46", "in", place,
            frame("isp", "inside", datagram("one", "dev", own_port=8000), tag=[(VLAN, 5)]), kind=kind)
attempt("a packet socket for IP hears broadcast frames to others", "46", "in", "sniff", frame("isp", "inside", datagram("forbidden", "near"), "broadcast"))
attempt("a packet socket for IP hears frames to others", "46", "in", "sniff", frame("isp", "inside", datagram("forbidden", "near"), "stranger"))
attempt("a packet socket for LLC hears LLC", "-", "in", "sniff", frame("isp", "inside", ethertype(None, b"\xf0\xf0\x03")))
attempt("a packet socket hears LLDP", "-", "in", "sniff", frame("isp", "inside", ethertype(0x88CC), "01:80:c2:00:00:0e"))
# Not on wan: a packet socket for these there is a sign that the link needs them.
attempt("a packet socket hears EAPOL", "-", "in", "sniff", frame("side", "eth0", ethertype(0x888E), "01:80:c2:00:00:03"))
attempt("a packet socket hears PPPoE", "-", "in", "sniff", frame("side", "eth0", ethertype(0x8863), "broadcast"))
attempt("a packet socket hears ARP with 1000 bytes", "4", "in", "sniff",
        frame("isp", "inside", resolution(1, "gateway", "gateway", "broadcast", "dev", size=1000), "broadcast"))
attempt("a packet socket hears ARP on the LAN", "4", "in", "sniff", frame("h1", "eth0", resolution(1, "h1", "h1", "broadcast", "lan"), "broadcast"))
attempt("a packet socket hears UDP through a VXLAN tunnel", "4", "in", "sniff",
        frame("isp", "inside", tunnelled("forbidden", "dev", datagram("beyond", "vxlan"))))

# ---- forward ----

for source, name in (("h1", "h1"), ("box", "box"), ("side", "side"), ("boxed", "boxed"), ("mv", "a macvlan child")):
    attempt(f"{name} to the forbidden host: UDP", "46", "forward", "wan", udp(source, "forbidden"))
    attempt(f"{name} to the forbidden host: TCP", "46", "forward", "wan", syn(source, "forbidden"))
    attempt(f"{name} to the forbidden host: ping", "46", "forward", "wan", ping(source, "forbidden"))
    attempt(f"{name} to the server", "46", "forward", "wan", syn(source, "one", 8000))
    attempt(f"{name} to the resolver", "46", "forward", "wan", udp(source, "resolver", 53))
attempt("h1 to the rogue resolver", "46", "forward", "wan", syn("h1", "rogue", 53))
for number, name in {47: "GRE", 50: "ESP", 132: "SCTP", 41: "IPv6 in IP"}.items():
    attempt(f"h1 to the forbidden host: {name}", "46", "forward", "wan", raw("h1", "forbidden", number))
attempt("h1 to the forbidden host: fragments", "46", "forward", "wan", udp("h1", "forbidden", size=4000))
attempt("h1 to the forbidden host in the device's name", "46", "forward", "wan", frame("h1", "eth0", datagram("dev", "forbidden"), "br-lan"))
attempt("h1 to the server in the device's name", "46", "forward", "wan", frame("h1", "eth0", segment("dev", "one", 8000), "br-lan"))
attempt("h1 to the resolver in the device's name", "46", "forward", "wan", frame("h1", "eth0", datagram("dev", "resolver", 53), "br-lan"))
attempt("h1 with a source route", "4", "forward", "wan",
        header("h1", datagram("h1", "dev", options=TO_FORBIDDEN)))
attempt("h1 with hop-by-hop options", "6", "forward", "wan", header("h1", datagram("h1", "forbidden", headers=[(HOP_BY_HOP, OPTIONS)])))
for to, where in (("h1", "port1"), ("boxed", "port3"), ("box", "box"), ("side", "side"), ("mv", "mv")):
    attempt(f"the forbidden host to {to}: UDP", "46", "forward", where, udp("world", to, source="forbidden"))
    attempt(f"the forbidden host to {to}: TCP", "46", "forward", where, syn("world", to, source="forbidden"))
    attempt(f"the forbidden host to {to}: ping", "46", "forward", where, ping("world", to))
    attempt(f"the server to {to}", "46", "forward", where, header("world", segment("one", to, own_port=8000, flags=ACK)))
attempt("the resolver to h1", "46", "forward", "port1", header("world", datagram("resolver", "h1", own_port=53)))
attempt("DNAT: a port of wan to h1, TCP", "46", "forward", "port1", translated(7000, syn("world", "dev", 7100, source="forbidden")))
attempt("DNAT: a port of wan to h1, UDP", "46", "forward", "port1", udp("world", "dev", 7100, source="forbidden"))
for source, to, where in (("h1", "box", "box"), ("box", "h1", "port1"), ("box", "side", "side"), ("side", "h1", "port1")):
    attempt(f"{source} to {to}: UDP", "46", "forward", where, udp(source, to))
    attempt(f"{source} to {to}: TCP", "46", "forward", where, syn(source, to))
attempt("a macvlan child: experimental ethertype", "-", "forward", "wan", frame("mv", "eth0", ethertype(0x88B5), "gateway"))
attempt("a macvlan child: ARP", "4", "forward", "wan", frame("mv", "eth0", resolution(1, "mv", "mv", "broadcast", "near"), "broadcast"))
attempt("a macvlan child: DHCP", "4", "forward", "wan", frame("mv", "eth0", datagram("unspecified", "broadcast", 67, 68), "broadcast"))
attempt("a macvlan child: DHCPv6", "6", "forward", "wan", udp("mv", "ff02::1:2", 547, 546, interface="eth0"))
attempt("a macvlan child: mDNS", "46", "forward", "wan", udp("mv", "mdns", 5353, interface="eth0"))
# In the device's own name as far as MAC addresses go.
attempt("a macvlan child: ARP in the gateway's name", "4", "forward", "wan",
        frame("mv", "eth0", recognised(resolution(1, "wan", "gateway", "broadcast", "moved", marked=False)), "broadcast", "wan", padded=False))
attempt("a macvlan child: ARP answer in the gateway's name", "4", "forward", "wan",
        frame("mv", "eth0", recognised(resolution(2, "wan", "gateway", "near", "moved", marked=False)), "near", "wan", padded=False))
attempt("a macvlan child: neighbour advertisement in the gateway's name", "6", "forward", "wan",
        frame("mv", "eth0", recognised(control("gateway", "all", 136, rest=b"\x20\0\0\0", data=packets.packed("2001:db8:1::1"), ttl=255,
                                               marked=False)), packets.multicast_mac("ff02::1"), "wan"))
attempt("to a macvlan child: experimental ethertype", "-", "forward", "mv", frame("isp", "inside", ethertype(0x88B5), "mv"))
attempt("to a macvlan child: broadcast", "4", "forward", "mv", udp("isp", "192.0.2.255"))
attempt("to a macvlan child: multicast", "46", "forward", "mv", udp("isp", "mdns", 5353, interface="inside"))
attempt("written into tun, to the forbidden host", "46", "forward", "wan", lambda shot: shot.lab.tun(shot, datagram("injected", "forbidden")))
attempt("written into tun, to the server", "46", "forward", "wan", lambda shot: shot.lab.tun(shot, segment("injected", "one", 8000)))
attempt("written into tun, to the device", "46", "in", "dev", lambda shot: shot.lab.tun(shot, datagram("injected", "tun")))
attempt("written into tun, to the server in the device's name", "46", "forward", "wan", lambda shot: shot.lab.tun(shot, segment("dev", "one", 8000)))

for to, where, source in (("forbidden", "wan", "iv"), ("iv", "iv", "world")):
    name = "an ipvlan child to the forbidden host" if source == "iv" else "the forbidden host to an ipvlan child"
    attempt(f"{name}: UDP", "46", "forward", where, udp(source, to), requires="ipvlan")
    attempt(f"{name}: TCP", "46", "forward", where, syn(source, to), requires="ipvlan")
attempt("an ipvlan child to the server", "46", "forward", "wan", syn("iv", "one", 8000), requires="ipvlan")
attempt("an ipvlan child: experimental ethertype", "-", "forward", "wan", frame("iv", "eth0", ethertype(0x88B5), "gateway", "wan"),
        requires="ipvlan")
attempt("a VLAN of wan: UDP", "46", "out", "wan", udp("dev", "vlanhost"), requires="vlan")
attempt("a VLAN of wan: TCP to the server's port", "46", "out", "wan", syn("dev", "vlanhost", 8000), requires="vlan")
attempt("a VLAN of wan: experimental ethertype", "-", "out", "wan", frame("dev", "wan.5", ethertype(0x88B5), "stranger", "wan"), requires="vlan")
attempt("from wan to wan", "46", "forward", "wan", frame("isp", "inside", datagram("near", "forbidden")))
attempt("from wan to wan in the device's name", "46", "forward", "wan", frame("isp", "inside", segment("dev", "one", 8000)))

attempt("tc redirects a port to wan", "46", "forward", "wan", frame("h1", "eth0", datagram("h1", "forbidden"), "redirected"), to_mac("redirected"), "tc")
attempt("tc redirects a port to wan: ethertype", "-", "forward", "wan", frame("h1", "eth0", ethertype(0x88B5), "redirected"), to_mac("redirected"), "tc")
attempt("tc redirects wan to a port", "46", "forward", "port1", frame("isp", "inside", datagram("forbidden", "h1"), "redirected"), to_mac("redirected"), "tc")
attempt("tc redirects loopback to wan", "46", "out", "wan", frame("dev", "lo", datagram("dev", "forbidden"), "redirected", "wan"), to_mac("redirected"), "tc")
attempt("tc rewrites what goes to the server", "46", "out", "wan", from_port(41700, "one"),
        going_to("forbidden"), "tc")
attempt("tc redirects what goes to the server", "46", "out", "side", from_port(41800, "one"), kind="tc")
attempt("nft fwd from a port to wan", "46", "forward", "wan", frame("h2", "eth0", datagram("h1", "forbidden"), "redirected"), to_mac("redirected"))
attempt("nft fwd from a port to wan: ethertype", "-", "forward", "wan", frame("h2", "eth0", ethertype(0x88B5), "redirected"), to_mac("redirected"))
attempt("nft dup from an interface to wan", "46", "forward", "wan", frame("side", "eth0", datagram("h1", "forbidden"), "redirected"), to_mac("redirected"))
attempt("XDP redirects an interface to wan", "46", "forward", "wan", frame("xdp", "eth0", datagram("h1", "forbidden"), "stranger"), to_mac("stranger"), "xdp")

# ---- bridge ----

for source, to, where in (("h1", "h2", "port2"), ("h2", "h1", "port1"), ("boxed", "h1", "port1"), ("h1", "boxed", "port3")):
    attempt(f"{source} to {to}: UDP", "46", "bridge", where, udp(source, to))
    attempt(f"{source} to {to}: TCP", "46", "bridge", where, syn(source, to))
    attempt(f"{source} to {to}: experimental ethertype", "-", "bridge", where, frame(source, "eth0", ethertype(0x88B5), to))
attempt("h1 to h2: ping", "46", "bridge", "port2", ping("h1", "h2"))
attempt("h1 to h2: ARP", "4", "bridge", "port2", frame("h1", "eth0", resolution(1, "h1", "h1", "broadcast", "h2"), "broadcast"))
attempt("h1 to h2: neighbour solicitation", "6", "bridge", "port2",
        frame("h1", "eth0", control("h1", "h2", 135, data=packets.packed("2001:db8:11::12"), ttl=255), "h2"))
attempt("h1 to h2: multicast", "46", "bridge", "port2", udp("h1", "mdns", 5353, interface="eth0"))
attempt("h1 to h2: broadcast", "4", "bridge", "port2", udp("h1", "10.1.0.255"))
attempt("h1 to h2: VLAN 5", "46", "bridge", "port2", frame("h1", "eth0", datagram("h1", "h2"), "h2", tag=[(VLAN, 5)]))
attempt("h1 to h2: 802.1ad", "46", "bridge", "port2", frame("h1", "eth0", datagram("h1", "h2"), "h2", tag=[(QINQ, 5)]))
attempt("h1 to h2: unknown unicast", "46", "bridge", "port2", frame("h1", "eth0", datagram("h1", "h2"), "stranger"))
attempt("h1 to h2: fragments", "46", "bridge", "port2", udp("h1", "h2", size=4000))
attempt("h1 to h2: DHCP", "4", "bridge", "port2", frame("h1", "eth0", datagram("unspecified", "broadcast", 67, 68), "broadcast"))
attempt("h1 to h2: DNS port", "46", "bridge", "port2", udp("h1", "h2", 53))
attempt("h1 to h2: the server's address", "46", "bridge", "port2", frame("h1", "eth0", segment("dev", "one", 8000), "h2"))
for name, number, to in (("PPPoE", 0x8863, "broadcast"), ("MPLS", 0x8847, "h2"), ("EAPOL", 0x888E, "h2"), ("LLDP to a host", 0x88CC, "h2"),
                         ("IPX", 0x8137, "broadcast")):
    attempt(f"h1 to h2: {name}", "-", "bridge", "port2", frame("h1", "eth0", ethertype(number), to))
attempt("h1 to h2: LLC", "-", "bridge", "port2", frame("h1", "eth0", ethertype(None, b"\xf0\xf0\x03"), "h2"))
attempt("written into tap, to h1", "46", "bridge", "port1", lambda shot: shot.lab.tap(shot, datagram("inserted", "h1"), "h1"))
attempt("written into tap, to h1: experimental ethertype", "-", "bridge", "port1", lambda shot: shot.lab.tap(shot, ethertype(0x88B5), "h1"))

# ---- what appears after containment ----

attempt("a later interface: UDP to its host", "46", "out", "latehost", udp("dev", "latehost"))
attempt("a later interface: TCP to its host", "46", "out", "latehost", syn("dev", "latehost"))
attempt("a later interface: ping its host", "46", "out", "latehost", ping("dev", "latehost"))
attempt("a later interface: mDNS", "46", "out", "latehost", udp("dev", "mdns", 5353, interface="late0"))
attempt("a later interface: UDP frame", "46", "out", "latehost", frame("dev", "late0", datagram("late", "latehost")))
attempt("a later interface: UDP frame, bypasses the queue", "46", "out", "latehost", frame("dev", "late0", datagram("late", "latehost"), bypass=True))
attempt("a later interface: ARP", "4", "out", "latehost", frame("dev", "late0", resolution(1, "late0", "late", "broadcast", "latehost"), "broadcast"))
attempt("a later interface: experimental ethertype", "-", "out", "latehost", frame("dev", "late0", ethertype(0x88B5)))
attempt("a later interface: VLAN 5", "46", "out", "latehost", frame("dev", "late0", datagram("late", "latehost"), tag=[(VLAN, 5)]))
attempt("a later interface: its host to the device, UDP", "46", "in", "dev", udp("latehost", "late"))
attempt("a later interface: its host to the device, TCP", "46", "in", "dev", syn("latehost", "late", 7000))
attempt("a later interface: its host to the device, ping", "46", "in", "dev", ping("latehost", "late"))
attempt("a later interface: its host heard", "46", "in", "sniff", udp("latehost", "late"))
attempt("a later interface: its host heard, experimental ethertype", "-", "in", "sniff", frame("latehost", "eth0", ethertype(0x88B5), "late0"))
attempt("a later interface: its host to the forbidden host", "46", "forward", "wan", udp("latehost", "forbidden"))
attempt("a later interface: its host to the server", "46", "forward", "wan", syn("latehost", "one", 8000))
attempt("a later interface: the forbidden host to its host", "46", "forward", "latehost", udp("world", "latehost", source="forbidden"))
attempt("a later interface: h1 to its host", "46", "forward", "latehost", udp("h1", "latehost"))
attempt("UDP into a later VXLAN tunnel", "46", "out", "wan", udp("dev", "vxhost"))
attempt("frame into a later VXLAN tunnel", "-", "out", "wan", frame("dev", "vxlate", ethertype(0x88B5), "stranger"))
attempt("a later port: h1 to its host, UDP", "46", "bridge", "lateport", udp("h1", "lateport"))
attempt("a later port: h1 to its host, TCP", "46", "bridge", "lateport", syn("h1", "lateport"))
attempt("a later port: h1 to its host, experimental ethertype", "-", "bridge", "lateport", frame("h1", "eth0", ethertype(0x88B5), "lateport"))
attempt("a later port: h1 to its host, ARP", "4", "bridge", "lateport", frame("h1", "eth0", resolution(1, "h1", "h1", "broadcast", "lateport"), "broadcast"))
attempt("a later port: its host to h1, UDP", "46", "bridge", "port1", udp("lateport", "h1"))
attempt("a later port: its host to h1, TCP", "46", "bridge", "port1", syn("lateport", "h1"))
attempt("a later port: its host to h1, experimental ethertype", "-", "bridge", "port1", frame("lateport", "eth0", ethertype(0x88B5), "h1"))
attempt("a later port: its host to the forbidden host", "46", "forward", "wan", udp("lateport", "forbidden"))
attempt("a later port: its host to the device", "46", "in", "dev", udp("lateport", "lan"))
attempt("a later port: UDP to its host", "46", "out", "lateport", udp("dev", "lateport"))
attempt("a later port: frame to its host", "-", "out", "lateport", frame("dev", "lateport0", ethertype(0x88B5)))
attempt("a later macvlan child to the forbidden host: UDP", "46", "forward", "wan", udp("latemv", "forbidden"))
attempt("a later macvlan child to the forbidden host: TCP", "46", "forward", "wan", syn("latemv", "forbidden"))
attempt("a later macvlan child to the server", "46", "forward", "wan", syn("latemv", "one", 8000))
attempt("a later macvlan child: experimental ethertype", "-", "forward", "wan", frame("latemv", "eth0", ethertype(0x88B5), "gateway"))
attempt("the forbidden host to a later macvlan child", "46", "forward", "latemv", udp("world", "latemv", source="forbidden"))

# ---- what was open before ----

FLOWS = {
    "own": Flow("dev", "forbidden", "world"), "own UDP": Flow("dev", "forbidden", "world", "udp"),
    "own to another port of the server": Flow("dev", "one", "world"), "own to h1": Flow("dev", "h1", "h1"),
    "own to box": Flow("dev", "box", "box"),
    "inbound": Flow("world", "dev", "dev"), "inbound UDP": Flow("world", "dev", "dev", "udp"), "inbound from h1": Flow("h1", "lan", "dev"),
    "inbound from box": Flow("box", "c0", "dev"),
    "h1": Flow("h1", "forbidden", "world"), "h1 UDP": Flow("h1", "forbidden", "world", "udp"),
    "h1 to the server": Flow("h1", "one", "world"),
    "box": Flow("box", "forbidden", "world"), "boxed": Flow("boxed", "forbidden", "world"), "macvlan": Flow("mv", "forbidden", "world"),
    "macvlan UDP": Flow("mv", "forbidden", "world", "udp"), "macvlan inbound": Flow("world", "mv", "mv"),
    "into h1": Flow("world", "h1", "h1"), "into box": Flow("world", "box", "box"), "DNAT": Flow("world", "dev", "h1", port=7100),
    "h1 to box": Flow("h1", "box", "box"),
    "bridged": Flow("h1", "h2", "h2"), "bridged UDP": Flow("h1", "h2", "h2", "udp"), "bridged from a container": Flow("boxed", "h1", "h1"),
}
# In which directions a flow goes, and where its two ends hear.
HEARD = {"dev": "dev", "world": "wan", "h1": "port1", "h2": "port2", "box": "box", "boxed": "port3", "mv": "mv"}
for name, flow in FLOWS.items():
    direction = "bridge" if name.startswith("bridged") else "forward" if "dev" not in (flow.space, flow.server) else None
    attempt(f"open before: {name}, onward", "46", direction or ("out" if flow.space == "dev" else "in"), HEARD[flow.server], forth(name),
            changes=True)
    attempt(f"open before: {name}, back", "46", direction or ("in" if flow.space == "dev" else "out"), HEARD[flow.space], back(name),
            changes=True)
