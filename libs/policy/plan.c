/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which tables, sets, chains and rules a policy has: the rows of rules.c made concrete. */
#include "policy/policy.h"

#include <netinet/in.h>
#include <string.h>

bool policy_has_table(const struct policy *policy, enum table_id table)
{
	if (!(policy->layers & LAYERS_BUILT & table_types[table].layers))
		return false;
	return table != TABLE_NETDEV || policy->links.count > 0;
}

bool policy_sees_routes(const struct policy *policy)
{
	bool sees = !policy->without_routes;
	for (size_t i = 0; i < policy->links.count; i++) {
		const struct policy_link *link = &policy->links.links[i];
		sees = sees && link->vlan_count == 0 && !(link->passes & (LINK_SLOW | LINK_ANY_VLAN));
	}
	return sees;
}

/* ---- sets ---- */

/* The peers whose records are the elements of a set. */
static enum peer_role set_role(enum set_id set)
{
	if (set == SET_SERVER)
		return PEER_SERVER;
	if (set == SET_ALLOW_OUT)
		return PEER_ALLOW_OUT;
	return set == SET_ALLOW_IN ? PEER_ALLOW_IN : PEER_RESOLVER;
}

/* Whether the link's name is an element. */
static bool has_link(enum set_id set, const struct policy_link *link)
{
	return set == SET_KNOWN || link->sealed;
}

static bool has_any_link(const struct policy *policy, enum set_id set)
{
	for (size_t i = 0; i < policy->links.count; i++) {
		if (has_link(set, &policy->links.links[i]))
			return true;
	}
	return false;
}

bool policy_has_set(const struct policy *policy, enum table_id table, enum set_id set, enum ip_family family)
{
	if (!(set_types[set].layers & table_types[table].layers & policy->layers))
		return false;
	if (set == SET_ATTEMPTS)
		return table == TABLE_INET || has_any_link(policy, SET_SEALED);
	if (set_types[set].key & KEY_OF_FAMILY)
		return policy->peers[set_role(set)][family].count > 0;
	if (family != IPV4)
		return false;
	if (set == SET_OWN_MAC || set == SET_OWN_ADDRESS)
		return policy->links.mac_count > 0;
	return set_types[set].size || has_any_link(policy, set);
}

static bool next_link(const struct policy_links *links, enum set_id set, size_t *cursor, struct set_element *element)
{
	while (*cursor < links->count) {
		const struct policy_link *link = &links->links[(*cursor)++];
		if (!has_link(set, link))
			continue;
		*element = (struct set_element){ .address = (const uint8_t *)link->name };
		return true;
	}
	return false;
}

static bool next_mac(const struct policy_links *links, size_t *cursor, struct set_element *element)
{
	if (*cursor == links->mac_count)
		return false;
	*element = (struct set_element){ .address = links->macs[(*cursor)++] };
	return true;
}

bool policy_next_element(const struct policy *policy, enum set_id set, enum ip_family family, size_t *cursor,
			 struct set_element *element)
{
	if (set == SET_OWN_MAC)
		return next_mac(&policy->links, cursor, element);
	if (set_types[set].size)
		return false;
	if (set_types[set].key == KEY_INTERFACE)
		return next_link(&policy->links, set, cursor, element);
	const struct peer_list *list = &policy->peers[set_role(set)][family];
	if (*cursor == list->count)
		return false;
	size_t length = family_address_length(family);
	const uint8_t *record = list->records + (*cursor)++ * peer_record_size(family);
	*element = (struct set_element){ .address = record, .protocol = record[length], .port = record + length + 1 };
	return true;
}

bool policy_next_peer(const struct policy *policy, enum set_id set, enum ip_family family, size_t *cursor,
		      struct policy_network *peer)
{
	struct set_element element;
	size_t length = family_address_length(family);
	if (!policy_next_element(policy, set, family, cursor, &element))
		return false;
	*peer = (struct policy_network){
		.address.family = family_number(family),
		.prefix_length = (uint8_t)(8 * length),
		.protocol = element.protocol,
		.port = (uint16_t)(element.port[0] << 8 | element.port[1]),
		.inbound = set == SET_ALLOW_IN,
	};
	memcpy(peer->address.bytes, element.address, length);
	return true;
}

enum { LARGE_SET = 256 }; /* elements */

uint32_t policy_set_size(const struct policy *policy, enum set_id set, enum ip_family family)
{
	const uint8_t key = set_types[set].key;
	if (set_types[set].size || !(key & KEY_ADDRESS))
		return set_types[set].size;
	size_t count = policy->peers[set_role(set)][family].count;
	return count >= LARGE_SET ? (uint32_t)count : 0;
}

