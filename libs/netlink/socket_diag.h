/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The sockets of all programs (NETLINK_SOCK_DIAG): going through those that have a peer, and destroying them. */
#ifndef NETLINK_SOCKET_DIAG_H
#define NETLINK_SOCKET_DIAG_H

#include <linux/inet_diag.h>
#include <stdbool.h>

#include "base/address.h"
#include "netlink/socket.h"

struct diag_socket {
	uint8_t family; /* of the socket: one of AF_INET6 may speak IPv4 */
	uint8_t protocol; /* IPPROTO_TCP, IPPROTO_UDP or IPPROTO_UDPLITE */
	bool orphan; /* no process holds it any more */
	struct endpoint local; /* IPv4 where it speaks IPv4 (::ffff:192.0.2.1) */
	struct endpoint peer;
	struct inet_diag_sockid id;
};

/*
 * Hands the sockets of this network namespace that have a peer to `take`, of one family and protocol, IPPROTO_UDP or
 * IPPROTO_UDPLITE. The netlink socket is one of NETLINK_SOCK_DIAG. Returns 0 or -errno: -ENOENT when the kernel can't
 * list them, what `take` returned when negative.
 */
int socket_diag_each(struct netlink *netlink, uint8_t family, uint8_t protocol,
		     int (*take)(const struct diag_socket *socket, void *context), void *context);

/*
 * The same for TCP of both families, from its SYN to its end, but for TIME_WAIT, where nothing passes any more: the
 * kernel walks the table of all sockets once, which is most of the work. This is the first form of the request
 * (Linux 2.6), whose answer is of both.
 */
int socket_diag_each_tcp(struct netlink *netlink, int (*take)(const struct diag_socket *socket, void *context),
			 void *context);

/*
 * Its program gets ECONNABORTED. Over another netlink socket than the one that lists. Returns 0, -ENOENT when it was
 * gone, -EOPNOTSUPP when the kernel can't (CONFIG_INET_DIAG_DESTROY; before 5.18 also for a TCP socket that closes and
 * has no process), or another -errno; some of them have been seen although the socket was gone, so list again.
 */
int socket_diag_destroy(struct netlink *netlink, const struct diag_socket *socket);

#endif
