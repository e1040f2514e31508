/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "netlink/rtnetlink.h"

#include <errno.h>
#include <linux/if_ether.h>
#include <linux/if_tunnel.h>
#include <linux/rtnetlink.h>
#include <string.h>

/* A dump's visitor, whatever it visits. */
struct visitor {
	int (*link)(void *context, const struct netlink_link *link);
	int (*address)(void *context, const struct netlink_address *address);
	int (*route)(void *context, const struct netlink_route *route);
	void *context;
	uint8_t family;
};

static int dump(struct netlink *netlink, uint16_t type, struct visitor *visitor,
		int (*take)(const struct nlmsghdr *message, void *context))
{
	/* ifinfomsg, ifaddrmsg and rtmsg begin with the family; a longer header than needed is no fault */
	union {
		struct nlmsghdr header;
		char bytes[NLMSG_LENGTH(sizeof(struct ifinfomsg))];
	} request = { .bytes = { 0 } };
	struct nlmsghdr *message = mnl_nlmsg_put_header(&request);
	message->nlmsg_type = type;
	message->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
	*(uint8_t *)mnl_nlmsg_put_extra_header(message, sizeof(struct ifinfomsg)) = visitor->family;
	return netlink_request(netlink, message, take, visitor);
}

/* ---- attributes ---- */

/* By their type, which is below the size of the table for all that are looked for; NULL: not there. */
struct attributes {
	const struct nlattr *of[IFLA_XDP + 1];
};

static void index_attributes(struct attributes *attributes, const void *bytes, size_t length)
{
	const struct nlattr *attribute = bytes;
	int left = (int)length;
	*attributes = (struct attributes){ .of = { NULL } };
	while (mnl_attr_ok(attribute, left)) {
		uint16_t type = mnl_attr_get_type(attribute);
		if (type < sizeof attributes->of / sizeof *attributes->of)
			attributes->of[type] = attribute;
		left -= (int)MNL_ALIGN(attribute->nla_len);
		attribute = mnl_attr_next(attribute);
	}
}

/* Of a message with a header of its own, or false when it is not of this type or too short. */
static bool index_message(struct attributes *attributes, const struct nlmsghdr *message, uint16_t type, size_t header)
{
	size_t length = mnl_nlmsg_get_payload_len(message);
	size_t begin = (header + 3) & ~(size_t)3;
	if (message->nlmsg_type != type || length < begin)
		return false;
	index_attributes(attributes, mnl_nlmsg_get_payload_offset(message, header), length - begin);
	return true;
}

static void index_nested(struct attributes *attributes, const struct nlattr *nest)
{
	index_attributes(attributes, nest ? mnl_attr_get_payload(nest) : NULL,
			 nest ? mnl_attr_get_payload_len(nest) : 0);
}

/* NULL when it is not there or shorter. */
static const void *bytes_of(const struct nlattr *attribute, size_t length)
{
	return attribute && mnl_attr_get_payload_len(attribute) >= length ? mnl_attr_get_payload(attribute) : NULL;
}

static uint32_t number_of(const struct nlattr *attribute)
{
	uint32_t number = 0;
	const void *bytes = bytes_of(attribute, sizeof number);
	if (bytes)
		memcpy(&number, bytes, sizeof number);
	return number;
}

/* Two bytes in network order. */
static uint16_t port_of(const struct nlattr *attribute)
{
	const uint8_t *bytes = bytes_of(attribute, 2);
	if (!bytes)
		return 0;
	return (uint16_t)(bytes[0] << 8 | bytes[1]);
}

static const char *string_of(const struct nlattr *attribute)
{
	return attribute && mnl_attr_validate(attribute, MNL_TYPE_NUL_STRING) >= 0 ? mnl_attr_get_str(attribute) : "";
}

static size_t length_of(uint8_t family)
{
	return family == AF_INET ? 4 : 16;
}

/* ---- links ---- */

