#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# status: what is in force, what differs from what was installed, whom the device tried to reach; --for and --log.
set -u
. "$(dirname "$(realpath "$0")")/lib.sh"
lab_enter "$0" "$@"
lab_up
echoes world 80 7000
good=https://one.vr.test:8000/
ca=(--ca ca.pem)
inet=(inet $default_table)
forbidden=(tcp/$forbidden4/80 tcp/$forbidden6/80 udp/$forbidden4/7000 udp/$forbidden6/7000)

# The handle of the first rule with this comment.
handle() { # FAMILY CHAIN COMMENT
	dev nft -a list chain "$1" $default_table "$2" | sed -n "/comment \"$3\"/{s/.*# handle //p;q}"
}

json() { # EXPRESSION on the object o
	/usr/bin/python3 -c 'import json, sys
o = json.loads(sys.stdin.readline()); print(eval(sys.argv[1]))' "$1" <out
}

no_long_lines() { # NAME
	same "$1" "" "$(awk 'length > 79' out)"
}

# ---- nothing, contained, the artifact's ----

gives nothing 1 status
matches nothing_says "^not quarantined" "$out"
run status -j
same nothing_json "not quarantined" "$(json 'o["state"]')"
gives contain 0 quarantine "${ca[@]}" $good
gives contained 0 status
matches contained_says "^contained: table $default_table, intact since .* ago\) until released set by quarbox" "$out"
matches contained_lists "allowed $one4:8000 \[$one6\]:8000 resolvers $resolver4 $resolver6 each at most 20 packets a second in " "$out"
no_long_lines contained_fits
before=$(rules)
gives contained_quietly 0 status -q
same contained_quietly_says "" "$out$err"
run status -j
same contained_json "contained True 0 [] 0" "$(json '"%s %s %d %s %d" % (o["state"], o["intact"], o["exit"], o["differs"], o["left"])')"
same status_changes_nothing "$before" "$(rules)"
dev "$tools/attempt.py" tcp/$one4/8000 >/dev/null
run status -j
same counters_count True "$(json 'o["in_allowed"] > 5 and o["out_allowed"] > 5')"
gives unprivileged 77 setpriv --reuid 65534 --clear-groups --bounding-set -all --inh-caps -all "$bin/status"
gives usage 64 status wan
dev nft delete table "${inet[@]}"
gives artifacts_removal_takes_inet_only 5 status
matches artifacts_removal_says "differs inet table is missing" "$out"
run release
gives released 1 status
artifact_table $one4 8000
gives artifact 5 status
matches artifact_says "set by Velociraptor's artifact, or by hand .* not covered .* bridged frames raw frames" "$out"
dev nft add table inet other_table
run release
gives other_tables_are_none_of_ours 1 status
dev nft delete table inet other_table
run quarantine "${ca[@]}" -t another $good
gives table_of_another_name 0 status
matches table_of_another_name_says "table another, intact .* undo with release -t another" "$out"
gives table_that_is_not_there 1 status -t $default_table
dev nft add table "${inet[@]}"
gives table_beside_an_empty_one 0 status
matches table_beside_an_empty_one_says "table another, intact also there $default_table" "$out"
run release
gives empty 1 status
dev nft "table ${inet[*]} { chain inbound_chain { type filter hook input priority 0; }; }"
gives nothing_drops 1 status
matches nothing_drops_says "^not quarantined: table $default_table holds nothing up" "$out"
run release
# networks and the like are in no set: the rules say it themselves
networks=(-a tcp:198.51.100.48/29:443 -a "udp:[2001:db8:5::]/48:161:in" -a gre:$two4 -a "icmp:[$two6]" -a dhcp-server:lan)
gives contain_with_networks 0 quarantine "${ca[@]}" "${networks[@]}" -a tcp:$two4:7000 --dns any $good
gives networks 0 status
matches networks_listed "allowed $one4:8000 \\[$one6\\]:8000 tcp:$two4:7000 udp:\\[2001:db8:5::\\]/48:161:in dhcp-server:lan \
tcp:198.51.100.48/29:443 gre:$two4 icmp:\\[$two6\\] resolvers any address together at most 40 packets a second in " "$out"
no_long_lines networks_fit
# what somebody else writes beside a rule of his own is no permission, and no command for a terminal
dev nft insert rule "${inet[@]}" inbound_chain ip saddr 9.9.9.9 accept comment '"--allow gre:9.9.9.9"'
for ((i = 0; i < 60; i++)); do
	printf 'insert rule %s inbound_chain accept comment "--allow %s"\n' "${inet[*]}" "$(printf '\1%.0s' {1..110})"
