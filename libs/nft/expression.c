/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "nft/expression.h"

#include <errno.h>
#include <libnftnl/expr.h>
#include <netinet/in.h>
#include <string.h>

#include <linux/if_arp.h>
#include <linux/if_ether.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>

uint32_t register_at(uint32_t word)
{
	return word % 4 == 0 ? NFT_REG_1 + word / 4 : NFT_REG32_00 + word;
}

struct nftnl_expr *expression_add(struct rule_builder *builder, const char *name)
{
	struct nftnl_expr *expression = builder->error ? NULL : nftnl_expr_alloc(name);
	if (expression)
		nftnl_rule_add_expr(builder->rule, expression);
	else
		builder->error = -ENOMEM;
	return expression;
}

void expression_meta(struct rule_builder *builder, uint32_t key, uint32_t reg)
{
	struct nftnl_expr *expression = expression_add(builder, "meta");
	if (!expression)
		return;
	nftnl_expr_set_u32(expression, NFTNL_EXPR_META_KEY, key);
	nftnl_expr_set_u32(expression, NFTNL_EXPR_META_DREG, reg);
}

void expression_payload(struct rule_builder *builder, uint32_t base, uint32_t offset, uint32_t length, uint32_t reg)
{
	struct nftnl_expr *expression = expression_add(builder, "payload");
	if (!expression)
		return;
	nftnl_expr_set_u32(expression, NFTNL_EXPR_PAYLOAD_BASE, base);
	nftnl_expr_set_u32(expression, NFTNL_EXPR_PAYLOAD_OFFSET, offset);
	nftnl_expr_set_u32(expression, NFTNL_EXPR_PAYLOAD_LEN, length);
	nftnl_expr_set_u32(expression, NFTNL_EXPR_PAYLOAD_DREG, reg);
}

void expression_compare(struct rule_builder *builder, uint32_t operator, const void *data, uint32_t length)
{
	struct nftnl_expr *expression = expression_add(builder, "cmp");
	if (!expression)
		return;
	nftnl_expr_set_u32(expression, NFTNL_EXPR_CMP_SREG, NFT_REG_1);
	nftnl_expr_set_u32(expression, NFTNL_EXPR_CMP_OP, operator);
	if (nftnl_expr_set(expression, NFTNL_EXPR_CMP_DATA, data, length) < 0)
		builder->error = -ENOMEM;
}

void expression_bitwise(struct rule_builder *builder, const void *mask, const void *xor, uint32_t length)
{
	struct nftnl_expr *expression = expression_add(builder, "bitwise");
	if (!expression)
		return;
	nftnl_expr_set_u32(expression, NFTNL_EXPR_BITWISE_SREG, NFT_REG_1);
	nftnl_expr_set_u32(expression, NFTNL_EXPR_BITWISE_DREG, NFT_REG_1);
	nftnl_expr_set_u32(expression, NFTNL_EXPR_BITWISE_LEN, length);
	if (nftnl_expr_set(expression, NFTNL_EXPR_BITWISE_MASK, mask, length) < 0 ||
	    nftnl_expr_set(expression, NFTNL_EXPR_BITWISE_XOR, xor, length) < 0)
		builder->error = -ENOMEM;
}

struct nftnl_expr *expression_lookup(struct rule_builder *builder, const char *set, uint32_t id)
{
	struct nftnl_expr *expression = expression_add(builder, "lookup");
	if (!expression)
		return NULL;
	nftnl_expr_set_u32(expression, NFTNL_EXPR_LOOKUP_SREG, NFT_REG_1);
	if (nftnl_expr_set_str(expression, NFTNL_EXPR_LOOKUP_SET, set) < 0)
		builder->error = -ENOMEM;
	if (id)
		nftnl_expr_set_u32(expression, NFTNL_EXPR_LOOKUP_SET_ID, id);
	return expression;
}

void expression_ct(struct rule_builder *builder, uint32_t key, int direction, uint32_t reg)
{
	struct nftnl_expr *expression = expression_add(builder, "ct");
	if (!expression)
		return;
	nftnl_expr_set_u32(expression, NFTNL_EXPR_CT_KEY, key);
	nftnl_expr_set_u32(expression, NFTNL_EXPR_CT_DREG, reg);
	if (direction >= 0)
		nftnl_expr_set_u8(expression, NFTNL_EXPR_CT_DIR, (uint8_t)direction);
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
	if (builder->protocol_known == protocol)
		return;
	builder->protocol_known = protocol;
	expression_meta(builder, NFT_META_L4PROTO, NFT_REG_1);
	expression_compare(builder, NFT_CMP_EQ, &protocol, sizeof protocol);
}

void build_counter(struct rule_builder *builder)
{
	(void)expression_add(builder, "counter");
}

static void add_verdict(struct rule_builder *builder, uint32_t verdict, const char *chain)
{
	struct nftnl_expr *expression = expression_add(builder, "immediate");
	if (!expression)
		return;
	nftnl_expr_set_u32(expression, NFTNL_EXPR_IMM_DREG, NFT_REG_VERDICT);
	nftnl_expr_set_u32(expression, NFTNL_EXPR_IMM_VERDICT, verdict);
	if (chain && nftnl_expr_set_str(expression, NFTNL_EXPR_IMM_CHAIN, chain) < 0)
		builder->error = -ENOMEM;
}

void build_verdict(struct rule_builder *builder, enum verdict verdict)
{
	add_verdict(builder, verdict == VERDICT_ACCEPT ? NF_ACCEPT : NF_DROP, NULL);
}

void build_probation_test(struct rule_builder *builder, const char *set, bool inverted)
{
	static const uint32_t zero = 0;
	expression_meta(builder, NFT_META_MARK, NFT_REG_1);
	expression_bitwise(builder, &zero, &zero, sizeof zero);
	struct nftnl_expr *lookup = expression_lookup(builder, set, 0);
	if (lookup && inverted)
		nftnl_expr_set_u32(lookup, NFTNL_EXPR_LOOKUP_FLAGS, NFT_LOOKUP_F_INV);
}

void build_goto(struct rule_builder *builder, const char *chain)
{
	add_verdict(builder, (uint32_t)NFT_GOTO, chain);
}
