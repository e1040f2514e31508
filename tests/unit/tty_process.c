/* SPDX-License-Identifier: GPL-2.0-or-later */
/* /proc/PID/stat, whatever a program calls itself. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>
#include <sys/sysmacros.h>

#include "tty/process.h"

struct stat_case {
	const char *stat;
	bool valid;
	bool present;
	unsigned major;
	unsigned minor;
};

static const struct stat_case cases[] = {
	{ "77 (sh) S 1 77 77 34816 77 4194304 1 2 3\n", true, true, 136, 0 },
	{ "77 (sh) S 1 77 77 34819 90 4194304", true, true, 136, 3 }, /* leader, in the background */
	{ "90 (vi) T 77 90 77 34819 90 0", true, true, 136, 3 }, /* in the foreground */
	{ "91 (make) R 77 91 77 34819 90 0", true, false, 136, 3 }, /* neither */
	{ "77 (sh) Z 1 77 77 34816 77 0", true, false, 136, 0 },
	{ "77 (sh) X 1 77 77 34816 77 0", true, false, 136, 0 },
	{ "77 (cron) S 1 77 77 0 -1 0", true, false, 0, 0 },
	{ "77 (getty) S 1 77 77 1088 77 0", true, true, 4, 64 },
	{ "77 (sh) S 1 77 77 1083436 77 0", true, true, 136, 300 }, /* minor beyond 8 bits: 0x10882c */
	{ "77 (sh) S 1 77 77 34816 77", true, true, 136, 0 }, /* nothing behind it */
	/* names */
	{ "77 (a b) S 1 77 77 34816 77 0", true, true, 136, 0 },
	{ "77 () S 1 77 77 34816 77 0", true, true, 136, 0 },
	{ "77 (x) S 1 1 1 0 -1 0) S 1 77 77 34816 77 0", true, true, 136, 0 },
	{ "77 (:)) S 1 77 77 34816 77 0", true, true, 136, 0 },
	{ "77 (\n\x1b[2J() S 1 77 77 34816 77 0", true, true, 136, 0 },
	/* not in that format */
	{ "", false, false, 0, 0 },
	{ "77", false, false, 0, 0 },
	{ "77 (sh", false, false, 0, 0 },
	{ "77 (sh)", false, false, 0, 0 },
	{ "77 (sh) ", false, false, 0, 0 },
	{ "77 (sh) S", false, false, 0, 0 },
	{ "77 (sh) S 1 77 77 34816", false, false, 0, 0 },
	{ "77 (sh) S 1 77 77 34816 ", false, false, 0, 0 },
	{ "77 (sh) S 1 77 77 34816 -", false, false, 0, 0 },
	{ "77 (sh) S 1 x 77 34816 77", false, false, 0, 0 },
	{ "77 sh) S 1 77 77 34816 77", false, false, 0, 0 },
	{ "(sh) S 1 77 77 34816 77", false, false, 0, 0 },
	{ ")", false, false, 0, 0 },
	{ "77 (sh) S 1 77 77 99999999999999999999 77", false, false, 0, 0 },
};

/* A copy of exactly that size, so that the sanitizer sees what is read beyond its end. */
static bool parse(const char *stat, struct tty_process *process)
{
	size_t length = strlen(stat);
	char *copy = test_malloc(length > 0 ? length : 1);
	memcpy(copy, stat, length);
	bool valid = tty_process_parse(copy, length, process);
	test_free(copy);
	return valid;
}

static void test_table(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct tty_process process = { .pid = -1 };
		bool valid = parse(cases[i].stat, &process);
		if (valid != cases[i].valid)
			fail_msg("'%s'", cases[i].stat);
		if (!valid) {
			assert_int_equal(process.pid, -1);
			continue;
		}
		if (tty_process_present(&process) != cases[i].present)
			fail_msg("'%s'", cases[i].stat);
		assert_int_equal(major(process.terminal), cases[i].major);
		assert_int_equal(minor(process.terminal), cases[i].minor);
	}
}

static void test_every_prefix(void **state)
{
	(void)state;
	static const char stat[] = "77 (s h) S 1 78 79 34816 -1";
	for (size_t length = 0; length + 2 < sizeof stat; length++) {
		char prefix[sizeof stat] = "";
		struct tty_process process;
		memcpy(prefix, stat, length);
		assert_false(parse(prefix, &process));
	}
	struct tty_process process;
	assert_true(parse(stat, &process));
	assert_int_equal(process.pid, 77);
	assert_int_equal(process.group, 78);
	assert_int_equal(process.session, 79);
	assert_int_equal(process.foreground_group, -1);
	assert_int_equal(process.state, 'S');
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_table),
		cmocka_unit_test(test_every_prefix),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
