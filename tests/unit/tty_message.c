/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What of a message reaches a terminal. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "base/deadline.h"
#include "tty/message.h"

#define BIDI_LRE "\xe2\x80\xaa"
#define BIDI_RLO "\xe2\x80\xae"
#define BIDI_LRI "\xe2\x81\xa6"
#define BIDI_PDI "\xe2\x81\xa9"

struct message_case {
	const char *in;
	const char *out;
};

static const struct message_case cases[] = {
	{ "plain words", "plain words" },
	{ "", "" },
	{ "  at both ends \n", "at both ends" },
	{ "one\ntwo\tthree", "one two three" },
	{ "one\r\ntwo", "one two" },
	{ "bell\a back\b del\x7f nul\x01", "bell back del nul" },
	/* control sequences, 7-bit and C1 */
	{ "\x1b[31mred\x1b[0m", "red" },
	{ "\x1b[2J\x1b[1;1Hhome", "home" },
	{ "\x1b[?1049hx", "x" },
	{ "\x1b[1 qx", "x" },
	{ "\xc2\x9b" "31mred", "red" },
	{ "cut\x1b[31", "cut" },
	{ "cut\x1b[", "cut" },
	{ "cut\x1b", "cut" },
	{ "\x1b[31\x1b[32mgreen", "green" },
	{ "\x1b[31\xc3\xa9t", "\xc3\xa9t" }, /* broken by a character that can't be in it */
	{ "\x1b\x1b[31mx", "x" },
	/* command strings with each of their ends */
	{ "\x1b]0;title\ax", "x" },
	{ "\x1b]0;title\x1b\\x", "x" },
	{ "\x1b]0;title\xc2\x9cx", "x" },
	{ "\x1b]0;title\x18x", "x" },
	{ "\xc2\x9d" "0;title\ax", "x" },
	{ "\x1bP+q544e\x1b\\x", "x" },
	{ "\x1b_apc\x1b\\\x1b^pm\x1b\\\x1bXsos\x1b\\x", "x" },
	{ "\x1b]52;c;ZXZpbA==", "52;c;ZXZpbA==" }, /* no end: the terminal never sees the introducer */
	{ "\x1b]a\x1b]b", "ab" },
	/* other escape sequences */
	{ "\x1b" "cx", "x" },
	{ "\x1b(0x", "x" },
	{ "\x1b#8x", "x" },
	{ "\x1b" "7x\x1b" "8", "x" },
	{ "\x1bMx", "x" },
	/* C1 as UTF-8, and as bytes that are no UTF-8 */
	{ "a\xc2\x80" "b\xc2\x85" "c\xc2\x9f" "d", "abcd" },
	{ "a\xc2\xa0z", "a\xc2\xa0z" }, /* U+00A0 is none */
	{ "a\x9b" "31mz", "a?31mz" },
	/* UTF-8 */
	{ "\xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80", "\xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80" },
	{ "\xff\xfe", "??" },
	{ "\xc0\xaf", "??" }, /* overlong */
	{ "\xed\xa0\x80", "???" }, /* surrogate */
	{ "\xe2\x82", "??" },
	{ "\xf4\x90\x80\x80", "????" },
	{ "\xef\xbf\xbd", "\xef\xbf\xbd" }, /* a U+FFFD that was there stays */
	{ "\xc2", "?" },
	/* bidirectional controls */
	{ BIDI_RLO "txt.exe" BIDI_LRE, "txt.exe" },
	{ BIDI_LRI "x" BIDI_PDI, "x" },
	{ "\xe2\x80\xa9\xe2\x80\xaf\xe2\x81\xa5\xe2\x81\xaa", "\xe2\x80\xa9\xe2\x80\xaf\xe2\x81\xa5\xe2\x81\xaa" },
};

static void test_table(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		char out[TTY_MESSAGE_SIZE];
		struct text text = TEXT_ON(out);
		assert_true(tty_message_clean(cases[i].in, strlen(cases[i].in), &text));
		assert_string_equal(out, cases[i].out);
		assert_int_equal(text.length, strlen(cases[i].out));
	}
}

