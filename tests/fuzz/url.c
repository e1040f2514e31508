/* SPDX-License-Identifier: GPL-2.0-or-later */
/* URLs: what is taken can be written and read again, and is the same. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/url.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count)
{
	struct url url, again;
	struct diag diag;
	char formatted[1024];
	struct text text = TEXT_ON(formatted);
	char *string = strndup((const char *)bytes, count);
	if (string && url_parse(string, &url, &diag) == 0) {
		url_format(&url, &text);
		if (url_parse(formatted, &again, &diag) != 0 || memcmp(&url.address, &again.address, sizeof url.address) != 0 ||
		    strcmp(url.host, again.host) != 0 || strcmp(url.path, again.path) != 0 || url.port != again.port ||
		    url.tls != again.tls)
			abort();
		(void)url_append(&url, "server.pem", &diag);
	}
	free(string);
	return 0;
}
