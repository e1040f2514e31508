/* SPDX-License-Identifier: GPL-2.0-or-later */
/* /etc/resolv.conf and /etc/hosts. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "net/resolve.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count)
{
	static int file = -1;
	static char path[32];
	struct resolver_config config;
	struct resolved resolved = { .count = 0 };
	if (file < 0) {
		file = memfd_create("fuzz", 0);
		snprintf(path, sizeof path, "/proc/self/fd/%d", file);
	}
	if (file < 0 || ftruncate(file, 0) != 0 || pwrite(file, bytes, count, 0) != (ssize_t)count)
		abort();
	if (resolver_config_read(path, &config, NULL) == 0 &&
	    (config.server_count > RESOLVERS_MAX || config.search_count > RESOLVER_SEARCH_MAX || config.ndots > 15 ||
	     config.timeout < 1 || config.timeout > 30 || config.attempts < 1 || config.attempts > 5))
		abort();
	(void)hosts_lookup(path, "vr.test", &resolved, NULL);
	return resolved.count > RESOLVED_ADDRESSES_MAX ? abort(), 0 : 0;
}
