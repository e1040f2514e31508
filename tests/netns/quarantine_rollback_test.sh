#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# When no server proves itself, or the run is stopped, the state before is there again: nothing, or the older one.
set -u
. "$(dirname "$(realpath "$0")")/lib.sh"
lab_enter "$0" "$@"
lab_up
management dead 8001
kill "$(cat dead.pid)"
management silent 8002 --behaviour silent
echoes world 80

good=https://one.vr.test:8000/
dead=https://one.vr.test:8001/
silent=https://one.vr.test:8002/
forbidden=(tcp/$forbidden4/80 tcp/$forbidden6/80 udp/$forbidden4/80 icmp/$forbidden6)

# ---- killed or stopped in the proof; what becomes of it is looked at in the end ----

extra_device alone 1
extra_device older 2
extra_device stopped 3
wait_for 5 eval '[ "$(in_ns alone "$tools/attempt.py" tcp/$one4/8000)" ]'
device=older
gives killed_set_up 0 quarantine --ca ca.pem https://$one4:8000/
older=$(rules -a)
begin quarantine -T 1 --ca ca.pem https://$two4:8002/
disown $running
kill -KILL $running
device=alone
passes killed_before alone world tcp/$forbidden4/80 udp/$forbidden4/80
begin quarantine -T 1 --ca ca.pem https://$two4:8002/
disown $running
kill -KILL $running
device=stopped
start stopped quarantine -T 1 --ca ca.pem https://$two4:8002/ https://$one4:8000/ >/dev/null 2>&1
stopped=$!
wait_for 5 on_probation
kill -STOP $stopped
killed=$(date +%s%N)
blocked killed_still_contained alone world tcp/$forbidden4/80 udp/$forbidden4/80
blocked killed_still_contained_over_ours older world tcp/$forbidden4/80 tcp/$one4/8000
passes killed_new_one_counts older world tcp/$two4/8002
device=dev

# ---- a server that does not prove itself ----

fails_and_rolls_back() { # NAME arguments
	local before name=$1
	shift
	before=$(rules -a) # with the numbers of all objects: equal only when nothing was made anew
	gives "${name}_exit" 3 quarantine "$@"
	matches "${name}_says_so" 'prove +FAILED.* rolled back: ' "$out"
	same "${name}_rules" "$before" "$(rules -a)"
}

fails_and_rolls_back killed_server -T 2 --ca ca.pem $dead
matches killed_server_reason '^quarantine: prove one.vr.test: .*Connection refused' "$err"
matches rolled_back_to_nothing 'rolled back: nothing of ours is in force' "$out"
check nothing_is_left no_rules
fails_and_rolls_back two_servers -T 2 --ca ca.pem $dead $silent
matches two_servers_last_reason '^quarantine: prove one.vr.test: .*no answer' "$err"
matches two_servers_other_reason 'quarantine: warning: prove one.vr.test: .*Connection refused' "$err"
same two_servers_lines 2 "$(grep -c . <<<"$err")"
passes nothing_is_left_traffic dev world "${forbidden[@]}"

fails_and_rolls_back wrong_ca --ca stranger_ca.pem $good
matches wrong_ca_reason '^quarantine: prove one.vr.test: .*does not lead to a trusted CA' "$err"
fails_and_rolls_back system_store $good
fails_and_rolls_back wrong_name --ca ca.pem --name other.vr.test $good

began=$(date +%s%N)
fails_and_rolls_back silent_server -T 2 --ca ca.pem $silent
elapsed=$((($(date +%s%N) - began) / 1000000))
[ $elapsed -lt 8000 ] && ok silent_server_in_time || not_ok silent_server_in_time "$elapsed ms"

management bad 8005 --behaviour by_path
while read -r behaviour reason; do
	began=$(date +%s%N)
	fails_and_rolls_back "bad_$behaviour" -T 2 --ca ca.pem https://one.vr.test:8005/$behaviour/ </dev/null
	elapsed=$((($(date +%s%N) - began) / 1000000))
	[ $elapsed -lt 8000 ] && ok "bad_${behaviour}_in_time" || not_ok "bad_${behaviour}_in_time" "$elapsed ms"
	matches "bad_${behaviour}_reason" "^quarantine: prove one.vr.test: $reason" "$err"
done <<-END
	redirect HTTP status 301, redirect to https://login.example/: not followed
	error HTTP status 500, expected 200
	portal server.pem: expected a certificate, found other text
	huge the answer is longer than 64 KiB
	headers HTTP answer: headers of more than 16 KiB
	cut receive: the peer closed the connection
	drip receive: no answer in time
END

# The artifact's table, for the same server.
artifact_table $one4 8000
before=$(dev nft list ruleset)
passes artifact_set_up dev world tcp/$one4/8000
fails_and_rolls_back over_artifact -T 2 --ca ca.pem $dead
same over_artifact_every_byte "$before" "$(dev nft list ruleset)"
matches over_artifact_says_so 'the older quarantine is in force again' "$out"
passes over_artifact_still_allowed dev world tcp/$one4/8000
blocked over_artifact_still_blocked dev world "${forbidden[@]}" tcp/$one4/8001
dev nft flush ruleset

# An older one of ours, for another server.
run quarantine --ca ca.pem $good
passes older_set_up dev world tcp/$one4/8000 tcp/$one6/8000
fails_and_rolls_back over_ours -T 2 --ca ca.pem https://two.vr.test:8001/
passes over_ours_still_allowed dev world tcp/$one4/8000 tcp/$one6/8000
blocked over_ours_still_blocked dev world "${forbidden[@]}" tcp/$two4/8001
run release

