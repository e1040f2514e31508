# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# A laboratory of network namespaces, for the tests beside this file; sourced by them. Nothing here touches the machine's
# own network: `lab_enter` goes into mount, pid and network namespaces of the script's own, with a private /run, /etc and
# /dev/pts. All that is set up or started there vanishes with the script, however it ends.
#
#   lan  ------------  dev  ------------  router  ------------  world
#   203.0.113.2        .1   192.0.2.2     .1      198.51.100.1  the addresses below
#   2001:db8:3::2      ::1  2001:db8:1::2 ::1     2001:db8:2::1
#
# dev is the device that gets quarantined. world has an address for everybody whom it might speak to.
#
# Whether a packet arrived is read in the namespace that it goes to: nf_tables sets there record protocol, destination
# and port of everything that comes in (`arrived`).

tests=$(dirname "$(realpath "${BASH_SOURCE[0]}")")
# shellcheck disable=SC2034 # for the tests
tools=$tests/tools
bin=$(realpath -m "${QUARBOX_BIN:-build/bin}")

# shellcheck disable=SC2034 # for the tests
{
	dev4=192.0.2.2 dev6=2001:db8:1::2
	router4=192.0.2.1 router6=2001:db8:1::1
	lan4=203.0.113.2 lan6=2001:db8:3::2
	one4=198.51.100.2 one6=2001:db8:2::2 # one.vr.test
	two4=198.51.100.3 two6=2001:db8:2::3 # two.vr.test
	resolver4=198.51.100.53 resolver6=2001:db8:2::53
	rogue4=198.51.100.54 rogue6=2001:db8:2::54
	forbidden4=198.51.100.99 forbidden6=2001:db8:2::99
	default_table=vrr_quarantine_table
}

failures=0

ok() { # NAME
	echo "ok $1"
}

not_ok() { # NAME WHY
	echo "not ok $1: ${*:2}"
	failures=$((failures + 1))
}

# check NAME COMMAND...: the command decides; what it printed is shown when it fails.
check() {
	local name=$1 said
	shift
	if said=$("$@" 2>&1); then ok "$name"; else not_ok "$name" "$* $said"; fi
}

same() { # NAME WANTED GOT
	if [ "$2" = "$3" ]; then
		ok "$1"
	else
		not_ok "$1" "differs:"
		diff <(printf '%s\n' "$2") <(printf '%s\n' "$3") | head -40 | sed 's/^/# /'
	fi
}

matches() { # NAME REGEX TEXT; blanks, tabs and newlines of the text count as one blank
	if printf '%s\n' "$3" | tr -s ' \t\n' ' ' | grep -Eq -- "$2"; then
		ok "$1"
	else
		not_ok "$1" "no match for: $2"
		printf '%s\n' "$3" | head -20 | sed 's/^/# /'
	fi
}

finish() {
	echo "# $(basename "$0"): $failures failures"
	[ "$failures" -eq 0 ]
	exit
}

# wait_for SECONDS COMMAND...: until it succeeds; fails when it doesn't in time.
wait_for() {
	local tries=$((${1} * 50))
	shift
	until "$@" >/dev/null 2>&1; do
		((tries-- > 0)) || return 1
		sleep 0.02
	done
}

# ---- namespaces ----

lab_enter() { # the script's "$0" "$@"
	if [ "${LAB_INSIDE:-}" != yes ]; then
		for program in ip nft unshare nsenter openssl dnsmasq /usr/bin/python3; do
			command -v "$program" >/dev/null || { echo "not ok set_up: $program is missing"; exit 1; }
		done
		[ -x "$bin/quarantine" ] || { echo "not ok set_up: no $bin/quarantine"; exit 1; }
		LAB_INSIDE=yes QUARBOX_BIN=$bin exec unshare --net --mount --pid --fork --kill-child --mount-proc bash "$@"
	fi
	trap 'exit 130' INT TERM
	mount -t tmpfs tmpfs /run || exit 1
	work=/run/lab
	mkdir -p $work /run/netns
	cp -a /etc $work/etc
	mount --bind $work/etc /etc
	mount -t devpts -o newinstance,ptmxmode=666,mode=620 devpts /dev/pts
	mount --bind /dev/pts/ptmx /dev/ptmx 2>/dev/null # where it is a device node
	rm -rf /etc/resolv.conf /etc/hosts /etc/quarbox.conf /etc/netns
	export PATH=$bin:$PATH
	cd $work || exit 1
}

in_ns() { # NAMESPACE COMMAND...
	nsenter --net="/run/netns/$1" "${@:2}"
}
# In the background; the pid is in $! (of the program itself: nsenter becomes it).
start() { # NAMESPACE COMMAND...
	nsenter --net="/run/netns/$1" "${@:2}" &
}
device=dev # the one that run, rules and the like work on
dev() { in_ns "$device" "$@"; }
world() { in_ns world "$@"; }
router() { in_ns router "$@"; }
lan() { in_ns lan "$@"; }

