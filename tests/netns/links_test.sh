#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# The survey of the links, on links that this kernel really has: which lead to an allowed peer, what passes, what is sealed.
. "$(dirname "$0")/lib.sh"
lab_enter "$0" "$@"

root=$(realpath "$tests/../..")
sources=("$root"/applets/quarantine/links.c "$root"/libs/policy/*.c "$root"/libs/netlink/*.c "$root"/libs/base/*.c)
# shellcheck disable=SC2046
${CC:-cc} -std=c11 -D_GNU_SOURCE -DCONFIG_LAYER_BRIDGE=1 -DCONFIG_LAYER_NETDEV=1 -DCONFIG_QUARANTINE_IPSEC=1 \
	-DCONFIG_PERSIST=1 -g \
	-fsanitize=address,undefined -fno-sanitize-recover=all -I"$root/libs" -I"$root/applets" \
	-I"$root/applets/quarantine" -o survey "$tools/links.c" "${sources[@]}" $(pkg-config --cflags --libs libmnl) ||
	{ echo "not ok set_up: cc"; exit 1; }

survey() { # [options] ADDRESS...; leaves $got
	got=$(in_ns device ./survey "$@" 2>&1)
}
surveyed() { # NAME TEXT OPTIONS...: all lines, in any order, but those of MAC addresses and the one for people
	survey "${@:3}"
	same "$1" "$(sort <<<"$2")" "$(grep -Ev '^(mac |line|gateway |cut 0 0 0)' <<<"$got" | sort)"
}
anew() { # [batch commands of ip]: an empty namespace; the other ends are in `other`
	ip netns delete device 2>/dev/null
	ip netns delete other 2>/dev/null
	ip netns add device
	ip netns add other
	in_ns device sysctl -qw net.ipv6.conf.all.accept_dad=0 net.ipv6.conf.default.accept_dad=0
	ip -n device link set lo up
	ip -n device -batch - || { echo "not ok set_up: links"; exit 1; }
}
uplink='link add wan type veth peer name wan netns other
	address add 192.0.2.2/24 dev wan
	link set wan up
	route add default via 192.0.2.1'

anew <<-END
	$uplink
	link add lan type veth peer name lan netns other
	address add 203.0.113.1/24 dev lan
	address add 2001:db8:3::1/64 dev lan nodad
	link set lan up
	link add ifb9 type ifb
END
surveyed plain 'wan uplink ethernet untagged
lan sealed ethernet
ifb9 sealed ethernet
on-link 192.0.2.0/24' 198.51.100.2
same only_its_mac "mac $(ip -n device -br link show wan | awk '{ print $3 }')" "$(grep '^mac ' <<<"$got")"
same its_gateway 'gateway 192.0.2.1' "$(grep '^gateway' <<<"$got")"
surveyed peer_on_the_lan 'lan uplink ethernet untagged
wan sealed ethernet
ifb9 sealed ethernet
on-link 203.0.113.0/24
on-link 2001:db8:3::/64' 2001:db8:3::9
surveyed awaited_is_there 'wan uplink ethernet untagged
lan sealed ethernet
ifb9 sealed ethernet
on-link 192.0.2.0/24' -w wan 198.51.100.2
surveyed one_more_is_awaited 'wan uplink unknown untagged
lan sealed ethernet
ifb9 sealed ethernet
on-link 192.0.2.0/24' -w wan -w ppp0 198.51.100.2
surveyed none_that_is_awaited_is_there 'wan uplink unknown untagged
lan uplink unknown untagged
ifb9 uplink unknown untagged
on-link 192.0.2.0/24
on-link 203.0.113.0/24
on-link 2001:db8:3::/64' -w ppp0 198.51.100.2
surveyed both 'wan uplink ethernet untagged
lan uplink ethernet untagged
ifb9 sealed ethernet
on-link 192.0.2.0/24
on-link 203.0.113.0/24
on-link 2001:db8:3::/64' 2001:db8:3::9 198.51.100.2
surveyed no_route 'wan sealed ethernet
lan sealed ethernet
ifb9 sealed ethernet' 2001:db8:9::1
matches no_uplinks_line 'line no uplinks; sealed: ifb9, lan, wan $' "$got"
surveyed network 'lan uplink ethernet untagged
wan sealed ethernet
ifb9 sealed ethernet
on-link 203.0.113.0/24
on-link 2001:db8:3::/64' 2001:db8::/32
surveyed dns_any 'wan uplink ethernet untagged
lan sealed ethernet
ifb9 sealed ethernet
on-link 192.0.2.0/24' -a
surveyed dhcp_server 'lan uplink ethernet untagged
wan sealed ethernet
ifb9 sealed ethernet
on-link 203.0.113.0/24
on-link 2001:db8:3::/64' -d lan
surveyed named 'ifb9 uplink ethernet untagged
wan sealed ethernet
lan sealed ethernet' -u ifb9

# Routes: another table, two next hops, a gateway that no prefix covers, a link that is down, and those that lead nowhere.
anew <<-END
	$uplink
	link add two type veth peer name two netns other
	link add three type veth peer name three netns other
	link add four type veth peer name four netns other
	link add five type veth peer name five netns other
	link set two up
	link set three up
	link set four up
	address add 10.2.0.2/24 dev two
	address add 10.3.0.2/24 dev three noprefixroute
	route add 10.3.0.0/24 dev three
	route add 198.51.100.0/24 table 7 nexthop via 10.2.0.1 dev two nexthop via 10.3.0.1 dev three
	route add default via 172.31.1.1 dev four onlink metric 9
	route add unreachable 198.51.100.0/25 table 8
	route add blackhole 198.51.100.128/25 table 8
END
surveyed tables_and_hops 'wan uplink ethernet untagged
two uplink ethernet untagged
three uplink ethernet untagged
four uplink ethernet untagged
five sealed ethernet
on-link 192.0.2.0/24
on-link 10.2.0.0/24
on-link 10.3.0.0/24
on-link 172.31.1.1/32' 198.51.100.2
matches line 'line uplinks wan, two, three, four; sealed: five $' "$got"
survey -c 62 198.51.100.2
matches short_line 'line uplinks wan, two, three and 1 more; sealed: five $' "$got"
same short_line_fits yes "$(awk '/^line/ && length > 67 { exit 1 } END { print "yes" }' <<<"$got")"

# A next hop object: with compatibility mode off the route does not name its link.
ip -n other link set wan up
in_ns device sysctl -qw net.ipv4.nexthop_compat_mode=0
ip -n device -batch - <<-END
	nexthop add id 5 via 192.0.2.1 dev wan onlink
	route replace 198.51.100.2/32 nhid 5
END
survey 198.51.100.2
matches next_hop_is_hidden 'next hops hide a link' "$got"
matches next_hop_objects '^wan uplink unknown untagged two uplink unknown untagged .*five uplink unknown untagged' "$got"

# Routes that a daemon keeps.
anew <<-END
	$uplink
	route add 198.51.100.0/24 via 192.0.2.7 protocol bgp
	route add 198.51.101.0/24 via 192.0.2.8 protocol ospf
	address add 2001:db8:1::2/64 dev wan nodad
	route add 2001:db8:2::/48 via 2001:db8:1::7 protocol bird
END
survey 198.51.100.2
matches daemon_bgp 'kept by bgp at 192.0.2.7' "$got"
survey 198.51.101.2
matches daemon_ospf 'kept by ospf at 192.0.2.8' "$got"
survey 2001:db8:2::2
matches daemon_bird 'kept by bird at 2001:db8:1::7' "$got"
survey 198.51.102.2
same no_daemon '' "$(grep 'kept by' <<<"$got")"

# Bridges.
anew <<-END
	link add br-wan type bridge stp_state 1
	link add br-lan type bridge
	link add eth0 type veth peer name eth0 netns other
	link add eth1 type veth peer name eth1 netns other
	link set eth0 master br-wan
	link set eth1 master br-lan
	tuntap add dev tap0 mode tap
	link set tap0 master br-lan
	link set br-wan up
	link set br-lan up
	address add 192.0.2.2/24 dev br-wan
	address add 203.0.113.1/24 dev br-lan
	route add default via 192.0.2.1
END
surveyed bridge_uplink 'br-wan uplink ethernet untagged any-mac
eth0 uplink ethernet untagged any-mac stp
br-lan sealed ethernet
eth1 sealed ethernet
tap0 sealed ethernet
on-link 192.0.2.0/24' 198.51.100.2
if ip -n device link set br-wan type bridge vlan_filtering 1 2>/dev/null; then
	survey 198.51.100.2
	matches filtering_bridge 'eth0 uplink ethernet untagged any-vlan stp' "$got"
fi

# Children of a link, here and in another namespace.
anew <<-END
	link add eth0 type veth peer name eth0 netns other
	link add eth1 type veth peer name eth1 netns other
	link add mac0 link eth0 type macvlan
	link set eth0 up
	link set mac0 up
	address add 192.0.2.2/24 dev mac0
	route add default via 192.0.2.1
	link add mac1 link eth1 netns other type macvlan
END
surveyed macvlan 'eth0 uplink ethernet untagged
mac0 uplink ethernet untagged
eth1 sealed ethernet
on-link 192.0.2.0/24' 198.51.100.2
same two_macs 2 "$(grep -c "^mac " <<<"$got")"
# In that namespace the index of its lower link, where we have none or another one, says nothing.
index=$(ip -n device -o link show eth1 | cut -d: -f1)
ip -n other -batch - <<-END
	link set mac1 up
	address add 10.1.1.1/24 dev mac1
END
ip -n other link add same index "$index" type veth peer name end 2>/dev/null
same lower_is_elsewhere 'mac1 uplink ' "$(in_ns other ./survey 10.1.1.2 | grep -o '^[^ ]* uplink ' | tr -d '\n')"

# Tunnels.
anew <<-END
	$uplink
	route delete default
	link add two type veth peer name two netns other
	link set two up
	address add 10.2.0.2/24 dev two
	link add vx0 type vxlan id 5 remote 10.2.0.9 dstport 4790 dev two
	link set vx0 up
	address add 10.5.0.2/24 dev vx0
	tuntap add dev tun0 mode tun
	tuntap add dev tun1 mode tun
END
surveyed vxlan 'two uplink ethernet untagged
vx0 uplink ethernet untagged
tun0 idle ip untagged
tun1 idle ip untagged
wan sealed ethernet
on-link 10.2.0.0/24
on-link 10.5.0.0/24
outer 10.2.0.9/32 4790 out
outer 10.2.0.9/32 4790 in' 10.5.0.9
matches idle_line 'line uplinks two, vx0; idle: tun0, tun1; sealed: wan $' "$got"
ip -n device -batch - <<-END
	link set tun0 up
	address add 10.6.0.1/24 dev tun0
	link add vx1 type vxlan id 6 remote 10.5.0.77 dstport 4789
	link set vx1 up
	route add 10.7.0.0/16 dev vx1
END
surveyed vxlan_in_vxlan 'two uplink ethernet untagged
vx0 uplink ethernet untagged
vx1 uplink ethernet untagged
tun1 idle ip untagged
wan sealed ethernet
tun0 idle ip untagged
on-link 10.2.0.0/24
on-link 10.5.0.0/24
on-link 10.7.0.0/16
outer 10.5.0.77/32 4789 out
outer 10.5.0.77/32 4789 in
outer 10.2.0.9/32 4790 out
outer 10.2.0.9/32 4790 in' 10.7.8.9
survey 10.6.0.9
same no_backup '' "$(grep backup <<<"$got")"
surveyed tun 'tun0 uplink ip untagged
tun1 idle ip untagged
wan sealed ethernet
two sealed ethernet
vx0 sealed ethernet
vx1 sealed ethernet
tunnel tun0' 10.6.0.9
ip -n device link add vx2 type vxlan id 7 group 239.1.1.1 dev two dstport 4789
survey -u vx2
matches vxlan_multicast '^tunnel vx2' "$(grep tunnel <<<"$got")"

# A supplicant: what counts is its packet socket.
anew <<-END
	$uplink
END
in_ns device /usr/bin/python3 -c '
import socket, subprocess
eapol = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
eapol.bind(("wan", 0x888e))
subprocess.run(["./survey", "198.51.100.2"])' >with_supplicant
same supplicant 'wan uplink ethernet untagged eapol' "$(head -n 1 with_supplicant)"
survey 198.51.100.2
same no_supplicant 'wan uplink ethernet untagged' "$(head -n 1 <<<"$got")"

# IPsec: policies that wrap up what goes to a server, which no route shows.
anew <<-END
	$uplink
	address add 2001:db8:1::2/64 dev wan nodad
	route add ::/0 via 2001:db8:1::1
END
# ipsec NAME GATEWAY [OPTIONS OF THE SURVEY]: who is named, - for nobody, with the policies of standard input.
ipsec() {
	ip -n device xfrm policy flush
	ip -n device -batch - <<<"$(sed 's/^/xfrm policy add /')" || not_ok "$1.set_up"
	survey "${@:3}" 198.51.100.2 2001:db8:2::2
	same "$1" "${2#-}" "$(sed -n 's/^ipsec //p' <<<"$got")"
}
gateway='tmpl src 192.0.2.2 dst 192.0.2.9 proto esp mode tunnel'
to='src 0.0.0.0/0 dst'
ipsec ipsec_tunnel 192.0.2.9 <<<"$to 198.51.100.0/24 dir out $gateway"
ipsec ipsec_allowed - -e 192.0.2.9 <<<"$to 198.51.100.0/24 dir out $gateway"
ipsec ipsec_other_allowed 192.0.2.9 -e 192.0.2.8 <<<"$to 198.51.100.0/24 dir out $gateway"
ipsec ipsec_default 192.0.2.9 <<<"src 192.0.2.2 dst 0.0.0.0/0 dir out $gateway"
ipsec ipsec_host_bits 192.0.2.9 <<<"$to 198.51.100.200/24 dir out $gateway"
ipsec ipsec_ipv6_over_ipv4 192.0.2.9 <<<"src ::/0 dst 2001:db8:2::ffff/64 dir out $gateway"
ipsec ipsec_ipv6_gateway 2001:db8:1::9 <<<"$to 198.51.100.2 dir out tmpl src 2001:db8:1::2 dst 2001:db8:1::9 proto esp mode tunnel"
ipsec ipsec_transport 198.51.100.2 <<<"$to 0.0.0.0/0 dir out tmpl proto esp mode transport"
ipsec ipsec_transport_allowed - -e 198.51.100.2 <<<"$to 0.0.0.0/0 dir out tmpl proto esp mode transport"
ipsec ipsec_compressed 192.0.2.9 <<<"$to 198.51.100.0/24 dir out tmpl src 192.0.2.2 dst 192.0.2.9 proto comp mode tunnel tmpl \
proto esp mode transport"
ipsec ipsec_best_of_two 192.0.2.9 <<-END
	$to 198.51.100.0/24 dir out priority 9 tmpl src 192.0.2.2 dst 192.0.2.7 proto esp mode tunnel
	$to 198.51.100.2 dir out priority 2 $gateway
END
ipsec ipsec_bypassed - <<-END
	$to 0.0.0.0/0 dir out priority 2000 $gateway
	$to 198.51.100.0/24 dir out priority 100
	src ::/0 dst 2001:db8:2::/64 dir out priority 90
END
for other in "$to 203.0.113.0/24 dir out $gateway" "$to 198.51.100.0/24 dir in $gateway" "src 10.1.0.0/16 dst 0.0.0.0/0 dir out $gateway" \
	"$to 198.51.100.0/24 proto udp dport 1701 dir out $gateway" "$to 198.51.100.0/24 dev lo dir out $gateway" \
	"$to 198.51.100.0/24 dir out action block $gateway" "$to 198.51.100.0/24 dir out mark 1 mask 1 $gateway" \
	"$to 198.51.100.0/24 dir out tmpl src 192.0.2.2 dst 192.0.2.9 proto ah mode tunnel" \
	"$to 198.51.100.0/24 dir out tmpl proto esp mode tunnel"; do
	ipsec "ipsec_none: $other" - <<<"$other"
done

# Lists have bounds, and say so.
anew <<-END
	$uplink
END
for ((i = 0; i < 70; i++)); do
	printf 'link add m%d link wan type macvlan\naddress add 10.%d.0.1/24 dev m%d\nlink set m%d up\n' $i $i $i $i
done | ip -n device -batch -
survey 198.51.100.2 10.0.0.0/8
matches bounds 'cut 1 1 0' "$got"
same bounded '64 2' "$(grep -c "^mac " <<<"$got") $(grep -c ^on-link <<<"$got")"
matches long_line 'line uplinks wan, m0, .* and [0-9]+ more $' "$got"
finish
