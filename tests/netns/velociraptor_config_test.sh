#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The configuration of Velociraptor's client is all that quarantine and probe need: where it is found, its servers and the
# ways to them, whom it trusts; and files that are broken.
set -u
. "$(dirname "$(realpath "$0")")/lib.sh"
lab_enter "$0" "$@"
if ! "$bin/../quarbox" --build-info | grep -q velociraptor_config; then
	echo "ok all # skipped: the binary can't read Velociraptor's configuration"
	exit 0
fi
unset VELOCIRAPTOR_CONFIG VELOCIRAPTOR_LITERAL_CONFIG HTTP_PROXY http_proxy HTTPS_PROXY https_proxy NO_PROXY no_proxy
lab_up
management base 8001 --base-path /velo/
management dead 8002
kill "$(cat dead.pid)"
echoes world 80 3128
path=/etc/velociraptor/client.config.yaml
good=https://one.vr.test:8000/

# A public CA, of which lab.sh's certificates know nothing, and a server with a certificate from there.
openssl req -x509 -newkey rsa:2048 -nodes -keyout web_ca.key -subj '/CN=Web CA' -days 30 -out web_ca.pem 2>/dev/null
openssl req -newkey rsa:2048 -nodes -keyout web.key -subj /CN=one.vr.test -out web.csr 2>/dev/null
openssl x509 -req -in web.csr -CA web_ca.pem -CAkey web_ca.key -CAcreateserial -days 30 -out web.pem 2>/dev/null \
	-extfile <(printf 'subjectAltName=DNS:one.vr.test\nextendedKeyUsage=serverAuth\n')
start world "$tests/servers/management_server.py" --address $one4 --address $one6 --port 8003 --key web.key \
	--certificate web.pem --body server.pem >web.ready 2>web.log
wait_for 10 grep -q ready web.ready || { echo "not ok set_up: server web"; cat web.log; exit 1; }

indented() { # FILE: below a key of Client
	sed 's/^/    /' "$1"
}

# client_config URL...: as Velociraptor writes it; further lines of Client come on standard input.
client_config() {
	printf 'version:\n  name: velociraptor\n  version: 0.77.2\n  commit: "5e874870"\nClient:\n  server_urls:\n'
	printf '  - %s\n' "$@"
	printf '  ca_certificate: |\n'
	indented "${ca:-ca.pem}"
	printf '  nonce: AAECAwQFBgc=\n  writeback_linux: /etc/velociraptor.writeback.yaml\n  max_poll: 60\n'
	printf '  use_self_signed_ssl: %s\n' "${self_signed:-true}"
	cat
}

deploy() { # URL...: at the usual place
	mkdir -p /etc/velociraptor
	client_config "$@" >$path
}

# contains NAME URL...: with this configuration plain `quarantine` contains and proves.
contains() {
	local name=$1
	shift
	deploy "$@"
	gives "$name" 0 quarantine -T 5
	matches "${name}_proven" '\(proven at ' "$out"
	run release
}

# refuses NAME REGEX URL...: no server proves itself, and everything is as before.
refuses() {
	local name=$1 regex=$2 before
	shift 2
	deploy "$@"
	before=$(rules -a)
	gives "$name" 3 quarantine -T 2 ${options:-}
	matches "${name}_reason" "$regex" "$err"
	same "${name}_unchanged" "$before" "$(rules -a)"
}

# ---- the main case: nothing but the file ----

deploy $good </dev/null
install -m 666 -o 65534 -g 65534 $path $path.new # whose it is and who may read it does not matter
mv $path.new $path
gives plain 0 quarantine
matches plain_says_where 'read +options and Velociraptor.s configuration +ok' "$out"
matches plain_proven "allowed +$good .*$one4.*\(proven at " "$out"
passes plain_server dev world tcp/$one4/8000 tcp/$one6/8000
blocked plain_nothing_else dev world tcp/$two4/8000 tcp/$one4/80 tcp/$forbidden4/80 tcp/$one4/3128
gives probe_plain 0 probe
matches probe_plain_url "$good" "$out"
matches probe_plain_proof 'and server.pem as well' "$out"
run release

contains wss wss://one.vr.test:8000/ </dev/null
contains base_path https://one.vr.test:8001/velo/ </dev/null
contains without_final_slash https://one.vr.test:8001/velo </dev/null
contains literals "https://[$one6]:8000/" </dev/null
contains second_server https://one.vr.test:8002/ https://two.vr.test:8000/ </dev/null
refuses wrong_port 'Connection refused' https://one.vr.test:8002/ </dev/null

