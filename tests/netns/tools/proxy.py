#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""An HTTP proxy for tests: proxy.py ADDRESS PORT [USER:PASSWORD]. It knows CONNECT, writes what was asked for to standard
error, and prints "ready" when it listens."""
import base64
import socket
import sys
import threading


def pass_on(source, target):
    try:
        while part := source.recv(65536):
            target.sendall(part)
        target.shutdown(socket.SHUT_WR)
    except OSError:
        pass


def serve(client, credentials):
    request = b""
    while b"\r\n\r\n" not in request:
        part = client.recv(4096)
        if not part:
            return
        request += part
    head = request.decode("latin-1")
    method, target, _ = head.split("\r\n")[0].split(" ")
    print(method, target, file=sys.stderr, flush=True)
    wanted = "Proxy-Authorization: Basic " + base64.b64encode(credentials.encode()).decode()
    if credentials and wanted not in head:
        client.sendall(b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n")
        return
    host, _, port = target.rpartition(":")
    try:
        server = socket.create_connection((host.strip("[]"), int(port)), timeout=10)
    except OSError:
        client.sendall(b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n")
        return
    with server:
        client.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
        there = threading.Thread(target=pass_on, args=(client, server), daemon=True)
        there.start()
        pass_on(server, client)
        there.join()


def serve_quietly(client, credentials):
    with client:
        try:
            serve(client, credentials)
        except (OSError, ValueError):
            pass


listener = socket.create_server((sys.argv[1], int(sys.argv[2])))
print("ready", flush=True)
while True:
    threading.Thread(target=serve_quietly, args=(listener.accept()[0], (sys.argv + [""])[3]), daemon=True).start()
