/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Addresses to text and back, against the C library's inet_pton and inet_ntop, which nft uses too. */
#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/address.h"

static void assert_formats_as_system(const struct address *address)
{
	char wanted[INET6_ADDRSTRLEN];
	char got[ADDRESS_TEXT_SIZE];
	struct text text = TEXT_ON(got);
	struct address again;
	assert_non_null(inet_ntop(address->family, address->bytes, wanted, sizeof wanted));
	address_format(address, &text);
	assert_string_equal(got, wanted);
	assert_false(text.cut);
	assert_true(address_parse(got, &again));
	assert_true(address_equal(address, &again));
}

static void ipv4_round_trip(void **state)
{
	(void)state;
	srand(2);
	for (int i = 0; i < 20000; i++) {
		struct address address = { .family = AF_INET };
		for (size_t k = 0; k < 4; k++)
			address.bytes[k] = (uint8_t)(rand() % 4 ? rand() : 255 * (rand() & 1));
		assert_formats_as_system(&address);
	}
}

static bool is_mapped(const struct address *address)
{
	static const uint8_t prefix[12] = { [10] = 0xff, [11] = 0xff };
	return memcmp(address->bytes, prefix, sizeof prefix) == 0;
}

/* Every pattern of zero and non-zero groups, with groups of one to four digits. */
static void ipv6_zero_runs(void **state)
{
	(void)state;
	static const uint16_t groups[] = { 1, 0x10, 0x203, 0xffff };
	for (unsigned pattern = 0; pattern < 256; pattern++) {
		for (size_t k = 0; k < sizeof groups / sizeof *groups; k++) {
			struct address address = { .family = AF_INET6 };
			for (size_t group = 0; group < 8; group++) {
				uint16_t value = pattern >> group & 1 ? groups[k] : 0;
				address.bytes[2 * group] = (uint8_t)(value >> 8);
				address.bytes[2 * group + 1] = (uint8_t)value;
			}
			if (!is_mapped(&address))
				assert_formats_as_system(&address);
		}
	}
}

static void ipv6_round_trip(void **state)
{
	(void)state;
	srand(3);
	for (int i = 0; i < 20000; i++) {
		struct address address = { .family = AF_INET6 };
		for (size_t k = 0; k < 16; k++)
			address.bytes[k] = (uint8_t)(rand() % 3 ? 0 : rand());
		if (!is_mapped(&address))
			assert_formats_as_system(&address);
	}
}

static void mapped_is_ipv4(void **state)
{
	(void)state;
	static const char *const forms[] = { "::ffff:192.0.2.1", "::FFFF:c000:201", "0:0:0:0:0:ffff:192.0.2.1", "192.0.2.1" };
	struct address wanted;
	assert_true(address_parse("192.0.2.1", &wanted));
	assert_int_equal(wanted.family, AF_INET);
	for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
		struct address address;
		memset(&address, 0xee, sizeof address);
		assert_true(address_parse(forms[i], &address));
		assert_memory_equal(&address, &wanted, sizeof wanted);
	}
}

static void refuses(void **state)
{
	(void)state;
	static const char *const bad[] = {
		"", " ", "1", "1.2.3", "1.2.3.4.5", "1.2.3.256", "01.2.3.4", "1.2.3.04", "1.2.3.4 ", " 1.2.3.4", "1.2.3.-4",
		"0x7f.1", "1.2.3.4/8", "1.2.3.4:80", ":", ":::", "1::2::3", "1:2:3:4:5:6:7", "1:2:3:4:5:6:7:8:9", "12345::",
		"g::", "[::1]", "fe80::1%lo", "::1%", "::1/64", "::1.2.3", "::1.2.3.256", "1:2:3:4:5:6:7:", ":1:2:3:4:5:6:7",
		"localhost", "::ffff:1.2.3.4%1",
	};
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		struct address address = { .family = 77 };
		if (address_parse(bad[i], &address))
			fail_msg("'%s' was accepted", bad[i]);
		assert_int_equal(address.family, 77); /* set only on success */
	}
}

