/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Reading files: lines through a small buffer, and what is no file at all. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/io.h"
#include "base/line.h"

enum { PLENTY = 1 << 20 };

static char folder[] = "/tmp/quarbox-file-XXXXXX";
static char path[64];

static int make_folder(void **state)
{
	(void)state;
	if (!mkdtemp(folder))
		return -1;
	snprintf(path, sizeof path, "%s/file", folder);
	return 0;
}

static int remove_folder(void **state)
{
	(void)state;
	unlink(path);
	return rmdir(folder);
}

static void write_file(const char *bytes, size_t count)
{
	FILE *file = fopen(path, "wb");
	assert_non_null(file);
	assert_int_equal(fwrite(bytes, 1, count, file), count);
	assert_int_equal(fclose(file), 0);
}

/* Reads all lines; their texts are joined by '|' in `joined`. Returns the last result of line_reader_next. */
static int read_lines(char *joined, struct line_reader *reader, struct diag *diag)
{
	char *line;
	int result;
	*joined = '\0';
	assert_int_equal(line_reader_open(reader, path, PLENTY, diag), 0);
	while ((result = line_reader_next(reader, &line, diag)) > 0) {
		joined = stpcpy(joined, line);
		joined = stpcpy(joined, "|");
	}
	line_reader_close(reader);
	assert_int_equal(reader->fd, -1);
	return result;
}

static void splits_lines(void **state)
{
	(void)state;
	static const char *const rows[][2] = {
		{ "", "" }, { "\n", "|" }, { "a", "a|" }, { "a\n", "a|" }, { "a\nb", "a|b|" }, { "a\n\nb\n", "a||b|" },
		{ "\n\n", "||" }, { "a\r\n", "a\r|" },
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		char joined[64];
		struct line_reader reader;
		struct diag diag;
		write_file(rows[i][0], strlen(rows[i][0]));
		assert_int_equal(read_lines(joined, &reader, &diag), 0);
		assert_string_equal(joined, rows[i][1]);
	}
}

/* Lines of one length after the other lie across every border of the buffer. */
static void lines_across_borders(void **state)
{
	(void)state;
	static const size_t lengths[] = { 0, 1, 2, 100, 511, 512, 1021, 1022, 1023 };
	char *file = malloc(PLENTY);
	char *joined = malloc(PLENTY);
	char *wanted = malloc(PLENTY);
	for (size_t k = 0; k < sizeof lengths / sizeof *lengths; k++) {
		struct line_reader reader;
		struct diag diag;
		size_t at = 0;
		for (unsigned i = 0; i < 50; i++) {
			size_t length = lengths[k] - (lengths[k] > 3 ? i % 4 : 0);
			memset(file + at, 'a' + (int)(i % 26), length);
			at += length;
			file[at++] = '\n';
		}
		write_file(file, at);
		memcpy(wanted, file, at);
		wanted[at] = '\0';
		for (size_t i = 0; i < at; i++)
			wanted[i] = wanted[i] == '\n' ? '|' : wanted[i];
		assert_int_equal(read_lines(joined, &reader, &diag), 0);
		assert_string_equal(joined, wanted);
		assert_int_equal(reader.number, 50);
	}
	free(file);
	free(joined);
	free(wanted);
}

static void long_lines_are_refused(void **state)
{
	(void)state;
	char *file = malloc(20000);
	char *joined = malloc(20000);
	for (size_t length = LINE_SIZE - 2; length < 10000; length = length < LINE_SIZE + 2 ? length + 1 : length * 2) {
		for (int newline = 0; newline < 2; newline++) {
			struct line_reader reader;
			struct diag diag = { "" };
			char wanted[128];
			memcpy(file, "first\n", 6);
			memset(file + 6, 'a', length);
			file[6 + length] = '\n';
			write_file(file, 6 + length + (size_t)newline);
			int result = read_lines(joined, &reader, &diag);
			assert_int_equal(result, length >= LINE_SIZE ? -EINVAL : 0);
			snprintf(wanted, sizeof wanted, "%s line 2: longer than %d bytes", path, LINE_SIZE - 1);
			assert_string_equal(diag.text, result ? wanted : "");
		}
	}
	free(file);
	free(joined);
}

static void nul_bytes_are_refused(void **state)
{
	(void)state;
	static const struct {
		const char *bytes;
		size_t length;
		unsigned line;
	} rows[] = { { "\0", 1, 1 }, { "a\0b\n", 4, 1 }, { "a\nb\n\0\n", 6, 3 }, { "a\n\0", 3, 2 }, { "abc\n\0def", 8, 2 } };
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		char joined[64];
		char wanted[128];
		struct line_reader reader;
		struct diag diag = { "" };
		write_file(rows[i].bytes, rows[i].length);
		assert_int_equal(read_lines(joined, &reader, &diag), -EINVAL);
		snprintf(wanted, sizeof wanted, "%s line %u: it contains a NUL byte", path, rows[i].line);
		assert_string_equal(diag.text, wanted);
	}
}

static void sizes_are_bounded(void **state)
{
	(void)state;
	struct line_reader reader;
	struct diag diag;
	write_file("12345678", 8);
	assert_int_equal(line_reader_open(&reader, path, 8, &diag), 0);
	line_reader_close(&reader);
	assert_int_equal(line_reader_open(&reader, path, 7, &diag), -EFBIG);
	line_reader_close(&reader); /* safe after a failed open */
}

/* None of these may hang or be read. */
static void what_is_no_file(void **state)
{
	(void)state;
	static const char *const others[] = { "/dev/zero", "/dev/null", "/dev", "/proc/self/fd", NULL };
	struct line_reader reader;
	struct diag diag;
	unlink(path);
	assert_int_equal(open_regular_file(path, &diag), -ENOENT);
	assert_non_null(strstr(diag.text, ": No such file or directory"));
	assert_int_equal(mkfifo(path, 0600), 0);
	assert_int_equal(open_regular_file(path, &diag), -EINVAL);
	assert_int_equal(line_reader_open(&reader, path, PLENTY, &diag), -EINVAL);
	unlink(path);
	for (size_t i = 0; others[i]; i++) {
		assert_int_equal(open_regular_file(others[i], &diag), -EINVAL);
		assert_non_null(strstr(diag.text, "not a regular file"));
		assert_int_equal(line_reader_open(&reader, others[i], PLENTY, &diag), -EINVAL);
	}
}

static void nothing_stays_open(void **state)
{
	(void)state;
	int next = dup(0);
	close(next);
	write_file("a\n", 2);
	char joined[8];
	struct line_reader reader;
	struct diag diag;
	(void)read_lines(joined, &reader, &diag);
	(void)open_regular_file("/dev/zero", &diag);
	(void)line_reader_open(&reader, path, 1, &diag);
	int again = dup(0);
	close(again);
	assert_int_equal(again, next);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(splits_lines),		 cmocka_unit_test(lines_across_borders),
		cmocka_unit_test(long_lines_are_refused), cmocka_unit_test(nul_bytes_are_refused),
		cmocka_unit_test(sizes_are_bounded),	 cmocka_unit_test(what_is_no_file),
		cmocka_unit_test(nothing_stays_open),
	};
	return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
