/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "settings.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/io.h"
#include "base/line.h"
#include "base/parse.h"
#include "persist.h"
#include "state/saved.h"

enum {
	TIMEOUT_DEFAULT = 30, /* seconds */
	CONFIG_SIZE_LIMIT = 16 << 20, /* bytes: 100,000 allowed addresses are 3 MB */
};

static const char default_config[] = "/etc/quarbox.conf";

/* ---- values ---- */

static int parse_server(void *field, const char *value, struct diag *diag)
{
	return targets_add_server(field, value, diag);
}

static int parse_allow(void *field, const char *value, struct diag *diag)
{
	return targets_add_allowed(field, value, diag);
}

static int parse_dns_list(struct dns_settings *dns, const char *value, struct diag *diag)
{
	const char *at = value;
	dns->mode = DNS_LIST;
	dns->count = 0;
	for (;;) {
		char word[ADDRESS_TEXT_SIZE];
		size_t length = strcspn(at, ",");
		if (dns->count == DNS_LIST_MAX)
			return diag_fail(diag, EINVAL, "at most %d resolvers", DNS_LIST_MAX);
		if (length >= sizeof word)
			length = 0;
		memcpy(word, at, length);
		word[length] = '\0';
		struct address *address = &dns->list[dns->count++];
		if (!address_parse(word, address))
			return diag_fail(diag, EINVAL, "'%.*s' is not resolvers, any, none or ADDRESS,...", 60, value);
		if (address_is_unspecified(address) || address_is_multicast(address))
			return diag_fail(diag, EINVAL, "'%s': no resolver can have this address", word);
		at += length;
		if (*at == '\0')
			return 0;
		at++;
	}
}

static int parse_dns(void *field, const char *value, struct diag *diag)
{
	static const char words[][sizeof "resolvers"] = {
		[DNS_RESOLVERS] = "resolvers",
		[DNS_ANY] = "any",
		[DNS_NONE] = "none",
	};
	struct dns_settings *dns = field;
	for (size_t mode = 0; mode < sizeof words / sizeof *words; mode++) {
		if (strcmp(value, words[mode]) == 0) {
			dns->mode = (enum dns_mode)mode;
			return 0;
		}
	}
	return parse_dns_list(dns, value, diag);
}

#if CONFIG_QUARANTINE_PROBE
static int parse_forbidden(void *field, const char *value, struct diag *diag)
{
	struct settings *settings = field;
	settings->has_forbidden = true;
	return url_parse(value, &settings->forbidden, diag);
}
#endif

static int parse_layers(void *field, const char *value, struct diag *diag)
{
	uint8_t layers = 0;
	for (const char *at = value; at;) {
		size_t length = strcspn(at, ",");
		uint8_t found = 0;
		for (size_t i = 0; i < LAYER_NAMES; i++) {
			if (text_after(at, layer_names[i].word) == at + length)
				found = layer_names[i].layers;
		}
		if (!(found & LAYERS_BUILT))
			return diag_fail(diag, EINVAL, "'%.*s' is no layer of this build",
					 (int)(length > 60 ? 60 : length), at);
		layers |= found;
		at = at[length] ? at + length + 1 : NULL;
	}
	if (!(layers & LAYER_INET))
		return diag_fail(diag, EINVAL, "'%.*s' lacks inet: nothing would be contained", 60, value);
	*(uint8_t *)field = layers;
	return 0;
}

static int parse_uplink(void *field, const char *value, struct diag *diag)
{
	struct links_hints *links = field;
	size_t length = strlen(value);
	if (length == 0 || length >= POLICY_INTERFACE_SIZE)
		return diag_fail(diag, EINVAL, "'%.*s' is no interface's name", 60, value);
	if (links->uplink_count == UPLINKS_MAX)
		return diag_fail(diag, EINVAL, "at most %d uplinks", UPLINKS_MAX);
	links->uplinks[links->uplink_count++] = value;
	return 0;
}

static int parse_lasts(void *field, const char *value, struct diag *diag)
{
	uint64_t seconds;
	if (!parse_duration(value, POLICY_LASTS_MAX, &seconds))
		return diag_fail(diag, EINVAL, "'%.*s' is no time like 90s, 8h or 7d, up to 365d", 24, value);
	*(uint32_t *)field = (uint32_t)seconds;
	return 0;
}

