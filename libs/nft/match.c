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

/* ---- the table of match kinds ---- */

/* What register 1 is loaded with. */
enum load {
	LOAD_LINK = NFT_PAYLOAD_LL_HEADER, /* these: from an offset of a header */
	LOAD_NETWORK = NFT_PAYLOAD_NETWORK_HEADER,
	LOAD_TRANSPORT = NFT_PAYLOAD_TRANSPORT_HEADER,
	LOAD_SOURCE, /* the packet's addresses */
	LOAD_DESTINATION,
	LOAD_SOURCE_TYPE, /* enum RTN_ of linux/rtnetlink.h, host byte order */
	LOAD_META, /* at: enum nft_meta_keys */
	LOAD_CT, /* at: enum nft_ct_keys, the same in both directions */
	LOAD_KEY_PORT, /* see key_port_is_source */
	LOAD_FLOW_ADDRESS, /* see flow_words */
	LOAD_FLOW_PORT,
};

/* What becomes of it. */
enum operation {
	EQUAL = NFT_CMP_EQ,
	DIFFERENT = NFT_CMP_NEQ,
	AT_MOST = NFT_CMP_LTE,
	IN_NETWORK = NFT_CMP_GTE + 1,
	IN_SET,
	NOT_IN_SET,
	ADD_TO_SET,
	COUNT_IN_SET,
	LIMIT_IN_SET,
	WRITE_TTL,
	/* nothing is loaded for these */
	NOTHING,
	RATE_LIMIT,
	WRITE_LOG,
};

/* What it is compared with. */
enum operand {
	OPERAND_ROW, /* the row's data */
	OPERAND_VALUE, /* the match's */
	OPERAND_WORD, /* the match's, host byte order */
	OPERAND_BITS, /* is the mask, and the data 0 */
	OPERAND_TYPES,
	OPERAND_LOCAL, /* RTN_LOCAL, host byte order */
	OPERAND_ADDRESS, /* the match's bytes or those of the rule's prefix */
	OPERAND_INTERFACE,
	OPERAND_LENGTH, /* the match's port, in 4 bytes of network byte order */
	OPERAND_PORT, /* these: the match's or those of the rule's network */
	OPERAND_PORTS,
	OPERAND_PROTOCOL,
	OPERAND_VLAN,
};

/* nft adds tests by itself where a header is looked into. */
enum {
	NEED_FAMILY = 1 << 0,
	NEED_ETHERNET = 1 << 1,
	NEED_TAG = 1 << 2, /* of IEEE 802.1Q */
	NEED_ARP = 1 << 3, /* of Ethernet and IPv4 */

	/* protocols, beside IPPROTO_ */
	PROTOCOL_OF_RULE = 254, /* the match's, or that of the rule's network */
	PROTOCOL_OF_KEY = 255, /* what a key's port without a protocol belongs to: TCP */
};

