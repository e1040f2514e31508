#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Flows that a firewall has offloaded to a flowtable pass none of the hooks that a quarantine usually drops at.

Each case first proves that its flows are offloaded: their packets arrive, and the kernel does not count them as forwarded.
"""
import re
import subprocess
import sys
import time

import lab
from lab import check, same
from router import SERVERS, Router

PROGRAMS = ["ip", "nft"]
MODULES = ["nf_tables", "nf_conntrack", "nft_ct", "nft_counter", "nft_limit", "nft_log", "nft_objref", "nft_reject_inet",
           "nft_chain_nat", "nft_masq", "nft_nat", "nf_flow_table", "nf_flow_table_inet", "nft_flow_offload",
           "nf_conntrack_netlink", "nf_conntrack_bridge", "bridge", "veth", "inet_diag", "tcp_diag", "udp_diag", "act_mirred",
           "nfnetlink_log", "nft_meta_bridge", "nft_fib_inet", "nft_fib_netdev"]


def firewall(devices, priority=0, masquerade=None):
    """As fw4 writes it; loading it again replaces it."""
    return f"""table inet fw
        delete table inet fw
        table inet fw {{
            flowtable ft {{ hook ingress priority {priority}; devices = {{ {', '.join(devices)} }}; }}
            chain forward {{
                type filter hook forward priority 0; policy drop
                meta l4proto {{ tcp, udp }} flow add @ft
                ct state established,related accept
                iifname {{ {', '.join(devices)}, "br-lan", "br-wan" }} accept
            }}
            chain srcnat {{
                type nat hook postrouting priority 100
                {f'oifname "{masquerade}" ip saddr 203.0.113.0/24 masquerade' if masquerade else ''}
            }}
        }}"""


def forwarded(router):
    """How many packets have gone the usual way."""
    names, values = (line.split() for line in router.dev.read("/proc/net/snmp").splitlines()[:2])
    return int(values[names.index("ForwDatagrams")]) + int(re.search(r"Ip6OutForwDatagrams\s+(\d+)", router.dev.read("/proc/net/snmp6"))[1])


def offloaded(router):
    """Whether all flows arrive in both directions and none of their packets goes the usual way."""
    before = forwarded(router)
    router.traffic.forget()
    router.traffic.go_on(0.4)
    counts = router.traffic.arrived()
    return min(counts.values()) > 3 and forwarded(router) == before


def describe(router):
    return f"{router.traffic.arrived()} forwarded {forwarded(router)}\n{router.dev.read('/proc/net/nf_conntrack')}"


def begin(name, router, optional=False, **how):
    """A firewall that offloads, and flows that it has offloaded. Not every kernel does it in every case.

    A bridge that does not know yet where a host is makes a flow that is never used: then new flows are begun.
    """
    how = {"devices": ("lan0", "wan"), **how}
    router.dev.nft(firewall(**how))
    for first in (1, 31, 61):
        router.open_flows(first)
        if lab.wait_for(3, lambda: offloaded(router)):
            return check(f"{name}_is_offloaded", True)
    if optional:
        lab.skip(name, "this kernel does not offload these flows")
        return False
    return check(f"{name}_is_offloaded", False, "not offloaded", describe(router))


def quarantine(router, *options):
    """Runs it while the flows go on; returns exit code and output."""
    process = router.dev.start("quarantine", "--no-probe", *options, *SERVERS)
    router.traffic.go_on_while(process)
    return process.returncode, process.stdout.read()


def nothing_passes(name, router, seconds=0.6):
    """Whatever is sent from now on."""
    router.traffic.forget()
    router.traffic.go_on(seconds)
    counts = {flow: count for flow, count in router.traffic.arrived().items() if count}
    strays = router.strays()
    check(name, not counts and not strays, f"arrived: {counts}, strays: {len(strays)}", *strays[:5],
          lambda: router.dev.run("nft", "list", "ruleset")[1], lambda: router.dev.read("/proc/net/nf_conntrack"))


def after_quarantine(name, router, code=0, options=()):
    """Contained, in both directions and from the moment of success, and the servers are reached."""
    got, said = quarantine(router, *options)
    same(f"{name}_exit_code", code, got, said)
    nothing_passes(f"{name}_is_blocked", router)
    check(f"{name}_reaches_the_servers", router.servers_reached(), "a server can't be reached", said)
    return said


def release(name, router, **how):
    code, said = router.dev.run("release")
    same(f"{name}_release", 0, code, said)
    begin(f"{name}_after_release", router, **how)


def whole_life(name, router, code, optional=False, **how):
    """Quarantined, the firewall reloaded, flows begun again, quarantined anew, released."""
    if not begin(name, router, optional, **how):
        return
    after_quarantine(name, router, code)
    router.dev.nft(firewall(**{"devices": ("lan0", "wan"), **how}))
    nothing_passes(f"{name}_after_a_reload_is_blocked", router)
    router.traffic.close()
    router.open_flows_unanswered(11)
    nothing_passes(f"{name}_begun_again_is_blocked", router)
    router.traffic.forget()
    got, said = quarantine(router)
    counts = {flow: count for flow, count in router.traffic.arrived().items() if count}
    check(f"{name}_while_quarantined_again", got == code and not counts and not router.strays(), f"{got} {counts}", said)
    nothing_passes(f"{name}_quarantined_again_is_blocked", router)
    release(name, router, **how)


def module(name, loaded):
    """Loads or unloads one; what used it goes some time after the kernel has said that it is removed."""
    command = ["busybox", "insmod", f"/modules/{name}.ko"] if loaded else ["busybox", "rmmod", name]
    if loaded or not lab.wait_for(10, lambda: subprocess.run(command, check=False).returncode == 0):
        subprocess.run(command, check=True)


def without_ctnetlink(code):
    """The entries can't be deleted; what is left are the layers. Without both the flows do go on."""
    module("nf_conntrack_netlink", False)
    try:
        router = Router()
        if begin("without_ctnetlink", router):
            said = after_quarantine("without_ctnetlink", router, 5)
            check("without_ctnetlink_is_told", "can't end offloaded flows" in said, said)
            release("without_ctnetlink", router)
            got, said = quarantine(router, "--layers", "inet")
            check("without_ctnetlink_and_layers_is_told", got == 5 and "can't end offloaded flows" in said, got, said)
            check("without_ctnetlink_and_layers_flows_go_on", offloaded(router), lambda: describe(router))
    finally:
        lab.clean_up()
        module("nf_conntrack_netlink", True)


