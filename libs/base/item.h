/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The blocks of lines in which applets say for people how things stand. */
#ifndef BASE_ITEM_H
#define BASE_ITEM_H

#include "base/text.h"

/* "  label      words", wrapped at 79 columns where the words have blanks. No words: no line. */
void item_format(struct text *text, const char *label, const char *words);

#endif
