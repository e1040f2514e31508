#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# Installs the Debian packages that a group of targets needs, and only those that are missing.
#
# usage: setup.sh GROUP...   (build, config, check, cross-quick, cross, image, image-all, demo, bench, leaktest)
#
# With everything there it says nothing, needs no privilege and no network.
set -eu

packages_of() {
    case $1 in
    build) echo gcc libc6-dev make binutils linux-libc-dev xz-utils bzip2 gzip tar ;;
    config) echo python3 python3-kconfiglib ;;
    check)
        packages_of build
        packages_of config
        echo pkg-config libcmocka-dev libmnl-dev libnftnl-dev libyaml-dev nftables iproute2 openssl curl socat \
            strace shellcheck procps clang libclang-rt-dev util-linux ca-certificates dnsmasq-base busybox groff-base tmux ;;
    cross-quick)
        echo qemu-user-static gcc-s390x-linux-gnu libc6-dev-s390x-cross gcc-arm-linux-gnueabihf libc6-dev-armhf-cross ;;
    cross)
        packages_of cross-quick
        echo gcc-aarch64-linux-gnu gcc-arm-linux-gnueabi gcc-i686-linux-gnu gcc-riscv64-linux-gnu \
            gcc-powerpc64le-linux-gnu gcc-mipsel-linux-gnu gcc-mips-linux-gnu
        for architecture in arm64 armel i386 riscv64 ppc64el mipsel mips; do
            echo "libc6-dev-$architecture-cross"
        done ;;
    image)
        packages_of cross-quick
        echo qemu-system-x86 qemu-system-arm qemu-system-misc busybox xz-utils zstd python3 nftables iproute2 ppp pppoe wireguard-tools \
            e2fsprogs openssl ;;
    image-all)
        packages_of image
        echo qemu-system-ppc gcc-aarch64-linux-gnu gcc-riscv64-linux-gnu gcc-powerpc64le-linux-gnu
        for architecture in arm64 riscv64 ppc64el; do
            echo "libc6-dev-$architecture-cross"
        done ;;
    demo)
        packages_of build
        echo python3 nftables iproute2 openssl curl procps util-linux ;;
    leaktest)
        packages_of build
        echo python3 nftables iproute2 openssl procps util-linux dnsmasq-base ;;
    bench)
        packages_of build
        echo pkg-config python3 nftables iproute2 openssl curl procps util-linux strace ;;
    *)
        echo "setup.sh: no such group: $1" >&2
        exit 2 ;;
    esac
}

missing() {
    installed=$(dpkg-query -W -f '${db:Status-Status} ${Package}\n' "$@" 2>/dev/null | sed -n 's/^installed //p')
    printf '%s\n' "$@" | sort -u | grep -vxF "$installed" || :
}

wanted=
for group; do
    wanted="$wanted $(packages_of "$group")"
done

if ! command -v dpkg-query >/dev/null || ! command -v apt-get >/dev/null; then
    echo "setup.sh: not a Debian system; needed are:$wanted" >&2
    exit 0
fi

# shellcheck disable=SC2086,SC2046  # lists of words
set -- $(missing $wanted)
[ $# -gt 0 ] || exit 0

echo "  INSTALL $*"
if [ "$(id -u)" != 0 ]; then
    echo "setup.sh: only root can install: apt-get install $*" >&2
    exit 1
fi

install() {
    DEBIAN_FRONTEND=noninteractive apt-get -qq -o DPkg::Lock::Timeout=300 -o Dpkg::Use-Pty=0 \
        install -y --no-install-recommends "$@" </dev/null >"$log" 2>&1
}

log=$(mktemp)
trap 'rm -f "$log"' EXIT
# A fresh machine has no package lists, an old one may have lists of what is gone: update, and try once more.
if ! install "$@"; then
    apt-get -qq -o DPkg::Lock::Timeout=300 update >>"$log" 2>&1 || :
    install "$@" || { cat "$log" >&2; exit 1; }
fi
