/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The parser of HTTP answers, fed in one piece and byte by byte. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "http/response.h"

enum { KEPT = 64 };

/* What one answer came to. */
struct outcome {
	int result; /* 0: complete; 1: more was wanted, and the stream's end is an error; else -errno */
	struct http_response response;
	char body[KEPT + 1];
	struct diag diag;
};

static void feed(const char *bytes, size_t length, size_t piece, struct outcome *outcome)
{
	struct http_parser parser;
	int result = 0;
	memset(outcome, 0, sizeof *outcome);
	http_parser_init(&parser, outcome->body, KEPT);
	for (size_t at = 0; at < length && result == 0; at += piece)
		result = http_parser_feed(&parser, bytes + at, length - at < piece ? length - at : piece,
					  &outcome->diag);
	if (result == 0)
		result = http_parser_finish(&parser, &outcome->diag) < 0 ? -1 : 1;
	outcome->result = result > 0 ? 0 : result == -1 ? 1 : result;
	outcome->response = parser.response;
}

/* In one piece, byte by byte and in threes: the outcome must be the same. */
static struct outcome parse_bytes(const char *bytes, size_t length)
{
	struct outcome whole;
	struct outcome pieces;
	feed(bytes, length, length, &whole);
	for (size_t piece = 1; piece <= 3; piece += 2) {
		feed(bytes, length, piece, &pieces);
		assert_int_equal(pieces.result, whole.result);
		assert_int_equal(pieces.response.status, whole.response.status);
		assert_int_equal(pieces.response.body_length, whole.response.body_length);
		assert_int_equal(pieces.response.complete, whole.response.complete);
		assert_string_equal(pieces.response.location, whole.response.location);
		assert_string_equal(pieces.body, whole.body);
		assert_string_equal(pieces.diag.text, whole.diag.text);
	}
	return whole;
}

static struct outcome parse(const char *string)
{
	return parse_bytes(string, strlen(string));
}

#define OK "HTTP/1.1 200 OK\r\n"
#define CHUNKED OK "Transfer-Encoding: chunked\r\n\r\n"

static void assert_body(const char *answer, const char *body)
{
	struct outcome outcome = parse(answer);
	assert_int_equal(outcome.result, 0);
	assert_int_equal(outcome.response.status, 200);
	assert_true(outcome.response.complete);
	assert_false(outcome.response.too_long);
	assert_int_equal(outcome.response.body_length, strlen(body));
	assert_string_equal(outcome.body, body);
}

static void assert_error(const char *answer, int error, const char *reason)
{
	struct outcome outcome = parse(answer);
	assert_int_equal(outcome.result, -error);
	assert_non_null(strstr(outcome.diag.text, reason));
}

static void assert_unfinished(const char *answer, const char *reason)
{
	struct outcome outcome = parse(answer);
	assert_int_equal(outcome.result, 1);
	assert_false(outcome.response.complete);
	assert_non_null(strstr(outcome.diag.text, reason));
}

static void takes_delimited_bodies(void **state)
{
	(void)state;
	assert_body(OK "Content-Length: 5\r\n\r\nhello", "hello");
	assert_body(OK "content-length:5  \r\n\r\nhello and more", "hello");
	assert_body(OK "Content-Length: 0\r\n\r\n", "");
	assert_body(OK "Content-Length: 5\r\nContent-Length: 5\r\n\r\nhello", "hello");
	assert_body("HTTP/1.0 200\r\n\r\nuntil the end", "until the end");
	assert_body(OK "\r\n", "");
	assert_body("HTTP/1.1 200 OK\nContent-Length: 2\n\nhi", "hi");
}

static void takes_chunks(void **state)
{
	(void)state;
	assert_body(CHUNKED "5\r\nhello\r\n0\r\n\r\n", "hello");
	assert_body(CHUNKED "5;name=value\r\nhello\r\n6 ; x=\"y\"\r\n world\r\n000\r\n\r\n", "hello world");
	assert_body(CHUNKED "A\r\n0123456789\r\n0a\r\n0123456789\r\n0\r\n\r\n", "01234567890123456789");
	assert_body(CHUNKED "2\r\nhi\r\n0\r\nExpires: never\r\nX: y\r\n\r\n", "hi");
	assert_body(CHUNKED "0\r\n\r\n", "");
	assert_body(OK "Content-Length: 99\r\nTransfer-Encoding: Chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n", "hi");
}

