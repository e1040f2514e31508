#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# The build: every configuration that somebody may choose, what comes out of it, that it is the same wherever it is built, and
# that it can be installed. $BUILD: the folder of a finished build; $THIRD_PARTY_DIR: its dependencies, which all but one of the
# builds here share; $CONFIGS_RANDOM: how many random configurations (20).
set -u

cd "$(dirname "$(realpath "$0")")/.." || exit 1
# As make was told them: other words for the same folders are other flags, and everything would be made again.
build=${BUILD:-build}
third_party=${THIRD_PARTY_DIR:-$build/third_party}
downloads=${DL_DIR:-dl}
work=$build/tests/configs
failures=0

rm -rf "$work"
mkdir -p "$work"

ok() { # NAME
	echo "ok $1"
}

not_ok() { # NAME WHY
	echo "not ok $1: $2"
	[ ! -f "$work/log" ] || tail -n 15 "$work/log" | sed 's/^/# /'
	failures=$((failures + 1))
}

check() { # NAME WHY COMMAND...
	name=$1 why=$2
	shift 2
	if "$@" >"$work/log" 2>&1; then ok "$name"; else not_ok "$name" "$why"; fi
}

make_in() { # FOLDER GOAL...
	folder=$1
	shift
	make -s O="$folder" THIRD_PARTY_DIR="$third_party" DL_DIR="$downloads" WERROR=1 "$@"
}

applets_of() { # .config
	sed -n 's/^CONFIG_APPLET_\(.*\)=y$/\1/p' "$1" | tr 'A-Z' 'a-z' | sort
}

# One program, which needs nothing: no interpreter, no library, nowhere it has to be loaded.
is_static_pie() { # PROGRAM
	readelf -hlW "$1" >"$work/elf" 2>/dev/null && readelf -dW "$1" >>"$work/elf" && grep -q 'Type: *DYN' "$work/elf" &&
		! grep -Eq 'INTERP|NEEDED|RUNPATH|RPATH|TEXTREL' "$work/elf" && grep -q 'FLAGS_1.*PIE' "$work/elf" &&
		grep -q GNU_RELRO "$work/elf" && ! grep -Eq 'GNU_STACK.*RWE' "$work/elf"
}

# What make has left in the folder is what its configuration says.
is_as_configured() { # FOLDER
	[ "$("$1/quarbox" --list | sort)" = "$(applets_of "$1/.config")" ] &&
		[ "$(cd "$1/bin" && ls | sort)" = "$(applets_of "$1/.config")" ] && "$1/quarbox" >/dev/null &&
		is_static_pie "$1/quarbox" && is_called_as_it_should "$1"
}

ends_with() { # CODE COMMAND...
	wanted=$1 code=0
	shift
	"$@" >"$work/said" 2>&1 || code=$?
	[ $code -eq "$wanted" ]
}

# By its own name or behind `quarbox`, by no other: a link of an older build must not release. One alone has no --install.
is_called_as_it_should() { # FOLDER
	applets=$(applets_of "$1/.config")
	applet=$(echo "$applets" | tail -n 1)
	for name in another quarbox-0 -quarbox; do
		ln -sf quarbox "$1/$name" || return
	done
	mkdir -p "$1/links" && ends_with 127 "$1/another" --help && ends_with 127 "$1/quarbox" another &&
		ends_with 127 "$1/quarbox" --help another && ends_with 0 "$1/-quarbox" --version &&
		grep -q '^quarbox [0-9.]*$' "$work/said" && ends_with 64 "$1/quarbox" --another &&
		grep -q '^quarbox: unknown option' "$work/said" && ends_with 0 "$1/quarbox" || return
	[ -n "$applet" ] || return 0
	for way in "$1/bin/$applet" "$1/quarbox $applet" "$1/quarbox-0 $applet" "$1/quarbox --help $applet"; do
		ends_with 0 $way --help && grep -q "^Usage: $applet " "$work/said" || return
	done
	ends_with 0 "$1/quarbox"
	if [ "$applet" = "$applets" ]; then
		grep -q "^Usage: $applet " "$work/said" && ends_with 64 "$1/quarbox" --install "$1/links" && rmdir "$1/links"
	else
		grep -q "^  $applet " "$work/said" && ends_with 0 "$1/quarbox" --install -s "$1/links" &&
			[ "$(ls "$1/links")" = "$applets" ]
	fi
}

