/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Putting a policy in force, on probation or for good, and taking it back: each is one transaction. */
#ifndef NFT_CONTAINMENT_H
#define NFT_CONTAINMENT_H

#include "nft/table.h"
#include "policy/policy.h"

/*
 * All plan on the current generation of the rule set and start over when somebody else changes it meanwhile. They
 * return 0 or -errno with a diagnostic; after an error the rule set is as it was. When the kernel refuses rules that
 * need connection tracking, policy->stateless is set and the transaction is tried again without them. A table of
 * another name than default_name that is not ours, and has chains of other names than ours, is refused with -EEXIST.
 */

/*
 * Of builds with CONFIG_QUARANTINE_PROBE: in others nothing is ever on probation.
 *
 * The policy counts for so many milliseconds; then, with no help from any process, what was there before counts again:
 * an older quarantine under the same name, whoever set it, or nothing. *replaces says whether there was one.
 */
int containment_begin_probation(struct netlink *netlink, struct policy *policy, const char *default_name,
				uint64_t milliseconds, bool *replaces, struct diag *diag);

/*
 * Ends a probation, our own or what a killed process left: exactly the state before it. Nothing to end is no error.
 * *older: whether a quarantine of that name counts now.
 */
int containment_end_probation(struct netlink *netlink, const char *table, bool *older, struct diag *diag);

/* The probation that an installation follows. */
enum after_probation {
	AFTER_NONE,
	AFTER_THE_SAME, /* of this very policy */
	AFTER_A_WIDER, /* of this policy with more peers */
};

/*
 * The policy counts for good, in the place of whatever bears its tables' name. After a probation: only
 * if that still counts; -ECANCELED when somebody has released it meanwhile, -ETIMEDOUT when it has ended.
 */
int containment_install(struct netlink *netlink, struct policy *policy, const char *default_name,
			enum after_probation after, bool *replaces, struct diag *diag);

enum { REMOVED_TABLES_MAX = 32 };

/* What containment_remove took away. */
struct removed_tables {
	size_t count; /* may exceed REMOVED_TABLES_MAX: the names beyond it are not kept */
	size_t left; /* tables that another process owns: the kernel lets nobody else remove them */
	char left_name[64]; /* of the last of these */
	struct {
		uint8_t family;
		char name[64]; /* cut when longer */
	} tables[REMOVED_TABLES_MAX];
};

/*
 * Removes quarantine tables in one transaction. name NULL: every table of any family that bears our comment, and those
 * named `default_name` in the families that a plan has; else every table of that name. None is no error.
 */
int containment_remove(struct netlink *netlink, const char *name, const char *default_name,
		       struct removed_tables *removed, struct diag *diag);

#endif
