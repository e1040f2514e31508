/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Certificates with mbedtls; only for tls_mbedtls.c. */
#ifndef TLS_CERTIFICATE_MBEDTLS_H
#define TLS_CERTIFICATE_MBEDTLS_H

#include <mbedtls/x509_crt.h>

#include "tls/tls.h"

void certificate_describe(const mbedtls_x509_crt *certificate, struct certificate_facts *facts);

/*
 * Decides about a peer's certificate, with the intermediate certificates it sent behind it in the list: fills
 * facts->leaf, verified, by_pin, by_issuer, clock_unset, refusals and reason. Returns 0, also with TLS_TRUST_ANYONE;
 * -EKEYREJECTED when it is refused; -ENOMEM. Both come with a diagnostic.
 */
int certificate_verify(const mbedtls_x509_crt *chain, const struct tls_settings *settings, struct tls_facts *facts,
		       struct diag *diag);

#endif
