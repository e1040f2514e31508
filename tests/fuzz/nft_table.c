/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the kernel answers about tables, chains, sets, rules and flowtables. The readers are not for others: included. */
#include "../../libs/nft/table.c"

#include "netlink_message.h"

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
