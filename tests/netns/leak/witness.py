# SPDX-License-Identifier: GPL-2.0-or-later
"""What arrived: receivers in the namespaces, each under the name of a place, and the marks that they look for.

Every attempt is made with marks of its own: a word of eight bytes in what it sends, or, where it can't send words (the
kernel's own SYN), the pair of ports. What a receiver sees is searched for the marks of the attempts that are under way.
"""
import ctypes
import re
import select
import socket
import struct
import time

import lab
import packets

ETH_P_ALL = 0x0003
SO_RCVBUFFORCE = 33
PACKET_OUTGOING = 4
WORD = re.compile(rb"~[A-Z]\d{4}~!")


def word(letter, number):
    return b"~%c%04d~!" % (letter, number)


class Receiver:
    def __init__(self, place, opened, strip):
        """strip: gives the family and what begins with a TCP header, of what was received; b"" if nothing does."""
        self.place, self.socket, self.strip = place, opened, strip
        opened.setblocking(False)


def link(place, space, interface):
    """All that comes in over an interface, as the wire has it."""
    with lab.inside(space):
        opened = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
        opened.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 8 << 20)
        opened.bind((interface, ETH_P_ALL))
    return Receiver(place, opened, of_frame)


def of_frame(frame):
    kind = struct.unpack("!H", frame[12:14])[0]
    return "6" if kind == packets.IPV6 else "4", packets.segment_of(frame[14:], kind)


def packet(place, space, interface, protocol):
    """A packet socket for one ethertype (1 and 4: the kernel's numbers for 802.3 and 802.2)."""
    with lab.inside(space):
        opened = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
        opened.bind((interface, protocol))
    return Receiver(place, opened, of_frame)


def raw(place, space, family, protocol):
    """A raw IP socket: what comes to a namespace's own addresses and passes its input hook."""
    with lab.inside(space):
        opened = socket.socket(socket.AF_INET6 if family == "6" else socket.AF_INET, socket.SOCK_RAW, protocol)
        opened.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 4 << 20)
    if protocol != packets.TCP:
        return Receiver(place, opened, lambda data: (family, b""))
    if family == "4":
        return Receiver(place, opened, lambda data: ("4", data[(data[0] & 15) * 4:]))
    return Receiver(place, opened, lambda data: ("6", data))


class Witness:
    def __init__(self):
        self.receivers = {}
        self.poll = select.epoll()
        self.words = {}
        self.ports = {}
        self.bytes = []

    def add(self, *receivers):
        for receiver in receivers:
            self.receivers[receiver.socket.fileno()] = receiver
            self.poll.register(receiver.socket, select.EPOLLIN)

    def remove(self, receiver):
        self.poll.unregister(receiver.socket)
        del self.receivers[receiver.socket.fileno()]

    def forget(self):
        """Attempts that are over."""
        self.look(0)
        self.words, self.ports, self.bytes = {}, {}, []

    def expect_ports(self, shot, own_port, port):
        """In both directions: what answers counts, too."""
        for ends in ((own_port, port), (port, own_port)):
            self.ports[shot.family, struct.pack("!HH", *ends)] = shot

    def expect_bytes(self, shot, data):
        self.bytes.append((data, shot))

    def look(self, seconds, enough=lambda: False):
        """Takes in what comes for so long, or until enough."""
        end = time.monotonic() + seconds
        while True:
            events = self.poll.poll(max(0, min(0.05, end - time.monotonic())))
            for number, _ in events:
                self.drain(self.receivers[number])
            if enough() or time.monotonic() >= end + (0.2 if events else 0):
                return

    def drain(self, receiver):
        for _ in range(500):
            try:
                data, source = receiver.socket.recvfrom(65536)
            except OSError:
                return
            if receiver.socket.family == socket.AF_PACKET and source[2] == PACKET_OUTGOING:
                continue
            self.judge(receiver, data)

    def judge(self, receiver, data):
        for shot in self.shots_in(receiver, data):
            if shot.attempt.where == receiver.place and shot.is_what_was_meant(data):
                shot.arrived = data

    def shots_in(self, receiver, data):
        found = [self.words[match] for match in WORD.findall(data) if match in self.words]
        found += [shot for text, shot in self.bytes if text in data]
        family, segment = receiver.strip(data)
        ports = self.ports.get((family, segment[:4]))
        return found + [ports] if ports else found


# ---- AF_XDP: sends from a ring that it shares with the driver, past every hook ----

class XdpSender:
    SOL_XDP, TX_RING, UMEM_REG, FILL_RING, COMPLETION_RING, OFFSETS, COPY = 283, 3, 4, 5, 6, 1, 2

    def __init__(self, space, interface):
        import mmap
        with lab.inside(space):
            self.socket = socket.socket(44, socket.SOCK_RAW, 0)
            index = socket.if_nametoindex(interface)
        self.memory = mmap.mmap(-1, 4096 * 16)
        self.address = ctypes.addressof(ctypes.c_char.from_buffer(self.memory))
        self.option(self.UMEM_REG, struct.pack("QQIIII", self.address, 4096 * 16, 4096, 0, 0, 0))
        for ring in (self.FILL_RING, self.COMPLETION_RING, self.TX_RING):
            self.option(ring, struct.pack("I", 16))
        offsets = struct.unpack("16Q", self.socket.getsockopt(self.SOL_XDP, self.OFFSETS, 128))
        self.producer, _, self.descriptors, _ = offsets[4:8]
        self.ring = mmap.mmap(self.socket.fileno(), self.descriptors + 16 * 16, offset=0x80000000)
        name = struct.pack("HHIII", 44, self.COPY, index, 0, 0)
        if lab.libc.bind(self.socket.fileno(), name, len(name)):
            raise OSError(ctypes.get_errno(), "AF_XDP bind")

    def option(self, name, value):
        self.socket.setsockopt(self.SOL_XDP, name, value)

    def send(self, frame):
        count = struct.unpack_from("I", self.ring, self.producer)[0]
        place = count % 16
        self.memory[place * 4096:place * 4096 + len(frame)] = frame
        struct.pack_into("QII", self.ring, self.descriptors + place * 16, place * 4096, len(frame), 0)
        struct.pack_into("I", self.ring, self.producer, count + 1)
        lab.libc.sendto(self.socket.fileno(), None, 0, 0x40, None, 0)
