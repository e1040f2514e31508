#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""netlink_seeds.py FOLDER QUARANTINE: what this kernel answers, for the targets that read netlink to begin with. WireGuard,
which it may not have, answers as linux/wireguard.h says.

In a network namespace of its own, with a few links, a quarantine and one packet that is tracked. FOLDER/TARGET/ gets a file for
each message; for nft_examine, which reads a whole rule set, one for each family. Needs root; without, it makes nothing.
"""
import os
import pathlib
import socket
import struct
import subprocess
import sys

ROUTE, XFRM, NETFILTER = 0, 6, 12
REQUEST, DUMP = 1, 0x300
INET, IPV6, BRIDGE, NETDEV = 1, 10, 7, 5
TABLE = b"vrr_quarantine_table\0"
LINKS = """
link set lo up
link add wan type veth peer name far
link add lan type bridge
link add tunnel type vxlan id 4 remote 192.0.2.9 dstport 4789 dev wan
link add link wan name child type macvlan mode bridge
link set wan up
link set far up
address add 192.0.2.2/24 dev wan
address add 2001:db8:1::2/64 dev wan nodad
route add default via 192.0.2.1
route add ::/0 via 2001:db8:1::1
xfrm policy add src 0.0.0.0/0 dst 203.0.113.0/24 dir out tmpl src 192.0.2.2 dst 192.0.2.9 proto esp mode tunnel
xfrm policy add src ::/0 dst 2001:db8:3::/48 dir out tmpl proto comp mode transport tmpl proto esp mode transport
"""


def attribute(kind, payload):
    return struct.pack("=HH", 4 + len(payload), kind) + payload + bytes(-len(payload) % 4)


def dump(bus, kind, body):
    """The messages of the answer, without the last one, which says only that it was."""
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, bus) as netlink:
        netlink.settimeout(5)
        netlink.send(struct.pack("=IHHII", 16 + len(body), kind, REQUEST | DUMP, 1, 0) + body)
        while True:
            data = netlink.recv(1 << 18)
            while len(data) >= 16:
                length, kind = struct.unpack_from("=IH", data)
                if kind <= 3: # an error, or the end
                    return
                yield data[:length].ljust(length + 3 & ~3, b"\0")
                data = data[length + 3 & ~3:]


def tables(family):
    """As examine() asks: the sets and their elements, chains, rules."""
    def ask(kind, *attributes):
        return list(dump(NETFILTER, 10 << 8 | kind, struct.pack("BBH", family, 0, 0) + b"".join(attributes)))
    sets = ask(10, attribute(1, TABLE))
    names = [found[0] for found in (attributes_of(message, 2) for message in sets) if found]
    elements = [message for name in names for message in ask(13, attribute(1, TABLE), attribute(2, name))]
    return [*ask(1), *sets, *elements, *ask(4), *ask(7, attribute(1, TABLE))]


def attributes_of(message, wanted):
    at = 20
    found = []
    while at + 4 <= len(message):
        length, kind = struct.unpack_from("=HH", message, at)
        if length < 4:
            break
        if kind & 0x3FFF == wanted:
            found.append(message[at + 4:at + length])
        at += length + 3 & ~3
    return found


def wireguard():
    """A device with a port of its own and two peers, the second without an endpoint; and the number of the family."""
    def nest(kind, *attributes):
        return attribute(kind, b"".join(attributes))

    def allowed(family, prefix, length):
        return nest(0, attribute(1, struct.pack("=H", family)), attribute(2, prefix), attribute(3, bytes([length])))
    endpoint = struct.pack("=H", socket.AF_INET) + struct.pack("!H4s8x", 7777, socket.inet_aton("192.0.2.9"))
    peers = nest(8,
                 nest(0, attribute(1, bytes(32)), attribute(7, bytes(8)), attribute(4, endpoint),
                      nest(9, allowed(socket.AF_INET, bytes([10, 77, 0, 0]), 16), allowed(socket.AF_INET6, bytes(16), 0))),
                 nest(0, attribute(1, bytes(32)), attribute(7, bytes(8)), nest(9, allowed(socket.AF_INET, bytes(4), 0))))
    body = attribute(6, struct.pack("=H", 51820)) + attribute(1, struct.pack("=I", 10)) + attribute(2, b"tun9\0") + peers
    family = attribute(2, b"wireguard\0") + attribute(1, struct.pack("=H", 29))
    for command, attributes in ((0, body), (1, family)):
        yield struct.pack("=IHHIIBBH", 20 + len(attributes), 29, 2, 1, 0, command, 1, 0) + attributes


def answers():
    yield from (("wireguard", message) for message in wireguard())
    for family in (INET, BRIDGE, NETDEV):
        messages = tables(family)
        yield from (("nft_table", message) for message in messages)
        yield "nft_examine", b"".join(messages)
    for kind, body in ((18, 16), (22, 8), (26, 12)): # links, addresses, routes
        yield from (("rtnetlink", message) for message in dump(ROUTE, kind, bytes(body)))
    yield from (("ipsec", message) for message in dump(XFRM, 21, bytes(64))) # policies
    yield from (("conntrack", message) for message in dump(NETFILTER, 1 << 8 | 1, bytes(4)))


def main():
    folder, quarantine = pathlib.Path(sys.argv[1]), os.path.abspath(sys.argv[2])
    if os.environ.get("SEEDS_INSIDE") != "yes":
        os.execvpe("unshare", ["unshare", "--net", "--mount", sys.executable, *sys.argv], os.environ | {"SEEDS_INSIDE": "yes"})
    subprocess.run(["mount", "-t", "tmpfs", "tmpfs", "/run"], check=True)
    subprocess.run(["ip", "-batch", "-"], input=LINKS, text=True, check=False)
    subprocess.run([quarantine, "--no-probe", "-q", "--dns", "192.0.2.53", "--for", "1h", "--layers", "inet,bridge,netdev",
                    "-a", "tcp:198.51.100.0/24:22:in", "https://198.51.100.2:8000/", "https://[2001:db8:2::2]/"], check=False)
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as tracked:
        tracked.setblocking(False)
        tracked.connect_ex(("198.51.100.2", 8000))
        for number, (target, data) in enumerate(answers()):
            (folder / target).mkdir(parents=True, exist_ok=True)
            (folder / target / str(number)).write_bytes(data)


main()
