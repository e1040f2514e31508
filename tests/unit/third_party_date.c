/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Our gmtime_r against the C library's: each day of a thousand years, ends of days and years, and what is too far. */
#define _FILE_OFFSET_BITS 64
#define _TIME_BITS 64 /* as musl has it on 32-bit machines, too */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include <cmocka.h>

struct tm *small_gmtime_r(const time_t *time, struct tm *date);

static struct tm *(*const libc_gmtime_r)(const time_t *, struct tm *) = gmtime_r;

#define gmtime_r small_gmtime_r
#include "third_party/small_date.c"

static void compare(time_t seconds)
{
	struct tm ours;
	struct tm theirs;
	assert_ptr_equal(small_gmtime_r(&seconds, &ours), &ours);
	assert_non_null(libc_gmtime_r(&seconds, &theirs));
	assert_int_equal(ours.tm_year, theirs.tm_year);
	assert_int_equal(ours.tm_mon, theirs.tm_mon);
	assert_int_equal(ours.tm_mday, theirs.tm_mday);
	assert_int_equal(ours.tm_hour, theirs.tm_hour);
	assert_int_equal(ours.tm_min, theirs.tm_min);
	assert_int_equal(ours.tm_sec, theirs.tm_sec);
}

static void every_day(void **state)
{
	(void)state;
	for (time_t day = -200000; day < 200000; day++) {
		compare(day * DAY);
		compare(day * DAY - 1);
		compare(day * DAY + 45296);
	}
}

static void far_years(void **state)
{
	(void)state;
	struct tm date;
	const time_t last = 67768036191676799; /* of the year 2147485547, tm_year INT_MAX */
	const time_t first = -67768040609740800; /* of the year -2147481748, tm_year INT_MIN */
	const time_t too_far[] = { last + 1, first - 1, INT64_MAX, INT64_MIN };
	compare(last);
	compare(first);
	for (size_t i = 0; i < sizeof too_far / sizeof *too_far; i++) {
		errno = 0;
		assert_null(small_gmtime_r(&too_far[i], &date));
		assert_int_equal(errno, EOVERFLOW);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_day),
		cmocka_unit_test(far_years),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
