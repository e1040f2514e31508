/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "persist.h"

#include <errno.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/line.h"
#include "base/parse.h"
#include "state/saved.h"

static const char any_by_need[] = "unknown"; /* for whom a local resolver asks */

/* ---- reading ---- */

/* Seconds since the epoch. */
static bool read_time(struct settings *settings, char *value)
{
	uint64_t seconds;
	if (!parse_unsigned(value, INT64_MAX, &seconds))
		return false;
	settings->saved_at = (int64_t)seconds;
	return true;
}

/* Of the server in the line before, as --allow has it: "tcp:192.0.2.2:443". */
static bool read_endpoint(struct settings *settings, char *value)
{
	struct policy_network peer;
	return targets_parse_peer(value, &peer) && targets_add_endpoint(&settings->targets, &peer);
}

static bool read_resolver(struct settings *settings, char *value)
{
	struct dns_settings *dns = &settings->dns;
	dns->by_need = strcmp(value, any_by_need) == 0;
	dns->mode = dns->by_need ? DNS_ANY : DNS_LIST;
	if (dns->by_need)
		return true;
	return dns->count < sizeof dns->list / sizeof *dns->list && address_parse(value, &dns->list[dns->count++]);
}

/* Of more than there is room for, any: what is awaited for nothing costs less than a way that is cut. */
static bool read_awaited(struct settings *settings, char *value)
{
	struct links_hints *links = &settings->links;
	bool full = links->awaited_count == AWAITED_MAX;
	links->awaited_count -= full;
	links->awaited[links->awaited_count] = full ? AWAITED_ANY : strdup(value); /* stays until the process ends */
	return links->awaited[links->awaited_count++] != NULL;
}

/* What the kernel sends for it, as --allow has it, and its own port: 0 for any. */
static bool read_tunnel(struct settings *settings, char *value)
{
	struct links_hints *links = &settings->links;
	struct policy_network *tunnel = &links->tunnels[links->tunnel_count];
	char *port = value + strcspn(value, " ");
	uint64_t number;
	if (links->tunnel_count == SURVEY_OUTER_MAX || *port == '\0')
		return false;
	*port++ = '\0';
	if (!targets_parse_peer(value, tunnel) || !parse_unsigned(port, UINT16_MAX, &number))
		return false;
	tunnel->own_port = (uint16_t)number;
	links->tunnel_count++;
	return true;
}

static bool read_folder(struct settings *settings, char *value)
{
	settings->command.folder = strdup(value);
	return settings->command.folder != NULL;
}

