#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Uplinks that are made of several devices: VLAN, bond, PPPoE, tunnels.

On each the link itself must stay alive and the servers reachable, and nothing else may leave, not by a packet socket on any of
the devices either.
"""
import re
import shutil
import socket
import sys
import time

import lab
from flowtable import MODULES as FLOWTABLE_MODULES
from frames import ETH_P_ARP, Attempt, arp_request, arrivals, ethernet, ip_type, tagged, udp, ways_out
from lab import Namespace, Sniffer, check, same, skip, wait_for
from router import (FORBIDDEN4, FORBIDDEN6, GATEWAY4, GATEWAY6, SERVER4, SERVER6, SERVERS, WAN4, WAN6, World)

PROGRAMS = ["ip", "nft", "pppd", "pppoe", "pppoe-server", "/usr/lib/pppd/*/rp-pppoe.so"]
MODULES = [*FLOWTABLE_MODULES, "8021q", "bonding", "ppp_generic", "ppp_async", "pppoe", "ipip", "sit", "ip_gre", "ip6_tunnel", "ip6_gre",
           "geneve", "esp4", "xfrm_user", "xfrm4_tunnel", "crypto_null", "authenc", "echainiv"]
EVERYBODY = [SERVER4, SERVER6, FORBIDDEN4, FORBIDDEN6]
ND_ROUTER_SOLICIT = 133 # RFC 4861
PATIENCE = 30  # seconds, for what has to happen on a machine that is emulated and busy; it is over as soon as it has happened


class Uplink:
    """A device with an uplink, whose devices (lower first) are `devices`, and the world at its other end.

    `peers` are the world's devices at which frames arrive. What a kind of uplink differs in are `build` and `keep`.
    """

    name = ""
    devices = ()
    peers = ()
    code = 0  # of quarantine, on a kernel with all hooks
    options = ()  # that it needs

    def __init__(self):
        self.dev = Namespace("dev")
        self.world = World()
        self.build()
        self.sniffers = [Sniffer(self.world.namespace, device) for device in self.peers]

    def veth(self, ours, theirs):
        self.dev.ip(f"link add {ours} type veth peer name {theirs} netns world\nlink set {ours} up")
        self.world.namespace.ip(f"link set {theirs} up")

    def addresses(self, ours, theirs):
        self.dev.ip(f"""address add {WAN4}/24 dev {ours}
            address add {WAN6}/64 dev {ours} nodad
            route add default via {GATEWAY4}
            route add ::/0 via {GATEWAY6}""")
        self.world.namespace.ip(f"""address add {GATEWAY4}/24 dev {theirs}
            address add {GATEWAY6}/64 dev {theirs} nodad""")

    def reached(self, *wanted):
        """Who is, as soon as those wanted are all at once. Anybody else may not be in any of the tries."""
        tries = []

        def done():
            tries.append(self.world.reached(self.dev, *EVERYBODY))
            return set(wanted) <= set(tries[-1])

        wait_for(PATIENCE, done)
        return [address for address in EVERYBODY if address in tries[-1] or (address not in wanted and address in sum(tries, []))]

    def solicits_routers(self, device):
        """The kernel does when the device gets its first link-local address."""
        for sniffer in self.sniffers:
            sniffer.forget()
        self.dev.ip(f"address flush dev {device} scope link\naddress add fe80::9/64 dev {device}")

        def seen():
            for sniffer in self.sniffers:
                sniffer.drain()
            return any(frame[12:14] == b"\x86\xdd" and frame[20] == socket.IPPROTO_ICMPV6 and frame[54] == ND_ROUTER_SOLICIT
                       for sniffer in self.sniffers for frame in sniffer.frames)
        check(f"{self.name}_solicits_routers", wait_for(PATIENCE, seen), lambda: rules(self.dev))

    def attempts(self):
        for device in self.devices:
            yield from ways_out(device, self.dev.mac(device), self.world.namespace.mac(self.peers[0]), WAN4, WAN6,
                                FORBIDDEN4, FORBIDDEN6, GATEWAY4)

    def build(self):
        raise NotImplementedError

    def keep(self):
        """Checks that belong to this kind of link alone, while quarantined."""


class Plain(Uplink):
    name = "plain"
    devices = ("wan",)
    peers = ("eth0",)

    def build(self):
        self.veth("wan", "eth0")
        self.addresses("wan", "eth0")

    def keep(self):
        self.solicits_routers("wan")


class Vlan(Uplink):
    name = "vlan"
    devices = ("wan", "wan.10")
    peers = ("eth0",)

    def build(self):
        self.veth("wan", "eth0")
        self.dev.ip("""link add link wan name wan.10 type vlan id 10
            link add link wan name wan.20 type vlan id 20
            link set wan.10 up
            link set wan.20 up
            address add 10.20.0.2/24 dev wan.20""")
        self.world.namespace.ip("""link add link eth0 name eth0.10 type vlan id 10
            link add link eth0 name eth0.20 type vlan id 20
            link set eth0.10 up
            link set eth0.20 up
            address add 10.20.0.1/24 dev eth0.20""")
        self.addresses("wan.10", "eth0.10")

    def attempts(self):
        yield from super().attempts()
        for each in ways_out("wan.20", self.dev.mac("wan"), self.world.namespace.mac("eth0"), "10.20.0.2", WAN6, "10.20.0.1",
                             FORBIDDEN6, "10.20.0.1"):
            if each.name.endswith(("_other_type", "_ipv4", "_arp_with_more", "_foreign_mac")):
                yield each

    def keep(self):
        """The device's answer to a neighbour that asks, in the VLAN alone."""
        for name, vlan, wanted in (("in_its_vlan", 10, True), ("without_a_tag", None, False)):
            mac = self.world.namespace.mac("eth0")
            request = arp_request(mac, GATEWAY4, WAN4, b"")
            about = (ETH_P_ARP, request) if vlan is None else tagged(vlan, ETH_P_ARP, request)
            same(f"vlan_arp_{name}", wanted, self.answers(ethernet(b"\xff" * 6, mac, *about), PATIENCE if wanted else 0.5))
        code, said = self.lease()
        check("vlan_lease", code == 0 and "192.0.2.50" in said, code, said)

    def lease(self):
        """A DHCP client's whole conversation: it broadcasts by a packet socket."""
        with open("/etc/udhcpd.conf", "w") as file:
            file.write("interface eth0.10\nstart 192.0.2.50\nend 192.0.2.50\noption lease 60\nlease_file /tmp/leases\n")
        with open("/tmp/leases", "w"):
            pass
        server = self.world.namespace.start("busybox", "udhcpd", "-f", "/etc/udhcpd.conf")
        result = self.dev.run("busybox", "udhcpc", "-i", "wan.10", "-f", "-q", "-n", "-t", str(PATIENCE), "-T", "1", "-s", "/bin/true")
        server.kill()
        return result

    def answers(self, frame, seconds):
        for sniffer in self.sniffers:
            sniffer.forget()
        sender = self.world.namespace.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
        sender.sendto(frame, ("eth0", 0))
        sender.close()
        return wait_for(seconds, lambda: sum(sniffer.count(ETH_P_ARP) for sniffer in self.sniffers) > 0)


