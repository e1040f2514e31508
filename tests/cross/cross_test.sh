#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# quarbox for the processors of tests/cross/targets, with Debian's cross compilers, run by qemu's emulation of them: that it
# builds without a warning and needs nothing, and that byte order, alignment and word size change nothing that it says:
#
#   builds     everything, as one static program
#   list       it says what it consists of
#   stack_guard  what protects the stack is random
#   text       the golden cases of quarantine -n, byte for byte
#   probe      tests/netns/probe_test.sh, with servers on this machine
#   notify     tests/netns/notify_test.sh
#   unit       the unit tests; tests/unit/nft_plan.c reads with libnftnl what would be sent to the kernel
#   source_alone  from upstream's tarballs, with the recipe for mips once libmnl's is to be had
#   kernel     i686, without an emulator: the golden cases as this machine's kernel has them
#   confined   i686, likewise: probe with the real filter of system calls
#   sizes      of all configurations, against configs/README.md
#
# CROSS_TARGETS: names of tests/cross/targets, else all. CROSS_SIZES: check, write (configs/README.md), or no.
# $BUILD: the folder below which all is built and kept. A table of lines "# summary ..." ends it.
#
# What qemu-user can not show: it has no NETLINK_NETFILTER and no seccomp. That is for tests/image, with qemu-system.
set -u

cd "$(dirname "$(realpath "$0")")/../.." || exit 1
cross=$(realpath -m "${BUILD:-build}")/cross
DL_DIR=${DL_DIR:-dl}
CROSS_SIZES=${CROSS_SIZES:-check}
failures=0
mkdir -p "$cross"
: >"$cross/summary"

say() { :; }
fail() { echo "$*" >&2; exit 1; }
# shellcheck source=libs/third_party/debian.sh
. libs/third_party/debian.sh

ok() { # TEST
	echo "ok $name.$1"
}

not_ok() { # TEST WHY [FILE]
	echo "not ok $name.$1: $2"
	[ $# -lt 3 ] || tail -n 20 "$3" | sed 's/^/# /'
	failures=$((failures + 1))
}

check() { # TEST WHY COMMAND...
	test=$1 why=$2
	shift 2
	if "$@" >"$folder/log.$test" 2>&1; then ok "$test"; else not_ok "$test" "$why" "$folder/log.$test"; fi
}

make_for() { # FOLDER WORD...
	output=$1
	shift
	# shellcheck disable=SC2086 # words
	tests/cross/make "$name" O="$output" $without_libmnl "$@"
}

# --- building ----------------------------------------------------------------------------------------------------------

# Where neither a tarball nor a package has libmnl, all else is compiled and linked, and a program without what needs it is
# made to be run. With the tarball in DL_DIR none of this happens: the first make succeeds.
build() {
	program=$folder/quarbox
	without_libmnl=
	make_for "$folder" full_defconfig all >"$folder/log.builds" 2>&1 && ok builds && return
	grep -q 'libmnl .*no provider has it' "$folder/log.builds" || {
		not_ok builds 'it does not build' "$folder/log.builds"
		return 1
	}
	echo "ok $name.builds # skipped: no tarball of libmnl can be had, and Debian has no static archive of it for $triplet"
	without_libmnl='THIRD_PARTY_libmnl=headers LDFLAGS=-Wl,--warn-unresolved-symbols'
	rm -f "$folder/quarbox.unstripped"
	check builds_all_but_libmnl 'something else than functions of libmnl is missing' links_all_but_libmnl
	program=$folder/no_libmnl/quarbox
	configure_without_libmnl "$folder/no_libmnl"
	check builds_what_needs_no_libmnl 'it does not build' make_for "$folder/no_libmnl"
}

# All applets and libraries that do without it.
configure_without_libmnl() { # FOLDER
	mkdir -p "$1"
	{
		sed -E 's/^# (CONFIG_(APPLET_NOTIFY|VELOCIRAPTOR_CONFIG)) is not set/\1=y/' configs/probe_only_defconfig
		printf 'CONFIG_%s=y\n' LIB_TTY LIB_VELOCIRAPTOR USE_LIBYAML
	} >"$1/.config"
}

links_all_but_libmnl() {
	make_for "$folder" || return
	sed -n 's/.*undefined references* to .\([A-Za-z0-9_]*\).*/\1/p' "$folder/log.builds_all_but_libmnl" >"$folder/undefined"
	grep -q '^mnl_' "$folder/undefined" && ! grep -v '^mnl_' "$folder/undefined"
}

needs_nothing() {
	"$triplet-readelf" -lW "$program" >"$folder/elf" && "$triplet-readelf" -dW "$program" >>"$folder/elf" &&
		! grep -E 'INTERP|NEEDED|RUNPATH|RPATH|TEXTREL|GNU_STACK.*RWE' "$folder/elf" && grep -q GNU_RELRO "$folder/elf"
}

# By the linker or by configs/finish.c: what they say takes a bit each.
relocations_are_packed() {
	! grep -E '\(RELA?SZ\) +[1-9]' "$folder/elf" && grep '(RELR)' "$folder/elf"
}

# A kernel maps whole pages: where they have 64 KB, each part of the file has to be as far into its page in memory as in the
# file, and on pages of its own. s390x, riscv64 and x86 have no such pages.
loads_with_large_pages() {
	case $name in s390x | riscv64 | i686) return ;; esac
	"$triplet-readelf" -lW "$program" | sed -n 's/^ *LOAD *//p' >"$folder/loads"
	end=0
	while read -r offset address _ _ size _; do
		[ $((offset % 65536)) -eq $((address % 65536)) ] && [ $((address / 65536)) -ge $end ] || return 1
		end=$(((address + size + 65535) / 65536))
	done <"$folder/loads"
	[ $end -gt 0 ]
}

