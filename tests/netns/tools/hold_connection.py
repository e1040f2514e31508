#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""hold_connection.py FILE ADDRESS PORT [udp]: connects and stays; FILE gets "connected", then every line that comes.

SIGUSR1 makes it send a line itself. With udp it sends one at once, and is connected when that was echoed.
"""
import signal
import socket
import sys

path, address, port = sys.argv[1:4]
if sys.argv[4:] == ["udp"]:
    connection = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_DGRAM)
    connection.connect((address, int(port)))
    connection.send(b"hello\n")
    connection.recv(4096)
else:
    connection = socket.create_connection((address, int(port)))
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
signal.signal(signal.SIGUSR1, lambda *_: connection.send(b"line\n"))
with open(path, "a", buffering=1) as file:
    file.write("connected\n")
    while True:
        try:
            data = connection.recv(4096)
        except OSError as error:
            file.write(f"{error}\n")
            break
        if not data:
            break
        file.write(data.decode())