# Somebody else's firewall stays as it is.
dev nft 'table inet filter { chain input { type filter hook input priority 0; policy accept; tcp dport 22 accept; }; }'
fails_and_rolls_back beside_a_firewall -T 2 --ca ca.pem $dead
dev nft flush ruleset

# ---- what is accepted all the same ----

management shedding 8004 --shed 3
gives load_shedding_is_retried 0 quarantine -T 10 --ca ca.pem https://one.vr.test:8004/
matches load_shedding_is_proven '\(proven at ' "$out"
run release

gives insecure_accepts 0 quarantine -k $good
blocked insecure_is_contained dev world "${forbidden[@]}"
run release
gives keep_without_server 0 quarantine --keep -T 1 --ca ca.pem $dead
matches keep_says_so 'prove .*no server; kept' "$out"
blocked keep_is_contained dev world "${forbidden[@]}"
run release
# who does not read what is said of each of many servers does not use up the probation
mkfifo unread
exec {unread}<>unread
head -c 65536 /dev/zero >&"$unread"
many=()
for last in {1..20}; do
	many+=("https://$one4:8001/$last/")
done
dev quarantine --keep -T 1 --ca ca.pem "${many[@]}" >out 2>unread
same keep_with_stuck_stderr 0 $?
matches keep_with_stuck_stderr_is_kept 'keep permanent ok' "$(cat out)"
exec {unread}>&-
run release

# ---- a forbidden URL ----

gives forbidden_still_reachable 4 quarantine --ca ca.pem -f http://forbidden.test/ -a tcp:$forbidden4:80 $good
matches forbidden_says_so "the forbidden forbidden.test still answers at $forbidden4:80" "$err"
check forbidden_rolled_back no_rules
gives forbidden_out_of_reach 0 quarantine --ca ca.pem -f http://forbidden.test/ $good
run release

# ---- signals ----

for signal in INT TERM; do
	begin quarantine -T 30 --ca ca.pem $silent
	began=$(date +%s%N)
	kill -$signal $running
	ends sig${signal}_exit 3
	elapsed=$((($(date +%s%N) - began) / 1000000))
	[ $elapsed -lt 8000 ] && ok sig${signal}_at_once || not_ok sig${signal}_at_once "$elapsed ms"
	check sig${signal}_rolled_back no_rules
done

begin quarantine -T 3 --ca ca.pem $silent $good
kill -HUP $running
kill -PIPE $running
kill -TTOU $running
kill -TSTP $running
ends sighup_does_not_stop_it 0
blocked sighup_is_contained dev world "${forbidden[@]}"
run release

begin quarantine -T 3 --ca ca.pem $silent $good
run release
check release_during_the_proof no_rules
wait $running
same release_during_the_proof_exit 3 $?
check not_contained_again no_rules
passes not_contained_again_traffic dev world "${forbidden[@]}"

# ---- a child process that crashes or hangs while it speaks with a server ----

# children_get SIGNAL: every child of $running, until that ends.
children_get() {
	local child
	while kill -0 $running 2>/dev/null; do
		for child in $(pgrep -P $running); do
			kill "-$1" "$child"
		done
		sleep 0.05
	done 2>/dev/null
}

management dripping 8003 --behaviour drip
for signal in SEGV STOP; do
	[ $signal = SEGV ] && reason='ended by signal 11' || reason='no answer in time'
	begin quarantine -T 2 --ca ca.pem https://$one4:8003/
	began=$(date +%s%N)
	children_get $signal
	ends child_gets_${signal}_exit 3
	elapsed=$((($(date +%s%N) - began) / 1000000))
	[ $elapsed -lt 8000 ] && ok child_gets_${signal}_in_time || not_ok child_gets_${signal}_in_time "$elapsed ms"
	matches child_gets_${signal}_reason "^quarantine: prove $one4: child process: $reason" "$err"
	matches child_gets_${signal}_rolled_back 'rolled back: nothing of ours is in force' "$out"
	check child_gets_${signal}_leaves_nothing no_rules
done
passes child_is_gone_traffic dev world "${forbidden[@]}"

# ---- outputs that nobody takes ----

dev quarantine --ca ca.pem $good 2>err | :
same closed_pipe 0 "${PIPESTATUS[0]}"
blocked closed_pipe_is_contained dev world "${forbidden[@]}"
run release
gives stopped_terminal 0 timeout 20 "$tools/terminal.py" --stopped screen quarantine --ca ca.pem $good
blocked stopped_terminal_is_contained dev world "${forbidden[@]}"
run release
gives background_job 0 timeout 20 "$tools/terminal.py" screen bash -c \
	"stty tostop; set -m; quarantine --ca ca.pem $good & wait \$!"
blocked background_job_is_contained dev world "${forbidden[@]}"
run release

# ---- killed or stopped before: the probation has ended by itself, 8 s after the proof's deadline ----

elapsed=$((($(date +%s%N) - killed) / 1000000))
[ $elapsed -gt 9300 ] || sleep "$(printf '%d.%03d' $(((9300 - elapsed) / 1000)) $(((9300 - elapsed) % 1000)))"
device=alone
passes killed_falls_back alone world tcp/$forbidden4/80 udp/$forbidden4/80
gives killed_release 0 release
check killed_release_leaves_nothing no_rules
device=older
passes killed_falls_back_to_ours older world tcp/$one4/8000
blocked killed_falls_back_to_ours_only older world tcp/$forbidden4/80 tcp/$two4/8002
gives after_killed_rolls_back 3 quarantine -T 1 --ca ca.pem https://$two4:8001/
same after_killed_restores "$older" "$(rules -a)"
device=stopped
passes stopped_falls_back stopped world tcp/$forbidden4/80
kill -CONT $stopped
wait $stopped
same stopped_is_not_kept 3 $?
check stopped_leaves_nothing no_rules

finish