/* ---- chains ---- */

void chain_name(struct text *text, const char *prefix, const struct chain *chain)
{
	text_add(text, prefix);
	text_add(text, chain_types[chain->id].name);
	if (chain->number)
		text_addf(text, "_%zu", chain->number);
}

/* A link that is not sealed has chains of its own, unless its frames are of an unknown form. */
static bool has_chains(const struct policy_link *link)
{
	return !link->sealed && link->form != LINK_UNKNOWN;
}

/* The chains of the links come link by link, with both directions of each. */
static int visit_links(const struct policy *policy, int (*visit)(void *context, const struct chain *chain),
		       void *context)
{
	int result = 0;
	for (size_t i = 0; i < policy->links.count && result == 0; i++) {
		const struct policy_link *link = &policy->links.links[i];
		if (!has_chains(link))
			continue;
		if (policy->layers & LAYER_INGRESS)
			result = visit(context, &(struct chain){ CHAIN_INGRESS, i + 1, link });
		if (result == 0 && (policy->layers & LAYER_EGRESS))
			result = visit(context, &(struct chain){ CHAIN_EGRESS, i + 1, link });
	}
	return result;
}

int policy_each_chain(const struct policy *policy, enum table_id table,
		      int (*visit)(void *context, const struct chain *chain), void *context)
{
	int result = 0;
	for (size_t id = 0; id < CHAIN_IDS && result == 0; id++) {
		const struct chain_type *type = &chain_types[id];
		if (type->table != table || !(type->layer & policy->layers))
			continue;
		if (id == CHAIN_INGRESS || (id == CHAIN_EGRESS && !(policy->layers & LAYER_INGRESS)))
			result = visit_links(policy, visit, context);
		else if (type->devices != DEVICE_OF_LINK &&
			 ((type->devices != DEVICES_SEALED && id != CHAIN_LINK_ATTEMPTS) ||
			  has_any_link(policy, SET_SEALED)))
			result = visit(context, &(struct chain){ .id = (enum chain_id)id });
	}
	return result;
}

/* ---- rules ---- */

struct rule_visit {
	const struct policy *policy;
	enum table_id table;
	int (*visit)(void *context, const struct rule *rule);
	void *context;
};

/* Whether every set that the row looks into is part of the plan. */
static bool sets_exist(const struct rule_visit *visit, const struct rule *rule)
{
	const struct match *match;
	for (size_t i = 0; (match = row_match(rule->row, i))->kind != MATCH_END; i++) {
		if (match->kind > MATCH_NEEDS_SET)
			continue;
		enum set_id set = (enum set_id)match->set;
		enum ip_family family = set_types[set].key & KEY_OF_FAMILY ? rule->family : IPV4;
		if (!policy_has_set(visit->policy, visit->table, set, family))
			return false;
	}
	return true;
}

static bool row_applies(const struct rule_visit *visit, const struct rule_row *row)
{
	const struct policy *policy = visit->policy;
	bool stateless = policy->stateless || visit->table == TABLE_NETDEV;
	uint32_t refused = 0; /* WHEN_ bits that don't hold */
	refused |= stateless ? WHEN_CT : WHEN_STATELESS;
	refused |= visit->table == TABLE_NETDEV ? ONLY_INET : ONLY_NETDEV;
	refused |= policy->without_fib & 1u << visit->table ? WHEN_FIB : 0;
	refused |= policy->without_routes ? WHEN_ROUTES : 0;
	refused |= policy_sees_routes(policy) ? WHEN_UNROUTED : WHEN_ALL_ROUTED;
	refused |= policy->dns_any ? 0 : WHEN_DNS_ANY;
	refused |= policy->log && !(policy->without_log & 1u << visit->table) ? 0 : WHEN_LOG;
	refused |= policy->dhcp_server_count > 0 ? 0 : WHEN_DHCP_SERVER;
	return !(row->when & refused);
}

static bool row_is_for_link(const struct rule_row *row, const struct chain *chain)
{
	const struct policy_link *link = chain->link;
	uint32_t refused = chain->id == CHAIN_INGRESS ? ONLY_EGRESS : ONLY_INGRESS;
	refused |= link->form == LINK_ETHERNET ? WHEN_IP_LINK : WHEN_ETHERNET;
	refused |= link->passes & LINK_ANY_MAC ? WHEN_FIXED_MAC : 0;
	refused |= link->passes & LINK_ANY_VLAN ? 0 : WHEN_ANY_VLAN;
	return !(row->when & refused) && (row->passes == 0 || (row->passes & link->passes));
}

