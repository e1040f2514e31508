/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The rules of the inet table: everything that a contained device may send and receive, in the order in which the
 * kernel sees them. What is not here is dropped by the last rule of each chain. Read it as nft shows it: quarantine -n.
 */
#include "policy/policy.h"

#include <netinet/in.h>
/* after netinet/in.h: musl's definitions and the kernel's exclude each other only in this order */
#include <linux/netfilter.h>
#include <linux/netfilter/nf_conntrack_common.h>

const struct set_type set_types[SET_IDS] = {
	[SET_SERVER] = { "server", KEY_ADDRESS | KEY_PORT, false },
	[SET_RESOLVER] = { "resolver", KEY_ADDRESS, false },
	[SET_ALLOW_OUT] = { "allow_out", KEY_ADDRESS | KEY_PROTOCOL | KEY_PORT, false },
	[SET_ALLOW_IN] = { "allow_in", KEY_ADDRESS | KEY_PROTOCOL | KEY_PORT, false },
	[SET_DNS_RATE] = { "dns_rate", KEY_ADDRESS, true },
};

/*
 * outbound after NAT (-100), so that the address that is checked is the one on the wire; inbound before the source NAT
 * of the input hook (100) for the same reason; forward before every chain that could hand a flow to a flowtable.
 */
const struct chain_type chain_types[CHAIN_IDS] = {
	[CHAIN_INBOUND] = { "inbound_chain", "input", NF_INET_LOCAL_IN, -500 },
	[CHAIN_OUTBOUND] = { "outbound_chain", "output", NF_INET_LOCAL_OUT, 300 },
	[CHAIN_FORWARD] = { "forward_chain", "forward", NF_INET_FORWARD, -500 },
};

enum {
	CT_ESTABLISHED = NF_CT_STATE_BIT(IP_CT_ESTABLISHED),
	CT_RELATED = NF_CT_STATE_BIT(IP_CT_RELATED),

	PORT_DNS = 53,
	PORT_DHCP_SERVER = 67, /* RFC 2131 section 4.1 */
	PORT_DHCP_CLIENT = 68,
	PORT_DHCPV6_CLIENT = 546, /* RFC 8415 section 7.2 */
	PORT_DHCPV6_SERVER = 547,
};

static const uint8_t link_local[16] = { 0xfe, 0x80 };
static const uint8_t link_multicast[16] = { 0xff, 0x02 };
static const uint8_t unspecified[16];
static const uint8_t dhcpv6_servers[16] = { 0xff, 0x02, [13] = 1, [15] = 2 }; /* ff02::1:2, RFC 8415 section 7.1 */

#define MATCHES(...) (const struct match[]){ __VA_ARGS__, { .kind = MATCH_END } }

#define NO_MATCHES (const struct match[]){ { .kind = MATCH_END } }

