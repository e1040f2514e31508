/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Sets and their elements as messages of a transaction. */
#ifndef NFT_SET_H
#define NFT_SET_H

#include <stddef.h>
#include <stdint.h>

#include "nft/batch.h"
#include "policy/policy.h"

/* The name that sets without a name bear until the kernel puts a number in. */
extern const char set_constant_name[];

/*
 * A constant set without a name, of keys of this nft data type and length; length: of all keys together, in bytes.
 * Returns its id for the lookup.
 */
uint32_t set_add_constant(struct batch *batch, const char *table, uint32_t data_type, const void *keys, size_t length,
			  size_t key_length);

/* All sets of the plan's table with their elements; prefix as in struct rule_builder. */
void set_add_all(struct batch *batch, const struct policy *policy, enum table_id table, const char *prefix);

/*
 * The names of such sets as the next one makes: of a policy that does not last for ever; of a plan on probation; of an
 * older quarantine that has one beside it.
 */
extern const char set_lasts[];
extern const char set_probation[];
extern const char set_beside[];

/* A set whose one element, 0, disappears after this many milliseconds: until then a probation or a quarantine lasts. */
void set_add_timer(struct batch *batch, const char *table, const char *name, uint64_t milliseconds);

/* Takes the element away; once it has expired, the kernel refuses the transaction with -ENOENT. */
void set_delete_timer(struct batch *batch, const char *table, const char *name);

#endif
