/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Any bytes as the configuration of a Velociraptor client; when they are one, the ways to its servers, too. */
#include <stdint.h>
#include <string.h>

#include "velociraptor/config.h"
#include "velociraptor/proxy.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct velociraptor_environment environment = { .no_proxy = "localhost,.example.com" };
	struct velociraptor_config config;
	struct diag diag = { "" };
	int result = velociraptor_config_parse((const char *)data, size, "fuzz", &config, &diag);
	if (result == 0 && (config.server_count == 0 || !config.server_name))
		__builtin_trap();
	if (result < 0 && strncmp(diag.text, "fuzz line ", 10) != 0 && strncmp(diag.text, "read fuzz", 9) != 0)
		__builtin_trap();
	for (size_t i = 0; result == 0 && i < config.server_count; i++) {
		struct velociraptor_way way;
		if (velociraptor_way_to(&config, &environment, &config.servers[i], &way, &diag) < 0)
			__builtin_trap();
		(void)velociraptor_fallback_for(&config, &config.servers[i]);
	}
	velociraptor_config_fini(&config);
	return 0;
}
