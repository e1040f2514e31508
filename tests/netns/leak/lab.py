# SPDX-License-Identifier: GPL-2.0-or-later
"""The laboratory of leaktest: namespaces, links, servers. It all vanishes with the process.

   forbidden, rogue,                        h1   h2   boxed        the device's LAN: bridge br-lan
   one, two, resolver                       |    |    |
        world ----- isp ----------- wan  [ lan1 lan2 lan3 ]
                     |               |          dev ---- c0 ---- box     a container behind a routed veth
                    near             mv             ---- opt --- side    another interface
                                     child (macvlan) of wan

near is nobody's namespace: frames to its address are seen on isp's link. late_up adds what comes only after containment.
"""
import contextlib
import ctypes
import os
import pathlib
import socket
import struct
import subprocess
import time
from types import SimpleNamespace

import packets

HERE = pathlib.Path(__file__).resolve().parent
WORK = pathlib.Path("/run/lab")
CLONE_NEWNET = 0x40000000
libc = ctypes.CDLL(None, use_errno=True)

SERVER_PORT = 8000  # the management server: one
PEER_PORT = 9000  # an echo server that counts as a second management server: two
ECHO_PORT = 7000  # somebody listens there in every namespace

ADDRESSES = {
    "4": SimpleNamespace(
        dev="192.0.2.2", gateway="192.0.2.1", near="192.0.2.9", mv="192.0.2.30", latemv="192.0.2.31",
        one="198.51.100.2", two="198.51.100.3", resolver="198.51.100.53", rogue="198.51.100.54",
        forbidden="198.51.100.99", lan="10.1.0.1", h1="10.1.0.11", h2="10.1.0.12", boxed="10.1.0.13",
        lateport="10.1.0.14", inserted="10.1.0.15", c0="10.2.0.1", box="10.2.0.2", opt="10.3.0.1", side="10.3.0.2",
        late="10.5.0.1", latehost="10.5.0.2", vxlan="10.6.0.1", beyond="10.6.0.2", tun="10.7.0.1", injected="10.7.0.2",
        local="127.0.0.1", all="224.0.0.1", mdns="224.0.0.251", ssdp="239.255.255.250", broadcast="255.255.255.255",
        unspecified="0.0.0.0", moved="192.0.2.77", iv="192.0.2.32", vlan="10.8.0.1", vlanhost="10.8.0.2",
        vxlate="10.9.0.1", vxhost="10.9.0.2", elsewhere="192.0.3.2", next_gateway="192.0.3.1"),
    "6": SimpleNamespace(
        dev="2001:db8:1::2", gateway="2001:db8:1::1", near="2001:db8:1::9", mv="2001:db8:1::30",
        latemv="2001:db8:1::31", one="2001:db8:2::2", two="2001:db8:2::3", resolver="2001:db8:2::53",
        rogue="2001:db8:2::54", forbidden="2001:db8:2::99", lan="2001:db8:11::1", h1="2001:db8:11::11",
        h2="2001:db8:11::12", boxed="2001:db8:11::13", lateport="2001:db8:11::14", inserted="2001:db8:11::15",
        c0="2001:db8:12::1", box="2001:db8:12::2", opt="2001:db8:13::1", side="2001:db8:13::2", late="2001:db8:15::1",
        latehost="2001:db8:15::2", vxlan="2001:db8:16::1", beyond="2001:db8:16::2", tun="2001:db8:17::1",
        injected="2001:db8:17::2", local="::1", all="ff02::1", mdns="ff02::fb", ssdp="ff02::c", broadcast="ff02::1",
        unspecified="::", moved="2001:db8:1::77", iv="2001:db8:1::32", vlan="2001:db8:18::1", vlanhost="2001:db8:18::2",
        vxlate="2001:db8:19::1", vxhost="2001:db8:19::2", elsewhere="2001:db8:4::2", next_gateway="2001:db8:4::1"),
}
MACS = {name: f"02:00:00:00:{number >> 8:02x}:{number & 255:02x}" for name, number in {
    "wan": 0x0102, "gateway": 0x0101, "near": 0x0109, "mv": 0x0130, "latemv": 0x0131, "outside": 0x0201, "world": 0x0202,
    "lan1": 0x1101, "lan2": 0x1102, "lan3": 0x1103, "lateport0": 0x1104, "br-lan": 0x1100, "h1": 0x1111, "h2": 0x1112,
    "boxed": 0x1113, "lateport": 0x1114, "inserted": 0x1115, "c0": 0x1201, "box": 0x1202, "opt": 0x1301, "side": 0x1302,
    "late0": 0x1501, "latehost": 0x1502, "vx4": 0x1601, "beyond": 0x1602, "vx6": 0x1603, "mine": 0x1701,
    "vxlate": 0x1901, "xdp0": 0x1801, "xdp": 0x1802, "redirected": 0x7C7C, "stranger": 0x9999,
}.items()}
MACS["broadcast"] = "ff:ff:ff:ff:ff:ff"
SPACES = ("dev", "isp", "world", "h1", "h2", "boxed", "box", "side", "mv", "xdp")
LATE_SPACES = ("latehost", "lateport", "latemv")
for name in ("wan", "gateway", "br-lan", "h1"):
    setattr(ADDRESSES["6"], "local_" + name.replace("br-lan", "lan"), packets.link_local(MACS[name]))


