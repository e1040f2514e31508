#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# What changes or is unusual around an uplink must not cost the device its server: gateways that ask in the name of another
# address, a bridge whose address follows its ports, fragments, virtual addresses on a macvlan, a
# backup uplink that waits, more prefixes than are listed, another MAC address, NAT of what the device itself sends.
set -u
. "$(dirname "$(realpath "$0")")/lib.sh"
lab_enter "$0" "$@"
lab_up
plan=(-T 10 --ca ca.pem https://one.vr.test:8000/)
ip -n world route add 10.9.0.0/16 via 198.51.100.1

begin_device() { # KIND NUMBER: with one cable, whose other end "KIND" is in the router's namespace
	kind=$1 number=$2 device=$1
	ip netns add "$kind"
	ip -n "$kind" link set lo up
	ip link add cable netns "$kind" type veth peer name "$kind" netns router
	ip -n "$kind" link set cable up
	ip -n router link set "$kind" up
	ip -n router address add "10.9.$number.1/24" dev "$kind"
}
device_address() { # [LINK]
	ip -n "$kind" address add "10.9.$number.2/24" dev "${1:-cable}"
	ip -n "$kind" route add default via "10.9.$number.1"
	wait_for 1 eval "in_ns $kind $tools/attempt.py -t 0.5 tcp/$one4/8000 | grep -q ." || not_ok "set_up_$kind" "no way"
}
reaches() { # NAME [ATTEMPT]
	local attempt=${2:-tcp/$one4/8000}
	same "$1" "$attempt" "$(in_ns "$kind" "$tools/attempt.py" -t 4 "$attempt")"
}

begin_device gateway 1
device_address
start router "$tools/echo_server.py" "$work/gateway.echo" 8001
wait_for 5 test -e gateway.echo.ready
gives arp_contains 0 quarantine --no-probe --dns none http://198.51.100.1:8001/
reaches arp_first tcp/198.51.100.1/8001
router ip neigh flush dev gateway
reaches gateway_asks_in_another_name tcp/198.51.100.1/8001

begin_device bridge 2
ip -n bridge link add br0 type bridge forward_delay 0
ip -n bridge link set cable address 52:00:00:00:00:99
ip -n bridge link set cable master br0
ip -n bridge link set br0 up
device_address br0
gives bridge_contains 0 quarantine "${plan[@]}"
ip -n bridge link add tap0 type veth peer name tap1
ip -n bridge link set tap0 address 02:00:00:00:00:01
ip -n bridge link set tap1 up
ip -n bridge link set tap0 master br0 up
same bridge_has_another_address 02:00:00:00:00:01 "$(ip -n bridge -br link show br0 | awk '{ print $3 }')"
ip -n bridge neigh flush all
router ip neigh flush dev bridge
reaches bridge_with_another_address
# A DHCPv6 client asks for a router by itself: its link-local address is the bridge's, and the port below does not know it.
start router /usr/bin/python3 -c 'import socket
s = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(0x86DD))
s.bind(("bridge", 0x86DD))
s.settimeout(5)
print("ready", flush=True)
while b"of a program" not in s.recv(2000): pass
print("arrived", flush=True)' >solicited 2>/dev/null
wait_for 5 grep -q ready solicited
wait_for 5 eval 'ip -n bridge -6 address show dev br0 scope link | grep fe80 | grep -qv tentative'
in_ns bridge /usr/bin/python3 -c 'import socket
s = socket.socket(socket.AF_INET6, socket.SOCK_RAW, socket.IPPROTO_ICMPV6)
s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_HOPS, 255)
s.sendto(b"\x85" + bytes(7) + b"of a program....", ("ff02::2", 0, 0, socket.if_nametoindex("br0")))'
check bridge_programs_ask_for_a_router wait_for 3 grep -q arrived solicited
# Solicitations of programs have a rate: a burst of 40, then 20 a second. Packet sockets have none to send.
start router /usr/bin/python3 -c 'import socket
s = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(0x86DD))
s.bind(("bridge", 0x86DD))
s.settimeout(2)
count = 0
print("ready", flush=True)
try:
    while True: count += b"one of 300" in s.recv(2000)
