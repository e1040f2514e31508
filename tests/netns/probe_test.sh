#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# probe against good and bad servers, on the loopback device of a network namespace of its own. $QUARBOX: the binary.
set -u

servers=$(dirname "$(realpath "$0")")/servers
quarbox=$(realpath "${QUARBOX:-build/quarbox}")

if [ "${1:-}" != inside ]; then
	exec unshare -n -m -p -f --kill-child --mount-proc "$0" inside
fi

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
ip link set lo up
printf '127.0.0.1 localhost vr.example.com\n::1 six.example.com\n' >"$work/hosts"
mount --bind "$work/hosts" /etc/hosts
: >"$work/resolv.conf"
mount --bind "$work/resolv.conf" /etc/resolv.conf
"$servers/make_certificates" "$work" || exit 1
cd "$work" || exit 1

count=0
failures=0
started=0

not_ok() { # NAME WHY
	echo "not ok $1: $2"
	sed 's/^/# /' output
	failures=$((failures + 1))
}

# Starts a management server; `started` counts them.
serve() { # options
	started=$((started + 1))
	"$servers/management_server.py" "$@" >ready.$started &
}

wait_ready() {
	tries=0
	until [ "$(cat ready.* | wc -l)" -eq $started ] || [ $tries -gt 200 ]; do
		sleep 0.1
		tries=$((tries + 1))
	done
}

# The output, with blanks and newlines made one blank, has to match an extended regular expression, and the exit code.
expect() { # NAME CODE REGEX probe's arguments
	name=$1 code=$2 regex=$3
	shift 3
	count=$((count + 1))
	"$quarbox" probe "$@" >output 2>&1
	got=$?
	if [ $got -ne "$code" ]; then
		not_ok "$name" "exit code $got, expected $code"
	elif ! { tr -s '\n ' ' ' <output; echo; } | grep -Eq -- "$regex"; then
		not_ok "$name" "no match for: $regex"
	else
		echo "ok $name"
	fi
}

check() { # NAME WHY command
	name=$1 why=$2
	shift 2
	count=$((count + 1))
	if "$@"; then echo "ok $name"; else not_ok "$name" "$why"; fi
}

# --- servers ---

printf -- '-----BEGIN CERTIFICATE-----\nMAMCAQE=\n-----END CERTIFICATE-----\n' >damaged.pem
serve --address 127.0.0.1 --address ::1 --key server.key --behaviour by_path --port 8000 --certificate server.pem \
	--certificate old.pem --certificate gateway.pem --certificate client_only.pem --certificate expired.pem \
	--certificate future.pem --certificate stranger.pem --certificate self_signed.pem
serve --key web.key --certificate web.pem --body server.pem --base-path /velo/ --port 8100
serve --key server.key --certificate server.pem --tls 1.2 --port 8101
serve --key server.key --certificate server.pem --client-ca ca.pem --port 8102
serve --key server.key --certificate server.pem --behaviour silent --port 8103
serve --key server.key --certificate server.pem --behaviour shed --port 8104
serve --key server.key --certificate server.pem --shed 2 --port 8112
serve --plain --certificate server.pem --port 8105
serve --key api.key --certificate api.pem --body server.pem --port 8106
serve --key small.key --certificate small.pem --port 8107
serve --key web.key --certificate web.pem --body expired.pem --port 8108
serve --key web.key --certificate web.pem --body stranger.pem --port 8109
serve --key web.key --certificate web.pem --body damaged.pem --port 8110
serve --key web.key --certificate web.pem --body gateway.pem --port 8111
here=https://127.0.0.1
good=$here:8000/ old=$here:8001/ gateway=$here:8002/ client_only=$here:8003/ expired=$here:8004/ future=$here:8005/
stranger=$here:8006/ self_signed=$here:8007/ web=$here:8100/ tls12=$here:8101/ mutual=$here:8102/ silent=$here:8103/
shed=$here:8104/ plain=http://127.0.0.1:8105/ replayed=$here:8106/ small=$here:8107/ other_body=$here:81
wait_ready

# --- proven ---

ca='--ca ca.pem'
fingerprint=$(openssl x509 -in server.pem -noout -fingerprint -sha256 | cut -d= -f2)
web_pin=$(openssl x509 -in web.pem -noout -fingerprint -sha256 | cut -d= -f2)
bare=$(echo "$fingerprint" | tr -d : | tr A-F a-f)
other=$(echo "$bare" | tr 0-9a-f 1-9a-f0)

