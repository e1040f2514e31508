/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "targets.h"

#include <ctype.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

void targets_fini(struct targets *targets)
{
	for (size_t role = 0; role < PEER_ROLES; role++) {
		free(targets->policy.peers[role][IPV4].records);
		free(targets->policy.peers[role][IPV6].records);
	}
	for (size_t i = 0; i < targets->name_count; i++)
		free(targets->names[i].host);
	free(targets->servers);
	*targets = (struct targets){ 0 };
}

const struct url *server_peer(const struct server *server)
{
	return server->proxy.set ? &server->proxy.url : &server->url;
}

/* Its place in endpoints; endpoint_count: it is not there. */
static size_t find_endpoint(const struct server *server, const struct address *address, uint16_t port)
{
	size_t at = 0;
	while (at < server->endpoint_count &&
	       (server->endpoints[at].port != port || !address_equal(&server->endpoints[at].address, address)))
		at++;
	return at;
}

bool server_has_endpoint(const struct server *server, const struct address *address, uint16_t port)
{
	return find_endpoint(server, address, port) < server->endpoint_count;
}

static bool is_nobody(const struct url *url)
{
	const struct address *address = &url->address;
	return address->family && (address_is_unspecified(address) || address_is_multicast(address));
}

int targets_add_way(struct targets *targets, const struct url *url, const struct velociraptor_proxy *proxy,
		    const struct endpoint *fallback, struct diag *diag)
{
	const struct url *nobody = is_nobody(url) ? url : proxy && is_nobody(&proxy->url) ? &proxy->url : NULL;
	if (nobody)
		return diag_fail(diag, EINVAL, "URL with %s: no server can have this address", nobody->host);
	if (!targets->servers)
		targets->servers = calloc(SERVERS_MAX, sizeof *targets->servers);
	if (!targets->servers)
		return diag_errno(diag, ENOMEM, "keep server %s", url->host);
	if (targets->server_count == SERVERS_MAX)
		return diag_fail(diag, EINVAL, "at most %d servers", SERVERS_MAX);
	struct server *server = &targets->servers[targets->server_count++];
	server->url = *url;
	if (proxy)
		server->proxy = *proxy;
	if (fallback)
		server->fallback = *fallback;
	return 0;
}

int targets_add_server(struct targets *targets, const char *url, struct diag *diag)
{
	struct url parsed;
	int result = url_parse(url, &parsed, diag);
	return result < 0 ? result : targets_add_way(targets, &parsed, NULL, NULL, diag);
}

static bool grow(struct peer_list *list, size_t record_size)
{
	size_t capacity = list->capacity ? 2 * list->capacity : 32;
	uint8_t *records = realloc(list->records, capacity * record_size);
	if (!records)
		return false;
	list->records = records;
	list->capacity = capacity;
	return true;
}

int targets_add_peer(struct targets *targets, enum peer_role role, const struct address *address, uint8_t protocol,
		     uint16_t port, struct diag *diag)
{
	enum ip_family family = address->family == AF_INET ? IPV4 : IPV6;
	struct peer_list *list = &targets->policy.peers[role][family];
	if (list->count == list->capacity && !grow(list, peer_record_size(family)))
		return diag_errno(diag, ENOMEM, "keep %zu addresses", list->count + 1);
	(void)peer_list_add(list, address, protocol, port); /* there is room */
	return 0;
}

/* ---- --allow ---- */

/* tcp:HOST[/LEN]:PORT[:in|out] or gre:HOST[/LEN], in pieces. */
struct specification {
	struct policy_network peer; /* address.family 0: host is a name; prefix_length: all bits when none is given */
	char host[HOST_NAME_MAX_LENGTH + 2];
};

static const char *read_protocol(const char *word, struct specification *specification)
{
	specification->peer.protocol = protocol_find(word);
	bool known = specification->peer.protocol && specification->peer.protocol != IPPROTO_ICMPV6; /* see below */
	return known ? strchr(word, ':') + 1 : NULL;
}

/* "icmp" stands for both: an address says which. */
static uint8_t protocol_of_family(uint8_t protocol, uint8_t family)
{
	return protocol == IPPROTO_ICMP && family == AF_INET6 ? IPPROTO_ICMPV6 : protocol;
}

