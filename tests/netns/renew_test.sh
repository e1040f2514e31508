#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# --renew, by hand and under guard: a server that has moved is found again, when it proves itself, and nobody else is.
set -u
. "$(dirname "$(realpath "$0")")/lib.sh"
lab_enter "$0" "$@"
lab_up
good=https://one.vr.test:8000/
ca=(-T 4 --ca ca.pem) # a file of the folder that we are in
saved=/etc/quarbox.saved
at_one=(tcp/$one4/8000 tcp/$one6/8000)
at_two=(tcp/$two4/8000 tcp/$two6/8000)
others=(tcp/$forbidden4/8000 tcp/$forbidden6/8000 tcp/$rogue4/8000 udp/$rogue4/53 icmp/$forbidden4)

# One with the certificate of a stranger, and one that never says anything, where one.vr.test may be said to be.
openssl x509 -req -in server.csr -CA stranger_ca.pem -CAkey stranger_ca.key -CAcreateserial -days 365 -extfile extensions \
	-out impostor.pem 2>/dev/null
start world "$tests/servers/management_server.py" --address $rogue4 --port 8000 --key server.key --certificate impostor.pem \
	>impostor.ready 2>&1
start world "$tests/servers/management_server.py" --address $resolver4 --port 8000 --key server.key --certificate server.pem \
	--behaviour silent >silent.ready 2>&1
wait_for 10 grep -q ready impostor.ready && wait_for 10 grep -q ready silent.ready || { echo "not ok set_up: servers"; exit 1; }

name_is_at() { # ADDRESS...
	kill "$(cat resolver.pid)"
	wait "$(cat resolver.pid)" 2>/dev/null
	lab_resolvers "$@"
}
server_leaves() { # ADDRESS...
	local address
	for address; do
		world nft "add table inet left; add chain inet left in { type filter hook input priority 0; };
			add rule inet left in ip$([[ $address = *:* ]] && echo 6) daddr $address tcp dport 8000 drop"
	done
}
server_is_back() {
	world nft delete table inet left
}
dns_is() { # silent or back
	case $1 in
	silent) world nft 'add table inet dns; add chain inet dns in { type filter hook input priority 0; };
		add rule inet dns in udp dport 53 drop; add rule inet dns in tcp dport 53 drop' ;;
	back) world nft delete table inet dns ;;
	esac
}
plan() {
	without_learned | sort_elements | sed 's/timeout [0-9a-z]*/timeout/; s/, for [0-9a-z ]*//; s/expires [0-9a-z]*//'
}
# Nothing may have changed, when the whole was, but what lasts a while.
keeps() { # NAME COMMAND...
	local before
	before=$(rules | plan)
	cp $saved before
	"${@:2}"
	same "$1_rules" "$before" "$(rules | plan)"
	check "$1_file" cmp before $saved
}

# ---- nothing to do ----

gives nothing_saved 0 quarantine --renew
matches nothing_saved_is_said '^nothing to renew: no quarantine is saved *$' "$out"
check nothing_saved_changes_nothing no_rules
gives with_a_url 64 quarantine --renew $good
matches with_a_url_is_said 'renew goes with no URL' "$err"
gives with_dry_run 64 quarantine --renew -n
echo 'renew yes' >/etc/quarbox.conf
gives in_a_file 78 quarantine $good
rm /etc/quarbox.conf

gives set_up 0 quarantine -c /dev/null "${ca[@]}" --persist -a tcp:$lan4:22 -a tcp:one.vr.test:2222 $good
keeps answers gives a_server_answers 0 quarantine --renew -j
matches a_server_answers_says '"state":"nothing to renew"' "$out"
server_leaves $one4
keeps answers6 gives one_address_answers 0 quarantine --renew
server_leaves $one6

# ---- where there is nobody ----

keeps nobody gives nobody_answers 3 quarantine --renew
matches nobody_answers_is_said 'no server answers, and none has another address' "$err"
name_is_at $rogue4
keeps forged gives an_impostor_answers 3 quarantine --renew
matches an_impostor_is_said 'not signed by the CA|issued by' "$err"
name_is_at $resolver4
keeps dead gives nobody_ever_answers 3 quarantine --renew
blocked nobody_else dev world "${others[@]}" "${at_two[@]}"
kill "$(cat resolver.pid)"
keeps no_names gives names_are_not_known 3 quarantine --renew
lab_resolvers

# ---- where there is somebody ----

