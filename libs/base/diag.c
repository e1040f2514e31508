/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/diag.h"

#include <stdarg.h>

#include "base/error.h"

int diag_store(struct diag *diag, int error, const char *format, ...)
{
	int number = error < 0 ? -error : error;
	if (!diag)
		return -number;
	va_list arguments;
	struct text text = TEXT_ON(diag->text);
	va_start(arguments, format);
	text_vaddf(&text, format, arguments);
	va_end(arguments);
	if (error < 0) {
		text_add(&text, ": ");
		text_add_error(&text, number);
	}
	return -number;
}