done | dev nft -f -
dev nft "add chain ${inet[*]} $(printf 'a%.0s' {1..100})"
dev nft add element "${inet[@]}" allow_out4 "{ 9.9.9.8 . sctp . 22 }"
gives others_comments 5 status
matches others_protocol_is_listed " 132:9.9.9.8:22 " "$out"
same others_comments_are_not_listed "" "$(grep -E '9\.9\.9\.9|--allow|[^ -~]' out | grep -v "set by")"
run status -j
same others_comments_json "True 9" "$(json '"%s %d" % (any("not ours" in line for line in o["differs"]), len(o["allowed"]))')"
run release
for ((i = 1; i < 251; i++)); do
	networks+=(-a tcp:10.0.0.$i:22)
done
run quarantine -q "${ca[@]}" "${networks[@]}" $good
gives many_addresses 0 status
matches many_addresses_hide_no_network "and [0-9]+ more udp:\\[2001:db8:5::\\]/48:161:in dhcp-server:lan tcp:198.51.100.48/29:443 " "$out"
run release
dev nft 'table inet old { chain late { type filter hook output priority 2147483647; }; }'
gives chain_behind_contain 5 quarantine "${ca[@]}" $good
gives chain_behind 5 status
matches chain_behind_says "not covered what late of table old makes of packets" "$out"
dev nft delete table inet old
gives chain_behind_gone 0 status
run release

# ---- each change is named ----

# named NAME REGEX COMMAND...: what Debian's nft does to the quarantine is named, and the next quarantine mends it.
named() {
	local name=$1 regex=$2
	shift 2
	dev "$@" || not_ok "$name.set_up" "$*"
	gives "$name" 5 status
	matches "$name.named" "differs $regex (since|differs)" "$out"
	run status -j
	same "$name.json" "partial False True" "$(json '"%s %s %s" % (o["state"], o["intact"], len(o["differs"]) > 0)')"
	gives "$name.mended" 0 quarantine -q "${ca[@]}" -a udp:$two4:7000 $good
	gives "$name.intact" 0 status -q
}

run quarantine "${ca[@]}" -a udp:$two4:7000 $good
named rule_deleted "inet inbound_chain: 1 rule is missing after 'loopback'" \
	nft delete rule "${inet[@]}" inbound_chain handle "$(handle inet inbound_chain 'sealed interfaces')"
named accept_added "inet inbound_chain: a rule is not ours, accept \(handle [0-9]+\)" \
	nft insert rule "${inet[@]}" inbound_chain accept
named accept_added_behind "inet outbound_chain: a rule is not ours, accept \(handle [0-9]+\)" \
	nft insert rule "${inet[@]}" outbound_chain position "$(handle inet outbound_chain loopback)" tcp dport 22 accept
named rule_replaced "inet forward_chain: a rule is not ours, accept \(handle [0-9]+\) inet forward_chain: 1 rule is missing.*" \
	nft replace rule "${inet[@]}" forward_chain handle "$(handle inet forward_chain forwarding)" accept comment '"forwarding"'
named chain_flushed "bridge outbound_chain: 1 rule is missing after 'sealed interfaces'" \
	nft flush chain bridge $default_table forward_chain
named chain_removed "inet chain forward_chain is missing inet outbound_chain: 2 rules are missing after 'everything else'" \
	nft "flush chain ${inet[*]} forward_chain; delete chain ${inet[*]} forward_chain"
named chain_opened "inet chain inbound_chain has policy accept" \
	nft chain "${inet[@]}" inbound_chain '{ policy accept; }'
named chain_added "inet chain side_door is not ours" \
	nft add chain "${inet[@]}" side_door '{ type filter hook input priority -5; }'
