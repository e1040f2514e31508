/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "http/connect.h"

#include <errno.h>
#include <stdint.h>
#include <string.h>

#include "http/response.h"
#include "net/connect.h"

enum { CONNECT_SIZE = 1536 }; /* bytes: the longest host twice, and credentials of 512 */

static void add_base64(const char *string, struct text *text)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	size_t left = strlen(string);
	for (const uint8_t *at = (const uint8_t *)string; left > 0; at += 3) {
		uint32_t bits = (uint32_t)at[0] << 16 | (left > 1 ? (uint32_t)at[1] << 8 : 0) | (left > 2 ? at[2] : 0);
		text_addf(text, "%c%c%c%c", digits[bits >> 18], digits[bits >> 12 & 63],
			  left > 1 ? digits[bits >> 6 & 63] : '=', left > 2 ? digits[bits & 63] : '=');
		left -= left > 3 ? 3 : left;
	}
}

void http_proxy_authorization(const char *credentials, struct text *text)
{
	if (*credentials == '\0')
		return;
	text_add(text, "Proxy-Authorization: Basic ");
	add_base64(credentials, text);
	text_add(text, "\r\n");
}

static int format_request(const struct url *url, const char *credentials, struct text *text)
{
	bool brackets = strchr(url->host, ':') != NULL;
	for (const char *at = url->host; *at; at++) {
		if ((unsigned char)*at <= ' ' || (unsigned char)*at >= 0x7f)
			return -EINVAL;
	}
	text_add(text, "CONNECT ");
	for (int twice = 0; twice < 2; twice++)
		text_addf(text, "%s%s%s:%u%s", brackets ? "[" : "", url->host, brackets ? "]" : "", url->port,
			  twice ? "\r\n" : " HTTP/1.1\r\nHost: ");
	text_add(text, "User-Agent: Velociraptor\r\n");
	http_proxy_authorization(credentials, text);
	text_add(text, "\r\n");
	return text->cut ? -EMSGSIZE : 0;
}

/* The three digits of "HTTP/1.1 200 OK", or 0. */
static unsigned status_of(const char *head, size_t length)
{
	const char *at = memchr(head, ' ', length);
	if (length < 12 || memcmp(head, "HTTP/1.", 7) != 0 || at != head + 8)
		return 0;
	unsigned status = 0;
	for (int i = 1; i <= 3; i++) {
		if (at[i] < '0' || at[i] > '9')
			return 0;
		status = status * 10 + (unsigned)(at[i] - '0');
	}
	return status;
}

/* Byte by byte: what comes behind the empty line belongs to somebody else. */
static int read_status(int fd, struct deadline deadline, unsigned *status, struct diag *diag)
{
	char head[64];
	char last[4] = "";
	for (size_t length = 0; length < HTTP_HEAD_MAX; length++) {
		char byte;
		long count = stream_receive(fd, &byte, 1, deadline);
		if (count == -ETIMEDOUT)
			return diag_fail(diag, ETIMEDOUT, "proxy: no answer in time");
		if (count <= 0)
			return count < 0 ? diag_errno(diag, (int)-count, "proxy: receive") :
					   diag_fail(diag, ECONNRESET, "proxy: it closed the connection");
		if (length < sizeof head)
			head[length] = byte;
		memmove(last, last + 1, 3);
		last[3] = byte;
		if (memcmp(last, "\r\n\r\n", 4) == 0 || memcmp(last + 2, "\n\n", 2) == 0) {
			*status = status_of(head, length < sizeof head ? length : sizeof head);
			return *status ? 0 : diag_fail(diag, EPROTO, "proxy: the answer is not HTTP");
		}
	}
	return diag_fail(diag, EPROTO, "proxy: headers of more than %d KiB", HTTP_HEAD_MAX >> 10);
}

int http_connect(int fd, const struct url *url, const char *credentials, struct deadline deadline, struct diag *diag)
{
	char bytes[CONNECT_SIZE];
	struct text request = TEXT_ON(bytes);
	unsigned status = 0;
	int result = format_request(url, credentials, &request);
	if (result < 0)
		return diag_errno(diag, -result, "proxy: make a request for %.*s", 60, url->host);
	result = stream_send_all(fd, request.bytes, request.length, deadline);
	if (result < 0)
		return diag_errno(diag, -result, "proxy: send");
	result = read_status(fd, deadline, &status, diag);
	if (result < 0)
		return result;
	if (status >= 200 && status < 300)
		return 0;
	return diag_fail(diag, EACCES, "proxy: HTTP status %u%s", status,
			 status == 407 ? ", it wants other credentials" : " for CONNECT");
}
