#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""priority_tag.py DOWN UP: hands frames from one link to the other, as some providers' equipment does: those that go down get a
tag of priority 5 in no VLAN (IEEE 802.1Q), those that go up lose any tag.

priority_tag.py LINK: takes off the link what would make its frames no frames of a wire yet: checksums and segments that the
network card should make.
"""
import ctypes
import fcntl
import select
import socket
import struct
import sys

SIOCETHTOOL = 0x8946
FEATURES = {"checksums": 0x17, "segments of TCP": 0x1F, "other segments": 0x24}  # ETHTOOL_STXCSUM, STSO, SGSO
TAG = b"\x81\x00\xa0\x00"


def take_off(link):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
        for command in FEATURES.values():
            value = bytearray(struct.pack("II", command, 0))
            address = (ctypes.c_char * len(value)).from_buffer(value)
            fcntl.ioctl(control, SIOCETHTOOL, struct.pack("16sP16x", link.encode(), ctypes.addressof(address)))


def opened(link):
    raw = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
    raw.bind((link, 3))
    return raw


def relay(down, up):
    links = {opened(down): b"", opened(up): TAG}
    other = dict(zip(links, reversed(links)))
    print("ready", flush=True)
    while True:
        for link in select.select(list(links), [], [])[0]:
            frame, (_, _, kind, *_) = link.recvfrom(70000)
            if kind == socket.PACKET_OUTGOING:
                continue
            body = frame[16:] if frame[12:14] == TAG[:2] else frame[12:]
            other[link].send(frame[:12] + links[link] + body)


if len(sys.argv) == 2:
    take_off(sys.argv[1])
else:
    relay(*sys.argv[1:])
