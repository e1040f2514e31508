/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which open flows a policy lets go on: against a reading of the rule table itself, and case by case. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <linux/netfilter/nf_conntrack_common.h>

#include "policy/flow.h"

enum { RECORDS_MAX = 100000, PROTOCOL_ICMP = 1, PROTOCOL_GRE = 47, PROTOCOL_SCTP = 132 };

struct fixture {
	struct policy policy;
	uint8_t *records[PEER_ROLES][IP_FAMILIES];
};

static struct address address_of(const char *string)
{
	struct address address;
	if (!address_parse(string, &address))
		fail_msg("%s is no address", string);
	return address;
}

static void add(struct policy *policy, enum peer_role role, const char *string, uint8_t protocol, uint16_t port)
{
	struct address address = address_of(string);
	enum ip_family family = address.family == AF_INET ? IPV4 : IPV6;
	assert_true(peer_list_add(&policy->peers[role][family], &address, protocol, port));
}

static void add_network(struct policy *policy, const char *string, uint8_t length, uint8_t protocol, uint16_t port, bool in)
{
	policy->networks[policy->network_count++] =
		(struct policy_network){ address_of(string), length, protocol, port, in, 0 };
}

static void add_tunnel(struct policy *policy, const char *string, uint8_t length, uint16_t port, uint16_t own_port)
{
	add_network(policy, string, length, IPPROTO_UDP, port, false);
	policy->networks[policy->network_count - 1].own_port = own_port;
}

static int set_up(void **state)
{
	struct fixture *fixture = calloc(1, sizeof *fixture);
	for (int role = 0; role < PEER_ROLES; role++) {
		for (int family = 0; family < IP_FAMILIES; family++) {
			uint8_t *records = malloc(RECORDS_MAX * peer_record_size((enum ip_family)family));
			fixture->records[role][family] = records;
			fixture->policy.peers[role][family] = (struct peer_list){ records, 0, RECORDS_MAX };
		}
	}
	fixture->policy.layers = LAYER_INET;
	*state = fixture;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *fixture = *state;
	for (int role = 0; role < PEER_ROLES; role++) {
		free(fixture->records[role][IPV4]);
		free(fixture->records[role][IPV6]);
	}
	free(fixture);
	return 0;
}

/* One record of everything in both families. */
static void fill(struct policy *policy)
{
	add(policy, PEER_SERVER, "192.0.2.1", IPPROTO_TCP, 443);
	add(policy, PEER_SERVER, "2001:db8::1", IPPROTO_TCP, 443);
	add(policy, PEER_RESOLVER, "192.0.2.53", 0, 0);
	add(policy, PEER_RESOLVER, "2001:db8::53", 0, 0);
	add(policy, PEER_ALLOW_OUT, "192.0.2.2", IPPROTO_TCP, 443);
	add(policy, PEER_ALLOW_OUT, "192.0.2.2", IPPROTO_UDP, 547);
	add(policy, PEER_ALLOW_OUT, "2001:db8::2", IPPROTO_UDP, 443);
	add(policy, PEER_ALLOW_IN, "192.0.2.3", IPPROTO_TCP, 7777);
	add(policy, PEER_ALLOW_IN, "192.0.2.3", IPPROTO_UDP, 68);
	add(policy, PEER_ALLOW_IN, "2001:db8::3", IPPROTO_UDP, 7777);
	add_network(policy, "198.51.100.0", 25, IPPROTO_TCP, 443, false);
	add_network(policy, "2001:db8:7::", 61, IPPROTO_UDP, 443, false);
	add_network(policy, "198.51.100.128", 27, IPPROTO_UDP, 7777, true);
	add_network(policy, "2001:db8:8::", 64, IPPROTO_TCP, 7777, true);
	add_network(policy, "203.0.113.0", 24, IPPROTO_UDP, 7777, false);
	add_tunnel(policy, "203.0.112.255", 32, 443, 7777);
	add_tunnel(policy, "2001:db8:7:8::1", 128, 7777, 443);
	policy_normalize(policy);
}

/* ---- the rule table, read as the kernel does, for a packet of an established connection ---- */

struct packet {
	const struct policy *policy;
	enum chain_id chain;
	uint8_t protocol;
	struct endpoint source, destination;
	bool accepted;
	bool ended;
};

