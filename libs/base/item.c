/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/item.h"

#include <string.h>

enum { ITEM_COLUMN = 14, LINE_COLUMNS = 79 };

/* How many bytes of the string go on this line: up to the last blank that fits, all when there is none. */
static size_t break_at(const char *string, size_t columns)
{
	size_t length = strlen(string);
	if (length <= columns)
		return length;
	size_t at = columns;
	while (at > 0 && string[at] != ' ')
		at--;
	return at > 0 ? at : strcspn(string, " ");
}

void item_format(struct text *text, const char *label, const char *words)
{
	while (*words) {
		size_t length = break_at(words, LINE_COLUMNS - ITEM_COLUMN);
		size_t padding = strlen(label) + 2 < ITEM_COLUMN ? ITEM_COLUMN - 2 - strlen(label) : 1;
		text_addf(text, "  %s%.*s", label, (int)padding, "            ");
		text_add_bytes(text, words, length);
		text_add(text, "\n");
		words += length + (words[length] == ' ');
		label = "";
	}
}
