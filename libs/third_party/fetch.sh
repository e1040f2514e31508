#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# Finds each dependency that the configuration needs and records where it came
# from. Nothing is compiled here.
#
# usage: fetch.sh OUT_DIR NAME=PROVIDER...
#
# PROVIDER is auto, source, debian, system or headers. For each NAME, OUT_DIR/NAME.origin
# is written (only when it changes) with one "key value" per line: provider,
# version, file, build-info. What an earlier run has downloaded is used before the network is.
#
# Environment: DL_DIR (downloads, kept between builds), DEBIAN_ARCH (what Debian
# calls the target), DEBIAN_SUITES (suites to look in), PKG_CONFIG, CC, STATIC (1: a library of
# the system has to be a static one).
set -eu

here=$(dirname "$0")
out=$1
shift
: "${DL_DIR:?}" "${DEBIAN_SUITES:=forky sid trixie}" "${PKG_CONFIG:=pkg-config}" "${DEBIAN_ARCH:=}" "${CC:=cc}" "${STATIC:=}"
mkdir -p "$DL_DIR" "$out"
LC_ALL=C
export LC_ALL

say() { printf '  %-7s %s\n' "$1" "$2"; }
# Whoever tries again after a failure has perhaps mended the network.
fail() { rm -f "$DL_DIR"/.unreachable-*; printf 'third party: %s\n' "$*" >&2; exit 1; }

# shellcheck source=libs/third_party/debian.sh
. "$here/debian.sh"

# field NAME COLUMN: one column of the table.
field() { awk -v name="$1" -v column="$2" '$1 == name { print $column }' "$here/table"; }

# --- upstream ---------------------------------------------------------------