@contextlib.contextmanager
def inside(space):
    """The thread is in this namespace; sockets that it opens there stay there."""
    own = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
    other = os.open(f"/run/netns/{space}", os.O_RDONLY)
    try:
        if libc.setns(other, CLONE_NEWNET):
            raise OSError(ctypes.get_errno(), f"setns {space}")
        yield
    finally:
        libc.setns(own, CLONE_NEWNET)
        os.close(own)
        os.close(other)


def run(space, command, check=True, text=None, timeout=60):
    """command: words, or a line for the shell."""
    words = ["sh", "-c", command] if isinstance(command, str) else command
    done = subprocess.run(["nsenter", f"--net=/run/netns/{space}", *words], check=False, input=text, text=True,
                          capture_output=True, timeout=timeout)
    if check and done.returncode:
        raise RuntimeError(f"{command} in {space}: {done.stderr}")
    return done


def ip(space, lines, check=True):
    options = [] if check else ["-force"]
    done = subprocess.run(["ip", "-n", space, *options, "-batch", "-"], input=lines, text=True, capture_output=True,
                          check=False)
    if check and done.returncode:
        raise RuntimeError(f"ip in {space}: {done.stderr}")


def start(space, words, log):
    """A program in the background; it ends with us."""
    output = open(WORK / f"{log}.log", "w")
    return subprocess.Popen(["nsenter", f"--net=/run/netns/{space}", *words], stdout=output, stderr=subprocess.STDOUT,
                            stdin=subprocess.DEVNULL)


def wait_until(true, seconds, what):
    end = time.monotonic() + seconds
    while not true():
        if time.monotonic() > end:
            raise RuntimeError(f"not in time: {what}")
        time.sleep(0.02)


def logged(log, word):
    return lambda: word in (WORK / f"{log}.log").read_text(errors="replace")


SYSCTLS = {
    "net.ipv4.conf.{}.rp_filter": 0, "net.ipv4.conf.{}.accept_source_route": 1, "net.ipv4.conf.{}.accept_redirects": 1,
    "net.ipv4.conf.{}.route_localnet": 1, "net.ipv4.conf.{}.accept_local": 1, "net.ipv4.conf.{}.send_redirects": 0,
    "net.ipv6.conf.{}.accept_dad": 0, "net.ipv6.conf.{}.accept_source_route": 1, "net.ipv6.conf.{}.accept_ra": 0,
}


