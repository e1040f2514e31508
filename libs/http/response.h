/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The answer to one GET, parsed as its bytes arrive (RFC 9112). The parser does no I/O and takes the bytes in pieces of
 * any size; whatever a server sends, it takes bounded memory and ends.
 */
#ifndef HTTP_RESPONSE_H
#define HTTP_RESPONSE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/diag.h"

enum {
	HTTP_HEAD_MAX = 16 << 10, /* bytes of all status lines, headers and trailers together */
	HTTP_BODY_MAX = 64 << 10, /* bytes of the decoded body */
	HTTP_LINE_SIZE = 512, /* of a line; of a longer one the rest is dropped, or it is an error where that matters */
};

/* Text is printable ASCII, other characters are '?', and what does not fit is cut. */
struct http_response {
	unsigned status; /* 200 to 599; 0: there is no answer yet */
	size_t body_length; /* bytes of the body as far as it was received, also beyond what the caller keeps */
	bool too_long; /* the body is longer than HTTP_BODY_MAX; it was not read to its end */
	bool complete; /* it was received to its end; for other answers than 200: up to the body, which is not read */
	char location[256]; /* where a redirect points, or "" */
	char content_type[64]; /* or "" */
};

enum http_state {
	HTTP_STATUS_LINE,
	HTTP_HEADERS,
	HTTP_BODY_LENGTH, /* `left` bytes of body follow */
	HTTP_BODY_TO_END, /* the body ends with the stream */
	HTTP_CHUNK_SIZE,
	HTTP_CHUNK_DATA, /* `left` bytes of the chunk follow */
	HTTP_CHUNK_END, /* the empty line behind a chunk */
	HTTP_TRAILERS,
	HTTP_DONE,
	HTTP_FAILED,
};

struct http_parser {
	enum http_state state;
	bool chunked;
	bool has_length;
	uint64_t length; /* Content-Length */
	uint64_t left; /* bytes until the end of the body or chunk */
	size_t head_length; /* counts toward HTTP_HEAD_MAX */
	char *body; /* the caller's; keeps the first body_size bytes */
	size_t body_size;
	bool line_cut; /* the line is longer than what is kept of it */
	size_t line_length;
	struct http_response response;
	char line[HTTP_LINE_SIZE];
};

/* body may be NULL with body_size 0. */
void http_parser_init(struct http_parser *parser, char *body, size_t body_size);

/*
 * Takes the next bytes of the stream. Returns 1 when the answer is complete or nothing more of it is wanted (the body
 * of an answer other than 200 is not read; nor what is beyond HTTP_BODY_MAX), 0 when more is needed, or -errno with a
 * diagnostic: -EPROTO when it is not HTTP, -EMSGSIZE when the headers are too long.
 */
int http_parser_feed(struct http_parser *parser, const char *bytes, size_t count, struct diag *diag);

/* The stream has ended. Returns 0 when the answer is complete, else -EPROTO with a diagnostic. */
int http_parser_finish(struct http_parser *parser, struct diag *diag);

#endif
