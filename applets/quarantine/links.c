/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "links.h"

#include <errno.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/line.h"
#include "base/parse.h"
#include "netlink/ipsec.h"
#include "netlink/own_address.h"
#include "netlink/rtnetlink.h"
#include "netlink/wireguard.h"
#include "policy/flow.h"
#include "policy/links.h"

enum {
	DUMP_TRIES = 8, /* while something changes */
	PREFIXES_MAX = 1024, /* before those of sealed links are left out */
	WORD_SIZE = POLICY_INTERFACE_SIZE,
	LOWER_UP = 1 << 16, /* IFF_LOWER_UP of linux/if.h, which can't be included beside net/if.h */
	PORT_IPSEC = 4500, /* behind NAT: RFC 3948 */
	FILE_LIMIT = 4 << 20, /* bytes; more sessions or sockets than a device has */
};

struct prefix_on {
	uint32_t link;
	struct policy_prefix prefix;
};

/* What a survey needs while it is made. */
struct surveyor {
	struct links_survey *survey;
	const struct policy *policy;
	const struct links_hints *hints;
	struct netlink netlink;
	struct link_facts *links; /* in order of their index */
	size_t count;
	struct prefix_on *prefixes;
	size_t prefix_count;
	size_t outer_first; /* of survey->outer, those that routes have not been held against yet */
	bool first_round; /* of routes */
};

/* Makes room for one more in an array that grows by doubling. */
static void *room(void *array, size_t count, size_t size)
{
	if (count & (count - 1) || (count && count < 8))
		return array;
	return realloc(array, (count ? 2 * count : 8) * size);
}

static struct link_facts *find(const struct surveyor *surveyor, uint32_t index)
{
	return links_find(surveyor->links, surveyor->count, index);
}

/* Hands each line to `take`. A file that is not there has none: kernels without a protocol lack its list. */
static void read_lines(const char *path, void (*take)(void *context, const char *line), void *context)
{
	struct line_reader reader;
	char *line;
	if (line_reader_open(&reader, path, FILE_LIMIT, NULL) == 0) {
		while (line_reader_next(&reader, &line, NULL) > 0)
			take(context, line);
	}
	line_reader_close(&reader);
}

/* ---- links ---- */

enum { PATH_SIZE = 64 };

static const char *path_of(const struct netlink_link *link, const char *file, char path[PATH_SIZE])
{
	struct text text = text_on(path, PATH_SIZE);
	text_addf(&text, "/sys/class/net/%s/%s", link->name, file);
	return path;
}

static bool is_wireless(const struct netlink_link *link)
{
	char path[PATH_SIZE];
	return access(path_of(link, "phy80211", path), F_OK) == 0 || access(path_of(link, "wireless", path), F_OK) == 0;
}

static void note_first_character(void *context, const char *line)
{
	*(char *)context = *line;
}

/* NET_ADDR_SET of linux/netdevice.h: somebody chose the address. A bridge has that of a port otherwise, the lowest. */
static bool has_loose_mac(const struct netlink_link *link)
{
	char path[PATH_SIZE], assigned = '\0';
	if (strcmp(link->kind, "bridge") != 0)
		return false;
	read_lines(path_of(link, "addr_assign_type", path), note_first_character, &assigned);
	return assigned != '3';
}

/* The links that somebody named; NULL behind the last one. */
static const char *named_link(const struct surveyor *surveyor, size_t place)
{
	const struct policy *policy = surveyor->policy;
	if (place < surveyor->hints->uplink_count)
		return surveyor->hints->uplinks[place];
	place -= surveyor->hints->uplink_count;
	return place < policy->dhcp_server_count ? policy->dhcp_server[place] : NULL;
}

static bool is_named(const struct surveyor *surveyor, const char *link)
{
	const char *name;
	for (size_t i = 0; (name = named_link(surveyor, i)) != NULL; i++) {
		if (strcmp(name, link) == 0)
			return true;
	}
	return false;
}