#define IN_INTERFACE(name) { .kind = MATCH_IN_INTERFACE, .data = name }
#define OUT_INTERFACE(name) { .kind = MATCH_OUT_INTERFACE, .data = name }
#define FAMILY { .kind = MATCH_FAMILY }
#define PROTOCOL(p) { .kind = MATCH_PROTOCOL, .protocol = p }
/* the peer's address, and its own port where the key has one */
#define FROM_PEER(s) { .kind = MATCH_SOURCE_IN_SET, .set = s, .far_port = true }
#define TO_PEER(s) { .kind = MATCH_DESTINATION_IN_SET, .set = s, .far_port = true }
/* the peer's address, and the port of ours that it uses */
#define FROM_CALLER(s) { .kind = MATCH_SOURCE_IN_SET, .set = s }
#define TO_CALLER(s) { .kind = MATCH_DESTINATION_IN_SET, .set = s }
#define FROM(bytes, length) { .kind = MATCH_SOURCE_NETWORK, .data = bytes, .prefix_length = length }
#define TO(bytes, length) { .kind = MATCH_DESTINATION_NETWORK, .data = bytes, .prefix_length = length }
#define FROM_NETWORK { .kind = MATCH_SOURCE_NETWORK }
#define TO_NETWORK { .kind = MATCH_DESTINATION_NETWORK }
#define SOURCE_PORT(p, n) { .kind = MATCH_SOURCE_PORT, .protocol = p, .port = n }
#define DESTINATION_PORT(p, n) { .kind = MATCH_DESTINATION_PORT, .protocol = p, .port = n }
#define NETWORK_SOURCE_PORT { .kind = MATCH_SOURCE_PORT }
#define NETWORK_DESTINATION_PORT { .kind = MATCH_DESTINATION_PORT }
#define UDP_PORTS(s, d) { .kind = MATCH_PORTS, .protocol = IPPROTO_UDP, .port = s, .second_port = d }
#define NOT_OPENING { .kind = MATCH_NOT_OPENING }
#define CT_STATE(bits) { .kind = MATCH_CT_STATE, .value = bits }
#define ABOUT_PEER(s) { .kind = MATCH_FLOW_IN_SET, .set = s, .far_port = true }
#define ABOUT_CALLER(s) { .kind = MATCH_FLOW_IN_SET, .set = s }
#define ABOUT_NETWORK { .kind = MATCH_FLOW_OF_NETWORK }
#define ICMP_TYPES(...) { .kind = MATCH_ICMP_TYPES, .types = { __VA_ARGS__ } }
#define HOP_LIMIT(n) { .kind = MATCH_HOP_LIMIT, .value = n }
#define PAYLOAD_AT_MOST(n) { .kind = MATCH_PAYLOAD_AT_MOST, .value = n }
#define LIMIT { .kind = MATCH_LIMIT }
#define DNS_RATE { .kind = MATCH_DNS_RATE, .set = SET_DNS_RATE }
#define SET_TTL(n) { .kind = MATCH_SET_TTL, .value = n }

#define ICMP_ERRORS ICMP_TYPES(ICMP_UNREACHABLE, ICMP_EXCEEDED, ICMP_PARAMETER)
#define ICMPV6_ERRORS ICMP_TYPES(ICMPV6_UNREACHABLE, ICMPV6_TOO_BIG, ICMPV6_EXCEEDED, ICMPV6_PARAMETER)

/* Replies over UDP: tracked, or deliberately not tracked by a rule of the firewall's ("notrack"). */
#define ANSWERED CT_STATE(CT_ESTABLISHED | CT_STATE_UNTRACKED)

#define ACCEPT(chain, when, comment, ...) { chain, VERDICT_ACCEPT, when, comment, MATCHES(__VA_ARGS__) }

/* The types come first: nft needs to know the protocol before it takes ports of conntrack's for ports. */
#define ICMP_ERROR_ROWS(about) \
	ACCEPT(CHAIN_INBOUND, WHEN_IPV4 | WHEN_CT, "ICMP errors", ICMP_ERRORS, CT_STATE(CT_RELATED), about), \
	ACCEPT(CHAIN_INBOUND, WHEN_IPV6 | WHEN_CT, "ICMP errors", ICMPV6_ERRORS, CT_STATE(CT_RELATED), about)

