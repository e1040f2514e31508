/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Answers of resolvers to a query for vr.test; the first two bytes say for which type. */
#include <stdint.h>
#include <stdlib.h>

#include "net/dns_message.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count)
{
	struct dns_query query = { .id = 0x1234, .type = count % 2 ? DNS_TYPE_A : DNS_TYPE_AAAA };
	struct resolved resolved = { .count = 0 };
	if (!dns_name_parse("vr.test", &query.name))
		abort();
	enum dns_answer answer = dns_answer_read(&query, bytes, count, &resolved);
	if ((answer == DNS_ADDRESSES) != (resolved.count > 0) || resolved.count > RESOLVED_ADDRESSES_MAX)
		abort();
	for (size_t i = 0; i < resolved.count; i++) {
		if (address_is_loopback(&resolved.addresses[i]) || address_is_multicast(&resolved.addresses[i]))
			abort();
	}
	return 0;
}
