/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The containment as data: lists, sets, and which rules a plan has. */
#include <arpa/inet.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "policy/policy.h"

enum { RECORDS_MAX = 64 };

/* One of every kind. */
static const struct policy_link links[] = {
	{ .name = "wan", .form = LINK_ETHERNET, .passes = LINK_UNTAGGED },
	{ .name = "bond0", .form = LINK_ETHERNET, .passes = LINK_SLOW, .vlan_count = 2, .vlans = { 5, 4094 } },
	{ .name = "wlan0", .form = LINK_ETHERNET, .passes = LINK_UNTAGGED | LINK_ANY_MAC | LINK_EAPOL },
	{ .name = "port", .form = LINK_ETHERNET, .passes = LINK_UNTAGGED | LINK_ANY_VLAN | LINK_STP | LINK_PPPOE },
	{ .name = "dsl", .form = LINK_ETHERNET, .passes = LINK_PPPOE, .vlan_count = 1, .vlans = { 7 } },
	{ .name = "ppp0", .form = LINK_IP, .passes = LINK_UNTAGGED },
	{ .name = "can0", .form = LINK_UNKNOWN },
	{ .name = "lan1", .form = LINK_ETHERNET, .sealed = true },
	{ .name = "lan2", .form = LINK_UNKNOWN, .sealed = true },
};
enum { LINKS_WITH_CHAINS = 6 };

/* A policy whose lists have room, on storage of its own. */
struct fixture {
	struct policy policy;
	uint8_t records[PEER_ROLES][IP_FAMILIES][RECORDS_MAX * 19];
};

static struct fixture *new_fixture(void)
{
	struct fixture *fixture = calloc(1, sizeof *fixture);
	fixture->policy.table = "test";
	fixture->policy.comment = "quarbox test";
	fixture->policy.layers = LAYERS_BUILT;
	fixture->policy.links.links = links;
	fixture->policy.links.count = sizeof links / sizeof *links;
	for (int role = 0; role < PEER_ROLES; role++) {
		for (int family = 0; family < IP_FAMILIES; family++)
			fixture->policy.peers[role][family] =
				(struct peer_list){ fixture->records[role][family], 0, RECORDS_MAX };
	}
	return fixture;
}

static void add(struct policy *policy, enum peer_role role, const char *string, uint8_t protocol, uint16_t port)
{
	struct address address;
	assert_true(address_parse(string, &address));
	enum ip_family family = address.family == AF_INET ? IPV4 : IPV6;
	assert_true(peer_list_add(&policy->peers[role][family], &address, protocol, port));
}

/* The elements of a set as "address/protocol/port " each. */
static void describe_set(const struct policy *policy, enum set_id set, enum ip_family family, char *described)
{
	struct set_element element;
	size_t cursor = 0;
	*described = '\0';
	while (policy_next_element(policy, set, family, &cursor, &element)) {
		char text[INET6_ADDRSTRLEN];
		assert_non_null(inet_ntop(family_number(family), element.address, text, sizeof text));
		described += sprintf(described, "%s/%d/%d ", text, element.protocol, element.port[0] << 8 | element.port[1]);
	}
}

