/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The formatter says what the C library's does, in buffers of any size; cutting keeps characters whole. */
#include <errno.h>
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/error.h"
#include "base/text.h"

/* Both with the same arguments, into a buffer that fits and into one that does not. */
#define SAME(...) \
	do { \
		char wanted[512]; \
		char whole[512]; \
		char part[8]; \
		struct text all = TEXT_ON(whole); \
		struct text cut = TEXT_ON(part); \
		int length = snprintf(wanted, sizeof wanted, __VA_ARGS__); \
		text_addf(&all, __VA_ARGS__); \
		text_addf(&cut, __VA_ARGS__); \
		assert_string_equal(whole, wanted); \
		assert_int_equal(all.length, length); \
		assert_false(all.cut); \
		assert_int_equal(cut.length, length < 7 ? length : 7); \
		assert_int_equal(cut.cut, length > 7); \
		wanted[cut.length] = '\0'; \
		assert_string_equal(part, wanted); \
	} while (0)

static const long long numbers[] = { 0, 1, -1, 9, 10, -10, 99, 255, 256, 65535, 65536, 1000000007, INT_MAX, INT_MIN, UINT_MAX,
				     LLONG_MAX, LLONG_MIN, LLONG_MAX - 1, LLONG_MIN + 1 };

static void formats_numbers(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
		long long n = numbers[i];
		SAME("%d %u %x", (int)n, (unsigned)n, (unsigned)n);
		SAME("%ld %lu %lx", (long)n, (unsigned long)n, (unsigned long)n);
		SAME("%lld %llu %llx", n, (unsigned long long)n, (unsigned long long)n);
		SAME("%zu", (size_t)n);
		SAME("[%5d] [%-5d] [%05d] [%25lld] [%-25lld] [%025lld]", (int)n, (int)n, (int)n, n, n, n);
		SAME("[%8x] [%08x] [%-8x] [%02u]", (unsigned)n, (unsigned)n, (unsigned)n, (unsigned)n);
		SAME("[%*d]", (int)(n & 15), (int)n);
	}
}

static void formats_random_numbers(void **state)
{
	(void)state;
	srand(1);
	for (int i = 0; i < 20000; i++) {
		unsigned long long n = (unsigned long long)rand() << 42 ^ (unsigned long long)rand() << 21 ^ (unsigned)rand();
		n >>= rand() % 64;
		SAME("%lld %llu %llx %d %u %x %zu", (long long)n, n, n, (int)n, (unsigned)n, (unsigned)n, (size_t)n);
	}
}

static void formats_strings(void **state)
{
	(void)state;
	static const char unterminated[4] = { 'a', 'b', 'c', 'd' };
	SAME("%s", "");
	SAME("%s and %s", "one", "two");
	SAME("[%5s] [%-5s] [%2s]", "abc", "abc", "abc");
	SAME("[%.*s] [%.*s] [%.*s]", 0, "abc", 2, "abc", 9, "abc");
	SAME("[%.*s]", 4, unterminated);
	SAME("[%.2s] [%6.2s] [%-6.2s]", "abc", "abc", "abc");
	SAME("%c%c%c [%3c] [%-3c]", 'a', '%', 'z', 'b', 'b');
	SAME("100%% of %s%%", "it");
	SAME("no conversion");
}

static void never_overruns(void **state)
{
	(void)state;
	for (size_t size = 2; size < 40; size++) {
		char *bytes = malloc(size); /* the sanitizer watches its end */
		struct text text = text_on(bytes, size);
		for (int i = 0; i < 10; i++)
			text_addf(&text, "%s:%04d ", "abc", i);
		text_pad_to(&text, 100);
		assert_int_equal(text.length, size - 1);
		assert_int_equal(bytes[text.length], '\0');
		assert_true(text.cut);
		free(bytes);
	}
}

static void collect(struct text *text)
{
	strncat(text->context, text->bytes, text->length);
	text->length = 0;
}

static void any_length_passes_a_small_buffer(void **state)
{
	(void)state;
	for (size_t size = 2; size < 30; size++) {
		char small[32];
		char collected[512] = "";
		char wanted[512] = "";
		struct text text = text_on(small, size);
		text.flush = collect;
		text.context = collected;
		for (int i = 0; i < 30; i++) {
			text_addf(&text, "%d-%s,", i, "word");
			sprintf(wanted + strlen(wanted), "%d-%s,", i, "word");
		}
		collect(&text);
		assert_string_equal(collected, wanted);
		assert_false(text.cut);
	}
}

static void pads_to_columns(void **state)
{
	(void)state;
	char bytes[64];
	struct text text = TEXT_ON(bytes);
	text_add(&text, "ab");
	text_pad_to(&text, 5);
	text_add(&text, "c\nlonger than it");
	text_pad_to(&text, 5);
	text_add(&text, "\n");
	text_pad_to(&text, 3);
	assert_string_equal(bytes, "ab   c\nlonger than it\n   ");
}

