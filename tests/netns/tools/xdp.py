#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""xdp.py LINK pass|return|off: an XDP program (generic) for the link, which lets all pass or sends all back where it came from.

Two instructions, loaded by bpf(2) and attached by rtnetlink. Exit code 2: this kernel, or this machine, can't.
"""
import ctypes
import os
import platform
import socket
import struct
import sys

SYSTEM_CALLS = {"x86_64": 321, "aarch64": 280}
BPF_PROG_LOAD, BPF_PROG_TYPE_XDP = 5, 6
RETURNS = {"pass": 2, "return": 3}  # enum xdp_action
RTM_SETLINK, REQUEST, ACK, ERROR = 19, 1, 4, 2
IFLA_XDP, IFLA_XDP_FD, IFLA_XDP_FLAGS, GENERIC = 43, 1, 3, 2
NESTED = 1 << 15


def load(value):
    program = struct.pack("=BBhi", 0xB7, 0, 0, value) + struct.pack("=BBhi", 0x95, 0, 0, 0)  # r0 = value; exit
    instructions, license = ctypes.create_string_buffer(program), ctypes.create_string_buffer(b"GPL")
    about = struct.pack("=IIQQ", BPF_PROG_TYPE_XDP, 2, ctypes.addressof(instructions), ctypes.addressof(license)) + bytes(96)
    libc = ctypes.CDLL(None, use_errno=True)
    descriptor = libc.syscall(SYSTEM_CALLS[platform.machine()], BPF_PROG_LOAD, about, len(about))
    if descriptor < 0:
        raise OSError(ctypes.get_errno(), f"bpf: {os.strerror(ctypes.get_errno())}")
    return descriptor


def attribute(kind, payload):
    return struct.pack("=HH", 4 + len(payload), kind) + payload


def attach(link, descriptor):
    xdp = attribute(IFLA_XDP_FD, struct.pack("=i", descriptor)) + attribute(IFLA_XDP_FLAGS, struct.pack("=I", GENERIC))
    body = struct.pack("=BxHiII", 0, 0, socket.if_nametoindex(link), 0, 0) + attribute(IFLA_XDP | NESTED, xdp)
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0) as route:
        route.send(struct.pack("=IHHII", 16 + len(body), RTM_SETLINK, REQUEST | ACK, 1, 0) + body)
        kind, error = struct.unpack_from("=4xH10xi", route.recv(65536))
    if kind != ERROR or error:
        raise OSError(-error, f"attach to {link}: {os.strerror(-error)}")


try:
    attach(sys.argv[1], -1 if sys.argv[2] == "off" else load(RETURNS[sys.argv[2]]))
except (OSError, KeyError) as why:
    print(f"xdp: {why}", file=sys.stderr)
    sys.exit(2)
