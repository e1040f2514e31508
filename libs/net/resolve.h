/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Names to addresses: /etc/hosts first, then DNS queries of our own with a deadline. The C library's getaddrinfo knows
 * none (5 s a try, several tries), and opens files at every call, which the unprivileged child must not.
 */
#ifndef NET_RESOLVE_H
#define NET_RESOLVE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/address.h"
#include "base/deadline.h"
#include "base/diag.h"
#include "base/parse.h"

#define HOSTS_PATH "/etc/hosts"

enum {
	RESOLVERS_MAX = 8,
	RESOLVER_SEARCH_MAX = 6, /* as resolv.conf(5) */
	RESOLVED_ADDRESSES_MAX = 32, /* of one name; more are counted in `dropped` */
};

/* What resolv.conf(5) says. */
struct resolver_config {
	struct address servers[RESOLVERS_MAX]; /* in the file's order, without the zone ("%eth0"); more are ignored */
	unsigned zone[RESOLVERS_MAX]; /* interface index of a link-local server, else 0 */
	size_t server_count;
	char search[RESOLVER_SEARCH_MAX][HOST_NAME_MAX_LENGTH + 1];
	size_t search_count;
	unsigned ndots; /* default 1, at most 15 */
	unsigned timeout; /* seconds per try, default 2 (not 5: the operator waits), 1 to 30 */
	unsigned attempts; /* default 3, 1 to 5 */
	uint16_t port; /* of all servers, host byte order; 53, but for tests and for resolvers that are not standard */
};

struct resolved {
	struct address addresses[RESOLVED_ADDRESSES_MAX]; /* sorted (IPv4 first), without duplicates */
	size_t count;
	size_t dropped; /* addresses that did not fit */
	bool from_hosts; /* it stood in the hosts file */
};

/* Adds an address that is not there yet at its place, or counts it as dropped. */
void resolved_add(struct resolved *resolved, const struct address *address);

/*
 * Reads a resolv.conf; unknown lines, options and addresses are ignored as the C library does. A file that is missing
 * or names no server means 127.0.0.1, as for the C library; other errors (-EFBIG above 16 KiB) are -errno with a
 * diagnostic.
 */
int resolver_config_read(const char *path, struct resolver_config *config, struct diag *diag);

/*
 * Looks a name up in a hosts file of any size (missing file: not found) and takes the addresses of all lines that have
 * it, loopback and unspecified ones included: the administrator wrote them. Returns 0 with count 0 when it isn't there.
 */
int hosts_lookup(const char *path, const char *name, struct resolved *resolved, struct diag *diag);

/*
 * All A and AAAA addresses of the name over DNS (UDP, and TCP when an answer is truncated), with search domains as
 * resolv.conf(5) describes. Every configured server is asked at once; for each of A and AAAA the first usable answer
 * counts, and when only one of them has come it is waited for the other for one more try. Follows CNAMEs in the
 * answer. Loopback, unspecified and multicast addresses in answers are dropped: no management server lives there.
 * Returns 0 (count > 0), -ENOENT when the name does not exist or has no address, -ETIMEDOUT when nobody answered,
 * -EPROTO when only unusable answers came, -ECONNREFUSED, -ENETUNREACH and the like when no server could be asked;
 * always with a diagnostic ("resolve vr.example.com: no answer within 5 s").
 */
int dns_resolve(const struct resolver_config *config, const char *name, struct deadline deadline,
		struct resolved *resolved, struct diag *diag);

/* The names to resolve, and how. */
struct resolve_request {
	const char *const *names; /* valid host names, no addresses */
	size_t count;
	const char *hosts_path; /* "/etc/hosts" */
	const struct resolver_config *config;
	struct deadline deadline;
};

/*
 * hosts file in this process (an unreadable one is passed over, as the C library does), DNS in one unprivileged child
 * (net/child.h) for all names, one after the other with fair shares of the time. results[i] belongs to names[i]; a
 * name without answer has count 0 and its error in errors[i] (-errno, else 0). Returns 0 when every name has an
 * address, else the first error with its diagnostic; results and errors are set in both cases.
 */
int resolve_names(const struct resolve_request *request, struct resolved *results, int *errors, struct diag *diag);

#endif
