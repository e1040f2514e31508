/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/text.h"

#include <stdint.h>
#include <string.h>

struct text text_on(char *bytes, size_t size)
{
	bytes[0] = '\0';
	return (struct text){ .bytes = bytes, .size = size };
}

void text_clear(struct text *text)
{
	text->length = 0;
	text->cut = false;
	text->bytes[0] = '\0';
}

void text_add_bytes(struct text *text, const char *bytes, size_t count)
{
	while (count > 0) {
		size_t room = text->size - 1 - text->length;
		if (room == 0 && text->flush) {
			text->flush(text);
			room = text->size - 1 - text->length;
		}
		if (room == 0) {
			text->cut = true;
			return;
		}
		size_t part = count < room ? count : room;
		memcpy(text->bytes + text->length, bytes, part);
		text->length += part;
		text->bytes[text->length] = '\0';
		bytes += part;
		count -= part;
	}
}

void text_add(struct text *text, const char *string)
{
	text_add_bytes(text, string, strlen(string));
}

/* byte: a string of one */
static void add_repeated(struct text *text, const char *byte, size_t count)
{
	while (count-- > 0)
		text_add_bytes(text, byte, 1);
}

/* One conversion of a format string, as text_addf documents them. */
struct conversion {
	bool left;
	bool zero;
	char type;
	unsigned longs; /* how many l; a z counts as one: a size_t is as long as a long on every Linux */
	size_t width;
	size_t precision; /* SIZE_MAX: none */
};

/* Like the next, returns what follows in the format. */
static const char *read_number(const char *format, size_t *number, va_list *arguments)
{
	*number = 0;
	if (*format == '*') {
		int value = va_arg(*arguments, int);
		*number = value < 0 ? 0 : (size_t)value;
		return format + 1;
	}
	for (; *format >= '0' && *format <= '9'; format++)
		*number = *number * 10 + (size_t)(*format - '0');
	return format;
}

static const char *read_conversion(const char *format, struct conversion *conversion, va_list *arguments)
{
	*conversion = (struct conversion){ .precision = SIZE_MAX };
	for (; *format == '-' || *format == '0'; format++) {
		if (*format == '-')
			conversion->left = true;
		else
			conversion->zero = true;
	}
	format = read_number(format, &conversion->width, arguments);
	if (*format == '.')
		format = read_number(format + 1, &conversion->precision, arguments);
	for (; *format == 'l' || *format == 'z'; format++)
		conversion->longs++;
	conversion->type = *format;
	return *format ? format + 1 : format;
}

static void add_padded(struct text *text, const struct conversion *conversion, const char *bytes, size_t count)
{
	size_t fill = conversion->width > count ? conversion->width - count : 0;
	if (!conversion->left)
		add_repeated(text, conversion->zero ? "0" : " ", fill);
	text_add_bytes(text, bytes, count);
	if (conversion->left)
		add_repeated(text, " ", fill);
}

static void add_unsigned(struct text *text, struct conversion *conversion, unsigned long long value, bool negative)
{
	char digits[3 * sizeof value + 1];
	char *start = digits + sizeof digits;
	unsigned base = conversion->type == 'd' || conversion->type == 'u' ? 10 : 16;
	do {
		int digit = (int)(value % base);
		/* 'X' and 'x' are as far from each other as their digits */
		*--start = (char)(digit < 10 ? '0' + digit : conversion->type - 'X' + 'A' + digit - 10);
		value /= base;
	} while (value);
	if (negative && conversion->zero) {
		text_add(text, "-");
		conversion->width -= conversion->width > 0;
	} else if (negative) {
		*--start = '-';
	}
	add_padded(text, conversion, start, (size_t)(digits + sizeof digits - start));
}