static int visit_link(void *context, const struct netlink_link *link)
{
	struct surveyor *surveyor = context;
	surveyor->survey->xdp |= link->xdp;
	if (link->flags & IFF_LOOPBACK)
		return 0;
	if (surveyor->count == SURVEY_LINKS_MAX)
		return -E2BIG;
	struct link_facts *links = room(surveyor->links, surveyor->count, sizeof *links);
	if (!links)
		return -ENOMEM;
	surveyor->links = links;
	struct link_facts *facts = &links[surveyor->count++];
	*facts = (struct link_facts){
		.index = link->index, .master = link->master, .lower = link->lower, .vlan = link->vlan,
		.remote = link->remote, .port = link->port, .outer = link->outer,
		.type = link_type_find(link->name, link->kind, link->type),
		.facts = (uint16_t)((link->mac ? FACT_MAC : 0) | (link->stp ? FACT_STP : 0) |
				    (link->vlan_filtering ? FACT_VLAN_FILTERING : 0) |
				    (link->switched ? FACT_SWITCHED : 0) | (has_loose_mac(link) ? FACT_LOOSE_MAC : 0) |
				    (link->flags & LOWER_UP ? 0 : FACT_DOWN) |
				    (is_wireless(link) ? FACT_WIRELESS : 0) |
				    (is_named(surveyor, link->name) ? FACT_LEADS : 0)),
	};
	text_copy(facts->link.name, sizeof facts->link.name, link->name);
	facts->link.form = (uint8_t)link_form_find(link->type);
	if (link->mac)
		memcpy(facts->mac, link->mac, MAC_LENGTH);
	return 0;
}

static int compare_index(const void *a, const void *b)
{
	const struct link_facts *first = a;
	const struct link_facts *second = b;
	return (first->index > second->index) - (first->index < second->index);
}

/* A dump that was interrupted is begun again; what had been found by then still counts. */
static int read_links(struct surveyor *surveyor)
{
	int result = -EINTR;
	for (size_t i = 0; i < DUMP_TRIES && result == -EINTR; i++) {
		surveyor->count = 0;
		free(surveyor->links);
		surveyor->links = NULL;
		result = netlink_each_link(&surveyor->netlink, visit_link, surveyor);
	}
	if (surveyor->count)
		qsort(surveyor->links, surveyor->count, sizeof *surveyor->links, compare_index);
	return result;
}

/* ---- addresses ---- */

/* Neighbours are asked for on Ethernet only. */
static int add_prefix(struct surveyor *surveyor, const struct link_facts *link, enum ip_family family,
		      const uint8_t *bytes, uint8_t length, bool gateway)
{
	struct prefix_on new = {
		.link = link->index, .prefix.prefix_length = length, .prefix.family = (uint8_t)family,
		.prefix.gateway = gateway,
	};
	memcpy(new.prefix.address, bytes, family_address_length(family));
	/* link-local and multicast ones the rules know without being told */
	bool known = family == IPV6 && (bytes[0] == 0xff || (bytes[0] == 0xfe && (bytes[1] & 0xc0) == 0x80));
	if (link->link.form != LINK_ETHERNET || (known && !gateway))
		return 0;
	for (size_t i = 0; i < surveyor->prefix_count; i++) {
		if (memcmp(&surveyor->prefixes[i], &new, sizeof new) == 0)
			return 0;
	}
	if (surveyor->prefix_count == PREFIXES_MAX) {
		surveyor->survey->on_link_cut = true;
		return 0;
	}
	struct prefix_on *prefixes = room(surveyor->prefixes, surveyor->prefix_count, sizeof *prefixes);
	if (!prefixes)
		return -ENOMEM;
	surveyor->prefixes = prefixes;
	prefixes[surveyor->prefix_count++] = new;
	return 0;
}

static int visit_address(void *context, const struct netlink_address *address)
{
	struct surveyor *surveyor = context;
	struct link_facts *link = find(surveyor, address->link);
	bool v4 = address->family == AF_INET;
	if (!link || !address->bytes)
		return 0;
	/* 169.254.0.0/16 is often given without its scope */
	bool local = address->scope >= RT_SCOPE_LINK ||
		     (v4 && address->bytes[0] == 169 && address->bytes[1] == 254);
	if (!local)
		link->facts |= FACT_ADDRESS;
	return add_prefix(surveyor, link, v4 ? IPV4 : IPV6, address->bytes, address->prefix_length, false);
}

static int read_addresses(struct surveyor *surveyor)
{
	int result = -EINTR;
	for (size_t i = 0; i < DUMP_TRIES && result == -EINTR; i++)
		result = netlink_each_address(&surveyor->netlink, visit_address, surveyor);
	return result;
}

