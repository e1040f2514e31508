/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Copying and filling. These come before the C library at link time.
 *
 * strcpy and strncpy go byte by byte. musl's take a word at a time and are 260 bytes larger; what is copied here are
 * names of interfaces and the like.
 */
#include <stdint.h>
#include <string.h>

char *strcpy(char *to, const char *string)
{
	return memcpy(to, string, strlen(string) + 1);
}

char *strncpy(char *to, const char *string, size_t size)
{
	for (size_t i = 0; i < size; i++) {
		to[i] = *string;
		string += *string != '\0';
	}
	return to;
}

/*
 * But for x86, musl's three are written for speed, in C or assembly, and take 1.8 KB on mips, 1.1 KB on ARM. Ours go
 * by words where all is aligned to words, as messages and the buffers of TLS are.
 */
#if !defined __x86_64__ && !defined __i386__
#define COPY_MEMORY
#endif

#ifdef COPY_MEMORY

/* Otherwise gcc may make a call of memcpy out of the loop that is memcpy. */
#if defined __GNUC__ && !defined __clang__
#pragma GCC optimize("no-tree-loop-distribute-patterns")
#endif

typedef unsigned long __attribute__((__may_alias__)) word;

void *memmove(void *to, const void *from, size_t size)
{
	char *target = to;
	const char *source = from;
	if ((uintptr_t)to - (uintptr_t)from < size) { /* the target begins within the source */
		while (size--)
			target[size] = source[size];
		return to;
	}
	if (((uintptr_t)to | (uintptr_t)from) % sizeof(word) == 0) {
		for (; size >= sizeof(word); size -= sizeof(word)) {
			*(word *)(void *)target = *(const word *)(const void *)source;
			target += sizeof(word);
			source += sizeof(word);
		}
	}
	while (size--)
		*target++ = *source++;
	return to;
}

void *memcpy(void *restrict to, const void *restrict from, size_t size)
{
	return memmove(to, from, size);
}

void *memset(void *to, int value, size_t size)
{
	char *target = to;
	if ((uintptr_t)to % sizeof(word) == 0) {
		word all = (unsigned char)value * (~0ul / 255);
		for (; size >= sizeof(word); size -= sizeof(word)) {
			*(word *)(void *)target = all;
			target += sizeof(word);
		}
	}
	while (size--)
		*target++ = (char)value;
	return to;
}

#endif