def make_space(space):
    """A namespace that answers as willingly as Linux can: what does not arrive was stopped by the device."""
    subprocess.run(["ip", "netns", "add", space], check=True)
    values = {key.format(which): value for key, value in SYSCTLS.items() for which in ("all", "default")}
    values |= {"net.ipv4.icmp_ratelimit": 0, "net.ipv4.icmp_msgs_per_sec": 100000, "net.ipv4.icmp_msgs_burst": 10000, "net.ipv6.icmp.ratelimit": 0,
               "net.ipv4.icmp_echo_ignore_broadcasts": 0, "net.ipv4.ip_local_port_range": "50000 60999",
               "net.ipv4.ip_forward": 1, "net.ipv6.conf.all.forwarding": 1}
    with inside(space):
        for key, value in values.items():
            path = pathlib.Path("/proc/sys") / key.replace(".", "/")
            if path.exists():
                path.write_text(str(value))
    ip(space, "link set lo up\n")


def veth(space, name, other_space, other_name, own_mac, other_mac):
    ip(space, f"link add {name} address {MACS[own_mac]} type veth "
              f"peer name {other_name} address {MACS[other_mac]} netns {other_space}\n")


def addresses(space, interface, name):
    ip(space, f"address add {ADDRESSES['4'].__dict__[name]}/24 dev {interface}\n"
              f"address add {ADDRESSES['6'].__dict__[name]}/64 dev {interface} nodad\nlink set {interface} up\n")


def default_routes(space, interface, by):
    ip(space, "".join(f"route replace {net} via {ADDRESSES[f].__dict__[by]} dev {interface}\n"
                      for f, net in (("4", "default"), ("6", "::/0"))))


def neighbours(space, interface, *names):
    """Permanent, so that it is IP that gets decided, not ARP: that has rows of its own. name, or name=whose MAC address."""
    for name in names:
        name, _, whose = name.partition("=")
        for family in "46":
            ip(space, f"neighbour replace {ADDRESSES[family].__dict__[name]} lladdr {MACS[whose or name]} "
                      f"nud permanent dev {interface}\n")


def lan_host(host, port):
    veth("dev", port, host, "eth0", port, host)
    ip("dev", f"link set {port} master br-lan\nlink set {port} up\n")
    addresses(host, "eth0", host)
    default_routes(host, "eth0", "lan")
    neighbours(host, "eth0", "lan=br-lan", *(other for other in ("h1", "h2", "boxed", "lateport") if other != host))
    neighbours("dev", "br-lan", host)


def links():
    for space in SPACES:
        make_space(space)
    veth("dev", "xdp0", "xdp", "eth0", "xdp0", "xdp")
    ip("dev", "link set xdp0 up\n")
    ip("xdp", "link set eth0 up\n")
    veth("dev", "wan", "isp", "inside", "wan", "gateway")
    veth("isp", "outside", "world", "eth0", "outside", "world")
    addresses("dev", "wan", "dev")
    addresses("isp", "inside", "gateway")
    ip("isp", "address add 198.51.100.1/24 dev outside\naddress add 2001:db8:2::1/64 dev outside nodad\nlink set outside up\n")
    for name in ("one", "two", "resolver", "rogue", "forbidden"):
        addresses("world", "eth0", name)
    ip("world", "route add default via 198.51.100.1\nroute add ::/0 via 2001:db8:2::1\n")
    default_routes("dev", "wan", "gateway")
    ip("isp", "route add 10.0.0.0/8 via 192.0.2.2\nroute add 2001:db8:10::/44 via 2001:db8:1::2\n")
    neighbours("dev", "wan", "near")
    ip("dev", f"link add br-lan address {MACS['br-lan']} type bridge\n")
    addresses("dev", "br-lan", "lan")
    for host, port in (("h1", "lan1"), ("h2", "lan2"), ("boxed", "lan3")):
        lan_host(host, port)
    routed("c0", "box", "c0")
    routed("opt", "side", "opt")
    macvlan("mv")
    tunnels()
    with inside("dev"):
        for key, value in {"accept_ra": 2, "accept_dad": 1, "router_solicitation_delay": 0}.items():
            pathlib.Path(f"/proc/sys/net/ipv6/conf/wan/{key}").write_text(str(value))