# What comes into a namespace, in sets.
record_arrivals() {
	local namespace
	for namespace; do
		in_ns "$namespace" nft -f - <<-'END'
			table inet arrivals {
				set ports4 { type inet_proto . ipv4_addr . inet_service; flags dynamic; }
				set ports6 { type inet_proto . ipv6_addr . inet_service; flags dynamic; }
				set pings4 { type ipv4_addr; flags dynamic; }
				set pings6 { type ipv6_addr; flags dynamic; }
				chain incoming {
					type filter hook prerouting priority -400;
					iif lo return
					meta l4proto { tcp, udp } update @ports4 { meta l4proto . ip daddr . th dport }
					meta l4proto { tcp, udp } update @ports6 { meta l4proto . ip6 daddr . th dport }
					icmp type echo-request update @pings4 { ip daddr }
					icmpv6 type echo-request update @pings6 { ip6 daddr }
				}
			}
		END
	done
}

forget_arrivals() { # NAMESPACE
	in_ns "$1" nft 'flush set inet arrivals ports4; flush set inet arrivals ports6; flush set inet arrivals pings4;
		flush set inet arrivals pings6'
}

# As attempt.py writes them, a line each.
arrived() { # NAMESPACE
	in_ns "$1" nft -j list table inet arrivals | /usr/bin/python3 -c '
import json, sys
for item in json.load(sys.stdin)["nftables"]:
    for element in item.get("set", {}).get("elem", []):
        element = element.get("elem", {}).get("val", element) if isinstance(element, dict) else element
        print("/".join(map(str, element["concat"])) if isinstance(element, dict) else f"icmp/{element}")'
}

patience=0.4 # seconds, for answers

# attempts_that_arrive FROM TO ATTEMPT...: those of them that reached the namespace TO, sorted. Those that were answered are
# in the file `answered` afterwards.
attempts_that_arrive() {
	local from=$1 to=$2
	shift 2
	forget_arrivals "$to"
	in_ns "$from" "$tools/attempt.py" -t "$patience" "$@" | sort -u >answered
	arrived "$to" | sort | comm -12 - <(targets_of "$@")
}

# The attempts without what only the sender knows: its own port, its interface.
targets_of() {
	printf '%s\n' "$@" | sed 's/%[^/]*//' | cut -d/ -f1-3 | sort -u
}

# arrives NAME FROM TO ATTEMPT...: all arrive; whether anybody answers does not matter.
arrives() {
	local got missing
	got=$(attempts_that_arrive "${@:2}")
	missing=$(comm -23 <(targets_of "${@:4}") <(echo "$got"))
	if [ -z "$missing" ]; then ok "$1"; else not_ok "$1" "did not arrive:" $missing; fi
}

# accepts_nothing NAME FROM ATTEMPT...: dev answers none of them, none reaches its echo server, and none even begins a
# handshake there.
accepts_nothing() {
	local before
	before=$(wc -l <dev.echo)
	in_ns "$2" "$tools/attempt.py" "${@:3}" >answered
	if [ "$before" != "$(wc -l <dev.echo)" ]; then
		not_ok "$1" "reached the device:" $(tail -n "+$((before + 1))" dev.echo)
	elif [ -s answered ]; then
		not_ok "$1" "answered:" $(cat answered)
	elif [ "$(dev ss -Htn state syn-recv)" ]; then
		not_ok "$1" "a SYN was taken: $(dev ss -Htn state syn-recv)"
	else
		ok "$1"
	fi
}

# passes NAME FROM TO ATTEMPT...: all arrive and are answered.
passes() {
	local name=$1 got all patience=3
	all=$(targets_of "${@:4}")
	got=$(attempts_that_arrive "${@:2}")
	if [ "$got" != "$all" ]; then
		not_ok "$name" "did not arrive:" $(comm -23 <(echo "$all") <(echo "$got"))
	elif [ "$(cat answered)" != "$all" ]; then
		not_ok "$name" "not answered:" $(comm -23 <(echo "$all") answered)
	else
		ok "$name"
	fi
}

# blocked NAME FROM TO ATTEMPT...: not one arrives.
blocked() {
	local got
	got=$(attempts_that_arrive "${@:2}")
	if [ -z "$got" ] && [ ! -s answered ]; then ok "$1"; else not_ok "$1" "arrived:" $got "answered:" $(cat answered); fi
}

