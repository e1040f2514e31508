#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Servers that are not ours: OpenSSL's s_server and nginx, good and bad ones. probe says what it found; quarantine contains
# with the good ones, and with the bad ones names the same reason and leaves nothing behind.
set -u
. "$(dirname "$(realpath "$0")")/lib.sh"
[ "${LAB_INSIDE:-}" = yes ] || NGINX=$("$tests/servers/get_nginx") || NGINX=
export NGINX
lab_enter "$0" "$@"
lab_links
lab_resolvers
printf '%s vr.example.com\n' $one4 >>/etc/hosts
"$tests/servers/make_certificates" $work || { echo "not ok set_up: certificates"; exit 1; }
cat web_root.pem ca.pem >public.pem # who trusts a public CA, and Velociraptor's for what is in server.pem
mkdir good stranger_body web_body portal
cp server.pem good/server.pem
cp stranger.pem stranger_body/server.pem
cp expired.pem web_body/server.pem
echo '<html>Please log in to FreeWifi</html>' >portal/server.pem
sed -n '1,/END/p' web.pem >web_alone.pem

# row NAME CODE REGEX URL [option...]: the exit code of probe and, blanks and newlines made one blank, what it prints.
# quarantine of the same contains when that is 0, and else says the same and is rolled back.
row() {
	local name=$1 wanted=$2 regex=$3
	shift 3
	gives "$name" "$wanted" probe -T 3 "$@"
	matches "${name}_words" "$regex" "$out"
	if [ "$wanted" -eq 0 ]; then
		gives "${name}_contains" 0 quarantine -T 5 "$@"
		run release
		return
	fi
	gives "${name}_rolled_back" 3 quarantine -T 3 "$@"
	matches "${name}_says_why" "${regex#refused: }" "$err"
	check "${name}_leaves_nothing" no_rules
}

# s_server PORT FOLDER option...: OpenSSL's server, with what is in the folder.
s_server() {
	local port=$1 folder=$2
	shift 2
	start world env -C "$folder" openssl s_server -accept $one4:"$port" -WWW -quiet "$@" >s_server.log 2>&1 </dev/null
	server=$!
	wait_for 5 listening "$port" || not_ok set_up "s_server $*: $(cat s_server.log)"
}

listening() {
	[ "$(world ss -Hltn sport = ":$1")" ]
}

port=9000
# s_server_row NAME CODE REGEX FOLDER "probe's options" s_server's option...
s_server_row() {
	local name=$1 code=$2 regex=$3 folder=$4 options=$5
	shift 5
	s_server $((++port)) "$folder" "$@"
	# shellcheck disable=SC2086 # the options are words
	row "$name" "$code" "$regex" https://vr.example.com:$port/ $options
	kill $server
	wait $server 2>/dev/null
}

rsa="-cert $work/server.pem -key $work/server.key"
web="-cert $work/web_alone.pem -cert_chain $work/web_issuer.pem -key $work/web.key"
go='-tls1_3 -groups P-521:P-384:P-256'

