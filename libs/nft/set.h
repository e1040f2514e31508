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

/* A constant set without a name, of `count` one-byte keys of this nft data type. Returns its id for the lookup. */
uint32_t set_add_constant(struct batch *batch, const char *table, uint32_t data_type, const uint8_t *keys,
			  size_t count);

/* All sets of the plan with their elements; prefix as in struct rule_builder. */
void set_add_all(struct batch *batch, const struct policy *policy, const char *prefix);

/*
 * A set of families whose elements (IPv4, IPv6) disappear after this many milliseconds: while they are there, the rules
 * that look into it are on probation.
 */
void set_add_probation(struct batch *batch, const char *table, const char *name, uint64_t milliseconds);

/* Takes the elements away; once they have expired, the kernel refuses the transaction with -ENOENT. */
void set_delete_probation(struct batch *batch, const char *table, const char *name);

#endif