lab_links() {
	local namespace
	for namespace in dev router world lan; do
		ip netns add $namespace
		in_ns $namespace sysctl -qw net.ipv6.conf.all.accept_dad=0 net.ipv6.conf.default.accept_dad=0 \
			net.ipv4.icmp_ratelimit=0 net.ipv6.icmp.ratelimit=0
		ip -n $namespace link set lo up
	done
	ip -batch - <<-END || exit 1
		link add wan netns dev type veth peer name inside netns router
		link add outside netns router type veth peer name eth0 netns world
		link add lan0 netns dev type veth peer name eth0 netns lan
	END
	ip -n dev -batch - <<-END || exit 1
		address add $dev4/24 dev wan
		address add $dev6/64 dev wan nodad
		address add 203.0.113.1/24 dev lan0
		address add 2001:db8:3::1/64 dev lan0 nodad
		link set wan up
		link set lan0 up
		route add default via $router4
		route add ::/0 via $router6
	END
	ip -n router -batch - <<-END || exit 1
		address add $router4/24 dev inside
		address add $router6/64 dev inside nodad
		address add 198.51.100.1/24 dev outside
		address add 2001:db8:2::1/64 dev outside nodad
		link set inside up
		link set outside up
		route add 203.0.113.0/24 via $dev4
		route add 2001:db8:3::/64 via $dev6
	END
	local last
	for last in 2 3 53 54 99; do
		echo "address add 198.51.100.$last/24 dev eth0"
		echo "address add 2001:db8:2::$last/64 dev eth0 nodad"
	done | ip -n world -batch - || exit 1
	ip -n world -batch - <<-END || exit 1
		link set eth0 up
		route add default via 198.51.100.1
		route add ::/0 via 2001:db8:2::1
	END
	ip -n lan -batch - <<-END || exit 1
		address add $lan4/24 dev eth0
		address add $lan6/64 dev eth0 nodad
		link set eth0 up
		route add default via 203.0.113.1
		route add ::/0 via 2001:db8:3::1
	END
	for namespace in dev router; do
		in_ns $namespace sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1
	done
	record_arrivals world router lan
	wait_for 2 all_links_work || { echo "not ok set_up: no way from dev to world"; exit 1; }
}

all_links_work() {
	[ "$(dev "$tools/attempt.py" -t 1 icmp/$one4 icmp/$one6 icmp/$lan4 icmp/$lan6 | wc -l)" -eq 4 ]
}

# extra_device NAME NUMBER: another device behind the router, IPv4 only, at 10.9.NUMBER.2.
extra_device() {
	ip netns add "$1"
	ip link add wan netns "$1" type veth peer name "$1" netns router
	ip -n router link set "$1" up
	ip -n router address add "10.9.$2.1/24" dev "$1"
	ip -n world route replace 10.9.0.0/16 via 198.51.100.1
	ip -n "$1" -batch - <<-END
		link set lo up
		link set wan up
		address add 10.9.$2.2/24 dev wan
		route add default via 10.9.$2.1
	END
}

# ---- servers ----

# The CA and the server's certificate as Velociraptor makes them, and a CA of the same name with another key.
lab_certificates() {
	local name
	for name in ca stranger_ca; do
		openssl req -x509 -newkey rsa:2048 -nodes -keyout $name.key -subj '/O=Velociraptor CA' -days 3650 \
			-addext basicConstraints=critical,CA:TRUE -addext keyUsage=critical,keyCertSign -out $name.pem 2>/dev/null
	done
	openssl req -newkey rsa:2048 -nodes -keyout server.key -subj /CN=VelociraptorServer -out server.csr 2>/dev/null
	printf '%s\n' basicConstraints=critical,CA:FALSE keyUsage=critical,digitalSignature,keyEncipherment \
		extendedKeyUsage=serverAuth,clientAuth subjectAltName=DNS:VelociraptorServer >extensions
	openssl x509 -req -in server.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 365 -extfile extensions \
		-out server.pem 2>/dev/null || { echo "not ok set_up: certificates"; exit 1; }
}

# management NAME PORT [options of management_server.py]: a server on all of world's addresses; its pid is in NAME.pid.
management() {
	local name=$1 port=$2 address addresses=()
	shift 2
	for address in $one4 $two4 $forbidden4 $one6 $two6 $forbidden6; do
		addresses+=(--address $address)
	done
	start world "$tests/servers/management_server.py" "${addresses[@]}" --port "$port" --key server.key \
		--certificate server.pem "$@" >"$name.ready" 2>"$name.log"
	echo $! >"$name.pid"
	wait_for 10 grep -q ready "$name.ready" || { echo "not ok set_up: server $name"; cat "$name.log"; exit 1; }
}

echoes() { # NAMESPACE PORT...: an echo server; what reached it is in NAMESPACE.echo, its pid in NAMESPACE.pid
	start "$1" "$tools/echo_server.py" "$work/$1.echo" "${@:2}"
	echo $! >"$1.pid"
	wait_for 10 test -e "$1.echo.ready" || { echo "not ok set_up: echo in $1"; exit 1; }
}

