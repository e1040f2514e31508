/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Debian's static archives are compiled for glibc with _FORTIFY_SOURCE: their printf calls became calls of checking
 * functions, which musl does not have. These do what glibc's do for snprintf (stop when the buffer is smaller than the
 * caller says) and leave out the check for %n, which no format in those archives uses.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

int __snprintf_chk(char *out, size_t size, int flag, size_t object_size, const char *format, ...);
int __fprintf_chk(FILE *stream, int flag, const char *format, ...);

int __snprintf_chk(char *out, size_t size, int flag, size_t object_size, const char *format, ...)
{
	va_list arguments;
	(void)flag;
	if (size > object_size)
		__builtin_trap();
	va_start(arguments, format);
	int length = vsnprintf(out, size, format, arguments);
	va_end(arguments);
	return length;
}

int __fprintf_chk(FILE *stream, int flag, const char *format, ...)
{
	/* Only mnl_nlmsg_fprintf() calls this, line by line, for debugging: no need for musl's vfprintf. */
	char line[256];
	va_list arguments;
	(void)flag;
	va_start(arguments, format);
	int length = vsnprintf(line, sizeof line, format, arguments);
	va_end(arguments);
	return fputs(line, stream) < 0 ? -1 : length;
}
