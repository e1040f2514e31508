#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Each kind of uplink that this kernel has: the way to the server works on, and nothing else leaves, as a packet or as a frame,
# on the uplink or on what it stands on. (VLAN, bond and PPPoE are tested in tests/image.)
set -u
. "$(dirname "$(realpath "$0")")/lib.sh"
lab_enter "$0" "$@"
lab_up
management_allowed=(tcp/$one4/8000 tcp/$one6/8000 udp/$resolver4/53 tcp/$resolver4/53 udp/$resolver6/53)
forbidden=(tcp/$forbidden4/8000 tcp/$forbidden6/8000 udp/$forbidden4/7000 udp/$forbidden6/7000 tcp/$one4/22 tcp/$one6/22
	udp/$rogue4/53 udp/$rogue6/53 udp/$forbidden4/67 icmp/$forbidden4 icmp/$forbidden6)
plan=(-T 10 --ca ca.pem https://one.vr.test:8000/)

# begin_device KIND NUMBER: a namespace with one cable, "cable", whose other end "KIND" is in the router's.
begin_device() {
	kind=$1 number=$2
	ip netns add "$kind"
	in_ns "$kind" sysctl -qw net.ipv6.conf.all.accept_dad=0 net.ipv6.conf.default.accept_dad=0
	ip -n "$kind" link set lo up
	ip link add cable netns "$kind" type veth peer name "$kind" netns router
	ip -n "$kind" link set cable up
	ip -n router link set "$kind" up
	router nft -f - <<-END
		table netdev frames_$kind {
			set types { type ether_type; flags dynamic; }
			chain incoming {
				type filter hook ingress device "$kind" priority -450;
				update @types { ether type }
			}
		}
	END
}
# addresses LINK [ROUTER'S LINK]
addresses() {
	ip -n router address add "10.9.$number.1/24" dev "${2:-$kind}"
	ip -n router address add "2001:db8:9:$number::1/64" dev "${2:-$kind}" nodad
	ip -n "$kind" -batch - <<-END
		address add 10.9.$number.2/24 dev $1
		address add 2001:db8:9:$number::2/64 dev $1 nodad
		route add default via 10.9.$number.1
		route add ::/0 via 2001:db8:9:$number::1
	END
	device=$kind
	wait_for 5 eval "in_ns $kind $tools/attempt.py -t 0.5 icmp/$one4 icmp/$one6 | wc -l | grep -q 2" ||
		not_ok "set_up_$kind" "no way to the world"
}
ip -n world route add 10.9.0.0/16 via 198.51.100.1
ip -n world route add 2001:db8:9::/48 via 2001:db8:2::1

# raw_frames LINK...: of an ethertype that nothing needs, and tagged, from the link's own address and from another.
raw_frames() {
	in_ns "$kind" /usr/bin/python3 -c 'import socket, sys
for link in sys.argv[1:]:
    raw = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
    raw.bind((link, 0))
    own = raw.getsockname()[4]
    for source in own, b"\x02\0\0\0\0\x98":
        for ethertype in b"\x88\xb5", b"\x81\x00\0\x05\x08\x00", b"\x88\xa8\0\x05\x08\x00":
            try:
                raw.send((b"\xff" * 6 + source if len(own) == 6 else b"") + ethertype + bytes(60))
            except OSError:
                pass' "$@"
}
raw_arrived() { # those that came, in words of nft
	router nft list set netdev "frames_$kind" types | sed -n '/elements/,$p' | grep -Eo '0x88b5|8021ad|8021q' | sort -u | tr '\n' ' '
}
forget_raw() {
	router nft flush set netdev "frames_$kind" types
}

# links: those to send raw frames on. ethernet: whether they can leave as such.
try() { # ETHERNET LINK...
	local ethernet=$1
	shift
	passes "${kind}_before" "$kind" world "${management_allowed[@]}"
	arrives "${kind}_forbidden_before" "$kind" world "${forbidden[@]}"
	forget_raw
	raw_frames "$@"
	sleep 0.2
	[ "$ethernet" = no ] || same "${kind}_raw_frames_before" '0x88b5 8021ad 8021q ' "$(raw_arrived)"
	gives "${kind}_contains" "${contains:-0}" quarantine "${plan[@]}"
	cp out "out.$kind"
	in_ns "$kind" ip neigh flush all
	passes "${kind}_needs" "$kind" world "${management_allowed[@]}"
	blocked "${kind}_forbidden" "$kind" world "${forbidden[@]}"
	forget_raw
	raw_frames "$@"
	sleep 0.2
	same "${kind}_raw_frames" '' "$(raw_arrived)"
	accepts_nothing_here
}
# From outside: neither an answer nor a packet that gets to a socket.
accepts_nothing_here() {
	local answered
	answered=$(world "$tools/attempt.py" -t 0.4 "tcp/10.9.$number.2/2222" "tcp/2001:db8:9:$number::2/2222" \
		"icmp/10.9.$number.2" "icmp/2001:db8:9:$number::2")
	same "${kind}_nothing_enters" '' "$answered"
}
end_device() {
	gives "${kind}_released" 0 release
	check "${kind}_nothing_is_left" no_rules
	arrives "${kind}_forbidden_after" "$kind" world "${forbidden[@]}"
	device=dev
}

begin_device veth 1
addresses cable
try yes cable
matches veth_is_told 'interfaces uplinks cable' "$(cat out.veth)"
end_device

# A bridge: the cable is a port, and a host hangs on another one.
begin_device bridge 2
ip netns add host
ip -n host link set lo up
in_ns host sysctl -qw net.ipv6.conf.all.accept_dad=0 net.ipv6.conf.default.accept_dad=0
ip link add port netns bridge type veth peer name eth0 netns host
ip -n bridge -batch - <<-END
	link add br0 type bridge forward_delay 0
	link set br0 up
	link set cable master br0
	link set port master br0 up
END
ip -n host -batch - <<-END
	link set eth0 up
	address add 10.9.2.3/24 dev eth0
	address add 2001:db8:9:2::3/64 dev eth0 nodad
	route add default via 10.9.2.1
	route add ::/0 via 2001:db8:9:2::1
END
addresses br0
arrives bridged_before host world "${forbidden[@]}" "${management_allowed[@]}"
try yes cable br0
matches bridge_is_told 'interfaces uplinks cable, port, br0|interfaces uplinks cable, br0|uplinks br0, cable' "$(cat out.bridge)"
blocked bridged host world "${forbidden[@]}" "${management_allowed[@]}"
# The server may be a host on a port, too: see the first test. What hangs on the ports reaches the device no more than others.
same bridged_to_the_device '' "$(in_ns host "$tools/attempt.py" -t 0.4 icmp/10.9.2.2 tcp/10.9.2.2/2222)"
end_device
arrives bridged_after host world "${forbidden[@]}" "${management_allowed[@]}"

# macvlan on the cable, which has no address of its own; another child is a container's.
begin_device macvlan 3
ip -n macvlan link add wan0 link cable type macvlan mode bridge
ip -n macvlan link set wan0 up
ip netns add container
ip -n macvlan link add inner link cable type macvlan mode bridge
ip -n macvlan link set inner netns container
in_ns container sysctl -qw net.ipv6.conf.all.accept_dad=0 net.ipv6.conf.default.accept_dad=0
addresses wan0
ip -n container -batch - <<-END
	link set inner up
	address add 10.9.3.3/24 dev inner
	address add 2001:db8:9:3::3/64 dev inner nodad
	route add default via 10.9.3.1
	route add ::/0 via 2001:db8:9:3::1
END
arrives container_before container world "${forbidden[@]}" "${management_allowed[@]}"
try yes cable wan0
blocked container container world "${forbidden[@]}" "${management_allowed[@]}"
end_device
arrives container_after container world "${forbidden[@]}" "${management_allowed[@]}"

# A VXLAN to the router, over a cable that leads nowhere else.
begin_device vxlan 4
ip -n router -batch - <<-END
	address add 10.8.4.1/24 dev vxlan
	link add vx4 type vxlan id 5 local 10.8.4.1 remote 10.8.4.2 dstport 4789
	link set vx4 up
END
ip -n vxlan -batch - <<-END
	address add 10.8.4.2/24 dev cable
	link add vx0 type vxlan id 5 local 10.8.4.2 remote 10.8.4.1 dstport 4789
	link set vx0 up
END
addresses vx0 vx4
router nft -f - <<-END
	table netdev inner {
		set types { type ether_type; flags dynamic; }
		chain incoming {
			type filter hook ingress device vx4 priority -450;
			update @types { ether type }
		}
	}
END
inner_frames() {
	router nft flush set netdev inner types
	raw_frames vx0
	sleep 0.2
	router nft list set netdev inner types | sed -n '/elements/,$p' | grep -Eo '0x88b5|8021ad|8021q' | sort -u | tr '\n' ' '
}
same vxlan_inner_frames_before '0x88b5 8021ad 8021q ' "$(inner_frames)"
contains=5 try yes cable vx0
same vxlan_inner_frames '' "$(inner_frames)"
matches vxlan_outer_is_allowed 'udp:10.8.4.1:4789' "$(cat out.vxlan)"
# Anybody may send what looks like the tunnel's own packets; the other end unpacks it.
cat >wrap.py <<'END'
import socket, struct, sys
mac, inner = bytes.fromhex(sys.argv[1].replace(":", "")), sys.argv[2]
udp = struct.pack("!4H", 7000, 7000, 8, 0)
head = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 28, 1, 0, 64, 17, 0, socket.inet_aton("10.9.4.2"), socket.inet_aton(inner))
total = sum(struct.unpack("!10H", head))
total = (total & 0xffff) + (total >> 16)
frame = mac + bytes(5) + b"\2\x08\0" + head[:10] + struct.pack("!H", ~total & 0xffff) + head[12:] + udp
socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(struct.pack("!II", 8 << 24, 5 << 8) + frame, ("10.8.4.1", 4789))
END
forget_arrivals world
in_ns vxlan /usr/bin/python3 wrap.py "$(ip -n router -br link show vx4 | awk '{ print $3 }')" $forbidden4
sleep 0.2
same vxlan_wrapped_by_a_program udp/$forbidden4/7000 "$(arrived world)"
matches vxlan_wrapped_is_named 'partial: .*not covered +packets that programs wrap up' "$(cat out.vxlan)"
end_device

# A tunnel of a program's.
begin_device tun 5
ip -n router address add 10.8.5.1/24 dev tun
ip -n tun address add 10.8.5.2/24 dev cable
start router "$tools/tunnel.py" tun5 tun router >tunnel.ready
wait_for 5 grep -q ready tunnel.ready || not_ok set_up_tun "no tunnel"
ip -n tun link set tun5 up
ip -n router link set tun5 up
addresses tun5 tun5
# Nobody says where its own packets go: here they need no network.
passes tun_before tun world "${management_allowed[@]}"
arrives tun_forbidden_before tun world "${forbidden[@]}"
gives tun_contains 0 quarantine "${plan[@]}"
matches tun_warns "tun5: --allow what the tunnel itself sends" "$err"
passes tun_needs tun world "${management_allowed[@]}"
blocked tun_forbidden tun world "${forbidden[@]}"
accepts_nothing_here
forget_raw
raw_frames cable
sleep 0.2
same tun_raw_frames_on_the_cable '' "$(raw_arrived)"
end_device
finish
