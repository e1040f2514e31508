/* SPDX-License-Identifier: GPL-2.0-or-later */
/* URLs of management servers, as Velociraptor's client configuration writes them. */
#ifndef BASE_URL_H
#define BASE_URL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/address.h"
#include "base/diag.h"
#include "base/parse.h"

enum { URL_PATH_SIZE = 256 };

struct url {
	bool tls; /* https, wss */
	char host[HOST_NAME_MAX_LENGTH + 2]; /* a name, or an address without brackets */
	struct address address; /* the host when it is an address; family 0 when it is a name */
	uint16_t port; /* host byte order; the scheme's default when the URL has none */
	char path[URL_PATH_SIZE]; /* with query; begins with '/' */
};

/*
 * http, https, ws and wss. A missing path is "/". Refused with -EINVAL and a diagnostic: other schemes, user names
 * (they would be printed), fragments, spaces and control characters, hosts and ports that can not be, and link-local
 * IPv6 addresses, which need a scope.
 */
int url_parse(const char *string, struct url *url, struct diag *diag);

/* The same URL with a path of its own added: base path "/velo/" and "server.pem" make "/velo/server.pem". */
int url_append(struct url *url, const char *name, struct diag *diag);

/* scheme://host[:port]/path, the port only when it is not the scheme's default; ws and wss as http and https */
void url_format(const struct url *url, struct text *text);

#endif
