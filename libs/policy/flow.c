/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "policy/flow.h"

#include <string.h>

#include "policy/links.h"

/* As rules.c has them. */
enum {
	PORT_DNS = 53,
	PORT_DHCP_SERVER = 67,
	PORT_DHCP_CLIENT = 68,
	PORT_DHCPV6_CLIENT = 546,
};

/* One flow as the device sees it: its own end, and who is at the other. */
struct view {
	uint8_t protocol;
	enum ip_family family;
	const struct endpoint *near;
	const struct endpoint *far;
};

/* Whether a record of the sorted list begins with the key. */
static bool has_record(const struct peer_list *list, enum ip_family family, const uint8_t *key, size_t length)
{
	const uint8_t *record = peer_list_find(list, family, key, length);
	return record && memcmp(record, key, length) == 0;
}

/* The other end's address, the protocol, and a port: its own, or the one of ours that it uses. */
static bool has_peer(const struct policy *policy, enum peer_role role, const struct view *view, uint16_t port)
{
	size_t length = family_address_length(view->family);
	uint8_t key[16 + 3];
	memcpy(key, view->far->address.bytes, length);
	key[length] = view->protocol;
	key[length + 1] = (uint8_t)(port >> 8);
	key[length + 2] = (uint8_t)port;
	return has_record(&policy->peers[role][view->family], view->family, key, length + 3);
}

static bool is_dns(const struct policy *policy, const struct view *view)
{
	if (view->far->port != PORT_DNS)
		return false;
	return policy->dns_any || has_record(&policy->peers[PEER_RESOLVER][view->family], view->family,
					     view->far->address.bytes, family_address_length(view->family));
}

static bool is_of_network(const struct policy *policy, const struct view *view)
{
	for (size_t i = 0; i < policy->network_count; i++) {
		const struct policy_network *network = &policy->networks[i];
		uint16_t port = network->inbound ? view->near->port : view->far->port;
		if (network->protocol == view->protocol &&
		    (network->port == port || !protocol_has_ports(view->protocol)) &&
		    (network->own_port == view->near->port || network->own_port == 0) &&
		    policy_network_overlaps(network, view->family, view->far->address.bytes, 128))
			return true;
	}
	return false;
}

/* Conntrack does not say on which interface we serve leases. */
static bool is_dhcp(const struct policy *policy, const struct view *view)
{
	uint16_t near = view->near->port;
	uint16_t far = view->far->port;
	if (view->protocol != IPPROTO_UDP)
		return false;
	if (view->family == IPV4)
		return (near == PORT_DHCP_CLIENT && far == PORT_DHCP_SERVER) ||
		       (near == PORT_DHCP_SERVER && far == PORT_DHCP_CLIENT && policy->dhcp_server_count > 0);
	return near == PORT_DHCPV6_CLIENT && address_is_link_local(&view->near->address);
}

static bool is_allowed(const struct policy *policy, const struct view *view)
{
	if (!protocol_has_ports(view->protocol))
		return is_of_network(policy, view);
	return has_peer(policy, PEER_SERVER, view, view->far->port) || is_dns(policy, view) ||
	       has_peer(policy, PEER_ALLOW_OUT, view, view->far->port) ||
	       has_peer(policy, PEER_ALLOW_IN, view, view->near->port) || is_of_network(policy, view) ||
	       is_dhcp(policy, view);
}

bool policy_allows_flow(const struct policy *policy, const struct policy_flow *flow)
{
	enum ip_family family = flow->source.address.family == AF_INET ? IPV4 : IPV6;
	const struct view opened_here = { flow->protocol, family, &flow->source, &flow->destination };
	const struct view opened_there = { flow->protocol, family, &flow->destination, &flow->source };
	if (flow->source_own && flow->destination_own)
		return true;
	if (flow->source_own)
		return is_allowed(policy, &opened_here);
	if (flow->destination_own)
		return is_allowed(policy, &opened_there);
	/* DHCP before there is a lease, and its broadcast replies: they can not be forwarded */
	return family == IPV4 &&
	       (address_is_unspecified(&flow->source.address) || address_is_multicast(&flow->destination.address)) &&
	       (is_dhcp(policy, &opened_here) || is_dhcp(policy, &opened_there));
}
