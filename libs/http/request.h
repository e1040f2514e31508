/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The one request that is made: GET over HTTP/1.1 (RFC 9112), for one answer on a connection of its own. */
#ifndef HTTP_REQUEST_H
#define HTTP_REQUEST_H

#include <stdbool.h>

#include "base/text.h"
#include "base/url.h"

enum { HTTP_REQUEST_SIZE = 1024 }; /* bytes; the longest host and path fit */

/* What a request is made of beside its URL. */
struct http_request_style {
	bool through_proxy; /* the whole URL stands in the first line */
	const char *credentials; /* for the proxy, "user:password"; "": none */
};

/*
 * Writes the request as Velociraptor's client would make it (User-Agent: Velociraptor). Returns 0; -EINVAL when host or
 * path hold a byte that could end a line, -EMSGSIZE when it does not fit into text.
 */
int http_request_format(const struct url *url, const struct http_request_style *style, struct text *text);

#endif
