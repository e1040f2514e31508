/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "net/socket.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <unistd.h>

int socket_connect(int type, const struct sockaddr_storage *address, socklen_t length)
{
	int fd = socket(address->ss_family, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	const int on = 1;
	if (type == SOCK_STREAM) /* one round trip less, not worth a failure */
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
	if (connect(fd, (const struct sockaddr *)address, length) == 0 || errno == EINPROGRESS || errno == EINTR)
		return fd;
	int error = errno;
	close(fd);
	return -error;
}

int socket_connect_result(int fd)
{
	int error = 0;
	socklen_t size = sizeof error;
	if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) < 0)
		return -errno;
	return -error;
}

int socket_wait(int fd, short events, struct deadline deadline)
{
	struct pollfd waiting = { .fd = fd, .events = events };
	for (;;) {
		int ready = poll(&waiting, 1, deadline_left(deadline));
		if (ready > 0)
			return 0;
		if (ready == 0)
			return -ETIMEDOUT;
		if (errno != EINTR)
			return -errno;
	}
}
