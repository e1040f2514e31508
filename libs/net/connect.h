/* SPDX-License-Identifier: GPL-2.0-or-later */
/* TCP connections with a deadline. Sockets are non-blocking and close-on-exec, with TCP_NODELAY. */
#ifndef NET_CONNECT_H
#define NET_CONNECT_H

#include <stddef.h>

#include "base/address.h"
#include "base/deadline.h"
#include "base/diag.h"

/*
 * Connects to the first address that answers. A further address is tried when one has failed or has not answered within
 * 250 ms (RFC 8305 section 5), without giving the earlier up; IPv6 and IPv4 take turns. Only when 8 attempts are open
 * does the oldest, at least 2 s old, make room. Returns the socket and sets *chosen to its index in the list; or -errno
 * with a diagnostic that names the last address that failed ("connect to 192.0.2.1:8000: Connection refused"):
 * -ETIMEDOUT at the deadline, -EINVAL for an empty list.
 */
int connect_any(const struct endpoint *list, size_t count, struct deadline deadline, size_t *chosen,
		struct diag *diag);

/*
 * Up to size bytes (at least 1), waiting until the deadline for the first one; what is there already is taken even
 * when the deadline has passed. Returns the count, 0 at the end of the stream, or -errno (-ETIMEDOUT).
 * stream_send_all writes everything and returns 0, or -errno without SIGPIPE. Both work on blocking sockets, too.
 */
long stream_receive(int fd, void *buffer, size_t size, struct deadline deadline);
int stream_send_all(int fd, const void *bytes, size_t count, struct deadline deadline);

#endif
