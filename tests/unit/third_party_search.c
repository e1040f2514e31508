/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Our memmem, strstr and what they are made of against the C library's: every short string of two letters, and NULs. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

void *small_memmem(const void *bytes, size_t size, const void *wanted, size_t length);
char *small_strstr(const char *string, const char *wanted);
void *small_memchr(const void *bytes, int byte, size_t size);
size_t small_strcspn(const char *string, const char *rejected);
size_t small_strspn(const char *string, const char *accepted);
char *small_strchrnul(const char *string, int byte);
char *small_strrchr(const char *string, int byte);

static void *(*const libc_memmem)(const void *, size_t, const void *, size_t) = memmem;
static char *(*const libc_strstr)(const char *, const char *) = strstr;
static void *(*const libc_memchr)(const void *, int, size_t) = memchr;
static size_t (*const libc_strcspn)(const char *, const char *) = strcspn;
static size_t (*const libc_strspn)(const char *, const char *) = strspn;
static char *(*const libc_strchrnul)(const char *, int) = strchrnul;
static char *(*const libc_strrchr)(const char *, int) = strrchr;

#define memmem small_memmem
#define strstr small_strstr
#define memchr small_memchr
#define strcspn small_strcspn
#define strspn small_strspn
#define strchrnul small_strchrnul
#define strrchr small_strrchr
#include "third_party/small_search.c"

enum { LONGEST = 8, LONGEST_WANTED = 4 };

/* The string of that length whose letters are the bits of a number. */
static void write_letters(char *string, unsigned bits, size_t length)
{
	for (size_t i = 0; i < length; i++)
		string[i] = bits >> i & 1 ? 'b' : 'a';
	string[length] = '\0';
}

static void find(const char *string, size_t length)
{
	char wanted[LONGEST_WANTED + 1];
	for (size_t count = 0; count <= LONGEST_WANTED; count++) {
		for (unsigned bits = 0; bits < 1u << count; bits++) {
			write_letters(wanted, bits, count);
			assert_ptr_equal(small_strstr(string, wanted), libc_strstr(string, wanted));
			assert_ptr_equal(small_memmem(string, length, wanted, count),
					 libc_memmem(string, length, wanted, count));
			assert_int_equal(small_strcspn(string, wanted), libc_strcspn(string, wanted));
			assert_int_equal(small_strspn(string, wanted), libc_strspn(string, wanted));
		}
	}
}

static void every_short_string(void **state)
{
	(void)state;
	char string[LONGEST + 1];
	for (size_t length = 0; length <= LONGEST; length++) {
		for (unsigned bits = 0; bits < 1u << length; bits++) {
			write_letters(string, bits, length);
			find(string, length);
		}
	}
}

static void bytes_of_any_value(void **state)
{
	(void)state;
	static const char bytes[] = "a\0\xff\0\xff\xff";
	assert_ptr_equal(small_memmem(bytes, 6, "\0\xff\xff", 3), bytes + 3);
	assert_ptr_equal(small_memmem(bytes, 6, "\xff\xff", 2), bytes + 4);
	assert_null(small_memmem(bytes, 5, "\xff\xff", 2)); /* what lies behind the end does not count */
}

static void single_bytes(void **state)
{
	(void)state;
	static const char bytes[] = "abab\xff\0\xff";
	static const int wanted[] = { 'a', 'b', 'c', 0, 0xff, -1 };
	for (size_t i = 0; i < sizeof wanted / sizeof *wanted; i++) {
		assert_ptr_equal(small_strchrnul(bytes, wanted[i]), libc_strchrnul(bytes, wanted[i]));
		assert_ptr_equal(small_strrchr(bytes, wanted[i]), libc_strrchr(bytes, wanted[i]));
		for (size_t size = 0; size <= sizeof bytes; size++)
			assert_ptr_equal(small_memchr(bytes, wanted[i], size), libc_memchr(bytes, wanted[i], size));
	}
	assert_int_equal(small_strcspn("a\xff", "\xff\xfe"), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_short_string),
		cmocka_unit_test(bytes_of_any_value),
		cmocka_unit_test(single_bytes),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