static bool has_bits(const struct address *address, const void *network, unsigned length)
{
	const uint8_t *bytes = network;
	for (unsigned bit = 0; bit < length; bit++) {
		if (((address->bytes[bit / 8] ^ bytes[bit / 8]) >> (7 - bit % 8)) & 1)
			return false;
	}
	return true;
}

static bool in_set(const struct packet *packet, const struct match *match, enum ip_family family, bool source)
{
	const struct endpoint *peer = source ? &packet->source : &packet->destination;
	const struct endpoint *own = source ? &packet->destination : &packet->source;
	uint16_t port = match->far_port ? peer->port : own->port;
	const uint8_t port_bytes[] = { (uint8_t)(port >> 8), (uint8_t)port };
	size_t cursor = 0;
	struct set_element element;
	if (match->set == SET_SERVER && packet->protocol != IPPROTO_TCP) /* its key is ip saddr . tcp sport */
		return false;
	while (policy_next_element(packet->policy, (enum set_id)match->set, family, &cursor, &element)) {
		uint8_t key = set_types[match->set].key;
		if (memcmp(element.address, peer->address.bytes, family_address_length(family)) == 0 &&
		    (!(key & KEY_PROTOCOL) || element.protocol == packet->protocol) &&
		    (!(key & KEY_PORT) || memcmp(element.port, port_bytes, 2) == 0))
			return true;
	}
	return false;
}

static bool in_rule_network(const struct match *match, const struct rule *rule, const struct address *address)
{
	if (address->family != family_number(rule->family))
		return false;
	if (match->data)
		return has_bits(address, match_data(match), match->prefix_length);
	return has_bits(address, rule->network->address.bytes, rule->network->prefix_length);
}

static bool has_port(const struct packet *packet, const struct match *match, const struct rule *rule, uint16_t port)
{
	if (match->port)
		return packet->protocol == match->protocol && port == match->port;
	return packet->protocol == rule->network->protocol && port == rule->network->port;
}

static bool has_ports(const struct packet *packet, const struct match *match, const struct policy_network *network)
{
	const struct endpoint *peer = match->far_port ? &packet->source : &packet->destination;
	const struct endpoint *near = match->far_port ? &packet->destination : &packet->source;
	if (network)
		return peer->port == network->port && near->port == network->own_port;
	return packet->source.port == match->port && packet->destination.port == match->second_port;
}

