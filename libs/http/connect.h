/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The way through a proxy: CONNECT (RFC 9110 section 9.3.6), and Basic credentials (RFC 7617). */
#ifndef HTTP_CONNECT_H
#define HTTP_CONNECT_H

#include "base/deadline.h"
#include "base/diag.h"
#include "base/text.h"
#include "base/url.h"

/* Writes "Proxy-Authorization: Basic ...\r\n" for "user:password"; nothing for "". */
void http_proxy_authorization(const char *credentials, struct text *text);

/*
 * Asks the proxy at the other end of this non-blocking socket for a tunnel to the URL's host and port. When it returns
 * 0, what is sent and received is the server's; not a byte behind the proxy's headers was taken. -errno with a
 * diagnostic, which never has the credentials: -EACCES with the proxy's status, -EPROTO when it does not speak HTTP,
 * -ECONNRESET, -ETIMEDOUT.
 */
int http_connect(int fd, const struct url *url, const char *credentials, struct deadline deadline, struct diag *diag);

#endif
