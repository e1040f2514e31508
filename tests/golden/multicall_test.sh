#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# What quarbox itself answers, and the links that it makes. $QUARBOX: the program; $BUILD: the folder that it was built in.
set -u

cd "$(dirname "$(realpath "$0")")/../.." || exit 1
quarbox=$(realpath "${QUARBOX:-build/quarbox}")
config=${BUILD:-build}/.config
failures=0
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

check() { # NAME WHY COMMAND...
	name=$1 why=$2
	shift 2
	if "$@" >"$work/log" 2>&1; then
		echo "ok $name"
	else
		echo "not ok $name: $why"
		sed 's/^/# /' "$work/log"
		failures=$((failures + 1))
	fi
}

# Runs quarbox with the arguments, wants this exit code, and leaves what it says in $work/out and $work/err.
run() { # CODE ARGUMENT...
	code=$1
	shift
	"$quarbox" "$@" >"$work/out" 2>"$work/err"
	[ $? -eq "$code" ] || { cat "$work/out" "$work/err"; return 1; }
}

applets=$(sed -n 's/^CONFIG_APPLET_\(.*\)=y$/\1/p' "$config" | tr 'A-Z' 'a-z' | sort)
first=$(echo "$applets" | head -n 1)

# --- what it says ------------------------------------------------------------------------------------------------

list() {
	run 0 --list && echo "$applets" | diff - "$work/out" && run 0 --list-full &&
		echo "$applets" | sed 's|^|usr/sbin/|' | diff - "$work/out"
}
check list 'not the applets of the configuration, or not below usr/sbin' list

says_what_it_is() {
	run 0 --version && grep -Eqx 'quarbox [0-9]+\.[0-9]+\.[0-9]+' "$work/out" && run 0 --build-info &&
		for label in version target applets options libraries; do
			grep -q "^$label:" "$work/out" || return
		done && ! LC_ALL=C awk 'length > 79 || / $/ || /[^ -~]/' "$work/out" | grep .
}
check version_and_build_info 'a line is missing, or is longer than 79 columns' says_what_it_is

one_applet() { [ "$(echo "$applets" | wc -l)" -eq 1 ]; }

help() {
	run 0 && cp "$work/out" "$work/overview" && run 0 --help && cmp "$work/out" "$work/overview" && run 0 -h &&
		for applet in $applets; do
			{ one_applet || grep -q "^  $applet  *[a-z]" "$work/overview"; } && run 0 --help "$applet" &&
				grep -q "^Usage: $applet" "$work/out" && cp "$work/out" "$work/usage" &&
				run 0 "$applet" word --help && cmp "$work/out" "$work/usage" &&
				run 0 "$applet" -jh && cmp "$work/out" "$work/usage" || return
		done && ! LC_ALL=C awk 'length > 79 || /[^ -~]/' "$work/overview" | grep .
}
check help 'the overview or the usage of an applet' help

refuses() {
	run 127 nothing && grep -qx 'quarbox: nothing: applet not found' "$work/err" && run 127 --help nothing &&
		run 64 --nothing && [ "$(wc -l <"$work/err")" -eq 1 ] && [ ! -s "$work/out" ] && run 64 --install a b &&
		[ ! -s "$work/out" ]
}
check refuses 'wrong exit code or message' refuses

unknown_name() {
	ln -s "$quarbox" "$work/nothing" && "$work/nothing" 2>"$work/err"
	[ $? -eq 127 ] && [ "$(wc -l <"$work/err")" -eq 1 ]
}
check called_by_an_unknown_name 'not 127, or more than a line' unknown_name

full_disk() {
	for option in --list --help --build-info --version; do
		"$quarbox" $option >/dev/full 2>"$work/err"
		[ $? -eq 71 ] && grep -q 'No space left' "$work/err" || return
	done
}
check full_disk 'not 71 and a reason' full_disk

# --- what it is made of ---------------------------------------------------------------------------------------------

# A notify that waits for its message: of its file, one part is code, one what the relocation wrote, one what it may write,
# if there is any of that.
memory() {
	mkfifo "$work/input"
	"$quarbox" notify - <"$work/input" &
	pid=$!
	exec 3>"$work/input"
	sleep 0.1
	grep -F "$quarbox" "/proc/$pid/maps"
	modes=$(grep -F "$quarbox" "/proc/$pid/maps" | cut -d ' ' -f 2 | tr '\n' ' ')
	kill -9 $pid
	wait $pid
	exec 3>&-
	[ "$modes" = 'r-xp r--p rw-p ' ] || [ "$modes" = 'r-xp r--p ' ]
}
if echo "$applets" | grep -qx notify; then
	check what_is_relocated_is_read_only 'not code, constants and data' memory
fi

# --- links ---------------------------------------------------------------------------------------------------------

one_applet && exit $((failures > 0)) # it makes none

links_are() { # FOLDER
	for applet in $applets; do
		[ "$1/$applet" -ef "$quarbox" ] && "$1/$applet" --help | grep -q "^Usage: $applet" || return
	done
}

symbolic() {
	mkdir "$work/s" && run 0 --install -s "$work/s" && links_are "$work/s" && [ "$(readlink "$work/s/$first")" = "$quarbox" ]
}
check install_symbolic_links 'a link is missing' symbolic
check install_symbolic_links_again 'links that are there already are an error' run 0 --install -s "$work/s"

hard() {
	mkdir "$work/bin" && cp "$quarbox" "$work/bin/" && "$work/bin/quarbox" --install &&
		[ "$work/bin/$first" -ef "$work/bin/quarbox" ] &&
		[ ! -L "$work/bin/$first" ] && "$work/bin/quarbox" --install "$work/bin" && "$work/bin/quarbox" --install -s
}
check install_hard_links_beside_it 'no hard links, or a second time is an error' hard

relative() { # as make install-links makes them
	mkdir "$work/r" && cp "$quarbox" "$work/r/quarbox" && ln -s quarbox "$work/r/$first" &&
		"$work/r/quarbox" --install -s "$work/r"
}
check install_keeps_links_of_a_package 'a relative link is an error' relative

# Anything else is named and stays, and the other links are made all the same.
in_the_way() {
	mkdir "$work/w" && echo mine >"$work/w/$first" && run 71 --install -s "$work/w" &&
		grep -q "$first in $work/w.*File exists" "$work/err" && [ "$(cat "$work/w/$first")" = mine ] &&
		[ "$(ls "$work/w" | wc -l)" -eq "$(echo "$applets" | wc -l)" ]
}
check install_keeps_what_is_in_the_way 'not named, or gone' in_the_way
check install_into_nothing 'not 71' run 71 --install "$work/missing"
[ $failures -eq 0 ]
