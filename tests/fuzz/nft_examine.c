/* SPDX-License-Identifier: GPL-2.0-or-later */
/* All that the kernel answers when a quarantine is read back: messages, one behind the other, in place of the socket. */
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>

#include "nft/examine.h"

static void take_comment(void *context, const char *comment)
{
	(void)context;
	if (strlen(comment) > RULE_COMMENT_SIZE)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count);

static const char *answers;
static size_t answers_length; /* padded, as the kernel's are */

int netlink_open(struct netlink *netlink, int bus, struct diag *diag)
{
	(void)netlink;
	(void)bus;
	return diag_errno(diag, EPROTONOSUPPORT, "open");
}

void netlink_close(struct netlink *netlink)
{
	(void)netlink;
}

uint32_t netlink_next_sequence(struct netlink *netlink)
{
	return ++netlink->sequence;
}

static uint8_t family_of(const struct nlmsghdr *message)
{
	return ((const struct nfgenmsg *)mnl_nlmsg_get_payload(message))->nfgen_family;
}

static const char *set_of(const struct nlmsghdr *message, struct netlink_message *parts)
{
	return netlink_take_apart(parts, message, sizeof(struct nfgenmsg)) ?
		       netlink_string(parts->of[NFTA_SET_ELEM_LIST_SET]) :
		       "";
}

/* NFT_MSG_GETTABLE is answered by NFT_MSG_NEWTABLE, one less. */
static bool is_answer(const struct nlmsghdr *message, const struct nlmsghdr *request)
{
	struct netlink_message parts;
	struct netlink_message wanted;
	if (message->nlmsg_len < NLMSG_LENGTH(sizeof(struct nfgenmsg)) || message->nlmsg_type + 1 != request->nlmsg_type ||
	    family_of(message) != family_of(request))
		return false;
	return (request->nlmsg_type & 0xff) != NFT_MSG_GETSETELEM ||
	       strcmp(set_of(message, &parts), set_of(request, &wanted)) == 0;
}

int netlink_request(struct netlink *netlink, struct nlmsghdr *request, size_t header_size,
		    int (*take)(const struct netlink_message *message, void *context), void *context)
{
	struct netlink_message parts;
	bool found = false;
	(void)netlink;
	for (size_t at = 0; at + NLMSG_HDRLEN <= answers_length;) {
		const struct nlmsghdr *message = (const struct nlmsghdr *)(answers + at);
		if (message->nlmsg_len < NLMSG_HDRLEN || message->nlmsg_len > answers_length - at)
			break;
		at += NLMSG_ALIGN(message->nlmsg_len);
		if (!is_answer(message, request))
			continue;
		found = true;
		int result = netlink_take_apart(&parts, message, header_size) ? take(&parts, context) : 0;
		if (result < 0)
			return result;
	}
	return !found && (request->nlmsg_type & 0xff) == NFT_MSG_GETTABLE ? -ENOENT : 0;
}

static void count_difference(void *context, enum table_id table, const char *what)
{
	if (table >= TABLES || *what == '\0')
		abort();
	++*(size_t *)context;
}

static void take_device(void *context, uint32_t hook, const char *device)
{
	(void)context;
	if (strlen(device) + hook == SIZE_MAX)
		abort();
}

static void take_element(void *context, enum set_id set, enum ip_family family, const struct element_info *element)
{
	(void)context;
	if (set >= SET_IDS || family >= IP_FAMILIES)
		abort();
	(void)digest_element(element->key, element->key_length);
}

static void forget_differences(void *context)
{
	*(size_t *)context = 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count)
{
	size_t differences;
	const struct examination examination = {
		.differs = count_difference,
		.hooked = take_device,
		.element = take_element,
		.accepts = take_comment,
		.context = &differences,
	};
	struct table_state states[TABLES];
	struct netlink netlink = { .socket = NULL };
	struct diag diag;
	answers_length = NLMSG_ALIGN(count);
	char *copy = calloc(1, answers_length + 1);
	if (!copy)
		return 0;
	memcpy(copy, bytes, count);
	answers = copy;
	if (examine(&netlink, "vrr_quarantine_table", &examination, forget_differences, states, &diag) == 0) {
		bool intact = true;
		for (size_t i = 0; i < TABLES; i++)
			intact &= !states[i].found || states[i].intact || !states[i].info.sealed;
		if (intact != (differences == 0))
			abort();
	}
	free(copy);
	return 0;
}