# Builds $work/NAME/.config, unless the same configuration has been built before.
build_config() { # NAME
	key=$work/$(grep -v '^#' "$work/$1/.config" | grep . | sort | sha256sum | cut -c 1-16).done
	if [ -e "$key" ]; then
		ok "$1 (as $(cat "$key"))"
	elif ! make_in "$work/$1" >"$work/log" 2>&1; then
		not_ok "$1" 'it does not build'
	elif ! is_as_configured "$work/$1"; then
		not_ok "$1" "not what its configuration says: $("$work/$1/quarbox" --list | tr '\n' ' ')"
	else
		echo "$1" >"$key"
		ok "$1"
	fi
	rm -rf "${work:?}/$1/obj"
}

# --- what make left ------------------------------------------------------------------------------------------------

check static_pie 'it wants an interpreter, a library or an address' is_static_pie "$build/quarbox"
nothing_is_made_again() {
	make O="$build" THIRD_PARTY_DIR="$third_party" DL_DIR="$downloads" >"$work/again" 2>&1 && [ ! -s "$work/again" ]
}
check nothing_is_made_again 'a second make has something to do' nothing_is_made_again

# libs/third_party/small_thread.c has that much room for the C library's structure of a thread. There it stands in front of 16
# pointers and behind one byte.
thread_fits() {
	room=$(sed -n 's/.*THREAD_SIZE = \([0-9]*\).*/\1/p' libs/third_party/small_thread.c)
	size=$(nm -S -t d "$third_party/sysroot/lib/libc.a" 2>/dev/null | sed -n 's/^[0-9]* 0*\([0-9]*\) b builtin_tls$/\1/p')
	echo "$size of $room bytes"
	[ -n "$size" ] && [ "$size" -le "$room" ]
}
check thread_fits 'small_thread.c is too small for this musl' thread_fits

# The same for other processors is in tests/cross.
has_stack_guard() {
	make O="$build" THIRD_PARTY_DIR="$third_party" DL_DIR="$downloads" "$build/tests/stack_guard" && "$build/tests/stack_guard"
}
check stack_guard "the stack protector does not use the C library's random number" has_stack_guard

# Seen in a program that waits for its output to be taken.
relocated_is_read_only() {
	mkfifo "$work/full" && exec 9<>"$work/full" && dd if=/dev/zero of="$work/full" bs=4096 oflag=nonblock 2>/dev/null
	"$build/quarbox" --help >&9 &
	tries=0
	until grep -q 'r--p .*/quarbox$' "/proc/$!/maps"; do
		[ $((tries += 1)) -lt 50 ] || break
		sleep 0.1
	done
	cat "/proc/$!/maps"
	kill $! && exec 9>&-
	[ $tries -lt 50 ]
}
check relocated_is_read_only 'what only relocation writes can be written' relocated_is_read_only

# In a folder of its own: where the links belong is part of the program.
install_everything() {
	mkdir -p "$work/install" && cp "$build/.config" "$work/install/"
	make -s O="$work/install" THIRD_PARTY_DIR="$third_party" DL_DIR="$downloads" DESTDIR="$work/dest" PREFIX=/opt install install-links
}
check install 'it fails' install_everything
installed() {
	cmp "$work/install/quarbox" "$work/dest/opt/sbin/quarbox" || return
	for applet in $(applets_of "$build/.config"); do
		[ "$(readlink "$work/dest/opt/sbin/$applet")" = quarbox ] || return
		"$work/dest/opt/sbin/$applet" --help | grep -q "^Usage: $applet" || return
		[ -f "$work/dest/opt/share/man/man8/$applet.8" ] || return
	done
	[ -f "$work/dest/opt/share/man/man8/quarbox.8" ] || return
	"$work/dest/opt/sbin/quarbox" --list-full | grep -vq '^opt/sbin/' && return 1
	[ "$(find "$work/dest" -type l | wc -l)" -eq "$(applets_of "$build/.config" | wc -l)" ]
}
check installed_as_it_should 'a file or link is missing or wrong' installed
rm -rf "$work/install"

# --- the same wherever it is built -------------------------------------------------------------------------------------

