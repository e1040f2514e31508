/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the kernel wraps up for IPsec: its policies, which no route shows. */
#ifndef NETLINK_IPSEC_H
#define NETLINK_IPSEC_H

#include <stdint.h>

/* What leaves for this prefix is wrapped up. Addresses have 4 or 16 bytes, valid during the visit. */
struct ipsec_policy {
	uint8_t family; /* AF_INET or AF_INET6 */
	uint8_t prefix_length;
	uint8_t endpoint_family;
	const uint8_t *prefix; /* host bits are 0 */
	const uint8_t *endpoint; /* to whom it goes then; the prefix where packets keep their destination */
};

/*
 * Calls visit for each policy for what leaves, but for those of XFRM interfaces and of marked packets; when somebody
 * changes them meanwhile, not all are there. 0 or -errno, the kernel's: -EPROTONOSUPPORT: it has no IPsec, -EOPNOTSUPP:
 * a 64-bit one does not tell programs of 32 bits.
 */
int ipsec_each_policy(void (*visit)(void *context, const struct ipsec_policy *policy), void *context);

#endif
