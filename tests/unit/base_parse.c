/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Numbers, durations, host names and URLs: what is taken and what is not. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/parse.h"
#include "base/url.h"

static void numbers(void **state)
{
	(void)state;
	static const struct {
		const char *string;
		uint64_t limit;
		bool good;
		uint64_t value;
	} rows[] = {
		{ "0", 0, true, 0 }, { "1", 0, false, 0 }, { "7", 7, true, 7 }, { "8", 7, false, 0 }, { "007", 7, true, 7 },
		{ "18446744073709551615", UINT64_MAX, true, UINT64_MAX }, { "18446744073709551616", UINT64_MAX, false, 0 },
		{ "99999999999999999999999", UINT64_MAX, false, 0 }, { "18446744073709551614", UINT64_MAX - 1, true, UINT64_MAX - 1 },
		{ "", 9, false, 0 }, { " 1", 9, false, 0 }, { "1 ", 9, false, 0 }, { "+1", 9, false, 0 }, { "-1", 9, false, 0 },
		{ "1a", 99, false, 0 }, { "0x1", 99, false, 0 }, { "1.0", 99, false, 0 }, { "1\n", 9, false, 0 },
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		uint64_t value = 4711;
		assert_int_equal(parse_unsigned(rows[i].string, rows[i].limit, &value), rows[i].good);
		assert_int_equal(value, rows[i].good ? rows[i].value : 4711);
	}
}

static void ports(void **state)
{
	(void)state;
	static const char *const bad[] = { "", "0", "00", "65536", "99999999999999999999", "-1", "80 ", "http", "8 0", "0x50" };
	uint16_t port = 4711;
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		assert_false(parse_port(bad[i], &port));
	assert_int_equal(port, 4711);
	for (unsigned wanted = 1; wanted <= UINT16_MAX; wanted++) {
		char digits[8];
		sprintf(digits, "%u", wanted);
		assert_true(parse_port(digits, &port));
		assert_int_equal(port, wanted);
	}
}

static void durations(void **state)
{
	(void)state;
	static const struct {
		const char *string;
		uint64_t seconds; /* 0: refused */
	} rows[] = {
		{ "1", 1 }, { "90", 90 }, { "90s", 90 }, { "15m", 900 }, { "8h", 28800 }, { "7d", 604800 }, { "604800s", 604800 },
		{ "604801s", 0 }, { "8d", 0 }, { "169h", 0 }, { "0", 0 }, { "0s", 0 }, { "", 0 }, { "s", 0 }, { "1w", 0 },
		{ "1S", 0 }, { "1 s", 0 }, { "1ss", 0 }, { "-1s", 0 }, { "1.5h", 0 }, { "1h30m", 0 },
		{ "18446744073709551615d", 0 }, { "213503982334602d", 0 },
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		uint64_t seconds = 0;
		assert_int_equal(parse_duration(rows[i].string, 604800, &seconds), rows[i].seconds != 0);
		assert_int_equal(seconds, rows[i].seconds);
	}
	uint64_t seconds;
	assert_false(parse_duration("213503982334602d", UINT64_MAX, &seconds)); /* 2^64 and some */
	assert_true(parse_duration("213503982334601d", UINT64_MAX, &seconds));
}

static void host_names(void **state)
{
	(void)state;
	static const char *const good[] = { "a", "localhost", "vr.example.com", "vr.example.com.", "a-b.c_d", "1a", "3com.example",
					    "xn--bcher-kva.example", "_dns.example", "1.2.3.x" };
	static const char *const bad[] = { "", ".", "..", "a..b", ".a", "a b", "a/b", "a:b", "1", "1.2", "192.0.2.1", "1.2.3.4.5", "a\n",
					   "b\xc3\xbc", "a@b", "a;b", "*.example.com", "a.." };
	for (size_t i = 0; i < sizeof good / sizeof *good; i++)
		assert_true(host_name_valid(good[i]));
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		assert_false(host_name_valid(bad[i]));
}

/* Labels of 63, names of 253 characters, a final dot besides. */
static void host_name_lengths(void **state)
{
	(void)state;
	char name[300] = "";
	char label[65];
	memset(label, 'a', sizeof label);
	label[64] = '\0';
	assert_false(host_name_valid(label));
	label[63] = '\0';
	assert_true(host_name_valid(label));
	for (int i = 0; i < 3; i++)
		sprintf(name + strlen(name), "%s.", label);
	strcat(name, label);
	name[253] = '\0';
	assert_true(host_name_valid(name));
	strcpy(name + 253, ".");
	assert_true(host_name_valid(name));
	strcpy(name + 253, "a");
	assert_false(host_name_valid(name));
}

static void trims(void **state)
{
	(void)state;
	static const char *const rows[][2] = { { "", "" }, { "  ", "" }, { "a", "a" }, { " \ta b\r\n", "a b" }, { "a ", "a" } };
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		char buffer[16];
		strcpy(buffer, rows[i][0]);
		assert_string_equal(trim(buffer), rows[i][1]);
	}
}

