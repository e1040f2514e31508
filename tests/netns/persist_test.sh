#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# --persist and --restore. A reboot is here what it leaves of the network: no rules, no addresses, no routes, links that are
# down or not there. (tests/image cuts the power of a machine.)
set -u
. "$(dirname "$(realpath "$0")")/lib.sh"
lab_enter "$0" "$@"
lab_up
echoes world 22 7000
echoes dev 22
good=https://one.vr.test:8000/
ca=(-T 10 --ca ca.pem)
saved=/etc/quarbox.saved
servers=(tcp/$one4/8000 tcp/$one6/8000 udp/$resolver4/53 tcp/$resolver6/53)
forbidden=(tcp/$forbidden4/8000 tcp/$forbidden6/8000 udp/$forbidden4/7000 udp/$rogue6/53 tcp/$one4/22 icmp/$forbidden4)

# With lasting values of --for, and what else differs from run to run, left out.
plan() {
	without_learned | sort_elements | sed 's/timeout [0-9a-z]*/timeout/; s/, for [0-9a-z ]*//'
}
reboot() { # without links, so that all that is left is what quarbox knows
	dev nft flush ruleset
	ip -n dev -batch - <<-END
		address flush dev wan
		address flush dev lan0
		link set wan down
		link set lan0 down
	END
}
network_up() { # [LINK]: which has the way to the world
	ip -n dev -batch - <<-END
		link set wan up
		link set lan0 up
		address add $dev4/24 dev ${1:-wan}
		address add $dev6/64 dev ${1:-wan} nodad
		address add 203.0.113.1/24 dev lan0
		address add 2001:db8:3::1/64 dev lan0 nodad
		route replace default via $router4
		route replace ::/0 via $router6
	END
}
way_is_back() {
	[ "$(dev "$tools/attempt.py" -t 1 tcp/$one4/8000 tcp/$one6/8000 | wc -l)" -eq 2 ]
}

# ---- what is saved, and when ----

gives nothing_saved 0 quarantine --restore
matches nothing_saved_is_said '^nothing to restore: no quarantine is saved $' "$out"
check nothing_saved_changes_nothing no_rules
gives nothing_saved_json 0 quarantine --restore -j
matches nothing_saved_json_says '"state":"nothing to restore",.*"exit":0}' "$out"
gives not_proven 3 quarantine -T 2 --ca stranger_ca.pem --persist $good
check a_rollback_saves_nothing test ! -e $saved
gives without_persist 0 quarantine "${ca[@]}" $good
check nothing_is_saved_without_being_asked test ! -e $saved
gives persist 0 quarantine "${ca[@]}" --persist $good
matches persist_is_told "saved in $saved, for quarantine --restore" "$out"
same persist_is_root_s '600 0' "$(stat -c '%a %u' $saved)"
gives restore_not_permitted 77 capsh --drop=cap_net_admin -- -c "$bin/quarantine --restore"
same its_step_is_told_once 1 "$(grep -c '] read ' <<<"$out")"
before=$(cat $saved)
check nothing_else_is_left test ! -e $saved.new
run status
matches status_tells "saved in $saved, for quarantine --restore" "$out"
run status -j
matches status_json '"saved":true' "$out"
gives not_proven_beside 3 quarantine -T 2 --ca stranger_ca.pem --persist -a tcp:$two4:22 $good
same a_rollback_keeps_what_was_saved "$before" "$(cat $saved)"
run quarantine -n --persist "${ca[@]}" -a tcp:$two4:22 $good
same a_dry_run_keeps_it_as_well "$before" "$(cat $saved)"
gives without_persist_over_it 0 quarantine "${ca[@]}" -a tcp:$two4:22 $good
matches what_takes_its_place_is_saved "allow tcp:$two4:22" "$(cat $saved)"
matches and_that_is_told "saved in $saved" "$out"
gives of_another_name 0 quarantine -t other "${ca[@]}" $good
matches another_one_is_not "table $default_table" "$(cat $saved)"

gives of_another_name_too 0 quarantine -t other --persist "${ca[@]}" $good
matches that_another_one_is_saved_is_told "warning: $saved: another table's is replaced" "$err"
gives back_to_the_first 0 quarantine --persist "${ca[@]}" $good

