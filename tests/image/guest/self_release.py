#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""quarantine --for: the kernel ends it when its time is over, with no process alive and whatever becomes of the wall clock.

Packets are sent all the time, on every way that a quarantine closes, and it is noted when which arrives. That is compared with
the clock that nobody sets.
"""
import contextlib
import json
import re
import selectors
import socket
import subprocess
import sys
import threading
import time

import degradation
import lab
from degradation import Lab
from frames import EXPERIMENTAL, ethernet
from lab import check, same
from router import FORBIDDEN4, FORBIDDEN6, SERVERS, WAN4, WAN6

PROGRAMS = degradation.PROGRAMS
MODULES = degradation.MODULES

PORT = 4444
YEAR = 365 * 86400
LATE = 1.5  # seconds, that an emulated machine may need from the end to the first packet of each way


class Ways:
    """A packet on each way, ten times a second, and at what times those of each way have arrived."""

    def __init__(self, router):
        self.arrived = {}
        self.senders = []
        self.waiting = selectors.DefaultSelector()
        world = router.world.namespace
        for name, near, far, address in (
                ("own4", router.dev, world, FORBIDDEN4), ("own6", router.dev, world, FORBIDDEN6),
                ("in4", world, router.dev, WAN4), ("in6", world, router.dev, WAN6),
                ("forwarded4", router.lan, world, FORBIDDEN4), ("forwarded6", router.lan, world, FORBIDDEN6),
                ("bridged", router.lan, router.second, "203.0.113.3")):
            self._datagrams(name, near, far, address)
        self._raw(router.dev, router.wan_device, world)
        self.going_on = True
        self.threads = [threading.Thread(target=work) for work in (self._send, self._receive)]
        for thread in self.threads:
            thread.start()

    def stop(self):
        self.going_on = False
        for thread in self.threads:
            thread.join()

    def _add(self, name, sender, destination, receiver, data):
        receiver.setblocking(False)
        sender.setblocking(False)
        self.arrived[name] = []
        self.senders.append((sender, data, destination))
        self.waiting.register(receiver, selectors.EVENT_READ, name)

    def _datagrams(self, name, near, far, address):
        """Each to a port of its own, so that nobody takes what is another's."""
        receiver = far.socket(lab.family_of(address), socket.SOCK_DGRAM)
        port = PORT + len(self.senders)
        receiver.bind((address, port))
        self._add(name, near.socket(lab.family_of(address), socket.SOCK_DGRAM), (address, port), receiver, b"hello")

    def _raw(self, near, device, far):
        receiver = far.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(EXPERIMENTAL))
        receiver.bind(("eth0", EXPERIMENTAL))
        frame = ethernet(far.mac("eth0"), near.mac(device), EXPERIMENTAL, b"hello")
        self._add("raw", near.socket(socket.AF_PACKET, socket.SOCK_RAW, 0), (device, 0), receiver, frame)

    def _send(self):
        while self.going_on:
            for sender, data, destination in self.senders:
                with contextlib.suppress(OSError):
                    sender.sendto(data, destination)
            time.sleep(0.1)

    def _receive(self):
        while self.going_on:
            for key, _ in self.waiting.select(0.2):
                with contextlib.suppress(OSError):
                    key.fileobj.recv(2048)
                    self.arrived[key.data].append(time.monotonic())

    def first_since(self, moment):
        """For each way the first arrival, or None."""
        return {name: next((each for each in times if each > moment), None) for name, times in self.arrived.items()}

    def all_open(self, seconds):
        now = time.monotonic()
        return lab.wait_for(seconds, lambda: None not in self.first_since(now).values())


def keep_neighbours(*namespaces):
    """Nobody has to ask for a link-layer address again: that takes seconds where it has failed before."""
    for namespace in namespaces:
        for found in re.findall(r"^(\S+) dev (\S+) lladdr (\S+)", namespace.must("ip", "neigh", "show"), re.M):
            namespace.must("ip", "neigh", "replace", found[0], "dev", found[1], "lladdr", found[2], "nud", "permanent")


def status(router):
    code, said = router.dev.run("status", "-j")
    return code, json.loads(said)


