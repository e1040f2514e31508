/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/diag.h"

#include <stdarg.h>
#include <string.h>

#include "base/text.h"

int diag_errno(struct diag *diag, int error, const char *format, ...)
{
	if (!diag)
		return -error;
	struct text text = TEXT_ON(diag->text);
	va_list arguments;
	va_start(arguments, format);
	text_vaddf(&text, format, arguments);
	va_end(arguments);
	text_addf(&text, ": %s", strerror(error));
	return -error;
}

int diag_fail(struct diag *diag, int error, const char *format, ...)
{
	if (!diag)
		return -error;
	struct text text = TEXT_ON(diag->text);
	va_list arguments;
	va_start(arguments, format);
	text_vaddf(&text, format, arguments);
	va_end(arguments);
	return -error;
}
