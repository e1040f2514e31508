#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Runs every fuzz target for FUZZ_SECONDS (of make check: 4), from its corpus and from what earlier runs have found. Those
# that read netlink begin with what this kernel answers.
set -u
folder=$(dirname "$(realpath "$0")")
built=$(realpath "${BUILD:-build}")/fuzz
seconds=${FUZZ_SECONDS:-4}
failures=0
seeds=$built/seeds

rm -rf "$seeds"
"$folder/netlink_seeds.py" "$seeds" "${QUARBOX_BIN:-build/bin}/quarantine" >"$built/seeds.log" 2>&1 </dev/null ||
	echo "ok netlink_seeds # skipped: see $built/seeds.log"
for program in "$built"/*.fuzz; do
	[ -x "$program" ] || { echo "not ok built: no fuzz target in $built"; exit 1; }
	name=$(basename "$program" .fuzz)
	mkdir -p "$built/$name/found"
	cd "$built/$name" || exit 1
	corpus=$folder/corpus/$name
	[ -d "$corpus" ] || corpus=$seeds/$name
	[ -d "$corpus" ] || corpus=found # without one it begins with nothing
	if "$program" -max_total_time="$seconds" -timeout=10 -rss_limit_mb=1024 -max_len=60000 -print_final_stats=1 \
		-artifact_prefix="$built/$name/" found "$corpus" >log 2>&1 </dev/null; then
		echo "ok $name"
		echo "# $name: $(sed -n 's/^stat::number_of_executed_units: *//p' log) inputs in $seconds s"
	else
		echo "not ok $name: see $built/$name"
		tail -n 30 log | sed 's/^/# /'
		failures=$((failures + 1))
	fi
done
[ $failures -eq 0 ]
