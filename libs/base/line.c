/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/line.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/io.h"

int line_reader_open(struct line_reader *reader, const char *path, size_t limit, struct diag *diag)
{
	reader->path = path;
	reader->number = 0;
	reader->start = 0;
	reader->end = 0;
	reader->fd = open_regular_file(path, diag);
	if (reader->fd < 0)
		return reader->fd;
	struct stat status;
	if (fstat(reader->fd, &status) == 0 && (unsigned long long)status.st_size <= limit)
		return 0;
	line_reader_close(reader);
	return diag_fail(diag, EFBIG, "read %s: larger than %zu bytes", path, limit);
}

void line_reader_close(struct line_reader *reader)
{
	if (reader->fd >= 0)
		close(reader->fd);
	reader->fd = -1;
}

/* Moves what is left to the front and reads on. Returns the count that was read, or -errno. */
static ssize_t refill(struct line_reader *reader)
{
	memmove(reader->buffer, reader->buffer + reader->start, reader->end - reader->start);
	reader->end -= reader->start;
	reader->start = 0;
	ssize_t count = read_all(reader->fd, reader->buffer + reader->end, sizeof reader->buffer - 1 - reader->end);
	if (count > 0)
		reader->end += (size_t)count;
	return count;
}

static int hand_out(struct line_reader *reader, size_t length, char **line, struct diag *diag)
{
	*line = reader->buffer + reader->start;
	reader->number++;
	reader->start += length + (reader->start + length < reader->end);
	(*line)[length] = '\0';
	if (length >= LINE_SIZE)
		return diag_fail(diag, EINVAL, "%s line %u: longer than %d bytes", reader->path, reader->number,
				 LINE_SIZE - 1);
	if (strlen(*line) != length)
		return diag_fail(diag, EINVAL, "%s line %u: it contains a NUL byte", reader->path, reader->number);
	return 1;
}

int line_reader_next(struct line_reader *reader, char **line, struct diag *diag)
{
	for (;;) {
		size_t left = reader->end - reader->start;
		const char *newline = left ? memchr(reader->buffer + reader->start, '\n', left) : NULL;
		if (newline)
			return hand_out(reader, (size_t)(newline - reader->buffer) - reader->start, line, diag);
		if (left >= LINE_SIZE)
			return hand_out(reader, left, line, diag);
		ssize_t count = refill(reader);
		if (count < 0)
			return diag_errno(diag, (int)-count, "read %s", reader->path);
		if (count == 0 && reader->end == 0)
			return 0;
		if (count == 0)
			return hand_out(reader, reader->end, line, diag);
	}
}
