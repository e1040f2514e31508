#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# Prints, as make variables, what the build has to know about the compiler.
# usage: toolchain.sh CC READELF [FLAG...]
set -eu
cc="$1" readelf=$2
shift 2
[ $# = 0 ] || cc="$cc $*"

# What CC says must not be in the user's language.
LC_ALL=C
export LC_ALL

# shellcheck disable=SC2086  # CC may be "ccache gcc"
machine=$($cc -dumpmachine)
case $machine in
x86_64-*) debian=amd64 ;;
i?86-*) debian=i386 ;;
aarch64-*) debian=arm64 ;;
arm*eabihf) debian=armhf ;;
arm*eabi) debian=armel ;;
riscv64-*) debian=riscv64 ;;
s390x-*) debian=s390x ;;
powerpc64le-*) debian=ppc64el ;;
mips64el-*) debian=mips64el ;;
*) debian= ;;
esac

# Flags for a C library of our own and all that is linked to it. musl has no long double of two doubles. The small mips
# routers have no floating point unit; the code has no floating point either, but the flag is part of what the ABI is.
case $machine in
powerpc64*) own="-mlong-double-64" ;;
mips-* | mipsel-*) own="-msoft-float" ;;
*) own= ;;
esac

# Likewise. The value of the stack protector is reached in fewer bytes at the end of musl's structure of a thread, where
# a register points (x86: under its own name), than through a table of addresses: 2 percent of the program on arm, 1 on
# others. Other C libraries may have none there. tests/cross/stack_guard.c finds it on the stack.
case $machine in
x86_64-*) guard=global ;;
arm*eabihf) guard="tls -mstack-protector-guard-offset=-8 -mtp=cp15" ;;
riscv64-*) guard="tls -mstack-protector-guard-offset=-16 -mstack-protector-guard-reg=tp" ;;
aarch64-*) guard="sysreg -mstack-protector-guard-offset=-16 -mstack-protector-guard-reg=tpidr_el0" ;;
*) guard= ;;
esac

# What configs/README.md calls it.
case $machine in
arm*eabihf) name=armv7 ;;
arm*eabi) name=armv5 ;;
i?86-*) name=i686 ;;
powerpc64le-*) name=ppc64le ;;
*) name=${machine%%-*} ;;
esac

case $machine in
*-musl*) musl=y ;;
*) musl= ;;
esac

# Where the kernel's headers are: include/linux and, often elsewhere, include/asm.
# shellcheck disable=SC2086,SC1003
header_folder() {
    printf '#include <%s>\n' "$1" | $cc -M -x c - 2>/dev/null | tr -s ' \\' '\n' |
        sed -n "s|/$1\$||p" | head -n 1
}
linux=$(header_folder linux/netlink.h) asm=$(header_folder asm/types.h)
if [ -z "$linux" ] || [ -z "$asm" ]; then
    echo "$cc finds no kernel headers, linux/netlink.h and asm/types.h (Debian: linux-libc-dev, or" \
        "linux-libc-dev-ARCHITECTURE-cross)" >&2
    exit 1
fi

# A static position-independent executable has no interpreter, but is of type DYN. Some
# compilers accept -static-pie and then ask for an interpreter, so the result is looked at.
try=$(mktemp -d)
trap 'rm -rf "$try"' EXIT
echo 'int value; int *pointer = &value; int *const fixed = &value; void _start(void) { for (;;) *pointer = *fixed; }' \
    >"$try/try.c"
static="-static -no-pie"
for flags in "-static-pie" "-static -Wl,-pie,--no-dynamic-linker,-z,text"; do
    # shellcheck disable=SC2086
    $cc -fPIE -nostdlib -nostartfiles $flags -o "$try/try" "$try/try.c" 2>/dev/null || continue
    $readelf -h "$try/try" | grep -q 'Type:.*DYN' || continue
    $readelf -l "$try/try" | grep -q INTERP && continue
    static=$flags
    break
done

