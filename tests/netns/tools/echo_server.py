#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""echo_server.py LOG PORT...: TCP and UDP on these ports of every address, IPv4 and IPv6; all is echoed.

LOG gets a line for what reached this application: "tcp/OWN ADDRESS/PORT" for a connection, "udp/OWN ADDRESS/PORT" for a datagram,
"bytes/PORT N" for the sum of a connection that ended. SIGUSR1 makes it speak first: "push" and a newline to every open
connection; SIGUSR2 the same to everybody who has sent a datagram. A file of LOG's name with ".ready" behind it appears when it listens.
"""
import selectors
import signal
import socket
import sys

log = open(sys.argv[1], "a", buffering=1)
selector = selectors.DefaultSelector()
connections = {}
senders = set()


def plain(address):
    return address[7:] if address.startswith("::ffff:") else address


def listen(kind, port):
    listener = socket.socket(socket.AF_INET6, kind)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
    listener.bind(("::", port))
    listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_RECVPKTINFO, 1)
    listener.setblocking(False)
    if kind == socket.SOCK_STREAM:
        listener.listen(64)
    selector.register(listener, selectors.EVENT_READ, accept if kind == socket.SOCK_STREAM else answer)


def accept(listener):
    connection, _ = listener.accept()
    own = connection.getsockname()
    log.write(f"tcp/{plain(own[0])}/{own[1]}\n")
    connections[connection] = 0
    selector.register(connection, selectors.EVENT_READ, echo)


def echo(connection):
    port = connection.getsockname()[1]
    try:
        data = connection.recv(65536)
        connection.sendall(data[:100])
    except OSError:
        data = b""
    if data:
        connections[connection] += len(data)
        return
    log.write(f"bytes/{port} {connections.pop(connection)}\n")
    selector.unregister(connection)
    connection.close()


def answer(listener):
    """From the address that it was sent to, of several."""
    data, details, _, peer = listener.recvmsg(65536, 256)
    own = [info[2] for info in details if info[:2] == (socket.IPPROTO_IPV6, socket.IPV6_PKTINFO)]
    log.write(f"udp/{plain(socket.inet_ntop(socket.AF_INET6, own[0][:16]))}/{listener.getsockname()[1]}\n")
    senders.add((listener, own[0][:16], peer))
    send_datagram(listener, data, own[0][:16], peer)


def send_datagram(listener, data, own, peer):
    try:
        listener.sendmsg([data], [(socket.IPPROTO_IPV6, socket.IPV6_PKTINFO, own + bytes(4))], 0, peer)
    except OSError:
        pass


def push(*_):
    for connection in connections:
        try:
            connection.send(b"push\n")
        except OSError:
            pass


def push_datagrams(*_):
    for listener, own, peer in senders:
        send_datagram(listener, b"push\n", own, peer)


def main():
    signal.signal(signal.SIGUSR1, push)
    signal.signal(signal.SIGUSR2, push_datagrams)
    for word in sys.argv[2:]:
        listen(socket.SOCK_STREAM, int(word))
        listen(socket.SOCK_DGRAM, int(word))
    open(sys.argv[1] + ".ready", "w").close()
    while True:
        for key, _ in selector.select():
            try:
                key.data(key.fileobj)
            except OSError:
                pass


main()