static const struct rule_row rules[] = {
	/* The device talks to itself, on its own addresses too: they all pass the loopback interface. */
	ACCEPT(CHAIN_INBOUND, WHEN_ANY_FAMILY, "loopback", IN_INTERFACE("lo")),

	/* No state is asked for: a connection may be older than connection tracking. Never a bare SYN. */
	ACCEPT(CHAIN_INBOUND, WHEN_IP, "server replies", FROM_PEER(SET_SERVER), NOT_OPENING),

	ACCEPT(CHAIN_INBOUND, WHEN_IP | WHEN_CT, "DNS replies", FROM_PEER(SET_RESOLVER),
	       SOURCE_PORT(IPPROTO_UDP, PORT_DNS), ANSWERED),
	ACCEPT(CHAIN_INBOUND, WHEN_IP | WHEN_STATELESS, "DNS replies", FROM_PEER(SET_RESOLVER),
	       SOURCE_PORT(IPPROTO_UDP, PORT_DNS)),
	ACCEPT(CHAIN_INBOUND, WHEN_IP, "DNS replies over TCP", FROM_PEER(SET_RESOLVER),
	       SOURCE_PORT(IPPROTO_TCP, PORT_DNS), NOT_OPENING),
	ACCEPT(CHAIN_INBOUND, WHEN_ANY_FAMILY | WHEN_DNS_ANY | WHEN_CT, "DNS replies",
	       SOURCE_PORT(IPPROTO_UDP, PORT_DNS), ANSWERED),
	ACCEPT(CHAIN_INBOUND, WHEN_ANY_FAMILY | WHEN_DNS_ANY | WHEN_STATELESS, "DNS replies",
	       SOURCE_PORT(IPPROTO_UDP, PORT_DNS)),
	ACCEPT(CHAIN_INBOUND, WHEN_ANY_FAMILY | WHEN_DNS_ANY, "DNS replies over TCP",
	       SOURCE_PORT(IPPROTO_TCP, PORT_DNS), NOT_OPENING),

	/* From any server: a relay's address is nobody's to know beforehand. The rate keeps it from being a channel. */
	ACCEPT(CHAIN_INBOUND, WHEN_IPV4, "DHCP replies", FAMILY, UDP_PORTS(PORT_DHCP_SERVER, PORT_DHCP_CLIENT), LIMIT),
	ACCEPT(CHAIN_INBOUND, WHEN_IPV6, "DHCPv6 replies", FROM(link_local, 10), TO(link_local, 10),
	       UDP_PORTS(PORT_DHCPV6_SERVER, PORT_DHCPV6_CLIENT)),

	/* Hop limit 255: it was not forwarded (RFC 4861 section 11.2). Redirects are not needed. */
	ACCEPT(CHAIN_INBOUND, WHEN_IPV6, "neighbour discovery", HOP_LIMIT(255),
	       ICMP_TYPES(ND_ROUTER_ADVERT, ND_NEIGHBOR_SOLICIT, ND_NEIGHBOR_ADVERT)),
	ACCEPT(CHAIN_INBOUND, WHEN_IPV6, "multicast listener queries", FROM(link_local, 10), HOP_LIMIT(1),
	       ICMP_TYPES(MLD_QUERY)),

	/* What they are about is looked up in conntrack: a flow that is allowed, by address, protocol and port. */
	ICMP_ERROR_ROWS(ABOUT_PEER(SET_SERVER)),
	ICMP_ERROR_ROWS(ABOUT_PEER(SET_RESOLVER)),
	ICMP_ERROR_ROWS(ABOUT_PEER(SET_ALLOW_OUT)),
	ICMP_ERROR_ROWS(ABOUT_CALLER(SET_ALLOW_IN)),
	/* Without conntrack nothing says to which flow they belong; without any, path MTU discovery fails. */
	ACCEPT(CHAIN_INBOUND, WHEN_IPV4 | WHEN_STATELESS, "ICMP errors", ICMP_TYPES(ICMP_UNREACHABLE), LIMIT),
	ACCEPT(CHAIN_INBOUND, WHEN_IPV6 | WHEN_STATELESS, "ICMP errors", ICMP_TYPES(ICMPV6_TOO_BIG), LIMIT),

	ACCEPT(CHAIN_INBOUND, WHEN_IP, "replies, --allow", FROM_PEER(SET_ALLOW_OUT), NOT_OPENING),
	ACCEPT(CHAIN_INBOUND, WHEN_IP | WHEN_CT, "replies, --allow", FROM_PEER(SET_ALLOW_OUT), PROTOCOL(IPPROTO_UDP),
	       ANSWERED),
	ACCEPT(CHAIN_INBOUND, WHEN_IP | WHEN_STATELESS, "replies, --allow", FROM_PEER(SET_ALLOW_OUT),
	       PROTOCOL(IPPROTO_UDP)),
	ACCEPT(CHAIN_INBOUND, WHEN_IP, "--allow", FROM_CALLER(SET_ALLOW_IN)),

	ACCEPT(CHAIN_INBOUND, WHEN_IP | FOR_NETWORK_OUT | FOR_NETWORK_TCP, "replies, --allow", FROM_NETWORK,
	       NETWORK_SOURCE_PORT, NOT_OPENING),
	ACCEPT(CHAIN_INBOUND, WHEN_IP | FOR_NETWORK_OUT | FOR_NETWORK_UDP | WHEN_CT, "replies, --allow", FROM_NETWORK,
	       NETWORK_SOURCE_PORT, ANSWERED),
	ACCEPT(CHAIN_INBOUND, WHEN_IP | FOR_NETWORK_OUT | FOR_NETWORK_UDP | WHEN_STATELESS, "replies, --allow",
	       FROM_NETWORK, NETWORK_SOURCE_PORT),
	ACCEPT(CHAIN_INBOUND, WHEN_IP | FOR_NETWORK_IN | FOR_NETWORK_TCP | FOR_NETWORK_UDP, "--allow", FROM_NETWORK,
	       NETWORK_DESTINATION_PORT),
	ACCEPT(CHAIN_INBOUND, WHEN_IPV4 | WHEN_CT | FOR_EVERY_NETWORK, "ICMP errors", ICMP_ERRORS, CT_STATE(CT_RELATED),
	       ABOUT_NETWORK),
	ACCEPT(CHAIN_INBOUND, WHEN_IPV6 | WHEN_CT | FOR_EVERY_NETWORK, "ICMP errors", ICMPV6_ERRORS,
	       CT_STATE(CT_RELATED), ABOUT_NETWORK),

	ACCEPT(CHAIN_INBOUND, WHEN_IPV4 | FOR_DHCP_SERVER, "DHCP requests", IN_INTERFACE(NULL), FAMILY,
	       UDP_PORTS(PORT_DHCP_CLIENT, PORT_DHCP_SERVER)),

	{ CHAIN_INBOUND, VERDICT_DROP, WHEN_ANY_FAMILY, "everything else", NO_MATCHES },

	ACCEPT(CHAIN_OUTBOUND, WHEN_ANY_FAMILY, "loopback", OUT_INTERFACE("lo")),
	ACCEPT(CHAIN_OUTBOUND, WHEN_IP, "servers", TO_PEER(SET_SERVER)),

	ACCEPT(CHAIN_OUTBOUND, WHEN_IP, "DNS", TO_PEER(SET_RESOLVER), DESTINATION_PORT(IPPROTO_UDP, PORT_DNS),
	       DNS_RATE),
	ACCEPT(CHAIN_OUTBOUND, WHEN_IP, "DNS over TCP", TO_PEER(SET_RESOLVER), DESTINATION_PORT(IPPROTO_TCP, PORT_DNS),
	       DNS_RATE),
	ACCEPT(CHAIN_OUTBOUND, WHEN_ANY_FAMILY | WHEN_DNS_ANY, "DNS", DESTINATION_PORT(IPPROTO_UDP, PORT_DNS), LIMIT),
	ACCEPT(CHAIN_OUTBOUND, WHEN_ANY_FAMILY | WHEN_DNS_ANY, "DNS over TCP", DESTINATION_PORT(IPPROTO_TCP, PORT_DNS),
	       LIMIT),

	/*
	 * A renewal goes to the server's own address, which nobody should have to pin. TTL 1 keeps it on the link; a
	 * server behind a relay is reached again by the broadcast at rebinding time (RFC 2131 section 4.4.5).
	 */
	ACCEPT(CHAIN_OUTBOUND, WHEN_IPV4, "DHCP requests", UDP_PORTS(PORT_DHCP_CLIENT, PORT_DHCP_SERVER), SET_TTL(1)),
	ACCEPT(CHAIN_OUTBOUND, WHEN_IPV6, "DHCPv6 requests", FROM(link_local, 10), TO(dhcpv6_servers, 128),
	       UDP_PORTS(PORT_DHCPV6_CLIENT, PORT_DHCPV6_SERVER)),

	ACCEPT(CHAIN_OUTBOUND, WHEN_IPV6, "neighbour discovery", TO(link_local, 10), HOP_LIMIT(255),
	       ICMP_TYPES(ND_ROUTER_SOLICIT, ND_NEIGHBOR_SOLICIT, ND_NEIGHBOR_ADVERT)),
	ACCEPT(CHAIN_OUTBOUND, WHEN_IPV6, "neighbour discovery", TO(link_multicast, 16), HOP_LIMIT(255),
	       ICMP_TYPES(ND_ROUTER_SOLICIT, ND_NEIGHBOR_SOLICIT, ND_NEIGHBOR_ADVERT)),
	/*
	 * Is a neighbour with a global address still there (RFC 4861 section 7.3)? Which address is on the link changes
	 * with every router advertisement, so others pass as well, as small and as seldom as the real ones.
	 */
	ACCEPT(CHAIN_OUTBOUND, WHEN_IPV6, "neighbour reachability", HOP_LIMIT(255), PAYLOAD_AT_MOST(32),
	       ICMP_TYPES(ND_NEIGHBOR_SOLICIT, ND_NEIGHBOR_ADVERT), LIMIT),
	/* RFC 3810 section 5.2.13: link-local, or unspecified while duplicate address detection runs. */
	ACCEPT(CHAIN_OUTBOUND, WHEN_IPV6, "multicast listener reports", FROM(link_local, 10), HOP_LIMIT(1),
	       ICMP_TYPES(MLD_REPORT, MLD_DONE, MLD2_REPORT)),
	ACCEPT(CHAIN_OUTBOUND, WHEN_IPV6, "multicast listener reports", FROM(unspecified, 128), HOP_LIMIT(1),
	       ICMP_TYPES(MLD_REPORT, MLD_DONE, MLD2_REPORT)),

	ACCEPT(CHAIN_OUTBOUND, WHEN_IP, "--allow", TO_PEER(SET_ALLOW_OUT)),
	ACCEPT(CHAIN_OUTBOUND, WHEN_IP, "replies, --allow", TO_CALLER(SET_ALLOW_IN), NOT_OPENING),
	ACCEPT(CHAIN_OUTBOUND, WHEN_IP | WHEN_CT, "replies, --allow", TO_CALLER(SET_ALLOW_IN), PROTOCOL(IPPROTO_UDP),
	       ANSWERED),
	ACCEPT(CHAIN_OUTBOUND, WHEN_IP | WHEN_STATELESS, "replies, --allow", TO_CALLER(SET_ALLOW_IN),
	       PROTOCOL(IPPROTO_UDP)),

	ACCEPT(CHAIN_OUTBOUND, WHEN_IP | FOR_NETWORK_OUT | FOR_NETWORK_TCP | FOR_NETWORK_UDP, "--allow", TO_NETWORK,
	       NETWORK_DESTINATION_PORT),
	ACCEPT(CHAIN_OUTBOUND, WHEN_IP | FOR_NETWORK_IN | FOR_NETWORK_TCP, "replies, --allow", TO_NETWORK,
	       NETWORK_SOURCE_PORT, NOT_OPENING),
	ACCEPT(CHAIN_OUTBOUND, WHEN_IP | FOR_NETWORK_IN | FOR_NETWORK_UDP | WHEN_CT, "replies, --allow", TO_NETWORK,
	       NETWORK_SOURCE_PORT, ANSWERED),
	ACCEPT(CHAIN_OUTBOUND, WHEN_IP | FOR_NETWORK_IN | FOR_NETWORK_UDP | WHEN_STATELESS, "replies, --allow",
	       TO_NETWORK, NETWORK_SOURCE_PORT),

	ACCEPT(CHAIN_OUTBOUND, WHEN_IPV4 | FOR_DHCP_SERVER, "DHCP replies", OUT_INTERFACE(NULL), FAMILY,
	       UDP_PORTS(PORT_DHCP_SERVER, PORT_DHCP_CLIENT)),

	{ CHAIN_OUTBOUND, VERDICT_DROP, WHEN_ANY_FAMILY, "everything else", NO_MATCHES },

	{ CHAIN_FORWARD, VERDICT_DROP, WHEN_ANY_FAMILY, "forwarding", NO_MATCHES },
};


