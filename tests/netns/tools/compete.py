#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""compete.py ROUNDS TABLE -- COMMAND... [-- COMMAND...]...: in each round, runs all of the commands at once.

A command that begins with the word "again" is begun again until the others have ended. All the time the kernel is asked for its
tables: those called TABLE must be of one transaction (their numbers follow one another), and as many as whoever replaced none
of them would have, or none. Prints how many rounds, samples, and of each command the exit codes and how often; whatever was
wrong, a line each.
"""
import collections
import random
import signal
import socket
import struct
import subprocess
import sys
import time

LIMIT = 20  # seconds, for each command
FAMILIES = {1: "inet", 2: "ip", 5: "netdev", 7: "bridge", 10: "ip6"}
NETLINK_NETFILTER, NFNL_SUBSYS_NFTABLES, NFT_MSG_GETTABLE = 12, 10, 1
NLM_F_REQUEST_DUMP, NLM_F_DUMP_INTR, NLMSG_DONE = 0x301, 0x10, 3
NFTA_TABLE_NAME, NFTA_TABLE_HANDLE = 1, 4

netlink = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, NETLINK_NETFILTER)
netlink.bind((0, 0))
problems = []
samples = 0


def attributes(data):
    while len(data) >= 4:
        length, kind = struct.unpack_from("HH", data)
        yield kind, data[4:length]
        data = data[(length + 3) & ~3:]


def tables(name):
    """Numbers by family of the tables of this name, or None: they changed while they were listed."""
    found = {}
    netlink.send(struct.pack("IHHIIBBH", 20, NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_GETTABLE, NLM_F_REQUEST_DUMP, 1, 0, 0, 0, 0))
    consistent = True
    while True:
        data = netlink.recv(65536)
        while data:
            length, kind, flags = struct.unpack_from("IHH", data)
            consistent &= not flags & NLM_F_DUMP_INTR
            if kind == NLMSG_DONE:
                return found if consistent else None
            about = dict(attributes(data[20:length]))
            if about.get(NFTA_TABLE_NAME, b"").rstrip(b"\0").decode() == name:
                found[FAMILIES.get(data[16])] = int.from_bytes(about[NFTA_TABLE_HANDLE], "big")
            data = data[(length + 3) & ~3:]


def sample(name, when):
    global samples
    found = tables(name)
    if found is None:
        return None
    samples += 1
    numbers = sorted(found.values())
    if found and (set(found) != {"inet", "bridge", "netdev"} or numbers != list(range(numbers[0], numbers[0] + 3))):
        problems.append(f"{when}: a mixture: {found}")
    return found


class Command:
    def __init__(self, words):
        self.again = words[0] == "again"
        self.words = words[self.again:]
        self.codes = collections.Counter()
        self.process = None

    def start(self):
        self.began = time.monotonic()
        self.process = subprocess.Popen(self.words, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)

    def ended(self, when):
        code = self.process.poll()
        if code is None and time.monotonic() - self.began > LIMIT:
            self.process.kill()
            problems.append(f"{when}: {self.words[0]} hangs")
            code = self.process.wait()
        if code is None:
            return False
        said = self.process.stderr.read()
        if code not in (0, 75) and self.codes[code] == 0:
            print(f"# {self.words[0]} ended with {code}: {said.strip()}")
        self.process.stderr.close()
        self.codes[code] += 1
        return True


def play(commands, name, when):
    running = []
    for command in random.sample(commands, len(commands)):
        command.start()
        running.append(command)
        if random.random() < 0.5:
            time.sleep(random.random() * 0.01)
    while running:
        sample(name, when)
        time.sleep(0.0003)
        for command in [command for command in running if command.ended(when)]:
            if command.again and not all(each.again for each in running):
                command.start()
            else:
                running.remove(command)
    while sample(name, f"{when}, in the end") is None:
        pass


def main():
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    rounds, name = int(sys.argv[1]), sys.argv[2]
    parts = " ".join(sys.argv[3:]).split("-- ")
    commands = [Command(part.split()) for part in parts if part.strip()]
    began = time.monotonic()
    for number in range(rounds):
        play(commands, name, f"round {number}")
    print(f"# {rounds} rounds, {samples} samples, {time.monotonic() - began:.1f} s")
    for command in commands:
        print("codes", " ".join(f"{code}:{count}" for code, count in sorted(command.codes.items())), "of", command.words[0])
    print("\n".join(["problems", *problems[:20]]) if problems else "no problem")


main()
