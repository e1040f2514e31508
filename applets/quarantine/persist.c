/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "persist.h"

#include <errno.h>
#include <string.h>
#include <time.h>

#include "base/parse.h"
#include "state/saved.h"

/* ---- reading ---- */

/* Cuts the next word off; "" when there is none. */
static char *next_word(char **at)
{
	char *word = *at + strspn(*at, " ");
	*at = word + strcspn(word, " ");
	if (**at)
		*(*at)++ = '\0';
	return word;
}

/* Seconds since the epoch. */
static bool read_time(struct settings *settings, char *value)
{
	uint64_t seconds;
	if (!parse_unsigned(value, INT64_MAX, &seconds))
		return false;
	settings->saved_at = (int64_t)seconds;
	return true;
}

/* An address and a port, of the server in the line before. */
static bool read_endpoint(struct settings *settings, char *value)
{
	struct endpoint endpoint;
	const char *address = next_word(&value);
	return address_parse(address, &endpoint.address) && parse_port(value, &endpoint.port) &&
	       targets_add_endpoint(&settings->targets, &endpoint.address, endpoint.port, NULL) == 0;
}

static bool read_resolver(struct settings *settings, char *value)
{
	struct dns_settings *dns = &settings->dns;
	dns->mode = DNS_LIST;
	return dns->count < sizeof dns->list / sizeof *dns->list && address_parse(value, &dns->list[dns->count++]);
}

static bool read_awaited(struct settings *settings, char *value)
{
	struct links_hints *links = &settings->links;
	if (links->awaited_count == AWAITED_MAX)
		return false;
	links->awaited[links->awaited_count++] = strdup(value); /* stays until the process ends */
	return links->awaited[links->awaited_count - 1] != NULL;
}

/* Address, number of the protocol, port, port of ours, and 1 for packets from there; 0 for a port is none. */
static bool read_tunnel(struct settings *settings, char *value)
{
	struct links_hints *links = &settings->links;
	struct policy_network tunnel = { .prefix_length = 0 };
	uint64_t numbers[4];
	static const uint16_t limits[] = { UINT8_MAX, UINT16_MAX, UINT16_MAX, 1 };
	const char *address = next_word(&value);
	if (links->tunnel_count == SURVEY_OUTER_MAX || !address_parse(address, &tunnel.address))
		return false;
	for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
		if (!parse_unsigned(next_word(&value), limits[i], &numbers[i]))
			return false;
	}
	tunnel.prefix_length = (uint8_t)(8 * address_length(&tunnel.address));
	tunnel.protocol = (uint8_t)numbers[0];
	tunnel.port = (uint16_t)numbers[1];
	tunnel.own_port = (uint16_t)numbers[2];
	tunnel.inbound = numbers[3];
	links->tunnels[links->tunnel_count++] = tunnel;
	return true;
}

/* The last line: a file that was cut is not taken for a whole one. */
static bool read_end(struct settings *settings, char *value)
{
	settings->saved_whole = true;
	settings->targets.pinned = true;
	return *value == '\0';
}

static const struct {
	char name[9];
	bool (*read)(struct settings *settings, char *value);
} saved_lines[] = {
	{ "saved", read_time },
	{ "resolver", read_resolver },
	{ "endpoint", read_endpoint },
	{ "awaited", read_awaited },
	{ "tunnel", read_tunnel },
	{ "end", read_end },
};

int persist_read_line(struct settings *settings, const char *name, char *value, struct diag *diag)
{
	for (size_t i = 0; i < sizeof saved_lines / sizeof *saved_lines; i++) {
		if (strcmp(name, saved_lines[i].name) != 0)
			continue;
		return saved_lines[i].read(settings, value) ? 1 : diag_fail(diag, EINVAL, "%s: not readable", name);
	}
	return 0;
}

/* ---- writing ---- */

static void write_time_and_place(const struct policy *policy, struct text *text)
{
	const char *separator = "layers ";
	text_addf(text, "saved %lld\n", (long long)time(NULL));
	for (size_t i = 0; i < LAYER_NAMES; i++) {
		if (!(policy->wanted & layer_names[i].layers))
			continue;
		text_addf(text, "%s%s", separator, layer_names[i].word);
		separator = ",";
	}
	text_add(text, "\n");
	if (policy->lasts)
		text_addf(text, "for %us\n", policy->lasts);
	if (policy->log == LOG_KERNEL)
		text_add(text, "log kernel\n");
	else if (policy->log == LOG_GROUP)
		text_addf(text, "log %u\n", policy->log_group);
}

