/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "nft/expression.h"

#include <errno.h>
#include <netinet/in.h>

#include <linux/if_arp.h>
#include <linux/if_ether.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>

#include "netlink/message.h"
#include "nft/seal.h"
#include "nft/set.h"

/* One expression: the longest are those with the name of a set or chain, which the plan keeps below 64 bytes. */
enum { EXPRESSION_ROOM = 256 };

const char log_prefix[] = "quarantine: ";

uint32_t register_at(uint32_t word)
{
	return word % 4 == 0 ? NFT_REG_1 + word / 4 : NFT_REG32_00 + word;
}

/* One that is being written: the list that it goes to, and its attribute there. */
struct expression {
	struct nlmsghdr *list;
	struct nlattr *whole;
};

/* Forgets the expressions. */
static void clear(struct rule_builder *builder)
{
	(void)mnl_nlmsg_put_header(builder->expressions);
	builder->constants = 0;
}

static struct expression begin(struct rule_builder *builder, uint16_t attribute, const char *name)
{
	struct nlmsghdr *list = builder->expressions;
	if (list->nlmsg_len > RULE_EXPRESSIONS_SIZE - EXPRESSION_ROOM) {
		builder->error = -EMSGSIZE;
		clear(builder);
	}
	struct expression expression = { list, mnl_attr_nest_start(list, attribute) };
	mnl_attr_put_strz(list, NFTA_EXPR_NAME, name);
	(void)mnl_attr_nest_start(list, NFTA_EXPR_DATA);
	return expression;
}

static void end(struct expression expression)
{
	struct nlattr *name = mnl_attr_get_payload(expression.whole);
	mnl_attr_nest_end(expression.list, mnl_attr_next(name)); /* the parameters */
	mnl_attr_nest_end(expression.list, expression.whole);
}

/* By hand: most attributes of a plan are these, and each would cost four calls. */
void put_u32(struct nlmsghdr *message, uint16_t attribute, uint32_t value)
{
	struct {
		struct nlattr header;
		uint32_t value;
	} *number = mnl_nlmsg_get_payload_tail(message);
	number->header = (struct nlattr){ .nla_len = sizeof *number, .nla_type = attribute };
	number->value = htonl(value);
	message->nlmsg_len += sizeof *number;
}

static void put_data(struct nlmsghdr *list, uint16_t attribute, const void *data, size_t length)
{
	struct nlattr *nest = mnl_attr_nest_start(list, attribute);
	mnl_attr_put(list, NFTA_DATA_VALUE, length, data);
	mnl_attr_nest_end(list, nest);
}

void builder_start(struct rule_builder *builder, const struct rule *source)
{
	builder->source = source;
	builder->family_known = false;
	builder->ethernet_known = false;
	builder->protocol_known = 0;
	builder->error = 0;
	clear(builder);
}

void expression_meta(struct rule_builder *builder, uint32_t key, uint32_t reg)
{
	struct expression meta = begin(builder, NFTA_LIST_ELEM, "meta");
	put_u32(meta.list, NFTA_META_KEY, key);
	put_u32(meta.list, NFTA_META_DREG, reg);
	end(meta);
}

static void put_range(struct nlmsghdr *list, uint32_t base, uint32_t offset, uint32_t length)
{
	put_u32(list, NFTA_PAYLOAD_BASE, base);
	put_u32(list, NFTA_PAYLOAD_OFFSET, offset);
	put_u32(list, NFTA_PAYLOAD_LEN, length);
}

void expression_payload(struct rule_builder *builder, uint32_t base, uint32_t offset, uint32_t length, uint32_t reg)
{
	struct expression payload = begin(builder, NFTA_LIST_ELEM, "payload");
	put_range(payload.list, base, offset, length);
	put_u32(payload.list, NFTA_PAYLOAD_DREG, reg);
	end(payload);
}

void expression_payload_write(struct rule_builder *builder, uint32_t offset, uint32_t length, uint32_t checksum_offset)
{
	struct expression payload = begin(builder, NFTA_LIST_ELEM, "payload");
	put_range(payload.list, NFT_PAYLOAD_NETWORK_HEADER, offset, length);
	put_u32(payload.list, NFTA_PAYLOAD_SREG, NFT_REG_1);
	put_u32(payload.list, NFTA_PAYLOAD_CSUM_TYPE, NFT_PAYLOAD_CSUM_INET);
	put_u32(payload.list, NFTA_PAYLOAD_CSUM_OFFSET, checksum_offset);
	end(payload);
}

