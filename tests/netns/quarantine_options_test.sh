#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Each option does what it says and nothing else; the configuration file; local resolvers.
set -u
. "$(dirname "$(realpath "$0")")/lib.sh"
lab_enter "$0" "$@"
lab_up
echoes world 80 7000 7001 7002
echoes dev 7777 7778
good=https://one.vr.test:8000/
ca=(--ca ca.pem)
forbidden=(tcp/$forbidden4/80 tcp/$forbidden6/80 udp/$forbidden4/7000 udp/$forbidden6/7000 icmp/$forbidden4)

# ---- --allow ----

allowed=(-a tcp:$forbidden4:7000 -a "udp:[$forbidden6]:7001" -a tcp:two.vr.test:7002:out -a udp:198.51.100.48/29:7000
	-a "tcp:[2001:db8:2::50]/124:80" -a tcp:$lan4:7777:in -a "udp:[2001:db8:3::]/64:7778:in" -a dhcp-server:lan0
	-a tcp:$one4:7999 -a tcp:$lan4:7780:in -a udp:$lan4:7781:in)
before=(tcp/$forbidden4/7000 udp/$forbidden6/7001 tcp/$two4/7002 tcp/$two6/7002 udp/$resolver4/7000 tcp/$resolver6/80)
not_these=(udp/$forbidden4/7000 tcp/$forbidden6/7001 tcp/$forbidden6/7000 tcp/$forbidden4/7001 udp/$two4/7002 tcp/$one4/7002
	tcp/$resolver4/7000 udp/$resolver4/7001 udp/$two4/7000 udp/$forbidden6/80 tcp/$two6/80 "${forbidden[@]}")
passes allow_before dev world "${before[@]}" "${not_these[@]}"
world "$tools/attempt.py" tcp/$dev4/7777/7999 >answered
same allow_before_in tcp/$dev4/7777 "$(cut -d/ -f1-3 answered)"
arrives allow_before_lan dev lan tcp/$lan4/7000/7780 udp/$lan4/7000/7781
gives allow 0 quarantine "${ca[@]}" "${allowed[@]}" $good
run quarantine -n "${ca[@]}" "${allowed[@]}" $good
same allow_dry_run "$(without_learned <out | sort_elements)" "$(rules | sort_elements)"
passes allow_out dev world "${before[@]}"
blocked allow_nothing_else_out dev world "${not_these[@]}"
lan "$tools/attempt.py" tcp/203.0.113.1/7777 udp/2001:db8:3::1/7778 | sort >answered
same allow_in "tcp/203.0.113.1/7777 udp/2001:db8:3::1/7778" "$(xargs <answered)"
accepts_nothing allow_nothing_else_in_from_lan lan udp/203.0.113.1/7777 tcp/203.0.113.1/7778 tcp/2001:db8:3::1/7778 \
	tcp/2001:db8:3::1/7777 udp/203.0.113.1/7778
accepts_nothing allow_nothing_else_in_from_wan world tcp/$dev4/7777 udp/$dev6/7778
# the ports of servers and of --allow are no way in: a bare SYN from there is dropped
accepts_nothing no_way_in_from_an_allowed_port world tcp/$dev4/7778/7999
# and a port on which others may ask is no way out: only answers leave from it
blocked no_way_out_from_an_allowed_port dev lan tcp/$lan4/7001/7780 udp/$lan4/7001/7781 tcp/$lan4/80 udp/$lan6/7778
blocked dhcp_server_port_elsewhere dev world udp/$forbidden4/68/67
start lan /usr/bin/python3 -c 'import socket
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind(("", 68))
print(s.recvfrom(100)[1], flush=True)' >lease
lan /usr/bin/python3 -c 'import time; time.sleep(0.2)'
arrives dhcp_server_answers dev lan udp/$lan4/68/67
echo >answered
start dev /usr/bin/python3 -c 'import socket
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind(("", 67))
while True: print(s.recvfrom(100)[1], flush=True)' >asked
asked_there=$!
wait_for 3 eval '[ "$(dev ss -Hlun sport = 67)" ]'
lan "$tools/attempt.py" udp/203.0.113.1/67/68 >/dev/null
world "$tools/attempt.py" udp/$dev4/67/68 >/dev/null
matches dhcp_server_is_asked_on_its_interface_only "^\\('$lan4', 68\\) ?\$" "$(cat asked)"
kill $asked_there
run release

