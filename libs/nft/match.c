/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "nft/match.h"

#include <netinet/in.h>
#include <string.h>

#include <linux/if_ether.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/netfilter/nf_conntrack_tuple_common.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/rtnetlink.h>

#include "nft/expression.h"
#include "nft/set.h"

/* Offsets in headers: RFC 791 section 3.1, RFC 8200 section 3, RFC 9293 section 3.1, RFC 768. */
enum {
	IPV4_HEADER_LENGTH = 0, /* in 32-bit words, the low 4 bits */
	IPV4_FRAGMENT = 6, /* flags and offset */
	IPV4_TTL = 8,
	IPV4_CHECKSUM = 10,
	IPV4_SOURCE = 12,
	IPV4_DESTINATION = 16,
	IPV6_PAYLOAD_LENGTH = 4,
	IPV6_NEXT_HEADER = 6,
	IPV6_HOP_LIMIT = 7,
	IPV6_SOURCE = 8,
	IPV6_DESTINATION = 24,
	SOURCE_PORT = 0,
	DESTINATION_PORT = 2,
	ETHER_DESTINATION = 0, /* IEEE 802.3 */
	ETHER_SOURCE = 6,
	ETHER_TYPE = 12,
	VLAN_TAG = 14,
	VLAN_TYPE = 16,
	ARP_LENGTHS = 4, /* RFC 826: of hardware and protocol addresses, then the operation */
	ARP_SENDER_MAC = 8,
	ARP_SENDER_ADDRESS = 14,
	ARP_TARGET_ADDRESS = 24,
	ND_TARGET = 8, /* RFC 4861 section 4.4 */
	TCP_FLAGS = 13,
	TCP_SYN = 0x02,
	TCP_ACK = 0x10,
};

static const char *ip_word(enum ip_family family)
{
	return family == IPV4 ? "ip" : "ip6";
}

void set_name(struct text *text, const char *prefix, enum set_id set, enum ip_family family)
{
	text_add(text, prefix);
	text_add(text, set_types[set].name);
	if (set_types[set].key & KEY_OF_FAMILY)
		text_add(text, family == IPV4 ? "4" : "6");
}

/* Looks up the registers from the first on in a set of the plan. */
static void lookup_in_set(struct rule_builder *builder, const struct match *match, bool inverted)
{
	char name[32];
	struct text text = TEXT_ON(name);
	set_name(&text, builder->prefix, (enum set_id)match->set, builder->source->family);
	expression_lookup(builder, name, inverted);
}

/* What stands in the packet against data of the same length in bytes. */
static void compare_payload(struct rule_builder *builder, uint32_t base, uint32_t offset, uint32_t operator,
			    const void *data, size_t length)
{
	expression_payload(builder, base, offset, (uint32_t)length, NFT_REG_1);
	expression_compare(builder, operator, data, length);
}

/* The same of the bits in the mask. */
static void compare_masked(struct rule_builder *builder, uint32_t base, uint32_t offset, const void *mask,
			   uint32_t operator, const void *data, size_t length)
{
	static const uint8_t zero[MAC_LENGTH];
	expression_payload(builder, base, offset, (uint32_t)length, NFT_REG_1);
	expression_bitwise(builder, mask, zero, (uint32_t)length);
	expression_compare(builder, operator, data, length);
}

/* Loads the source or destination address into this register. */
static void load_address(struct rule_builder *builder, bool source, uint32_t reg)
{
	enum ip_family family = builder->source->family;
	uint32_t offset = family == IPV4 ? (source ? IPV4_SOURCE : IPV4_DESTINATION)
					 : (source ? IPV6_SOURCE : IPV6_DESTINATION);
	expression_payload(builder, NFT_PAYLOAD_NETWORK_HEADER, offset, (uint32_t)family_address_length(family), reg);
}

/* ---- interfaces ---- */

static const char *interface_of(const struct rule *rule, const struct match *match)
{
	return rule->interface ? rule->interface : match_data(match);
}

static void build_interface(struct rule_builder *builder, const struct match *match)
{
	char name[POLICY_INTERFACE_SIZE] = { 0 }; /* zeros to the end: the kernel compares all of them */
	text_copy(name, sizeof name, interface_of(builder->source, match));
	expression_meta(builder, match->kind == MATCH_IN_INTERFACE ? NFT_META_IIFNAME : NFT_META_OIFNAME, NFT_REG_1);
	expression_compare(builder, NFT_CMP_EQ, name, sizeof name);
}

static void print_interface(struct text *text, const struct rule *rule, const struct match *match)
{
	text_addf(text, "%s \"%s\"", match->kind == MATCH_IN_INTERFACE ? "iifname" : "oifname",
		  interface_of(rule, match));
}

static void build_interface_in_set(struct rule_builder *builder, const struct match *match)
{
	bool in = match->kind == MATCH_IN_INTERFACE_IN_SET;
	expression_meta(builder, in ? NFT_META_IIFNAME : NFT_META_OIFNAME, NFT_REG_1);
	lookup_in_set(builder, match, false);
}

static void print_interface_in_set(struct text *text, const struct rule *rule, const struct match *match)
{
	text_addf(text, "%s @", match->kind == MATCH_IN_INTERFACE_IN_SET ? "iifname" : "oifname");
	set_name(text, "", (enum set_id)match->set, rule->family);
}

/* ---- family and protocol ---- */

static void build_family(struct rule_builder *builder, const struct match *match)
{
	(void)match;
	expression_need_family(builder);
}

static void print_family(struct text *text, const struct rule *rule, const struct match *match)
{
	(void)match;
	if (chain_types[rule->chain.id].table == TABLE_NETDEV)
		text_addf(text, "meta protocol %s", ip_word(rule->family));
	else
		text_addf(text, "meta nfproto %s", rule->family == IPV4 ? "ipv4" : "ipv6");
}

static void build_protocol(struct rule_builder *builder, const struct match *match)
{
	const struct policy_network *network = builder->source->network;
	expression_need_protocol(builder, network ? network->protocol : match->protocol);
}

static void print_protocol(struct text *text, const struct rule *rule, const struct match *match)
{
	text_addf(text, "meta l4proto %s", protocol_word(rule->network ? rule->network->protocol : match->protocol));
}

/* ---- addresses, and what belongs to them, in sets ---- */