name_is_at $two4 $two6 $rogue4
use_resolvers $resolver4 $rogue4
gives it_has_moved 0 quarantine --renew -j
matches it_has_moved_is_told "\"left_out\":\[\"$rogue4\"\].*\"proven\":true" "$out"
passes it_is_reached dev world "${at_two[@]}"
blocked nobody_else_is dev world "${others[@]}" "${at_one[@]}"
run status
code_is status_of_it 0
matches what_was_allowed_is_still "tcp:$lan4:22" "$out"
blocked no_resolver_more_is_asked dev world udp/$rogue4/53
blocked no_name_of_allow_follows dev world tcp/$two4/2222
arrives and_its_address_stays dev world tcp/$one4/2222
gives it_is_what_is_saved 0 quarantine --restore -j
matches it_is_what_is_saved_says '"unchanged":true' "$out"
check it_is_saved grep -qx "endpoint tcp:$two4:8000" $saved
check the_one_before_is_not eval "! grep -q $one4:8000 $saved"
check nor_is_the_impostor eval "! grep -q $rogue4 $saved"
dev nft flush ruleset
gives it_comes_back 0 quarantine --restore
passes it_is_reached_then dev world "${at_two[@]}"
gives it_answers_there 0 quarantine --renew
matches it_answers_there_is_said 'nothing to renew: a server answers' "$out"

# and back, from another folder
server_is_back
server_leaves $two4 $two6
name_is_at $one4 $one6
gives it_is_back 0 sh -c "cd / && exec '$bin/quarantine' --renew"
passes it_is_reached_again dev world "${at_one[@]}"
blocked nobody_else_is_again dev world "${others[@]}" "${at_two[@]}"
server_is_back

# ---- what must not become of it ----

# who has released, with the file gone while it is written again
server_leaves $one4 $one6
name_is_at $two4 $two6
start dev strace -qf -o /dev/null -e inject=rename:delay_enter=2000000 "$bin/quarantine" --renew >out 2>err
renewal=$!
check it_is_kept wait_for 10 grep -q 'keep  *permanent' out
sleep 0.3
gives released_meanwhile 0 release
wait $renewal
same renewal_sees_it 75 $?
check nothing_is_left no_rules
check nothing_is_saved test ! -e $saved

# and while names are looked up
server_is_back
name_is_at $one4 $one6
gives set_up_once_more 0 quarantine "${ca[@]}" --persist $good
server_leaves $one4 $one6
name_is_at $two4 $two6
dns_is silent
start dev strace -qf -e trace=sendmsg,sendto -o calls "$bin/quarantine" --renew >out 2>err
renewal=$!
check it_looks_names_up wait_for 10 grep -q 'one.2vr' calls
gives released_in_the_lookup 0 release
dns_is back
wait $renewal
same it_does_not_begin 75 $?
check nothing_is_contained no_rules

# and while it proves
server_is_back
name_is_at $one4 $one6
gives set_up_again 0 quarantine "${ca[@]}" --persist $good
server_leaves $one4 $one6
name_is_at $resolver4
start dev quarantine --renew >out 2>err
renewal=$!
check it_proves wait_for 15 grep -q 'on probation\|beside older' out
gives released_in_the_proof 0 release
kill -INT $renewal
wait $renewal
same renewal_ends 3 $?
check nothing_is_left_of_it no_rules
check nothing_is_saved_of_it test ! -e $saved
server_is_back

# its time is what was left
name_is_at $one4 $one6
gives for_a_while 0 quarantine -T 4 --ca ca.pem --for 40s --persist $good
sleep 4
server_leaves $one4 $one6
name_is_at $two4 $two6
dns_is silent
(sleep 7; dns_is back) &
gives for_what_is_left 0 quarantine --renew
left=$(dev nft list set inet $default_table lasts | sed -n 's/.*expires \([0-9]*\)s.*/\1/p')
check it_does_not_last_longer test "${left:-99}" -le 30
check the_file_says_so eval "[ \$(sed -n 's/^for \\([0-9]*\\)s/\\1/p' $saved) -le 30 ]"
server_is_back
name_is_at $one4 $one6
gives for_a_moment 0 quarantine -T 4 --ca ca.pem --for 14s --persist $good
sleep 3
server_leaves $one4 $one6
name_is_at $two4 $two6
keeps soon gives it_ends_soon 0 quarantine --renew
matches it_ends_soon_is_said 'nothing to renew: it ends soon' "$out"
run release
server_is_back
name_is_at $one4 $one6

# what nobody has proven, and what is not in force
for words in --no-probe -k; do
	gives "set_up_with$words" 0 quarantine $words --persist $good
	server_leaves $one4 $one6
	name_is_at $two4 $two6
	keeps "with$words" gives "renew_with$words" 64 quarantine --renew
	matches "renew_with${words}_is_said" 'it was set up without a proof' "$err"
	run release
	server_is_back
	name_is_at $one4 $one6
