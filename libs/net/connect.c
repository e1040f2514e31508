/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "net/connect.h"

#include <errno.h>
#include <poll.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include "net/socket.h"

enum {
	STAGGER_MS = 250, /* "Connection Attempt Delay", RFC 8305 section 5 */
	OPEN_MAX_ATTEMPTS = 8,
};

struct race {
	const struct endpoint *list;
	size_t count;
	size_t next[2]; /* where to look for the next IPv6 ([0]) and IPv4 ([1]) address */
	bool ipv4_turn;
	struct pollfd open[OPEN_MAX_ATTEMPTS]; /* in the order in which they began */
	size_t index[OPEN_MAX_ATTEMPTS]; /* in list */
	size_t open_count;
	int error; /* of the last attempt that failed, -errno */
	size_t failed; /* its index in list */
};

static bool seek(struct race *race, bool ipv4)
{
	size_t *next = &race->next[ipv4];
	while (*next < race->count && (race->list[*next].address.family == AF_INET) != ipv4)
		++*next;
	return *next < race->count;
}

/* The next address, the two families in turn. False when all have been tried. */
static bool take_next(struct race *race, size_t *index)
{
	bool ipv4 = seek(race, race->ipv4_turn) ? race->ipv4_turn : !race->ipv4_turn;
	if (!seek(race, ipv4))
		return false;
	race->ipv4_turn = !ipv4;
	*index = race->next[ipv4]++;
	return true;
}

static void note_failure(struct race *race, size_t index, int error)
{
	race->failed = index;
	race->error = error;
}

static void forget(struct race *race, size_t slot)
{
	size_t behind = --race->open_count - slot;
	memmove(&race->open[slot], &race->open[slot + 1], behind * sizeof *race->open);
	memmove(&race->index[slot], &race->index[slot + 1], behind * sizeof *race->index);
}

static void give_up(struct race *race, size_t slot, int error)
{
	note_failure(race, race->index[slot], error);
	close(race->open[slot].fd);
	forget(race, slot);
}

/* Begins attempts until one is under way. Returns whether one is. */
static bool begin_next(struct race *race)
{
	size_t index;
	while (take_next(race, &index)) {
		struct sockaddr_storage address;
		socklen_t length = endpoint_to_sockaddr(&race->list[index], &address);
		int fd = socket_connect(SOCK_STREAM, &address, length);
		if (fd < 0) {
			note_failure(race, index, fd);
			continue;
		}
		if (race->open_count == OPEN_MAX_ATTEMPTS)
			give_up(race, 0, -ETIMEDOUT);
		race->index[race->open_count] = index;
		race->open[race->open_count++] = (struct pollfd){ .fd = fd, .events = POLLOUT };
		return true;
	}
	return false;
}

/* Looks at the attempts that poll reported. Returns the socket of one that succeeded, else -1. */
static int collect(struct race *race, size_t *chosen)
{
	for (size_t slot = 0; slot < race->open_count;) {
		if (race->open[slot].revents == 0) {
			slot++;
			continue;
		}
		int error = socket_connect_result(race->open[slot].fd);
		if (error < 0) {
			give_up(race, slot, error);
			continue;
		}
		int fd = race->open[slot].fd;
		*chosen = race->index[slot];
		forget(race, slot);
		return fd;
	}
	return -1;
}

/*
 * Waits for an attempt to end or for the time to begin the next. Returns the socket of one that succeeded, or -1;
 * *again says whether a further address is due.
 */
static int await(struct race *race, struct deadline deadline, bool *again, size_t *chosen)
{
	*again = false;
	size_t before = race->open_count;
	int ready = poll(race->open, race->open_count, deadline_left(deadline));
	if (ready < 0) /* EINTR: nothing was reported */
		return -1;
	int fd = ready > 0 ? collect(race, chosen) : -1;
	*again = ready == 0 || race->open_count < before;
	return fd;
}

static int run(struct race *race, struct deadline deadline, size_t *chosen)
{
	struct deadline next = deadline;
	bool due = true;
	for (;;) {
		if (due)
			next = begin_next(race) ? deadline_earlier(deadline, deadline_in(STAGGER_MS)) : deadline;
		if (race->open_count == 0)
			return race->error;
		int fd = await(race, next, &due, chosen);
		if (fd >= 0)
			return fd;
		if (race->open_count > 0 && deadline_passed(deadline)) {
			note_failure(race, race->index[race->open_count - 1], -ETIMEDOUT);
			return -ETIMEDOUT;
		}
	}
}

int connect_any(const struct endpoint *list, size_t count, struct deadline deadline, size_t *chosen,
		struct diag *diag)
{
	if (count == 0)
		return diag_fail(diag, EINVAL, "connect: no address to connect to");
	struct race race = { .list = list, .count = count };
	size_t winner = 0;
	int fd = run(&race, deadline, &winner);
	for (size_t slot = 0; slot < race.open_count; slot++)
		close(race.open[slot].fd);
	if (fd >= 0) {
		*chosen = winner;
		return fd;
	}
	char name[ENDPOINT_TEXT_SIZE];
	struct text text = TEXT_ON(name);
	endpoint_format(&list[race.failed], &text);
	return diag_errno(diag, -fd, "connect to %s", name);
}

long stream_receive(int fd, void *buffer, size_t size, struct deadline deadline)
{
	for (;;) {
		ssize_t count = recv(fd, buffer, size, MSG_DONTWAIT);
		if (count >= 0)
			return count;
		if (errno == EINTR)
			continue;
		if (errno != EAGAIN && errno != EWOULDBLOCK)
			return -errno;
		int result = socket_wait(fd, POLLIN, deadline);
		if (result < 0)
			return result;
	}
}

static int wait_to_send(int fd, int error, struct deadline deadline)
{
	if (error == EINTR)
		return 0;
	if (error != EAGAIN && error != EWOULDBLOCK)
		return -error;
	return socket_wait(fd, POLLOUT, deadline);
}

int stream_send_all(int fd, const void *bytes, size_t count, struct deadline deadline)
{
	const char *at = bytes;
	while (count > 0) {
		ssize_t sent = send(fd, at, count, MSG_DONTWAIT | MSG_NOSIGNAL);
		if (sent < 0) {
			int result = wait_to_send(fd, errno, deadline);
			if (result < 0)
				return result;
			continue;
		}
		at += sent;
		count -= (size_t)sent;
	}
	return 0;
}
