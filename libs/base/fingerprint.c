/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/fingerprint.h"

#include <string.h>

#include "base/parse.h"

bool fingerprint_parse(const char *string, struct fingerprint *fingerprint)
{
	struct fingerprint parsed;
	for (size_t i = 0; i < FINGERPRINT_SIZE; i++) {
		if (i > 0 && *string == ':')
			string++;
		int high = parse_hex_digit(string[0]);
		int low = high < 0 ? -1 : parse_hex_digit(string[1]);
		if (low < 0)
			return false;
		parsed.bytes[i] = (uint8_t)(high << 4 | low);
		string += 2;
	}
	if (*string)
		return false;
	*fingerprint = parsed;
	return true;
}

bool fingerprint_equal(const struct fingerprint *a, const struct fingerprint *b)
{
	return memcmp(a->bytes, b->bytes, FINGERPRINT_SIZE) == 0;
}
