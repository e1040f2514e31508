#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# release takes away what was set, by whomever, and nothing else.
set -u
. "$(dirname "$(realpath "$0")")/lib.sh"
lab_enter "$0" "$@"
lab_links
echoes world 80 8000
forbidden=(tcp/$forbidden4/80 tcp/$forbidden6/80 udp/$forbidden4/80)
contain=(--no-probe --dns none "https://$one4:8000/" "https://[$one6]:8000/")

gives nothing_there 0 release
matches nothing_there_says_so 'nothing to release' "$out"

gives contain 0 quarantine "${contain[@]}"
blocked contained dev world "${forbidden[@]}"
gives ours 0 release
matches ours_says_so "released: removed table inet $default_table" "$out"
check ours_leaves_nothing no_rules
passes ours_is_open dev world "${forbidden[@]}" tcp/$one4/8000
gives again 0 release

run quarantine "${contain[@]}"
gives by_quarantine_r 0 quarantine -r
check by_quarantine_r_leaves_nothing no_rules

artifact_table $one4 8000
blocked artifact_set_up dev world "${forbidden[@]}"
gives artifact 0 release
check artifact_leaves_nothing no_rules

passes artifact_is_open dev world "${forbidden[@]}"

# A table of the default name is in nobody's way, in whatever family; nor is an empty one of another name.
for family in bridge netdev; do
	dev nft add table $family $default_table
	gives ${family}_table_alone 0 release
	check ${family}_table_alone_is_gone no_rules
	dev nft add table $family $default_table
	gives ${family}_table_before 0 quarantine "${contain[@]}"
	blocked ${family}_table_before dev world "${forbidden[@]}"
	gives ${family}_table_released 0 release
	check ${family}_table_released_all no_rules
	[ $family = bridge ] && hook='forward' || hook='ingress device wan'
	dev nft "add table $family $default_table; add chain $family $default_table mine { type filter hook $hook priority 0; }"
	dev nft "add rule $family $default_table mine counter accept comment \"somebody else's\""
	before=$(rules)
	gives ${family}_table_rolled_back 3 quarantine -T 1 --dns none -k https://$one4:8009/
	same ${family}_table_is_as_before "$before" "$(rules)"
	dev nft flush ruleset
	dev nft add table $family other
	gives ${family}_empty_table 0 quarantine -t other "${contain[@]}"
	gives ${family}_empty_table_released 0 release
	check ${family}_empty_table_released_all no_rules
done
dev nft 'add table bridge other; add chain bridge other mine'
gives somebody_elses 64 quarantine -t other "${contain[@]}"
matches somebody_elses_says_so "table bridge other: it is somebody else's" "$err"
gives somebody_elses_not_released 0 release
matches somebody_elses_stays 'table bridge other' "$(rules)"
dev nft flush ruleset

run quarantine "${contain[@]}" -t mine
artifact_table $one4 8000
gives by_name 0 release -t mine
matches by_name_leaves_the_other "^table inet $default_table" "$(rules)"
gives by_other_name 0 release -t nothing_of_this_name
matches by_other_name_leaves_the_other "^table inet $default_table" "$(rules)"
gives by_artifact_name 0 release -t $default_table
check by_artifact_name_leaves_nothing no_rules
# names that only others give: the whole of one counts
long=$(printf '%0200d' 0 | tr 0 a)
dev nft "table inet ${long:0:134} { chain inbound_chain { type filter hook input priority 0; policy drop; }; }"
gives by_long_name_r 0 quarantine -r -t "$long"
matches by_long_name_r_leaves_a_shorter_one "^table inet ${long:0:134} " "$(rules)"
gives by_name_of_134_r 0 quarantine -r -t "${long:0:134}"
check by_name_of_134_r_leaves_nothing no_rules
artifact_table $one4 8000
dev nft 'delete table inet vrr_quarantine_table; add table inet custom;
	add chain inet custom inbound_chain { type filter hook input priority 0; policy drop; }'
gives artifact_of_other_name 0 release -t custom
check artifact_of_other_name_leaves_nothing no_rules

# Several tables, of several families, that bear our comment; between others' that stay.
dev nft -f - <<-'END'
	table ip filter { comment "not quarbox"; chain input { type filter hook input priority 0; }; }
	table inet fw4 { set a { type ipv4_addr; elements = { 192.0.2.9 }; }; chain b { ip saddr @a drop; }; }
	table ip vrr_quarantine_table { chain x { }; }
	table inet quarbox { }
	table inet c1 { comment "quarboxes"; }
