/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The client's configuration: each key, each way of writing it, and each error with its line and column. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/text.h"
#include "velociraptor/config.h"
#include "velociraptor/document.h"
#include "velociraptor/proxy.h"

#define SERVER "  server_urls: [https://vr.test/]\n"
#define PEM "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"

static struct velociraptor_config config;
static struct diag diag;

static int release(void **state)
{
	(void)state;
	velociraptor_config_fini(&config);
	return 0;
}

static int parse_bytes(const char *text, size_t length)
{
	velociraptor_config_fini(&config);
	diag.text[0] = '\0';
	return velociraptor_config_parse(text, length, "F", &config, &diag);
}

static void parse(const char *text)
{
	int result = parse_bytes(text, strlen(text));
	if (result != 0)
		fail_msg("%s\nin:\n%s", diag.text, text);
}

/* The rest of a Client section that has a server. */
static void parse_client(const char *lines)
{
	char text[8192];
	snprintf(text, sizeof text, "Client:\n" SERVER "%s", lines);
	parse(text);
}

static void fails(const char *text, const char *message)
{
	assert_int_equal(parse_bytes(text, strlen(text)), -EBADMSG);
	assert_string_equal(diag.text, message);
}

static void fails_in_client(const char *lines, const char *message)
{
	char text[8192];
	snprintf(text, sizeof text, "Client:\n" SERVER "%s", lines);
	fails(text, message);
}

static const char *url_text(const struct url *url)
{
	static char buffer[600];
	struct text text = TEXT_ON(buffer);
	url_format(url, &text);
	return buffer;
}

static const char *endpoint_text(const struct endpoint *endpoint)
{
	static char buffer[ENDPOINT_TEXT_SIZE];
	struct text text = TEXT_ON(buffer);
	endpoint_format(endpoint, &text);
	return buffer;
}

/* ---- whole files ---- */

static void read_file(const char *path)
{
	velociraptor_config_fini(&config);
	if (velociraptor_config_read(path, &config, &diag) != 0)
		fail_msg("%s", diag.text);
}

static void emitted(void **state)
{
	(void)state;
	read_file("tests/unit/data/client_emitted.yaml");
	assert_int_equal(config.server_count, 1);
	assert_string_equal(url_text(&config.servers[0]), "https://velociraptor.example.com:8000/");
	assert_int_equal(strncmp(config.ca_certificate, "-----BEGIN CERTIFICATE-----\nMII", 31), 0);
	assert_non_null(strstr(config.ca_certificate, "=\n-----END CERTIFICATE-----\n"));
	assert_true(config.self_signed);
	assert_string_equal(config.server_name, "VelociraptorServer");
	assert_false(config.http_proxy.set || config.https_proxy.set || config.ignore_environment || config.weak_tls);
	assert_int_equal(config.fallback_count + config.thumbprint_count + config.proxy_rule_count, 0);
	assert_int_equal(config.verification, VELOCIRAPTOR_PKI);
	assert_null(config.root_certs);
	assert_null(config.client_certificate);
	assert_null(config.client_certificate_private_key);
}

static void edited(void **state)
{
	(void)state;
	static const char *const servers[] = { "https://192.168.1.1:8000/", "https://velociraptor.example.com/",
					       "https://[2001:db8::17]:8443/", "https://edge.example.com/velo/base/" };
	struct fingerprint wanted;
	read_file("tests/unit/data/client_edited.yaml");
	assert_int_equal(config.server_count, 4);
	for (size_t i = 0; i < 4; i++)
		assert_string_equal(url_text(&config.servers[i]), servers[i]);
	assert_true(fingerprint_parse("e6e28b35cec5bac453c5afbf2b763462405cd06080e1301aa7a5a9da0c8b11e1", &wanted));
	assert_int_equal(config.thumbprint_count, 2);
	assert_true(fingerprint_equal(&config.thumbprints[0], &wanted));
	assert_true(fingerprint_equal(&config.thumbprints[1], &wanted));
	assert_string_equal(url_text(&config.https_proxy.url), "http://proxy.example.com:3128/");
	assert_false(config.http_proxy.set);
	assert_int_equal(config.proxy_rule_count, 1);
	assert_string_equal(config.proxy_rules[0].pattern, "^https://localhost/");
	assert_false(config.proxy_rules[0].proxy.set);
	assert_true(config.has_proxy_section);
	assert_int_equal(strncmp(config.ca_certificate, "-----BEGIN CERTIFICATE-----\nMII", 31), 0);
	assert_int_equal(strncmp(config.root_certs, "-----BEGIN CERTIFICATE-----\n<certificate 1>\n", 43), 0);
	assert_string_equal(config.client_certificate, "-----BEGIN CERTIFICATE----- ...");
	assert_int_equal(config.fallback_count, 1);
	assert_string_equal(endpoint_text(velociraptor_fallback_for(&config, &config.servers[1])), "203.0.113.10:443");
	assert_null(velociraptor_fallback_for(&config, &config.servers[0]));
	assert_true(config.self_signed);
}

/* ---- keys ---- */