static void endpoints(void **state)
{
	(void)state;
	static const struct {
		const char *address;
		uint16_t port;
		const char *wanted;
	} rows[] = {
		{ "192.0.2.1", 443, "192.0.2.1:443" },
		{ "255.255.255.255", 65535, "255.255.255.255:65535" },
		{ "2001:db8::1", 1, "[2001:db8::1]:1" },
		{ "1111:2222:3333:4444:5555:6666:7777:8888", 65535, "[1111:2222:3333:4444:5555:6666:7777:8888]:65535" },
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct endpoint endpoint = { .port = rows[i].port };
		char got[ENDPOINT_TEXT_SIZE];
		struct text text = TEXT_ON(got);
		struct sockaddr_storage storage;
		assert_true(address_parse(rows[i].address, &endpoint.address));
		endpoint_format(&endpoint, &text);
		assert_string_equal(got, rows[i].wanted);
		socklen_t length = endpoint_to_sockaddr(&endpoint, &storage);
		assert_int_equal(storage.ss_family, endpoint.address.family);
		if (storage.ss_family == AF_INET) {
			assert_int_equal(length, sizeof(struct sockaddr_in));
			assert_memory_equal(&((struct sockaddr_in *)&storage)->sin_addr, endpoint.address.bytes, 4);
		} else {
			assert_int_equal(length, sizeof(struct sockaddr_in6));
			assert_memory_equal(&((struct sockaddr_in6 *)&storage)->sin6_addr, endpoint.address.bytes, 16);
		}
		assert_int_equal(ntohs(((struct sockaddr_in *)&storage)->sin_port), rows[i].port); /* the same place in both */
	}
}

static void kinds(void **state)
{
	(void)state;
	enum { LOOPBACK = 1, UNSPECIFIED = 2, MULTICAST = 4 };
	static const struct {
		const char *address;
		int kind;
	} rows[] = {
		{ "127.0.0.1", LOOPBACK }, { "127.255.0.53", LOOPBACK }, { "::1", LOOPBACK }, { "::ffff:127.0.0.1", LOOPBACK },
		{ "126.255.255.255", 0 }, { "128.0.0.1", 0 }, { "::2", 0 }, { "1::1", 0 }, { "0.0.0.0", UNSPECIFIED },
		{ "::", UNSPECIFIED }, { "0.0.0.1", 0 }, { "224.0.0.1", MULTICAST }, { "239.255.255.255", MULTICAST },
		{ "240.0.0.1", 0 }, { "223.255.255.255", 0 }, { "255.255.255.255", MULTICAST }, { "255.255.255.254", 0 },
		{ "ff02::1", MULTICAST }, { "fe80::1", 0 }, { "192.0.2.1", 0 }, { "2001:db8::1", 0 },
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct address address;
		assert_true(address_parse(rows[i].address, &address));
		int kind = (address_is_loopback(&address) ? LOOPBACK : 0) |
			   (address_is_unspecified(&address) ? UNSPECIFIED : 0) |
			   (address_is_multicast(&address) ? MULTICAST : 0);
		assert_int_equal(kind, rows[i].kind);
	}
}

static void equality_minds_the_family(void **state)
{
	(void)state;
	struct address ipv4;
	struct address ipv6;
	struct address other;
	assert_true(address_parse("32.1.13.184", &ipv4)); /* the first bytes of 2001:db8:: */
	assert_true(address_parse("2001:db8::", &ipv6));
	assert_true(address_parse("2001:db8::1", &other));
	assert_false(address_equal(&ipv4, &ipv6));
	assert_false(address_equal(&ipv6, &other));
	assert_true(address_equal(&ipv6, &ipv6));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ipv4_round_trip), cmocka_unit_test(ipv6_zero_runs), cmocka_unit_test(ipv6_round_trip),
		cmocka_unit_test(mapped_is_ipv4),  cmocka_unit_test(refuses),	     cmocka_unit_test(endpoints),
		cmocka_unit_test(kinds),	   cmocka_unit_test(equality_minds_the_family),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
