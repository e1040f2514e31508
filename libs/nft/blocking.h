/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What of the kernel's rule set, whoever set it, lets packets through only by permission. */
#ifndef NFT_BLOCKING_H
#define NFT_BLOCKING_H

#include "nft/table.h"

enum { BLOCKING_LISTED_MAX = 8 };

struct blocking {
	size_t count; /* of all; those beyond BLOCKING_LISTED_MAX are not listed */
	char chains[BLOCKING_LISTED_MAX][68]; /* "inet fw4, chain input"; long names are cut */
};

/*
 * Finds the base chains whose policy is drop, of tables that are not dormant. Chains that end in a rule that drops are
 * not known by that. Returns 0 or -errno with a diagnostic.
 */
int blocking_find(struct netlink *netlink, struct blocking *blocking, struct diag *diag);

#endif