static const struct match_row {
	const char *text; /* as nft lists it; for the letters after % see word_of (A to Z) and print_part */
	uint8_t needs;
	uint8_t protocol;
	uint8_t load; /* enum load */
	uint8_t at;
	uint8_t length; /* bytes */
	uint8_t operation; /* enum operation */
	uint8_t operand; /* enum operand */
	uint8_t type; /* enum nft_data_type of several that it may be one of */
	uint8_t mask[2]; /* 0: all bits; zeros follow */
	uint8_t data[6];
} match_rows[MATCH_KINDS] = {

#define HEADER(header, offset, bytes) .load = LOAD_##header, .at = offset, .length = bytes
#define META(key, bytes) .load = LOAD_META, .at = key, .length = bytes

	[MATCH_IN_INTERFACE] = { "iifname \"%I\"", META(NFT_META_IIFNAME, POLICY_INTERFACE_SIZE),
				 .operand = OPERAND_INTERFACE },
	[MATCH_OUT_INTERFACE] = { "oifname \"%I\"", META(NFT_META_OIFNAME, POLICY_INTERFACE_SIZE),
				  .operand = OPERAND_INTERFACE },
	[MATCH_IN_LOOPBACK] = { "iif \"lo\"", META(NFT_META_IIF, 4), .operand = OPERAND_WORD },
	[MATCH_OUT_LOOPBACK] = { "oif \"lo\"", META(NFT_META_OIF, 4), .operand = OPERAND_WORD },
	[MATCH_IN_INTERFACE_IN_SET] = { "iifname @%s", META(NFT_META_IIFNAME, 0), .operation = IN_SET },
	[MATCH_OUT_INTERFACE_IN_SET] = { "oifname @%s", META(NFT_META_OIFNAME, 0), .operation = IN_SET },

	[MATCH_FAMILY] = { "%M", NEED_FAMILY, .operation = NOTHING },
	[MATCH_PROTOCOL] = { "meta l4proto %P", .protocol = PROTOCOL_OF_RULE, .operation = NOTHING },
	[MATCH_SOURCE_IN_SET] = { "%F saddr%k @%s", NEED_FAMILY, PROTOCOL_OF_KEY, LOAD_SOURCE, .operation = IN_SET },
	[MATCH_DESTINATION_IN_SET] = { "%F daddr%k @%s", NEED_FAMILY, PROTOCOL_OF_KEY, LOAD_DESTINATION,
				       .operation = IN_SET },
	[MATCH_SOURCE_NETWORK] = { "%F saddr %n", NEED_FAMILY, .load = LOAD_SOURCE, .operation = IN_NETWORK },
	[MATCH_DESTINATION_NETWORK] = { "%F daddr %n", NEED_FAMILY, .load = LOAD_DESTINATION,
					.operation = IN_NETWORK },

	[MATCH_SOURCE_FOREIGN] = { "fib saddr type != local", .load = LOAD_SOURCE_TYPE, .length = 4,
				   .operation = DIFFERENT, .operand = OPERAND_LOCAL },
	[MATCH_IP_OPTIONS] = { "ip hdrlength != 5", NEED_FAMILY, HEADER(NETWORK, IPV4_HEADER_LENGTH, 1),
			       .mask = { 0x0f }, .operation = DIFFERENT, .data = { 5 } },
	/* the first of several, or one behind it: all bits but "don't fragment" */
	[MATCH_FRAGMENT] = { "ip frag-off & 16383 != 0", NEED_FAMILY, HEADER(NETWORK, IPV4_FRAGMENT, 2),
			     .mask = { 0x3f, 0xff }, .operation = DIFFERENT },
	/* behind the first: of IPv6 the header says only that it is one of several */
	[MATCH_LATER_FRAGMENT] = { "ip frag-off & 8191 != 0", NEED_FAMILY, HEADER(NETWORK, IPV4_FRAGMENT, 2),
				   .mask = { 0x1f, 0xff }, .operation = DIFFERENT },
	[MATCH_FRAGMENT_HEADER] = { "ip6 nexthdr ipv6-frag", NEED_FAMILY, HEADER(NETWORK, IPV6_NEXT_HEADER, 1),
				    .data = { IPPROTO_FRAGMENT } },
	[MATCH_OTHER_HEADER] = { "ip6 nexthdr != { tcp, udp, ipv6-icmp }", NEED_FAMILY,
				 HEADER(NETWORK, IPV6_NEXT_HEADER, 1), .operation = DIFFERENT,
				 .type = NFT_TYPE_INET_PROTOCOL, .data = { IPPROTO_TCP, IPPROTO_UDP, IPPROTO_ICMPV6 } },
	[MATCH_HOP_LIMIT] = { "ip6 hoplimit %v", NEED_FAMILY, HEADER(NETWORK, IPV6_HOP_LIMIT, 1),
			      .operand = OPERAND_VALUE },
	[MATCH_LENGTH_AT_MOST] = { "meta length <= %p", META(NFT_META_LEN, 4), .operation = AT_MOST,
				   .operand = OPERAND_LENGTH },
	/* the checksum of the IPv4 header counts 16-bit words, so TTL and protocol are written together */
	[MATCH_SET_TTL] = { "ip ttl set %v", NEED_FAMILY, HEADER(NETWORK, IPV4_TTL, 2), .operation = WRITE_TTL },

	[MATCH_SOURCE_PORT] = { "%P sport %p", 0, PROTOCOL_OF_RULE, HEADER(TRANSPORT, SOURCE_PORT, 2),
				.operand = OPERAND_PORT },
	[MATCH_DESTINATION_PORT] = { "%P dport %p", 0, PROTOCOL_OF_RULE, HEADER(TRANSPORT, DESTINATION_PORT, 2),
				     .operand = OPERAND_PORT },
	[MATCH_PORTS] = { "%P sport %a %P dport %b", 0, PROTOCOL_OF_RULE, HEADER(TRANSPORT, SOURCE_PORT, 4),
			  .operand = OPERAND_PORTS },
	[MATCH_NOT_OPENING] = { "tcp flags != syn / syn,ack", 0, IPPROTO_TCP, HEADER(TRANSPORT, TCP_FLAGS, 1),
				.mask = { TCP_SYN | TCP_ACK }, .operation = DIFFERENT, .data = { TCP_SYN } },
	[MATCH_ICMP_TYPES] = { "%C type %t", NEED_FAMILY, IPPROTO_ICMP, HEADER(TRANSPORT, 0, 1),
			       .operand = OPERAND_TYPES, .type = NFT_TYPE_ICMP_TYPE },

	[MATCH_CT_STATE] = { "ct state %c", .load = LOAD_CT, .at = NFT_CT_STATE, .length = 4, .operation = DIFFERENT,
			     .operand = OPERAND_BITS },
	[MATCH_FLOW_IN_SET] = { "ct %D %F saddr%k @%s", .load = LOAD_FLOW_ADDRESS, .operation = IN_SET },
	[MATCH_FLOW_NETWORK] = { "ct %D %F saddr %n", .load = LOAD_FLOW_ADDRESS, .operation = IN_NETWORK },
	[MATCH_FLOW_PROTOCOL] = { "ct protocol %P", .load = LOAD_CT, .at = NFT_CT_PROTOCOL, .length = 1,
				  .operand = OPERAND_PROTOCOL },
	[MATCH_FLOW_PORT] = { "ct %D %O %p", .load = LOAD_FLOW_PORT, .length = 2, .operand = OPERAND_PORT },

	[MATCH_LIMIT] = { "%r", .operation = RATE_LIMIT },
	[MATCH_OVER_LIMIT] = { "%r", .operation = RATE_LIMIT },
	[MATCH_DNS_RATE] = { "update @%s { %F daddr %r }", .load = LOAD_DESTINATION, .operation = LIMIT_IN_SET },
	[MATCH_HAS_PORTS] = { "meta l4proto { tcp, udp, sctp }", META(NFT_META_L4PROTO, 1),
			      .type = NFT_TYPE_INET_PROTOCOL, .data = { IPPROTO_TCP, IPPROTO_UDP, IPPROTO_SCTP } },
	/* nft could not read the name back that a packet of our own has: it is empty */
	[MATCH_NOTE_ATTEMPT] = { "update @%s { %F daddr%k . iif counter }", NEED_FAMILY, .load = LOAD_DESTINATION,
				 .operation = COUNT_IN_SET },
	[MATCH_LOG] = { "log prefix \"quarantine: \" %g", .operation = WRITE_LOG },
	/* any uid, or class of a route: -1 is nobody's; without a socket, or a route, there is nothing to compare */
	[MATCH_OF_PROGRAM] = { "meta skuid != 4294967295", META(NFT_META_SKUID, 4), .operation = DIFFERENT,
			       .data = { 0xff, 0xff, 0xff, 0xff } },

#if CONFIG_LAYER_NETDEV
	[MATCH_ROUTED] = { "meta rtclassid != 4294967295", META(NFT_META_RTCLASSID, 4), .operation = DIFFERENT,
			   .data = { 0xff, 0xff, 0xff, 0xff } },
	[MATCH_TTL] = { "ip ttl %v", NEED_FAMILY, HEADER(NETWORK, IPV4_TTL, 1), .operand = OPERAND_VALUE },
	[MATCH_SOURCE_OWN] = { "fib saddr type local", .load = LOAD_SOURCE_TYPE, .length = 4,
			       .operand = OPERAND_LOCAL },
	[MATCH_ADD_MAC] = { "add @%s { ether saddr%l }", NEED_ETHERNET, HEADER(LINK, ETHER_SOURCE, MAC_LENGTH),
			    .operation = ADD_TO_SET },
	[MATCH_ADD_ADDRESS] = { "add @%s { ip saddr%l }", NEED_FAMILY, .load = LOAD_SOURCE, .operation = ADD_TO_SET },

	[MATCH_SOURCE_MAC_FOREIGN] = { "ether saddr != @%s", NEED_ETHERNET, HEADER(LINK, ETHER_SOURCE, MAC_LENGTH),
				       .operation = NOT_IN_SET },
	[MATCH_DESTINATION_MAC_FOREIGN] = { "ether daddr != @%s", NEED_ETHERNET,
					    HEADER(LINK, ETHER_DESTINATION, MAC_LENGTH), .operation = NOT_IN_SET },
	[MATCH_DESTINATION_MAC] = { "ether daddr %m", NEED_ETHERNET, HEADER(LINK, ETHER_DESTINATION, MAC_LENGTH),
				    .operand = OPERAND_ADDRESS },
	[MATCH_UNICAST_MAC] = { "ether daddr & 01:00:00:00:00:00 == 00:00:00:00:00:00", NEED_ETHERNET,
				HEADER(LINK, ETHER_DESTINATION, MAC_LENGTH), .mask = { 1 } },
	[MATCH_GROUP_MAC] = { "ether daddr & 01:00:00:00:00:00 != 00:00:00:00:00:00", NEED_ETHERNET,
			      HEADER(LINK, ETHER_DESTINATION, MAC_LENGTH), .mask = { 1 }, .operation = DIFFERENT },
	[MATCH_ETHER_TYPE] = { "ether type %e", NEED_ETHERNET, HEADER(LINK, ETHER_TYPE, 2), .operand = OPERAND_PORT },
	[MATCH_ETHER_TYPE_IP] = { "ether type { ip, arp, ip6 }", NEED_ETHERNET, HEADER(LINK, ETHER_TYPE, 2),
				  .type = NFT_TYPE_ETHER_TYPE, .data = { 0x08, 0x00, 0x08, 0x06, 0x86, 0xdd } },
	/* the kernel shows the tag where it stood, also when the device took it out; the id is the low 12 bits */
	[MATCH_VLAN] = { "vlan id %w", NEED_ETHERNET | NEED_TAG, HEADER(LINK, VLAN_TAG, 2), .mask = { 0x0f, 0xff },
			 .operand = OPERAND_VLAN },
	[MATCH_VLAN_TYPE] = { "vlan type %e", HEADER(LINK, VLAN_TYPE, 2), .operand = OPERAND_PORT },

	[MATCH_ARP] = { "arp htype 1 arp ptype ip arp hlen 6 arp plen 4", NEED_ARP, HEADER(NETWORK, ARP_LENGTHS, 2),
			.data = { MAC_LENGTH, 4 } },
	[MATCH_ARP_REPLY] = { "arp htype 1 arp ptype ip arp hlen 6 arp plen 4 arp operation reply", NEED_ARP,
			      HEADER(NETWORK, ARP_LENGTHS, 4), .data = { MAC_LENGTH, 4, 0, 2 } },
	[MATCH_ARP_SENDER_OWN] = { "arp saddr ether @%s", HEADER(NETWORK, ARP_SENDER_MAC, MAC_LENGTH),
				   .operation = IN_SET },
	[MATCH_ARP_SENDER_IN_SET] = { "arp saddr ip @%s", HEADER(NETWORK, ARP_SENDER_ADDRESS, 4), .operation = IN_SET },
	[MATCH_ARP_SENDER] = { "arp saddr ip %n", HEADER(NETWORK, ARP_SENDER_ADDRESS, 4), .operation = IN_NETWORK },
	[MATCH_ARP_TARGET] = { "arp daddr ip %n", HEADER(NETWORK, ARP_TARGET_ADDRESS, 4), .operation = IN_NETWORK },
	[MATCH_ARP_NO_SENDER] = { "arp saddr ip 0.0.0.0", HEADER(NETWORK, ARP_SENDER_ADDRESS, 4) },
	[MATCH_LENGTHS] = { "meta length %t", META(NFT_META_LEN, 4), .operand = OPERAND_TYPES,
			    .type = NFT_TYPE_INTEGER },
	/* nft has no word for it before 1.0.9; the offset is in bits */
	[MATCH_ND_TARGET] = { "@th,64,128 0x%x", HEADER(TRANSPORT, ND_TARGET, 16), .operand = OPERAND_ADDRESS },
#endif
};

