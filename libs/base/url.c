/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/url.h"

#include <errno.h>
#include <string.h>

static const struct scheme {
	char prefix[sizeof "https://"];
	bool tls;
} schemes[] = {
	{ "https://", true },
	{ "http://", false },
	{ "wss://", true }, /* the client asks for server.pem over https then */
	{ "ws://", false },
};

static uint16_t default_port(bool tls)
{
	return tls ? 443 : 80;
}

static const char *skip_scheme(const char *string, struct url *url)
{
	for (size_t i = 0; i < sizeof schemes / sizeof *schemes; i++) {
		size_t length = strlen(schemes[i].prefix);
		if (strncasecmp(string, schemes[i].prefix, length) == 0) {
			url->tls = schemes[i].tls;
			return string + length;
		}
	}
	return NULL;
}

static bool has_unprintable(const char *string)
{
	for (; *string; string++) {
		if ((unsigned char)*string <= ' ' || (unsigned char)*string >= 0x7f)
			return true;
	}
	return false;
}

/* Splits "host", "host:port", "[v6]" or "[v6]:port" of length bytes. Returns what is wrong, or NULL. */
static const char *parse_authority(const char *string, size_t length, struct url *url)
{
	char buffer[sizeof url->host + 8];
	if (length == 0)
		return "no host";
	if (length >= sizeof buffer)
		return "host too long";
	memcpy(buffer, string, length);
	buffer[length] = '\0';
	if (strchr(buffer, '@'))
		return "user names are not supported";

	char *host = buffer;
	char *after = strchr(buffer, ':');
	if (*host == '[') {
		host++;
		char *bracket = strchr(host, ']');
		if (!bracket)
			return "']' is missing";
		*bracket = '\0';
		after = bracket + 1;
		if (*after && *after != ':')
			return "only a port may follow ']'";
	} else if (after && strchr(after + 1, ':')) {
		return "an IPv6 address needs [brackets]";
	}
	url->port = default_port(url->tls);
	if (after && *after == ':') {
		*after = '\0';
		if (!parse_port(after + 1, &url->port))
			return "the port must be 1 to 65535";
	}
	if (!text_copy(url->host, sizeof url->host, host))
		return "host too long";
	bool literal = address_parse(host, &url->address);
	if (host != buffer && !strchr(host, ':'))
		return "not an IPv6 address in brackets";
	if (!literal && (host != buffer || !host_name_valid(host)))
		return "not a host name or address";
	if (address_is_link_local(&url->address))
		return "link-local addresses are not supported";
	return NULL;
}

int url_parse(const char *string, struct url *url, struct diag *diag)
{
	struct url parsed = { 0 };
	const char *authority = skip_scheme(string, &parsed);
	const char *wrong = NULL;
	if (has_unprintable(string))
		wrong = "blanks, control and non-ASCII characters can't be in a URL";
	else if (!authority)
		wrong = "not https://, http://, wss:// or ws://";
	else if (strchr(authority, '#'))
		wrong = "a fragment (#) has no meaning here";
	if (!wrong) {
		size_t length = strcspn(authority, "/?");
		const char *path = authority + length;
		wrong = parse_authority(authority, length, &parsed);
		bool fits = text_copy(parsed.path, sizeof parsed.path, *path == '/' ? path : "/");
		if (!wrong && *path == '?')
			wrong = "a path must stand before '?'";
		else if (!wrong && !fits)
			wrong = "the path is too long";
	}
	if (wrong)
		return diag_fail(diag, EINVAL, "URL '%.*s': %s", 120, string, wrong);
	*url = parsed;
	return 0;
}

int url_append(struct url *url, const char *name, struct diag *diag)
{
	struct text path = { .bytes = url->path, .size = sizeof url->path, .length = strlen(url->path) };
	if (url->path[path.length - 1] != '/')
		text_add(&path, "/");
	text_add(&path, name);
	if (path.cut)
		return diag_fail(diag, EINVAL, "URL path '%.*s': too long", 60, url->path);
	return 0;
}

void url_format(const struct url *url, struct text *text)
{
	bool brackets = strchr(url->host, ':') != NULL;
	text_addf(text, "%s%s%s%s", url->tls ? "https://" : "http://", brackets ? "[" : "", url->host,
		  brackets ? "]" : "");
	if (url->port != default_port(url->tls))
		text_addf(text, ":%u", url->port);
	text_add(text, url->path);
}
