/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "netlink/socket_diag.h"

#include <errno.h>
#include <string.h>

#include <linux/sock_diag.h>

/* enum in the kernel's include/net/tcp_states.h; UDP has the first of them when it is connected */
enum {
	STATE_ESTABLISHED = 1,
	STATE_TIME_WAIT = 6,
	STATE_CLOSE = 7,
	STATE_LISTEN = 10,
	STATES_TCP = 0x1ffe & ~(1 << STATE_TIME_WAIT | 1 << STATE_CLOSE | 1 << STATE_LISTEN),
	STATES_UDP = 1 << STATE_ESTABLISHED,
};

static int send_request(struct netlink *netlink, uint16_t type, uint16_t flags, const void *words, size_t size,
			int (*take)(const struct netlink_message *message, void *context), void *context)
{
	_Alignas(struct nlmsghdr) char buffer[128];
	struct nlmsghdr *request = netlink_begin(buffer, type, flags, size, AF_UNSPEC);
	memcpy(mnl_nlmsg_get_payload(request), words, size);
	return netlink_request(netlink, request, sizeof(struct inet_diag_msg), take, context);
}

static void read_end(struct endpoint *end, uint8_t family, const uint32_t *words, uint16_t port)
{
	static const uint8_t mapped_prefix[12] = { [10] = 0xff, [11] = 0xff };
	const uint8_t *bytes = (const uint8_t *)words;
	end->address.family = family;
	end->port = ntohs(port);
	if (family == AF_INET6 && memcmp(bytes, mapped_prefix, sizeof mapped_prefix) == 0) {
		bytes += sizeof mapped_prefix;
		end->address.family = AF_INET;
	}
	memcpy(end->address.bytes, bytes, address_length(&end->address));
}

struct visitor {
	uint8_t protocol;
	int (*take)(const struct diag_socket *socket, void *context);
	void *context;
};

static int take_socket(const struct netlink_message *message, void *context)
{
	const struct visitor *visitor = context;
	const struct inet_diag_msg *words = message->header;
	if (words->id.idiag_dport == 0)
		return 0;
	struct diag_socket socket = {
		.family = words->idiag_family,
		.protocol = visitor->protocol,
		.orphan = words->idiag_inode == 0,
		.id = words->id,
	};
	read_end(&socket.local, words->idiag_family, words->id.idiag_src, words->id.idiag_sport);
	read_end(&socket.peer, words->idiag_family, words->id.idiag_dst, words->id.idiag_dport);
	return visitor->take(&socket, visitor->context);
}

int socket_diag_each(struct netlink *netlink, uint8_t family, uint8_t protocol,
		     int (*take)(const struct diag_socket *socket, void *context), void *context)
{
	struct visitor visitor = { protocol, take, context };
	const struct inet_diag_req_v2 words = {
		.sdiag_family = family,
		.sdiag_protocol = protocol,
		.idiag_states = STATES_UDP,
	};
	return send_request(netlink, SOCK_DIAG_BY_FAMILY, NLM_F_DUMP, &words, sizeof words, take_socket, &visitor);
}

int socket_diag_each_tcp(struct netlink *netlink, int (*take)(const struct diag_socket *socket, void *context),
			 void *context)
{
	struct visitor visitor = { IPPROTO_TCP, take, context };
	const struct inet_diag_req words = { .idiag_states = STATES_TCP };
	return send_request(netlink, TCPDIAG_GETSOCK, NLM_F_DUMP, &words, sizeof words, take_socket, &visitor);
}

int socket_diag_destroy(struct netlink *netlink, const struct diag_socket *socket)
{
	const struct inet_diag_req_v2 words = {
		.sdiag_family = socket->family,
		.sdiag_protocol = socket->protocol,
		.idiag_states = UINT32_MAX,
		.id = socket->id,
	};
	return send_request(netlink, SOCK_DESTROY, NLM_F_ACK, &words, sizeof words, NULL, NULL);
}
