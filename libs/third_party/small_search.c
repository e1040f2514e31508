/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What searches in memory, one place after the other. musl's search takes a word at a time, or goes in linear time,
 * and is 1.8 KB larger; what is looked for here are "://", names of chains, an attribute in a message and the lines
 * around a certificate: 27 bytes at most. These come before the C library at link time; musl's strchr() calls
 * strchrnul by its name with underscores.
 */
#include <stdint.h>
#include <string.h>

char *__strchrnul(const char *string, int byte);

char *__strchrnul(const char *string, int byte)
{
	while (*string && *string != (char)byte)
		string++;
	return (char *)(uintptr_t)string;
}

char *strchrnul(const char *string, int byte)
{
	return __strchrnul(string, byte);
}

char *strrchr(const char *string, int byte)
{
	const char *found = NULL;
	do {
		if (*string == (char)byte)
			found = string;
	} while (*string++);
	return (char *)(uintptr_t)found;
}

size_t strcspn(const char *string, const char *rejected)
{
	size_t length = 0;
	while (string[length] && !strchr(rejected, string[length]))
		length++;
	return length;
}

size_t strspn(const char *string, const char *accepted)
{
	size_t length = 0;
	while (string[length] && strchr(accepted, string[length]))
		length++;
	return length;
}

void *memchr(const void *bytes, int byte, size_t size)
{
	const char *at = bytes;
	for (; size > 0; at++, size--) {
		if (*at == (char)byte)
			return (char *)(uintptr_t)at;
	}
	return NULL;
}

void *memmem(const void *bytes, size_t size, const void *wanted, size_t length)
{
	char *at = (char *)(uintptr_t)bytes;
	char *end = at + size;
	if (length == 0)
		return at;
	for (; (size_t)(end - at) >= length; at++) {
		at = memchr(at, *(const unsigned char *)wanted, (size_t)(end - at) - length + 1);
		if (!at || memcmp(at, wanted, length) == 0)
			return at;
	}
	return NULL;
}

char *strstr(const char *string, const char *wanted)
{
	return memmem(string, strlen(string), wanted, strlen(wanted));
}
