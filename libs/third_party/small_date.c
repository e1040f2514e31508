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
	FROM_MARCH = 719468, /* days from 0000-03-01 to 1970-01-01 */
	CYCLES = 6000000, /* so many before it is where we count from: earlier than any year that fits an int */
};

static const int64_t range = (int64_t)CYCLES * CYCLE * DAY;

/* Years begin in March here, so that the leap day is the last one. */
struct tm *gmtime_r(const time_t *time, struct tm *date)
{
	/* what is beyond that on either side is in a year that no int holds, however it wraps around */
	uint64_t left = (uint64_t)*time + (uint64_t)range;
	uint64_t day = left / DAY + FROM_MARCH;
	unsigned second = (unsigned)(left % DAY);
	unsigned of_cycle = (unsigned)(day % CYCLE);
	/* less the leap days before it, plus those of the centuries, less the last of all */
	unsigned years = (of_cycle - of_cycle / 1460 + of_cycle / 36524 - of_cycle / (CYCLE - 1)) / 365;
	unsigned of_year = of_cycle - (365 * years + years / 4 - years / 100);
	unsigned month = (5 * of_year + 2) / 153; /* from March; five of them have 153 days, again and again */
	int64_t year = 400 * ((int64_t)(day / CYCLE) - CYCLES) + years + (month >= 10) - 1900;
	if (year != (int)year) {
		errno = EOVERFLOW;
		return NULL;
	}
	*date = (struct tm){
		.tm_year = (int)year,
		.tm_mon = (int)((month + 2) % 12),
		.tm_mday = (int)(of_year - (153 * month + 2) / 5 + 1),
		.tm_hour = (int)(second / 3600),
		.tm_min = (int)(second / 60 % 60),
		.tm_sec = (int)(second % 60),
	};
	return date;
}
