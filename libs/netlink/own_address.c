/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "netlink/own_address.h"

#include <errno.h>
#include <string.h>

#include "netlink/rtnetlink.h"

enum { TRIES = 3 };

static int keep(void *context, const struct netlink_address *address)
{
	struct own_addresses *own = context;
	if (own->count == OWN_ADDRESSES_MAX)
		return -E2BIG;
	struct address *new = &own->addresses[own->count++];
	*new = (struct address){ .family = address->family };
	memcpy(new->bytes, address->own, address_length(new));
	return 0;
}

int own_addresses_read(struct own_addresses *own, struct diag *diag)
{
	struct netlink netlink;
	int result = netlink_open(&netlink, NETLINK_ROUTE, diag);
	if (result < 0)
		return result;
	result = -EINTR;
	for (int i = 0; i < TRIES && result == -EINTR; i++) {
		own->count = 0;
		result = netlink_each_address(&netlink, keep, own);
	}
	netlink_close(&netlink);
	return result < 0 ? diag_errno(diag, -result, "list the device's addresses") : 0;
}

bool own_addresses_have(const struct own_addresses *own, const struct address *address)
{
	for (size_t i = 0; i < own->count; i++) {
		if (memcmp(address, &own->addresses[i], sizeof *address) == 0)
			return true;
	}
	return address_is_loopback(address);
}