static void refuses_bad_chunks(void **state)
{
	(void)state;
	assert_error(CHUNKED "\r\n", EPROTO, "without a size");
	assert_error(CHUNKED "x\r\n", EPROTO, "without a size");
	assert_error(CHUNKED "-5\r\nhello\r\n", EPROTO, "without a size");
	assert_error(CHUNKED "5x\r\nhello\r\n", EPROTO, "without a size");
	assert_error(CHUNKED "0x5\r\nhello\r\n", EPROTO, "without a size");
	assert_error(CHUNKED "4\r\nhello\r\n", EPROTO, "longer than it said");
	assert_unfinished(CHUNKED "5\r\nhell", "in the middle");
	assert_unfinished(CHUNKED "5\r\nhello\r\n", "in the middle");
	assert_unfinished(CHUNKED "5\r\nhello\r\n0\r\n", "in the middle");
}

static void bounds_the_body(void **state)
{
	(void)state;
	static const char *const answers[] = {
		OK "Content-Length: 65537\r\n\r\nx",
		OK "Content-Length: 18446744073709551615\r\n\r\nx",
		CHUNKED "10001\r\nx",
		CHUNKED "ffffffff\r\nx",
		CHUNKED "8000000000000000\r\nx",
	};
	for (size_t i = 0; i < sizeof answers / sizeof *answers; i++) {
		struct outcome outcome = parse(answers[i]);
		if (outcome.result == 0)
			assert_true(outcome.response.too_long);
		else
			assert_int_equal(outcome.result, -EPROTO);
		assert_false(outcome.response.complete);
	}
}

static void bounds_endless_bodies(void **state)
{
	(void)state;
	static char bytes[1000];
	struct http_parser parser;
	struct diag diag;
	http_parser_init(&parser, NULL, 0);
	assert_int_equal(http_parser_feed(&parser, OK "\r\n", strlen(OK "\r\n"), &diag), 0);
	int pieces = 0;
	for (int result = 0; result == 0; pieces++)
		result = http_parser_feed(&parser, bytes, sizeof bytes, &diag);
	assert_int_equal(pieces, HTTP_BODY_MAX / (int)sizeof bytes + 1);
	assert_true(parser.response.too_long);
	assert_int_equal(parser.response.body_length, HTTP_BODY_MAX);
}

static void bounds_small_chunks(void **state)
{
	(void)state;
	static const char chunk[] = "1\r\nx\r\n";
	struct http_parser parser;
	struct diag diag;
	int result = 0;
	http_parser_init(&parser, NULL, 0);
	assert_int_equal(http_parser_feed(&parser, CHUNKED, strlen(CHUNKED), &diag), 0);
	for (int i = 0; i < HTTP_BODY_MAX + 2 && result == 0; i++)
		result = http_parser_feed(&parser, chunk, strlen(chunk), &diag);
	assert_int_not_equal(result, 0);
}

static void bounds_headers(void **state)
{
	(void)state;
	struct http_parser parser;
	struct diag diag;
	int result = 0;
	size_t fed = strlen(OK);
	http_parser_init(&parser, NULL, 0);
	assert_int_equal(http_parser_feed(&parser, OK, strlen(OK), &diag), 0);
	for (; result == 0; fed++)
		result = http_parser_feed(&parser, "x", 1, &diag);
	assert_int_equal(result, -EMSGSIZE);
	assert_int_equal(fed, HTTP_HEAD_MAX + 1);
	assert_int_equal(http_parser_feed(&parser, "x", 1, &diag), -EPROTO);
	assert_int_equal(http_parser_finish(&parser, &diag), -EPROTO);
}

static void bounds_interim_answers(void **state)
{
	(void)state;
	static const char interim[] = "HTTP/1.1 100 Continue\r\n\r\n";
	struct http_parser parser;
	struct diag diag;
	int result = 0;
	http_parser_init(&parser, NULL, 0);
	for (int i = 0; i < 10000 && result == 0; i++)
		result = http_parser_feed(&parser, interim, strlen(interim), &diag);
	assert_int_equal(result, -EMSGSIZE);
}

