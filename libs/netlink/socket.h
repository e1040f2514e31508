/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A netlink socket on which the kernel answers at once: requests, dumps and batches. */
#ifndef NETLINK_SOCKET_H
#define NETLINK_SOCKET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/diag.h"
#include "netlink/message.h"

struct netlink {
	struct mnl_socket *socket; /* NULL: closed */
	uint32_t sequence; /* of the last message */
	bool secret; /* no copy of an answer stays in memory */
	bool takes_interrupted; /* a dump that a change interrupted is no failure: the caller tells in another way */
};

/* bus: NETLINK_NETFILTER and so on. Returns 0 or -errno with a diagnostic (-EPROTONOSUPPORT: not in this kernel). */
int netlink_open(struct netlink *netlink, int bus, struct diag *diag);
void netlink_close(struct netlink *netlink);

/* The next sequence number; never 0, which notifications carry. */
uint32_t netlink_next_sequence(struct netlink *netlink);

/*
 * Sends one request (its sequence number is set here) and hands each message of the answer to `take` until the end of
 * the dump, the acknowledgement or an error; those that are shorter than the protocol's header (of header_size bytes)
 * are passed over. The request must ask for NLM_F_ACK or NLM_F_DUMP. Returns 0 or -errno: the kernel's, or what `take`
 * returned when it is negative; -EINTR when the dump was inconsistent (it should be repeated), unless
 * takes_interrupted.
 */
int netlink_request(struct netlink *netlink, struct nlmsghdr *request, size_t header_size,
		    int (*take)(const struct netlink_message *message, void *context), void *context);

#endif
