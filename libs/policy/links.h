/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Which of the device's links lead to an allowed peer, and what has to pass on each: from what the kernel says of links
 * and routes to the records of policy.h. In this order: fill struct link_facts, links_spread, links_finish.
 */
#ifndef POLICY_LINKS_H
#define POLICY_LINKS_H

#include "policy/policy.h"

enum {
	/* what is known of a link */
	FACT_LEADS = 1 << 0, /* a route over it covers an allowed peer, or somebody named it */
	FACT_ADDRESS = 1 << 1, /* it has an address that is not link-local */
	FACT_MAC = 1 << 2,
	FACT_WIRELESS = 1 << 3,
	FACT_SUPPLICANT = 1 << 4, /* a program listens for 802.1X on it */
	FACT_VLAN_FILTERING = 1 << 5, /* a bridge that does it */
	FACT_STP = 1 << 6, /* a bridge that takes part in spanning tree */
	FACT_PPPOE = 1 << 7, /* PPPoE sessions run over it */
	/* what follows */
	FACT_WAY = 1 << 8, /* peers are reached over it, or over what stands on it */
	FACT_OPAQUE = 1 << 9, /* the form of its frames is not known */
	FACT_CONDUIT = 1 << 10, /* a switch (DSA) is behind it */
	/* known again */
	FACT_DOWN = 1 << 12, /* no carrier, or switched off */
	FACT_LOOSE_MAC = 1 << 13, /* a bridge whose address is that of one of its ports, whichever that may be */
	FACT_SWITCHED = 1 << 11, /* a port of a switch that can forward by itself */
};

struct link_facts {
	struct policy_link link; /* the name and the form are the caller's, the rest is the result */
	uint16_t facts; /* FACT_ bits */
	uint16_t vlan; /* of a VLAN: its id, 0 when the tag is not one of 802.1Q */
	uint32_t index;
	uint32_t master; /* 0: none */
	uint32_t lower; /* IFLA_LINK; 0: none, or in another namespace */
	struct address remote; /* of a tunnel with a fixed remote */
	uint16_t port; /* of its outer packets, where they are UDP */
	uint8_t outer; /* IPPROTO_ of its outer packets; 0: not known */
	uint8_t type; /* link_type_find */
	uint8_t mac[MAC_LENGTH]; /* with FACT_MAC */
};

/*
 * The row of the table of link types; kind: IFLA_INFO_KIND or "", arphrd: ARPHRD_. There is one for every link: for
 * kinds that nobody knows the one that supposes the least.
 */
uint8_t link_type_find(const char *name, const char *kind, uint16_t arphrd);
enum link_form link_form_find(uint16_t arphrd);

/* Whether a route for this prefix leads to somebody whom the normalized policy allows. Host bits are 0. */
bool policy_route_leads(const struct policy *policy, enum ip_family family, const uint8_t *prefix, uint8_t length);
bool policy_network_overlaps(const struct policy_network *network, enum ip_family family, const uint8_t *prefix,
			     uint8_t length);

/* The link of this index, or NULL. Here and below, links are in order of their index. */
struct link_facts *links_find(struct link_facts *links, size_t count, uint32_t index);

/*
 * Finds what the links that lead to peers stand on. May be called again when more
 * links turned out to lead to peers (over which the outer packets of tunnels go). everything_unknown: somewhere a route
 * leads to a peer over a link that the kernel does not name; nothing is sealed then.
 */
void links_spread(struct link_facts *links, size_t count, bool everything_unknown);

/* Of a tunnel over which peers are reached: where its outer packets go. */
enum link_outer {
	OUTER_NONE,
	OUTER_KNOWN, /* to `remote` */
	OUTER_PEERS, /* to whom WireGuard says */
	OUTER_UNKNOWN, /* nobody knows */
	OUTER_PPP, /* the same, but for PPPoE */
};
enum link_outer link_outer(const struct link_facts *link);

/* What passes on each link. */
void links_finish(struct link_facts *links, size_t count);

/* The bridge between two ports of a switch, which then forwards frames itself and shows them to nobody; NULL: none. */
const struct link_facts *links_switched_bridge(struct link_facts *links, size_t count);

/* Whether peers are reached over a VRF, whose addresses are in a table of their own. After links_spread. */
bool links_have_vrf(const struct link_facts *links, size_t count);

/* Whether the link is not sealed only because it may become the next uplink. */
static inline bool link_is_idle(const struct link_facts *link)
{
	return !link->link.sealed && !(link->facts & FACT_WAY);
}

/* Whether it could be a backup uplink, but that it has an address and a carrier, and no route to a peer. */
bool link_may_be_backup(const struct link_facts *link);

/* Both leave out what is there already; false: it does not fit. */
bool policy_links_add_mac(struct policy_links *links, const uint8_t mac[MAC_LENGTH]);
bool policy_links_add_prefix(struct policy_links *links, const struct policy_prefix *prefix);

#endif
