/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "http/request.h"

static const struct http_request_style directly = { false, "" };

static int format(const char *string, char *request, size_t size)
{
	struct url url;
	struct text text = text_on(request, size);
	assert_int_equal(url_parse(string, &url, NULL), 0);
	return http_request_format(&url, &directly, &text);
}

static void asks_as_the_client_does(void **state)
{
	(void)state;
	char request[HTTP_REQUEST_SIZE];
	assert_int_equal(format("https://vr.example.com/velo/server.pem", request, sizeof request), 0);
	assert_string_equal(request, "GET /velo/server.pem HTTP/1.1\r\nHost: vr.example.com\r\n"
				     "User-Agent: Velociraptor\r\nAccept: */*\r\nConnection: close\r\n\r\n");
}

static void names_the_port_when_it_is_not_the_usual(void **state)
{
	(void)state;
	char request[HTTP_REQUEST_SIZE];
	assert_int_equal(format("wss://[2001:db8::1]:8000/", request, sizeof request), 0);
	assert_non_null(strstr(request, "\r\nHost: [2001:db8::1]:8000\r\n"));
	assert_int_equal(format("http://192.0.2.1:443/", request, sizeof request), 0);
	assert_non_null(strstr(request, "\r\nHost: 192.0.2.1:443\r\n"));
	assert_int_equal(format("http://192.0.2.1:80/", request, sizeof request), 0);
	assert_non_null(strstr(request, "\r\nHost: 192.0.2.1\r\n"));
}

static void is_never_split(void **state)
{
	(void)state;
	static const char *const paths[] = { "/a\r\nX: y", "/a b", "/a\nb", "/\x7f", "/\xc3\xa9", "", "a" };
	char request[HTTP_REQUEST_SIZE];
	for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
		struct url url = { .tls = true, .host = "vr.example.com", .port = 443 };
		struct text text = TEXT_ON(request);
		text_copy(url.path, sizeof url.path, paths[i]);
		assert_int_equal(http_request_format(&url, &directly, &text), -EINVAL);
	}
	struct url url = { .tls = true, .host = "vr.example.com\r\nX: y", .port = 443, .path = "/" };
	struct text text = TEXT_ON(request);
	assert_int_equal(http_request_format(&url, &directly, &text), -EINVAL);
}

static void says_when_it_does_not_fit(void **state)
{
	(void)state;
	char request[40];
	assert_int_equal(format("https://vr.example.com/", request, sizeof request), -EMSGSIZE);
}

static void a_proxy_is_told_the_whole(void **state)
{
	(void)state;
	static const struct http_request_style style = { true, "user:pass" };
	char request[HTTP_REQUEST_SIZE];
	struct text text = TEXT_ON(request);
	struct url url;
	assert_int_equal(url_parse("http://vr.example.com:8000/server.pem", &url, NULL), 0);
	assert_int_equal(http_request_format(&url, &style, &text), 0);
	assert_string_equal(request, "GET http://vr.example.com:8000/server.pem HTTP/1.1\r\nHost: vr.example.com:8000\r\n"
				     "User-Agent: Velociraptor\r\nAccept: */*\r\nConnection: close\r\n"
				     "Proxy-Authorization: Basic dXNlcjpwYXNz\r\n\r\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(asks_as_the_client_does),
		cmocka_unit_test(names_the_port_when_it_is_not_the_usual),
		cmocka_unit_test(is_never_split),
		cmocka_unit_test(says_when_it_does_not_fit),
		cmocka_unit_test(a_proxy_is_told_the_whole),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
