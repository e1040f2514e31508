/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the kernel answers about WireGuard's peers. The readers are not for others: included. */
#include "../../libs/netlink/wireguard.c"

#include "netlink_message.h"

static int take_any_prefix(void *context, const struct wireguard_allowed *allowed)
{
	(void)context;
	return allowed->prefix[allowed->family == AF_INET ? 3 : 15] + allowed->endpoint.address.bytes[15];
}

static void read_in_all_ways(const struct nlmsghdr *message)
{
	struct reader reader = { .visit = take_any_prefix };
	struct netlink_message parts;
	uint16_t family = 0;
	if (!netlink_take_apart(&parts, message, GENL_HDRLEN))
		return;
	(void)take_device(&parts, &reader);
	(void)take_family(&parts, &family);
}