class Bond(Uplink):
    """Of two links; the world has a switch at the other end."""

    name = "bond"
    devices = ("s1", "s2", "bond0")
    peers = ("p1", "p2")
    mode = "active-backup"

    def build(self):
        self.veth("s1", "p1")
        self.veth("s2", "p2")
        self.bond(self.dev, ("s1", "s2"))
        self.other_end()
        self.addresses("bond0", self.end)

    def bond(self, namespace, slaves):
        namespace.ip(f"link add bond0 type bond mode {self.mode} miimon 50")
        self.tune(namespace)
        namespace.ip("\n".join(f"link set {slave} down\nlink set {slave} master bond0" for slave in slaves) + "\nlink set bond0 up")

    def tune(self, namespace):
        pass

    end = "switch"

    def other_end(self):
        self.world.namespace.ip("""link add switch type bridge
            link set p1 master switch
            link set p2 master switch
            link set switch up""")

    def keep(self):
        """The active link fails."""
        self.solicits_routers("bond0")
        active = self.dev.read("/sys/class/net/bond0/bonding/active_slave").strip()
        self.world.namespace.ip(f"link set {active.replace('s', 'p')} down")
        changed = wait_for(PATIENCE, lambda: self.dev.read("/sys/class/net/bond0/bonding/active_slave").strip() not in ("", active))
        check(f"{self.name}_fails_over", changed and self.reached(SERVER4, SERVER6) == [SERVER4, SERVER6], active,
              lambda: self.dev.read("/proc/net/bonding/bond0"))