def routed(port, host, address):
    """A host or container behind an interface of its own."""
    veth("dev", port, host, "eth0", port, host)
    addresses("dev", port, address)
    addresses(host, "eth0", host)
    default_routes(host, "eth0", address)
    neighbours("dev", port, host)
    neighbours(host, "eth0", f"{address}={port}")


def macvlan(name):
    child(name, f"address {MACS[name]} type macvlan mode bridge")


def child(name, words):
    """A namespace with a link of its own on wan."""
    ip("dev", f"link add link wan name {name} {words}\nlink set {name} netns {name}\n")
    ip(name, f"link set {name} name eth0\n")
    addresses(name, "eth0", name)
    default_routes(name, "eth0", "gateway")
    neighbours(name, "eth0", "gateway")
    neighbours("isp", "inside", f"{name}={'wan' if 'ipvlan' in words else name}")


def has_link_type(words):
    """Not every kernel has every kind of link."""
    done = run("dev", f"ip link add link wan name try {words} && ip link delete try", check=False)
    return not done.returncode


def optional_links():
    """Those that some kernels lack; the names of what there is."""
    found = {name for name, words in {"ipvlan": "type ipvlan mode l2", "vlan": "type vlan id 5"}.items() if has_link_type(words)}
    if "ipvlan" in found:
        make_space("iv")
        child("iv", "type ipvlan mode l2")
    if "vlan" in found:
        ip("dev", "link add link wan name wan.5 type vlan id 5\n")
        addresses("dev", "wan.5", "vlan")
        neighbours("dev", "wan.5", "vlanhost=stranger")
    return found


def tunnels():
    """They lead to no server: what comes out of wan is the outer packet."""
    far4, far6 = ADDRESSES["4"].forbidden, ADDRESSES["6"].forbidden
    ip("dev", f"link add vx4 address {MACS['vx4']} type vxlan id 4 remote {far4} dstport 4789 dev wan noudpcsum\n"
              f"link add vx6 address {MACS['vx6']} type vxlan id 6 remote {far6} dstport 4790 dev wan\n"
              f"link set vx6 up\naddress add {ADDRESSES['6'].vxlan}/64 dev vx6 nodad\n"
              f"link set vx4 up\naddress add {ADDRESSES['4'].vxlan}/24 dev vx4\n"
              f"neighbour add {ADDRESSES['4'].beyond} lladdr {MACS['beyond']} nud permanent dev vx4\n"
              f"neighbour add {ADDRESSES['6'].beyond} lladdr {MACS['beyond']} nud permanent dev vx6\n"
              "link add link wan name mine address " + MACS["mine"] + " type macvlan mode bridge\nlink set mine up\n")


def finish_tunnels():
    """Those that leaktest holds open."""
    ip("dev", "link set tap0 master br-lan\nlink set tap0 up\nlink set tun0 up\n"
              f"address add {ADDRESSES['4'].tun}/24 dev tun0\naddress add {ADDRESSES['6'].tun}/64 dev tun0 nodad\n")


def late_up():
    """What appears only after containment: an interface with a host, a bridge port, a macvlan child, their namespaces."""
    for space in LATE_SPACES:
        make_space(space)
    routed("late0", "latehost", "late")
    ip("dev", f"link add vxlate address {MACS['vxlate']} type vxlan id 9 remote {ADDRESSES['4'].forbidden} dstport 4791 dev wan\n")
    addresses("dev", "vxlate", "vxlate")
    neighbours("dev", "vxlate", "vxhost=stranger")
    for family in "46": # before containment it would make the LAN a way to the server
        ip("dev", f"route add {'::/0' if family == '6' else 'default'} via {ADDRESSES[family].h1} dev br-lan table 77\n")
    lan_host("lateport", "lateport0")
    macvlan("latemv")