# shellcheck disable=SC2086 # $ca is two words
{
	expect proven_by_ca 0 'TLSv1.3.*CN=VelociraptorServer.*O=Velociraptor CA.*HTTP 200, 1[0-9]{3} bytes.*proven: ' $ca $good
	expect proven_by_ca_and_name 0 'proven' $ca --name VelociraptorServer $good
	expect shows_the_fingerprint 0 "SHA-256 +$bare" $ca $good
	expect proven_by_pin 0 'proven: its certificate is the pinned one; server.pem is not checked' --pin "$fingerprint" $good
	expect proven_by_second_pin 0 'proven' --pin "$other" --pin "$bare" $good
	expect proven_by_pin_and_ca 0 'pinned one, and server.pem as well' $ca --pin "$web_pin" ${web}velo/
	expect proven_by_ca_beside_a_wrong_pin 0 'the CA.s, and server.pem as well' $ca --pin "$other" $good
	expect proven_without_san 0 'proven' $ca $old
	expect proven_over_tls_1.2 0 'TLSv1.2.*proven' $ca $tls12
	expect proven_over_ipv6 0 'connected +\[::1\].*proven' $ca 'https://[::1]:8000/'
	expect proven_by_name_in_hosts 0 'proven' $ca https://six.example.com:8000/
	expect proven_wss 0 '^https://127.0.0.1.*proven' $ca wss://127.0.0.1:8000/
	expect proven_close_delimited 0 'HTTP 200, 1[0-9]{3} bytes.*proven' $ca ${good}close_delimited/
	expect proven_after_load_shedding 0 'proven' $ca -T 5 $here:8112/
	expect proven_chain_with_intermediate 0 'issued by +CN=Web Issuer.*proven' --ca bundle.pem https://vr.example.com:8100/velo/
	expect proven_name_is_an_address 0 'proven' --ca bundle.pem ${web}velo/
	expect proven_whole_path 0 '/velo/server.pem .*proven' --ca bundle.pem https://vr.example.com:8100/velo/server.pem
	expect several_urls 0 'proven.*proven' $ca $good $old
	expect insecure_is_not_verified 0 'reached, not verified' -k $stranger
	expect insecure_http 0 'reached' -k $plain

	# --- not proven ---

	expect wrong_name 1 'refused: server.pem: certificate CN=VelociraptorServer, expected other.example.com' $ca --name other.example.com $good
	expect gateway_certificate 1 'refused: server.pem: certificate CN=GRPC_GW, expected VelociraptorServer' $ca $gateway
	expect wrong_name_of_public_certificate 1 'certificate CN=vr.example.com, expected six.example.com' --ca bundle.pem --name six.example.com ${web}velo/
	expect pinned_beside_a_wrong_ca 1 'refused: server.pem: .*not signed by the CA' --ca stranger_ca.pem --pin "$bare" $good
	expect replayed 1 'refused: server.pem: certificate CN=VelociraptorServer has another key than the TLS connection' $ca $replayed
	expect replayed_with_public_certificate 0 'proven' --ca bundle.pem https://vr.example.com:8100/velo/
	expect portal_with_our_certificate 1 'refused: server.pem: expected a certificate, found other text' $ca ${good}portal/
	expect body_not_rsa 1 'refused: server.pem: certificate CN=VelociraptorServer: expected an RSA key' $ca $small
	expect body_expired 1 'refused: server.pem: certificate CN=VelociraptorServer expired on 2026-01-01; the clock' --ca bundle.pem ${other_body}08/
	expect body_of_a_stranger 1 'refused: server.pem: certificate CN=VelociraptorServer, issued by O=Velociraptor CA: not signed by the CA' --ca bundle.pem ${other_body}09/
	expect body_is_damaged 1 'refused: server.pem: its certificate is damaged' --ca bundle.pem ${other_body}10/
	expect body_of_the_gateway 1 'refused: server.pem: certificate CN=GRPC_GW, expected VelociraptorServer' --ca bundle.pem ${other_body}11/
	expect wrong_pin 1 'refused: certificate CN=VelociraptorServer is not the pinned one' --pin "$other" $good
	expect pin_alone_ignores_the_chain 1 'is not the pinned one' --pin "$other" $web
	expect expired 1 'refused: certificate CN=VelociraptorServer expired on 2026-01-01; the clock says ' $ca $expired
	expect not_yet_valid 1 'refused: certificate CN=VelociraptorServer is not valid before 2048-01-01; the clock says ' $ca $future
	expect ca_with_same_name 1 'does not lead to a trusted CA' $ca $stranger
	expect self_signed 1 'does not lead to a trusted CA' $ca $self_signed
	expect self_signed_and_trusted 0 'proven' --ca self_signed.pem $self_signed
	expect client_certificate_as_server 1 'is not for servers' $ca $client_only
	expect system_store 1 'does not lead to a trusted CA' $good
	expect plain_http 1 'reached, not proven: plain HTTP' $ca $plain
	expect plain_http_name 1 'refused: server.pem: certificate CN=VelociraptorServer, expected x.example' $ca --name x.example $plain
	expect http_where_https_should_be 1 'refused: TLS handshake: the answer is not TLS' $ca https://127.0.0.1:8105/
	expect https_where_http_should_be 1 'refused: ' $ca http://127.0.0.1:8000/
	expect redirect 1 'refused: HTTP status 301, redirect to https://login.example/: not followed' $ca ${good}redirect/
	expect error_500 1 'refused: HTTP status 500, expected 200' $ca ${good}error/
	expect not_found 1 'refused: HTTP status 404' $ca ${good}velo/
	expect insecure_not_found 1 'refused: HTTP status 404' -k ${good}velo/
	expect endless_body 1 'refused: the answer is longer than 64 KiB' $ca ${good}huge/
	expect endless_headers 1 'refused: HTTP answer: headers of more than 16 KiB' $ca ${good}headers/
	expect cut_in_a_chunk 1 'refused: receive: the peer closed the connection' $ca ${good}cut/
	expect client_certificate_required 1 'refused: server demands a client certificate: receive: the peer sent alert 116 \(client certificate required\)' $ca $mutual
	expect load_shedding 1 'refused: TLS handshake: the peer closed|refused: TLS handshake: Connection reset' $ca -T 1 $shed
	expect silent 1 'refused: TLS handshake: no answer in time' $ca -T 1 $silent
	expect drip 1 'refused: receive: no answer in time' $ca -T 2 ${good}drip/
	expect refused_connection 1 'unreachable: connect to 127.0.0.1:1: Connection refused' $ca https://127.0.0.1:1/
	expect name_does_not_resolve 1 'unreachable: resolve nowhere.example.com: ' $ca -T 2 https://nowhere.example.com/
	expect one_of_two 1 'proven.*refused' $ca $good ${good}error/
	expect portal_without_certificate 1 'does not lead to a trusted CA' --ca stranger_ca.pem ${good}portal/

	# --- bad input ---

	expect no_url 64 'no URL given' $ca
	expect bad_url 64 "URL 'ftp://x/'" $ca ftp://x/
	expect injected_header 64 'blanks, control' $ca "https://127.0.0.1/a
X-Header: b"
	expect bad_second_url 64 'URL' $ca $good https://host:99999/
	expect bad_pin 64 'option --pin: ' --pin 1234 $good
	expect bad_timeout 64 'option --timeout: ' -T 0 $good
	expect bad_name 64 'option --name: ' --name 'a b' $good
	expect contradiction 64 'contradicts' -k $ca $good
	expect no_ca_file 78 'open missing.pem: No such file' --ca missing.pem $good
	expect ca_is_a_folder 78 'not a regular file' --ca . $good
	expect ca_without_certificate 78 'no PEM certificate' --ca server.key $good
	: >empty.pem
	expect ca_is_empty 78 'the file is empty' --ca empty.pem $good

	# --- output ---

	expect json 0 '^\{"Time":[0-9]+,"Result":"proven: .*"verdict":"proven".*"address":"127.0.0.1".*"status":200.*\} $' -j $ca $good
	check json_parses 'not JSON' /usr/bin/python3 -c 'import json; json.load(open("output"))'
	expect json_refused 1 '^\{"Time":[0-9]+,"Result":"refused: .*"ok":false.*\} $' -j $ca ${good}error/
	expect quiet 0 '^$' -q $ca $good
	expect quiet_refused 1 '^$' -q $ca ${good}error/
	expect verbose 0 'cipher.*DNS name.*key SHA-256' -v $ca $good
	"$quarbox" probe -v $ca $good $expired "${good}redirect/" "$good$(printf '%0100d' 0)" 2>&1 |
		awk 'length > 79' >output
	check 'width' 'lines of more than 79 columns' [ ! -s output ]
}
# The process that talks to the server, while it waits.
"$quarbox" probe -T 3 --ca ca.pem "$silent" >output 2>&1 &
parent=$!
child=
for _ in $(seq 100); do
	child=$(pgrep -P $parent) && grep -q '^Seccomp:.*2' "/proc/$child/status" && break
	sleep 0.02
