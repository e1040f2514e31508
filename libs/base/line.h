/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The lines of a file, however large, through a small buffer. */
#ifndef BASE_LINE_H
#define BASE_LINE_H

#include <stddef.h>

#include "base/diag.h"

enum { LINE_SIZE = 1024 }; /* bytes of the longest line with its end */

struct line_reader {
	const char *path; /* for diagnostics; the caller's */
	int fd;
	unsigned number; /* of the line that was read last, from 1 */
	size_t start; /* of what has not been handed out */
	size_t end;
	char buffer[4096];
};

/* Regular files of at most `limit` bytes (else -EFBIG; -EINVAL for FIFOs and devices). Returns 0 or -errno. */
int line_reader_open(struct line_reader *reader, const char *path, size_t limit, struct diag *diag);
void line_reader_close(struct line_reader *reader); /* safe after a failed open */

/*
 * The next line as a string, without its end, valid until the next call. Returns 1, 0 at the end of the file, or -errno
 * with a diagnostic that says path and line (-EINVAL: a NUL byte, or longer than LINE_SIZE).
 */
int line_reader_next(struct line_reader *reader, char **line, struct diag *diag);

#endif
