/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/deadline.h"

#include <limits.h>
#include <time.h>

static int64_t read_clock(clockid_t clock)
{
	struct timespec now;
	clock_gettime(clock, &now); /* fails for no clock that is named here */
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

int64_t monotonic_ms(void)
{
	return read_clock(CLOCK_MONOTONIC);
}

int64_t boottime_ms(void)
{
	return read_clock(CLOCK_BOOTTIME);
}

struct deadline deadline_in(int64_t milliseconds)
{
	return (struct deadline){ monotonic_ms() + milliseconds };
}

struct deadline deadline_earlier(struct deadline a, struct deadline b)
{
	return a.at < b.at ? a : b;
}

int deadline_left(struct deadline deadline)
{
	int64_t left = deadline.at - monotonic_ms();
	if (left <= 0)
		return 0;
	return left > INT_MAX ? INT_MAX : (int)left;
}
