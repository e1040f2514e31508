/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One JSON object a line (RFC 8259), written member by member into a text. */
#ifndef BASE_JSON_H
#define BASE_JSON_H

#include <stdbool.h>
#include <stdint.h>

#include "base/text.h"

void json_begin(struct text *text); /* "{" */
void json_end(struct text *text); /* "}\n" */

/* Members; commas are set as needed. Bytes that are not UTF-8 become U+FFFD: the output is always valid JSON. */
void json_string(struct text *text, const char *name, const char *value);
void json_number(struct text *text, const char *name, int64_t value);
void json_bool(struct text *text, const char *name, bool value);

void json_array_begin(struct text *text, const char *name);
void json_array_string(struct text *text, const char *value);
void json_array_end(struct text *text);

#endif