class BondOwnMacs(Bond):
    """The bond has the address of whichever slave is active."""

    name = "bond_own_macs"

    def tune(self, namespace):
        namespace.ip("link set bond0 type bond fail_over_mac active")


class Aggregate(Bond):
    """IEEE 802.3ad: both ends keep the link alive by LACP, and give it up after 3 seconds without."""

    name = "lacp"
    mode = "802.3ad"
    end = "bond0"

    def tune(self, namespace):
        namespace.ip("link set bond0 type bond lacp_rate fast")

    def other_end(self):
        self.bond(self.world.namespace, ("p1", "p2"))
        check("lacp_begins", wait_for(PATIENCE, self.joined), lambda: self.dev.read("/proc/net/bonding/bond0"))

    def pdus(self):
        return [sniffer.count(0x8809) for sniffer in self.sniffers]

    def joined(self):
        return self.ports(self.dev) == 2 and self.ports(self.world.namespace) == 2

    @staticmethod
    def ports(namespace):
        about = namespace.read("/proc/net/bonding/bond0")
        partner = re.search(r"Partner Mac Address: (\S+)", about)
        ports = re.search(r"Number of ports: (\d+)", about)
        return int(ports[1]) if ports and partner and partner[1] != "00:00:00:00:00:00" else 0

    def keep(self):
        for sniffer in self.sniffers:
            sniffer.forget()
        # longer than an end waits, and until so many have left that it has waited in its own time, too
        time.sleep(4)
        check("lacp_pdus_leave", wait_for(PATIENCE, lambda: min(self.pdus()) >= 4), self.pdus)
        check("lacp_link_stays", wait_for(PATIENCE, self.joined), lambda: self.dev.read("/proc/net/bonding/bond0"))
        same("lacp_servers_are_still_reached", [SERVER4, SERVER6], self.reached(SERVER4, SERVER6))


class Qinq(Uplink):
    """A VLAN in a VLAN: frames that no rule knows. The device must not be stranded, and has to say what is open."""

    name = "qinq"
    peers = ("eth0",)
    code = 5

    def build(self):
        self.veth("wan", "eth0")
        for namespace, lower in ((self.dev, "wan"), (self.world.namespace, "eth0")):
            namespace.ip(f"""link add link {lower} name {lower}.10 type vlan id 10
                link add link {lower}.10 name inner type vlan id 30
                link set {lower}.10 up
                link set inner up""")
        self.addresses("inner", "inner")