# shellcheck disable=SC2086 # $rsa and the like are words
{
	# ---- protocol, groups and signatures ----

	s_server_row like_go 0 'TLSv1.3.*proven: ' good '--ca ca.pem' $rsa $go
	s_server_row p521_only 0 'TLSv1.3.*proven: ' good '--ca ca.pem' $rsa -tls1_3 -groups P-521
	s_server_row p384_only 0 'TLSv1.3.*proven: ' good '--ca ca.pem' $rsa -tls1_3 -groups P-384
	s_server_row pss_sha512_only 0 'TLSv1.3.*proven: ' good '--ca ca.pem' $rsa -tls1_3 -sigalgs RSA-PSS+SHA512
	s_server_row aes256_only 0 'TLSv1.3.*proven: ' good '--ca ca.pem' $rsa $go -ciphersuites TLS_AES_256_GCM_SHA384
	s_server_row tls12 0 'TLSv1.2.*proven: ' good '--ca ca.pem' $rsa -tls1_2
	s_server_row tls12_pss 0 'TLSv1.2.*proven: ' good '--ca ca.pem' $rsa -tls1_2 -sigalgs RSA-PSS+SHA256
	s_server_row tls12_pkcs1 0 'TLSv1.2.*proven: ' good '--ca ca.pem' $rsa -tls1_2 -sigalgs RSA+SHA256
	s_server_row tls12_ecdsa 0 'TLSv1.2.*proven: ' good '--ca public.pem' $web -tls1_2
	s_server_row tls11 1 'refused: TLS handshake: the peer sent alert 70 \(protocol version\)' good '--ca ca.pem' \
		$rsa -tls1_1 -cipher DEFAULT@SECLEVEL=0
	s_server_row x25519_only 1 'refused: TLS handshake: the peer sent alert 40 \(handshake failure\)' good '--ca ca.pem' \
		$rsa -tls1_3 -groups X25519

	# ---- certificates ----

	s_server_row ecdsa_p384_and_intermediate 0 'issued by CN=Web Issuer.*proven: ' good '--ca public.pem' $web $go
	s_server_row intermediate_is_missing 1 'refused: certificate CN=vr.example.com, issued by CN=Web Issuer: its chain does' \
		good '--ca public.pem' -cert $work/web_alone.pem -key $work/web.key $go
	s_server_row expired 1 'refused: certificate CN=VelociraptorServer expired on 2026-01-01; the clock says ' good \
		'--ca ca.pem' -cert $work/expired.pem -key $work/server.key $go
	s_server_row not_yet_valid 1 'refused: certificate CN=VelociraptorServer is not valid before 2048-01-01; the clock' good \
		'--ca ca.pem' -cert $work/future.pem -key $work/server.key $go
	s_server_row wrong_name 1 'refused: certificate CN=vr.example.com, expected other.example.com' good \
		'--ca public.pem --name other.example.com' $web $go
	s_server_row wrong_ca 1 'refused: certificate CN=VelociraptorServer, issued by O=Velociraptor CA: its chain does not' \
		stranger_body '--ca ca.pem' -cert $work/stranger.pem -key $work/server.key $go
	s_server_row self_signed 1 'refused: certificate CN=VelociraptorServer, issued by CN=VelociraptorServer: its chain' good \
		'--ca ca.pem' -cert $work/self_signed.pem -key $work/server.key $go
	s_server_row not_for_servers 1 'refused: certificate CN=VelociraptorServer is not for servers' good '--ca ca.pem' \
		-cert $work/client_only.pem -key $work/server.key $go
	s_server_row replayed_by_a_stranger 1 'refused: certificate CN=VelociraptorServer, issued by O=Velociraptor CA: its' good \
		'--ca ca.pem' -cert $work/stranger.pem -key $work/server.key $go
	s_server_row replayed_by_a_user_of_the_api 1 \
		'refused: server.pem: certificate CN=VelociraptorServer has another key than the TLS connection' good \
		'--ca ca.pem' -cert $work/api.pem -key $work/api.key $go
	s_server_row body_of_a_stranger 1 'refused: server.pem: .* not signed by the CA' stranger_body '--ca public.pem' $web $go
	s_server_row body_expired 1 'refused: server.pem: certificate CN=VelociraptorServer expired on' web_body \
		'--ca public.pem' $web $go
	s_server_row portal_with_a_public_certificate 1 'refused: server.pem: expected a certificate, found other text' portal \
		'--ca public.pem' $web $go
	s_server_row pinned 0 'proven: its certificate is the pinned one' good \
		"--pin $(openssl x509 -in self_signed.pem -noout -fingerprint -sha256 | cut -d= -f2)" \
		-cert $work/self_signed.pem -key $work/server.key $go

	# ---- the system's CA certificates ----

	s_server_row not_of_the_systems 1 'refused: certificate CN=vr.example.com, issued by CN=Web Issuer: its chain does' good \
		'' $web $go
	cp bundle.pem /etc/ssl/certs/ca-certificates.crt
	s_server_row of_the_systems 0 'proven: certificate chain and name are verified; server.pem is not checked' good '' \
		$web $go

	# ---- servers that want a certificate of ours ----

	s_server_row demands_ours 1 'refused: server demands a client certificate: receive: the peer sent alert 116' good \
		'--ca ca.pem' $rsa $go -Verify 1 -CAfile $work/ca.pem
	s_server_row demands_ours_tls12 1 'refused: server demands a client certificate: TLS handshake: the peer sent alert 40' \
		good '--ca ca.pem' $rsa -tls1_2 -Verify 1 -CAfile $work/ca.pem
	s_server_row asks_for_ours 0 'proven: ' good '--ca ca.pem' $rsa $go -verify 1 -CAfile $work/ca.pem
}