static int parse_log(void *field, const char *value, struct diag *diag)
{
	struct policy *policy = field;
	uint64_t group = 0;
	bool kernel = strcmp(value, "kernel") == 0;
	if (!kernel && !parse_unsigned(value, POLICY_LOG_GROUP_MAX, &group))
		return diag_fail(diag, EINVAL, "'%.*s' is neither kernel nor a group, 0 to %d", 40, value,
				 POLICY_LOG_GROUP_MAX);
	policy->log = kernel ? LOG_KERNEL : LOG_GROUP;
	policy->log_group = (uint16_t)group;
	return 0;
}

#if CONFIG_VELOCIRAPTOR_CONFIG
#define CONFIG_HELP "configuration, default /etc/quarbox.conf;\nFILE.yaml: that of Velociraptor's client"
#else
#define CONFIG_HELP "configuration, default /etc/quarbox.conf"
#endif

#define FIELD(name) offsetof(struct settings, name)
const struct option_row quarantine_options[] = {
	OPTION('t', FIELD(table), "table", "NAME", NULL, "nftables table, default\n" CONFIG_DEFAULT_TABLE),
	OPTION(0, FIELD(targets), "server", "URL", parse_server,
	       "management server, like an operand;\nmay be repeated"),
	OPTION('a', FIELD(targets), "allow", "SPEC", parse_allow,
	       "also allow tcp:HOST[/LEN]:PORT[:in|out],\nudp:..., icmp:HOST, dhcp-server:INTERFACE;\nmay be repeated"),
	OPTION(0, FIELD(dns), "dns", "WHO", parse_dns,
	       "resolvers (default: those configured),\nany, none, or ADDRESS,..."),
	OPTION(0, FIELD(targets.policy.wanted), "layers", "LIST", parse_layers,
	       "of inet,bridge,netdev,later; default: all,\nbut later only where there is no nft"),
	OPTION(0, FIELD(links), "uplink", "NAME", parse_uplink,
	       "this interface leads to a server, too;\nmay be repeated"),
	OPTION('c', FIELD(config), "config", "FILE", NULL, CONFIG_HELP),
#if CONFIG_QUARANTINE_PROBE
	TRUST_OPTION_ROWS(FIELD(trust)),
	OPTION('f', 0, "forbidden", "URL", parse_forbidden, "prove that this can't be reached any more"),
	OPTION('T', FIELD(timeout), "timeout", "TIME", option_timeout, "for the proof, default 30s"),
	OPTION(0, FIELD(no_probe), "no-probe", "", NULL, "contain without proof"),
	OPTION(0, FIELD(proven_only), "proven-only", "", NULL, "allow only addresses that prove themselves"),
#endif
	OPTION(0, FIELD(keep), "keep", "", NULL, "contain even if no server answers"),
	OPTION(0, FIELD(targets.policy.lasts), "for", "TIME", parse_lasts, "the kernel ends it then: 90s, 15m, 8h, 7d"),
#if CONFIG_PERSIST
	OPTION(0, FIELD(persist), "persist", "", NULL, "save it, so that it can come back after a reboot"),
	OPTION(0, FIELD(restore), "restore", "", NULL, "contain as saved; for scripts that boot the device"),
#if CONFIG_QUARANTINE_PROBE
	OPTION(0, FIELD(renew), "renew", "", NULL, "follow a server that moved, when it proves itself"),
#endif
#endif
	OPTION(0, FIELD(targets.policy), "log", "WHERE", parse_log,
	       "log what is dropped, 20 packets a second:\nkernel, or a group of nfnetlink"),
#if CONFIG_QUARANTINE_NOTIFY
	OPTION('m', FIELD(message), "message", "TEXT", NULL,
	       "tell it to everybody logged in,\nat most 255 characters"),
#endif
	OPTION('n', FIELD(dry_run), "dry-run", "", NULL, "print the rules for nft -f, change nothing"),
	OPTION('r', FIELD(remove), "remove", "", NULL, "end the quarantine, the same as release"),
	OPTION_JSON(FIELD(json)),
	OPTION('q', FIELD(quiet), "quiet", "", NULL, "print errors and warnings only"),
	OPTION('v', FIELD(verbose), "verbose", "", NULL, "print every allowed address"),
	OPTION_END,
};