class Pppoe(Uplink):
    """Dialled with the kernel's PPPoE; both ends ask each second whether the other is alive, and give up after 3."""

    name = "pppoe"
    devices = ("wan",)
    peers = ("eth0",)
    lower, their_lower = "wan", "eth0"
    code = 5
    alive = ("lcp-echo-interval", "1", "lcp-echo-failure", "3")

    def build(self):
        self.veth("wan", "eth0")
        self.below()
        with open("/etc/ppp/server-options", "w") as file:
            file.write(f"noauth\nnodetach\nipv6 ,\n{' '.join(self.alive[:2])}\n{' '.join(self.alive[2:])}\n")
        self.server = self.world.namespace.start("pppoe-server", "-F", "-I", self.their_lower, "-L", GATEWAY4, "-R", WAN4, "-N", "4",
                                                 "-O", "/etc/ppp/server-options")
        self.dial()

    def below(self):
        pass

    def dial(self):
        self.client = self.dev.start("pppd", "nodetach", "plugin", "rp-pppoe.so", self.lower, "noauth", "noipdefault",
                                     "defaultroute", "ipv6", ",", "ifname", "ppp0", *self.alive)
        up = wait_for(PATIENCE, self.is_up)
        if up:
            theirs = re.search(r"\d+: (ppp\d+)", self.world.namespace.must("ip", "-o", "link", "show", "type", "ppp"))[1]
            self.dev.run("ip", "-batch", "-", data=f"address add {WAN6} peer {GATEWAY6} dev ppp0 nodad\nroute add ::/0 dev ppp0")
            self.world.namespace.run("ip", "-batch", "-", data=f"address add {GATEWAY6} peer {WAN6} dev {theirs} nodad")
        return up

    def own4(self):
        """The server gives each session another address."""
        found = re.search(r"inet (192\.0\.2\.\d+)", self.dev.run("ip", "address", "show", "dev", "ppp0")[1])
        return found[1] if found else None

    def is_up(self):
        return self.own4() and "inet 192.0.2.1 peer" in self.world.namespace.run("ip", "address")[1]

    def attempts(self):
        yield from super().attempts()
        for name, source, destination in (("ipv4", self.own4(), FORBIDDEN4), ("ipv6", WAN6, FORBIDDEN6)):
            packet = udp(source, destination, b"")
            yield Attempt(f"ppp0_{name}", "ppp0", lambda own, s=source, d=destination: udp(s, d, own), ip_type(packet))

    def keep(self):
        time.sleep(4)
        check(f"{self.name}_link_stays", self.client.poll() is None and self.is_up(), lambda: self.dev.must("ip", "address"))
        same(f"{self.name}_servers_are_still_reached", [SERVER4, SERVER6], self.reached(SERVER4, SERVER6))
        self.client.terminate()
        self.client.wait()
        check(f"{self.name}_dials_again", self.dial(), self.client.poll(), lambda: self.dev.must("ip", "address"))
        same(f"{self.name}_servers_are_reached_anew", [SERVER4, SERVER6], self.reached(SERVER4, SERVER6))


class PppoeOverVlan(Pppoe):
    name = "pppoe_over_vlan"
    devices = ("wan", "wan.10")
    lower, their_lower = "wan.10", "eth0.10"

    def below(self):
        self.dev.ip("link add link wan name wan.10 type vlan id 10\nlink set wan.10 up")
        self.world.namespace.ip("link add link eth0 name eth0.10 type vlan id 10\nlink set eth0.10 up")


class VlanOverBond(Bond):
    name = "vlan_over_bond"
    devices = ("s1", "s2", "bond0", "bond0.10")
    end = "switch.10"

    def other_end(self):
        super().other_end()
        self.world.namespace.ip("link add link switch name switch.10 type vlan id 10\nlink set switch.10 up")

    def addresses(self, ours, theirs):
        self.dev.ip("link add link bond0 name bond0.10 type vlan id 10\nlink set bond0.10 up")
        super().addresses("bond0.10", theirs)


class Tunnel(Uplink):
    """Its remote is read from the kernel: nobody has to allow its own packets."""

    code = 5
    devices = ("wan",)
    peers = ("eth0",)
    outer = ("10.30.0.2", "10.30.0.1")  # ours, the world's
    words = ""
    kind = ""

    @property
    def name(self):
        return self.kind.replace(" ", "_")

    def build(self):
        self.veth("wan", "eth0")
        length = 64 if ":" in self.outer[0] else 24
        self.end(self.dev, "wan", *self.outer, length)
        self.end(self.world.namespace, "eth0", *reversed(self.outer), length)
        self.addresses("tun9", "tun9")

    def end(self, namespace, device, own, other, length):
        namespace.ip(f"""address add {own}/{length} dev {device}{' nodad' if length == 64 else ''}
            link add tun9 type {self.words.format(own=own, other=other)}
            link set tun9 up""")

    def keep(self):
        """The tunnel's packets go on when the tunnel has been silent, and what is like them goes nowhere else."""
        self.dev.run("ip", "neigh", "flush", "all")
        same(f"{self.name}_goes_on", [SERVER4, SERVER6], self.reached(SERVER4, SERVER6))


