/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tty/process.h"

#include <limits.h>
#include <stdint.h>
#include <string.h>
#include <sys/sysmacros.h>

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

static bool take_next_number(struct cursor *cursor, int *number)
{
	return take(cursor, ' ') && take_number(cursor, number);
}

dev_t tty_decode_device(unsigned encoded)
{
	return makedev((encoded & 0xfff00) >> 8, (encoded & 0xff) | ((encoded >> 12) & 0xfff00));
}

bool tty_process_parse(const char *stat, size_t length, struct tty_process *process)
{
	const char *name_end = memrchr(stat, ')', length);
	if (!name_end)
		return false;
	struct cursor cursor = { stat, name_end };
	struct tty_process found = { 0 };
	if (!take_number(&cursor, &found.pid) || !take(&cursor, ' ') || !take(&cursor, '('))
		return false;
	cursor = (struct cursor){ name_end + 1, stat + length };
	int parent;
	int terminal;
	if (!take(&cursor, ' ') || cursor.at == cursor.end)
		return false;
	found.state = *cursor.at++;
	if (!take_next_number(&cursor, &parent) || !take_next_number(&cursor, &found.group) ||
	    !take_next_number(&cursor, &found.session) || !take_next_number(&cursor, &terminal) ||
	    !take_next_number(&cursor, &found.foreground_group))
		return false;
	found.terminal = tty_decode_device((unsigned)terminal);
	*process = found;
	return true;
}

bool tty_process_present(const struct tty_process *process)
{
	bool lives = process->state != 'Z' && process->state != 'X';
	return lives && process->terminal != 0 &&
	       (process->pid == process->session || process->group == process->foreground_group);
}
