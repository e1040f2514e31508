/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "http/request.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "http/connect.h"

/* url_parse refuses these already; a struct url can be filled by other means, and a request must never be split. */
static bool is_clean(const char *string)
{
	for (; *string; string++) {
		if ((unsigned char)*string <= ' ' || (unsigned char)*string >= 0x7f)
			return false;
	}
	return true;
}

static void add_host(const struct url *url, struct text *text)
{
	bool brackets = strchr(url->host, ':') != NULL;
	text_addf(text, "%s%s%s", brackets ? "[" : "", url->host, brackets ? "]" : "");
	if (url->port != (url->tls ? 443 : 80))
		text_addf(text, ":%u", url->port);
}

int http_request_format(const struct url *url, const struct http_request_style *style, struct text *text)
{
	if (!is_clean(url->host) || !is_clean(url->path) || url->path[0] != '/')
		return -EINVAL;
	text_add(text, "GET ");
	if (style->through_proxy) {
		text_add(text, "http://");
		add_host(url, text);
	}
	text_addf(text, "%s HTTP/1.1\r\nHost: ", url->path);
	add_host(url, text);
	text_add(text, "\r\nUser-Agent: Velociraptor\r\nAccept: */*\r\nConnection: close\r\n");
	if (style->through_proxy)
		http_proxy_authorization(style->credentials, text);
	text_add(text, "\r\n");
	return text->cut ? -EMSGSIZE : 0;
}
