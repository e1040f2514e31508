#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""dhcp_frame.py LINK SOURCE-MAC TO-MAC SOURCE TO SOURCE-PORT PORT: a UDP packet of a message's size, by a packet socket. What may
not leave is no error.
"""
import contextlib
import socket
import struct
import sys


def mac(text):
    return bytes.fromhex(text.replace(":", ""))


link, source_mac, to_mac, source, to, own_port, port = sys.argv[1:]
udp = struct.pack("!4H", int(own_port), int(port), 308, 0) + bytes(300)
head = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 328, 1, 0, 64, 17, 0, socket.inet_aton(source), socket.inet_aton(to))
total = sum(struct.unpack("!10H", head))
total = (total & 0xFFFF) + (total >> 16)
head = head[:10] + struct.pack("!H", ~total & 0xFFFF) + head[12:]
raw = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
raw.bind((link, 0x800))
with contextlib.suppress(OSError):
    raw.send(mac(to_mac) + mac(source_mac) + b"\x08\0" + head + udp)