/* Copies the host, with or without brackets; returns what follows it, or NULL. */
static const char *read_host(const char *word, struct specification *specification)
{
	bool brackets = *word == '[';
	word += brackets;
	size_t length = strcspn(word, brackets ? "]" : ":/");
	if (length == 0 || length >= sizeof specification->host || (brackets && word[length] != ']'))
		return NULL;
	memcpy(specification->host, word, length);
	specification->host[length] = '\0';
	bool literal = address_parse(specification->host, &specification->peer.address);
	if (brackets != (literal && strchr(specification->host, ':') != NULL))
		return NULL;
	if (!literal && !host_name_valid(specification->host))
		return NULL;
	if (brackets)
		specification->peer.protocol = protocol_of_family(specification->peer.protocol, AF_INET6);
	return word + length + brackets;
}

static uint8_t all_bits(const struct address *address)
{
	return (uint8_t)(8 * address_length(address));
}

static const char *read_prefix(const char *word, struct policy_network *peer)
{
	peer->prefix_length = all_bits(&peer->address);
	if (*word != '/')
		return word;
	char digits[4];
	size_t length = strcspn(++word, ":");
	uint64_t value;
	if (length >= sizeof digits || peer->address.family == 0)
		return NULL;
	memcpy(digits, word, length);
	digits[length] = '\0';
	if (!parse_unsigned(digits, peer->prefix_length, &value))
		return NULL;
	peer->prefix_length = (uint8_t)value;
	return word + length;
}

static bool read_port_and_direction(const char *word, struct policy_network *peer)
{
	char port[6];
	if (!protocol_has_ports(peer->protocol))
		return *word == '\0';
	if (*word++ != ':')
		return false;
	size_t length = strcspn(word, ":");
	if (length >= sizeof port)
		return false;
	memcpy(port, word, length);
	port[length] = '\0';
	word += length;
	peer->inbound = strcmp(word, ":in") == 0;
	if (*word && !peer->inbound && strcmp(word, ":out") != 0)
		return false;
	return parse_port(port, &peer->port);
}

static bool read_specification(const char *word, struct specification *specification)
{
	word = read_protocol(word, specification);
	if (word)
		word = read_host(word, specification);
	if (word)
		word = read_prefix(word, &specification->peer);
	return word && read_port_and_direction(word, &specification->peer);
}

bool targets_parse_peer(const char *specification, struct policy_network *peer)
{
	struct specification read = { 0 };
	if (!read_specification(specification, &read) || read.peer.address.family == 0)
		return false;
	*peer = read.peer;
	return true;
}

/* A single address with a port goes to the sets, all else to the rules. */
static int add_allowed(struct targets *targets, const struct policy_network *peer, struct diag *diag)
{
	struct policy *policy = &targets->policy;
	if (protocol_has_ports(peer->protocol) && peer->prefix_length == all_bits(&peer->address))
		return targets_add_peer(targets, peer->inbound ? PEER_ALLOW_IN : PEER_ALLOW_OUT, &peer->address,
					peer->protocol, peer->port, diag);
	if (policy->network_count == POLICY_NETWORKS_MAX)
		return diag_fail(diag, EINVAL, "at most %d networks (ADDRESS/LENGTH)", POLICY_NETWORKS_MAX);
	policy->networks[policy->network_count++] = *peer;
	return 0;
}

static int add_name(struct targets *targets, const struct specification *specification, struct diag *diag)
{
	if (targets->name_count == NAMES_MAX)
		return diag_fail(diag, EINVAL, "at most %d host names", NAMES_MAX);
	struct allowed_name *name = &targets->names[targets->name_count];
	name->host = strdup(specification->host);
	if (!name->host)
		return diag_errno(diag, ENOMEM, "keep a name");
	name->protocol = specification->peer.protocol;
	name->port = specification->peer.port;
	name->inbound = specification->peer.inbound;
	targets->name_count++;
	return 0;
}

