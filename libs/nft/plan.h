/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A policy as messages of a transaction, and as nft's text. */
#ifndef NFT_PLAN_H
#define NFT_PLAN_H

#include "base/text.h"
#include "nft/batch.h"
#include "nft/table.h"
#include "policy/policy.h"

/* All are about the family that the batch is set to. The plan's table; NLM_F_EXCL: nobody else's is joined. */
void plan_add_table(struct batch *batch, const struct policy *policy, enum table_id table);
void plan_delete_table(struct batch *batch, const char *name);

/*
 * The chains and rules of the plan's table, whose sets (nft/set.h) are there already. prefix: of the names of sets and
 * chains. probation: the set that holds an element while the plan counts; when it has none, all base chains accept;
 * NULL: the plan counts for good. led_to: as plan_add_lead has left it, NULL without an older quarantine.
 */
void plan_add_chains(struct batch *batch, const struct policy *policy, enum table_id table, const char *prefix,
		     const char *probation, const uint32_t *led_to);

/*
 * In front of an older base chain: while the set has its element, the chain of the plan for the same hook and the same
 * devices decides in its place. Without one it accepts everything: chains of the plan with hooks of their own decide,
 * or none, in a layer that the plan has not. led_to: for each link of the plan by its number, and in front of them for
 * the other chains, bits 1 << enum chain_id of those that an older one leads to; they get no hook.
 */
void plan_add_lead(struct batch *batch, const struct policy *policy, enum table_id table,
		   const struct chain_info *older, const char *prefix, const char *set, uint32_t *led_to);

/* NFTA_DEVICE_PREFIX of Linux 6.18 (linux/netfilter/nf_tables.h), which older headers lack. */
enum { PLAN_DEVICE_PREFIX = 2 };

/* The comments of rules that look into a probation's set, or into set_lasts. They are the first of their chains. */
extern const char plan_probation_comment[];
extern const char plan_lasts_comment[];

/* An element as nft prints it: "192.0.2.1 . tcp . 443". */
void plan_print_element(struct text *text, enum set_id set, enum ip_family family, const struct set_element *element);

/*
 * The tables as `nft -s list ruleset` prints them and `nft -f` reads them, without the chains on every device
 * (LAYER_LATER) and their set.
 */
void plan_print(const struct policy *policy, struct text *text);

/*
 * Tells one plan from another: of that text, whoever made it, when, and for how long. Never 0. Two that differ have the
 * same one in four billion: it is not for plans that somebody has made to be mistaken for each other.
 */
uint32_t plan_digest(const struct policy *policy);

#endif