static void good_urls(void **state)
{
	(void)state;
	static const struct {
		const char *string;
		bool tls;
		const char *host;
		uint16_t port;
		const char *path;
		bool literal;
		const char *formatted;
	} rows[] = {
		{ "https://vr.example.com", true, "vr.example.com", 443, "/", false, "https://vr.example.com/" },
		{ "https://vr.example.com:8000/", true, "vr.example.com", 8000, "/", false, "https://vr.example.com:8000/" },
		{ "HTTPS://VR.example.com/Velo/", true, "VR.example.com", 443, "/Velo/", false, "https://VR.example.com/Velo/" },
		{ "http://vr", false, "vr", 80, "/", false, "http://vr/" },
		{ "http://vr:443/", false, "vr", 443, "/", false, "http://vr:443/" },
		{ "wss://vr:443/a?b=c&d", true, "vr", 443, "/a?b=c&d", false, "https://vr/a?b=c&d" },
		{ "ws://vr:65535", false, "vr", 65535, "/", false, "http://vr:65535/" },
		{ "https://192.0.2.1:1/", true, "192.0.2.1", 1, "/", true, "https://192.0.2.1:1/" },
		{ "https://[2001:db8::1]/", true, "2001:db8::1", 443, "/", true, "https://[2001:db8::1]/" },
		{ "https://[::ffff:192.0.2.1]:8000", true, "::ffff:192.0.2.1", 8000, "/", true,
		  "https://[::ffff:192.0.2.1]:8000/" },
		{ "https://host_with.under_score./", true, "host_with.under_score.", 443, "/", false,
		  "https://host_with.under_score./" },
		{ "https://vr/a@b:c", true, "vr", 443, "/a@b:c", false, "https://vr/a@b:c" },
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct url url;
		char formatted[600];
		struct text text = TEXT_ON(formatted);
		struct diag diag = { "" };
		if (url_parse(rows[i].string, &url, &diag) != 0)
			fail_msg("%s", diag.text);
		assert_int_equal(url.tls, rows[i].tls);
		assert_string_equal(url.host, rows[i].host);
		assert_int_equal(url.port, rows[i].port);
		assert_string_equal(url.path, rows[i].path);
		assert_int_equal(url.address.family != 0, rows[i].literal);
		url_format(&url, &text);
		assert_string_equal(formatted, rows[i].formatted);
	}
}

static void bad_urls(void **state)
{
	(void)state;
	static const char *const bad[] = {
		"", "vr.example.com", "vr.example.com:8000", "ftp://vr/", "file:///etc/passwd", "https:/vr/", "https:vr", "https://",
		"https:///", "https:///path", "https://:443/", "https://vr:/", "https://vr:0/", "https://vr:65536/", "https://vr:8a/",
		"https://vr:-1/", "https://vr:80:90/", "https://user@vr/", "https://user:secret@vr/", "https://vr/a#b",
		"https://vr#b", "https://v r/", "https://vr/a b", "https://vr/\n", "https://vr/\r\nX: y", "https://vr/\x7f",
		"https://vr/\xc3\xa4", "https://b\xc3\xbc" "cher/", "https://2001:db8::1/", "https://[2001:db8::1/",
		"https://[2001:db8::1]8000/", "https://[vr]/", "https://[192.0.2.1]/", "https://[::1%25lo]/", "https://[]/",
		"https://[fe80::1]/", "https://[febf::1]:8000/", "https://[fe80::1%lo]/",
		"https://1.2.3/", "https://1.2.3.256/", "https://12345/", "https://vr..example/",
		"https://vr?x=1", "https://vr\\path/", "https://*/", "-https://vr/", " https://vr/", "javascript://vr/",
	};
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		struct url url = { .port = 4711 };
		struct diag diag = { "" };
		if (url_parse(bad[i], &url, &diag) != -EINVAL)
			fail_msg("'%s' was accepted", bad[i]);
		assert_non_null(strstr(diag.text, "URL '"));
		assert_int_equal(url.port, 4711); /* set only on success */
	}
}

static void url_lengths(void **state)
{
	(void)state;
	char string[2000] = "https://vr/";
	struct url url;
	struct diag diag;
	memset(string + 11, 'a', URL_PATH_SIZE - 2);
	string[11 + URL_PATH_SIZE - 2] = '\0';
	assert_int_equal(url_parse(string, &url, &diag), 0);
	assert_int_equal(strlen(url.path), URL_PATH_SIZE - 1);
	assert_int_equal(url_append(&url, "server.pem", &diag), -EINVAL);
	strcat(string, "a");
	assert_int_equal(url_parse(string, &url, &diag), -EINVAL);
	memset(string + 8, 'a', 1500);
	string[1508] = '\0';
	assert_int_equal(url_parse(string, &url, &diag), -EINVAL);
}

static void urls_are_appended_to(void **state)
{
	(void)state;
	static const char *const rows[][2] = {
		{ "https://vr", "https://vr/server.pem" },
		{ "https://vr/velo", "https://vr/velo/server.pem" },
		{ "https://vr/velo/", "https://vr/velo/server.pem" },
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct url url;
		struct diag diag;
		char formatted[600];
		struct text text = TEXT_ON(formatted);
		assert_int_equal(url_parse(rows[i][0], &url, &diag), 0);
		assert_int_equal(url_append(&url, "server.pem", &diag), 0);
		url_format(&url, &text);
		assert_string_equal(formatted, rows[i][1]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(numbers),     cmocka_unit_test(ports),		    cmocka_unit_test(durations),
		cmocka_unit_test(host_names),  cmocka_unit_test(host_name_lengths), cmocka_unit_test(trims),
		cmocka_unit_test(good_urls),   cmocka_unit_test(bad_urls),	    cmocka_unit_test(url_lengths),
		cmocka_unit_test(urls_are_appended_to),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
