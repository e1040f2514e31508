/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Points in time and lengths of time, for people. */
#ifndef BASE_DATE_H
#define BASE_DATE_H

#include <stdint.h>

#include "base/text.h"

/* "2026-11-26" and "2026-11-26 21:24 UTC"; seconds since the epoch. */
void date_format(int64_t seconds, struct text *text);
void date_time_format(int64_t seconds, struct text *text);

/* The two largest units: "7d 3h", "12m 5s", "0s". */
void duration_format(uint64_t seconds, struct text *text);

#endif