named element_added_to_what_is_learned "netdev set own_mac: 02:00:00:00:00:99 was added" \
	nft add element netdev $default_table own_mac '{ 02:00:00:00:00:99 }'
named element_added "inet set server4: $forbidden4 . 443 was added" \
	nft add element "${inet[@]}" server4 "{ $forbidden4 . 443 }"
named element_for_all_added "inet set server4: \* was added" \
	nft add element "${inet[@]}" server4 '{ * }'
named element_of_six_added "netdev set resolver6: $rogue6 was added" \
	nft add element netdev $default_table resolver6 "{ $rogue6 }"
named element_with_protocol_added "inet set allow_out4: $forbidden4 . tcp . 22 was added" \
	nft add element "${inet[@]}" allow_out4 "{ $forbidden4 . tcp . 22 }"
named elements_added "inet set server4: 3 elements, not 1" \
	nft add element "${inet[@]}" server4 "{ $forbidden4 . 443, $forbidden4 . 80 }"
named element_removed "inet set resolver4: 0 elements, not 1" \
	nft delete element "${inet[@]}" resolver4 "{ $resolver4 }"
named element_replaced "inet set resolver4: an element was replaced" \
	nft "delete element ${inet[*]} resolver4 { $resolver4 }; add element ${inet[*]} resolver4 { $rogue4 }"
named sealed_link_added "inet set sealed: \"usb9\" was added" nft add element "${inet[@]}" sealed '{ "usb9" }'
named table_deleted "bridge table is missing" nft delete table bridge $default_table
named netdev_deleted "netdev table is missing" nft delete table netdev $default_table
for i in {1..600}; do echo "add set ${inet[*]} more$i { type ipv4_addr; }"; done >more
named many_sets "inet it has more than [0-9]+ sets" nft -f more
dev nft add table "${inet[@]}" '{ flags dormant; }'
gives dormant 5 status
matches dormant_says "inet it is dormant: it holds nothing up" "$out"
run quarantine -q "${ca[@]}" $good
gives mended_from_dormant 0 status -q
ip -n dev link add usb0 type veth peer name usb1
gives later_link 5 status
matches later_link_says "not covered .*raw frames on usb0 \(it came later, or was made anew\)" "$out"
ip -n dev link delete usb0
gives later_link_gone 0 status -q
for i in {1..130}; do echo "link add many$i type veth peer name more$i"; done | ip -n dev -batch -
gives more_links_than_a_chain_takes 5 quarantine "${ca[@]}" $good
gives more_links_than_a_chain_takes_status 5 status
matches more_links_than_a_chain_takes_says "not covered received frames below IP.* \(the kernel refuses it\)" "$out"
for i in {1..130}; do echo "link delete many$i"; done | ip -n dev -batch -
run quarantine -q "${ca[@]}" $good
ip -n dev link add $'usb\e[7m' type veth peer name usb1
run status
matches names_are_no_commands "raw frames on usb\?\[7m" "$out"
ip -n dev link delete usb1
dev nft -j list chains | /usr/bin/python3 -c 'import json, sys
for item in json.load(sys.stdin)["nftables"]:
    chain = item.get("chain", {})
    if chain: print("flush chain {family} {table} {name}".format(**chain))
    if chain.get("policy") == "drop": print("chain {family} {table} {name} {{ policy accept; }}".format(**chain))' >open
dev nft -f open
gives opened 1 status
matches opened_says "^not quarantined: table $default_table holds nothing up" "$out"
run release

# ---- a large set: bound to its length ----

/usr/bin/python3 -c 'for i in range(1, 100001): print(f"allow tcp:10.{i >> 16}.{i >> 8 & 255}.{i & 255}:443")' >many.conf
ip netns add many
device=many
gives many_addresses 0 quarantine -c many.conf --no-probe --dns none https://192.0.2.1/
gives many_addresses_are_intact 0 status
more="element ${inet[*]} allow_out4 { $forbidden4 . tcp . 443 }"
matches one_of_many_added_is_refused "Too many open files in system" "$(in_ns many nft add "$more" 2>&1)"
gives one_of_many_added_is_refused_status 0 status
in_ns many nft "delete element ${inet[*]} allow_out4 { 10.0.0.7 . tcp . 443 }; add $more"
gives one_of_many_replaced 5 status
matches one_of_many_replaced_is_named "differs inet set allow_out4: an element was replaced" "$out"
device=dev

