/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "nft/batch.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>

#include "base/text.h"
#include "nft/plan.h"

enum {
	FIRST_CAPACITY = 131072, /* a plan with a few servers and links; what is not written takes no memory */
	HEADERS_ROOM = 64, /* netlink's and netfilter's header, padding */
};

static bool reserve(struct batch *batch, size_t room)
{
	if (batch->error)
		return false;
	if (batch->capacity - batch->length >= room)
		return true;
	size_t capacity = batch->capacity ? 2 * batch->capacity : FIRST_CAPACITY;
	while (capacity - batch->length < room)
		capacity *= 2;
	uint8_t *bytes = realloc(batch->bytes, capacity);
	if (!bytes) {
		batch->error = -ENOMEM;
		return false;
	}
	batch->bytes = bytes;
	batch->capacity = capacity;
	return true;
}

static struct nlmsghdr *add_header(struct batch *batch, uint16_t type, uint8_t family, uint16_t resource,
				   uint16_t flags, size_t room)
{
	if (!reserve(batch, room + HEADERS_ROOM))
		return NULL;
	struct nlmsghdr *header = mnl_nlmsg_put_header(batch->bytes + batch->length);
	header->nlmsg_type = type;
	header->nlmsg_flags = NLM_F_REQUEST | flags;
	header->nlmsg_seq = netlink_next_sequence(batch->netlink);
	struct nfgenmsg *generic = mnl_nlmsg_put_extra_header(header, sizeof *generic);
	generic->nfgen_family = family;
	generic->version = NFNETLINK_V0;
	generic->res_id = htons(resource);
	return header;
}

struct nlmsghdr *batch_message(struct batch *batch, uint16_t type, uint16_t flags, size_t room)
{
	return add_header(batch, (uint16_t)(NFNL_SUBSYS_NFTABLES << 8 | type), batch->family, 0, flags, room);
}

void batch_message_end(struct batch *batch, const struct nlmsghdr *message)
{
	if (message)
		batch->length += NLMSG_ALIGN(message->nlmsg_len);
}

static void add_begin(struct batch *batch, uint32_t generation)
{
	struct nlmsghdr *begin = add_header(batch, NFNL_MSG_BATCH_BEGIN, AF_UNSPEC, NFNL_SUBSYS_NFTABLES, 0, 16);
	if (begin && generation)
		mnl_attr_put_u32(begin, NFNL_BATCH_GENID, htonl(generation));
	batch_message_end(batch, begin);
}

void batch_begin(struct batch *batch, struct netlink *netlink, uint32_t generation)
{
	*batch = (struct batch){ .netlink = netlink, .part_refusal.type = -1 };
	add_begin(batch, generation);
}

void batch_fini(struct batch *batch)
{
	free(batch->bytes);
	*batch = (struct batch){ 0 };
}

/* The last message of ours asks for an acknowledgement: on old kernels the batch's end gets none. */
static void request_acknowledgement(struct batch *batch)
{
	struct nlmsghdr *last = (struct nlmsghdr *)(void *)batch->bytes;
	for (size_t at = 0; at < batch->length; at += NLMSG_ALIGN(last->nlmsg_len))
		last = (struct nlmsghdr *)(void *)(batch->bytes + at);
	last->nlmsg_flags |= NLM_F_ACK;
}

static int send_all_at_once(struct batch *batch)
{
	int fd = mnl_socket_get_fd(batch->netlink->socket);
	/* A message must fit the send buffer whole. Without privilege over the host's limits the default has to do. */
	int size = (int)batch->length + 65536;
	if (batch->length > 65536)
		(void)setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof size);
	struct sockaddr_nl kernel = { .nl_family = AF_NETLINK };
	for (;;) {
		ssize_t sent = sendto(fd, batch->bytes, batch->length, 0, (struct sockaddr *)&kernel, sizeof kernel);
		if (sent >= 0)
			return (size_t)sent == batch->length ? 0 : -EIO;
		if (errno != EINTR)
			return -errno;
	}
}

/* What the kernel said of a transaction. */
struct verdict_of_kernel {
	bool acknowledged;
	int error; /* of the first message that was refused: later ones often only follow from it */
	uint32_t sequence; /* of that message */
};