WARM = (("dev", "wan", "gateway"), ("isp", "inside", "dev=wan"))


def warm():
    """For attempts; needs find out themselves how to reach the gateway."""
    for space, interface, name in WARM:
        neighbours(space, interface, name)
    local = ADDRESSES["6"]
    ip("dev", f"neighbour replace {local.local_gateway} lladdr {MACS['gateway']} nud permanent dev wan\n")
    ip("isp", f"neighbour replace {local.local_wan} lladdr {MACS['wan']} nud permanent dev inside\n")


def cool():
    for family in "46":
        for space, interface, name in WARM:
            ip(space, f"neighbour delete {getattr(ADDRESSES[family], name.partition('=')[0])} dev {interface}\n")
    ip("dev", f"neighbour delete {ADDRESSES['6'].local_gateway} dev wan\n")
    ip("isp", f"neighbour delete {ADDRESSES['6'].local_wan} dev inside\n")


def late_down():
    ip("dev", "link delete late0\nlink delete lateport0\nlink delete vxlate\nroute flush table 77\n", check=False)
    run("dev", ["ip", "-6", "route", "flush", "table", "77"])
    for space in LATE_SPACES:
        subprocess.run(["ip", "netns", "delete", space], check=False)


# What somebody else has set up on the device before. The source ports say whom a rule is for (rows.py).
FOREIGN = """
table inet firewall {
    chain locally {
        type nat hook output priority -100;
        tcp sport 41000-41099 ip daddr 198.51.100.2 tcp dport 8000 dnat ip to 198.51.100.99:8000
        tcp sport 41000-41099 ip6 daddr 2001:db8:2::2 tcp dport 8000 dnat ip6 to [2001:db8:2::99]:8000
        tcp sport 41100-41199 ip daddr 198.51.100.2 tcp dport 8000 dnat ip to 198.51.100.2:22
        tcp sport 41100-41199 ip6 daddr 2001:db8:2::2 tcp dport 8000 dnat ip6 to [2001:db8:2::2]:22
        udp sport 41200-41299 ip daddr 198.51.100.53 udp dport 53 dnat ip to 198.51.100.54:53
        udp sport 41200-41299 ip6 daddr 2001:db8:2::53 udp dport 53 dnat ip6 to [2001:db8:2::54]:53
        udp sport 41300-41399 ip daddr 127.0.0.1 dnat ip to 198.51.100.99
        udp sport 41300-41399 ip6 daddr 2001:db8:1::2 dnat ip6 to 2001:db8:2::99
        tcp sport 41400-41499 ip daddr 198.51.100.2 tcp dport 8000 dnat ip to 10.1.0.11:8000
        tcp sport 41400-41499 ip6 daddr 2001:db8:2::2 tcp dport 8000 dnat ip6 to [2001:db8:11::11]:8000
    }
    chain elsewhere {
        type nat hook prerouting priority -100;
        iifname wan tcp dport 7100 dnat ip to 10.1.0.11:7000
        iifname wan udp dport 7100 dnat ip to 10.1.0.11:7000
        iifname wan meta nfproto ipv6 tcp dport 7100 dnat ip6 to [2001:db8:11::11]:7000
        iifname wan meta nfproto ipv6 udp dport 7100 dnat ip6 to [2001:db8:11::11]:7000
        iifname br-lan udp dport 7200 redirect to :7000
    }
    chain intercept {
        type filter hook prerouting priority -150;
        iifname br-lan udp dport 7300 tproxy to :7000 meta mark set 9 accept
    }
    chain hide {
        type nat hook postrouting priority 100;
        oifname wan ip saddr 127.0.0.0/8 masquerade
    }
    chain turn {
        type route hook output priority -150;
        tcp sport 41500-41599 tcp dport 8000 meta mark set 7
    }
    chain rewrite_late {
        type filter hook output priority 1000;
        tcp sport 41900-41999 ip daddr 198.51.100.2 ip daddr set 198.51.100.99
        tcp sport 41900-41999 ip6 daddr 2001:db8:2::2 ip6 daddr set 2001:db8:2::99
    }
    chain rewrite_last {
        type filter hook postrouting priority 1000;
        tcp sport 42000-42099 ip daddr 198.51.100.2 ip daddr set 198.51.100.99
        tcp sport 42000-42099 ip6 daddr 2001:db8:2::2 ip6 daddr set 2001:db8:2::99
    }
    chain rewrite_first {
        type filter hook prerouting priority -1000;
        tcp dport 7500 ip saddr 198.51.100.99 ip saddr set 198.51.100.2
        tcp dport 7500 ip6 saddr 2001:db8:2::99 ip6 saddr set 2001:db8:2::2
    }
}
table ip firewall {
    chain double {
        type filter hook postrouting priority 400;
        tcp sport 41600-41699 tcp dport 8000 dup to 10.1.0.11 device "br-lan"
    }
}
table ip6 firewall {
    chain double {
        type filter hook postrouting priority 400;
        tcp sport 41600-41699 tcp dport 8000 dup to 2001:db8:11::11 device "br-lan"
    }
}
table netdev firewall {
    chain rewrite_out {
        type filter hook egress device "wan" priority 1000;
        tcp sport 42100-42199 ip daddr 198.51.100.2 ip daddr set 198.51.100.99
        tcp sport 42100-42199 ip6 daddr 2001:db8:2::2 ip6 daddr set 2001:db8:2::99
        tcp sport 42200-42299 ip daddr 198.51.100.2 fwd to "opt"
        tcp sport 42200-42299 ip6 daddr 2001:db8:2::2 fwd to "opt"
    }
    chain rewrite_in {
        type filter hook ingress device "wan" priority -1000;
        tcp dport 7400 ip saddr 198.51.100.99 ip saddr set 198.51.100.2
        tcp dport 7400 ip6 saddr 2001:db8:2::99 ip6 saddr set 2001:db8:2::2
    }
    chain forth {
        type filter hook ingress device "lan2" priority -600;
        ether daddr 02:00:00:00:7c:7c fwd to "wan"
    }
    chain twice {
        type filter hook ingress device "opt" priority -600;
        ether daddr 02:00:00:00:7c:7c dup to "wan"
    }
}
"""
def foreign_rules():
    run("dev", ["nft", "-f", "-"], text=FOREIGN)
    for family, local in (("4", "0.0.0.0/0"), ("6", "::/0")):
        for mark, table in ((7, 77), (9, 99)):
            run("dev", ["ip", f"-{family}", "rule", "add", "fwmark", str(mark), "lookup", str(table)])
        ip("dev", f"route add local {local} dev lo table 99\n")


