#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""tunnel.py NAME NAMESPACE OTHER: an interface without link-layer header (tun) of this name in both network namespaces, whose
packets this program carries to and fro, as a VPN does; prints "ready"."""
import ctypes
import fcntl
import os
import select
import struct
import sys

TUNSETIFF = 0x400454CA  # linux/if_tun.h
IFF_TUN, IFF_NO_PI = 0x1, 0x1000
CLONE_NEWNET = 0x40000000


def open_in(namespace, name):
    with open(f"/run/netns/{namespace}", "rb") as handle:
        if ctypes.CDLL(None).setns(handle.fileno(), CLONE_NEWNET) != 0:
            sys.exit(f"tunnel.py: no namespace {namespace}")
    tun = os.open("/dev/net/tun", os.O_RDWR)
    fcntl.ioctl(tun, TUNSETIFF, struct.pack("16sH22x", name.encode(), IFF_TUN | IFF_NO_PI))
    return tun


def main():
    name, *namespaces = sys.argv[1:]
    one, other = (open_in(namespace, name) for namespace in namespaces)
    print("ready", flush=True)
    while True:
        for ready in select.select([one, other], [], [])[0]:
            try:
                os.write(other if ready == one else one, os.read(ready, 65536))
            except OSError:  # the interface is down
                pass


main()