/* A signed and an unsigned argument of the same size are passed alike. */
static void add_number(struct text *text, struct conversion *conversion, va_list *arguments)
{
	bool is_signed = conversion->type == 'd';
	long long value;
	if (conversion->longs >= 2)
		value = va_arg(*arguments, long long);
	else if (conversion->longs == 1)
		value = va_arg(*arguments, long);
	else
		value = va_arg(*arguments, int);
	if (!is_signed && conversion->longs == 0)
		value = (unsigned)value;
	else if (!is_signed && conversion->longs == 1)
		value = (long long)(unsigned long)value;
	bool negative = is_signed && value < 0;
	unsigned long long magnitude = (unsigned long long)value;
	add_unsigned(text, conversion, negative ? 0 - magnitude : magnitude, negative);
}

static void add_conversion(struct text *text, struct conversion *conversion, va_list *arguments)
{
	switch (conversion->type) {
	case 's': {
		const char *string = va_arg(*arguments, const char *);
		add_padded(text, conversion, string, strnlen(string, conversion->precision));
		break;
	}
	case 'c':
		conversion->type = (char)va_arg(*arguments, int);
		add_padded(text, conversion, &conversion->type, 1);
		break;
	case 'd':
	case 'u':
	case 'x':
	case 'X':
		add_number(text, conversion, arguments);
		break;
	default:
		text_add_bytes(text, &conversion->type, conversion->type != '\0');
	}
}

void text_vaddf(struct text *text, const char *format, va_list arguments)
{
	struct conversion conversion;
	va_list rest;
	va_copy(rest, arguments);
	while (*format) {
		if (*format != '%') {
			text_add_bytes(text, format++, 1);
			continue;
		}
		format = read_conversion(format + 1, &conversion, &rest);
		add_conversion(text, &conversion, &rest);
	}
	va_end(rest);
}

void text_addf(struct text *text, const char *format, ...)
{
	va_list arguments;
	va_start(arguments, format);
	text_vaddf(text, format, arguments);
	va_end(arguments);
}

void text_pad_to(struct text *text, size_t column)
{
	size_t start = text->length;
	while (start > 0 && text->bytes[start - 1] != '\n')
		start--;
	size_t at = text->length - start;
	if (at < column)
		add_repeated(text, " ", column - at);
}

void text_hide_controls(struct text *text)
{
	for (size_t i = 0; i < text->length; i++) {
		char byte = text->bytes[i];
		if (byte != '\n' && byte != '\t' && (byte < ' ' || byte > '~'))
			text->bytes[i] = '?';
	}
}

/* How many bytes a UTF-8 character with this first byte has; 1 for bytes that can't start one. */
static size_t utf8_expected(unsigned char first)
{
	if (first >= 0xc2 && first <= 0xdf)
		return 2;
	if (first >= 0xe0 && first <= 0xef)
		return 3;
	if (first >= 0xf0 && first <= 0xf4)
		return 4;
	return 1;
}

size_t text_utf8_length(const char *string, size_t length)
{
	const unsigned char *bytes = (const unsigned char *)string;
	size_t count = utf8_expected(bytes[0]);
	if (count > length)
		return 1;
	for (size_t i = 1; i < count; i++) {
		if ((bytes[i] & 0xc0) != 0x80)
			return 1;
	}
	/* overlong forms, surrogates and what lies beyond U+10FFFF: RFC 3629 section 4 */
	if ((bytes[0] == 0xe0 && bytes[1] < 0xa0) || (bytes[0] == 0xed && bytes[1] > 0x9f) ||
	    (bytes[0] == 0xf0 && bytes[1] < 0x90) || (bytes[0] == 0xf4 && bytes[1] > 0x8f))
		return 1;
	return count;
}

size_t text_utf8_prefix(const char *string, size_t length, size_t limit)
{
	size_t end = 0;
	while (end < length) {
		size_t count = text_utf8_length(string + end, length - end);
		if (end + count > limit)
			break;
		end += count;
	}
	return end;
}

const char *text_after(const char *string, const char *prefix)
{
	while (*prefix && *string == *prefix) {
		string++;
		prefix++;
	}
	return *prefix ? NULL : string;
}

bool text_copy(char *buffer, size_t size, const char *string)
{
	size_t length = strlen(string);
	size_t count = length < size ? length : size - 1;
	memcpy(buffer, string, count);
	buffer[count] = '\0';
	return count == length;
}
