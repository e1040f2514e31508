/* SPDX-License-Identifier: GPL-2.0-or-later */
/* hosts and resolv.conf as they are found on devices. */
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "net/resolve.h"

static char path[] = "/tmp/quarbox-net-config-XXXXXX";

static int make_file(void **state)
{
	(void)state;
	int fd = mkstemp(path);
	return fd < 0 ? -1 : close(fd);
}

static int remove_file(void **state)
{
	(void)state;
	return unlink(path);
}

static void write_bytes(const char *bytes, size_t count)
{
	FILE *file = fopen(path, "w");
	assert_non_null(file);
	assert_int_equal(fwrite(bytes, 1, count, file), count);
	assert_int_equal(fclose(file), 0);
}

static struct resolver_config read_config(const char *text)
{
	struct resolver_config config;
	struct diag diag;
	write_bytes(text, strlen(text));
	assert_int_equal(resolver_config_read(path, &config, &diag), 0);
	return config;
}

static void assert_same(const struct address *address, const char *expected)
{
	struct address parsed;
	assert_true(address_parse(expected, &parsed));
	assert_memory_equal(address, &parsed, sizeof parsed);
}

static struct resolved look_up(const char *name)
{
	struct resolved resolved;
	struct diag diag;
	memset(&resolved, 0x55, sizeof resolved);
	assert_int_equal(hosts_lookup(path, name, &resolved, &diag), 0);
	return resolved;
}

static void test_usual_config(void **state)
{
	(void)state;
	struct resolver_config config = read_config("# Generated\n; by somebody\n"
						    "nameserver 192.0.2.1\n"
						    "\tnameserver\t2001:db8::53 # second\n"
						    "nameserver 192.0.2.1\r\n"
						    "search lan. example.com\n"
						    "options ndots:2 timeout:7 attempts:4 rotate edns0\n");
	assert_int_equal(config.server_count, 2);
	assert_same(&config.servers[0], "192.0.2.1");
	assert_same(&config.servers[1], "2001:db8::53");
	assert_int_equal(config.search_count, 2);
	assert_string_equal(config.search[0], "lan");
	assert_string_equal(config.search[1], "example.com");
	assert_int_equal(config.ndots, 2);
	assert_int_equal(config.timeout, 7);
	assert_int_equal(config.attempts, 4);
	assert_int_equal(config.port, 53);
}

static void test_defaults(void **state)
{
	(void)state;
	struct resolver_config config = read_config("");
	assert_int_equal(config.server_count, 1);
	assert_same(&config.servers[0], "127.0.0.1");
	assert_int_equal(config.search_count, 0);
	assert_int_equal(config.ndots, 1);
	assert_int_equal(config.timeout, 2);
	assert_int_equal(config.attempts, 3);
	struct diag diag;
	memset(&config, 0x55, sizeof config);
	assert_int_equal(resolver_config_read("/nonexistent/resolv.conf", &config, &diag), 0);
	assert_int_equal(config.server_count, 1);
	assert_same(&config.servers[0], "127.0.0.1");
}

static void test_odd_config(void **state)
{
	(void)state;
	struct resolver_config config = read_config("nameserver\n192.0.2.9\n" /* no value; then an unknown keyword */
						    "nameserver 300.1.1.1\nnameserver 1.2.3\nnameserver x\n"
						    "Nameserver 192.0.2.8\nnameservers 192.0.2.7\n"
						    "nameserver 192.0.2.1 192.0.2.2\n" /* one a line */
						    "#nameserver 192.0.2.6\n;nameserver 192.0.2.5\n"
						    "domain first.example\nsearch a..b -ok.example 7 b.example\n"
						    "options ndots: timeout:x attempts:-1 ndots:99 timeout:0\n"
						    "options attempts:99999999999999999999 timeout:99 ndots\n"
						    "options\nsearch");
	assert_int_equal(config.server_count, 1);
	assert_same(&config.servers[0], "192.0.2.1");
	assert_int_equal(config.search_count, 0); /* the last line has none */
	assert_int_equal(config.ndots, 15);
	assert_int_equal(config.timeout, 30);
	assert_int_equal(config.attempts, 3);
	config = read_config("options timeout:0 attempts:0\nsearch a..b 7 b.example # c.example\n");
	assert_int_equal(config.timeout, 1);
	assert_int_equal(config.attempts, 1);
	assert_int_equal(config.search_count, 1);
	assert_string_equal(config.search[0], "b.example");
	config = read_config("search a.example\ndomain b.example\n");
	assert_int_equal(config.search_count, 1);
	assert_string_equal(config.search[0], "b.example");
}

