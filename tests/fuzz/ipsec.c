/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the kernel answers about IPsec's policies. The reader is not for others: included. */
#include "../../libs/netlink/ipsec.c"

#include "netlink_message.h"

static void take_any_policy(void *context, const struct ipsec_policy *policy)
{
	unsigned *sum = context;
	size_t last = policy->family == AF_INET ? 3 : 15;
	*sum += policy->source[last] + policy->destination[last];
	if (policy->endpoint)
		*sum += policy->endpoint[policy->endpoint_family == AF_INET ? 3 : 15];
}

static void read_in_all_ways(const struct nlmsghdr *message)
{
	unsigned sum = 0;
	struct visitor visitor = { take_any_policy, &sum };
	struct netlink_message parts;
	if (netlink_take_apart(&parts, message, sizeof(struct xfrm_userpolicy_info)))
		(void)take_policy(&parts, &visitor);
}
