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
	struct nlmsghdr *request = mnl_nlmsg_put_header(buffer);
	request->nlmsg_type = (uint16_t)(NFNL_SUBSYS_CTNETLINK << 8 | type);
	request->nlmsg_flags = NLM_F_REQUEST | flags;
	struct nfgenmsg *generic = mnl_nlmsg_put_extra_header(request, sizeof *generic);
	generic->nfgen_family = family;
	return request;
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
	*end = (struct endpoint){ .address.family = family };
	if (!address || mnl_attr_get_payload_len(address) != address_length(&end->address))
		return false;
	memcpy(end->address.bytes, mnl_attr_get_payload(address), address_length(&end->address));
	if (port)
		end->port = ntohs(mnl_attr_get_u16(port));
	return true;
}

static bool read_entry(const struct nlmsghdr *message, struct conntrack_entry *entry)
{
	const struct nfgenmsg *generic = mnl_nlmsg_get_payload(message);
	const struct nlattr *original = NULL;
	const struct nlattr *reply = NULL;
	struct nlattr *attribute;
	netlink_for_each_attribute(attribute, message, sizeof *generic) {
		if (mnl_attr_get_type(attribute) == CTA_TUPLE_ORIG)
			original = attribute;
		else if (mnl_attr_get_type(attribute) == CTA_TUPLE_REPLY)
			reply = attribute;
	}
	const struct nlattr *protocol = netlink_find(netlink_find(original, CTA_TUPLE_PROTO), CTA_PROTO_NUM);
	if (!protocol)
		return false;
	entry->protocol = mnl_attr_get_u8(protocol);
	entry->message = message;
	return read_end(original, generic->nfgen_family, 0, &entry->source) &&
	       read_end(original, generic->nfgen_family, 1, &entry->destination) &&
	       read_end(reply, generic->nfgen_family, 0, &entry->target);
}

struct visitor {
	int (*take)(const struct conntrack_entry *entry, void *context);
	void *context;
};

static int take_message(const struct nlmsghdr *message, void *context)
{
	const struct visitor *visitor = context;
	struct conntrack_entry entry;
	return read_entry(message, &entry) ? visitor->take(&entry, visitor->context) : 0;
}

static int take_count(const struct nlmsghdr *message, void *context)
{
	struct nlattr *attribute;
	netlink_for_each_attribute(attribute, message, sizeof(struct nfgenmsg)) {
		if (mnl_attr_get_type(attribute) == CTA_STATS_GLOBAL_ENTRIES &&
		    mnl_attr_validate(attribute, MNL_TYPE_U32) == 0)
			*(uint32_t *)context = ntohl(mnl_attr_get_u32(attribute));
	}
	return 0;
}

int conntrack_count(struct netlink *netlink, uint32_t *count)
{
	_Alignas(struct nlmsghdr) char buffer[64];
	struct nlmsghdr *request = begin_request(buffer, IPCTNL_MSG_CT_GET_STATS, NLM_F_ACK, AF_UNSPEC);
	*count = UINT32_MAX;
	return plain_error(netlink_request(netlink, request, take_count, count));
}

int conntrack_each(struct netlink *netlink, int (*take)(const struct conntrack_entry *entry, void *context),
		   void *context)
{
	_Alignas(struct nlmsghdr) char buffer[64];
	struct visitor visitor = { take, context };
	struct nlmsghdr *request = begin_request(buffer, IPCTNL_MSG_CT_GET, NLM_F_DUMP, AF_UNSPEC);
	return plain_error(netlink_request(netlink, request, take_message, &visitor));
}

int conntrack_delete(struct netlink *netlink, const struct conntrack_entry *entry)
{
	_Alignas(struct nlmsghdr) char buffer[REQUEST_SIZE];
	struct nlattr *attribute;
	struct nlmsghdr *request =
		begin_request(buffer, IPCTNL_MSG_CT_DELETE, NLM_F_ACK, entry->source.address.family);
	/* as the kernel wrote them: a zone may be of one direction and then stands in the tuple */
	netlink_for_each_attribute(attribute, entry->message, sizeof(struct nfgenmsg)) {
		int type = mnl_attr_get_type(attribute);
		size_t length = MNL_ALIGN(attribute->nla_len);
		if (type != CTA_TUPLE_ORIG && type != CTA_ZONE && type != CTA_ID)
			continue;
		if (request->nlmsg_len + length > sizeof buffer)
			return -EMSGSIZE;
		memcpy(mnl_nlmsg_get_payload_tail(request), attribute, length);
		request->nlmsg_len += (uint32_t)length;
	}
	return plain_error(netlink_request(netlink, request, NULL, NULL));
}
