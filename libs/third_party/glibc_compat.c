/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Debian's static archive of libmnl is compiled for glibc with _FORTIFY_SOURCE: its printf calls became calls of a
 * checking function, which musl does not have. Only mnl_nlmsg_fprintf() has such calls and those of fwrite, which
 * install.sh renames; quarbox never calls it, so they write nothing.
 */
#include <stddef.h>
#include <stdio.h>

int __fprintf_chk(FILE *stream, int flag, const char *format, ...);
size_t __fwrite_chk(const void *bytes, size_t size, size_t count, FILE *stream);

int __fprintf_chk(FILE *stream, int flag, const char *format, ...)
{
	(void)stream, (void)flag, (void)format;
	return -1;
}

size_t __fwrite_chk(const void *bytes, size_t size, size_t count, FILE *stream)
{
	(void)bytes, (void)size, (void)count, (void)stream;
	return 0;
}
