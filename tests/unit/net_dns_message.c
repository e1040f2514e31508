/* SPDX-License-Identifier: GPL-2.0-or-later */
/* DNS messages: what is accepted, and that no bytes do harm. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "net/dns_message.h"

/* A message under construction; names are written in full or as a pointer to an offset. */
struct message {
	uint8_t bytes[2048];
	size_t length;
};

static void put8(struct message *message, unsigned value)
{
	message->bytes[message->length++] = (uint8_t)value;
}

static void put16(struct message *message, unsigned value)
{
	put8(message, value >> 8);
	put8(message, value);
}

static void put_name(struct message *message, const char *name)
{
	while (*name) {
		size_t length = strcspn(name, ".");
		put8(message, (unsigned)length);
		for (size_t i = 0; i < length; i++)
			put8(message, (unsigned char)name[i]);
		name += length + (name[length] == '.');
	}
	put8(message, 0);
}

enum { QUESTION = 12 }; /* offset of the question's name */

static struct message begin(const struct dns_query *query, const char *name, unsigned flags, unsigned answers)
{
	struct message message = { .length = 0 };
	put16(&message, query->id);
	put16(&message, flags);
	put16(&message, 1);
	put16(&message, answers);
	put16(&message, 0);
	put16(&message, 0);
	put_name(&message, name);
	put16(&message, query->type);
	put16(&message, 1);
	return message;
}

static void put_record_header(struct message *message, const char *owner, unsigned type, unsigned length)
{
	if (owner)
		put_name(message, owner);
	else
		put16(message, 0xc000 | QUESTION);
	put16(message, type);
	put16(message, 1);
	put16(message, 0);
	put16(message, 300);
	put16(message, length);
}

static void put_a(struct message *message, const char *owner, const char *address)
{
	struct address parsed;
	assert_true(address_parse(address, &parsed));
	bool ipv4 = parsed.family == AF_INET;
	put_record_header(message, owner, ipv4 ? DNS_TYPE_A : DNS_TYPE_AAAA, ipv4 ? 4 : 16);
	for (size_t i = 0; i < address_length(&parsed); i++)
		put8(message, parsed.bytes[i]);
}

static void put_cname(struct message *message, const char *owner, const char *target)
{
	put_record_header(message, owner, DNS_TYPE_CNAME, (unsigned)strlen(target) + 2);
	put_name(message, target);
}

static struct dns_query make_query(uint16_t type)
{
	struct dns_query query = { .id = 0x1234, .type = type };
	assert_true(dns_name_parse("vr.example.com", &query.name));
	return query;
}

/* On the heap, exactly as long as it is, so that ASan sees a read behind the end. */
static enum dns_answer read_copy(const struct dns_query *query, const uint8_t *bytes, size_t length,
				 struct resolved *resolved)
{
	uint8_t *copy = malloc(length ? length : 1);
	assert_non_null(copy);
	memcpy(copy, bytes, length);
	enum dns_answer answer = dns_answer_read(query, copy, length, resolved);
	free(copy);
	return answer;
}

static enum dns_answer read_message(const struct dns_query *query, const struct message *message,
				    struct resolved *resolved)
{
	*resolved = (struct resolved){ 0 };
	return read_copy(query, message->bytes, message->length, resolved);
}

static void assert_address(const struct resolved *resolved, size_t index, const char *address)
{
	struct address parsed;
	assert_true(address_parse(address, &parsed));
	assert_true(index < resolved->count);
	assert_memory_equal(&resolved->addresses[index], &parsed, sizeof parsed);
}

static void test_query_bytes(void **state)
{
	(void)state;
	static const uint8_t expected[] = "\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00"
					  "\x02vr\x07" "example\x03" "com\x00\x00\x1c\x00\x01";
	struct dns_query query = make_query(DNS_TYPE_AAAA);
	uint8_t bytes[DNS_QUERY_SIZE];
	assert_int_equal(dns_query_write(&query, bytes), sizeof expected - 1);
	assert_memory_equal(bytes, expected, sizeof expected - 1);
}

