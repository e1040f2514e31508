/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "nft/seal.h"

#include <string.h>

#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>

#include "base/text.h"
#include "netlink/socket.h"

enum {
	COMMENT_TYPE = 0, /* nft's, in tables and in rules */
	COMMENT_MAX = 128, /* of nft, with the NUL */
};

size_t user_data_write(uint8_t data[USER_DATA_SIZE], const char *comment, const void *seal, size_t seal_size)
{
	size_t length = 0;
	if (comment) {
		text_copy((char *)data + 2, COMMENT_MAX, comment);
		size_t comment_size = strlen((char *)data + 2) + 1;
		data[0] = COMMENT_TYPE;
		data[1] = (uint8_t)comment_size;
		length = 2 + comment_size;
	}
	if (seal) {
		data[length] = SEAL_TYPE;
		data[length + 1] = (uint8_t)seal_size;
		memcpy(data + length + 2, seal, seal_size);
		length += 2 + seal_size;
	}
	return length;
}

/* The length of an entry that is neither shorter nor longer than said, with its value behind it; or NULL. */
static const uint8_t *find_entry(const struct nlattr *user_data, uint8_t type, size_t least, size_t most)
{
	const uint8_t *at = netlink_bytes(user_data, 2);
	if (!at)
		return NULL;
	const uint8_t *end = (const uint8_t *)user_data + user_data->nla_len;
	for (; end - at >= 2 && end - at - 2 >= at[1]; at += 2 + at[1]) {
		if (at[0] == type && at[1] >= least && at[1] <= most)
			return at + 1;
	}
	return NULL;
}

bool user_data_find(const struct nlattr *user_data, uint8_t type, void *value, size_t size)
{
	const uint8_t *found = find_entry(user_data, type, size, size);
	if (found)
		memcpy(value, found + 1, size);
	return found;
}

const char *user_data_comment(const struct nlattr *user_data)
{
	const uint8_t *found = find_entry(user_data, COMMENT_TYPE, 1, COMMENT_MAX + 1);
	return found && found[*found] == '\0' ? (const char *)found + 1 : "";
}

/* ---- digests ---- */

static uint64_t add_word(uint64_t digest, uint32_t word)
{
	return (digest ^ word) * 0x100000001b3;
}

/* FNV-1a of the length and the bytes, by words where there are any, with a final mix: sums are as good as digests. */
static uint64_t digest_bytes(uint64_t digest, const void *bytes, size_t length)
{
	const uint8_t *at = bytes;
	uint32_t word;
	digest ^= (uint64_t)length << 32; /* a last byte and a word of the same value differ */
	for (; length >= sizeof word; at += sizeof word, length -= sizeof word) {
		memcpy(&word, at, sizeof word);
		digest = add_word(digest, word);
	}
	while (length-- > 0)
		digest = add_word(digest, *at++);
	digest ^= digest >> 32;
	digest *= 0xd6e8feb86659fd93;
	return digest ^ digest >> 32;
}

static const uint64_t start = 0xcbf29ce484222325;

uint64_t digest_element(const void *key, size_t length)
{
	return digest_bytes(start, key, length);
}

/* How the attributes of an expression are compared: bits 1 << type of each. Without a row: all, as they are. */
static const struct form {
	char name[10];
	uint16_t skipped;
	uint16_t data; /* hold NFTA_DATA_ attributes */
	uint16_t expression; /* hold an expression */
	uint16_t set; /* is the name of a set */
} forms[] = {
	{ "counter", .skipped = UINT16_MAX },
	{ "lookup", .skipped = 1 << NFTA_LOOKUP_SET_ID, .set = NFTA_LOOKUP_SET },
	{ "dynset", .skipped = 1 << NFTA_DYNSET_SET_ID, .expression = 1 << NFTA_DYNSET_EXPR },
	{ "cmp", .data = 1 << NFTA_CMP_DATA },
	{ "bitwise", .data = 1 << NFTA_BITWISE_MASK | 1 << NFTA_BITWISE_XOR },
	{ "immediate", .data = 1 << NFTA_IMMEDIATE_DATA },
};