static void lists_are_sorted_without_duplicates(void **state)
{
	(void)state;
	struct fixture *fixture = new_fixture();
	struct policy *policy = &fixture->policy;
	char set[1024];
	add(policy, PEER_SERVER, "192.0.2.200", IPPROTO_TCP, 443);
	add(policy, PEER_SERVER, "192.0.2.9", IPPROTO_TCP, 8000);
	add(policy, PEER_SERVER, "192.0.2.9", IPPROTO_TCP, 443);
	add(policy, PEER_SERVER, "192.0.2.200", IPPROTO_TCP, 443);
	add(policy, PEER_SERVER, "10.255.255.255", IPPROTO_TCP, 443);
	add(policy, PEER_SERVER, "2001:db8::2", IPPROTO_TCP, 256);
	add(policy, PEER_SERVER, "2001:db8::2", IPPROTO_TCP, 255);
	add(policy, PEER_SERVER, "2001:db8::1", IPPROTO_TCP, 65535);
	add(policy, PEER_SERVER, "2001:db8::2", IPPROTO_TCP, 255);
	add(policy, PEER_ALLOW_OUT, "192.0.2.1", IPPROTO_UDP, 53);
	add(policy, PEER_ALLOW_OUT, "192.0.2.1", IPPROTO_TCP, 53);
	policy_normalize(policy);
	describe_set(policy, SET_SERVER, IPV4, set);
	assert_string_equal(set, "10.255.255.255/6/443 192.0.2.9/6/443 192.0.2.9/6/8000 192.0.2.200/6/443 ");
	describe_set(policy, SET_SERVER, IPV6, set);
	assert_string_equal(set, "2001:db8::1/6/65535 2001:db8::2/6/255 2001:db8::2/6/256 ");
	describe_set(policy, SET_ALLOW_OUT, IPV4, set);
	assert_string_equal(set, "192.0.2.1/6/53 192.0.2.1/17/53 ");
	describe_set(policy, SET_ALLOW_IN, IPV4, set);
	assert_string_equal(set, "");
	policy_normalize(policy); /* once more changes nothing */
	describe_set(policy, SET_SERVER, IPV6, set);
	assert_string_equal(set, "2001:db8::1/6/65535 2001:db8::2/6/255 2001:db8::2/6/256 ");
	free(fixture);
}

static void lists_are_bounded(void **state)
{
	(void)state;
	struct fixture *fixture = new_fixture();
	struct peer_list *list = &fixture->policy.peers[PEER_SERVER][IPV6];
	struct address address;
	assert_true(address_parse("2001:db8::1", &address));
	for (uint16_t port = RECORDS_MAX; port > 0; port--)
		assert_true(peer_list_add(list, &address, IPPROTO_TCP, port));
	assert_false(peer_list_add(list, &address, IPPROTO_TCP, 1));
	policy_normalize(&fixture->policy);
	assert_int_equal(list->count, RECORDS_MAX);
	free(fixture);
}

static void sets_exist_when_they_have_elements(void **state)
{
	(void)state;
	struct fixture *fixture = new_fixture();
	struct policy *policy = &fixture->policy;
	for (int table = 0; table < TABLES; table++) {
		for (int set = 0; set < SET_IDS; set++) {
			bool of_links = set == SET_SEALED || set == SET_KNOWN;
			if (set == SET_ATTEMPTS) {
				assert_int_equal(policy_has_set(policy, (enum table_id)table, SET_ATTEMPTS, IPV6),
						 table != TABLE_BRIDGE);
				continue;
			}
			if (!of_links)
				assert_false(policy_has_set(policy, (enum table_id)table, (enum set_id)set, IPV4));
			assert_false(policy_has_set(policy, (enum table_id)table, (enum set_id)set, IPV6));
		}
	}
	assert_true(policy_has_set(policy, TABLE_INET, SET_SEALED, IPV4));
	assert_true(policy_has_set(policy, TABLE_BRIDGE, SET_SEALED, IPV4));
	assert_false(policy_has_set(policy, TABLE_NETDEV, SET_SEALED, IPV4));
	assert_true(policy_has_set(policy, TABLE_NETDEV, SET_KNOWN, IPV4));
	policy->layers &= (uint8_t)~LAYER_LATER;
	assert_false(policy_has_set(policy, TABLE_NETDEV, SET_KNOWN, IPV4));
	policy->links.count = 1;
	assert_false(policy_has_set(policy, TABLE_INET, SET_SEALED, IPV4));
	add(policy, PEER_RESOLVER, "192.0.2.53", 0, 0);
	policy_normalize(policy);
	assert_true(policy_has_set(policy, TABLE_INET, SET_RESOLVER, IPV4));
	assert_true(policy_has_set(policy, TABLE_NETDEV, SET_RESOLVER, IPV4));
	assert_false(policy_has_set(policy, TABLE_BRIDGE, SET_RESOLVER, IPV4));
	assert_true(policy_has_set(policy, TABLE_INET, SET_DNS_RATE, IPV4));
	assert_false(policy_has_set(policy, TABLE_INET, SET_RESOLVER, IPV6));
	assert_false(policy_has_set(policy, TABLE_INET, SET_DNS_RATE, IPV6));
	assert_false(policy_has_set(policy, TABLE_INET, SET_SERVER, IPV4));
	size_t cursor = 0;
	struct set_element element;
	assert_false(policy_next_element(&fixture->policy, SET_DNS_RATE, IPV4, &cursor, &element));
	free(fixture);
}

