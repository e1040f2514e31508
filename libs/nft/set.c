/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "nft/set.h"

#include <endian.h>
#include <netinet/in.h>
#include <string.h>

#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>

#include "netlink/message.h"
#include "nft/expression.h"
#include "nft/match.h"
#include "nft/seal.h"

const char set_constant_name[] = "__set%d";

enum {
	/* Bytes. A nested attribute's length has 16 bits, but longer lists take more memory, and not less time. */
	ELEMENT_LIST_LIMIT = 32 << 10,
	ELEMENT_ROOM = 96, /* of one element with its headers, the key 24 bytes at most */
	SMALL_SET = 64, /* elements for which a message is reserved whole */
	ELEMENT_KEY_SIZE = 16 + 4 + 4,
};

struct element_writer {
	struct batch *batch;
	const char *table;
	const char *set; /* name */
	uint32_t id; /* of a set without a name, else 0 */
	bool deletes;
	struct nlmsghdr *message; /* open, or NULL */
	struct nlattr *list;
};

static void close_elements(struct element_writer *writer)
{
	if (!writer->message)
		return;
	mnl_attr_nest_end(writer->message, writer->list);
	batch_message_end(writer->batch, writer->message);
	writer->message = NULL;
	batch_part(writer->batch);
}

static bool open_elements(struct element_writer *writer, size_t room)
{
	writer->message = batch_message(writer->batch, writer->deletes ? NFT_MSG_DELSETELEM : NFT_MSG_NEWSETELEM,
					writer->deletes ? 0 : NLM_F_CREATE, room + 512);
	if (!writer->message)
		return false;
	mnl_attr_put_strz(writer->message, NFTA_SET_ELEM_LIST_TABLE, writer->table);
	mnl_attr_put_strz(writer->message, NFTA_SET_ELEM_LIST_SET, writer->set);
	if (writer->id)
		put_u32(writer->message, NFTA_SET_ELEM_LIST_SET_ID, writer->id);
	writer->list = mnl_attr_nest_start(writer->message, NFTA_SET_ELEM_LIST_ELEMENTS);
	return true;
}

/* timeout: milliseconds, 0 for none. Sets of a few elements get a small message, the others full ones. */
static void put_element(struct element_writer *writer, const void *key, size_t length, uint64_t timeout, bool many)
{
	size_t limit = many ? ELEMENT_LIST_LIMIT : SMALL_SET * ELEMENT_ROOM;
	if (writer->message && (size_t)((char *)mnl_nlmsg_get_payload_tail(writer->message) - (char *)writer->list) +
				       ELEMENT_ROOM > limit)
		close_elements(writer);
	if (!writer->message && !open_elements(writer, limit))
		return;
	struct nlattr *element = mnl_attr_nest_start(writer->message, NFTA_LIST_ELEM);
	struct nlattr *nested_key = mnl_attr_nest_start(writer->message, NFTA_SET_ELEM_KEY);
	mnl_attr_put(writer->message, NFTA_DATA_VALUE, length, key);
	mnl_attr_nest_end(writer->message, nested_key);
	if (timeout)
		netlink_put_network_u64(writer->message, NFTA_SET_ELEM_TIMEOUT, timeout);
	mnl_attr_nest_end(writer->message, element);
}

/* What a set message says beside its name. */
struct set_description {
	uint32_t flags; /* enum nft_set_flags */
	uint32_t key_type; /* enum nft_data_type, or joined */
	uint32_t key_length; /* bytes, each field padded to 4 */
	uint32_t size; /* elements, 0: unbounded */
	uint32_t timeout; /* minutes, 0: none */
	struct set_seal seal; /* of sets with a name that the kernel does not fill */
};

/*
 * nft's user data: type 0 (byte order of the key), length, a number in host byte order, here 1: it is the host's
 * (libnftnl/udata.h, nft's include/datatype.h). Without it nft lists the key as if it were big-endian.
 */
static const uint8_t host_byte_order[] = {
	0, 4,
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
	1, 0, 0, 0,
#else
	0, 0, 0, 1,
#endif
};

static bool is_host_endian(uint32_t key_type)
{
	return key_type == NFT_TYPE_INTEGER || key_type == NFT_TYPE_MARK || key_type == NFT_TYPE_INTERFACE_NAME;
}

