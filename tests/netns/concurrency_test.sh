#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# quarantine, release, nft and other firewalls at the same time: never a mixture, never a hang, only exit codes of the contract.
# CONCURRENCY_ROUNDS: how many in all; a thousand by default.
set -u
. "$(dirname "$(realpath "$0")")/lib.sh"
lab_enter "$0" "$@"
lab_up
management silent 8002 --behaviour silent
share=$((${CONCURRENCY_ROUNDS:-1000} / 10))
one="--dns none https://$one4:8000/ https://[$one6]:8000/"
two="--dns none https://$two4:8000/ https://[$two6]:8000/"
echo 'table inet other { chain input { type filter hook input priority 0; policy accept; tcp dport 9 drop; }; }' >other.nft
sed '1i table inet other\ndelete table inet other' other.nft >again.nft

# compete NAME ROUNDS CODES... -- COMMAND -- COMMAND: for each command, a pattern of the exit codes that it may have.
compete() {
	local name=$1 rounds=$2 codes=() code got
	shift 2
	while [ "$1" != -- ]; do
		codes+=("$1")
		shift
	done
	run "$tools/compete.py" "$rounds" $default_table "$@"
	sed -n '/^# /p' out
	matches "${name}_no_mixture_no_hang" 'no problem' "$out$err"
	for code in "${codes[@]}"; do
		got=$(sed -n 's/^codes \(.*\) of .*/\1/p' out | head -1)
		sed -i '0,/^codes /{/^codes /d}' out
		matches "${name}_codes" "^(($code):[0-9]+ ?)+$" "$got"
	done
}
# in_the_end NAME: the last word decides, whatever went before.
in_the_end() {
	gives "$1_last_quarantine" 0 quarantine --no-probe $one
	same "$1_all_of_it" 'bridge inet netdev ' "$(dev nft list tables | grep $default_table | cut -d' ' -f2 | sort | tr '\n' ' ')"
	passes "$1_needs" dev world tcp/$one4/8000 tcp/$one6/8000
	blocked "$1_blocks" dev world tcp/$two4/8000 tcp/$forbidden6/8000 udp/$forbidden4/9
	gives "$1_last_release" 0 release
	same "$1_nothing_of_it" '' "$(rules | grep -E 'quarbox|quarantine')"
}

compete two_quarantines $((share * 2)) '0|75' '0|75' -- quarantine --no-probe $one -- quarantine --no-probe $two
in_the_end two_quarantines
compete release $((share * 2)) '0|6' 0 -- quarantine --no-probe $one -- again release
in_the_end release
compete other_table $((share * 2)) 0 '0|1' -- quarantine --no-probe $one -- again nft -f again.nft
in_the_end other_table
dev nft delete table inet other
compete flush $((share * 2)) '0|6' '0|1' -- quarantine --no-probe $one -- again nft flush ruleset
in_the_end flush
compete proof_and_release $share '0|3|6' 0 -- quarantine -T 5 -k $one -- release
in_the_end proof_and_release
compete all $share '0|3|6|75' '0|6|75' 0 '0|1' '0|1' -- quarantine -T 5 -k $one -- quarantine --no-probe $two -- release \
	-- nft -f again.nft -- nft flush ruleset
in_the_end all
dev nft flush ruleset

# ---- somebody who changes the rule set without a pause: thousands of generations a second ----

start dev "$tools/hammer.py" 0.0003 >changes
hammer=$!
for i in 1 2 3 4 5; do
	gives hammered_quarantine_$i 0 timeout 10 quarantine --no-probe $one
	gives hammered_release_$i 0 timeout 10 release
done
kill $hammer
wait $hammer
[ "$(cat changes)" -gt 100 ] && ok hammered_often || not_ok hammered_often "$(cat changes) changes"
start dev "$tools/hammer.py" >changes
hammer=$!
for i in 1 2 3; do
	gives hammered_without_a_pause_quarantine_$i 0 timeout 10 quarantine --no-probe $one
	gives hammered_without_a_pause_again_$i 0 timeout 10 quarantine --no-probe $one
	gives hammered_without_a_pause_status_$i 0 timeout 10 status
	gives hammered_without_a_pause_release_$i 0 timeout 10 release
done
kill $hammer
wait $hammer
dev nft flush ruleset

# ---- the lock ends with its holder ----

silent="-T 30 -k https://$one4:8002/"
begin quarantine $silent
kill -STOP $running
before=$(rules -a)
gives stopped_holder 75 timeout 5 quarantine --no-probe $one
matches stopped_holder_is_said '^quarantine: lock /run/quarbox-[0-9]*.lock: another quarantine is under way' "$err"
gives stopped_holder_json 75 timeout 5 quarantine -j --no-probe $one
matches stopped_holder_json_says_so '"step":"lock","ok":false,.*"exit":75' "$out"
same stopped_holder_changes_nothing "$before" "$(rules -a)"
gives stopped_holder_dry_run 0 timeout 5 quarantine -n $one
disown $running
kill -KILL $running
wait_for 5 grep -q '^State:.Z' /proc/$running/status # on a busy machine it takes a moment to die
gives killed_holder 0 timeout 5 quarantine --no-probe $one
passes killed_holder_needs dev world tcp/$one4/8000
gives killed_holder_release 0 release
# one that ends soon is waited for
begins_to_hold() {
	! flock --nonblock /run/quarbox-*.lock true
}
flock /run/quarbox-*.lock sleep 0.3 &
wait_for 5 begins_to_hold
gives short_holder_is_waited_for 0 quarantine --no-probe $one
wait $!
gives short_holder_release 0 release
check nothing_is_left no_rules
finish
