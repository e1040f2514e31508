/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Certificates and keys as text: server.pem, files of trusted ones, and what we show. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "tls/pem.h"
#include "tls/tls.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count);

/* What the TLS library asks for; this is no place for randomness. */
int mbedtls_psa_external_get_random(void *context, uint8_t *output, size_t size, size_t *length);
int mbedtls_psa_external_get_random(void *context, uint8_t *output, size_t size, size_t *length)
{
	(void)context;
	memset(output, 7, size);
	*length = size;
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count)
{
	struct certificate_demand demand = {
		.issuer = { .pem = (const char *)bytes, .length = count },
		.name = "VelociraptorServer",
	};
	struct certificate_facts facts;
	char reason[TLS_REASON_SIZE] = "";
	uint8_t key[256];
	if (pem_private_key((const char *)bytes, count, key, sizeof key) > sizeof key)
		abort();
	struct diag diag;
	int result = certificate_check((const char *)bytes, count, &demand, &facts, reason, sizeof reason, &diag);
	if (result == 1 && !*reason)
		abort();
	for (const char *at = facts.subject; *at; at++) {
		if (*at < ' ' || *at > '~')
			abort();
	}
	return 0;
}