/* ---- the configuration file ---- */

/* These make no sense in a file. */
static bool only_on_command_line(const char *name)
{
	static const char names[][sizeof "restore"] = { "config", "remove", "dry-run", "restore", "renew" };
	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		if (strcmp(name, names[i]) == 0)
			return true;
	}
	return false;
}

/* Options keep pointers to their values; only those that are parsed at once don't need a copy that stays. */
static int set_from_line(struct settings *settings, char *name, struct diag *diag)
{
	char *value = name + strcspn(name, " \t");
	if (*value)
		*value++ = '\0';
	value = trim(value);
	if (only_on_command_line(name))
		return diag_fail(diag, EINVAL, "option '%s' can't stand in a file", name);
	int result = CONFIG_PERSIST && settings->restore ? persist_read_line(settings, name, value, diag) : 0;
	if (result != 0)
		return result < 0 ? result : 0;
	if (strcmp(name, "allow") == 0 || strcmp(name, "server") == 0)
		return options_set(quarantine_options, settings, name, value, diag);
	if (strcmp(name, "table") == 0 && *value && policy_table_name_check(value, diag) < 0)
		return -EINVAL;
	char *copy = strdup(value); /* stays until the process ends */
	if (!copy)
		return diag_errno(diag, ENOMEM, "keep a value");
	return options_set(quarantine_options, settings, name, copy, diag);
}

/* What is wrong with a file. Too little memory is nobody's bad configuration. */
static int configuration_error(int result)
{
	return result == -ENOMEM ? result : -EBADMSG;
}

static int read_lines(struct settings *settings, struct line_reader *reader, struct diag *diag)
{
	char *line;
	int result;
	while ((result = line_reader_next(reader, &line, diag)) > 0) {
		line = trim(line);
		if (*line == '#' || *line == '\0')
			continue;
		struct diag reason;
		result = set_from_line(settings, line, &reason);
		if (result < 0)
			return diag_fail(diag, -result, "%s line %u: %s", reader->path, reader->number,
					 reason.text);
	}
	return result;
}

static int read_config(struct settings *settings, const char *path, struct diag *diag)
{
	struct stat there;
	if (path ? strcmp(path, "/dev/null") == 0 : lstat(default_config, &there) < 0 && errno == ENOENT)
		return 0;
	struct line_reader reader;
	int result = line_reader_open(&reader, path ? path : default_config, CONFIG_SIZE_LIMIT, diag);
	if (result < 0)
		return result;
	result = read_lines(settings, &reader, diag);
	line_reader_close(&reader);
	return result;
}

/* ---- both ---- */

/*
 * Versions of nft before 1.1.5 never come back from listing a rule set with a hook on every device: where somebody may
 * type nft, that layer has to be asked for.
 */
static bool has_nft(void)
{
	static const char paths[][sizeof "/usr/local/sbin/nft"] = { "/usr/sbin/nft", "/sbin/nft",
								    "/usr/local/sbin/nft", "/usr/bin/nft" };
	for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
		if (access(paths[i], F_OK) == 0)
			return true;
	}
	return false;
}

static void set_defaults(struct settings *settings)
{
	*settings = (struct settings){ .timeout = TIMEOUT_DEFAULT };
	settings->targets.policy.wanted = has_nft() ? LAYERS_BUILT & ~LAYER_LATER : LAYERS_BUILT;
}

/* What is said about trust on the command line replaces all that the file says: the two must not mix. */
static bool names_trust(const struct settings *settings)
{
#if CONFIG_QUARANTINE_PROBE
	return trust_is_chosen(&settings->trust);
#else
	(void)settings;
	return false;
#endif
}

/* Likewise whether there is a proof, and of what. */
static bool names_proof(const struct settings *settings)
{
	return settings->no_probe || settings->has_forbidden;
}

static void forget_trust(struct settings *settings)
{
#if CONFIG_QUARANTINE_PROBE
	settings->trust = (struct trust_options){ 0 };
#else
	(void)settings;
#endif
}

