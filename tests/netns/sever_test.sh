#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# What was open before the quarantine: the device's own forbidden sessions end and do not come back after release, forwarded
# ones lose their entry in connection tracking; what is allowed goes on, and what the device says to itself.
set -u
. "$(dirname "$(realpath "$0")")/lib.sh"
lab_enter "$0" "$@"
lab_up
# Seen from the device, world's IPv4 connections come from one4.
echoes world 2222 8888 9000 9001 53535
echoes dev 7777 7778
echoes lan 8888
ip -n dev address add 192.0.2.22/24 dev wan
ip -n dev route replace local 192.0.2.22 dev wan src $dev4 table local # both ends are ours, and not the same
road=(-T 10 --ca ca.pem https://one.vr.test:8000/ https://two.vr.test:9000/ -a tcp:$one4:2222 -a udp:$two4:53535
	-a "udp:[$two6]:53535" -a tcp:$one4:7777:in -a 'tcp:[2001:db8:2::]/64:7777:in' -a tcp:198.51.100.48/29:9001)

# A firewall that tracks, masquerades, and sends some connections elsewhere.
dev sysctl -qw net.ipv4.conf.all.route_localnet=1
dev nft -f - <<-END
	table inet firewall {
		chain last {
			type nat hook postrouting priority 100;
			oifname wan ip saddr { 203.0.113.0/24, 127.0.0.0/8 } tcp dport != 8888 masquerade
			oifname wan ip saddr 127.0.0.0/8 masquerade
		}
		chain locally {
			type nat hook output priority -100;
			ip daddr { $one4, 127.1.1.1 } tcp dport 2222 dnat ip to $forbidden4:8888
		}
		chain first {
			type nat hook prerouting priority -100;
			iifname wan tcp dport 2222 dnat ip to $lan4:8888
		}
	}
END

# ---- before ----

hold() { # NAME NAMESPACE ADDRESS PORT [udp]
	start "$2" "$tools/hold_connection.py" "held.$1" "${@:3}"
	echo $! >"held.$1.pid"
	wait_for 5 grep -q connected "held.$1" || not_ok "set_up_$1" "no connection"
}
talk() { # NAME NAMESPACE ADDRESS PORT
	start "$2" "$tools/talk.py" "talk.$1" "$3" "$4"
	echo $! >"talk.$1.pid"
	wait_for 5 grep -q connected "talk.$1" || not_ok "set_up_$1" "no conversation"
}
# The original tuple of each entry, but for what quarantine itself opens: to port 8000 and to resolvers.
entries() {
	dev sed -E 's/.* (tcp|udp|icmp|icmpv6) .*[^ ]*(src=[^ ]* dst=[^ ]* (sport=[^ ]* dport=[^ ]*)?).* src=.*/\1 \2/
		/dport=(53|8000)$/d' /proc/net/nf_conntrack | sort
}

# What is the device's own, and ends.
ends=(own4 own6 own_mapped own_port udp4 udp6 udp_mapped translated loopback_translated)
hold own4 dev $forbidden4 8888
hold own6 dev $forbidden6 8888
hold own_mapped dev ::ffff:$forbidden4 8888
hold own_port dev $one4 8888
hold udp4 dev $forbidden4 53535 udp
hold udp6 dev $forbidden6 53535 udp
hold udp_mapped dev ::ffff:$forbidden4 53535 udp
hold translated dev $one4 2222
hold loopback_translated dev 127.1.1.1 2222
hold inbound4 world $dev4 7778
hold inbound6 world $dev6 7778

# What it forwards, and ends.
hold forwarded4 lan $forbidden4 8888
hold forwarded6 lan $forbidden6 8888
hold forwarded_udp lan $forbidden4 53535 udp
hold forwarded_to_server lan $two4 9000
hold forwarded_inward world $dev4 2222
[ "$(dev "$tools/attempt.py" -t 2 icmp/$forbidden4)" ] || not_ok set_up_ping "no answer"

# What goes on: the device's own to itself ...
for own in 127.0.0.1 ::1 $dev4 $dev6 203.0.113.1 192.0.2.22; do
	hold "self_$own" dev $own 7777
	hold "self_udp_$own" dev $own 7777 udp
done
# ... and what is allowed, with a client that does not stop to talk, and one that waits for the server.
talk server4 dev $two4 9000
talk server6 dev $two6 9000
talk network dev $rogue4 9001
talk allow_in4 world $dev4 7777
talk allow_in6 world $dev6 7777
hold server4 dev $two4 9000
hold server6 dev $two6 9000
hold allow_out4 dev $two4 53535 udp
hold allow_out6 dev $two6 53535 udp
hold allow_in4 world $dev4 7777
start dev /usr/bin/python3 -c '
import signal, socket, sys
signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGUSR1])
sockets = [socket.socket(socket.AF_INET6 if ":" in a else socket.AF_INET, k) for a in sys.argv[1:]
           for k in (socket.SOCK_STREAM, socket.SOCK_DGRAM)]
