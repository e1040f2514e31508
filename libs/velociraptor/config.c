/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "velociraptor/config.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/io.h"
#include "base/parse.h"
#include "base/secret.h"
#include "base/text.h"
#include "velociraptor/document.h"
#include "velociraptor/pattern.h"
#include "velociraptor/proxy.h"

struct reader {
	const struct document *document;
	const char *name; /* of the file */
	struct velociraptor_config *config;
	struct diag *diag;
};

/* A key that is read. Others of the same mapping are not looked at. */
struct key {
	const char *path; /* "Client.Crypto.root_certs" */
	int (*read)(const struct reader *reader, const struct key *key, const struct node *node);
	size_t offset; /* of what it is read into, in struct velociraptor_config */
};

#define FIELD(name) offsetof(struct velociraptor_config, name)

/* Fields of struct velociraptor_config begin at addresses that are aligned for their type. */
static void *field_of(const struct reader *reader, const struct key *key)
{
	return (char *)reader->config + key->offset;
}

/* ---- what is wrong ---- */

static int fail(const struct reader *reader, const struct key *key, const struct node *node, const char *problem)
{
	return document_fail(reader->name, node->line, node->column, reader->diag, "%s: %s", key->path, problem);
}

static bool is_nothing(const struct node *node)
{
	return node->kind == NODE_TEXT && node->plain &&
	       (node->length == 0 || strcmp(node->text, "~") == 0 || strcasecmp(node->text, "null") == 0);
}

static const char *found(const struct node *node)
{
	if (node->kind == NODE_MAP)
		return "a mapping";
	if (node->kind == NODE_LIST)
		return "a list";
	return is_nothing(node) ? "nothing" : "a text";
}

static int expected(const struct reader *reader, const struct key *key, const struct node *node, const char *what)
{
	return document_fail(reader->name, node->line, node->column, reader->diag, "%s: expected %s, found %s",
			     key->path, what, found(node));
}

/* The same where the value is no secret and says more than its type. */
static int expected_value(const struct reader *reader, const struct key *key, const struct node *node,
			  const char *what)
{
	if (node->kind != NODE_TEXT || is_nothing(node))
		return expected(reader, key, node, what);
	return document_fail(reader->name, node->line, node->column, reader->diag, "%s: expected %s, found '%.*s'",
			     key->path, what, 60, node->text);
}

static int no_memory(const struct reader *reader)
{
	return diag_errno(reader->diag, ENOMEM, "read %s", reader->name);
}

/* ---- texts ---- */

static int check_text(const struct reader *reader, const struct key *key, const struct node *node, const char *what)
{
	if (node->kind != NODE_TEXT || is_nothing(node))
		return expected(reader, key, node, what);
	if (strlen(node->text) != node->length)
		return fail(reader, key, node, "a NUL character in it");
	return 0;
}

/* An empty text is the same as none, as it is for Velociraptor. */
static int copy_text(const struct reader *reader, const struct key *key, const struct node *node, bool secret)
{
	char **field = field_of(reader, key);
	int result = check_text(reader, key, node, "a text");
	if (result < 0 || node->length == 0)
		return result;
	*field = secret ? secret_copy(node->text, node->length) : strdup(node->text);
	return *field ? 0 : no_memory(reader);
}

static int read_text(const struct reader *reader, const struct key *key, const struct node *node)
{
	return copy_text(reader, key, node, false);
}

static int read_secret(const struct reader *reader, const struct key *key, const struct node *node)
{
	return copy_text(reader, key, node, true);
}

static int read_certificates(const struct reader *reader, const struct key *key, const struct node *node)
{
	static const char what[] = "a certificate in PEM";
	int result = check_text(reader, key, node, what);
	if (result < 0 || node->length == 0)
		return result;
	if (!strstr(node->text, "-----BEGIN CERTIFICATE-----"))
		return expected(reader, key, node, what);
	return read_text(reader, key, node);
}

/* The words that are booleans in YAML 1.1, in lower case. */
static int read_bool(const struct reader *reader, const struct key *key, const struct node *node)
{
	static const char words[][sizeof "false"] = { "no", "false", "off", "n", "yes", "true", "on", "y" };
	enum { WORDS = sizeof words / sizeof *words };
	bool *field = field_of(reader, key);
	for (size_t i = 0; node->kind == NODE_TEXT && i < WORDS; i++) {
		if (strcasecmp(node->text, words[i]) != 0)
			continue;
		*field = i >= WORDS / 2;
		return 0;
	}
	return expected_value(reader, key, node, "yes or no");
}