# Its replies may leave by packet sockets, over any link: to hosts of the links and broadcasts only. Here the LAN is a bridge.
ip -n dev -batch - <<-END
	link add br-lan type bridge forward_delay 0
	link set lan0 master br-lan
	address flush dev lan0
	address add 203.0.113.1/24 dev br-lan
	link set br-lan up
	route add 255.255.255.255 dev br-lan
END
mac_of() { # NAMESPACE LINK
	ip -n "$1" link show "$2" | awk '/link.ether/ { print $2 }'
}
wan_mac=$(mac_of dev wan) br_mac=$(mac_of dev br-lan)
ip -n dev neighbour replace $lan4 lladdr "$(mac_of lan eth0)" nud permanent dev br-lan
reply() { # LINK SOURCE-MAC TO-MAC SOURCE TO
	dev "$tools/dhcp_frame.py" "$@" 67 68
}
replies_that_arrive() {
	forget_arrivals world
	forget_arrivals lan
	reply wan "$wan_mac" "$(mac_of router inside)" $dev4 $forbidden4
	reply br-lan "$br_mac" "$(mac_of lan eth0)" 203.0.113.1 $lan4
	reply br-lan "$br_mac" ff:ff:ff:ff:ff:ff 203.0.113.1 255.255.255.255
	dev /usr/bin/python3 -c 'import time; time.sleep(0.2)'
	echo world: $(arrived world) lan: $(arrived lan | grep /68$ | sort)
}
to_lan="lan: udp/203.0.113.2/68 udp/255.255.255.255/68"
same dhcp_reply_frames_before "world: udp/$forbidden4/68 $to_lan" "$(replies_that_arrive)"
arrives dhcp_replies_before dev lan udp/$lan4/68/67 udp/255.255.255.255/68/67
gives dhcp_server_on_a_bridge 0 quarantine "${ca[@]}" -a dhcp-server:br-lan $good
same dhcp_reply_frames "world: $to_lan" "$(replies_that_arrive)"
arrives dhcp_replies dev lan udp/$lan4/68/67 udp/255.255.255.255/68/67
run release

# ---- tables ----

gives table 0 quarantine "${ca[@]}" -t own.table_1 $good
matches table_is_named '^table inet own.table_1 \{ comment' "$(rules)"
matches table_how_to_release 'undo with +release -t own.table_1' "$out"
gives second_table 0 quarantine "${ca[@]}" -a tcp:$forbidden4:80 $good
matches two_tables 'table inet own.table_1 .*table inet vrr_quarantine_table ' "$(rules)"
blocked two_tables_allow_what_both_do dev world tcp/$forbidden4/80
passes two_tables_server dev world tcp/$one4/8000
run release -t own.table_1
passes one_table_again dev world tcp/$forbidden4/80
run release

# ---- -m, -j, -q, -v ----

"$tools/terminal.py" screen sleep 100 &
terminal=$!
wait_for 3 pgrep -x sleep
gives message 0 quarantine "${ca[@]}" -m "This device is contained: call 123" $good
check message_on_the_terminal wait_for 3 grep -q 'This device is contained: call 123' screen
echo 'message From the file' >/etc/quarbox.conf
run quarantine "${ca[@]}" -m '' $good
same no_message_and_no_warning '0 ' "$code $err"
check no_message_on_the_terminal eval '! grep -q "From the file" screen'
rm /etc/quarbox.conf
kill $terminal

is_json() { # PYTHON: an expression about rows
	/usr/bin/python3 -c 'import json, sys
rows = [json.loads(line) for line in open("out")]
assert rows and all(isinstance(row["Time"], int) and isinstance(row["Result"], str) for row in rows), rows
assert eval(f"({sys.argv[1]})"), rows' "$1"
}
gives json 0 quarantine -j "${ca[@]}" $good
check json_rows is_json '[row.get("step") for row in rows][:5] == ["read", "resolve", "contain", "prove", "keep"] and
	rows[-1]["state"] == "contained" and rows[-1]["exit"] == 0'
run release
gives json_failure 3 quarantine -j -T 1 "${ca[@]}" https://one.vr.test:8001/ https://nowhere.test/
check json_failure_rows is_json 'any(row.get("ok") is False and row["exit"] == 3 for row in rows) and
	any("warning" in row for row in rows)'
