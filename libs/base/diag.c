/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/diag.h"

#include <stdarg.h>

#include "base/error.h"

/* error: 0 for none */
static void fill(struct diag *diag, int error, const char *format, va_list arguments)
{
	if (!diag)
		return;
	struct text text = TEXT_ON(diag->text);
	text_vaddf(&text, format, arguments);
	if (error) {
		text_add(&text, ": ");
		text_add_error(&text, error);
	}
}

int diag_errno(struct diag *diag, int error, const char *format, ...)
{
	va_list arguments;
	va_start(arguments, format);
	fill(diag, error, format, arguments);
	va_end(arguments);
	return -error;
}

int diag_fail(struct diag *diag, int error, const char *format, ...)
{
	va_list arguments;
	va_start(arguments, format);
	fill(diag, 0, format, arguments);
	va_end(arguments);
	return -error;
}