END
others=$(rules -a)
dev nft -f - <<-'END'
	table inet mine { comment "quarbox 0.1.0"; chain a { type filter hook input priority 0; policy drop; }; }
	table ip mine { comment "quarbox x"; chain a { type filter hook output priority 0; policy drop; }; }
	table ip6 mine { comment "quarbox x"; set s { type ipv6_addr; flags timeout; }; }
	table bridge mine { comment "quarbox x"; chain a { type filter hook forward priority 0; policy drop; }; }
	table netdev mine { comment "quarbox x"; chain a { type filter hook ingress device "wan" priority 0; policy drop; }; }
	table arp mine { comment "quarbox x"; chain a { type filter hook input priority 0; policy drop; }; }
	table inet dormant { comment "quarbox x"; flags dormant; }
END
run quarantine "${contain[@]}"
gives all_families 0 release -j
same others_stay "$others" "$(rules -a)"
check json /usr/bin/python3 -c 'import json, sys
row = json.loads(sys.argv[1])
assert row["Time"] > 0 and "inet mine" in row["Result"] and row["removed"] == 10, row' "$out"
passes all_families_are_open dev world "${forbidden[@]}"
dev nft flush ruleset

for ((i = 0; i < 60; i++)); do
	echo "table inet quarantine_$i { comment \"quarbox x\"; }"
done | dev nft -f -
gives sixty_tables 0 release
check sixty_tables_leave_nothing no_rules

run quarantine "${contain[@]}"
before=$(rules -a)
gives no_capability 77 setpriv --bounding-set=-net_admin release
same no_capability_changes_nothing "$before" "$(rules -a)"
gives full_disk 6 bash -c 'release >/dev/full'
matches full_disk_says_so '^release: write to standard output: No space left' "$err"
check full_disk_releases_all_the_same no_rules
run quarantine "${contain[@]}"
gives quiet 0 release -q
same quiet_says_nothing "" "$out$err"
check quiet_leaves_nothing no_rules

# ---- what is left of something else ----

run quarantine "${contain[@]}"
dev nft delete table bridge $default_table
gives two_of_three 0 release
matches two_of_three_says_so "^released: removed table inet $default_table, netdev $default_table\\s*\$" "$out"
check two_of_three_leaves_nothing no_rules
run quarantine "${contain[@]}"
dev nft delete table inet $default_table
gives without_inet 0 release
check without_inet_leaves_nothing no_rules
dev nft 'table inet vrr_quarantine_table { set probation_server4 { type ipv4_addr . inet_service; }; }
	table netdev vrr_quarantine_table { comment "quarbox 0.1.0"; }'
gives without_chains 0 release
check without_chains_leaves_nothing no_rules
dev nft 'table inet vrr_quarantine_table { comment "quarbox 0.1.0"; set probation_beside { type nf_proto; flags timeout; }
	chain probation_inbound_chain { type filter hook input priority 0; policy drop; meta nfproto != @probation_beside accept; }
	chain inbound_chain { type filter hook input priority 0; policy drop; }; }'
gives leftover_probation 0 release
check leftover_probation_leaves_nothing no_rules

# ---- the network is down, another quarantine hangs and holds the lock, there is no configuration ----

echo 'nonsense' >/etc/quarbox.conf
run quarantine --no-probe --dns none https://$one4/
same bad_configuration 78 $code
rm /etc/quarbox.conf
start dev quarantine -T 30 -k --dns none https://$one4:8000/ >hung 2>&1 </dev/null # the echo server speaks no TLS
running=$!
wait_for 5 on_probation
kill -STOP $running
echo 'nonsense' >/etc/quarbox.conf
ip -n dev link set wan down
ip -n dev link set lan0 down
gives offline 0 timeout 5 release
matches offline_says_so "^released: removed table inet $default_table" "$out"
check offline_leaves_nothing no_rules
kill -CONT $running
kill -TERM $running
wait $running
same stopped_quarantine_rolls_back 3 $?
check stopped_quarantine_leaves_nothing no_rules
rm /etc/quarbox.conf
ip -n dev link set wan up
ip -n dev link set lan0 up
ip -n dev address add $dev6/64 dev wan nodad
ip -n dev address add 2001:db8:3::1/64 dev lan0 nodad
ip -n dev route replace default via $router4
ip -n dev route replace ::/0 via $router6
wait_for 5 all_links_work
passes online_again dev world "${forbidden[@]}"