/* Whether every set that the row looks into is part of the plan. */
static bool sets_exist(const struct policy *policy, const struct rule *rule)
{
	for (const struct match *match = rule->row->matches; match->kind != MATCH_END; match++) {
		bool uses_set = match->kind == MATCH_SOURCE_IN_SET || match->kind == MATCH_DESTINATION_IN_SET ||
				match->kind == MATCH_FLOW_IN_SET || match->kind == MATCH_DNS_RATE;
		if (uses_set && !policy_has_set(policy, (enum set_id)match->set, rule->family))
			return false;
	}
	return true;
}

static bool row_applies(const struct policy *policy, const struct rule_row *row)
{
	if ((row->when & WHEN_CT) && policy->stateless)
		return false;
	if ((row->when & WHEN_STATELESS) && !policy->stateless)
		return false;
	return !(row->when & WHEN_DNS_ANY) || policy->dns_any;
}

static bool network_applies(const struct rule *rule, const struct policy_network *network)
{
	unsigned direction = network->inbound ? FOR_NETWORK_IN : FOR_NETWORK_OUT;
	unsigned protocol = network->protocol == IPPROTO_TCP ? FOR_NETWORK_TCP : FOR_NETWORK_UDP;
	return network->address.family == family_number(rule->family) && (rule->row->when & direction) &&
	       (rule->row->when & protocol);
}

