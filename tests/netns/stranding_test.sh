#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# What changes or is unusual around an uplink must not cost the device its server: gateways that ask in the name of another
# address, a bridge whose address follows its ports, fragments, virtual addresses on a macvlan, a
# backup uplink that waits, more prefixes than are listed.
set -u
. "$(dirname "$(realpath "$0")")/lib.sh"
lab_enter "$0" "$@"
lab_up
plan=(-T 10 --ca ca.pem https://one.vr.test:8000/)
ip -n world route add 10.9.0.0/16 via 198.51.100.1

begin_device() { # KIND NUMBER: with one cable, whose other end "KIND" is in the router's namespace
	kind=$1 number=$2 device=$1
	ip netns add "$kind"
	ip -n "$kind" link set lo up
	ip link add cable netns "$kind" type veth peer name "$kind" netns router
	ip -n "$kind" link set cable up
	ip -n router link set "$kind" up
	ip -n router address add "10.9.$number.1/24" dev "$kind"
}
device_address() { # [LINK]
	ip -n "$kind" address add "10.9.$number.2/24" dev "${1:-cable}"
	ip -n "$kind" route add default via "10.9.$number.1"
	wait_for 1 eval "in_ns $kind $tools/attempt.py -t 0.5 tcp/$one4/8000 | grep -q ." || not_ok "set_up_$kind" "no way"
}
reaches() { # NAME [ATTEMPT]
	local attempt=${2:-tcp/$one4/8000}
	same "$1" "$attempt" "$(in_ns "$kind" "$tools/attempt.py" -t 4 "$attempt")"
}

begin_device gateway 1
device_address
start router "$tools/echo_server.py" "$work/gateway.echo" 8001
wait_for 5 test -e gateway.echo.ready
gives arp_contains 0 quarantine --no-probe --dns none http://198.51.100.1:8001/
reaches arp_first tcp/198.51.100.1/8001
router ip neigh flush dev gateway
reaches gateway_asks_in_another_name tcp/198.51.100.1/8001

begin_device bridge 2
ip -n bridge link add br0 type bridge forward_delay 0
ip -n bridge link set cable address 52:00:00:00:00:99
ip -n bridge link set cable master br0
ip -n bridge link set br0 up
device_address br0
gives bridge_contains 0 quarantine "${plan[@]}"
ip -n bridge link add tap0 type veth peer name tap1
ip -n bridge link set tap0 address 02:00:00:00:00:01
ip -n bridge link set tap1 up
ip -n bridge link set tap0 master br0 up
same bridge_has_another_address 02:00:00:00:00:01 "$(ip -n bridge -br link show br0 | awk '{ print $3 }')"
ip -n bridge neigh flush all
router ip neigh flush dev bridge
reaches bridge_with_another_address

# A server that sends fragments, over a narrow hop.
begin_device fragments 4
device_address
ip -n router link set fragments mtu 1000
ip -n router route replace 10.9.4.0/24 dev fragments mtu lock 1000
world sysctl -qw net.ipv4.ip_no_pmtu_disc=1
cat >long.py <<'END'
import socket, sys
server = socket.socket()
server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
server.bind((sys.argv[1], 8002))
server.listen(5)
print("ready", flush=True)
while True:
    peer, _ = server.accept()
    peer.sendall(bytes(60000))
    peer.close()
END
start world /usr/bin/python3 long.py $one4 >long.ready
wait_for 5 grep -q ready long.ready
receive() {
	in_ns "$kind" timeout 8 /usr/bin/python3 -c 'import socket, sys
peer = socket.create_connection((sys.argv[1], 8002), 4)
peer.settimeout(4)
count = 0
try:
    while data := peer.recv(65536):
        count += len(data)
except OSError:
    pass
print(count)' $one4
}
same fragments_before 60000 "$(receive)"
gives fragments_contain 0 quarantine --no-probe --dns none http://$one4:8002/
same fragments 60000 "$(receive)"
world sysctl -qw net.ipv4.ip_no_pmtu_disc=0

# The address that speaks to the server is VRRP's, on a macvlan of the uplink.
begin_device vrrp 5
ip -n vrrp link add vrrp51 link cable address 00:00:5e:00:01:33 type macvlan mode bridge
ip -n vrrp link set vrrp51 up
ip -n vrrp address add 10.9.5.100/32 dev vrrp51
ip -n vrrp address add 10.9.5.2/24 dev cable
in_ns vrrp sysctl -qw net.ipv4.conf.cable.arp_ignore=1 net.ipv4.conf.vrrp51.arp_ignore=1 net.ipv4.conf.all.rp_filter=0 \
	net.ipv4.conf.vrrp51.rp_filter=0 net.ipv4.conf.vrrp51.accept_local=1
ip -n vrrp route add default via 10.9.5.1 src 10.9.5.100
wait_for 1 eval "in_ns vrrp $tools/attempt.py -t 0.5 tcp/$one4/8000 | grep -q ." || not_ok set_up_vrrp "no way"
gives vrrp_contains 0 quarantine "${plan[@]}"
router ip neigh flush dev vrrp
reaches vrrp_address

# A backup uplink with an address, without a carrier at the time.
begin_device backup 6
device_address
ip link add spare netns backup type dummy 2>/dev/null || ip -n backup link add spare type ifb
ip -n backup address add 10.8.6.2/24 dev spare
survey_line() {
	sed -n '/interfaces/,/undo/p' out | tr -s ' \n' ' '
}
gives backup_contains 0 quarantine "${plan[@]}"
matches backup_is_told 'interfaces uplinks cable' "$(survey_line)"

# More prefixes than there is room for.
begin_device prefixes 7
for i in $(seq 40); do
	echo "address add 10.7.$i.2/24 dev cable"
done | ip -n prefixes -batch -
device_address
gives prefixes_contain 0 quarantine "${plan[@]}"
ip -n prefixes neigh flush all
router ip neigh flush dev prefixes
reaches many_prefixes
finish
