#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""log_listener.py GROUP: prints the prefix of each packet that comes from that group of nfnetlink_log.

Attributes as of linux/netfilter/nfnetlink_log.h.
"""
import socket
import struct
import sys

NETLINK_NETFILTER, SUBSYSTEM_LOG = 12, 4
MSG_PACKET, MSG_CONFIG = 0, 1
NFULA_CFG_CMD, NFULNL_CFG_CMD_BIND = 1, 1
NFULA_PREFIX = 10


def attribute(kind, data):
    return struct.pack("HH", 4 + len(data), kind) + data.ljust((len(data) + 3) // 4 * 4, b"\0")


group = int(sys.argv[1])
link = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, NETLINK_NETFILTER)
link.bind((0, 0))
body = struct.pack("!BBH", socket.AF_UNSPEC, 0, group) + attribute(NFULA_CFG_CMD, bytes([NFULNL_CFG_CMD_BIND]))
link.send(struct.pack("IHHII", 16 + len(body), SUBSYSTEM_LOG << 8 | MSG_CONFIG, 5, 1, 0) + body)
while True:
    message = link.recv(65536)
    length, kind = struct.unpack_from("IH", message)
    if kind == SUBSYSTEM_LOG << 8 | MSG_PACKET:
        at = 20
        while at + 4 <= length:
            size, name = struct.unpack_from("HH", message, at)
            if name == NFULA_PREFIX:
                print(message[at + 4:at + size].rstrip(b"\0").decode(), flush=True)
            at += (size + 3) // 4 * 4
    else:
        print("ready", flush=True)
