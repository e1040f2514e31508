/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/date.h"

#include <time.h>

static void format(int64_t seconds, bool with_time, struct text *text)
{
	time_t time = (time_t)seconds; /* of 32 bits in some libraries: good until 2038 */
	struct tm date;
	if (!gmtime_r(&time, &date)) {
		text_add(text, "an impossible date");
		return;
	}
	text_addf(text, "%04d-%02d-%02d", date.tm_year + 1900, date.tm_mon + 1, date.tm_mday);
	if (with_time)
		text_addf(text, " %02d:%02d UTC", date.tm_hour, date.tm_min);
}

void date_format(int64_t seconds, struct text *text)
{
	format(seconds, false, text);
}

void date_time_format(int64_t seconds, struct text *text)
{
	format(seconds, true, text);
}

void duration_format(uint64_t seconds, struct text *text)
{
	static const struct {
		char letter;
		uint32_t seconds;
	} units[] = { { 'd', 86400 }, { 'h', 3600 }, { 'm', 60 }, { 's', 1 } };
	unsigned written = 0;
	for (size_t i = 0; i < sizeof units / sizeof *units && written < 2; i++) {
		bool last = i + 1 == sizeof units / sizeof *units;
		if (seconds >= units[i].seconds || (last && written == 0))
			text_addf(text, "%s%llu%c", written++ ? " " : "",
				  (unsigned long long)seconds / units[i].seconds, units[i].letter);
		else if (written)
			written++;
		seconds %= units[i].seconds;
	}
}
