/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tty/utmp.h"

#include <string.h>
#include <sys/types.h>
#include <unistd.h>

enum {
	PID_AT = 4,
	LINE_AT = 8,
	TYPE_LAST = 9, /* ACCOUNTING */
	NARROW_RECORD = 384,
	WIDE_RECORD = 400,
};

static bool is_printable(const char *string)
{
	for (; *string; string++) {
		if (*string < ' ' || *string > '~')
			return false;
	}
	return true;
}

bool utmp_decode(const char *head, struct utmp_entry *entry)
{
	int16_t type;
	struct utmp_entry found = { 0 };
	memcpy(&type, head, sizeof type);
	memcpy(&found.pid, head + PID_AT, sizeof found.pid);
	memcpy(found.line, head + LINE_AT, UTMP_LINE_SIZE);
	found.type = type;
	if (type < 0 || type > TYPE_LAST || found.pid < 0 || !is_printable(found.line))
		return false;
	*entry = found;
	return true;
}

bool utmp_read(int fd, size_t size, size_t record_size, size_t index, struct utmp_entry *entry)
{
	char head[UTMP_HEAD_SIZE];
	if ((index + 1) * record_size > size)
		return false;
	return pread(fd, head, sizeof head, (off_t)(index * record_size)) == (ssize_t)sizeof head &&
	       utmp_decode(head, entry);
}

/* How much sense the file makes with that record size; 0: none. */
static size_t score(int fd, size_t size, size_t record_size)
{
	struct utmp_entry entry;
	size_t meaningful = 0;
	for (size_t i = 0; i < size / record_size; i++) {
		if (!utmp_read(fd, size, record_size, i, &entry))
			return 0;
		meaningful += entry.type != 0 && entry.line[0] != '\0';
	}
	return meaningful == 0 ? 0 : 2 * meaningful + (size % record_size == 0);
}

size_t utmp_record_size(int fd, size_t size)
{
	if (size > UTMP_FILE_LIMIT)
		return 0;
	size_t narrow = score(fd, size, NARROW_RECORD);
	size_t wide = score(fd, size, WIDE_RECORD);
	if (narrow == 0 && wide == 0)
		return 0;
	return wide > narrow ? WIDE_RECORD : NARROW_RECORD;
}
