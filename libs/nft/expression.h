/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * nf_tables expressions as functions: each appends one to the builder's rule, as the attributes that the kernel reads
 * (linux/netfilter/nf_tables.h). One that has no room is left out, and builder->error says so.
 */
#ifndef NFT_EXPRESSION_H
#define NFT_EXPRESSION_H

#include <stddef.h>
#include <stdint.h>

#include "nft/match.h"

/* The register that begins at this 4-byte word of the data registers, as nft numbers them. */
uint32_t register_at(uint32_t word);

/* An attribute with a number, in network byte order, for any message. */
void put_u32(struct nlmsghdr *message, uint16_t attribute, uint32_t value);

void expression_meta(struct rule_builder *builder, uint32_t key, uint32_t reg);
void expression_payload(struct rule_builder *builder, uint32_t base, uint32_t offset, uint32_t length, uint32_t reg);
/* Writes register 1 into the network header and corrects the Internet checksum at the other offset. */
void expression_payload_write(struct rule_builder *builder, uint32_t offset, uint32_t length, uint32_t checksum_offset);
/* operator: enum nft_cmp_ops; compares register 1 */
void expression_compare(struct rule_builder *builder, uint32_t operator, const void *data, size_t length);
/* register 1 = register 1 & mask ^ xor */
void expression_bitwise(struct rule_builder *builder, const void *mask, const void *xor, uint32_t length);
/* register 1 from host to network byte order, 4 bytes */
void expression_to_network_order(struct rule_builder *builder);
/* register 1 and what follows it, in the named set or, when inverted, not in it */
void expression_lookup(struct rule_builder *builder, const char *set, bool inverted);
/* the same in a new set without a name; arguments as of set_add_constant */
void expression_lookup_constant(struct rule_builder *builder, uint32_t data_type, const void *keys, size_t length,
				size_t key_length, bool inverted);
/* register 1 = type of the packet's source address, enum RTN_ of linux/rtnetlink.h, host byte order */
void expression_source_type(struct rule_builder *builder);
/* direction: -1 for none, else enum ip_conntrack_dir */
void expression_ct(struct rule_builder *builder, uint32_t key, int direction, uint32_t reg);
/* POLICY_DNS_RATE; over: fits what is beyond it */
void expression_limit(struct rule_builder *builder, bool over);
/*
 * Adds register 1 and what follows it to the named set, for that many minutes; 0: for good. With a counter or a limit
 * for each element again and again.
 */
void expression_add_to_set(struct rule_builder *builder, const char *set, uint32_t minutes, bool counter, bool limit);
/* group: of nfnetlink_log; negative: the kernel's own log */
void expression_log(struct rule_builder *builder, int32_t group);

/* nft adds these tests by itself where a header is looked into; once per rule. protocol: 0 for none */
void expression_need_family(struct rule_builder *builder);
void expression_need_ethernet(struct rule_builder *builder);
void expression_need_protocol(struct rule_builder *builder, uint8_t protocol);

#endif
