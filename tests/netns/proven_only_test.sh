#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# --proven-only: an address that a forged answer names, or a frontend that is down, is not allowed in the end.
set -u
. "$(dirname "$(realpath "$0")")/lib.sh"
lab_enter "$0" "$@"
lab_up
management silent 8002 --behaviour silent
management shedding 8004 --shed 4
openssl x509 -req -in server.csr -CA stranger_ca.pem -CAkey stranger_ca.key -CAcreateserial -days 365 -extfile extensions \
	-out stranger.pem 2>/dev/null
start world "$tests/servers/management_server.py" --address $rogue4 --address $rogue6 --port 8000 --key server.key \
	--certificate stranger.pem >stranger.ready
wait_for 10 grep -q ready stranger.ready || { echo "not ok set_up: server of a stranger"; exit 1; }

good=https://one.vr.test:8000/
other=https://two.vr.test:8000/
elements() { # SET
	dev nft -j list table inet $default_table | /usr/bin/python3 -c '
import json, sys
for item in json.load(sys.stdin)["nftables"]:
    if item.get("set", {}).get("name") != sys.argv[1]:
        continue
    for element in item.get("set", {}).get("elem", []):
        print(*element["concat"])' "$1" | sort
}

# ---- all prove themselves: nothing is left out ----

gives all_proven 0 quarantine --proven-only --ca ca.pem $good $other
same all_proven_warns_of_nothing '' "$err"
matches all_proven_second_too "two.vr.test:8000/ $two4, $two6 \(proven at " "$out"
same all_proven_stay "$(printf '%s 8000\n' $one4 $two4)" "$(elements server4)"
same all_proven_stay_ipv6 "$(printf '%s 8000\n' $one6 $two6)" "$(elements server6)"
passes all_proven_traffic dev world tcp/$one4/8000 tcp/$one6/8000 tcp/$two4/8000 tcp/$two6/8000
run release

# ---- an address that somebody has put beside those of the server ----

printf '%s one.vr.test\n' $one4 $rogue4 >/etc/hosts
gives forged_without_it 0 quarantine --ca ca.pem $good
passes forged_without_it_is_allowed dev world tcp/$rogue4/8000
run release

# IPv6 comes first: it is the stranger who is asked first
printf '%s one.vr.test\n' $one4 $rogue4 $rogue6 >/etc/hosts
start dev bash -c "exec 3<>/dev/tcp/$rogue4/8000; exec sleep 600" 2>/dev/null
wait_for 5 eval "[ \"\$(dev ss -Htn state established dst $rogue4)\" ]" || not_ok set_up 'no connection to the stranger'
gives forged 0 quarantine --proven-only --ca ca.pem $good
matches forged_step 'prove +2 left out; one.vr.test proven' "$out"
matches forged_allowed "allowed +https://one.vr.test:8000/ $one4 \(proven at $one4\)" "$out"
matches forged_reason "quarantine: warning: left out $rogue4:8000: certificate .* does not lead to a trusted CA" "$err"
matches forged_reason_ipv6 "quarantine: warning: left out \[$rogue6\]:8000: certificate " "$err"
same forged_set "$one4 8000" "$(elements server4)"
same forged_set_ipv6 '' "$(elements server6)"
same forged_connection_ends '' "$(dev ss -Htn state established dst $rogue4)"
passes forged_server_passes dev world tcp/$one4/8000
blocked forged_stranger_does_not dev world tcp/$rogue4/8000 tcp/$rogue6/8000 udp/$rogue4/53
gives forged_status 0 status
run release
gives forged_nothing_is_left 1 status

gives forged_in_json 0 quarantine -j --proven-only --ca ca.pem $good
matches forged_in_json_server "\"addresses\":\[\"$one4\"\],\"left_out\":\[.*\"$rogue4\".*\],\"proven\":true" "$out"
run release

# In the place of a quarantine that allows somebody else.
use_resolvers $resolver4 $resolver6
run quarantine --ca ca.pem $other
printf '%s one.vr.test\n' $one4 $rogue4 >/etc/hosts
gives beside_an_older 0 quarantine --proven-only --ca ca.pem $good
same beside_an_older_set "$one4 8000" "$(elements server4)"
passes beside_an_older_passes dev world tcp/$one4/8000
blocked beside_an_older_blocks dev world tcp/$rogue4/8000 tcp/$two4/8000
gives beside_an_older_status 0 status
run release

printf '%s one.vr.test\n' $rogue4 >/etc/hosts
gives all_forged 3 quarantine --proven-only -T 2 --ca ca.pem $good
check all_forged_rolled_back no_rules

# ---- a server that is down, silent, busy ----

use_resolvers $resolver4 $resolver6
gives down 0 quarantine --proven-only --ca ca.pem https://two.vr.test:8001/ $good
matches down_is_told 'two.vr.test:8001/ NOT allowed: left out \(not proven\)' "$out"
matches down_reason "quarantine: warning: left out: connect to $two4:8001: Connection refused" "$err"
blocked down_is_left_out dev world tcp/$two4/8001 tcp/$two6/8001
passes down_other_passes dev world tcp/$one4/8000 tcp/$one6/8000
run release

