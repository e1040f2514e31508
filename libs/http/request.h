/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The one request that is made: GET over HTTP/1.1 (RFC 9112), for one answer on a connection of its own. */
#ifndef HTTP_REQUEST_H
#define HTTP_REQUEST_H

#include "base/text.h"
#include "base/url.h"

enum { HTTP_REQUEST_SIZE = 1024 }; /* bytes; the longest host and path fit */

/*
 * Writes the request as Velociraptor's client would make it (User-Agent: Velociraptor). Returns 0; -EINVAL when host or
 * path hold a byte that could end a line, -EMSGSIZE when it does not fit into text.
 */
int http_request_format(const struct url *url, struct text *text);

#endif