static void servers(void **state)
{
	(void)state;
	static const char *const rows[][2] = {
		{ "https://a.test/", "https://a.test/" },
		{ "http://a.test/", "http://a.test/" },
		{ "wss://a.test/", "https://a.test/" },
		{ "ws://a.test/", "http://a.test/" },
		{ "HTTPS://a.test:8000/", "https://a.test:8000/" },
		{ "https://a.test:443/", "https://a.test/" },
		{ "https://[2001:db8::1]/x/y/", "https://[2001:db8::1]/x/y/" },
		{ "\"https:\\x2f\\u002fa.test/\"", "https://a.test/" },
		{ "'https://a.test/'", "https://a.test/" },
		{ "https://a.test", "https://a.test/" }, /* Velociraptor would not start with these two */
		{ "https://a.test/velo", "https://a.test/velo" },
		{ "|-\n      https://a.test/", "https://a.test/" },
		{ ">-\n      https://a.test/", "https://a.test/" },
		{ "!!str https://a.test/", "https://a.test/" },
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		char text[256];
		snprintf(text, sizeof text, "Client:\n  server_urls:\n    - %s\n", rows[i][0]);
		parse(text);
		assert_int_equal(config.server_count, 1);
		assert_string_equal(url_text(&config.servers[0]), rows[i][1]);
	}
}

static void booleans(void **state)
{
	(void)state;
	static const char *const yes[] = { "yes", "true", "on", "y", "Yes", "TRUE", "On", "\"true\"", "'yes'" };
	static const char *const no[] = { "no", "false", "off", "n", "No", "FALSE", "OFF", "", "~", "null" };
	char text[256];
	for (size_t i = 0; i < sizeof yes / sizeof *yes; i++) {
		snprintf(text, sizeof text, "  use_self_signed_ssl: %s\n  Crypto: {allow_weak_tls_server: %s}\n", yes[i],
			 yes[i]);
		parse_client(text);
		assert_true(config.self_signed && config.weak_tls);
	}
	for (size_t i = 0; i < sizeof no / sizeof *no; i++) {
		snprintf(text, sizeof text, "  use_self_signed_ssl: %s\n", no[i]);
		parse_client(text);
		assert_false(config.self_signed);
	}
	fails_in_client("  use_self_signed_ssl: 1\n",
			"F line 3 column 24: Client.use_self_signed_ssl: expected yes or no, found '1'");
	fails_in_client("  use_self_signed_ssl: [yes]\n",
			"F line 3 column 24: Client.use_self_signed_ssl: expected yes or no, found a list");
	fails_in_client("  Crypto:\n    allow_weak_tls_server: sometimes\n",
			"F line 4 column 28: Client.Crypto.allow_weak_tls_server: expected yes or no, found 'sometimes'");
}

static void texts(void **state)
{
	(void)state;
	parse_client("  pinned_server_name: Other\n  connection_timeout: 17\n  Crypto:\n    client_certificate: |\n"
		     "      -----BEGIN CERTIFICATE-----\n      two\n"
		     "    client_certificate_private_key: \"key\\n\"\n");
	assert_string_equal(config.server_name, "Other");
	assert_int_equal(config.connection_timeout, 17);
	assert_string_equal(config.client_certificate, "-----BEGIN CERTIFICATE-----\ntwo\n");
	assert_string_equal(config.client_certificate_private_key, "key\n");
	parse_client("  pinned_server_name: \"\"\n  connection_timeout: 0\n");
	assert_string_equal(config.server_name, "VelociraptorServer");
	assert_int_equal(config.connection_timeout, 0);
	parse_client("  pinned_server_name: ''\n  ca_certificate: ''\n  proxy: ''\n");
	assert_null(config.ca_certificate);
	parse_client("  pinned_server_name: 2026\n");
	assert_string_equal(config.server_name, "2026");
	fails_in_client("  pinned_server_name: {}\n",
			"F line 3 column 23: Client.pinned_server_name: expected a text, found a mapping");
	fails_in_client("  pinned_server_name: \"a\\0b\"\n",
			"F line 3 column 23: Client.pinned_server_name: a NUL character in it");
	fails_in_client("  connection_timeout: -1\n",
			"F line 3 column 23: Client.connection_timeout: expected a number of seconds, found '-1'");
	fails_in_client("  connection_timeout: 5s\n",
			"F line 3 column 23: Client.connection_timeout: expected a number of seconds, found '5s'");
	fails_in_client("  Crypto:\n    client_certificate: one\n",
			"F line 4 column 25: Client.Crypto.client_certificate: expected a certificate in PEM, found a text");
	fails_in_client("  Crypto:\n    client_certificate_private_key: [secret]\n",
			"F line 4 column 37: Client.Crypto.client_certificate_private_key: expected a text, found a list");
}

