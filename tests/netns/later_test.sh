#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Interfaces that appear after containment: IP is contained in any case, raw frames with the layer "later". Debian's nft would
# not come back from listing that layer, so that nothing here asks it to while the layer is in force.
set -u
. "$(dirname "$(realpath "$0")")/lib.sh"
lab_enter "$0" "$@"
lab_links
lab_certificates
management server 8000
plan=(-T 5 --dns none --ca ca.pem "https://$one4:8000/")

# later NAME: a new interface of the device, with the other end in a namespace of the same name.
later() {
	ip netns add "$1"
	ip link add "$1" netns dev type veth peer name eth0 netns "$1"
	ip -n "$1" link set lo up
	ip -n "$1" link set eth0 address 02:00:00:00:00:99 up
	ip -n dev link set "$1" up
	in_ns "$1" nft -f - <<-'NFT'
		table netdev frames {
			set types { type ether_type; flags dynamic; }
			chain incoming {
				type filter hook ingress device eth0 priority 0;
				update @types { ether type }
			}
		}
	NFT
	wait_for 5 eval 'ip -n dev link show "'"$1"'" | grep -q LOWER_UP'
}
send_frame() { # NAMESPACE INTERFACE
	in_ns "$1" /usr/bin/python3 -c 'import socket, sys
raw = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
raw.bind((sys.argv[1], 0))
raw.send(b"\xff" * 6 + b"\x02\0\0\0\0\x98" + b"\x88\xb5" + bytes(46))' "$2" 2>/dev/null
}
frame_arrived() { # NAMESPACE
	in_ns "$1" nft list set netdev frames types | grep -q 0x88b5
}

later before
send_frame dev before
wait_for 2 frame_arrived before && ok frames_leave_before || not_ok frames_leave_before "the frame did not arrive"

# With nft on the device the layer has to be asked for, and it is said that it is missing.
gives contains 0 quarantine "${plan[@]}"
matches what_is_missing_is_said 'not covered raw frames on interfaces that appear later \(see --layers later\)' "$out"
same nft_lists_it 0 "$(timeout 5 nsenter --net=/run/netns/dev nft list ruleset >/dev/null; echo $?)"
# one that is called so is not all of them
ip -n dev link add name '*' type bridge
gives odd_name 0 quarantine "${plan[@]}"
later open
gives odd_name_does_not_cover 5 status
matches odd_name_does_not_cover_says 'not covered .*open' "$out"
ip -n dev link delete open
ip -n dev link delete '*'
gives all_layers 0 quarantine --layers inet,bridge,netdev,later "${plan[@]}"
grep -q 'not covered' <<<"$out" && not_ok all_is_covered "$out" || ok all_is_covered

later after
send_frame dev after
ip -n dev address add 10.99.0.1/24 dev after
ip -n after address add 10.99.0.2/24 dev eth0
dev "$tools/attempt.py" -t 0.3 icmp/10.99.0.2
frame_arrived after && not_ok no_frame_leaves "it arrived" || ok no_frame_leaves
same no_ip_leaves '' "$(in_ns after nft list set netdev frames types | grep -wo ip)"

# The new interface may be the new uplink.
ip -n dev route replace $one4/32 via 10.99.0.2
ip -n after address add $one4/32 dev lo
start after "$tests/servers/management_server.py" --address $one4 --port 8000 --key server.key --certificate server.pem \
	>after.ready 2>after.log
wait_for 10 grep -q ready after.ready || not_ok set_up "no server"
gives server_is_reached_over_it 0 probe -T 5 --ca ca.pem --name VelociraptorServer "https://$one4:8000/"

# Again, with a probation beside what is in force.
gives again 0 quarantine --layers inet,bridge,netdev,later "${plan[@]}"
later third
send_frame dev third
sleep 0.3
frame_arrived third && not_ok no_frame_leaves_again "it arrived" || ok no_frame_leaves_again

# Where there is no nft nobody can be made to wait for it: all layers.
gives released_before 0 release
mkdir -p bare/etc bare/dev bare/proc bare/sys bare/run
cp "$(realpath "$bin/quarantine")" bare/quarantine
cp ca.pem bare
for folder in dev proc sys; do
	mount --rbind /$folder bare/$folder
done
gives without_nft 0 chroot bare /quarantine "${plan[@]/#ca.pem//ca.pem}"
grep -q 'not covered' <<<"$out" && not_ok all_is_covered_without_nft "$out" || ok all_is_covered_without_nft

gives released 0 release
check nothing_is_left no_rules
send_frame dev after
wait_for 2 frame_arrived after && ok frames_leave_after_release || not_ok frames_leave_after_release "the frame did not arrive"
finish