static void take_answers(const void *buffer, int length, struct verdict_of_kernel *verdict)
{
	const struct nlmsghdr *message = buffer;
	for (; mnl_nlmsg_ok(message, length); message = mnl_nlmsg_next(message, &length)) {
		if (message->nlmsg_type != NLMSG_ERROR ||
		    mnl_nlmsg_get_payload_len(message) < sizeof(struct nlmsgerr))
			continue;
		const struct nlmsgerr *answer = mnl_nlmsg_get_payload(message);
		if (answer->error == 0) {
			verdict->acknowledged = true;
		} else if (verdict->error == 0) {
			verdict->error = answer->error;
			verdict->sequence = message->nlmsg_seq;
		}
	}
}

/* The kernel has queued all its answers by the time that the send call returns. */
static int receive_verdict(struct batch *batch, struct verdict_of_kernel *verdict)
{
	union {
		struct nlmsghdr header;
		char bytes[4096];
	} buffer;
	for (;;) {
		ssize_t length = recv(mnl_socket_get_fd(batch->netlink->socket), &buffer, sizeof buffer, MSG_DONTWAIT);
		if (length < 0 && errno == EINTR)
			continue;
		if (length < 0 && errno == EAGAIN)
			break;
		if (length < 0)
			return -errno; /* ENOBUFS: more refusals than the receive buffer holds */
		take_answers(&buffer, (int)length, verdict);
	}
	if (verdict->error)
		return verdict->error;
	return verdict->acknowledged ? 0 : -EIO;
}

static const struct nlmsghdr *find_message(const struct batch *batch, uint32_t sequence)
{
	for (size_t at = 0; at < batch->length;) {
		const struct nlmsghdr *message = (const struct nlmsghdr *)(const void *)(batch->bytes + at);
		if (message->nlmsg_seq == sequence)
			return message;
		at += NLMSG_ALIGN(message->nlmsg_len);
	}
	return NULL;
}

/* Where the name of the object stands in a message, by type (linux/netfilter/nf_tables.h). */
static const struct {
	uint8_t type;
	uint8_t name_attribute;
	const char *what;
} message_names[] = {
	{ NFT_MSG_NEWTABLE, NFTA_TABLE_NAME, "table" },
	{ NFT_MSG_DELTABLE, NFTA_TABLE_NAME, "table" },
	{ NFT_MSG_NEWCHAIN, NFTA_CHAIN_NAME, "chain" },
	{ NFT_MSG_DELCHAIN, NFTA_CHAIN_NAME, "chain" },
	{ NFT_MSG_NEWSET, NFTA_SET_NAME, "set" },
	{ NFT_MSG_DELSET, NFTA_SET_NAME, "set" },
	{ NFT_MSG_NEWSETELEM, NFTA_SET_ELEM_LIST_SET, "elements of set" },
	{ NFT_MSG_DELSETELEM, NFTA_SET_ELEM_LIST_SET, "elements of set" },
	{ NFT_MSG_NEWRULE, NFTA_RULE_CHAIN, "rule in chain" },
	{ NFT_MSG_DELRULE, NFTA_RULE_CHAIN, "rule in chain" },
};

static void describe(const struct nlmsghdr *message, struct text *text)
{
	uint8_t type = (uint8_t)message->nlmsg_type;
	for (size_t i = 0; i < sizeof message_names / sizeof *message_names; i++) {
		if (message_names[i].type != type)
			continue;
		const char *name = "";
		const char *comment = NULL;
		struct nlattr *attribute;
		netlink_for_each_attribute(attribute, message, sizeof(struct nfgenmsg)) {
			if (mnl_attr_get_type(attribute) == message_names[i].name_attribute)
				name = mnl_attr_get_str(attribute);
			if (type == NFT_MSG_NEWRULE && mnl_attr_get_type(attribute) == NFTA_RULE_USERDATA)
				comment = (const char *)mnl_attr_get_payload(attribute) + 2; /* type, length */
		}
		text_addf(text, "%s %s", message_names[i].what, name);
		if (comment)
			text_addf(text, " ('%s')", comment);
	}
}