done
confined() {
	tr '\t' ' ' <"/proc/$child/status" >status
	grep -q '^Uid: 65534 65534 65534 65534$' status && grep -q '^Gid: 65534 65534 65534 65534$' status &&
		grep -q '^CapEff: 0000000000000000$' status && grep -q '^CapBnd: 0000000000000000$' status &&
		grep -q '^NoNewPrivs: 1$' status && grep -q '^Seccomp: 2$' status
}
check 'child_is_confined' 'it is not' confined
check 'child_has_two_descriptors' 'it has others' [ "$(readlink /proc/$child/fd/* | grep -Ev '^/dev/null$' | sed 's/:.*//' | sort | tr '\n' ' ')" = 'pipe socket ' ]
wait $parent
"$quarbox" probe -k "$good" >/dev/full 2>output
check 'full_disk' 'exit code is not 71' [ $? -eq 71 ]

# Too little memory says nothing about the server or the configuration (71); with less the program is not even loaded (139).
little_memory() { # NAME CODE options: it must not end with that code
	name=$1 wrong=$2 codes=
	shift 2
	for kilobytes in $(seq 300 20 900); do
		codes="$codes $(ulimit -v "$kilobytes"; "$quarbox" probe -q "$@" "$good" >output 2>&1; echo $?)"
	done
	check "$name" "codes:$codes" ends_in_71_and_0 "$wrong"
}
ends_in_71_and_0() { case " $codes " in *" $1 "*) false ;; *' 71 '*' 0 '*) ;; *) false ;; esac; }
little_memory little_memory_is_no_verdict 1 -k
little_memory little_memory_is_no_bad_configuration 78 --ca ca.pem

echo "# $count cases, $failures failures"
[ $failures -eq 0 ]