# A filter for another machine, or for none, would not be noticed here: qemu-user knows of none.
has_a_filter() {
	printf '#include "net/system_calls.c"\n_Static_assert(MACHINE == AUDIT_ARCH_%s, "");\n' "$audit" |
		"$triplet-gcc" -std=c11 -D_GNU_SOURCE -Ilibs -Wno-unused -fsyntax-only -x c -
}

# The processors of most mips routers have no floating point unit. Debian's libgcc is for those that have one, about which the
# linker warns; what is taken of it divides integers.
no_floating_point() {
	"$triplet-readelf" -A "${program}.unstripped" | grep -q 'FP ABI: Soft float' &&
		! "$triplet-objdump" -d "${program}.unstripped" | grep -E '[$]f[0-9]'
}

# A folder with nothing but tarballs, under the names that upstream gives them, and neither Debian nor a network: what they
# become is the same. They are those of the build before, whatever else is in DL_DIR.
source_alone() {
	tarballs=$folder/source/tarballs
	rm -rf "$tarballs"
	mkdir -p "$tarballs"
	configure_without_libmnl "$folder/no_libmnl"
	make_for "$folder/no_libmnl" || return
	while read -r dependency _ _ hash url _; do
		case $dependency in '#'* | '' | libmnl) continue ;; esac
		tarball=$(sed -n 's/^file //p' "$folder/third_party/$dependency.origin")
		found=$DL_DIR/$tarball
		[ "$(hash_of "$found")" != "$hash" ] || tarball=${url##*/}
		cp "$found" "$tarballs/$tarball" || return
	done <libs/third_party/table
	configure_without_libmnl "$folder/source"
	make_for "$folder/source" THIRD_PARTY=source DL_DIR="$tarballs" \
		THIRD_PARTY_DIR="$folder/source/third_party" && cmp "$folder/no_libmnl/quarbox" "$folder/source/quarbox"
}

# --- running -------------------------------------------------------------------------------------------------------------

# A program that runs the program.
wrap() { # FILE COMMAND...
	wrapper=$1
	shift
	mkdir -p "${wrapper%/*}"
	printf '#!/bin/sh\nexec %s "$@"\n' "$*" >"$wrapper"
	chmod +x "$wrapper"
}

has_stack_guard() {
	# shellcheck disable=SC2086 # words
	make_for "$folder" "$folder/tests/stack_guard" && $emulator "$folder/tests/stack_guard"
}