/* Names as the kernel takes them (dev_valid_name), and that nft can print in quotes. */
static bool interface_name_valid(const char *name)
{
	size_t length = strlen(name);
	if (length == 0 || length >= POLICY_INTERFACE_SIZE || strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
		return false;
	for (; *name; name++) {
		if (!isgraph((unsigned char)*name) || strchr("/:\"*\\", *name))
			return false;
	}
	return true;
}

static int add_dhcp_server(struct targets *targets, const char *interface, struct diag *diag)
{
	struct policy *policy = &targets->policy;
	if (!interface_name_valid(interface))
		return diag_fail(diag, EINVAL, "'%.*s' is not an interface name", 40, interface);
	if (policy->dhcp_server_count == POLICY_DHCP_SERVER_MAX)
		return diag_fail(diag, EINVAL, "at most %d interfaces with dhcp-server", POLICY_DHCP_SERVER_MAX);
	text_copy(policy->dhcp_server[policy->dhcp_server_count++], POLICY_INTERFACE_SIZE, interface);
	return 0;
}

int targets_add_allowed(struct targets *targets, const char *word, struct diag *diag)
{
	const char *dhcp_server = text_after(word, "dhcp-server:");
	struct specification specification = { 0 };
	const struct address *address = &specification.peer.address;
	if (dhcp_server)
		return add_dhcp_server(targets, dhcp_server, diag);
	if (!read_specification(word, &specification))
		return diag_fail(diag, EINVAL,
				 "'%.*s' is not tcp:HOST:PORT or the like", 40, word);
	if (address->family == 0)
		return add_name(targets, &specification, diag);
	if (specification.peer.prefix_length == all_bits(address) &&
	    (address_is_unspecified(address) || address_is_multicast(address)))
		return diag_fail(diag, EINVAL, "'%.*s': nobody can have this address", 60, specification.host);
	return add_allowed(targets, &specification.peer, diag);
}

/* ---- resolving ---- */

enum { LOOKUP_MAX = SERVERS_MAX + NAMES_MAX };

/* The names of servers and of --allow in one list, for one child process. */
struct lookup {
	const char *names[LOOKUP_MAX];
	bool covered[LOOKUP_MAX]; /* by a server's fallback */
	int errors[LOOKUP_MAX];
	size_t count;
	struct resolved *results;
};

static void collect_names(const struct targets *targets, struct lookup *lookup)
{
	for (size_t i = 0; i < targets->server_count; i++) {
		const struct server *server = &targets->servers[i];
		const struct url *peer = server_peer(server);
		if (peer->address.family || (CONFIG_PERSIST && targets->pinned))
			continue;
		lookup->covered[lookup->count] = server->fallback.address.family != 0;
		lookup->names[lookup->count++] = peer->host;
	}
	for (size_t i = 0; i < targets->name_count; i++)
		lookup->names[lookup->count++] = targets->names[i].host;
}

static void keep_endpoint(struct server *server, const struct address *address, uint16_t port)
{
	if (server->endpoint_count == SERVER_ENDPOINTS_MAX || server_has_endpoint(server, address, port))
		return;
	struct endpoint *endpoint = &server->endpoints[server->endpoint_count++];
	endpoint->address = *address;
	endpoint->port = port;
}

bool targets_add_endpoint(struct targets *targets, const struct policy_network *peer)
{
	struct server *server = targets->server_count ? &targets->servers[targets->server_count - 1] : NULL;
	if (!server || server->endpoint_count == SERVER_ENDPOINTS_MAX)
		return false;
	keep_endpoint(server, &peer->address, peer->port);
	return true;
}

/* The fallback is allowed in any case: the client takes to it when names no longer resolve. */
static void keep_endpoints(struct server *server, const struct address *addresses, size_t count)
{
	for (size_t i = 0; i < count && i < RESOLVED_ADDRESSES_MAX; i++)
		keep_endpoint(server, &addresses[i], server_peer(server)->port);
	if (server->fallback.address.family)
		keep_endpoint(server, &server->fallback.address, server->fallback.port);
}

static int add_server_peers(struct targets *targets, const struct server *server, struct diag *diag)
{
	int result = 0;
	for (size_t i = 0; i < server->endpoint_count && result == 0; i++)
		result = targets_add_peer(targets, PEER_SERVER, &server->endpoints[i].address, IPPROTO_TCP,
					  server->endpoints[i].port, diag);
	return result;
}

static int add_name_peers(struct targets *targets, const struct allowed_name *name, const struct resolved *resolved,
			  struct diag *diag)
{
	int result = 0;
	for (size_t i = 0; i < resolved->count && result == 0; i++) {
		const struct policy_network peer = {
			.address = resolved->addresses[i],
			.prefix_length = all_bits(&resolved->addresses[i]),
			.protocol = protocol_of_family(name->protocol, resolved->addresses[i].family),
			.port = name->port,
			.inbound = name->inbound,
		};
		result = add_allowed(targets, &peer, diag);
	}
	return result;
}

/* NULL: what the system says. */
static const char *resolve_problem(int error)
{
	switch (-error) {
	case ENOENT:
		return "no such name, or no address";
	case ETIMEDOUT:
		return "no answer from any resolver";
	case ECONNREFUSED:
		return "refused; see /etc/resolv.conf";
	case EPROTO:
		return "only unusable answers";
	case EPERM: /* a chain of the output hook drops the question: maybe an older quarantine's */
		return "blocked by the packet filter";
	default:
		return NULL;
	}
}

static void describe_failure(const struct lookup *lookup, size_t i, struct diag *diag)
{
	const char *problem = resolve_problem(lookup->errors[i]);
	if (problem)
		diag_fail(diag, ENOENT, "resolve %s: %s", lookup->names[i], problem);
	else
		diag_errno(diag, -lookup->errors[i], "resolve %s", lookup->names[i]);
}

static void warn_of_failures(const struct lookup *lookup, void (*warn)(void *context, const struct diag *diag),
			     void *context)
{
	struct diag problem;
	struct diag reason;
	for (size_t i = 0; i < lookup->count; i++) {
		size_t dropped = lookup->results[i].dropped;
		if (dropped) {
			diag_fail(&problem, E2BIG, "%s: %zu of its addresses are not allowed, %d are", lookup->names[i],
				  dropped, RESOLVED_ADDRESSES_MAX);
			warn(context, &problem);
		}
		if (lookup->results[i].count > 0)
			continue;
		describe_failure(lookup, i, &reason);
		diag_fail(&problem, ENOENT, "%s%s", reason.text,
			  lookup->covered[i] ? "; its fallback address is used" : "");
		warn(context, &problem);
	}
}

/* Takes the results in the order of collect_names. */
static int use_results(struct targets *targets, const struct lookup *lookup, struct diag *diag)
{
	size_t at = 0;
	int result = 0;
	for (size_t i = 0; i < targets->server_count && result == 0; i++) {
		struct server *server = &targets->servers[i];
		const struct url *peer = server_peer(server);
		if (!CONFIG_PERSIST || !targets->pinned) {
			const struct resolved *resolved = peer->address.family ? NULL : &lookup->results[at++];
			keep_endpoints(server, resolved ? resolved->addresses : &peer->address,
				       resolved ? resolved->count : 1);
		}
		result = add_server_peers(targets, server, diag);
	}
	for (size_t i = 0; i < targets->name_count && result == 0; i++)
		result = add_name_peers(targets, &targets->names[i], &lookup->results[at++], diag);
	return result;
}

int targets_resolve(struct targets *targets, const struct resolver_config *resolvers, struct deadline deadline,
		    bool need_server, void (*warn)(void *context, const struct diag *diag), void *context,
		    struct diag *diag)
{
	struct lookup lookup = { .count = 0 };
	collect_names(targets, &lookup);
	lookup.results = calloc(lookup.count + 1, sizeof *lookup.results);
	int result = -ENOMEM;
	if (lookup.results) {
		const struct resolve_request request = { lookup.names, lookup.count, HOSTS_PATH, resolvers, deadline };
		struct diag ignored; /* use_results words each failure itself */
		result = lookup.count ? resolve_names(&request, lookup.results, lookup.errors, &ignored) : 0;
		if (result != -EINTR)
			result = use_results(targets, &lookup, diag);
		if (result == 0 && need_server && targets_resolved_servers(targets) == 0) {
			describe_failure(&lookup, 0, diag); /* the servers' names come first */
			result = -ENOENT;
		} else if (result == 0) {
			warn_of_failures(&lookup, warn, context);
		}
	} else {
		diag_errno(diag, ENOMEM, "resolve %zu names", lookup.count);
	}
	free(lookup.results);
	return result;
}

size_t targets_resolved_servers(const struct targets *targets)
{
	size_t count = 0;
	for (size_t i = 0; i < targets->server_count; i++)
		count += targets->servers[i].endpoint_count > 0;
	return count;
}

void targets_leave_out(struct targets *targets, const struct endpoint *endpoint)
{
	const struct endpoint left_out = *endpoint; /* it may be one of those that are moved */
	for (size_t i = 0; i < targets->server_count; i++) {
		struct server *server = &targets->servers[i];
		size_t at = find_endpoint(server, &left_out.address, left_out.port);
		if (at == server->endpoint_count)
			continue;
		size_t behind = --server->endpoint_count - at;
		memmove(&server->endpoints[at], &server->endpoints[at + 1], behind * sizeof left_out);
		server->endpoints[server->endpoint_count] = left_out;
		server->left_out++;
	}
}

void targets_narrow(struct targets *targets)
{
	struct diag ignored;
	for (int family = IPV4; family < IP_FAMILIES; family++)
		targets->policy.peers[PEER_SERVER][family].count = 0;
	for (size_t i = 0; i < targets->server_count; i++)
		(void)add_server_peers(targets, &targets->servers[i], &ignored); /* there is room: they are fewer */
}
