#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Bad input and bad systems: one line on stderr, the exit code of the contract, and the rule set as it was, whether there
# was nothing before or an older quarantine.
set -u
. "$(dirname "$(realpath "$0")")/lib.sh"
lab_enter "$0" "$@"
lab_links
lab_certificates
lab_resolvers
management server 8000
management silent 8002 --behaviour silent
start world "$tools/dns_server.py" $forbidden4 one.vr.test=silent >/dev/null

good=https://one.vr.test:8000/
ca=(--ca ca.pem)
cases=0

# refuses NAME CODE REGEX COMMAND...
refuses() {
	local name=${1//$'\n'/ } wanted=$2 regex=$3 why= after
	shift 3
	cases=$((cases + 1))
	dev "$@" >out 2>err </dev/null
	code=$?
	[ $code -eq "$wanted" ] || why="exit code $code, expected $wanted;"
	[ "$(wc -l <err)" -eq 1 ] || why="$why not one line on stderr;"
	grep -Eq -- "$regex" err || why="$why no match for: $regex;"
	after=$(rules -a)
	[ "$after" = "$before" ] || why="$why the rule set changed;"
	before=$after
	[ -z "$why" ] && ok "$state$name" && return
	not_ok "$state$name" "$why"
	head -5 err | cut -c-300 | sed 's/^/# /'
}

# usage NAME REGEX arguments of quarantine: as `refuses`, with 64.
usage() {
	refuses "$1" 64 "^quarantine: .*$2" quarantine "${@:3}"
}

bad_command_lines() {
	usage option "unknown option '--nonsense'" --nonsense $good
	usage letter "unknown option '-x'" -x $good
	usage missing_value 'option -t needs a value' "${ca[@]}" $good -t
	usage missing_long_value 'option --table needs a value' "${ca[@]}" $good --table
	usage value_of_flag "option --keep: 'perhaps' is neither yes nor no" --keep=perhaps $good
	usage no_server 'no server' "${ca[@]}"
	usage timeout 'option --timeout' -T 0 $good
	usage timeout_too_long 'option --timeout' -T 11m $good
	usage timeout_word 'option --timeout' -T soon $good
	usage contradiction '--insecure contradicts' -k "${ca[@]}" $good
	usage contradiction_of_proof '--no-probe contradicts' --no-probe -f http://192.0.2.1/ $good
	usage for_shorter_than_the_proof '--for has to be more than the 38s that the proof may take' --for 38s "${ca[@]}" $good
	usage for_shorter_than_a_short_proof '--for has to be more than the 17s' --for 2s -T 9 "${ca[@]}" $good
	usage bad_forbidden 'option --forbidden: URL' -f forbidden.test $good
	usage bad_pin 'option --pin' --pin 12 $good
	local dns
	for dns in '' nobody 1.2.3 1.2.3.4, 1.2.3.4,,5.6.7.8 ::1::2 1.2.3.4:53 0.0.0.0 192.0.2.53,224.0.0.251 ff02::fb; do
		usage "dns_$dns" 'option --dns' --dns "$dns" $good
	done
	local url
	for url in '' ftp://one.vr.test/ one.vr.test https:one https:/// https://:8000/ https://one.vr.test:0/ \
		https://one.vr.test:65536/ https://one.vr.test:8000x/ https://one.vr.test:/ \
		https://[2001:db8::1/ https://2001:db8::1/ https://[::1]x/ \
		https://[192.0.2.1]/ https://one..test/ 'https://one .test/' https://user@one.test/ \
		https://0.0.0.0/ https://224.0.0.1/ https://[ff02::1]/ https://256.1.1.1/ https://1.2.3/ \
		https://[fe80::1]/ https://[febf::1%wan]/ \
		$'https://one.test/\nx' $'https://\xc3\xb6.test/' 'https://one.test/#x' \
		"https://$(printf 'a%.0s' {1..300})/" \
		"https://one.test/$(printf 'a%.0s' {1..5000})"; do
		usage "url_${url:0:40}" URL "${ca[@]}" "$url"
		usage "second_url_${url:0:40}" URL "${ca[@]}" $good --server "$url"
	done
	local spec
	for spec in '' tcp tcp: tcp:192.0.2.1 tcp:192.0.2.1:0 tcp:192.0.2.1:65536 tcp:192.0.2.1:80:up \
		tcp:192.0.2.1/33:80 tcp:192.0.2.1/:80 tcp:one.test/24:80 icmp:192.0.2.1:80 tcp:2001:db8::1:80 \
		tcp:[2001:db8::1]/129:80 tcp:[one]:80 192.0.2.1:80 tcp:192.0.2.1:80:in:out tcp::80 'tcp:a_b c:80' \
		dhcp-server: dhcp-server:a/b dhcp-server:abcdefghijklmnop 'dhcp-server:a"b' 'dhcp-server:a*'; do
		usage "allow_$spec" 'option --allow' -a "$spec" $good
	done
	local name
	for name in '' table ip drop counter -x 'a b' 1a a-b 'a;b' 'a"b' $'a\nb' ä "$(printf 'a%.0s' {1..128})"; do
		usage "table_${name:0:20}" 'table name' -t "$name" "${ca[@]}" $good
	done
	refuses release_option 64 '^release: unknown option' release --nonsense
	refuses release_operand 64 '^release: unexpected operand' release something
}

bad_configurations() {
	refuses config_missing 78 'open nowhere.conf: No such file' quarantine -c nowhere.conf $good
	refuses config_is_a_folder 78 'read \.: not a regular file' quarantine -c . $good
	rm -f fifo
	mkfifo fifo
	refuses config_is_a_fifo 78 'not a regular file' timeout 5 "$bin/quarantine" -c fifo $good
	refuses config_is_a_device 78 'not a regular file' quarantine -c /dev/zero $good
	truncate -s 17M huge.conf
	refuses config_is_huge 78 'huge.conf: larger than' quarantine -c huge.conf $good
	printf 'timeout 5\nmessage a\0b\n' >nul.conf
	refuses config_with_nul 78 'nul.conf line 2: .*NUL' quarantine -c nul.conf $good
	head -c 100000 /dev/zero | tr '\0' a >line.conf
	refuses config_with_a_long_line 78 'line.conf line 1: longer than' quarantine -c line.conf $good
	local line
	for line in 'nonsense yes' 'timeout' 'timeout soon' 'server ftp://x/' 'keep perhaps' 'table a b' \
		'allow tcp:1:2:3:4' \
		'remove yes' 'dry-run yes' 'config other.conf' 'timeout=5'; do
		printf '# one\n\n%s\n' "$line" >line.conf
		refuses "config_line_$line" 78 '^quarantine: line.conf line 3: ' quarantine -c line.conf $good
	done
	printf 'no-probe\nforbidden http://192.0.2.1/\n' >line.conf
	refuses config_contradiction 78 '--no-probe contradicts --forbidden' quarantine -c line.conf $good
	printf 'nonsense yes\n' >/etc/quarbox.conf
	refuses default_config 78 '/etc/quarbox.conf line 1: unknown option' quarantine "${ca[@]}" $good
	rm /etc/quarbox.conf
	refuses ca_missing 78 'open nowhere.pem: No such file' quarantine --ca nowhere.pem $good
	refuses ca_is_a_folder 78 'not a regular file' quarantine --ca . $good
	refuses ca_is_a_key 78 'no PEM certificate' quarantine --ca server.key $good
	if [ "$(id -u)" = 0 ]; then
		# not even root may read it, without the capabilities that let him
		install -m 0 -o 1 ca.pem unreadable.pem
		refuses ca_unreadable 78 'open unreadable.pem: Permission denied' \
			setpriv --bounding-set=-dac_override,-dac_read_search quarantine --ca unreadable.pem $good
		printf 'timeout 5\n' | install -m 0 -o 1 /dev/stdin unreadable.conf
		refuses config_unreadable 78 'open unreadable.conf: Permission denied' \
			setpriv --bounding-set=-dac_override,-dac_read_search quarantine -c unreadable.conf $good
	fi
}

bad_systems() {
	local powerless=(setpriv --bounding-set=-net_admin)
	local needs='^[a-z]+: [^(]{10,45} \(needs CAP_NET_ADMIN\)$'
	refuses no_capability 77 "$needs" "${powerless[@]}" quarantine "${ca[@]}" $good
	refuses no_capability_no_probe 77 "$needs" "${powerless[@]}" quarantine --no-probe $good
	refuses no_capability_release 77 "$needs" "${powerless[@]}" release
	refuses no_capability_status 77 "$needs" "${powerless[@]}" status
	refuses no_nf_tables 69 '^quarantine: open a netlink socket: Protocol not supported' \
		./refuse_nf_tables quarantine "${ca[@]}" $good
	refuses no_nf_tables_release 69 '^release: ' ./refuse_nf_tables release
	refuses full_disk 71 'write to standard output \(nothing was changed\): No space left' \
		bash -c "quarantine ${ca[*]} $good >/dev/full"
	# a larger file would be ended by a signal
	refuses file_may_not_grow 71 'write to standard output \(nothing was changed\): File too large' \
		bash -c "truncate -s 2048 file; ulimit -f 1; quarantine ${ca[*]} $good >>file"
	refuses full_disk_json 71 'write to standard output' bash -c "quarantine -j ${ca[*]} $good >/dev/full"
	refuses full_disk_dry_run 71 'write to standard output' bash -c "quarantine -n ${ca[*]} $good >/dev/full"
	run bash -c 'quarantine --nonsense 2>&-'
	same "${state}closed_stderr" "64 " "$code $out$err"

	begin quarantine -T 20 -t other "${ca[@]}" https://$one4:8002/
	before=$(rules -a)
	refuses locked 75 'lock .*another quarantine is under way' quarantine "${ca[@]}" $good
	kill -TERM $running
	wait $running
	before=$(rules -a)
}

# Names: nothing is changed when none can be resolved.
bad_names() {
	refuses no_such_name 3 '^quarantine: resolve nowhere.test: no such name' quarantine "${ca[@]}" https://nowhere.test/
	use_resolvers $forbidden4
	echo 'options timeout:1 attempts:1' >>/etc/resolv.conf
	refuses silent_resolver 3 'resolve one.vr.test: (no answer from any resolver|blocked by the packet filter)' quarantine "${ca[@]}" $good
	rm /etc/resolv.conf
	echo 'options timeout:1 attempts:1' >/etc/resolv.conf
	local refused='^quarantine: resolve one.vr.test: refused; see /etc/resolv.conf$'
	refuses no_resolver 3 "$refused" quarantine "${ca[@]}" $good
	rm /etc/resolv.conf
	refuses no_resolv_conf 3 "$refused" quarantine "${ca[@]}" $good
	use_resolvers $resolver4 $resolver6
}

${CC:-cc} -o refuse_nf_tables "$tools/refuse_netlink.c" || { echo "not ok set_up: cc"; exit 1; }
state=
before=$(rules -a)
bad_systems
bad_names
state=over_older_
run quarantine "${ca[@]}" https://$two4:8000/
before=$(rules -a)
bad_command_lines
bad_configurations
bad_systems
bad_names

# An error fits on a line of a terminal.
for words in '-a udp:192.0.2.1' '-a gre:192.0.2.1:22' '-a dhcp-server:a/b' '-T x' '--layers netdev' '--dns nobody' '--nonsense' '-f' \
	'-t 1' '-k --pin 12' '--no-probe -f http://192.0.2.1/' '--guard 8h'; do
	# shellcheck disable=SC2086 # words
	run quarantine $words $good
	same "one_line_$words" '64 1' "$code $(awk 'length($0) <= 79' err | wc -l)"
done

# Closed outputs are no reason to refuse.
gives closed_stdout 0 bash -c "quarantine ${ca[*]} $good >&-"
matches closed_stdout_contains "198.51.100.2 . 8000" "$(rules)"

# A pipe that nobody reads any more ends what only prints, silently as everywhere; a containment is made all the same.
run release
unread() { # NAME CODE WORDS of quarantine
	run bash -c "{ sleep 0.3; exec quarantine ${ca[*]} $3 $good; } | :; exit \${PIPESTATUS[0]}"
	same "$1" "$2 " "$code $err"
}
unread unread_pipe_dry_run 141 -n
unread unread_pipe 0 -v
matches unread_pipe_contains "198.51.100.2 . 8000" "$(rules)"
gives closed_all 0 bash -c "quarantine ${ca[*]} $good <&- >&- 2>&-"
echo "# $cases cases"
finish
