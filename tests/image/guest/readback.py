#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""status on other kernels: what each gives back of the rules is what quarantine has sent, and each change by nft is named.

Also whom somebody tried to reach, and --log, or that the kernel can't.
"""
import json
import re
import subprocess
import sys
import time

import degradation
import lab
from degradation import ALL_LAYERS, EGRESS, Lab
from flowtable import module
from lab import check, same, wait_for
from router import FORBIDDEN4, FORBIDDEN6, LAN4, SERVERS, WAN4

PROGRAMS = degradation.PROGRAMS
# who writes to the kernel's log has another name on older kernels
MODULES = [*degradation.MODULES, "nf_log_common", "nf_log_ipv4", "nf_log_ipv6", "nf_log_bridge", "nf_log_netdev", "nf_log_syslog"]

TABLE = "vrr_quarantine_table"
MANY = [f"https://198.51.100.{last}:{port}/" for last in range(100, 114) for port in (443, 8000)]

# options of quarantine: each makes other rules, or other sets
VARIANTS = {
    "one_server": (SERVERS[0],),
    "both_families": SERVERS,
    "many_servers": (*MANY, *SERVERS),
    "inet_alone": ("--layers", "inet", *SERVERS),
    "inet_and_bridge": ("--layers", "inet,bridge", *SERVERS),
    "no_dns": ("--dns", "none", *SERVERS),
    "any_dns": ("--dns", "any", *SERVERS),
    "dns_list": ("--dns", "192.0.2.53,2001:db8:1::53", *SERVERS),
    "for": ("--for", "365d", *SERVERS),
    "log_kernel": ("--log", "kernel", *SERVERS),
    "log_group": ("--log", "5", *SERVERS),
    "everything": ("--for", "8h", "--log", "5", "-a", "udp:192.0.2.7:123", "-a", "tcp:192.0.2.0/28:22:in", "-a", "tcp:[2001:db8:1::7]:22",
                   "-a", "gre:192.0.2.9", "-a", "esp:192.0.2.9", "-a", "dhcp-server:br-lan", "-a", "udp:[2001:db8:7::]/48:51820", *SERVERS),
}


class Kernel:
    """What is to be expected here."""

    egress = lab.kernel_at_least(5, 16)
    code = 0 if egress else 5
    state = "contained" if egress else "partial"


def status(router, *options):
    code, said = router.dev.run("status", "-j", *options)
    lines = [json.loads(line) for line in said.splitlines() if line.startswith("{")]
    return code, lines if "--attempts" in options else lines[0]


def is_intact(name, router, gaps=()):
    """Partial only by what this kernel has not."""
    code, told = status(router)
    wanted = [*([] if Kernel.egress else [EGRESS]), *gaps]
    lacks = [gap for gap in told.get("not_covered", []) if "interfaces that appear later" not in gap and not gap.endswith("(--layers)")]
    same(f"{name}_is_intact", (5 if wanted else 0, True, [], wanted), (code, told.get("intact"), told.get("differs"), lacks), told,
         lambda: router.dev.run("nft", "--debug=netlink", "list", "ruleset")[1])


def contain(router, *options):
    return router.dev.run("quarantine", "--no-probe", *options)


def of_every_kind(router):
    for name, options in VARIANTS.items():
        code, said = contain(router, *options)
        wanted = 0 if name.startswith("inet_") else Kernel.code
        same(f"{name}_exit_code", wanted, code, said)
        if wanted == Kernel.code:
            is_intact(name, router)
        else:
            same(f"{name}_is_intact", (0, []), (lambda got: (got[0], got[1]["differs"]))(status(router)))
    code, said = contain(router, *ALL_LAYERS, *SERVERS)
    code, told = status(router)
    same("all_layers_is_intact", (Kernel.code, True), (code, told["intact"]), told)


def without(router, name, modules, options=(), gap=None, partial=False):
    """Without something that rules are made of. What is used can't be unloaded: nothing is in force before."""
    router.dev.run("release")
    for each in modules:
        module(each, False)
    try:
        wanted = 5 if partial else Kernel.code
        code, said = contain(router, *options, *SERVERS)
        same(f"{name}_exit_code", wanted, code, said)
        code, told = status(router)
        same(f"{name}_is_intact", (wanted, True, []), (code, told["intact"], told["differs"]), told)
        check(f"{name}_is_named", not gap or any(gap in each for each in told["not_covered"]), told)
        router.dev.run("release")
    finally:
        for each in reversed(modules):
            module(each, True)


# ---- changes ----


def handle(router, family, chain, comment):
    """Of the first rule with this comment."""
    listed = router.dev.must("nft", "-a", "list", "chain", family, TABLE, chain)
    return re.search(rf'comment "{comment}".*# handle (\d+)', listed)[1]


def named(router, name, regex, *command):
    """Debian's nft does it, status names it, the next quarantine mends it."""
    router.dev.must("nft", *command)
    code, said = router.dev.run("status")
    words = " ".join(said.split())
    check(f"{name}_is_named", code == 5 and re.search(f"differs {regex} (since|differs)", words), code, said)
    same(f"{name}_is_not_intact", False, status(router)[1]["intact"])
    code, said = contain(router, *SERVERS)
    same(f"{name}_is_mended", Kernel.code, code, said)
    is_intact(f"{name}_mended", router)


