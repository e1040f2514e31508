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
#include "nft/seal.h"

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
	struct nfgenmsg *generic;
	struct nlmsghdr *header =
		netlink_begin(batch->bytes + batch->length, type, flags, sizeof *generic, family);
	header->nlmsg_seq = netlink_next_sequence(batch->netlink);
	generic = mnl_nlmsg_get_payload(header);
	generic->res_id = htons(resource);
	return header;
}

struct nlmsghdr *batch_message(struct batch *batch, uint16_t type, uint16_t flags, size_t room)
{
	return add_header(batch, (uint16_t)(NFNL_SUBSYS_NFTABLES << 8 | type), batch->family, 0, flags, room);
}

void batch_message_end(struct batch *batch, const struct nlmsghdr *message)
{
	if (!message)
		return;
	batch->last = batch->length;
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
	struct nlmsghdr *last = (struct nlmsghdr *)(void *)(batch->bytes + batch->last);
	last->nlmsg_flags |= NLM_F_ACK;
}

static int send_all_at_once(struct batch *batch)
{
	/* A message must fit the send buffer whole. Without privilege over the host's limits the default has to do. */
	int size = (int)batch->length + 65536;
	if (batch->length > 65536)
		(void)setsockopt(mnl_socket_get_fd(batch->netlink->socket), SOL_SOCKET, SO_SNDBUFFORCE, &size,
				 sizeof size);
	for (;;) {
		ssize_t sent = mnl_socket_sendto(batch->netlink->socket, batch->bytes, batch->length);
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

/*
 * Where the name of the object stands in a message about it (linux/netfilter/nf_tables.h). Each kind has three types,
 * which follow each other: NFT_MSG_NEW, GET and DEL.
 */
enum { TYPES_OF_KIND = 3 };

static const struct {
	uint8_t name_attribute;
	char what[16];
} kinds[] = {
	[NFT_MSG_NEWTABLE / TYPES_OF_KIND] = { NFTA_TABLE_NAME, "table" },
	[NFT_MSG_NEWCHAIN / TYPES_OF_KIND] = { NFTA_CHAIN_NAME, "chain" },
	[NFT_MSG_NEWSET / TYPES_OF_KIND] = { NFTA_SET_NAME, "set" },
	[NFT_MSG_NEWSETELEM / TYPES_OF_KIND] = { NFTA_SET_ELEM_LIST_SET, "elements of set" },
	[NFT_MSG_NEWRULE / TYPES_OF_KIND] = { NFTA_RULE_CHAIN, "rule in chain" },
};

static void describe(const struct netlink_message *message, int type, struct text *text)
{
	size_t kind = (size_t)type / TYPES_OF_KIND;
	if (kind >= sizeof kinds / sizeof *kinds)
		return;
	text_addf(text, "%s %s", kinds[kind].what, netlink_string(message->of[kinds[kind].name_attribute]));
	if (type == NFT_MSG_NEWRULE)
		text_addf(text, " ('%s')", user_data_comment(message->of[NFTA_RULE_USERDATA]));
}

/* Somewhere in a message: an attribute of this type with these 4 bytes. */
static bool has_attribute(const struct nlmsghdr *message, uint16_t type, const char value[4])
{
	struct {
		struct nlattr header;
		char value[4];
	} attribute = { { sizeof attribute, type }, "" };
	memcpy(attribute.value, value, sizeof attribute.value);
	return memmem(message, message->nlmsg_len, &attribute, sizeof attribute) != NULL;
}

static void describe_refusal(const struct netlink_message *message, struct refusal *refusal)
{
	static const char route[4] = { [3] = NFT_META_RTCLASSID };
	const struct nfgenmsg *generic = message->header;
	const struct nlattr *hook = message->of[NFTA_CHAIN_HOOK];
	const struct nlattr *device;
	*refusal = (struct refusal){ .type = message->whole->nlmsg_type & 0xff, .family = generic->nfgen_family };
	if (refusal->type == NFT_MSG_NEWRULE) {
		refusal->fib = has_attribute(message->whole, NFTA_EXPR_NAME, "fib");
		refusal->log = has_attribute(message->whole, NFTA_EXPR_NAME, "log");
		refusal->route = has_attribute(message->whole, NFTA_META_KEY, route);
	}
	if (refusal->type != NFT_MSG_NEWCHAIN)
		return;
	refusal->hook = (uint32_t)netlink_network_number(netlink_find(hook, NFTA_HOOK_HOOKNUM), sizeof refusal->hook);
	netlink_for_each_nested(device, netlink_find(hook, NFTA_HOOK_DEVS))
		refusal->every_device |= mnl_attr_get_type(device) == PLAN_DEVICE_PREFIX;
}

static int explain(const struct batch *batch, const struct verdict_of_kernel *verdict, int error,
		   struct refusal *refusal, struct diag *diag)
{
	const struct nlmsghdr *refused = verdict->error ? find_message(batch, verdict->sequence) : NULL;
	struct netlink_message message;
	if (!refused || refused->nlmsg_type >> 8 != NFNL_SUBSYS_NFTABLES ||
	    !netlink_take_apart(&message, refused, sizeof(struct nfgenmsg)))
		return diag_errno(diag, -error, "change the rule set");
	char what[128];
	struct text text = TEXT_ON(what);
	describe(&message, refused->nlmsg_type & 0xff, &text);
	if (refusal)
		describe_refusal(&message, refusal);
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
