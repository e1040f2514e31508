/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Seals: user data that nft passes over, and digests that are the same for what we send and what the kernel returns. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <arpa/inet.h>
#include <string.h>

#include <linux/netfilter/nf_tables.h>

#include "nft/seal.h"

struct attributes {
	char bytes[512];
	struct nlmsghdr *header;
};

static struct attributes *begin(struct attributes *attributes)
{
	memset(attributes, 0, sizeof *attributes);
	attributes->header = mnl_nlmsg_put_header(attributes->bytes);
	return attributes;
}

static void put_u32(struct attributes *attributes, uint16_t type, uint32_t value)
{
	mnl_attr_put_u32(attributes->header, type, htonl(value));
}

/* "cmp", with its attributes in either order, with or without an operator of 0, and the nested flag or not. */
static uint64_t digest_compare(bool turned, bool with_zero, uint8_t operator, const char *data)
{
	struct attributes attributes;
	struct nlmsghdr *header = begin(&attributes)->header;
	struct nlattr *expression = mnl_attr_nest_start(header, NFTA_LIST_ELEM);
	mnl_attr_put_strz(header, NFTA_EXPR_NAME, "cmp");
	struct nlattr *parameters = mnl_attr_nest_start(header, NFTA_EXPR_DATA);
	if (!turned)
		put_u32(&attributes, NFTA_CMP_SREG, NFT_REG_1);
	if (with_zero || operator)
		put_u32(&attributes, NFTA_CMP_OP, operator);
	struct nlattr *value = mnl_attr_nest_start(header, NFTA_CMP_DATA);
	mnl_attr_put(header, NFTA_DATA_VALUE, strlen(data), data);
	mnl_attr_nest_end(header, value);
	if (turned)
		value->nla_type = NFTA_CMP_DATA;
	if (turned)
		put_u32(&attributes, NFTA_CMP_SREG, NFT_REG_1);
	mnl_attr_nest_end(header, parameters);
	mnl_attr_nest_end(header, expression);
	return digest_expressions(mnl_nlmsg_get_payload(header), mnl_nlmsg_get_payload_len(header), NULL, NULL);
}

static void digests_ignore_how_it_is_written(void **state)
{
	(void)state;
	uint64_t plain = digest_compare(false, false, 0, "abcd");
	assert_true(plain == digest_compare(true, false, 0, "abcd"));
	assert_true(plain == digest_compare(false, true, 0, "abcd"));
	assert_true(plain != digest_compare(false, false, 1, "abcd"));
	assert_true(plain != digest_compare(false, false, 0, "abce"));
	assert_true(plain != digest_compare(false, false, 0, "abc"));
}

/* As kernels of MIPS, RISC-V and others write 64-bit numbers. */
static uint64_t digest_limit(bool aligned)
{
	struct attributes attributes;
	struct nlmsghdr *header = begin(&attributes)->header;
	struct nlattr *expression = mnl_attr_nest_start(header, NFTA_LIST_ELEM);
	mnl_attr_put_strz(header, NFTA_EXPR_NAME, "limit");
	struct nlattr *parameters = mnl_attr_nest_start(header, NFTA_EXPR_DATA);
	if (aligned)
		mnl_attr_put(header, NFTA_LIMIT_PAD, 0, NULL);
	mnl_attr_put_u64(header, NFTA_LIMIT_RATE, 20);
	mnl_attr_nest_end(header, parameters);
	mnl_attr_nest_end(header, expression);
	return digest_expressions(mnl_nlmsg_get_payload(header), mnl_nlmsg_get_payload_len(header), NULL, NULL);
}

static void digests_ignore_what_aligns_numbers(void **state)
{
	(void)state;
	assert_true(digest_limit(false) == digest_limit(true));
}

static void note_name(void *context, const char *name)
{
	strcat(strcat(context, name), ";");
}

