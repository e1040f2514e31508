/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tls/pem.h"

#include <string.h>

/* What stands before and behind the base64 text of a block. */
struct marks {
	const char *begin;
	const char *end;
};

static const struct marks certificate_marks = { "-----BEGIN CERTIFICATE-----", "-----END CERTIFICATE-----" };
/* RFC 7468 section 10, and before it "RSA PRIVATE KEY" and "EC PRIVATE KEY" */
static const struct marks key_marks = { "PRIVATE KEY-----", "-----END " };

/* The value of a base64 digit (RFC 4648 section 4), or -1. */
static int digit_value(char digit)
{
	if (digit >= 'A' && digit <= 'Z')
		return digit - 'A';
	if (digit >= 'a' && digit <= 'z')
		return digit - 'a' + 26;
	if (digit >= '0' && digit <= '9')
		return digit - '0' + 52;
	if (digit == '+')
		return 62;
	return digit == '/' ? 63 : -1;
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* Returns the decoded length; 0 when it is not base64 or does not fit. */
static size_t decode_base64(const char *text, size_t length, uint8_t *bytes, size_t size)
{
	size_t count = 0;
	uint32_t bits = 0;
	unsigned held = 0; /* bits that wait in `bits` */
	bool padded = false;
	for (size_t i = 0; i < length; i++) {
		if (is_blank(text[i]))
			continue;
		int value = digit_value(text[i]);
		padded |= text[i] == '=';
		if (padded ? text[i] != '=' : value < 0)
			return 0;
		if (padded)
			continue;
		bits = bits << 6 | (uint32_t)value;
		held += 6;
		if (held < 8)
			continue;
		if (count == size)
			return 0;
		held -= 8;
		bytes[count++] = (uint8_t)(bits >> held);
	}
	return count;
}

/* The next block's base64 text; false when there is none. Moves *offset behind it. */
static bool next_block(const struct marks *marks, const char *pem, size_t length, size_t *offset, const char **text,
		       size_t *text_length)
{
	if (*offset >= length)
		return false;
	const char *start = memmem(pem + *offset, length - *offset, marks->begin, strlen(marks->begin));
	if (!start)
		return false;
	start += strlen(marks->begin);
	const char *stop = memmem(start, length - (size_t)(start - pem), marks->end, strlen(marks->end));
	if (!stop)
		return false;
	*text = start;
	*text_length = (size_t)(stop - start);
	*offset = (size_t)(stop - pem) + strlen(marks->end);
	return true;
}

static size_t next_decoded(const struct marks *marks, const char *pem, size_t length, size_t *offset, uint8_t *der,
			   size_t size)
{
	const char *text;
	size_t text_length;
	while (next_block(marks, pem, length, offset, &text, &text_length)) {
		size_t count = decode_base64(text, text_length, der, size);
		if (count > 0)
			return count;
	}
	return 0;
}

size_t pem_next_certificate(const char *pem, size_t length, size_t *offset, uint8_t *der, size_t size)
{
	return next_decoded(&certificate_marks, pem, length, offset, der, size);
}

size_t pem_private_key(const char *pem, size_t length, uint8_t *der, size_t size)
{
	size_t offset = 0;
	return next_decoded(&key_marks, pem, length, &offset, der, size);
}

bool pem_has_certificate(const char *pem, size_t length)
{
	return length > 0 && memmem(pem, length, certificate_marks.begin, strlen(certificate_marks.begin)) != NULL;
}