static void test_name_limits(void **state)
{
	(void)state;
	char text[300];
	struct dns_name name;
	memset(text, 'a', sizeof text);
	for (size_t i = 63; i < sizeof text; i += 64)
		text[i] = '.';
	text[253] = '\0';
	assert_true(dns_name_parse(text, &name));
	assert_int_equal(name.length, 255);
	text[253] = 'a';
	text[254] = '\0';
	assert_false(dns_name_parse(text, &name));
	memset(text, 'a', 64);
	text[64] = '\0';
	assert_false(dns_name_parse(text, &name));
	assert_false(dns_name_parse("", &name));
	assert_false(dns_name_parse(".", &name));
	assert_false(dns_name_parse("a..b", &name));
	assert_true(dns_name_parse("a.b.", &name));
	assert_int_equal(name.length, 5);
}

static void test_addresses(void **state)
{
	(void)state;
	struct resolved found;
	struct dns_query query = make_query(DNS_TYPE_A);
	struct message message = begin(&query, "VR.example.COM", 0x8180, 4);
	put_a(&message, NULL, "192.0.2.9");
	put_a(&message, "vr.EXAMPLE.com", "192.0.2.1");
	put_a(&message, NULL, "192.0.2.9");
	put_a(&message, "other.example.com", "192.0.2.7");
	assert_int_equal(read_message(&query, &message, &found), DNS_ADDRESSES);
	assert_int_equal(found.count, 2);
	assert_address(&found, 0, "192.0.2.1");
	assert_address(&found, 1, "192.0.2.9");
	query.type = DNS_TYPE_AAAA;
	message = begin(&query, "vr.example.com", 0x8180, 1);
	put_a(&message, NULL, "2001:db8::1");
	assert_int_equal(read_message(&query, &message, &found), DNS_ADDRESSES);
	assert_address(&found, 0, "2001:db8::1");
}

static void test_local_addresses_are_dropped(void **state)
{
	(void)state;
	static const char *const local[] = { "127.0.0.1", "127.9.9.9", "0.0.0.0", "224.0.0.1", "255.255.255.255" };
	struct resolved found;
	struct dns_query query = make_query(DNS_TYPE_A);
	for (size_t i = 0; i < sizeof local / sizeof *local; i++) {
		struct message message = begin(&query, "vr.example.com", 0x8180, 1);
		put_a(&message, NULL, local[i]);
		assert_int_equal(read_message(&query, &message, &found), DNS_EMPTY);
		assert_int_equal(found.count, 0);
	}
	static const char *const local6[] = { "::1", "::", "ff02::1" };
	query.type = DNS_TYPE_AAAA;
	for (size_t i = 0; i < sizeof local6 / sizeof *local6; i++) {
		struct message message = begin(&query, "vr.example.com", 0x8180, 1);
		put_a(&message, NULL, local6[i]);
		assert_int_equal(read_message(&query, &message, &found), DNS_EMPTY);
	}
	/* ::ffff:127.0.0.1 */
	struct message message = begin(&query, "vr.example.com", 0x8180, 1);
	put_a(&message, NULL, "::1");
	memset(message.bytes + message.length - 6, 0xff, 2);
	memcpy(message.bytes + message.length - 4, "\x7f\x00\x00\x01", 4);
	assert_int_equal(read_message(&query, &message, &found), DNS_EMPTY);
}

static void test_cname_chain(void **state)
{
	(void)state;
	struct resolved found;
	struct dns_query query = make_query(DNS_TYPE_A);
	/* In no useful order, as a server may send them. */
	struct message message = begin(&query, "vr.example.com", 0x8180, 4);
	put_a(&message, "edge.cdn.example", "192.0.2.4");
	put_cname(&message, "front.example.com", "edge.cdn.example");
	put_a(&message, "unrelated.example", "192.0.2.5");
	put_cname(&message, NULL, "Front.example.com");
	assert_int_equal(read_message(&query, &message, &found), DNS_ADDRESSES);
	assert_int_equal(found.count, 1);
	assert_address(&found, 0, "192.0.2.4");
}

/* n CNAMEs from vr.example.com to an address */
static enum dns_answer read_chain(unsigned n, struct resolved *found)
{
	struct dns_query query = make_query(DNS_TYPE_A);
	struct message message = begin(&query, "vr.example.com", 0x8180, n + 1);
	char owner[] = "a.x";
	char target[] = "a.x";
	for (unsigned i = 0; i < n; i++) {
		owner[0] = (char)('a' + i - 1);
		target[0] = (char)('a' + i);
		put_cname(&message, i == 0 ? NULL : owner, target);
	}
	put_a(&message, target, "192.0.2.4");
	return read_message(&query, &message, found);
}

