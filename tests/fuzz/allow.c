/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What --allow takes. */
#include <netinet/in.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "quarantine/targets.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count)
{
	struct targets *targets = calloc(1, sizeof *targets);
	struct diag diag;
	char *string = strndup((const char *)bytes, count);
	if (!targets || !string)
		abort();
	(void)targets_add_allowed(targets, string, &diag);
	policy_normalize(&targets->policy);
	for (size_t i = 0; i < targets->policy.network_count; i++) {
		const struct policy_network *network = &targets->policy.networks[i];
		unsigned bits = network->address.family == AF_INET ? 32 : 128;
		bool has_ports = network->protocol == IPPROTO_TCP || network->protocol == IPPROTO_UDP;
		if (network->prefix_length > bits || (network->port != 0) != has_ports)
			abort();
	}
	targets_fini(targets);
	free(targets);
	free(string);
	return 0;
}
