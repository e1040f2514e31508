/* SPDX-License-Identifier: GPL-2.0-or-later */
/* utmp files of both record sizes, whole, cut and not utmp at all. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tty/utmp.h"

enum { NARROW = 384, WIDE = 400 };

struct file {
	int fd;
	size_t size;
};

static int open_file(void **state)
{
	char path[] = "/tmp/quarbox-utmp-XXXXXX";
	struct file *file = calloc(1, sizeof *file);
	file->fd = mkstemp(path);
	unlink(path);
	*state = file;
	return file->fd < 0;
}

static int close_file(void **state)
{
	struct file *file = *state;
	close(file->fd);
	free(file);
	return 0;
}

static void append(struct file *file, const void *bytes, size_t count)
{
	assert_int_equal(pwrite(file->fd, bytes, count, (off_t)file->size), count);
	file->size += count;
}

/* As login writes them: all fields filled. */
static void append_record(struct file *file, size_t size, int16_t type, int32_t pid, const char *line)
{
	char record[WIDE] = "";
	size_t session_end = size == WIDE ? 344 : 340;
	size_t address = size == WIDE ? 360 : 348;
	memcpy(record, &type, sizeof type);
	memcpy(record + 4, &pid, sizeof pid);
	strncpy(record + 8, line, 32);
	memcpy(record + 40, "p001", 4);
	strcpy(record + 44, "root");
	strcpy(record + 76, "host.example.com");
	memcpy(record + 336, &pid, sizeof pid);
	memcpy(record + session_end, "\x12\x34\x56\x65", 4);
	memcpy(record + address, "\xc0\x00\x02\x01", 4);
	append(file, record, size);
}

static void append_logins(struct file *file, size_t size, int count)
{
	append_record(file, size, 2, 0, "~");
	append_record(file, size, UTMP_LOGIN, 300, "ttyS0");
	for (int i = 0; i < count; i++)
		append_record(file, size, UTMP_USER, 1000 + i, i % 2 ? "pts/1" : "tty1");
}

static void check_logins(struct file *file, size_t size, int count)
{
	struct utmp_entry entry;
	assert_int_equal(utmp_record_size(file->fd, file->size), size);
	assert_true(utmp_read(file->fd, file->size, size, 1, &entry));
	assert_int_equal(entry.type, UTMP_LOGIN);
	assert_string_equal(entry.line, "ttyS0");
	assert_true(utmp_read(file->fd, file->size, size, (size_t)count + 1, &entry));
	assert_int_equal(entry.type, UTMP_USER);
	assert_int_equal(entry.pid, 1000 + count - 1);
	assert_false(utmp_read(file->fd, file->size, size, (size_t)count + 2, &entry));
}

static void check_size(struct file *file, size_t size)
{
	/* up to 48 + 2 records of 384: two lengths that both sizes divide, 9600 and 19200, are among them */
	for (int count = 1; count <= 50; count++) {
		assert_int_equal(ftruncate(file->fd, 0), 0);
		file->size = 0;
		append_logins(file, size, count);
		check_logins(file, size, count);
		append(file, "\7\0\0\0trailing piece of a record", 30);
		check_logins(file, size, count);
	}
}

static void test_narrow(void **state)
{
	check_size(*state, NARROW);
}

static void test_wide(void **state)
{
	check_size(*state, WIDE);
}

static void test_one_record(void **state)
{
	struct file *file = *state;
	append_record(file, NARROW, UTMP_USER, 7, "pts/0");
	assert_int_equal(utmp_record_size(file->fd, file->size), NARROW);
	file->size = 0;
	append_record(file, WIDE, UTMP_USER, 7, "pts/0");
	assert_int_equal(utmp_record_size(file->fd, file->size), WIDE);
}

static void test_no_utmp(void **state)
{
	struct file *file = *state;
	char zeros[2 * NARROW] = "";
	char text[2 * NARROW];
	memset(text, 'x', sizeof text);
	assert_int_equal(utmp_record_size(file->fd, 0), 0);
	append(file, zeros, sizeof zeros);
	assert_int_equal(utmp_record_size(file->fd, file->size), 0);
	file->size = 0;
	append(file, text, sizeof text);
	assert_int_equal(utmp_record_size(file->fd, file->size), 0);
	append_record(file, NARROW, UTMP_USER, 7, "pts/0");
	assert_int_equal(utmp_record_size(file->fd, file->size), 0);
	assert_int_equal(utmp_record_size(file->fd, 100), 0); /* cut within the first record */
	assert_int_equal(utmp_record_size(file->fd, 1u << 30), 0);
	assert_int_equal(utmp_record_size(-1, NARROW), 0);
}

static void test_shrunk_meanwhile(void **state)
{
	struct file *file = *state;
	struct utmp_entry entry;
	append_record(file, NARROW, UTMP_USER, 7, "pts/0");
	assert_false(utmp_read(file->fd, 2 * NARROW, NARROW, 1, &entry));
}

static void check_line(const char *line, bool valid)
{
	char head[UTMP_HEAD_SIZE] = "";
	struct utmp_entry entry = { .pid = -7 };
	int16_t type = UTMP_USER;
	memcpy(head, &type, sizeof type);
	memcpy(head + 8, line, strnlen(line, 32));
	assert_int_equal(utmp_decode(head, &entry), valid);
	assert_true(valid || entry.pid == -7);
	if (valid)
		assert_memory_equal(entry.line, line, strnlen(line, 32));
}

static void test_lines(void **state)
{
	(void)state;
	check_line("pts/0", true);
	check_line("", true);
	check_line("01234567890123456789012345678901", true); /* 32 bytes and no NUL */
	check_line("pts/\x1b[2J", false);
	check_line("pts/0\n", false);
	check_line("\xc3\xa9", false);
}

static void test_types(void **state)
{
	(void)state;
	struct utmp_entry entry;
	for (int type = -2; type < 12; type++) {
		char head[UTMP_HEAD_SIZE] = "";
		int16_t narrow = (int16_t)type;
		memcpy(head, &narrow, sizeof narrow);
		assert_int_equal(utmp_decode(head, &entry), type >= 0 && type <= 9);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_narrow, open_file, close_file),
		cmocka_unit_test_setup_teardown(test_wide, open_file, close_file),
		cmocka_unit_test_setup_teardown(test_one_record, open_file, close_file),
		cmocka_unit_test_setup_teardown(test_no_utmp, open_file, close_file),
		cmocka_unit_test_setup_teardown(test_shrunk_meanwhile, open_file, close_file),
		cmocka_unit_test(test_lines),
		cmocka_unit_test(test_types),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