/* Whether the key's port is the packet's source port: the peer's own port in what it sends, ours in what it is sent. */
static bool key_port_is_source(const struct match *match)
{
	return match->far_port == (match->kind == MATCH_SOURCE_IN_SET);
}

static void build_in_set(struct rule_builder *builder, const struct match *match)
{
	uint8_t key = set_types[match->set].key;
	uint32_t word = (uint32_t)family_address_length(builder->source->family) / 4;

	expression_need_family(builder);
	if ((key & KEY_PORT) && !(key & KEY_PROTOCOL))
		expression_need_protocol(builder, IPPROTO_TCP);
	load_address(builder, match->kind == MATCH_SOURCE_IN_SET, NFT_REG_1);
	if (key & KEY_PROTOCOL)
		expression_meta(builder, NFT_META_L4PROTO, register_at(word++));
	if (key & KEY_PORT)
		expression_payload(builder, NFT_PAYLOAD_TRANSPORT_HEADER,
				   key_port_is_source(match) ? SOURCE_PORT : DESTINATION_PORT, 2, register_at(word));
	lookup_in_set(builder, match, false);
}

static void print_in_set(struct text *text, const struct rule *rule, const struct match *match)
{
	uint8_t key = set_types[match->set].key;
	const char *port = key_port_is_source(match) ? "sport" : "dport";
	text_addf(text, "%s %s", ip_word(rule->family), match->kind == MATCH_SOURCE_IN_SET ? "saddr" : "daddr");
	if (key & KEY_PROTOCOL)
		text_addf(text, " . meta l4proto . th %s", port);
	else if (key & KEY_PORT)
		text_addf(text, " . tcp %s", port);
	text_add(text, " @");
	set_name(text, "", (enum set_id)match->set, rule->family);
}

/* ---- networks ---- */

/* The network that a match means: its own, or that of the rule. */
static struct policy_network network_of(const struct rule *rule, const struct match *match)
{
	if (!match->data)
		return *rule->network;
	struct policy_network network = { .prefix_length = match->prefix_length };
	network.address.family = family_number(rule->family);
	memcpy(network.address.bytes, match_data(match), family_address_length(rule->family));
	return network;
}

/* Register 1 holds an address; nft masks it only when the prefix ends within a byte. */
static void compare_network(struct rule_builder *builder, const struct policy_network *network, uint32_t length)
{
	static const uint8_t zero[16];
	uint8_t mask[16] = { 0 };
	if (network->prefix_length % 8 == 0) {
		expression_compare(builder, NFT_CMP_EQ, network->address.bytes, network->prefix_length / 8);
		return;
	}
	for (size_t bit = 0; bit < network->prefix_length; bit++)
		mask[bit / 8] |= (uint8_t)(0x80u >> bit % 8);
	expression_bitwise(builder, mask, zero, length);
	expression_compare(builder, NFT_CMP_EQ, network->address.bytes, length);
}

static void build_network(struct rule_builder *builder, const struct match *match)
{
	struct policy_network network = network_of(builder->source, match);
	bool source = match->kind == MATCH_SOURCE_NETWORK;
	expression_need_family(builder);
	if (network.prefix_length == 0)
		return; /* every address of the family */
	uint32_t length = (uint32_t)address_length(&network.address);
	if (network.prefix_length % 8 == 0) {
		uint32_t offset = length == 4 ? (source ? IPV4_SOURCE : IPV4_DESTINATION)
					      : (source ? IPV6_SOURCE : IPV6_DESTINATION);
		expression_payload(builder, NFT_PAYLOAD_NETWORK_HEADER, offset, network.prefix_length / 8, NFT_REG_1);
	} else {
		load_address(builder, source, NFT_REG_1);
	}
	compare_network(builder, &network, length);
}

static void print_address_and_prefix(struct text *text, const struct policy_network *network)
{
	text_add(text, " ");
	address_format(&network->address, text);
	if (network->prefix_length < 8 * address_length(&network->address))
		text_addf(text, "/%u", network->prefix_length);
}

static void print_network(struct text *text, const struct rule *rule, const struct match *match)
{
	struct policy_network network = network_of(rule, match);
	if (network.prefix_length == 0) {
		print_family(text, rule, match);
		return;
	}
	text_addf(text, "%s %s", ip_word(rule->family), match->kind == MATCH_SOURCE_NETWORK ? "saddr" : "daddr");
	print_address_and_prefix(text, &network);
}

static struct policy_network prefix_of(const struct rule *rule)
{
	struct policy_network network = { .prefix_length = rule->prefix->prefix_length };
	network.address.family = family_number((enum ip_family)rule->prefix->family);
	memcpy(network.address.bytes, rule->prefix->address, address_length(&network.address));
	return network;
}

static void build_destination_prefix(struct rule_builder *builder, const struct match *match)
{
	struct policy_network network = prefix_of(builder->source);
	(void)match;
	expression_need_family(builder);
	if (network.prefix_length == 0)
		return;
	if (network.prefix_length % 8)
		load_address(builder, false, NFT_REG_1);
	else
		expression_payload(builder, NFT_PAYLOAD_NETWORK_HEADER, IPV6_DESTINATION, network.prefix_length / 8,
				   NFT_REG_1);
	compare_network(builder, &network, (uint32_t)address_length(&network.address));
}

static void print_destination_prefix(struct text *text, const struct rule *rule, const struct match *match)
{
	struct policy_network network = prefix_of(rule);
	if (network.prefix_length == 0) {
		print_family(text, rule, match);
		return;
	}
	text_addf(text, "%s daddr", ip_word(rule->family));
	print_address_and_prefix(text, &network);
}

/* ---- what nobody needs ---- */

static void build_source_foreign(struct rule_builder *builder, const struct match *match)
{
	static const uint32_t local = RTN_LOCAL;
	expression_source_type(builder);
	expression_compare(builder, match->kind == MATCH_SOURCE_OWN ? NFT_CMP_EQ : NFT_CMP_NEQ, &local, sizeof local);
}

static void print_source_foreign(struct text *text, const struct rule *rule, const struct match *match)
{
	(void)rule;
	text_addf(text, "fib saddr type %slocal", match->kind == MATCH_SOURCE_OWN ? "" : "!= ");
}

