#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Replacing a quarantine leaves no gap, with the same servers and with others: under floods out and in, of packets and of raw
# frames, no forbidden one passes and no allowed one is lost.
set -u
. "$(dirname "$(realpath "$0")")/lib.sh"
lab_enter "$0" "$@"
lab_up
plan=(-a udp:$two4:7000 --ca ca.pem https://one.vr.test:8000/)

# Counters where the packets go to: of world what arrives, of dev what reaches it behind the quarantine's chain.
world nft -f - <<-END
	table ip count {
		counter forbidden { }
		counter allowed { }
		chain in {
			type filter hook prerouting priority -400;
			ip daddr $forbidden4 udp dport 7000 counter name forbidden drop
			ip daddr $two4 udp dport 7000 counter name allowed drop
		}
	}
END
router nft -f - <<-END
	table netdev count {
		counter frames { }
		chain in {
			type filter hook ingress device inside priority -400;
			ether type 0x88b5 counter name frames drop
		}
	}
END
counted() { # NAME
	world nft list counter ip count "$1" | sed -n 's/.*packets \([0-9]*\).*/\1/p'
}
raw_frames() {
	router nft list counter netdev count frames | sed -n 's/.*packets \([0-9]*\).*/\1/p'
}
cat >receive.py <<-'END'
	import socket, signal, sys
	count = 0
	def stop(*_):
	    print(count)
	    sys.stdout.flush()
	    sys.exit()
	signal.signal(signal.SIGTERM, stop)
	receiver = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
	receiver.bind(("", 7777))
	while True:
	    receiver.recv(100)
	    count += 1
END

flood_on() {
	world nft reset counters >/dev/null
	router nft reset counters >/dev/null
	start dev /usr/bin/python3 receive.py >received
	receiver=$!
	sleep 0.5
	start dev "$tools/flood.py" $forbidden4 7000 0.0001 >/dev/null
	forbidden_flood=$!
	start dev "$tools/flood.py" $two4 7000 0.001 >sent
	allowed_flow=$!
	start world "$tools/flood.py" $dev4 7777 0.0001 >/dev/null
	inbound_flood=$!
	start dev "$tools/flood.py" wan 0x88b5 0.0001 >/dev/null
	raw_flood=$!
	sleep 0.5
}
flood_off() {
	kill $forbidden_flood $allowed_flow $inbound_flood $raw_flood
	wait $forbidden_flood $allowed_flow $inbound_flood $raw_flood
	kill $receiver
	wait $receiver
}

# That the instruments show a gap: two transactions, as the artifact does it.
run quarantine --no-probe "${plan[@]}"
run quarantine -n "${plan[@]}"
echo "$out" >plan.nft
flood_on
for ((i = 0; i < 5; i++)); do
	dev nft "delete table inet $default_table; delete table bridge $default_table; delete table netdev $default_table"
	dev nft -f plan.nft
done
[ "$(counted forbidden)" -gt 0 ] && ok a_gap_shows_outbound || not_ok a_gap_shows_outbound "no forbidden packet"
flood_off
[ "$(raw_frames)" -gt 0 ] && ok a_gap_shows_below_ip || not_ok a_gap_shows_below_ip "no raw frame"
[ "$(cat received)" -gt 0 ] && ok a_gap_shows_inbound || not_ok a_gap_shows_inbound "no forbidden packet"

# hammer NAME COUNT arguments [or arguments]: by turns when there are two sets of them.
hammer() {
	local name=$1 count=$2 bad=0 i first=() second=()
	shift 2
	while [ $# -gt 0 ] && [ "$1" != or ]; do
		first+=("$1")
		shift
	done
	second=("${@:2}")
	[ ${#second[@]} -gt 0 ] || second=("${first[@]}")
	flood_on
	for ((i = 0; i < count; i += 2)); do
		dev quarantine -q "${first[@]}" </dev/null >out 2>err || { bad=$((bad + 1)); cp err failed; }
		dev quarantine -q "${second[@]}" </dev/null >out 2>err || { bad=$((bad + 1)); cp err failed; }
	done
	flood_off
	[ $bad -eq 0 ] && ok "${name}_exit" || not_ok "${name}_exit" "$bad failed: $(cat failed)"
	same "${name}_outbound" 0 "$(counted forbidden)"
	same "${name}_inbound" 0 "$(cat received)"
	same "${name}_raw_frames" 0 "$(raw_frames)"
	# what the kernel took, what it refused: all is taken, all arrives
	same "${name}_allowed_flow" "$(counted allowed) 0" "$(cat sent)"
	[ "$(counted allowed)" -gt 100 ] || not_ok "${name}_allowed_flow" "it stood still"
}
other=("${plan[@]}" -a tcp:$forbidden4:9 -a "udp:[$forbidden6]:9" --dns $resolver4,$rogue4 --layers inet,netdev "https://$two4/")
hammer same_plan 40 --no-probe "${plan[@]}"
hammer other_servers 200 --no-probe "${plan[@]}" or --no-probe "${other[@]}"
hammer with_proof 40 "${plan[@]}" or "${plan[@]}" "https://two.vr.test:8000/"

# On probation beside an older quarantine: one of the two decides at each hook, which is looked up once for a packet. Only an
# interface of which they differ has hooks of both.
management unproven 8002 --behaviour silent
hooks_of_probation() {
	dev nft list ruleset | grep -A 1 'chain probation_' | grep -o 'type filter hook [a-z]* devices\? .*priority'
}
leads() {
	dev nft list ruleset | grep -o '== @probation_beside [a-z]*' | sort | uniq -c | tr -s ' \n' ' '
}
begin_beside() { # sets without an element remain of one that was killed
	begin quarantine "${meanwhile[@]}"
	wait_for 5 eval 'dev nft list set inet $default_table probation_beside | grep -q elements' || not_ok set_up "no probation beside"
}
leaves() { # NAME: over probation, as if it had been killed
	kill -KILL $running
	wait $running 2>/dev/null
	for family in inet bridge netdev; do
		dev nft flush set $family $default_table probation_beside
	done
	blocked "$1_forbidden" dev world udp/$forbidden4/7000
	arrives "$1_allowed_before" dev world udp/$two4/7002
	blocked "$1_allowed_meanwhile" dev world udp/$two4/7001
}
before=(--no-probe -a udp:$two4:7002 --ca ca.pem https://one.vr.test:8000/)
meanwhile=(-T 30 -a udp:$two4:7001 --ca ca.pem https://one.vr.test:8002/)
record_arrivals world
run quarantine "${before[@]}"
chains=$(dev nft list ruleset | grep -c 'type filter hook')
begin_beside
same same_interfaces_hooks '' "$(hooks_of_probation)"
same same_interfaces_leads " $chains == @probation_beside goto " "$(leads)"
arrives same_interfaces_allowed dev world udp/$two4/7001
blocked same_interfaces_forbidden dev world udp/$forbidden4/7000 udp/$two4/7002
leaves same_interfaces_over
dev ip link add new0 type veth peer name new1
dev ip link set new0 up
dev ip link set new1 up
begin_beside
same new_interface_hooks 'type filter hook egress devices = { lan0, new0, new1 } priority
type filter hook ingress devices = { lan0, new0, new1 } priority' "$(hooks_of_probation | sort)"
same new_interface_leads " 2 == @probation_beside accept $((chains - 2)) == @probation_beside goto " "$(leads)"
arrives new_interface_allowed dev world udp/$two4/7001
blocked new_interface_forbidden dev world udp/$forbidden4/7000 udp/$two4/7002
packets_sent() { # INTERFACE
	dev ip -s -j link show "$1" | /usr/bin/python3 -c 'import json, sys; print(json.load(sys.stdin)[0]["stats64"]["tx"]["packets"])'
}
sent_raw() { # INTERFACE: whether any frame leaves
	local sent
	sent=$(packets_sent "$1")
	start dev "$tools/flood.py" "$1" 0x88b5 0.001 >/dev/null
	sleep 0.2
	kill $!
	wait $! 2>/dev/null
	[ "$(packets_sent "$1")" -gt "$sent" ]
}
check new_interface_raw_frames eval '! sent_raw new0 && ! sent_raw lan0'
router nft reset counters >/dev/null
sent_raw wan # beside them go answers to those who look for the device
same uplink_raw_frames 0 "$(raw_frames)"
leaves new_interface_over
check new_interface_is_open eval 'sent_raw new0 && ! sent_raw lan0'
dev ip link delete new0
run quarantine --no-probe "${plan[@]}"

# A resolver that the older quarantine does not allow can't be asked before the new one is there.
gives other_resolver 3 quarantine -T 1 --ca ca.pem --dns $rogue4 https://one.vr.test:8000/
matches other_resolver_reason "^quarantine: resolve one.vr.test: blocked by the packet filter" "$err"
use_resolvers $rogue4
gives other_resolver_probe 1 probe -T 1 --ca ca.pem https://one.vr.test:8000/
matches other_resolver_probe_reason "resolve one.vr.test: blocked by the packet filter" "$out$err"
finish
