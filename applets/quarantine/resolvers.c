/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "resolvers.h"

#include <errno.h>
#include <unistd.h>

static const char resolv_conf[] = "/etc/resolv.conf";

/*
 * Where local resolvers keep the addresses that they ask: systemd-resolved, OpenWrt's netifd for dnsmasq (two versions),
 * resolvconf for dnsmasq, NetworkManager.
 */
static const char *const upstream_files[] = {
	"/run/systemd/resolve/resolv.conf",
	"/tmp/resolv.conf.d/resolv.conf.auto",
	"/tmp/resolv.conf.auto",
	"/run/dnsmasq/resolv.conf",
	"/run/NetworkManager/no-stub-resolv.conf",
};

static void allow(struct resolvers *resolvers, const struct address *address)
{
	for (size_t i = 0; i < resolvers->count; i++) {
		if (address_equal(&resolvers->allowed[i], address))
			return;
	}
	if (resolvers->count < sizeof resolvers->allowed / sizeof *resolvers->allowed)
		resolvers->allowed[resolvers->count++] = *address;
}

/* Allows the servers that are not this device itself. Returns whether there was a local one. */
static bool allow_remote(struct resolvers *resolvers, const struct resolver_config *config)
{
	bool local = false;
	for (size_t i = 0; i < config->server_count; i++) {
		if (address_is_loopback(&config->servers[i]) || address_is_unspecified(&config->servers[i]))
			local = true;
		else
			allow(resolvers, &config->servers[i]);
	}
	return local;
}

static void allow_upstreams(struct resolvers *resolvers)
{
	struct resolver_config config;
	for (size_t i = 0; i < sizeof upstream_files / sizeof *upstream_files; i++) {
		if (access(upstream_files[i], R_OK) == 0 && resolver_config_read(upstream_files[i], &config, NULL) == 0)
			(void)allow_remote(resolvers, &config);
	}
}

static void allow_configured(struct resolvers *resolvers, void (*warn)(void *context, const struct diag *diag),
			     void *context)
{
	struct diag diag;
	if (access(resolv_conf, F_OK) != 0) {
		diag_fail(&diag, 0, "%s: not there; DNS is not allowed", resolv_conf);
		warn(context, &diag);
		return;
	}
	if (!allow_remote(resolvers, &resolvers->config))
		return;
	size_t before = resolvers->count;
	allow_upstreams(resolvers);
	if (resolvers->count > before)
		return;
	diag_fail(&diag, 0, "the resolver is on this device and whom it asks could not be found: DNS is allowed to any "
			    "address (--dns names them)");
	warn(context, &diag);
	resolvers->any = true;
	resolvers->any_by_need = true;
}

int resolvers_read(struct resolvers *resolvers, const struct settings *settings,
		   void (*warn)(void *context, const struct diag *diag), void *context, struct diag *diag)
{
	int result = resolver_config_read(resolv_conf, &resolvers->config, diag);
	if (result < 0)
		return result;
	switch (settings->dns.mode) {
	case DNS_RESOLVERS:
		allow_configured(resolvers, warn, context);
		break;
	case DNS_ANY:
		resolvers->any = true;
		break;
	case DNS_NONE:
		break;
	case DNS_LIST:
		for (size_t i = 0; i < settings->dns.count; i++)
			allow(resolvers, &settings->dns.list[i]);
		break;
	}
	return 0;
}

int resolvers_allow(const struct resolvers *resolvers, struct targets *targets, struct diag *diag)
{
	int result = 0;
	targets->policy.dns_any = resolvers->any;
	for (size_t i = 0; i < resolvers->count && result == 0 && !resolvers->any; i++)
		result = targets_add_peer(targets, PEER_RESOLVER, &resolvers->allowed[i], 0, 0, diag);
	return result;
}

void resolvers_describe(const struct resolvers *resolvers, struct text *text)
{
	if (resolvers->any)
		text_add(text, "any address");
	else if (resolvers->count == 0)
		text_add(text, "none");
	for (size_t i = 0; i < resolvers->count && !resolvers->any; i++) {
		text_add(text, i ? ", " : "");
		address_format(&resolvers->allowed[i], text);
	}
}
