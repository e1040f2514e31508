/* SPDX-License-Identifier: GPL-2.0-or-later */
/* HTTP answers, in pieces: the same whatever the pieces, and within the bounds. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "http/response.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count);

static int parse(const char *bytes, size_t count, size_t piece, struct http_parser *parser, char *body)
{
	struct diag diag;
	http_parser_init(parser, body, HTTP_BODY_MAX);
	for (size_t at = 0; at < count; at += piece) {
		int result = http_parser_feed(parser, bytes + at, count - at < piece ? count - at : piece, &diag);
		if (result != 0)
			return result;
	}
	return http_parser_finish(parser, &diag);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count)
{
	static char body[HTTP_BODY_MAX], body_again[HTTP_BODY_MAX];
	static struct http_parser parser, again;
	size_t piece = count > 0 && bytes[0] ? bytes[0] : 1;
	int result = parse((const char *)bytes, count, count + 1, &parser, body);
	int result_again = parse((const char *)bytes, count, piece, &again, body_again);
	if (result != result_again || parser.response.status != again.response.status)
		abort();
	if (result >= 0 && !parser.response.too_long &&
	    (parser.response.body_length != again.response.body_length ||
	     memcmp(body, body_again, parser.response.body_length) != 0))
		abort();
	if (memchr(parser.response.location, '\n', strlen(parser.response.location)))
		abort();
	return 0;
}
