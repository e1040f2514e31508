#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""attempt.py [-t SECONDS] PROTOCOL/ADDRESS/PORT[/OWN PORT]...: tries all at once and prints those that were answered.

tcp: the connection was accepted. udp: something came back; to port 53 goes a question for one.vr.test. icmp/ADDRESS: the
echo request was answered. Whether a packet arrived is not for this program to say: that is read on the other side by
`arrived` in lib.sh.
"""
import argparse
import errno
import os
import select
import socket
import struct
import time


def family_of(address):
    return socket.AF_INET6 if ":" in address else socket.AF_INET


def echo_request(family):
    kind = 128 if family == socket.AF_INET6 else 8
    header = struct.pack("!BBHHH", kind, 0, 0, os.getpid() & 0xFFFF, 1)
    checksum = sum(struct.unpack("!4H", header))
    checksum = ~(checksum + (checksum >> 16)) & 0xFFFF
    return struct.pack("!BBHHH", kind, 0, checksum, os.getpid() & 0xFFFF, 1)


QUESTION = b"\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00\x03one\x02vr\x04test\x00\x00\x01\x00\x01"


class Attempt:
    def __init__(self, word):
        self.word = word
        self.protocol, address, *port = word.split("/")
        self.address, _, interface = address.partition("%")
        self.scope = socket.if_nametoindex(interface) if interface else 0
        self.port = int(port[0]) if port else 0
        self.own_port = int(port[1]) if len(port) > 1 else 0
        self.socket = None

    def start(self):
        """What is refused at once (EPERM of a dropped packet, no route) is not answered."""
        try:
            self.socket = self.open(family_of(self.address))
            if self.protocol == "tcp":
                if self.socket.connect_ex(self.peer()) not in (0, errno.EINPROGRESS):
                    self.socket = None
                return
            self.socket.connect(self.peer())
            if self.protocol == "udp":
                self.socket.send(QUESTION if self.port == 53 else b"attempt")
            else:
                self.socket.send(echo_request(family_of(self.address)))
        except OSError:
            self.socket = None

    def peer(self):
        return (self.address, self.port) + ((0, self.scope) if self.scope else ())

    def open(self, family):
        if self.protocol == "icmp":
            protocol = socket.IPPROTO_ICMPV6 if family == socket.AF_INET6 else socket.IPPROTO_ICMP
            opened = socket.socket(family, socket.SOCK_RAW, protocol)
        else:
            opened = socket.socket(family, socket.SOCK_STREAM if self.protocol == "tcp" else socket.SOCK_DGRAM)
            opened.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
            opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if self.own_port:
                opened.bind(("", self.own_port))
        opened.setblocking(False)
        return opened

    def events(self):
        return select.POLLOUT if self.protocol == "tcp" else select.POLLIN

    def is_answer(self):
        if self.protocol == "tcp":
            return self.socket.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) == 0
        try:
            data = self.socket.recv(2048)
        except OSError:
            return False
        if self.protocol == "udp":
            return True
        data = data[20:] if family_of(self.address) == socket.AF_INET else data
        return data[0] in (0, 129) and struct.unpack("!H", data[4:6])[0] == os.getpid() & 0xFFFF


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("-t", type=float, default=0.4)
    parser.add_argument("words", nargs="*")
    arguments = parser.parse_args()
    pending = {}
    poll = select.poll()
    for word in arguments.words:
        attempt = Attempt(word)
        attempt.start()
        if attempt.socket:
            pending[attempt.socket.fileno()] = attempt
            poll.register(attempt.socket, attempt.events())
    end = time.monotonic() + arguments.t
    while pending and time.monotonic() < end:
        for number, _ in poll.poll(max(1, 1000 * (end - time.monotonic()))):
            attempt = pending[number]
            answered = attempt.is_answer()
            if answered:
                print(attempt.word)
            if answered or attempt.protocol == "tcp":
                poll.unregister(number)
                pending.pop(number).socket.close()


main()
