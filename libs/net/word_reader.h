/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Words of a configuration file of any size and with lines of any length, read through a small buffer. */
#ifndef NET_WORD_READER_H
#define NET_WORD_READER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/diag.h"
#include "base/parse.h"

struct word_reader {
	int fd;
	const char *path; /* for diagnostics; the caller's */
	const char *comment; /* characters that begin a comment, anywhere in a line */
	bool at_line_start;
	size_t next; /* byte of buffer to read next */
	size_t filled;
	char buffer[1024];

	bool first; /* the current word is the first of its line */
	/*
	 * Room for a name with its final dot and one byte more: a longer word is cut where it can not be a name any
	 * more.
	 */
	char word[HOST_NAME_MAX_LENGTH + 3];
};

/* Regular files of at most `limit` bytes. Returns 0 or -errno with a diagnostic (-EFBIG, -EINVAL, open's). */
int word_reader_open(struct word_reader *reader, const char *path, const char *comment, int64_t limit,
		     struct diag *diag);
void word_reader_close(struct word_reader *reader);

/* Returns 1 with the next word in reader->word, 0 at the end of the file, or -errno with a diagnostic. */
int word_reader_next(struct word_reader *reader, struct diag *diag);

#endif
