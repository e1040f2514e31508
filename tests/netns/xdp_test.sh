#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# What an XDP program does with packets no rule of ours sees: it is named as long as one is attached.
. "$(dirname "$0")/lib.sh"
lab_enter "$0" "$@"
lab_up

xdp() { # LINK WHAT
	dev "$tools/xdp.py" "$@"
}
if ! xdp lan0 pass 2>why; then
	echo "ok xdp # skipped: $(cat why)"
	finish
fi
told='not covered what the XDP program of an interface sends on by itself'
plan=(quarantine --ca ca.pem "https://$one4:8000/")

gives attached_is_partial 5 "${plan[@]}"
matches attached_is_named "partial: .*$told" "$out"
gives status_is_partial 5 status
matches status_names_it "$told" "$out"
gives status_json 5 status -j
matches status_json_names_it '"not_covered":\["what the XDP program of an interface' "$out"

# It comes and goes.
xdp lan0 off
gives status_without 0 status
gives contained_without 0 "${plan[@]}"
for link in wan lo; do
	check "attach_to_$link" xdp $link pass
	gives "status_later_$link" 5 status
	matches "status_later_${link}_names_it" "$told" "$out"
	xdp $link off
done
gives status_without_again 0 status
passes server_is_reached dev world tcp/$one4/8000

# And it is real: what comes from the LAN, sealed as it is, goes out again.
returned() { # how many frames come back to the LAN host
	lan /usr/bin/python3 -c 'import socket, time
raw = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0x88b5)
raw.bind(("eth0", 0x88b5))
raw.settimeout(1)
raw.send(b"\2\0\0\0\0\x98" * 2 + b"\x88\xb5" + b"quarbox" + bytes(46))
count = 0
try:
    while b"quarbox" in raw.recv(100):
        count += 1
except socket.timeout:
    pass
print(count)'
}
same nothing_returns_without 0 "$(returned)"
check attach_what_returns xdp lan0 return
same returns_past_the_rules 1 "$(returned)"
finish
