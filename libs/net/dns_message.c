/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "net/dns_message.h"

#include <string.h>

enum {
	LABEL_LIMIT = 63,
	POINTER_BITS = 0xc0, /* RFC 1035 section 4.1.4 */
	CLASS_IN = 1,
	CNAME_STEPS = 16,
	/* Header bits, RFC 1035 section 4.1.1. */
	RESPONSE = 0x8000,
	OPCODE_MASK = 0x7800,
	TRUNCATED = 0x0200,
	RECURSION_DESIRED = 0x0100,
	RCODE_MASK = 0x000f,
	RCODE_NAME_ERROR = 3,
};

struct reader {
	const uint8_t *bytes;
	size_t length;
	size_t at;
};

struct record {
	struct dns_name owner;
	uint16_t type;
	uint16_t class;
	size_t data; /* offset in the message */
	size_t data_length;
};

static uint8_t to_lower(uint8_t byte)
{
	return byte >= 'A' && byte <= 'Z' ? (uint8_t)(byte + 'a' - 'A') : byte;
}

static bool append_label(struct dns_name *name, const uint8_t *label, size_t length)
{
	/* The root label's byte must always fit behind. */
	if (length > LABEL_LIMIT || name->length + length + 2 > DNS_NAME_SIZE)
		return false;
	name->bytes[name->length++] = (uint8_t)length;
	for (size_t i = 0; i < length; i++)
		name->bytes[name->length++] = to_lower(label[i]);
	return true;
}

static void append_root(struct dns_name *name)
{
	name->bytes[name->length++] = 0;
}

static bool same_name(const struct dns_name *a, const struct dns_name *b)
{
	return a->length == b->length && memcmp(a->bytes, b->bytes, a->length) == 0;
}

bool dns_name_parse(const char *string, struct dns_name *name)
{
	name->length = 0;
	do {
		size_t length = strcspn(string, ".");
		if (length == 0 || !append_label(name, (const uint8_t *)string, length))
			return false;
		string += length;
		string += *string == '.';
	} while (*string);
	append_root(name);
	return true;
}

static size_t put_u16(uint8_t *message, size_t at, unsigned value)
{
	message[at] = (uint8_t)(value >> 8);
	message[at + 1] = (uint8_t)value;
	return at + 2;
}

size_t dns_query_write(const struct dns_query *query, uint8_t *message)
{
	memset(message, 0, DNS_HEADER_SIZE);
	size_t at = put_u16(message, 0, query->id);
	at = put_u16(message, at, RECURSION_DESIRED);
	put_u16(message, at, 1); /* one question */
	at = DNS_HEADER_SIZE;
	memcpy(message + at, query->name.bytes, query->name.length);
	at = put_u16(message, at + query->name.length, query->type);
	return put_u16(message, at, CLASS_IN);
}

static bool read_u16(struct reader *reader, uint16_t *value)
{
	if (reader->length - reader->at < 2)
		return false;
	const uint8_t *bytes = reader->bytes + reader->at;
	*value = (uint16_t)(bytes[0] << 8 | bytes[1]);
	reader->at += 2;
	return true;
}

static bool skip(struct reader *reader, size_t count)
{
	if (reader->length - reader->at < count)
		return false;
	reader->at += count;
	return true;
}

/*
 * Follows compression pointers and leaves reader->at behind the name. Each pointer must lead before the part of the
 * name that it stands in ("a prior occurrence"), so that no chain of them can go round.
 */
static bool read_name(struct reader *reader, struct dns_name *name)
{
	size_t at = reader->at;
	size_t part = at;
	size_t end = 0;
	name->length = 0;
	while (at < reader->length) {
		uint8_t byte = reader->bytes[at];
		if ((byte & POINTER_BITS) == POINTER_BITS) {
			if (at + 1 >= reader->length)
				return false;
			end = end ? end : at + 2;
			at = (size_t)(byte & ~POINTER_BITS) << 8 | reader->bytes[at + 1];
			if (at >= part)
				return false;
			part = at;
		} else if (byte == 0) {
			append_root(name);
			reader->at = end ? end : at + 1;
			return true;
		} else {
			if (byte >= reader->length - at || !append_label(name, reader->bytes + at + 1, byte))
				return false;
			at += 1u + byte;
		}
	}
	return false;
}