static void cuts_between_characters(void **state)
{
	(void)state;
	static const struct {
		const char *string;
		size_t limit;
		size_t prefix;
	} rows[] = {
		{ "", 0, 0 }, { "", 5, 0 }, { "abc", 0, 0 }, { "abc", 2, 2 }, { "abc", 3, 3 }, { "abc", 9, 3 },
		{ "\xc3\xa4", 1, 0 }, { "\xc3\xa4", 2, 2 }, { "a\xc3\xa4", 2, 1 },
		{ "\xe2\x82\xac", 2, 0 }, { "\xe2\x82\xac", 3, 3 },
		{ "\xf0\x9f\x98\x80", 3, 0 }, { "\xf0\x9f\x98\x80z", 4, 4 },
		/* what is no UTF-8 counts byte by byte: lone and missing continuations, overlong, surrogate, too high */
		{ "\x80\x80", 1, 1 }, { "\xc3", 1, 1 }, { "\xc3z", 1, 1 }, { "\xe2\x82z", 1, 1 }, { "\xc0\xaf", 1, 1 },
		{ "\xe0\x80\xaf", 2, 2 }, { "\xed\xa0\x80", 2, 2 }, { "\xf4\x90\x80\x80", 3, 3 }, { "\xff\xfe", 1, 1 },
		{ "\xf0\x80\x80\x80", 1, 1 },
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		assert_int_equal(text_utf8_prefix(rows[i].string, strlen(rows[i].string), rows[i].limit), rows[i].prefix);
}

/* RFC 3629 section 4, as a table of what the first two bytes may be. */
static bool is_character(const unsigned char *bytes, size_t length)
{
	static const unsigned char table[][5] = {
		{ 1, 0x00, 0x7f, 0, 0 },       { 2, 0xc2, 0xdf, 0x80, 0xbf }, { 3, 0xe0, 0xe0, 0xa0, 0xbf },
		{ 3, 0xe1, 0xec, 0x80, 0xbf }, { 3, 0xed, 0xed, 0x80, 0x9f }, { 3, 0xee, 0xef, 0x80, 0xbf },
		{ 4, 0xf0, 0xf0, 0x90, 0xbf }, { 4, 0xf1, 0xf3, 0x80, 0xbf }, { 4, 0xf4, 0xf4, 0x80, 0x8f },
	};
	for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
		const unsigned char *row = table[i];
		if (length != row[0] || bytes[0] < row[1] || bytes[0] > row[2])
			continue;
		bool good = length == 1 || (bytes[1] >= row[3] && bytes[1] <= row[4]);
		for (size_t k = 2; k < length; k++)
			good &= (bytes[k] & 0xc0) == 0x80;
		return good;
	}
	return false;
}

static void knows_every_character(void **state)
{
	(void)state;
	static const unsigned char thirds[] = { 0x00, 0x7f, 0x80, 0xbf, 0xc0, 0xff };
	for (unsigned first = 0; first < 256; first++) {
		for (unsigned second = 0; second < 256; second++) {
			for (size_t k = 0; k < sizeof thirds; k++) {
				unsigned char bytes[4] = { (unsigned char)first, (unsigned char)second, thirds[k], 0x80 };
				size_t wanted = 1;
				for (size_t length = 2; length <= 4; length++)
					wanted = is_character(bytes, length) ? length : wanted;
				assert_int_equal(text_utf8_length((const char *)bytes, 4), wanted);
				if (wanted > 1)
					assert_int_equal(text_utf8_length((const char *)bytes, wanted - 1), 1);
			}
		}
	}
}

static void copies_what_fits(void **state)
{
	(void)state;
	char buffer[4];
	assert_true(text_copy(buffer, sizeof buffer, "abc"));
	assert_string_equal(buffer, "abc");
	assert_false(text_copy(buffer, sizeof buffer, "abcd"));
	assert_string_equal(buffer, "abc");
	assert_true(text_copy(buffer, sizeof buffer, ""));
	assert_string_equal(buffer, "");
}

static void finds_what_follows(void **state)
{
	(void)state;
	static const char string[] = "dhcp-server:lan";
	assert_ptr_equal(text_after(string, "dhcp-server:"), string + 12);
	assert_ptr_equal(text_after(string, ""), string);
	assert_string_equal(text_after(string, string), "");
	assert_null(text_after(string, "dhcp-server;"));
	assert_null(text_after("dhcp", "dhcp-server:"));
	assert_null(text_after("", "a"));
}

static void hides_controls(void **state)
{
	(void)state;
	char bytes[64];
	struct text text = TEXT_ON(bytes);
	text_add(&text, "a b~\n\r\x1b[31m\x07\t\x7f\xc2\x9b\xff.\n");
	text_hide_controls(&text);
	assert_string_equal(bytes, "a b~\n??[31m?\t????.\n");
}

/* The C library of the tests is glibc, whose words those are that users of Linux know. */
static void knows_the_words_of_errors(void **state)
{
	(void)state;
	static const int met[] = {
		EPERM, ENOENT, EACCES, EINVAL, ENODEV, ENXIO, ENOSPC, EPROTOTYPE, EMSGSIZE, ETIMEDOUT, ECONNREFUSED,
#if CONFIG_LIB_NET || CONFIG_LIB_NETLINK
		EAFNOSUPPORT, EOPNOTSUPP, EROFS, EEXIST, ESTALE, EHOSTUNREACH,
#endif
	};
	for (size_t i = 0; i < sizeof met / sizeof *met; i++) {
		char words[64];
		struct text text = TEXT_ON(words);
		text_add_error(&text, met[i]);
		assert_string_equal(words, strerror(met[i]));
	}
	for (int error = 0; error < 4096; error++) {
		char words[64];
		char number[64];
		struct text text = TEXT_ON(words);
		snprintf(number, sizeof number, "error %d", error);
		text_add_error(&text, error);
		assert_false(text.cut);
		if (strcmp(words, number) != 0)
			assert_string_equal(words, strerror(error));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(formats_numbers),
		cmocka_unit_test(formats_random_numbers),
		cmocka_unit_test(formats_strings),
		cmocka_unit_test(never_overruns),
		cmocka_unit_test(any_length_passes_a_small_buffer),
		cmocka_unit_test(pads_to_columns),
		cmocka_unit_test(cuts_between_characters),
		cmocka_unit_test(knows_every_character),
		cmocka_unit_test(copies_what_fits),
		cmocka_unit_test(finds_what_follows),
		cmocka_unit_test(hides_controls),
		cmocka_unit_test(knows_the_words_of_errors),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
