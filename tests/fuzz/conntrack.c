/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the kernel answers about tracked connections. The reader is not for others: included. */
#include "../../libs/netlink/conntrack.c"

#include "netlink_message.h"

static void read_in_all_ways(const struct nlmsghdr *message)
{
	struct conntrack_entry entry;
	(void)read_entry(message, &entry);
}
