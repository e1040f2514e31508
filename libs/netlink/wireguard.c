/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "netlink/wireguard.h"

#include <errno.h>
#include <linux/genetlink.h>
#include <string.h>

#include "netlink/socket.h"

/* linux/wireguard.h: the headers of kernels before 5.6, with which some build, do not have it. */
enum {
	WG_CMD_GET_DEVICE = 0,
	WGDEVICE_A_IFINDEX = 1,
	WGDEVICE_A_LISTEN_PORT = 6,
	WGDEVICE_A_PEERS = 8,
	WGPEER_A_ENDPOINT = 4,
	WGPEER_A_RX_BYTES = 7,
	WGPEER_A_ALLOWEDIPS = 9,
	WGALLOWEDIP_A_FAMILY = 1,
	WGALLOWEDIP_A_IPADDR = 2,
	WGALLOWEDIP_A_CIDR_MASK = 3,
};

enum { DUMP_TRIES = 8 };

struct reader {
	int (*visit)(void *context, const struct wireguard_allowed *allowed);
	void *context;
	struct wireguard_allowed allowed; /* what is known so far: a dump has many messages */
};

/* False when it is not there, or shorter. */
static bool copy(void *to, size_t size, const struct nlattr *attribute)
{
	if (!attribute || mnl_attr_get_payload_len(attribute) < size)
		return false;
	memcpy(to, mnl_attr_get_payload(attribute), size);
	return true;
}

/* From a struct sockaddr; family 0 without one. */
static struct endpoint read_endpoint(const struct nlattr *attribute)
{
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;
	struct endpoint endpoint = { .port = 0 };
	if (copy(&v6, sizeof v6, attribute) && v6.sin6_family == AF_INET6) {
		endpoint = (struct endpoint){ { .family = AF_INET6 }, ntohs(v6.sin6_port) };
		memcpy(endpoint.address.bytes, &v6.sin6_addr, 16);
	} else if (copy(&v4, sizeof v4, attribute) && v4.sin_family == AF_INET) {
		endpoint = (struct endpoint){ { .family = AF_INET }, ntohs(v4.sin_port) };
		memcpy(endpoint.address.bytes, &v4.sin_addr, 4);
	}
	return endpoint;
}

static int take_allowed(struct reader *reader, const struct nlattr *nest)
{
	const struct nlattr *address = netlink_find(nest, WGALLOWEDIP_A_IPADDR);
	uint16_t family = 0;
	uint8_t length = UINT8_MAX;
	(void)copy(&family, sizeof family, netlink_find(nest, WGALLOWEDIP_A_FAMILY));
	(void)copy(&length, sizeof length, netlink_find(nest, WGALLOWEDIP_A_CIDR_MASK));
	size_t bytes = family == AF_INET ? 4 : 16;
	if (!address || (family != AF_INET && family != AF_INET6) || mnl_attr_get_payload_len(address) < bytes ||
	    length > 8 * bytes)
		return 0;
	reader->allowed.prefix = mnl_attr_get_payload(address);
	reader->allowed.family = (uint8_t)family;
	reader->allowed.prefix_length = length;
	return reader->visit(reader->context, &reader->allowed);
}

/* One that did not fit goes on in the next message, with no more than its key and further prefixes. */
static int take_peer(struct reader *reader, const struct nlattr *nest)
{
	const struct nlattr *prefixes = netlink_find(nest, WGPEER_A_ALLOWEDIPS);
	struct nlattr *prefix;
	int result = 0;
	if (netlink_find(nest, WGPEER_A_RX_BYTES))
		reader->allowed.endpoint = read_endpoint(netlink_find(nest, WGPEER_A_ENDPOINT));
	if (!prefixes)
		return 0;
	netlink_for_each_nested(prefix, prefixes) {
		result = take_allowed(reader, prefix);
		if (result < 0)
			break;
	}
	return result;
}

/* The port comes before the peers. */
static int take_device(const struct nlmsghdr *message, void *context)
{
	struct reader *reader = context;
	struct nlattr *attribute;
	struct nlattr *peer;
	netlink_for_each_attribute(attribute, message, GENL_HDRLEN) {
		if (mnl_attr_get_type(attribute) == WGDEVICE_A_LISTEN_PORT)
			(void)copy(&reader->allowed.own_port, sizeof reader->allowed.own_port, attribute);
		if (mnl_attr_get_type(attribute) != WGDEVICE_A_PEERS)
			continue;
		netlink_for_each_nested(peer, attribute) {
			int result = take_peer(reader, peer);
			if (result < 0)
				return result;
		}
	}
	return 0;
}

static int take_family(const struct nlmsghdr *message, void *context)
{
	struct nlattr *attribute;
	netlink_for_each_attribute(attribute, message, GENL_HDRLEN) {
		if (mnl_attr_get_type(attribute) == CTRL_ATTR_FAMILY_ID)
			(void)copy(context, sizeof(uint16_t), attribute);
	}
	return 0;
}

static struct nlmsghdr *begin_request(char *buffer, uint16_t family, uint8_t command, uint16_t flags)
{
	struct nlmsghdr *request = mnl_nlmsg_put_header(buffer);
	request->nlmsg_type = family;
	request->nlmsg_flags = NLM_F_REQUEST | flags;
	struct genlmsghdr *generic = mnl_nlmsg_put_extra_header(request, sizeof *generic);
	*generic = (struct genlmsghdr){ .cmd = command, .version = 1 };
	return request;
}

/* The kernel numbers the families of generic netlink as they come. */
static int find_family(struct netlink *netlink, uint16_t *family)
{
	_Alignas(struct nlmsghdr) char buffer[64];
	struct nlmsghdr *request = begin_request(buffer, GENL_ID_CTRL, CTRL_CMD_GETFAMILY, NLM_F_ACK);
	mnl_attr_put_strz(request, CTRL_ATTR_FAMILY_NAME, "wireguard");
	*family = 0;
	int result = netlink_request(netlink, request, take_family, family);
	return result == 0 && *family == 0 ? -ENOENT : result;
}

static int dump(struct netlink *netlink, uint16_t family, uint32_t link, struct reader *reader)
{
	_Alignas(struct nlmsghdr) char buffer[64];
	struct nlmsghdr *request = begin_request(buffer, family, WG_CMD_GET_DEVICE, NLM_F_DUMP);
	mnl_attr_put_u32(request, WGDEVICE_A_IFINDEX, link);
	return netlink_request(netlink, request, take_device, reader);
}

int wireguard_each_allowed(uint32_t link, int (*visit)(void *context, const struct wireguard_allowed *allowed),
			   void *context)
{
	struct netlink netlink;
	uint16_t family;
	int result = netlink_open(&netlink, NETLINK_GENERIC, NULL);
	if (result < 0)
		return result;
	netlink.secret = true;
	result = find_family(&netlink, &family);
	if (result == 0)
		result = -EINTR;
	for (size_t i = 0; i < DUMP_TRIES && result == -EINTR; i++) {
		struct reader reader = { .visit = visit, .context = context };
		result = dump(&netlink, family, link, &reader);
	}
	netlink_close(&netlink);
	return result;
}