done
gives set_up_to_flush 0 quarantine "${ca[@]}" --persist $good
dev nft flush ruleset
server_leaves $one4 $one6
name_is_at $two4 $two6
gives flushed 0 quarantine --renew
matches flushed_is_said 'nothing to renew: it is not in force' "$out"
check flushed_stays_so no_rules
sed -i '/^word /d' $saved
gives of_an_older_version 64 quarantine --renew
matches of_an_older_version_is_said 'its command line is not known' "$err"
run release
server_is_back
name_is_at $one4 $one6

# what can't be saved, or comes from somebody else
gives set_up_to_fail 0 quarantine "${ca[@]}" --persist $good
server_leaves $one4 $one6
name_is_at $two4 $two6
mount --bind /etc /etc && mount -o remount,ro,bind /etc
keeps read_only gives on_a_read_only_file_system 71 quarantine --renew
matches read_only_is_said 'save /etc/quarbox.saved: Read-only file system' "$err"
umount /etc
mkdir -p full && mount -t tmpfs -o size=64k full full && cp -a $saved /etc/resolv.conf /etc/hosts full/
mount --bind full /etc
dd if=/dev/zero of=/etc/filling bs=4k >/dev/null 2>&1
keeps full_disk gives on_a_full_file_system 71 quarantine --renew
matches full_disk_is_said 'save /etc/quarbox.saved: No space left on device' "$err"
umount /etc full
chmod o+w ca.pem
keeps anybodys gives a_ca_of_anybody_s 64 quarantine --renew
matches a_ca_of_anybody_s_is_said "ca.pem: not there, or not root's alone" "$err"
chmod o-w ca.pem
for word in -r -n --restore --renew; do
	sed -i "/^word/i word $word" $saved
	keeps "by_hand$word" gives "word_by_hand$word" 64 quarantine --renew
	sed -i "/^word $word/d" $saved
done
for i in {1..80}; do sed -i '/^end/i word -v' $saved; done
gives many_words 64 quarantine --renew
gives many_words_are_no_damage 0 quarantine --restore
run release
server_is_back
name_is_at $one4 $one6

# with --keep, an impostor would be kept
gives set_up_to_keep 0 quarantine "${ca[@]}" --keep -m hello --persist $good
server_leaves $one4 $one6
name_is_at $rogue4
keeps keep gives renew_with_keep 3 quarantine --renew
run release
server_is_back
name_is_at $one4 $one6
gives words_of_two_lines 0 quarantine "${ca[@]}" -m $'two\nlines' --persist $good
check words_of_two_lines_are_not_saved eval "! grep -q '^word' $saved"
gives but_it_can_be_restored 0 quarantine --restore
run release

# over another link: the one before is no way to a server any more
start lan "$tests/servers/management_server.py" --address $lan4 --port 8000 --key server.key --certificate server.pem \
	>lan.ready 2>&1
check a_server_in_the_lan wait_for 10 grep -q ready lan.ready
name_is_at $lan4
gives set_up_in_the_lan 0 quarantine "${ca[@]}" --persist $good
in_ns lan nft 'add table inet left; add chain inet left in { type filter hook input priority 0; };
	add rule inet left in tcp dport 8000 drop'
name_is_at $one4 $one6
gives it_is_over_another_link 0 quarantine --renew
matches the_one_before_is_sealed 'uplinks wan; sealed: .*lan0' "$out"
gives so_it_is_restored 0 quarantine --restore -j
matches so_it_is_restored_says '"unchanged":true' "$out"
run release

# ---- under guard ----

told() { # TEXT
	wait_for 20 grep -qF "$1" guard.log
}
is_whole() {
	run status
	[[ $out =~ ', intact' ]] && ! [[ $out =~ 'made anew' ]]
}
gives set_up_for_guard 0 quarantine "${ca[@]}" --persist $good
server_leaves $one4 $one6
name_is_at $two4 $two6
(cd / && start dev guard -r 3s >>"$work/guard.log" 2>&1 & echo $! >"$work/guard.pid")
check guard_finds_it told 'guard: no server answered: contained anew, with one at another address'
check guard_reaches_it wait_for 5 is_whole
passes guard_s_server_is_reached dev world "${at_two[@]}"
server_leaves $two4 $two6
name_is_at $resolver4
check guard_tells_that_nobody_answers told 'guard: no server answers, and none has proven itself at another address'
proves() { # of two tables of one name only one is on probation
	dev nft list ruleset | grep -q probation
}
check guard_tries_again wait_for 30 proves
cp "$(command -v nft)" guard # whatever it calls itself
dev ./guard flush ruleset
check a_flush_is_undone_while_it_proves wait_for 4 is_whole
blocked nobody_else_is_while_it_proves dev world "${others[@]}"
same it_is_told_once 1 "$(grep -c 'none has proven itself' guard.log)"
server_is_back
check guard_is_content wait_for 30 is_whole
gives released_under_guard 0 release
kill "$(pgrep -f "^guard -r 3s")" 2>/dev/null
check nothing_is_left_under_guard no_rules
finish
