/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "http/get.h"

#include <errno.h>

#include "net/connect.h"

static int send_all(const struct http_stream *stream, const struct text *request, struct deadline deadline,
		    struct diag *diag)
{
	if (stream->tls)
		return tls_send_all(stream->tls, request->bytes, request->length, deadline, diag);
	int result = stream_send_all(stream->fd, request->bytes, request->length, deadline);
	return result < 0 ? diag_errno(diag, -result, "send") : 0;
}

static long receive(const struct http_stream *stream, char *buffer, size_t size, struct deadline deadline,
		    struct diag *diag)
{
	if (stream->tls)
		return tls_receive(stream->tls, buffer, size, deadline, diag);
	long count = stream_receive(stream->fd, buffer, size, deadline);
	if (count == -ETIMEDOUT)
		return diag_fail(diag, ETIMEDOUT, "receive: no answer in time");
	return count < 0 ? diag_errno(diag, (int)-count, "receive") : count;
}

static int read_answer(const struct http_stream *stream, struct deadline deadline, struct http_parser *parser,
		       int64_t *first_byte_at, struct diag *diag)
{
	char buffer[4096];
	int finished = 0;
	*first_byte_at = 0;
	while (finished == 0) {
		long count = receive(stream, buffer, sizeof buffer, deadline, diag);
		if (count < 0)
			return (int)count;
		if (count == 0)
			return http_parser_finish(parser, diag);
		if (*first_byte_at == 0)
			*first_byte_at = monotonic_ms();
		finished = http_parser_feed(parser, buffer, (size_t)count, diag);
	}
	return finished < 0 ? finished : 0;
}

int http_get(const struct http_stream *stream, const struct url *url, const struct http_request_style *style,
	     struct deadline deadline, const struct http_body *body, struct http_response *response,
	     int64_t *first_byte_at, struct diag *diag)
{
	char bytes[HTTP_REQUEST_SIZE];
	struct text request = TEXT_ON(bytes);
	struct http_parser parser;
	http_parser_init(&parser, body->bytes, body->size);
	int result = http_request_format(url, style, &request);
	if (result < 0)
		return diag_errno(diag, -result, "make a request for %.*s", 60, url->host);
	result = send_all(stream, &request, deadline, diag);
	/* who closes before the request has arrived has often said why: an alert about our certificate, a status */
	if (result == 0 || result == -ECONNRESET || result == -EPIPE)
		result = read_answer(stream, deadline, &parser, first_byte_at, diag);
	*response = parser.response;
	return result;
}
