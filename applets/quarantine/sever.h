/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Ends what was open before the containment and is not allowed by it: connection tracking entries and sockets. */
#ifndef QUARANTINE_SEVER_H
#define QUARANTINE_SEVER_H

#include "policy/policy.h"

struct sever_report {
	unsigned entries; /* of connection tracking: deleted */
	unsigned sockets; /* destroyed: their programs got ECONNABORTED */
	unsigned left; /* of both: refused by the kernel at the last look */
	bool no_conntrack; /* the kernel tracks connections but lets nobody delete them (CONFIG_NF_CT_NETLINK) */
	bool no_sockets; /* the kernel can't list or destroy sockets (CONFIG_INET_DIAG_DESTROY) */
};

/*
 * To be called when the containment is in force, else the sessions come back. What is allowed is not touched. Sockets
 * of other network namespaces are out of reach: what they send through this one is forwarded, and its entries are
 * deleted. SCTP, DCCP and raw sockets can't be destroyed either; their entries are deleted as well. It takes at most
 * SEVER_MS for sockets and as much for entries, and about 40 KB of stack, however many there are. Returns 0 or -errno
 * with a diagnostic; the report counts what was done until then.
 */
int sever_flows(const struct policy *policy, struct sever_report *report, struct diag *diag);

enum { SEVER_MS = 20000 };

#endif
