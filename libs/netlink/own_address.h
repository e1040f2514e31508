/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The device's own addresses, of all its interfaces (rtnetlink). */
#ifndef NETLINK_OWN_ADDRESS_H
#define NETLINK_OWN_ADDRESS_H

#include <stdbool.h>

#include "base/address.h"
#include "base/diag.h"

enum { OWN_ADDRESSES_MAX = 512 };

struct own_addresses {
	size_t count;
	struct address addresses[OWN_ADDRESSES_MAX];
};

/* Returns 0 or -errno with a diagnostic: -E2BIG when there are more than OWN_ADDRESSES_MAX. */
int own_addresses_read(struct own_addresses *own, struct diag *diag);

/* Also true of every loopback address. */
bool own_addresses_have(const struct own_addresses *own, const struct address *address);

#endif
