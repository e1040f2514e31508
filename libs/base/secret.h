/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Text that the processes that we fork do not get to see. */
#ifndef BASE_SECRET_H
#define BASE_SECRET_H

#include <stdbool.h>
#include <stddef.h>

/*
 * Copies `length` bytes without a NUL among them, and a NUL, into pages of their own, which are empty in a child (Linux
 * 4.14, MADV_WIPEONFORK). Returns NULL when there is no memory, or none that would stay empty; secret_free releases it.
 */
char *secret_copy(const char *bytes, size_t length);

/* Whether children that are forked from now on get it as well. False when it stays as it was. */
bool secret_share(const char *secret, bool share);

void secret_free(char *secret); /* safe on NULL; what was in it is gone */

#endif