static void test_cname_limits(void **state)
{
	(void)state;
	struct resolved found;
	assert_int_equal(read_chain(16, &found), DNS_ADDRESSES);
	assert_int_equal(read_chain(17, &found), DNS_EMPTY);
	struct dns_query query = make_query(DNS_TYPE_A);
	struct message loop = begin(&query, "vr.example.com", 0x8180, 2);
	put_cname(&loop, NULL, "b.example.com");
	put_cname(&loop, "b.example.com", "vr.example.com");
	assert_int_equal(read_message(&query, &loop, &found), DNS_EMPTY);
}

static void test_stray(void **state)
{
	(void)state;
	struct resolved found;
	struct dns_query query = make_query(DNS_TYPE_A);
	struct message good = begin(&query, "vr.example.com", 0x8180, 1);
	put_a(&good, NULL, "192.0.2.1");
	assert_int_equal(read_message(&query, &good, &found), DNS_ADDRESSES);
	static const struct {
		size_t at;
		uint8_t bits;
	} changes[] = {
		{ 1, 0x01 }, /* id */
		{ 2, 0x80 }, /* a query, not a response */
		{ 2, 0x08 }, /* opcode */
		{ 5, 0x03 }, /* two questions */
		{ QUESTION + 1, 0x01 }, /* other name */
		{ QUESTION + 17, 0x02 }, /* other type */
		{ QUESTION + 19, 0x02 }, /* other class */
	};
	for (size_t i = 0; i < sizeof changes / sizeof *changes; i++) {
		struct message changed = good;
		changed.bytes[changes[i].at] ^= changes[i].bits;
		assert_int_equal(read_message(&query, &changed, &found), DNS_STRAY);
		assert_int_equal(found.count, 0);
	}
}

static void test_codes(void **state)
{
	(void)state;
	struct resolved found;
	struct dns_query query = make_query(DNS_TYPE_A);
	for (unsigned code = 0; code < 16; code++) {
		struct message message = begin(&query, "vr.example.com", 0x8180 | code, 0);
		enum dns_answer expected = code == 0 ? DNS_EMPTY : code == 3 ? DNS_NO_NAME : DNS_UNUSABLE;
		assert_int_equal(read_message(&query, &message, &found), expected);
	}
	struct message cut = begin(&query, "vr.example.com", 0x8380, 1);
	put_a(&cut, NULL, "192.0.2.1");
	assert_int_equal(read_message(&query, &cut, &found), DNS_TRUNCATED);
	assert_int_equal(found.count, 0);
}

static void test_wrong_class_and_length(void **state)
{
	(void)state;
	struct resolved found;
	struct dns_query query = make_query(DNS_TYPE_A);
	struct message message = begin(&query, "vr.example.com", 0x8180, 1);
	size_t record = message.length;
	put_a(&message, NULL, "192.0.2.1");
	message.bytes[record + 5] = 3; /* class CHAOS */
	assert_int_equal(read_message(&query, &message, &found), DNS_EMPTY);
	message = begin(&query, "vr.example.com", 0x8180, 1);
	put_record_header(&message, NULL, DNS_TYPE_A, 5);
	for (int i = 0; i < 5; i++)
		put8(&message, 9);
	assert_int_equal(read_message(&query, &message, &found), DNS_EMPTY);
}

