#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# Packages of Debian's archive, of any suite and architecture, into DL_DIR. For scripts that source it: third-party
# libraries come so, and the kernels of the image tests.
#
# Needs DL_DIR, and from the script: say WORD TEXT; fail TEXT (does not return); network, yes or no.
#
# apt runs on a state directory of our own: the machine's sources, lists and
# packages are neither used nor changed, and no privilege is needed. Only the
# address of the archive and its key come from the machine's configuration.
# shellcheck disable=SC2154  # network

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

# A site that does not answer is not asked again for ten minutes, by this or the
# next run: without a network the build should fail over at once.
unreachable() { [ -n "$(find "$DL_DIR" -name ".unreachable-$1" -mmin -10 2>/dev/null)" ]; }

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

# debian_record SUITE ARCHITECTURE PACKAGE: prints the version, the file's name and its SHA-256, from the signed index.
debian_record() {
    apt "$1" "$2" apt-cache --no-all-versions show "$3" 2>/dev/null |
        awk '/^Version:/ { v = $2 } /^Filename:/ { n = split($2, p, "/"); f = p[n] }
             /^SHA256:/ { s = $2 } END { if (s != "") print v, f, s }'
}

# debian_package SUITE ARCHITECTURE PACKAGE: DL_DIR gets (or has) the package, as the signed index says it is. Leaves
# package_version, package_file and package_how. One that is there already needs no network.
debian_package() {
    apt_ready "$1" "$2" || return 1
    for attempt in first again; do
        record=$(debian_record "$1" "$2" "$3")
        [ -n "$record" ] || return 1
        package_version=${record%% *} package_file=${record#* } package_how="downloaded before"
        package_file=${package_file%% *}
        if [ ! -e "$DL_DIR/$package_file" ] && [ "$network" = yes ]; then
            package_how=downloaded
            # apt names the file with the epoch's colon quoted; ask it for the bytes only.
            rm -rf "$DL_DIR/.deb"
            mkdir -p "$DL_DIR/.deb"
            (cd "$DL_DIR/.deb" && apt "$1" "$2" apt-get download "$3") >/dev/null 2>&1 || :
            for got in "$DL_DIR"/.deb/*.deb; do
                [ ! -e "$got" ] || mv "$got" "$DL_DIR/$package_file"
            done
            rm -rf "$DL_DIR/.deb"
        fi
        if [ -e "$DL_DIR/$package_file" ]; then
            verify "$DL_DIR/$package_file" "${record##* }"
            return 0
        fi
        # The index may be older than the archive.
        [ "$attempt$network" = firstyes ] || return 1
        apt_ready "$1" "$2" again || return 1
    done
}
