/* SPDX-License-Identifier: GPL-2.0-or-later */
/* IPv4 and IPv6 addresses, with and without port, and their text forms. */
#ifndef BASE_ADDRESS_H
#define BASE_ADDRESS_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include "base/text.h"

struct address {
	uint8_t family; /* AF_INET or AF_INET6; 0: none */
	uint8_t bytes[16]; /* network byte order; 4 or 16 are used, the others are 0 */
};

struct endpoint {
	struct address address;
	uint16_t port; /* host byte order */
};

enum { ADDRESS_TEXT_SIZE = 46, ENDPOINT_TEXT_SIZE = 56 }; /* with NUL: "[...]:65535" */

/* 4 or 16 */
size_t address_length(const struct address *address);

/*
 * Strict: dotted quad without leading zeros, or RFC 4291 text without brackets; a "%zone" is refused. An IPv4-mapped
 * IPv6 address becomes the IPv4 address that it stands for, because that is what appears on the wire.
 */
bool address_parse(const char *string, struct address *address);
void address_format(const struct address *address, struct text *text);
/* "192.0.2.1:443" or "[2001:db8::1]:443" */
void endpoint_format(const struct endpoint *endpoint, struct text *text);

bool address_equal(const struct address *a, const struct address *b);
bool address_is_loopback(const struct address *address); /* 127.0.0.0/8 or ::1 */
bool address_is_unspecified(const struct address *address); /* 0.0.0.0 or :: */
bool address_is_multicast(const struct address *address); /* multicast, or IPv4 limited broadcast */
bool address_is_link_local(const struct address *address); /* fe80::/10: not reached without scope */

/* Returns the length that bind and connect want. */
socklen_t endpoint_to_sockaddr(const struct endpoint *endpoint, struct sockaddr_storage *storage);

#endif
