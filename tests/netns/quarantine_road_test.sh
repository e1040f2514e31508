#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The main road: a device with two servers by name is contained and proven. What it needs keeps working, all else stops.
set -u
. "$(dirname "$(realpath "$0")")/lib.sh"
lab_enter "$0" "$@"
lab_up
echoes world 80 8888 9000 53535
echoes dev 7777
road=(--ca ca.pem https://one.vr.test:8000/ https://two.vr.test:9000/)

# ---- before ----

needs=(tcp/$one4/8000 tcp/$one6/8000 tcp/$two4/9000 tcp/$two6/9000)
names=(udp/$resolver4/53 udp/$resolver6/53 tcp/$resolver4/53 tcp/$resolver6/53)
itself=(tcp/127.0.0.1/7777 tcp/::1/7777 tcp/$dev4/7777 tcp/$dev6/7777 tcp/203.0.113.1/7777 udp/127.0.0.1/7777 icmp/$dev6)
others=()
for host in $forbidden4 $forbidden6; do
	others+=(tcp/$host/80 tcp/$host/8000 udp/$host/53535 icmp/$host)
done
other_ports=(tcp/$one4/80 tcp/$one6/80 tcp/$one4/9000 tcp/$two6/8000 udp/$one4/8000 udp/$two6/9000 icmp/$one4 icmp/$one6)
rogue=(udp/$rogue4/53 udp/$rogue6/53 tcp/$rogue4/53 tcp/$rogue6/53)
inbound=(tcp/$dev4/7777 tcp/$dev6/7777 udp/$dev4/7777 udp/$dev6/7777 icmp/$dev4 icmp/$dev6)
forwarded=(tcp/$forbidden4/80 tcp/$forbidden6/80 udp/$forbidden4/53535 icmp/$forbidden6 tcp/$one4/8000)

# udp to port 8000 and 9000 of servers is answered only where the echo server is
passes before_all_is_open dev world "${needs[@]}" "${names[@]}" "${others[@]}" "${rogue[@]}" tcp/$one4/80 tcp/$one6/80 \
	udp/$two6/9000 icmp/$one4
passes before_forwarding_is_open lan world "${forwarded[@]}"
world "$tools/attempt.py" "${inbound[@]}" | sort >answered
same before_inbound_is_open "$(printf '%s\n' "${inbound[@]}" | sort)" "$(cat answered)"

hold() { # NAME NAMESPACE ADDRESS PORT
	start "$2" "$tools/hold_connection.py" "held.$1" "$3" "$4"
	echo $! >"held.$1.pid"
	wait_for 5 grep -q connected "held.$1" || not_ok "set_up_$1" "no connection"
}
# One is older than connection tracking; the others are tracked, as beside a firewall.
hold allowed4 dev $two4 9000
dev nft 'table inet firewall { chain c { type filter hook prerouting priority -200; ct state new counter; }; }'
hold allowed6 dev $two6 9000
hold forbidden dev $forbidden4 8888
hold forwarded lan $forbidden6 8888
hold inbound world $dev4 7777

if command -v busybox >/dev/null && busybox udhcpc --help >/dev/null 2>&1; then
	printf '#!/bin/sh\n[ -z "$ip" ] || ip address replace $ip/24 dev wan\n' >udhcpc.script
	chmod +x udhcpc.script
	start router dnsmasq --keep-in-foreground --log-facility=- --conf-file=/dev/null --port=0 \
		--interface=inside --dhcp-authoritative --user=root --pid-file \
		--dhcp-range=192.0.2.50,192.0.2.60,10m --dhcp-leasefile=$work/leases >dhcp.log 2>&1
	start dev busybox udhcpc -f -t 5 -T 1 -i wan -s $work/udhcpc.script >udhcpc.log 2>&1
	client=$!
	wait_for 5 grep -q 'lease of' udhcpc.log || not_ok set_up_dhcp "no lease"
else
	client=
fi

# ---- contain ----

gives contains_and_proves 0 quarantine "${road[@]}"
dev nft delete table inet firewall
rules | sort_elements >installed
run quarantine -n "${road[@]}"
same rules_are_the_dry_run "$(without_learned <out | sort_elements)" "$(cat installed)"
run quarantine "${road[@]}"
steps='^\[1/6\] read .* ok +[0-9.]+s \[2/6\] resolve +servers: 2 of 2, resolvers: 2 .* \[3/6\] contain +inet, bridge, netdev: [0-9]+ rules'
steps="$steps"'.*\[4/6\] prove +one.vr.test proven, TLSv1.3 ok .*\[5/6\] keep '
matches output_steps "$steps" "$out"
end="contained: table inet $default_table allowed https://one.vr.test:8000/ $one4, $one6 \\(proven at [0-9a-f.:]+\\)"
end="$end https://two.vr.test:9000/ $two4, $two6 \\(not tried\\) DNS $resolver4, $resolver6 .*undo with release"
matches output_says_contained "$end" "$out"
same output_is_narrow_ascii "" "$(LC_ALL=C awk 'length > 79 || /[^ -~]/' out)"
same no_warnings "" "$err"

# ---- after ----

passes servers_are_reachable dev world "${needs[@]}"
blocked other_hosts dev world "${others[@]}"
blocked other_ports_of_servers dev world "${other_ports[@]}"
passes dns_to_the_resolvers dev world "${names[@]}"
blocked dns_to_others dev world "${rogue[@]}"
dev "$tools/attempt.py" "${itself[@]}" | sort >answered
same loopback_and_own_addresses "$(printf '%s\n' "${itself[@]}" | sort)" "$(cat answered)"
accepts_nothing inbound_from_the_server world "${inbound[@]}"
accepts_nothing inbound_from_the_lan lan "${inbound[@]}" tcp/203.0.113.1/7777
blocked forwarding lan world "${forwarded[@]}"
blocked forwarding_inward world lan tcp/$lan4/80 udp/$lan6/53 icmp/$lan4 icmp/$lan6

# Signals make servers and clients speak; what of it arrives?
kill -USR1 "$(cat world.pid)"
check open_connection_ipv4 wait_for 3 grep -q push held.allowed4
check open_connection_ipv6 wait_for 3 grep -q push held.allowed6
matches open_connection_forbidden_is_ended 'connected .*connection abort' "$(cat held.forbidden)"
for name in forwarded inbound; do
	kill -USR1 "$(cat held.$name.pid)"
done
kill -USR1 "$(cat dev.pid)"
sleep 0.3
for name in forwarded inbound; do
	same "open_connection_${name}_stops" connected "$(cat held.$name)"
done

ip -n dev neighbour flush all
ip -n router neighbour flush all
passes cold_neighbour_caches dev world "${needs[@]}"

# ---- path MTU: the router can't pass on more than 1300 bytes to the servers, and says so ----

ip -n router route change 198.51.100.0/24 dev outside mtu lock 1300
ip -n router route add 2001:db8:2::/64 dev outside mtu lock 1300 metric 1
upload() { # ADDRESS
	dev /usr/bin/python3 -c 'import socket, sys
s = socket.create_connection((sys.argv[1], 9000), 5)
s.settimeout(5)
s.sendall(bytes(300000))
s.shutdown(socket.SHUT_WR)
while s.recv(65536): pass' "$1"
}
check path_mtu_ipv4 upload $two4
check path_mtu_ipv6 upload $two6
matches path_mtu_ipv4_was_learned 'mtu 1300' "$(ip -n dev route get $two4)"
matches path_mtu_ipv6_was_learned 'mtu 1300' "$(ip -n dev route get $two6)"

# ---- DHCP ----

arrives dhcp_broadcast dev router udp/255.255.255.255/67/68
arrives dhcp_unicast dev router udp/$router4/67/68
arrives dhcpv6 dev router udp/ff02::1:2%wan/547/546
# the answer of a provider's server: from a global address, from whatever port
start dev /usr/bin/python3 -c 'import socket
s = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
s.bind(("::", 546))
print("ready", flush=True)
print(s.recvfrom(100)[1][0], flush=True)' >dhcpv6_answer
wait_for 5 grep -q ready dhcpv6_answer
link_local=$(ip -n dev -6 -o address show dev wan scope link | awk '{ sub("/.*", "", $4); print $4 }')
router /usr/bin/python3 -c 'import socket, sys
s = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
s.bind((sys.argv[1], 5470))
s.sendto(b"x", (sys.argv[2], 546, 0, socket.if_nametoindex("inside")))' $router6 "$link_local"
wait_for 3 grep -q "^$router6" dhcpv6_answer && ok dhcpv6_answer_from_a_global_address ||
	not_ok dhcpv6_answer_from_a_global_address "$(cat dhcpv6_answer)"
blocked dhcp_to_far_hosts dev world udp/$forbidden4/67/68 udp/$forbidden4/68/67 udp/$forbidden4/67 udp/$forbidden6/547/546
blocked dhcp_ports_of_others dev router udp/$router4/67 udp/$router4/68/67 udp/255.255.255.255/67
if [ "$client" ]; then
	leases=$(grep -c 'lease of' udhcpc.log)
	kill -USR1 $client
	renewed() { [ "$(grep -c 'lease of' udhcpc.log)" -gt "$leases" ]; }
	check dhcp_renewal wait_for 5 renewed
	# a client that hears nothing tries again with raw sockets, which no inet table sees
	matches dhcp_replies_come_in 'packets [1-9]' "$(dev nft list ruleset | grep 'comment "DHCP replies"')"
else
	echo "ok dhcp_renewal # skipped: no busybox"
fi

finish
