/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * strcpy and strncpy byte by byte. musl's take a word at a time and are 260 bytes larger; what is copied here are names
 * of interfaces and the like. These come before the C library at link time.
 */
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
