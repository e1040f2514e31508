#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# Options in, nft text out. For each NAME.case beside this file:
#
#   text       quarantine -n prints what NAME.nft holds, the tables' comments aside (GOLDEN_UPDATE=yes rewrites that file: read the diff)
#   nft_reads  nft -f loads that text, and lists it as it was printed
#   installs   quarantine --no-probe installs what nft lists in the same words
#   netlink    and in the kernel both are made of the same expressions
#
# GOLDEN_TEXT_ONLY=yes: only the first, for a quarbox that an emulator runs.
#
# A case has lines "arguments WORDS" (of the command line, as the shell reads them), and, each repeatable, "hosts LINE",
# "resolv LINE", "config LINE" for the files of /etc, which a run sees instead of this machine's; "ip LINE", what `ip -batch`
# does for the device's links (without them there is nothing but loopback, and no netdev table); "exit CODE" when
# containing does not end with 0, and "warning REGEX" for what is said on stderr, else nothing may be.
# Runs in namespaces of its own; no packet leaves them.
set -u

folder=$(dirname "$(realpath "$0")")
quarbox=$(realpath "${QUARBOX:-build/quarbox}")
if [ "${1:-}" != inside ]; then
	exec unshare --net --mount --pid --fork --kill-child --mount-proc "$0" inside
fi

work=/run/golden
failures=0

set_up() {
	mount -t tmpfs tmpfs /run || exit 1
	mkdir $work
	cp -a /etc $work/etc
	mount --bind $work/etc /etc || exit 1
	rm -f /etc/hosts /etc/resolv.conf /etc/quarbox.conf
}

# same NAME WANTED GOT: two files
same() {
	if diff "$2" "$3" >$work/diff 2>&1; then
		echo "ok $1"
	else
		echo "not ok $1: differs"
		head -n 30 $work/diff | sed 's/^/# /'
		failures=$((failures + 1))
	fi
}

lines_of() { # KEY FILE
	sed -n "s/^$1 //p" "$2"
}

in_namespace() {
	# shellcheck disable=SC2016 # for the inner shell
	unshare --net sh -c 'ip -batch "$1" && shift && exec "$@"' sh $work/links "$@"
}

# The kernel lists elements as its hashes come, and numbers rules and sets without a name as it likes.
normal_form() {
	/usr/bin/python3 -c 'import re, sys
def sort(match):
    return "elements = {\n" + "\n".join(sorted(re.split(r",\s+", match[1].strip()))) + " }"
text = re.sub(r"\n\t\telements = {[^}]*counter[^}]*}", "", sys.stdin.read()) # attempts of the kernel itself
text = re.sub(r"\telement(?: \w{8}){4}(?:(?: \w{8}){3})?  :.*\n", "", text) # the same, and names of devices
text = re.sub(r"elements = {([^}]*)}", sort, text)
text = re.sub(r"(?:\telement .*\n)+", lambda match: "".join(sorted(match[0].splitlines(True))), text)
text = re.sub(r"(?m)^\tcomment \"quarbox .*\"", "\tcomment \"quarbox\"", text)
text = re.sub(r" expires \w+", "", text)
text = re.sub(r"__set\d+", "__set", text)
text = re.sub(r"(?m)^(\w+ \S+ \w+)( \d+)+ *$", r"\1", text)
text = re.sub(r"(?m)\\x00q\\x10.* }$", r"\\x00 }", text) # seals, which nft does not write
text = re.sub(r"packets \d+ bytes \d+", "packets 0 bytes 0", text)
sys.stdout.write(re.sub(r"pkts \d+ bytes \d+", "pkts 0 bytes 0", text))'
}

# Runs a command in a fresh namespace and lists the rules: $work/NAME.normal and .expressions; what it said: .said, .warned, .code.
install_and_list() { # NAME COMMAND...
	out=$work/$1
	shift
	# shellcheck disable=SC2016 # for the inner shell
	in_namespace sh -c 'out=$1; shift
		"$@" >"$out.said" 2>"$out.warned"; echo $? >"$out.code"
		nft -s list ruleset >"$out.list" && nft --debug=netlink list ruleset >"$out.netlink" 2>&1' sh "$out" "$@"
	normal_form <"$out.list" >"$out.normal"
	normal_form <"$out.netlink" >"$out.expressions"
}

check_run() { # NAME CASE: the exit code and what was said of the run that installed
	wanted=$(lines_of exit "$2")
	pattern=$(lines_of warning "$2")
	if [ "$(cat $work/installed.code)" != "${wanted:-0}" ]; then
		echo "not ok $1: exit code $(cat $work/installed.code): $(head -n 3 $work/installed.warned)"
	elif [ -z "$pattern" ] && [ -s $work/installed.warned ]; then
		echo "not ok $1: it said: $(head -n 3 $work/installed.warned)"
	elif [ -n "$pattern" ] && ! grep -Eq -- "$pattern" $work/installed.warned; then
		echo "not ok $1: it said: $(head -n 3 $work/installed.warned)"
	else
		return
	fi
	failures=$((failures + 1))
}

run_case() { # FILE
	name=$(basename "$1" .case)
	lines_of hosts "$1" >/etc/hosts
	lines_of resolv "$1" >/etc/resolv.conf
	lines_of config "$1" >/etc/quarbox.conf
	lines_of ip "$1" >$work/links
	eval "set -- $(lines_of arguments "$1")"
	if ! in_namespace "$quarbox" quarantine -n "$@" >$work/dry 2>$work/warned; then
		echo "not ok $name.text: $(head -n 3 $work/warned)"
		failures=$((failures + 1))
		return
	fi
	sed 's/^\tcomment "quarbox .*"/\tcomment "quarbox VERSION"/' $work/dry >$work/text
	[ "${GOLDEN_UPDATE:-}" != yes ] || cp $work/text "$folder/$name.nft"
	same "$name.text" "$folder/$name.nft" $work/text
	[ "${GOLDEN_TEXT_ONLY:-}" != yes ] || return
	normal_form <$work/dry >$work/dry.normal
	install_and_list loaded nft -f $work/dry
	same "$name.nft_reads" $work/dry.normal $work/loaded.normal
	install_and_list installed "$quarbox" quarantine --no-probe "$@"
	check_run "$name.run" "$folder/$name.case"
	same "$name.installs" $work/dry.normal $work/installed.normal
	same "$name.netlink" $work/loaded.expressions $work/installed.expressions
}

set_up
for case in "$folder"/*.case; do
	run_case "$case"
done
[ $failures -eq 0 ]