# A copy of the sources in a folder with another name, all dependencies compiled anew. What is for our own `install' is not for
# that of the C library.
build_elsewhere() {
	elsewhere=$work/else/where
	mkdir -p "$elsewhere/build"
	cp -a Makefile Kconfig applets libs configs tests "$elsewhere/" && cp "$build/.config" "$elsewhere/build/" &&
		make -s -C "$elsewhere" O=build THIRD_PARTY_DIR=build/third_party DL_DIR="$(realpath "$downloads")" \
			DESTDIR="$(realpath "$work")/nowhere"
}
check build_elsewhere 'a copy of the tree does not build' build_elsewhere
check same_bytes_elsewhere "$build/quarbox and $work/else/where/build/quarbox differ" \
	cmp "$build/quarbox" "$work/else/where/build/quarbox"

rm -rf "$work/else"

# --- with the libraries of the system -----------------------------------------------------------------------------------

# One that needs no library but the C library. What relocation writes must end up read-only in what finish has left, too.
for static in 0 1; do
	mkdir -p "$work/system" && cp configs/notify_only_defconfig "$work/system/.config"
	check "system_static_$static" 'it does not build, not run or not protect' eval \
		'make -s O="$work/system" THIRD_PARTY_DIR="$work/system/third_party" THIRD_PARTY=system STATIC=$static WERROR=1 &&' \
		'[ "$("$work/system/quarbox" --list)" = notify ] && readelf -lW "$work/system/quarbox" | grep GNU_RELRO'
	rm -rf "$work/system"
done

# --- every configuration ---------------------------------------------------------------------------------------------

for file in configs/*_defconfig; do
	name=$(basename "$file")
	mkdir -p "$work/$name" && cp "$file" "$work/$name/.config"
	build_config "$name"
done

# A defconfig is complete: what Kconfig makes of it is the same.
for file in configs/*_defconfig; do
	name=$(basename "$file")
	KCONFIG_CONFIG=$work/olddefconfig
	export KCONFIG_CONFIG
	cp "$file" "$KCONFIG_CONFIG"
	/usr/bin/python3 -m olddefconfig Kconfig >"$work/log" 2>&1
	check "$name.is_complete" 'make update-defconfigs changes it' cmp "$file" "$KCONFIG_CONFIG"
done
unset KCONFIG_CONFIG

for folder in applets/*/Kconfig; do
	name=$(basename "$(dirname "$folder")")
	check "$name.has_a_configuration_of_its_own" "no configs/${name}_only_defconfig" [ -f "configs/${name}_only_defconfig" ]
done

# What has been built under another name is not there under this one.
sizes() {
	set --
	for file in configs/*_defconfig; do
		[ ! -f "$work/$(basename "$file")/quarbox" ] ||
			set -- "$@" "$(basename "$file" _defconfig)=$(wc -c <"$work/$(basename "$file")/quarbox")"
	done
	configs/sizes.sh check "$(sed -n 's/^target_name := //p' "$build/toolchain.mk")" "$@"
}
check other_sizes_are_noticed 'configs/sizes.sh accepts anything' eval '! configs/sizes.sh check x86_64 full=200000' \
	'&& ! configs/sizes.sh check x86_64 nothing=1 && ! configs/sizes.sh check nothing full=1'
# armv7's may have 18 KB
check more_than_allowed_is_noticed 'configs/sizes.sh takes what is too large' eval \
	'configs/sizes.sh check armv7 notify_only=18432 && ! configs/sizes.sh check armv7 notify_only=18433'
# It states those of Debian 12.
case $(gcc -dumpversion) in
12*) check sizes_are_as_stated 'configs/README.md says something else: make sizes-all' sizes ;;
*) echo "ok sizes_are_as_stated # skipped: configs/README.md is about gcc 12" ;;
esac

mkdir -p "$work/allnoconfig" && make_in "$work/allnoconfig" allnoconfig >/dev/null 2>&1
build_config allnoconfig
seed=1
while [ $seed -le "${CONFIGS_RANDOM:-20}" ]; do
	mkdir -p "$work/random_$seed"
	KCONFIG_SEED=$seed make_in "$work/random_$seed" randconfig >/dev/null 2>&1
	build_config random_$seed
	seed=$((seed + 1))
done
[ $failures -eq 0 ]