# download URL FILE
download() {
    [ "$network" = yes ] || return 1
    host=${1#*://}
    host=${host%%/*}
    unreachable "$host" && return 1
    if command -v curl >/dev/null; then
        curl -fsSL --connect-timeout 5 --speed-time 20 --speed-limit 1000 -o "$2.part" "$1" 2>/dev/null
    elif command -v wget >/dev/null; then
        wget -q -T 5 -t 1 -O "$2.part" "$1" 2>/dev/null
    else
        return 1
    fi || { rm -f "$2.part"; : >"$DL_DIR/.unreachable-$host"; return 1; }
    mv "$2.part" "$2"
}

# --- Debian's archive --------------------------------------------------------

# debian_tarball NAME: a Debian source package whose tarball has one of the two
# hashes in the table. Debian may lack the other parts of it: they are not needed.
debian_tarball() {
    [ "$network" = yes ] || return 1
    wanted=$(field "$1" 4) repacked=$(field "$1" 6)
    for suite in $DEBIAN_SUITES; do
        apt_ready "$suite" src || continue
        found=$(apt "$suite" src apt-cache showsrc "$1" 2>/dev/null |
            awk -v wanted="$wanted" -v repacked="$repacked" '
                /^Version:/ { version = $2 }
                $1 == wanted || $1 == repacked { print version, $1, $3; exit }')
        [ -n "$found" ] || continue
        # shellcheck disable=SC2086  # three words
        set -- "$1" $found
        # apt ends with an error when the tarball is there but its .dsc is not.
        (cd "$DL_DIR" && apt "$suite" src apt-get source --download-only --tar-only "$1=$2") \
            >/dev/null 2>&1 || :
        [ -e "$DL_DIR/$4" ] || continue
        verify "$DL_DIR/$4" "$3"
        return 0
    done
    return 1
}

# --- providers: each writes the origin to descriptor 3, or returns 1 -----------

provide_source() {
    name=$1
    version=$(field "$name" 2) hash=$(field "$name" 4) url=$(field "$name" 5)
    repacked=$(field "$name" 6)
    tarball=${url##*/}
    for file in "$tarball" "${name}_$version.orig.tar.${tarball##*.}"; do
        [ -e "$DL_DIR/$file" ] || continue
        expected=$hash
        [ "$repacked" = - ] || [ "$file" = "$tarball" ] || expected=$repacked
        verify "$DL_DIR/$file" "$expected"
        origin source "$version" "$file" "$file, downloaded before"
        return 0
    done
    if download "$url" "$DL_DIR/$tarball"; then
        verify "$DL_DIR/$tarball" "$hash"
        origin source "$version" "$tarball" "$url"
        return 0
    fi
    debian_tarball "$name" || return 1
    file=${name}_$version.orig.tar.${tarball##*.}
    [ -e "$DL_DIR/$file" ] || return 1
    origin source "$version" "$file" "Debian source package, $file"
}

provide_debian() {
    name=$1
    [ "$name" = libmnl ] || return 1
    [ -n "$DEBIAN_ARCH" ] || return 1
    for suite in $DEBIAN_SUITES; do
        debian_package "$suite" "$DEBIAN_ARCH" "$name-dev" || continue
        how="Debian's static archive, $package_file"
        [ "$package_how" = downloaded ] || how="$how, $package_how"
        upstream=${package_version%-*}
        origin debian "${upstream#*:}" "$package_file" "$how"
        return 0
    done
    return 1
}

# Only the headers, which are the same on every machine: for a machine that Debian has no archive for, everything can be
# compiled so, and linked but for what is in the library.
provide_headers() {
    DEBIAN_ARCH=amd64 provide_debian "$1" || return 1
    sed -i -e "s/^provider .*/provider headers/" -e "s/^build-info .*/build-info $1 missing (headers only)/" "$out/$1.origin.new"
}

provide_system() {
    case $1 in
    musl)
        origin system - - "taken as it is"
        return 0 ;;
    mbedtls) modules="mbedtls" ;;
    libyaml) modules=yaml-0.1 ;;
    *) modules=$1 ;;
    esac
    version=$("$PKG_CONFIG" --modversion "$modules" 2>/dev/null) || {
        reason="$PKG_CONFIG does not know $modules."
        return 1
    }
    # shellcheck disable=SC2046  # words
    [ "$STATIC" != 1 ] || echo 'int main(void) { return 0; }' |
        $CC -static -o /dev/null -x c - $("$PKG_CONFIG" --static --libs "$modules") 2>/dev/null || {
        reason="$PKG_CONFIG knows it, but there is no static library of it; STATIC=0 links shared ones."
        return 1
    }
    origin system "$version" "$modules" "$PKG_CONFIG $modules"
}

# origin PROVIDER VERSION FILE HOW
origin() {
    case $1 in
    debian) info="$name $2 (Debian static archive)" ;;
    *) info="$name $2 ($1)" ;;
    esac
    # Which C library a compiler has cannot be asked.
    [ "$2" != - ] || info="C library of the compiler"
    printf 'provider %s\nversion %s\nfile %s\nbuild-info %s\n' "$1" "$2" "$3" "$info" >"$out/$name.origin.new"
    say FETCH "${info%% (*}: $4"
}

for request; do
    reason=
    name=${request%%=*} mode=${request#*=}
    [ -n "$(field "$name" 2)" ] || fail "$name is not in the table"
    case $mode in
    auto) providers="source debian" ;;
    source | debian | system | headers) providers=$mode ;;
    *) fail "THIRD_PARTY_$name=$mode: not auto, source, debian, system or headers" ;;
    esac
    new=$out/$name.origin
    rm -f "$new.new"
    for network in no yes; do
        for provider in $providers; do
            if "provide_$provider" "$name"; then break 2; fi
        done
    done
    [ -e "$new.new" ] || fail "$name $(field "$name" 2): no provider has it (tried: $providers).
  ${reason:-Put $(field "$name" 5 | sed 's|.*/||') into $DL_DIR, or see THIRD_PARTY in 'make help'.}"
    if cmp -s "$new.new" "$new"; then rm "$new.new"; else mv "$new.new" "$new"; fi
done