static bool fits(const struct packet *packet, const struct match *match, const struct rule *rule)
{
	bool of_family = packet->source.address.family == family_number(rule->family);
	switch ((enum match_kind)match->kind) {
	case MATCH_IN_INTERFACE:
	case MATCH_OUT_INTERFACE:
		return true; /* the packet comes on the interface of the leases */
	case MATCH_IN_LOOPBACK:
	case MATCH_OUT_LOOPBACK:
		return false;
	case MATCH_FAMILY:
		return of_family;
	case MATCH_PROTOCOL:
		return packet->protocol == (rule->network ? rule->network->protocol : match->protocol);
	case MATCH_SOURCE_IN_SET:
		return of_family && in_set(packet, match, rule->family, true);
	case MATCH_DESTINATION_IN_SET:
		return of_family && in_set(packet, match, rule->family, false);
	case MATCH_SOURCE_NETWORK:
		return in_rule_network(match, rule, &packet->source.address);
	case MATCH_DESTINATION_NETWORK:
		return in_rule_network(match, rule, &packet->destination.address);
	case MATCH_SOURCE_PORT:
		return has_port(packet, match, rule, packet->source.port);
	case MATCH_DESTINATION_PORT:
		return has_port(packet, match, rule, packet->destination.port);
	case MATCH_PORTS:
		return packet->protocol == match->protocol && has_ports(packet, match, rule->network);
	case MATCH_NOT_OPENING:
		return packet->protocol == IPPROTO_TCP;
	case MATCH_CT_STATE:
		return match->value & NF_CT_STATE_BIT(IP_CT_ESTABLISHED);
	case MATCH_LIMIT:
	case MATCH_DNS_RATE:
	case MATCH_LENGTH_AT_MOST: /* all are small */
		return true;
	case MATCH_SET_TTL: /* a field of IPv4's header */
		return of_family;
	case MATCH_SOURCE_FOREIGN: /* an ordinary packet */
	case MATCH_IP_OPTIONS:
	case MATCH_FRAGMENT:
	case MATCH_OTHER_HEADER:
	case MATCH_LATER_FRAGMENT:
	case MATCH_OF_PROGRAM:
	case MATCH_OVER_LIMIT:
	case MATCH_FRAGMENT_HEADER:
	case MATCH_FLOW_IN_SET:
	case MATCH_FLOW_NETWORK:
	case MATCH_FLOW_PROTOCOL:
	case MATCH_FLOW_PORT:
	case MATCH_ICMP_TYPES:
	case MATCH_HOP_LIMIT:
	case MATCH_ND_TARGET:
	case MATCH_HAS_PORTS: /* behind everything that accepts */
	case MATCH_NOTE_ATTEMPT:
	case MATCH_LOG:
		return false;
	case MATCH_IN_INTERFACE_IN_SET: /* without links there is no such set */
	case MATCH_OUT_INTERFACE_IN_SET:
	case MATCH_TTL: /* these are in other tables only */
	case MATCH_SOURCE_OWN:
	case MATCH_ARP_SENDER_IN_SET:
	case MATCH_ARP_SENDER:
	case MATCH_ADD_MAC:
	case MATCH_ADD_ADDRESS:
	case MATCH_ROUTED:
	case MATCH_SOURCE_MAC_FOREIGN:
	case MATCH_DESTINATION_MAC_FOREIGN:
	case MATCH_DESTINATION_MAC:
	case MATCH_UNICAST_MAC:
	case MATCH_GROUP_MAC:
	case MATCH_ETHER_TYPE:
	case MATCH_ETHER_TYPE_IP:
	case MATCH_VLAN:
	case MATCH_VLAN_TYPE:
	case MATCH_ARP:
	case MATCH_ARP_SENDER_OWN:
	case MATCH_ARP_TARGET:
	case MATCH_ARP_NO_SENDER:
	case MATCH_ARP_REPLY:
	case MATCH_LENGTHS:
	case MATCH_END:
	case MATCH_KINDS:
		break;
	}
	fail_msg("match kind %d is unknown here", match->kind);
	return false;
}

static int try_rule(void *context, const struct rule *rule)
{
	struct packet *packet = context;
	if (rule->row->chain != packet->chain || packet->ended)
		return 0;
	const struct match *match;
	for (size_t i = 0; (match = row_match(rule->row, i))->kind != MATCH_END; i++) {
		if (!fits(packet, match, rule))
			return 0;
	}
	if (rule->row->verdict == VERDICT_JUMP)
		return 0;
	packet->ended = true;
	packet->accepted = rule->row->verdict == VERDICT_ACCEPT;
	return 0;
}

static bool passes(const struct policy *policy, enum chain_id chain, uint8_t protocol, const struct endpoint *source,
		   const struct endpoint *destination)
{
	struct packet packet = { policy, chain, protocol, *source, *destination, false, false };
	assert_int_equal(policy_each_rule(policy, TABLE_INET, try_rule, &packet), 0);
	return packet.accepted;
}

static const char *const own[] = { "10.0.0.1", "fe80::1", "2001:db8:ffff::1" };
static const char *const others[] = {
	"192.0.2.1", "192.0.2.2", "192.0.2.3", "192.0.2.53", "192.0.2.54", "198.51.100.1", "198.51.100.127",
	"198.51.100.128", "198.51.100.160", "203.0.113.255", "203.0.112.255", "2001:db8::1", "2001:db8::2", "2001:db8::3",
	"2001:db8::53", "2001:db8:7:7::1", "2001:db8:7:8::1", "2001:db8:8::1", "2001:db8:8:1::1", "fe80::2", "febf::2",
	"fec0::2", "ff02::1:2", "ff02::1:3",
};
static const uint8_t protocols[] = { IPPROTO_TCP, IPPROTO_UDP, PROTOCOL_ICMP, PROTOCOL_GRE, PROTOCOL_SCTP };
static const uint16_t ports[] = { 0, 53, 67, 68, 443, 546, 547, 7777, 40000 };
enum { OWN = sizeof own / sizeof *own, OTHERS = sizeof others / sizeof *others, PROTOCOLS = 5, PORTS = 9 };

