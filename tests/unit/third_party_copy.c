/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Our copying and filling, on any machine, against the C library's. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define COPY_MEMORY
#define memcpy small_memcpy
#define memmove small_memmove
#define memset small_memset
#define strcpy small_strcpy
#define strncpy small_strncpy
void *small_memcpy(void *restrict to, const void *restrict from, size_t size);
void *small_memmove(void *to, const void *from, size_t size);
void *small_memset(void *to, int value, size_t size);
char *small_strcpy(char *to, const char *string);
char *small_strncpy(char *to, const char *string, size_t size);
#include "third_party/small_copy.c"
#undef memcpy
#undef memmove
#undef memset
#undef strcpy
#undef strncpy

enum { ROOM = 96, LONGEST = 40 };

union bytes {
	long aligned;
	unsigned char of[ROOM];
};

static void number(union bytes *bytes)
{
	for (size_t i = 0; i < ROOM; i++)
		bytes->of[i] = (unsigned char)(i + 1);
}

/* From each offset to each, in one buffer, so that most overlap. */
static void moves_what_overlaps(void **state)
{
	(void)state;
	for (size_t from = 0; from < 24; from++) {
		for (size_t to = 0; to < 24; to++) {
			for (size_t size = 0; size <= LONGEST; size++) {
				union bytes ours, theirs;
				number(&ours);
				number(&theirs);
				assert_ptr_equal(small_memmove(ours.of + to, ours.of + from, size), ours.of + to);
				memmove(theirs.of + to, theirs.of + from, size);
				assert_memory_equal(ours.of, theirs.of, ROOM);
			}
		}
	}
}

static void copies(void **state)
{
	(void)state;
	union bytes source, ours, theirs;
	number(&source);
	for (size_t from = 0; from < 16; from++) {
		for (size_t to = 0; to < 16; to++) {
			for (size_t size = 0; size <= LONGEST; size++) {
				memset(&ours, 0xee, sizeof ours);
				memset(&theirs, 0xee, sizeof theirs);
				assert_ptr_equal(small_memcpy(ours.of + to, source.of + from, size), ours.of + to);
				memcpy(theirs.of + to, source.of + from, size);
				assert_memory_equal(ours.of, theirs.of, ROOM);
			}
		}
	}
}

static void fills(void **state)
{
	(void)state;
	static const int values[] = { 0, 1, 0x7f, 0x80, 0xff, 0x1234, -1 };
	for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
		for (size_t to = 0; to < 16; to++) {
			for (size_t size = 0; size <= LONGEST; size++) {
				union bytes ours, theirs;
				number(&ours);
				number(&theirs);
				assert_ptr_equal(small_memset(ours.of + to, values[i], size), ours.of + to);
				memset(theirs.of + to, values[i], size);
				assert_memory_equal(ours.of, theirs.of, ROOM);
			}
		}
	}
}

static void copies_strings(void **state)
{
	(void)state;
	static const char *const words[] = { "", "a", "eth0", "a name of some length" };
	for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
		char ours[ROOM], theirs[ROOM];
		assert_ptr_equal(small_strcpy(ours, words[i]), ours);
		assert_string_equal(ours, words[i]);
		for (size_t size = 0; size <= LONGEST; size++) {
			memset(ours, 0xee, sizeof ours);
			memset(theirs, 0xee, sizeof theirs);
			assert_ptr_equal(small_strncpy(ours, words[i], size), ours);
			strncpy(theirs, words[i], size);
			assert_memory_equal(ours, theirs, ROOM);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(moves_what_overlaps),
		cmocka_unit_test(copies),
		cmocka_unit_test(fills),
		cmocka_unit_test(copies_strings),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