/* ---- what only /proc says ---- */

/* Copies the word at this place of a line, from 0; "" when there is none. */
static void copy_word(const char *line, size_t place, char word[WORD_SIZE])
{
	line += strspn(line, " ");
	while (place-- > 0) {
		line += strcspn(line, " ");
		line += strspn(line, " ");
	}
	size_t length = strcspn(line, " ");
	if (length >= WORD_SIZE)
		length = WORD_SIZE - 1;
	memcpy(word, line, length);
	word[length] = '\0';
}

/* Lists of what uses a link. */
static const struct usage {
	uint16_t fact;
	uint8_t link_place; /* the word that is the link's name or index, 0 for all links */
	uint8_t other_place;
	char other[5]; /* what another word has to be, or "" */
	char path[17];
} usages[] = {
	/* "sk RefCnt Type Proto Iface ...": packet sockets */
	{ FACT_SUPPLICANT, 4, 3, "888e", "/proc/net/packet" },
	/* "Id Address Device": sessions; which ppp link is whose is not said */
	{ FACT_PPPOE, 2, 0, "", "/proc/net/pppoe" },
};

struct usage_reader {
	const struct surveyor *surveyor;
	const struct usage *usage;
};

static void note_usage(void *context, const char *line)
{
	const struct usage_reader *reader = context;
	const struct usage *usage = reader->usage;
	char word[WORD_SIZE];
	uint64_t index;
	copy_word(line, usage->other_place, word);
	if (*usage->other && strcmp(word, usage->other) != 0)
		return;
	copy_word(line, usage->link_place, word);
	bool numbered = parse_unsigned(word, UINT32_MAX, &index);
	for (size_t i = 0; i < reader->surveyor->count; i++) {
		struct link_facts *link = &reader->surveyor->links[i];
		if (strcmp(link->link.name, word) == 0 || (numbered && (index == 0 || index == link->index)))
			link->facts |= usage->fact;
	}
}

/* ---- routes ---- */

/* RTPROT_ of linux/rtnetlink.h whose routes live by what neighbours send. */
static const char *routing_daemon(uint8_t protocol)
{
	static const struct {
		uint8_t protocol;
		char name[6];
	} daemons[] = {
		{ 186, "bgp" }, { 188, "ospf" }, { 187, "isis" }, { 189, "rip" }, { 192, "eigrp" },
		{ RTPROT_BABEL, "babel" }, { RTPROT_BIRD, "bird" }, { RTPROT_ZEBRA, "zebra" },
	};
	for (size_t i = 0; i < sizeof daemons / sizeof *daemons; i++) {
		if (daemons[i].protocol == protocol)
			return daemons[i].name;
	}
	return NULL;
}

static void note_daemon(struct links_survey *survey, const struct netlink_route *route)
{
	const char *daemon = routing_daemon(route->protocol);
	if (!daemon)
		return;
	survey->daemon = daemon;
	survey->gateway = (struct address){ .family = route->gateway ? route->family : 0 };
	if (route->gateway)
		memcpy(survey->gateway.bytes, route->gateway, address_length(&survey->gateway));
}

static bool leads(const struct surveyor *surveyor, const struct netlink_route *route)
{
	enum ip_family family = route->family == AF_INET ? IPV4 : IPV6;
	const struct links_survey *survey = surveyor->survey;
	for (size_t i = surveyor->outer_first; i < survey->outer_count; i++) {
		if (policy_network_overlaps(&survey->outer[i], family, route->destination, route->prefix_length))
			return true;
	}
	return surveyor->first_round &&
	       policy_route_leads(surveyor->policy, family, route->destination, route->prefix_length);
}