static bool read_word(struct settings *settings, char *value)
{
	struct command *command = &settings->command;
	if (command->count == COMMAND_WORDS_MAX) {
		command->too_long = true;
		command->count = 0;
	}
	if (command->too_long)
		return true;
	command->words[command->count] = strdup(value);
	return command->words[command->count++] != NULL;
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
	{ "folder", read_folder },
	{ "word", read_word },
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

/* What comes back from a line as it was: neither control characters nor blanks at its ends. */
static bool fits_line(const char *word)
{
	size_t length = strlen(word);
	if (length == 0 || length > LINE_SIZE - sizeof "folder " || word[0] == ' ' || word[length - 1] == ' ')
		return false;
	for (; *word; word++) {
		if ((unsigned char)*word < ' ' || *word == 0x7f)
			return false;
	}
	return true;
}

void persist_note_command(struct command *command, char **words)
{
	command->count = 0;
	command->folder = getcwd(NULL, 0);
	for (size_t i = 0; words[i]; i++) {
		if (i == COMMAND_WORDS_MAX || !fits_line(words[i])) {
			command->count = 0;
			return;
		}
		command->words[command->count++] = words[i];
	}
}

static void write_command(const struct command *command, struct text *text)
{
	if (command->folder && fits_line(command->folder))
		text_addf(text, "folder %s\n", command->folder);
	for (size_t i = 0; i < command->count; i++)
		text_addf(text, "word %s\n", command->words[i]);
}

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

/* The form that all peers have, but for resolvers. */
static void write_peer(struct text *text, const char *name, const struct policy_network *peer)
{
	text_add(text, name);
	policy_network_format(peer, text);
	text_add(text, "\n");
}

static void write_servers(const struct targets *targets, struct text *text)
{
	for (size_t i = 0; i < targets->server_count; i++) {
		const struct server *server = &targets->servers[i];
		text_add(text, "server ");
		url_format(&server->url, text);
		text_add(text, "\n");
		for (size_t j = 0; j < server->endpoint_count; j++) {
			text_add(text, "endpoint tcp:");
			endpoint_format(&server->endpoints[j], text);
			text_add(text, "\n");
		}
	}
}

static void write_resolvers(const struct resolvers *resolvers, struct text *text)
{
	if (resolvers->any_by_need)
		text_addf(text, "resolver %s\n", any_by_need);
	else if (resolvers->any || resolvers->count == 0)
		text_addf(text, "dns %s\n", resolvers->any ? "any" : "none");
	for (size_t i = 0; i < resolvers->count && !resolvers->any; i++) {
		text_add(text, "resolver ");
		address_format(&resolvers->allowed[i], text);
		text_add(text, "\n");
	}
}

/* Tunnels that were found are behind the networks that were named. */
static void write_policy(const struct policy *policy, size_t tunnels, struct text *text)
{
	for (size_t i = 0; i + tunnels < policy->network_count; i++)
		write_peer(text, "allow ", &policy->networks[i]);
	for (size_t i = 0; i < policy->dhcp_server_count; i++)
		text_addf(text, "allow dhcp-server:%s\n", policy->dhcp_server[i]);
	for (int family = IPV4; family < IP_FAMILIES; family++) {
		for (int set = SET_ALLOW_OUT; set <= SET_ALLOW_IN; set++) {
			struct policy_network peer;
			size_t cursor = 0;
			while (policy_next_peer(policy, (enum set_id)set, (enum ip_family)family, &cursor, &peer))
				write_peer(text, "allow ", &peer);
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

/* One for any link has come when any has: all are among the uplinks only as long as nobody knows which it will be. */
static bool is_still_awaited(const struct links_survey *survey, const char *name)
{
	return strcmp(name, AWAITED_ANY) != 0 && !is_uplink(survey, name);
}

/* Those that lead to a peer, and those from before that are still awaited. */
static void write_links(const struct links_hints *hints, const struct links_survey *survey, struct text *text)
{
	bool any = survey->uplink_count + hints->awaited_count == 0;
	for (size_t i = 0; i < hints->uplink_count; i++)
		text_addf(text, "uplink %s\n", hints->uplinks[i]);
	for (size_t i = 0; i < hints->awaited_count; i++)
		any |= survey->awaited && strcmp(hints->awaited[i], AWAITED_ANY) == 0;
	if (any)
		text_add(text, "awaited " AWAITED_ANY "\n");
	for (size_t i = 0; i < survey->uplink_count && !any; i++)
		text_addf(text, "awaited %s\n", survey->records[i].name);
	for (size_t i = 0; i < hints->awaited_count && !any; i++) {
		if (is_still_awaited(survey, hints->awaited[i]))
			text_addf(text, "awaited %s\n", hints->awaited[i]);
	}
	for (size_t i = 0; i < survey->outer_count; i++) {
		text_add(text, "tunnel ");
		policy_network_format(&survey->outer[i], text);
		text_addf(text, " %u\n", survey->outer[i].own_port);
	}
}

int persist_save(const struct settings *settings, const struct resolvers *resolvers, const struct links_survey *survey,
		 bool keep, bool again, struct diag *diag)
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
	write_command(&settings->command, text);
	text_add(text, "end\n");
	return keep ? saved_keep(&saved, again, diag) : saved_drop(&saved, diag);
}
