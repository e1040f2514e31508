#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# Every applet's folder is complete, and its manual page says all that its usage says. $QUARBOX: a binary with all applets.
set -u

cd "$(dirname "$(realpath "$0")")/../.." || exit 1
quarbox=${QUARBOX:-build/quarbox}
failures=0
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

result() { # NAME PROBLEM...: none is good
	name=$1
	shift
	if [ $# -eq 0 ]; then
		echo "ok $name"
	else
		echo "not ok $name: $*"
		failures=$((failures + 1))
	fi
}

missing_files() { # APPLET
	for file in Kconfig "$1.c" "$1.8"; do
		[ -f "applets/$1/$file" ] || echo "no applets/$1/$file;"
	done
}

# The options that usage prints, a line each: "-t" or "--table".
options_of() { # APPLET
	"$quarbox" --help "$1" | sed -nE 's/^  (-.), (--[a-z0-9-]+).*/\1\n\2/p; s/^      (--[a-z0-9-]+).*/\1/p'
}

# Manual pages write "\-\-table".
undocumented() { # APPLET
	sed 's/\\-/-/g' "applets/$1/$1.8" >"$work/page"
	for option in $(options_of "$1"); do
		grep -Eq -- "(^|[^-a-z])$option([^-a-z]|\$)" "$work/page" || echo "$option"
	done
}

# A page renders without a warning and has the sections that people look for.
check_page() { # NAME FILE
	groff -ww -man -Tascii "$2" >"$work/text" 2>"$work/warnings"
	# shellcheck disable=SC2046
	result "$1.manual_page_renders" $(head -n 3 "$work/warnings")
	awk '/^\.SH/ { print $2 }' "$2" >"$work/sections"
	for section in NAME SYNOPSIS DESCRIPTION EXIT; do
		grep -qx "\"*$section" "$work/sections" || result "$1.manual_page_sections" "no $section"
	done
}

for folder in applets/*/; do
	applet=$(basename "$folder")
	# shellcheck disable=SC2046 # words of problems
	result "$applet.folder" $(missing_files "$applet")
	[ -f "applets/$applet/$applet.8" ] || continue
	if "$quarbox" --list | grep -qx "$applet"; then
		# shellcheck disable=SC2046
		result "$applet.options_are_documented" $(undocumented "$applet")
		[ -n "$(options_of "$applet")" ] || result "$applet.usage" "shows no option"
		"$quarbox" --help "$applet" | LC_ALL=C awk 'length > 79 || /[^ -~]/' >"$work/wide"
		result "$applet.usage_is_narrow_ascii" $(head -n 3 "$work/wide")
	else
		echo "ok $applet.options_are_documented # skipped: the binary has no $applet"
	fi
	check_page "$applet" "applets/$applet/$applet.8"
done

# Bounds stand in the page as the program words them: "at most %d servers", SERVERS_MAX.
missing_bounds() {
	sed 's/\\-/-/g; s/^\.[A-Z]* //' applets/quarantine/quarantine.8 | tr -s ' \n' ' ' >"$work/page"
	grep -Eoh '"at most %d [a-z].*", [A-Z_]+' applets/quarantine/*.c libs/http/trust.c |
		sed -E 's/.*%d ([a-z -]*[a-z]).*, ([A-Z_]+)$/\2 \1/' | while read -r constant words; do
		number=$(grep -Ehow "$constant = [0-9]+" applets/quarantine/*.h libs/*/*.h | cut -d ' ' -f 3)
		grep -q "at most ${number:-?} $words" "$work/page" || echo "at most $number $words;"
	done
}
# shellcheck disable=SC2046 # words of problems
result quarantine.bounds_are_documented $(missing_bounds)

# The program's own page: its options, as the overview shows them, and all applets.
check_page quarbox applets/quarbox.8
sed 's/\\-/-/g' applets/quarbox.8 >"$work/page"
for word in $("$quarbox" | grep -Eo -- '--[a-z-]+') $(cd applets && ls -d */ | tr -d /); do
	grep -Eq -- "$word([^-a-z]|\$)" "$work/page" || result "quarbox.is_documented" "$word is not"
done
[ $failures -eq 0 ]
