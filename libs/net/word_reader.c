/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "net/word_reader.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { END_OF_FILE = -1 };

static int check_file(int fd, const char *path, int64_t limit, struct diag *diag)
{
	struct stat status;
	if (fstat(fd, &status) < 0)
		return diag_errno(diag, errno, "read %s", path);
	if (!S_ISREG(status.st_mode))
		return diag_fail(diag, EINVAL, "read %s: not a regular file", path);
	if (status.st_size > limit)
		return diag_fail(diag, EFBIG, "read %s: larger than %lld bytes", path, (long long)limit);
	return 0;
}

int word_reader_open(struct word_reader *reader, const char *path, const char *comment, int64_t limit,
		     struct diag *diag)
{
	/* Opening a FIFO would otherwise wait for its writer. */
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (fd < 0)
		return diag_errno(diag, errno, "open %s", path);
	int result = check_file(fd, path, limit, diag);
	if (result < 0) {
		close(fd);
		return result;
	}
	reader->fd = fd;
	reader->path = path;
	reader->comment = comment;
	reader->at_line_start = true;
	reader->next = 0;
	reader->filled = 0;
	return 0;
}

void word_reader_close(struct word_reader *reader)
{
	close(reader->fd);
}

/* The next byte without taking it, END_OF_FILE, or -errno - 1. */
static int peek(struct word_reader *reader)
{
	while (reader->next == reader->filled) {
		ssize_t count = read(reader->fd, reader->buffer, sizeof reader->buffer);
		if (count < 0 && errno == EINTR)
			continue;
		if (count <= 0)
			return count == 0 ? END_OF_FILE : -errno - 1;
		reader->next = 0;
		reader->filled = (size_t)count;
	}
	return (unsigned char)reader->buffer[reader->next];
}

static bool is_blank(int byte)
{
	return byte == ' ' || (byte >= '\t' && byte <= '\r');
}

static bool begins_comment(const struct word_reader *reader, int byte)
{
	return byte > 0 && strchr(reader->comment, byte);
}

/* Blanks, line ends and comments. Returns the first byte of a word, END_OF_FILE or an error, as peek does. */
static int skip_to_word(struct word_reader *reader)
{
	bool comment = false;
	for (;; reader->next++) {
		int byte = peek(reader);
		if (byte < 0)
			return byte;
		if (byte == '\n') {
			reader->at_line_start = true;
			comment = false;
		}
		comment |= begins_comment(reader, byte);
		if (!comment && !is_blank(byte))
			return byte;
	}
}

int word_reader_next(struct word_reader *reader, struct diag *diag)
{
	int byte = skip_to_word(reader);
	reader->first = reader->at_line_start;
	reader->at_line_start = false;
	size_t length = 0;
	for (; byte >= 0 && !is_blank(byte) && !begins_comment(reader, byte); byte = peek(reader)) {
		if (length < sizeof reader->word - 1)
			reader->word[length++] = (char)byte;
		reader->next++;
	}
	reader->word[length] = '\0';
	if (byte < END_OF_FILE)
		return diag_errno(diag, -byte - 1, "read %s", reader->path);
	return length > 0;
}