static void take_remote(struct address *address, uint8_t family, const struct nlattr *attribute)
{
	struct address new = { .family = family };
	const void *bytes = bytes_of(attribute, length_of(family));
	if (!bytes)
		return;
	memcpy(new.bytes, bytes, length_of(family));
	if (!address_is_unspecified(&new))
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

static bool has_encapsulation(const struct nlattr *attribute)
{
	const uint16_t *type = bytes_of(attribute, sizeof *type);
	return type && *type != TUNNEL_ENCAP_NONE;
}

static void take_tunnel(struct netlink_link *link, const struct attributes *data)
{
	const char *name = link->kind;
	if (strncmp(name, "ip6", 3) == 0 && strcmp(name, "ip6tnl") != 0)
		name += 3;
	for (size_t i = 0; i < sizeof tunnel_kinds / sizeof *tunnel_kinds; i++) {
		const struct tunnel_kind *kind = &tunnel_kinds[i];
		if (strcmp(name, kind->kind) != 0)
			continue;
		bool wrapped = kind->wrapped && has_encapsulation(data->of[kind->wrapped]);
		link->outer = wrapped ? IPPROTO_UDP : kind->outer;
		link->port = link->outer == IPPROTO_UDP ? port_of(data->of[kind->port]) : 0;
		take_remote(&link->remote, AF_INET, data->of[kind->remote]);
		take_remote(&link->remote, AF_INET6, data->of[kind->remote6]);
	}
}

/* What is asked of one kind of link alone. */
static void take_kind_data(struct netlink_link *link, const struct nlattr *nest)
{
	struct attributes data;
	index_nested(&data, nest);
	if (strcmp(link->kind, "vlan") == 0) {
		const uint16_t *id = bytes_of(data.of[IFLA_VLAN_ID], sizeof *id);
		if (id && port_of(data.of[IFLA_VLAN_PROTOCOL]) == ETH_P_8021Q)
			link->vlan = *id;
	} else if (strcmp(link->kind, "bridge") == 0) {
		const uint8_t *filtering = bytes_of(data.of[IFLA_BR_VLAN_FILTERING], 1);
		link->vlan_filtering = filtering && *filtering;
		link->stp = number_of(data.of[IFLA_BR_STP_STATE]) != 0;
	} else {
		take_tunnel(link, &data);
	}
}

static int take_link(const struct nlmsghdr *message, void *context)
{
	const struct visitor *visitor = context;
	const struct ifinfomsg *header = mnl_nlmsg_get_payload(message);
	struct attributes attributes;
	struct attributes info;
	struct attributes xdp;
	if (!index_message(&attributes, message, RTM_NEWLINK, sizeof *header))
		return 0;
	index_nested(&info, attributes.of[IFLA_LINKINFO]);
	index_nested(&xdp, attributes.of[IFLA_XDP]);
	const uint8_t *attached = bytes_of(xdp.of[IFLA_XDP_ATTACHED], 1);
	const struct nlattr *mac = attributes.of[IFLA_ADDRESS];
	struct netlink_link link = {
		.name = string_of(attributes.of[IFLA_IFNAME]), .kind = string_of(info.of[IFLA_INFO_KIND]),
		.mac = mac && mnl_attr_get_payload_len(mac) == ETH_ALEN ? mnl_attr_get_payload(mac) : NULL,
		.index = (uint32_t)header->ifi_index, .flags = header->ifi_flags, .type = header->ifi_type,
		.master = number_of(attributes.of[IFLA_MASTER]), .switched = attributes.of[IFLA_PHYS_SWITCH_ID] != NULL,
		.xdp = attached && *attached != XDP_ATTACHED_NONE,
		.lower = attributes.of[IFLA_LINK_NETNSID] ? 0 : number_of(attributes.of[IFLA_LINK]),
	};
	if (link.lower == link.index)
		link.lower = 0;
	take_kind_data(&link, info.of[IFLA_INFO_DATA]);
	return visitor->link(visitor->context, &link);
}

int netlink_each_link(struct netlink *netlink, int (*visit)(void *context, const struct netlink_link *link),
		      void *context)
{
	struct visitor visitor = { .link = visit, .context = context };
	return dump(netlink, RTM_GETLINK, &visitor, take_link);
}

/* ---- addresses ---- */

static int take_address(const struct nlmsghdr *message, void *context)
{
	const struct visitor *visitor = context;
	const struct ifaddrmsg *header = mnl_nlmsg_get_payload(message);
	struct attributes attributes;
	if (!index_message(&attributes, message, RTM_NEWADDR, sizeof *header) ||
	    (header->ifa_family != AF_INET && header->ifa_family != AF_INET6))
		return 0;
	struct netlink_address address = {
		.link = header->ifa_index, .family = header->ifa_family, .prefix_length = header->ifa_prefixlen,
		.scope = header->ifa_scope,
		.bytes = bytes_of(attributes.of[IFA_ADDRESS], length_of(header->ifa_family)),
	};
	return address.bytes ? visitor->address(visitor->context, &address) : 0;
}

int netlink_each_address(struct netlink *netlink, int (*visit)(void *context, const struct netlink_address *address),
			 void *context)
{
	struct visitor visitor = { .address = visit, .context = context };
	return dump(netlink, RTM_GETADDR, &visitor, take_address);
}

/* ---- routes ---- */

/* One next hop. */
static int visit_hop(const struct visitor *visitor, struct netlink_route route, const struct attributes *attributes)
{
	route.gateway = bytes_of(attributes->of[RTA_GATEWAY], length_of(route.family));
	route.direct = !attributes->of[RTA_GATEWAY] && !attributes->of[RTA_VIA];
	return visitor->route(visitor->context, &route);
}

static int visit_hops(const struct visitor *visitor, struct netlink_route route, const struct nlattr *hops)
{
	const struct rtnexthop *hop = mnl_attr_get_payload(hops);
	size_t left = mnl_attr_get_payload_len(hops);
	int result = 0;
	while (result >= 0 && left >= sizeof *hop && hop->rtnh_len >= sizeof *hop && hop->rtnh_len <= left) {
		struct attributes attributes;
		size_t step = MNL_ALIGN(hop->rtnh_len);
		index_attributes(&attributes, hop + 1, hop->rtnh_len - sizeof *hop);
		route.link = (uint32_t)hop->rtnh_ifindex;
		route.onlink = (hop->rtnh_flags & RTNH_F_ONLINK) != 0;
		result = visit_hop(visitor, route, &attributes);
		left -= step < left ? step : left;
		hop = (const struct rtnexthop *)(const void *)((const char *)hop + step);
	}
	return result;
}

static int take_route(const struct nlmsghdr *message, void *context)
{
	static const uint8_t zeros[16];
	const struct visitor *visitor = context;
	const struct rtmsg *header = mnl_nlmsg_get_payload(message);
	struct attributes attributes;
	/* exceptions of the path MTU and redirects are clones of routes; a family that is missing gets all others */
	if (!index_message(&attributes, message, RTM_NEWROUTE, sizeof *header) ||
	    header->rtm_family != visitor->family || header->rtm_type != RTN_UNICAST ||
	    (header->rtm_flags & RTM_F_CLONED))
		return 0;
	const void *destination = bytes_of(attributes.of[RTA_DST], length_of(header->rtm_family));
	struct netlink_route route = {
		.destination = destination ? destination : zeros, .link = number_of(attributes.of[RTA_OIF]),
		.family = header->rtm_family, .prefix_length = header->rtm_dst_len, .scope = header->rtm_scope,
		.protocol = header->rtm_protocol, .onlink = (header->rtm_flags & RTNH_F_ONLINK) != 0,
	};
	const struct nlattr *hops = attributes.of[RTA_MULTIPATH];
	return hops ? visit_hops(visitor, route, hops) : visit_hop(visitor, route, &attributes);
}

int netlink_each_route(struct netlink *netlink, uint8_t family,
		       int (*visit)(void *context, const struct netlink_route *route), void *context)
{
	struct visitor visitor = { .route = visit, .context = context, .family = family };
	return dump(netlink, RTM_GETROUTE, &visitor, take_route);
}
