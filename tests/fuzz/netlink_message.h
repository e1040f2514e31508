/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the fuzzer thinks of, as a message of the kernel's; the target reads it in all ways that it has. */
#ifndef FUZZ_NETLINK_MESSAGE_H
#define FUZZ_NETLINK_MESSAGE_H

#include <linux/netfilter/nfnetlink.h>
#include <linux/netlink.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

static void read_in_all_ways(const struct nlmsghdr *message);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count);

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

#endif