/* Whether somebody asked for a verification, or proof, and for none. Of one source, or of all together. */
static int check_proof(const struct settings *settings, struct diag *diag)
{
#if CONFIG_QUARANTINE_PROBE
	const struct trust_options *trust = &settings->trust;
	if (trust->insecure && (trust->ca || trust->pins.count > 0 || trust->name))
		return diag_fail(diag, EINVAL, "--insecure contradicts --ca, --pin and --name");
	if (settings->no_probe && settings->has_forbidden)
		return diag_fail(diag, EINVAL, "--no-probe contradicts --forbidden");
	if (settings->proven_only && (settings->no_probe || settings->keep || trust->insecure))
		return diag_fail(diag, EINVAL, "--proven-only contradicts --no-probe, --keep and --insecure");
#else
	(void)settings;
	(void)diag;
#endif
	return 0;
}

static int parse_arguments(struct settings *settings, int argc, char **argv, struct diag *diag)
{
	int operands = options_parse(quarantine_options, settings, argc, argv, diag);
	if (operands < 0)
		return operands;
	for (int i = 1; i <= operands; i++) {
		int result = targets_add_server(&settings->targets, argv[i], diag);
		if (result < 0)
			return result;
	}
	return 0;
}

static void forget_servers(struct targets *targets)
{
	if (targets->servers)
		memset(targets->servers, 0, SERVERS_MAX * sizeof *targets->servers);
	targets->server_count = 0;
}

/* ---- the configuration of Velociraptor's client ---- */

/*
 * A proxy that only our environment names is allowed beside the direct way: the client, a service, has an environment
 * of its own.
 */
static int add_ways(struct settings *settings, const struct velociraptor_environment *environment,
		    const struct url *url, struct diag *diag)
{
	const struct velociraptor_config *client = &settings->client;
	struct targets *targets = &settings->targets;
	struct velociraptor_way way;
	int result = velociraptor_way_to(client, environment, url, &way, diag);
	if (result == 0 && way.proxy.set)
		result = targets_add_way(targets, url, &way.proxy, velociraptor_fallback_for(client, &way.proxy.url),
					 diag);
	if (result == 0 && (!way.proxy.set || way.by_environment))
		result = targets_add_way(targets, url, NULL, velociraptor_fallback_for(client, url), diag);
	return result;
}

/* Its servers, unless others are named: then what it says about those. */
static int use_client(struct settings *settings, const struct velociraptor_environment *environment,
		      struct diag *diag)
{
	struct targets *targets = &settings->targets;
	const struct velociraptor_config *client = &settings->client;
	struct server *named = targets->servers;
	size_t named_count = targets->server_count;
	size_t count = named_count ? named_count : client->server_count;
	int result = 0;
	targets->servers = NULL;
	targets->server_count = 0;
	for (size_t i = 0; i < count && result == 0; i++)
		result = add_ways(settings, environment, named_count ? &named[i].url : &client->servers[i], diag);
	free(named);
	return result;
}

static int read_client(struct settings *settings, const char *path, struct diag *diag)
{
	struct velociraptor_environment environment;
	struct diag reason;
	int result = applet_read_client(path, &settings->client, &environment, diag);
	if (result == 0)
		return 0;
	if (result < 0)
		return configuration_error(result);
	result = use_client(settings, &environment, &reason);
	if (result < 0)
		return diag_fail(diag, -configuration_error(result), "Velociraptor's configuration: %s", reason.text);
#if CONFIG_QUARANTINE_PROBE
	settings->trust.client = &settings->client;
#endif
	return 0;
}

/* ---- all of it ---- */

/* What the command line says about where the rest is. */
struct command_line {
	int argc;
	char **argv;
	char **copy; /* of argv, which parsing puts in another order */
	const char *config; /* of our own kind */
	const char *client; /* of Velociraptor's */
	bool names_servers;
	bool names_trust;
	bool names_proof;
};

static int parse_command_line(struct settings *settings, const struct command_line *line, struct diag *diag)
{
	memcpy(line->copy, line->argv, (size_t)line->argc * sizeof *line->copy);
	return parse_arguments(settings, line->argc, line->copy, diag);
}

