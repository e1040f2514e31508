/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A policy as messages of a transaction, and as nft's text. */
#ifndef NFT_PLAN_H
#define NFT_PLAN_H

#include "base/text.h"
#include "nft/batch.h"
#include "policy/policy.h"

/* A new table with its comment; the sets, chains and rules follow. NLM_F_EXCL: nobody else's table is joined. */
void plan_add_table(struct batch *batch, const char *name, const char *comment);
void plan_delete_table(struct batch *batch, uint8_t family, const char *name);

/* prefix: of the names of all sets and chains; hooked: as base chains with policy drop, else as chains to go to. */
void plan_add_contents(struct batch *batch, const struct policy *policy, const char *prefix, bool hooked);

/* A base chain with policy accept, at the hook and priority that the plan uses for this chain. */
void plan_add_base_chain(struct batch *batch, const char *table, const char *name, enum chain_id id, bool drop);

/* What the first rule of a chain does with packets while a probation lasts, or when it is over. */
enum probation_rule {
	PROBATION_GOTO, /* while it lasts they go to `target` */
	PROBATION_STAND_BACK, /* while it lasts they are accepted: another chain decides */
	PROBATION_OVER, /* when it is over they are accepted: as if the table were not there */
};

/* It lasts while the set has an element for a packet's family. The rule becomes the first of the chain. */
void plan_add_probation_rule(struct batch *batch, const char *table, const char *chain, const char *set,
			     enum probation_rule kind, const char *target, const char *comment);

/* The table as `nft -s list ruleset` prints it and `nft -f` reads it. */
void plan_print(const struct policy *policy, struct text *text);

#endif