static void build_ip_options(struct rule_builder *builder, const struct match *match)
{
	static const uint8_t low_bits = 0x0f, words = 5;
	(void)match;
	expression_need_family(builder);
	compare_masked(builder, NFT_PAYLOAD_NETWORK_HEADER, IPV4_HEADER_LENGTH, &low_bits, NFT_CMP_NEQ, &words, 1);
}

static void print_ip_options(struct text *text, const struct rule *rule, const struct match *match)
{
	(void)rule;
	(void)match;
	text_add(text, "ip hdrlength != 5");
}

/* The first of several, or one behind it: all bits but "don't fragment". */
static void build_fragment(struct rule_builder *builder, const struct match *match)
{
	static const uint8_t bits[2] = { 0x3f, 0xff }, zero[2];
	(void)match;
	expression_need_family(builder);
	compare_masked(builder, NFT_PAYLOAD_NETWORK_HEADER, IPV4_FRAGMENT, bits, NFT_CMP_NEQ, zero, sizeof bits);
}

static void print_fragment(struct text *text, const struct rule *rule, const struct match *match)
{
	(void)rule;
	(void)match;
	text_add(text, "ip frag-off & 16383 != 0");
}

/* Behind the first: of IPv6 the header says only that it is one of several. */
static void build_later_fragment(struct rule_builder *builder, const struct match *match)
{
	static const uint8_t bits[2] = { 0x1f, 0xff }, zero[2], header = IPPROTO_FRAGMENT;
	(void)match;
	expression_need_family(builder);
	if (builder->source->family == IPV6) {
		expression_payload(builder, NFT_PAYLOAD_NETWORK_HEADER, IPV6_NEXT_HEADER, 1, NFT_REG_1);
		expression_compare(builder, NFT_CMP_EQ, &header, 1);
		return;
	}
	compare_masked(builder, NFT_PAYLOAD_NETWORK_HEADER, IPV4_FRAGMENT, bits, NFT_CMP_NEQ, zero, sizeof bits);
}

static void print_later_fragment(struct text *text, const struct rule *rule, const struct match *match)
{
	(void)match;
	text_add(text, rule->family == IPV4 ? "ip frag-off & 8191 != 0" : "ip6 nexthdr ipv6-frag");
}

static void build_other_header(struct rule_builder *builder, const struct match *match)
{
	static const uint8_t usual[] = { IPPROTO_TCP, IPPROTO_UDP, IPPROTO_ICMPV6 };
	(void)match;
	expression_need_family(builder);
	expression_payload(builder, NFT_PAYLOAD_NETWORK_HEADER, IPV6_NEXT_HEADER, 1, NFT_REG_1);
	expression_lookup_constant(builder, NFT_TYPE_INET_PROTOCOL, usual, sizeof usual, 1, true);
}

static void print_other_header(struct text *text, const struct rule *rule, const struct match *match)
{
	(void)rule;
	(void)match;
	text_add(text, "ip6 nexthdr != { tcp, udp, ipv6-icmp }");
}

/* ---- ports ---- */

static void build_port(struct rule_builder *builder, const struct match *match)
{
	const struct policy_network *network = builder->source->network;
	uint16_t port = htons(network ? network->port : match->port);
	expression_need_protocol(builder, network ? network->protocol : match->protocol);
	compare_payload(builder, NFT_PAYLOAD_TRANSPORT_HEADER,
			match->kind == MATCH_SOURCE_PORT ? SOURCE_PORT : DESTINATION_PORT, NFT_CMP_EQ, &port, 2);
}

static void print_port(struct text *text, const struct rule *rule, const struct match *match)
{
	const struct policy_network *network = rule->network;
	text_addf(text, "%s %s %u", protocol_word(network ? network->protocol : match->protocol),
		  match->kind == MATCH_SOURCE_PORT ? "sport" : "dport", network ? network->port : match->port);
}

/* Source and destination, of the match or of the rule's network. */
struct port_pair {
	uint16_t source, destination;
};

static struct port_pair ports_of(const struct rule *rule, const struct match *match)
{
	const struct policy_network *network = rule->network;
	if (!network)
		return (struct port_pair){ match->port, match->second_port };
	return match->far_port ? (struct port_pair){ network->port, network->own_port } :
				 (struct port_pair){ network->own_port, network->port };
}

static void build_ports(struct rule_builder *builder, const struct match *match)
{
	struct port_pair pair = ports_of(builder->source, match);
	uint16_t ports[2] = { htons(pair.source), htons(pair.destination) };
	expression_need_protocol(builder, match->protocol);
	compare_payload(builder, NFT_PAYLOAD_TRANSPORT_HEADER, SOURCE_PORT, NFT_CMP_EQ, ports, sizeof ports);
}

static void print_ports(struct text *text, const struct rule *rule, const struct match *match)
{
	const char *word = protocol_word(match->protocol);
	struct port_pair pair = ports_of(rule, match);
	text_addf(text, "%s sport %u %s dport %u", word, pair.source, word, pair.destination);
}

/* ---- TCP flags ---- */

static void build_not_opening(struct rule_builder *builder, const struct match *match)
{
	(void)match;
	static const uint8_t mask = TCP_SYN | TCP_ACK;
	static const uint8_t opening = TCP_SYN;
	expression_need_protocol(builder, IPPROTO_TCP);
	compare_masked(builder, NFT_PAYLOAD_TRANSPORT_HEADER, TCP_FLAGS, &mask, NFT_CMP_NEQ, &opening, 1);
}

static void print_not_opening(struct text *text, const struct rule *rule, const struct match *match)
{
	(void)rule;
	(void)match;
	text_add(text, "tcp flags != syn / syn,ack");
}

/* ---- connection tracking ---- */

static void build_ct_state(struct rule_builder *builder, const struct match *match)
{
	static const uint32_t zero = 0;
	uint32_t bits = match->value; /* host byte order: the register holds the kernel's own number */
	expression_ct(builder, NFT_CT_STATE, -1, NFT_REG_1);
	expression_bitwise(builder, &bits, &zero, sizeof bits);
	expression_compare(builder, NFT_CMP_NEQ, &zero, sizeof zero);
}