list() {
	sed -n 's/^CONFIG_APPLET_\(.*\)=y$/\1/p' "${program%/*}/.config" | tr 'A-Z' 'a-z' | sort >"$folder/applets"
	"$run" --list >"$folder/listed" && cmp "$folder/applets" "$folder/listed" && "$run" --build-info | grep "^target: .*$triplet"
}

# Runs a test of this machine's with the other program. PATTERN: the results that say nothing here.
results_of() { # TEST PATTERN SCRIPT
	QUARBOX=$run GOLDEN_TEXT_ONLY=yes "$3" >"$folder/log.$1" 2>&1
	code=$?
	grep '^not ok' "$folder/log.$1" >"$folder/bad"
	expected=0
	[ ! -s "$folder/bad" ] || expected=1
	grep -vE "^not ok ($2):" "$folder/bad" >"$folder/unexpected"
	count=$(grep -c '^ok ' "$folder/log.$1")
	if [ -s "$folder/unexpected" ]; then
		not_ok "$1" "$(wc -l <"$folder/unexpected") of it fail" "$folder/log.$1"
	elif [ $code -ne $expected ]; then
		not_ok "$1" "it ends with exit code $code" "$folder/log.$1"
	elif [ "$count" -eq 0 ]; then
		not_ok "$1" 'it says nothing' "$folder/log.$1"
	else
		ok "$1"
	fi
}

# --- unit tests ------------------------------------------------------------------------------------------------------------

# The packages are of the same release as the compiler, whose C library they need. Nothing is installed.
get_libraries() {
	suite=$(sed -n 's/^VERSION_CODENAME=//p' /etc/os-release)
	[ ! -e "$sysroot/complete" ] || return 0
	from_disk_or_network debian_packages "$suite" "$libraries" echo libcmocka-dev libcmocka0 libmnl-dev libmnl0 libnftnl-dev \
		libnftnl11 libyaml-dev libyaml-0-2 || return
	for file in $(echo "$package_records" | cut -d ' ' -f 3); do
		dpkg-deb -x "$DL_DIR/$file" "$sysroot" || return
	done
	: >"$sysroot/complete"
}

