/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Through which proxy Velociraptor's client connects to a server, by the rules of its configureProxy. */
#ifndef VELOCIRAPTOR_PROXY_H
#define VELOCIRAPTOR_PROXY_H

#include "velociraptor/config.h"

/* What the environment of the client says; NULL and "" are the same. Libraries don't read it: the caller does. */
struct velociraptor_environment {
	const char *http_proxy; /* $HTTP_PROXY, else $http_proxy */
	const char *https_proxy; /* $HTTPS_PROXY, else $https_proxy */
	const char *no_proxy; /* $NO_PROXY, else $no_proxy */
};

struct velociraptor_way {
	struct velociraptor_proxy proxy; /* not set: directly */
	bool by_environment; /* the environment says so; only the client's own is sure to be the same */
};

/*
 * http://[user:password@]host[:port][/] or https://. "" sets no proxy. Returns 0 or -EINVAL with a diagnostic, which
 * does not show credentials.
 */
int velociraptor_proxy_parse(const char *text, struct velociraptor_proxy *proxy, struct diag *diag);

/*
 * The way to this server. proxy_url_regexp decides first; then the environment, unless it is ignored; then the
 * configuration. Where it says nothing of proxies at all, no_proxy counts too (as Go reads it).
 * Returns 0, or -EINVAL with a diagnostic when the environment's value is no proxy.
 */
int velociraptor_way_to(const struct velociraptor_config *config, const struct velociraptor_environment *environment,
			const struct url *server, struct velociraptor_way *way, struct diag *diag);

#endif
