/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Who stays reachable: servers and --allow specifications, from words to the addresses of a policy. */
#ifndef QUARANTINE_TARGETS_H
#define QUARANTINE_TARGETS_H

#include "base/deadline.h"
#include "base/diag.h"
#include "base/url.h"
#include "net/resolve.h"
#include "policy/policy.h"
#include "velociraptor/proxy.h"

enum {
	SERVERS_MAX = 32,
	SERVER_ENDPOINTS_MAX = 33, /* those of its name, and the fallback */
	NAMES_MAX = 256, /* of --allow that need resolving */
};

/* A server, and the one way to it that is allowed: directly, or through a proxy. */
struct server {
	struct url url; /* as given */
	struct velociraptor_proxy proxy; /* not set: directly */
	struct endpoint fallback; /* of whom is connected to, also allowed; family 0: none */
	struct endpoint endpoints[SERVER_ENDPOINTS_MAX]; /* whom the device connects to: server or proxy */
	size_t endpoint_count; /* 0: the name could not be resolved, or all are left out */
	size_t left_out; /* endpoints behind these, which are not allowed any more */
	bool tried; /* one that proves itself ends the proof: those behind it are not asked */
	bool proven;
	bool reached; /* it answers, but who it is was not verified */
	struct endpoint proof_at; /* which one answered, when proven or reached */
	struct diag failure; /* why it did not prove itself when it was tried last; else empty */
};

/* Whom the device connects to, by name and port: the server or its proxy. */
const struct url *server_peer(const struct server *server);

/* Whether the device may connect to it as this server. */
bool server_has_endpoint(const struct server *server, const struct address *address, uint16_t port);

/* "tcp:ntp.example.com:123", to be resolved. */
struct allowed_name {
	char *host;
	uint8_t protocol;
	uint16_t port;
	bool inbound;
};

struct targets {
	struct server *servers; /* SERVERS_MAX */
	size_t server_count;
	bool pinned; /* servers have the endpoints that they have: their names are not looked up */
	struct allowed_name names[NAMES_MAX];
	size_t name_count;
	struct policy policy; /* address lists on the heap, freed by targets_fini */
};

void targets_fini(struct targets *targets);

/* Adds a server by its URL. 0, -EINVAL, -ENOMEM. */
int targets_add_server(struct targets *targets, const char *url, struct diag *diag);

/* The same with the way to it; proxy and fallback may be NULL. */
int targets_add_way(struct targets *targets, const struct url *url, const struct velociraptor_proxy *proxy,
		    const struct endpoint *fallback, struct diag *diag);

/* Reads what policy_network_format has written of a peer. False: it is not that. */
bool targets_parse_peer(const char *specification, struct policy_network *peer);

/* Adds an address of the server that was added last. False: there is none, or no room. */
bool targets_add_endpoint(struct targets *targets, const struct policy_network *peer);

/* Adds tcp:HOST[/LEN]:PORT[:in|out], udp:... or dhcp-server:INTERFACE. 0, -EINVAL, -ENOMEM. */
int targets_add_allowed(struct targets *targets, const char *specification, struct diag *diag);

/* Adds one address in this role; protocol and port as in struct peer_list. 0 or -ENOMEM. */
int targets_add_peer(struct targets *targets, enum peer_role role, const struct address *address, uint8_t protocol,
		     uint16_t port, struct diag *diag);

/*
 * Resolves all names and adds servers and allowed names to the policy. What can't be resolved is handed to `warn` with
 * its diagnostic; then only a server's fallback is added, if it has one. need_server: when no server has an address,
 * that alone is told, as -ENOENT. Returns 0, -ENOMEM, or -EINTR.
 */
int targets_resolve(struct targets *targets, const struct resolver_config *resolvers, struct deadline deadline,
		    bool need_server, void (*warn)(void *context, const struct diag *diag), void *context,
		    struct diag *diag);

/* How many servers have an address. */
size_t targets_resolved_servers(const struct targets *targets);

/* No server has this endpoint any more. targets_narrow makes it count. */
void targets_leave_out(struct targets *targets, const struct endpoint *endpoint);

/* The policy allows no servers but those that are not left out. policy_normalize has to follow. */
void targets_narrow(struct targets *targets);

#endif
