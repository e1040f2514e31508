# SPDX-License-Identifier: GPL-2.0-or-later
"""Bytes of frames and packets. Addresses are text, whatever comes back is bytes in network order."""
import ipaddress
import struct

FIN, SYN, RST, PSH, ACK, URG, ECE, CWR = 1, 2, 4, 8, 16, 32, 64, 128
IPV4, IPV6, ARP, VLAN, QINQ = 0x0800, 0x86DD, 0x0806, 0x8100, 0x88A8
ICMP, IGMP, TCP, UDP, ICMPV6 = 1, 2, 6, 17, 58
HOP_BY_HOP, ROUTING, FRAGMENT, DESTINATION = 0, 43, 44, 60


def packed(address):
    return ipaddress.ip_address(address).packed


def mac(text):
    return bytes.fromhex(text.replace(":", ""))


def checksum(data):
    data += b"\0" * (len(data) % 2)
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def ethernet(destination, source, kind, payload, padded=True):
    """kind: an ethertype; None for an LLC frame, which has its length there. The kernel's own frames are not padded."""
    frame = mac(destination) + mac(source) + struct.pack("!H", len(payload) if kind is None else kind) + payload
    return frame + bytes(max(0, 60 - len(frame)) if padded else 0)


def tagged(kind, identifier, inner_kind, payload):
    """What follows the addresses after an ethertype of a VLAN tag."""
    return struct.pack("!HH", identifier, inner_kind) + payload, kind


def ipv4(source, destination, protocol, payload, ttl=64, options=b"", offset=0, more=False, version=4):
    length = 20 + len(options)
    head = struct.pack("!BBHHHBBH4s4s", version << 4 | length // 4, 0, length + len(payload), 0x4C4B,
                       (0x2000 if more else 0) | offset // 8, ttl, protocol, 0, packed(source), packed(destination))
    head = head[:10] + struct.pack("!H", checksum(head + options)) + head[12:]
    return head + options + payload


def extended(headers, protocol, payload):
    """Next header and bytes of a payload behind extension headers: a list of (number, body without next header)."""
    for number, body in reversed(headers):
        payload = bytes([protocol]) + body + payload
        protocol = number
    return protocol, payload


def ipv6(source, destination, protocol, payload, ttl=64, headers=(), version=6):
    protocol, payload = extended(list(headers), protocol, payload)
    return struct.pack("!IHBB16s16s", version << 28, len(payload), protocol, ttl, packed(source), packed(destination)) + payload


def ip(source, destination, protocol, payload, **more):
    return (ipv6 if ":" in destination else ipv4)(source, destination, protocol, payload, **more)


def pseudo(source, destination, protocol, payload):
    if ":" in destination:
        return packed(source) + packed(destination) + struct.pack("!IHBB", len(payload), 0, 0, protocol) + payload
    return packed(source) + packed(destination) + struct.pack("!BBH", 0, protocol, len(payload)) + payload


def udp(source, destination, own_port, port, data):
    head = struct.pack("!HHH", own_port, port, 8 + len(data))
    return head + struct.pack("!H", checksum(pseudo(source, destination, UDP, head + b"\0\0" + data)) or 0xFFFF) + data


def tcp(source, destination, own_port, port, flags, data=b"", sequence=1000):
    head = struct.pack("!HHIIBBH", own_port, port, sequence, 1 if flags & ACK else 0, 0x50, flags, 64000)
    return head + struct.pack("!HH", checksum(pseudo(source, destination, TCP, head + bytes(4) + data)), 0) + data


def icmp(kind, code, rest, data):
    """rest: the four bytes after the checksum."""
    head = struct.pack("!BB", kind, code)
    return head + struct.pack("!H", checksum(head + b"\0\0" + rest + data)) + rest + data


def icmpv6(source, destination, kind, code, rest, data):
    head = struct.pack("!BB", kind, code)
    total = checksum(pseudo(source, destination, ICMPV6, head + b"\0\0" + rest + data))
    return head + struct.pack("!H", total) + rest + data


def arp(operation, sender_mac, sender, target_mac, target, hardware=1):
    return struct.pack("!HHBBH6s4s6s4s", hardware, IPV4, 6, 4, operation, mac(sender_mac), packed(sender),
                       mac(target_mac), packed(target))


def link_local(address):
    """The IPv6 link-local address that belongs to a MAC address."""
    raw = mac(address)
    interface = bytes([raw[0] ^ 2]) + raw[1:3] + b"\xff\xfe" + raw[3:]
    return str(ipaddress.IPv6Address(b"\xfe\x80" + bytes(6) + interface))


def solicited_node(address):
    return str(ipaddress.IPv6Address(bytes.fromhex("ff0200000000000000000001ff") + packed(address)[-3:]))


def multicast_mac(address):
    raw = packed(address)
    raw = b"\x33\x33" + raw[-4:] if len(raw) == 16 else b"\x01\x00\x5e" + bytes([raw[1] & 0x7F]) + raw[2:]
    return raw.hex(":")


def segment_of(packet, kind):
    """The TCP header and what follows, of an IP packet without extension headers; b"" if it is something else."""
    if kind == IPV4 and len(packet) > 20 and packet[9] == TCP and not struct.unpack("!H", packet[6:8])[0] & 0x1FFF:
        return packet[(packet[0] & 15) * 4:]
    return packet[40:] if kind == IPV6 and packet[6:7] == bytes([TCP]) else b""


def destination_of(frame):
    """Destination address of the IP packet in a frame, as text, or None."""
    kind = struct.unpack("!H", frame[12:14])[0]
    if kind == IPV4:
        return str(ipaddress.ip_address(frame[30:34]))
    if kind == IPV6:
        return str(ipaddress.ip_address(frame[38:54]))
    return None