# ---- the device's clock ----

${CC:-cc} -D_GNU_SOURCE -o clock_at "$tools/clock_at.c" || { echo "not ok set_up: cc"; exit 1; }
unset_clock='warning: this device.s clock is before 2026-01-01; .not yet valid. is not held against certificates'

# at_clock NAME EPOCH CODE REGEX CERTIFICATE: what probe, with the clock at EPOCH, says of a server with this certificate.
at_clock() {
	local name=$1 epoch=$2 code=$3 regex=$4
	s_server $((++port)) good -cert $work/"$5" -key $work/server.key -tls1_3
	url=https://vr.example.com:$port/
	gives "$name" "$code" "$work/clock_at" "$epoch" "$bin/probe" --ca ca.pem $url
	matches "${name}_words" "$regex" "$err $out"
}

at_clock clock_of_1970 1000 0 "$unset_clock.*proven: " server.pem
gives clock_of_1970_json 0 "$work/clock_at" 1000 "$bin/probe" --ca ca.pem -j $url
matches clock_of_1970_json_member '"clock_unset":true' "$out"
gives clock_of_1970_contains 0 "$work/clock_at" 1000 "$bin/quarantine" --ca ca.pem $url
matches clock_of_1970_warns 'warning: .*clock' "$err"
run release
kill $server
at_clock clock_of_1970_future 1000 0 "$unset_clock.*proven: " future.pem
kill $server
at_clock clock_of_1970_expired 1000 1 'CN=VelociraptorServer expired on 2025-01-01; the clock says 1970-01-01' long_expired.pem
kill $server
at_clock clock_of_1970_stranger 1000 1 'its chain does not lead to a trusted CA' stranger.pem
kill $server
at_clock clock_is_ahead 2082758400 1 'CN=VelociraptorServer expired on 20.*; the clock says 2036-01-01' server.pem
kill $server

# client_config CERTIFICATE KEY: a configuration of Velociraptor's client with a certificate of its own.
client_config() {
	printf 'Client:\n  server_urls: ["https://vr.example.com:%s/"]\n  use_self_signed_ssl: true\n' $((port + 1))
	printf '  ca_certificate: |\n'
	sed 's/^/    /' ca.pem
	printf '  Crypto:\n    client_certificate: |\n'
	sed 's/^/      /' "$1"
	printf '    client_certificate_private_key: |\n'
	sed 's/^/      /' "$2"
}

# identity_row NAME CODE REGEX CERTIFICATE KEY s_server's option...: with nothing but the client's configuration
identity_row() {
	local name=$1 code=$2 regex=$3
	client_config "$4" "$5" >client.yaml
	shift 5
	s_server $((++port)) good "$@"
	row "$name" "$code" "$regex" -c client.yaml
	kill $server
	wait $server 2>/dev/null
}

