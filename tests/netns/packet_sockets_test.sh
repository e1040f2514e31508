#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Frames of packet sockets that are something else on the wire than what the rules saw: nothing of them gets to a host that is
# not allowed. --layers inet shows each time that the tool does it.
. "$(dirname "$0")/lib.sh"
lab_enter "$0" "$@"
lab_up
router=$(ip -n router -br link show inside | awk '{ print $3 }')
server=(--ca ca.pem https://one.vr.test:8000/)
half=$(printf '%02x%02x' $(cut -d . -f 3,4 <<<"$forbidden4" | tr . ' '))

late() { dev "$tools/late_checksum.py" wan "$router" "$@"; }
far_away_with_ttl_1() { late 17 1 $dev4 $forbidden4 68 67 8 4011; } # it becomes 64
a_server_in_its_network() { late 6 64 $dev4 $one4 40001 8000 18 "$half"; }
everybody() { late 17 64 $dev4 "$(cut -d . -f 1,2 <<<"$forbidden4").255.255" 68 67 18 "$half"; }
dhcpv6() { late 17 64 fe80::1 ff02::1:2 546 547 24 2001; }
racing() { dev "$tools/tx_ring.py" wan "$router" "$@"; }
a_race_to_the_server() { racing 6 $dev4 $one4 $forbidden4 40002 8000 3000; }
a_race_for_a_lease() { racing 17 $dev4 255.255.255.255 $forbidden4 68 67 500; }

ipv4="far_away_with_ttl_1 a_server_in_its_network everybody a_race_to_the_server a_race_for_a_lease"
gives inet_alone 0 quarantine --layers inet "${server[@]}"
for way in $ipv4; do
	forget_arrivals world
	try_once() {
		$way >/dev/null
		sleep 0.2
		arrived world | grep -q "$forbidden4"
	}
	check "${way}_arrives_without_us" wait_for 10 try_once # the kernel decides who wins a race
done
matches dhcpv6_is_sent_without_us '^sent' "$(dhcpv6)"

gives contain 0 quarantine "${server[@]}"
forget_arrivals world
for way in $ipv4; do
	$way >/dev/null
	sleep 0.2
	same $way '' "$(arrived world)"
done
matches dhcpv6 '^refused' "$(dhcpv6)"
matches of_programs 'of programs' "$(dev nft list chain netdev $default_table source_chain | grep -v 'packets 0 ')"

# What a DHCP client sends by a packet socket goes to everybody, also as a frame, and still leaves.
passes_frames() { dev nft list table netdev $default_table | awk '/DHCP requests/ && !/ttl/ { print $0 }'; }
before=$(passes_frames | grep -o 'packets [0-9]*')
dev "$tools/dhcp_frame.py" wan "$(ip -n dev -br link show wan | awk '{ print $3 }')" ff:ff:ff:ff:ff:ff 0.0.0.0 255.255.255.255 68 67
[ "$before" != "$(passes_frames | grep -o 'packets [0-9]*')" ] && ok dhcp_leaves || not_ok dhcp_leaves "$(passes_frames)"
gives status_is_still_intact 0 status

# Answers of a neighbour's DHCP server come in, whatever somebody far away sends to the same port.
answers() { # of 20, in 5 seconds
	start dev /usr/bin/python3 -c '
import socket, time
here = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
here.bind(("", 68))
here.settimeout(0.5)
count, end = 0, time.monotonic() + 7
while count < 20 and time.monotonic() < end:
    try:
        count += here.recv(2000) == b"answer"
    except OSError:
        pass
print(count)' >answers
	local listener=$!
	sleep 0.5
	router /usr/bin/python3 -c '
import socket, time
here = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
here.bind(("'$router4'", 67))
for _ in range(20):
    here.sendto(b"answer", ("'$dev4'", 68))
    time.sleep(0.25)'
	wait $listener
	cat answers
}
start world /usr/bin/python3 -c '
import socket, time
here = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
here.bind(("'$forbidden4'", 67))
while True:
    here.sendto(b"flood", ("'$dev4'", 68))
    time.sleep(0.001)'
flood=$!
sleep 3
same neighbours_have_a_rate_of_their_own 20 "$(answers)"
kill $flood
finish
