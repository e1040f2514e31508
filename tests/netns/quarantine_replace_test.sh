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

# A resolver that the older quarantine does not allow can't be asked before the new one is there.
gives other_resolver 3 quarantine -T 1 --ca ca.pem --dns $rogue4 https://one.vr.test:8000/
matches other_resolver_reason "^quarantine: resolve one.vr.test: blocked by the packet filter" "$err"
use_resolvers $rogue4
gives other_resolver_probe 1 probe -T 1 --ca ca.pem https://one.vr.test:8000/
matches other_resolver_probe_reason "resolve one.vr.test: blocked by the packet filter" "$out$err"
finish