static void certificates(void **state)
{
	(void)state;
	static const char *const ways[] = {
		"|\n      -----BEGIN CERTIFICATE-----\n      AAAA\n      -----END CERTIFICATE-----\n",
		"|+\n      -----BEGIN CERTIFICATE-----\n      AAAA\n      -----END CERTIFICATE-----\n",
		"|2\n      -----BEGIN CERTIFICATE-----\n      AAAA\n      -----END CERTIFICATE-----\n",
		"\"-----BEGIN CERTIFICATE-----\\nAAAA\\n-----END CERTIFICATE-----\\n\"\n",
		"\"-----BEGIN CERTIFICATE-----\\nAA\\\n   AA\\n-----END CERTIFICATE-----\\n\"\n",
		"'-----BEGIN CERTIFICATE-----\n\n   AAAA\n\n   -----END CERTIFICATE-----\n\n   '\n",
		">\n      -----BEGIN CERTIFICATE-----\n\n      AAAA\n\n      -----END CERTIFICATE-----\n",
	};
	char text[512];
	for (size_t i = 0; i < sizeof ways / sizeof *ways; i++) {
		snprintf(text, sizeof text, "Client:\n  " SERVER "    ca_certificate: %s", ways[i]);
		parse(text);
		assert_int_equal(strncmp(config.ca_certificate, "-----BEGIN CERTIFICATE-----\n", 28), 0);
		assert_non_null(strstr(config.ca_certificate, "AAAA\n"));
		assert_non_null(strstr(config.ca_certificate, "-----END CERTIFICATE-----\n"));
	}
	parse_client("  ca_certificate: |-\n    -----BEGIN CERTIFICATE-----\n    AAAA\n    -----END CERTIFICATE-----\n");
	assert_string_equal(config.ca_certificate, "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----");
	fails_in_client("  ca_certificate: /etc/ca.pem\n",
			"F line 3 column 19: Client.ca_certificate: expected a certificate in PEM, found a text");
	fails_in_client("  Crypto:\n    root_certs: [a]\n",
			"F line 4 column 17: Client.Crypto.root_certs: expected a certificate in PEM, found a list");
}

static void thumbprints(void **state)
{
	(void)state;
	static const char *const words[] = { "PKI", "PKI_OR_THUMBPRINT", "THUMBPRINT_ONLY" };
	char text[256];
	for (int i = 0; i < 3; i++) {
		snprintf(text, sizeof text, "  Crypto: {certificate_verification_mode: %s}\n", words[i]);
		parse_client(text);
		assert_int_equal(config.verification, i);
	}
	parse_client("  Crypto: {certificate_verification_mode: \"\", certificate_thumbprints: []}\n");
	assert_int_equal(config.verification, VELOCIRAPTOR_PKI);
	fails_in_client("  Crypto: {certificate_verification_mode: pki}\n",
			"F line 3 column 43: Client.Crypto.certificate_verification_mode: expected PKI, PKI_OR_THUMBPRINT or "
			"THUMBPRINT_ONLY, found 'pki'");
	fails_in_client("  Crypto: {certificate_thumbprints: abcd}\n",
			"F line 3 column 37: Client.Crypto.certificate_thumbprints: expected a list of certificate thumbprints, "
			"found a text");
	fails_in_client("  Crypto:\n    certificate_thumbprints:\n    - AB:CD\n",
			"F line 5 column 7: Client.Crypto.certificate_thumbprints: expected a SHA-256 of 64 hexadecimal "
			"digits, found 'AB:CD'");
	fails_in_client("  Crypto:\n    certificate_thumbprints:\n    - {a: b}\n",
			"F line 5 column 7: Client.Crypto.certificate_thumbprints: expected a SHA-256 of 64 hexadecimal "
			"digits, found a mapping");
	fails_in_client("  Crypto: none\n", "F line 3 column 11: Client.Crypto: expected a mapping, found a text");
}

static void fallbacks(void **state)
{
	(void)state;
	parse("Client:\n  server_urls: [https://a.test/, wss://B.test:8000/, 'https://[2001:db8::1]/']\n"
	      "  fallback_addresses:\n    a.test:443: 192.0.2.1:444\n    'b.TEST:8000': '[2001:db8::2]:8000'\n"
	      "    '[2001:db8::1]:443': 192.0.2.3:443\n");
	assert_int_equal(config.fallback_count, 3);
	assert_string_equal(endpoint_text(velociraptor_fallback_for(&config, &config.servers[0])), "192.0.2.1:444");
	assert_string_equal(endpoint_text(velociraptor_fallback_for(&config, &config.servers[1])), "[2001:db8::2]:8000");
	assert_string_equal(endpoint_text(velociraptor_fallback_for(&config, &config.servers[2])), "192.0.2.3:443");
	parse_client("  fallback_addresses: {'vr.test:8000': '192.0.2.1:443'}\n"); /* another port */
	assert_null(velociraptor_fallback_for(&config, &config.servers[0]));
	fails_in_client("  fallback_addresses: [a]\n", "F line 3 column 23: Client.fallback_addresses: expected a mapping "
						       "of HOST:PORT to ADDRESS:PORT, found a list");
	static const char *const bad_hosts[] = { "a.test", "a.test:", "a.test:0", "a.test:65536", ":443", "a.test:443/",
						 "https://a.test:443", "2001:db8::1:443", "[2001:db8::1]", "u@a.test:443" };
	static const char *const bad_addresses[] = { "192.0.2.1", "b.test:443", "0.0.0.0:443", "224.0.0.1:443",
						     "[::]:443", "2001:db8::1:443", "192.0.2.256:1", "192.0.2.1:x" };
	char text[256];
	char message[256];
	for (size_t i = 0; i < sizeof bad_hosts / sizeof *bad_hosts; i++) {
		snprintf(text, sizeof text, "  fallback_addresses:\n    '%s': 192.0.2.1:443\n", bad_hosts[i]);
		snprintf(message, sizeof message,
			 "F line 4 column 5: Client.fallback_addresses: expected HOST:PORT, found '%s'", bad_hosts[i]);
		fails_in_client(text, message);
	}
	for (size_t i = 0; i < sizeof bad_addresses / sizeof *bad_addresses; i++) {
		snprintf(text, sizeof text, "  fallback_addresses: {'a.test:1': '%s'}\n", bad_addresses[i]);
		snprintf(message, sizeof message,
			 "F line 3 column 36: Client.fallback_addresses: expected ADDRESS:PORT, found '%s'",
			 bad_addresses[i]);
		fails_in_client(text, message);
	}
}

