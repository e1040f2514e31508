/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/diag.h"

#include <stdarg.h>
#include <string.h>

#include "base/text.h"

static void fill(struct diag *diag, const char *format, va_list arguments, const char *separator, const char *reason)
{
	if (!diag)
		return;
	struct text text = TEXT_ON(diag->text);
	text_vaddf(&text, format, arguments);
	text_add(&text, separator);
	text_add(&text, reason);
}

int diag_errno(struct diag *diag, int error, const char *format, ...)
{
	va_list arguments;
	va_start(arguments, format);
	fill(diag, format, arguments, ": ", strerror(error));
	va_end(arguments);
	return -error;
}

int diag_fail(struct diag *diag, int error, const char *format, ...)
{
	va_list arguments;
	va_start(arguments, format);
	fill(diag, format, arguments, "", "");
	va_end(arguments);
	return -error;
}
