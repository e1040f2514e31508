/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * malloc for programs that allocate little: without TLS and YAML quarbox has a dozen blocks at a time, most of them
 * large. musl's is 4 KB larger, and guards against what parsers of strangers' files may do; where those are, it stays.
 * This comes before the C library at link time.
 *
 * A large block is a mapping of its own. Small ones have a power of 2 as their size, header included; those that were
 * freed wait in a list for each size. One thread only.
 */
#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { SMALLEST = 32, LARGEST_SMALL = 2048, CHUNK = 4096, SIZES = 7 };

struct block {
	_Alignas(max_align_t) size_t size; /* header included; 1 more: it is free */
	struct block *next;		     /* of the same size, when it is free */
};

#define HEADER _Alignof(max_align_t)
_Static_assert(HEADER >= sizeof(size_t) && SMALLEST >= sizeof(struct block), "");
_Static_assert(SMALLEST << (SIZES - 1) == LARGEST_SMALL, "");

static struct block *unused[SIZES];
static char *fresh; /* never used, room bytes */
static size_t room;

static void *map(size_t size)
{
	void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	return memory == MAP_FAILED ? NULL : memory;
}

/* Of a block for count bytes; 0, and errno is ENOMEM, when none can be so large. *list: where it waits when free. */
static size_t block_size(size_t count, struct block ***list)
{
	size_t size = SMALLEST;
	*list = unused;
	if (count > PTRDIFF_MAX / 2) {
		errno = ENOMEM;
		return 0;
	}
	if (count > LARGEST_SMALL - HEADER) {
		size_t page = (size_t)getpagesize();
		return (count + HEADER + page - 1) & -page;
	}
	for (; size < count + HEADER; size *= 2)
		(*list)++;
	return size;
}

static struct block *block_of(void *memory)
{
	struct block *block = (void *)((char *)memory - HEADER);
	if (block->size & 1)
		__builtin_trap(); /* freed before */
	return block;
}

void *malloc(size_t count)
{
	struct block **list;
	size_t size = block_size(count, &list);
	struct block *block = NULL;
	if (size > LARGEST_SMALL) {
		block = map(size);
	} else if (size > 0 && *list) {
		block = *list;
		*list = block->next;
	} else if (size > 0) {
		if (room < size) { /* what is left there stays unused */
			fresh = map(CHUNK);
			room = fresh ? CHUNK : 0;
		}
		if (room > 0) {
			block = (void *)fresh;
			fresh += size;
			room -= size;
		}
	}
	if (!block)
		return NULL;
	block->size = size;
	return (char *)block + HEADER;
}

void *calloc(size_t count, size_t each)
{
	size_t size;
	if (__builtin_mul_overflow(count, each, &size))
		size = SIZE_MAX;
	void *memory = malloc(size);
	/* a large one comes from the kernel as zeros, which take no memory */
	return memory && size <= LARGEST_SMALL - HEADER ? memset(memory, 0, size) : memory;
}

void free(void *memory)
{
	if (!memory)
		return;
	struct block *block = block_of(memory);
	struct block **list;
	if (block->size > LARGEST_SMALL) {
		int error = errno;
		(void)munmap(block, block->size);
		errno = error;
		return;
	}
	(void)block_size(block->size - HEADER, &list);
	block->size |= 1;
	block->next = *list;
	*list = block;
}

void *realloc(void *memory, size_t count)
{
	if (!memory)
		return malloc(count);
	struct block *block = block_of(memory);
	struct block **list;
	size_t size = block_size(count, &list);
	if (size == 0)
		return NULL;
	if (size > LARGEST_SMALL && block->size > LARGEST_SMALL) {
		block = mremap(block, block->size, size, MREMAP_MAYMOVE);
		if (block == MAP_FAILED)
			return NULL;
		block->size = size;
		return (char *)block + HEADER;
	}
	size_t copied = block->size - HEADER;
	void *moved = size == block->size ? memory : malloc(count);
	if (!moved || moved == memory)
		return moved;
	memcpy(moved, memory, copied < count ? copied : count);
	free(memory);
	return moved;
}