static void write_line(struct text *text, const char *name, const struct address *address)
{
	text_add(text, name);
	address_format(address, text);
}

static void write_servers(const struct targets *targets, struct text *text)
{
	for (size_t i = 0; i < targets->server_count; i++) {
		const struct server *server = &targets->servers[i];
		text_add(text, "server ");
		url_format(&server->url, text);
		text_add(text, "\n");
		for (size_t j = 0; j < server->endpoint_count; j++) {
			write_line(text, "endpoint ", &server->endpoints[j].address);
			text_addf(text, " %u\n", server->endpoints[j].port);
		}
	}
}

static void write_resolvers(const struct resolvers *resolvers, struct text *text)
{
	if (resolvers->any || resolvers->count == 0)
		text_addf(text, "dns %s\n", resolvers->any ? "any" : "none");
	for (size_t i = 0; i < resolvers->count && !resolvers->any; i++) {
		write_line(text, "resolver ", &resolvers->allowed[i]);
		text_add(text, "\n");
	}
}

static void write_allowed(const struct policy_network *network, struct text *text)
{
	text_add(text, "allow ");
	policy_network_format(network, text);
	text_add(text, "\n");
}

/* Tunnels that were found are behind the networks that were named. */
static void write_policy(const struct policy *policy, size_t tunnels, struct text *text)
{
	for (size_t i = 0; i + tunnels < policy->network_count; i++)
		write_allowed(&policy->networks[i], text);
	for (size_t i = 0; i < policy->dhcp_server_count; i++)
		text_addf(text, "allow dhcp-server:%s\n", policy->dhcp_server[i]);
	for (int family = IPV4; family < IP_FAMILIES; family++) {
		for (int set = SET_ALLOW_OUT; set <= SET_ALLOW_IN; set++) {
			struct policy_network peer;
			size_t cursor = 0;
			while (policy_next_peer(policy, (enum set_id)set, (enum ip_family)family, &cursor, &peer))
				write_allowed(&peer, text);
		}
	}
}

static bool is_uplink(const struct links_survey *survey, const char *name)
{
	for (size_t i = 0; i < survey->uplink_count; i++) {
		if (strcmp(survey->records[i].name, name) == 0)
			return true;
	}
	return false;
}

/* Those that led to a peer, and those from before that are still awaited. */
static void write_links(const struct links_hints *hints, const struct links_survey *survey, struct text *text)
{
	size_t count = survey->uplink_count;
	for (size_t i = 0; i < hints->uplink_count; i++)
		text_addf(text, "uplink %s\n", hints->uplinks[i]);
	for (size_t i = 0; i < hints->awaited_count; i++)
		count += !is_uplink(survey, hints->awaited[i]);
	if (count == 0 || count > AWAITED_MAX) {
		text_add(text, "awaited *\n");
	} else {
		for (size_t i = 0; i < survey->uplink_count; i++)
			text_addf(text, "awaited %s\n", survey->records[i].name);
		for (size_t i = 0; i < hints->awaited_count; i++) {
			if (!is_uplink(survey, hints->awaited[i]))
				text_addf(text, "awaited %s\n", hints->awaited[i]);
		}
	}
	for (size_t i = 0; i < survey->outer_count; i++) {
		const struct policy_network *tunnel = &survey->outer[i];
		write_line(text, "tunnel ", &tunnel->address);
		text_addf(text, " %u %u %u %u\n", tunnel->protocol, tunnel->port, tunnel->own_port, tunnel->inbound);
	}
}

int persist_save(const struct settings *settings, const struct resolvers *resolvers, const struct links_survey *survey,
		 struct diag *diag)
{
	struct saved saved;
	struct text *text = &saved.text;
	const struct policy *policy = &settings->targets.policy;
	int result = saved_begin(&saved, settings->table, diag);
	if (result < 0)
		return result;
	write_time_and_place(policy, text);
	write_resolvers(resolvers, text);
	write_servers(&settings->targets, text);
	write_policy(policy, survey->outer_count, text);
	write_links(&settings->links, survey, text);
	text_add(text, "end\n");
	return saved_keep(&saved, diag);
}