/* ---- proxies ---- */

static const struct velociraptor_environment empty;

/* The proxy of a URL: "direct", or URL, credentials and, when it is from the environment, " env". */
static const char *way(const char *url, const struct velociraptor_environment *environment)
{
	static char buffer[800];
	struct text text = TEXT_ON(buffer);
	struct velociraptor_way found;
	struct url server;
	assert_int_equal(url_parse(url, &server, &diag), 0);
	if (velociraptor_way_to(&config, environment, &server, &found, &diag) < 0) {
		assert_string_not_equal(diag.text, "");
		return diag.text;
	}
	if (!found.proxy.set)
		return "direct";
	url_format(&found.proxy.url, &text);
	text_addf(&text, "%s%s%s", *found.proxy.credentials ? " " : "", found.proxy.credentials,
		  found.by_environment ? " env" : "");
	return buffer;
}

static void proxies(void **state)
{
	(void)state;
	static const char *const rows[][2] = {
		{ "http://p.test:3128", "http://p.test:3128/" },
		{ "http://p.test/", "http://p.test/" },
		{ "https://p.test", "https://p.test/" },
		{ "http://[2001:db8::1]:3128/x", "http://[2001:db8::1]:3128/" },
		{ "http://user:pa%40ss%3A@p.test:1", "http://p.test:1/ user:pa@ss:" },
		{ "http://user@p.test:1", "http://p.test:1/ user" },
		{ "http://a@b@p.test:1", "http://p.test:1/ a@b" },
	};
	char text[256];
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		snprintf(text, sizeof text, "  proxy: %s\n", rows[i][0]);
		parse_client(text);
		assert_string_equal(way("wss://vr.test/", &empty), rows[i][1]);
		assert_string_equal(way("http://vr.test/", &empty), rows[i][1]);
	}
	fails_in_client("  proxy: socks5://p.test:1080\n", "F line 3 column 10: Client.proxy: expected a proxy's URL that "
							   "begins with http:// or https://");
	fails_in_client("  proxy: p.test:3128\n", "F line 3 column 10: Client.proxy: expected a proxy's URL that begins "
						  "with http:// or https://");
	fails_in_client("  proxy: http://u:secret%4@p.test/\n", "F line 3 column 10: Client.proxy: user name and password "
								"of the proxy are too long, or not encoded as in a URL");
	fails_in_client("  proxy: http://u:sec/ret@p.test/\n", "F line 3 column 10: Client.proxy: user name and password "
								"of the proxy are too long, or not encoded as in a URL");
	fails_in_client("  proxy: http://u:secret@p.test:0/\n",
			"F line 3 column 10: Client.proxy: URL 'http://p.test:0': the port must be 1 to 65535");
	fails_in_client("  proxy: [x]\n", "F line 3 column 10: Client.proxy: expected the URL of a proxy, found a list");
}

static void proxy_sections(void **state)
{
	(void)state;
	parse_client("  proxy_config: {https: 'http://s.test:1', http: 'http://h.test:2'}\n  proxy: http://p.test:3\n");
	assert_string_equal(way("https://vr.test/", &empty), "http://s.test:1/");
	assert_string_equal(way("ws://vr.test/", &empty), "http://h.test:2/");
	parse_client("  proxy: http://p.test:3\n  proxy_config: {}\n"); /* the section wins, though it names none */
	assert_string_equal(way("https://vr.test/", &empty), "direct");
	parse_client("  proxy: http://p.test:3\n  proxy_config:\n"); /* no section at all */
	assert_string_equal(way("https://vr.test/", &empty), "http://p.test:3/");
	parse_client("  proxy_config: {http: 'http://h.test:2'}\n"); /* either stands in for the other */
	assert_string_equal(way("https://vr.test/", &empty), "http://h.test:2/");
	fails_in_client("  proxy_config: {pac: 'file:///etc/proxy.pac'}\n",
			"F line 3 column 23: Client.proxy_config.pac: proxy auto-configuration can't be followed here; "
			"expected http and https");
	parse_client("  proxy_config: {pac: ''}\n");
	fails_in_client("  proxy_config: http://p.test\n",
			"F line 3 column 17: Client.proxy_config: expected a mapping, found a text");
	fails_in_client("  proxy_config: {ignore_environment: maybe}\n",
			"F line 3 column 38: Client.proxy_config.ignore_environment: expected yes or no, found 'maybe'");
}