printf 'json no\nnonsense yes\n' >bad.conf
for words in '64 --nonsense -j' '64 -j ftp://one.vr.test/' '64 -j' '64 -jt 1 http://192.0.2.1/' '78 -c nowhere -j' \
	'78 -j -c bad.conf'; do
	# shellcheck disable=SC2086 # words
	run quarantine ${words#* }
	check "json_refusal_$words" is_json "len(rows) == 1 and rows[0]['step'] == 'read' and rows[0]['ok'] is False and
		rows[0]['exit'] == $code == ${words%% *} and open('err').read().startswith('quarantine: ' + rows[0]['Result'])"
done
printf 'json yes\nnonsense yes\n' >json.conf
for words in '-q -j --nonsense' '-q -j -c nowhere' '-q -j -c bad.conf' '--json=no -c json.conf'; do
	# shellcheck disable=SC2086 # words
	run quarantine $words
	same "quiet_refusal_$words" "" "$out"
done
gives quiet 0 quarantine -q "${ca[@]}" $good
same quiet_says_nothing "" "$out$err"
gives verbose 0 quarantine -v "${ca[@]}" $good
matches verbose_addresses "$one4, $one6" "$out"
run release

# ---- --dns ----

dns=(udp/$resolver4/53 tcp/$resolver6/53)
rogue=(udp/$rogue4/53 tcp/$rogue6/53)
gives dns_any 0 quarantine "${ca[@]}" --dns any $good
passes dns_any_passes dev world "${dns[@]}" "${rogue[@]}"
blocked dns_any_passes_nothing_else dev world "${forbidden[@]}" udp/$one4/7000 udp/$forbidden4/7000/53
gives dns_list 0 quarantine "${ca[@]}" --dns $rogue4,$rogue6 https://$one4:8000/
passes dns_list_passes dev world "${rogue[@]}"
blocked dns_list_passes_nothing_else dev world "${dns[@]}"
gives dns_none 0 quarantine "${ca[@]}" --dns none https://$one4:8000/
blocked dns_none_passes_nothing dev world "${dns[@]}" "${rogue[@]}"
run release
gives dns_none_and_a_name 3 quarantine "${ca[@]}" -T 3 --dns none $good
same dns_none_is_the_reason 'quarantine: resolve one.vr.test: --dns none allows no resolver' "$err"
check dns_none_rolled_back no_rules
printf '%s one.vr.test\n' $one4 $one6 >/etc/hosts
gives dns_none_and_hosts 0 quarantine "${ca[@]}" --dns none $good
run release
rm /etc/resolv.conf
run quarantine "${ca[@]}" https://$one4:8000/
same no_resolv_conf '0 quarantine: warning: /etc/resolv.conf: not there; DNS is not allowed' "$code $err"
run release
use_resolvers $resolver4 $resolver6

# ---- a resolver on this device ----

start dev dnsmasq --keep-in-foreground --log-facility=- --conf-file=/dev/null --no-resolv --no-hosts \
	--bind-interfaces --listen-address=127.0.0.53 \
	--user=root --pid-file --server=$resolver4 >stub.log 2>&1
wait_for 5 grep -q started stub.log
use_resolvers 127.0.0.53
gives stub_of_unknown_upstream 5 quarantine "${ca[@]}" $good
same stub_warning 'quarantine: warning: whom the local resolver asks is unknown: any DNS (--dns)' "$err"
matches stub_partial 'partial: .*not covered +DNS to any address' "$out"
blocked stub_other_hosts dev world "${forbidden[@]}"
run release
mkdir -p /run/systemd/resolve
echo "nameserver $resolver4" >/run/systemd/resolve/resolv.conf
gives stub_of_known_upstream 0 quarantine "${ca[@]}" $good
same stub_no_warning "" "$err"
passes stub_upstream dev world udp/$resolver4/53
blocked stub_upstream_only dev world "${rogue[@]}" udp/$resolver6/53
run release

# It asks somebody else than the file says, and has kept the server's name from before.
start dev dnsmasq --keep-in-foreground --log-facility=- --conf-file=/dev/null --no-resolv --no-hosts \
	--bind-interfaces --listen-address=127.0.0.54 --min-cache-ttl=600 \
	--user=root --pid-file --server=$rogue4 >other_resolver.log 2>&1
wait_for 5 grep -q started other_resolver.log
use_resolvers 127.0.0.54
gives local_resolver_that_asks_another 6 quarantine "${ca[@]}" $good
same local_resolver_that_asks_another_warning \
	'quarantine: warning: the local resolver gets no answers any more: --dns any, or whom it asks' "$err"
run release
gives local_resolver_that_asks_another_named 0 quarantine "${ca[@]}" --dns $rogue4 $good
same local_resolver_that_asks_another_named_warning '' "$err"
run release
rm /run/systemd/resolve/resolv.conf

# ---- names ----

# a resolver that answers with another address from the second question on
start world "$tools/dns_server.py" 198.51.100.2 moving.test=$one4/$two4 partly.test=$one4,$two4/$two4 >moving.ready
wait_for 5 grep -q ready moving.ready
use_resolvers $one4
gives other_address_inside 3 quarantine "${ca[@]}" -T 2 https://moving.test:8000/
matches other_address_reason 'other addresses than before' "$err"
check other_address_rolled_back no_rules
gives fewer_addresses_inside 0 quarantine "${ca[@]}" https://partly.test:8000/
run release
use_resolvers $resolver4 $resolver6
gives one_of_two_names 0 quarantine "${ca[@]}" https://nowhere.test:8000/ $good
matches one_of_two_names_warning 'warning: resolve nowhere.test: no such name' "$err"
run release
gives forbidden_without_address 6 quarantine "${ca[@]}" -f https://nowhere.test/ $good
matches forbidden_without_address_is_said '-f nowhere.test: not tried, it has no address' "$err"
run release
gives dry_run_without_ca 78 quarantine -n --ca /nowhere $good
same dry_run_without_ca_prints_no_rules '' "$out"

# ---- the configuration file ----

ln -s quarbox.conf /etc/quarbox.conf
gives configuration_that_is_no_file 78 quarantine -n $good
rm /etc/quarbox.conf
cat >/etc/quarbox.conf <<-END
	# all that can stand in it
	server  $good
	server	https://two.vr.test:8000/
	ca $work/ca.pem
	name VelociraptorServer
	table from_file
	allow tcp:$forbidden4:80
	dns resolvers
	message It is  from a file
	timeout 5s
	forbidden http://$forbidden4:7000/
	keep no
	verbose yes
	quiet no
	json no
	no-probe no
	insecure no
END
gives configuration 0 quarantine
matches configuration_forbidden 'prove +-f out of reach; .*' "$out"
matches configuration_table '^table inet from_file ' "$(rules)"
passes configuration_allows dev world tcp/$forbidden4/80 tcp/$one4/8000 tcp/$two6/8000
run release
gives command_line_wins 0 quarantine -t from_words https://two.vr.test:8000/
matches command_line_wins_table '^table inet from_words ' "$(rules)"
passes command_line_wins_server dev world tcp/$two4/8000
blocked command_line_wins_other_server dev world tcp/$one4/8000
run release
sed -i "s|^ca .*|pin $(openssl x509 -in server.pem -noout -fingerprint -sha256 | cut -d= -f2)|; /^name/d" /etc/quarbox.conf
gives configuration_pin 0 quarantine
run release
printf 'insecure yes\nserver %s\n' $good >/etc/quarbox.conf
gives configuration_insecure 0 quarantine
run release
gives command_line_verifies 3 quarantine -T 2 --ca stranger_ca.pem
printf 'ca %s\nserver %s\n' $work/stranger_ca.pem $good >/etc/quarbox.conf
gives command_line_is_insecure 0 quarantine -k
run release
mv /etc/quarbox.conf named.conf
gives named_configuration 0 quarantine -k -c named.conf
run release
rm named.conf

# What the file says is overruled, whatever it is.
printf '%s\n' no-probe "server $good" 'for 8h' >/etc/quarbox.conf
gives command_line_proves 3 quarantine -T 1 --no-probe=no --ca stranger_ca.pem
gives command_line_forbids 0 quarantine "${ca[@]}" -f http://$forbidden4:7000/
matches command_line_forbids_out_of_reach '-f out of reach' "$out"
run release
gives command_line_takes_no_file 64 quarantine -c /dev/null
printf '%s\n' keep "forbidden http://$forbidden4:7000/" >/etc/quarbox.conf
gives command_line_keeps_not 3 quarantine -T 1 --keep=no --ca stranger_ca.pem $good
gives command_line_does_not_probe 0 quarantine --no-probe $good
run release
rm /etc/quarbox.conf

# ---- without a proof ----

gives no_probe 0 quarantine --no-probe https://one.vr.test:8001/
matches no_probe_steps '^\[1/4\] read .*\[2/4\] resolve .*\[3/4\] contain .*contained: .*not tried' "$out"
blocked no_probe_contains dev world "${forbidden[@]}"

# ---- protocols without ports ----

run release
cat >protocols.py <<'END'
import socket, sys
family = socket.AF_INET6 if ":" in sys.argv[2] else socket.AF_INET
raw = socket.socket(family, socket.SOCK_RAW, int(sys.argv[3]))
if sys.argv[1] == "send":
    for payload in b"1", b"2":
        try:
            raw.sendto(payload, (sys.argv[2], 0))
        except OSError:
            pass
else:
    raw.bind((sys.argv[2], 0))
    raw.settimeout(1.5)
    print("ready", flush=True)
    try:
        print("arrived" if raw.recv(99) else "", flush=True)
    except TimeoutError:
        pass
END
protocol_arrives() { # FROM TO ADDRESS PROTOCOL: prints "arrived" when it does
	start "$2" /usr/bin/python3 protocols.py receive "$3" "$4" >protocol.heard
	local receiver=$!
	wait_for 5 grep -q ready protocol.heard
	in_ns "$1" /usr/bin/python3 protocols.py send "$3" "$4"
	wait $receiver
	grep arrived protocol.heard
}
same gre_before arrived "$(protocol_arrives dev world $one4 47)"
same protocol_before arrived "$(protocol_arrives dev world $one6 50)"
gives protocols 0 quarantine --no-probe -a gre:echo.test -a esp:[$two6] -a icmp:two.vr.test https://one.vr.test:8000/
matches protocols_are_listed "gre:$one4 .*gre:\[$one6\] " "$(sed -n '/allowed/,/DNS/p' out)"
passes icmp_by_name dev world icmp/$two4 icmp/$two6
cat >echo_for_another.py <<'END'
import socket, struct, sys
def packed(address):
    return socket.inet_pton(socket.AF_INET6 if ":" in address else socket.AF_INET, address)
def checksum(data):
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    total = (total >> 16) + (total & 0xffff)
    return ~((total >> 16) + total) & 0xffff
source, to = sys.argv[1:]
six = ":" in to
pseudo = packed(source) + packed(to) + struct.pack("!II", 16, 58) if six else b""
echo = struct.pack("!BBHHH8s", 128 if six else 8, 0, 0, 1, 1, b"for him.")
echo = echo[:2] + struct.pack("!H", checksum(pseudo + echo)) + echo[4:]
head = (struct.pack("!IHBB", 6 << 28, len(echo), 58, 64) if six else
        struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(echo), 1, 0, 64, 1, 0)) + packed(source) + packed(to)
