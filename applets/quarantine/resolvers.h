/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which resolvers stay reachable. */
#ifndef QUARANTINE_RESOLVERS_H
#define QUARANTINE_RESOLVERS_H

#include "net/resolve.h"
#include "report.h"
#include "settings.h"

struct resolvers {
	struct resolver_config config; /* whom this device asks: resolv.conf's */
	struct address allowed[2 * RESOLVERS_MAX]; /* whom its packets may reach */
	size_t count;
	bool through_local; /* a local one asks; whom, was found in a file, which may be another's */
	bool any; /* DNS to every address is allowed */
	bool any_by_need; /* because a local resolver's upstreams could not be found */
};

/* Reads resolv.conf. When it can't be used that is a warning, and then nobody is asked and nobody allowed. */
void resolvers_read(struct resolvers *resolvers, struct report *report);

/*
 * Chooses whom packets may reach; for a local resolver, those that it asks. After the names are resolved: where that
 * fails it is all that is worth a line.
 */
void resolvers_choose(struct resolvers *resolvers, const struct settings *settings, struct report *report);

/* Adds them to the policy. 0 or -ENOMEM. */
int resolvers_allow(const struct resolvers *resolvers, struct targets *targets, struct diag *diag);

/* "192.0.2.53, 2001:db8::53", "any address", "none". */
void resolvers_describe(const struct resolvers *resolvers, struct text *text);

#endif
