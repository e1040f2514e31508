/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the kernel answers about tables, chains, sets, rules and flowtables. The readers are not for others: included. */
#include "../../libs/nft/table.c"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count);

static int take_any_table(const struct table_info *table, void *context)
{
	(void)context;
	return (int)strlen(table->name) + (int)strlen(table->comment);
}

static int take_any_chain(const struct chain_info *chain, void *context)
{
	(void)context;
	return (int)strlen(chain->name);
}

static int take_any_rule(const struct rule_info *rule, void *context)
{
	(void)context;
	return (int)strlen(rule->chain) + (int)strlen(rule->comment);
}

static int take_any_name(const char *name, void *context)
{
	(void)context;
	return (int)strlen(name);
}

static void read_in_all_ways(const struct nlmsghdr *message)
{
	struct table_taker tables = { take_any_table, NULL };
	struct chain_taker chains = { "t", take_any_chain, NULL };
	struct set_taker sets = { "t", take_any_name, NULL };
	struct rule_taker rules = { take_any_rule, NULL };
	struct flowtable_info flowtable;
	uint32_t generation = 0;
	(void)take_table(message, &tables);
	(void)take_chain(message, &chains);
	(void)take_set(message, &sets);
	(void)take_rule(message, &rules);
	(void)take_generation(message, &generation);
	flowtable_parse(message, &flowtable);
}

/* The kernel's messages are at least as long as their fixed part, and padded. */
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count)
{
	enum { FIXED = NLMSG_LENGTH(sizeof(struct nfgenmsg)) };
	size_t length = count < FIXED ? FIXED : count;
	struct nlmsghdr *message = calloc(1, NLMSG_ALIGN(length));
	if (!message)
		return 0;
	memcpy(message, bytes, count);
	message->nlmsg_len = (uint32_t)length;
	read_in_all_ways(message);
	free(message);
	return 0;
}
