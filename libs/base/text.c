/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/text.h"

#include <stdint.h>
#include <string.h>

struct text text_on(char *bytes, size_t size)
{
	bytes[0] = '\0';
	return (struct text){ .bytes = bytes, .size = size };
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

static void add_repeated(struct text *text, char byte, size_t count)
{
	while (count-- > 0)
		text_add_bytes(text, &byte, 1);
}

/* One conversion of a format string, as text_addf documents them. */
struct conversion {
	bool left;
	bool zero;
	size_t width;
	size_t precision; /* SIZE_MAX: none */
	int longs; /* how many l */
	bool size;
	char type;
};

static size_t read_number(const char **format, va_list *arguments)
{
	if (**format == '*') {
		++*format;
		int value = va_arg(*arguments, int);
		return value < 0 ? 0 : (size_t)value;
	}
	size_t number = 0;
	while (**format >= '0' && **format <= '9')
		number = number * 10 + (size_t)(*(*format)++ - '0');
	return number;
}

static struct conversion read_conversion(const char **format, va_list *arguments)
{
	struct conversion conversion = { .precision = SIZE_MAX };
	for (;; ++*format) {
		if (**format == '-')
			conversion.left = true;
		else if (**format == '0')
			conversion.zero = true;
		else
			break;
	}
	conversion.width = read_number(format, arguments);
	if (**format == '.') {
		++*format;
		conversion.precision = read_number(format, arguments);
	}
	for (; **format == 'l' || **format == 'z'; ++*format) {
		conversion.size |= **format == 'z';
		conversion.longs += **format == 'l';
	}
	conversion.type = **format;
	if (conversion.type)
		++*format;
	return conversion;
}

static void add_padded(struct text *text, const struct conversion *conversion, const char *bytes, size_t count)
{
	size_t fill = conversion->width > count ? conversion->width - count : 0;
	if (!conversion->left)
		add_repeated(text, conversion->zero ? '0' : ' ', fill);
	text_add_bytes(text, bytes, count);
	if (conversion->left)
		add_repeated(text, ' ', fill);
}

static void add_unsigned(struct text *text, struct conversion *conversion, unsigned long long value, bool negative)
{
	char digits[3 * sizeof value + 1];
	size_t start = sizeof digits;
	bool upper = conversion->type == 'X';
	unsigned base = upper || conversion->type == 'x' ? 16 : 10;
	do {
		digits[--start] = (upper ? "0123456789ABCDEF" : "0123456789abcdef")[value % base];
		value /= base;
	} while (value);
	if (negative && conversion->zero) {
		text_add(text, "-");
		conversion->width -= conversion->width > 0;
	} else if (negative) {
		digits[--start] = '-';
	}
	add_padded(text, conversion, digits + start, sizeof digits - start);
}

static unsigned long long take_unsigned(const struct conversion *conversion, va_list *arguments)
{
	if (conversion->size)
		return va_arg(*arguments, size_t);
	if (conversion->longs >= 2)
		return va_arg(*arguments, unsigned long long);
	if (conversion->longs == 1)
		return va_arg(*arguments, unsigned long);
	return va_arg(*arguments, unsigned);
}

static long long take_signed(const struct conversion *conversion, va_list *arguments)
{
	if (conversion->longs >= 2)
		return va_arg(*arguments, long long);
	if (conversion->longs == 1)
		return va_arg(*arguments, long);
	return va_arg(*arguments, int);
}

static void add_conversion(struct text *text, struct conversion *conversion, va_list *arguments)
{
	if (conversion->type == 's') {
		const char *string = va_arg(*arguments, const char *);
		add_padded(text, conversion, string, strnlen(string, conversion->precision));
	} else if (conversion->type == 'c') {
		char byte = (char)va_arg(*arguments, int);
		add_padded(text, conversion, &byte, 1);
	} else if (conversion->type == 'd') {
		long long value = take_signed(conversion, arguments);
		unsigned long long magnitude = (unsigned long long)value;
		add_unsigned(text, conversion, value < 0 ? 0 - magnitude : magnitude, value < 0);
	} else if (conversion->type == 'u' || conversion->type == 'x' || conversion->type == 'X') {
		add_unsigned(text, conversion, take_unsigned(conversion, arguments), false);
	} else {
		text_add_bytes(text, &conversion->type, conversion->type != '\0');
	}
}

void text_vaddf(struct text *text, const char *format, va_list arguments)
{
	va_list rest;
	va_copy(rest, arguments);
	while (*format) {
		size_t plain = strcspn(format, "%");
		text_add_bytes(text, format, plain);
		format += plain;
		if (*format != '%')
			break;
		++format;
		struct conversion conversion = read_conversion(&format, &rest);
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
		add_repeated(text, ' ', column - at);
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

bool text_copy(char *buffer, size_t size, const char *string)
{
	size_t length = strlen(string);
	size_t count = length < size ? length : size - 1;
	memcpy(buffer, string, count);
	buffer[count] = '\0';
	return count == length;
}