static int read_seconds(const struct reader *reader, const struct key *key, const struct node *node)
{
	unsigned *field = field_of(reader, key);
	uint64_t value;
	if (node->kind != NODE_TEXT || !parse_unsigned(node->text, INT32_MAX, &value))
		return expected_value(reader, key, node, "a number of seconds");
	*field = (unsigned)value;
	return 0;
}

static int read_verification(const struct reader *reader, const struct key *key, const struct node *node)
{
	static const char *const words[] = {
		[VELOCIRAPTOR_PKI] = "PKI",
		[VELOCIRAPTOR_PKI_OR_THUMBPRINT] = "PKI_OR_THUMBPRINT",
		[VELOCIRAPTOR_THUMBPRINT_ONLY] = "THUMBPRINT_ONLY",
	};
	for (size_t i = 0; node->kind == NODE_TEXT && i < sizeof words / sizeof *words; i++) {
		if (strcmp(node->text, words[i]) == 0)
			reader->config->verification = (enum velociraptor_verification)i;
		if (strcmp(node->text, words[i]) == 0 || *node->text == '\0')
			return 0;
	}
	return expected_value(reader, key, node, "PKI, PKI_OR_THUMBPRINT or THUMBPRINT_ONLY");
}

/* ---- lists and mappings ---- */

/* A list whose items, or a mapping whose pairs, are read into an array, to which the key's field points. */
struct list {
	const char *what; /* "a list of URLs" */
	size_t size; /* bytes of an item of the array */
	size_t count; /* offset of the number of items in struct velociraptor_config */
	int (*read_item)(const struct reader *reader, const struct key *key, uint16_t place, void *item);
	bool is_map;
	bool not_empty;
};

/* A mapping has two nodes for each item, key and value. */
static uint16_t next_item(const struct reader *reader, uint16_t at, bool is_map)
{
	at = document_next(reader->document, at);
	return is_map ? document_next(reader->document, at) : at;
}

/* -EBADMSG when there are too many nodes. */
static int count_nodes(const struct reader *reader, const struct key *key, const struct node *parent)
{
	int count = 0;
	for (uint16_t at = parent->first; at; at = document_next(reader->document, at)) {
		if (++count > VELOCIRAPTOR_LIST_MAX)
			return fail(reader, key, document_at(reader->document, at), "more items than expected");
	}
	return count;
}

static int read_items(const struct reader *reader, const struct key *key, const struct node *node,
		      const struct list *list)
{
	size_t *used = (size_t *)(void *)((char *)reader->config + list->count);
	if (node->kind != (list->is_map ? NODE_MAP : NODE_LIST) || (list->not_empty && node->first == 0))
		return expected(reader, key, node, list->what);
	int result = count_nodes(reader, key, node);
	if (result < 0)
		return result;
	char *items = calloc((size_t)result + 1, list->size); /* one more: calloc may have no answer to 0 */
	if (!items)
		return no_memory(reader);
	memcpy(field_of(reader, key), &items, sizeof items);
	for (uint16_t at = node->first; at; at = next_item(reader, at, list->is_map)) {
		result = list->read_item(reader, key, at, items + *used * list->size);
		if (result < 0)
			return result;
		++*used;
	}
	return 0;
}

static int read_server(const struct reader *reader, const struct key *key, uint16_t place, void *item)
{
	const struct node *node = document_at(reader->document, place);
	struct diag reason;
	int result = check_text(reader, key, node, "a URL");
	if (result < 0)
		return result;
	if (strchr(node->text, '@')) /* which url_parse would print, and a password with it */
		return fail(reader, key, node, "expected a URL without user name and '@'");
	if (url_parse(node->text, item, &reason) < 0)
		return fail(reader, key, node, reason.text);
	return 0;
}

/* Velociraptor wants a '/' at the end. Without it the host and port are as clear, and it is added (url_append). */
static int read_servers(const struct reader *reader, const struct key *key, const struct node *node)
{
	static const struct list servers = {
		.what = "a list of URLs",
		.size = sizeof(struct url),
		.count = FIELD(server_count),
		.read_item = read_server,
		.not_empty = true,
	};
	return read_items(reader, key, node, &servers);
}

static int read_thumbprint(const struct reader *reader, const struct key *key, uint16_t place, void *item)
{
	static const char what[] = "a SHA-256 of 64 hexadecimal digits";
	const struct node *node = document_at(reader->document, place);
	int result = check_text(reader, key, node, what);
	if (result < 0)
		return result;
	return fingerprint_parse(node->text, item) ? 0 : expected_value(reader, key, node, what);
}