except TimeoutError:
    print("some" if 0 < count < 200 else count, flush=True)' >flooded
wait_for 5 grep -q ready flooded
in_ns bridge /usr/bin/python3 -c 'import socket
s = socket.socket(socket.AF_INET6, socket.SOCK_RAW, socket.IPPROTO_ICMPV6)
s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_HOPS, 255)
for _ in range(300):
    try: s.sendto(b"\x87" + bytes(23) + b"one of 300      ", ("ff02::1", 0, 0, socket.if_nametoindex("br0")))
    except OSError: pass'
check bridge_solicitations_have_a_rate wait_for 9 grep -q some flooded
matches bridge_solicitations_of_packet_sockets '^refused 300' "$(in_ns bridge /usr/bin/python3 -c 'import socket, struct, sys
s = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM)
refused = 0
body = struct.pack("!BBHI16s", 135, 0, 0, 0, bytes(16)) + b"one of 300      "
head = struct.pack("!IHBB", 6 << 28, len(body), 58, 255)
packet = head + socket.inet_pton(socket.AF_INET6, sys.argv[1]) + socket.inet_pton(socket.AF_INET6, "ff02::1") + body
for _ in range(300):
    try: s.sendto(packet, ("br0", 0x86DD, 0, 0, b"\x33\x33\0\0\0\1"))
    except OSError: refused += 1
print("refused", refused)' "$(ip -n bridge -6 -o address show dev br0 scope link | awk '{ sub("/.*", "", $4); print $4 }')")"

# Another network on the same link, without a lease: the gateway is asked for by ARP. A route that a routing daemon has
# set says nothing of the link: the host behind it is asked for in the same way.
begin_device renumbered 29
device_address
gives renumbered_contains 0 quarantine "${plan[@]}"
ip -n router address add 10.9.129.1/24 dev renumbered
in_ns renumbered ip address flush dev cable
ip -n renumbered address add 10.9.129.2/24 dev cable
ip -n renumbered route add default via 10.9.129.1
reaches renumbered_without_a_lease
run release
ip -n renumbered route replace 198.51.100.2/32 dev cable scope global
ip -n renumbered route del default
router sysctl -qw net.ipv4.conf.renumbered.proxy_arp=1 net.ipv4.neigh.renumbered.proxy_delay=0
reaches proxy_arp_before
gives proxy_arp_contains 0 quarantine --no-probe --dns none https://$one4:8000/
ip -n renumbered neigh flush all
reaches proxy_arp_after_a_route_of_scope_global

# A server that sends fragments, over a narrow hop.
begin_device fragments 4
device_address
ip -n router link set fragments mtu 1000
ip -n router route replace 10.9.4.0/24 dev fragments mtu lock 1000
world sysctl -qw net.ipv4.ip_no_pmtu_disc=1
cat >long.py <<'END'
import socket, sys
server = socket.socket()
server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
server.bind((sys.argv[1], 8002))
server.listen(5)
print("ready", flush=True)
while True:
    peer, _ = server.accept()
    peer.sendall(bytes(60000))
    peer.close()
END
start world /usr/bin/python3 long.py $one4 >long.ready
wait_for 5 grep -q ready long.ready
receive() {
	in_ns "$kind" timeout 8 /usr/bin/python3 -c 'import socket, sys
peer = socket.create_connection((sys.argv[1], 8002), 4)
peer.settimeout(4)
count = 0
try:
    while data := peer.recv(65536):
        count += len(data)
except OSError:
    pass
print(count)' $one4
}
same fragments_before 60000 "$(receive)"
gives fragments_contain 0 quarantine --no-probe --dns none http://$one4:8002/
same fragments 60000 "$(receive)"
world sysctl -qw net.ipv4.ip_no_pmtu_disc=0

