/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/json.h"

#include <string.h>

/* A comma when something stands before on this level. A text with a flush function would lose that. */
static void separate(struct text *text)
{
	char last = text->length > 0 ? text->bytes[text->length - 1] : '{';
	if (last != '{' && last != '[')
		text_add(text, ",");
}

static void add_escaped(struct text *text, unsigned char byte)
{
	if (byte == '"' || byte == '\\')
		text_addf(text, "\\%c", byte);
	else if (byte == '\n')
		text_add(text, "\\n");
	else
		text_addf(text, "\\u%04x", byte);
}

static void add_quoted(struct text *text, const char *value)
{
	size_t length = strlen(value);
	text_add(text, "\"");
	for (size_t i = 0; i < length;) {
		unsigned char byte = (unsigned char)value[i];
		size_t count = byte < 0x80 ? 1 : text_utf8_length(value + i, length - i);
		if (byte < ' ' || byte == '"' || byte == '\\' || byte == 0x7f)
			add_escaped(text, byte);
		else if (byte >= 0x80 && count == 1)
			text_add(text, "\\ufffd");
		else
			text_add_bytes(text, value + i, count);
		i += count;
	}
	text_add(text, "\"");
}

static void add_name(struct text *text, const char *name)
{
	separate(text);
	add_quoted(text, name);
	text_add(text, ":");
}

void json_begin(struct text *text)
{
	text_add(text, "{");
}

void json_end(struct text *text)
{
	text_add(text, "}\n");
}

void json_string(struct text *text, const char *name, const char *value)
{
	add_name(text, name);
	add_quoted(text, value);
}

void json_number(struct text *text, const char *name, int64_t value)
{
	add_name(text, name);
	text_addf(text, "%lld", (long long)value);
}

void json_bool(struct text *text, const char *name, bool value)
{
	add_name(text, name);
	text_add(text, value ? "true" : "false");
}

void json_array_begin(struct text *text, const char *name)
{
	add_name(text, name);
	text_add(text, "[");
}

void json_array_string(struct text *text, const char *value)
{
	separate(text);
	add_quoted(text, value);
}

void json_array_end(struct text *text)
{
	text_add(text, "]");
}