static int read_thumbprints(const struct reader *reader, const struct key *key, const struct node *node)
{
	static const struct list thumbprints = {
		.what = "a list of certificate thumbprints",
		.size = sizeof(struct fingerprint),
		.count = FIELD(thumbprint_count),
		.read_item = read_thumbprint,
	};
	return read_items(reader, key, node, &thumbprints);
}

/* "host:port" or "[address]:port", as Go's net.JoinHostPort writes it. */
static bool parse_host_port(const char *text, struct url *url)
{
	char buffer[HOST_NAME_MAX_LENGTH + 32];
	struct text whole = TEXT_ON(buffer);
	const char *colon = strrchr(text, ':');
	if (!colon || strchr(colon, ']') || strpbrk(text, "/?@"))
		return false;
	text_addf(&whole, "https://%s", text);
	return !whole.cut && url_parse(buffer, url, NULL) == 0;
}

static int read_fallback(const struct reader *reader, const struct key *key, uint16_t place, void *item)
{
	struct velociraptor_fallback *fallback = item;
	const struct node *from = document_at(reader->document, place);
	const struct node *to = document_at(reader->document, document_next(reader->document, place));
	struct url address;
	int result = check_text(reader, key, from, "HOST:PORT");
	if (result == 0)
		result = check_text(reader, key, to, "ADDRESS:PORT");
	if (result < 0)
		return result;
	if (!parse_host_port(from->text, &fallback->from))
		return expected_value(reader, key, from, "HOST:PORT");
	if (!parse_host_port(to->text, &address) || address.address.family == 0 ||
	    address_is_unspecified(&address.address) || address_is_multicast(&address.address))
		return expected_value(reader, key, to, "ADDRESS:PORT");
	fallback->to = (struct endpoint){ address.address, address.port };
	return 0;
}

static int read_fallbacks(const struct reader *reader, const struct key *key, const struct node *node)
{
	static const struct list fallbacks = {
		.what = "a mapping of HOST:PORT to ADDRESS:PORT",
		.size = sizeof(struct velociraptor_fallback),
		.count = FIELD(fallback_count),
		.read_item = read_fallback,
		.is_map = true,
	};
	return read_items(reader, key, node, &fallbacks);
}

/* ---- proxies ---- */

static int parse_proxy(const struct reader *reader, const struct key *key, const struct node *node,
		       struct velociraptor_proxy *proxy)
{
	struct diag reason;
	int result = check_text(reader, key, node, "the URL of a proxy");
	if (result < 0)
		return result;
	result = velociraptor_proxy_parse(node->text, proxy, &reason);
	return result < 0 ? fail(reader, key, node, reason.text) : 0;
}

static int read_proxy(const struct reader *reader, const struct key *key, const struct node *node)
{
	return parse_proxy(reader, key, node, field_of(reader, key));
}

static int read_rule(const struct reader *reader, const struct key *key, uint16_t place, void *item)
{
	struct velociraptor_proxy_rule *rule = item;
	const struct node *pattern = document_at(reader->document, place);
	const struct node *proxy = document_at(reader->document, document_next(reader->document, place));
	int result = check_text(reader, key, pattern, "a regular expression");
	if (result < 0)
		return result;
	const char *problem = pattern_problem(pattern->text);
	if (problem)
		return document_fail(reader->name, pattern->line, pattern->column, reader->diag,
				     "%s: regular expression: %s", key->path, problem);
	if (!is_nothing(proxy))
		result = parse_proxy(reader, key, proxy, &rule->proxy);
	if (result < 0)
		return result;
	rule->pattern = strdup(pattern->text);
	return rule->pattern ? 0 : no_memory(reader);
}

static int read_rules(const struct reader *reader, const struct key *key, const struct node *node)
{
	static const struct list rules = {
		.what = "a mapping of regular expressions to proxies",
		.size = sizeof(struct velociraptor_proxy_rule),
		.count = FIELD(proxy_rule_count),
		.read_item = read_rule,
		.is_map = true,
	};
	return read_items(reader, key, node, &rules);
}

static int refuse_pac(const struct reader *reader, const struct key *key, const struct node *node)
{
	if (node->kind == NODE_TEXT && node->length == 0)
		return 0;
	return fail(reader, key, node, "proxy auto-configuration can't be followed here; expected http and https");
}

/* ---- the keys ---- */

static bool key_is(const struct key *key, const struct node *node)
{
	const char *dot = strrchr(key->path, '.');
	return node->kind == NODE_TEXT && strcmp(node->text, dot ? dot + 1 : key->path) == 0;
}

static bool is_merge(const struct node *node)
{
	return node->kind == NODE_TEXT && node->plain && strcmp(node->text, "<<") == 0;
}