for number, s in enumerate(sockets):
    s.connect((sys.argv[1 + number // 2], 53))
open("resolvers.ready", "w").close()
signal.sigwait([signal.SIGUSR1])
message = b"\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00\x03one\x02vr\x04test\x00\x00\x01\x00\x01"
for s in sockets:
    s.settimeout(3)
    s.send(message if s.type == socket.SOCK_DGRAM else len(message).to_bytes(2, "big") + message)
    print(len(s.recv(512)) > 40)' $resolver4 $resolver6 >resolvers.log 2>&1
resolvers_pid=$!
wait_for 5 test -e resolvers.ready || not_ok set_up_resolvers "no connection"

entries >entries.before
grep -Ev "^(tcp|udp) src=(192.0.2.2|2001:0db8:0001:.*:0002) dst=($two4|2001:0db8:0002:.*:0003) .* dport=(9000|53535)$" \
	entries.before | grep -Ev "dst=$rogue4 .* dport=9001$|dport=7777$" >entries.forbidden
comm -23 entries.before entries.forbidden >entries.allowed

same entries_that_stay_are_there 22 "$(wc -l <entries.allowed)"

# ---- contain ----

gives contains 0 quarantine -j "${road[@]}"
entries >entries.after
same forbidden_entries_are_gone "" "$(comm -12 entries.forbidden entries.after)"
same allowed_entries_stay "" "$(comm -23 entries.allowed entries.after)"
matches numbers_are_told "\"step\":\"sever\",\"ok\":true,\"milliseconds\":[0-9]+,\"flows\":$(wc -l <entries.forbidden),\"sockets\":11,\"left\":0" \
	"$out"
same no_warnings "" "$err"
for name in "${ends[@]}"; do
	check "aborted_$name" wait_for 2 grep -q 'Software caused connection abort' "held.$name"
done
same aborted_inbound "" "$(dev ss -Htn state established sport = :7778)"

# ---- what goes on ----

kill -USR1 "$(cat world.pid)" "$(cat dev.pid)"
kill -USR2 "$(cat world.pid)" "$(cat dev.pid)"
for name in server4 server6 allow_out4 allow_out6 allow_in4; do
	check "goes_on_$name" wait_for 3 grep -q push "held.$name"
done
for own in 127.0.0.1 ::1 $dev4 $dev6 203.0.113.1 192.0.2.22; do
	check "goes_on_self_$own" wait_for 3 grep -q push "held.self_$own"
	check "goes_on_self_udp_$own" wait_for 3 grep -q push "held.self_udp_$own"
done
kill -USR1 $resolvers_pid
wait $resolvers_pid
same goes_on_dns "True True True True" "$(tr '\n' ' ' <resolvers.log | sed 's/ $//')"
for name in server4 server6 network allow_in4 allow_in6; do
	kill "$(cat "talk.$name.pid")"
	wait "$(cat "talk.$name.pid")"
	matches "loses_nothing_$name" '^connected sent ([0-9]+), echoed \1, lost 0 ?$' "$(cat "talk.$name")"
done

# ---- what does not, before release and after it ----

forget_arrivals world
for name in forwarded4 forwarded6 forwarded_udp forwarded_to_server; do
	kill -USR1 "$(cat "held.$name.pid")"
done
sleep 0.3
same forwarded_packets_do_not_arrive "" "$(arrived world | grep -E '/(8888|53535|9000)$')"
same forwarded_entries_do_not_come_back "" "$(entries | comm -12 entries.forbidden -)"

gives release 0 release
kill -USR1 "$(cat world.pid)" "$(cat held.inbound4.pid)" "$(cat held.inbound6.pid)"
kill -USR2 "$(cat world.pid)"
resumed() {
	world ss -Htn state established "( sport = :8888 )" "( dst = $dev4 or dst = [$dev6] )"
	dev ss -Htn state established sport = :7778
}
none_resumed() { [ -z "$(resumed)" ]; }
check nothing_resumes wait_for 3 none_resumed
for name in "${ends[@]}" inbound4 inbound6; do
	same "does_not_resume_$name" "" "$(grep -Ex 'line|push' "held.$name")"
done

# ---- a kernel that can't end sockets ----

${CC:-cc} -DBUS=NETLINK_SOCK_DIAG -o refuse_sock_diag "$tools/refuse_netlink.c" || not_ok set_up_refuse cc
gives no_sock_diag_is_partial 5 ./refuse_sock_diag quarantine --no-probe "${road[@]}"
matches no_sock_diag_is_said "warning: sever: this kernel can't end sockets" "$err"
matches no_sock_diag_says_partial ' partial: table' "$out"

finish