build_unit_tests() {
	PKG_CONFIG_LIBDIR=$(echo "$sysroot"/usr/lib/*/pkgconfig) PKG_CONFIG_SYSROOT_DIR=$sysroot \
		make_for "$folder" HOSTCC="$triplet-gcc" HOST_SANITIZE= unit-programs
}

# The processor is the emulator's default: Debian's C library for mipsel has instructions for floating point.
# net_child and net_system_calls ask what the kernel refuses to a confined process; the emulator makes calls of its own, and
# does not empty the pages of base_secret when it forks. net_connect is about SO_ERROR, see target().
unit_tests() {
	get_libraries >"$folder/log.unit" 2>&1 || { not_ok unit "no libraries for $libraries" "$folder/log.unit"; return; }
	build_unit_tests >"$folder/log.unit" 2>&1 || { not_ok unit 'they do not build' "$folder/log.unit"; return; }
	: >"$folder/log.unit"
	for file in tests/unit/*.c; do
		unit=$(basename "$file" .c)
		case $unit.$name in base_secret.* | net_child.* | net_system_calls.* | net_connect.mips*) continue ;; esac
		timeout 120 "${emulator%% *}" -L "/usr/$triplet" -E LD_LIBRARY_PATH="$(echo "$sysroot"/usr/lib/*-linux-gnu*)" \
			"$folder/tests/unit/$unit" >"$folder/log.one" 2>&1 || {
			sed '/^\[ *\(RUN\|OK\) /d' "$folder/log.one" >"$folder/log.why"
			not_ok "unit.$unit" 'it fails' "$folder/log.why"
		}
		cat "$folder/log.one" >>"$folder/log.unit"
	done
	count=$(grep -c '^\[ *OK' "$folder/log.unit")
	if [ "$count" -gt 100 ]; then ok unit; else not_ok unit "only $count pass"; fi
}

# --- without an emulator ---------------------------------------------------------------------------------------------------

# A kernel for x86-64 mostly runs 32-bit programs, too: the real nf_tables, and the real filter of system calls.
run_on_this_kernel() {
	if ! "$program" --version >/dev/null 2>&1; then
		echo "ok $name.kernel # skipped: this kernel runs no 32-bit programs"
		return
	fi
	check kernel 'what it installs differs from what it prints' env QUARBOX="$program" tests/golden/golden_test.sh
	check confined 'probe, or the confinement of its child' env QUARBOX="$program" tests/netns/probe_test.sh
}

# --- all of it -----------------------------------------------------------------------------------------------------------------

budget() { # of full, in KB
	awk -F ' *[|] *' -v target="$name" '/^\| at most / { for (i = 3; i < NF; i++) if ($i == target) at = i }
		at && $2 == "full" { print $at; found = 1 } END { if (!found) print "-" }' configs/README.md
}

target() { # NAME TRIPLET QEMU PROCESSOR LIBRARIES AUDIT
	name=$1 triplet=$2 emulator=qemu-$3-static libraries=$5 audit=$6
	[ "$4" = - ] || emulator="$emulator -cpu $4"
	folder=$cross/$name sysroot=$cross/$name/libraries run=$cross/$name/run/quarbox
	golden=- probe=- unit=-
	mkdir -p "$folder" "$sysroot"
	for command in "$triplet-gcc" "qemu-$3-static"; do
		command -v "$command" >/dev/null && continue
		echo "ok $name # skipped: no $command"
		return
	done
	build || return
	check needs_nothing 'it needs an interpreter or a library, or has pages to write and execute' needs_nothing
	check relocations_are_packed 'there are some of 8 or 24 bytes each' relocations_are_packed
	check loads_with_large_pages 'kernels with pages of 64 KB cannot load it' loads_with_large_pages
	case $name in mips*) check no_floating_point 'it has instructions for a floating point unit' no_floating_point ;; esac
	check has_a_filter 'libs/net/system_calls.c does not know the machine' has_a_filter
	wrap "$run" "$emulator" "$program"
	check list 'other applets or another target than configured' list
	check stack_guard 'the stack protector does not use the C library'"'"'s random number' has_stack_guard
	if [ -z "$without_libmnl" ]; then
		results_of text nothing tests/golden/golden_test.sh
		golden=$count
	fi
	# They look into the process, which is the emulator's, and limit its memory; and the emulator itself needs /proc. mips has
	# other numbers for errors, and qemu before 8.0 does not translate that of SO_ERROR.
	others=
	case $name in mips*) others='|refused_connection' ;; esac
	results_of probe "child_is_confined|child_has_two_descriptors|little_memory_.*$others" tests/netns/probe_test.sh
	probe=$count
	results_of notify notify_without_proc tests/netns/notify_test.sh
	notify=$count
	if [ "$libraries" != - ]; then
		unit_tests
		unit=$count
	fi
	[ "$name" != i686 ] || run_on_this_kernel
	# Of no machine's own, so one is enough.
	[ "$name" != i686 ] || check source_alone 'it does not build, or differs' source_alone
	case $CROSS_SIZES in
	no) ;;
	*) check sizes 'configs/README.md says something else: make check-cross CROSS_SIZES=write' \
		make_for "$folder" SIZES="$CROSS_SIZES" sizes-all ;;
	esac
	printf '%-8s %8d %7d %7s %7s %6s %7s %6s%s\n' "$name" "$(wc -c <"$folder/quarbox")" \
		$((($(wc -c <"$folder/quarbox") + 512) / 1024)) "$(budget)" "$golden" "$probe" "$notify" "$unit" \
		"${without_libmnl:+  without libmnl}" >>"$cross/summary"
}

while read -r name rest; do
	case "$name ${CROSS_TARGETS:-$name}" in
	'#'* | ' '*) continue ;;
	esac
	case " ${CROSS_TARGETS:-$name} " in
	*" $name "*) ;;
	*) continue ;;
	esac
	# shellcheck disable=SC2086 # words
	target "$name" $rest </dev/null
done <tests/cross/targets

echo '# summary target      full, stripped  budget   tests under qemu-user passed'
echo '# summary            bytes      KB      KB  golden  probe  notify   unit'
sed 's/^/# summary /' "$cross/summary"
[ $failures -eq 0 ]