static void test_too_many(void **state)
{
	(void)state;
	char text[1024] = "search";
	for (int i = 0; i < 9; i++)
		sprintf(text + strlen(text), " s%d.example", i);
	for (int i = 0; i < 12; i++)
		sprintf(text + strlen(text), "\nnameserver 192.0.2.%d", i);
	struct resolver_config config = read_config(text);
	assert_int_equal(config.server_count, RESOLVERS_MAX);
	assert_same(&config.servers[RESOLVERS_MAX - 1], "192.0.2.7");
	assert_int_equal(config.search_count, RESOLVER_SEARCH_MAX);
	assert_string_equal(config.search[5], "s5.example");
}

static void test_zones(void **state)
{
	(void)state;
	struct resolver_config config = read_config("nameserver fe80::1%lo\nnameserver fe80::1%7\n"
						    "nameserver fe80::2%nosuch0\nnameserver 2001:db8::1%lo\n"
						    "nameserver fe80::3\n");
	assert_int_equal(config.server_count, 5);
	assert_same(&config.servers[0], "fe80::1");
	assert_int_equal(config.zone[0], if_nametoindex("lo"));
	assert_int_equal(config.zone[1], 7);
	assert_int_equal(config.zone[2], 0);
	assert_same(&config.servers[3], "2001:db8::1");
	assert_int_equal(config.zone[3], 0);
	assert_int_equal(config.zone[4], 0);
}

static void test_config_that_is_refused(void **state)
{
	(void)state;
	static char big[16385];
	struct resolver_config config;
	struct diag diag;
	memset(big, '\n', sizeof big);
	write_bytes(big, sizeof big);
	assert_int_equal(resolver_config_read(path, &config, &diag), -EFBIG);
	assert_non_null(strstr(diag.text, path));
	write_bytes(big, sizeof big - 1);
	assert_int_equal(resolver_config_read(path, &config, &diag), 0);
	assert_int_equal(resolver_config_read("/tmp", &config, &diag), -EINVAL);
	unlink(path);
	assert_int_equal(mkfifo(path, 0600), 0);
	assert_int_equal(resolver_config_read(path, &config, &diag), -EINVAL); /* and does not hang */
	unlink(path);
	write_bytes("", 0);
}

/* Words and comments across the reader's buffer, NUL bytes, no final newline. */
static void test_strange_bytes(void **state)
{
	(void)state;
	for (size_t pad = 1000; pad < 1060; pad++) {
		char text[2048];
		memset(text, 'x', pad);
		text[0] = '#';
		sprintf(text + pad, "\nnameserver 192.0.2.1\noptions ndots:5");
		struct resolver_config config = read_config(text);
		assert_int_equal(config.server_count, 1);
		assert_same(&config.servers[0], "192.0.2.1");
		assert_int_equal(config.ndots, 5);
	}
	static const char nul[] = "nameserver\0 192.0.2.1\nnameserver 192.0.2.2\0\nnameserver 192.0.2.3";
	struct resolver_config config;
	struct diag diag;
	write_bytes(nul, sizeof nul - 1);
	assert_int_equal(resolver_config_read(path, &config, &diag), 0);
	assert_same(&config.servers[config.server_count - 1], "192.0.2.3");
}