static void print_ct_state(struct text *text, const struct rule *rule, const struct match *match)
{
	(void)rule;
	static const struct {
		uint8_t bit;
		const char *word;
	} states[] = {
		{ NF_CT_STATE_BIT(IP_CT_ESTABLISHED), "established" },
		{ NF_CT_STATE_BIT(IP_CT_RELATED), "related" },
		{ CT_STATE_UNTRACKED, "untracked" },
	};
	const char *separator = "ct state ";
	for (size_t i = 0; i < sizeof states / sizeof *states; i++) {
		if (!(match->value & states[i].bit))
			continue;
		text_addf(text, "%s%s", separator, states[i].word);
		separator = ",";
	}
}

/*
 * The flow that a packet belongs to or, for an ICMP error, is about. The peer is the sender in the flow's reply
 * direction when we opened it, after any translation of addresses: what is on the wire; else in the original direction.
 */
struct flow_words {
	const char *direction;
	const char *port;
	int direction_number; /* enum ip_conntrack_dir */
	uint32_t port_key; /* enum nft_ct_keys */
};

static const struct flow_words opened_by_us = { "reply", "proto-src", IP_CT_DIR_REPLY, NFT_CT_PROTO_SRC };
static const struct flow_words opened_by_them = { "original", "proto-dst", IP_CT_DIR_ORIGINAL, NFT_CT_PROTO_DST };

static const struct flow_words *flow_words(const struct rule *rule, const struct match *match)
{
	bool ours = rule->network ? !rule->network->inbound : match->far_port;
	return ours ? &opened_by_us : &opened_by_them;
}

static uint32_t flow_address_key(const struct rule *rule)
{
	return rule->family == IPV4 ? NFT_CT_SRC_IP : NFT_CT_SRC_IP6;
}

static void build_flow_in_set(struct rule_builder *builder, const struct match *match)
{
	const struct flow_words *words = flow_words(builder->source, match);
	uint8_t key = set_types[match->set].key;
	uint32_t word = (uint32_t)family_address_length(builder->source->family) / 4;
	expression_ct(builder, flow_address_key(builder->source), words->direction_number, NFT_REG_1);
	if (key & KEY_PROTOCOL)
		expression_ct(builder, NFT_CT_PROTOCOL, -1, register_at(word++));
	if (key & KEY_PORT)
		expression_ct(builder, words->port_key, words->direction_number, register_at(word));
	lookup_in_set(builder, match, false);
}

static void print_flow_in_set(struct text *text, const struct rule *rule, const struct match *match)
{
	const struct flow_words *words = flow_words(rule, match);
	uint8_t key = set_types[match->set].key;
	text_addf(text, "ct %s %s saddr", words->direction, ip_word(rule->family));
	text_add(text, key & KEY_PROTOCOL ? " . ct protocol" : "");
	if (key & KEY_PORT)
		text_addf(text, " . ct %s %s", words->direction, words->port);
	text_add(text, " @");
	set_name(text, "", (enum set_id)match->set, rule->family);
}

static void build_flow_of_network(struct rule_builder *builder, const struct match *match)
{
	const struct policy_network *network = builder->source->network;
	const struct flow_words *words = flow_words(builder->source, match);
	uint16_t port = htons(network->port);
	if (network->prefix_length > 0) {
		expression_ct(builder, flow_address_key(builder->source), words->direction_number, NFT_REG_1);
		compare_network(builder, network, (uint32_t)address_length(&network->address));
	}
	expression_ct(builder, NFT_CT_PROTOCOL, -1, NFT_REG_1);
	expression_compare(builder, NFT_CMP_EQ, &network->protocol, 1);
	if (!port)
		return;
	expression_ct(builder, words->port_key, words->direction_number, NFT_REG_1);
	expression_compare(builder, NFT_CMP_EQ, &port, sizeof port);
}

static void print_flow_of_network(struct text *text, const struct rule *rule, const struct match *match)
{
	const struct policy_network *network = rule->network;
	const struct flow_words *words = flow_words(rule, match);
	if (network->prefix_length > 0) {
		text_addf(text, "ct %s %s saddr", words->direction, ip_word(rule->family));
		print_address_and_prefix(text, network);
		text_add(text, " ");
	}
	text_addf(text, "ct protocol %s", protocol_word(network->protocol));
	if (network->port)
		text_addf(text, " ct %s %s %u", words->direction, words->port, network->port);
}

/* ---- ICMP ---- */

static const struct {
	enum ip_family family;
	uint8_t type;
	const char *word;
} icmp_words[] = {
	{ IPV4, ICMP_UNREACHABLE, "destination-unreachable" },
	{ IPV4, ICMP_EXCEEDED, "time-exceeded" },
	{ IPV4, ICMP_PARAMETER, "parameter-problem" },
	{ IPV6, ICMPV6_UNREACHABLE, "destination-unreachable" },
	{ IPV6, ICMPV6_TOO_BIG, "packet-too-big" },
	{ IPV6, ICMPV6_EXCEEDED, "time-exceeded" },
	{ IPV6, ICMPV6_PARAMETER, "parameter-problem" },
	{ IPV6, MLD_QUERY, "mld-listener-query" },
	{ IPV6, MLD_REPORT, "mld-listener-report" },
	{ IPV6, MLD_DONE, "mld-listener-done" },
	{ IPV6, ND_ROUTER_SOLICIT, "nd-router-solicit" },
	{ IPV6, ND_ROUTER_ADVERT, "nd-router-advert" },
	{ IPV6, ND_NEIGHBOR_SOLICIT, "nd-neighbor-solicit" },
	{ IPV6, ND_NEIGHBOR_ADVERT, "nd-neighbor-advert" },
	{ IPV6, MLD2_REPORT, "mld2-listener-report" },
};

static void print_icmp_type(struct text *text, enum ip_family family, uint8_t type)
{
	for (size_t i = 0; i < sizeof icmp_words / sizeof *icmp_words; i++) {
		if (icmp_words[i].family == family && icmp_words[i].type == type) {
			text_add(text, icmp_words[i].word);
			return;
		}
	}
	text_addf(text, "%u", type);
}

static size_t count_types(const struct match *match)
{
	size_t count = 0;
	while (count < ICMP_TYPES_MAX && match->types[count] != 0)
		count++;
	return count;
}

