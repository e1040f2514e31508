/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What an errno value means, in words. */
#ifndef BASE_ERROR_H
#define BASE_ERROR_H

#include "base/text.h"

/*
 * The words that users of Linux know for an errno value (positive), "error 133" for one that nothing here can meet. The
 * C library's table has all of them and is 1.3 KB larger.
 */
void text_add_error(struct text *text, int error);

#endif