static int visit_route(void *context, const struct netlink_route *route)
{
	struct surveyor *surveyor = context;
	struct link_facts *link = find(surveyor, route->link);
	bool v4 = route->family == AF_INET;
	enum ip_family family = v4 ? IPV4 : IPV6;
	if (route->link && !link) /* loopback, or newer than our list */
		return 0;
	bool to_peer = leads(surveyor, route);
	if (to_peer)
		note_daemon(surveyor->survey, route);
	if (!link) {
		surveyor->survey->next_hops |= to_peer;
		return 0;
	}
	if (to_peer)
		link->facts |= FACT_LEADS;
	if (route->direct && (!v4 || route->scope <= RT_SCOPE_LINK)) /* routing daemons say global */
		return add_prefix(surveyor, link, family, route->destination, route->prefix_length, false);
	if (!to_peer || !route->gateway)
		return 0;
	int result = add_prefix(surveyor, link, family, route->gateway, v4 ? 32 : 128, true);
	return result == 0 && route->onlink ?
		       add_prefix(surveyor, link, family, route->gateway, v4 ? 32 : 128, false) :
		       result;
}

static int read_routes(struct surveyor *surveyor, uint8_t family)
{
	int result = -EINTR;
	for (size_t i = 0; i < DUMP_TRIES && result == -EINTR; i++)
		result = netlink_each_route(&surveyor->netlink, family, visit_route, surveyor);
	return result;
}

/* ---- tunnels ---- */

static void add_outer(struct links_survey *survey, struct policy_network *new)
{
	new->prefix_length = (uint8_t)(8 * address_length(&new->address));
	for (size_t i = 0; i < survey->outer_count; i++) {
		const struct policy_network *there = &survey->outer[i];
		if (address_equal(&there->address, &new->address) && there->port == new->port &&
		    there->protocol == new->protocol && there->inbound == new->inbound &&
		    there->own_port == new->own_port)
			return;
	}
	if (survey->outer_count == SURVEY_OUTER_MAX)
		survey->outer_cut = true;
	else
		survey->outer[survey->outer_count++] = *new;
}

static void note_remote(struct links_survey *survey, const struct link_facts *link)
{
	struct policy_network new = { .address = link->remote, .protocol = link->outer, .port = link->port };
	add_outer(survey, &new);
	new.inbound = link->outer == IPPROTO_UDP;
	if (link->outer == IPPROTO_IPV6 || link->outer == IPPROTO_IPIP) /* some carry both families */
		new.protocol ^= IPPROTO_IPV6 ^ IPPROTO_IPIP;
	add_outer(survey, &new);
}

/* What is found of the peers of a WireGuard link. */
struct wireguard_ways {
	struct links_survey *survey;
	const struct policy *policy;
	bool known;
	bool unknown; /* one of them at least has no endpoint */
};

static int visit_allowed(void *context, const struct wireguard_allowed *allowed)
{
	struct wireguard_ways *ways = context;
	struct links_survey *survey = ways->survey;
	enum ip_family family = allowed->family == AF_INET ? IPV4 : IPV6;
	bool leads = policy_route_leads(ways->policy, family, allowed->prefix, allowed->prefix_length);
	for (size_t i = 0; i < survey->outer_count && !leads; i++)
		leads = policy_network_overlaps(&survey->outer[i], family, allowed->prefix, allowed->prefix_length);
	if (!leads)
		return 0;
	if (allowed->endpoint.address.family == 0) {
		ways->unknown = true;
		return 0;
	}
	ways->known = true;
	add_outer(survey, &(struct policy_network){ .address = allowed->endpoint.address, .protocol = IPPROTO_UDP,
						    .port = allowed->endpoint.port, .own_port = allowed->own_port });
	return 0;
}

/* Whether all is known of the peers that the link reaches ours by. */
static bool note_peers(struct surveyor *surveyor, const struct link_facts *link)
{
	struct wireguard_ways ways = { .survey = surveyor->survey, .policy = surveyor->policy };
	int result = wireguard_each_allowed(link->index, visit_allowed, &ways);
	if (result < 0)
		surveyor->survey->tunnel_error = -result;
	return result == 0 && ways.known && !ways.unknown;
}

/* The outer packets of tunnels that lead to peers; their remotes are peers as well. */
static void note_outer(struct surveyor *surveyor)
{
	struct links_survey *survey = surveyor->survey;
	bool pppoe = false;
	*survey->tunnel = '\0'; /* what an earlier round did not know this one may */
	survey->tunnel_error = 0;
	for (size_t i = 0; i < surveyor->count; i++)
		pppoe |= surveyor->links[i].facts & FACT_PPPOE;
	for (size_t i = 0; i < surveyor->count; i++) {
		const struct link_facts *link = &surveyor->links[i];
		enum link_outer outer = link_outer(link);
		bool told = survey->tunnel_error != 0; /* of the link that is named already */
		bool unknown = outer == OUTER_UNKNOWN || (outer == OUTER_PPP && !pppoe) ||
			       (outer == OUTER_PEERS && !note_peers(surveyor, link));
		if (unknown && !told)
			text_copy(survey->tunnel, sizeof survey->tunnel, link->link.name);
		if (outer == OUTER_KNOWN)
			note_remote(survey, link);
	}
}

