#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# What people see: on a terminal of 80x24, at 9600 baud, when nobody reads; no line is longer than 79 columns.
set -u
. "$(dirname "$(realpath "$0")")/lib.sh"
lab_enter "$0" "$@"
lab_up
management dead 8001
kill "$(cat dead.pid)"
${CC:-cc} -D_GNU_SOURCE -o older_kernel "$tools/older_kernel.c" || { echo "not ok set_up: cc"; exit 1; }
long=$(printf 'x%.0s' {1..60})
good=(-T 5 --ca ca.pem https://one.vr.test:8000/ https://two.vr.test:8000/)

# looks NAME FILE: plain ASCII, no control characters, lines that fit.
looks() {
	same "$1_fits" "" "$(tr -d '\r' <"$2" | grep -E '.{80}')"
	same "$1_is_plain" "" "$(tr -d '\r' <"$2" | LC_ALL=C grep -P '[^\x20-\x7e]')"
}
# shown NAME CODE COMMAND...: what it prints on a pipe, and on a terminal, looks well; both are the same but for durations.
timeless() {
	tr -d '\r' <"$1" | sed -E 's/ +[0-9]+\.[0-9]{2}s$//; s/removed, at .*//'
}
shown() {
	gives "$1_piped" "${@:2}"
	cp out "$1"
	looks "$1" "$1"
	[ -z "${again:-}" ] || run $again
	gives "$1_on_a_terminal" "$2" "$tools/terminal.py" "$1.screen" "${@:3}"
	looks "$1_on_a_terminal" "$1.screen"
}

# ---- every kind of text ----

quarbox=${QUARBOX:-$bin/../quarbox}
for applet in quarbox $("$quarbox" --list); do
	"$quarbox" --help $([ $applet = quarbox ] || echo $applet) >help
	looks "help_of_$applet" help
done

again=release
shown contained 0 quarantine "${good[@]}"
timeless contained.screen | grep -v '^quarantine: ' >screen
same contained_is_the_same_on_a_terminal "$(timeless contained)" "$(cat screen)"
matches contained_has_its_lines '^\[1/6\] read .*\[6/6\] sever .*contained: table inet .*undo with release ' "$(cat contained)"
again="quarantine -q ${good[*]}"
shown released 0 release
again=
shown nothing_to_release 0 release
shown partial 5 ./older_kernel egress quarantine "${good[@]}" -a tcp:no.such.name.$long.test:1
run release
shown rolled_back 3 quarantine -T 1 --ca ca.pem https://one.vr.test:8001/
shown not_resolved 3 quarantine -T 1 https://$long.vr.test/
shown bad_usage 64 quarantine --layers nonsense,$long https://one.vr.test/
shown bad_configuration 78 quarantine -c /etc/$long/nothing
addresses=()
for ((i = 0x10; i < 0x20; i++)); do
	addresses+=(-a "tcp:[2001:db8:1234:5678:9abc:def0:1234:$(printf %x $i)]:443" -a "udp:[2001:db8:ffff::]/48:53:in")
done
shown addresses 0 quarantine -v -t "$long$long" "${addresses[@]}" --dns "2001:db8:1234:5678:9abc:def0:1234:5678,2001:db8::1" \
	--no-probe "https://[2001:db8:1234:5678:9abc:def0:1234:5678]:12345/${long// /}$long/$long/"
shown released_long 0 release
matches no_word_is_lost "$long$long" "$(tr -d ' \n' <addresses)"

gives quiet 0 quarantine -q "${good[@]}"
same quiet_says_nothing "" "$out$err"
run release

# ---- at 80x24 ----

export TERM=xterm LC_ALL=C
dev tmux -L lab -f /dev/null new-session -d -x 80 -y 24 "sh -c 'quarantine ${good[*]}; tmux -L lab wait-for -S done; sleep 60'" \
	2>tmux.err || not_ok tmux_starts "$(cat tmux.err)"
timeout 20 tmux -L lab wait-for done
tmux -L lab capture-pane -p >pane
same tmux_shows_all_lines "$(timeless contained)" "$(timeless pane | sed -e :a -e '/^\n*$/{$d;N;ba' -e '}')"
matches tmux_shows_the_beginning '^\[1/6\] read' "$(head -1 pane)"
looks tmux pane
tmux -L lab kill-server
blocked tmux_is_contained dev world tcp/$forbidden4/8000
run release

# ---- slow, and nobody at all ----

gives slow_terminal 0 timeout 30 "$tools/terminal.py" --rate 960 slow quarantine "${good[@]}"
same slow_terminal_shows_all "$(timeless contained)" "$(timeless slow)"
looks slow_terminal slow
matches slow_terminal_is_not_waited_for '^[012]\.' "$(cat slow.seconds)"
blocked slow_terminal_is_contained dev world tcp/$forbidden4/8000
run release
gives nobody_reads 0 timeout 30 "$tools/terminal.py" --stopped nobody quarantine "${good[@]}"
matches nobody_reads_in_time '^[0-6]\.' "$(cat nobody.seconds)"
blocked nobody_reads_is_contained dev world tcp/$forbidden4/8000
run release

# Where the kernel takes a page, and the reader 960 bytes a second: 8 KB can wait.
gives slow_pipe 0 timeout 60 "$tools/terminal.py" --pipe --rate 960 slow quarantine -v --no-probe --dns none https://$one4/ \
	$(for ((i = 1; i < 100; i++)); do echo "-a tcp:10.0.0.$i:443"; done)
same slow_pipe_shows_all "100 $err" "$(grep -c 'tcp:10\|undo with' slow) "
run release
gives much_for_a_slow_pipe 0 timeout 60 "$tools/terminal.py" --pipe --rate 960 slow quarantine -v --no-probe --dns none https://$one4/ \
	$(for ((i = 1; i < 1000; i++)); do echo "-a tcp:10.0.$((i / 250)).$((i % 250)):443"; done)
matches much_for_a_slow_pipe_is_said '^quarantine: warning: standard output did not take [0-9]+ bytes' "$err"
matches much_for_a_slow_pipe_in_time '^(.|1.)\.' "$(cat slow.seconds)"
run release
finish
