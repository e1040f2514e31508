/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Attributes of what the kernel answers: found by their type, and worth nothing when they have another length. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <string.h>

#include "base/address.h"
#include "netlink/message.h"

enum { NUMBER = 1, STRING, NEST, ADDRESS, HIGH = NETLINK_TYPES };

struct answer {
	union {
		struct nlmsghdr header;
		char bytes[512];
	} buffer;
	struct netlink_message parts;
};

static struct answer *new_answer(void)
{
	static struct answer answer;
	memset(&answer, 0, sizeof answer);
	struct nlmsghdr *message = netlink_begin(&answer.buffer, 7, NLM_F_DUMP, 4, AF_INET6);
	assert_int_equal(message->nlmsg_type, 7);
	assert_int_equal(message->nlmsg_flags, NLM_F_REQUEST | NLM_F_DUMP);
	mnl_attr_put(message, NUMBER, 4, "\1\2\3\4");
	mnl_attr_put_strz(message, STRING, "wan");
	struct nlattr *nest = mnl_attr_nest_start(message, NEST);
	mnl_attr_put(message, NUMBER, 8, "\0\0\0\0\0\0\1\2");
	mnl_attr_put(message, STRING, 3, "wan");
	mnl_attr_put(message, ADDRESS, 4, "\300\0\2\1");
	mnl_attr_nest_end(message, nest);
	mnl_attr_put_u8(message, HIGH, 1);
	return &answer;
}

static void attributes_are_found_by_type(void **state)
{
	(void)state;
	struct answer *answer = new_answer();
	struct netlink_message *parts = &answer->parts;
	assert_true(netlink_take_apart(parts, &answer->buffer.header, 4));
	assert_ptr_equal(parts->whole, &answer->buffer);
	assert_int_equal(*(const uint8_t *)parts->header, AF_INET6);
	assert_string_equal(netlink_string(parts->of[STRING]), "wan");
	assert_null(parts->of[ADDRESS]);
	assert_non_null(netlink_find(parts->of[NEST], ADDRESS));
	assert_null(netlink_find(parts->of[NEST], HIGH));
	assert_null(netlink_find(NULL, ADDRESS));
	size_t count = 0;
	const struct nlattr *attribute;
	netlink_for_each_nested(attribute, parts->of[NEST])
		count++;
	assert_int_equal(count, 3);
	answer->buffer.header.nlmsg_len = NLMSG_HDRLEN + 3;
	assert_false(netlink_take_apart(parts, &answer->buffer.header, 4));
}

static void lengths_are_checked(void **state)
{
	(void)state;
	struct answer *answer = new_answer();
	struct netlink_message *parts = &answer->parts;
	assert_true(netlink_take_apart(parts, &answer->buffer.header, 4));
	const struct nlattr *number = parts->of[NUMBER];
	const struct nlattr *nested = netlink_find(parts->of[NEST], NUMBER);
	uint32_t host;
	memcpy(&host, mnl_attr_get_payload(number), sizeof host);
	assert_true(netlink_number(number, 4) == host);
	assert_true(netlink_network_number(number, 4) == 0x01020304);
	assert_true(netlink_network_number(nested, 8) == 0x0102);
	assert_true(netlink_network_number(number, 2) == 0 && netlink_number(nested, 4) == 0 &&
		    netlink_number(NULL, 4) == 0);
	assert_true(netlink_holds(number, 4) && !netlink_holds(number, 3) && !netlink_holds(NULL, 0));
	assert_true(netlink_bytes(number, 4) && netlink_bytes(number, 3) && !netlink_bytes(number, 5));
	assert_string_equal(netlink_string(netlink_find(parts->of[NEST], STRING)), ""); /* without its NUL */
	assert_string_equal(netlink_string(NULL), "");
	struct address address = { .family = AF_INET6 };
	assert_false(netlink_read_address(netlink_find(parts->of[NEST], ADDRESS), &address));
	address.family = AF_INET;
	assert_true(netlink_read_address(netlink_find(parts->of[NEST], ADDRESS), &address));
	assert_memory_equal(address.bytes, "\300\0\2\1", 4);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(attributes_are_found_by_type),
		cmocka_unit_test(lengths_are_checked),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
