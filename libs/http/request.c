/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "http/request.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

/* url_parse refuses these already; a struct url can be filled by other means, and a request must never be split. */
static bool is_clean(const char *string)
{
	for (; *string; string++) {
		if ((unsigned char)*string <= ' ' || (unsigned char)*string >= 0x7f)
			return false;
	}
	return true;
}

int http_request_format(const struct url *url, struct text *text)
{
	if (!is_clean(url->host) || !is_clean(url->path) || url->path[0] != '/')
		return -EINVAL;
	bool brackets = strchr(url->host, ':') != NULL;
	text_addf(text, "GET %s HTTP/1.1\r\nHost: %s%s%s", url->path, brackets ? "[" : "", url->host,
		  brackets ? "]" : "");
	if (url->port != (url->tls ? 443 : 80))
		text_addf(text, ":%u", url->port);
	text_add(text, "\r\nUser-Agent: Velociraptor\r\nAccept: */*\r\nConnection: close\r\n\r\n");
	return text->cut ? -EMSGSIZE : 0;
}
