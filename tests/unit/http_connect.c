/* SPDX-License-Identifier: GPL-2.0-or-later */
/* CONNECT: what a proxy is asked, and what its answers mean. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "http/connect.h"
#include "http/response.h"

/* Asks a proxy that has answered already; leaves what it was asked, and what came behind its answer. */
static int ask(const char *url_string, const char *credentials, const char *answer, size_t length, char *request,
	       char *rest, struct diag *diag)
{
	int ends[2];
	struct url url;
	assert_int_equal(url_parse(url_string, &url, NULL), 0);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends), 0);
	assert_int_equal(write(ends[1], answer, length), length);
	shutdown(ends[1], SHUT_WR);
	int result = http_connect(ends[0], &url, credentials, deadline_in(2000), diag);
	ssize_t count = read(ends[1], request, 2047);
	request[count < 0 ? 0 : count] = '\0';
	count = read(ends[0], rest, 255);
	rest[count < 0 ? 0 : count] = '\0';
	close(ends[0]);
	close(ends[1]);
	return result;
}

static void opens_a_tunnel(void **state)
{
	(void)state;
	static const char answer[] = "HTTP/1.1 200 Connection established\r\nProxy-agent: x\r\n\r\nthe server's";
	char request[2048], rest[256];
	struct diag diag;
	assert_int_equal(ask("https://[2001:db8::1]:8000/velo/", "", answer, sizeof answer - 1, request, rest, &diag), 0);
	assert_string_equal(request, "CONNECT [2001:db8::1]:8000 HTTP/1.1\r\nHost: [2001:db8::1]:8000\r\n"
				     "User-Agent: Velociraptor\r\n\r\n");
	assert_string_equal(rest, "the server's");
	assert_int_equal(ask("https://vr.example.com/", "a:b", answer, sizeof answer - 1, request, rest, &diag), 0);
	assert_non_null(strstr(request, "CONNECT vr.example.com:443 HTTP/1.1\r\nHost: vr.example.com:443\r\n"));
	assert_non_null(strstr(request, "\r\nProxy-Authorization: Basic YTpi\r\n\r\n"));
}

/* RFC 4648 section 10, and bytes that are no characters. */
static void credentials_are_base64(void **state)
{
	(void)state;
	static const struct {
		const char *plain, *encoded;
	} cases[] = {
		{ "f", "Zg==" }, { "fo", "Zm8=" }, { "foo", "Zm9v" }, { "foob", "Zm9vYg==" }, { "fooba", "Zm9vYmE=" },
		{ "foobar", "Zm9vYmFy" }, { "\xff\xfe:\xc3\xbc", "//46w7w=" },
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		char line[128], wanted[128];
		struct text text = TEXT_ON(line);
		struct text expected = TEXT_ON(wanted);
		http_proxy_authorization(cases[i].plain, &text);
		text_addf(&expected, "Proxy-Authorization: Basic %s\r\n", cases[i].encoded);
		assert_string_equal(line, wanted);
	}
}

static void refusals_are_named(void **state)
{
	(void)state;
	static const struct {
		const char *answer;
		int error;
		const char *words;
	} cases[] = {
		{ "HTTP/1.1 407 Proxy Authentication Required\r\n\r\n", -EACCES, "proxy: HTTP status 407, it wants other" },
		{ "HTTP/1.0 403 Forbidden\r\nX: y\r\n\r\nbody", -EACCES, "proxy: HTTP status 403 for CONNECT" },
		{ "HTTP/1.1 302 Found\r\nLocation: http://login/\r\n\r\n", -EACCES, "proxy: HTTP status 302" },
		{ "HTTP/1.1 20x OK\r\n\r\n", -EPROTO, "proxy: the answer is not HTTP" },
		{ "SSH-2.0-x\r\n\r\n", -EPROTO, "proxy: the answer is not HTTP" },
		{ "\r\n\r\n", -EPROTO, "proxy: the answer is not HTTP" },
		{ "HTTP/1.1 200 OK\r\n", -ECONNRESET, "proxy: it closed the connection" },
		{ "", -ECONNRESET, "proxy: it closed the connection" },
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		char request[2048], rest[256];
		struct diag diag;
		int result = ask("https://vr.example.com/", "secret:word", cases[i].answer, strlen(cases[i].answer), request,
				 rest, &diag);
		assert_int_equal(result, cases[i].error);
		assert_non_null(strstr(diag.text, cases[i].words));
		assert_null(strstr(diag.text, "secret"));
	}
}

static void headers_end(void **state)
{
	(void)state;
	char *answer = malloc(HTTP_HEAD_MAX + 100);
	char request[2048], rest[256];
	struct diag diag;
	memset(answer, 'x', HTTP_HEAD_MAX + 100);
	memcpy(answer, "HTTP/1.1 200 OK\r\nX: ", 20);
	assert_int_equal(ask("https://vr.example.com/", "", answer, HTTP_HEAD_MAX + 100, request, rest, &diag), -EPROTO);
	assert_non_null(strstr(diag.text, "headers of more than 16 KiB"));
	free(answer);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(opens_a_tunnel),
		cmocka_unit_test(credentials_are_base64),
		cmocka_unit_test(refusals_are_named),
		cmocka_unit_test(headers_end),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
