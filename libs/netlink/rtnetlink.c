/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "netlink/rtnetlink.h"

#include <errno.h>
#include <linux/if_ether.h>
#include <linux/if_tunnel.h>
#include <linux/rtnetlink.h>
#include <string.h>

/* A dump's visitor, whatever it visits. */
struct visitor {
	union {
		int (*link)(void *context, const struct netlink_link *link);
		int (*address)(void *context, const struct netlink_address *address);
		int (*route)(void *context, const struct netlink_route *route);
	};
	void *context;
	uint8_t family;
};

/* header_size: of the answers. */
static int dump(struct netlink *netlink, uint16_t type, size_t header_size, struct visitor *visitor,
		int (*take)(const struct netlink_message *message, void *context))
{
	/* ifinfomsg, ifaddrmsg and rtmsg begin with the family; a longer header than needed is no fault */
	_Alignas(struct nlmsghdr) char buffer[NLMSG_LENGTH(sizeof(struct ifinfomsg))];
	struct nlmsghdr *request = netlink_begin(buffer, type, NLM_F_DUMP, sizeof(struct ifinfomsg), visitor->family);
	return netlink_request(netlink, request, header_size, take, visitor);
}

static size_t length_of(uint8_t family)
{
	return family == AF_INET ? 4 : 16;
}

/* ---- links ---- */

static void take_remote(struct address *address, uint8_t family, const struct nlattr *attribute)
{
	struct address new = { .family = family };
	if (netlink_read_address(attribute, &new) && !address_is_unspecified(&new))
		*address = new;
}

/*
 * Kinds of tunnels, with their attributes. Those within IP may have their packets wrapped in UDP (FOU, GUE). GRE over
 * IPv6 is of kinds of its own, whose names begin with "ip6".
 */
static const struct tunnel_kind {
	char kind[7];
	uint8_t outer; /* IPPROTO_ */
	uint8_t remote, remote6; /* of either family, and of IPv6 */
	uint8_t wrapped; /* 0: it can't be */
	uint8_t port; /* where it is, or when it is, in UDP */
} tunnel_kinds[] = {
	{ "vxlan", IPPROTO_UDP, IFLA_VXLAN_GROUP, IFLA_VXLAN_GROUP6, 0, IFLA_VXLAN_PORT },
	{ "geneve", IPPROTO_UDP, IFLA_GENEVE_REMOTE, IFLA_GENEVE_REMOTE6, 0, IFLA_GENEVE_PORT },
	{ "ipip", IPPROTO_IPIP, IFLA_IPTUN_REMOTE, IFLA_IPTUN_REMOTE, IFLA_IPTUN_ENCAP_TYPE, IFLA_IPTUN_ENCAP_DPORT },
	{ "sit", IPPROTO_IPV6, IFLA_IPTUN_REMOTE, IFLA_IPTUN_REMOTE, IFLA_IPTUN_ENCAP_TYPE, IFLA_IPTUN_ENCAP_DPORT },
	{ "ip6tnl", IPPROTO_IPV6, IFLA_IPTUN_REMOTE, IFLA_IPTUN_REMOTE, IFLA_IPTUN_ENCAP_TYPE, IFLA_IPTUN_ENCAP_DPORT },
	{ "gre", IPPROTO_GRE, IFLA_GRE_REMOTE, IFLA_GRE_REMOTE, IFLA_GRE_ENCAP_TYPE, IFLA_GRE_ENCAP_DPORT },
	{ "gretap", IPPROTO_GRE, IFLA_GRE_REMOTE, IFLA_GRE_REMOTE, IFLA_GRE_ENCAP_TYPE, IFLA_GRE_ENCAP_DPORT },
	{ "erspan", IPPROTO_GRE, IFLA_GRE_REMOTE, IFLA_GRE_REMOTE, IFLA_GRE_ENCAP_TYPE, IFLA_GRE_ENCAP_DPORT },
};

static void take_tunnel(struct netlink_link *link, const struct nlattr *data)
{
	const char *name = link->kind;
	if (text_after(name, "ip6") && strcmp(name, "ip6tnl") != 0)
		name += 3;
	for (size_t i = 0; i < sizeof tunnel_kinds / sizeof *tunnel_kinds; i++) {
		const struct tunnel_kind *kind = &tunnel_kinds[i];
		if (strcmp(name, kind->kind) != 0)
			continue;
		bool wrapped = kind->wrapped &&
			       netlink_number(netlink_find(data, kind->wrapped), 2) != TUNNEL_ENCAP_NONE;
		link->outer = wrapped ? IPPROTO_UDP : kind->outer;
		if (link->outer == IPPROTO_UDP)
			link->port = (uint16_t)netlink_network_number(netlink_find(data, kind->port), 2);
		take_remote(&link->remote, AF_INET, netlink_find(data, kind->remote));
		take_remote(&link->remote, AF_INET6, netlink_find(data, kind->remote6));
	}
}

/* What is asked of one kind of link alone. */
static void take_kind_data(struct netlink_link *link, const struct nlattr *data)
{
	if (strcmp(link->kind, "vlan") == 0) {
		if (netlink_network_number(netlink_find(data, IFLA_VLAN_PROTOCOL), 2) == ETH_P_8021Q)
			link->vlan = (uint16_t)netlink_number(netlink_find(data, IFLA_VLAN_ID), 2);
	} else if (strcmp(link->kind, "bridge") == 0) {
		link->vlan_filtering = netlink_number(netlink_find(data, IFLA_BR_VLAN_FILTERING), 1) != 0;
		link->stp = netlink_number(netlink_find(data, IFLA_BR_STP_STATE), 4) != 0;
	} else {
		take_tunnel(link, data);
	}
}