static void build_icmp_types(struct rule_builder *builder, const struct match *match)
{
	bool ipv4 = builder->source->family == IPV4;
	size_t count = count_types(match);
	expression_need_family(builder);
	expression_need_protocol(builder, ipv4 ? IPPROTO_ICMP : IPPROTO_ICMPV6);
	expression_payload(builder, NFT_PAYLOAD_TRANSPORT_HEADER, 0, 1, NFT_REG_1);
	if (count == 1) {
		expression_compare(builder, NFT_CMP_EQ, match->types, 1);
		return;
	}
	expression_lookup_constant(builder, ipv4 ? NFT_TYPE_ICMP_TYPE : NFT_TYPE_ICMPV6_TYPE, match->types, count, 1,
				   false);
}

static void print_icmp_types(struct text *text, const struct rule *rule, const struct match *match)
{
	size_t count = count_types(match);
	text_addf(text, "%s type %s", rule->family == IPV4 ? "icmp" : "icmpv6", count > 1 ? "{ " : "");
	for (size_t i = 0; i < count; i++) {
		text_add(text, i > 0 ? ", " : "");
		print_icmp_type(text, rule->family, match->types[i]);
	}
	text_add(text, count > 1 ? " }" : "");
}

/* ---- hop limit and TTL ---- */

static void build_hop_limit(struct rule_builder *builder, const struct match *match)
{
	expression_need_family(builder);
	compare_payload(builder, NFT_PAYLOAD_NETWORK_HEADER, IPV6_HOP_LIMIT, NFT_CMP_EQ, &match->value, 1);
}

static void print_hop_limit(struct text *text, const struct rule *rule, const struct match *match)
{
	(void)rule;
	text_addf(text, "ip6 hoplimit %u", match->value);
}

static void build_payload_at_most(struct rule_builder *builder, const struct match *match)
{
	uint16_t length = htons(match->port);
	expression_need_family(builder);
	compare_payload(builder, NFT_PAYLOAD_NETWORK_HEADER, IPV6_PAYLOAD_LENGTH, NFT_CMP_LTE, &length, sizeof length);
}

static void print_payload_at_most(struct text *text, const struct rule *rule, const struct match *match)
{
	(void)rule;
	text_addf(text, "ip6 length <= %u", match->port);
}

/* The checksum of the IPv4 header counts 16-bit words, so TTL and protocol are written together. */
static void build_set_ttl(struct rule_builder *builder, const struct match *match)
{
	const uint8_t mask[2] = { 0, 0xff };
	const uint8_t value[2] = { match->value, 0 };
	expression_need_family(builder);
	expression_payload(builder, NFT_PAYLOAD_NETWORK_HEADER, IPV4_TTL, 2, NFT_REG_1);
	expression_bitwise(builder, mask, value, 2);
	expression_payload_write(builder, IPV4_TTL, 2, IPV4_CHECKSUM);
}

static void print_set_ttl(struct text *text, const struct rule *rule, const struct match *match)
{
	(void)rule;
	text_addf(text, "ip ttl set %u", match->value);
}

/* Any uid, or class of a route: -1 is nobody's. Without a socket, or a route, there is nothing to compare. */
static void build_of_program(struct rule_builder *builder, const struct match *match)
{
	static const uint32_t nobody = UINT32_MAX;
	expression_meta(builder, match->kind == MATCH_ROUTED ? NFT_META_RTCLASSID : NFT_META_SKUID, NFT_REG_1);
	expression_compare(builder, NFT_CMP_NEQ, &nobody, sizeof nobody);
}

static void print_of_program(struct text *text, const struct rule *rule, const struct match *match)
{
	(void)rule;
	text_addf(text, "meta %s != %u", match->kind == MATCH_ROUTED ? "rtclassid" : "skuid", UINT32_MAX);
}

/* ---- Ethernet and ARP ---- */

#if CONFIG_LAYER_NETDEV
static void build_ttl(struct rule_builder *builder, const struct match *match)
{
	expression_need_family(builder);
	compare_payload(builder, NFT_PAYLOAD_NETWORK_HEADER, IPV4_TTL, NFT_CMP_EQ, &match->value, 1);
}

static void print_ttl(struct text *text, const struct rule *rule, const struct match *match)
{
	(void)rule;
	text_addf(text, "ip ttl %u", match->value);
}


static void build_mac_foreign(struct rule_builder *builder, const struct match *match)
{
	static const uint8_t group_bit[MAC_LENGTH] = { 1 };
	static const uint8_t zero[MAC_LENGTH];
	bool source = match->kind == MATCH_SOURCE_MAC_FOREIGN;
	expression_need_ethernet(builder);
	if (!source) {
		compare_masked(builder, NFT_PAYLOAD_LL_HEADER, ETHER_DESTINATION, group_bit, NFT_CMP_EQ, zero,
			MAC_LENGTH);
	}
	expression_payload(builder, NFT_PAYLOAD_LL_HEADER, source ? ETHER_SOURCE : ETHER_DESTINATION, MAC_LENGTH,
			   NFT_REG_1);
	lookup_in_set(builder, match, true);
}

static void print_mac_foreign(struct text *text, const struct rule *rule, const struct match *match)
{
	bool source = match->kind == MATCH_SOURCE_MAC_FOREIGN;
	if (!source)
		text_add(text, "ether daddr & 01:00:00:00:00:00 == 00:00:00:00:00:00 ");
	text_addf(text, "ether %s != @", source ? "saddr" : "daddr");
	set_name(text, "", (enum set_id)match->set, rule->family);
}

static void build_destination_mac(struct rule_builder *builder, const struct match *match)
{
	expression_need_ethernet(builder);
	compare_payload(builder, NFT_PAYLOAD_LL_HEADER, ETHER_DESTINATION, NFT_CMP_EQ, match_data(match), MAC_LENGTH);
}

static void print_destination_mac(struct text *text, const struct rule *rule, const struct match *match)
{
	(void)rule;
	const uint8_t *mac = match_data(match);
	text_addf(text, "ether daddr %02x:%02x:%02x:%02x:%02x:%02x", mac[0], mac[1], mac[2], mac[3], mac[4], mac[5]);
}

static void build_group_mac(struct rule_builder *builder, const struct match *match)
{
	static const uint8_t group_bit[MAC_LENGTH] = { 1 };
	static const uint8_t zero[MAC_LENGTH];
	(void)match;
	expression_need_ethernet(builder);
	compare_masked(builder, NFT_PAYLOAD_LL_HEADER, ETHER_DESTINATION, group_bit, NFT_CMP_NEQ, zero, MAC_LENGTH);
}

