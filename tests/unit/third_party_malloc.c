/* SPDX-License-Identifier: GPL-2.0-or-later */
/* malloc of programs without TLS and YAML: every byte stays what it was until its block is freed. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#undef malloc
#undef calloc
#undef realloc
#undef free
#define malloc	small_malloc
#define calloc	small_calloc
#define realloc small_realloc
#define free	small_free
#include "../../libs/third_party/small_malloc.c"

/* Each of its bytes says whose it is. */
struct owned {
	unsigned char *bytes;
	size_t count;
	unsigned char mark;
};

static void check(const struct owned *owned, size_t count)
{
	assert_int_equal((uintptr_t)owned->bytes % HEADER, 0);
	for (size_t i = 0; i < count; i++)
		assert_int_equal(owned->bytes[i], (unsigned char)(owned->mark + i));
}

static void take(struct owned *owned, void *bytes, size_t count, int mark)
{
	assert_non_null(bytes);
	*owned = (struct owned){ bytes, count, (unsigned char)mark };
	for (size_t i = 0; i < count; i++)
		owned->bytes[i] = (unsigned char)(owned->mark + i);
}

static size_t any_size(void)
{
	static const size_t edges[] = { 0, 16, 24, 32, 48, 2032, 2040, 2048, 4080, 4088, 4096, 8192, 65536 };
	size_t edge = edges[(size_t)rand() % (sizeof edges / sizeof *edges)];
	switch (rand() % 4) {
	case 0:
		return edge + (size_t)rand() % 3;
	case 1:
		return edge > 0 ? edge - 1 : 0;
	case 2:
		return (size_t)rand() % 300;
	default:
		return (size_t)rand() % 20000;
	}
}

static void any_order(void **state)
{
	(void)state;
	static struct owned blocks[64];
	srand(1);
	for (int step = 0; step < 20000; step++) {
		struct owned *owned = &blocks[rand() % 64];
		size_t size = any_size();
		if (!owned->bytes && rand() % 2) {
			take(owned, small_malloc(size), size, step);
		} else if (!owned->bytes) {
			unsigned char *bytes = small_calloc(1, size);
			assert_non_null(bytes);
			for (size_t i = 0; i < size; i++)
				assert_int_equal(bytes[i], 0);
			take(owned, bytes, size, step);
		} else if (rand() % 2) {
			owned->bytes = small_realloc(owned->bytes, size);
			check(owned, size < owned->count ? size : owned->count);
			take(owned, owned->bytes, size, step);
		} else {
			check(owned, owned->count);
			small_free(owned->bytes);
			owned->bytes = NULL;
		}
	}
	for (int i = 0; i < 64; i++) {
		if (blocks[i].bytes)
			check(&blocks[i], blocks[i].count);
		small_free(blocks[i].bytes);
	}
}

/* Pages of the address space, of the emulator's where there is one. */
static long mapped_pages(void)
{
	char text[64] = "";
	int fd = open("/proc/self/statm", O_RDONLY);
	assert_true(read(fd, text, sizeof text - 1) > 0);
	close(fd);
	return strtol(text, NULL, 10);
}

enum { HELD = 40 };

static void take_and_free(void)
{
	static const size_t sizes[] = { 1, 20, 100, 1000, LARGEST_SMALL, 100000 };
	for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
		void *held[HELD];
		for (int j = 0; j < HELD; j++)
			assert_non_null(held[j] = small_malloc(sizes[i]));
		for (int j = 0; j < HELD; j++)
			assert_non_null(held[j] = small_realloc(held[j], sizes[(i + 1) % 6]));
		for (int j = 0; j < HELD; j++)
			assert_non_null(held[j] = small_realloc(held[j], sizes[(i + 4) % 6]));
		for (int j = 0; j < HELD; j++)
			small_free(held[j]);
	}
}

