#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""What a kernel lacks is found by trying, named, and makes the quarantine "partial"; what is left of it holds.

expected_gaps says what is to be named on which kernel. All else is the same on all.
"""
import re
import socket
import sys
import time

import lab
from flowtable import MODULES as FLOWTABLE_MODULES
from flowtable import module, nothing_passes
from frames import Attempt, arrivals, ethernet, udp
from lab import Namespace, Sniffer, check, same, wait_for
from router import FORBIDDEN4, FORBIDDEN6, SERVERS, WAN4, Router

PROGRAMS = ["ip", "nft"]
MODULES = [*FLOWTABLE_MODULES, "macvlan"]

EGRESS = "frames that packet sockets and macvlan children send (the kernel refuses it)"
LATER = "raw frames on interfaces that appear later"
ALL_LAYERS = ("--layers", "inet,bridge,netdev,later")


def expected_gaps(asked):
    """With nft about, as here, the layer of later interfaces has to be asked for."""
    gaps = []
    if not lab.kernel_at_least(5, 16):
        gaps.append(EGRESS)
    if not asked:
        gaps.append(f"{LATER} (see --layers later)")
    elif not lab.kernel_at_least(6, 18):
        gaps.append(f"{LATER} (the kernel refuses it)")
    return gaps


def gaps_of(said):
    """What the last block says is not covered, a line each. Only the first has the title, and long ones are wrapped."""
    block = re.search(r"^  not covered (.*?)^  undo with", said, re.M | re.S)
    if not block:
        return []
    return [gap.replace("\n", " ").strip() for gap in re.findall(r"\S.*?\)$", re.sub(r"\n {14}", "\n", block[1]), re.M | re.S)]


class Lab(Router):
    """The router with a second host on its LAN, which is bridged, and a container on a macvlan child of its uplink."""

    def __init__(self):
        super().__init__(bridged=True)
        self.second = Namespace("second")
        self.container = Namespace("container")
        self.dev.ip("""link add lan1 type veth peer name eth0 netns second
            link set lan1 up
            link set lan1 master br-lan
            link add child link wan-out type macvlan mode bridge
            link set child netns container""")
        self.second.ip("address add 203.0.113.3/24 dev eth0\nlink set eth0 up")
        self.container.ip("link set child up\naddress add 192.0.2.77/24 dev child\nroute add default via 192.0.2.1")

    def _addresses(self):
        """The uplink is not bridged, and stays what it is."""
        self.dev.ip("""link set wan nomaster
            link delete br-wan
            link set wan down
            link set wan name wan-out
            link set wan-out up""")
        self.wan_device = "wan-out"
        super()._addresses()


def talks(near, far, address):
    """A datagram that arrives at a socket of the other."""
    receiver = far.socket(socket.AF_INET, socket.SOCK_DGRAM)
    receiver.bind(("0.0.0.0", 4444))
    receiver.settimeout(0.15)
    sender = near.socket(socket.AF_INET, socket.SOCK_DGRAM)
    try:
        for _ in range(3):
            sender.sendto(b"hello", (address, 4444))
            try:
                return receiver.recv(10) == b"hello"
            except OSError:
                continue
        return False
    except OSError:
        return False
    finally:
        receiver.close()
        sender.close()


def leaks(router):
    """Ways that every kernel closes, each with whether it is open."""
    world = router.world
    reached = world.reached(router.dev, FORBIDDEN4, FORBIDDEN6)
    return {
        "out": FORBIDDEN4 in reached, "out6": FORBIDDEN6 in reached,
        "in": talks(world.namespace, router.dev, WAN4),
        "forwarded": talks(router.lan, world.namespace, FORBIDDEN4),
        "bridged": talks(router.lan, router.second, "203.0.113.3"),
        "to_the_container": talks(world.namespace, router.container, "192.0.2.77"),
    }


def expect(name, router, is_open):
    found = leaks(router)
    check(name, all(state == is_open for state in found.values()), found,
          lambda: router.dev.run("nft", "list", "ruleset")[1])


def containment(egress):
    router = Lab()
    router.traffic.sniffers["<"] = Sniffer(router.lan, "eth0")
    router.dev.nft("""table bridge fw {
        chain forward {
            type filter hook forward priority 0; policy drop
            ct state established,related accept
            iifname { lan0, lan1 } accept
        }
    }""")
    expect("open_before", router, True)
    router.open_flows()
    code, said = router.dev.run("quarantine", "--no-probe", *SERVERS)
    same("gaps_are_named", expected_gaps(False), gaps_of(said), said)
    same("exit_code", 0 if egress else 5, code, said)
    check("state_is_told", ("contained: table" if egress else "partial: table") in said, said)
    check("layers_are_told", "inet, bridge, netdev" in said, said)
    expect("closed", router, False)
    nothing_passes("flows", router)
    check("servers_are_reached", router.servers_reached(), said)
    leaving = talks(router.container, router.world.namespace, FORBIDDEN4)
    same("container_sends", not egress, leaving, "what macvlan children send")
    check("container_sends_is_named", not leaving or "macvlan" in " ".join(gaps_of(said)), gaps_of(said))
    later(router, egress)
    same("release", 0, router.dev.run("release")[0])
    same("nothing_is_left", False, "vrr_quarantine_table" in router.dev.must("nft", "list", "ruleset"))
    expect("open_after_release", router, True)
    lab.clean_up()


def later(router, egress):
    """An interface that is new."""
    code, said = router.dev.run("quarantine", "--no-probe", *ALL_LAYERS, *SERVERS)
    same("later_exit_code", 0 if egress else 5, code, said)
    same("later_gaps_are_named", expected_gaps(True), gaps_of(said), said)
    router.dev.ip("""link add later type veth peer name later netns world
        link set later up
        address add 10.99.0.1/24 dev later""")
    router.world.namespace.ip("link set later up\naddress add 10.99.0.2/24 dev later")
    sniffer = Sniffer(router.world.namespace, "later")
    mac, their_mac = router.dev.mac("later"), router.world.namespace.mac("later")
    attempts = [Attempt("type", "later", lambda own: ethernet(their_mac, mac, 0x88B5, own)),
                Attempt("ipv4", "later", lambda own: ethernet(their_mac, mac, 0x0800, udp("10.99.0.1", "10.99.0.2", own)))]
    arrived = arrivals(attempts, router.dev, [sniffer], 0.5)
    same("raw_frames_on_a_later_interface", [] if lab.kernel_at_least(6, 18) else ["type", "ipv4"], arrived)
    same("ip_on_a_later_interface", (False, False), (talks(router.dev, router.world.namespace, "10.99.0.2"),
                                                    talks(router.world.namespace, router.dev, "10.99.0.1")))


def probation():
    """The kernel ends it by itself when nobody keeps it: 10 seconds for the proof, and 8 more."""
    router = Router()
    running = router.dev.start("quarantine", "-k", "-T", "10", SERVERS[0])
    on_probation = wait_for(9, lambda: "set probation" in router.dev.run("nft", "list", "ruleset")[1])
    check("probation_begins", on_probation, running.poll())
    same("probation_contains", [], router.world.reached(router.dev, FORBIDDEN4, FORBIDDEN6, seconds=0.3))
    # it would end it by itself
    check("probation_is_kept", running.poll() is None, lambda: running.stdout.read())
    running.kill()
    check("probation_ends", wait_for(30, lambda: router.world.reached(router.dev, FORBIDDEN4, seconds=0.3)),
          lambda: router.dev.must("nft", "list", "ruleset"))
    code, said = router.dev.run("quarantine", "-k", "-T", "1", SERVERS[0])
    same("nobody_proves_itself", 3, code, said)
    same("rolled_back", [FORBIDDEN4], router.world.reached(router.dev, FORBIDDEN4))
    lab.clean_up()


def stateless(egress):
    """nft's ct is gone; connection tracking may be there for iptables."""
    module("nft_ct", False)
    try:
        router = Router()
        code, said = router.dev.run("quarantine", "--no-probe", *SERVERS)
        same("stateless_exit_code", 0 if egress else 5, code, said)
        check("stateless_is_told", "stateless rules are used" in said, said)
        check("stateless_servers_are_reached", router.servers_reached(), said)
        same("stateless_forbidden", [], router.world.reached(router.dev, FORBIDDEN4, FORBIDDEN6))
        same("stateless_forwarded", False, talks(router.lan, router.world.namespace, FORBIDDEN4))
        same("stateless_release", 0, router.dev.run("release")[0])
    finally:
        lab.clean_up()
        module("nft_ct", True)


def main():
    began = time.monotonic()
    egress = lab.kernel_at_least(5, 16)
    containment(egress)
    stateless(egress)
    if "quick" not in sys.argv:
        probation()
    lab.remark(f"degradation: {time.monotonic() - began:.0f} s")
    return 1 if lab.failures else 0


if __name__ == "__main__":
    sys.exit(main())