/* One key and its value; bits of *seen are the rows that were there before. */
static int read_pair(const struct reader *reader, const struct key *key, uint16_t place, const struct key *rows,
		     unsigned *seen)
{
	const struct node *name = document_at(reader->document, place);
	const struct node *value = document_at(reader->document, document_next(reader->document, place));
	if (is_merge(name))
		return fail(reader, key, name, "merging with '<<' is not supported");
	for (size_t i = 0; rows[i].path; i++) {
		if (!key_is(&rows[i], name))
			continue;
		if (*seen & 1u << i)
			return fail(reader, &rows[i], name, "given twice");
		*seen |= 1u << i;
		return is_nothing(value) ? 0 : rows[i].read(reader, &rows[i], value);
	}
	return 0;
}

/* rows end with a path of NULL; at most 32. */
static int read_map(const struct reader *reader, const struct key *key, const struct node *node,
		    const struct key *rows)
{
	unsigned seen = 0;
	int result = 0;
	if (node->kind != NODE_MAP)
		return expected(reader, key, node, "a mapping");
	for (uint16_t at = node->first; at && result == 0; at = next_item(reader, at, true))
		result = read_pair(reader, key, at, rows, &seen);
	return result;
}

static int read_crypto(const struct reader *reader, const struct key *key, const struct node *node)
{
	static const struct key rows[] = {
		{ "Client.Crypto.root_certs", read_certificates, FIELD(root_certs) },
		{ "Client.Crypto.certificate_thumbprints", read_thumbprints, FIELD(thumbprints) },
		{ "Client.Crypto.certificate_verification_mode", read_verification, 0 },
		{ "Client.Crypto.allow_weak_tls_server", read_bool, FIELD(weak_tls) },
		{ "Client.Crypto.client_certificate", read_certificates, FIELD(client_certificate) },
		{ "Client.Crypto.client_certificate_private_key", read_secret, FIELD(client_certificate_private_key) },
		{ NULL, NULL, 0 },
	};
	return read_map(reader, key, node, rows);
}

static int read_proxy_config(const struct reader *reader, const struct key *key, const struct node *node)
{
	static const struct key rows[] = {
		{ "Client.proxy_config.http", read_proxy, FIELD(http_proxy) },
		{ "Client.proxy_config.https", read_proxy, FIELD(https_proxy) },
		{ "Client.proxy_config.proxy_url_regexp", read_rules, FIELD(proxy_rules) },
		{ "Client.proxy_config.ignore_environment", read_bool, FIELD(ignore_environment) },
		{ "Client.proxy_config.pac", refuse_pac, 0 },
		{ NULL, NULL, 0 },
	};
	struct velociraptor_config *config = reader->config;
	config->http_proxy = config->https_proxy = (struct velociraptor_proxy){ .set = false };
	config->has_proxy_section = true;
	return read_map(reader, key, node, rows);
}

/* For http and https alike; proxy_config, before it or behind it, wins. */
static int read_single_proxy(const struct reader *reader, const struct key *key, const struct node *node)
{
	struct velociraptor_proxy proxy = { 0 };
	int result = parse_proxy(reader, key, node, &proxy);
	if (result == 0 && !reader->config->has_proxy_section)
		reader->config->http_proxy = reader->config->https_proxy = proxy;
	return result;
}

static int read_client(const struct reader *reader, const struct key *key, const struct node *node)
{
	static const struct key rows[] = {
		{ "Client.server_urls", read_servers, FIELD(servers) },
		{ "Client.ca_certificate", read_certificates, FIELD(ca_certificate) },
		{ "Client.use_self_signed_ssl", read_bool, FIELD(self_signed) },
		{ "Client.pinned_server_name", read_text, FIELD(server_name) },
		{ "Client.proxy", read_single_proxy, 0 },
		{ "Client.proxy_config", read_proxy_config, 0 },
		{ "Client.fallback_addresses", read_fallbacks, FIELD(fallbacks) },
		{ "Client.connection_timeout", read_seconds, FIELD(connection_timeout) },
		{ "Client.Crypto", read_crypto, 0 },
		{ NULL, NULL, 0 },
	};
	int result = read_map(reader, key, node, rows);
	if (result == 0 && reader->config->server_count == 0)
		return document_fail(reader->name, node->line, node->column, reader->diag,
				     "Client.server_urls: expected a list of URLs, found nothing");
	return result;
}