static void proxy_rules(void **state)
{
	(void)state;
	static const char *const rows[][3] = {
		{ "^https://vr\\.test/$", "https://VR.test/", "hit" },
		{ "^https://vr\\.test/$", "https://vr.test/x/", "miss" },
		{ "VR.TEST", "wss://vr.test/", "hit" },
		{ "^http:", "https://vr.test/", "miss" },
		{ "^https?://[a-c]+[.]test(", "", "F line 4 column 24: Client.proxy_config.proxy_url_regexp: regular "
						  "expression: only . [] * + ? | ^ $ and \\ before punctuation are "
						  "understood" },
		{ "^https?://[a-c]+[.]test", "https://abba.test/", "hit" },
		{ "^https?://[a-c]+[.]test", "https://x.test/", "miss" },
		{ "^https?://[^a-c.]*[.]test", "https://abba.test/", "miss" },
		{ "nothing|[]x]+est/.*end$|other", "https://x.xest/the/end", "hit" },
		{ "nothing|^test|t/$", "https://vr.test/x", "miss" },
		{ "a+b*c?d", "https://aaad.test/", "hit" },
		{ "a+b*c?d", "https://bcd.test/", "miss" },
		{ "", "https://vr.test/", "hit" },
		{ "a|", "https://vr.test/", "hit" },
		{ "\\\\a", "https://vr.test/", "miss" },
		{ "\\d", "", "F line 4 column 24: Client.proxy_config.proxy_url_regexp: regular expression: '\\' is only "
			     "understood before punctuation" },
		{ "[a", "", "F line 4 column 24: Client.proxy_config.proxy_url_regexp: regular expression: a [set] that is "
			    "not understood" },
		{ "[z-a]", "", "F line 4 column 24: Client.proxy_config.proxy_url_regexp: regular expression: a [set] that "
			       "is not understood" },
		{ "[[:alpha:]]", "", "F line 4 column 24: Client.proxy_config.proxy_url_regexp: regular expression: a "
				     "[set] that is not understood" },
	};
	char text[256];
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		snprintf(text, sizeof text, "Client:\n" SERVER
			 "  proxy_config:\n    proxy_url_regexp: {'%s': 'http://rule.test:1'}\n", rows[i][0]);
		if (*rows[i][1] == '\0') {
			fails(text, rows[i][2]);
			continue;
		}
		parse(text);
		assert_string_equal(way(rows[i][1], &empty), *rows[i][2] == 'h' ? "http://rule.test:1/" : "direct");
	}
	parse_client("  proxy_config:\n    http: http://h.test:1\n    proxy_url_regexp:\n      ^https://vr: ''\n"
		     "      ^https://vs:\n      vt: http://u:p@t.test\n");
	assert_string_equal(way("https://vr.test/", &empty), "direct");
	assert_string_equal(way("https://vs.test/", &empty), "direct");
	assert_string_equal(way("https://vt.test/", &empty), "http://t.test/ u:p");
	assert_string_equal(way("https://vu.test/", &empty), "http://h.test:1/");
	memset(text, 'a', 200);
	snprintf(text + 200, 8, "%s", "");
	char lines[512];
	snprintf(lines, sizeof lines, "  proxy_config: {proxy_url_regexp: {%s: ''}}\n", text);
	fails_in_client(lines, "F line 3 column 37: Client.proxy_config.proxy_url_regexp: regular expression: too long");
	fails_in_client("  proxy_config: {proxy_url_regexp: []}\n",
			"F line 3 column 36: Client.proxy_config.proxy_url_regexp: expected a mapping of regular "
			"expressions to proxies, found a list");
	fails_in_client("  proxy_config: {proxy_url_regexp: {a: []}}\n",
			"F line 3 column 40: Client.proxy_config.proxy_url_regexp: expected the URL of a proxy, found a list");
}

static void environments(void **state)
{
	(void)state;
	const struct velociraptor_environment both = { .http_proxy = "http://eh.test:1", .https_proxy = "u:p@es.test:2" };
	const struct velociraptor_environment only_http = { .http_proxy = "http://eh.test:1" };
	const struct velociraptor_environment exempt = { NULL, "http://es.test:2", ".example.com, vr.test ,192.0.2.1" };
	static const struct {
		const char *list;
		const char *server;
		bool direct;
	} lists[] = {
		{ "example.com", "https://example.com/", true },
		{ ".example.com", "https://example.com/", false },
		{ "*.example.com", "https://a.example.com/", true },
		{ "*.example.com", "https://example.com/", false },
		{ "example.com:8000", "https://a.example.com/", false },
		{ "192.0.2.0/25", "https://192.0.2.127/", true },
		{ "192.0.2.0/25", "https://192.0.2.128/", false },
		{ "0.0.0.0/0", "https://192.0.2.1/", true },
		{ "0.0.0.0/0", "https://[2001:db8::1]/", false },
		{ "0.0.0.0/0", "https://vr.test/", false },
		{ "2001:db8::/33", "https://[2001:db8:7fff::1]/", true },
		{ "2001:db8::/33", "https://[2001:db8:8000::1]/", false },
		{ "192.0.2.0/33, 192.0.2.0/x, vr.test/8, /, :, [, [192.0.2.1", "https://192.0.2.2/", false },
		{ "192.0.2.1:444", "https://192.0.2.1/", false },
		{ "2001:db8::1", "https://[2001:db8::1]/", true },
		{ ",, ,", "https://vr.test/", false },
	};
	const struct velociraptor_environment all_exempt = { NULL, "http://es.test:2", "*" };
	const struct velociraptor_environment bad = { NULL, "socks5://u:secret@es.test:2", NULL };
	parse_client("");
	assert_string_equal(way("https://vr.test/", &both), "http://es.test:2/ u:p env");
	assert_string_equal(way("ws://vr.test/", &both), "http://eh.test:1/ env");
	assert_string_equal(way("https://vr.test/", &only_http), "direct");
	assert_string_equal(way("https://vr.test/", &exempt), "direct");
	assert_string_equal(way("https://x.VR.test/", &exempt), "direct");
	assert_string_equal(way("https://a.example.com/", &exempt), "direct");
	assert_string_equal(way("https://192.0.2.1/", &exempt), "direct");
	assert_string_equal(way("https://xvr.test/", &exempt), "http://es.test:2/ env");
	assert_string_equal(way("https://vr.test/", &all_exempt), "direct");
	assert_string_equal(way("https://vr.test/", &bad),
			    "$https_proxy: expected a proxy's URL that begins with http:// or https://");
	for (size_t i = 0; i < sizeof lists / sizeof *lists; i++) {
		const struct velociraptor_environment environment = { NULL, "http://es.test:2", lists[i].list };
		assert_string_equal(way(lists[i].server, &environment),
				    lists[i].direct ? "direct" : "http://es.test:2/ env");
	}
	parse_client("  proxy: http://p.test:3\n"); /* the environment wins, and no_proxy is not asked */
	assert_string_equal(way("https://vr.test/", &both), "http://es.test:2/ u:p env");
	assert_string_equal(way("https://vr.test/", &exempt), "http://es.test:2/ env");
	assert_string_equal(way("https://vr.test/", &only_http), "http://p.test:3/");
	parse_client("  proxy_config: {}\n");
	assert_string_equal(way("https://vr.test/", &only_http), "http://eh.test:1/ env");
	parse_client("  proxy_config: {ignore_environment: true, http: 'http://p.test:3'}\n");
	assert_string_equal(way("https://vr.test/", &both), "http://p.test:3/");
	parse_client("  proxy_config: {ignore_environment: true}\n");
	assert_string_equal(way("https://vr.test/", &both), "direct");
}

