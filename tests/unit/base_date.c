/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Dates, lengths of time, and the lines that applets say for people. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <string.h>

#include "base/date.h"
#include "base/item.h"

static void dates(void **state)
{
	(void)state;
	static const struct {
		int64_t seconds;
		const char *day;
		const char *minute;
	} cases[] = {
		{ 0, "1970-01-01", "1970-01-01 00:00 UTC" },
		{ 951782400, "2000-02-29", "2000-02-29 00:00 UTC" },
		{ 1795730219, "2026-11-26", "2026-11-26 21:56 UTC" },
		{ -1, "1969-12-31", "1969-12-31 23:59 UTC" },
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		char got[64];
		struct text text = TEXT_ON(got);
		date_format(cases[i].seconds, &text);
		assert_string_equal(got, cases[i].day);
		text = TEXT_ON(got);
		date_time_format(cases[i].seconds, &text);
		assert_string_equal(got, cases[i].minute);
	}
}

static void lengths_of_time(void **state)
{
	(void)state;
	static const struct {
		uint64_t seconds;
		const char *wanted;
	} cases[] = {
		{ 0, "0s" },	   { 59, "59s" },	{ 60, "1m" },	      { 725, "12m 5s" },
		{ 3600, "1h" },	   { 3601, "1h" },	{ 7 * 86400, "7d" },  { 7 * 86400 + 3 * 3600 + 1, "7d 3h" },
		{ 86401, "1d" },   { 86460, "1d" },	{ 365 * 86400 - 1, "364d 23h" },
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		char got[64];
		struct text text = TEXT_ON(got);
		duration_format(cases[i].seconds, &text);
		assert_string_equal(got, cases[i].wanted);
	}
}

/* Words of any lengths: each line has at most 79 columns, and no word is lost. */
static void lines_are_wrapped(void **state)
{
	(void)state;
	for (size_t word = 1; word < 200; word++) {
		char words[1024] = "";
		char got[4096];
		struct text text = TEXT_ON(got);
		size_t letters = 0;
		for (size_t i = 0; i < 4; i++) {
			memset(words + strlen(words), 'a', word);
			strcat(words, i < 3 ? " " : "");
		}
		item_format(&text, "label", words);
		assert_false(text.cut);
		assert_memory_equal(got, "  label       a", 15);
		for (const char *at = got; *at; at = strchr(at, '\n') + 1)
			assert_true(strchr(at, '\n') - at <= 79);
		for (const char *at = got + 14; *at; at++)
			letters += *at == 'a';
		assert_int_equal(letters, 4 * word);
	}
}

static void names_are_no_commands(void **state)
{
	(void)state;
	char got[256];
	struct text text = TEXT_ON(got);
	item_format(&text, "", "a\33[2Jb\n\xc3\xa4");
	assert_string_equal(got, "              a?[2Jb???\n");
	text = TEXT_ON(got);
	item_format(&text, "nothing", "");
	assert_string_equal(got, "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(dates),
		cmocka_unit_test(lengths_of_time),
		cmocka_unit_test(lines_are_wrapped),
		cmocka_unit_test(names_are_no_commands),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
