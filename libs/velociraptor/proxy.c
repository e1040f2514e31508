/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "velociraptor/proxy.h"

#include <errno.h>
#include <string.h>

#include "base/parse.h"
#include "base/text.h"
#include "velociraptor/pattern.h"

enum { URL_TEXT_SIZE = HOST_NAME_MAX_LENGTH + URL_PATH_SIZE + 32 };

/* "%40" becomes "@". False: too long, or '%' without two digits. */
static bool decode(const char *text, size_t length, char *buffer, size_t size)
{
	size_t used = 0;
	for (size_t i = 0; i < length; i++) {
		char c = text[i];
		if (c == '%') {
			int high = i + 2 < length ? parse_hex_digit(text[i + 1]) : -1;
			int low = high < 0 ? -1 : parse_hex_digit(text[i + 2]);
			if (low < 0 || high + low == 0)
				return false;
			c = (char)(high << 4 | low);
			i += 2;
		}
		if (used + 1 >= size)
			return false;
		buffer[used++] = c;
	}
	buffer[used] = '\0';
	return true;
}

static int refuse(struct diag *diag, const char *problem)
{
	return diag_fail(diag, EINVAL, "%s", problem);
}

int velociraptor_proxy_parse(const char *text, struct velociraptor_proxy *proxy, struct diag *diag)
{
	char buffer[URL_TEXT_SIZE];
	struct text url = TEXT_ON(buffer);
	struct velociraptor_proxy parsed = { .set = *text != '\0' };
	const char *host = strstr(text, "://");
	if (!parsed.set) {
		*proxy = parsed;
		return 0;
	}
	if (strncasecmp(text, "http://", 7) != 0 && strncasecmp(text, "https://", 8) != 0)
		return refuse(diag, "expected a proxy's URL that begins with http:// or https://");
	host += 3;
	size_t length = strcspn(host, "/?");
	const char *at = memrchr(host, '@', length);
	/* '/' or '?' in a password ends what counts as the host: that would be printed */
	if (strchr(host + length, '@') ||
	    (at && !decode(host, (size_t)(at - host), parsed.credentials, sizeof parsed.credentials)))
		return refuse(diag, "user name and password of the proxy are too long, or not encoded as in a URL");
	text_add_bytes(&url, text, (size_t)(host - text));
	host = at ? at + 1 : host;
	text_add_bytes(&url, host, strcspn(host, "/?"));
	if (url.cut)
		return refuse(diag, "the proxy's URL is too long");
	int result = url_parse(buffer, &parsed.url, diag);
	if (result == 0)
		*proxy = parsed;
	return result;
}

static bool is_given(const char *word)
{
	return word && *word;
}

/* "192.0.2.1" or "192.0.2.0/24"; cuts the word. */
static bool is_network_of(char *word, const struct address *address)
{
	struct address network;
	char *slash = strchrnul(word, '/');
	bool has_length = *slash != '\0';
	uint64_t bits = 8 * sizeof network.bytes;
	*slash = '\0';
	if (!address_parse(word, &network) || network.family != address->family ||
	    (has_length && !parse_unsigned(slash + 1, 8 * address_length(&network), &bits)))
		return false;
	for (size_t i = 0; i < bits; i++) {
		if ((network.bytes[i / 8] ^ address->bytes[i / 8]) & 0x80 >> i % 8)
			return false;
	}
	return true;
}

/* A name stands for those below it as well, and only for those when it begins with a dot or "*.". */
static bool is_name_of(const char *word, const char *host)
{
	word += *word == '*';
	size_t length = strlen(word);
	size_t host_length = strlen(host);
	if (length == 0 || length > host_length)
		return false;
	const char *tail = host + host_length - length;
	return strcasecmp(tail, word) == 0 && (*word == '.' || tail == host || tail[-1] == '.');
}

/*
 * Whether the server is named in a list like "localhost, .example.com, 192.0.2.0/24", or all are by "*": as Go's
 * httpproxy has it, but for ports. A word with a port is nobody's.
 */
static bool is_exempt(const char *list, const struct url *server)
{
	char word[HOST_NAME_MAX_LENGTH + 2];
	for (const char *at = list; at && *at;) {
		at += strspn(at, ", ");
		size_t length = strcspn(at, ", ");
		struct text text = TEXT_ON(word);
		text_add_bytes(&text, at, length);
		at += length;
		if (strcmp(word, "*") == 0 || is_name_of(word, server->host) || is_network_of(word, &server->address))
			return true;
	}
	return false;
}

/* Without a scheme it is http, as in Go's ProxyFromEnvironment. */
static int take_environment(const char *value, const char *name, struct velociraptor_way *way, struct diag *diag)
{
	char buffer[URL_TEXT_SIZE + VELOCIRAPTOR_CREDENTIALS_SIZE];
	struct text text = TEXT_ON(buffer);
	struct diag reason;
	text_addf(&text, "%s%s", strstr(value, "://") ? "" : "http://", value);
	if (text.cut)
		return diag_fail(diag, EINVAL, "$%s: too long", name);
	if (velociraptor_proxy_parse(buffer, &way->proxy, &reason) < 0)
		return diag_fail(diag, EINVAL, "$%s: %s", name, reason.text);
	way->by_environment = true;
	return 0;
}

static const struct velociraptor_proxy_rule *find_rule(const struct velociraptor_config *config,
						       const struct url *server)
{
	char buffer[URL_TEXT_SIZE];
	struct text text = TEXT_ON(buffer);
	url_format(server, &text);
	for (size_t i = 0; i < config->proxy_rule_count; i++) {
		if (pattern_matches(config->proxy_rules[i].pattern, buffer))
			return &config->proxy_rules[i];
	}
	return NULL;
}

/* A client with any word about proxies in its configuration lets either proxy stand in for the other. */
static int choose(const struct velociraptor_config *config, const struct velociraptor_environment *environment,
		  bool tls, struct velociraptor_way *way, struct diag *diag)
{
	const struct velociraptor_proxy *proxies[2] = { &config->http_proxy, &config->https_proxy };
	const char *values[2] = { environment->http_proxy, environment->https_proxy };
	static const char *const names[2] = { "http_proxy", "https_proxy" };
	bool configured = config->has_proxy_section || config->http_proxy.set;
	for (size_t i = 0; i < (configured ? 2 : 1); i++) {
		size_t which = i == 0 ? tls : !tls;
		if (!config->ignore_environment && is_given(values[which]))
			return take_environment(values[which], names[which], way, diag);
		if (proxies[which]->set) {
			way->proxy = *proxies[which];
			return 0;
		}
	}
	return 0;
}

int velociraptor_way_to(const struct velociraptor_config *config, const struct velociraptor_environment *environment,
			const struct url *server, struct velociraptor_way *way, struct diag *diag)
{
	const struct velociraptor_proxy_rule *rule = find_rule(config, server);
	bool configured = config->has_proxy_section || config->http_proxy.set;
	*way = (struct velociraptor_way){ 0 };
	if (rule) {
		way->proxy = rule->proxy;
		return 0;
	}
	if (!configured && is_exempt(environment->no_proxy, server))
		return 0;
	return choose(config, environment, server->tls, way, diag);
}
