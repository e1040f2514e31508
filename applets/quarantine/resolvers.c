/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "resolvers.h"

#include <string.h>
#include <unistd.h>

#include "base/io.h"

static const char resolv_conf[] = "/etc/resolv.conf";

/*
 * Where local resolvers keep the addresses that they ask: systemd-resolved, OpenWrt's netifd for dnsmasq (two
 * versions), resolvconf for dnsmasq, NetworkManager.
 */
static const char upstream_files[] = "/run/systemd/resolve/resolv.conf\0"
				     "/tmp/resolv.conf.d/resolv.conf.auto\0"
				     "/tmp/resolv.conf.auto\0"
				     "/run/dnsmasq/resolv.conf\0"
				     "/run/NetworkManager/no-stub-resolv.conf\0";

static void allow(struct resolvers *resolvers, const struct address *address)
{
	for (size_t i = 0; i < resolvers->count; i++) {
		if (address_equal(&resolvers->allowed[i], address))
			return;
	}
	if (resolvers->count < sizeof resolvers->allowed / sizeof *resolvers->allowed)
		resolvers->allowed[resolvers->count++] = *address;
}

/*
 * Whether packets to it stay on this device. The kernel picks the address itself as source then; bind(2) would say yes
 * to any address where net.ipv4.ip_nonlocal_bind is set, as routers with VRRP have it.
 */
static bool is_local(const struct address *address)
{
	struct endpoint endpoint = { *address, 53 };
	struct sockaddr_storage end; /* the other one, then our own */
	socklen_t length = endpoint_to_sockaddr(&endpoint, &end);
	size_t at = address->family == AF_INET ? offsetof(struct sockaddr_in, sin_addr) :
						 offsetof(struct sockaddr_in6, sin6_addr);
	if (address_is_loopback(address) || address_is_unspecified(address))
		return true;
	int fd = socket(address->family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return false;
	bool known = connect(fd, (struct sockaddr *)&end, length) == 0 &&
		     getsockname(fd, (struct sockaddr *)&end, &length) == 0;
	close(fd);
	return known && memcmp((char *)&end + at, address->bytes, address_length(address)) == 0;
}

/* What kinds of servers a configuration has. */
enum { LOCAL = 1, REMOTE = 2 };

/* Allows the servers that are not this device itself. Returns which kinds there are. */
static int allow_remote(struct resolvers *resolvers, const struct resolver_config *config)
{
	int kinds = 0;
	for (size_t i = 0; i < config->server_count; i++) {
		int kind = is_local(&config->servers[i]) ? LOCAL : REMOTE;
		if (kind == REMOTE)
			allow(resolvers, &config->servers[i]);
		kinds |= kind;
	}
	return kinds;
}

/*
 * The same with those that a local resolver asks. Some of the files lie below /tmp, where anybody could put one: then
 * whoever is contained would choose whom it may ask.
 */
static int allow_upstreams(struct resolvers *resolvers)
{
	struct resolver_config config;
	int kinds = 0;
	for (const char *path = upstream_files; *path; path += strlen(path) + 1) {
		if (file_is_roots(path) && resolver_config_read(path, &config, NULL) == 0)
			kinds |= allow_remote(resolvers, &config);
	}
	return kinds;
}

static void allow_configured(struct resolvers *resolvers, struct report *report)
{
	struct diag diag;
	if (access(resolv_conf, F_OK) != 0) {
		diag_fail(&diag, 0, "%s: not there; DNS is not allowed", resolv_conf);
		report_warning(report, &diag);
		return;
	}
	if (!(allow_remote(resolvers, &resolvers->config) & LOCAL))
		return;
	resolvers->through_local = allow_upstreams(resolvers) & REMOTE;
	if (resolvers->through_local)
		return;
	diag_fail(&diag, 0, "whom the local resolver asks is unknown: any DNS (--dns)");
	report_warning(report, &diag);
	resolvers->any = true;
	resolvers->any_by_need = true;
}

void resolvers_read(struct resolvers *resolvers, struct report *report)
{
	struct diag problem;
	if (resolver_config_read(resolv_conf, &resolvers->config, &problem) < 0) {
		resolvers->config = (struct resolver_config){ .server_count = 0 };
		report_warning(report, &problem);
	}
}

void resolvers_choose(struct resolvers *resolvers, const struct settings *settings, struct report *report)
{
	switch (settings->dns.mode) {
	case DNS_RESOLVERS:
		allow_configured(resolvers, report);
		break;
	case DNS_ANY:
		resolvers->any = true;
		resolvers->any_by_need = CONFIG_PERSIST && settings->dns.by_need;
		break;
	case DNS_NONE:
		break;
	case DNS_LIST:
		for (size_t i = 0; i < settings->dns.count; i++)
			allow(resolvers, &settings->dns.list[i]);
		break;
	}
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