static void put_user_data(struct nlmsghdr *message, const struct set_description *set)
{
	uint8_t data[sizeof host_byte_order + USER_DATA_SIZE];
	size_t length = 0;
	if (is_host_endian(set->key_type)) {
		memcpy(data, host_byte_order, sizeof host_byte_order);
		length = sizeof host_byte_order;
	}
	if (set->seal.count)
		length += user_data_write(data + length, NULL, &set->seal, sizeof set->seal);
	if (length)
		mnl_attr_put(message, NFTA_SET_USERDATA, length, data);
}

static uint32_t add_set(struct batch *batch, const char *table, const char *name, const struct set_description *set)
{
	uint32_t id = ++batch->sets;
	struct nlmsghdr *message = batch_message(batch, NFT_MSG_NEWSET, NLM_F_CREATE, 512);
	if (!message)
		return id;
	mnl_attr_put_strz(message, NFTA_SET_TABLE, table);
	mnl_attr_put_strz(message, NFTA_SET_NAME, name);
	put_u32(message, NFTA_SET_FLAGS, set->flags);
	put_u32(message, NFTA_SET_KEY_TYPE, set->key_type);
	put_u32(message, NFTA_SET_KEY_LEN, set->key_length);
	put_u32(message, NFTA_SET_ID, id);
	if (set->timeout)
		netlink_put_network_u64(message, NFTA_SET_TIMEOUT, set->timeout * 60000ull);
	put_user_data(message, set);
	if (set->size) {
		struct nlattr *description = mnl_attr_nest_start(message, NFTA_SET_DESC);
		put_u32(message, NFTA_SET_DESC_SIZE, set->size);
		mnl_attr_nest_end(message, description);
	}
	batch_message_end(batch, message);
	return id;
}

uint32_t set_add_constant(struct batch *batch, const char *table, uint32_t data_type, const void *keys, size_t length,
			  size_t key_length)
{
	struct set_description description = {
		.flags = NFT_SET_ANONYMOUS | NFT_SET_CONSTANT,
		.key_type = data_type,
		.key_length = (uint32_t)key_length,
		.size = (uint32_t)(length / key_length),
	};
	uint32_t id = add_set(batch, table, set_constant_name, &description);
	struct element_writer writer = { .batch = batch, .table = table, .set = set_constant_name, .id = id };
	for (const uint8_t *key = keys; key < (const uint8_t *)keys + length; key += key_length)
		put_element(&writer, key, key_length, 0, false);
	close_elements(&writer);
	return id;
}

/* Of the first or only field of a key. */
static size_t first_field_length(enum set_id set, enum ip_family family)
{
	switch (set_types[set].key) {
	case KEY_INTERFACE:
		return POLICY_INTERFACE_SIZE;
	case KEY_MAC:
		return MAC_LENGTH;
	default:
		return family_address_length(family);
	}
}

static uint32_t first_field_type(enum set_id set, enum ip_family family)
{
	switch (set_types[set].key) {
	case KEY_INTERFACE:
		return NFT_TYPE_INTERFACE_NAME;
	case KEY_MAC:
		return NFT_TYPE_ETHER_ADDRESS;
	default:
		return family == IPV4 ? NFT_TYPE_IPV4_ADDRESS : NFT_TYPE_IPV6_ADDRESS;
	}
}

static struct set_description describe_set(const struct policy *policy, enum set_id set, enum ip_family family)
{
	uint8_t key = set_types[set].key;
	struct set_description description = {
		.key_type = first_field_type(set, family),
		.key_length = (uint32_t)first_field_length(set, family),
	};
	if (key & KEY_PROTOCOL) {
		description.key_type = description.key_type << NFT_TYPE_BITS | NFT_TYPE_INET_PROTOCOL;
		description.key_length += 4;
	}
	if (key & KEY_PORT) {
		description.key_type = description.key_type << NFT_TYPE_BITS | NFT_TYPE_INET_SERVICE;
		description.key_length += 4;
	}
	if (key & KEY_INTERFACE && key != KEY_INTERFACE) {
		description.key_type = description.key_type << NFT_TYPE_BITS | NFT_TYPE_INTERFACE_INDEX;
		description.key_length += 4;
	}
	if (set_types[set].size)
		description.flags = NFT_SET_EVAL;
	if (set_types[set].timeout || set_types[set].learned)
		description.flags |= NFT_SET_TIMEOUT;
	description.size = policy_set_size(policy, set, family);
	description.timeout = set_types[set].timeout;
	return description;
}