# Smaller than -Os: gcc from 12 on, and clang. On x86 gcc aligns arrays to 32 bytes, where the ABI asks for less. The
# rest leaves out what -Oz does for speed, or in the hope of size. Which of it takes room was measured for each machine,
# and comes to 1 to 3 percent.
#
# Functions that are called once are merged into their caller, also when that makes its frame large. No code of ours has
# to do with floating point: without its registers, functions with variable arguments do not save these.
merge=--param=large-stack-frame=100000
loops="-fno-move-loop-invariants -fno-tree-loop-im"
calls="-fno-optimize-sibling-calls -fno-expensive-optimizations"
case $machine in
x86_64-* | i?86-* | arm*) less="$loops $calls -fno-caller-saves -fno-if-conversion -fno-tree-dominator-opts" ;;
riscv64-*) less="$loops $calls" ;;
s390x-*) less=$loops ;;
mips*) less="$loops $calls" ;;
*) less= ;;
esac
case $machine in
x86_64-* | aarch64*) less="$less -mgeneral-regs-only" ;;
esac
size=-Os
# shellcheck disable=SC2086
compiles_with() { $cc -Werror $1 -c -o "$try/try.o" "$try/try.c" 2>/dev/null; }
if compiles_with -Oz; then size=-Oz; fi
for flag in -malign-data=abi $merge $less; do
    if compiles_with "$flag"; then size="$size $flag"; fi
done

if [ -n "$guard" ] && compiles_with "-fstack-protector-strong -mstack-protector-guard=$guard"; then
    own="$own -mstack-protector-guard=$guard"
fi

# Instructions of 16 bits, where the small routers have them (MIPS16e: all of ath79 and ramips): a quarter less. They
# have no system call and no atomic operation, so that the C library, which has both in assembly, stays as it is.
#
# -fno-ipa-ra: with -fPIE each of their functions begins with code that computes its global pointer in $2 and $3. gcc 12
# does not count that when it keeps a value in a register over a call of a function that seems not to use it; what came
# of it was a jump to nowhere in mbedtls_ct_uint_lt.
compressed=
case $machine in
mips-* | mipsel-*)
    flags="-mips16 -fno-ipa-ra"
    if compiles_with "$own -fPIE $size $flags"; then compressed=$flags; fi ;;
esac

# Link-time optimisation needs a compiler and a linker that agree on it.
lto=
for flags in "-flto=1 -flto-partition=one" "-flto"; do
    # shellcheck disable=SC2086
    $cc -Werror $flags -fPIE -nostdlib -nostartfiles $static -o "$try/try" "$try/try.c" 2>/dev/null || continue
    lto=$flags
    break
done

# Relative relocations in a bitmap instead of 24 bytes each. A linker that does not know the option ignores it.
packed="-Wl,-z,pack-relative-relocs"
# shellcheck disable=SC2086
$cc -fPIE -nostdlib -nostartfiles $static $packed -o "$try/try" "$try/try.c" 2>/dev/null || packed=
$readelf -d "$try/try" | grep -q RELR || packed=
# The others' are packed by configs/finish.c.
loose=
case $packed$machine in
arm* | aarch64* | riscv64* | s390x* | mips-* | mipsel-*) loose="-Wl,-T,libs/relocations.ld" ;;
esac

# For libs/segments.ld: as large as a page gets on the machine (a program for arm may run on aarch64), and whether .got
# comes after what is made read-only. Others have what the linker thinks right; ppc64le its own order of sections.
page=
written=0
case $machine in
x86_64-* | i?86-* | s390x-*) page=4096 ;;
riscv64-*) page=4096 written=1 ;;
arm* | aarch64*) page=65536 ;;
mips*) page=65536 written=1 ;;
esac
segments=
try_segments="-Wl,-z,max-page-size=$page -Wl,--defsym=got_is_written=$written -Wl,-T,libs/segments.ld"
# shellcheck disable=SC2086
if [ -n "$page" ] &&
    $cc -fPIE -nostdlib -nostartfiles $static -Wl,-z,relro $try_segments -o "$try/try" "$try/try.c" 2>/dev/null &&
    $readelf -lW "$try/try" | grep -q GNU_RELRO; then
    segments=$try_segments
fi

cat <<END
target_machine := $machine
target_name := $name
target_debian := $debian
target_has_musl := $musl
target_own_libc := $own
target_compressed := $compressed
target_static := $static
target_pie := $(case $static in *-no-pie) ;; *) echo y ;; esac)
target_size := $size
target_lto := $lto
target_packed_relocations := $packed
target_loose_relocations := $loose
target_segments := $segments
target_linux_headers := $linux
target_asm_headers := $asm
target_cc_headers := $($cc -print-file-name=include)
target_libgcc := $($cc -print-libgcc-file-name)
END
