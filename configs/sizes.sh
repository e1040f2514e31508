#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# The tables of sizes, and of the most that they may be, in README.md beside this file.
# usage: sizes.sh write|check COLUMN CONFIGURATION=BYTES...
#
# write: the cells become these sizes in KB. check: fails and names the cells that are not within the tolerance that
# the README states. Both fail when the table of sizes has no such row or column, and where more is built than may be.
set -eu

table=$(dirname "$0")/README.md
action=$1 column=$2
shift 2

awk -F '|' -v OFS='|' -v action="$action" -v column="$column" -v sizes="$*" '
function trim(text) { gsub(/^ +| +$/, "", text); return text }
function complain(text) { print "configs/README.md: " text | "cat 1>&2"; failed = 1 }
BEGIN {
	count = split(sizes, words, " ")
	for (i = 1; i <= count; i++) {
		split(words[i], pair, "=")
		bytes[pair[1]] = pair[2]
	}
}
/^\| (configuration|at most) / {
	kind = trim($2)
	at = 0
	for (i = 2; i < NF; i++)
		if (trim($i) == column)
			at = i
	if (at && kind == "configuration")
		found = 1
}
/^\|/ && at && kind == "at most" && (trim($2) in bytes) && bytes[trim($2)] > trim($at) * 1024 {
	complain(trim($2) " for " column " has " bytes[trim($2)] " bytes, and may have " trim($at) " KB")
}
/^\|/ && at && kind == "configuration" && (trim($2) in bytes) {
	name = trim($2)
	seen[name] = 1
	if (action == "write")
		$at = sprintf(" %d ", bytes[name] / 1024 + 0.5)
	difference = bytes[name] - trim($at) * 1024
	if (trim($at) !~ /^[0-9]+$/ || difference * difference > (bytes[name] * 0.02 + 512) ^ 2)
		complain(name " for " column " is " trim($at) " KB there, and " int(bytes[name] / 1024 + 0.5) " KB when built")
}
{ print }
END {
	if (!found)
		complain("no column " column)
	for (name in bytes)
		if (found && !(name in seen))
			complain("no row " name)
	close("cat 1>&2")
	exit failed
}' "$table" >"$table.new.$$" || { rm -f "$table.new.$$"; exit 1; }
if [ "$action" = write ]; then cat "$table.new.$$" >"$table"; fi
rm -f "$table.new.$$"