static size_t element_key(uint8_t *key, enum set_id set, enum ip_family family, const struct set_element *element)
{
	size_t length = first_field_length(set, family);
	memcpy(key, element->address, length);
	if (set_types[set].key & KEY_PROTOCOL) {
		memset(key + length, 0, 4);
		key[length] = element->protocol;
		length += 4;
	}
	if (set_types[set].key & KEY_PORT) {
		memset(key + length, 0, 4);
		memcpy(key + length, element->port, 2);
		length += 4;
	}
	return length;
}

static bool has_many(const struct policy *policy, enum ip_family family)
{
	size_t count = 0;
	for (size_t role = 0; role < PEER_ROLES; role++)
		count += policy->peers[role][family].count;
	return count > SMALL_SET;
}

static struct set_seal seal_set(const struct policy *policy, enum set_id set, enum ip_family family)
{
	struct set_seal seal = { .count = 0 };
	size_t cursor = 0;
	struct set_element element;
	while (policy_next_element(policy, set, family, &cursor, &element)) {
		uint8_t key[ELEMENT_KEY_SIZE];
		seal.sum += digest_element(key, element_key(key, set, family, &element));
		seal.count++;
	}
	return seal;
}

static void add_elements(struct batch *batch, const struct policy *policy, const char *name, enum set_id set,
			 enum ip_family family)
{
	struct element_writer writer = { .batch = batch, .table = policy->table, .set = name };
	size_t cursor = 0;
	struct set_element element;
	bool many = has_many(policy, family);
	while (policy_next_element(policy, set, family, &cursor, &element)) {
		uint8_t key[ELEMENT_KEY_SIZE];
		size_t length = element_key(key, set, family, &element);
		put_element(&writer, key, length, 0, many);
	}
	close_elements(&writer);
}

void set_add_all(struct batch *batch, const struct policy *policy, enum table_id table, const char *prefix)
{
	if (policy->lasts) {
		char name[32];
		struct text text = TEXT_ON(name);
		text_addf(&text, "%s%s", prefix, set_lasts);
		set_add_timer(batch, policy->table, name, policy->lasts * 1000ull - policy->lasts_less);
	}
	for (int set = 0; set < SET_IDS; set++) {
		for (int family = IPV4; family < IP_FAMILIES; family++) {
			if (!policy_has_set(policy, table, (enum set_id)set, (enum ip_family)family))
				continue;
			char name[32];
			struct text text = TEXT_ON(name);
			set_name(&text, prefix, (enum set_id)set, (enum ip_family)family);
			struct set_description description =
				describe_set(policy, (enum set_id)set, (enum ip_family)family);
			description.seal = seal_set(policy, (enum set_id)set, (enum ip_family)family);
			add_set(batch, policy->table, name, &description);
			add_elements(batch, policy, name, (enum set_id)set, (enum ip_family)family);
		}
	}
}

const char set_lasts[] = "lasts";
const char set_probation[] = "probation";
const char set_beside[] = "probation_beside";

static const uint32_t timer_key;

void set_add_timer(struct batch *batch, const char *table, const char *name, uint64_t milliseconds)
{
	struct set_description description = {
		.flags = NFT_SET_TIMEOUT,
		.key_type = NFT_TYPE_MARK,
		.key_length = sizeof timer_key,
	};
	add_set(batch, table, name, &description);
	struct element_writer writer = { .batch = batch, .table = table, .set = name };
	put_element(&writer, &timer_key, sizeof timer_key, milliseconds, false);
	close_elements(&writer);
}

void set_delete_timer(struct batch *batch, const char *table, const char *name)
{
	struct element_writer writer = { .batch = batch, .table = table, .set = name, .deletes = true };
	put_element(&writer, &timer_key, sizeof timer_key, 0, false);
	close_elements(&writer);
}