/*
 * A number that is 0 is left out by us, and written by some kernels; and those of machines that can't read a number
 * across words put an attribute of nothing before 64-bit ones (nla_align_64bit).
 */
static bool is_nothing(const struct nlattr *attribute)
{
	const uint32_t *words = (const uint32_t *)(attribute + 1);
	size_t length = attribute->nla_len - sizeof *attribute;
	if (length == 4)
		return words[0] == 0;
	return length == 0 || (length == 8 && (words[0] | words[1]) == 0);
}

/* What an attribute holds, or what stands for that: a sum of the digests of what is nested in it. */
static uint64_t digest_value(const struct nlattr *attribute)
{
	return digest_bytes(start + mnl_attr_get_type(attribute), attribute + 1,
			    attribute->nla_len - sizeof *attribute);
}

static uint64_t digest_nested(const struct nlattr *attribute, uint64_t sum)
{
	return digest_bytes(start + mnl_attr_get_type(attribute) + sum, NULL, 0);
}

/* In any order. nested: the type of those that hold others, one level more; 0: none. */
static uint64_t digest_attributes(const struct nlattr *nest, uint16_t nested)
{
	uint64_t sum = 0;
	const struct nlattr *attribute;
	netlink_for_each_nested(attribute, nest) {
		if (nested && mnl_attr_get_type(attribute) == nested)
			sum += digest_nested(attribute, digest_attributes(attribute, 0));
		else
			sum += digest_value(attribute);
	}
	return sum;
}

struct set_names {
	void (*constant)(void *context, const char *name);
	void *context;
};

static uint64_t digest_expression(const struct nlattr *expression, const struct set_names *sets);

static uint64_t digest_parameter(const struct nlattr *attribute, const struct form *form, const struct set_names *sets)
{
	uint16_t type = mnl_attr_get_type(attribute);
	unsigned bit = type < 16 ? 1u << type : 0;
	if ((form->skipped & bit) || is_nothing(attribute))
		return 0;
	if (form->expression & bit)
		return digest_nested(attribute, digest_expression(attribute, sets));
	if (form->data & bit)
		return digest_nested(attribute, digest_attributes(attribute, NFTA_DATA_VERDICT));
	return digest_value(attribute);
}

static uint64_t digest_expression(const struct nlattr *expression, const struct set_names *sets)
{
	static const struct form plain = { .name = "" };
	const struct form *form = &plain;
	const char *name = netlink_string(netlink_find(expression, NFTA_EXPR_NAME));
	const struct nlattr *attribute;
	for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
		if (strcmp(name, forms[i].name) == 0)
			form = &forms[i];
	}
	uint64_t sum = digest_bytes(start, name, strlen(name));
	netlink_for_each_nested(attribute, netlink_find(expression, NFTA_EXPR_DATA)) {
		const char *set = mnl_attr_get_type(attribute) == form->set ? netlink_string(attribute) : "";
		/* sets without a name get one from the kernel: "__set0" */
		if (!text_after(set, "__set"))
			sum += digest_parameter(attribute, form, sets);
		else if (sets->constant)
			sets->constant(sets->context, set);
	}
	return sum;
}

uint64_t digest_expressions(const void *list, size_t length, void (*constant)(void *context, const char *name),
			    void *context)
{
	struct set_names sets = { constant, context };
	uint64_t digest = start;
	const struct nlattr *expression = list;
	while (mnl_attr_ok(expression, (int)((const char *)list + length - (const char *)expression))) {
		uint64_t next = digest_expression(expression, &sets);
		digest = digest_bytes(digest, &next, sizeof next);
		expression = mnl_attr_next(expression);
	}
	return digest;
}

uint64_t digest_rule(uint64_t expressions, const char *chain, const char *comment)
{
	uint64_t digest = digest_bytes(expressions, chain, strlen(chain));
	return digest_bytes(digest, comment, strlen(comment));
}
