/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "policy/links.h"

#include <string.h>

/* ---- the table of link types ---- */

/* What a kind of link stands on. */
enum {
	BELOW_LOWER = 1 << 0, /* the link of its IFLA_LINK */
	BELOW_PORTS = 1 << 1, /* the links of which it is the master */
	BELOW_PPPOE = 1 << 2, /* the links with PPPoE sessions */
	BELOW_REMOTE = 1 << 3, /* packets to a remote that the kernel knows */
	BELOW_HIDDEN = 1 << 4, /* packets of which only the tunnel knows where they go */
	BELOW_PEERS = 1 << 5, /* packets to peers, of whom the kernel tells those who ask WireGuard */
	ABOVE_PORTS = 1 << 6, /* what passes its ports passes it as well */
	IS_VLAN = 1 << 7,
	IS_CHILD = 1 << 8, /* has a share of the link below */
	IS_OPAQUE = 1 << 9, /* the frames below are of a form that no rules know */
	NEEDS_SLOW = 1 << 10, /* slow protocols keep the links below alive */
	MAY_BE_IDLE = 1 << 11, /* without an address it waits for its turn as an uplink */
};

enum { TYPE_HARDWARE, TYPE_MONITOR, TYPE_PPP, TYPE_TUNNEL, TYPE_OTHER, TYPE_DSA, TYPE_FIRST_KIND = TYPE_PPP };

/*
 * A kind that is not here is TYPE_OTHER: everything is supposed to be below it. IFLA_LINK of veth and netkit is their
 * other end.
 */
static const struct link_type {
	char kind[10]; /* IFLA_INFO_KIND */
	uint16_t is;
} types[] = {
	[TYPE_HARDWARE] = { .is = MAY_BE_IDLE },
	[TYPE_MONITOR] = { .is = 0 }, /* of 802.11 and of netlink */
	[TYPE_PPP] = { "ppp", BELOW_PPPOE | MAY_BE_IDLE },
	[TYPE_TUNNEL] = { "tun", BELOW_HIDDEN | MAY_BE_IDLE },
	[TYPE_OTHER] = { "*", BELOW_LOWER | BELOW_PORTS | IS_OPAQUE },
	[TYPE_DSA] = { "dsa", BELOW_LOWER | MAY_BE_IDLE | IS_OPAQUE },
	{ "vlan", BELOW_LOWER | IS_VLAN },
	{ "macvlan", BELOW_LOWER | IS_CHILD },
	{ "macvtap", BELOW_LOWER | IS_CHILD },
	{ "ipvlan", BELOW_LOWER | IS_CHILD },
	{ "ipvtap", BELOW_LOWER | IS_CHILD },
	{ "bridge", BELOW_PORTS },
	{ "bond", BELOW_PORTS | NEEDS_SLOW },
	{ "team", BELOW_PORTS | NEEDS_SLOW },
	{ "vrf", ABOVE_PORTS },
	{ "veth", 0 },
	{ "netkit", 0 },
	{ "dummy", 0 },
	{ "ifb", 0 },
	{ "can", MAY_BE_IDLE }, /* no IP on it, and what it drives should not stop */
	{ "wwan", MAY_BE_IDLE },
	{ "vxlan", BELOW_REMOTE },
	{ "wireguard", BELOW_PEERS | MAY_BE_IDLE },
	{ "ipip", BELOW_REMOTE | MAY_BE_IDLE },
	{ "sit", BELOW_REMOTE | MAY_BE_IDLE },
	{ "ip6tnl", BELOW_REMOTE | MAY_BE_IDLE },
	{ "gre", BELOW_REMOTE | MAY_BE_IDLE },
	{ "ip6gre", BELOW_REMOTE | MAY_BE_IDLE },
	{ "gretap", BELOW_REMOTE },
	{ "ip6gretap", BELOW_REMOTE },
	{ "erspan", BELOW_REMOTE },
	{ "ip6erspan", BELOW_REMOTE },
	{ "geneve", BELOW_REMOTE },
	{ "l2tpeth", BELOW_HIDDEN },
};

/* linux/if_arp.h, which can't be included beside the C library's headers. */
enum {
	TYPE_ETHER = 1,
	TYPE_PPP_LINK = 512,
	TYPE_RAW_IP = 519, /* modems */
	TYPE_IP_TUNNEL = 768,
	TYPE_IP6_TUNNEL = 769,
	TYPE_SIT = 776,
	TYPE_GRE = 778,
	TYPE_80211_FIRST = 801,
	TYPE_80211_LAST = 803,
	TYPE_GRE6 = 823,
	TYPE_NETLINK = 824,
	TYPE_VSOCK = 826,
	TYPE_NONE = 0xfffe,
};