static unsigned compare_with_rules(const struct policy *policy, uint8_t protocol, const struct endpoint *near,
				   const struct endpoint *far)
{
	bool wanted = passes(policy, CHAIN_OUTBOUND, protocol, near, far) ||
		      passes(policy, CHAIN_INBOUND, protocol, far, near);
	struct policy_flow flow = { protocol, *near, *far, true, false };
	bool got = policy_allows_flow(policy, &flow);
	flow = (struct policy_flow){ protocol, *far, *near, false, true };
	if (got != wanted || policy_allows_flow(policy, &flow) != wanted) {
		char line[160];
		struct text text = TEXT_ON(line);
		endpoint_format(near, &text);
		text_add(&text, " - ");
		endpoint_format(far, &text);
		fail_msg("protocol %d %s: the rules say %d, the predicate %d", protocol, line, wanted, got);
	}
	flow.destination_own = false; /* the same forwarded */
	if (!address_is_multicast(&near->address))
		assert_false(policy_allows_flow(policy, &flow));
	return wanted;
}

/* Every combination; returns how many are allowed. */
static unsigned compare_all(const struct policy *policy)
{
	unsigned allowed = 0;
	for (unsigned i = 0; i < OWN * OTHERS * PROTOCOLS; i++) {
		struct endpoint near = { .address = address_of(own[i % OWN]) };
		struct endpoint far = { .address = address_of(others[i / OWN % OTHERS]) };
		if (near.address.family != far.address.family)
			continue;
		for (unsigned j = 0; j < PORTS * PORTS; j++) {
			near.port = ports[j % PORTS];
			far.port = ports[j / PORTS];
			allowed += compare_with_rules(policy, protocols[i / OWN / OTHERS], &near, &far);
		}
	}
	return allowed;
}

static void agrees_with_the_rules(void **state)
{
	struct policy *policy = &((struct fixture *)*state)->policy;
	assert_in_range(compare_all(policy), 1, 1000); /* nobody but DHCP */
	fill(policy);
	unsigned without_any = compare_all(policy);
	strcpy(policy->dhcp_server[policy->dhcp_server_count++], "lan0");
	unsigned with_leases = compare_all(policy);
	assert_true(with_leases > without_any);
	policy->dns_any = true;
	assert_true(compare_all(policy) > with_leases);
	policy->stateless = true;
	compare_all(policy);
}

/* ---- case by case ---- */

static bool allows(const struct policy *policy, uint8_t protocol, const char *source, uint16_t source_port,
		   const char *destination, uint16_t destination_port, const char *whose)
{
	const struct policy_flow flow = {
		.protocol = protocol,
		.source = { address_of(source), source_port },
		.destination = { address_of(destination), destination_port },
		.source_own = strchr(whose, 's') != NULL,
		.destination_own = strchr(whose, 'd') != NULL,
	};
	return policy_allows_flow(policy, &flow);
}

static void within_the_device_all_goes_on(void **state)
{
	const struct policy *policy = &((struct fixture *)*state)->policy;
	assert_true(allows(policy, IPPROTO_TCP, "127.0.0.1", 40000, "127.0.0.1", 22, "sd"));
	assert_true(allows(policy, PROTOCOL_ICMP, "::1", 0, "2001:db8::1", 0, "sd"));
	assert_false(allows(policy, IPPROTO_TCP, "127.0.0.1", 40000, "192.0.2.99", 22, "s")); /* translated */
	assert_false(allows(policy, IPPROTO_TCP, "127.0.0.1", 40000, "127.0.0.1", 22, ""));
}

static void what_is_forwarded_never_does(void **state)
{
	struct policy *policy = &((struct fixture *)*state)->policy;
	fill(policy);
	assert_true(allows(policy, IPPROTO_TCP, "10.0.0.1", 40000, "192.0.2.1", 443, "s"));
	assert_false(allows(policy, IPPROTO_TCP, "10.0.0.7", 40000, "192.0.2.1", 443, ""));
	assert_false(allows(policy, IPPROTO_UDP, "10.0.0.7", 40000, "192.0.2.53", 53, ""));
	assert_false(allows(policy, IPPROTO_UDP, "10.0.0.7", 68, "10.0.9.9", 67, ""));
	assert_false(allows(policy, IPPROTO_UDP, "0.0.0.0", 40000, "224.0.0.251", 5353, ""));
	policy->dns_any = true;
	assert_false(allows(policy, IPPROTO_UDP, "10.0.0.7", 40000, "192.0.2.53", 53, ""));
}