/* ---- what both writers ask ---- */

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

static uint8_t protocol_of(const struct rule *rule, const struct match *match)
{
	return rule->network ? rule->network->protocol : match->protocol;
}

static uint16_t port_of(const struct rule *rule, const struct match *match)
{
	return rule->network ? rule->network->port : match->port;
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

/* The first bits of an address, the others of which are 0. */
struct bits {
	const uint8_t *address;
	size_t count;
};

/* The network that a match means: its own, or the rule's prefix or network. */
static struct bits network_of(const struct rule *rule, const struct match *match)
{
	if (match->data)
		return (struct bits){ match_data(match), match->prefix_length };
	if (rule->prefix)
		return (struct bits){ rule->prefix->address, rule->prefix->prefix_length };
	return (struct bits){ rule->network->address.bytes, rule->network->prefix_length };
}

/* Whether the key's port is the packet's source port: the peer's own port in what it sends, ours in what it is sent. */
static bool key_port_is_source(const struct match *match)
{
	return match->far_port == (match_rows[match->kind].load == LOAD_SOURCE);
}

static size_t count_types(const struct match *match)
{
	size_t count = 1;
	while (count < ICMP_TYPES_MAX && match->types[count] != 0)
		count++;
	return count;
}

/*
 * The flow that a packet belongs to or, for an ICMP error, is about. The peer is the sender in the flow's reply
 * direction when we opened it, after any translation of addresses: what is on the wire; else in the original direction.
 */
static const struct flow_words {
	char direction[9];
	char port[10];
	uint8_t direction_number; /* enum ip_conntrack_dir */
	uint8_t port_key; /* enum nft_ct_keys */
} opened_by_us = { "reply", "proto-src", IP_CT_DIR_REPLY, NFT_CT_PROTO_SRC },
  opened_by_them = { "original", "proto-dst", IP_CT_DIR_ORIGINAL, NFT_CT_PROTO_DST };

static const struct flow_words *flow_words(const struct rule *rule, const struct match *match)
{
	bool ours = rule->network ? !rule->network->inbound : match->far_port;
	return ours ? &opened_by_us : &opened_by_them;
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

/* Whether every packet fits it, but for what the row needs. */
static bool fits_all(const struct rule *rule, const struct match *match)
{
	if (match->kind == MATCH_ARP_SENDER_OWN)
		return !macs_are_fixed(&rule->policy->links);
	if (match->kind == MATCH_FLOW_PORT)
		return rule->network->port == 0;
	return match_rows[match->kind].operation == IN_NETWORK && network_of(rule, match).count == 0;
}

/* ---- netlink ---- */

static const uint8_t zeros[16];

static void compare_payload(struct rule_builder *builder, uint32_t base, uint32_t offset, const void *data,
			    uint32_t length)
{
	expression_payload(builder, base, offset, length, NFT_REG_1);
	expression_compare(builder, NFT_CMP_EQ, data, length);
}

/* 0: none, a test for which is none as well. */
static uint8_t needed_protocol(const struct rule *rule, const struct match *match, uint8_t protocol)
{
	switch (protocol) {
	case PROTOCOL_OF_RULE:
		return protocol_of(rule, match);
	case PROTOCOL_OF_KEY:
		return (set_types[match->set].key & (KEY_PROTOCOL | KEY_PORT)) == KEY_PORT ? IPPROTO_TCP : 0;
	case IPPROTO_ICMP:
		return rule->family == IPV4 ? IPPROTO_ICMP : IPPROTO_ICMPV6;
	default:
		return protocol;
	}
}

static void build_needs(struct rule_builder *builder, const struct match *match, const struct match_row *row)
{
	static const uint8_t tag[] = { 0x81, 0x00 }; /* ETH_P_8021Q */
	static const uint8_t arp[] = { 0x08, 0x06 }; /* ETH_P_ARP */
	static const uint8_t arp_beginning[] = { 0, 1, 8, 0 }; /* hardware Ethernet, protocol IPv4 */
	if (row->needs & NEED_FAMILY)
		expression_need_family(builder);
	if (row->needs & NEED_ETHERNET)
		expression_need_ethernet(builder);
	if (row->protocol)
		expression_need_protocol(builder, needed_protocol(builder->source, match, row->protocol));
	if (row->needs & NEED_TAG)
		compare_payload(builder, NFT_PAYLOAD_LL_HEADER, ETHER_TYPE, tag, sizeof tag);
	if (row->needs & NEED_ARP) {
		expression_meta(builder, NFT_META_PROTOCOL, NFT_REG_1);
		expression_compare(builder, NFT_CMP_EQ, arp, sizeof arp);
		compare_payload(builder, NFT_PAYLOAD_NETWORK_HEADER, 0, arp_beginning, sizeof arp_beginning);
	}
}

static void load(struct rule_builder *builder, const struct match *match, uint8_t what, uint8_t at, size_t length,
		 uint32_t reg)
{
	const struct rule *rule = builder->source;
	const bool ipv4 = rule->family == IPV4;
	const struct flow_words *words = flow_words(rule, match);
	switch ((enum load)what) {
	case LOAD_SOURCE:
		what = LOAD_NETWORK;
		at = ipv4 ? IPV4_SOURCE : IPV6_SOURCE;
		break;
	case LOAD_DESTINATION:
		what = LOAD_NETWORK;
		at = ipv4 ? IPV4_DESTINATION : IPV6_DESTINATION;
		break;
	case LOAD_KEY_PORT:
		what = LOAD_TRANSPORT;
		at = key_port_is_source(match) ? SOURCE_PORT : DESTINATION_PORT;
		break;
	case LOAD_SOURCE_TYPE:
		expression_source_type(builder);
		return;
	case LOAD_META:
		expression_meta(builder, at, reg);
		return;
	case LOAD_CT:
		expression_ct(builder, at, -1, reg);
		return;
	case LOAD_FLOW_ADDRESS:
		expression_ct(builder, ipv4 ? NFT_CT_SRC_IP : NFT_CT_SRC_IP6, words->direction_number, reg);
		return;
	case LOAD_FLOW_PORT:
		expression_ct(builder, words->port_key, words->direction_number, reg);
		return;
	case LOAD_LINK:
	case LOAD_NETWORK:
	case LOAD_TRANSPORT:
		break;
	}
	expression_payload(builder, what, at, (uint32_t)length, reg);
}

/* What follows the address in the key of the match's set. */
static void load_rest_of_key(struct rule_builder *builder, const struct match *match, const struct match_row *row)
{
	static const struct {
		uint8_t key; /* KEY_ bit */
		uint8_t load, at; /* of the packet */
		uint8_t flow_load, flow_at; /* of the flow that it is about */
	} fields[] = {
		{ KEY_PROTOCOL, LOAD_META, NFT_META_L4PROTO, LOAD_CT, NFT_CT_PROTOCOL },
		{ KEY_PORT, LOAD_KEY_PORT, 0, LOAD_FLOW_PORT, 0 },
		{ KEY_INTERFACE, LOAD_META, NFT_META_IIF, LOAD_META, NFT_META_IIF },
	};
	const bool flow = row->load == LOAD_FLOW_ADDRESS;
	uint8_t key = set_types[match->set].key;
	uint32_t word = (uint32_t)family_address_length(builder->source->family) / 4;
	for (size_t i = 0; (key & KEY_ADDRESS) && i < sizeof fields / sizeof *fields; i++) {
		if (key & fields[i].key)
			load(builder, match, flow ? fields[i].flow_load : fields[i].load,
			     flow ? fields[i].flow_at : fields[i].at, 2, register_at(word++));
	}
}

/* Register 1, and what follows it, with the set of the match. */
static void use_set(struct rule_builder *builder, const struct match *match, uint8_t operation)
{
	char name[32];
	struct text text = TEXT_ON(name);
	set_name(&text, builder->prefix, (enum set_id)match->set, builder->source->family);
	if (operation == IN_SET || operation == NOT_IN_SET)
		expression_lookup(builder, name, operation == NOT_IN_SET);
	else
		expression_add_to_set(builder, name, set_types[match->set].learned, operation == COUNT_IN_SET,
				      operation == LIMIT_IN_SET);
}

/* Bytes to compare with, from the beginning. */
union bytes {
	uint8_t bytes[16];
	uint16_t ports[2];
	uint32_t words[ICMP_TYPES_MAX];
	char name[POLICY_INTERFACE_SIZE];
};

/* Fills one that is all zeros. Returns how many there are of the row's length. */
static size_t fill_operand(union bytes *operand, const struct rule *rule, const struct match *match,
			   const struct match_row *row)
{
	const size_t types = row->operand == OPERAND_TYPES ? count_types(match) : 1;
	struct port_pair pair;
	switch ((enum operand)row->operand) {
	case OPERAND_ROW:
		memcpy(operand->bytes, row->data, sizeof row->data);
		return row->type ? 3 : 1;
	case OPERAND_VALUE:
		operand->bytes[0] = match->value;
		break;
	case OPERAND_PROTOCOL:
		operand->bytes[0] = protocol_of(rule, match);
		break;
	case OPERAND_WORD:
	case OPERAND_BITS:
		operand->words[0] = match->value;
		break;
	case OPERAND_LOCAL:
		operand->words[0] = RTN_LOCAL;
		break;
	case OPERAND_TYPES:
		for (size_t i = 0; i < types; i++) {
			if (row->length == 1)
				operand->bytes[i] = match->types[i];
			else
				operand->words[i] = match->types[i];
		}
		break;
	case OPERAND_ADDRESS:
		memcpy(operand->bytes, network_of(rule, match).address, row->length);
		break;
	case OPERAND_INTERFACE:
		text_copy(operand->name, sizeof operand->name, rule->interface);
		break;
	case OPERAND_LENGTH:
		operand->words[0] = htonl(match->port);
		break;
	case OPERAND_PORT:
		operand->ports[0] = htons(port_of(rule, match));
		break;
	case OPERAND_PORTS:
		pair = ports_of(rule, match);
		operand->ports[0] = htons(pair.source);
		operand->ports[1] = htons(pair.destination);
		break;
	case OPERAND_VLAN:
		operand->ports[0] = htons(rule->vlan);
		break;
	}
	return types;
}

static void compare(struct rule_builder *builder, const struct match *match, const struct match_row *row)
{
	const enum ip_family family = builder->source->family;
	const uint32_t type = row->type == NFT_TYPE_ICMP_TYPE && family == IPV6 ? NFT_TYPE_ICMPV6_TYPE : row->type;
	union bytes operand = { .bytes = { 0 } };
	union bytes mask = { .bytes = { row->mask[0], row->mask[1] } };
	size_t count = fill_operand(&operand, builder->source, match, row);
	if (row->operand == OPERAND_BITS) {
		mask = operand;
		operand.words[0] = 0;
	}
	if (mask.bytes[0] || row->operand == OPERAND_BITS)
		expression_bitwise(builder, mask.bytes, zeros, row->length);
	if (row->operand == OPERAND_LENGTH) /* the kernel compares bytes */
		expression_to_network_order(builder);
	if (count == 1)
		expression_compare(builder, row->operation, operand.bytes, row->length);
	else
		expression_lookup_constant(builder, type, operand.bytes, count * row->length, row->length,
					   row->operation == DIFFERENT);
}

/* Register 1 holds an address; nft masks it only when the prefix ends within a byte. */
static void compare_network(struct rule_builder *builder, const struct match *match, const struct match_row *row,
			    size_t length)
{
	const struct bits network = network_of(builder->source, match);
	uint8_t mask[16] = { 0 };
	if (network.count % 8 == 0)
		length = network.count / 8;
	load(builder, match, row->load, row->at, length, NFT_REG_1);
	for (size_t bit = 0; bit < network.count; bit++)
		mask[bit / 8] |= (uint8_t)(0x80u >> bit % 8);
	if (network.count % 8)
		expression_bitwise(builder, mask, zeros, (uint32_t)length);
	expression_compare(builder, NFT_CMP_EQ, network.address, length);
}

static void write_ttl(struct rule_builder *builder, uint8_t ttl)
{
	const uint8_t mask[2] = { 0, 0xff };
	const uint8_t value[2] = { ttl, 0 };
	expression_bitwise(builder, mask, value, 2);
	expression_payload_write(builder, IPV4_TTL, 2, IPV4_CHECKSUM);
}

/* What is in register 1 is compared, written back or looked up. */
static void use_register(struct rule_builder *builder, const struct match *match, const struct match_row *row)
{
	if (row->operation <= AT_MOST) {
		compare(builder, match, row);
	} else if (row->operation == WRITE_TTL) {
		write_ttl(builder, match->value);
	} else {
		load_rest_of_key(builder, match, row);
		use_set(builder, match, row->operation);
	}
}

void match_build(struct rule_builder *builder, const struct match *match)
{
	const struct rule *rule = builder->source;
	const struct match_row *row = &match_rows[match->kind];
	size_t length = row->length ? row->length : family_address_length(rule->family);
	build_needs(builder, match, row);
	if (fits_all(rule, match) || row->operation == NOTHING)
		return;
	if (row->operation == IN_NETWORK) {
		compare_network(builder, match, row, length);
	} else if (row->operation == RATE_LIMIT) {
		expression_limit(builder, match->kind == MATCH_OVER_LIMIT);
	} else if (row->operation == WRITE_LOG) {
		expression_log(builder, rule->policy->log == LOG_GROUP ? rule->policy->log_group : -1);
	} else {
		load(builder, match, row->load, row->at, length, NFT_REG_1);
		use_register(builder, match, row);
	}
}

/* ---- text ---- */

static void print_states(struct text *text, uint8_t bits)
{
	static const struct {
		uint8_t bit;
		char word[12];
	} states[] = {
		{ NF_CT_STATE_BIT(IP_CT_ESTABLISHED), "established" },
		{ NF_CT_STATE_BIT(IP_CT_RELATED), "related" },
		{ CT_STATE_UNTRACKED, "untracked" },
	};
	const char *separator = "";
	for (size_t i = 0; i < sizeof states / sizeof *states; i++) {
		if (!(bits & states[i].bit))
			continue;
		text_addf(text, "%s%s", separator, states[i].word);
		separator = ",";
	}
}

static const struct {
	uint8_t family; /* enum ip_family */
	uint8_t type;
	char word[24];
} icmp_words[] = {
	{ IPV4, ICMP_ECHO_REPLY, "echo-reply" },
	{ IPV4, ICMP_ECHO_REQUEST, "echo-request" },
	{ IPV4, ICMP_UNREACHABLE, "destination-unreachable" },
	{ IPV4, ICMP_EXCEEDED, "time-exceeded" },
	{ IPV4, ICMP_PARAMETER, "parameter-problem" },
	{ IPV6, ICMPV6_UNREACHABLE, "destination-unreachable" },
	{ IPV6, ICMPV6_TOO_BIG, "packet-too-big" },
	{ IPV6, ICMPV6_EXCEEDED, "time-exceeded" },
	{ IPV6, ICMPV6_PARAMETER, "parameter-problem" },
	{ IPV6, ICMPV6_ECHO_REQUEST, "echo-request" },
	{ IPV6, ICMPV6_ECHO_REPLY, "echo-reply" },
	{ IPV6, MLD_QUERY, "mld-listener-query" },
	{ IPV6, MLD_REPORT, "mld-listener-report" },
	{ IPV6, MLD_DONE, "mld-listener-done" },
	{ IPV6, ND_ROUTER_SOLICIT, "nd-router-solicit" },
	{ IPV6, ND_ROUTER_ADVERT, "nd-router-advert" },
	{ IPV6, ND_NEIGHBOR_SOLICIT, "nd-neighbor-solicit" },
	{ IPV6, ND_NEIGHBOR_ADVERT, "nd-neighbor-advert" },
	{ IPV6, MLD2_REPORT, "mld2-listener-report" },
};

static void print_type(struct text *text, const struct rule *rule, const struct match *match, uint8_t type)
{
	for (size_t i = 0; match->kind == MATCH_ICMP_TYPES && i < sizeof icmp_words / sizeof *icmp_words; i++) {
		if (icmp_words[i].family == (uint8_t)rule->family && icmp_words[i].type == type) {
			text_add(text, icmp_words[i].word);
			return;
		}
	}
	text_addf(text, "%u", type);
}

static void print_types(struct text *text, const struct rule *rule, const struct match *match)
{
	size_t count = count_types(match);
	text_add(text, count > 1 ? "{ " : "");
	for (size_t i = 0; i < count; i++) {
		text_add(text, i > 0 ? ", " : "");
		print_type(text, rule, match, match->types[i]);
	}
	text_add(text, count > 1 ? " }" : "");
}

static void print_rest_of_key(struct text *text, const struct rule *rule, const struct match *match)
{
	uint8_t key = set_types[match->set].key;
	const char *port = key_port_is_source(match) ? "sport" : "dport";
	const struct flow_words *words = flow_words(rule, match);
	if (match->kind == MATCH_FLOW_IN_SET) {
		text_add(text, key & KEY_PROTOCOL ? " . ct protocol" : "");
		if (key & KEY_PORT)
			text_addf(text, " . ct %s %s", words->direction, words->port);
	} else if (key & KEY_PORT) {
		text_addf(text, " . %s %s", key & KEY_PROTOCOL ? "meta l4proto . th" : "tcp", port);
	}
}

static void print_network(struct text *text, const struct rule *rule, const struct match *match)
{
	struct bits network = network_of(rule, match);
	struct address address = { .family = family_number(rule->family) };
	memcpy(address.bytes, network.address, family_address_length(rule->family));
	address_format(&address, text);
	if (network.count < 8 * family_address_length(rule->family))
		text_addf(text, "/%zu", network.count);
}

void print_mac(struct text *text, const uint8_t mac[MAC_LENGTH])
{
	for (size_t i = 0; i < MAC_LENGTH; i++)
		text_addf(text, i > 0 ? ":%02x" : "%02x", mac[i]);
}

/* The words that a letter stands for. */
static const char *word_of(const struct rule *rule, const struct match *match, char letter)
{
	const bool ipv4 = rule->family == IPV4;
	switch (letter) {
	case 'F': /* family */
		return ip_word(rule->family);
	case 'M': /* a test of it */
		if (chain_types[rule->chain.id].table == TABLE_NETDEV)
			return ipv4 ? "meta protocol ip" : "meta protocol ip6";
		return ipv4 ? "meta nfproto ipv4" : "meta nfproto ipv6";
	case 'C': /* its ICMP */
		return ipv4 ? "icmp" : "icmpv6";
	case 'I': /* interface */
		return rule->interface;
	case 'P': /* protocol */
		return protocol_word(protocol_of(rule, match));
	case 'D': /* direction of the flow, and its port */
		return flow_words(rule, match)->direction;
	default: /* O */
		return flow_words(rule, match)->port;
	}
}

static void print_part(struct text *text, const struct rule *rule, const struct match *match, char letter)
{
	switch (letter) {
	case 'v': /* value */
		text_addf(text, "%u", match->value);
		break;
	case 'p': /* port, then source and destination port */
		text_addf(text, "%u", port_of(rule, match));
		break;
	case 'a':
		text_addf(text, "%u", ports_of(rule, match).source);
		break;
	case 'b':
		text_addf(text, "%u", ports_of(rule, match).destination);
		break;
	case 'w': /* VLAN id */
		text_addf(text, "%u", rule->vlan);
		break;
	case 's': /* set, and what is in its key beside the address */
		set_name(text, "", (enum set_id)match->set, rule->family);
		break;
	case 'k':
		print_rest_of_key(text, rule, match);
		break;
	case 'l': /* how long an element that is added stays */
		if (set_types[match->set].learned)
			text_addf(text, " timeout %um", set_types[match->set].learned);
		break;
	case 'n': /* network */
		print_network(text, rule, match);
		break;
	case 'x': /* address in digits */
		for (size_t i = 0; i < 16; i++)
			text_addf(text, "%02x", rule->prefix->address[i]);
		break;
	case 'm': /* MAC address */
		print_mac(text, match_data(match));
		break;
	case 'e': /* Ethernet type */
		text_addf(text, match->port == ETH_P_8021Q ? "8021q" : "0x%04x", match->port);
		break;
	case 'c': /* states of connection tracking */
		print_states(text, match->value);
		break;
	case 't': /* types */
		print_types(text, rule, match);
		break;
	case 'r': /* rate */
		text_addf(text, "limit rate %s%d/second burst %d packets",
			  match->kind == MATCH_OVER_LIMIT ? "over " : "", POLICY_DNS_RATE, POLICY_DNS_BURST);
		break;
	case 'g': /* where log lines go */
		if (rule->policy->log == LOG_GROUP)
			text_addf(text, "group %u", rule->policy->log_group);
		else
			text_add(text, "level info");
		break;
	}
}

void match_print(struct text *text, const struct rule *rule, const struct match *match)
{
	const struct match_row *row = &match_rows[match->kind];
	const char *at = row->text;
	if (fits_all(rule, match))
		at = row->needs & NEED_FAMILY ? "%M" : "";
	while (*at) {
		size_t plain = strcspn(at, "%");
		text_add_bytes(text, at, plain);
		at += plain;
		if (*at == '\0')
			break;
		if (at[1] <= 'Z')
			text_add(text, word_of(rule, match, at[1]));
		else
			print_part(text, rule, match, at[1]);
		at += 2;
	}
}
