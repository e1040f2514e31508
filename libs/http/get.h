/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One GET on an open connection, over TLS or not. */
#ifndef HTTP_GET_H
#define HTTP_GET_H

#include <stdint.h>

#include "base/deadline.h"
#include "base/url.h"
#include "http/request.h"
#include "http/response.h"
#include "tls/tls.h"

struct http_stream {
	int fd; /* connected and non-blocking */
	struct tls *tls; /* NULL: plain HTTP */
};

struct http_body {
	char *bytes; /* the caller's; the body's first `size` bytes go there */
	size_t size;
};

/*
 * Sends the request and reads the answer. response is filled as far as it got, also on failure; *first_byte_at
 * (monotonic_ms) is set when the first byte came. Returns 0 when there is an answer, whatever its status; or -errno
 * with a diagnostic: -ETIMEDOUT, -ECONNRESET, and what http_parser_feed returns.
 */
int http_get(const struct http_stream *stream, const struct url *url, const struct http_request_style *style,
	     struct deadline deadline, const struct http_body *body, struct http_response *response,
	     int64_t *first_byte_at, struct diag *diag);

#endif
