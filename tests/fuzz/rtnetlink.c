/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the kernel answers about links, addresses and routes. The readers are not for others: included. */
#include "../../libs/netlink/rtnetlink.c"

#include "netlink_message.h"

static int take_any_link(void *context, const struct netlink_link *link)
{
	(void)context;
	return (int)strlen(link->name) + (int)strlen(link->kind) + (link->mac ? link->mac[5] : 0);
}

static int take_any_address(void *context, const struct netlink_address *address)
{
	(void)context;
	return address->own[address->family == AF_INET ? 3 : 15] +
	       (address->bytes ? address->bytes[address->family == AF_INET ? 3 : 15] : 0);
}

static int take_any_route(void *context, const struct netlink_route *route)
{
	(void)context;
	return route->destination[route->family == AF_INET ? 3 : 15] +
	       (route->gateway ? route->gateway[route->family == AF_INET ? 3 : 15] : 0);
}

static void read_in_all_ways(const struct nlmsghdr *message)
{
	struct visitor links = { .link = take_any_link };
	struct visitor addresses = { .address = take_any_address };
	struct visitor routes4 = { .route = take_any_route, .family = AF_INET };
	struct visitor routes6 = { .route = take_any_route, .family = AF_INET6 };
	struct netlink_message parts;
	if (netlink_take_apart(&parts, message, sizeof(struct ifinfomsg)))
		(void)take_link(&parts, &links);
	if (netlink_take_apart(&parts, message, sizeof(struct ifaddrmsg)))
		(void)take_address(&parts, &addresses);
	if (!netlink_take_apart(&parts, message, sizeof(struct rtmsg)))
		return;
	(void)take_route(&parts, &routes4);
	(void)take_route(&parts, &routes6);
}
