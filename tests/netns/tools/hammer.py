#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""hammer.py [SECONDS]: changes the rule set as fast as one process can: adds a table of its own, and deletes it. Without pauses, or
so long after each. Prints how often, at the end (SIGTERM).
"""
import signal
import socket
import struct
import sys
import time

NETLINK_NETFILTER, NFNL_SUBSYS_NFTABLES, NFT_MSG_NEWTABLE, NFT_MSG_DELTABLE = 12, 10, 0, 2
BATCH_BEGIN, BATCH_END, NLM_F_REQUEST, NLM_F_CREATE, NFPROTO_INET = 0x10, 0x11, 1, 0x400, 1
NAME = struct.pack("HH", 11, 1) + b"hammer\0\0"


def message(kind, flags, family, resource, payload=b""):
    return struct.pack("IHHIIBBH", 20 + len(payload), kind, flags, 1, 0, family, 0, socket.htons(resource)) + payload


def batch(kind, flags):
    return (message(BATCH_BEGIN, NLM_F_REQUEST, 0, NFNL_SUBSYS_NFTABLES) +
            message(NFNL_SUBSYS_NFTABLES << 8 | kind, NLM_F_REQUEST | flags, NFPROTO_INET, 0, NAME) +
            message(BATCH_END, NLM_F_REQUEST, 0, NFNL_SUBSYS_NFTABLES))


count = 0
pause = float(sys.argv[1]) if len(sys.argv) > 1 else 0
netlink = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, NETLINK_NETFILTER)
netlink.setblocking(False)
signal.signal(signal.SIGTERM, lambda *_: sys.exit(print(count, flush=True)))
while True:
    for change in (batch(NFT_MSG_NEWTABLE, NLM_F_CREATE), batch(NFT_MSG_DELTABLE, 0)):
        netlink.send(change)
        count += 1
        if pause:
            time.sleep(pause)