static void host_bits_are_cleared(void **state)
{
	(void)state;
	static const char *const addresses[] = { "255.255.255.255", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff" };
	for (size_t i = 0; i < 2; i++) {
		for (unsigned length = 0; length <= (i ? 128u : 32u); length++) {
			struct policy policy = { .network_count = 1 };
			struct policy_network *network = &policy.networks[0];
			assert_true(address_parse(addresses[i], &network->address));
			network->prefix_length = (uint8_t)length;
			policy_normalize(&policy);
			for (unsigned bit = 0; bit < 8 * address_length(&network->address); bit++)
				assert_int_equal(network->address.bytes[bit / 8] >> (7 - bit % 8) & 1, bit < length);
		}
	}
}

/* ---- rules ---- */

struct seen {
	size_t count;
	size_t stop_after; /* 0: never */
	struct chain chain; /* of the last rule */
	bool ended; /* it was a drop of everything */
	size_t chains;
	size_t of_chain[CHAIN_IDS];
	uint64_t kinds; /* bits */
	size_t families[IP_FAMILIES];
};

static const char *comment_of(const struct rule *rule)
{
	static char words[RULE_COMMENT_SIZE];
	struct text text = TEXT_ON(words);
	rule_comment(rule, &text);
	assert_false(text.cut);
	return words;
}

static void begin_chain(struct seen *seen, const struct rule *rule)
{
	/* from there packets come back */
	bool returns = seen->chain.id == CHAIN_LINK_SOURCE || seen->chain.id == CHAIN_ATTEMPTS ||
		       seen->chain.id == CHAIN_LINK_ATTEMPTS;
	assert_true(seen->chains == 0 || seen->ended || returns || chain_types[seen->chain.id].accepts);
	seen->chains++;
	seen->chain = rule->chain;
	seen->ended = false;
	if (rule->chain.id < CHAIN_FORWARD)
		assert_string_equal(comment_of(rule), "loopback");
}

static int see(void *context, const struct rule *rule)
{
	struct seen *seen = context;
	assert_in_range(rule->chain.id, 0, CHAIN_IDS - 1);
	if (seen->chains == 0 || rule->chain.id != seen->chain.id || rule->chain.number != seen->chain.number)
		begin_chain(seen, rule);
	assert_false(seen->ended); /* nothing stands behind a drop of everything */
	assert_true(*comment_of(rule) != '\0');
	seen->of_chain[rule->chain.id]++;
	const struct match *match;
	for (size_t i = 0; (match = row_match(rule->row, i))->kind != MATCH_END; i++)
		seen->kinds |= 1ull << match->kind;
	seen->ended = row_match(rule->row, 0)->kind == MATCH_END && rule->row->verdict == VERDICT_DROP;
	if (row_match(rule->row, 0)->kind == MATCH_END)
		assert_int_not_equal(rule->row->verdict, VERDICT_ACCEPT);
	if (!(rule->row->when & WHEN_ANY_FAMILY))
		seen->families[rule->family]++;
	return ++seen->count == seen->stop_after ? 4711 : 0;
}

static void see_all(const struct policy *policy, struct seen *seen)
{
	for (int table = 0; table < TABLES; table++)
		assert_int_equal(policy_each_rule(policy, (enum table_id)table, see, seen), 0);
}

static void fill(struct policy *policy)
{
	static const char *const addresses[] = { "192.0.2.1", "2001:db8::1" };
	for (size_t i = 0; i < 2; i++) {
		for (int role = 0; role < PEER_ROLES; role++) {
			add(policy, (enum peer_role)role, addresses[i], IPPROTO_TCP, 1);
			add(policy, (enum peer_role)role, addresses[i], IPPROTO_UDP, 1);
		}
		for (int kind = 0; kind < 5; kind++) {
			struct policy_network *network = &policy->networks[policy->network_count++];
			assert_true(address_parse(addresses[i], &network->address));
			network->prefix_length = 24;
			network->protocol = kind & 1 ? IPPROTO_TCP : IPPROTO_UDP;
			network->inbound = kind & 2;
			network->port = 1;
			network->own_port = kind & 4 ? 1 : 0;
		}
	}
	strcpy(policy->dhcp_server[policy->dhcp_server_count++], "lan0");
	policy->log = LOG_KERNEL;
	policy->links.mac_count = 1;
	policy->links.on_link[policy->links.on_link_count++] = (struct policy_prefix){ { 192, 0, 2, 0 }, 24, IPV4, false };
	policy->links.on_link[policy->links.on_link_count++] =
		(struct policy_prefix){ { 0x20, 1, 0xd, 0xb8 }, 64, IPV6, false };
	policy->links.on_link[policy->links.on_link_count++] =
		(struct policy_prefix){ { 192, 0, 2, 1 }, 32, IPV4, true };
	policy->links.on_link[policy->links.on_link_count++] =
		(struct policy_prefix){ { 0xfe, 0x80, [15] = 1 }, 128, IPV6, true };
	policy_normalize(policy);
}

static void every_chain_ends_in_a_drop(void **state)
{
	(void)state;
	for (unsigned options = 0; options < 8; options++) {
		struct fixture *fixture = new_fixture();
		struct seen seen = { 0 };
		if (options & 1)
			fill(&fixture->policy);
		fixture->policy.stateless = options & 2;
		fixture->policy.dns_any = options & 4;
		see_all(&fixture->policy, &seen);
		assert_true(seen.ended);
		/* the links' own, four shared by them, attempts, two of sealed links, two of later ones */
		assert_int_equal(seen.chains, 4 + 3 + 1 + 2 * LINKS_WITH_CHAINS + 4 + 2 + 2);
		assert_int_equal(seen.of_chain[CHAIN_FORWARD], 2);
		assert_int_equal(seen.of_chain[CHAIN_BRIDGE_FORWARD], 1);
		free(fixture);
	}
}

static void stateless_plans_need_no_conntrack(void **state)
{
	(void)state;
	const uint64_t conntrack = 1ull << MATCH_CT_STATE | 1ull << MATCH_FLOW_IN_SET | 1ull << MATCH_FLOW_NETWORK;
	struct fixture *fixture = new_fixture();
	struct seen with = { 0 };
	struct seen without = { 0 };
	struct seen netdev = { 0 };
	fill(&fixture->policy);
	fixture->policy.dns_any = true;
	assert_int_equal(policy_each_rule(&fixture->policy, TABLE_INET, see, &with), 0);
	assert_int_equal(with.kinds & conntrack, conntrack);
	/* below IP there is none in any case */
	assert_int_equal(policy_each_rule(&fixture->policy, TABLE_NETDEV, see, &netdev), 0);
	assert_int_equal(netdev.kinds & conntrack, 0);
	fixture->policy.stateless = true;
	assert_int_equal(policy_each_rule(&fixture->policy, TABLE_INET, see, &without), 0);
	assert_int_equal(without.kinds & conntrack, 0);
	free(fixture);
}

/* Every match kind is used by some plan: there is none that nothing tests. */
static void a_full_plan_uses_every_match(void **state)
{
	(void)state;
	uint64_t kinds = 0;
	for (unsigned options = 0; options < 4; options++) {
		struct fixture *fixture = new_fixture();
		struct seen seen = { 0 };
		fill(&fixture->policy);
		fixture->policy.stateless = options & 1;
		fixture->policy.dns_any = options & 2;
		see_all(&fixture->policy, &seen);
		kinds |= seen.kinds;
		free(fixture);
	}
	for (int kind = MATCH_END + 1; kind < MATCH_KINDS; kind++) {
		if (!(kinds >> kind & 1))
			fail_msg("match kind %d is in no plan", kind);
	}
}

/* What a link is decides which rules its chains have; a sealed one and one of an unknown type have none. */
struct link_rules {
	const char *link;
	char comments[512];
};

static int note_link_rule(void *context, const struct rule *rule)
{
	struct link_rules *rules = context;
	if (rule->chain.id != CHAIN_EGRESS || strcmp(rule->chain.link->name, rules->link) != 0)
		return 0;
	strcat(strcat(rules->comments, comment_of(rule)), rule->vlan ? " with id;" : ";");
	return 0;
}

static void links_pass_what_they_need(void **state)
{
	(void)state;
	static const struct {
		const char *link;
		const char *comments;
	} wanted[] = {
		{ "wan", "new MAC address;IP and ARP;everything else;" },
		{ "bond0", "LACP;new MAC address;VLAN with id;VLAN with id;everything else;" },
		{ "wlan0", "802.1X;IP and ARP;everything else;" },
		{ "port", "new MAC address;spanning tree;PPPoE discovery;PPPoE session;PPPoE discovery;PPPoE session;"
			  "IP and ARP;VLANs;everything else;" },
		{ "dsl", "new MAC address;PPPoE discovery;PPPoE session;PPPoE discovery with id;PPPoE session with id;"
			 "VLAN with id;everything else;" },
		{ "ppp0", "IP;everything else;" },
		{ "can0", "" },
		{ "lan1", "" },
	};
	struct fixture *fixture = new_fixture();
	fill(&fixture->policy);
	for (size_t i = 0; i < sizeof wanted / sizeof *wanted; i++) {
		struct link_rules rules = { .link = wanted[i].link };
		assert_int_equal(policy_each_rule(&fixture->policy, TABLE_NETDEV, note_link_rule, &rules), 0);
		assert_string_equal(rules.comments, wanted[i].comments);
	}
	free(fixture);
}

/* Each layer can be left out without the others; without links there is nothing to hook on. */
static void layers_are_optional(void **state)
{
	(void)state;
	struct fixture *fixture = new_fixture();
	fill(&fixture->policy);
	for (unsigned layers = 0; layers <= LAYERS_BUILT; layers++) {
		struct seen seen = { 0 };
		fixture->policy.layers = (uint8_t)layers;
		see_all(&fixture->policy, &seen);
		assert_int_equal(seen.of_chain[CHAIN_INBOUND] > 0, (layers & LAYER_INET) != 0);
		assert_int_equal(seen.of_chain[CHAIN_BRIDGE_FORWARD] > 0, (layers & LAYER_BRIDGE) != 0);
		assert_int_equal(seen.of_chain[CHAIN_INGRESS] > 0, (layers & LAYER_INGRESS) != 0);
		assert_int_equal(seen.of_chain[CHAIN_LINK_INBOUND] > 0, (layers & (LAYER_INGRESS | LAYER_LATER)) != 0);
		assert_int_equal(seen.of_chain[CHAIN_EGRESS] > 0, (layers & LAYER_EGRESS) != 0);
		assert_int_equal(seen.of_chain[CHAIN_LINK_OUTBOUND] > 0, (layers & (LAYER_EGRESS | LAYER_LATER)) != 0);
		assert_int_equal(seen.of_chain[CHAIN_LATER_INGRESS] > 0, (layers & LAYER_LATER) != 0);
		assert_int_equal(seen.of_chain[CHAIN_LATER_EGRESS] > 0, (layers & LAYER_LATER) != 0);
	}
	fixture->policy.links.count = 0;
	assert_true(policy_has_table(&fixture->policy, TABLE_BRIDGE));
	assert_false(policy_has_table(&fixture->policy, TABLE_NETDEV));
	free(fixture);
}

static void families_without_peers_have_few_rules(void **state)
{
	(void)state;
	struct fixture *fixture = new_fixture();
	struct seen none = { 0 };
	struct seen ipv4 = { 0 };
	assert_int_equal(policy_each_rule(&fixture->policy, TABLE_INET, see, &none), 0);
	add(&fixture->policy, PEER_SERVER, "192.0.2.1", IPPROTO_TCP, 443);
	assert_int_equal(policy_each_rule(&fixture->policy, TABLE_INET, see, &ipv4), 0);
	assert_int_equal(ipv4.families[IPV6], none.families[IPV6]);
	assert_true(ipv4.families[IPV4] > none.families[IPV4]);
	free(fixture);
}

static void visiting_stops_when_told_to(void **state)
{
	(void)state;
	struct fixture *fixture = new_fixture();
	fill(&fixture->policy);
	struct seen all = { 0 };
	assert_int_equal(policy_each_rule(&fixture->policy, TABLE_NETDEV, see, &all), 0);
	for (size_t stop = 1; stop <= all.count; stop++) {
		struct seen seen = { .stop_after = stop };
		assert_int_equal(policy_each_rule(&fixture->policy, TABLE_NETDEV, see, &seen), 4711);
		assert_int_equal(seen.count, stop);
	}
	free(fixture);
}

/* ---- table names; tests/golden/table_names_test.py asks nft itself ---- */

static void table_names(void **state)
{
	(void)state;
	static const char *const good[] = { "a", "vrr_quarantine_table", "A.b/c_9", "tables2", "xdrop", "dropx" };
	static const char *const bad[] = { "", "1a", "_a", "a-b", "a b", "a;", "drop", "table", "inet", "accept", "xfrm", "a\\b", "a\n" };
	struct diag diag;
	char name[POLICY_TABLE_NAME_MAX + 2];
	for (size_t i = 0; i < sizeof good / sizeof *good; i++)
		assert_int_equal(policy_table_name_check(good[i], &diag), 0);
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		assert_int_equal(policy_table_name_check(bad[i], &diag), -EINVAL);
		assert_ptr_equal(strstr(diag.text, "table name"), diag.text);
	}
	memset(name, 'a', sizeof name);
	name[POLICY_TABLE_NAME_MAX + 1] = '\0';
	assert_int_equal(policy_table_name_check(name, &diag), -EINVAL);
	name[POLICY_TABLE_NAME_MAX] = '\0';
	assert_int_equal(policy_table_name_check(name, &diag), 0);
}