def on_probation(router):
    """Nothing passes while the proof is being sought; nobody gives one, so that everything goes on afterwards."""
    if not begin("on_probation", router):
        return
    running = router.dev.start("quarantine", "-k", "-T", "4", SERVERS[0])
    lab.wait_for(2, lambda: "set probation" in router.dev.run("nft", "list", "ruleset")[1])
    nothing_passes("on_probation_is_blocked", router)
    router.traffic.go_on_while(running)
    same("on_probation_exit_code", 3, running.returncode, running.stdout.read())
    check("rolled_back_goes_on", lab.wait_for(5, lambda: offloaded(router)), lambda: describe(router))


def on_bridges(code, name, devices, optional=False):
    router = Router(bridged=True)
    whole_life(name, router, code, optional, devices=devices)
    lab.clean_up()


def main():
    code = 0 if lab.kernel_at_least(5, 16) else 5
    quick = "quick" in sys.argv
    began = time.monotonic()
    router = Router()
    whole_life("masqueraded", router, code, masquerade="wan")
    if begin("by_entries_alone", router):
        after_quarantine("by_entries_alone", router, 0, ("--layers", "inet"))
        release("by_entries_alone", router)
    if not quick:
        whole_life("routed", router, code)
        if begin("early_flowtable", router, priority=-1000):
            after_quarantine("early_flowtable", router, code)
            release("early_flowtable", router)
        on_probation(router)
    lab.clean_up()
    if not quick:
        on_bridges(code, "bridges", ("br-lan", "br-wan"), lab.kernel_at_least(6, 13))  # 7.2 wants the ports
    if lab.kernel_at_least(5, 13):  # older ones don't look below a bridge
        on_bridges(code, "bridge_ports", ("lan0", "wan"))
    without_ctnetlink(code)
    lab.remark(f"flowtable: {time.monotonic() - began:.0f} s")
    return 1 if lab.failures else 0


if __name__ == "__main__":
    sys.exit(main())
