/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Options on the command line, as getopt_long takes them, and in a file. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/option.h"

struct values {
	bool a;
	bool b;
	const char *table;
	const char *server;
	unsigned repeated;
};

static int count_up(void *field, const char *value, struct diag *diag)
{
	if (strcmp(value, "bad") == 0)
		return diag_fail(diag, EINVAL, "'bad' is bad");
	++*(unsigned *)field;
	return 0;
}

#define FIELD(name) offsetof(struct values, name)
static const struct option_row table[] = {
	OPTION('a', FIELD(a), "all", "", NULL, "everything"),
	OPTION('b', FIELD(b), "both", "", NULL, "this,\nand that"),
	OPTION('t', FIELD(table), "table", "NAME", NULL, "a name"),
	OPTION(0, FIELD(server), "server", "URL", NULL, "only long"),
	OPTION('r', FIELD(repeated), "repeat", "X", count_up, "may be repeated"),
	OPTION_END,
};

enum { WORDS_MAX = 8 };

static void command_lines(void **state)
{
	(void)state;
	static const struct {
		const char *words[WORDS_MAX];
		int operands; /* or -EINVAL */
		struct values values;
		const char *said; /* or the operands, with blanks between them */
	} rows[] = {
		{ { NULL }, 0, { 0 }, "" },
		{ { "-a" }, 0, { .a = true }, "" },
		{ { "-ab" }, 0, { .a = true, .b = true }, "" },
		{ { "-abtNAME" }, 0, { .a = true, .b = true, .table = "NAME" }, "" },
		{ { "-abt", "NAME", "x" }, 1, { .a = true, .b = true, .table = "NAME" }, "x" },
		{ { "-t", "-a" }, 0, { .table = "-a" }, "" },
		{ { "-t", "--" }, 0, { .table = "--" }, "" },
		{ { "-t=x" }, 0, { .table = "=x" }, "" },
		{ { "-ta" }, 0, { .table = "a" }, "" },
		{ { "--all", "--both" }, 0, { .a = true, .b = true }, "" },
		{ { "--table", "NAME" }, 0, { .table = "NAME" }, "" },
		{ { "--table=NAME" }, 0, { .table = "NAME" }, "" },
		{ { "--table=" }, 0, { .table = "" }, "" },
		{ { "--table", "" }, 0, { .table = "" }, "" },
		{ { "--table=a=b" }, 0, { .table = "a=b" }, "" },
		{ { "-t1", "--table", "2", "-t", "3" }, 0, { .table = "3" }, "" },
		{ { "-rx", "-r", "y", "--repeat=z" }, 0, { .repeated = 3 }, "" },
		{ { "one", "-a", "two", "--table", "x", "three" }, 3, { .a = true, .table = "x" }, "one two three" },
		{ { "-a", "--", "-b", "--all", "--" }, 3, { .a = true }, "-b --all --" },
		{ { "-", "" }, 2, { 0 }, "- " },
		{ { "-x" }, -EINVAL, { 0 }, "unknown option '-x'" },
		{ { "-ax" }, -EINVAL, { .a = true }, "unknown option '-x'" },
		{ { "-t" }, -EINVAL, { 0 }, "option -t needs a value: NAME" },
		{ { "-at" }, -EINVAL, { .a = true }, "option -t needs a value: NAME" },
		{ { "--table" }, -EINVAL, { 0 }, "option --table needs a value: NAME" },
		{ { "--all=yes", "--both=no" }, 0, { .a = true }, "" },
		{ { "-ab", "--all=no" }, 0, { .b = true }, "" },
		{ { "--all=" }, -EINVAL, { 0 }, "option --all: '' is neither yes nor no" },
		{ { "--tab", "x" }, -EINVAL, { 0 }, "unknown option '--tab'" },
		{ { "--tables", "x" }, -EINVAL, { 0 }, "unknown option '--tables'" },
		{ { "--=x" }, -EINVAL, { 0 }, "unknown option '--'" },
		{ { "--repeat=bad" }, -EINVAL, { 0 }, "option --repeat: 'bad' is bad" },
		{ { "-rbad" }, -EINVAL, { 0 }, "option --repeat: 'bad' is bad" },
		{ { "x", "-a", "--help" }, -EINVAL, { .a = true }, "" },
		{ { "x", "-h", "-x" }, -EINVAL, { 0 }, "" },
		{ { "-ah", "-b" }, -EINVAL, { .a = true, .b = true }, "" },
		{ { "-th" }, 0, { .table = "h" }, "" },
		{ { "-x", "-y", "-a", "--repeat=bad", "--both" }, -EINVAL, { .a = true, .b = true }, "unknown option '-x'" },
		{ { "-t", "--help", "--table", "-h", "--", "-h" }, 1, { .table = "-h" }, "-h" },
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		char *argv[WORDS_MAX + 2] = { (char *)(uintptr_t) "test" };
		int argc = 1;
		for (; argc <= WORDS_MAX && rows[i].words[argc - 1]; argc++)
			argv[argc] = (char *)(uintptr_t)rows[i].words[argc - 1];
		struct values values = { 0 };
		struct diag diag = { "" };
		int operands = options_parse(table, &values, argc, argv, &diag);
		if (operands != rows[i].operands)
			fail_msg("row %zu: %d, '%s'", i, operands, diag.text);
		char said[256] = "";
		for (int k = 1; k <= operands; k++)
			strcat(strcat(said, k > 1 ? " " : ""), argv[k]);
		assert_string_equal(operands < 0 ? diag.text : said, rows[i].said);
		assert_int_equal(values.a, rows[i].values.a);
		assert_int_equal(values.b, rows[i].values.b);
		assert_int_equal(values.repeated, rows[i].values.repeated);
		assert_string_equal(values.table ? values.table : "(none)", rows[i].values.table ? rows[i].values.table : "(none)");
	}
}