/* Of each link alone. */
static void routes_are_seen(void **state)
{
	(void)state;
	static const bool sees[sizeof links / sizeof *links] = { true, false, true, false, false, true, true, true, true };
	struct fixture *fixture = new_fixture();
	assert_false(policy_sees_routes(&fixture->policy));
	for (size_t i = 0; i < sizeof sees / sizeof *sees; i++) {
		fixture->policy.links.links = links + i;
		fixture->policy.links.count = 1;
		assert_int_equal(policy_sees_routes(&fixture->policy), sees[i]);
	}
	fixture->policy.without_routes = true;
	assert_false(policy_sees_routes(&fixture->policy));
	free(fixture);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lists_are_sorted_without_duplicates),
		cmocka_unit_test(lists_are_bounded),
		cmocka_unit_test(routes_are_seen),
		cmocka_unit_test(sets_exist_when_they_have_elements),
		cmocka_unit_test(host_bits_are_cleared),
		cmocka_unit_test(every_chain_ends_in_a_drop),
		cmocka_unit_test(stateless_plans_need_no_conntrack),
		cmocka_unit_test(a_full_plan_uses_every_match),
		cmocka_unit_test(links_pass_what_they_need),
		cmocka_unit_test(layers_are_optional),
		cmocka_unit_test(families_without_peers_have_few_rules),
		cmocka_unit_test(visiting_stops_when_told_to),
		cmocka_unit_test(table_names),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
