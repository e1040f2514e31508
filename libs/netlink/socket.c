/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "netlink/socket.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

int netlink_open(struct netlink *netlink, int bus, struct diag *diag)
{
	*netlink = (struct netlink){ .sequence = (uint32_t)time(NULL) };
	netlink->socket = mnl_socket_open2(bus, SOCK_CLOEXEC);
	if (!netlink->socket)
		return diag_errno(diag, errno, "open a netlink socket");
	if (mnl_socket_bind(netlink->socket, 0, MNL_SOCKET_AUTOPID) == 0) {
		/* answers without a copy of the request; where the kernel can't do it they are only longer */
		int on = 1;
		(void)mnl_socket_setsockopt(netlink->socket, NETLINK_CAP_ACK, &on, sizeof on);
		return 0;
	}
	int result = diag_errno(diag, errno, "bind a netlink socket");
	netlink_close(netlink);
	return result;
}

void netlink_close(struct netlink *netlink)
{
	if (netlink->socket)
		(void)mnl_socket_close(netlink->socket);
	netlink->socket = NULL;
}

uint32_t netlink_next_sequence(struct netlink *netlink)
{
	if (++netlink->sequence == 0)
		netlink->sequence = 1;
	return netlink->sequence;
}

/*
 * Bytes. The smallest part that the kernel fills has 3.7 KB: one below this ended because there was no more. After a
 * longer one the kernel looks again, by number, and misses the rest when somebody has removed something further ahead.
 */
enum { SHORT_PART = 2048 };

/* Where the messages of one answer go. */
struct answer {
	uint32_t sequence;
	size_t header_size;
	int (*take)(const struct netlink_message *message, void *context);
	void *context;
	bool finished;
	bool interrupted; /* by a change while it was made; one after its last part is none of its business */
	bool filled; /* its last part may have ended for want of room */
};

static int take_message(const struct nlmsghdr *message, struct answer *answer)
{
	struct netlink_message parts;
	bool done = message->nlmsg_type == NLMSG_DONE;
	if (message->nlmsg_seq != answer->sequence)
		return 0;
	if (!done || answer->filled)
		answer->interrupted |= (message->nlmsg_flags & NLM_F_DUMP_INTR) != 0;
	if (done || message->nlmsg_type == NLMSG_ERROR) {
		/* a dump that fails after it was begun says so in its last message */
		const int *error = mnl_nlmsg_get_payload(message);
		answer->finished = true;
		if (mnl_nlmsg_get_payload_len(message) >= sizeof *error)
			return *error;
		return done ? 0 : -EBADMSG;
	}
	return answer->take && netlink_take_apart(&parts, message, answer->header_size) ?
		       answer->take(&parts, answer->context) :
		       0;
}

static int take_messages(const void *buffer, int length, struct answer *answer)
{
	const struct nlmsghdr *message = buffer;
	for (; mnl_nlmsg_ok(message, length); message = mnl_nlmsg_next(message, &length)) {
		int result = take_message(message, answer);
		if (result < 0)
			return result;
		if (answer->finished)
			return 0;
	}
	return 0;
}

int netlink_request(struct netlink *netlink, struct nlmsghdr *request, size_t header_size,
		    int (*take)(const struct netlink_message *message, void *context), void *context)
{
	struct answer answer = {
		.sequence = netlink_next_sequence(netlink),
		.header_size = header_size,
		.take = take,
		.context = context,
	};
	union {
		struct nlmsghdr header;
		/* dumps come in parts of up to this size; for each the kernel walks through a set from its start */
		char bytes[16384];
	} buffer;
	request->nlmsg_seq = answer.sequence;
	if (mnl_socket_sendto(netlink->socket, request, request->nlmsg_len) < 0)
		return -errno;
	int result = 0;
	while (!answer.finished && result == 0) {
		ssize_t length = mnl_socket_recvfrom(netlink->socket, &buffer, sizeof buffer);
		if (length < 0 && errno == EINTR)
			continue;
		result = length < 0 ? -errno : take_messages(&buffer, (int)length, &answer);
		answer.filled = length > SHORT_PART;
	}
	if (netlink->secret)
		explicit_bzero(&buffer, sizeof buffer);
	return result == 0 && answer.interrupted && !netlink->takes_interrupted ? -EINTR : result;
}