raw = socket.socket(socket.AF_INET6 if six else socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW)
try:
    raw.sendto(head + echo, (to, 0))
except OSError as error:
    print(error.strerror)
END
for pair in "$forbidden4 $two4" "$forbidden6 $two6"; do
	same "icmp_in_the_name_of_${pair// /_to_}" 'Operation not permitted' "$(dev /usr/bin/python3 echo_for_another.py $pair)"
done
blocked icmp_elsewhere dev world icmp/$one4 icmp/$one6 icmp/$forbidden4 icmp/$forbidden6
same gre_by_name arrived "$(protocol_arrives dev world $one4 47)"
same gre_by_name_over_ipv6 arrived "$(protocol_arrives dev world $one6 47)"
same gre_enters arrived "$(protocol_arrives world dev $dev4 47)"
same esp_to_an_address arrived "$(protocol_arrives dev world $two6 50)"
same gre_elsewhere '' "$(protocol_arrives dev world $forbidden4 47)"
same esp_elsewhere '' "$(protocol_arrives dev world $one6 50)"
same another_protocol '' "$(protocol_arrives dev world $one4 4)"
same esp_from_elsewhere '' "$(protocol_arrives world dev $dev6 50)"
run release
for bad in gre: gre:$one4:1 gre:$one4:out ospf:$one4 "gre:$one4/33" gre; do
	gives "refuses_$bad" 64 quarantine -a "$bad" https://one.vr.test:8000/
