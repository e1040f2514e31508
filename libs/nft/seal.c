/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "nft/seal.h"

#include <string.h>

#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>

#include "base/text.h"
#include "netlink/socket.h"

enum { COMMENT_MAX = 128 /* of nft, with the NUL */ };

size_t user_data_write(uint8_t data[USER_DATA_SIZE], const char *comment, const void *seal, size_t seal_size)
{
	size_t length = 0;
	if (comment) {
		text_copy((char *)data + 2, COMMENT_MAX, comment);
		size_t comment_size = strlen((char *)data + 2) + 1;
		data[0] = 0; /* nft's type of a comment, in tables and in rules */
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

bool user_data_find(const struct nlattr *user_data, uint8_t type, void *value, size_t size)
{
	const uint8_t *bytes = mnl_attr_get_payload(user_data);
	size_t length = mnl_attr_get_payload_len(user_data);
	for (size_t at = 0; at + 2 <= length && at + 2 + bytes[at + 1] <= length; at += 2u + bytes[at + 1]) {
		if (bytes[at] != type || bytes[at + 1] != size)
			continue;
		memcpy(value, bytes + at + 2, size);
		return true;
	}
	return false;
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
	const char *name;
	uint16_t skipped;
	uint16_t data; /* hold NFTA_DATA_ attributes */
	uint16_t expression; /* hold an expression */
} forms[] = {
	{ "counter", .skipped = UINT16_MAX },
	{ "lookup", .skipped = 1 << NFTA_LOOKUP_SET_ID },
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
	const uint32_t *words = mnl_attr_get_payload(attribute);
	size_t length = mnl_attr_get_payload_len(attribute);
	if (length == 4)
		return words[0] == 0;
	return length == 0 || (length == 8 && (words[0] | words[1]) == 0);
}

/* In any order. nested: the type of those that hold others, one level more; 0: none. */
static uint64_t digest_attributes(const struct nlattr *nest, uint16_t nested)
{
	uint64_t sum = 0;
	struct nlattr *attribute;
	netlink_for_each_nested(attribute, nest) {
		uint16_t type = mnl_attr_get_type(attribute);
		if (nested && type == nested)
			sum += digest_bytes(start + type + digest_attributes(attribute, 0), NULL, 0);
		else
			sum += digest_bytes(start + type, mnl_attr_get_payload(attribute),
					    mnl_attr_get_payload_len(attribute));
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
	uint64_t digest = start + type;
	if ((form->skipped & bit) || is_nothing(attribute))
		return 0;
	if (form->expression & bit)
		return digest_bytes(digest + digest_expression(attribute, sets), NULL, 0);
	if (form->data & bit)
		return digest_bytes(digest + digest_attributes(attribute, NFTA_DATA_VERDICT), NULL, 0);
	return digest_bytes(digest, mnl_attr_get_payload(attribute), mnl_attr_get_payload_len(attribute));
}

/* Sets without a name get one from the kernel: "__set0". */
static bool is_constant_set(const char *expression, const struct nlattr *attribute)
{
	static const char prefix[] = "__set";
	return strcmp(expression, "lookup") == 0 && mnl_attr_get_type(attribute) == NFTA_LOOKUP_SET &&
	       mnl_attr_validate(attribute, MNL_TYPE_NUL_STRING) == 0 &&
	       strncmp(mnl_attr_get_str(attribute), prefix, sizeof prefix - 1) == 0;
}

static uint64_t digest_expression(const struct nlattr *expression, const struct set_names *sets)
{
	static const struct form plain = { .name = "" };
	const struct form *form = &plain;
	const struct nlattr *parameters = NULL;
	const char *name = "";
	struct nlattr *attribute;
	netlink_for_each_nested(attribute, expression) {
		if (mnl_attr_get_type(attribute) == NFTA_EXPR_NAME &&
		    mnl_attr_validate(attribute, MNL_TYPE_NUL_STRING) == 0)
			name = mnl_attr_get_str(attribute);
		else if (mnl_attr_get_type(attribute) == NFTA_EXPR_DATA)
			parameters = attribute;
	}
	for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
		if (*name == *forms[i].name && strcmp(name, forms[i].name) == 0)
			form = &forms[i];
	}
	uint64_t sum = digest_bytes(start, name, strlen(name));
	if (!parameters)
		return sum;
	netlink_for_each_nested(attribute, parameters) {
		if (!is_constant_set(name, attribute))
			sum += digest_parameter(attribute, form, sets);
		else if (sets->constant)
			sets->constant(sets->context, mnl_attr_get_str(attribute));
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
