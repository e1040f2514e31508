/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What net/connect.c and net/dns.c share about sockets. */
#ifndef NET_SOCKET_H
#define NET_SOCKET_H

#include <sys/socket.h>

#include "base/deadline.h"

/*
 * A non-blocking, close-on-exec socket whose connection has begun (or is there already, as with datagrams). type is
 * SOCK_STREAM (with TCP_NODELAY) or SOCK_DGRAM. Returns the descriptor or -errno.
 */
int socket_connect(int type, const struct sockaddr_storage *address, socklen_t length);

/* The outcome of a connection once poll has reported the socket as writable: 0 or -errno. */
int socket_connect_result(int fd);

/* Waits for POLLIN or POLLOUT (or an error, which the next call on fd reports). Returns 0, -ETIMEDOUT or -errno. */
int socket_wait(int fd, short events, struct deadline deadline);

#endif