class Quarantine:
    """One with --for, in a process that is gone."""

    def __init__(self, router, ways, name, seconds, egress):
        self.router, self.ways, self.name, self.seconds = router, ways, name, seconds
        self.uncovered = [] if egress else ["raw"]
        self.began = time.monotonic()
        code, said = router.dev.run("quarantine", "--no-probe", "--for", f"{seconds}s", *SERVERS)
        self.done = time.monotonic()
        same(f"{name}_exit_code", 0 if egress else 5, code, said)
        self.code = code

    def arrived_until(self, moment):
        """But for what was under way when it began."""
        return [name for name, when in self.ways.first_since(self.done + 0.2).items() if when and when < moment]

    def ends_in_time(self):
        """On all ways, not before its time is over and soon after."""
        earliest = self.began + self.seconds
        time.sleep(max(0, earliest - time.monotonic()))
        same(f"{self.name}_holds", self.uncovered, self.arrived_until(earliest))
        opened = lab.wait_for(LATE + 5, lambda: None not in self.ways.first_since(earliest).values())
        late = {name: round(when - self.done - self.seconds, 2) if when else "never" for name, when in
                self.ways.first_since(earliest).items() if not when or when > self.done + self.seconds + LATE}
        check(f"{self.name}_ends_in_time_on_all_ways", opened and not late, f"too late by seconds: {late}",
              lambda: self.router.dev.must("nft", "list", "ruleset"))
        code, told = status(self.router)
        same(f"{self.name}_status_when_over", (1, "not quarantined"), (code, told["state"]), told)


def set_clock(change):
    """By the program that people would use."""
    subprocess.run(["busybox", "date", "-s", f"@{int(time.time()) + change}"], check=True, stdout=subprocess.DEVNULL)


def clock_moves(router, ways, name, change, egress):
    """What is left, and how long it has lasted, is told by another clock; so does it end."""
    run = Quarantine(router, ways, name, 10, egress)
    time.sleep(1.2)
    code, before = status(router)
    asked = time.monotonic()
    wall = time.time()
    set_clock(change)
    try:
        check(f"{name}_is_set", abs(time.time() - wall - change) < 5, time.time() - wall)
        code_after, after = status(router)
        passed = time.monotonic() - asked
        same(f"{name}_status", (run.code, run.code, True), (code, code_after, after["intact"]), after)
        check(f"{name}_left", 0 <= before["left"] - after["left"] <= passed + 1 and 0 < after["left"] <= 9, before, after)
        check(f"{name}_age", 0 <= after["age"] - before["age"] <= passed + 1 and before["age"] >= 1, before, after)
        same(f"{name}_since", before["since"], after["since"])
        check(f"{name}_text", re.search(r"until +released, or \d+s from now", router.dev.run("status")[1]))
        run.ends_in_time()
    finally:
        set_clock(-change)
    same(f"{name}_release", 0, router.dev.run("release")[0])
    same(f"{name}_nothing_is_left", False, "vrr_quarantine_table" in router.dev.must("nft", "list", "ruleset"))


def renewed(router, ways, egress):
    """While one runs out the next one counts already, and lasts as long as it says. release ends it earlier."""
    seconds = 7  # of which an emulated machine under load may need 4 for the next one
    first = last = Quarantine(router, ways, "renewed_first", seconds, egress)
    for number in range(1, 4):
        time.sleep(max(0, first.done + 3 * number - time.monotonic()))
        last = Quarantine(router, ways, f"renewed_{number}", seconds, egress)
    last.ends_in_time()
    same("renewed_without_a_gap", last.uncovered, first.arrived_until(last.began + last.seconds))
    ended = Quarantine(router, ways, "ended_early", 60, egress)
    same("ended_early_release", 0, router.dev.run("release")[0])
    check("ended_early_opens", ways.all_open(5), ways.first_since(ended.done))


def main():
    began = time.monotonic()
    egress = lab.kernel_at_least(5, 16)
    router = Lab()
    ways = Ways(router)
    check("open_before", ways.all_open(10), ways.first_since(0))
    keep_neighbours(router.dev, router.lan, router.second, router.world.namespace)
    run = Quarantine(router, ways, "three_seconds", 3, egress)
    run.ends_in_time()
    same("over_all_stays_open", True, ways.all_open(5))
    same("three_seconds_release", 0, router.dev.run("release")[0])
    clock_moves(router, ways, "clock_back", -YEAR, egress)
    clock_moves(router, ways, "clock_forward", YEAR, egress)
    if "quick" not in sys.argv:
        renewed(router, ways, egress)
    lab.remark(f"self_release: {time.monotonic() - began:.0f} s")
    ways.stop()
    lab.clean_up()
    return 1 if lab.failures else 0


if __name__ == "__main__":
    sys.exit(main())
