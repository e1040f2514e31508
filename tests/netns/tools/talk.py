#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""talk.py FILE ADDRESS PORT: a conversation with an echo server that does not stop.

It sends a numbered line every 5 ms, unless ten have no answer yet, and reads what comes back ("push" is not counted). SIGTERM
ends it: it waits for the rest, and FILE, which had "connected", gets "sent N, echoed N, lost N": lines, whole and in order, and
TCP segments.
"""
import select
import signal
import socket
import struct
import sys
import time

# In struct tcp_info, linux/tcp.h. Without loss, too, TCP repeats a segment when the other program is slow; that is then
# reported as a duplicate.
TOTAL_RETRANSMITTED = 100
DUPLICATES = 216

path, address, port = sys.argv[1:]
connection = socket.create_connection((address, int(port)))
connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
talking = True
received = b""
sent = 0


def stop(*_):
    global talking
    talking = False


def listen():
    global received
    while select.select([connection], [], [], 0)[0]:
        data = connection.recv(65536)
        if not data:
            raise ConnectionError("closed")
        received += data


def echoes():
    return [line for line in received.split(b"\n")[:-1] if line != b"push"]


signal.signal(signal.SIGTERM, stop)
with open(path, "a", buffering=1) as file:
    try:
        while talking:
            if sent - len(echoes()) < 10:
                connection.sendall(b"%d\n" % sent)
                sent += 1
                if sent == 20:
                    file.write("connected\n")
            time.sleep(0.005)
            listen()
        patience = time.monotonic() + 5
        while len(echoes()) < sent and time.monotonic() < patience:
            time.sleep(0.02)
            listen()
    except OSError as error:
        file.write(f"{error}\n")
    echoed = sum(line == b"%d" % number for number, line in enumerate(echoes()))
    information = connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 256)
    lost = [struct.unpack_from("=I", information, at)[0] for at in (TOTAL_RETRANSMITTED, DUPLICATES)]
    file.write(f"sent {sent}, echoed {echoed}, lost {lost[0] - lost[1]}\n")
