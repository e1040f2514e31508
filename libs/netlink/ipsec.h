/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the kernel wraps up for IPsec: its policies, which no route shows. */
#ifndef NETLINK_IPSEC_H
#define NETLINK_IPSEC_H

#include <stdbool.h>
#include <stdint.h>

/* Of what leaves from the source to the destination. Addresses have 4 or 16 bytes, valid during the visit. */
struct ipsec_policy {
	uint8_t family; /* AF_INET or AF_INET6 */
	uint8_t source_length; /* of the prefixes; there may be bits behind them */
	uint8_t destination_length;
	uint8_t endpoint_family;
	uint32_t priority; /* the lowest counts */
	bool esp; /* it is wrapped up as ESP; else not so, or not at all */
	const uint8_t *source;
	const uint8_t *destination;
	const uint8_t *endpoint; /* to whom it goes then; NULL: to its own destination */
};

/*
 * Calls visit for each policy for TCP that leaves, but for those of ports, interfaces and marked packets; when somebody
 * changes them meanwhile, not all are there. 0 or -errno, the kernel's: -EPROTONOSUPPORT: it has no IPsec, -EOPNOTSUPP:
 * a 64-bit one does not tell programs of 32 bits.
 */
int ipsec_each_policy(void (*visit)(void *context, const struct ipsec_policy *policy), void *context);

#endif