/* ---- YAML ---- */

static void constructs(void **state)
{
	(void)state;
	parse("\xef\xbb\xbf" "Client:\r\n  server_urls:\r\n  - https://a.test/\r\n  ca_certificate: |\r\n"
	      "    -----BEGIN CERTIFICATE-----\r\n    AAAA\r\n");
	assert_string_equal(config.ca_certificate, "-----BEGIN CERTIFICATE-----\nAAAA\n");
	parse("%YAML 1.1\n---\n{Client: {server_urls: [https://a.test/,], nonce: x}}\n...\n---\n[not, read\n");
	parse("? Client\n: ? server_urls\n  : - https://a.test/\n");
	parse("{\"Client\": {\"server_urls\": [\"https://a.test/\"]}}"); /* JSON is YAML */
	parse("client: {server_urls: 1}\nCLIENT: 2\nClient:\n  Server_Urls: 3\n  ca_Certificate: [4]\n" SERVER);
	parse("a: {b: [{c: {d: [[[]]]}}, {? [x] : y}]}\n? {complex: key}\n: z\nClient:\n  deep: {er: {and: deeper}}\n" SERVER);
	parse("Client:\n" SERVER "  pinned_server_name:\tx\t# comment\n"); /* tabs where they are blanks */
	assert_string_equal(config.server_name, "x");
	parse("Client:\n  labels: a\n  labels: b\n" SERVER); /* twice, but nothing of ours */
	parse("Client: !anything {server_urls: !!seq [https://a.test/]}\n");
}

static void aliases(void **state)
{
	(void)state;
	parse("x-ca: &ca |\n  -----BEGIN CERTIFICATE-----\n  AAAA\nx-url: &url https://a.test/\n"
	      "Client:\n  server_urls: &urls [*url, *url]\n  ca_certificate: *ca\n  labels: *urls\n"
	      "  Crypto: &crypto {root_certs: *ca, self: *crypto}\n");
	assert_int_equal(config.server_count, 2);
	assert_string_equal(config.root_certs, config.ca_certificate);
	parse("a: &a https://a.test/\nb: &a https://b.test/\nClient: {server_urls: [*a]}\n"); /* the last one counts */
	assert_string_equal(config.servers[0].host, "b.test");
	fails("Client: &c\n  server_urls: *c\n",
	      "F line 1 column 9: Client.server_urls: expected a list of URLs, found a mapping");
	fails("Client: {server_urls: *nobody}\n",
	      "F line 1 column 23: alias of an anchor that was not defined before");
	fails("x: &x {server_urls: [https://a.test/]}\nClient:\n  <<: *x\n",
	      "F line 3 column 3: Client: merging with '<<' is not supported");
	parse("Client:\n  '<<': a\n" SERVER); /* a key like others */
}

/* Text of count times the middle. */
static void build(char *buffer, const char *begin, size_t count, const char *middle, const char *end)
{
	char *at = stpcpy(buffer, begin);
	for (size_t i = 0; i < count; i++)
		at = stpcpy(at, middle);
	stpcpy(at, end);
}

