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


def print_prefix(attributes):
    while len(attributes) >= 4:
        size, kind = struct.unpack_from("HH", attributes)
        if kind == NFULA_PREFIX:
            print(attributes[4:size].rstrip(b"\0").decode(), flush=True)
        attributes = attributes[(size + 3) // 4 * 4:]


group = int(sys.argv[1])
link = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, NETLINK_NETFILTER)
link.bind((0, 0))
body = struct.pack("!BBH", socket.AF_UNSPEC, 0, group) + attribute(NFULA_CFG_CMD, bytes([NFULNL_CFG_CMD_BIND]))
link.send(struct.pack("IHHII", 16 + len(body), SUBSYSTEM_LOG << 8 | MSG_CONFIG, 5, 1, 0) + body)
while True:
    data = link.recv(65536)
    while len(data) >= 16:
        length, kind = struct.unpack_from("IH", data)
        if kind == SUBSYSTEM_LOG << 8 | MSG_PACKET:
            print_prefix(data[20:length])
        else:
            print("ready", flush=True)
        data = data[(length + 3) // 4 * 4:]
