/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The blocks of lines in which applets say for people how things stand, at most 79 columns wide. */
#ifndef BASE_ITEM_H
#define BASE_ITEM_H

#include "base/text.h"

/*
 * The words from that column on, in as many lines as they need, broken at blanks; a long word is broken anywhere. The
 * lead, shorter than the column, stands in front of the first. No words: no line.
 */
void wrap_format(struct text *text, const char *lead, size_t column, const char *words);

/* "  label      words", wrapped likewise. */
void item_format(struct text *text, const char *label, const char *words);

#endif