# ---- trust ----

thumbprint=$(openssl x509 -in server.pem -outform DER | sha256sum | cut -d' ' -f1)
other=${thumbprint//[0-9]/0}
contains thumbprint_only $good <<-END
	  Crypto:
	    certificate_verification_mode: THUMBPRINT_ONLY
	    certificate_thumbprints:
	    - "$(sed 's/../&:/g; s/:$//' <<<"${thumbprint^^}")"
END
refuses other_thumbprint 'prove one.vr.test: certificate' $good <<-END
	  Crypto: {certificate_verification_mode: THUMBPRINT_ONLY, certificate_thumbprints: ["$other"]}
END
contains pki_or_thumbprint $good <<-END
	  Crypto: {certificate_verification_mode: PKI_OR_THUMBPRINT, certificate_thumbprints: ["$other"]}
END
refuses pinned_name 'VelociraptorServer, expected Another' $good <<<'  pinned_server_name: Another'
ca=stranger_ca.pem refuses wrong_ca 'prove one.vr.test: ' $good </dev/null
self_signed=no contains no_self_signed $good </dev/null
self_signed=off contains root_certs https://one.vr.test:8003/ <<-END
	  Crypto:
	    root_certs: |
	$(sed 's/^/      /' web_ca.pem)
END
self_signed=off refuses without_root_certs 'does not lead to a trusted CA' https://one.vr.test:8003/ </dev/null
self_signed=on refuses root_certs_self_signed 'prove one.vr.test: ' https://one.vr.test:8003/ <<-END
	  Crypto:
	    root_certs: |
	$(sed 's/^/      /' web_ca.pem)
END
options='--ca stranger_ca.pem' refuses options_win 'prove one.vr.test: ' $good </dev/null
options='--name VelociraptorServer' refuses options_replace_all 'does not lead to a trusted CA' $good </dev/null
ca=stranger_ca.pem deploy $good </dev/null
gives option_ca 0 quarantine --ca ca.pem
run release
gives probe_wrong_ca 1 probe
gives probe_option_ca 0 probe --ca ca.pem
printf 'ca stranger_ca.pem\n' >/etc/quarbox.conf
refuses file_wins 'prove one.vr.test: ' $good </dev/null
rm /etc/quarbox.conf

# ---- fallback addresses ----

printf 'nameserver %s\noptions timeout:1 attempts:1\n' $forbidden4 >/etc/resolv.conf # nobody listens there
refuses resolver_dead 'resolve one.vr.test: ' $good </dev/null
deploy https://one.vr.test:8443/ <<-END
	  fallback_addresses:
	    "one.vr.test:8443": "$two4:8000"
END
gives fallback 0 quarantine -T 10
matches fallback_warning 'resolve one.vr.test: .*; its fallback address is used' "$err"
matches fallback_proven "allowed +https://one.vr.test:8443/ $two4:8000 \(proven at $two4\)" "$out"
passes fallback_allowed dev world tcp/$two4/8000
blocked fallback_nothing_else dev world tcp/$one4/8443 tcp/$two4/8443 tcp/$one4/8000
run release
gives probe_fallback 0 probe
use_resolvers $resolver4
deploy https://one.vr.test:8000/ <<<"  fallback_addresses: {'one.vr.test:8000': '$two4:8000'}"
gives fallback_inside 0 quarantine --dns none -T 10 # names resolve before, but not from inside
matches fallback_inside_proven "\(proven at $two4\)" "$out"
passes fallback_beside_names dev world tcp/$two4/8000 tcp/$one4/8000
run release

# ---- proxies ----

start world "$tools/proxy.py" $two4 3129 user:secret >proxy.ready 2>proxy.log
wait_for 5 grep -q ready proxy.ready || { echo "not ok set_up: proxy"; cat proxy.log; exit 1; }
deploy $good <<<"  proxy: http://user:secret@two.vr.test:3129"
gives proxy 0 quarantine -T 5
matches proxy_is_told "allowed +$good through http://two.vr.test:3129/ $two4, $two6 \(proven at $two4\)" "$out"
same proxy_was_asked 'CONNECT one.vr.test:8000' "$(sort -u proxy.log)"
check no_secret_is_told bash -c "! grep -q secret out err"
passes proxy_allowed dev world tcp/$two4/3129
blocked proxy_only dev world tcp/$one4/8000 tcp/$two4/8000 tcp/$two4/3128
gives probe_proxy 0 probe
run release
gives proxy_json 0 quarantine --no-probe -j
matches proxy_json_member '"server":"https://one.vr.test:8000/","proxy":"http://two.vr.test:3129/"' "$out"
run release
refuses proxy_without_credentials 'prove one.vr.test: .*407' $good <<<"  proxy: http://two.vr.test:3129"
gives probe_proxy_without_credentials 1 probe
deploy $good <<<"  proxy: https://two.vr.test:3129"
gives tls_proxy 78 quarantine
matches tls_proxy_reason '^quarantine: prove one.vr.test: TLS to the proxy two.vr.test itself is not supported' "$err"
check tls_proxy_changes_nothing no_rules
gives probe_tls_proxy 78 probe
matches probe_tls_proxy_reason '^probe: TLS to the proxy two.vr.test itself is not supported' "$err"
gives tls_proxy_keep 0 quarantine --keep -T 1
passes tls_proxy_keep_allows dev world tcp/$two4/3129
run release
gives tls_proxy_no_probe 0 quarantine --no-probe
run release
deploy $good https://two.vr.test:8000/ <<<"  proxy_config: {proxy_url_regexp: {'^https://one': 'https://two.vr.test:3129'}}"
gives tls_proxy_for_one_server 0 quarantine -T 5
matches tls_proxy_other_proves "https://two.vr.test:8000/ $two4.*\(proven at " "$out"
run release
deploy $good </dev/null
gives environment_proxy 0 env https_proxy=http://user:secret@two.vr.test:3129 "$bin/quarantine"
matches environment_proxy_proves "through http://two.vr.test:3129/ .*\(proven at $two4\) $good $one4" "$out"
run release
gives environment 0 env https_proxy=http://two.vr.test:3128 "$bin/quarantine" -T 6
matches environment_both_ways "through http://two.vr.test:3128/ .*$good $one4.*\(proven at " "$out"
passes environment_allows dev world tcp/$two4/3128 tcp/$one4/8000
run release
gives environment_exempt 0 env HTTPS_PROXY=http://two.vr.test:3128 NO_PROXY=.vr.test "$bin/quarantine"
blocked environment_exempt_proxy dev world tcp/$two4/3128
run release
gives environment_bad 78 env https_proxy=socks5://two.vr.test "$bin/quarantine"
matches environment_bad_reason '\$https_proxy: expected a proxy' "$err"
deploy $good <<<'  proxy_config: {ignore_environment: true, http: "http://one.vr.test:3128", proxy_url_regexp: {"^https://one": ""}}'
gives environment_ignored 0 env https_proxy=http://two.vr.test:3128 "$bin/quarantine"
blocked rule_says_direct dev world tcp/$two4/3128 tcp/$one4/3128
run release

# ---- which file counts ----

# plan_of ENVIRONMENT_OR_OPTION...: the IPv4 addresses of servers in a dry run
plan_of() {
	dev env "${@:1:1}" "$bin/quarantine" -n "${@:2}" 2>err | grep -Eo '198\.51\.100\.(2|3|99)\b' | sort -u | xargs
}
client_config https://$one4/ </dev/null >one.yaml
client_config https://$two4/ </dev/null >two.yml
client_config https://$forbidden4/ </dev/null >three.yaml
cp one.yaml $path
literal="VELOCIRAPTOR_LITERAL_CONFIG=$(cat three.yaml)"
same order_url $two4 "$(plan_of A=b https://$two4/)"
same order_c $two4 "$(plan_of A=b -c two.yml)"
same order_c_and_url $forbidden4 "$(plan_of A=b -c two.yml https://$forbidden4/)"
same order_file_before_environment $one4 "$(plan_of VELOCIRAPTOR_CONFIG=two.yml)"
same order_file_before_literal $one4 "$(plan_of "$literal")"
printf 'server https://%s/\nallow tcp:%s:80\n' $two4 $forbidden4 >/etc/quarbox.conf
same order_quarbox_conf "$two4 $forbidden4" "$(plan_of A=b)"
same order_c_keeps_other_options "$one4 $forbidden4" "$(plan_of A=b -c one.yaml)"
printf 'allow tcp:%s:80\n' $forbidden4 >/etc/quarbox.conf
same order_quarbox_conf_without_server "$one4 $forbidden4" "$(plan_of A=b)"
printf 'timeout 5\n' >own.conf
same order_c_of_our_own $one4 "$(plan_of A=b -c own.conf)"
rm $path /etc/quarbox.conf
same order_environment $two4 "$(plan_of VELOCIRAPTOR_CONFIG=two.yml)"
same order_literal $forbidden4 "$(plan_of "$literal")"
gives order_environment_before_literal 0 env VELOCIRAPTOR_CONFIG=one.yaml "$literal" "$bin/quarantine" -n
matches order_environment_first "$one4" "$out"
gives nothing 64 quarantine
gives probe_nothing 64 probe
client_config $good https://one.vr.test:8002/ </dev/null >both.yml
gives probe_c 1 probe -c both.yml
matches probe_c_both 'proven: .*unreachable: ' "$out"
gives probe_c_url 0 probe -c both.yml https://two.vr.test:8000/
gives probe_environment 0 env "VELOCIRAPTOR_LITERAL_CONFIG=$(client_config $good </dev/null)" "$bin/probe"
gives c_url_with_trust_of_the_file 0 quarantine -c both.yml https://two.vr.test:8000/
run release

# ---- files that are broken: one line, 78, nothing changed ----

# broken NAME REGEX COMMAND...
broken() {
	local name=$1 regex=$2 why= now
	shift 2
	run "$@"
	now=$(rules -a)
	[ $code -eq 78 ] || why="exit code $code;"
	[ "$(wc -l <err)" -eq 1 ] || why="$why not one line on stderr;"
	grep -Eq -- "$regex" err || why="$why no match for: $regex;"
	[ "$now" = "$before" ] || why="$why the rule set changed;"
	if [ -z "$why" ]; then ok "$name"; else not_ok "$name" "$why $(head -2 err)"; fi
}

broken_files() { # PREFIX of names
	before=$(rules -a)
	printf 'Client:\n  server_urls: %s\n' $good >$path
	broken "$1type" "^quarantine: $path line 2 column 16: Client.server_urls: expected a list of URLs, found a text\$" quarantine
	broken "$1probe" "^probe: $path line 2 column 16: Client.server_urls: " probe
	printf 'Client:\n  server_urls:\n  - https://one.vr.test:8000x/\n' >$path
	broken "$1url" "line 3 column 5: Client.server_urls: URL 'https://one.vr.test:8000x/': the port" quarantine
	printf 'Client:\n  server_urls:\n  - https://0.0.0.0/\n' >$path
	broken "$1nobody" "Velociraptor's configuration: URL with 0.0.0.0: no server can have this address" quarantine
	printf 'Client:\n\tserver_urls:\n' >$path
	broken "$1tab" 'line 2 column 1: found character that cannot start any token' quarantine
	printf 'Client: {server_urls: [%s]\n' $good >$path
	broken "$1syntax" "line 2 column 1: did not find expected ',' or '}'" quarantine
	: >$path
	broken "$1empty" 'line 1 column 1: Client: expected a mapping, found nothing' quarantine
	printf 'Client:\n  nonce: \377\n' >$path
	broken "$1bytes" 'line 2 column 10: invalid leading UTF-8 octet' quarantine
	{ echo 'x: &a [b]'; for i in {1..300}; do echo "x$i: *a"; done; } >$path
	broken "$1aliases" 'line 258 column [0-9]+: too many aliases' quarantine
	truncate -s 1048577 $path
	broken "$1size" 'larger than 1048576 bytes' quarantine
	rm $path
	mkdir $path
	broken "$1folder" 'not a regular file' quarantine
	rmdir $path
	mkfifo $path
	broken "$1fifo" 'not a regular file' timeout 5 "$bin/quarantine"
	rm $path
	ln -s nowhere $path
	broken "$1missing_c" 'open nowhere.yaml: No such file' quarantine -c nowhere.yaml
	broken "$1missing_environment" 'open /nowhere: No such file' env VELOCIRAPTOR_CONFIG=/nowhere "$bin/quarantine"
	broken "$1literal" '\$VELOCIRAPTOR_LITERAL_CONFIG line 1 column 1: the file: expected a mapping, found a text' \
		env VELOCIRAPTOR_LITERAL_CONFIG=x "$bin/quarantine"
	rm $path
}

broken_files before_any_
deploy $good </dev/null
gives older 0 quarantine
broken_files over_an_older_
finish