enum link_form link_form_find(uint16_t arphrd)
{
	switch (arphrd) {
	case TYPE_ETHER:
		return LINK_ETHERNET;
	case TYPE_PPP_LINK:
	case TYPE_RAW_IP:
	case TYPE_IP_TUNNEL:
	case TYPE_IP6_TUNNEL:
	case TYPE_SIT:
	case TYPE_GRE:
	case TYPE_GRE6:
	case TYPE_NONE:
		return LINK_IP;
	default:
		return LINK_UNKNOWN;
	}
}

uint8_t link_type_find(const char *name, const char *kind, uint16_t arphrd)
{
	bool monitor = (arphrd >= TYPE_80211_FIRST && arphrd <= TYPE_80211_LAST) || arphrd == TYPE_NETLINK ||
		       arphrd == TYPE_VSOCK;
	for (size_t i = TYPE_FIRST_KIND; i < sizeof types / sizeof *types; i++) {
		if (strcmp(types[i].kind, kind) == 0)
			return (uint8_t)i;
	}
	if (monitor)
		return TYPE_MONITOR;
	if (arphrd == TYPE_PPP_LINK)
		return TYPE_PPP;
	/* of several channels in a modem's frames; the kernel says neither a kind nor the modem */
	if (text_after(name, "qmimux"))
		return TYPE_OTHER;
	if (*kind == '\0')
		return TYPE_HARDWARE;
	return link_form_find(arphrd) == LINK_IP && arphrd != TYPE_RAW_IP ? TYPE_TUNNEL : TYPE_OTHER;
}

static unsigned is(const struct link_facts *link, unsigned bits)
{
	return types[link->type].is & bits;
}

/* ---- routes ---- */

static bool same_bits(const uint8_t *a, const uint8_t *b, unsigned bits)
{
	if (memcmp(a, b, bits / 8) != 0)
		return false;
	return bits % 8 == 0 || ((a[bits / 8] ^ b[bits / 8]) & (uint8_t)(0xff00u >> bits % 8)) == 0;
}

/* The records are in order: the first one that is not before the prefix decides. */
static bool prefix_has_peer(const struct peer_list *list, enum ip_family family, const uint8_t *prefix, uint8_t length)
{
	const uint8_t *record = peer_list_find(list, family, prefix, family_address_length(family));
	return record && same_bits(record, prefix, length);
}

bool policy_network_overlaps(const struct policy_network *network, enum ip_family family, const uint8_t *prefix,
			     uint8_t length)
{
	unsigned bits = length < network->prefix_length ? length : network->prefix_length;
	return network->address.family == family_number(family) && same_bits(network->address.bytes, prefix, bits);
}

bool policy_route_leads(const struct policy *policy, enum ip_family family, const uint8_t *prefix, uint8_t length)
{
	if (length == 0 && policy->dns_any)
		return true;
	for (size_t role = 0; role < PEER_ROLES; role++) {
		if (prefix_has_peer(&policy->peers[role][family], family, prefix, length))
			return true;
	}
	for (size_t i = 0; i < policy->network_count; i++) {
		if (policy_network_overlaps(&policy->networks[i], family, prefix, length))
			return true;
	}
	return false;
}

/* ---- what stands on what ---- */

struct link_facts *links_find(struct link_facts *links, size_t count, uint32_t index)
{
	size_t first = 0;
	size_t end = count;
	while (first < end) {
		size_t middle = first + (end - first) / 2;
		if (links[middle].index < index)
			first = middle + 1;
		else
			end = middle;
	}
	return index && first < count && links[first].index == index ? &links[first] : NULL;
}

/* These return whether it is new. What is known of a link only grows, so that spreading ends. */
static bool add(struct link_facts *link, unsigned facts, unsigned passes)
{
	bool new = (facts & ~link->facts) || (passes & ~link->link.passes);
	link->facts |= (uint16_t)facts;
	link->link.passes |= (uint8_t)passes;
	return new;
}

static bool add_vlan(struct link_facts *facts, uint16_t vlan)
{
	struct policy_link *link = &facts->link;
	if (link->passes & LINK_ANY_VLAN)
		return false;
	for (size_t i = 0; i < link->vlan_count; i++) {
		if (link->vlans[i] == vlan)
			return false;
	}
	if (link->vlan_count == POLICY_LINK_VLANS_MAX)
		return add(facts, 0, LINK_ANY_VLAN);
	link->vlans[link->vlan_count++] = vlan;
	return true;
}