/* ---- IPsec ---- */

struct ipsec_search {
	struct links_survey *survey;
	const struct policy *policy;
	uint32_t priority; /* of the best policy so far */
	struct own_addresses own; /* count 0: not read yet */
};

/* The first server that a policy for this prefix is about; NULL: none. */
static const uint8_t *find_server(const struct policy *policy, const struct policy_network *prefix)
{
	for (int family = IPV4; family < IP_FAMILIES; family++) {
		const struct peer_list *list = &policy->peers[PEER_SERVER][family];
		const uint8_t *record = list->records;
		for (size_t i = 0; i < list->count; i++, record += peer_record_size((enum ip_family)family)) {
			if (policy_network_overlaps(prefix, (enum ip_family)family, record, 128))
				return record;
		}
	}
	return NULL;
}

/* Most policies are about others, and most devices have none: the addresses are read when one asks for them. */
static bool is_of_ours(struct own_addresses *own, const struct policy_network *prefix)
{
	if (prefix->prefix_length == 0)
		return true;
	if (own->count == 0 && own_addresses_read(own, NULL) < 0)
		return false;
	for (size_t i = 0; i < own->count; i++) {
		enum ip_family family = own->addresses[i].family == AF_INET ? IPV4 : IPV6;
		if (policy_network_overlaps(prefix, family, own->addresses[i].bytes, 128))
			return true;
	}
	return false;
}

static bool sends_to(const struct policy *policy, uint8_t protocol, const struct address *address, uint16_t port)
{
	const struct policy_flow flow = {
		.protocol = protocol,
		.source.address.family = address->family,
		.destination = { *address, port },
		.source_own = true,
	};
	return policy_allows_flow(policy, &flow);
}

static void set_address(struct address *address, uint8_t family, const uint8_t *bytes)
{
	address->family = family;
	memcpy(address->bytes, bytes, address_length(address));
}

/* Its packets go where no route says, and whose keys they need is a daemon's matter: the user has to name them. */
static void note_ipsec(void *context, const struct ipsec_policy *ipsec)
{
	struct ipsec_search *search = context;
	struct policy_network source = { .prefix_length = ipsec->source_length };
	struct policy_network destination = { .prefix_length = ipsec->destination_length };
	struct address to;
	set_address(&source.address, ipsec->family, ipsec->source);
	set_address(&destination.address, ipsec->family, ipsec->destination);
	const uint8_t *server = find_server(search->policy, &destination);
	if (!server || ipsec->priority >= search->priority || !is_of_ours(&search->own, &source))
		return;
	search->priority = ipsec->priority;
	search->survey->ipsec.family = 0;
	if (ipsec->endpoint)
		set_address(&to, ipsec->endpoint_family, ipsec->endpoint);
	else
		set_address(&to, ipsec->family, server);
	if (ipsec->esp && !address_is_unspecified(&to) && !sends_to(search->policy, IPPROTO_ESP, &to, 0) &&
	    !sends_to(search->policy, IPPROTO_UDP, &to, PORT_IPSEC))
		search->survey->ipsec = to;
}

/* It serves for a hint only: what can't be read is no failure. */
static void look_for_ipsec(const struct surveyor *surveyor)
{
	struct ipsec_search search = { surveyor->survey, surveyor->policy, .priority = UINT32_MAX };
	(void)ipsec_each_policy(note_ipsec, &search);
}

/* Every round finds the links over which the tunnels of the round before go. */
static int spread(struct surveyor *surveyor)
{
	struct links_survey *survey = surveyor->survey;
	do {
		size_t known = survey->outer_count;
		int result = read_routes(surveyor, AF_INET);
		if (result == 0)
			result = read_routes(surveyor, AF_INET6);
		if (result < 0)
			return result;
		surveyor->first_round = false;
		surveyor->outer_first = known;
		links_spread(surveyor->links, surveyor->count, survey->next_hops);
		note_outer(surveyor);
	} while (survey->outer_count > surveyor->outer_first);
	return 0;
}