openssl rsa -in api.key -traditional -out api_pkcs1.key 2>/dev/null # as Go writes it
openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out ec.key
openssl req -new -key ec.key -subj /CN=client |
	openssl x509 -req -CA ca.pem -CAkey ca.key -days 30 -out ec.pem 2>/dev/null
{
	openssl ecparam -name prime256v1
	openssl ec -in ec.key 2>/dev/null
} >ec_sec1.key
ask="-Verify 1 -verify_return_error -CAfile $work/ca.pem"
another='refused: server demands another client certificate: receive: the peer sent alert'

# shellcheck disable=SC2086 # words
{
	identity_row ours_pkcs1 0 'TLSv1.3.*proven: ' api.pem api_pkcs1.key $rsa $go $ask
	identity_row ours_pkcs8 0 'TLSv1.3.*proven: ' api.pem api.key $rsa $go $ask
	identity_row ours_tls12 0 'TLSv1.2.*proven: ' api.pem api.key $rsa -tls1_2 $ask
	identity_row ours_ecdsa 0 'TLSv1.3.*proven: ' ec.pem ec_sec1.key $rsa $go $ask
	identity_row ours_ecdsa_tls12 0 'TLSv1.2.*proven: ' ec.pem ec.key $rsa -tls1_2 $ask
	identity_row ours_is_a_strangers 1 "$another 48 \(unknown CA\)" stranger.pem server.key $rsa $go $ask
	identity_row ours_has_another_key 1 "$another 51" api.pem server.key $rsa $go $ask
	identity_row ours_is_damaged 1 "refused: our client certificate or its private key can.t be read" api.pem ca.pem $rsa $go $ask
	identity_row ours_is_not_asked_for 0 'proven: ' api.pem ca.pem $rsa $go
	identity_row ours_not_to_a_stranger 1 'refused: certificate CN=VelociraptorServer, issued by .* its chain does not' \
		api.pem api.key -cert $work/stranger.pem -key $work/server.key $go $ask
	identity_row ours_not_to_a_stranger_tls12 1 'refused: certificate CN=VelociraptorServer, issued by .* its chain does not' \
		api.pem api.key -cert $work/stranger.pem -key $work/server.key -tls1_2 $ask
	check a_stranger_sees_no_certificate bash -c "! grep -q 'CN = api' s_server.log"
}

# The key stays with the parent as long as nobody demands it. What was read before it is long enough that the parser's
# buffers are not given back to the system.
start world socat TCP-LISTEN:9300,bind=$one4,fork,reuseaddr EXEC:'sleep 9'
wait_for 5 listening 9300
port=9299
{
	echo 'labels:'
	for i in {1..800}; do
		printf -- '- label %0*d\n' $((i % 300 + 1)) "$i"
	done
	client_config api.pem api.key
} >client.yaml
key_lines=$(grep -c '^.\{41,\}' api.key)
key_stays_in_the_parent() { # NAME COMMAND...
	local name=$1 parent child
	start dev "${@:2}"
	parent=$!
	wait_for 5 pgrep -P $parent
	child=$(pgrep -P $parent)
	wait_for 5 grep -q '^Seccomp:.*2' "/proc/$child/status"
	same "${name}_is_in_the_parent" "$key_lines" "$("$tools/in_memory.py" $parent api.key)"
	same "${name}_is_not_in_the_child" 0 "$("$tools/in_memory.py" "$child" api.key)"
	wait $parent
}
key_stays_in_the_parent key probe -q -T 3 -c client.yaml
key_stays_in_the_parent key_of_the_environment env "VELOCIRAPTOR_LITERAL_CONFIG=$(cat client.yaml)" "$bin/probe" -q -T 3

# ---- nginx ----

if [ -z "$NGINX" ]; then
	echo "ok nginx # skipped: Debian's package could not be downloaded"
	finish
fi