static void print_group_mac(struct text *text, const struct rule *rule, const struct match *match)
{
	(void)rule;
	(void)match;
	text_add(text, "ether daddr & 01:00:00:00:00:00 != 00:00:00:00:00:00");
}

static void load_ether_type(struct rule_builder *builder)
{
	expression_need_ethernet(builder);
	expression_payload(builder, NFT_PAYLOAD_LL_HEADER, ETHER_TYPE, 2, NFT_REG_1);
}

static void build_ether_type(struct rule_builder *builder, const struct match *match)
{
	uint16_t type = htons(match->port);
	load_ether_type(builder);
	expression_compare(builder, NFT_CMP_EQ, &type, sizeof type);
}

static void print_ether_type(struct text *text, const struct rule *rule, const struct match *match)
{
	(void)rule;
	if (match->port == ETH_P_8021Q)
		text_add(text, "ether type 8021q");
	else
		text_addf(text, "ether type 0x%04x", match->port);
}

static void build_ether_type_ip(struct rule_builder *builder, const struct match *match)
{
	(void)match;
	static const uint8_t types[] = { 0x08, 0x00, 0x08, 0x06, 0x86, 0xdd }; /* IPv4, ARP, IPv6 */
	load_ether_type(builder);
	expression_lookup_constant(builder, NFT_TYPE_ETHER_TYPE, types, sizeof types, 2, false);
}

static void print_ether_type_ip(struct text *text, const struct rule *rule, const struct match *match)
{
	(void)rule;
	(void)match;
	text_add(text, "ether type { ip, arp, ip6 }");
}

/* The kernel shows the tag where it stood, also when the device took it out. IEEE 802.1Q: the id is the low 12 bits. */
static void build_vlan(struct rule_builder *builder, const struct match *match)
{
	static const uint8_t id_bits[] = { 0x0f, 0xff };
	uint16_t tag = htons(ETH_P_8021Q);
	uint16_t id = htons(builder->source->vlan);
	(void)match;
	load_ether_type(builder);
	expression_compare(builder, NFT_CMP_EQ, &tag, sizeof tag);
	compare_masked(builder, NFT_PAYLOAD_LL_HEADER, VLAN_TAG, id_bits, NFT_CMP_EQ, &id, sizeof id_bits);
}

static void print_vlan(struct text *text, const struct rule *rule, const struct match *match)
{
	(void)match;
	text_addf(text, "vlan id %u", rule->vlan);
}

static void build_vlan_type(struct rule_builder *builder, const struct match *match)
{
	uint16_t type = htons(match->port);
	compare_payload(builder, NFT_PAYLOAD_LL_HEADER, VLAN_TYPE, NFT_CMP_EQ, &type, sizeof type);
}

static void print_vlan_type(struct text *text, const struct rule *rule, const struct match *match)
{
	(void)rule;
	text_addf(text, "vlan type 0x%04x", match->port);
}

static void build_arp(struct rule_builder *builder, const struct match *match)
{
	static const uint8_t beginning[] = { 0, 1, 8, 0 }; /* hardware Ethernet, protocol IPv4 */
	static const uint8_t lengths_and_reply[] = { MAC_LENGTH, 4, 0, 2 };
	size_t length = match->kind == MATCH_ARP_REPLY ? 4 : 2;
	uint16_t type = htons(ETH_P_ARP);
	expression_meta(builder, NFT_META_PROTOCOL, NFT_REG_1);
	expression_compare(builder, NFT_CMP_EQ, &type, sizeof type);
	compare_payload(builder, NFT_PAYLOAD_NETWORK_HEADER, 0, NFT_CMP_EQ, beginning, sizeof beginning);
	compare_payload(builder, NFT_PAYLOAD_NETWORK_HEADER, ARP_LENGTHS, NFT_CMP_EQ, lengths_and_reply,
			(uint32_t)length);
}

static void print_arp(struct text *text, const struct rule *rule, const struct match *match)
{
	(void)rule;
	text_addf(text, "arp htype 1 arp ptype ip arp hlen 6 arp plen 4%s",
		  match->kind == MATCH_ARP_REPLY ? " arp operation reply" : "");
}

/* A device that changes its address by itself, or has none, can't be held to those that it had. */
static bool macs_are_fixed(const struct policy_links *links)
{
	for (size_t i = 0; i < links->count; i++) {
		if (!links->links[i].sealed && (links->links[i].passes & LINK_ANY_MAC))
			return false;
	}
	return links->mac_count > 0;
}

static void build_arp_sender_own(struct rule_builder *builder, const struct match *match)
{
	if (!macs_are_fixed(&builder->source->policy->links))
		return;
	expression_payload(builder, NFT_PAYLOAD_NETWORK_HEADER, ARP_SENDER_MAC, MAC_LENGTH, NFT_REG_1);
	lookup_in_set(builder, match, false);
}

static void print_arp_sender_own(struct text *text, const struct rule *rule, const struct match *match)
{
	if (!macs_are_fixed(&rule->policy->links))
		return;
	text_add(text, "arp saddr ether @");
	set_name(text, "", (enum set_id)match->set, rule->family);
}

static void build_arp_sender_in_set(struct rule_builder *builder, const struct match *match)
{
	expression_payload(builder, NFT_PAYLOAD_NETWORK_HEADER, ARP_SENDER_ADDRESS, 4, NFT_REG_1);
	lookup_in_set(builder, match, false);
}

static void print_arp_sender_in_set(struct text *text, const struct rule *rule, const struct match *match)
{
	text_add(text, "arp saddr ip @");
	set_name(text, "", (enum set_id)match->set, rule->family);
}

static void build_arp_address(struct rule_builder *builder, const struct match *match)
{
	struct policy_network network = prefix_of(builder->source);
	if (network.prefix_length == 0)
		return;
	uint32_t length = network.prefix_length % 8 ? 4 : network.prefix_length / 8;
	uint32_t offset = match->kind == MATCH_ARP_SENDER ? ARP_SENDER_ADDRESS : ARP_TARGET_ADDRESS;
	expression_payload(builder, NFT_PAYLOAD_NETWORK_HEADER, offset, length, NFT_REG_1);
	compare_network(builder, &network, 4);
}