static bool read_record(struct reader *reader, struct record *record)
{
	uint16_t data_length;
	if (!read_name(reader, &record->owner) || !read_u16(reader, &record->type) ||
	    !read_u16(reader, &record->class) || !skip(reader, 4) || !read_u16(reader, &data_length))
		return false;
	record->data = reader->at;
	record->data_length = data_length;
	return skip(reader, data_length);
}

static bool well_formed(struct reader answers, unsigned count)
{
	struct record record;
	while (count-- > 0) {
		if (!read_record(&answers, &record))
			return false;
	}
	return true;
}

/*
 * False also for ::ffff:0:0/96, which would be an IPv4 address by a back door: AAAA records have no business with it.
 */
static bool can_be_a_server(const struct address *address)
{
	static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };
	if (address->family == AF_INET6 && memcmp(address->bytes, mapped, sizeof mapped) == 0)
		return false;
	return !address_is_loopback(address) && !address_is_unspecified(address) && !address_is_multicast(address);
}

static bool take_address(const struct dns_query *query, const uint8_t *message, const struct record *record,
			 struct address *address)
{
	bool ipv4 = query->type == DNS_TYPE_A;
	if (record->type != query->type || record->data_length != (ipv4 ? 4 : 16))
		return false;
	*address = (struct address){ .family = ipv4 ? AF_INET : AF_INET6 };
	memcpy(address->bytes, message + record->data, record->data_length);
	return can_be_a_server(address);
}

static bool take_alias(const struct reader *answers, const struct record *record, struct dns_name *target)
{
	struct reader data = { answers->bytes, record->data + record->data_length, record->data };
	return record->type == DNS_TYPE_CNAME && read_name(&data, target);
}

/* Collects the addresses of *owner; when it has none but an alias, sets *owner to that. Returns whether to go on. */
static bool follow(const struct dns_query *query, struct reader answers, unsigned count, struct dns_name *owner,
		   struct resolved *found)
{
	struct record record;
	struct dns_name target;
	struct dns_name next = { .length = 0 };
	while (count-- > 0 && read_record(&answers, &record)) {
		struct address address;
		if (record.class != CLASS_IN || !same_name(&record.owner, owner))
			continue;
		if (take_address(query, answers.bytes, &record, &address))
			resolved_add(found, &address);
		else if (take_alias(&answers, &record, &target))
			next = target;
	}
	*owner = next;
	return found->count == 0 && next.length > 0;
}

static enum dns_answer read_answers(const struct dns_query *query, struct reader answers, unsigned count,
				    struct resolved *resolved)
{
	if (!well_formed(answers, count))
		return DNS_UNUSABLE;
	struct resolved found = { 0 };
	struct dns_name owner = query->name;
	for (int step = 0; step <= CNAME_STEPS; step++) {
		if (!follow(query, answers, count, &owner, &found))
			break;
	}
	for (size_t i = 0; i < found.count; i++)
		resolved_add(resolved, &found.addresses[i]);
	resolved->dropped += found.dropped;
	return found.count > 0 ? DNS_ADDRESSES : DNS_EMPTY;
}

/* Header and question; leaves the reader at the first answer. */
static bool belongs_to(const struct dns_query *query, struct reader *reader, uint16_t *flags, uint16_t *answers)
{
	uint16_t id;
	uint16_t questions;
	struct dns_name name;
	uint16_t type;
	uint16_t class;
	return read_u16(reader, &id) && read_u16(reader, flags) && read_u16(reader, &questions) &&
	       read_u16(reader, answers) && skip(reader, 4) && id == query->id &&
	       (*flags & (RESPONSE | OPCODE_MASK)) == RESPONSE && questions == 1 && read_name(reader, &name) &&
	       read_u16(reader, &type) && read_u16(reader, &class) && same_name(&name, &query->name) &&
	       type == query->type && class == CLASS_IN;
}

enum dns_answer dns_answer_read(const struct dns_query *query, const uint8_t *message, size_t length,
				struct resolved *resolved)
{
	struct reader reader = { message, length, 0 };
	uint16_t flags;
	uint16_t answers;
	if (!belongs_to(query, &reader, &flags, &answers))
		return DNS_STRAY;
	unsigned code = flags & RCODE_MASK;
	if (code != 0 && code != RCODE_NAME_ERROR)
		return DNS_UNUSABLE;
	if (flags & TRUNCATED)
		return DNS_TRUNCATED;
	return code == RCODE_NAME_ERROR ? DNS_NO_NAME : read_answers(query, reader, answers, resolved);
}