static uint64_t digest_pair(uint64_t packets, const char *set, char *names)
{
	struct attributes attributes;
	struct nlmsghdr *header = begin(&attributes)->header;
	struct nlattr *counter = mnl_attr_nest_start(header, NFTA_LIST_ELEM);
	mnl_attr_put_strz(header, NFTA_EXPR_NAME, "counter");
	struct nlattr *parameters = mnl_attr_nest_start(header, NFTA_EXPR_DATA);
	mnl_attr_put_u64(header, NFTA_COUNTER_PACKETS, packets);
	mnl_attr_nest_end(header, parameters);
	mnl_attr_nest_end(header, counter);
	struct nlattr *lookup = mnl_attr_nest_start(header, NFTA_LIST_ELEM);
	mnl_attr_put_strz(header, NFTA_EXPR_NAME, "lookup");
	parameters = mnl_attr_nest_start(header, NFTA_EXPR_DATA);
	mnl_attr_put_strz(header, NFTA_LOOKUP_SET, set);
	put_u32(&attributes, NFTA_LOOKUP_SREG, NFT_REG_1);
	mnl_attr_nest_end(header, parameters);
	mnl_attr_nest_end(header, lookup);
	return digest_expressions(mnl_nlmsg_get_payload(header), mnl_nlmsg_get_payload_len(header), note_name, names);
}

static void counters_and_numbers_of_sets_do_not_count(void **state)
{
	(void)state;
	char names[64] = "";
	uint64_t plain = digest_pair(0, "__set%d", names);
	assert_true(plain == digest_pair(4711, "__set17", names));
	assert_string_equal(names, "__set%d;__set17;");
	*names = '\0';
	assert_true(plain != digest_pair(0, "server4", names));
	assert_true(digest_pair(0, "server4", names) != digest_pair(0, "server6", names));
	assert_string_equal(names, "");
}

static void rules_differ_by_chain_and_comment(void **state)
{
	(void)state;
	uint64_t plain = digest_rule(1, "in", "loopback");
	assert_true(plain != digest_rule(2, "in", "loopback"));
	assert_true(plain != digest_rule(1, "out", "loopback"));
	assert_true(plain != digest_rule(1, "in", "servers"));
}

/* A sum of digests tells which element is too many. */
static void sums_of_elements(void **state)
{
	(void)state;
	uint64_t a = digest_element("a", 1);
	uint64_t b = digest_element("b", 1);
	assert_true(a != b && a != 0 && b != 0 && a + a != b && a + b != a);
	assert_true(digest_element("\0", 1) != digest_element("\0\0", 2));
	assert_true(digest_element("\6", 1) != digest_element("\6\0\0\0", 4));
	assert_true(digest_element("\6", 1) != digest_element("\0\0\0\6", 4));
}

static void user_data_is_a_row_of_entries(void **state)
{
	(void)state;
	uint8_t data[USER_DATA_SIZE];
	char bytes[512];
	char comment[400];
	struct rule_seal seal = { .digest = 0x0123456789abcdef, .number = 7 };
	struct rule_seal found;
	memset(comment, 'x', sizeof comment);
	comment[sizeof comment - 1] = '\0';
	size_t length = user_data_write(data, comment, &seal, sizeof seal);
	assert_int_equal(length, 2 + 128 + 2 + sizeof seal); /* the comment is cut as nft would */
	struct nlmsghdr *header = mnl_nlmsg_put_header(bytes);
	mnl_attr_put(header, NFTA_RULE_USERDATA, length, data);
	const struct nlattr *attribute = mnl_nlmsg_get_payload(header);
	assert_true(user_data_find(attribute, SEAL_TYPE, &found, sizeof found));
	assert_memory_equal(&found, &seal, sizeof seal);
	assert_false(user_data_find(attribute, SEAL_TYPE, &found, sizeof found - 1));
	assert_int_equal(strlen(user_data_comment(attribute)), 127);
	assert_memory_equal(user_data_comment(attribute), comment, 127);
	assert_false(user_data_find(NULL, SEAL_TYPE, &found, sizeof found));
	assert_string_equal(user_data_comment(NULL), "");
	/* entries that reach beyond the end are no entries */
	for (size_t cut = 0; cut < length; cut++) {
		header = mnl_nlmsg_put_header(bytes);
		mnl_attr_put(header, NFTA_RULE_USERDATA, cut, data);
		assert_false(user_data_find(mnl_nlmsg_get_payload(header), SEAL_TYPE, &found, sizeof found));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(digests_ignore_how_it_is_written),
		cmocka_unit_test(digests_ignore_what_aligns_numbers),
		cmocka_unit_test(counters_and_numbers_of_sets_do_not_count),
		cmocka_unit_test(rules_differ_by_chain_and_comment),
		cmocka_unit_test(sums_of_elements),
		cmocka_unit_test(user_data_is_a_row_of_entries),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