static void print_arp_address(struct text *text, const struct rule *rule, const struct match *match)
{
	struct policy_network network = prefix_of(rule);
	if (network.prefix_length == 0)
		return;
	text_addf(text, "arp %s ip", match->kind == MATCH_ARP_SENDER ? "saddr" : "daddr");
	print_address_and_prefix(text, &network);
}

static void build_nd_target(struct rule_builder *builder, const struct match *match)
{
	(void)match;
	compare_payload(builder, NFT_PAYLOAD_TRANSPORT_HEADER, ND_TARGET, NFT_CMP_EQ,
			builder->source->prefix->address, 16);
}

/* nft has no word for it before 1.0.9. */
static void print_nd_target(struct text *text, const struct rule *rule, const struct match *match)
{
	(void)match;
	text_addf(text, "@th,%d,128 0x", 8 * ND_TARGET);
	for (size_t i = 0; i < 16; i++)
		text_addf(text, "%02x", rule->prefix->address[i]);
}

static void build_arp_no_sender(struct rule_builder *builder, const struct match *match)
{
	static const uint8_t none[4];
	(void)match;
	compare_payload(builder, NFT_PAYLOAD_NETWORK_HEADER, ARP_SENDER_ADDRESS, NFT_CMP_EQ, none, sizeof none);
}

static void print_arp_no_sender(struct text *text, const struct rule *rule, const struct match *match)
{
	(void)rule;
	(void)match;
	text_add(text, "arp saddr ip 0.0.0.0");
}

static void build_lengths(struct rule_builder *builder, const struct match *match)
{
	uint32_t lengths[ICMP_TYPES_MAX];
	size_t count = count_types(match);
	for (size_t i = 0; i < count; i++)
		lengths[i] = match->types[i]; /* host byte order: the register holds the kernel's own number */
	expression_meta(builder, NFT_META_LEN, NFT_REG_1);
	if (count == 1) {
		expression_compare(builder, NFT_CMP_EQ, lengths, sizeof *lengths);
		return;
	}
	expression_lookup_constant(builder, NFT_TYPE_INTEGER, lengths, count * sizeof *lengths, sizeof *lengths, false);
}

static void print_lengths(struct text *text, const struct rule *rule, const struct match *match)
{
	size_t count = count_types(match);
	(void)rule;
	text_addf(text, "meta length %s", count > 1 ? "{ " : "");
	for (size_t i = 0; i < count; i++)
		text_addf(text, "%s%u", i > 0 ? ", " : "", match->types[i]);
	text_add(text, count > 1 ? " }" : "");
}
#endif

/* ---- rate limits ---- */

static void print_limit_words(struct text *text)
{
	text_addf(text, "limit rate %d/second burst %d packets", POLICY_DNS_RATE, POLICY_DNS_BURST);
}

static void build_limit(struct rule_builder *builder, const struct match *match)
{
	(void)match;
	expression_limit(builder, POLICY_DNS_RATE, POLICY_DNS_BURST);
}

static void print_limit(struct text *text, const struct rule *rule, const struct match *match)
{
	(void)rule;
	(void)match;
	print_limit_words(text);
}

static void build_dns_rate(struct rule_builder *builder, const struct match *match)
{
	char name[32];
	struct text text = TEXT_ON(name);
	set_name(&text, builder->prefix, (enum set_id)match->set, builder->source->family);
	load_address(builder, false, NFT_REG_1);
	expression_limit_in_set(builder, name, POLICY_DNS_RATE, POLICY_DNS_BURST);
}

static void print_dns_rate(struct text *text, const struct rule *rule, const struct match *match)
{
	text_add(text, "update @");
	set_name(text, "", (enum set_id)match->set, rule->family);
	text_addf(text, " { %s daddr ", ip_word(rule->family));
	print_limit_words(text);
	text_add(text, " }");
}

/* ---- attempts ---- */

static void build_has_ports(struct rule_builder *builder, const struct match *match)
{
	static const uint8_t protocols[] = { IPPROTO_TCP, IPPROTO_UDP, IPPROTO_SCTP };
	(void)match;
	expression_meta(builder, NFT_META_L4PROTO, NFT_REG_1);
	expression_lookup_constant(builder, NFT_TYPE_INET_PROTOCOL, protocols, sizeof protocols, 1, false);
}

static void print_has_ports(struct text *text, const struct rule *rule, const struct match *match)
{
	(void)rule;
	(void)match;
	text_add(text, "meta l4proto { tcp, udp, sctp }");
}

static void build_note_attempt(struct rule_builder *builder, const struct match *match)
{
	char name[32];
	struct text text = TEXT_ON(name);
	uint32_t word = (uint32_t)family_address_length(builder->source->family) / 4;
	set_name(&text, builder->prefix, (enum set_id)match->set, builder->source->family);
	expression_need_family(builder);
	load_address(builder, false, NFT_REG_1);
	expression_meta(builder, NFT_META_L4PROTO, register_at(word));
	expression_payload(builder, NFT_PAYLOAD_TRANSPORT_HEADER, match->far_port ? DESTINATION_PORT : SOURCE_PORT, 2,
			   register_at(word + 1));
	/* nft could not read the name back that a packet of our own has: it is empty */
	expression_meta(builder, NFT_META_IIF, register_at(word + 2));
	expression_count_in_set(builder, name);
}

static void print_note_attempt(struct text *text, const struct rule *rule, const struct match *match)
{
	text_add(text, "update @");
	set_name(text, "", (enum set_id)match->set, rule->family);
	text_addf(text, " { %s daddr . meta l4proto . th %s . iif counter }", ip_word(rule->family),
		  match->far_port ? "dport" : "sport");
}

static void build_log(struct rule_builder *builder, const struct match *match)
{
	const struct policy *policy = builder->source->policy;
	(void)match;
	expression_log(builder, policy->log == LOG_GROUP ? policy->log_group : -1);
}

static void print_log(struct text *text, const struct rule *rule, const struct match *match)
{
	(void)match;
	text_addf(text, "log prefix \"%s\" ", log_prefix);
	if (rule->policy->log == LOG_GROUP)
		text_addf(text, "group %u", rule->policy->log_group);
	else
		text_add(text, "level info");
}