static bool network_applies(const struct rule *rule, const struct policy_network *network)
{
	unsigned direction = network->inbound ? FOR_NETWORK_IN : FOR_NETWORK_OUT;
	unsigned protocol = network->protocol == IPPROTO_TCP ? FOR_NETWORK_TCP : FOR_NETWORK_UDP;
	if (!protocol_has_ports(network->protocol))
		protocol = FOR_NETWORK_PORTLESS;
	if (network->protocol == IPPROTO_ICMP || network->protocol == IPPROTO_ICMPV6)
		protocol = FOR_NETWORK_ICMP;
	if (network->own_port)
		protocol = FOR_NETWORK_PORTS;
	return network->address.family == family_number(rule->family) && (rule->row->when & direction) &&
	       (rule->row->when & protocol);
}

static int visit_networks(const struct rule_visit *visit, struct rule *rule)
{
	int result = 0;
	for (size_t i = 0; i < visit->policy->network_count && result == 0; i++) {
		rule->network = &visit->policy->networks[i];
		if (network_applies(rule, rule->network))
			result = visit->visit(visit->context, rule);
	}
	return result;
}

static int visit_interfaces(const struct rule_visit *visit, struct rule *rule)
{
	int result = 0;
	for (size_t i = 0; i < visit->policy->dhcp_server_count && result == 0; i++) {
		rule->interface = visit->policy->dhcp_server[i];
		result = visit->visit(visit->context, rule);
	}
	return result;
}

static int visit_prefixes(const struct rule_visit *visit, struct rule *rule)
{
	int result = 0;
	for (size_t i = 0; i < visit->policy->links.on_link_count && result == 0; i++) {
		rule->prefix = &visit->policy->links.on_link[i];
		if (rule->prefix->family == (uint8_t)rule->family &&
		    rule->prefix->gateway == ((rule->row->when & FOR_GATEWAY) != 0))
			result = visit->visit(visit->context, rule);
	}
	return result;
}

static int visit_vlans(const struct rule_visit *visit, struct rule *rule)
{
	int result = 0;
	for (size_t i = 0; i < rule->chain.link->vlan_count && result == 0; i++) {
		rule->vlan = rule->chain.link->vlans[i];
		result = visit->visit(visit->context, rule);
	}
	return result;
}

static int visit_row(const struct rule_visit *visit, const struct rule_row *row, const struct chain *chain,
		     enum ip_family family)
{
	struct rule rule = { .row = row, .policy = visit->policy, .chain = *chain, .family = family };
	if (row->when & (FOR_NETWORK_OUT | FOR_NETWORK_IN))
		return visit_networks(visit, &rule);
	if (row->when & FOR_DHCP_SERVER)
		return visit_interfaces(visit, &rule);
	if (row->when & (FOR_ON_LINK | FOR_GATEWAY))
		return visit_prefixes(visit, &rule);
	if (row->when & FOR_VLAN)
		return visit_vlans(visit, &rule);
	return sets_exist(visit, &rule) ? visit->visit(visit->context, &rule) : 0;
}

/* The chain whose rows a chain has. */
static enum chain_id rows_of(enum chain_id id)
{
	if (id == CHAIN_LINK_INBOUND)
		return CHAIN_INBOUND;
	if (id == CHAIN_LINK_ATTEMPTS)
		return CHAIN_ATTEMPTS;
	if (id == CHAIN_EGRESS)
		return CHAIN_INGRESS;
	return id == CHAIN_LINK_OUTBOUND ? CHAIN_OUTBOUND : id;
}

static int visit_chain(void *context, const struct chain *chain)
{
	const struct rule_visit *visit = context;
	const enum chain_id rows = rows_of(chain->id);
	for (const struct rule_row *row = rule_rows; row < rule_rows + rule_row_count; row++) {
		int result = 0;
		if (row->chain != rows || !row_applies(visit, row) ||
		    (chain->link && !row_is_for_link(row, chain)))
			continue;
		if (row->when & (WHEN_ANY_FAMILY | WHEN_IPV4))
			result = visit_row(visit, row, chain, IPV4);
		if (result == 0 && (row->when & WHEN_IPV6))
			result = visit_row(visit, row, chain, IPV6);
		if (result != 0)
			return result;
	}
	return 0;
}

int policy_each_rule(const struct policy *policy, enum table_id table,
		     int (*visit)(void *context, const struct rule *rule), void *context)
{
	struct rule_visit rules = { policy, table, visit, context };
	return policy_each_chain(policy, table, visit_chain, &rules);
}
