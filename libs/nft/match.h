/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the rules are made of: one row per match kind of policy/policy.h, with a writer to netlink and a writer to nft's
 * text. Both produce what nft itself would, so that the text loads to the same rule and the kernel's rule lists as it.
 */
#ifndef NFT_MATCH_H
#define NFT_MATCH_H

#include <stdbool.h>

#include "base/text.h"
#include "nft/batch.h"
#include "policy/policy.h"

/* Eight matches with at most three expressions of 120 bytes. */
enum { RULE_EXPRESSIONS_SIZE = 3072 };

/* A rule on its way into a transaction. */
struct rule_builder {
	struct batch *batch; /* for the sets without a name that some matches need */
	const char *table;
	const char *prefix; /* of the names of the plan's sets and chains; "" but during probation */
	const struct rule *source; /* builder_start; NULL for rules that are not of the policy */
	/* The rule so far, collected apart because a set without a name has to be sent before its rule. */
	struct nlmsghdr *expressions; /* RULE_EXPRESSIONS_SIZE bytes of the caller, who need not clear them */
	bool family_known; /* the family has been tested already */
	bool ethernet_known; /* so has the link's type */
	uint8_t protocol_known; /* 0, or the protocol that has been tested */
	uint64_t constants; /* digests of the elements of its sets without a name */
	int error; /* -EMSGSIZE once there was no room for an expression */
};

/* Begins another rule. */
void builder_start(struct rule_builder *builder, const struct rule *source);

/* The two writers: expressions to the end of the builder's rule; nft's notation, empty where every packet fits. */
void match_build(struct rule_builder *builder, const struct match *match);
void match_print(struct text *text, const struct rule *rule, const struct match *match);

/* The set's name with its family's digit: "server4". */
void set_name(struct text *text, const char *prefix, enum set_id set, enum ip_family family);

/* "02:00:00:00:00:01" */
void print_mac(struct text *text, const uint8_t mac[MAC_LENGTH]);

/* Data types of set keys as nft numbers them (include/datatype.h), so that its listing names them. */
enum nft_data_type {
	NFT_TYPE_INTEGER = 4,
	NFT_TYPE_IPV4_ADDRESS = 7,
	NFT_TYPE_IPV6_ADDRESS = 8,
	NFT_TYPE_ETHER_ADDRESS = 9,
	NFT_TYPE_ETHER_TYPE = 10,
	NFT_TYPE_INET_PROTOCOL = 12,
	NFT_TYPE_INET_SERVICE = 13,
	NFT_TYPE_ICMP_TYPE = 14,
	NFT_TYPE_MARK = 19,
	NFT_TYPE_ICMPV6_TYPE = 29,
	NFT_TYPE_INTERFACE_INDEX = 20,
	NFT_TYPE_INTERFACE_NAME = 41,
	NFT_TYPE_BITS = 6, /* a concatenation's type is its fields', shifted so far and joined */
};

/* What log lines begin with. */
extern const char log_prefix[];

/* Expressions that rules end with. verdict: NF_ACCEPT, NF_DROP, or enum nft_verdicts with the chain that it needs. */
void build_counter(struct rule_builder *builder);
void build_verdict(struct rule_builder *builder, uint32_t verdict, const char *chain);

/* Whether the set has the element 0, which every packet finds until its time is over; in every family. */
void build_timer_test(struct rule_builder *builder, const char *set, bool inverted);

#endif