/* What passes a link passes the one below it as well, in the wrapping that it adds. */
static bool spread_below(struct link_facts *below, const struct link_facts *link)
{
	unsigned facts = FACT_WAY | (link->facts & (FACT_OPAQUE | FACT_LOOSE_MAC));
	unsigned passes = link->link.passes & (LINK_UNTAGGED | LINK_ANY_VLAN | LINK_SLOW | LINK_STP | LINK_PPPOE);
	bool new = false;
	if (is(link, IS_VLAN)) {
		/* tags within tags, and those of 802.1ad, are in no rule */
		if (link->vlan == 0 || link->link.vlan_count || (passes & LINK_ANY_VLAN))
			facts |= FACT_OPAQUE;
		passes &= ~(unsigned)(LINK_UNTAGGED | LINK_ANY_VLAN);
		new = link->vlan != 0 && add_vlan(below, link->vlan);
	} else {
		for (size_t i = 0; i < link->link.vlan_count; i++)
			new |= add_vlan(below, link->link.vlans[i]);
	}
	if (link->facts & FACT_VLAN_FILTERING)
		passes |= LINK_UNTAGGED | LINK_ANY_VLAN;
	if (link->facts & FACT_STP)
		passes |= LINK_STP;
	if (is(link, NEEDS_SLOW))
		passes |= LINK_SLOW;
	if (is(link, IS_OPAQUE))
		facts |= FACT_OPAQUE;
	return add(below, facts, passes) || new;
}

/* Every link that has all of `wanted` becomes part of a way. */
static bool add_all(struct link_facts *links, size_t count, unsigned wanted, unsigned facts, unsigned passes)
{
	bool new = false;
	for (size_t i = 0; i < count; i++) {
		if ((links[i].facts & wanted) == wanted)
			new |= add(&links[i], FACT_WAY | facts, passes);
	}
	return new;
}

/* A way of a kind that nobody knows, and the kernel does not say on what it stands. */
static bool stands_on_anything(const struct link_facts *link, const struct link_facts *links, size_t count)
{
	if (link->type != TYPE_OTHER || link->lower)
		return false;
	for (size_t i = 0; i < count; i++) {
		if (links[i].master == link->index)
			return false;
	}
	return true;
}

static bool spread_one(struct link_facts *link, struct link_facts *links, size_t count)
{
	struct link_facts *master = links_find(links, count, link->master);
	struct link_facts *lower = links_find(links, count, link->lower);
	bool new = false;
	/* an address of this device's on the same wire: of VRRP, say, whose virtual address speaks to the server */
	if (lower && is(link, IS_CHILD) && (link->facts & FACT_ADDRESS) && (lower->facts & FACT_WAY) &&
	    (lower->link.passes & LINK_UNTAGGED))
		new = add(link, FACT_WAY, LINK_UNTAGGED);
	if (master && is(master, BELOW_PORTS) && (master->facts & FACT_WAY))
		new |= spread_below(link, master);
	if (!(link->facts & FACT_WAY))
		return new;
	if (master && is(master, ABOVE_PORTS))
		new |= add(master, FACT_WAY, LINK_UNTAGGED);
	if (lower && is(link, BELOW_LOWER))
		new |= spread_below(lower, link);
	if (is(link, BELOW_PPPOE))
		new |= add_all(links, count, FACT_PPPOE, 0, LINK_PPPOE);
	if (stands_on_anything(link, links, count))
		new |= add_all(links, count, 0, FACT_OPAQUE, LINK_UNTAGGED);
	return new;
}

void links_spread(struct link_facts *links, size_t count, bool everything_unknown)
{
	bool new = true;
	for (size_t i = 0; i < count; i++) {
		struct link_facts *lower = links_find(links, count, links[i].lower);
		if (links[i].facts & FACT_LEADS)
			(void)add(&links[i], FACT_WAY, LINK_UNTAGGED);
		if (links[i].type == TYPE_DSA && lower)
			lower->facts |= FACT_CONDUIT;
	}
	if (everything_unknown)
		(void)add_all(links, count, 0, FACT_OPAQUE, LINK_UNTAGGED);
	while (new) {
		new = false;
		for (size_t i = 0; i < count; i++)
			new |= spread_one(&links[i], links, count);
	}
}