# nginx_server PORT CERTIFICATE KEY directive...
nginx_server() {
	printf 'server { listen %s:%s ssl; ssl_certificate %s; ssl_certificate_key %s;\n' $one4 "$1" "$work/$2" "$work/$3"
	printf '%s\n' "${@:4}"
	echo '}'
}

management server 8000
mkdir nginx
{
	echo "daemon off; master_process off; error_log $work/nginx/error.log; pid $work/nginx/pid; events {} http {"
	for name in client_body proxy fastcgi uwsgi scgi; do
		echo "${name}_temp_path $work/nginx/$name;"
	done
	echo "access_log off; ssl_protocols TLSv1.2 TLSv1.3; default_type text/plain; root $work/good;"
	nginx_server 9101 server.pem server.key
	nginx_server 9102 web.pem web.key "location /velo/ { proxy_ssl_protocols TLSv1.3; proxy_pass https://$one4:8000/; }"
	nginx_server 9103 web.pem web.key 'ssi on; ssi_types text/plain; ssl_ecdh_curve secp384r1;'
	nginx_server 9104 web.pem web.key 'return 301 https://login.example.com/;'
	nginx_server 9105 web.pem web.key 'return 500;'
	nginx_server 9106 self_signed.pem server.key 'default_type text/html; return 200 "<html>FreeWifi</html>";'
	nginx_server 9107 gateway.pem server.key "root $work/gateway;"
	nginx_server 9108 server.pem server.key "ssl_verify_client on; ssl_client_certificate $work/ca.pem;"
	nginx_server 9109 server.pem server.key "ssl_verify_client optional; ssl_client_certificate $work/ca.pem;"
	nginx_server 9110 server.pem server.key 'return 444;'
	echo "server { listen $one4:9111; default_type text/html; return 200 '<html>FreeWifi</html>'; } }"
} >nginx/conf
mkdir gateway
cp gateway.pem gateway/server.pem
start world "$NGINX" -p $work/nginx -c $work/nginx/conf >nginx/log 2>&1
wait_for 5 listening 9111 || { echo "not ok set_up: nginx"; cat nginx/log nginx/error.log; exit 1; }

nginx=https://vr.example.com:91
row nginx 0 'TLSv1.3.*proven: ' ${nginx}01/ --ca ca.pem
row nginx_reverse_proxy 0 'CN=vr.example.com.*proven: ' ${nginx}02/velo/ --ca public.pem
row nginx_chunked 0 'proven: ' ${nginx}03/ --ca public.pem
row nginx_301 1 'refused: HTTP status 301, redirect to https://login.example.com/: not followed' ${nginx}04/ --ca public.pem
row nginx_500 1 'refused: HTTP status 500, expected 200' ${nginx}05/ --ca public.pem
row nginx_portal 1 'refused: certificate CN=VelociraptorServer, issued by .* its chain does not' ${nginx}06/ --ca ca.pem
row nginx_gateway 1 'refused: server.pem: certificate CN=GRPC_GW, expected VelociraptorServer' ${nginx}07/ --ca ca.pem
row nginx_demands_ours 1 'refused: server demands a client certificate: HTTP status 400' ${nginx}08/ --ca ca.pem
row nginx_asks_for_ours 0 'proven: ' ${nginx}09/ --ca ca.pem
row nginx_closes 1 'refused: receive: the peer closed the connection' ${nginx}10/ --ca ca.pem
row nginx_plain_portal 1 'refused: server.pem: expected a certificate, found other text' http://vr.example.com:9111/ \
	--ca ca.pem
port=9107
client_config api.pem api.key >client.yaml
row nginx_ours 0 'proven: ' -c client.yaml
port=9101
client_config api.pem api.key | sed 's/use_self_signed_ssl: true/use_self_signed_ssl: false/; s,:9102/,:9102/velo/,' >client.yaml
row nginx_public 0 'CN=vr.example.com.*certificate chain and name are verified, and server.pem as well' -c client.yaml
finish
