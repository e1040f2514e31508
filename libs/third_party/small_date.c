/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * gmtime_r without the days of the week and of the year, for which nobody here asks. musl's has them, and counts the
 * years of a cycle in loops and cases: 300 bytes more. This one comes before the C library at link time.
 */
#include <errno.h>
#include <stdint.h>
#include <time.h>

enum {
	DAY = 86400, /* seconds */
	CYCLE = 146097, /* days of 400 years */
	MARCH_OF_0 = -719468, /* the day of 0000-03-01, counted from 1970-01-01 */
};

/* Rounded down, so that *rest, in which the number is at first, becomes 0 or more. */
static int64_t divide(int64_t *rest, int divisor)
{
	int64_t quotient = *rest / divisor;
	*rest %= divisor;
	if (*rest >= 0)
		return quotient;
	*rest += divisor;
	return quotient - 1;
}

/* Years begin in March here, so that the leap day is the last one. */
struct tm *gmtime_r(const time_t *time, struct tm *date)
{
	int64_t left = *time;
	int64_t day = divide(&left, DAY) - MARCH_OF_0;
	int second = (int)left;
	int64_t year = 400 * divide(&day, CYCLE);
	int of_cycle = (int)day;
	/* less the leap days before it, plus those of the centuries, less the last of all */
	int years = (of_cycle - of_cycle / 1460 + of_cycle / 36524 - of_cycle / (CYCLE - 1)) / 365;
	int of_year = of_cycle - (365 * years + years / 4 - years / 100);
	int month = (5 * of_year + 2) / 153; /* from March; five of them have 153 days, again and again */
	year += years + (month >= 10) - 1900;
	if (year != (int)year) {
		errno = EOVERFLOW;
		return NULL;
	}
	*date = (struct tm){
		.tm_year = (int)year,
		.tm_mon = (month + 2) % 12,
		.tm_mday = of_year - (153 * month + 2) / 5 + 1,
		.tm_hour = second / 3600,
		.tm_min = second / 60 % 60,
		.tm_sec = second % 60,
	};
	return date;
}
