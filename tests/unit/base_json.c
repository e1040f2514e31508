/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Whatever goes in, RFC 8259 comes out; checked by a strict reader of this file's own. */
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/json.h"

/* ---- the reader: each function takes what it knows from *at, false when it is not there ---- */

static bool take(const char **at, const char *word)
{
	size_t length = strlen(word);
	bool found = strncmp(*at, word, length) == 0;
	*at += found ? length : 0;
	return found;
}

static bool take_unicode(const char **at, char *decoded, size_t *length)
{
	unsigned value = 0;
	for (int i = 0; i < 4; i++, ++*at) {
		const char *digit = **at ? strchr("0123456789abcdef", **at) : NULL;
		if (!digit)
			return false;
		value = value * 16 + (unsigned)(digit - "0123456789abcdef");
	}
	if (value == 0xfffd) {
		memcpy(decoded + *length, "\xef\xbf\xbd", 3);
		*length += 3;
		return true;
	}
	decoded[(*length)++] = (char)value;
	return value < 0x20 || value == 0x7f; /* nothing else needs it */
}

static bool take_string(const char **at, char *decoded)
{
	size_t length = 0;
	if (!take(at, "\""))
		return false;
	while (**at != '"') {
		unsigned char byte = (unsigned char)**at;
		if (byte < 0x20 || byte == 0x7f)
			return false;
		if (take(at, "\\u")) {
			if (!take_unicode(at, decoded, &length))
				return false;
		} else if (byte == '\\') {
			const char *escape = (*at)[1] ? strchr("\"\\n", (*at)[1]) : NULL;
			if (!escape)
				return false;
			decoded[length++] = *escape == 'n' ? '\n' : *escape;
			*at += 2;
		} else {
			size_t count = text_utf8_length(*at, strlen(*at));
			if (byte >= 0x80 && count == 1)
				return false;
			memcpy(decoded + length, *at, count);
			length += count;
			*at += count;
		}
	}
	decoded[length] = '\0';
	return take(at, "\"");
}

/* The value of the only member, named "v". */
static void decode(const char *object, char *decoded)
{
	assert_true(take(&object, "{\"v\":"));
	if (!take_string(&object, decoded))
		fail_msg("not a JSON string: %s", object);
	assert_string_equal(object, "}\n");
}

/* ---- tests ---- */

static void encode_and_decode(const char *value, char *decoded)
{
	char object[8192];
	struct text text = TEXT_ON(object);
	json_begin(&text);
	json_string(&text, "v", value);
	json_end(&text);
	assert_false(text.cut);
	assert_null(memchr(object, '\n', text.length - 1));
	decode(object, decoded);
}

static void strings(void **state)
{
	(void)state;
	static const char *const rows[][2] = {
		{ "", "" },
		{ "plain", "plain" },
		{ "\"quoted\" \\ / \b\f\n\r\t\x01\x1f\x7f", "\"quoted\" \\ / \b\f\n\r\t\x01\x1f\x7f" },
		{ "\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80", "\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80" },
		{ "a\x80z", "a\xef\xbf\xbdz" },
		{ "\xc3", "\xef\xbf\xbd" },
		{ "\xc0\xaf", "\xef\xbf\xbd\xef\xbf\xbd" },
		{ "\xed\xa0\x80", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd" },
		{ "\xc3\"", "\xef\xbf\xbd\"" },
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		char decoded[256];
		encode_and_decode(rows[i][0], decoded);
		assert_string_equal(decoded, rows[i][1]);
	}
}

static void every_byte_pair(void **state)
{
	(void)state;
	for (unsigned pair = 0x101; pair < 0x10000; pair++) {
		char value[3] = { (char)(pair >> 8), (char)pair, '\0' };
		char decoded[16];
		if (value[0] && value[1])
			encode_and_decode(value, decoded);
	}
}

static void random_bytes(void **state)
{
	(void)state;
	srand(4);
	for (int i = 0; i < 20000; i++) {
		char value[64];
		char decoded[256];
		size_t length = (size_t)rand() % sizeof value;
		for (size_t k = 0; k < length; k++)
			value[k] = (char)(rand() % 255 + 1);
		value[length] = '\0';
		encode_and_decode(value, decoded);
	}
}

static void members(void **state)
{
	(void)state;
	char object[512];
	struct text text = TEXT_ON(object);
	json_begin(&text);
	json_string(&text, "a", "{[");
	json_number(&text, "b", 0);
	json_number(&text, "c", INT64_MIN);
	json_number(&text, "d", INT64_MAX);
	json_bool(&text, "e", true);
	json_bool(&text, "f", false);
	json_array_begin(&text, "g");
	json_array_end(&text);
	json_array_begin(&text, "h");
	json_array_string(&text, "one");
	json_array_string(&text, "[");
	json_array_string(&text, "three");
	json_array_end(&text);
	json_string(&text, "i", "");
	json_end(&text);
	assert_string_equal(object, "{\"a\":\"{[\",\"b\":0,\"c\":-9223372036854775808,\"d\":9223372036854775807,\"e\":true,"
				    "\"f\":false,\"g\":[],\"h\":[\"one\",\"[\",\"three\"],\"i\":\"\"}\n");
}

static void empty_object(void **state)
{
	(void)state;
	char object[8];
	struct text text = TEXT_ON(object);
	json_begin(&text);
	json_end(&text);
	assert_string_equal(object, "{}\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(strings), cmocka_unit_test(every_byte_pair), cmocka_unit_test(random_bytes),
		cmocka_unit_test(members), cmocka_unit_test(empty_object),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
