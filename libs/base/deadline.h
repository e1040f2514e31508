/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Deadlines on the monotonic clock: setting the wall clock moves none of them. */
#ifndef BASE_DEADLINE_H
#define BASE_DEADLINE_H

#include <stdbool.h>
#include <stdint.h>

struct deadline {
	int64_t at; /* milliseconds of CLOCK_MONOTONIC */
};

int64_t monotonic_ms(void);
/* Since the system was started, the time that it was asleep included. */
int64_t boottime_ms(void);
struct deadline deadline_in(int64_t milliseconds);
struct deadline deadline_earlier(struct deadline a, struct deadline b);

/* Milliseconds that are left, 0 when it has passed; fits poll(2). */
int deadline_left(struct deadline deadline);
static inline bool deadline_passed(struct deadline deadline)
{
	return deadline_left(deadline) == 0;
}

#endif
