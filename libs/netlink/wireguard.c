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

/* From a struct sockaddr; family 0 without one. */
static void read_endpoint(struct endpoint *endpoint, const struct nlattr *attribute)
{
	/* both begin with the family and the port */
	const struct sockaddr_in *v4 = netlink_bytes(attribute, sizeof *v4);
	const struct sockaddr_in6 *v6 = netlink_bytes(attribute, sizeof *v6);
	*endpoint = (struct endpoint){ .port = 0 };
	if (v4 && v4->sin_family == AF_INET)
		memcpy(endpoint->address.bytes, &v4->sin_addr, 4);
	else if (v6 && v6->sin6_family == AF_INET6)
		memcpy(endpoint->address.bytes, &v6->sin6_addr, 16);
	else
		return;
	endpoint->address.family = (uint8_t)v4->sin_family;
	endpoint->port = ntohs(v4->sin_port);
}

static int take_allowed(struct reader *reader, const struct nlattr *nest)
{
	uint64_t family = netlink_number(netlink_find(nest, WGALLOWEDIP_A_FAMILY), 2);
	const struct nlattr *length = netlink_find(nest, WGALLOWEDIP_A_CIDR_MASK);
	size_t bytes = family == AF_INET ? 4 : 16;
	reader->allowed.prefix = netlink_bytes(netlink_find(nest, WGALLOWEDIP_A_IPADDR), bytes);
	reader->allowed.family = (uint8_t)family;
	reader->allowed.prefix_length = (uint8_t)netlink_number(length, 1);
	if (!reader->allowed.prefix || (family != AF_INET && family != AF_INET6) || !netlink_holds(length, 1) ||
	    reader->allowed.prefix_length > 8 * bytes)
		return 0;
	return reader->visit(reader->context, &reader->allowed);
}

/* One that did not fit goes on in the next message, with no more than its key and further prefixes. */
static int take_peer(struct reader *reader, const struct nlattr *nest)
{
	const struct nlattr *prefixes = netlink_find(nest, WGPEER_A_ALLOWEDIPS);
	const struct nlattr *prefix;
	int result = 0;
	if (netlink_find(nest, WGPEER_A_RX_BYTES))
		read_endpoint(&reader->allowed.endpoint, netlink_find(nest, WGPEER_A_ENDPOINT));
	netlink_for_each_nested(prefix, prefixes) {
		result = take_allowed(reader, prefix);
		if (result < 0)
			break;
	}
	return result;
}

static int take_device(const struct netlink_message *message, void *context)
{
	struct reader *reader = context;
	const struct nlattr *port = message->of[WGDEVICE_A_LISTEN_PORT];
	const struct nlattr *peer;
	if (port) /* not in every message of a dump */
		reader->allowed.own_port = (uint16_t)netlink_number(port, 2);
	netlink_for_each_nested(peer, message->of[WGDEVICE_A_PEERS]) {
		int result = take_peer(reader, peer);
		if (result < 0)
			return result;
	}
	return 0;
}

static int take_family(const struct netlink_message *message, void *context)
{
	*(uint16_t *)context = (uint16_t)netlink_number(message->of[CTRL_ATTR_FAMILY_ID], 2);
	return 0;
}

/* The command stands where other protocols have the family. */
static struct nlmsghdr *begin_request(char *buffer, uint16_t family, uint8_t command, uint16_t flags)
{
	struct nlmsghdr *request = netlink_begin(buffer, family, flags, GENL_HDRLEN, command);
	((struct genlmsghdr *)mnl_nlmsg_get_payload(request))->version = 1;
	return request;
}

/* The kernel numbers the families of generic netlink as they come. */
static int find_family(struct netlink *netlink, uint16_t *family)
{
	_Alignas(struct nlmsghdr) char buffer[64];
	struct nlmsghdr *request = begin_request(buffer, GENL_ID_CTRL, CTRL_CMD_GETFAMILY, NLM_F_ACK);
	mnl_attr_put_strz(request, CTRL_ATTR_FAMILY_NAME, "wireguard");
	*family = 0;
	int result = netlink_request(netlink, request, GENL_HDRLEN, take_family, family);
	return result == 0 && *family == 0 ? -ENOENT : result;
}

static int dump(struct netlink *netlink, uint16_t family, uint32_t link, struct reader *reader)
{
	_Alignas(struct nlmsghdr) char buffer[64];
	struct nlmsghdr *request = begin_request(buffer, family, WG_CMD_GET_DEVICE, NLM_F_DUMP);
	mnl_attr_put_u32(request, WGDEVICE_A_IFINDEX, link);
	return netlink_request(netlink, request, GENL_HDRLEN, take_device, reader);
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