static void configuration_lines(void **state)
{
	(void)state;
	static const struct {
		const char *name;
		const char *value;
		const char *said; /* NULL: good */
	} rows[] = {
		{ "table", "x", NULL }, { "all", "", NULL }, { "all", NULL, NULL }, { "all", "yes", NULL },
		{ "all", "true", "option --all: 'true' is neither yes nor no" }, { "table", "", "option 'table' needs a value: NAME" },
		{ "table", NULL, "option 'table' needs a value: NAME" }, { "t", "x", "unknown option 't'" },
		{ "", "x", "unknown option ''" }, { "--table", "x", "unknown option '--table'" },
		{ "repeat", "bad", "option --repeat: 'bad' is bad" },
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct values values = { 0 };
		struct diag diag = { "" };
		int result = options_set(table, &values, rows[i].name, rows[i].value, &diag);
		assert_int_equal(result, rows[i].said ? -EINVAL : 0);
		assert_string_equal(diag.text, rows[i].said ? rows[i].said : "");
	}
	struct values values = { .a = true };
	assert_int_equal(options_set(table, &values, "all", "no", NULL), 0);
	assert_false(values.a);
}

static void timeouts(void **state)
{
	(void)state;
	static const struct {
		const char *value;
		unsigned seconds; /* 0: refused */
	} rows[] = { { "1", 1 }, { "5s", 5 }, { "10m", 600 }, { "600", 600 }, { "601", 0 }, { "11m", 0 }, { "0", 0 },
		     { "", 0 }, { "s", 0 }, { "-1", 0 }, { "5 s", 0 } };
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		unsigned seconds = 0;
		struct diag diag = { "" };
		assert_int_equal(option_timeout(&seconds, rows[i].value, &diag), rows[i].seconds ? 0 : -EINVAL);
		assert_int_equal(seconds, rows[i].seconds);
		assert_int_equal(*diag.text == '\0', rows[i].seconds > 0);
	}
}

static void usage(void **state)
{
	(void)state;
	char page[1024];
	struct text text = TEXT_ON(page);
	options_usage(table, &text);
	assert_string_equal(page, "  -a, --all               everything\n"
				  "  -b, --both              this,\n"
				  "                          and that\n"
				  "  -t, --table NAME        a name\n"
				  "      --server URL        only long\n"
				  "  -r, --repeat X          may be repeated\n");
}

static void long_words_are_cut_in_diagnostics(void **state)
{
	(void)state;
	char word[4096];
	memset(word, 'x', sizeof word);
	word[0] = word[1] = '-';
	word[sizeof word - 1] = '\0';
	char *argv[] = { (char *)(uintptr_t) "test", word, NULL };
	struct values values = { 0 };
	struct diag diag;
	assert_int_equal(options_parse(table, &values, 2, argv, &diag), -EINVAL);
	assert_true(strlen(diag.text) < 100);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(command_lines),
		cmocka_unit_test(configuration_lines),
		cmocka_unit_test(timeouts),
		cmocka_unit_test(usage),
		cmocka_unit_test(long_words_are_cut_in_diagnostics),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