/* Of the kernel's own packets both ports are known. */
static void of_a_tunnel_only_its_own_flow_does(void **state)
{
	struct policy *policy = &((struct fixture *)*state)->policy;
	fill(policy);
	assert_true(allows(policy, IPPROTO_UDP, "10.0.0.1", 7777, "203.0.112.255", 443, "s"));
	assert_true(allows(policy, IPPROTO_UDP, "203.0.112.255", 443, "10.0.0.1", 7777, "d"));
	assert_false(allows(policy, IPPROTO_UDP, "10.0.0.1", 40000, "203.0.112.255", 443, "s"));
	assert_false(allows(policy, IPPROTO_UDP, "10.0.0.1", 7777, "203.0.112.255", 7777, "s"));
	assert_false(allows(policy, IPPROTO_TCP, "10.0.0.1", 7777, "203.0.112.255", 443, "s"));
	assert_false(allows(policy, IPPROTO_UDP, "10.0.0.7", 7777, "203.0.112.255", 443, ""));
}

static void dhcp_without_an_address_does(void **state)
{
	const struct policy *policy = &((struct fixture *)*state)->policy;
	assert_true(allows(policy, IPPROTO_UDP, "0.0.0.0", 68, "255.255.255.255", 67, ""));
	assert_true(allows(policy, IPPROTO_UDP, "192.0.2.67", 67, "255.255.255.255", 68, ""));
	assert_false(allows(policy, IPPROTO_UDP, "0.0.0.0", 68, "255.255.255.255", 69, ""));
	assert_false(allows(policy, IPPROTO_TCP, "0.0.0.0", 68, "255.255.255.255", 67, ""));
	assert_false(allows(policy, IPPROTO_UDP, "::", 68, "ff02::1", 67, ""));
}

static void long_lists_are_searched(void **state)
{
	struct policy *policy = &((struct fixture *)*state)->policy;
	struct address address = { .family = AF_INET };
	for (uint32_t i = 0; i < RECORDS_MAX; i++) {
		uint32_t odd = 0x0b000000 + 2 * (uint32_t)((uint64_t)i * 77777 % RECORDS_MAX);
		for (int byte = 0; byte < 4; byte++)
			address.bytes[byte] = (uint8_t)(odd >> (24 - 8 * byte));
		assert_true(peer_list_add(&policy->peers[PEER_ALLOW_OUT][IPV4], &address, IPPROTO_TCP, 443));
	}
	policy_normalize(policy);
	assert_int_equal(policy->peers[PEER_ALLOW_OUT][IPV4].count, RECORDS_MAX);
	struct policy_flow flow = { IPPROTO_TCP, { address_of("10.0.0.1"), 40000 }, { address, 443 }, true, false };
	for (uint32_t i = 0; i < 2 * RECORDS_MAX + 2; i++) {
		uint32_t number = 0x0b000000 + i - 1;
		for (int byte = 0; byte < 4; byte++)
			flow.destination.address.bytes[byte] = (uint8_t)(number >> (24 - 8 * byte));
		bool wanted = i % 2 == 1 && i < 2 * RECORDS_MAX;
		assert_int_equal(policy_allows_flow(policy, &flow), wanted);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(agrees_with_the_rules, set_up, tear_down),
		cmocka_unit_test_setup_teardown(within_the_device_all_goes_on, set_up, tear_down),
		cmocka_unit_test_setup_teardown(what_is_forwarded_never_does, set_up, tear_down),
		cmocka_unit_test_setup_teardown(of_a_tunnel_only_its_own_flow_does, set_up, tear_down),
		cmocka_unit_test_setup_teardown(dhcp_without_an_address_does, set_up, tear_down),
		cmocka_unit_test_setup_teardown(long_lists_are_searched, set_up, tear_down),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