enum link_outer link_outer(const struct link_facts *link)
{
	bool fixed = link->remote.family != 0 && !address_is_multicast(&link->remote) &&
		     (link->outer == IPPROTO_UDP ? link->port != 0 : link->outer != 0);
	if ((link->facts & FACT_WAY) && is(link, BELOW_PPPOE))
		return OUTER_PPP;
	if (!(link->facts & FACT_WAY) || !is(link, BELOW_REMOTE | BELOW_HIDDEN | BELOW_PEERS))
		return OUTER_NONE;
	if (is(link, BELOW_PEERS))
		return OUTER_PEERS;
	return is(link, BELOW_REMOTE) && fixed ? OUTER_KNOWN : OUTER_UNKNOWN;
}

const struct link_facts *links_switched_bridge(struct link_facts *links, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		const struct link_facts *master = links_find(links, count, links[i].master);
		if (!(links[i].facts & FACT_SWITCHED) || !master || strcmp(types[master->type].kind, "bridge") != 0)
			continue;
		for (size_t j = 0; j < i; j++) {
			if ((links[j].facts & FACT_SWITCHED) && links[j].master == links[i].master)
				return master;
		}
	}
	return NULL;
}

bool links_have_vrf(const struct link_facts *links, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if ((links[i].facts & FACT_WAY) && strcmp(types[links[i].type].kind, "vrf") == 0)
			return true;
	}
	return false;
}

/* ---- the result ---- */

/*
 * What has neither address nor master may get a lease or a route later, and a backup with an address waits without a
 * carrier. A tap is the end of a program: only its kin without Ethernet frames are uplinks.
 */
static bool is_uplinks_kind(const struct link_facts *link)
{
	bool tap = is(link, BELOW_HIDDEN) && link->link.form == LINK_ETHERNET;
	return is(link, MAY_BE_IDLE) && !tap && link->master == 0;
}

static bool may_become_uplink(const struct link_facts *link)
{
	return is_uplinks_kind(link) && (!(link->facts & FACT_ADDRESS) || (link->facts & FACT_DOWN));
}

bool link_may_be_backup(const struct link_facts *link)
{
	return link->link.sealed && is_uplinks_kind(link);
}

static void finish(struct link_facts *facts)
{
	struct policy_link *link = &facts->link;
	bool way = facts->facts & FACT_WAY;
	link->sealed = !way && !(facts->facts & FACT_CONDUIT) && !may_become_uplink(facts);
	if (!way)
		link->passes = link->sealed ? 0 : LINK_UNTAGGED;
	if (facts->facts & (FACT_OPAQUE | FACT_CONDUIT))
		link->form = LINK_UNKNOWN;
	if (link->sealed || link->form != LINK_ETHERNET)
		return;
	if (facts->facts & FACT_WIRELESS)
		link->passes |= LINK_ANY_MAC | LINK_EAPOL;
	if (facts->facts & FACT_LOOSE_MAC)
		link->passes |= LINK_ANY_MAC;
	if (facts->facts & FACT_SUPPLICANT)
		link->passes |= LINK_EAPOL;
}

void links_finish(struct link_facts *links, size_t count)
{
	for (size_t i = 0; i < count; i++)
		finish(&links[i]);
}

bool policy_links_add_mac(struct policy_links *links, const uint8_t mac[MAC_LENGTH])
{
	for (size_t i = 0; i < links->mac_count; i++) {
		if (memcmp(links->macs[i], mac, MAC_LENGTH) == 0)
			return true;
	}
	if (links->mac_count == POLICY_MACS_MAX)
		return false;
	memcpy(links->macs[links->mac_count++], mac, MAC_LENGTH);
	return true;
}

bool policy_links_add_prefix(struct policy_links *links, const struct policy_prefix *prefix)
{
	struct policy_prefix clear = *prefix;
	size_t length = family_address_length((enum ip_family)prefix->family);
	for (size_t bit = prefix->prefix_length; bit < 8 * length; bit++)
		clear.address[bit / 8] &= (uint8_t)~(0x80u >> bit % 8);
	for (size_t i = 0; i < links->on_link_count; i++) {
		const struct policy_prefix *there = &links->on_link[i];
		if (there->family == clear.family && there->prefix_length == clear.prefix_length &&
		    there->gateway == clear.gateway && memcmp(there->address, clear.address, length) == 0)
			return true;
	}
	if (links->on_link_count == POLICY_ON_LINK_MAX)
		return false;
	links->on_link[links->on_link_count++] = clear;
	return true;
}
