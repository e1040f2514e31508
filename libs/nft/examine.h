/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What is in force, read back from the kernel: each chain, rule and element is compared with the seal that it was
 * installed with (nft/seal.h), so that neither a file nor the process that installed it is needed.
 */
#ifndef NFT_EXAMINE_H
#define NFT_EXAMINE_H

#include "base/text.h"
#include "nft/table.h"

/* What rules have counted. */
struct tally {
	uint64_t packets;
	uint64_t bytes;
};

/* By the hook that a chain is for. */
enum direction { DIRECTION_IN, DIRECTION_OUT, DIRECTION_THROUGH, DIRECTIONS };

/* One table as it stands. */
struct table_state {
	bool found;
	bool intact; /* nothing differs */
	bool filters; /* it has a chain with a hook, something that drops, and is not dormant */
	bool probation; /* it counts only until a probation ends */
	bool beside; /* it lets everything pass while the probation of another plan beside it decides */
	bool over; /* the time of --for, or of the probation, has ended: it lets everything pass */
	uint64_t left; /* ms of --for; 0: until release, or over */
	uint64_t unlisted; /* packets of attempts that the full list had no room for */
	struct table_info info; /* its seal says of what run it is; without the name */
	struct tally accepted[DIRECTIONS];
	struct tally dropped[DIRECTIONS];
};

/* What an examination tells while it goes on; each may be NULL. */
struct examination {
	/* Something is not as it was installed: "chain inbound_chain: a rule is missing after 'loopback'". */
	void (*differs)(void *context, enum table_id table, const char *what);
	/* A device has a chain of the netdev table. hook: enum nf_dev_hooks. */
	void (*hooked)(void *context, uint32_t hook, const char *device);
	/* An element of a set of the inet table. */
	void (*element)(void *context, enum set_id set, enum ip_family family, const struct element_info *element);
	/* A rule of the inet table, as it was installed, lets something pass. comment: rule_comment. */
	void (*accepts)(void *context, const char *comment);
	/* Reads what else shall be of the same moment. Returns 0 or -errno with a diagnostic. */
	int (*also)(void *context, struct diag *diag);
	void *context;
};

/*
 * Examines the tables of that name in all families. `restart` is called when it begins, and again when somebody changed
 * our tables meanwhile, or others' while something of ours differed, so that the caller forgets what it was told.
 * Returns 0 or -errno with a diagnostic; a table that is not there is no error.
 */
int examine(struct netlink *netlink, const char *name, const struct examination *examination,
	    void (*restart)(void *context), struct table_state states[TABLES], struct diag *diag);

/*
 * Looks for a chain of somebody else's that sees what ours have let out, and says what is not covered for its sake. Of
 * two chains of the same priority the kernel calls the newer one first.
 */
int find_behind(struct netlink *netlink, struct text *gap, struct diag *diag);

#endif