# ---- on probation ----

management unproven 8002 --behaviour silent
begin quarantine "${ca[@]}" -T 20 https://one.vr.test:8002/
gives probation 6 status
matches probation_says "^on probation: table" "$out"
matches probation_says_until_when "until  *its probation ends" "$out"
kill -KILL $running
wait $running 2>/dev/null
run release
# what decides meanwhile is not what stands in the older tables
run quarantine -q "${ca[@]}" $good
start dev quarantine "${ca[@]}" -T 20 https://one.vr.test:8002/ >out 2>err </dev/null
running=$!
check probation_beside_begins wait_for 5 eval 'dev nft list sets | grep -q probation_beside'
gives probation_beside 6 status
matches probation_beside_says "^on probation beside an older one: table" "$out"
kill -KILL $running
wait $running 2>/dev/null
for family in inet bridge netdev; do
	dev nft flush set $family $default_table probation_beside
done
gives probation_beside_over 0 status
run release

# ---- attempts ----

gives attempts_set_up 0 quarantine "${ca[@]}" $good
gives no_attempts 0 status --attempts
dev "$tools/attempt.py" tcp/$forbidden4/80 >/dev/null
dev "$tools/attempt.py" udp/$forbidden6/7000 >/dev/null
dev "$tools/attempt.py" icmp/$forbidden4 >/dev/null
# a sealed link answers no ARP: only who knows the device's address still tries to get through it
mac=$(ip -n dev -o link show lan0 | sed 's/.*link.ether \([^ ]*\).*/\1/')
ip -n lan neighbour replace 203.0.113.1 lladdr "$mac" dev eth0 nud permanent
lan "$tools/attempt.py" tcp/$rogue4/443 >/dev/null
gives attempts 0 status --attempts
matches attempts_tcp "tcp $forbidden4:80 [0-9]+ packets?" "$out"
matches attempts_udp_of_six "udp \[$forbidden6\]:7000 [0-9]+ packets?" "$out"
matches attempts_icmp "icmp $forbidden4 type 8 1 packet" "$out"
matches attempts_forwarded "^ 0s tcp $rogue4:443 [0-9]+ packets? from lan0" "$out"
no_long_lines attempts_fit
run status --attempts -j
same attempts_json "$rogue4 tcp 443 lan0 True" \
	"$(json '"%s %s %d %s %s" % (o["address"], o["protocol"], o["port"], o["interface"], o["packets"] > 0)')"
run nft list ruleset
same attempts_can_be_read_back "" "$(dev nft -c -f - <out 2>&1)"
# a scan of more destinations than the list has room for
dev /usr/bin/python3 -c 'import socket
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
for i in range(65536):
    try: s.sendto(b"x", ("10.7.%d.%d" % (i >> 8, i & 255), 53))
    except OSError: pass'
run status --attempts -j
same scan_is_bounded True "$(/usr/bin/python3 -c 'import sys; print(400 < len(sys.stdin.readlines()) <= 1024)' <out)"
run status --attempts
matches scan_is_told "^ ?[0-9]+ packets more: the list was full" "$(tail -n 1 out)"
gives scan_breaks_nothing 0 status
run release

# ---- --for ----

passes open_before dev world "${forbidden[@]}"
gives lasts 0 quarantine --no-probe --for 3s $good
matches lasts_says "lasts 3s, then the kernel lets everything pass" "$out"
gives lasts_status 0 status
matches lasts_left "until released, or [0-3]s from now" "$out"
run status -j
same lasts_json True "$(json '0 < o["left"] + 1 <= 4')"
named lasts_rule_deleted "inet [0-9]+ of 3 chains end by themselves \(--for\)" \
	nft delete rule "${inet[@]}" outbound_chain handle "$(handle inet outbound_chain 'quarbox self-release')"