static void test_hosts(void **state)
{
	(void)state;
	static const char text[] = "127.0.0.1 localhost\n"
				   "::1 localhost ip6-localhost # vr.commented\n"
				   "#192.0.2.66 vr.example.com\n"
				   "192.0.2.2\tother VR.example.com. # x\n"
				   "2001:db8::2 vr.example.com\n"
				   "192.0.2.1 vr.example.com vr.example.com\n"
				   "fe80::1%lo zoned.example.com\n"
				   "nonsense vr.example.com\n"
				   "192.0.2.3 xvr.example.com vr.example.comx vr.example.co\n"
				   "192.0.2.4\nlone.example.com\n"
				   "0.0.0.0 blocked.example.com";
	write_bytes(text, sizeof text - 1);
	struct resolved found = look_up("vr.example.com");
	assert_int_equal(found.count, 3);
	assert_true(found.from_hosts);
	assert_int_equal(found.dropped, 0);
	assert_same(&found.addresses[0], "192.0.2.1");
	assert_same(&found.addresses[1], "192.0.2.2");
	assert_same(&found.addresses[2], "2001:db8::2");
	assert_int_equal(look_up("Vr.Example.Com.").count, 3);
	assert_int_equal(look_up("localhost").count, 2);
	assert_int_equal(look_up("blocked.example.com").count, 1);
	static const char *const absent[] = { "vr.commented", "zoned.example.com", "lone.example.com", "example.com",
					      "192.0.2.1", "nonsense" };
	for (size_t i = 0; i < sizeof absent / sizeof *absent; i++) {
		found = look_up(absent[i]);
		assert_int_equal(found.count, 0);
		assert_false(found.from_hosts);
	}
}

static void test_hosts_errors(void **state)
{
	(void)state;
	struct resolved found = { .count = 7 };
	struct diag diag;
	assert_int_equal(hosts_lookup("/nonexistent/hosts", "a", &found, &diag), 0);
	assert_int_equal(found.count, 0);
	assert_int_equal(hosts_lookup("/dev/zero", "a", &found, &diag), -EINVAL);
}

/* A blocker's list: megabytes, with one line and one word of endless length in it. */
static void test_big_hosts(void **state)
{
	(void)state;
	FILE *file = fopen(path, "w");
	assert_non_null(file);
	for (int i = 0; i < 100000; i++)
		fprintf(file, "0.0.0.0 ad%d.tracker.example\n", i);
	fprintf(file, "192.0.2.1");
	for (int i = 0; i < 1000; i++)
		fprintf(file, " alias%d.example", i);
	fprintf(file, " ");
	for (int i = 0; i < 5000; i++)
		fputs("vr.example.com", file);
	fprintf(file, " vr.example.com\n192.0.2.2 vr.example.com\n");
	assert_int_equal(fclose(file), 0);
	struct resolved found = look_up("vr.example.com");
	assert_int_equal(found.count, 2);
	assert_int_equal(look_up("ad99999.tracker.example").count, 1);
	assert_int_equal(look_up("alias999.example").count, 1);
}

static void test_sorted_and_counted(void **state)
{
	(void)state;
	struct resolved resolved = { 0 };
	for (int i = 0; i < RESOLVED_ADDRESSES_MAX + 3; i++) {
		struct address address = { AF_INET, { 192, 0, 2, (uint8_t)(100 - i) } };
		resolved_add(&resolved, &address);
		resolved_add(&resolved, &address);
	}
	assert_int_equal(resolved.count, RESOLVED_ADDRESSES_MAX);
	assert_int_equal(resolved.dropped, 6);
	for (size_t i = 1; i < resolved.count; i++)
		assert_true(resolved.addresses[i - 1].bytes[3] < resolved.addresses[i].bytes[3]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_usual_config),
		cmocka_unit_test(test_defaults),
		cmocka_unit_test(test_odd_config),
		cmocka_unit_test(test_too_many),
		cmocka_unit_test(test_zones),
		cmocka_unit_test(test_config_that_is_refused),
		cmocka_unit_test(test_strange_bytes),
		cmocka_unit_test(test_hosts),
		cmocka_unit_test(test_hosts_errors),
		cmocka_unit_test(test_big_hosts),
		cmocka_unit_test(test_sorted_and_counted),
	};
	return cmocka_run_group_tests(tests, make_file, remove_file);
}