# dnsmasq as the resolver, and another one that nobody configured; its pid is in resolver.pid.
lab_resolvers() { # [ADDRESS...]: of one.vr.test, if it is elsewhere
	[ $# -gt 0 ] || set -- $one4 $one6
	local records=("${@/#/--host-record=one.vr.test,}" --host-record=two.vr.test,$two4,$two6
		--host-record=forbidden.test,$forbidden4,$forbidden6 --host-record=echo.test,$one4,$one6)
	start world dnsmasq --keep-in-foreground --log-facility=- --conf-file=/dev/null --no-resolv --no-hosts \
		--bind-interfaces --port=53 --user=root --pid-file --local=/test/ \
		--listen-address=$resolver4,$resolver6,$rogue4,$rogue6 "${records[@]}" >dnsmasq.log 2>&1
	echo $! >resolver.pid
	wait_for 5 grep -q started dnsmasq.log || { echo "not ok set_up: dnsmasq"; cat dnsmasq.log; exit 1; }
	use_resolvers $resolver4 $resolver6
}

use_resolvers() { # ADDRESS...: the device's resolv.conf
	printf 'nameserver %s\n' "$@" >/etc/resolv.conf
	printf '127.0.0.1 localhost\n' >/etc/hosts
}

# The whole: links, names, a server on port 8000 (one.vr.test and two.vr.test).
lab_up() {
	lab_links
	lab_certificates
	lab_resolvers
	management server 8000
}

# ---- running what is tested ----

# The device's rule set without counters, without what a dynamic set has learned, without what the tables say of their run.
rules() { # [further options of nft]
	dev nft -s "$@" list ruleset | without_learned
}
# Without what a dynamic set has learned, without what the tables say of their run.
without_learned() {
	/usr/bin/python3 -c 'import re, sys
text = re.sub(r"(\n\t\tflags dynamic.*(?:\n\t\ttimeout .*)?)\n\t\telements = {[^}]*}", r"\1", sys.stdin.read())
text = re.sub(r" expires \w+", "", text)
sys.stdout.write(re.sub(r"(?m)^\tcomment \"quarbox .*\"", "\tcomment \"quarbox\"", text))'
}

# Puts each element on a line and the lines of a set in order: the kernel lists them as their hashes come.
sort_elements() {
	/usr/bin/python3 -c 'import re, sys
def sort(match):
    return "elements = {\n" + "\n".join(sorted(re.split(r",\s+", match[1].strip()))) + " }"
text = re.sub(r"(?m)^\tcomment \"quarbox .*\"", "\tcomment \"quarbox\"", sys.stdin.read())
sys.stdout.write(re.sub(r"elements = {([^}]*)}", sort, text))'
}

no_rules() {
	[ -z "$(dev nft list ruleset)" ]
}

# run COMMAND...: on the device; leaves $code, $out, $err.
run() {
	dev "$@" >out 2>err </dev/null
	code=$?
	out=$(cat out)
	err=$(cat err)
}

# gives NAME CODE COMMAND...: it ends with this exit code.
gives() {
	local name=$1 wanted=$2
	shift 2
	run "$@"
	code_is "$name" "$wanted"
}

code_is() { # NAME CODE
	if [ $code -eq "$2" ]; then ok "$1"; else
		not_ok "$1" "exit code $code, expected $2"
		printf '%s\n%s\n' "$out" "$err" | head -30 | sed 's/^/# /'
	fi
}

on_probation() {
	dev nft list ruleset | grep -q 'set probation'
}

# begin COMMAND...: starts it on the device and waits until it is in its proof. The pid is in $running.
begin() {
	start "$device" "$@" >out 2>err </dev/null
	running=$!
	wait_for 5 on_probation || not_ok set_up "no probation began"
}

# ends NAME CODE: what begin started ends with this exit code.
ends() {
	wait $running
	code=$?
	out=$(cat out) err=$(cat err)
	code_is "$@"
}

# The artifact's table, as its eleven nft commands leave it for a server at this address.
artifact_table() { # SERVER PORT
	dev nft -f - <<-END
		table inet $default_table {
			chain inbound_chain {
				type filter hook input priority 0; policy drop;
				ip saddr $1 tcp sport { $2 } ct state established accept
				udp sport domain ct state established accept
			}
			chain outbound_chain {
				type filter hook output priority 0; policy drop;
				ip daddr $1 tcp dport { $2 } ct state established,new accept
				tcp dport { 53 } ct state new,established accept
				udp dport { 53,67,68 } ct state new,established accept
			}
			chain forward_chain {
				type filter hook forward priority 0; policy drop;
			}
		}
	END
}
