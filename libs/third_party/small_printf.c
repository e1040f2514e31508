/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * snprintf for the libraries, by base/text.h's subset of printf. mbedtls writes names of certificates with it. musl's
 * own has floating point and wide characters as well and is 10 KB larger. This one comes before the C library at link
 * time.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include "base/text.h"

/* Returns the length or, when it does not fit, size: callers only compare the result with it. */
int vsnprintf(char *buffer, size_t size, const char *format, va_list arguments)
{
	char nothing[2];
	struct text text = size >= 2 ? text_on(buffer, size) : text_on(nothing, sizeof nothing);
	text_vaddf(&text, format, arguments);
	if (size == 1)
		*buffer = '\0';
	return size < 2 || text.cut ? (int)size : (int)text.length;
}

int snprintf(char *buffer, size_t size, const char *format, ...)
{
	va_list arguments;
	va_start(arguments, format);
	int length = vsnprintf(buffer, size, format, arguments);
	va_end(arguments);
	return length;
}