static int look_at_command_line(struct settings *settings, struct command_line *line, struct diag *diag)
{
	set_defaults(settings);
	int result = parse_command_line(settings, line, diag);
	if (result == 0)
		result = check_proof(settings, diag);
	if (result < 0)
		return result;
	if (settings->config && applet_is_client_path(settings->config))
		line->client = settings->config;
	else
		line->config = settings->config;
	line->names_servers = settings->targets.server_count > 0 || line->client;
	line->names_trust = names_trust(settings) || line->client;
	line->names_proof = names_proof(settings);
	return 0;
}

static int read_whole(struct settings *settings, struct diag *diag)
{
	int result = read_config(settings, saved_path, diag);
	/* release -t and status look for the table where it was written */
	if (result == 0 && !(settings->saved_whole && settings->table && saved_is_there(settings->table)))
		result = diag_fail(diag, EBADMSG, "%s: not whole", saved_path);
	return result;
}

/* On top of what was saved the command line says how to tell of it, and may ask for other layers. */
static int read_saved(struct settings *settings, const struct command_line *line, struct diag *diag)
{
	const struct targets *targets = &settings->targets;
	if (line->names_servers || line->names_trust || line->names_proof || line->config || settings->persist ||
	    settings->proven_only || settings->table || targets->policy.lasts || targets->name_count ||
	    (settings->renew && settings->dry_run))
		return diag_fail(diag, EINVAL, "--%s goes with no URL, -t, -a, --for and the like",
				 settings->renew ? "renew" : "restore");
	int result;
	do {
		settings_fini(settings);
		set_defaults(settings);
		settings->restore = true;
		settings->saved_stamp = saved_stamp();
		result = settings->saved_stamp ? read_whole(settings, diag) : 0;
	} while (result < 0 && saved_stamp() != settings->saved_stamp); /* released or saved anew as it was read */
	int again = parse_command_line(settings, line, result < 0 ? NULL : diag); /* -j and -q: how to tell it */
	settings->restore = true; /* also of --renew */
	settings->nothing_saved = settings->saved_stamp == 0;
	if (result < 0)
		return configuration_error(result);
	settings->no_probe = true;
	settings->keep = true;
	return again;
}

/* The command line is parsed twice: once to find the file and errors, once more on top of what the file says. */
static int read_in_order(struct settings *settings, struct command_line *line, struct diag *diag)
{
	int result = look_at_command_line(settings, line, diag);
	if (result < 0 || settings->remove)
		return result;
	if (CONFIG_PERSIST && (settings->restore || settings->renew))
		return read_saved(settings, line, diag);
	settings_fini(settings);
	set_defaults(settings);
	result = read_config(settings, line->config, diag);
	if (result == 0)
		result = check_proof(settings, diag);
	if (result < 0) {
		(void)parse_command_line(settings, line, NULL); /* -j and -q also say how to tell this */
		return configuration_error(result);
	}
	if (line->names_servers)
		forget_servers(&settings->targets);
	if (line->names_trust)
		forget_trust(settings);
	if (line->names_proof)
		settings->no_probe = settings->has_forbidden = false;
	result = parse_command_line(settings, line, diag);
	if (CONFIG_VELOCIRAPTOR_CONFIG && result == 0 && (line->client || settings->targets.server_count == 0))
		result = read_client(settings, line->client, diag);
	if (result == 0 && settings->targets.server_count == 0 && *CONFIG_DEFAULT_SERVER_URL)
		result = targets_add_server(&settings->targets, CONFIG_DEFAULT_SERVER_URL, diag);
	return result;
}

/* What single values can't tell. Only what is put in force has to be a name that nft can read back. */
static int check_together(struct settings *settings, struct diag *diag)
{
	if (settings->remove && settings->dry_run)
		return diag_fail(diag, EINVAL, "options -r and -n exclude each other");
	if (settings->remove || (CONFIG_PERSIST && settings->nothing_saved))
		return 0;
	if (settings->targets.server_count == 0 && !(CONFIG_PERSIST && settings->restore))
		return diag_fail(diag, EINVAL, "no server: name a URL, here or in %s", default_config);
	if (!settings->table)
		settings->table = CONFIG_DEFAULT_TABLE;
	/* it would open what an older quarantine holds, while the proof goes on */
	unsigned probation = CONFIG_QUARANTINE_PROBE && !settings->no_probe ? settings->timeout + PROBATION_MARGIN : 0;
	uint32_t lasts = settings->targets.policy.lasts;
	if (lasts && lasts <= probation)
		return diag_fail(diag, EINVAL, "--for has to be more than the %us that the proof may take (-T)",
				 probation);
	int result = check_proof(settings, diag);
	return result < 0 ? result : policy_table_name_check(settings->table, diag);
}

