/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The kernel's links, addresses and routes, one after the other, on a socket of the bus NETLINK_ROUTE. */
#ifndef NETLINK_RTNETLINK_H
#define NETLINK_RTNETLINK_H

#include <stdbool.h>
#include <stdint.h>

#include "base/address.h"
#include "netlink/socket.h"

/* Pointers are valid during the visit. */
struct netlink_link {
	const char *name;
	const char *kind; /* IFLA_INFO_KIND: "bridge", "vlan"; "" for most hardware */
	const uint8_t *mac; /* 6 bytes, or NULL */
	uint32_t index;
	uint32_t flags; /* IFF_ */
	uint32_t master; /* index of its bridge, bond or VRF; 0: none */
	uint32_t lower; /* IFLA_LINK; of a veth and its like the other end; 0: none, or in another namespace */
	uint16_t type; /* ARPHRD_ */
	uint16_t vlan; /* of a VLAN its id; 0: none, or the tag is not one of 802.1Q */
	bool vlan_filtering; /* of a bridge */
	bool stp; /* of a bridge */
	bool switched; /* a port of a switch that can forward by itself (IFLA_PHYS_SWITCH_ID) */
	bool xdp; /* an XDP program is attached */
	struct address remote; /* of a tunnel: where the outer packets go, unicast or multicast; family 0: not fixed */
	uint8_t outer; /* IPPROTO_ of a tunnel's outer packets; 0: not known */
	uint16_t port; /* of those over UDP, at both ends; host byte order */
};

struct netlink_address {
	uint32_t link;
	const uint8_t *bytes; /* the prefix' address: of a point-to-point link the other end; NULL: not said */
	const uint8_t *own; /* the device's */
	uint8_t family; /* AF_INET or AF_INET6 */
	uint8_t prefix_length;
	uint8_t scope; /* RT_SCOPE_ */
};

/* A unicast route of any table; one with several next hops is visited once for each. */
struct netlink_route {
	const uint8_t *destination; /* host bits are 0 */
	const uint8_t *gateway; /* of the route's family, or NULL */
	uint32_t link; /* 0: not said (a next hop object, and net.ipv4.nexthop_compat_mode is off) */
	uint8_t family; /* AF_INET or AF_INET6 */
	uint8_t prefix_length;
	uint8_t scope; /* RT_SCOPE_ */
	uint8_t protocol; /* RTPROT_: who keeps it */
	bool direct; /* no gateway, of either family: who is meant is on the link */
	bool onlink; /* the gateway is on the link although no prefix says so */
};

/*
 * Each calls visit for everything that there is, in the kernel's order, until one call returns a negative number. 0 or
 * -errno: the kernel's, or what visit returned; -EINTR when something changed meanwhile: what was visited may be
 * incomplete, and it should be done again.
 */
int netlink_each_link(struct netlink *netlink, int (*visit)(void *context, const struct netlink_link *link),
		      void *context);
int netlink_each_address(struct netlink *netlink, int (*visit)(void *context, const struct netlink_address *address),
			 void *context);
int netlink_each_route(struct netlink *netlink, uint8_t family,
		       int (*visit)(void *context, const struct netlink_route *route), void *context);

#endif
