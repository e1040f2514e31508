#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# guard keeps what is saved in force, against whoever changes the rules, when links change, after a reboot; and not after
# release.
set -u
. "$(dirname "$(realpath "$0")")/lib.sh"
lab_enter "$0" "$@"
lab_up
good=https://one.vr.test:8000/
saved=/etc/quarbox.saved
servers=(tcp/$one4/8000 tcp/$one6/8000 udp/$resolver4/53)
forbidden=(tcp/$forbidden4/8000 tcp/$forbidden6/8000 udp/$rogue4/53 icmp/$forbidden4)

begin_guard() { # [OPTION...]
	start dev guard "$@" >>guard.log 2>&1
	guard=$!
}
told() { # TEXT
	wait_for 10 grep -qF "$1" guard.log
}
is_whole() {
	run status
	[[ $out =~ ', intact' ]] && ! [[ $out =~ 'made anew' ]]
}
: >guard.log
begin_guard -i 10m
check it_waits told 'guard: nothing is saved (quarantine --persist): waiting'
gives set_up 0 quarantine -T 10 --ca ca.pem --persist $good
check it_sees_what_is_saved told 'guard: contained, as saved'

# ---- who changes the rules ----

# undone NAME COMMAND...
undone() {
	local name=$1
	shift
	dev "$@" || not_ok "${name}_set_up" "$*"
	check "$name" wait_for 10 is_whole
}
undone a_rule_is_gone nft flush chain inet $default_table outbound_chain
check its_author_is_told told 'guard: contained, put in force: the rules were changed by nft'
cp "$(type -P nft)" $'\e[31mnft'
undone by_an_odd_name ./$'\e[31mnft' flush chain inet $default_table outbound_chain
check its_name_steers_nothing told 'guard: contained, put in force: the rules were changed by ?[31mnft'
undone a_rule_more nft insert rule inet $default_table inbound_chain accept
undone an_element_more nft add element inet $default_table server4 "{ $forbidden4 . 8000 }"
undone a_table_is_gone nft delete table bridge $default_table
undone all_is_gone nft flush ruleset
undone it_sleeps nft add table inet $default_table '{ flags dormant; }'
passes servers_are_reached dev world "${servers[@]}"
blocked nobody_else_is dev world "${forbidden[@]}"
lines=$(wc -l <guard.log)
for _ in {1..100}; do
	dev nft flush ruleset
	sleep 0.03
done
check it_outlasts_who_does_not_stop wait_for 10 is_whole
check and_does_not_take_it_for_a_release test -s $saved
tail -n "+$((lines + 1))" guard.log | sed 's/^/# /'
check who_it_was_is_always_told eval '! grep -q "the rules were changed$" guard.log'
check and_does_not_fill_the_log test "$(($(wc -l <guard.log) - lines))" -le 10
blocked nobody_else_is_again dev world "${forbidden[@]}"

# ---- beside another run ----

# which has nothing to remove when it rolls back, so that no news tells of its end
management slow 8002 --behaviour silent
for i in 1 2 3; do
	wait_for 10 is_whole
	sleep 2 # then guard looks at once
	begin quarantine -T 1 --ca ca.pem https://one.vr.test:8002/
	sleep 0.3
	for _ in {1..8}; do
		dev nft add table inet others
		dev nft delete table inet others
	done
	dev nft flush ruleset
	ends beside_a_proof_$i 3
	check beside_a_proof_${i}_it_is_there_soon wait_for 2 is_whole
done
check beside_a_proof_the_author_is_told eval '! grep -q "changed by quarantine" guard.log'
# its warnings are told once a minute
gives with_a_warning 0 quarantine --no-probe --persist --uplink ppp9 $good
matches with_a_warning_says 'warning: ppp9: there is no such interface' "$err"
for i in {1..5}; do
	dev nft flush ruleset
	wait_for 10 is_whole || not_ok with_a_warning "it is not there again"
done
check its_warnings_do_not_fill_the_log test "$(grep -c ppp9 guard.log)" -le 1
gives without_a_warning 0 quarantine --no-probe --persist $good
# a flush while it is saved is no release
dev strace -qf -o /dev/null -e trace=fsync -e inject=fsync:delay_enter=300000 \
	"$bin/quarantine" --no-probe --persist $good >out 2>err &
saves=$!
for _ in {1..8}; do
	sleep 0.1
	dev nft flush ruleset
