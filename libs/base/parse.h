/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Numbers, durations and names as people type them. All return false on anything that is not exactly that. */
#ifndef BASE_PARSE_H
#define BASE_PARSE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { HOST_NAME_MAX_LENGTH = 253 }; /* RFC 1035 section 2.3.4, in text form without the final dot */

/* Decimal digits only, no sign, no space, at most `limit`. */
bool parse_unsigned(const char *string, uint64_t limit, uint64_t *value);
bool parse_port(const char *string, uint16_t *port); /* 1 to 65535 */

/* The value of a hexadecimal digit of any case, or -1. */
int parse_hex_digit(char digit);

/* "90", "90s", "15m", "8h", "7d": seconds, 1 to limit_seconds. */
bool parse_duration(const char *string, uint64_t limit_seconds, uint64_t *seconds);

/* Letters, digits, '-', '_' and dots, labels of 1 to 63 characters; a final dot is allowed. Not an all-digit name. */
bool host_name_valid(const char *string);

/* Removes blanks at both ends, in place; returns the new start. */
char *trim(char *string);

#endif