/* ---- after a reboot ---- */

static bool is_awaited(const struct surveyor *surveyor, const char *link)
{
	const struct links_hints *hints = surveyor->hints;
	for (size_t i = 0; i < hints->awaited_count; i++) {
		if (strcmp(hints->awaited[i], link) == 0 || strcmp(hints->awaited[i], AWAITED_ANY) == 0)
			return true;
	}
	return false;
}

/*
 * As long as one of the links that led to peers before is not there or has no route to one, nobody knows what will
 * stand on the others (VLANs, PPPoE): their frames are let alone, else the way to the servers would not come back.
 * Those of all when none is there: an uplink may have got another name.
 */
static void await_links(struct surveyor *surveyor)
{
	size_t there = 0;
	size_t ready = 0;
	for (size_t i = 0; i < surveyor->count; i++) {
		const struct link_facts *link = &surveyor->links[i];
		bool awaited = is_awaited(surveyor, link->link.name);
		there += awaited;
		ready += awaited && (link->facts & FACT_WAY);
	}
	surveyor->survey->awaited = ready < surveyor->hints->awaited_count;
	if (!surveyor->survey->awaited)
		return;
	for (size_t i = 0; i < surveyor->count; i++) {
		if (there == 0 || is_awaited(surveyor, surveyor->links[i].link.name))
			surveyor->links[i].facts |= FACT_LEADS | FACT_OPAQUE;
	}
	links_spread(surveyor->links, surveyor->count, false);
}

/* ---- the result ---- */

enum group { UPLINKS, IDLE, SEALED, GROUPS };

static enum group group_of(const struct link_facts *facts)
{
	if (facts->link.sealed)
		return SEALED;
	return link_is_idle(facts) ? IDLE : UPLINKS;
}

static int compare_name(const void *a, const void *b)
{
	const struct policy_link *left = a;
	const struct policy_link *right = b;
	return strcmp(left->name, right->name);
}

/* What does not fit into the lists must not cost the device its server: they are then for all. */
static void allow_what_was_cut(struct links_survey *survey, size_t unsealed)
{
	if (survey->on_link_cut) {
		survey->links.on_link[0] = (struct policy_prefix){ .family = IPV4 };
		survey->links.on_link[1] = (struct policy_prefix){ .family = IPV6 };
		survey->links.on_link_count = 2;
	}
	for (size_t i = 0; survey->macs_cut && i < unsealed; i++)
		survey->records[i].passes |= LINK_ANY_MAC;
}

static int collect(struct surveyor *surveyor)
{
	struct links_survey *survey = surveyor->survey;
	size_t counts[GROUPS] = { 0 };
	size_t count = 0;
	survey->records = surveyor->count ? calloc(surveyor->count, sizeof *survey->records) : NULL;
	if (surveyor->count && !survey->records)
		return -ENOMEM;
	for (size_t group = 0; group < GROUPS; group++) {
		for (size_t i = 0; i < surveyor->count; i++) {
			const struct link_facts *facts = &surveyor->links[i];
			if (group_of(facts) != group)
				continue;
			survey->records[count++] = facts->link;
			if (link_may_be_backup(facts))
				text_copy(survey->backup, sizeof survey->backup, facts->link.name);
			counts[group]++;
			if (group != SEALED && facts->link.form == LINK_ETHERNET && (facts->facts & FACT_MAC))
				survey->macs_cut |= !policy_links_add_mac(&survey->links, facts->mac);
		}
	}
	for (size_t i = 0; i < surveyor->prefix_count; i++) {
		const struct link_facts *link = find(surveyor, surveyor->prefixes[i].link);
		if (link && !link->link.sealed)
			survey->on_link_cut |= !policy_links_add_prefix(&survey->links, &surveyor->prefixes[i].prefix);
	}
	allow_what_was_cut(survey, counts[UPLINKS] + counts[IDLE]);
	/* nft lists the devices of a chain so */
	if (counts[SEALED] > 1)
		qsort(survey->records + count - counts[SEALED], counts[SEALED], sizeof *survey->records, compare_name);
	survey->uplink_count = counts[UPLINKS];
	survey->idle_count = counts[IDLE];
	survey->links.links = survey->records;
	survey->links.count = count;
	return 0;
}

