/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "netlink/conntrack.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <string.h>

#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>

enum { REQUEST_SIZE = 512 }; /* a tuple of IPv6 addresses with zone and id is below 150 */

static struct nlmsghdr *begin_request(char *buffer, uint16_t type, uint16_t flags, uint8_t family)
{
	type |= NFNL_SUBSYS_CTNETLINK << 8;
	return netlink_begin(buffer, type, flags, sizeof(struct nfgenmsg), family);
}

/* nfnetlink answers EINVAL for a subsystem that it does not know. */
static int plain_error(int result)
{
	return result == -EINVAL || result == -EPROTONOSUPPORT ? -EOPNOTSUPP : result;
}

/* An end of a tuple: which is 0 for its source, 1 for its destination. */
static bool read_end(const struct nlattr *tuple, uint8_t family, int which, struct endpoint *end)
{
	int first = family == AF_INET ? CTA_IP_V4_SRC : CTA_IP_V6_SRC;
	const struct nlattr *address = netlink_find(netlink_find(tuple, CTA_TUPLE_IP), first + which);
	const struct nlattr *port = netlink_find(netlink_find(tuple, CTA_TUPLE_PROTO), CTA_PROTO_SRC_PORT + which);
	*end = (struct endpoint){ .address.family = family, .port = (uint16_t)netlink_network_number(port, 2) };
	return netlink_read_address(address, &end->address);
}

static bool read_entry(const struct netlink_message *message, struct conntrack_entry *entry)
{
	const struct nfgenmsg *generic = message->header;
	const struct nlattr *original = message->of[CTA_TUPLE_ORIG];
	const struct nlattr *protocol = netlink_find(netlink_find(original, CTA_TUPLE_PROTO), CTA_PROTO_NUM);
	entry->protocol = (uint8_t)netlink_number(protocol, 1);
	entry->message = message;
	return protocol && read_end(original, generic->nfgen_family, 0, &entry->source) &&
	       read_end(original, generic->nfgen_family, 1, &entry->destination) &&
	       read_end(message->of[CTA_TUPLE_REPLY], generic->nfgen_family, 0, &entry->target);
}

struct visitor {
	int (*take)(const struct conntrack_entry *entry, void *context);
	void *context;
};

static int take_entry(const struct netlink_message *message, void *context)
{
	const struct visitor *visitor = context;
	struct conntrack_entry entry;
	return read_entry(message, &entry) ? visitor->take(&entry, visitor->context) : 0;
}

static int take_count(const struct netlink_message *message, void *context)
{
	const struct nlattr *count = message->of[CTA_STATS_GLOBAL_ENTRIES];
	if (netlink_holds(count, 4))
		*(uint32_t *)context = (uint32_t)netlink_network_number(count, 4);
	return 0;
}

static int request_all(struct netlink *netlink, uint16_t type, uint16_t flags,
		       int (*take)(const struct netlink_message *message, void *context), void *context)
{
	_Alignas(struct nlmsghdr) char buffer[64];
	struct nlmsghdr *request = begin_request(buffer, type, flags, AF_UNSPEC);
	return plain_error(netlink_request(netlink, request, sizeof(struct nfgenmsg), take, context));
}

int conntrack_count(struct netlink *netlink, uint32_t *count)
{
	*count = UINT32_MAX;
	return request_all(netlink, IPCTNL_MSG_CT_GET_STATS, NLM_F_ACK, take_count, count);
}

int conntrack_each(struct netlink *netlink, int (*take)(const struct conntrack_entry *entry, void *context),
		   void *context)
{
	struct visitor visitor = { take, context };
	return request_all(netlink, IPCTNL_MSG_CT_GET, NLM_F_DUMP, take_entry, &visitor);
}

int conntrack_delete(struct netlink *netlink, const struct conntrack_entry *entry)
{
	/* as the kernel wrote them: a zone may be of one direction and then stands in the tuple */
	static const uint8_t parts[] = { CTA_TUPLE_ORIG, CTA_ZONE, CTA_ID };
	_Alignas(struct nlmsghdr) char buffer[REQUEST_SIZE];
	struct nlmsghdr *request =
		begin_request(buffer, IPCTNL_MSG_CT_DELETE, NLM_F_ACK, entry->source.address.family);
	for (size_t i = 0; i < sizeof parts; i++) {
		const struct nlattr *part = entry->message->of[parts[i]];
		if (!part)
			continue;
		size_t length = MNL_ALIGN(part->nla_len);
		if (request->nlmsg_len + length > sizeof buffer)
			return -EMSGSIZE;
		memcpy(mnl_nlmsg_get_payload_tail(request), part, length);
		request->nlmsg_len += (uint32_t)length;
	}
	return plain_error(netlink_request(netlink, request, 0, NULL, NULL));
}