done

# ---- a name with more addresses than are allowed ----

printf '198.51.101.%d many.test\n' {1..40} >>/etc/hosts
gives many_addresses 0 quarantine --no-probe -a tcp:many.test:80 https://one.vr.test:8000/
same many_addresses_warning 'quarantine: warning: many.test: 8 of its addresses are not allowed, 32 are' "$err"
run release

# ---- who has typed it over SSH is told before he is cut off ----

from_ssh() { # NAME REASON SSH_CONNECTION option...
	export SSH_CONNECTION=$3
	gives "$1" 0 quarantine --no-probe --dns none "${@:4}" $good
	unset SSH_CONNECTION
	same "${1}_says_so" "$2" "$err"
	run release
}
ends='quarantine: warning: SSH session ends without --allow'
from_ssh session_ends "$ends tcp:$lan4:22:in" "$lan4 50000 203.0.113.1 22"
from_ssh session_ends_of_any_port "$ends tcp:[$lan6]:2222:in" "$lan6 50000 2001:db8:3::1 2222" -a "tcp:[$lan6]:22:in"
from_ssh session_ends_of_link_local "$ends tcp:[fe80::2]:22:in" "fe80::2%lan0 50000 fe80::1%lan0 22"
from_ssh session_ends_of_mapped "$ends tcp:$lan4:22:in" "::ffff:$lan4 50000 ::ffff:203.0.113.1 22"
from_ssh session_is_allowed '' "$lan4 50000 203.0.113.1 22" -a tcp:$lan4:22:in
from_ssh session_is_allowed_by_network '' "$lan4 50000 203.0.113.1 22" -a tcp:203.0.113.0/24:22:in
from_ssh session_from_the_server '' "$one4 8000 $dev4 22"
from_ssh session_from_here '' "127.0.0.1 50000 127.0.0.1 22"
from_ssh session_from_our_own_address '' "$dev4 50000 $dev4 22"
for bad in '' "$lan4" "$lan4 50000 203.0.113.1" "$lan4 50000 203.0.113.1 22 23" "$lan4 50000 203.0.113.1 22 " \
	"$lan4 0 203.0.113.1 22" "$lan4  50000 203.0.113.1 22" "$lan6 50000 203.0.113.1 22" "lan 50000 dev 22" \
	"$(printf '%0500d' 1) 2 3 4"; do
	from_ssh "no_session_${bad:0:40}" '' "$bad"