static void limits(void **state)
{
	(void)state;
	char *text = malloc(DOCUMENT_SIZE_MAX + 4096);
	assert_non_null(text);
	build(text, "Client:\n" SERVER "x: ", DOCUMENT_DEPTH_MAX - 1, "[", "");
	build(text + strlen(text), "", DOCUMENT_DEPTH_MAX - 1, "]", "\n");
	parse(text);
	build(text, "Client:\n" SERVER "x: ", DOCUMENT_DEPTH_MAX, "[", "");
	build(text + strlen(text), "", DOCUMENT_DEPTH_MAX, "]", "\n");
	fails(text, "F line 3 column 35: lists and mappings are nested too deeply");
	build(text, "x: [", DOCUMENT_NODES_MAX - 3, "a,", "]\n");
	fails(text, "F line 1 column 1: Client: expected a mapping, found nothing");
	build(text, "x: [", DOCUMENT_NODES_MAX - 2, "a,", "]\n");
	fails(text, "F line 1 column 32767: more items than a client configuration can have");
	build(text, "Client:\n  server_urls: [", VELOCIRAPTOR_LIST_MAX, "'https://a.test/',", "]\n");
	parse(text);
	assert_int_equal(config.server_count, VELOCIRAPTOR_LIST_MAX);
	build(text, "Client:\n  server_urls: [", VELOCIRAPTOR_LIST_MAX + 1, "'https://a.test/',", "]\n");
	fails(text, "F line 2 column 4625: Client.server_urls: more items than expected");
	build(text, "Client:\n" SERVER "x: &x a\ny: [", DOCUMENT_ALIASES_MAX, "*x ,", "]\n");
	parse(text);
	build(text, "Client:\n" SERVER "x: &x a\ny: [", DOCUMENT_ALIASES_MAX + 1, "*x ,", "]\n");
	fails(text, "F line 4 column 1029: too many aliases");
	build(text, "Client:\n" SERVER "x: [", DOCUMENT_ANCHORS_MAX, "&x a,", "]\n");
	parse(text);
	build(text, "Client:\n" SERVER "x: [", DOCUMENT_ANCHORS_MAX + 1, "&x a,", "]\n");
	fails(text, "F line 3 column 325: too many anchors");
	memset(text, '#', DOCUMENT_SIZE_MAX + 1);
	memcpy(text, "Client:\n" SERVER, strlen("Client:\n" SERVER));
	assert_int_equal(parse_bytes(text, DOCUMENT_SIZE_MAX), 0);
	assert_int_equal(parse_bytes(text, DOCUMENT_SIZE_MAX + 1), -EFBIG);
	assert_string_equal(diag.text, "read F: larger than 1048576 bytes");
	free(text);
}

