#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""flood.py ADDRESS PORT [PAUSE]: UDP datagrams until SIGTERM, then prints how many the kernel took for sending, and
how many it refused.

PAUSE: seconds between two of them; without it, as fast as it can.
"""
import signal
import socket
import sys
import time

address, port = sys.argv[1], int(sys.argv[2])
pause = float(sys.argv[3]) if len(sys.argv) > 3 else 0
going = True


def stop(*_):
    global going
    going = False


def main():
    signal.signal(signal.SIGTERM, stop)
    sender = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_DGRAM)
    taken = refused = 0
    while going:
        try:
            sender.sendto(b"flood", (address, port))
            taken += 1
        except OSError:  # EPERM: a rule dropped it
            refused += 1
        if pause:
            time.sleep(pause)
    print(taken, refused)


main()