# ---- release ----

gives release_other 0 release -t other
check release_of_another_name_leaves_it test -e $saved
gives release_not_permitted 77 capsh --drop=cap_net_admin -- -c "$bin/release"
check a_release_that_may_not_leaves_it test -e $saved
gives release 0 release
matches release_tells "removed table .*, $saved \$" "$out"
check release_removes_it test ! -e $saved
gives again 0 quarantine "${ca[@]}" --persist $good
dev nft flush ruleset
run status
code_is status_after_a_reboot 1
matches status_after_a_reboot_tells "not quarantined: .* saved in $saved" "$out"
gives release_after_a_reboot 0 release -j
matches release_after_a_reboot_tells '"removed":0,.*"forgotten":true' "$out"
check release_after_a_reboot_removes_it test ! -e $saved
# One that is released between the kernel's answer and the file would come back: who writes the file looks.
start dev strace -qf -o /dev/null -e inject=rename:delay_enter=2000000 "$bin/quarantine" "${ca[@]}" --persist $good >out 2>err
running=$!
check set_up_release_meanwhile wait_for 10 test -s $saved.new
run release
wait $running
same released_meanwhile_is_noticed 6 $?
check released_meanwhile_does_not_come_back test ! -e $saved -a ! -e $saved.new
# The same where nothing is put in force, but what is left of its time is saved again.
gives set_up_for_an_hour 0 quarantine --no-probe --persist --for 1h $good
sed -i 's/^for .*/for 9000s/' $saved
while_it_restores() { # SYSTEM_CALL OPTION...: with release before it; the exit code is in $code then
	local call=$1
	shift
	start dev strace -qf -o /dev/null -e trace="$call" -e inject="$call:delay_enter=1500000" \
		"$bin/quarantine" --restore >out 2>err
	running=$!
	sleep 0.7
	dev "$@" >/dev/null
	wait $running
	code=$?
}
while_it_restores fsync release
code_is released_while_time_is_saved 75
check released_while_time_is_saved_stays_so test ! -e $saved
gives set_up_for_an_hour_again 0 quarantine --no-probe --persist --for 1h $good
sed -i 's/^for .*/for 9000s/' $saved
dev nft delete table netdev $default_table
while_it_restores flock release
code_is released_before_it_is_restored 75
check released_before_it_is_restored_stays_so no_rules
check and_is_not_saved_again test ! -e $saved
gives set_up_to_be_read 0 quarantine --no-probe --persist $good
while_it_restores open,openat release
code_is released_before_it_is_read 0
matches released_before_it_is_read_is_said '^nothing to restore: no quarantine is saved *$' "$(cat out err)"
# nor does it bring back what another one has taken the place of
gives set_up_older 0 quarantine --no-probe --persist --dns any $good
while_it_restores flock quarantine -q --no-probe --dns none $good
code_is saved_anew_before_it_is_restored 75
run status
matches saved_anew_stays_in_force 'set by .* --dns none ' "$out"
run release
gives by_option 0 quarantine "${ca[@]}" --persist $good
gives release_by_option 0 quarantine -r
check release_by_option_removes_it test ! -e $saved

# ---- the same rules again ----

# restores_the_same NAME [OPTION...]
restores_the_same() {
	local name=$1 planned
	shift
	run quarantine --persist --no-probe "$@" $good
	[ $code -eq 0 ] || [ $code -eq 5 ] || not_ok "${name}_set_up" "exit code $code: $out $err"
	planned=$(rules | plan)
	grep -v ^saved $saved >first
	dev nft flush ruleset
	gives "${name}_restored" $code quarantine --restore
	same "${name}_rules" "$planned" "$(rules | plan)"
	check "${name}_file" diff first <(grep -v ^saved $saved)
	run status
	matches "${name}_intact" ', intact' "$out"
	run release
}
restores_the_same plain
restores_the_same two_servers https://two.vr.test:8000/
restores_the_same one_has_no_address https://nobody.vr.test:8000/
restores_the_same allowed -a tcp:$forbidden4:7000 -a "udp:[$forbidden6]:7001" -a tcp:two.vr.test:7002:out \
	-a udp:198.51.100.48/29:7000 -a "tcp:[2001:db8:2::50]/124:80" -a tcp:$lan4:7777:in -a "udp:[2001:db8:3::]/64:7778:in" \
	-a dhcp-server:lan0 -a gre:$two4 -a esp:two.vr.test -a "icmp:[$two6]" -a icmp:198.51.100.0/25
