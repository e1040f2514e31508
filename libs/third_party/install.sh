#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# Turns what fetch.sh found into headers and a static archive in OUT/sysroot.
#
# usage: install.sh NAME
#
# Environment, from third_party.mk: OUT, DL_DIR, MAKE, CC, AR, RANLIB, OBJCOPY, CFLAGS, TARGET, Q,
# and LINUX_HEADERS and ASM_HEADERS, the folders that hold linux/ and asm/.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
name=$1
origin=$OUT/$name.origin
work=$OUT/$name
sysroot=$OUT/sysroot

value() { sed -n "s/^$1 //p" "$origin"; }
say() { printf '  %-7s %s\n' "$1" "$2"; }

unpack() {
    rm -rf "$work"
    mkdir -p "$work" "$sysroot/include" "$sysroot/lib"
    tar -xf "$DL_DIR/$(value file)" -C "$work" --strip-components=1
    # The generated header of an autoconf package: these two need nothing from it.
    : >"$work/config.h"
}

# archive FLAGS SOURCE...: sources are relative to the unpacked folder. The archive
# keeps them apart, so that only what is used is linked.
archive() {
    flags=$1
    shift
    "$MAKE" --no-print-directory -f "$here/archive.mk" "NAME=$name" "FROM=$work" "SOURCES=$*" \
        "ARCHIVE=$sysroot/lib/$name.a" "FLAGS=$CFLAGS $flags" "CC=$CC" "AR=$AR" "Q=$Q"
}

# shellcheck disable=SC2048,SC2086  # patterns, to be expanded there
sources() { (cd "$work" && printf "%s\n" $* | sort); }

install_musl() {
    unpack
    # configure and make say much and, when all is well, nothing of interest.
    if [ -n "$Q" ]; then log=$OUT/musl.log; else log=/dev/stdout; fi
    : >"$OUT/musl.log"
    prefix=$(cd "$sysroot" && pwd)
    # What a user gave to the outer make (CFLAGS= DESTDIR=) would go down to this one and take the place of ours.
    {
        (cd "$work" && CC=$CC AR=$AR RANLIB=$RANLIB CFLAGS=$CFLAGS \
            ./configure --target="$TARGET" --prefix="$prefix" --disable-shared --disable-wrapper) &&
            "$MAKE" --no-print-directory -C "$work" "CFLAGS=$CFLAGS" CPPFLAGS= LDFLAGS= DESTDIR= install
    } >"$log" 2>&1 || {
        tail -n 20 "$OUT/musl.log" >&2
        exit 1
    }
    # musl has no kernel headers; the packages call them by the same names as ours does.
    for folder in "$LINUX_HEADERS/linux" "$LINUX_HEADERS/asm-generic" "$ASM_HEADERS/asm"; do
        [ -d "$folder" ] || { echo "no kernel headers: $folder (Debian: linux-libc-dev)" >&2; exit 1; }
        ln -sfn "$folder" "$prefix/include/${folder##*/}"
    done
}

install_libmnl() {
    unpack
    # shellcheck disable=SC2046
    archive "-I$work -I$work/include" $(sources "src/*.c")
    cp -R "$work/include/libmnl" "$sysroot/include/"
}

install_mbedtls() {
    unpack
    cp "$here/mbedtls_config.h" "$work/include/mbedtls/mbedtls_config.h"
    # What the configuration leaves out compiles to nothing, so there is no list to keep. small_psa.c is in the place of
    # psa_crypto*.c.
    # shellcheck disable=SC2046
    archive "-I$work/include -I$work/library -include $here/mbedtls_small.h" \
        $(sources "library/*.c" | grep -v /psa_crypto)
    cp -R "$work/include/mbedtls" "$work/include/psa" "$sysroot/include/"
}

install_libyaml() {
    unpack
    version=$(value version)
    # shellcheck disable=SC2046,SC2183
    {
        echo "#define YAML_VERSION_STRING \"$version\""
        printf '#define YAML_VERSION_MAJOR %s\n#define YAML_VERSION_MINOR %s\n#define YAML_VERSION_PATCH %s\n' \
            $(echo "$version" | tr . ' ')
    } >"$work/config.h"
    # Only what reads: no emitter, no documents.
    archive "-DHAVE_CONFIG_H -DNDEBUG -I$work -I$work/include -I$work/src -include $here/libyaml_small.h" \
        src/api.c src/reader.c src/scanner.c src/parser.c
    cp "$work/include/yaml.h" "$sysroot/include/"
}

unpack_from_debian() {
    rm -rf "$work"
    mkdir -p "$work" "$sysroot/include" "$sysroot/lib"
    package=$(cd "$DL_DIR" && pwd)/$(value file)
    (cd "$work" && ar x "$package" && tar -xf data.tar.*)
    cp -R "$work/usr/include/$name" "$sysroot/include/"
    rm -f "$sysroot/lib/$name.a"
}

# A static archive that Debian compiled for glibc. What of it calls functions that only glibc has, to print messages for
# people who debug, lies in the object file that small_netlink.c stands for. Tables for unwinding, which no C program
# needs, are a fifth of it. Where Debian's 32-bit machines have gone to 64-bit times, the names of three calls are
# others; they are musl's only ones.
install_from_debian() {
    unpack_from_debian
    "$OBJCOPY" -R .eh_frame -R .note.gnu.property -R .comment --redefine-sym __recvmsg64=recvmsg \
        --redefine-sym __setsockopt64=setsockopt --redefine-sym __getsockopt64=getsockopt \
        "$work"/usr/lib/*/"$name.a" "$sysroot/lib/$name.a"
}

case $(value provider) in
source)
    say BUILD "$name $(value version)"
    "install_$name" ;;
debian)
    say UNPACK "$name $(value version)"
    install_from_debian ;;
headers)
    say UNPACK "$name $(value version), headers only"
    unpack_from_debian
    "$AR" rcD "$sysroot/lib/$name.a" ;;
system) ;;
esac