began=$(date +%s%N)
gives silent 0 quarantine --proven-only -T 4 --ca ca.pem https://two.vr.test:8002/ $good
elapsed=$((($(date +%s%N) - began) / 1000000))
[ $elapsed -lt 9000 ] && ok silent_in_time || not_ok silent_in_time "$elapsed ms"
same silent_set "$one4 8000" "$(elements server4)"
run release

gives busy 0 quarantine --proven-only -T 20 --ca ca.pem $good https://$two4:8004/
same busy_is_asked_again "$(printf '%s\n' "$one4 8000" "$two4 8004")" "$(elements server4)"
run release

# A stranger's certificate says nothing about the server that sheds load beside it.
management shedding_too 8005 --shed 3
start world "$tests/servers/management_server.py" --address $rogue4 --port 8005 --key server.key --certificate stranger.pem >too.ready
wait_for 10 grep -q ready too.ready || not_ok set_up 'a stranger beside the one that sheds'
for order in "$one4 $rogue4" "$rogue4 $one4"; do
	printf '%s busy.vr.test\n' $order >/etc/hosts
	gives "busy_beside_a_stranger_${order// /_}" 0 quarantine --proven-only -T 10 --ca ca.pem https://busy.vr.test:8005/
	same "busy_beside_a_stranger_set_${order// /_}" "$one4 8005" "$(elements server4)"
	run release
done
use_resolvers $resolver4 $resolver6

# One address under two URLs: it is allowed for one, so it is not left out for the other.
gives two_urls 0 quarantine -j --proven-only --ca ca.pem https://$one4:8000/ https://$one4:8000/other/
same two_urls_set "$one4 8000" "$(elements server4)"
matches two_urls_not_left_out "\"server\":\"https://$one4:8000/other/\",\"addresses\":\[\"$one4\"\],\"proven\":false" "$out"
run release
gives rules_are_counted 0 quarantine -j --proven-only --ca ca.pem https://$one4:8000/ "https://[$rogue6]:8000/"
same rules_of_the_final_plan "$(dev nft list ruleset | grep -c ' comment "')" "$(tail -n 1 out | sed 's/.*"rules":\([0-9]*\).*/\1/')"
run release

# ---- stopped, or disturbed, while the others are asked ----

begin quarantine --proven-only -T 20 --ca ca.pem $good https://$two4:8002/
sleep 0.5
kill -TERM $running
ends interrupted 3
check interrupted_rolled_back no_rules

# in the pause before one that sheds load is asked again; nobody else is asked after it, nor the forbidden URL
management always_shedding 8006 --shed 1000
begin quarantine --proven-only -T 60 -f http://$forbidden4:81/ --ca ca.pem $good https://$one4:8006/ https://$two4:8002/
sleep 1.2
kill -TERM $running
ends interrupted_pause 3
matches interrupted_pause_reason 'interrupted before' "$err"
same interrupted_pause_leaves_nothing_out '' "$(grep 'left out' err)"
check interrupted_pause_rolled_back no_rules

begin quarantine --proven-only -T 8 --ca ca.pem $good https://$two4:8002/
dev release -q
ends released_meanwhile 3
matches released_meanwhile_reason 'keep the quarantine: its probation was removed meanwhile' "$err"
check released_meanwhile_stays_so no_rules

begin quarantine --proven-only -T 3 --ca ca.pem $good https://$two4:8002/
kill -STOP $running
sleep 11.5
kill -CONT $running
ends stopped_too_long 3
check stopped_too_long_is_not_kept no_rules

# ---- what does not go together ----

while read -r name code arguments; do
	printf '%s\n' '' >/etc/quarbox.conf
	[ "$name" = both_in_a_file ] && printf '%s\n' 'proven-only yes' 'keep yes' >/etc/quarbox.conf
	[ "$name" = one_in_a_file ] && printf '%s\n' 'proven-only yes' >/etc/quarbox.conf
	gives "$name" "$code" quarantine $arguments $good
	matches "${name}_reason" 'proven-only contradicts --no-probe, --keep and --insecure' "$err"
	check "${name}_changes_nothing" no_rules
done <<-END
	with_no_probe 64 --proven-only --no-probe
	with_keep 64 --proven-only --keep
	with_insecure 64 --proven-only -k
	both_in_a_file 78
	one_in_a_file 64 --no-probe
END
printf '%s\n' 'proven-only yes' "server $good" 'ca ca.pem' >/etc/quarbox.conf
printf '%s one.vr.test\n' $one4 $rogue4 >/etc/hosts
gives in_a_file 0 quarantine
same in_a_file_set "$one4 8000" "$(elements server4)"
run release
gives in_a_file_and_not 0 quarantine --proven-only=no --keep
same in_a_file_and_not_set "$(printf '%s 8000\n' $one4 $rogue4 | sort)" "$(elements server4)"
run release

finish