def flush_conntrack(space):
    """IPCTNL_MSG_CT_DELETE without attributes: all of the namespace's entries."""
    with inside(space), socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 12) as netlink:
        netlink.send(struct.pack("=IHHIIBBH", 20, 1 << 8 | 2, 5, 1, 0, 0, 0, 0))
        error = struct.unpack_from("=i", netlink.recv(4096), 16)[0]
    if error:
        raise OSError(-error, "conntrack")


def redirects():
    """tc's redirects of frames to one MAC address; classic BPF is the only classifier of many kernels."""
    code = "6,40 0 0 0,21 0 3 512,40 0 0 4,21 0 1 31868,6 0 0 4294967295,6 0 0 0"
    for source, hook, target in (("lan1", "ingress", "wan"), ("wan", "ingress", "lan1"), ("lo", "egress", "wan")):
        run("dev", f"tc qdisc add dev {source} clsact && tc filter add dev {source} {hook} "
                   f"bpf bytecode '{code}' action mirred egress redirect dev {target}")


# ---- programs of the kernel's own machine (linux/bpf.h), as malware would load them ----

BPF_PROG_LOAD, BPF_OBJ_PIN, BPF_PROG_TYPE_SCHED_CLS, BPF_PROG_TYPE_XDP = 5, 6, 3, 6
LOAD_BYTES, STORE_BYTES, REDIRECT = 26, 9, 23  # helpers
PROGRAMS = pathlib.Path("/sys/fs/bpf")


