/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/json.h"

/* A comma when something stands before on this level. A text with a flush function would lose that. */
static void separate(struct text *text)
{
	char last = text->length > 0 ? text->bytes[text->length - 1] : '{';
	if (last != '{' && last != '[')
		text_add(text, ",");
}

static void add_quoted(struct text *text, const char *value)
{
	text_add(text, "\"");
	for (size_t count; *value; value += count) {
		unsigned char byte = (unsigned char)*value;
		count = text_utf8_length(value, SIZE_MAX); /* NUL ends a character that is not whole */
		if (byte >= 0x80 && count == 1) {
			text_add(text, "\\ufffd");
		} else if ((byte < ' ' && byte != '\n') || byte == 0x7f) {
			text_addf(text, "\\u%04x", byte);
		} else {
			text_add(text, byte == '"' || byte == '\\' || byte == '\n' ? "\\" : "");
			text_add_bytes(text, byte == '\n' ? "n" : value, count);
		}
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