static void skips_interim_answers(void **state)
{
	(void)state;
	assert_body("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nContent-Length: 7\r\n"
		    "Transfer-Encoding: chunked\r\n\r\n" OK "Content-Length: 2\r\n\r\nhi",
		    "hi");
}

static void takes_only_http(void **state)
{
	(void)state;
	static const char reason[] = "does not begin";
	assert_error("SSH-2.0-OpenSSH_9.2\r\n", EPROTO, reason);
	assert_error("\r\n", EPROTO, reason);
	assert_error("HTTP/2 200\r\n", EPROTO, reason);
	assert_error("HTTP/1.1  200 OK\r\n", EPROTO, reason);
	assert_error("HTTP/1.1 20\r\n", EPROTO, reason);
	assert_error("HTTP/1.1 2000\r\n", EPROTO, reason);
	assert_error("http/1.1 200 OK\r\n", EPROTO, reason);
	assert_error("HTTP/1.1 099 x\r\n", EPROTO, "status");
	assert_error("HTTP/1.1 101 Switching Protocols\r\n", EPROTO, "status");
	assert_error("HTTP/1.1 600 x\r\n", EPROTO, "status");
	assert_unfinished("", "closed without one");
	assert_unfinished("HTTP/1.1 200 OK\r\nServer: x\r\n", "in the middle");
}

static void refuses_bad_framing(void **state)
{
	(void)state;
	char line[1200];
	assert_error(OK "Content-Length: 5\r\nContent-Length: 6\r\n\r\n", EPROTO, "two different");
	assert_error(OK "Content-Length: five\r\n\r\n", EPROTO, "no number");
	assert_error(OK "Content-Length: \r\n\r\n", EPROTO, "no number");
	assert_error(OK "Content-Length: -1\r\n\r\n", EPROTO, "no number");
	assert_error(OK "Content-Length: 5, 5\r\n\r\n", EPROTO, "no number");
	assert_error(OK "Content-Length: 99999999999999999999999\r\n\r\n", EPROTO, "no number");
	assert_error(OK "Transfer-Encoding: gzip, chunked\r\n\r\n", EPROTO, "not asked for");
	assert_unfinished(OK "Content-Length: 6\r\n\r\nhello", "in the middle");
	memset(line, '0', sizeof line);
	memcpy(line, OK "Content-Length: ", strlen(OK "Content-Length: "));
	memcpy(line + 1000, "5\r\n\r\nhello", sizeof "5\r\n\r\nhello");
	assert_error(line, EPROTO, "too long");
	static const char nul[] = "HTTP/1.1 200 OK\r\nX: a\0b\r\n\r\n";
	assert_int_equal(parse_bytes(nul, sizeof nul - 1).result, -EPROTO);
}

static void reports_redirects(void **state)
{
	(void)state;
	struct outcome outcome = parse("HTTP/1.1 302 Found\r\nLocation:\thttp://login.example/?a=\x1b[2Jb\r\n"
				       "Content-Type: text/html\r\nContent-Length: 1000000\r\n\r\n");
	assert_int_equal(outcome.result, 0);
	assert_int_equal(outcome.response.status, 302);
	assert_string_equal(outcome.response.location, "http://login.example/?a=?[2Jb");
	assert_string_equal(outcome.response.content_type, "text/html");
	assert_int_equal(outcome.response.body_length, 0);
}

static void keeps_what_fits(void **state)
{
	(void)state;
	struct outcome outcome =
		parse(OK "Content-Length: 70\r\n\r\n0123456789012345678901234567890123456789012345678901234567890123456789");
	assert_int_equal(outcome.result, 0);
	assert_int_equal(outcome.response.body_length, 70);
	assert_int_equal(strlen(outcome.body), KEPT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(takes_delimited_bodies), cmocka_unit_test(takes_chunks),
		cmocka_unit_test(refuses_bad_chunks),	  cmocka_unit_test(bounds_the_body),
		cmocka_unit_test(bounds_endless_bodies),  cmocka_unit_test(bounds_small_chunks),
		cmocka_unit_test(bounds_headers),	  cmocka_unit_test(bounds_interim_answers),
		cmocka_unit_test(skips_interim_answers),  cmocka_unit_test(takes_only_http),
		cmocka_unit_test(refuses_bad_framing),	  cmocka_unit_test(reports_redirects),
		cmocka_unit_test(keeps_what_fits),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
