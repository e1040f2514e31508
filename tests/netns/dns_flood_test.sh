#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# An ordinary user who floods the resolvers with questions keeps nobody from containing the device, nor from proving a server.
. "$(dirname "$0")/lib.sh"
lab_enter "$0" "$@"
lab_up
server=(--ca ca.pem https://one.vr.test:8000/)

flood() { # PAUSE: between questions, in seconds
	start dev setpriv --reuid=1000 --regid=1000 --clear-groups /usr/bin/python3 -c '
import contextlib, socket, sys, time
resolvers = []
for address in sys.argv[2:]:
    resolvers.append(socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_DGRAM))
    resolvers[-1].connect((address, 53))
question = b"\x12\x34\x01\0\0\1\0\0\0\0\0\0\1a\4test\0\0\1\0\1"
while True:
    for resolver in resolvers:
        with contextlib.suppress(OSError):
            resolver.send(question)
    time.sleep(float(sys.argv[1]))' "$1" $resolver4 $resolver6
	flood=$!
	sleep 1
}

gives quiet 0 quarantine "${server[@]}"
flood 0.001
for ((i = 1; i <= 5; i++)); do
	gives proven_$i 0 probe "${server[@]}"
done
gives again 0 quarantine "${server[@]}"
gives release 0 release
for ((i = 1; i <= 3; i++)); do
	gives contained_$i 0 quarantine "${server[@]}"
	gives released_$i 0 release
done
kill $flood

# Where a packet filter lets no question pass at all, that is said, and soon.
dev nft 'add table inet mine; add chain inet mine out { type filter hook output priority 0; }; add rule inet mine out udp dport 53 drop'
begin=$SECONDS
gives no_question_passes 1 probe "${server[@]}"
matches no_question_passes_says_so 'blocked by the packet filter' "$out$err"
[ $((SECONDS - begin)) -lt 25 ] && ok not_for_ever || not_ok not_for_ever "$((SECONDS - begin)) s"
finish
