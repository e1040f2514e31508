/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the kernel answers about tables, chains, sets, elements, rules and flowtables, with all that is made of it. The
 * readers are not for others: included.
 */
#include "../../libs/nft/table.c"

#include "netlink_message.h"

static void take_any_device(void *context, const char *device)
{
	*(size_t *)context += strlen(device);
}

static void take_any_constant(void *context, const char *name)
{
	*(size_t *)context += strlen(name);
}

static int take_any_table(const struct table_info *table, void *context)
{
	(void)context;
	(void)table_is_ours(table);
	return (int)strlen(table->name) + (int)strlen(table->comment);
}

static int take_any_chain(const struct chain_info *chain, void *context)
{
	size_t length = 0;
	(void)context;
	if (chain->base)
		chain_each_device(chain, take_any_device, &length);
	return (int)(length + strlen(chain->table) + strlen(chain->name));
}

static int take_any_rule(const struct rule_info *rule, void *context)
{
	struct rule_effect effect = rule_effect(rule);
	uint64_t digest = (uint64_t)effect.verdict;
	size_t length = 0;
	(void)context;
	if (rule->expressions)
		digest = digest_expressions(mnl_attr_get_payload(rule->expressions),
					    mnl_attr_get_payload_len(rule->expressions), take_any_constant, &length);
	return (int)(digest_rule(digest, rule->chain, rule->comment) + length);
}

static int take_any_set(const struct set_info *set, void *context)
{
	(void)context;
	return (int)strlen(set->name);
}

/* Never negative, so that all elements of a message are looked at. */
static int take_any_element(const struct element_info *element, void *context)
{
	(void)context;
	return (int)(digest_element(element->key, element->key_length) & 1);
}

static int take_any_flowtable(const struct flowtable_info *flowtable, void *context)
{
	(void)context;
	return (int)strlen(flowtable->name);
}

static void read_in_all_ways(const struct nlmsghdr *message)
{
	static const struct table_scope all = { .table = NULL };
	static const struct table_scope ours = { .table = "vrr_quarantine_table" };
	uint32_t generation = 0;
	struct query queries[] = {
		{ NFT_MSG_GETTABLE, &all, { .table = take_any_table }, NULL },
		{ NFT_MSG_GETCHAIN, &all, { .chain = take_any_chain }, NULL },
		{ NFT_MSG_GETSET, &ours, { .set = take_any_set }, NULL },
		{ NFT_MSG_GETSETELEM, &all, { .element = take_any_element }, NULL },
		{ NFT_MSG_GETRULE, &all, { .rule = take_any_rule }, NULL },
		{ NFT_MSG_GETFLOWTABLE, &all, { .flowtable = take_any_flowtable }, NULL },
		{ NFT_MSG_GETGEN, &all, { NULL }, &generation },
	};
	struct netlink_message parts;
	if (!netlink_take_apart(&parts, message, sizeof(struct nfgenmsg)))
		return;
	for (size_t i = 0; i < sizeof queries / sizeof *queries; i++)
		(void)take_message(&parts, &queries[i]);
}
