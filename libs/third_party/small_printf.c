/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * snprintf for the libraries. libnftnl and mbedtls write whole numbers and strings with it; musl's has floating point
 * and wide characters as well and is 10 KB larger. This one comes before the C library at link time. quarbox itself uses
 * base/text.h, so what is missing here (f e g a n, wide characters, positions, the flags + space #) is missed by nobody;
 * a conversion that is not known is copied as it stands.
 */
#include <limits.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

struct output {
	char *to;
	size_t size; /* of the buffer, its final NUL included */
	size_t length; /* of the whole text, also where it did not fit */
};

struct conversion {
	bool left, zeros;
	int width;
	int precision; /* negative: none */
	int longs; /* 0 int, 1 long, 2 long long; short types are promoted to int and cut to bits */
	int bits; /* that a short type has, 0 for the others */
	char letter;
};

static void put(struct output *out, const char *bytes, size_t count)
{
	for (size_t i = 0; i < count; i++, out->length++) {
		if (out->length + 1 < out->size)
			out->to[out->length] = bytes[i];
	}
}

static void put_repeated(struct output *out, char byte, int count)
{
	while (count-- > 0)
		put(out, &byte, 1);
}

/* The digits of a number, with its sign or zeros before them, in a field of the width. */
static void put_field(struct output *out, const struct conversion *how, const char *sign, const char *text, int length,
		      int zeros)
{
	int filled = (int)strlen(sign) + zeros + length;
	if (!how->left)
		put_repeated(out, ' ', how->width - filled);
	put(out, sign, strlen(sign));
	put_repeated(out, '0', zeros);
	put(out, text, (size_t)length);
	if (how->left)
		put_repeated(out, ' ', how->width - filled);
}

static void put_number(struct output *out, const struct conversion *how, const char *sign, uintmax_t number)
{
	const char *digits = how->letter == 'X' ? "0123456789ABCDEF" : "0123456789abcdef";
	unsigned base = how->letter == 'o' ? 8 : strchr("xXp", how->letter) ? 16 : 10;
	char text[24]; /* 64 bits in octal are 22 digits */
	int first = sizeof text;
	for (; number != 0 || (first == (int)sizeof text && how->precision != 0); number /= base)
		text[--first] = digits[number % base];

	int length = (int)sizeof text - first;
	int least = how->precision;
	if (least < 0)
		least = how->zeros && !how->left ? how->width - (int)strlen(sign) : 0;
	put_field(out, how, sign, text + first, length, least > length ? least - length : 0);
}

static uintmax_t take_unsigned(const struct conversion *how, va_list *arguments)
{
	if (how->longs == 2)
		return va_arg(*arguments, unsigned long long);
	if (how->longs == 1)
		return va_arg(*arguments, unsigned long);
	unsigned value = va_arg(*arguments, unsigned);
	return how->bits ? value & ((1U << how->bits) - 1) : value;
}

static intmax_t take_signed(const struct conversion *how, va_list *arguments)
{
	if (how->longs == 2)
		return va_arg(*arguments, long long);
	if (how->longs == 1)
		return va_arg(*arguments, long);
	int value = va_arg(*arguments, int);
	return how->bits == 8 ? (signed char)value : how->bits == 16 ? (short)value : value;
}

static int take_count(const char **format, va_list *arguments)
{
	int count = 0;
	if (**format == '*') {
		(*format)++;
		return va_arg(*arguments, int);
	}
	for (; **format >= '0' && **format <= '9'; (*format)++) {
		if (count < 100000)
			count = count * 10 + (**format - '0');
	}
	return count;
}

static int longs_of(char modifier)
{
	size_t size = modifier == 'j' ? sizeof(intmax_t) : modifier == 't' ? sizeof(ptrdiff_t) : sizeof(size_t);
	return size == sizeof(int) ? 0 : size == sizeof(long) ? 1 : 2;
}

/* Reads what stands behind a '%', up to and including the letter. */
static struct conversion take_conversion(const char **format, va_list *arguments)
{
	struct conversion how = { .precision = -1 };
	for (; **format == '-' || **format == '0'; (*format)++)
		*(**format == '-' ? &how.left : &how.zeros) = true;
	how.width = take_count(format, arguments);
	if (how.width < 0) {
		how.left = true;
		how.width = -how.width;
	}
	if (**format == '.') {
		(*format)++;
		how.precision = take_count(format, arguments);
	}
	for (; **format && strchr("hlzjt", **format); (*format)++) {
		if (**format == 'h')
			how.bits = how.bits ? 8 : 16;
		else
			how.longs = **format == 'l' ? how.longs + 1 : longs_of(**format);
	}
	how.letter = **format;
	*format += how.letter != '\0';
	return how;
}

static void put_text(struct output *out, const struct conversion *how, const char *text)
{
	if (!text)
		text = "(null)";
	size_t length = how->precision < 0 ? strlen(text) : strnlen(text, (size_t)how->precision);
	put_field(out, how, "", text, length > INT_MAX / 2 ? INT_MAX / 2 : (int)length, 0);
}

/* Returns false for a conversion that it does not know, with nothing taken or put. */
static bool put_conversion(struct output *out, const struct conversion *how, va_list *arguments)
{
	intmax_t number;
	char byte;

	switch (how->letter) {
	case 'd':
	case 'i':
		number = take_signed(how, arguments);
		put_number(out, how, number < 0 ? "-" : "", number < 0 ? 0 - (uintmax_t)number : (uintmax_t)number);
		return true;
	case 'u':
	case 'o':
	case 'x':
	case 'X':
		put_number(out, how, "", take_unsigned(how, arguments));
		return true;
	case 'p':
		put_number(out, how, "0x", (uintptr_t)va_arg(*arguments, void *));
		return true;
	case 'c':
		byte = (char)va_arg(*arguments, int);
		put_field(out, how, "", &byte, 1, 0);
		return true;
	case 's':
		put_text(out, how, va_arg(*arguments, const char *));
		return true;
	case '%':
		put(out, "%", 1);
		return true;
	default:
		return false;
	}
}

int vsnprintf(char *restrict to, size_t size, const char *restrict format, va_list arguments)
{
	struct output out = { .to = to, .size = size };
	va_list rest; /* a va_list parameter may be an array, whose address is not a va_list's */
	va_copy(rest, arguments);
	for (const char *next = format; *next;) {
		size_t plain = strcspn(next, "%");
		put(&out, next, plain);
		next += plain;
		if (!*next)
			break;
		const char *start = next++;
		struct conversion how = take_conversion(&next, &rest);
		if (!put_conversion(&out, &how, &rest))
			put(&out, start, (size_t)(next - start));
	}
	va_end(rest);
	if (size > 0)
		to[out.length < size ? out.length : size - 1] = '\0';
	return out.length > INT_MAX ? -1 : (int)out.length;
}

int snprintf(char *restrict to, size_t size, const char *restrict format, ...)
{
	va_list arguments;
	va_start(arguments, format);
	int length = vsnprintf(to, size, format, arguments);
	va_end(arguments);
	return length;
}
