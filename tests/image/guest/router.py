# SPDX-License-Identifier: GPL-2.0-or-later
"""A router between a LAN host and the world, in which a management server and a forbidden host live.

    lan  eth0 ---- lan0  dev  wan ---- eth0  world
    203.0.113.2    .1         192.0.2.2   .1 198.51.100.2 (server), .99 (forbidden)
    2001:db8:3::2  ::1        2001:db8:1::2  2001:db8:2::2, ::99
"""
import contextlib
import socket
import time

from lab import Connection, Datagrams, Namespace, Sniffer, Traffic, family_of

LAN4, LAN6 = "203.0.113.2", "2001:db8:3::2"
WAN4, WAN6 = "192.0.2.2", "2001:db8:1::2"
GATEWAY4, GATEWAY6 = "192.0.2.1", "2001:db8:1::1"
SERVER4, SERVER6 = "198.51.100.2", "2001:db8:2::2"
FORBIDDEN4, FORBIDDEN6 = "198.51.100.99", "2001:db8:2::99"
SERVER_PORT = 8000
SERVERS = (f"https://{SERVER4}:{SERVER_PORT}/", f"https://[{SERVER6}]:{SERVER_PORT}/")


class World:
    """What lies beyond the uplink: addresses of everybody, and the server that listens."""

    def __init__(self):
        self.namespace = Namespace("world")
        self.namespace.ip("\n".join(f"address add {address} dev lo" for address in (
            f"{SERVER4}/32", f"{FORBIDDEN4}/32", f"{SERVER6}/128", f"{FORBIDDEN6}/128")))
        self.listeners = [self._listen(address) for address in (SERVER4, SERVER6, FORBIDDEN4, FORBIDDEN6)]

    def _listen(self, address):
        listener = self.namespace.socket(family_of(address), socket.SOCK_STREAM)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((address, SERVER_PORT))
        listener.listen()
        return listener

    def reached(self, device, *addresses, seconds=1.0):
        """Those to which a connection from the device arrives, with its first bytes: the other end is asked."""
        tries = []
        for address in addresses:
            listener = next(each for each in self.listeners if each.getsockname()[0] == address)
            listener.setblocking(False)
            sender = device.socket(family_of(address), socket.SOCK_STREAM)
            sender.setblocking(False)
            sender.connect_ex((address, SERVER_PORT))
            tries.append((address, listener, sender))
        found = []
        end = time.monotonic() + seconds
        while time.monotonic() < end and len(found) < len(tries):
            time.sleep(0.02)
            found += [address for address, listener, sender in tries if address not in found and self._greeted(listener, sender)]
        for _, _, sender in tries:
            sender.close()
        return [address for address in addresses if address in found]

    @staticmethod
    def _greeted(listener, sender):
        with contextlib.suppress(OSError):
            sender.send(b"hello")
            accepted = listener.accept()[0]
            with contextlib.closing(accepted):
                accepted.settimeout(0.3)
                return accepted.getpeername() == sender.getsockname() and accepted.recv(5) == b"hello"
        return False


class Router:
    """The router under test with plain links; see bridge_links for bridges."""

    lan_device, wan_device = "lan0", "wan"

    def __init__(self, bridged=False):
        self.dev = Namespace("dev")
        self.lan = Namespace("lan")
        self.world = World()
        self.dev.ip(f"""link add lan0 type veth peer name eth0 netns lan
            link add wan type veth peer name eth0 netns world
            link set lan0 up
            link set wan up""")
        if bridged:
            self.lan_device, self.wan_device = "br-lan", "br-wan"
            self.dev.ip("""link add br-lan type bridge
                link add br-wan type bridge
                link set lan0 master br-lan
                link set wan master br-wan
                link set br-lan up
                link set br-wan up""")
        self._addresses()
        self.traffic = Traffic(Sniffer(self.lan, "eth0"), Sniffer(self.world.namespace, "eth0"))

    def _addresses(self):
        self.dev.ip(f"""address add 203.0.113.1/24 dev {self.lan_device}
            address add 2001:db8:3::1/64 dev {self.lan_device} nodad
            address add {WAN4}/24 dev {self.wan_device}
            address add {WAN6}/64 dev {self.wan_device} nodad
            route add default via {GATEWAY4}
            route add ::/0 via {GATEWAY6}""")
        self.lan.ip(f"""address add {LAN4}/24 dev eth0
            address add {LAN6}/64 dev eth0 nodad
            link set eth0 up
            route add default via 203.0.113.1
            route add ::/0 via 2001:db8:3::1""")
        self.world.namespace.ip(f"""address add {GATEWAY4}/24 dev eth0
            address add {GATEWAY6}/64 dev eth0 nodad
            link set eth0 up
            route add default via {WAN4}
            route add ::/0 via {WAN6}""")
        self.dev.sysctl("ipv4/ip_forward", 1)
        self.dev.sysctl("ipv6/conf/all/forwarding", 1)

    def open_flows(self, first=1):
        """TCP and UDP over both families, between the LAN host and the forbidden one."""
        self.traffic.close()
        for kind in (Datagrams, Connection):
            for near, far in ((LAN4, FORBIDDEN4), (LAN6, FORBIDDEN6)):
                self.traffic.flows.append(kind(first, self.lan, near, self.world.namespace, far))
                first += 1

    def open_flows_unanswered(self, first):
        """The same where nothing passes: nobody waits for an answer."""
        for near, far in ((LAN4, FORBIDDEN4), (LAN6, FORBIDDEN6)):
            for kind in (Datagrams, Connection):
                self.traffic.flows.append(kind(first, self.lan, near, self.world.namespace, far, seconds=0.2))
                first += 1

    def strays(self):
        return self.traffic.strays({LAN4, LAN6}, {FORBIDDEN4, FORBIDDEN6})

    def servers_reached(self):
        return self.world.reached(self.dev, SERVER4, SERVER6) == [SERVER4, SERVER6]
