/* SPDX-License-Identifier: GPL-2.0-or-later */
/* DNS messages (RFC 1035 section 4): queries for one name, and the addresses in an answer. No I/O. */
#ifndef NET_DNS_MESSAGE_H
#define NET_DNS_MESSAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "net/resolve.h"

enum {
	DNS_NAME_SIZE = 255, /* RFC 1035 section 2.3.4: with length bytes and the root label */
	DNS_HEADER_SIZE = 12,
	DNS_QUERY_SIZE = DNS_HEADER_SIZE + DNS_NAME_SIZE + 4,
};

/* Record types, RFC 1035 section 3.2.2 and RFC 3596 section 2.1. */
enum { DNS_TYPE_A = 1, DNS_TYPE_CNAME = 5, DNS_TYPE_AAAA = 28 };

/* In wire form without compression, ASCII letters in lower case: equal names have equal bytes. */
struct dns_name {
	uint8_t bytes[DNS_NAME_SIZE];
	uint8_t length;
};

struct dns_query {
	struct dns_name name;
	uint16_t id;
	uint16_t type;
};

/* What a received message is to a query. */
enum dns_answer {
	DNS_STRAY, /* not an answer to it: forged, late or garbage */
	DNS_UNUSABLE, /* the server failed or refused, or the message is malformed */
	DNS_TRUNCATED, /* to be asked again over TCP */
	DNS_EMPTY, /* the name has no such record */
	DNS_NO_NAME, /* the name does not exist */
	DNS_ADDRESSES,
};

/* Text form with or without the final dot. False when a label or the name is empty or too long. */
bool dns_name_parse(const char *string, struct dns_name *name);

/* Writes the query, recursion desired; returns its length in bytes, at most DNS_QUERY_SIZE. */
size_t dns_query_write(const struct dns_query *query, uint8_t *message);

/*
 * Reads any bytes safely. For DNS_ADDRESSES at least one address that is neither loopback nor unspecified nor
 * multicast has been added to *resolved, of the name itself or of what a chain of at most 16 CNAMEs in the answer
 * leads to. In all other cases nothing is added.
 */
enum dns_answer dns_answer_read(const struct dns_query *query, const uint8_t *message, size_t length,
				struct resolved *resolved);

#endif