class Ipip(Tunnel):
    kind = "ipip"
    words = "ipip local {own} remote {other}"

    def addresses(self, ours, theirs):
        """It carries IPv4 alone; IPv6 goes beside it."""
        super().addresses(ours, theirs)
        self.dev.ip(f"""route del ::/0
            address del {WAN6}/64 dev {ours}
            address add {WAN6}/64 dev wan nodad
            route add ::/0 via {GATEWAY6}""")
        self.world.namespace.ip(f"""address del {GATEWAY6}/64 dev {theirs}
            address add {GATEWAY6}/64 dev eth0 nodad""")


class Sit(Tunnel):
    kind = "sit"
    words = "sit local {own} remote {other} mode any"

    def addresses(self, ours, theirs):
        """It carries IPv6; IPv4 goes beside it."""
        super().addresses(ours, theirs)
        self.dev.ip(f"""route del default
            address del {WAN4}/24 dev {ours}
            address add {WAN4}/24 dev wan
            route add default via {GATEWAY4}""")
        self.world.namespace.ip(f"""address del {GATEWAY4}/24 dev {theirs}
            address add {GATEWAY4}/24 dev eth0""")


class Gre(Tunnel):
    kind = "gre"
    words = "gre local {own} remote {other} ttl 64"


class Gretap(Tunnel):
    kind = "gretap"
    words = "gretap local {own} remote {other}"


class Geneve(Tunnel):
    kind = "geneve"
    words = "geneve id 9 remote {other}"


class Ip6Gre(Tunnel):
    kind = "ip6gre"
    words = "ip6gre local {own} remote {other}"
    outer = ("2001:db8:30::2", "2001:db8:30::1")


class Ip6Tunnel(Tunnel):
    """DS-Lite's kind, with both families."""

    kind = "ip6tnl"
    words = "ip6tnl mode any local {own} remote {other}"
    outer = ("2001:db8:30::2", "2001:db8:30::1")


class Ipsec(Tunnel):
    """No route and no link shows it: the user has to allow its packets, and is told so."""

    kind = "ipsec"
    code = 0
    options = ("--allow", f"esp:{Tunnel.outer[1]}")

    def build(self):
        self.veth("wan", "eth0")
        self.addresses("wan", "eth0")
        own, other = self.outer
        self.end(self.dev, "wan", own, other, 24)
        self.end(self.world.namespace, "eth0", other, own, 24)
        self.policies(self.dev, own, other, ((WAN4, "0.0.0.0/0"), (WAN6, "::/0")))
        self.policies(self.world.namespace, other, own, (("0.0.0.0/0", WAN4), ("::/0", WAN6)))

    def end(self, namespace, device, own, other, length):
        namespace.ip(f"address add {own}/{length} dev {device}")
        for spi, source, destination in ((1, own, other), (2, other, own)) if namespace is self.dev else ((2, own, other), (1, other, own)):
            namespace.must("ip", "xfrm", "state", "add", "src", source, "dst", destination, "proto", "esp", "spi", str(spi), "mode",
                           "tunnel", "flag", "af-unspec", "auth", "digest_null", "", "enc", "cipher_null", "")

    @staticmethod
    def policies(namespace, own, other, ends):
        for here, there in ends:
            for direction, source, destination, begin, end in ("out", here, there, own, other), ("in", there, here, other, own):
                namespace.must("ip", "xfrm", "policy", "add", "src", source, "dst", destination, "dir", direction, "tmpl", "src", begin,
                               "dst", end, "proto", "esp", "mode", "tunnel")

    def keep(self):
        super().keep()
        hint = f"{self.outer[1]}: --allow esp:HOST"
        for options, told in ((), True), (self.options, False), (("--allow", f"udp:{self.outer[1]}:4500"), False):
            code, said = self.dev.run("quarantine", "-n", *options, *SERVERS)
            check(f"{self.name}_{'is_told' if told else f'with_{options[1][:3]}_is_not'}", code == 0 and (hint in said) == told, said)


