#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# Finds each dependency that the configuration needs and records where it came
# from. Nothing is compiled here.
#
# usage: fetch.sh OUT_DIR NAME=PROVIDER...
#
# PROVIDER is auto, source, debian or system. For each NAME, OUT_DIR/NAME.origin
# is written (only when it changes) with one "key value" per line: provider,
# version, file, build-info. What an earlier run has downloaded is used before the network is.
#
# Environment: DL_DIR (downloads, kept between builds), DEBIAN_ARCH (what Debian
# calls the target), DEBIAN_SUITES (suites to look in), PKG_CONFIG.
set -eu

here=$(dirname "$0")
out=$1
shift
: "${DL_DIR:?}" "${DEBIAN_SUITES:=forky sid trixie}" "${PKG_CONFIG:=pkg-config}" "${DEBIAN_ARCH:=}"
mkdir -p "$DL_DIR" "$out"
LC_ALL=C
export LC_ALL

say() { printf '  %-7s %s\n' "$1" "$2"; }
# Whoever tries again after a failure has perhaps mended the network.
fail() { rm -f "$DL_DIR"/.unreachable-*; printf 'third party: %s\n' "$*" >&2; exit 1; }

# field NAME COLUMN: one column of the table.
field() { awk -v name="$1" -v column="$2" '$1 == name { print $column }' "$here/table"; }

hash_of() { sha256sum "$1" | cut -d ' ' -f 1; }

# verify FILE HASH: a file that is not what the table says must never be used,
# and must be gone for the next try, so it is put aside.
verify() {
    found=$(hash_of "$1")
    [ "$found" = "$2" ] && return
    mv "$1" "$1.rejected"
    fail "$1: wrong SHA-256
  expected $2
  found    $found
  The file is now $1.rejected and was not used."
}

# --- upstream ---------------------------------------------------------------

# A site that does not answer is not asked again for ten minutes, by this or the
# next run: without a network the build should fail over at once.
unreachable() { [ -n "$(find "$DL_DIR" -name ".unreachable-$1" -mmin -10 2>/dev/null)" ]; }

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
#
# apt runs on a state directory of our own: the machine's sources, lists and
# packages are neither used nor changed, and no privilege is needed. Only the
# address of the archive and its key come from the machine's configuration.