/* The hook of a NEWCHAIN message. */
static void describe_hook(const struct nlattr *hook, struct refusal *refusal)
{
	struct nlattr *attribute;
	struct nlattr *device;
	netlink_for_each_nested(attribute, hook) {
		if (mnl_attr_get_type(attribute) == NFTA_HOOK_HOOKNUM)
			refusal->hook = ntohl(mnl_attr_get_u32(attribute));
		if (mnl_attr_get_type(attribute) != NFTA_HOOK_DEVS)
			continue;
		netlink_for_each_nested(device, attribute)
			refusal->every_device |= mnl_attr_get_type(device) == PLAN_DEVICE_PREFIX;
	}
}

static bool has_expression(const struct nlmsghdr *message, const char name[4])
{
	struct {
		struct nlattr header;
		char name[4];
	} attribute = { { sizeof attribute, NFTA_EXPR_NAME }, "" };
	memcpy(attribute.name, name, sizeof attribute.name);
	return memmem(message, message->nlmsg_len, &attribute, sizeof attribute) != NULL;
}

static struct refusal describe_refusal(const struct nlmsghdr *message)
{
	const struct nfgenmsg *generic = mnl_nlmsg_get_payload(message);
	struct refusal refusal = { .type = message->nlmsg_type & 0xff, .family = generic->nfgen_family };
	struct nlattr *attribute;
	refusal.fib = refusal.type == NFT_MSG_NEWRULE && has_expression(message, "fib");
	refusal.log = refusal.type == NFT_MSG_NEWRULE && has_expression(message, "log");
	static const struct {
		struct nlattr header;
		uint8_t key[4];
	} route = { { sizeof route, NFTA_META_KEY }, { [3] = NFT_META_RTCLASSID } };
	refusal.route = refusal.type == NFT_MSG_NEWRULE && memmem(message, message->nlmsg_len, &route, sizeof route);
	if (refusal.type != NFT_MSG_NEWCHAIN)
		return refusal;
	netlink_for_each_attribute(attribute, message, sizeof *generic) {
		if (mnl_attr_get_type(attribute) == NFTA_CHAIN_HOOK)
			describe_hook(attribute, &refusal);
	}
	return refusal;
}

static int explain(const struct batch *batch, const struct verdict_of_kernel *verdict, int error,
		   struct refusal *refusal, struct diag *diag)
{
	const struct nlmsghdr *message = verdict->error ? find_message(batch, verdict->sequence) : NULL;
	uint16_t type = message ? message->nlmsg_type : 0;
	if (!message || type >> 8 != NFNL_SUBSYS_NFTABLES)
		return diag_errno(diag, -error, "change the rule set");
	char what[128];
	struct text text = TEXT_ON(what);
	describe(message, &text);
	if (refusal)
		*refusal = describe_refusal(message);
	return diag_errno(diag, -error, "change the rule set, %s", what);
}

static int commit(struct batch *batch, struct refusal *refusal, struct diag *diag)
{
	if (!batch->error)
		request_acknowledgement(batch);
	struct nlmsghdr *end = add_header(batch, NFNL_MSG_BATCH_END, AF_UNSPEC, NFNL_SUBSYS_NFTABLES, 0, 0);
	batch_message_end(batch, end);
	if (batch->error)
		return diag_errno(diag, -batch->error, "prepare the rule set");
	struct verdict_of_kernel verdict = { 0 };
	int result = send_all_at_once(batch);
	if (result == 0)
		result = receive_verdict(batch, &verdict);
	return result == 0 ? 0 : explain(batch, &verdict, result, refusal, diag);
}

void batch_part(struct batch *batch)
{
	if (batch->error || batch->part_size == 0 || batch->length < batch->part_size)
		return;
	int result = commit(batch, &batch->part_refusal, &batch->part_diag);
	if (result < 0) {
		batch->error = result;
		return;
	}
	batch->parted = true;
	batch->length = 0;
	add_begin(batch, 0); /* the generation is a new one now, by our own doing */
}

int batch_commit(struct batch *batch, struct refusal *refusal, struct diag *diag)
{
	if (refusal)
		*refusal = batch->part_refusal;
	if (batch->error && *batch->part_diag.text)
		return diag_fail(diag, -batch->error, "%s", batch->part_diag.text);
	return commit(batch, refusal, diag);
}