def has_egress(namespace):
    """Whether this kernel has the hook, tried."""
    code, _ = namespace.run("nft", "-f", "-", data="""table netdev try {
        chain try { type filter hook egress device lo priority 0; }
        }
        delete table netdev try""")
    return code == 0


def before(uplink):
    """Everybody is reached, and every attempt arrives: one that can't says nothing later."""
    if not check(f"{uplink.name}_works", uplink.reached(*EVERYBODY) == EVERYBODY, uplink.reached,
                 lambda: uplink.dev.must("ip", "address"), lambda: uplink.world.namespace.must("ip", "address")):
        return None
    attempts = list(uplink.attempts())
    arrived = arrivals(attempts, uplink.dev, uplink.sniffers, 10, True)
    lost = [each.name for each in attempts if each.name not in arrived]
    check(f"{uplink.name}_attempts_arrive_before", not lost, *lost)
    return attempts


def rules(namespace):
    """Those that have seen a packet."""
    said = namespace.run("nft", "list", "ruleset")[1]
    return "\n".join(line for line in said.splitlines() if "packets 0 bytes 0" not in line)


def run(kind, egress):
    uplink = kind()
    name = uplink.name
    attempts = before(uplink)
    if attempts is None:
        return
    code, said = uplink.dev.run("quarantine", "--no-probe", "-v", *uplink.options, *SERVERS)
    same(f"{name}_exit_code", uplink.code if egress else 5, code, said)
    code, told = uplink.dev.run("status", "-j")
    check(f"{name}_is_read_back_as_it_was_sent", code == (uplink.code if egress else 5) and '"intact":true' in told, code, told)
    uplink.dev.run("ip", "neigh", "flush", "all")
    same(f"{name}_reaches_the_servers_alone", [SERVER4, SERVER6], uplink.reached(SERVER4, SERVER6), said, lambda: rules(uplink.dev))
    if egress:
        arrived = arrivals(attempts, uplink.dev, uplink.sniffers, 0.5)
        for each in attempts:
            check(f"{name}_{each.name}_is_blocked", each.name not in arrived, "it arrives")
        if arrived:
            lab.remark(rules(uplink.dev))
    elif attempts:
        check(f"{name}_raw_frames_are_told", "frames that packet sockets and macvlan children send" in " ".join(said.split()), said)
    uplink.keep()
    same(f"{name}_release", 0, uplink.dev.run("release")[0])
    check(f"{name}_works_after_release", uplink.reached(*EVERYBODY) == EVERYBODY, uplink.reached)


def main():
    began = time.monotonic()
    trial = Namespace("trial")
    egress = has_egress(trial)
    lab.clean_up()
    kinds = (Vlan, Aggregate, PppoeOverVlan, Ip6Tunnel, Ipsec) if "quick" in sys.argv else (
        Plain, Vlan, Qinq, Bond, BondOwnMacs, Aggregate, VlanOverBond, Pppoe, PppoeOverVlan, Ipip, Sit, Gre, Gretap, Geneve, Ip6Gre,
        Ip6Tunnel, Ipsec)
    for kind in kinds:
        if issubclass(kind, Pppoe) and not shutil.which("pppd"):
            skip(kind.name, "there is no pppd")
            continue
        run(kind, egress)
        lab.clean_up()
    lab.remark(f"uplinks: {time.monotonic() - began:.0f} s")
    return 1 if lab.failures else 0


if __name__ == "__main__":
    sys.exit(main())
