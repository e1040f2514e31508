# SPDX-License-Identifier: GPL-2.0-or-later
"""Frames as a root process sends them by a packet socket, each with a mark of its own."""
import contextlib
import re
import socket
import struct
import time

from lab import ETH_P_8021Q, ETH_P_ARP, ETH_P_IP, ETH_P_IPV6, PACKET_QDISC_BYPASS, SOL_PACKET

EXPERIMENTAL = 0x88B5  # IEEE Std 802: for experiments
LLDP = 0x88CC
PROVIDER_TAG = 0x88A8  # IEEE 802.1ad
PPPOE_SESSION = 0x8864
FOREIGN_MAC = bytes.fromhex("0200c0ffee01")

MARK = re.compile(rb"frame \d{6} ")
count = 0


def mark():
    global count
    count += 1
    return f"frame {count:06d} ".encode()


def checksum(data):
    total = sum(struct.unpack(f"!{(len(data) + 1) // 2}H", data + bytes(len(data) % 2)))
    total = (total & 0xFFFF) + (total >> 16)
    return ~(total + (total >> 16)) & 0xFFFF


def udp(source, destination, payload, port=9, own_port=40000):
    """An IP packet of either family."""
    family = socket.AF_INET6 if ":" in source else socket.AF_INET
    ends = socket.inet_pton(family, source) + socket.inet_pton(family, destination)
    length = 8 + len(payload)
    sum_of = checksum(ends + struct.pack("!HHHHHH", socket.IPPROTO_UDP, length, own_port, port, length, 0) + payload)
    datagram = struct.pack("!HHHH", own_port, port, length, sum_of) + payload
    if family == socket.AF_INET6:
        return struct.pack("!IHBB", 6 << 28, length, socket.IPPROTO_UDP, 64) + ends + datagram
    head = struct.pack("!BBHHHBBH", 0x45, 0, 20 + length, 1, 0, 64, socket.IPPROTO_UDP, 0)
    head = head[:10] + struct.pack("!H", checksum(head + ends))
    return head + ends + datagram


def arp_request(mac, source, target, padding):
    ends = mac + socket.inet_aton(source) + bytes(6) + socket.inet_aton(target)
    return struct.pack("!HHBBH", 1, ETH_P_IP, 6, 4, 1) + ends + padding


def ip_type(packet):
    return ETH_P_IPV6 if packet[0] >> 4 == 6 else ETH_P_IP


def tagged(vlan, kind, payload, tag=ETH_P_8021Q):
    """The type of a frame, and what follows it."""
    return tag, struct.pack("!HH", vlan, kind) + payload


def ethernet(destination, source, kind, payload):
    return (destination + source + struct.pack("!H", kind) + payload).ljust(60, b"\0")


class Attempt:
    """A way out: `make` gets a mark and gives the bytes for a packet socket on the device.

    `kind` is for devices whose drivers ask for the type of a packet that they can't see in it.
    """

    def __init__(self, name, device, make, kind=0, bypass=False):
        self.name = name
        self.device = device
        self.make = make
        self.kind = kind
        self.bypass = bypass
        self.mark = b""

    def send(self, sender):
        self.mark = mark()
        with contextlib.suppress(OSError):  # that the kernel refuses to send it says nothing
            sender.sendto(self.make(self.mark), (self.device, self.kind))


def arrivals(attempts, namespace, sniffers, patience, all_expected=False):
    """The names of those that anybody at the other side sees."""
    for bypass in (False, True):
        with contextlib.closing(namespace.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)) as sender:
            sender.setsockopt(SOL_PACKET, PACKET_QDISC_BYPASS, int(bypass))
            for each in attempts:
                if each.bypass == bypass:
                    each.send(sender)
    end = time.monotonic() + patience
    seen = set()
    while time.monotonic() < end and not (all_expected and len(seen) == len(attempts)):
        time.sleep(0.02)
        for sniffer in sniffers:
            sniffer.drain()
            seen.update(found for frame in sniffer.frames for found in MARK.findall(frame))
            sniffer.frames.clear()
    return [each.name for each in attempts if each.mark in seen]


def ways_out(device, own_mac, their_mac, own4, own6, forbidden4, forbidden6, near4):
    """What no link may pass, whatever it is part of."""

    def frame(kind, payload, source=own_mac, destination=their_mac):
        return ethernet(destination, source, kind, payload)

    def ip_from(source, destination):
        return lambda own: frame(ETH_P_IP if "." in source else ETH_P_IPV6, udp(source, destination, own))

    def broadcast(own):
        return frame(ETH_P_IP, udp(own4, "255.255.255.255", own), destination=b"\xff" * 6)

    attempts = [
        ("other_type", lambda own: frame(EXPERIMENTAL, own)),
        ("lldp", lambda own: frame(LLDP, own, destination=bytes.fromhex("0180c200000e"))),
        ("ipv4", ip_from(own4, forbidden4)),
        ("ipv6", ip_from(own6, forbidden6)),
        ("broadcast", broadcast),
        ("foreign_mac", lambda own: frame(ETH_P_IP, udp(own4, forbidden4, own), FOREIGN_MAC)),
        ("arp_with_more", lambda own: frame(ETH_P_ARP, arp_request(own_mac, own4, near4, own))),
        ("arp_as_an_envelope", lambda own: frame(ETH_P_ARP, own + bytes(14))),
        ("other_vlan", lambda own: frame(*tagged(20, ETH_P_IP, udp(own4, forbidden4, own)))),
        ("other_vlan_type", lambda own: frame(*tagged(20, EXPERIMENTAL, own))),
        ("priority_tag", lambda own: frame(*tagged(0, ETH_P_IP, udp(own4, forbidden4, own)))),
        ("provider_tag", lambda own: frame(*tagged(10, ETH_P_IP, udp(own4, forbidden4, own), PROVIDER_TAG))),
        ("two_tags", lambda own: frame(*tagged(10, *tagged(20, ETH_P_IP, udp(own4, forbidden4, own))))),
        ("vlan", lambda own: frame(*tagged(10, ETH_P_IP, udp(own4, forbidden4, own)))),
        ("vlan_ipv6", lambda own: frame(*tagged(10, ETH_P_IPV6, udp(own6, forbidden6, own)))),
        ("vlan_type", lambda own: frame(*tagged(10, EXPERIMENTAL, own))),
    ]
    for name, make in attempts:
        yield Attempt(f"{device}_{name}", device, make)
    for name, make in attempts[:3]:
        yield Attempt(f"{device}_{name}_past_the_queue", device, make, bypass=True)