static void errors(void **state)
{
	(void)state;
	static const char *const rows[][2] = {
		{ "", "F line 1 column 1: Client: expected a mapping, found nothing" },
		{ "---\n---\nClient: {}\n", "F line 2 column 1: Client: expected a mapping, found nothing" },
		{ "# only\n", "F line 1 column 1: Client: expected a mapping, found nothing" },
		{ "client: x\n", "F line 1 column 1: Client: expected a mapping, found nothing" },
		{ "Client:\n", "F line 1 column 1: Client: expected a mapping, found nothing" },
		{ "just words\n", "F line 1 column 1: the file: expected a mapping, found a text" },
		{ "- Client\n", "F line 1 column 1: the file: expected a mapping, found a list" },
		{ "Client: x\n", "F line 1 column 9: Client: expected a mapping, found a text" },
		{ "Client: [x]\n", "F line 1 column 9: Client: expected a mapping, found a list" },
		{ "Client:\n  nonce: x\n",
		  "F line 2 column 3: Client.server_urls: expected a list of URLs, found nothing" },
		{ "Client:\n  server_urls:\n",
		  "F line 2 column 3: Client.server_urls: expected a list of URLs, found nothing" },
		{ "Client:\n  server_urls: []\n",
		  "F line 2 column 16: Client.server_urls: expected a list of URLs, found a list" },
		{ "Client:\n  server_urls: https://a.test/\n",
		  "F line 2 column 16: Client.server_urls: expected a list of URLs, found a text" },
		{ "Client:\n  server_urls:\n    https: //a.test/\n",
		  "F line 3 column 5: Client.server_urls: expected a list of URLs, found a mapping" },
		{ "Client:\n  server_urls:\n  - https://a.test/\n  -\n",
		  "F line 4 column 4: Client.server_urls: expected a URL, found nothing" },
		{ "Client:\n  server_urls:\n  - [https://a.test/]\n",
		  "F line 3 column 5: Client.server_urls: expected a URL, found a list" },
		{ "Client:\n  server_urls:\n  - ftp://a.test/\n",
		  "F line 3 column 5: Client.server_urls: URL 'ftp://a.test/': not https://, http://, wss:// or ws://" },
		{ "Client:\n  server_urls:\n  - https://a.test:0/\n",
		  "F line 3 column 5: Client.server_urls: URL 'https://a.test:0/': the port must be 1 to 65535" },
		{ "Client:\n  server_urls:\n  - \"https://a\\e[2J.test/\"\n",
		  "F line 3 column 5: Client.server_urls: URL 'https://a?[2J.test/': blanks, control and non-ASCII "
		  "characters can't be in a URL" },
		{ "Client:\n  server_urls:\n  - https://user:secret@a.test/\n",
		  "F line 3 column 5: Client.server_urls: expected a URL without user name and '@'" },
		{ "Client:\n" SERVER SERVER, "F line 3 column 3: Client.server_urls: given twice" },
		{ "Client:\n" SERVER "  nonce: a\nClient:\n" SERVER, "F line 4 column 1: Client: given twice" },
		{ "Client:\n" SERVER "  Crypto: {root_certs: '', root_certs: ''}\n",
		  "F line 3 column 28: Client.Crypto.root_certs: given twice" },
		{ "Client:\n\tserver_urls:\n", "F line 2 column 1: found character that cannot start any token" },
		{ "Client:\n\t\n" SERVER, "F line 2 column 1: found character that cannot start any token" },
		{ "Client:\n" SERVER " nonce: x\n", "F line 3 column 2: did not find expected key" },
		{ "Client:\n  nonce: \"x\n", "F line 3 column 1: found unexpected end of stream" },
		{ "Client: {nonce: x\n", "F line 2 column 1: did not find expected ',' or '}'" },
		{ "Client:\n  nonce: 'x'y\n", "F line 2 column 13: did not find expected key" },
		{ "Client:\n  nonce: \"\\q\"\n", "F line 2 column 11: found unknown escape character" },
		{ "Client:\n  a: b: c\n", "F line 2 column 7: mapping values are not allowed in this context" },
		{ "Client:\n  nonce: \xff\n", "F line 2 column 10: invalid leading UTF-8 octet" },
		{ "Client:\n  nonce: a\x01\n", "F line 2 column 11: control characters are not allowed" },
		{ "%YAML 9.9\n---\nClient:\n", "F line 1 column 1: found incompatible YAML document" },
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		fails(rows[i][0], rows[i][1]);
	assert_int_equal(parse_bytes("Client:\n\0", 9), -EBADMSG);
	assert_string_equal(diag.text, "F line 2 column 1: control characters are not allowed");
}

/* ---- where it is ---- */

static char folder[] = "/tmp/quarbox-velociraptor-XXXXXX";

static const char *write_file(const char *name, const char *text)
{
	static char paths[4][64];
	static size_t next;
	char *path = paths[next++ % 4];
	snprintf(path, sizeof paths[0], "%s/%s", folder, name);
	FILE *file = fopen(path, "w");
	assert_non_null(file);
	fputs(text, file);
	assert_int_equal(fclose(file), 0);
	return path;
}

static const char *first_found(const struct velociraptor_sources *sources)
{
	velociraptor_config_fini(&config);
	int result = velociraptor_config_find(sources, &config, &diag);
	if (result == 0)
		return "none";
	return result < 0 ? diag.text : config.servers[0].host;
}

static void sources(void **state)
{
	(void)state;
	assert_non_null(mkdtemp(folder));
	const char *named = write_file("named", "Client: {server_urls: [https://named/]}\n");
	const char *usual = write_file("usual", "Client: {server_urls: [https://usual/]}\n");
	const char *other = write_file("other", "Client: {server_urls: [https://other/]}\n");
	const char *literal = "Client: {server_urls: [https://literal/]}\n";
	assert_string_equal(first_found(&(struct velociraptor_sources){ named, usual, other, literal }), "named");
	assert_string_equal(first_found(&(struct velociraptor_sources){ NULL, usual, other, literal }), "usual");
	assert_string_equal(first_found(&(struct velociraptor_sources){ "", "/nowhere", other, literal }), "other");
	assert_string_equal(first_found(&(struct velociraptor_sources){ NULL, "/nowhere", "", literal }), "literal");
	assert_string_equal(first_found(&(struct velociraptor_sources){ NULL, "/nowhere", NULL, "" }), "none");
	assert_string_equal(first_found(&(struct velociraptor_sources){ NULL, NULL, NULL, "Client: x\n" }),
			    "$VELOCIRAPTOR_LITERAL_CONFIG line 1 column 9: Client: expected a mapping, found a text");
	assert_string_equal(first_found(&(struct velociraptor_sources){ "/nowhere", usual, other, literal }),
			    "open /nowhere: No such file or directory");
	assert_string_equal(first_found(&(struct velociraptor_sources){ NULL, NULL, "/nowhere", literal }),
			    "open /nowhere: No such file or directory");
	assert_string_equal(first_found(&(struct velociraptor_sources){ "/tmp", usual, NULL, NULL }),
			    "read /tmp: not a regular file");
	assert_int_equal(chmod(usual, 0777), 0);
	assert_string_equal(first_found(&(struct velociraptor_sources){ NULL, usual, NULL, NULL }), "usual");
	assert_int_equal(truncate(usual, DOCUMENT_SIZE_MAX + 1), 0);
	velociraptor_config_fini(&config);
	assert_int_equal(velociraptor_config_read(usual, &config, &diag), -EFBIG);
	unlink(named);
	unlink(usual);
	unlink(other);
	assert_int_equal(rmdir(folder), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(emitted),     cmocka_unit_test(edited),	 cmocka_unit_test(servers),
		cmocka_unit_test(booleans),    cmocka_unit_test(texts),		 cmocka_unit_test(certificates),
		cmocka_unit_test(thumbprints), cmocka_unit_test(fallbacks),	 cmocka_unit_test(proxies),
		cmocka_unit_test(proxy_sections), cmocka_unit_test(proxy_rules), cmocka_unit_test(environments),
		cmocka_unit_test(constructs),  cmocka_unit_test(aliases),	 cmocka_unit_test(limits),
		cmocka_unit_test(errors),      cmocka_unit_test(sources),
	};
	return cmocka_run_group_tests_name("velociraptor_config", tests, NULL, release);
}
