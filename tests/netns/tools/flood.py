#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""flood.py ADDRESS PORT [PAUSE]: UDP datagrams until SIGTERM, then prints how many the kernel took for sending, and
how many it refused. flood.py INTERFACE ETHERTYPE [PAUSE]: the same with frames of a packet socket.

PAUSE: seconds between two of them; without it, as fast as it can.
"""
import signal
import socket
import sys
import time

address, port = sys.argv[1], int(sys.argv[2], 0)
pause = float(sys.argv[3]) if len(sys.argv) > 3 else 0
going = True


def stop(*_):
    global going
    going = False


def main():
    signal.signal(signal.SIGTERM, stop)
    if address[0].isalpha():
        sender = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM)
        target = (address, port, 0, 0, b"\xff" * 6)
    else:
        sender = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_DGRAM)
        target = (address, port)
    taken = refused = 0
    while going:
        try:
            sender.sendto(b"flood", target)
            taken += 1
        except OSError:  # EPERM: a rule dropped it
            refused += 1
        if pause:
            time.sleep(pause)
    print(taken, refused)


main()
