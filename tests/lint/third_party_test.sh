#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# The table of the dependencies is complete, and a download that is not what it says is never used. No network is asked.
set -u

cd "$(dirname "$(realpath "$0")")/../.." || exit 1
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

table() { grep -v '^#' libs/third_party/table; }

rows_are_complete() {
	! table | grep -Evx '[a-z0-9]+ +[0-9.]+ +[A-Za-z0-9.-]+ +[0-9a-f]{64} +https://[^ ]+ +(-|[0-9a-f]{64})'
}
check rows_are_complete 'not name, version, licence, SHA-256, URL, SHA-256 of Debian or -' rows_are_complete

# Puts something else in the place of each tarball.
wrong_hash() {
	table | while read -r name version _ hash url _; do
		downloads=$work/$name
		file=$downloads/${url##*/}
		mkdir -p "$downloads"
		echo "not $name $version" >"$file"
		found=$(sha256sum "$file" | cut -d ' ' -f 1)
		if DL_DIR=$downloads libs/third_party/fetch.sh "$work/out" "$name=source" >"$work/said" 2>&1; then
			echo "$name was accepted"
			exit 1
		fi
		cat "$work/said"
		for word in "$file: wrong SHA-256" "expected $hash" "found    $found"; do
			grep -qF "$word" "$work/said" || exit 1
		done
		[ ! -e "$file" ] && [ -e "$file.rejected" ] && [ ! -e "$work/out/$name.origin" ] || exit 1
	done
}
check wrong_hash 'used, or file and both hashes are not named' wrong_hash

unknown() {
	! DL_DIR=$work libs/third_party/fetch.sh "$work/out" libnothing=auto &&
		! DL_DIR=$work libs/third_party/fetch.sh "$work/out" musl=elsewhere
}
check unknown_names_and_providers 'accepted' unknown
# A pkg-config of a system that has shared libraries only.
no_static_library() {
	printf '#!/bin/sh\n[ "$1" = --modversion ] && echo 1.0 || echo -lof_no_system\n' >"$work/pkg-config"
	chmod +x "$work/pkg-config"
	! DL_DIR=$work PKG_CONFIG=$work/pkg-config STATIC=1 libs/third_party/fetch.sh "$work/out" libmnl=system 2>"$work/said" &&
		grep -q 'no static library of it; STATIC=0' "$work/said" &&
		DL_DIR=$work PKG_CONFIG=$work/pkg-config STATIC=0 libs/third_party/fetch.sh "$work/out" libmnl=system
}
check a_system_without_static_libraries 'it does not say so before anything is compiled' no_static_library

no_kernel_headers() {
	! libs/third_party/toolchain.sh 'cc -nostdinc' readelf >"$work/made" 2>"$work/said" &&
		grep -q 'finds no kernel headers.*linux-libc-dev' "$work/said"
}
check no_kernel_headers 'it does not say so' no_kernel_headers

# An apt-get that takes its time and, as the real one does, gives up at once where another has the lock.
renew() {
	# shellcheck disable=SC2317,SC2329,SC2034  # for the script that is sourced
	PATH=$work/renew:$PATH
	DL_DIR=$work/renew network=yes
	say() { :; }
	. libs/third_party/debian.sh
	debian_archive() { echo http://archive.invalid/debian; }
	apt_ready bookworm amd64 again
}
renewed_by_two_at_once() {
	mkdir "$work/renew"
	printf '#!/bin/sh\nmkdir %s/held || exit 100\nsleep 1\nrmdir %s/held\n' "$work/renew" "$work/renew" >"$work/renew/apt-get"
	chmod +x "$work/renew/apt-get"
	(renew) &
	(renew) && wait $!
}
check an_index_is_renewed_by_two_at_once 'one of them gives up' renewed_by_two_at_once

# Only looked at: done, it would remove this tree's own.
distclean() {
	make -n O="$work/made" DL_DIR="$work/shared" distclean >"$work/said" && cat "$work/said" &&
		grep -q "rm -rf $work/made dl\$" "$work/said" && ! grep -q "$work/shared" "$work/said"
}
check distclean_keeps_a_shared_folder 'it removes downloads of others' distclean
[ $failures -eq 0 ]
