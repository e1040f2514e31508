/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "netlink/own_address.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <linux/rtnetlink.h>

#include "netlink/socket.h"

enum { TRIES = 3 };

static int compare(const void *a, const void *b)
{
	return memcmp(a, b, sizeof(struct address));
}

static int take_message(const struct nlmsghdr *message, void *context)
{
	struct own_addresses *own = context;
	const struct ifaddrmsg *words = mnl_nlmsg_get_payload(message);
	struct nlattr *found = NULL;
	struct nlattr *attribute;
	netlink_for_each_attribute(attribute, message, sizeof *words) {
		/* of a point-to-point link, IFA_ADDRESS is the other end's */
		int type = mnl_attr_get_type(attribute);
		if (type == IFA_LOCAL || (type == IFA_ADDRESS && !found))
			found = attribute;
	}
	struct address address = { .family = words->ifa_family };
	if (!found || mnl_attr_get_payload_len(found) != address_length(&address))
		return 0;
	if (own->count == OWN_ADDRESSES_MAX)
		return -E2BIG;
	memcpy(address.bytes, mnl_attr_get_payload(found), address_length(&address));
	own->addresses[own->count++] = address;
	return 0;
}

static int read_all(struct netlink *netlink, struct own_addresses *own)
{
	int result = -EINTR;
	for (int i = 0; i < TRIES && result == -EINTR; i++) {
		_Alignas(struct nlmsghdr) char buffer[64];
		struct nlmsghdr *request = mnl_nlmsg_put_header(buffer);
		request->nlmsg_type = RTM_GETADDR;
		request->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
		(void)mnl_nlmsg_put_extra_header(request, sizeof(struct ifaddrmsg));
		own->count = 0;
		result = netlink_request(netlink, request, take_message, own);
	}
	return result;
}

int own_addresses_read(struct own_addresses *own, struct diag *diag)
{
	struct netlink netlink;
	int result = netlink_open(&netlink, NETLINK_ROUTE, diag);
	if (result < 0)
		return result;
	result = read_all(&netlink, own);
	netlink_close(&netlink);
	if (result < 0)
		return diag_errno(diag, -result, "list the device's addresses");
	qsort(own->addresses, own->count, sizeof *own->addresses, compare);
	return 0;
}

bool own_addresses_have(const struct own_addresses *own, const struct address *address)
{
	return address_is_loopback(address) ||
	       bsearch(address, own->addresses, own->count, sizeof *address, compare) != NULL;
}