static int take_link(const struct netlink_message *message, void *context)
{
	const struct visitor *visitor = context;
	const struct ifinfomsg *header = message->header;
	const struct nlattr *info = message->of[IFLA_LINKINFO];
	const struct nlattr *mac = message->of[IFLA_ADDRESS];
	if (message->whole->nlmsg_type != RTM_NEWLINK)
		return 0;
	struct netlink_link link = {
		.name = netlink_string(message->of[IFLA_IFNAME]),
		.kind = netlink_string(netlink_find(info, IFLA_INFO_KIND)),
		.mac = netlink_holds(mac, ETH_ALEN) ? mnl_attr_get_payload(mac) : NULL,
		.index = (uint32_t)header->ifi_index, .flags = header->ifi_flags, .type = header->ifi_type,
		.master = (uint32_t)netlink_number(message->of[IFLA_MASTER], 4),
		.switched = message->of[IFLA_PHYS_SWITCH_ID] != NULL,
		.xdp = netlink_number(netlink_find(message->of[IFLA_XDP], IFLA_XDP_ATTACHED), 1) != XDP_ATTACHED_NONE,
	};
	uint32_t lower = (uint32_t)netlink_number(message->of[IFLA_LINK], 4);
	if (!message->of[IFLA_LINK_NETNSID] && lower != link.index)
		link.lower = lower;
	take_kind_data(&link, netlink_find(info, IFLA_INFO_DATA));
	return visitor->link(visitor->context, &link);
}

int netlink_each_link(struct netlink *netlink, int (*visit)(void *context, const struct netlink_link *link),
		      void *context)
{
	struct visitor visitor = { .link = visit, .context = context };
	return dump(netlink, RTM_GETLINK, sizeof(struct ifinfomsg), &visitor, take_link);
}

/* ---- addresses ---- */

static int take_address(const struct netlink_message *message, void *context)
{
	const struct visitor *visitor = context;
	const struct ifaddrmsg *header = message->header;
	size_t length = length_of(header->ifa_family);
	struct netlink_address address = {
		.link = header->ifa_index, .family = header->ifa_family, .prefix_length = header->ifa_prefixlen,
		.scope = header->ifa_scope,
		.bytes = netlink_bytes(message->of[IFA_ADDRESS], length),
		.own = netlink_bytes(message->of[IFA_LOCAL], length),
	};
	if (message->whole->nlmsg_type != RTM_NEWADDR ||
	    (header->ifa_family != AF_INET && header->ifa_family != AF_INET6))
		return 0;
	if (!address.own)
		address.own = address.bytes;
	return address.own ? visitor->address(visitor->context, &address) : 0;
}

int netlink_each_address(struct netlink *netlink, int (*visit)(void *context, const struct netlink_address *address),
			 void *context)
{
	struct visitor visitor = { .address = visit, .context = context };
	return dump(netlink, RTM_GETADDR, sizeof(struct ifaddrmsg), &visitor, take_address);
}

/* ---- routes ---- */

/* One next hop. */
static int visit_hop(const struct visitor *visitor, struct netlink_route *route,
		     const struct nlattr *const of[NETLINK_TYPES])
{
	route->gateway = netlink_bytes(of[RTA_GATEWAY], length_of(route->family));
	route->direct = !of[RTA_GATEWAY] && !of[RTA_VIA];
	return visitor->route(visitor->context, route);
}

static int visit_hops(const struct visitor *visitor, struct netlink_route *route, const struct nlattr *hops)
{
	const struct rtnexthop *hop = mnl_attr_get_payload(hops);
	size_t left = mnl_attr_get_payload_len(hops);
	int result = 0;
	while (result >= 0 && left >= sizeof *hop && hop->rtnh_len >= sizeof *hop && hop->rtnh_len <= left) {
		const struct nlattr *of[NETLINK_TYPES];
		size_t step = MNL_ALIGN(hop->rtnh_len);
		netlink_index(of, hop + 1, hop->rtnh_len - sizeof *hop);
		route->link = (uint32_t)hop->rtnh_ifindex;
		route->onlink = (hop->rtnh_flags & RTNH_F_ONLINK) != 0;
		result = visit_hop(visitor, route, of);
		left -= step < left ? step : left;
		hop = (const struct rtnexthop *)(const void *)((const char *)hop + step);
	}
	return result;
}

static int take_route(const struct netlink_message *message, void *context)
{
	static const uint8_t zeros[16];
	const struct visitor *visitor = context;
	const struct rtmsg *header = message->header;
	/* exceptions of the path MTU and redirects are clones of routes; a family that is missing gets all others */
	if (message->whole->nlmsg_type != RTM_NEWROUTE || header->rtm_family != visitor->family ||
	    header->rtm_type != RTN_UNICAST || (header->rtm_flags & RTM_F_CLONED))
		return 0;
	const void *destination = netlink_bytes(message->of[RTA_DST], length_of(header->rtm_family));
	struct netlink_route route = {
		.destination = destination ? destination : zeros,
		.link = (uint32_t)netlink_number(message->of[RTA_OIF], 4), .family = header->rtm_family,
		.prefix_length = header->rtm_dst_len, .scope = header->rtm_scope, .protocol = header->rtm_protocol,
		.onlink = (header->rtm_flags & RTNH_F_ONLINK) != 0,
	};
	const struct nlattr *hops = message->of[RTA_MULTIPATH];
	return hops ? visit_hops(visitor, &route, hops) : visit_hop(visitor, &route, message->of);
}

int netlink_each_route(struct netlink *netlink, uint8_t family,
		       int (*visit)(void *context, const struct netlink_route *route), void *context)
{
	struct visitor visitor = { .route = visit, .context = context, .family = family };
	return dump(netlink, RTM_GETROUTE, sizeof(struct rtmsg), &visitor, take_route);
}