static int visit_networks(const struct policy *policy, struct rule *rule,
			  int (*visit)(void *context, const struct rule *rule), void *context)
{
	int result = 0;
	for (size_t i = 0; i < policy->network_count && result == 0; i++) {
		rule->network = &policy->networks[i];
		if (network_applies(rule, rule->network))
			result = visit(context, rule);
	}
	return result;
}

static int visit_interfaces(const struct policy *policy, struct rule *rule,
			    int (*visit)(void *context, const struct rule *rule), void *context)
{
	int result = 0;
	for (size_t i = 0; i < policy->dhcp_server_count && result == 0; i++) {
		rule->interface = policy->dhcp_server[i];
		result = visit(context, rule);
	}
	return result;
}

static int visit_row(const struct policy *policy, struct rule rule,
		     int (*visit)(void *context, const struct rule *rule), void *context)
{
	if (rule.row->when & (FOR_NETWORK_OUT | FOR_NETWORK_IN))
		return visit_networks(policy, &rule, visit, context);
	if (rule.row->when & FOR_DHCP_SERVER)
		return visit_interfaces(policy, &rule, visit, context);
	return sets_exist(policy, &rule) ? visit(context, &rule) : 0;
}

int policy_each_rule(const struct policy *policy, int (*visit)(void *context, const struct rule *rule), void *context)
{
	for (const struct rule_row *row = rules; row < rules + sizeof rules / sizeof *rules; row++) {
		if (!row_applies(policy, row))
			continue;
		int result = 0;
		if (row->when & (WHEN_ANY_FAMILY | WHEN_IPV4))
			result = visit_row(policy, (struct rule){ .row = row, .family = IPV4 }, visit, context);
		if (result == 0 && (row->when & WHEN_IPV6))
			result = visit_row(policy, (struct rule){ .row = row, .family = IPV6 }, visit, context);
		if (result != 0)
			return result;
	}
	return 0;
}