#if CONFIG_LAYER_NETDEV
/* What stands in the packet, or its interface's name, becomes an element. */
static void build_add(struct rule_builder *builder, const struct match *match)
{
	char name[32];
	struct text text = TEXT_ON(name);
	set_name(&text, builder->prefix, (enum set_id)match->set, builder->source->family);
	if (match->kind == MATCH_NOTE_LEASE) {
		expression_meta(builder, NFT_META_IIFNAME, NFT_REG_1);
	} else if (match->kind == MATCH_ADD_ADDRESS) {
		expression_need_family(builder);
		load_address(builder, true, NFT_REG_1);
	} else {
		expression_need_ethernet(builder);
		expression_payload(builder, NFT_PAYLOAD_LL_HEADER, ETHER_SOURCE, MAC_LENGTH, NFT_REG_1);
	}
	expression_add_to_set(builder, name, set_types[match->set].learned);
}

static void print_add(struct text *text, const struct rule *rule, const struct match *match)
{
	const char *key = match->kind == MATCH_ADD_ADDRESS ? "ip saddr" : "ether saddr";
	text_add(text, "add @");
	set_name(text, "", (enum set_id)match->set, rule->family);
	text_addf(text, " { %s", match->kind == MATCH_NOTE_LEASE ? "iifname" : key);
	if (set_types[match->set].learned)
		text_addf(text, " timeout %um", set_types[match->set].learned / 60);
	text_add(text, " }");
}
#endif

const struct match_row match_rows[MATCH_KINDS] = {
	[MATCH_IN_INTERFACE] = { build_interface, print_interface },
	[MATCH_OUT_INTERFACE] = { build_interface, print_interface },
	[MATCH_IN_INTERFACE_IN_SET] = { build_interface_in_set, print_interface_in_set },
	[MATCH_OUT_INTERFACE_IN_SET] = { build_interface_in_set, print_interface_in_set },
	[MATCH_FAMILY] = { build_family, print_family },
	[MATCH_PROTOCOL] = { build_protocol, print_protocol },
	[MATCH_SOURCE_IN_SET] = { build_in_set, print_in_set },
	[MATCH_DESTINATION_IN_SET] = { build_in_set, print_in_set },
	[MATCH_SOURCE_NETWORK] = { build_network, print_network },
	[MATCH_DESTINATION_NETWORK] = { build_network, print_network },
	[MATCH_DESTINATION_PREFIX] = { build_destination_prefix, print_destination_prefix },
	[MATCH_SOURCE_FOREIGN] = { build_source_foreign, print_source_foreign },
	[MATCH_IP_OPTIONS] = { build_ip_options, print_ip_options },
	[MATCH_FRAGMENT] = { build_fragment, print_fragment },
	[MATCH_LATER_FRAGMENT] = { build_later_fragment, print_later_fragment },
	[MATCH_OTHER_HEADER] = { build_other_header, print_other_header },
	[MATCH_SOURCE_PORT] = { build_port, print_port },
	[MATCH_DESTINATION_PORT] = { build_port, print_port },
	[MATCH_PORTS] = { build_ports, print_ports },
	[MATCH_NOT_OPENING] = { build_not_opening, print_not_opening },
	[MATCH_CT_STATE] = { build_ct_state, print_ct_state },
	[MATCH_FLOW_IN_SET] = { build_flow_in_set, print_flow_in_set },
	[MATCH_FLOW_OF_NETWORK] = { build_flow_of_network, print_flow_of_network },
	[MATCH_ICMP_TYPES] = { build_icmp_types, print_icmp_types },
	[MATCH_HOP_LIMIT] = { build_hop_limit, print_hop_limit },
	[MATCH_PAYLOAD_AT_MOST] = { build_payload_at_most, print_payload_at_most },
	[MATCH_LIMIT] = { build_limit, print_limit },
	[MATCH_DNS_RATE] = { build_dns_rate, print_dns_rate },
	[MATCH_OF_PROGRAM] = { build_of_program, print_of_program },
	[MATCH_HAS_PORTS] = { build_has_ports, print_has_ports },
	[MATCH_NOTE_ATTEMPT] = { build_note_attempt, print_note_attempt },
	[MATCH_LOG] = { build_log, print_log },
	[MATCH_SET_TTL] = { build_set_ttl, print_set_ttl },
#if CONFIG_LAYER_NETDEV
	[MATCH_TTL] = { build_ttl, print_ttl },
	[MATCH_NOTE_LEASE] = { build_add, print_add },
	[MATCH_ADD_MAC] = { build_add, print_add },
	[MATCH_ADD_ADDRESS] = { build_add, print_add },
	[MATCH_ARP_SENDER_IN_SET] = { build_arp_sender_in_set, print_arp_sender_in_set },
	[MATCH_SOURCE_OWN] = { build_source_foreign, print_source_foreign },
	[MATCH_ROUTED] = { build_of_program, print_of_program },
	[MATCH_SOURCE_MAC_FOREIGN] = { build_mac_foreign, print_mac_foreign },
	[MATCH_DESTINATION_MAC_FOREIGN] = { build_mac_foreign, print_mac_foreign },
	[MATCH_DESTINATION_MAC] = { build_destination_mac, print_destination_mac },
	[MATCH_GROUP_MAC] = { build_group_mac, print_group_mac },
	[MATCH_ETHER_TYPE] = { build_ether_type, print_ether_type },
	[MATCH_ETHER_TYPE_IP] = { build_ether_type_ip, print_ether_type_ip },
	[MATCH_VLAN] = { build_vlan, print_vlan },
	[MATCH_VLAN_TYPE] = { build_vlan_type, print_vlan_type },
	[MATCH_ARP] = { build_arp, print_arp },
	[MATCH_ARP_REPLY] = { build_arp, print_arp },
	[MATCH_ARP_SENDER_OWN] = { build_arp_sender_own, print_arp_sender_own },
	[MATCH_ARP_TARGET] = { build_arp_address, print_arp_address },
	[MATCH_ARP_SENDER] = { build_arp_address, print_arp_address },
	[MATCH_ND_TARGET] = { build_nd_target, print_nd_target },
	[MATCH_ARP_NO_SENDER] = { build_arp_no_sender, print_arp_no_sender },
	[MATCH_LENGTHS] = { build_lengths, print_lengths },
#endif
};
