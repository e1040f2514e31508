/* SPDX-License-Identifier: GPL-2.0-or-later */
/* nf_tables expressions as functions: each appends one to the builder's rule; failures end up in builder->error. */
#ifndef NFT_EXPRESSION_H
#define NFT_EXPRESSION_H

#include <stddef.h>
#include <stdint.h>

#include "nft/match.h"

/* The register that begins at this 4-byte word of the data registers, as nft numbers them. */
uint32_t register_at(uint32_t word);

/* An expression of this name, already part of the rule; NULL (error set) when there is no memory. */
struct nftnl_expr *expression_add(struct rule_builder *builder, const char *name);

void expression_meta(struct rule_builder *builder, uint32_t key, uint32_t reg);
void expression_payload(struct rule_builder *builder, uint32_t base, uint32_t offset, uint32_t length, uint32_t reg);
/* operator: enum nft_cmp_ops; compares register 1 */
void expression_compare(struct rule_builder *builder, uint32_t operator, const void *data, uint32_t length);
/* register 1 = register 1 & mask ^ xor */
void expression_bitwise(struct rule_builder *builder, const void *mask, const void *xor, uint32_t length);
/* register 1 and what follows it, in the named set; id: of a set without a name in this transaction, else 0 */
struct nftnl_expr *expression_lookup(struct rule_builder *builder, const char *set, uint32_t id);
/* direction: -1 for none, else enum ip_conntrack_dir */
void expression_ct(struct rule_builder *builder, uint32_t key, int direction, uint32_t reg);

/* nft adds these tests by itself where a header is looked into; once per rule. */
void expression_need_family(struct rule_builder *builder);
void expression_need_ethernet(struct rule_builder *builder);
void expression_need_protocol(struct rule_builder *builder, uint8_t protocol);

#endif
