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

/* The value of a hexadecimal digit, or -1. */
SMALL int small_hex(yaml_char_t c)
{
	yaml_char_t lower = c | 0x20;
	if (c >= '0' && c <= '9')
		return c - '0';
	return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

SMALL size_t small_width(const yaml_char_t *at)
{
	if (*at < 0x80)
		return 1;
	if (*at < 0xe0)
		return *at < 0xc0 ? 0 : 2;
	return *at < 0xf0 ? 3 : *at < 0xf8 ? 4 : 0;
}

SMALL void small_copy(yaml_string_t *to, yaml_char_t **from)
{
	size_t width = small_width(*from);
	memcpy(to->pointer, *from, width);
	to->pointer += width;
	*from += width;
}

/* Functions that need memory get the place of the parser's error, and return whether they had it. */
SMALL int small_result(yaml_error_type_t *error, int done)
{
	if (!done)
		*error = YAML_MEMORY_ERROR;
	return done;
}

SMALL int small_extend(yaml_error_type_t *error, yaml_string_t *string)
{
	return small_result(error, string->pointer + 5 < string->end ||
			    yaml_string_extend(&string->start, &string->pointer, &string->end));
}

SMALL int small_string_init(yaml_error_type_t *error, yaml_string_t *string)
{
	string->start = string->pointer = calloc(1, INITIAL_STRING_SIZE);
	string->end = string->start + INITIAL_STRING_SIZE;
	return small_result(error, string->start != NULL);
}

SMALL void small_clear(yaml_string_t *string)
{
	string->pointer = string->start;
	memset(string->start, 0, (size_t)(string->end - string->start));
}

SMALL int small_join(yaml_error_type_t *error, yaml_string_t *a, yaml_string_t *b)
{
	int done = yaml_string_join(&a->start, &a->pointer, &a->end, &b->start, &b->pointer, &b->end);
	if (done)
		b->pointer = b->start;
	return small_result(error, done);
}

/* The three pointers of a stack, as yaml.h has them: start, end, top. */
SMALL int small_make_room(yaml_error_type_t *error, void **stack)
{
	return small_result(error, stack[2] != stack[1] || yaml_stack_extend(&stack[0], &stack[2], &stack[1]));
}

/* At this place of the queue of tokens, counted from its head. */
SMALL int small_insert(yaml_parser_t *parser, size_t place, const yaml_token_t *token)
{
	if (!small_result(&parser->error, parser->tokens.tail != parser->tokens.end ||
			  yaml_queue_extend((void **)&parser->tokens.start, (void **)&parser->tokens.head,
					    (void **)&parser->tokens.tail, (void **)&parser->tokens.end)))
		return 0;
	yaml_token_t *at = parser->tokens.head + place;
	memmove(at + 1, at, (size_t)((char *)parser->tokens.tail++ - (char *)at));
	*at = *token;
	return 1;
}

SMALL int small_enqueue(yaml_parser_t *parser, const yaml_token_t *token)
{
	return small_insert(parser, (size_t)(parser->tokens.tail - parser->tokens.head), token);
}

SMALL void small_token_init(yaml_token_t *token, yaml_token_type_t type, const yaml_mark_t *start,
			    const yaml_mark_t *end)
{
	*token = (yaml_token_t){ .type = type, .start_mark = *start, .end_mark = *end };
}

SMALL void small_event_init(yaml_event_t *event, yaml_event_type_t type, const yaml_mark_t *start,
			    const yaml_mark_t *end)
{
	*event = (yaml_event_t){ .type = type, .start_mark = *start, .end_mark = *end };
}

SMALL void small_free(void *memory)
{
	explicit_bzero(memory, malloc_usable_size(memory));
	free(memory);
}

SMALL void small_string_del(yaml_string_t *string)
{
	yaml_free(string->start); /* NULL where one had no memory */
	*string = (yaml_string_t)NULL_STRING;
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

/* Their parameters are large, but their code at each of 60 calls would be larger. */
#ifdef SOURCE_scanner
SMALL int yaml_parser_set_scanner_error(yaml_parser_t *parser, const char *context, yaml_mark_t context_mark,
					const char *problem);
#endif
#ifdef SOURCE_parser
SMALL int yaml_parser_set_parser_error(yaml_parser_t *parser, const char *problem, yaml_mark_t problem_mark);
SMALL int yaml_parser_set_parser_error_context(yaml_parser_t *parser, const char *context, yaml_mark_t context_mark,
					       const char *problem, yaml_mark_t problem_mark);
#endif

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
#define WIDTH_AT(string, offset) small_width((string).pointer + (offset))
#undef IS_HEX_AT
#define IS_HEX_AT(string, offset) (small_hex((string).pointer[offset]) >= 0)
#undef AS_HEX_AT
#define AS_HEX_AT(string, offset) small_hex((string).pointer[offset])
#undef COPY
#define COPY(to, from) small_copy(&(to), &(from).pointer)
#undef STRING_EXTEND
#define STRING_EXTEND(context, string) small_extend(&(context)->error, &(string))
#undef STRING_INIT
#define STRING_INIT(context, string, size) small_string_init(&(context)->error, &(string))
#undef STRING_DEL
#define STRING_DEL(context, string) small_string_del(&(string))
#undef CLEAR
#define CLEAR(context, string) small_clear(&(string))
#undef JOIN
#define JOIN(context, a, b) small_join(&(context)->error, &(a), &(b))
#undef PUSH
#define PUSH(context, stack, value) \
	(small_make_room(&(context)->error, (void **)&(stack).start) && (*(stack).top++ = (value), 1))
#undef ENQUEUE
#define ENQUEUE(context, queue, value) small_enqueue(context, &(value))
#undef QUEUE_INSERT
#define QUEUE_INSERT(context, queue, index, value) small_insert(context, index, &(value))
#undef TOKEN_INIT
#define TOKEN_INIT(token, type, start, end) small_token_init(&(token), type, &(start), &(end))
#undef EVENT_INIT
#define EVENT_INIT(event, type, start, end) small_event_init(&(event), type, &(start), &(end))

#endif