static void test_malformed_names(void **state)
{
	(void)state;
	struct resolved found;
	struct dns_query query = make_query(DNS_TYPE_A);
	struct message start = begin(&query, "vr.example.com", 0x8180, 1);
	size_t at = start.length;
	/* A pointer to itself, forward, behind the end; a label of 64 bytes; a label that runs over the end. */
	const unsigned owners[] = { 0xc000 | (unsigned)at, 0xc000 | (unsigned)(at + 2), 0xffff, 0x4061, 0x8061, 0x3f61 };
	for (size_t i = 0; i < sizeof owners / sizeof *owners; i++) {
		struct message message = start;
		put_a(&message, NULL, "192.0.2.1");
		message.bytes[at] = (uint8_t)(owners[i] >> 8);
		message.bytes[at + 1] = (uint8_t)owners[i];
		assert_int_equal(read_message(&query, &message, &found), DNS_UNUSABLE);
	}
	/* A label and then a pointer to that label: round and round, growing. */
	struct message loop = start;
	put8(&loop, 1);
	put8(&loop, 'a');
	put16(&loop, 0xc000 | (unsigned)at);
	assert_int_equal(read_message(&query, &loop, &found), DNS_UNUSABLE);
}

static void test_every_prefix(void **state)
{
	(void)state;
	struct resolved found;
	struct dns_query query = make_query(DNS_TYPE_A);
	struct message message = begin(&query, "vr.example.com", 0x8180, 2);
	size_t question_end = message.length;
	put_cname(&message, NULL, "edge.example");
	put_a(&message, "edge.example", "192.0.2.1");
	for (size_t length = 0; length < message.length; length++) {
		found = (struct resolved){ 0 };
		enum dns_answer answer = read_copy(&query, message.bytes, length, &found);
		assert_int_equal(answer, length < question_end ? DNS_STRAY : DNS_UNUSABLE);
		assert_int_equal(found.count, 0);
	}
}

/* A linear congruential generator: the same bytes in every run. */
static unsigned next_random(uint32_t *seed)
{
	*seed = *seed * 1664525u + 1013904223u;
	return *seed >> 8;
}

static void test_bit_flips(void **state)
{
	(void)state;
	struct dns_query query = make_query(DNS_TYPE_A);
	struct message message = begin(&query, "vr.example.com", 0x8180, 3);
	put_cname(&message, NULL, "edge.example");
	put_a(&message, "edge.example", "192.0.2.1");
	put_a(&message, "edge.example", "192.0.2.2");
	uint32_t seed = 1;
	unsigned usable = 0;
	for (int round = 0; round < 50000; round++) {
		struct message broken = message;
		for (unsigned flips = 1 + next_random(&seed) % 4; flips > 0; flips--)
			broken.bytes[QUESTION + 20 + next_random(&seed) % (message.length - QUESTION - 20)] ^=
				(uint8_t)(1u << next_random(&seed) % 8);
		struct resolved found;
		enum dns_answer answer = read_message(&query, &broken, &found);
		assert_true(answer == DNS_UNUSABLE || answer == DNS_EMPTY || answer == DNS_ADDRESSES);
		assert_int_equal(answer == DNS_ADDRESSES, found.count > 0);
		usable += answer == DNS_ADDRESSES;
	}
	assert_true(usable > 0);
}

static void test_more_addresses_than_fit(void **state)
{
	(void)state;
	struct resolved found;
	struct dns_query query = make_query(DNS_TYPE_A);
	struct message message = begin(&query, "vr.example.com", 0x8180, RESOLVED_ADDRESSES_MAX + 5);
	for (int i = 0; i < RESOLVED_ADDRESSES_MAX + 5; i++) {
		put_a(&message, NULL, "192.0.2.0");
		message.bytes[message.length - 1] = (uint8_t)(200 - i);
	}
	assert_int_equal(read_message(&query, &message, &found), DNS_ADDRESSES);
	assert_int_equal(found.count, RESOLVED_ADDRESSES_MAX);
	assert_int_equal(found.dropped, 5);
	for (size_t i = 1; i < found.count; i++)
		assert_true(found.addresses[i - 1].bytes[3] < found.addresses[i].bytes[3]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_query_bytes),
		cmocka_unit_test(test_name_limits),
		cmocka_unit_test(test_addresses),
		cmocka_unit_test(test_local_addresses_are_dropped),
		cmocka_unit_test(test_cname_chain),
		cmocka_unit_test(test_cname_limits),
		cmocka_unit_test(test_stray),
		cmocka_unit_test(test_codes),
		cmocka_unit_test(test_wrong_class_and_length),
		cmocka_unit_test(test_malformed_names),
		cmocka_unit_test(test_every_prefix),
		cmocka_unit_test(test_bit_flips),
		cmocka_unit_test(test_more_addresses_than_fit),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