void expression_compare(struct rule_builder *builder, uint32_t operator, const void *data, size_t length)
{
	struct expression compare = begin(builder, NFTA_LIST_ELEM, "cmp");
	put_u32(compare.list, NFTA_CMP_SREG, NFT_REG_1);
	put_u32(compare.list, NFTA_CMP_OP, operator);
	put_data(compare.list, NFTA_CMP_DATA, data, length);
	end(compare);
}

void expression_bitwise(struct rule_builder *builder, const void *mask, const void *xor, uint32_t length)
{
	struct expression bitwise = begin(builder, NFTA_LIST_ELEM, "bitwise");
	put_u32(bitwise.list, NFTA_BITWISE_SREG, NFT_REG_1);
	put_u32(bitwise.list, NFTA_BITWISE_DREG, NFT_REG_1);
	put_u32(bitwise.list, NFTA_BITWISE_LEN, length);
	put_data(bitwise.list, NFTA_BITWISE_MASK, mask, length);
	put_data(bitwise.list, NFTA_BITWISE_XOR, xor, length);
	end(bitwise);
}

void expression_to_network_order(struct rule_builder *builder)
{
	struct expression byteorder = begin(builder, NFTA_LIST_ELEM, "byteorder");
	put_u32(byteorder.list, NFTA_BYTEORDER_SREG, NFT_REG_1);
	put_u32(byteorder.list, NFTA_BYTEORDER_DREG, NFT_REG_1);
	put_u32(byteorder.list, NFTA_BYTEORDER_OP, NFT_BYTEORDER_HTON);
	put_u32(byteorder.list, NFTA_BYTEORDER_LEN, 4);
	put_u32(byteorder.list, NFTA_BYTEORDER_SIZE, 4);
	end(byteorder);
}

/* set_id: of a set without a name of this transaction, else 0. */
static void put_lookup(struct rule_builder *builder, const char *set, uint32_t set_id, bool inverted)
{
	struct expression lookup = begin(builder, NFTA_LIST_ELEM, "lookup");
	mnl_attr_put_strz(lookup.list, NFTA_LOOKUP_SET, set);
	if (set_id)
		put_u32(lookup.list, NFTA_LOOKUP_SET_ID, set_id);
	put_u32(lookup.list, NFTA_LOOKUP_SREG, NFT_REG_1);
	if (inverted)
		put_u32(lookup.list, NFTA_LOOKUP_FLAGS, NFT_LOOKUP_F_INV);
	end(lookup);
}

void expression_lookup(struct rule_builder *builder, const char *set, bool inverted)
{
	put_lookup(builder, set, 0, inverted);
}

void expression_lookup_constant(struct rule_builder *builder, uint32_t data_type, const void *keys, size_t length,
				size_t key_length, bool inverted)
{
	uint32_t set_id = set_add_constant(builder->batch, builder->table, data_type, keys, length, key_length);
	for (const uint8_t *key = keys; key < (const uint8_t *)keys + length; key += key_length)
		builder->constants += digest_element(key, key_length);
	put_lookup(builder, set_constant_name, set_id, inverted);
}

void expression_source_type(struct rule_builder *builder)
{
	struct expression fib = begin(builder, NFTA_LIST_ELEM, "fib");
	put_u32(fib.list, NFTA_FIB_DREG, NFT_REG_1);
	put_u32(fib.list, NFTA_FIB_RESULT, NFT_FIB_RESULT_ADDRTYPE);
	put_u32(fib.list, NFTA_FIB_FLAGS, NFTA_FIB_F_SADDR);
	end(fib);
}

void expression_ct(struct rule_builder *builder, uint32_t key, int direction, uint32_t reg)
{
	struct expression ct = begin(builder, NFTA_LIST_ELEM, "ct");
	put_u32(ct.list, NFTA_CT_KEY, key);
	put_u32(ct.list, NFTA_CT_DREG, reg);
	if (direction >= 0)
		mnl_attr_put_u8(ct.list, NFTA_CT_DIRECTION, (uint8_t)direction);
	end(ct);
}

static void put_limit(struct rule_builder *builder, uint16_t attribute, bool over)
{
	struct expression limit = begin(builder, attribute, "limit");
	netlink_put_network_u64(limit.list, NFTA_LIMIT_RATE, POLICY_DNS_RATE);
	netlink_put_network_u64(limit.list, NFTA_LIMIT_UNIT, 1); /* second */
	put_u32(limit.list, NFTA_LIMIT_BURST, POLICY_DNS_BURST);
	put_u32(limit.list, NFTA_LIMIT_TYPE, NFT_LIMIT_PKTS);
	put_u32(limit.list, NFTA_LIMIT_FLAGS, over ? NFT_LIMIT_F_INV : 0);
	end(limit);
}

