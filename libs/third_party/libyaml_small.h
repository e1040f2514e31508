/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Makes libyaml's parser smaller without a change to its sources: what its private header spells out as macros at some
 * 300 places, most of it looking at UTF-8 byte by byte, become functions here. Included before each of its files.
 * #import, other than #include, makes the compiler pass over the private header when the file asks for it again.
 *
 * And makes it clean up: a private key may be in any buffer that it gives back.
 */
#ifndef THIRD_PARTY_LIBYAML_SMALL_H
#define THIRD_PARTY_LIBYAML_SMALL_H

#import "yaml_private.h"
#include <malloc.h>

#define SMALL static __attribute__((noinline, unused))

SMALL int small_is_break(const yaml_char_t *at)
{
	if (at[0] == '\r' || at[0] == '\n')
		return 1;
	if (at[0] == 0xc2)
		return at[1] == 0x85;
	return at[0] == 0xe2 && at[1] == 0x80 && (at[2] == 0xa8 || at[2] == 0xa9);
}

SMALL int small_is_breakz(const yaml_char_t *at)
{
	return *at == '\0' || small_is_break(at);
}

SMALL int small_is_spacez(const yaml_char_t *at)
{
	return *at == ' ' || small_is_breakz(at);
}

SMALL int small_is_blankz(const yaml_char_t *at)
{
	return *at == '\t' || small_is_spacez(at);
}

SMALL int small_is_alpha(yaml_char_t c)
{
	yaml_char_t lower = c | 0x20;
	return (lower >= 'a' && lower <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
}

SMALL int small_width(yaml_char_t c)
{
	if (c < 0x80)
		return 1;
	if (c < 0xe0)
		return c < 0xc0 ? 0 : 2;
	return c < 0xf0 ? 3 : c < 0xf8 ? 4 : 0;
}

SMALL void small_copy(yaml_string_t *to, yaml_char_t **from)
{
	int width = small_width(**from);
	memcpy(to->pointer, *from, (size_t)width);
	to->pointer += width;
	*from += width;
}

SMALL int small_extend(yaml_error_type_t *error, yaml_string_t *string)
{
	if (string->pointer + 5 < string->end || yaml_string_extend(&string->start, &string->pointer, &string->end))
		return 1;
	*error = YAML_MEMORY_ERROR;
	return 0;
}

SMALL void small_free(void *memory)
{
	explicit_bzero(memory, malloc_usable_size(memory));
	free(memory);
}

/* Of memory that is there, to a size that is not 0. */
SMALL void *small_realloc(void *memory, size_t size)
{
	size_t old_size = malloc_usable_size(memory);
	void *moved = malloc(size);
	if (!moved)
		return NULL;
	memcpy(moved, memory, old_size < size ? old_size : size);
	small_free(memory);
	return moved;
}

#define free small_free
#define realloc small_realloc

/* Nobody has it read a FILE: so nothing of the C library's stdio is linked, which would also be closed at the exit. */
#define fread(bytes, size, count, file) 0
#define ferror(file) 1

#undef IS_BREAK_AT
#define IS_BREAK_AT(string, offset) small_is_break((string).pointer + (offset))
#undef IS_BREAKZ_AT
#define IS_BREAKZ_AT(string, offset) small_is_breakz((string).pointer + (offset))
#undef IS_SPACEZ_AT
#define IS_SPACEZ_AT(string, offset) small_is_spacez((string).pointer + (offset))
#undef IS_BLANKZ_AT
#define IS_BLANKZ_AT(string, offset) small_is_blankz((string).pointer + (offset))
#undef IS_ALPHA_AT
#define IS_ALPHA_AT(string, offset) small_is_alpha((string).pointer[offset])
#undef WIDTH_AT
#define WIDTH_AT(string, offset) small_width((string).pointer[offset])
#undef COPY
#define COPY(to, from) small_copy(&(to), &(from).pointer)
#undef STRING_EXTEND
#define STRING_EXTEND(context, string) small_extend(&(context)->error, &(string))

#endif
