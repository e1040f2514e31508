/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "nft/blocking.h"

#include <errno.h>
#include <string.h>

#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>

#include "base/text.h"

enum {
	TRIES_MAX = 5, /* while others change the rule set */
	NAME_COLUMNS = 30,
};

/* Chains say nothing of their table's flags, so the tables come first. */
struct search {
	struct blocking *blocking;
	size_t dormant_count;
	struct {
		uint8_t family;
		char name[64];
	} dormant[BLOCKING_LISTED_MAX];
};

static int note_dormant(const struct table_info *table, void *context)
{
	struct search *search = context;
	if (!(table->flags & NFT_TABLE_F_DORMANT) || search->dormant_count == BLOCKING_LISTED_MAX)
		return 0;
	search->dormant[search->dormant_count].family = table->family;
	text_copy(search->dormant[search->dormant_count++].name, sizeof search->dormant[0].name, table->name);
	return 0;
}

static bool is_dormant(const struct search *search, const struct chain_info *chain)
{
	for (size_t i = 0; i < search->dormant_count; i++) {
		if (search->dormant[i].family == chain->family && strcmp(search->dormant[i].name, chain->table) == 0)
			return true;
	}
	return false;
}

static int note_chain(const struct chain_info *chain, void *context)
{
	const struct search *search = context;
	struct blocking *blocking = search->blocking;
	if (!chain->drops || is_dormant(search, chain) || blocking->count++ >= BLOCKING_LISTED_MAX)
		return 0;
	struct text text = TEXT_ON(blocking->chains[blocking->count - 1]);
	text_addf(&text, "%s %.*s, chain %s", table_family_word(chain->family), NAME_COLUMNS, chain->table,
		  chain->name);
	return 0;
}

int blocking_find(struct netlink *netlink, struct blocking *blocking, struct diag *diag)
{
	const struct table_scope all = { .netlink = netlink, .diag = diag };
	int result = -EINTR;
	for (int tries = 0; tries < TRIES_MAX && result == -EINTR; tries++) {
		struct search search = { .blocking = blocking };
		*blocking = (struct blocking){ .count = 0 };
		result = table_each(netlink, note_dormant, &search, diag);
		if (result == 0)
			result = chain_each(&all, note_chain, &search);
	}
	return result;
}