restores_the_same dns_any --dns any
restores_the_same dns_none --dns none
restores_the_same dns_list --dns 198.51.100.1,198.51.100.2,198.51.100.4,2001:db8:2::7
restores_the_same logged --log kernel
restores_the_same logged_to_a_group --log 7
restores_the_same inet_only --layers inet
restores_the_same named_uplink --uplink lan0
restores_the_same another_name -t another
restores_the_same some_time --for 8h
for ((i = 1; i <= 3000; i++)); do echo "allow tcp:10.$((i / 250)).$((i % 250)).7:$i"; done >many.conf
restores_the_same many -c many.conf
# whom a local resolver asks is written to files that are not there yet after a reboot
use_resolvers 127.0.0.1
mkdir -p /run/systemd/resolve
echo "nameserver $resolver4" >/run/systemd/resolve/resolv.conf
run quarantine --persist --no-probe $good
planned=$(rules | plan)
rm -r /run/systemd /etc/resolv.conf
dev nft flush ruleset
gives local_resolver 0 quarantine --restore
same local_resolver_rules "$planned" "$(rules | plan)"
same local_resolver_is_silent '' "$err"
run release
use_resolvers $resolver4 $resolver6

# ... or never were
use_resolvers 127.0.0.1
gives unknown_upstreams 5 quarantine --persist --no-probe https://$one4:8000/
planned=$(rules | plan)
use_resolvers $resolver4 $resolver6
dev nft flush ruleset
gives unknown_upstreams_restored 5 quarantine --restore
same unknown_upstreams_rules "$planned" "$(rules | plan)"
matches unknown_upstreams_are_told 'not covered DNS to any address' "$out"
again_code=$(dev quarantine --restore -q; echo $?)
same unknown_upstreams_again 5 "$again_code"
run release

# The other end of a tunnel stays allowed while the tunnel is not there yet.
ip -n dev -batch - <<-END
	link add tunnel type vxlan id 5 local $dev4 remote $router4 dstport 4789
	link set tunnel up
	address add 10.8.5.2/24 dev tunnel
	route add $two4 via 10.8.5.1
END
restores_the_same tunnel https://two.vr.test:8000/
check a_tunnel_is_saved grep -q "^tunnel udp:$router4:4789 0$" first
cp first $saved
ip -n dev link delete tunnel
gives without_the_tunnel 5 quarantine --restore
matches its_other_end_is_allowed "ip daddr $router4 udp dport 4789 " "$(rules)"
run release

# ---- before the network is up ----

gives set_up 0 quarantine "${ca[@]}" --persist $good
reboot
gives before_the_network 5 quarantine --restore
matches before_the_network_tells 'not covered raw frames on uplinks: quarantine --restore again when these are up' "$out"
run status
code_is before_the_network_status 5
network_up
check the_way_is_back wait_for 10 way_is_back
passes servers_without_another_run dev world "${servers[@]}"
blocked nobody_else_without_another_run dev world "${forbidden[@]}"
accepts_nothing nobody_from_outside world tcp/$dev4/22
gives when_the_network_is_up 0 quarantine --restore
passes servers_are_reached dev world "${servers[@]}"
blocked nobody_else_is dev world "${forbidden[@]}"
gives proven_after_it 0 probe --ca ca.pem $good
run status
code_is status_when_the_network_is_up 0

