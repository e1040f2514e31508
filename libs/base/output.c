/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/output.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/text.h"

enum { FLUSH_MS = 60000 };

/* A new open file description of the same pipe or terminal, or -1. */
static int reopen_nonblocking(int fd)
{
	char path[32];
	struct text text = TEXT_ON(path);
	text_addf(&text, "/proc/self/fd/%d", fd);
	return open(path, O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
}

void output_init(struct output *output, int fd)
{
	struct stat status = { .st_mode = 0 };
	(void)fstat(fd, &status);
	/* Regular files keep fd: a second description would have its own offset. Sockets can't be reopened. */
	bool waits = S_ISCHR(status.st_mode) || S_ISFIFO(status.st_mode);
	output->own_fd = waits ? reopen_nonblocking(fd) : -1;
	output->fd = output->own_fd >= 0 ? output->own_fd : fd;
	output->is_socket = S_ISSOCK(status.st_mode);
	output->may_block = waits && output->own_fd < 0;
	output->error = 0;
	output->lost = 0;
	output->length = 0;
}

void output_fini(struct output *output)
{
	if (output->own_fd >= 0)
		close(output->own_fd);
	output->own_fd = -1;
}

/* One attempt that can't block: where fd could not be reopened, poll says whether it takes something. */
static ssize_t write_some(struct output *output)
{
	if (output->is_socket)
		return send(output->fd, output->pending, output->length, MSG_DONTWAIT | MSG_NOSIGNAL);
	size_t count = output->length;
	if (output->may_block) {
		struct pollfd ready = { .fd = output->fd, .events = POLLOUT };
		if (poll(&ready, 1, 0) == 0) {
			errno = EAGAIN;
			return -1;
		}
		count = count < 128 ? count : 128; /* what a terminal with room always takes */
	}
	return write(output->fd, output->pending, count);
}

static void flush_pending(struct output *output)
{
	while (output->length > 0 && output->error == 0) {
		ssize_t count = write_some(output);
		if (count < 0 && errno == EINTR)
			continue;
		if (count < 0 && errno == EAGAIN)
			return;
		if (count < 0) {
			output->error = errno;
			return;
		}
		output->length -= (size_t)count;
		memmove(output->pending, output->pending + count, output->length);
	}
}

void output_queue(struct output *output, const char *bytes, size_t count)
{
	while (count > 0 && output->error == 0) {
		size_t room = sizeof output->pending - output->length;
		size_t part = count < room ? count : room;
		memcpy(output->pending + output->length, bytes, part);
		output->length += part;
		bytes += part;
		count -= part;
		if (count > 0)
			flush_pending(output);
		if (output->length == sizeof output->pending && count > 0) {
			output->lost += count;
			return;
		}
	}
}

void output_write(struct output *output, const char *bytes, size_t count)
{
	output_queue(output, bytes, count);
	flush_pending(output);
}

int output_drain(struct output *output, struct deadline deadline)
{
	for (;;) {
		flush_pending(output);
		if (output->error)
			return -output->error;
		if (output->length == 0)
			return output->lost ? -EAGAIN : 0;
		struct pollfd ready = { .fd = output->fd, .events = POLLOUT };
		int left = deadline_left(deadline);
		if (left == 0)
			return -EAGAIN;
		if (poll(&ready, 1, left) < 0 && errno != EINTR)
			return -errno;
	}
}

void output_flush(struct text *text)
{
	struct output *output = text->context;
	output_write(output, text->bytes, text->length);
	(void)output_drain(output, deadline_in(FLUSH_MS));
	text->length = 0;
}
