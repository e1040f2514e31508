/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The SHA-256 of a certificate or key, as people write it. */
#ifndef BASE_FINGERPRINT_H
#define BASE_FINGERPRINT_H

#include <stdbool.h>
#include <stdint.h>

enum { FINGERPRINT_SIZE = 32 }; /* SHA-256, in bytes */

struct fingerprint {
	uint8_t bytes[FINGERPRINT_SIZE];
};

/* 64 hexadecimal digits of any case, with or without colons between bytes. */
bool fingerprint_parse(const char *string, struct fingerprint *fingerprint);
bool fingerprint_equal(const struct fingerprint *a, const struct fingerprint *b);

#endif
