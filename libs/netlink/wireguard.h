/* SPDX-License-Identifier: GPL-2.0-or-later */
/* To whom a WireGuard link sends: its peers, by generic netlink. */
#ifndef NETLINK_WIREGUARD_H
#define NETLINK_WIREGUARD_H

#include <stdint.h>

#include "base/address.h"

/* Packets to this prefix go to a peer, encrypted. */
struct wireguard_allowed {
	const uint8_t *prefix; /* 4 or 16 bytes, host bits are 0; valid during the visit */
	uint8_t family; /* AF_INET or AF_INET6 */
	uint8_t prefix_length;
	uint16_t own_port; /* of the encrypted packets, host byte order; 0: the link was never up */
	struct endpoint endpoint; /* of the peer; family 0: not known before it speaks */
};

/*
 * Calls visit for each prefix of each peer of the link, until one call returns a negative number. What has been visited
 * is visited again when somebody changes the link meanwhile. 0 or -errno: the kernel's (-ENOENT: it has no WireGuard,
 * -EINTR: it is changed all the time), or what visit returned. The keys, which the kernel tells as well, do not stay in
 * our memory.
 */
int wireguard_each_allowed(uint32_t link, int (*visit)(void *context, const struct wireguard_allowed *allowed),
			   void *context);

#endif
