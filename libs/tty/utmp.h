/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Login records, utmp(5), read by ourselves: musl's getutxent knows none, and a static binary meets files of the
 * device's C library. Records have 384 bytes, or 400 where the session and time fields are 64 bits wide (glibc on
 * aarch64, musl on 64-bit machines); what is used here lies at the same place in both.
 */
#ifndef TTY_UTMP_H
#define TTY_UTMP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	UTMP_LINE_SIZE = 32,
	UTMP_HEAD_SIZE = 40, /* type, process and line */
	UTMP_FILE_LIMIT = 1 << 20, /* bytes; larger files are no utmp */
	UTMP_LOGIN = 6, /* a login prompt: LOGIN_PROCESS */
	UTMP_USER = 7, /* a login: USER_PROCESS */
};

struct utmp_entry {
	int type;
	int32_t pid;
	char line[UTMP_LINE_SIZE + 1]; /* below /dev; printable ASCII */
};

/* Decodes the first UTMP_HEAD_SIZE bytes of a record. Returns false when it can be none. */
bool utmp_decode(const char *head, struct utmp_entry *entry);

/*
 * 384 or 400: what makes sense of more records of the file, of which `size` is the length; on a draw what divides the
 * length. An incomplete record at the end doesn't count. 0 when the file holds something else.
 */
size_t utmp_record_size(int fd, size_t size);

/* Reads the entry with this index. Returns false when there is none. */
bool utmp_read(int fd, size_t size, size_t record_size, size_t index, struct utmp_entry *entry);

#endif