static int read_root(const struct reader *reader)
{
	static const char missing[] = "Client: expected a mapping, found nothing";
	static const struct key root = { "the file", NULL, 0 };
	static const struct key rows[] = { { "Client", read_client, 0 }, { NULL, NULL, 0 } };
	if (reader->document->count == 0)
		return document_fail(reader->name, 1, 1, reader->diag, "%s", missing);
	const struct node *node = document_at(reader->document, 0);
	if (is_nothing(node))
		return document_fail(reader->name, node->line, node->column, reader->diag, "%s", missing);
	int result = read_map(reader, &root, node, rows);
	if (result == 0 && reader->config->server_count == 0)
		return document_fail(reader->name, node->line, node->column, reader->diag, "%s", missing);
	return result;
}

static int set_defaults(const struct reader *reader)
{
	struct velociraptor_config *config = reader->config;
	if (config->server_name)
		return 0;
	config->server_name = strdup("VelociraptorServer");
	return config->server_name ? 0 : no_memory(reader);
}

/* ---- files ---- */

int velociraptor_config_parse(const char *text, size_t length, const char *name, struct velociraptor_config *config,
			      struct diag *diag)
{
	struct document document;
	const struct reader reader = { &document, name, config, diag };
	*config = (struct velociraptor_config){ 0 };
	if (length > DOCUMENT_SIZE_MAX)
		return diag_fail(diag, EFBIG, "read %s: larger than %d bytes", name, DOCUMENT_SIZE_MAX);
	int result = document_read(&document, text, length, name, diag);
	if (result == 0)
		result = read_root(&reader);
	if (result == 0)
		result = set_defaults(&reader);
	document_fini(&document);
	return result;
}

/* The file may grow while it is read: what does not fit is not read. */
static int read_and_parse(int fd, size_t size, const char *path, struct velociraptor_config *config, struct diag *diag)
{
	char *text = malloc(size + 1);
	if (!text)
		return diag_errno(diag, ENOMEM, "read %s", path);
	ssize_t length = read_all(fd, text, size);
	int result = length < 0 ? diag_errno(diag, (int)-length, "read %s", path) :
				  velociraptor_config_parse(text, (size_t)length, path, config, diag);
	explicit_bzero(text, size);
	free(text);
	return result;
}

int velociraptor_config_read(const char *path, struct velociraptor_config *config, struct diag *diag)
{
	struct stat status;
	*config = (struct velociraptor_config){ 0 };
	int fd = open_regular_file(path, diag);
	if (fd < 0)
		return fd;
	int result = 0;
	if (fstat(fd, &status) < 0)
		result = diag_errno(diag, errno, "read %s", path);
	else if (status.st_size > DOCUMENT_SIZE_MAX)
		result = diag_fail(diag, EFBIG, "read %s: larger than %d bytes", path, DOCUMENT_SIZE_MAX);
	else
		result = read_and_parse(fd, (size_t)status.st_size, path, config, diag);
	close(fd);
	return result;
}

static bool is_given(const char *word)
{
	return word && *word;
}

int velociraptor_config_find(const struct velociraptor_sources *sources, struct velociraptor_config *config,
			     struct diag *diag)
{
	const char *path = NULL;
	int result;
	*config = (struct velociraptor_config){ 0 };
	if (is_given(sources->path))
		path = sources->path;
	else if (is_given(sources->default_path) && access(sources->default_path, F_OK) == 0)
		path = sources->default_path;
	else if (is_given(sources->environment_path))
		path = sources->environment_path;
	if (path)
		result = velociraptor_config_read(path, config, diag);
	else if (is_given(sources->environment_text))
		result = velociraptor_config_parse(sources->environment_text, strlen(sources->environment_text),
						   "$VELOCIRAPTOR_LITERAL_CONFIG", config, diag);
	else
		return 0;
	return result < 0 ? result : 1;
}

void velociraptor_config_fini(struct velociraptor_config *config)
{
	for (size_t i = 0; i < config->proxy_rule_count; i++)
		free(config->proxy_rules[i].pattern);
	secret_free(config->client_certificate_private_key);
	free(config->servers);
	free(config->ca_certificate);
	free(config->server_name);
	free(config->proxy_rules);
	free(config->fallbacks);
	free(config->root_certs);
	free(config->thumbprints);
	free(config->client_certificate);
	*config = (struct velociraptor_config){ 0 };
}

const struct endpoint *velociraptor_fallback_for(const struct velociraptor_config *config, const struct url *server)
{
	for (size_t i = 0; i < config->fallback_count; i++) {
		const struct velociraptor_fallback *fallback = &config->fallbacks[i];
		if (fallback->from.port == server->port && strcasecmp(fallback->from.host, server->host) == 0)
			return &fallback->to;
	}
	return NULL;
}
