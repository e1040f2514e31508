#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Layers that are left out, by the user or because the kernel refuses them: what is missing is named, "partial" when it was
# wanted, and what is left still contains.
set -u
. "$(dirname "$(realpath "$0")")/lib.sh"
lab_enter "$0" "$@"
lab_up
plan=(-T 5 --ca ca.pem https://one.vr.test:8000/)
${CC:-cc} -D_GNU_SOURCE -o older_kernel "$tools/older_kernel.c" || { echo "not ok set_up: cc"; exit 1; }

families() {
	dev nft list tables | cut -d' ' -f2 | sort | tr '\n' ' '
}
hooks() { # of the netdev table
	dev nft list table netdev $default_table 2>/dev/null | grep -Eo 'hook [a-z]*' | sort -u | tr '\n' ' '
}
contains() { # NAME
	passes "$1_needs" dev world tcp/$one4/8000 tcp/$one6/8000 udp/$resolver4/53
	blocked "$1_blocks" dev world tcp/$forbidden4/8000 tcp/$forbidden6/8000 udp/$rogue4/53 icmp/$forbidden4
	blocked "$1_forwards_nothing" lan world tcp/$forbidden4/8000 udp/$forbidden6/7000
	gives "$1_release" 0 release
	check "$1_nothing_is_left" no_rules
}

# ---- by the user ----

gives inet_alone 0 quarantine --layers inet "${plan[@]}"
same inet_alone_families 'inet ' "$(families)"
matches inet_alone_is_said 'not covered frames between the ports of a bridge \(--layers\) received frames below IP.*\(--layers\)' "$out"
contains inet_alone
gives inet_and_bridge 0 quarantine --layers bridge,inet "${plan[@]}"
same inet_and_bridge_families 'bridge inet ' "$(families)"
contains inet_and_bridge
gives inet_and_netdev 0 quarantine --layers inet,netdev "${plan[@]}"
same inet_and_netdev_families 'inet netdev ' "$(families)"
contains inet_and_netdev
gives layers_from_json 0 quarantine -j --layers inet,netdev "${plan[@]}"
matches layers_in_json '"layers":\["inet","netdev"\],"not_covered":\["frames between the ports of a bridge \(--layers\)"' "$out"
run release

# Fewer layers than before, and more: what is not wanted any more goes in the same transaction.
gives all_first 0 quarantine "${plan[@]}"
gives fewer 0 quarantine --layers inet "${plan[@]}"
same fewer_families 'inet ' "$(families)"
gives more 0 quarantine "${plan[@]}"
same more_families 'bridge inet netdev ' "$(families)"
contains more

for bad in '' netdev inet,nonsense inet,,bridge bridge,netdev inet, ; do
	gives "refuses_layers_$bad" 64 quarantine --layers "$bad" "${plan[@]}"
	matches "refuses_layers_${bad}_says" '^quarantine: option --layers' "$err"
done
check nothing_was_changed no_rules

# ---- chains of others ----

# At the same priority the older one comes later: what ours let out can be changed there.
for where in 'ip hook output' 'netdev hook egress device wan'; do
	name=behind_${where%% *}
	dev nft "table ${where%% *} late { chain mangle { type filter ${where#* } priority 2147483647; }; }"
	gives $name 5 quarantine "${plan[@]}"
	matches ${name}_is_said 'partial: .*not covered what mangle of table late makes of packets' "$out"
	gives ${name}_release 0 release
	dev nft "delete table ${where%% *} late; table inet before { chain mangle { type filter hook output priority 2147483646; }; }"
	gives ${name}_before 0 quarantine "${plan[@]}"
	run release
	dev nft delete table inet before
done

# ---- by the kernel ----

without() { # NAME LACKS FAMILIES HOOKS WORDS
	gives "$1" 5 "$work/older_kernel" "$2" quarantine --layers "${layers:-inet,bridge,netdev}" "${plan[@]}"
	matches "$1_is_partial" "partial: table inet .*not covered .*$5 \(the kernel refuses it\)" "$out"
	same "$1_families" "$3" "$(families)"
	same "$1_hooks" "$4" "$(hooks)"
	contains "$1"
}
without no_egress egress 'bridge inet netdev ' 'hook ingress ' 'frames that packet sockets and macvlan children send'
without no_netdev netdev 'bridge inet ' '' 'received frames below IP, offloaded flows, macvlan children'
without no_bridge bridge 'inet netdev ' 'hook egress hook ingress ' 'frames between the ports of a bridge'

# Without proof, beside an older quarantine, and a kernel that takes less than it did before.
gives older_first 0 quarantine "${plan[@]}"
gives no_egress_any_more 5 "$work/older_kernel" egress quarantine "${plan[@]}"
same no_egress_any_more_hooks 'hook ingress ' "$(hooks)"
gives no_bridge_without_proof 5 "$work/older_kernel" bridge quarantine --no-probe "${plan[@]}"
same no_bridge_without_proof_families 'inet netdev ' "$(families)"
contains older

# Hooks on later interfaces are few kernels': named, not partial.
gives no_later 0 "$work/older_kernel" later quarantine --layers inet,bridge,netdev,later "${plan[@]}"
matches no_later_is_said 'contained: .*not covered raw frames on interfaces that appear later \(the kernel refuses it\)' "$out"
contains no_later

# Without addresses being looked up: peers can be written to in somebody else's name.
gives no_fib 0 "$work/older_kernel" fib quarantine "${plan[@]}"
matches no_fib_is_said 'contained: .*packets to peers from addresses that are not ours \(no fib here\)' "$out"
same no_fib_in_rules '' "$(rules | grep -o 'fib saddr')"
contains no_fib

# The same while somebody changes other tables all the time: what the kernel lacks is told apart from what was changed.
gives no_fib_disturbed 0 env DISTURBED=yes "$work/older_kernel" fib quarantine "${plan[@]}"
matches no_fib_disturbed_is_said 'contained: .*packets to peers from addresses that are not ours \(no fib here\)' "$out"
contains no_fib_disturbed

# Without being told whether a packet has a route: nothing but NAT of the device's own packets needs it.
gives no_routes 0 "$work/older_kernel" route quarantine "${plan[@]}"
same no_routes_in_rules '' "$(rules | grep -o rtclassid)"
contains no_routes

# Stateless rules.
gives no_conntrack 0 "$work/older_kernel" ct quarantine "${plan[@]}"
matches no_conntrack_is_said 'no connection tracking: stateless rules are used' "$err"
same no_conntrack_in_rules '' "$(rules | grep -Eo 'ct (state|reply|original)')"
contains no_conntrack
finish