int settings_read(struct settings *settings, int argc, char **argv, struct diag *diag)
{
	struct command_line line = { .argc = argc, .argv = argv };
	line.copy = malloc(((size_t)argc + 1) * sizeof *line.copy);
	if (!line.copy)
		return diag_errno(diag, ENOMEM, "read the command line");
	int result = read_in_order(settings, &line, diag);
	free(line.copy);
	return result < 0 ? result : check_together(settings, diag);
}

#if CONFIG_PERSIST && CONFIG_QUARANTINE_PROBE
/* Whom the device trusts must not be for others to say: a file in /tmp is anybody's after a reboot. */
static int check_owner(const char *path, struct diag *diag)
{
	if (!path || strcmp(path, "/dev/null") == 0 || file_is_roots(path))
		return 0;
	return diag_fail(diag, EINVAL, "renew: %.*s: not there, or not root's alone", 40, path);
}

/* Whether what was asked for once can be asked for by itself: without a proof any address would become the server's. */
static int check_again(const struct settings *settings, const struct settings *saved, struct diag *diag)
{
	if (settings->remove || settings->dry_run || settings->restore || settings->renew)
		return diag_fail(diag, EINVAL, "renew: no such command was saved");
	if (settings->no_probe || settings->trust.insecure)
		return diag_fail(diag, EINVAL, "renew: it was set up without a proof");
	if (strcmp(settings->table ? settings->table : CONFIG_DEFAULT_TABLE, saved->table) != 0)
		return diag_fail(diag, EINVAL, "renew: its table has another name by now");
	int result = check_owner(settings->config, diag);
	return result < 0 ? result : check_owner(settings->trust.ca, diag);
}

/*
 * Of the command only who the servers are, where to find them and whom to trust count anew. What else is allowed stays
 * by address: a forged answer would open a way, and nobody there has to prove himself.
 */
static void take_over(struct settings *settings, struct settings *saved)
{
	struct policy policy = settings->targets.policy;
	settings->targets.policy = saved->targets.policy;
	saved->targets.policy = policy;
	settings->targets.name_count = 0;
	settings->dns = saved->dns;
	settings->links = saved->links;
	settings->links.awaited_count = 0; /* a reboot is over when there is a way to a server */
	settings->links.tunnel_count = 0;
	if (settings->timeout > RENEW_TIMEOUT)
		settings->timeout = RENEW_TIMEOUT;
	settings->keep = false;
	settings->proven_only = true;
	settings->persist = false; /* it is saved again as long as it is saved */
	settings->message = NULL;
	settings->renew = true;
	settings->verbose = saved->verbose;
	settings->saved_at = saved->saved_at;
	settings->saved_stamp = saved->saved_stamp;
	settings->command = saved->command;
}

int settings_read_again(struct settings *settings, struct settings *saved, struct diag *diag)
{
	char name[] = "quarantine";
	char *argv[COMMAND_WORDS_MAX + 2] = { name };
	char *copy[COMMAND_WORDS_MAX + 2];
	const struct command *command = &saved->command;
	struct command_line line = { .argc = (int)command->count + 1, .argv = argv, .copy = copy };
	memcpy(argv + 1, command->words, command->count * sizeof *argv);
	set_defaults(settings);
	if (command->count == 0)
		return diag_fail(diag, EINVAL, "renew: its command line is not known");
	if (command->folder && chdir(command->folder) < 0)
		(void)chdir("/"); /* it is gone: what is named from / is found all the same */
	int result = read_in_order(settings, &line, diag);
	if (result == 0)
		result = check_again(settings, saved, diag);
	if (result == 0)
		result = check_together(settings, diag);
	if (result == 0)
		take_over(settings, saved);
	return result;
}
#endif

void settings_fini(struct settings *settings)
{
	if (CONFIG_VELOCIRAPTOR_CONFIG)
		velociraptor_config_fini(&settings->client);
	targets_fini(&settings->targets);
}