# The address that speaks to the server is VRRP's, on a macvlan of the uplink.
begin_device vrrp 5
ip -n vrrp link add vrrp51 link cable address 00:00:5e:00:01:33 type macvlan mode bridge
ip -n vrrp link set vrrp51 up
ip -n vrrp address add 10.9.5.100/32 dev vrrp51
ip -n vrrp address add 10.9.5.2/24 dev cable
in_ns vrrp sysctl -qw net.ipv4.conf.cable.arp_ignore=1 net.ipv4.conf.vrrp51.arp_ignore=1 net.ipv4.conf.all.rp_filter=0 \
	net.ipv4.conf.vrrp51.rp_filter=0 net.ipv4.conf.vrrp51.accept_local=1
ip -n vrrp route add default via 10.9.5.1 src 10.9.5.100
wait_for 1 eval "in_ns vrrp $tools/attempt.py -t 0.5 tcp/$one4/8000 | grep -q ." || not_ok set_up_vrrp "no way"
gives vrrp_contains 0 quarantine "${plan[@]}"
router ip neigh flush dev vrrp
reaches vrrp_address

# A backup uplink with an address, without a carrier at the time.
begin_device backup 6
device_address
ip link add spare netns backup type dummy 2>/dev/null || ip -n backup link add spare type ifb
ip -n backup address add 10.8.6.2/24 dev spare
survey_line() {
	sed -n '/interfaces/,/undo/p' out | tr -s ' \n' ' '
}
gives backup_contains 0 quarantine "${plan[@]}"
matches backup_is_told 'interfaces uplinks cable' "$(survey_line)"

# One with an address and a carrier is sealed, and named.
start backup "$tools/tunnel.py" tun7 backup router >tun7.ready
wait_for 5 grep -q ready tun7.ready
ip -n backup link set tun7 up
ip -n backup address add 10.8.7.2/24 dev tun7
gives backup_with_carrier 0 quarantine "${plan[@]}"
matches backup_hint 'tun7 has an address: if it is a backup, --uplink tun7' "$out"
gives backup_named 0 quarantine --uplink tun7 "${plan[@]}"
same backup_no_hint '' "$(grep 'if it is a backup' out)"
# Routes that daemons keep, and next hops that hide the link.
ip -n backup route add $one4/32 via 10.9.6.1 protocol bgp
gives daemon_contains 0 quarantine "${plan[@]}"
matches daemon_bgp 'warning: bgp keeps the route and is cut: --allow tcp:10.9.6.1:179 ' "$err"
ip -n backup route replace $one4/32 via 10.9.6.1 protocol ospf
gives daemon_contains_again 0 quarantine "${plan[@]}"
matches daemon_ospf 'warning: ospf keeps the route and is cut: set a static one' "$err"
in_ns backup sysctl -qw net.ipv4.nexthop_compat_mode=0
ip -n backup nexthop add id 5 via 10.9.6.1 dev cable
ip -n backup route replace $one4/32 nhid 5
run quarantine "${plan[@]}"
matches next_hop_is_told 'warning: set net.ipv4.nexthop_compat_mode=1 to see the uplink' "$err"
reaches next_hop

# More prefixes than there is room for.
begin_device prefixes 7
for i in $(seq 40); do
	echo "address add 10.7.$i.2/24 dev cable"
done | ip -n prefixes -batch -
device_address
gives prefixes_contain 0 quarantine "${plan[@]}"
ip -n prefixes neigh flush all
router ip neigh flush dev prefixes
reaches many_prefixes

# The uplink gets another MAC address, and then another device takes its name.
begin_device mac 8
device_address
ip -n mac address add 2001:db8:9:8::2/64 dev cable nodad
ip -n mac route add ::/0 via 2001:db8:9:8::1
ip -n router address add 2001:db8:9:8::1/64 dev mac nodad
ip -n world route add 2001:db8:9::/48 via 2001:db8:2::1
wait_for 2 eval "in_ns mac $tools/attempt.py -t 0.5 tcp/$one6/8000 | grep -q ." || not_ok set_up_mac6 "no way"
gives mac_contains 0 quarantine "${plan[@]}"
first_mac=$(ip -n mac -br link show cable | awk '{ print $3 }')
ip -n mac link set cable address 02:00:00:00:08:01
reaches another_mac
ip -n mac link set cable address 02:00:00:00:08:02
reaches another_mac_over_ipv6 tcp/$one6/8000
ip -n mac link set cable address 02:00:00:00:08:03
ip -n mac neigh replace 10.9.8.1 lladdr "$(ip -n router -br link show mac | awk '{ print $3 }')" dev cable nud permanent
router ip neigh flush dev mac
reaches another_mac_and_no_question
blocked another_mac_forbidden mac world tcp/$forbidden4/8000 udp/$forbidden4/7000 icmp/$forbidden4
# What a packet socket makes up is not it.
in_ns mac /usr/bin/python3 -c 'import socket
raw = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
raw.bind(("cable", 0x806))
arp = b"\0\1\x08\0\6\4\0\1\x02\0\0\0\x08\x77" + socket.inet_aton("10.9.8.2") + bytes(6) + socket.inet_aton("10.9.8.1")
try:
    raw.send(b"\xff" * 6 + b"\x02\0\0\0\x08\x77\x08\x06" + arp)
