#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Somebody else changes the rule set between two of the calls by which quarantine or release plan and send a transaction.

All of one run is in force then, or nothing, as the exit code says. Also runs on this machine's own kernel
(tests/netns/disturbed_test.sh). Argument: here, this machine is not emulated: all start states and ways to disturb.
"""
import sys
import time

import killed
import lab
from killed import CONTAIN, CONTAINED, STARTS, Device, World, each_send, states
from lab import check, same
from tracer import Traced

PROGRAMS = killed.PROGRAMS
MODULES = killed.MODULES

ROLLED_BACK, UNVERIFIED = 3, 6
OTHER = "table inet other { chain input { type filter hook input priority 0; policy accept; tcp dport 9 drop; }; }"
DISTURBANCES = {
    "other_table": lambda device: device.nft(OTHER),
    "flush": lambda device: device.nft("flush ruleset"),
    "release": lambda device: device.must("release"),
}


def at_each_send(world, start, disturb, command):
    """Device, exit code, stop and what it said, of a run for each send before which somebody disturbs it."""
    done = []
    for number in range(1000):
        device = Device.take(world)
        start(device)
        traced = Traced(device, *command)
        reached = traced.run_to(number, each_send)
        if reached:
            disturb(device)
        traced.finish()
        if not reached:
            device.give_back()
            return done
        done.append((device, traced.code, number, traced.said()))


def wanted_state(disturbance, code):
    """Nobody but quarantine takes a quarantine back that it has told of."""
    if code in CONTAINED:
        return "new"
    return "open" if disturbance != "other_table" and code in (ROLLED_BACK, UNVERIFIED) else "another exit code"


def give_back(done):
    for device, *_ in done:
        device.give_back()


def of_quarantine(world, name, start, disturbance, references):
    done = at_each_send(world, start, DISTURBANCES[disturbance], CONTAIN)
    found = states(world, [device for device, *_ in done], references)
    wrong = [f"stop {number}: exit code {code}, {found[device]}\n{said}" for device, code, number, said in done
             if found[device] != wanted_state(disturbance, code)]
    check(f"{name}_{disturbance}", not wrong, f"{len(wrong)} of {len(done)}", *wrong[:5])
    give_back(done)
    codes = [code for _, code, _, _ in done]
    lab.remark(f"{name}, {disturbance}: {len(done)} stops, " + ", ".join(f"{codes.count(code)} ended with {code}" for code in sorted(set(codes))))


def of_release(world, disturbance):
    done = at_each_send(world, STARTS["ours"], DISTURBANCES[disturbance], ["release"])
    wrong = [f"stop {number}: exit code {code}\n{said}" for device, code, number, said in done
             if code != 0 or "quarantine" in device.rules()]
    give_back(done)
    check(f"release_{disturbance}", done and not wrong, f"{len(wrong)} of {len(done)}", *wrong[:5])


def main():
    began = time.monotonic()
    world = World()
    device = Device.take(world)
    references = {"open": killed.passing(world, [device])[device]}
    code, said = device.run(*CONTAIN)
    check("undisturbed", code in CONTAINED, code, said)
    references["new"] = killed.passing(world, [device])[device]
    same("references_differ", False, references["open"] == references["new"])
    for name, start in STARTS.items() if killed.HERE else [("ours", STARTS["ours"])]:
        for disturbance in DISTURBANCES if killed.HERE else ["flush"]:
            of_quarantine(world, name, start, disturbance, references)
    for disturbance in DISTURBANCES if killed.HERE else ["flush"]:
        of_release(world, disturbance)
    lab.remark(f"disturbed: {time.monotonic() - began:.0f} s, {Device.made} devices")
    lab.clean_up()
    return 1 if lab.failures else 0


if __name__ == "__main__":
    sys.exit(main())
