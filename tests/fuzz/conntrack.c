/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the kernel answers about tracked connections. The reader is not for others: included. */
#include "../../libs/netlink/conntrack.c"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count);

static void read_in_all_ways(const struct nlmsghdr *message)
{
	struct conntrack_entry entry;
	(void)read_entry(message, &entry);
}

/* The kernel's messages are at least as long as their fixed part, and padded. */
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count)
{
	enum { FIXED = NLMSG_LENGTH(sizeof(struct nfgenmsg)) };
	size_t length = count < FIXED ? FIXED : count;
	struct nlmsghdr *message = calloc(1, NLMSG_ALIGN(length));
	if (!message)
		return 0;
	memcpy(message, bytes, count);
	message->nlmsg_len = (uint32_t)length;
	read_in_all_ways(message);
	free(message);
	return 0;
}
