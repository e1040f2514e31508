#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Replacing a quarantine leaves no gap: under floods out and in, no forbidden packet passes and no allowed one is lost.
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
counted() { # NAME
	world nft list counter ip count "$1" | sed -n 's/.*packets \([0-9]*\).*/\1/p'
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
	start dev /usr/bin/python3 receive.py >received
	receiver=$!
	sleep 0.5
	start dev "$tools/flood.py" $forbidden4 7000 >/dev/null
	forbidden_flood=$!
	start dev "$tools/flood.py" $two4 7000 0.001 >sent
	allowed_flow=$!
	start world "$tools/flood.py" $dev4 7777 >/dev/null
	inbound_flood=$!
	sleep 0.5
}
flood_off() {
	kill $forbidden_flood $allowed_flow $inbound_flood
	wait $forbidden_flood $allowed_flow $inbound_flood
	kill $receiver
	wait $receiver
}

# That the instruments show a gap: two transactions, as the artifact does it.
run quarantine --no-probe --layers inet "${plan[@]}"
run quarantine -n --layers inet "${plan[@]}"
echo "$out" >plan.nft
flood_on
for ((i = 0; i < 5; i++)); do
	dev nft delete table inet $default_table
	dev nft -f plan.nft
done
[ "$(counted forbidden)" -gt 0 ] && ok a_gap_shows_outbound || not_ok a_gap_shows_outbound "no forbidden packet"
flood_off
[ "$(cat received)" -gt 0 ] && ok a_gap_shows_inbound || not_ok a_gap_shows_inbound "no forbidden packet"

hammer() { # NAME COUNT arguments
	local name=$1 count=$2 bad=0 i
	shift 2
	flood_on
	for ((i = 0; i < count; i++)); do
		dev quarantine -q "$@" </dev/null >out 2>err || bad=$((bad + 1))
	done
	flood_off
	same "${name}_exit" 0 $bad
	same "${name}_outbound" 0 "$(counted forbidden)"
	same "${name}_inbound" 0 "$(cat received)"
	# what the kernel took, what it refused: all is taken, all arrives
	same "${name}_allowed_flow" "$(counted allowed) 0" "$(cat sent)"
	[ "$(counted allowed)" -gt 100 ] || not_ok "${name}_allowed_flow" "it stood still"
}
hammer same_plan 50 --no-probe "${plan[@]}"
hammer with_proof 20 "${plan[@]}"
finish
