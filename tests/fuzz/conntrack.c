/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the kernel answers about tracked connections. The reader is not for others: included. */
#include "../../libs/netlink/conntrack.c"

#include "netlink_message.h"

static void read_in_all_ways(const struct nlmsghdr *message)
{
	struct netlink_message parts;
	struct conntrack_entry entry;
	if (netlink_take_apart(&parts, message, sizeof(struct nfgenmsg)))
		(void)read_entry(&parts, &entry);
}