# ---- what else lets nothing through ----

dev nft 'table inet fw4 { chain input { type filter hook input priority 0; policy drop; ct state established accept; }
		chain forward { type filter hook forward priority 0; policy accept; drop; }; chain helper { drop; }; }
	table ip asleep { flags dormant; chain input { type filter hook input priority 0; policy drop; }; }
	table netdev early { chain in { type filter hook ingress device "lan0" priority 0; policy drop; }; }'
others=$(rules)
run quarantine "${contain[@]}"
gives blocking 0 release
same blocking_says_so "released: removed table inet $default_table,
          bridge $default_table,
          netdev $default_table
still there, and drops what it does not allow:
          inet fw4, chain input
          netdev early, chain in" "$out"
same blocking_stays "$others" "$(rules)"
gives blocking_in_json 0 release -j
check blocking_json /usr/bin/python3 -c 'import json, sys
assert json.loads(sys.argv[1])["blocking"] == ["inet fw4, chain input", "netdev early, chain in"], sys.argv[1]' "$out"
gives blocking_quiet 0 release -q
same blocking_quiet_says_nothing "" "$out$err"
long=$(printf 'x%.0s' {1..200})
for ((i = 0; i < 20; i++)); do
	echo "table inet a$i$long { chain $long { type filter hook output priority $i; policy drop; }; }"
done | dev nft -f -
gives many_blocking 0 release
same many_blocking_lines "8 and 14 more" "$(grep -c ', chain ' out) $(sed -n 's/^ *\(and .*\)/\1/p' out)"
same many_blocking_columns "" "$(grep -E '.{80}' out)"
dev nft flush ruleset
echo "table inet a$long { comment \"quarbox x\"; }; table netdev b$long { comment \"quarbox x\"; }" | dev nft -f -
gives long_names 0 release
same long_names_columns "" "$(grep -E '.{80}' out)"
gives nothing_blocks 0 release -j
matches nothing_blocks_json '"blocking":\[\]' "$out"

# What nft could not write, but the kernel takes as a name: it does not get to the terminal.
dev /usr/bin/python3 -c '
import socket, struct
def attribute(kind, data):
    return struct.pack("=HH", 4 + len(data), kind) + data + bytes(-len(data) % 4)
def message(kind, flags, family, resource, body=b""):
    return struct.pack("=IHHIIBBH", 20 + len(body), kind, flags, 1, 0, family, 0, socket.htons(resource)) + body
comment = b"quarbox x\0"
table = attribute(1, b"\x1b[31mred\0") + attribute(6, bytes([0, len(comment)]) + comment)
netfilter = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 12)
netfilter.send(message(16, 1, 0, 10) + message(10 << 8, 1 | 0x400, 1, 0, table) + message(17, 1, 0, 10))'
gives odd_name_status 1 status
matches odd_name_in_status 'not quarantined: table \?\[31mred ' "$out"
same odd_name_steers_nothing '' "$(tr -d '\n -~' <out)"
gives odd_name_released 0 release
matches odd_name_in_release 'removed table inet \?\[31mred' "$out"
same odd_name_steers_nothing_again '' "$(tr -d '\n -~' <out)"

# A table that another process owns, which the kernel lets nobody else remove.
{
	echo "add table inet $default_table { flags owner; }"
	wait_for 30 test -e owner_goes
} | dev nft -i >/dev/null 2>&1 &
wait_for 5 eval "rules | grep -q 'flags owner'" || not_ok set_up_owner "$(rules)"
gives owned 5 release
same owned_says "nothing was released release: table $default_table: another process owns it, and only that can remove it" "$(echo $out $err)"
touch owner_goes
wait_for 5 no_rules || not_ok owner_leaves "$(rules)"

# Without /proc, /run and names: the rescue shell.
run quarantine "${contain[@]}"
gives bare_system 0 unshare -m bash -c 'mount -t tmpfs none /etc; mount -t tmpfs none /run; mount -t tmpfs none /proc
	exec release </dev/null'
check bare_system_leaves_nothing no_rules
same no_trace "" "$(find /run /tmp /var/run/ -maxdepth 1 -newer world.pid -name '*quarbox*' ! -name 'quarbox-*.lock')"

finish