done
wait $saves
check flushed_it_stays_saved test -s $saved
check flushed_it_is_there_soon wait_for 10 is_whole

# ---- links ----

ip -n dev link add name new0 type bridge
has_hook() { # LINK
	dev nft list table netdev $default_table | grep -qw "$1"
}
check a_new_link_is_sealed wait_for 10 has_hook new0
ip -n dev link delete new0
no_hook() { # LINK
	! has_hook "$1"
}
check one_that_is_gone_is_forgotten wait_for 10 no_hook new0
check it_tells_of_links told 'guard: contained, put in force: links, addresses or routes have changed'

# who takes turns does not fill the log either
lines=$(wc -l <guard.log)
for i in {1..30}; do
	cp "$(command -v nft)" "nft$i"
	dev "./nft$i" flush chain inet $default_table outbound_chain
	rm "nft$i"
	sleep 0.6
done
check many_do_not_fill_the_log test "$(($(wc -l <guard.log) - lines))" -le 20

# ---- its end, and a reboot ----

kill -9 $guard
wait $guard 2>/dev/null
check killed_it_leaves_the_quarantine is_whole
begin_guard
sleep 0.5
kill $guard
wait $guard
same told_to_end_it_ends 0 $?
check then_too is_whole
dev nft flush ruleset
ip -n dev -batch - <<-END
	address flush dev wan
	link set wan down
END
: >guard.log
begin_guard
check before_the_network told 'guard: partial, put in force'
ip -n dev -batch - <<-END
	link set wan up
	address add $dev4/24 dev wan
	address add $dev6/64 dev wan nodad
	route add default via $router4
	route add ::/0 via $router6
END
check when_the_network_is_up told 'guard: contained, put in force: links, addresses or routes have changed'
passes servers_after_a_reboot dev world "${servers[@]}"
blocked nobody_else_after_a_reboot dev world "${forbidden[@]}"
run status
code_is all_is_covered_after_a_reboot 0

# ---- release ----

gives release 0 release
check release_is_noticed told 'waiting'
sleep 1.5
check released_it_stays_released no_rules
# also when guard is at work just then
for i in {1..12}; do
	dev quarantine -q --no-probe --persist $good
	dev nft flush ruleset
	sleep "0.$((RANDOM % 3))$((RANDOM % 10))"
	dev release -q
	sleep 0.8
	no_rules && [ ! -e $saved ] || not_ok "release_$i" "$(dev nft list tables) $(ls $saved 2>&1)"
done
ok release_at_any_moment

# ---- time ----

gives for_some_time 0 quarantine --no-probe --persist --for 3s $good
check its_time_is_over wait_for 10 eval '! is_whole'
kill $guard
wait $guard
begin_guard # which looks at once
gone() { [ ! -e $saved ]; }
check what_is_over_is_forgotten wait_for 10 gone
run status
code_is what_is_over_stays_so 1
run release
kill $guard
wait $guard
: >guard.log
begin_guard -j
check json told '"Result":"nothing is saved (quarantine --persist): waiting","exit":-1}'
kill $guard
wait $guard
check json_is_valid /usr/bin/python3 -c 'import json, sys
for line in open("guard.log"): json.loads(line)["Time"]'

# ---- what can be wrong ----

for wrong in '-i 0' '-i 11m' '-i x' -x operand '-i'; do
	# shellcheck disable=SC2086 # an option and its value
	gives "wrong_${wrong// /_}" 64 guard $wrong
done
gives help 0 guard --help
gives not_permitted 77 capsh --drop=cap_net_admin -- -c "$bin/guard"
matches not_permitted_tells '^guard: listen to changes: not permitted \(needs CAP_NET_ADMIN\)' "$err"
: >guard.log
echo nonsense >$saved
begin_guard -q
check a_bad_file_is_told told "quarantine: $saved line 1: "
kill $guard
wait $guard
same a_bad_file_does_not_end_it 0 $?
: >guard.log
start dev perl -e '$SIG{CHLD} = "IGNORE"; exec "guard"' >>guard.log 2>&1 # some who start programs do so
guard=$!
check a_bad_file_is_told_again told "quarantine: $saved line 1: "
sleep 0.5
check and_nothing_else test "$(grep -c contained guard.log)" -eq 0
rm $saved
kill $guard
wait $guard
finish