run quarantine -q "${ca[@]}" --for 1h $good
named lasts_ends_in_one_table "inet its time is over: it lets everything pass" nft flush set "${inet[@]}" lasts
gives lasts_again 0 quarantine --no-probe --for 3s $good
blocked lasts_blocks dev world "${forbidden[@]}"
wait_for 10 eval 'run status; [ $code -eq 1 ]'
run quarantine -q "${ca[@]}" -t second $good
gives over_beside_one_that_counts 0 status
matches over_beside_one_that_counts_says "^contained: table second, intact also there $default_table" "$out"
run release -t second
run status
matches over_says "^not quarantined: the time of table $default_table is over .* until its time was over" "$out"
passes over_passes dev world "${forbidden[@]}"
arrives over_passes_sealed_links dev lan tcp/$lan4/80 udp/$lan6/7000
arrives over_passes_forwarded lan world tcp/$forbidden4/80 udp/$forbidden6/7000
gives over_rolled_back 3 quarantine "${ca[@]}" -T 1 https://one.vr.test:8002/
matches over_rolled_back_says "^rolled back: nothing of ours is in force" "$(tail -n 1 out)"
gives over_again 0 quarantine -q "${ca[@]}" --for 1s --no-probe $good
wait_for 10 eval 'run status; [ $code -eq 1 ]'
run release
check over_release_removes no_rules
# renewed without a gap: while one runs out the next one counts already
gives renew 0 quarantine "${ca[@]}" --for 2s --no-probe $good
forget_arrivals world
start dev /usr/bin/python3 -c 'import socket, sys, time
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
end = time.monotonic() + 5
while time.monotonic() < end:
    try: s.sendto(b"x", (sys.argv[1], 7000))
    except OSError: pass
    time.sleep(0.001)' $forbidden4
flood=$!
for _ in 1 2 3 4; do
	sleep 1
	run quarantine -q "${ca[@]}" --for 2s --no-probe $good
done
gives renewed 0 status -q
wait $flood
same renewed_without_a_gap "" "$(arrived world | grep $forbidden4)"
# one whose time is over when the next one fails is not said to be in force again
run quarantine -q --no-probe --for 2s $good
gives over_in_the_proof 3 quarantine "${ca[@]}" -T 4 https://one.vr.test:8002/
matches over_in_the_proof_says "^rolled back: nothing of ours is in force" "$(tail -n 1 out)"
gives over_in_the_proof_status 1 status
run release
# an older quarantine with a time is restored as it was
run quarantine -q "${ca[@]}" --for 1h $good
gives rolled_back 3 quarantine -q "${ca[@]}" -T 1 https://one.vr.test:8002/
gives rolled_back_to_the_older_one 0 status
matches rolled_back_keeps_the_time "until released, or 59m" "$out"
gives replaced_without_a_time 0 quarantine -q "${ca[@]}" $good
run status
matches replaced_without_a_time_says "until released set by" "$out"
run release
for bad in 0s 1y 366d '' -1 1.5h; do
	gives "bad_time_'$bad'" 64 quarantine --for "$bad" $good
done
check bad_times_change_nothing no_rules

# ---- --log ----

gives log 0 quarantine "${ca[@]}" --log 5 $good
start dev "$tools/log_listener.py" 5 >logged
wait_for 5 grep -q ready logged
dev "$tools/attempt.py" udp/$forbidden4/7000 >/dev/null
world "$tools/attempt.py" udp/$dev4/9 >/dev/null
check log_arrives wait_for 3 eval '[ "$(grep -c "^quarantine: $" logged)" -ge 2 ]'
gives log_is_intact 0 status -q
gives log_kernel 0 quarantine "${ca[@]}" --log kernel $good
gives log_kernel_is_intact 0 status -q
for bad in syslog 65536 '' -1; do
	gives "bad_log_'$bad'" 64 quarantine --log "$bad" $good
done
run release

# ---- what the tables say of their run ----

run quarantine -q "${ca[@]}" -a "tcp:$two4:22" https://user:secret@one.vr.test:8000/ --no-probe
run quarantine -q "${ca[@]}" --no-probe $good "https://two.vr.test:8000/a\"b"
same comment_can_be_read_back "" "$(dev nft -s list ruleset >listed && dev nft -f listed 2>&1 | head -n 3)"
finish
