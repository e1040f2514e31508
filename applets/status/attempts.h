/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Whom somebody tried to reach in vain, as the kernel has noted it in the sets "attempts4" and "attempts6". */
#ifndef STATUS_ATTEMPTS_H
#define STATUS_ATTEMPTS_H

#include "base/address.h"
#include "netlink/socket.h"
#include "policy/policy.h"

struct attempt {
	struct address address;
	uint8_t protocol; /* IPPROTO_ */
	uint16_t port; /* of TCP, UDP and SCTP; of ICMP type and code, of others the first two bytes */
	uint32_t interface; /* index of that by which it came; 0: it is the device's own */
	uint64_t packets;
	uint64_t age; /* ms since the last packet */
};

struct attempts {
	struct attempt *list; /* newest first */
	size_t count;
};

/* Returns 0 or -errno with a diagnostic. May be called again. attempts_fini releases it in each case. */
int attempts_read(struct netlink *netlink, const char *table, struct attempts *attempts, struct diag *diag);
void attempts_fini(struct attempts *attempts);

/* "tcp 192.0.2.1:443", "icmp 192.0.2.1 type 8" */
void attempt_describe(const struct attempt *attempt, struct text *text);

/* The name of the interface by which it came, or its number when it is gone; "" when it is the device's own. */
void attempt_interface(const struct attempt *attempt, struct text *text);

/* "tcp", or the number */
void attempt_protocol(const struct attempt *attempt, struct text *text);

#endif
