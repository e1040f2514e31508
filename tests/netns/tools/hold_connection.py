#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""hold_connection.py FILE ADDRESS PORT: connects and stays; FILE gets "connected", then every line that comes.

SIGUSR1 makes it send a line itself.
"""
import signal
import socket
import sys

path, address, port = sys.argv[1:]
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