done
for signal in INT TERM; do
	began=$(date +%s%N)
	SSH_CONNECTION="$lan4 50000 203.0.113.1 22" start dev quarantine --no-probe $good >out 2>err
	running=$!
	wait_for 5 grep -q 'session ends' err
	kill -$signal $running
	elapsed=$((($(date +%s%N) - began) / 1000000))
	wait $running
	code=$?
	out=$(cat out) err=$(cat err)
	if [ $elapsed -lt 300 ]; then # it waits for so long, or longer
		code_is session_interrupted_by_$signal 71
		check session_interrupted_by_${signal}_changes_nothing no_rules
	fi
	run release
done
SSH_CONNECTION="$lan4 50000 203.0.113.1 22" dev quarantine --no-probe $good >both 2>&1
matches session_is_told_before "resolve [^]]*$ends tcp:$lan4:22:in .*contain " "$(cat both)"
run release

# Names of interfaces are root's or a container's: none steers the terminal.
dev ip link add $'\e[31mred' type veth peer name blue
dev ip link set $'\e[31mred' up
shows_no_escape() { # NAME PATTERN COMMAND...: on a terminal
	dev "$tools/terminal.py" shown "${@:3}"
	matches "$1_shows_it" "$2" "$(cat shown)"
	same "$1_steers_nothing" 0 "$(grep -c $'\e' shown)"
}
shows_no_escape plan_of_an_odd_name '\?\[31mred' quarantine -n $good
matches plan_in_a_pipe_is_as_it_is $'devices = .*\e\\[31mred' "$(dev quarantine -n $good)"
run quarantine --ca $'\xc2\x9b31m\e[2J\n' $good
matches an_odd_file_is_named 'open \?\?31m\?\[2J\?: No such file' "$err"
same an_odd_file_steers_nothing '' "$(tr -d '\n -~' <<<"$err")"
shows_no_escape run_with_an_odd_name 'contained: ' quarantine --no-probe $good
run release

finish
