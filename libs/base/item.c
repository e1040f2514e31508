/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/item.h"

#include <string.h>

enum { ITEM_COLUMN = 14, LINE_COLUMNS = 79 };

/* How many bytes of the string go on this line: up to the last blank that fits. */
static size_t break_at(const char *string, size_t columns)
{
	size_t length = strlen(string);
	if (length <= columns)
		return length;
	size_t at = columns;
	while (at > 0 && string[at] != ' ')
		at--;
	return at > 0 ? at : columns;
}

/* Names come from the kernel, where anybody may have put them: a terminal must not take one for a command. */
static void add_plain(struct text *text, const char *bytes, size_t count)
{
	for (size_t i = 0; i < count; i++)
		text_add_bytes(text, bytes[i] >= ' ' && bytes[i] < 0x7f ? &bytes[i] : "?", 1);
}

void wrap_format(struct text *text, const char *lead, size_t column, const char *words)
{
	while (*words) {
		size_t length = break_at(words, LINE_COLUMNS - column);
		text_addf(text, "%-*s", (int)column, lead);
		add_plain(text, words, length);
		text_add(text, "\n");
		words += length + (words[length] == ' ');
		lead = "";
	}
}

void item_format(struct text *text, const char *label, const char *words)
{
	char lead[ITEM_COLUMN];
	struct text lead_text = TEXT_ON(lead);
	text_addf(&lead_text, "  %s", label);
	wrap_format(text, lead, ITEM_COLUMN, words);
}
