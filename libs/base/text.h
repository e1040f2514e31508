/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Text in a buffer of the caller's: always NUL-terminated, never overrun. Without a flush function what does not fit is
 * cut and `cut` says so; with one the buffer is handed over whenever it is full, so that text of any length passes
 * through a small buffer.
 */
#ifndef BASE_TEXT_H
#define BASE_TEXT_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

struct text {
	char *bytes;
	size_t size; /* of the buffer in bytes, at least 2 */
	size_t length; /* without the terminating NUL; less than size */
	bool cut; /* something did not fit */
	void (*flush)(struct text *text); /* takes bytes[0..length) and sets length to 0; NULL: cut */
	void *context; /* for flush */
};

/* A text on a char array (not on a pointer), empty. */
#define TEXT_ON(array) text_on((array), sizeof(array))

/* Not inline: 200 callers, and a call is half as large as what it does. */
struct text text_on(char *bytes, size_t size) __attribute__((noinline));

void text_clear(struct text *text); /* empty again */

void text_add(struct text *text, const char *string);
void text_add_bytes(struct text *text, const char *bytes, size_t count);

/*
 * A subset of printf that needs no floating point and no locale: %s %.*s %c %d %u %x %X %ld %lu %lx %lld %llu %zu %%,
 * with flag 0, flag - and a width. Smaller than the C library's by 8 KB, and safe before and after fork.
 */
void text_addf(struct text *text, const char *format, ...) __attribute__((format(printf, 2, 3)));
void text_vaddf(struct text *text, const char *format, va_list arguments) __attribute__((format(printf, 2, 0)));

/* Spaces up to that column, counted from the last newline in the buffer. */
void text_pad_to(struct text *text, size_t column);

/* All but printable ASCII, tabs and line ends becomes '?': names that others have given must not steer a terminal. */
void text_hide_controls(struct text *text);

/* The length of the UTF-8 character that string[0..length), length > 0, begins with; 1 also when it is no character. */
size_t text_utf8_length(const char *string, size_t length);

/*
 * The length in bytes, at most `limit`, of the longest prefix of string[0..length) that does not end inside a UTF-8
 * character. Bytes that are not UTF-8 count as characters of their own.
 */
size_t text_utf8_prefix(const char *string, size_t length, size_t limit);

/* What follows the prefix that the string begins with; NULL when it begins in another way. */
const char *text_after(const char *string, const char *prefix);

/* Copies at most size - 1 bytes and terminates. Returns false when string did not fit. */
bool text_copy(char *buffer, size_t size, const char *string);

#endif
