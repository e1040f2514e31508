/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tty/process.h"

#include <limits.h>
#include <stdint.h>
#include <string.h>

struct cursor {
	const char *at;
	const char *end;
};

static bool take(struct cursor *cursor, char byte)
{
	if (cursor->at == cursor->end || *cursor->at != byte)
		return false;
	cursor->at++;
	return true;
}

/* A decimal int, perhaps negative. */
static bool take_number(struct cursor *cursor, int *number)
{
	bool negative = take(cursor, '-');
	const char *start = cursor->at;
	int64_t value = 0;
	for (; cursor->at < cursor->end && *cursor->at >= '0' && *cursor->at <= '9'; cursor->at++) {
		value = value * 10 + (*cursor->at - '0');
		if (value > INT_MAX)
			return false;
	}
	*number = (int)(negative ? -value : value);
	return cursor->at > start;
}

/* A dev_t of the C library has these bits in the same places, and more above them. */
dev_t tty_decode_device(unsigned encoded)
{
	return encoded;
}

bool tty_process_parse(const char *stat, size_t length, struct tty_process *process)
{
	const char *name_end = memrchr(stat, ')', length);
	if (!name_end)
		return false;
	struct cursor cursor = { stat, name_end };
	struct tty_process found;
	enum { PARENT, GROUP, SESSION, TERMINAL, FOREGROUND_GROUP, NUMBERS };
	int numbers[NUMBERS];
	if (!take_number(&cursor, &found.pid) || !take(&cursor, ' ') || !take(&cursor, '('))
		return false;
	cursor = (struct cursor){ name_end + 1, stat + length };
	if (!take(&cursor, ' ') || cursor.at == cursor.end)
		return false;
	found.state = *cursor.at++;
	for (int i = 0; i < NUMBERS; i++) {
		if (!take(&cursor, ' ') || !take_number(&cursor, &numbers[i]))
			return false;
	}
	found.group = numbers[GROUP];
	found.session = numbers[SESSION];
	found.foreground_group = numbers[FOREGROUND_GROUP];
	found.terminal = tty_decode_device((unsigned)numbers[TERMINAL]);
	*process = found;
	return true;
}

bool tty_process_present(const struct tty_process *process)
{
	bool lives = process->state != 'Z' && process->state != 'X';
	return lives && process->terminal != 0 &&
	       (process->pid == process->session || process->group == process->foreground_group);
}
