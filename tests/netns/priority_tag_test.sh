#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# A provider whose frames bear a priority in a tag of no VLAN: the server is reached, nothing else is.
set -u
. "$(dirname "$(realpath "$0")")/lib.sh"
lab_enter "$0" "$@"
lab_up
ip netns add tagged
ip netns add provider
in_ns tagged sysctl -qw net.ipv6.conf.all.accept_dad=0 net.ipv6.conf.default.accept_dad=0
ip link add cable netns tagged type veth peer name customer netns provider
ip link add network netns provider type veth peer name tagged netns router
ip -n provider link set customer up
ip -n provider link set network up
ip -n router link set tagged up
ip -n tagged link set lo up
ip -n tagged link set cable up
in_ns tagged "$tools/priority_tag.py" cable
router "$tools/priority_tag.py" tagged
start provider "$tools/priority_tag.py" customer network >provider.ready
wait_for 5 grep -q ready provider.ready || not_ok set_up "no provider"
ip -n router address add 10.9.1.1/24 dev tagged
ip -n router address add 2001:db8:9:1::1/64 dev tagged nodad
ip -n world route add 10.9.0.0/16 via 198.51.100.1
ip -n world route add 2001:db8:9::/48 via 2001:db8:2::1
ip -n tagged -batch - <<-END
	address add 10.9.1.2/24 dev cable
	address add 2001:db8:9:1::2/64 dev cable nodad
	route add default via 10.9.1.1
	route add ::/0 via 2001:db8:9:1::1
END
needs=(tcp/$one4/8000 tcp/$one6/8000 udp/$resolver4/53 tcp/$resolver4/53 udp/$resolver6/53)
forbidden=(tcp/$forbidden4/8000 tcp/$forbidden6/8000 udp/$forbidden4/7000 icmp/$forbidden4 icmp/$forbidden6)
in_ns tagged nft -f - <<-END
	table netdev tags {
		chain incoming {
			type filter hook ingress device cable priority -450;
			vlan id 0 counter
		}
	}
END
passes before tagged world "${needs[@]}"
arrives forbidden_before tagged world "${forbidden[@]}"
matches frames_are_tagged 'vlan id 0 counter packets [1-9]' "$(in_ns tagged nft list table netdev tags)"
in_ns tagged nft delete table netdev tags
device=tagged
gives contains 0 quarantine -T 10 --ca ca.pem https://one.vr.test:8000/
ip -n tagged neigh flush all
router ip neigh flush dev tagged
passes needs tagged world "${needs[@]}"
blocked forbidden tagged world "${forbidden[@]}"
same nothing_enters '' "$(world "$tools/attempt.py" -t 0.4 tcp/10.9.1.2/2222 icmp/10.9.1.2 icmp/2001:db8:9:1::2)"
gives release 0 release
check nothing_is_left no_rules
finish