except OSError:
    pass'
# What is learned is forgotten, so that a flood of made-up ones does not fill the set for good; the first one stays.
matches a_new_mac_is_learned_for_a_time '02:00:00:00:08:03 timeout 10m expires [0-9]' \
	"$(in_ns mac nft list set netdev $default_table own_mac)"
matches the_first_mac_stays "elements = \{.*$first_mac( \}|,)" "$(in_ns mac nft list set netdev $default_table own_mac)"
same not_a_programs_mac '' "$(in_ns mac nft list set netdev $default_table own_mac | grep -o '02:00:00:00:08:77')"
ip -n mac link delete cable
ip link add cable netns mac type veth peer name mac netns router
ip -n router link set mac up
ip -n router address add 10.9.8.1/24 dev mac
ip -n mac link set cable up
device_address
reaches another_device_of_the_name
blocked another_device_forbidden mac world tcp/$forbidden4/8000 udp/$forbidden4/7000 icmp/$forbidden4

# Another MAC address, and a lease of another network.
begin_device lease 9
device_address
gives lease_contains 0 quarantine "${plan[@]}"
ip -n lease address flush dev cable
ip -n lease link set cable address 02:00:00:00:09:01
ip -n router address add 10.9.19.1/24 dev lease
forget_arrivals router
in_ns lease "$tools/dhcp_frame.py" cable 02:00:00:00:09:01 ff:ff:ff:ff:ff:ff 0.0.0.0 255.255.255.255 68 67
router "$tools/dhcp_frame.py" lease 02:00:00:00:09:99 02:00:00:00:09:01 10.9.19.1 10.9.19.2 67 68
same another_mac_asks_for_a_lease udp/255.255.255.255/67 "$(arrived router | grep '^udp/255')"
ip -n lease address add 10.9.19.2/24 dev cable
ip -n lease route add default via 10.9.19.1
reaches another_mac_and_lease

# What the device sends is given an address that no link has: before the containment, after it, and over a bridge.
for links in cable br0; do
	begin_device "nat_$links" $((10 + ${#links}))
	if [ $links = br0 ]; then
		ip -n "$kind" link add br0 type bridge forward_delay 0
		ip -n "$kind" link set cable master br0
		ip -n "$kind" link set br0 up
	fi
	ip -n router route add "10.99.$number.9/32" via "10.9.$number.2" onlink dev "$kind"
	ip -n world route replace 10.99.0.0/16 via 198.51.100.1
	device_address $links
	translate() {
		in_ns "$kind" nft "table ip nat { chain out { type nat hook postrouting priority 100; oifname $links snat to 10.99.$number.9; }; }"
	}
	translate
	reaches "${kind}_before"
	gives "${kind}_contains" 0 quarantine "${plan[@]}"
	reaches "$kind"
	passes "${kind}_dns" "$kind" world udp/$resolver4/53
	blocked "${kind}_forbidden" "$kind" world tcp/$forbidden4/8000 udp/$forbidden4/7000 icmp/$forbidden4
	gives "${kind}_release" 0 release
	in_ns "$kind" nft delete table ip nat
	gives "${kind}_contains_again" 0 quarantine "${plan[@]}"
	translate
	reaches "${kind}_later"
done
finish