/* What runs for months takes no more than it did in its first turn. */
static void freed_is_used_again(void **state)
{
	(void)state;
	take_and_free();
	const char *before = fresh;
	long limit = mapped_pages() + (80 << 20) / getpagesize();
	for (int i = 0; i < 100; i++)
		take_and_free();
	assert_ptr_equal(fresh, before);
	assert_in_range(mapped_pages(), 0, limit); /* a leak of 100 KB each is 400 MB; an emulator grows by a few */
}

static void too_large(void **state)
{
	(void)state;
	static const size_t sizes[] = { SIZE_MAX, SIZE_MAX - HEADER, PTRDIFF_MAX, (size_t)PTRDIFF_MAX + 1, PTRDIFF_MAX / 2 + 1 };
	for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
		errno = 0;
		assert_null(small_malloc(sizes[i]));
		assert_int_equal(errno, ENOMEM);
		assert_null(small_calloc(sizes[i], 1));
	}
	errno = 0;
	assert_null(small_calloc(SIZE_MAX / 2, 3));
	assert_null(small_calloc(SIZE_MAX / 8 + 2, 8));
	assert_int_equal(errno, ENOMEM);
	char *kept = small_malloc(10);
	strcpy(kept, "stays");
	assert_null(small_realloc(kept, SIZE_MAX));
	assert_string_equal(kept, "stays");
	small_free(kept);
}

static void edges(void **state)
{
	(void)state;
	small_free(NULL);
	void *empty = small_malloc(0);
	assert_non_null(empty);
	errno = EPIPE;
	small_free(empty);
	void *large = small_realloc(NULL, 100000);
	assert_non_null(large);
	errno = EPIPE;
	small_free(large);
	assert_int_equal(errno, EPIPE);
}

/* In a process of its own: how it ended. */
static int status_of(void (*act)(void))
{
	int status;
	pid_t pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		(void)signal(SIGILL, SIG_DFL);
		(void)signal(SIGTRAP, SIG_DFL);
		act();
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return status;
}

static void free_twice(void)
{
	void *memory = small_malloc(100);
	small_free(memory);
	small_free(memory);
}

static void realloc_freed(void)
{
	void *memory = small_malloc(100);
	small_free(memory);
	(void)small_realloc(memory, 200);
}

static void freed_twice(void **state)
{
	(void)state;
	assert_true(WIFSIGNALED(status_of(free_twice)));
	assert_true(WIFSIGNALED(status_of(realloc_freed)));
}

enum { STAYS = 42, UNLIMITED = 77 };

/* The kernel gives nothing more: what was there stays, and serves. */
static void without_memory(void)
{
	char *small = small_malloc(100);
	char *large = small_malloc(10000);
	memset(large, 'x', 10000);
	small_free(small);
	struct rlimit none = { 0, 0 };
	if (setrlimit(RLIMIT_AS, &none) != 0)
		_exit(2);
	if (map(CHUNK))
		_exit(UNLIMITED);
	errno = 0;
	if (small_malloc(10000) || errno != ENOMEM || small_realloc(large, 1 << 20) || large[9999] != 'x')
		_exit(3);
	if (small_malloc(100) != small)
		_exit(4);
	static const size_t sizes[] = { 1, 1000 };
	for (int i = 0; i < 2; i++) {
		int count = 0;
		while (count++ < 100000 && small_malloc(sizes[i]))
			continue; /* what earlier tests have freed */
	}
	if (small_malloc(1) || small_calloc(1, 1) || small_realloc(small, 1000))
		_exit(5);
	_exit(STAYS); /* a sanitizer that finds no memory ends with 0 */
}

static void no_memory(void **state)
{
	(void)state;
	int status = status_of(without_memory);
	if (WIFEXITED(status) && WEXITSTATUS(status) == UNLIMITED)
		skip(); /* qemu-user does not limit what it emulates */
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), STAYS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(any_order), cmocka_unit_test(freed_is_used_again), cmocka_unit_test(too_large),
		cmocka_unit_test(edges),     cmocka_unit_test(freed_twice),	    cmocka_unit_test(no_memory),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