static void test_embedded_nul(void **state)
{
	(void)state;
	char out[TTY_MESSAGE_SIZE];
	struct text text = TEXT_ON(out);
	assert_true(tty_message_clean("a\0b", 3, &text));
	assert_string_equal(out, "ab");
}

/* count times the character, then the tail; what comes out must be 255 of them, whole. */
static void check_cut(const char *character, size_t count, const char *tail, bool complete)
{
	size_t size = strlen(character);
	char *in = calloc(count * size + strlen(tail) + 1, 1);
	assert_non_null(in);
	for (size_t i = 0; i < count; i++)
		memcpy(in + i * size, character, size);
	strcpy(in + count * size, tail);
	char out[TTY_MESSAGE_SIZE];
	struct text text = TEXT_ON(out);
	bool result = tty_message_clean(in, strlen(in), &text);
	assert_int_equal(result, complete);
	assert_int_equal(text.length, (count < 255 ? count : 255) * size);
	assert_memory_equal(out, in, text.length);
	assert_false(text.cut);
	free(in);
}

static void test_boundary(void **state)
{
	(void)state;
	static const char *const characters[] = { "a", "\xc3\xa9", "\xe2\x82\xac", "\xf0\x9f\x98\x80" };
	for (size_t i = 0; i < 4; i++) {
		check_cut(characters[i], 254, "", true);
		check_cut(characters[i], 255, "", true);
		check_cut(characters[i], 255, "\n", true);
		check_cut(characters[i], 255, " \x1b[0m ", true);
		check_cut(characters[i], 256, "", false);
		check_cut(characters[i], 255, "\x1b[0mz", false);
		check_cut(characters[i], 255, "\xff", false);
	}
}

static void test_linear_time(void **state)
{
	(void)state;
	enum { COUNT = 1 << 20 };
	char *in = malloc(COUNT);
	assert_non_null(in);
	for (size_t i = 0; i < COUNT; i += 2)
		memcpy(in + i, "\x1b]", 2);
	char out[TTY_MESSAGE_SIZE];
	struct text text = TEXT_ON(out);
	int64_t start = monotonic_ms();
	assert_true(tty_message_clean(in, COUNT, &text));
	assert_true(monotonic_ms() - start < 30000); /* quadratic takes minutes */
	assert_int_equal(text.length, 0);
	free(in);
}

/* Whatever comes in, nothing that acts on a terminal comes out. */
static void test_random_bytes(void **state)
{
	(void)state;
	static const char alphabet[] = "\x1b\x1b[]PX^_0;?m\a\x18\\\xc2\x9b\x9c\x80\x85\xe2\x80\xaa\xae\xf0 a\n\t\x7f";
	uint32_t seed = 1;
	for (int round = 0; round < 20000; round++) {
		char in[40];
		for (size_t i = 0; i < sizeof in; i++) {
			seed = seed * 1664525u + 1013904223u;
			in[i] = alphabet[(seed >> 16) % (sizeof alphabet - 1)];
		}
		char out[TTY_MESSAGE_SIZE];
		struct text text = TEXT_ON(out);
		tty_message_clean(in, sizeof in, &text);
		for (size_t i = 0; i < text.length;) {
			size_t count = text_utf8_length(out + i, text.length - i);
			unsigned char first = (unsigned char)out[i];
			assert_true(count > 1 || (first >= ' ' && first < 0x7f));
			assert_false(count == 2 && first == 0xc2 && (unsigned char)out[i + 1] < 0xa0);
			i += count;
		}
	}
}

static void test_compose(void **state)
{
	(void)state;
	char out[TTY_BROADCAST_SIZE];
	struct text text = TEXT_ON(out);
	tty_message_compose("hello", "router", 1700000000, &text);
	assert_string_equal(out, "\r\n\aMessage from quarbox on router (2023-11-14 22:13 UTC):\r\nhello\r\n\r\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_table),	     cmocka_unit_test(test_embedded_nul),
		cmocka_unit_test(test_boundary),     cmocka_unit_test(test_linear_time),
		cmocka_unit_test(test_random_bytes), cmocka_unit_test(test_compose),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
