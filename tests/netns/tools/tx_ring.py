#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""tx_ring.py LINK TO-MAC PROTOCOL SOURCE TO OTHER OWN-PORT PORT COUNT

Frames in a ring that a packet socket shares with the kernel (PACKET_TX_RING, linux/if_packet.h), which copies nothing but
the Ethernet header: while it is sent, a thread changes IP's destination from TO to OTHER and back. Prints how many were sent.
"""
import contextlib
import mmap
import socket
import struct
import sys
import threading

SOL_PACKET, PACKET_VERSION, PACKET_TX_RING = 263, 10, 13
TPACKET_V2, SEND_REQUEST, HEADER = 1, 1, 32
ETHERNET, DESTINATION = 14, 16

link, to_mac, protocol, source, to, other, own_port, port, count = sys.argv[1:]
raw = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
raw.setsockopt(SOL_PACKET, PACKET_VERSION, TPACKET_V2)
raw.setsockopt(SOL_PACKET, PACKET_TX_RING, struct.pack("=4I", mmap.PAGESIZE, 1, mmap.PAGESIZE, 1))
ring = mmap.mmap(raw.fileno(), mmap.PAGESIZE)
raw.bind((link, 0x800))

body = struct.pack("!HHHH", int(own_port), int(port), 20, 0) + bytes(12)
if int(protocol) == socket.IPPROTO_TCP:
    body = struct.pack("!HHIIBBHHH", int(own_port), int(port), 1, 0, 5 << 4, 2, 1024, 0, 0)
head = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(body), 7, 0, 64, int(protocol), 0) + socket.inet_aton(source)
total = sum(struct.unpack("!8H", head)) + sum(struct.unpack("!2H", socket.inet_aton(other)))  # right for OTHER
while total >> 16:
    total = (total & 0xFFFF) + (total >> 16)
head = head[:10] + struct.pack("!H", ~total & 0xFFFF) + head[12:]
frame = bytes.fromhex(to_mac.replace(":", "")) + raw.getsockname()[4] + b"\x08\0" + head + socket.inet_aton(to) + body
ring[HEADER:HEADER + len(frame)] = frame
place = HEADER + ETHERNET + DESTINATION
done = False


def change():
    addresses = socket.inet_aton(to), socket.inet_aton(other)
    while not done:
        for address in addresses:
            ring[place:place + 4] = address


thread = threading.Thread(target=change)
thread.start()
sent = 0
for _ in range(int(count)):
    ring[0:8] = struct.pack("=II", SEND_REQUEST, len(frame))
    with contextlib.suppress(OSError):
        raw.send(b"")
        sent += 1
    ring[0:4] = bytes(4)
done = True
thread.join()
print(f"sent {sent}")
