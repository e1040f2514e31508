/* SPDX-License-Identifier: GPL-2.0-or-later */
/* libmnl's messages and attributes as we have them, beside libmnl's own: the same bytes, and the same answers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <libmnl/libmnl.h>

#define mnl_nlmsg_put_header	   small_put_header
#define mnl_nlmsg_put_extra_header small_put_extra_header
#define mnl_nlmsg_get_payload	   small_get_payload
#define mnl_nlmsg_get_payload_len  small_get_payload_len
#define mnl_nlmsg_get_payload_tail small_get_payload_tail
#define mnl_nlmsg_ok		   small_nlmsg_ok
#define mnl_nlmsg_next		   small_nlmsg_next
#define mnl_attr_get_type	   small_get_type
#define mnl_attr_get_payload_len   small_attr_get_payload_len
#define mnl_attr_get_payload	   small_attr_get_payload
#define mnl_attr_ok		   small_attr_ok
#define mnl_attr_next		   small_attr_next
#define mnl_attr_put		   small_attr_put
#define mnl_attr_put_u8		   small_attr_put_u8
#define mnl_attr_put_u16	   small_attr_put_u16
#define mnl_attr_put_u32	   small_attr_put_u32
#define mnl_attr_put_strz	   small_attr_put_strz
#define mnl_attr_nest_start	   small_nest_start
#define mnl_attr_nest_end	   small_nest_end
#include "../../libs/third_party/small_netlink.c"
#undef mnl_nlmsg_put_header
#undef mnl_nlmsg_put_extra_header
#undef mnl_nlmsg_get_payload
#undef mnl_nlmsg_get_payload_len
#undef mnl_nlmsg_get_payload_tail
#undef mnl_nlmsg_ok
#undef mnl_nlmsg_next
#undef mnl_attr_get_type
#undef mnl_attr_get_payload_len
#undef mnl_attr_get_payload
#undef mnl_attr_ok
#undef mnl_attr_next
#undef mnl_attr_put
#undef mnl_attr_put_u8
#undef mnl_attr_put_u16
#undef mnl_attr_put_u32
#undef mnl_attr_put_strz
#undef mnl_attr_nest_start
#undef mnl_attr_nest_end

enum { SIZE = 4096 };

union message {
	struct nlmsghdr header;
	unsigned char bytes[SIZE];
};

/* Whatever was there before: nothing of it must be sent (with libmnl's it was up to the caller). */
static void begin(union message *ours, union message *theirs)
{
	memset(ours->bytes, 0xa5, SIZE);
	memset(theirs->bytes, 0, SIZE);
	assert_ptr_equal(small_put_header(ours->bytes), &ours->header);
	mnl_nlmsg_put_header(theirs->bytes);
}

static void check_same(const union message *ours, const union message *theirs)
{
	assert_int_equal(ours->header.nlmsg_len, theirs->header.nlmsg_len);
	assert_memory_equal(ours->bytes, theirs->bytes, theirs->header.nlmsg_len);
	assert_int_equal(ours->bytes[theirs->header.nlmsg_len], 0xa5);
	assert_int_equal(small_get_payload_len(&ours->header), mnl_nlmsg_get_payload_len(&theirs->header));
	assert_ptr_equal(small_get_payload(&theirs->header), mnl_nlmsg_get_payload(&theirs->header));
	assert_ptr_equal(small_get_payload_tail(&theirs->header), mnl_nlmsg_get_payload_tail(&theirs->header));
}

static void written(void **state)
{
	(void)state;
	static union message ours;
	static union message theirs;
	static const char bytes[32] = "abcdefghijklmnopqrstuvwxyz";
	begin(&ours, &theirs);
	check_same(&ours, &theirs);
	for (size_t size = 0; size <= 20; size++) {
		begin(&ours, &theirs);
		*(char *)small_put_extra_header(&ours.header, size + 1) = 7;
		*(char *)mnl_nlmsg_put_extra_header(&theirs.header, size + 1) = 7;
		check_same(&ours, &theirs);
		small_attr_put(&ours.header, 3, size, bytes);
		mnl_attr_put(&theirs.header, 3, size, bytes);
		check_same(&ours, &theirs);
		struct nlattr *our_nest = small_nest_start(&ours.header, 9);
		struct nlattr *their_nest = mnl_attr_nest_start(&theirs.header, 9);
		small_attr_put_strz(&ours.header, 0x7fff, bytes + sizeof bytes - 6 - size);
		mnl_attr_put_strz(&theirs.header, 0x7fff, bytes + sizeof bytes - 6 - size);
		small_attr_put_u8(&ours.header, 1, 0xfe);
		mnl_attr_put_u8(&theirs.header, 1, 0xfe);
		small_attr_put_u16(&ours.header, 2, 0xfedc);
		mnl_attr_put_u16(&theirs.header, 2, 0xfedc);
		small_attr_put_u32(&ours.header, 4, 0xfedcba98);
		mnl_attr_put_u32(&theirs.header, 4, 0xfedcba98);
		small_nest_end(&ours.header, our_nest);
		mnl_attr_nest_end(&theirs.header, their_nest);
		check_same(&ours, &theirs);
	}
}

static void read_back(void **state)
{
	(void)state;
	static union message ours;
	static union message theirs;
	begin(&ours, &theirs);
	mnl_attr_put_strz(&theirs.header, NLA_F_NESTED | NLA_F_NET_BYTEORDER | 5, "text");
	const struct nlattr *attribute = mnl_nlmsg_get_payload(&theirs.header);
	assert_int_equal(small_get_type(attribute), 5);
	assert_int_equal(small_attr_get_payload_len(attribute), 5);
	assert_string_equal(small_attr_get_payload(attribute), "text");
	assert_ptr_equal(small_attr_next(attribute), mnl_attr_next(attribute));
}

/* What another process has cut off or made up is not read. */
static void lengths(void **state)
{
	(void)state;
	static const uint32_t said[] = { 0, 1, 3, 4, 5, 15, 16, 17, 20, 0x7fff, 0x7fffffff, 0x80000000, 0xffffffff };
	static const int left[] = { -2147483647, -1, 0, 1, 3, 4, 5, 15, 16, 17, 20, 0x7fff, 0x7fffffff };
	for (size_t i = 0; i < sizeof said / sizeof *said; i++) {
		struct nlmsghdr message = { .nlmsg_len = said[i] };
		struct nlattr attribute = { .nla_len = (uint16_t)said[i] };
		for (size_t j = 0; j < sizeof left / sizeof *left; j++) {
			bool fits = said[i] <= 0x7fffffff && mnl_nlmsg_ok(&message, left[j]); /* for libmnl's it is an int */
			assert_int_equal(small_nlmsg_ok(&message, left[j]), fits);
			assert_int_equal(small_attr_ok(&attribute, left[j]), mnl_attr_ok(&attribute, left[j]));
		}
	}
	static union message message;
	for (uint32_t length = 16; length < 24; length++) {
		message.header.nlmsg_len = length;
		int ours = 100;
		int theirs = 100;
		assert_ptr_equal(small_nlmsg_next(&message.header, &ours), mnl_nlmsg_next(&message.header, &theirs));
		assert_int_equal(ours, theirs);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(written),
		cmocka_unit_test(read_back),
		cmocka_unit_test(lengths),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
