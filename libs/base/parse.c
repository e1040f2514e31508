/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/parse.h"

#include <ctype.h>
#include <string.h>

/* Reads digits from *string; false when there is none or the value exceeds limit. */
static bool read_digits(const char **string, uint64_t limit, uint64_t *value)
{
	const char *at = *string;
	uint64_t sum = 0;
	for (; *at >= '0' && *at <= '9'; at++) {
		uint64_t digit = (uint64_t)(*at - '0');
		if (digit > limit || sum > (limit - digit) / 10)
			return false;
		sum = sum * 10 + digit;
	}
	if (at == *string)
		return false;
	*string = at;
	*value = sum;
	return true;
}

int parse_hex_digit(char digit)
{
	if (digit >= '0' && digit <= '9')
		return digit - '0';
	char lower = (char)(digit | 0x20);
	return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

bool parse_unsigned(const char *string, uint64_t limit, uint64_t *value)
{
	uint64_t parsed;
	if (!read_digits(&string, limit, &parsed) || *string)
		return false;
	*value = parsed;
	return true;
}

bool parse_port(const char *string, uint16_t *port)
{
	uint64_t value;
	if (!parse_unsigned(string, UINT16_MAX, &value) || value == 0)
		return false;
	*port = (uint16_t)value;
	return true;
}

bool parse_duration(const char *string, uint64_t limit_seconds, uint64_t *seconds)
{
	static const struct {
		char letter;
		uint32_t seconds;
	} units[] = { { 's', 1 }, { 'm', 60 }, { 'h', 3600 }, { 'd', 86400 } };
	uint64_t count;
	if (!read_digits(&string, limit_seconds, &count) || count == 0)
		return false;
	uint64_t unit = *string ? 0 : 1;
	for (size_t i = 0; i < sizeof units / sizeof *units; i++) {
		if (string[0] == units[i].letter && string[1] == '\0')
			unit = units[i].seconds;
	}
	if (unit == 0 || count > limit_seconds / unit)
		return false;
	*seconds = count * unit;
	return true;
}

bool host_name_valid(const char *string)
{
	size_t length = strlen(string);
	if (length > 0 && string[length - 1] == '.')
		length--;
	if (length == 0 || length > HOST_NAME_MAX_LENGTH)
		return false;
	size_t label = 0;
	bool numeric = true;
	for (size_t i = 0; i < length; i++) {
		unsigned char c = (unsigned char)string[i];
		if (c == '.') {
			if (label == 0)
				return false;
			label = 0;
			continue;
		}
		if (!isalnum(c) && c != '-' && c != '_')
			return false;
		numeric &= isdigit(c) != 0;
		if (++label > 63)
			return false;
	}
	return label > 0 && !numeric;
}

char *trim(char *string)
{
	while (*string && isspace((unsigned char)*string))
		string++;
	size_t length = strlen(string);
	while (length > 0 && isspace((unsigned char)string[length - 1]))
		string[--length] = '\0';
	return string;
}