def bpf(command, attributes):
    """bpf(2); the buffer is as long as kernels know it."""
    number = {"x86_64": 321, "aarch64": 280, "riscv64": 280}[os.uname().machine]
    buffer = ctypes.create_string_buffer(attributes, 144)
    done = libc.syscall(number, command, buffer, len(buffer))
    if done < 0:
        raise OSError(ctypes.get_errno(), f"bpf command {command}")
    return done


def pin_program(name, kind, instructions):
    """instructions: (code, destination register | source register << 4, offset, immediate)."""
    code = b"".join(struct.pack("<BBhi", *instruction) for instruction in instructions)
    code, licence = ctypes.create_string_buffer(code, len(code)), ctypes.create_string_buffer(b"GPL")
    loaded = bpf(BPF_PROG_LOAD, struct.pack("IIQQ", kind, len(code) // 8, ctypes.addressof(code), ctypes.addressof(licence)))
    path = ctypes.create_string_buffer(str(PROGRAMS / name).encode())
    bpf(BPF_OBJ_PIN, struct.pack("QI", ctypes.addressof(path), loaded))
    os.close(loaded)


def redirect_to(index):
    """return bpf_redirect(index, 0)"""
    return [(0xB7, 1, 0, index), (0xB7, 2, 0, 0), (0x85, 0, 0, REDIRECT), (0x95, 0, 0, 0)]


def store(offset, data):
    """bpf_skb_store_bytes(r6, offset, data); return 0"""
    words = struct.unpack(f"<{len(data) // 4}i", data)
    return [*((0x62, 10, -16 + 4 * place, word) for place, word in enumerate(words)), (0xBF, 1 | 6 << 4, 0, 0), (0xB7, 2, 0, offset),
            (0xBF, 3 | 10 << 4, 0, 0), (0x07, 3, 0, -16), (0xB7, 4, 0, len(data)), (0xB7, 5, 0, 0), (0x85, 0, 0, STORE_BYTES),
            (0xB7, 0, 0, 0), (0x95, 0, 0, 0)]


def if_from_port(offset, port, then):
    """For packets whose source port, at this offset, is of the hundred from port; else return -1, which goes on."""
    return [(0xBF, 6 | 1 << 4, 0, 0), (0xB7, 2, 0, offset), (0xBF, 3 | 10 << 4, 0, 0), (0x07, 3, 0, -8), (0xB7, 4, 0, 2),
            (0x85, 0, 0, LOAD_BYTES), (0x55, 0, 4, 0), (0x69, 1 | 10 << 4, -8, 0), (0xDC, 1, 0, 16), (0x35, 1, 2, port),
            (0x05, 0, 0, 0), (0x05, 0, 1, 0), (0xA5, 1, 2, port + 100), (0xB7, 0, 0, -1), (0x95, 0, 0, 0), *then]


def programs():
    """XDP on xdp0 that sends to wan; on wan's tc egress, what rewrites (from port 41700) and redirects (41800)."""
    with inside("dev"):
        wan, opt = socket.if_nametoindex("wan"), socket.if_nametoindex("opt")
    pin_program("redirect", BPF_PROG_TYPE_XDP, redirect_to(wan))
    run("dev", f"ip link set xdp0 xdpgeneric pinned {PROGRAMS}/redirect")
    for family, port_at, address_at in (("4", 34, 30), ("6", 54, 38)):
        rewritten = store(address_at, packets.packed(ADDRESSES[family].forbidden))
        for name, code in (("rewrite", if_from_port(port_at, 41700, rewritten)), ("turn", if_from_port(port_at, 41800, redirect_to(opt)))):
            pin_program(name + family, BPF_PROG_TYPE_SCHED_CLS, code)
            protocol = "ip" if family == "4" else "ipv6"
            run("dev", f"tc filter add dev wan egress protocol {protocol} bpf da object-pinned {PROGRAMS}/{name}{family}")


# ---- servers ----

def certificates():
    def openssl(*words):
        subprocess.run(["openssl", *words], check=True, capture_output=True, cwd=WORK)
    openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", "ca.key", "-out", "ca.pem", "-days", "3650",
            "-subj", "/O=Velociraptor CA", "-addext", "basicConstraints=critical,CA:TRUE",
            "-addext", "keyUsage=critical,digitalSignature,keyCertSign")
    openssl("req", "-newkey", "rsa:2048", "-nodes", "-keyout", "server.key", "-subj", "/CN=VelociraptorServer",
            "-out", "server.csr")
    (WORK / "extensions").write_text("basicConstraints=critical,CA:FALSE\nkeyUsage=critical,digitalSignature,keyEncipherment\n"
                                     "extendedKeyUsage=serverAuth,clientAuth\nsubjectAltName=DNS:VelociraptorServer\n")
    openssl("x509", "-req", "-in", "server.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-days", "365",
            "-extfile", "extensions", "-out", "server.pem")


DNSMASQ = ["dnsmasq", "--keep-in-foreground", "--log-facility=-", "--conf-file=/dev/null", "--no-hosts", "--user=root",
           "--pid-file", "--bind-dynamic"]


def servers():
    four, six = ADDRESSES["4"], ADDRESSES["6"]
    programs = {}
    programs["server"] = start("world", [HERE.parent / "servers/management_server.py", "--address", four.one, "--address", six.one, "--port",
                    str(SERVER_PORT), "--key", WORK / "server.key", "--certificate", WORK / "server.pem"], "server")
    programs["dns"] = start("world", [*DNSMASQ, "--no-resolv", "--local=/test/", f"--host-record=one.vr.test,{four.one},{six.one}",
                    f"--host-record=two.vr.test,{four.two},{six.two}",
                    f"--listen-address={four.resolver},{six.resolver},{four.rogue},{six.rogue}"], "dns")
    programs["dhcp"] = start("isp", [*DNSMASQ, "--port=0", "--interface=inside", "--dhcp-authoritative", f"--dhcp-leasefile={WORK}/leases",
                  "--dhcp-range=192.0.2.50,192.0.2.60,10m", "--dhcp-range=2001:db8:1::50,2001:db8:1::60,64,10m",
                  f"--dhcp-host={MACS['wan']},{four.dev}", "--no-ping"], "dhcp")
    programs["peer"] = start("world", [HERE.parent / "tools/echo_server.py", WORK / "echo", str(PEER_PORT)], "peer")
    stub = [*DNSMASQ, "--no-resolv", f"--server={four.resolver}", "--cache-size=0",
            "--listen-address=127.0.0.1,127.0.0.53", "--except-interface=wan"]
    programs["stub"] = start("dev", stub, "stub")
    pathlib.Path("/etc/resolv.conf").write_text(f"nameserver {four.resolver}\nnameserver {six.resolver}\n")
    pathlib.Path("/etc/hosts").write_text("127.0.0.1 localhost\n")
    for log, word in (("server", "ready"), ("dns", "started"), ("dhcp", "started"), ("stub", "started")):
        wait_until(logged(log, word), 10, f"{log} did not start")
    wait_until((WORK / "echo.ready").exists, 10, "the echo server did not start")
    return programs


def up():
    WORK.mkdir(exist_ok=True)
    os.chdir(WORK)
    certificates()
    links()
    return servers()