# Prints "URI KEYRING" of the first Debian archive that the machine knows, from
# one-line and deb822 sources. A security archive does not have all packages.
debian_archive() {
    cat /etc/apt/sources.list /etc/apt/sources.list.d/*.list \
        /etc/apt/sources.list.d/*.sources 2>/dev/null | awk '
        function offer(uri, key) {
            if (!done && uri ~ /^[a-z+]+:.*\/debian\/*$/) { print uri, key; done = 1 }
        }
        function stanza_end() { if (uri != "" && enabled) offer(uri, key); uri = key = ""; enabled = 1 }
        BEGIN { enabled = 1 }
        /^[ \t]*#/ { next }
        /^[ \t]*$/ { stanza_end(); next }
        /^Types:/ { stanza_end() }
        /^URIs:/ { uri = $2 }
        /^Signed-By:/ { key = $2 }
        /^Enabled:[ \t]*no/ { enabled = 0 }
        /^deb(-src)?[ \t]/ {
            one_key = ""
            line = $0
            if (match(line, /\[[^]]*\]/)) {
                options = substr(line, RSTART + 1, RLENGTH - 2)
                line = substr(line, 1, RSTART - 1) substr(line, RSTART + RLENGTH)
                n = split(options, option, /[ \t]+/)
                for (i = 1; i <= n; i++)
                    if (option[i] ~ /^signed-by=/) one_key = substr(option[i], 11)
            }
            split(line, word, /[ \t]+/)
            offer(word[2], one_key)
        }
        END { stanza_end() }'
}

# apt SUITE KIND COMMAND...: KIND is src or an architecture; each has lists of its own.
apt() {
    state=$apt_root/$1-$2
    tool=$3
    shift 3
    "$tool" -qq -o Dir::Etc::sourcelist="$state/sources.list" -o Dir::Etc::sourceparts=- \
        -o Dir::State::lists="$state/lists" -o Dir::State::status=/dev/null \
        -o Dir::Cache="$state/cache" -o APT::Sandbox::User="$(id -un)" \
        -o APT::Architecture="${apt_arch:-amd64}" -o APT::Architectures="${apt_arch:-amd64}" \
        -o APT::Get::List-Cleanup=false -o Acquire::Languages=none -o Acquire::Retries=2 "$@"
}

# apt_ready SUITE KIND [again]: has (or gets) the signed index.
apt_ready() {
    apt_root=$(cd "$DL_DIR" && pwd)/apt
    apt_arch=
    [ "$2" = src ] || apt_arch=$2
    state=$apt_root/$1-$2
    [ "${3:-}" = again ] || [ ! -e "$state/ready" ] || return 0
    [ "$network" = yes ] || return 1
    command -v apt-get >/dev/null || return 1
    archive=$(debian_archive)
    [ -n "$archive" ] || return 1
    unreachable "debian-$1-$2" && return 1
    mkdir -p "$state/lists/partial" "$state/cache/archives/partial"
    key=${archive#* }
    if [ "$2" = src ]; then
        type=deb-src options="target=Sources"
    else
        type=deb options="target=Packages arch=$2"
    fi
    echo "$type [$options${key:+ signed-by=$key}] ${archive%% *} $1 main" >"$state/sources.list"
    say INDEX "Debian $1 $2"
    if apt "$1" "$2" apt-get -o APT::Update::Error-Mode=any update >"$state/log" 2>&1; then
        : >"$state/ready"
    else
        : >"$DL_DIR/.unreachable-debian-$1-$2"
        return 1
    fi
}

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

# The index is signed; the package must be what the index says. A package that is
# there already needs no network.
provide_debian() {
    name=$1
    [ "$name" = libmnl ] || return 1
    [ -n "$DEBIAN_ARCH" ] || return 1
    for suite in $DEBIAN_SUITES; do
        apt_ready "$suite" "$DEBIAN_ARCH" || continue
        for attempt in first again; do
            record=$(apt "$suite" "$DEBIAN_ARCH" apt-cache --no-all-versions show "$name-dev" 2>/dev/null |
                awk '/^Version:/ { v = $2 } /^Filename:/ { n = split($2, p, "/"); f = p[n] }
                     /^SHA256:/ { s = $2 } END { if (s != "") print v, f, s }')
            [ -n "$record" ] || break
            # shellcheck disable=SC2086
            set -- $record
            how="Debian's static archive, $2"
            if [ -e "$DL_DIR/$2" ]; then
                how="$how, downloaded before"
            elif [ "$network" = yes ]; then
                # apt names the file with the epoch's colon quoted; ask it for the bytes only.
                rm -rf "$DL_DIR/.deb"
                mkdir -p "$DL_DIR/.deb"
                (cd "$DL_DIR/.deb" && apt "$suite" "$DEBIAN_ARCH" apt-get download "$name-dev") >/dev/null 2>&1 || :
                for got in "$DL_DIR"/.deb/*.deb; do
                    [ ! -e "$got" ] || mv "$got" "$DL_DIR/$2"
                done
                rm -rf "$DL_DIR/.deb"
            fi
            if [ -e "$DL_DIR/$2" ]; then
                verify "$DL_DIR/$2" "$3"
                upstream=${1%-*}
                origin debian "${upstream#*:}" "$2" "$how"
                return 0
            fi
            # The index may be older than the archive.
            [ "$attempt$network" = firstyes ] || break
            apt_ready "$suite" "$DEBIAN_ARCH" again || break
        done
    done
    return 1
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
    version=$("$PKG_CONFIG" --modversion "$modules" 2>/dev/null) || return 1
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
    name=${request%%=*} mode=${request#*=}
    [ -n "$(field "$name" 2)" ] || fail "$name is not in the table"
    case $mode in
    auto) providers="source debian" ;;
    source | debian | system) providers=$mode ;;
    *) fail "THIRD_PARTY_$name=$mode: not auto, source, debian or system" ;;
    esac
    new=$out/$name.origin
    rm -f "$new.new"
    for network in no yes; do
        for provider in $providers; do
            if "provide_$provider" "$name"; then break 2; fi
        done
    done
    [ -e "$new.new" ] || fail "$name $(field "$name" 2): no provider has it (tried: $providers).
  Put $(field "$name" 5 | sed 's|.*/||') into $DL_DIR, or see THIRD_PARTY in 'make help'."
    if cmp -s "$new.new" "$new"; then rm "$new.new"; else mv "$new.new" "$new"; fi
done
