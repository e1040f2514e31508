/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Debian's static archive of libmnl is compiled for glibc, and mnl_nlmsg_fprintf() in it, which is for debugging, calls
 * functions that musl does not have or that bring much of it. quarbox never calls that, but it can not be left out;
 * so install.sh gives those calls these names, where they do nothing.
 */
#include <stddef.h>
#include <stdio.h>

int __unused_fprintf(FILE *stream, int flag, const char *format, ...);
size_t __unused_fwrite(const void *bytes, size_t size, size_t count, FILE *stream);
const unsigned short **__unused_ctype_b_loc(void);

int __unused_fprintf(FILE *stream, int flag, const char *format, ...)
{
	(void)stream, (void)flag, (void)format;
	return -1;
}

size_t __unused_fwrite(const void *bytes, size_t size, size_t count, FILE *stream)
{
	(void)bytes, (void)size, (void)count, (void)stream;
	return 0;
}

const unsigned short **__unused_ctype_b_loc(void)
{
	return NULL;
}
