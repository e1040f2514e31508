/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Durations, ports, addresses, prefixes and table names, as options and files have them. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/address.h"
#include "base/parse.h"
#include "policy/policy.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count)
{
	char *string = strndup((const char *)bytes, count);
	struct address address, again;
	struct diag diag;
	uint64_t number;
	char formatted[ADDRESS_TEXT_SIZE];
	struct text text = TEXT_ON(formatted);
	if (!string)
		abort();
	if (parse_duration(string, 3600, &number) && (number < 1 || number > 3600))
		abort();
	if (parse_unsigned(string, 100, &number) && number > 100)
		abort();
	if (address_parse(string, &address)) {
		address_format(&address, &text);
		if (!address_parse(formatted, &again) || !address_equal(&address, &again))
			abort();
	}
	if (policy_table_name_check(string, &diag) == 0 && strlen(string) > POLICY_TABLE_NAME_MAX)
		abort();
	(void)host_name_valid(string);
	free(string);
	return 0;
}