def changes(router):
    contain(router, *SERVERS)
    inet = ("inet", TABLE)
    named(router, "rule_deleted", "inet inbound_chain: 1 rule is missing after 'loopback'",
          "delete", "rule", *inet, "inbound_chain", "handle", handle(router, "inet", "inbound_chain", "sealed interfaces"))
    named(router, "accept_added", r"inet inbound_chain: a rule is not ours, accept \(handle \d+\)", "insert", "rule", *inet,
          "inbound_chain", "accept")
    named(router, "chain_removed", "inet chain forward_chain is missing .*",
          f"flush chain inet {TABLE} forward_chain; delete chain inet {TABLE} forward_chain")
    named(router, "element_added", f"inet set server4: {re.escape(FORBIDDEN4)} . 443 was added", "add", "element", *inet, "server4",
          f"{{ {FORBIDDEN4} . 443 }}")
    named(router, "bridge_accept_added", r"bridge forward_chain: a rule is not ours, accept \(handle \d+\)", "insert", "rule", "bridge",
          TABLE, "forward_chain", "accept")
    named(router, "netdev_element_added", f"netdev set server4: {re.escape(FORBIDDEN4)} . 443 was added", "add", "element", "netdev",
          TABLE, "server4", f"{{ {FORBIDDEN4} . 443 }}")
    named(router, "policy_changed", "inet chain inbound_chain has policy accept", f"chain inet {TABLE} inbound_chain {{ policy accept; }}")
    named(router, "table_deleted", "bridge table is missing", "delete", "table", "bridge", TABLE)
    router.dev.run("release")
    code, told = status(router)
    same("released", (1, "not quarantined"), (code, told["state"]))


# ---- attempts ----


def attempts(router):
    """Of the device itself and through it; whoever sits behind a sealed link has to know its address."""
    contain(router, *SERVERS)
    same("no_attempts", (Kernel.code, []), status(router, "--attempts"))
    mac = router.dev.read(f"/sys/class/net/{router.lan_device}/address").strip()
    for address in ("203.0.113.1", "2001:db8:3::1"):
        router.lan.must("ip", "neigh", "replace", address, "lladdr", mac, "dev", "eth0", "nud", "permanent")
    same("attempts_do_not_arrive", [], router.world.reached(router.dev, FORBIDDEN4, FORBIDDEN6))
    same("attempts_through_do_not_arrive", [], router.world.reached(router.lan, FORBIDDEN4, FORBIDDEN6))
    code, found = status(router, "--attempts")
    noted = {(each["protocol"], each["address"], each["port"], each["interface"] != "") for each in found}
    wanted = {("tcp", address, 8000, through) for address in (FORBIDDEN4, FORBIDDEN6) for through in (False, True)}
    check("attempts_are_noted", wanted <= noted, sorted(noted))
    check("attempts_are_counted", all(each["packets"] >= 1 for each in found), found)
    check("attempts_are_new", all(0 <= time.time() - each["last"] < 30 for each in found), time.time(), found)
    code, said = router.dev.run("status", "--attempts")
    check("attempts_in_words", f"tcp {FORBIDDEN4}:8000" in said and f"tcp [{FORBIDDEN6}]:8000" in said, said)
    same("attempts_fit", [], [line for line in said.splitlines() if len(line) > 79])
    is_intact("after_attempts", router)


# ---- log ----


def kernel_log():
    return subprocess.run(["busybox", "dmesg"], capture_output=True, text=True, errors="replace", check=False).stdout


def logged(prefix="quarantine: "):
    return [line for line in kernel_log().splitlines() if prefix in line]


def log(router):
    """In namespaces the kernel keeps what it logs to itself, unless it is asked."""
    with open("/proc/sys/net/netfilter/nf_log_all_netns", "w") as file:
        file.write("1")
    code, said = contain(router, "--log", "kernel", *SERVERS)
    same("log_exit_code", Kernel.code, code, said)
    before = len(logged())
    router.world.reached(router.dev, FORBIDDEN4, FORBIDDEN6, seconds=0.3)
    router.world.namespace.run("busybox", "nc", "-w", "1", WAN4, "9")
    check("log_of_the_kernel", wait_for(3, lambda: any(f"DST={FORBIDDEN4}" in line for line in logged()[before:])), *logged()[-5:])
    check("log_of_both_families", any("DST=2001:0db8:0002" in line for line in logged()[before:]), *logged()[-5:])
    check("log_of_both_directions", any(f"DST={WAN4}" in line for line in logged()[before:]), *logged()[-5:])
    is_intact("after_log", router)
    same("log_lan_is_still_closed", [], router.world.reached(router.lan, FORBIDDEN4), LAN4)


def main():
    began = time.monotonic()
    quick = "quick" in sys.argv
    router = Lab()
    check("set_up", wait_for(5, lambda: router.world.reached(router.dev, FORBIDDEN4, FORBIDDEN6)))
    of_every_kind(router)
    changes(router)
    attempts(router)
    log(router)
    if not quick:
        without(router, "without_log", ["nft_log"], ("--log", "kernel"), "logging in all tables: the kernel refuses it", True)
        without(router, "without_ct", ["nft_ct"])
        without(router, "without_fib", ["nft_fib_netdev", "nft_fib_inet"], gap="(no fib here)")
    lab.clean_up()
    lab.remark(f"readback: {time.monotonic() - began:.0f} s")
    return 1 if lab.failures else 0


if __name__ == "__main__":
    sys.exit(main())
