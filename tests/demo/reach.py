#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Tries all that standard input names, at the same time, and prints "yes" or "no" for each, in order.

A line is NAMESPACE KIND ADDRESS PORT, and more words that do not count. KIND is tls (a whole handshake, then a request
that is answered), tcp (connect) or dns (ask for vr1.example.com over UDP and take any answer). One second has to do:
what is dropped never answers, and all of it is in network namespaces of one machine.
"""
import ctypes
import os
import socket
import ssl
import struct
import sys
from concurrent.futures import ThreadPoolExecutor

SECONDS = 1.0
QUERY = struct.pack("!6H", 0x2025, 0x0100, 1, 0, 0, 0) + b"\3vr1\7example\3com\0" + struct.pack("!2H", 1, 1)


LIBC = ctypes.CDLL(None, use_errno=True)


def enter(namespace):
    """Puts the calling thread, and nothing else of this process, into a network namespace of ip-netns(8)."""
    file = os.open(f"/run/netns/{namespace}", os.O_RDONLY)
    if LIBC.setns(file, 0x40000000):  # CLONE_NEWNET
        sys.exit(f"reach: {namespace}: {os.strerror(ctypes.get_errno())}")
    os.close(file)


def tcp(address, port):
    socket.create_connection((address, port), SECONDS).close()


def tls(address, port):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    with socket.create_connection((address, port), SECONDS) as connection:
        with context.wrap_socket(connection) as stream:
            stream.sendall(b"GET /server.pem HTTP/1.0\r\n\r\n")
            check(stream.recv(1))


def dns(address, port):
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as connection:
        connection.settimeout(SECONDS)
        connection.connect((address, port))
        connection.send(QUERY)
        check(connection.recv(512)[:2] == QUERY[:2])


def check(answered):
    if not answered:
        raise ConnectionError


def reaches(line):
    namespace, kind, address, port = line.split()[:4]
    enter(namespace)
    try:
        {"tcp": tcp, "tls": tls, "dns": dns}[kind](address, int(port))
    except OSError:
        return "no"
    return "yes"


def main():
    lines = [line for line in sys.stdin.read().splitlines() if line]
    with ThreadPoolExecutor(len(lines)) as pool:
        print("\n".join(pool.map(reaches, lines)))


if __name__ == "__main__":
    main()
