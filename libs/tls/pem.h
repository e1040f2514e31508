/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Certificates and private keys in PEM text (RFC 7468). Certificates are found one after the other, so that a large
 * bundle is never held decoded.
 */
#ifndef TLS_PEM_H
#define TLS_PEM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Decodes the next CERTIFICATE block at or behind *offset into der and moves *offset behind it. Blocks that are larger
 * than size or not base64 are skipped, as is all text between blocks. Returns the length of the DER in bytes, 0 when no
 * block is left.
 */
size_t pem_next_certificate(const char *pem, size_t length, size_t *offset, uint8_t *der, size_t size);

/* The same for the first private key of any kind. One that is encrypted as OpenSSL did it is no base64: not found. */
size_t pem_private_key(const char *pem, size_t length, uint8_t *der, size_t size);

/* Whether there is a CERTIFICATE block at all; it need not be a good one. */
bool pem_has_certificate(const char *pem, size_t length);

#endif