static bool has_link_named(const struct surveyor *surveyor, const char *name)
{
	for (size_t i = 0; i < surveyor->count; i++) {
		if (strcmp(surveyor->links[i].link.name, name) == 0)
			return true;
	}
	return false;
}

static void note_unknown(struct surveyor *surveyor)
{
	const char *name;
	for (size_t i = 0; (name = named_link(surveyor, i)) != NULL; i++) {
		if (!has_link_named(surveyor, name))
			text_copy(surveyor->survey->unknown, sizeof surveyor->survey->unknown, name);
	}
}

static int make_survey(struct surveyor *surveyor)
{
	int result = read_links(surveyor);
	if (result == 0)
		result = read_addresses(surveyor);
	if (result < 0)
		return result;
	for (size_t i = 0; i < sizeof usages / sizeof *usages; i++)
		read_lines(usages[i].path, note_usage, &(struct usage_reader){ surveyor, &usages[i] });
	result = spread(surveyor);
	if (result < 0)
		return result;
	if (CONFIG_PERSIST)
		await_links(surveyor);
	links_finish(surveyor->links, surveyor->count);
	if (CONFIG_QUARANTINE_IPSEC)
		look_for_ipsec(surveyor);
	note_unknown(surveyor);
	surveyor->survey->vrf = links_have_vrf(surveyor->links, surveyor->count);
	const struct link_facts *bridge = links_switched_bridge(surveyor->links, surveyor->count);
	if (bridge)
		text_copy(surveyor->survey->switched, sizeof surveyor->survey->switched, bridge->link.name);
	return collect(surveyor);
}

int links_survey(struct links_survey *survey, const struct policy *policy, const struct links_hints *hints,
		 struct diag *diag)
{
	struct surveyor surveyor = { .survey = survey, .policy = policy, .hints = hints, .first_round = true };
	*survey = (struct links_survey){ .outer_count = hints->tunnel_count };
	memcpy(survey->outer, hints->tunnels, hints->tunnel_count * sizeof *hints->tunnels);
	int result = netlink_open(&surveyor.netlink, NETLINK_ROUTE, diag);
	if (result < 0)
		return result;
	result = make_survey(&surveyor);
	if (result == -E2BIG)
		diag_fail(diag, E2BIG, "list the links: more than %d", SURVEY_LINKS_MAX);
	else if (result < 0)
		diag_errno(diag, -result, "list links and routes");
	netlink_close(&surveyor.netlink);
	free(surveyor.links);
	free(surveyor.prefixes);
	return result;
}

void links_survey_fini(struct links_survey *survey)
{
	free(survey->records);
	survey->records = NULL;
	survey->links.links = NULL;
	survey->links.count = 0;
}

/* ---- for people ---- */

/* Names while the text is shorter than `end`; the others are counted. */
static void list_names(const struct policy_link *links, size_t count, const char *title, size_t end,
		       struct text *text)
{
	for (size_t i = 0; i < count; i++) {
		const char *before = i ? ", " : title;
		if (text->length + strlen(before) + strlen(links[i].name) > end) {
			text_addf(text, "%s%zu%s", i ? " and " : title, count - i, i ? " more" : "");
			break;
		}
		text_addf(text, "%s%s", before, links[i].name);
	}
}

void links_describe(const struct links_survey *survey, struct text *text)
{
	enum { RESERVED = 14 }; /* "; sealed: 4096", " and 4096 more" */
	const struct policy_link *idle = survey->records + survey->uplink_count;
	const struct policy_link *sealed = idle + survey->idle_count;
	size_t unsealed = survey->uplink_count + survey->idle_count;
	size_t end = text->size - 1 > RESERVED ? text->size - 1 - RESERVED : 0;
	if (survey->uplink_count == 0)
		text_add(text, "no uplinks");
	/* each leaves some of the space to those behind it */
	list_names(survey->records, survey->uplink_count, "uplinks ", end / 2, text);
	list_names(idle, survey->idle_count, "; idle: ", end - end / 4, text);
	list_names(sealed, survey->links.count - unsealed, "; sealed: ", end, text);
}