void expression_limit(struct rule_builder *builder, bool over)
{
	put_limit(builder, NFTA_LIST_ELEM, over);
}

static void put_counter(struct rule_builder *builder, uint16_t attribute)
{
	end(begin(builder, attribute, "counter"));
}

void expression_add_to_set(struct rule_builder *builder, const char *set, uint32_t minutes, bool counter, bool limit)
{
	struct expression dynset = begin(builder, NFTA_LIST_ELEM, "dynset");
	mnl_attr_put_strz(dynset.list, NFTA_DYNSET_SET_NAME, set);
	put_u32(dynset.list, NFTA_DYNSET_OP, counter || limit ? NFT_DYNSET_OP_UPDATE : NFT_DYNSET_OP_ADD);
	put_u32(dynset.list, NFTA_DYNSET_SREG_KEY, NFT_REG_1);
	if (minutes)
		netlink_put_network_u64(dynset.list, NFTA_DYNSET_TIMEOUT, minutes * 60000ull);
	if (counter)
		put_counter(builder, NFTA_DYNSET_EXPR);
	if (limit)
		put_limit(builder, NFTA_DYNSET_EXPR, false);
	end(dynset);
}

void expression_log(struct rule_builder *builder, int32_t group)
{
	struct expression log = begin(builder, NFTA_LIST_ELEM, "log");
	mnl_attr_put_strz(log.list, NFTA_LOG_PREFIX, log_prefix);
	if (group < 0)
		put_u32(log.list, NFTA_LOG_LEVEL, NFT_LOGLEVEL_INFO);
	else
		mnl_attr_put_u16(log.list, NFTA_LOG_GROUP, htons((uint16_t)group));
	end(log);
}

void expression_need_family(struct rule_builder *builder)
{
	if (builder->family_known)
		return;
	builder->family_known = true;
	uint8_t family = family_number(builder->source->family);
	uint16_t type = htons(builder->source->family == IPV4 ? ETH_P_IP : ETH_P_IPV6);
	bool netdev = chain_types[builder->source->chain.id].table == TABLE_NETDEV;
	expression_meta(builder, netdev ? NFT_META_PROTOCOL : NFT_META_NFPROTO, NFT_REG_1);
	if (netdev)
		expression_compare(builder, NFT_CMP_EQ, &type, sizeof type);
	else
		expression_compare(builder, NFT_CMP_EQ, &family, sizeof family);
}

void expression_need_ethernet(struct rule_builder *builder)
{
	uint16_t type = ARPHRD_ETHER; /* host byte order */
	if (builder->ethernet_known)
		return;
	builder->ethernet_known = true;
	expression_meta(builder, NFT_META_IIFTYPE, NFT_REG_1);
	expression_compare(builder, NFT_CMP_EQ, &type, sizeof type);
}

void expression_need_protocol(struct rule_builder *builder, uint8_t protocol)
{
	if (builder->protocol_known == protocol || protocol == 0)
		return;
	builder->protocol_known = protocol;
	expression_meta(builder, NFT_META_L4PROTO, NFT_REG_1);
	expression_compare(builder, NFT_CMP_EQ, &protocol, sizeof protocol);
}

void build_counter(struct rule_builder *builder)
{
	put_counter(builder, NFTA_LIST_ELEM);
}

void build_verdict(struct rule_builder *builder, uint32_t verdict, const char *chain)
{
	struct nlmsghdr *list = builder->expressions;
	struct expression immediate = begin(builder, NFTA_LIST_ELEM, "immediate");
	put_u32(immediate.list, NFTA_IMMEDIATE_DREG, NFT_REG_VERDICT);
	struct nlattr *data = mnl_attr_nest_start(list, NFTA_IMMEDIATE_DATA);
	struct nlattr *nest = mnl_attr_nest_start(list, NFTA_DATA_VERDICT);
	put_u32(immediate.list, NFTA_VERDICT_CODE, verdict);
	if (chain)
		mnl_attr_put_strz(immediate.list, NFTA_VERDICT_CHAIN, chain);
	mnl_attr_nest_end(list, nest);
	mnl_attr_nest_end(list, data);
	end(immediate);
}

void build_timer_test(struct rule_builder *builder, const char *set, bool inverted)
{
	static const uint32_t zero = 0;
	expression_meta(builder, NFT_META_MARK, NFT_REG_1);
	expression_bitwise(builder, &zero, &zero, sizeof zero);
	expression_lookup(builder, set, inverted);
}
