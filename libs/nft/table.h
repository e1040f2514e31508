/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What tables and chains the kernel holds. */
#ifndef NFT_TABLE_H
#define NFT_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/diag.h"
#include "netlink/socket.h"
#include "nft/seal.h"
#include "policy/policy.h"

/* What is listed of the rule set, and where diagnostics go. */
struct table_scope {
	struct netlink *netlink;
	struct diag *diag;
	const char *table; /* NULL: all */
	uint8_t family; /* NFPROTO_*; NFPROTO_UNSPEC: all */
};

struct table_info {
	uint8_t family; /* NFPROTO_* */
	bool sealed;
	uint32_t flags; /* enum nft_table_flags */
	const char *name; /* valid while the table is visited, or as long as the scope's */
	struct table_seal seal;
	char comment[129]; /* as nft keeps it in the user data; "" for none */
};

/* nft's word for a family: "inet"; "?" for one that it does not know. */
const char *table_family_word(uint8_t family);

/*
 * An option's value that names a table which is there: any name that the kernel takes, unlike those that we give
 * (policy_table_name_check). field: const char *, see base/option.h.
 */
int table_option(void *field, const char *value, struct diag *diag);

/* Whether the comment says that the table is ours. */
bool table_is_ours(const struct table_info *table);

/*
 * The generation number of the rule set, to plan a transaction on. -EPROTONOSUPPORT or -EOPNOTSUPP and the like with a
 * diagnostic when this kernel has no nf_tables.
 */
int nft_generation(struct netlink *netlink, uint32_t *generation, struct diag *diag);

/* Hands every table of every family to `take`, until it returns negative. Returns that, 0, or -errno. */
int table_each(struct netlink *netlink, int (*take)(const struct table_info *table, void *context), void *context,
	       struct diag *diag);

/* Looks up the one table that the scope names. 1: it is there; 0: it is not; -errno. */
int table_find(const struct table_scope *scope, struct table_info *table);

/* The pointers in what is handed to `take`, from here on, are valid until it returns. */

struct chain_info {
	uint8_t family; /* NFPROTO_* */
	const char *table;
	const char *name;
	bool base; /* hooked */
	bool drops; /* a base chain whose policy is drop */
	bool nat; /* of type nat: translates, decides nothing */
	uint32_t hook; /* enum nf_inet_hooks; of base chains only */
	int32_t priority;
	const struct nlattr *hook_attribute; /* for chain_each_device; NULL: not a base chain */
};

/*
 * Hands each device that a chain of family netdev is hooked on to `take`. The beginning of names ends in '/', which no
 * name of a device has; that of all is EVERY_DEVICE.
 */
#define EVERY_DEVICE "/"
void chain_each_device(const struct chain_info *chain, void (*take)(void *context, const char *device), void *context);

struct set_info {
	const char *name; /* sets without one of their own are "__set0" and so on */
	uint32_t flags; /* enum nft_set_flags */
	bool sealed; /* else the seal holds nothing */
	struct set_seal seal;
};

/* Hands every set of the table to `take`. A table that is not there has none. */
int set_each(const struct table_scope *scope, int (*take)(const struct set_info *set, void *context), void *context);

struct element_info {
	const uint8_t *key;
	size_t key_length;
	uint64_t expires; /* ms from now; 0: never */
	uint64_t packets; /* of its counter */
};

/* Hands every element of the set to `take`. A set that is not there has none. */
int element_each(const struct table_scope *scope, const char *set,
		 int (*take)(const struct element_info *element, void *context), void *context);

struct rule_info {
	const char *chain;
	const char *comment; /* "" for none */
	uint64_t handle;
	bool sealed; /* else the seal holds nothing */
	struct rule_seal seal;
	const struct nlattr *expressions; /* NULL: none */
};

/* What a rule does and has done. */
struct rule_effect {
	uint64_t packets; /* of its counter */
	uint64_t bytes;
	int32_t verdict; /* NF_ACCEPT, NF_DROP or enum nft_verdicts; NFT_CONTINUE when it has none */
};

struct rule_effect rule_effect(const struct rule_info *rule);

/* Hands every rule of the table to `take`, chain by chain, in order. */
int rule_each(const struct table_scope *scope, int (*take)(const struct rule_info *rule, void *context), void *context);

struct flowtable_info {
	const char *name;
	bool hardware; /* it hands flows on to the network card, where no hook sees them */
};

/* Reads NFT_MSG_NEWFLOWTABLE as the kernel writes it. */
void flowtable_parse(const struct netlink_message *message, struct flowtable_info *flowtable);

/* Hands every flowtable of every family to `take`. Kernels without flowtables have none. */
int flowtable_each(struct netlink *netlink, int (*take)(const struct flowtable_info *flowtable, void *context),
		   void *context, struct diag *diag);

/* Hands every chain of the scope to `take`. */
int chain_each(const struct table_scope *scope, int (*take)(const struct chain_info *chain, void *context),
	       void *context);

#endif
