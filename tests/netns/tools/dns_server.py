#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""dns_server.py ADDRESS [NAME=ADDRESS,...[/ADDRESS,...]]...: answers A and AAAA on UDP port 53.

After a slash stand the addresses that are answered from the second query of a type on. NAME=silent never answers,
any other name does not exist. Prints "ready".
"""
import socket
import struct
import sys

A, AAAA = 1, 28


def addresses(text, kind):
    family = socket.AF_INET6 if kind == AAAA else socket.AF_INET
    return [socket.inet_pton(family, word) for word in text.split(",") if word and (":" in word) == (kind == AAAA)]


def read_question(query):
    at, labels = 12, []
    while query[at]:
        labels.append(query[at + 1 : at + 1 + query[at]].decode())
        at += 1 + query[at]
    return ".".join(labels).lower(), struct.unpack("!H", query[at + 1 : at + 3])[0], query[12 : at + 5]


def answer(query, records, asked):
    name, kind, question = read_question(query)
    if records.get(name) == "silent":
        return None
    stages = records.get(name, "").split("/")
    count = asked[name, kind] = asked.get((name, kind), 0) + 1
    found = addresses(stages[min(count, len(stages)) - 1], kind)
    code = 0 if name in records else 3
    header = query[:2] + struct.pack("!HHHHH", 0x8580 | code, 1, len(found), 0, 0)
    return header + question + b"".join(
        b"\xc0\x0c" + struct.pack("!HHIH", kind, 1, 60, len(address)) + address for address in found)


def main():
    own = sys.argv[1]
    records = dict(word.split("=", 1) for word in sys.argv[2:])
    asked = {}
    server = socket.socket(socket.AF_INET6 if ":" in own else socket.AF_INET, socket.SOCK_DGRAM)
    server.bind((own, 53))
    print("ready", flush=True)
    while True:
        query, peer = server.recvfrom(512)
        message = answer(query, records, asked)
        if message:
            server.sendto(message, peer)


main()