# Modules that come later than we do, while the device starts. Its clock begins anew in a time namespace.
${CC:-cc} -D_GNU_SOURCE -o older_kernel "$tools/older_kernel.c" || { echo "not ok set_up: cc"; exit 1; }
up_for() { # SECONDS: words in front of a command
	echo unshare -T --boottime $(($1 - $(cut -d. -f1 /proc/uptime)))
}
for words in egress:5 bridge:5 fib:0; do
	lacks=${words%:*} code_without=${words#*:}
	gives before_$lacks 0 quarantine "${ca[@]}" --persist $good
	dev nft flush ruleset
	gives without_$lacks $code_without $(up_for 50) ./older_kernel $lacks quarantine --restore
	gives still_without_$lacks $code_without $(up_for 90) quarantine --restore -j
	matches still_without_${lacks}_says '"unchanged":true' "$out"
	gives with_$lacks 0 $(up_for 110) quarantine --restore -j
	matches with_${lacks}_says '"unchanged":false' "$out"
	gives again_with_$lacks 0 $(up_for 300) quarantine --restore -j
	matches again_with_${lacks}_says '"unchanged":true' "$out"
	dev nft flush ruleset
	gives later_without_$lacks $code_without $(up_for 181) ./older_kernel $lacks quarantine --restore
	gives for_good_without_$lacks $code_without $(up_for 3000) quarantine --restore -j
	matches for_good_without_${lacks}_says '"unchanged":true' "$out"
	# an address less is another plan than what was refused of it
	run $(up_for 3000) ./older_kernel $lacks quarantine "${ca[@]}" -T 4 --proven-only --persist -j $good https://$rogue4:8000/
	matches narrowed_without_${lacks}_says "\"left_out\":\\[\"$rogue4\"\\]" "$out"
	run quarantine --restore -j
	matches narrowed_without_${lacks}_stays '"unchanged":true' "$out"
done

# Nothing was there when it was saved: any link will do.
run release
reboot
gives nothing_is_there 0 quarantine --no-probe --persist --keep --for 1h -t any https://$one4:8000/
same any_is_awaited 'awaited /' "$(grep ^awaited $saved)"
sed -i 's/^for .*/for 9000s/' $saved
gives still_nothing 5 quarantine --restore # and all frames are of a form that nobody knows
same any_is_still_awaited 'awaited /' "$(grep ^awaited $saved)"
gives still_nothing_again 5 quarantine --restore -j
matches still_nothing_says '"unchanged":true' "$out"
network_up
gives any_has_come 0 quarantine --restore
run release
run quarantine --no-probe --persist $good # for what follows

# Where the way goes over a bridge, which is not there yet, of which nobody else is to get anything.
make_bridge() {
	ip -n dev -batch - <<-END
		link add name br-wan type bridge
		link set wan master br-wan
		link set br-wan up
	END
	network_up br-wan
}
awaited() {
	grep ^awaited $saved | sort | tr '\n' ' '
}
run release
reboot
make_bridge
check a_bridge_has_the_way wait_for 10 way_is_back
gives a_bridge 0 quarantine "${ca[@]}" --persist $good
same a_bridge_and_its_port 'awaited br-wan awaited wan ' "$(awaited)"
reboot
ip -n dev link delete br-wan
gives a_bridge_is_missing 5 quarantine --restore
same it_is_still_awaited 'awaited br-wan awaited wan ' "$(awaited)"
make_bridge
check a_bridge_has_it_again wait_for 10 way_is_back
passes servers_over_the_bridge dev world "${servers[@]}"
blocked nobody_else_over_the_bridge dev world "${forbidden[@]}"
gives a_bridge_is_there 0 quarantine --restore
passes servers_over_the_bridge_again dev world "${servers[@]}"
blocked nobody_else_over_the_bridge_again dev world "${forbidden[@]}"
run release
reboot
ip -n dev link delete br-wan
network_up
check set_up_again wait_for 10 way_is_back

# ---- what is in force already stays as it is ----

gives set_up_again 0 quarantine "${ca[@]}" --persist $good
blocked an_attempt dev world tcp/$forbidden4/8000
again() { # NAME true|false
	gives "$1" 0 quarantine --restore -j
	matches "$1_says" "\"unchanged\":$2" "$out"
}
run status --attempts
matches the_attempt_is_told "tcp $forbidden4:8000 " "$out"
again nothing_has_changed true
run status --attempts
matches no_attempt_is_forgotten "tcp $forbidden4:8000 " "$out"
changes() { # NAME COMMAND...: after it there is something to restore, once
	local name=$1
	shift
	dev "$@" || not_ok "${name}_set_up" "$*"
	again "$name" false
	again "${name}_once" true
}
changes a_rule_is_gone nft flush chain inet $default_table outbound_chain
changes a_rule_more nft insert rule inet $default_table inbound_chain accept
changes an_element_more nft add element inet $default_table server4 "{ $forbidden4 . 8000 }"
changes a_table_is_gone nft delete table netdev $default_table
changes all_is_gone nft flush ruleset
changes it_sleeps nft add table inet $default_table '{ flags dormant; }'
changes an_address_more ip address add 192.0.2.130/25 dev wan
changes a_link_more ip link add name new0 type bridge
dev bash -c 'ip link delete new0; ip link add name new0 type bridge'
gives a_link_made_anew 0 quarantine --restore # some kernels have put the hooks back by themselves
run status
same a_link_made_anew_is_covered '' "$(grep new0 <<<"$out")"
again a_link_made_anew_once true
changes a_link_less ip link delete new0
changes another_address ip link set wan address 02:00:00:00:00:77
ip -n dev address delete 192.0.2.130/25 dev wan
dev nft add table inet somebody_s
again tables_of_others_do_not_matter false
again tables_of_others_do_not_matter_at_all true
dev nft -f - <<-'END'
	table ip somebody_s {
		chain late {
			type filter hook output priority 2147483647
		}
	}
END
gives but_what_is_behind_ours 5 quarantine --restore
matches behind_ours_says 'in force already .*not covered what late of table somebody_s' "$out"
dev nft delete table ip somebody_s
run release

# ---- time ----

time_left() {
	run status -j
	sed 's/.*"left":\([0-9]*\).*/\1/' <<<"$out"
}
an_hour() {
	[ "$1" -gt 3500 ] && [ "$1" -le 3601 ]
}
gives for_an_hour 0 quarantine --no-probe --persist --for 1h $good
dev nft flush ruleset
gives for_an_hour_restored 0 quarantine --restore
check for_an_hour_again an_hour "$(time_left)"
sed -i 's/^for .*/for 100s/' $saved
gives the_kernel_knows_better 0 quarantine --restore
check the_kernel_s_time_is_kept an_hour "$(time_left)"
check and_saved an_hour "$(sed -n 's/^for \(.*\)s/\1/p' $saved)"
dev nft flush ruleset
sed -i 's/^for .*/for 2s/; s/^saved .*/saved 1/' $saved
gives the_wall_clock_has_no_part 0 quarantine --restore
is_over() {
	run status
	[ $code -eq 1 ]
}
check its_time_ends wait_for 5 is_over
# A time that goes on is not rounded up each time.
dev quarantine -q --no-probe --persist --for 100s $good
for _ in {1..20}; do
	dev nft flush chain inet $default_table outbound_chain
	sleep 0.15
	dev quarantine --restore -q
done
check no_time_is_added test "$(time_left)" -le 98
dev nft flush ruleset
sed -i 's/^for .*/for 2s/' $saved
run quarantine --restore
wait_for 5 is_over
gives its_time_is_over 0 quarantine --restore
matches its_time_is_over_tells '^nothing to restore: its time is over $' "$out"
check and_it_is_forgotten test ! -e $saved
run release

# What was never kept has no time that could be over.
gives set_up_killed 0 quarantine --no-probe --persist $good
dev nft flush ruleset
start dev quarantine -T 1 https://$forbidden4:9/ >/dev/null 2>&1
running=$!
check set_up_probation wait_for 5 on_probation
kill -9 $running
wait $running 2>/dev/null
probation_ends() { ! dev nft list set inet $default_table probation | grep -q expires; }
check set_up_probation_ends wait_for 15 probation_ends
gives a_probation_that_is_over 0 quarantine --restore
run status
code_is a_probation_that_is_over_is_replaced 0
check a_probation_that_is_over_forgets_nothing test -e $saved
run release

# ---- what can be wrong ----

gives set_up_wrong 0 quarantine --no-probe --persist $good
cp $saved whole
before=$(rules)
refused() { # NAME
	gives "$1" 78 quarantine --restore
	matches "$1_tells" "^quarantine: (open |read )?$saved( line [0-9]+)?: " "$err"
	same "$1_changes_nothing" "$before" "$(rules)"
}
head -n -1 whole >$saved
refused cut_at_the_end
head -n 3 whole >$saved
refused cut_in_the_middle
: >$saved
refused empty
number=0
for line in 'endpoint 198.51.100.2' 'endpoint tcp:198.51.100.2:0' 'endpoint x 1' 'endpoint tcp:198.51.100.2:70000' 'saved -1' \
	'saved x' 'endpoint tcp:one.vr.test:8000' resolver 'resolver one.vr.test' 'tunnel 198.51.100.2' \
	'tunnel udp:198.51.100.2:1' 'tunnel udp:198.51.100.2:1 65536' 'tunnel udp:x:1 0' 'end of it' \
	'for 0s' 'layers bridge' 'table a b' 'table 1' 'restore yes' nonsense 'allow x' 'log x'; do
	sed "/^end$/i $line" whole >$saved
	refused "line_$((++number))"
done
sed '1i # by hand' whole >$saved
refused a_table_elsewhere # release -t would not find it
sed '/^table/d' whole >$saved
refused a_table_is_missing
sed '/^server/d' whole >$saved
refused an_endpoint_of_nobody
rm $saved
mkfifo $saved
refused a_fifo
rm $saved
cp whole $saved
number=0
for wrong in $good '-t other' '-c /dev/null' '--for 1h' --persist '-f https://forbidden.test/' --no-probe -k \
	'-a tcp:two.vr.test:1'; do
	# shellcheck disable=SC2086 # an option and its value
	gives "wrong_option_$((++number))" 64 quarantine --restore $wrong
done
same wrong_options_change_nothing "$before" "$(rules)"
gives layers_of_the_moment 0 quarantine --restore --layers inet
same layers_of_the_moment_are_chosen inet "$(dev nft list tables | cut -d' ' -f2 | xargs)"

# A file beside it that somebody has put there, or that a power cut has left.
echo mine >victim
ln -sf "$PWD/victim" $saved.new
gives a_link_in_the_way 0 quarantine --no-probe --persist $good
same is_not_followed mine "$(cat victim)"
check is_gone test ! -e $saved.new

# ---- where it can't be written or removed ----

# A newer one that could not be saved is not undone by the older one that is.
run release
gives an_older_one 0 quarantine --no-probe --persist --dns any $good
sed -i 's/^saved .*/saved 1700000000/' $saved
mount --bind /etc /etc && mount -o remount,bind,ro /etc
gives a_newer_one 6 quarantine --no-probe --dns none $good
same the_newer_one_is_not_called_saved '' "$(grep 'saved in' <<<"$out")"
before=$(rules)
gives the_newer_one_stays 6 quarantine --restore
matches the_newer_one_is_told '^quarantine: a newer quarantine is in force, and was not saved' "$err"
same the_newer_one_is_not_touched "$before" "$(rules)"
umount /etc
dev nft flush ruleset
gives after_a_reboot_the_older_one_comes 0 quarantine --restore
gives and_stays 0 quarantine --restore

run release
read_only() {
	mount --bind /etc /etc && mount -o remount,bind,ro /etc
}
read_only
gives read_only 6 quarantine --no-probe --persist $good
matches read_only_tells "^quarantine: warning: save $saved: Read-only file system" "$err"
same read_only_does_not_say_that_it_is_saved '' "$(grep 'saved in' <<<"$out")"
run status
code_is read_only_is_contained 0
gives read_only_nothing_to_forget 0 release
umount /etc
gives set_up_read_only 0 quarantine --no-probe --persist $good
read_only
gives read_only_release 6 release
matches read_only_release_tells "^release: remove $saved: Read-only file system" "$err"
check read_only_release_opens no_rules
umount /etc
run release
mkdir small
mount -t tmpfs -o size=16k tmpfs small
cp /etc/resolv.conf /etc/hosts small
mount --bind small /etc
gives full_disk 6 quarantine --no-probe --persist -c "$work/many.conf" https://$one4:8000/
matches full_disk_tells "^quarantine: warning: save $saved: No space left on device" "$err"
check full_disk_leaves_nothing test ! -e $saved -a ! -e $saved.new
umount /etc
finish
