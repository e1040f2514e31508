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
# shellcheck disable=SC2034,SC2154  # what it leaves, and network

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
    say INDEX "Debian $1 $2"
    renew_index "$1" "$2" "$type [$options${key:+ signed-by=$key}] ${archive%% *} $1 main" 9>"$state/renewed"
}

# renew_index SUITE KIND SOURCE, with descriptor 9 on a file to lock: apt gives up at once where another run of ours has
# its lock, so this waits. What that run has found out counts for this one.
renew_index() {
    flock 9 || return 1
    unreachable "debian-$1-$2" && return 1
    echo "$3" >"$state/sources.list"
    if apt "$1" "$2" apt-get -o APT::Update::Error-Mode=any update >"$state/log" 2>&1; then
        : >"$state/ready"
    else
        : >"$DL_DIR/.unreachable-debian-$1-$2"
        return 1
    fi
}

# debian_records SUITE ARCHITECTURE PACKAGE...: prints of each that the signed index has: the package, its version, the
# file's name and its SHA-256.
debian_records() {
    records_suite=$1 records_architecture=$2
    shift 2
    apt "$records_suite" "$records_architecture" apt-cache --no-all-versions show "$@" 2>/dev/null | awk '
        function stanza_end() { if (s != "") print p, v, f, s; s = "" }
        /^Package:/ { p = $2 }
        /^Version:/ { v = $2 }
        /^Filename:/ { n = split($2, part, "/"); f = part[n] }
        /^SHA256:/ { s = $2 }
        /^$/ { stanza_end() }
        END { stanza_end() }'
}

# A folder of its own, because another build may do the same at the same time.
debian_download() ( # SUITE ARCHITECTURE PACKAGE...
    target=${apt_root%/apt}
    fetched=$(mktemp -d "$target/.deb-XXXXXX") || exit
    trap 'rm -rf "$fetched"' EXIT
    trap 'exit 1' HUP INT TERM
    cd "$fetched" || exit
    archive_suite=$1 archive_architecture=$2
    shift 2
    # One that can't be had does not keep the others away.
    apt "$archive_suite" "$archive_architecture" apt-get download "$@" >/dev/null 2>&1 || :
    for got in *.deb; do
        # apt writes the version's epoch into the name, with the colon quoted; the index does not
        [ ! -e "$got" ] || mv "$got" "$target/$(echo "$got" | sed 's/_[0-9]*%3a/_/')"
    done
)

# Those of package_records whose files are not there.
debian_lacking() {
    while read -r package _ file _; do
        [ -e "$DL_DIR/$file" ] || echo "$package"
    done <<END
$package_records
END
}

# debian_packages SUITE ARCHITECTURE COMMAND...: DL_DIR gets (or has) the packages whose names COMMAND prints, as the
# signed index says they are. Leaves package_records, as debian_records prints them, package_how and, when it fails,
# package_lacking. With all of them there it needs no network. An index that is older than the archive has what can't be
# downloaded any more: it is got anew, once, and COMMAND, which may read it, is called again.
debian_packages() {
    package_lacking=
    packages_suite=$1 packages_architecture=$2
    shift 2
    apt_ready "$packages_suite" "$packages_architecture" || return 1
    for attempt in first again; do
        names=$("$@" | sort -u)
        [ -n "$names" ] || return 1
        # shellcheck disable=SC2086  # words
        package_records=$(debian_records "$packages_suite" "$packages_architecture" $names)
        [ -n "$package_records" ] || return 1
        package_how="downloaded before"
        package_lacking=$(debian_lacking | tr '\n' ' ')
        if [ -n "$package_lacking" ] && [ "$network" = yes ]; then
            package_how=downloaded
            # shellcheck disable=SC2086  # words
            debian_download "$packages_suite" "$packages_architecture" $package_lacking || :
            package_lacking=$(debian_lacking | tr '\n' ' ')
        fi
        if [ -z "$package_lacking" ] && [ "$(echo "$names" | wc -w)" -eq "$(echo "$package_records" | wc -l)" ]; then
            while read -r _ _ package_file package_hash; do
                verify "$DL_DIR/$package_file" "$package_hash"
            done <<END
$package_records
END
            return 0
        fi
        [ "$attempt$network" = firstyes ] || return 1
        apt_ready "$packages_suite" "$packages_architecture" again || return 1
    done
}

# debian_package SUITE ARCHITECTURE PACKAGE: the same for one. Leaves package_version and package_file, too.
debian_package() {
    debian_packages "$1" "$2" echo "$3" || return 1
    package_version=$(echo "$package_records" | cut -d ' ' -f 2)
    package_file=$(echo "$package_records" | cut -d ' ' -f 3)
}

# from_disk_or_network COMMAND...: what is in DL_DIR already needs no network.
from_disk_or_network() {
    for network in no yes; do
        if "$@"; then return 0; fi
    done
    return 1
}
