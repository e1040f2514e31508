/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The kernel's table of connections (ctnetlink): going through it, and deleting entries. */
#ifndef NETLINK_CONNTRACK_H
#define NETLINK_CONNTRACK_H

#include "base/address.h"
#include "netlink/socket.h"

/* Ports are 0 where the protocol has none (ICMP, GRE). */
struct conntrack_entry {
	uint8_t protocol; /* IPPROTO_ */
	struct endpoint source; /* who opened it */
	struct endpoint destination; /* whom it was opened to */
	struct endpoint target; /* where its packets really go: another than the destination after destination NAT */
	const struct netlink_message *message; /* the kernel's, for conntrack_delete */
};

/*
 * How many entries this network namespace has; UINT32_MAX when the kernel does not say. 0 or -errno, as conntrack_each.
 * A listing walks a table that is the same for all namespaces and mostly empty: 10 ms for its 262,144 buckets.
 */
int conntrack_count(struct netlink *netlink, uint32_t *count);

/*
 * Hands each entry of this network namespace, IPv4 and IPv6, to `take`; nothing is kept, so the table may be large. The
 * netlink socket is one of NETLINK_NETFILTER. Entries may be deleted meanwhile, over another socket. Returns 0 or
 * -errno: -EOPNOTSUPP when the kernel has no ctnetlink, what `take` returned when it is negative.
 */
int conntrack_each(struct netlink *netlink, int (*take)(const struct conntrack_entry *entry, void *context),
		   void *context);

/*
 * Deletes exactly this entry (its tuple, zone and id), offloaded or not: a flowtable gives it up, too. Returns 0,
 * -ENOENT when it was gone, -EOPNOTSUPP when the kernel has no ctnetlink, or another -errno.
 */
int conntrack_delete(struct netlink *netlink, const struct conntrack_entry *entry);

#endif
