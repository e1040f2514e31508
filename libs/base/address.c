/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/address.h"

#include <arpa/inet.h>
#include <string.h>

size_t address_length(const struct address *address)
{
	return address->family == AF_INET ? 4 : 16;
}

/* ::ffff:0:0/96, RFC 4291 section 2.5.5.2 */
static const uint8_t mapped_prefix[12] = { [10] = 0xff, [11] = 0xff };

bool address_parse(const char *string, struct address *address)
{
	struct address parsed = { 0 };
	if (inet_pton(AF_INET, string, parsed.bytes) == 1) {
		parsed.family = AF_INET;
	} else {
		if (strchr(string, '%') || inet_pton(AF_INET6, string, parsed.bytes) != 1)
			return false;
		parsed.family = AF_INET6;
		if (memcmp(parsed.bytes, mapped_prefix, sizeof mapped_prefix) == 0) {
			memmove(parsed.bytes, parsed.bytes + 12, 4);
			memset(parsed.bytes + 4, 0, 12);
			parsed.family = AF_INET;
		}
	}
	*address = parsed;
	return true;
}

/*
 * The longest run of at least two zero groups, which RFC 5952 section 4.2 shortens to "::"; start 8 when there is none.
 */
static void longest_zero_run(const uint8_t *bytes, int *start, int *length)
{
	*start = 8;
	*length = 1;
	for (int i = 0; i < 8; i++) {
		int run = 0;
		while (i + run < 8 && bytes[2 * (i + run)] == 0 && bytes[2 * (i + run) + 1] == 0)
			run++;
		if (run > *length) {
			*start = i;
			*length = run;
		}
	}
}

static void format_ipv4(const uint8_t *bytes, struct text *text)
{
	text_addf(text, "%d.%d.%d.%d", bytes[0], bytes[1], bytes[2], bytes[3]);
}

static void format_ipv6(const uint8_t *bytes, struct text *text)
{
	int start;
	int length;
	longest_zero_run(bytes, &start, &length);
	if (start == 0 && length == 6) { /* IPv4-compatible: inet_ntop, and so nft, writes ::192.0.2.1 */
		text_add(text, "::");
		format_ipv4(bytes + 12, text);
		return;
	}
	for (int i = 0; i < 8; i++) {
		if (i == start) {
			text_add(text, "::");
			i += length - 1;
			continue;
		}
		if (i > 0 && i != start + length)
			text_add(text, ":");
		text_addf(text, "%x", (unsigned)bytes[2 * i] << 8 | bytes[2 * i + 1]);
	}
}

void address_format(const struct address *address, struct text *text)
{
	if (address->family == AF_INET)
		format_ipv4(address->bytes, text);
	else
		format_ipv6(address->bytes, text);
}

void endpoint_format(const struct endpoint *endpoint, struct text *text)
{
	bool brackets = endpoint->address.family == AF_INET6;
	text_add(text, brackets ? "[" : "");
	address_format(&endpoint->address, text);
	text_addf(text, "%s:%u", brackets ? "]" : "", endpoint->port);
}

bool address_equal(const struct address *a, const struct address *b)
{
	return a->family == b->family && memcmp(a->bytes, b->bytes, sizeof a->bytes) == 0;
}

bool address_is_loopback(const struct address *address)
{
	if (address->family == AF_INET)
		return address->bytes[0] == 127;
	static const uint8_t loopback[16] = { [15] = 1 };
	return memcmp(address->bytes, loopback, sizeof loopback) == 0;
}

bool address_is_unspecified(const struct address *address)
{
	static const uint8_t zero[16];
	return memcmp(address->bytes, zero, sizeof zero) == 0;
}

bool address_is_multicast(const struct address *address)
{
	if (address->family == AF_INET6)
		return address->bytes[0] == 0xff;
	static const uint8_t broadcast[4] = { 255, 255, 255, 255 };
	return (address->bytes[0] & 0xf0) == 0xe0 || memcmp(address->bytes, broadcast, 4) == 0;
}

bool address_is_link_local(const struct address *address)
{
	return address->family == AF_INET6 && address->bytes[0] == 0xfe && (address->bytes[1] & 0xc0) == 0x80;
}

socklen_t endpoint_to_sockaddr(const struct endpoint *endpoint, struct sockaddr_storage *storage)
{
	memset(storage, 0, sizeof *storage);
	if (endpoint->address.family == AF_INET) {
		struct sockaddr_in *in = (struct sockaddr_in *)storage;
		in->sin_family = AF_INET;
		in->sin_port = htons(endpoint->port);
		memcpy(&in->sin_addr, endpoint->address.bytes, 4);
		return sizeof *in;
	}
	struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)storage;
	in6->sin6_family = AF_INET6;
	in6->sin6_port = htons(endpoint->port);
	memcpy(&in6->sin6_addr, endpoint->address.bytes, 16);
	return sizeof *in6;
}
