/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "nft/table.h"

#include <arpa/inet.h>
#include <endian.h>
#include <errno.h>
#include <netinet/in.h>
#include <string.h>

#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>

#include "base/option.h"
#include "base/text.h"
#include "nft/plan.h"

const char *table_family_word(uint8_t family)
{
	switch (family) {
	case NFPROTO_INET:
		return "inet";
	case NFPROTO_IPV4:
		return "ip";
	case NFPROTO_IPV6:
		return "ip6";
	case NFPROTO_ARP:
		return "arp";
	case NFPROTO_BRIDGE:
		return "bridge";
	case NFPROTO_NETDEV:
		return "netdev";
	default:
		return "?";
	}
}

int table_option(void *field, const char *value, struct diag *diag)
{
	enum { LIMIT = 255 }; /* NFT_NAME_MAXLEN - 1 */
	size_t length = strlen(value);
	if (length == 0 || length > LIMIT)
		return diag_fail(diag, EINVAL, "a table's name has 1 to %d characters", LIMIT);
	return option_string(field, value, diag);
}

bool table_is_ours(const struct table_info *table)
{
	return strncmp(table->comment, POLICY_COMMENT_PREFIX, strlen(POLICY_COMMENT_PREFIX)) == 0;
}

/* A request without attributes, in a buffer of at least 512 bytes. */
static struct nlmsghdr *put_request(void *buffer, uint16_t type, uint8_t family, uint16_t flags)
{
	struct nlmsghdr *header = mnl_nlmsg_put_header(buffer);
	header->nlmsg_type = (uint16_t)(NFNL_SUBSYS_NFTABLES << 8 | type);
	header->nlmsg_flags = NLM_F_REQUEST | flags;
	struct nfgenmsg *generic = mnl_nlmsg_put_extra_header(header, sizeof *generic);
	generic->nfgen_family = family;
	generic->version = NFNETLINK_V0;
	return header;
}

union request {
	struct nlmsghdr header;
	char bytes[768]; /* two names of 256 bytes and the headers */
};

static int take_generation(const struct nlmsghdr *message, void *context)
{
	struct nlattr *attribute;
	netlink_for_each_attribute(attribute, message, sizeof(struct nfgenmsg)) {
		if (mnl_attr_get_type(attribute) == NFTA_GEN_ID && mnl_attr_validate(attribute, MNL_TYPE_U32) == 0)
			*(uint32_t *)context = ntohl(mnl_attr_get_u32(attribute));
	}
	return 0;
}

/* The kernel refused the first that anybody asks of it. */
static int refused(int error, struct diag *diag)
{
	/* EINVAL is what nfnetlink answers for a subsystem that this kernel does not have */
	if (error == -EINVAL)
		return diag_fail(diag, EOPNOTSUPP, "read the rule set: the kernel has no nf_tables");
	if (error == -EPERM)
		return diag_fail(diag, EPERM, "read the rule set: Operation not permitted (needs CAP_NET_ADMIN)");
	return diag_errno(diag, -error, "read the rule set");
}

int nft_generation(struct netlink *netlink, uint32_t *generation, struct diag *diag)
{
	union request request;
	uint32_t id = 0;
	struct nlmsghdr *header = put_request(&request, NFT_MSG_GETGEN, AF_UNSPEC, NLM_F_ACK);
	int result = netlink_request(netlink, header, take_generation, &id);
	if (result < 0)
		return refused(result, diag);
	*generation = id;
	return 0;
}

static void copy_string(char *buffer, size_t size, const struct nlattr *attribute)
{
	if (mnl_attr_validate(attribute, MNL_TYPE_NUL_STRING) == 0)
		text_copy(buffer, size, mnl_attr_get_str(attribute));
}

/* nft's user data: type, length, value; a table's comment has type 0 and ends with NUL (libnftnl/udata.h). */
static void copy_comment(char *buffer, size_t size, const struct nlattr *attribute)
{
	const uint8_t *bytes = mnl_attr_get_payload(attribute);
	size_t length = mnl_attr_get_payload_len(attribute);
	for (size_t at = 0; at + 2 <= length && at + 2 + bytes[at + 1] <= length; at += 2u + bytes[at + 1]) {
		size_t value_length = bytes[at + 1];
		if (bytes[at] != 0 || value_length == 0 || value_length > size || bytes[at + 1 + value_length] != '\0')
			continue;
		memcpy(buffer, bytes + at + 2, value_length);
		return;
	}
}

static void parse_table(const struct nlmsghdr *message, struct table_info *table)
{
	const struct nfgenmsg *generic = mnl_nlmsg_get_payload(message);
	struct nlattr *attribute;
	*table = (struct table_info){ .family = generic->nfgen_family };
	netlink_for_each_attribute(attribute, message, sizeof *generic) {
		switch (mnl_attr_get_type(attribute)) {
		case NFTA_TABLE_NAME:
			copy_string(table->name, sizeof table->name, attribute);
			break;
		case NFTA_TABLE_FLAGS:
			if (mnl_attr_validate(attribute, MNL_TYPE_U32) == 0)
				table->flags = ntohl(mnl_attr_get_u32(attribute));
			break;
		case NFTA_TABLE_USERDATA:
			copy_comment(table->comment, sizeof table->comment, attribute);
			table->sealed = user_data_find(attribute, SEAL_TYPE, &table->seal, sizeof table->seal) &&
					table->seal.format == SEAL_FORMAT;
			break;
		}
	}
}

struct table_taker {
	int (*take)(const struct table_info *table, void *context);
	void *context;
};

static int take_table(const struct nlmsghdr *message, void *context)
{
	const struct table_taker *taker = context;
	struct table_info table;
	parse_table(message, &table);
	return taker->take(&table, taker->context);
}

int table_each(struct netlink *netlink, int (*take)(const struct table_info *table, void *context), void *context,
	       struct diag *diag)
{
	union request request;
	struct table_taker taker = { take, context };
	struct nlmsghdr *header = put_request(&request, NFT_MSG_GETTABLE, AF_UNSPEC, NLM_F_DUMP);
	int result = netlink_request(netlink, header, take_table, &taker);
	return result < 0 ? refused(result, diag) : 0;
}

static int copy_table(const struct table_info *table, void *context)
{
	*(struct table_info *)context = *table;
	return 0;
}

int table_find(struct netlink *netlink, uint8_t family, const char *name, struct table_info *table, bool *found,
	       struct diag *diag)
{
	union request request;
	struct table_taker taker = { copy_table, table };
	struct nlmsghdr *header = put_request(&request, NFT_MSG_GETTABLE, family, NLM_F_ACK);
	mnl_attr_put_strz(header, NFTA_TABLE_NAME, name);
	int result = netlink_request(netlink, header, take_table, &taker);
	if (result < 0 && result != -ENOENT)
		return diag_errno(diag, -result, "look up table %s %s", table_family_word(family), name);
	*found = result == 0;
	return 0;
}

static void parse_hook(const struct nlattr *nest, struct chain_info *chain)
{
	struct nlattr *attribute;
	chain->base = true;
	chain->hook_attribute = nest;
	netlink_for_each_nested(attribute, nest) {
		if (mnl_attr_validate(attribute, MNL_TYPE_U32) < 0)
			continue;
		if (mnl_attr_get_type(attribute) == NFTA_HOOK_HOOKNUM)
			chain->hook = ntohl(mnl_attr_get_u32(attribute));
		else if (mnl_attr_get_type(attribute) == NFTA_HOOK_PRIORITY)
			chain->priority = (int32_t)ntohl(mnl_attr_get_u32(attribute));
	}
}

static void take_device(const struct nlattr *attribute, void (*take)(void *context, const char *device), void *context)
{
	char name[POLICY_INTERFACE_SIZE + 1] = "";
	struct text text = TEXT_ON(name);
	if (mnl_attr_validate(attribute, MNL_TYPE_NUL_STRING) < 0)
		return;
	text_add(&text, mnl_attr_get_str(attribute));
	if (mnl_attr_get_type(attribute) == PLAN_DEVICE_PREFIX)
		text_add(&text, "*");
	take(context, name);
}

void chain_each_device(const struct chain_info *chain, void (*take)(void *context, const char *device), void *context)
{
	struct nlattr *attribute;
	struct nlattr *device;
	bool list = false;
	netlink_for_each_nested(attribute, chain->hook_attribute) {
		if (mnl_attr_get_type(attribute) != NFTA_HOOK_DEVS)
			continue;
		list = true;
		netlink_for_each_nested(device, attribute)
			take_device(device, take, context);
	}
	netlink_for_each_nested(attribute, chain->hook_attribute) {
		if (!list && mnl_attr_get_type(attribute) == NFTA_HOOK_DEV)
			take_device(attribute, take, context);
	}
}

static void parse_chain(const struct nlmsghdr *message, struct chain_info *chain)
{
	const struct nfgenmsg *generic = mnl_nlmsg_get_payload(message);
	struct nlattr *attribute;
	*chain = (struct chain_info){ .family = generic->nfgen_family };
	netlink_for_each_attribute(attribute, message, sizeof *generic) {
		switch (mnl_attr_get_type(attribute)) {
		case NFTA_CHAIN_TABLE:
			copy_string(chain->table, sizeof chain->table, attribute);
			break;
		case NFTA_CHAIN_NAME:
			copy_string(chain->name, sizeof chain->name, attribute);
			break;
		case NFTA_CHAIN_HOOK:
			parse_hook(attribute, chain);
			break;
		case NFTA_CHAIN_POLICY: /* base chains only have it */
			if (mnl_attr_validate(attribute, MNL_TYPE_U32) == 0)
				chain->drops = ntohl(mnl_attr_get_u32(attribute)) == NF_DROP;
			break;
		case NFTA_CHAIN_TYPE:
			if (mnl_attr_validate(attribute, MNL_TYPE_NUL_STRING) == 0)
				chain->nat = strcmp(mnl_attr_get_str(attribute), "nat") == 0;
			break;
		}
	}
}

struct chain_taker {
	const char *table; /* NULL: any */
	int (*take)(const struct chain_info *chain, void *context);
	void *context;
};

static int take_chain(const struct nlmsghdr *message, void *context)
{
	const struct chain_taker *taker = context;
	struct chain_info chain;
	parse_chain(message, &chain);
	return !taker->table || strcmp(chain.table, taker->table) == 0 ? taker->take(&chain, taker->context) : 0;
}

int chain_each(struct netlink *netlink, uint8_t family, const char *table,
	       int (*take)(const struct chain_info *chain, void *context), void *context, struct diag *diag)
{
	union request request;
	struct chain_taker taker = { table, take, context };
	struct nlmsghdr *header = put_request(&request, NFT_MSG_GETCHAIN, family, NLM_F_DUMP);
	int result = netlink_request(netlink, header, take_chain, &taker);
	return result < 0 ? diag_errno(diag, -result, "list the chains%s%s", table ? " of table " : "",
				       table ? table : "") : 0;
}

struct set_taker {
	const char *table;
	int (*take)(const struct set_info *set, void *context);
	void *context;
};

static int take_set(const struct nlmsghdr *message, void *context)
{
	const struct set_taker *taker = context;
	char table[256] = "";
	struct set_info set = { .name = "" };
	struct nlattr *attribute;
	netlink_for_each_attribute(attribute, message, sizeof(struct nfgenmsg)) {
		switch (mnl_attr_get_type(attribute)) {
		case NFTA_SET_TABLE:
			copy_string(table, sizeof table, attribute);
			break;
		case NFTA_SET_NAME:
			copy_string(set.name, sizeof set.name, attribute);
			break;
		case NFTA_SET_FLAGS:
			if (mnl_attr_validate(attribute, MNL_TYPE_U32) == 0)
				set.flags = ntohl(mnl_attr_get_u32(attribute));
			break;
		case NFTA_SET_USERDATA:
			set.sealed = user_data_find(attribute, SEAL_TYPE, &set.seal, sizeof set.seal);
			break;
		}
	}
	return strcmp(table, taker->table) == 0 ? taker->take(&set, taker->context) : 0;
}

int set_each(struct netlink *netlink, uint8_t family, const char *table,
	     int (*take)(const struct set_info *set, void *context), void *context, struct diag *diag)
{
	union request request;
	struct set_taker taker = { table, take, context };
	struct nlmsghdr *header = put_request(&request, NFT_MSG_GETSET, family, NLM_F_DUMP);
	mnl_attr_put_strz(header, NFTA_SET_TABLE, table);
	int result = netlink_request(netlink, header, take_set, &taker);
	if (result == -ENOENT) /* removed since it was looked up: who plans on it has to start over in any case */
		return 0;
	return result < 0 ? diag_errno(diag, -result, "list the sets of table %s", table) : 0;
}

/* ---- elements ---- */

/* The packets and bytes of the first counter in a list of expressions, or in one expression. */
static void take_counter(const struct nlattr *expression, uint64_t *packets, uint64_t *bytes)
{
	struct nlattr *attribute;
	struct nlattr *parameter;
	bool counter = false;
	netlink_for_each_nested(attribute, expression) {
		if (mnl_attr_get_type(attribute) == NFTA_EXPR_NAME)
			counter = mnl_attr_validate(attribute, MNL_TYPE_NUL_STRING) == 0 &&
				  strcmp(mnl_attr_get_str(attribute), "counter") == 0;
		if (mnl_attr_get_type(attribute) != NFTA_EXPR_DATA || !counter)
			continue;
		netlink_for_each_nested(parameter, attribute) {
			if (mnl_attr_validate(parameter, MNL_TYPE_U64) < 0)
				continue;
			if (mnl_attr_get_type(parameter) == NFTA_COUNTER_PACKETS)
				*packets = be64toh(mnl_attr_get_u64(parameter));
			else if (mnl_attr_get_type(parameter) == NFTA_COUNTER_BYTES)
				*bytes = be64toh(mnl_attr_get_u64(parameter));
		}
	}
}

struct element_taker {
	int (*take)(const struct element_info *element, void *context);
	void *context;
};

static void take_key(const struct nlattr *nest, struct element_info *element)
{
	struct nlattr *attribute;
	netlink_for_each_nested(attribute, nest) {
		if (mnl_attr_get_type(attribute) != NFTA_DATA_VALUE)
			continue;
		element->key = mnl_attr_get_payload(attribute);
		element->key_length = mnl_attr_get_payload_len(attribute);
	}
}

static int take_element(const struct nlattr *nest, const struct element_taker *taker)
{
	struct element_info element = { .key = NULL };
	uint64_t bytes;
	struct nlattr *attribute;
	netlink_for_each_nested(attribute, nest) {
		switch (mnl_attr_get_type(attribute)) {
		case NFTA_SET_ELEM_KEY:
			take_key(attribute, &element);
			break;
		case NFTA_SET_ELEM_EXPIRATION:
			if (mnl_attr_validate(attribute, MNL_TYPE_U64) == 0)
				element.expires = be64toh(mnl_attr_get_u64(attribute));
			break;
		case NFTA_SET_ELEM_EXPR:
			take_counter(attribute, &element.packets, &bytes);
			break;
		}
	}
	return element.key ? taker->take(&element, taker->context) : 0;
}

static int take_elements(const struct nlmsghdr *message, void *context)
{
	struct nlattr *attribute;
	struct nlattr *element;
	netlink_for_each_attribute(attribute, message, sizeof(struct nfgenmsg)) {
		if (mnl_attr_get_type(attribute) != NFTA_SET_ELEM_LIST_ELEMENTS)
			continue;
		netlink_for_each_nested(element, attribute) {
			int result = take_element(element, context);
			if (result < 0)
				return result;
		}
	}
	return 0;
}

int element_each(struct netlink *netlink, uint8_t family, const char *table, const char *set,
		 int (*take)(const struct element_info *element, void *context), void *context, struct diag *diag)
{
	union request request;
	struct element_taker taker = { take, context };
	struct nlmsghdr *header = put_request(&request, NFT_MSG_GETSETELEM, family, NLM_F_DUMP);
	mnl_attr_put_strz(header, NFTA_SET_ELEM_LIST_TABLE, table);
	mnl_attr_put_strz(header, NFTA_SET_ELEM_LIST_SET, set);
	int result = netlink_request(netlink, header, take_elements, &taker);
	return result < 0 && result != -ENOENT ? diag_errno(diag, -result, "list set %s of table %s", set, table) : 0;
}

/* ---- rules ---- */

struct rule_taker {
	int (*take)(const struct rule_info *rule, void *context);
	void *context;
};

static int take_rule(const struct nlmsghdr *message, void *context)
{
	const struct rule_taker *taker = context;
	struct rule_info rule = { .chain = "" };
	struct nlattr *attribute;
	netlink_for_each_attribute(attribute, message, sizeof(struct nfgenmsg)) {
		switch (mnl_attr_get_type(attribute)) {
		case NFTA_RULE_CHAIN:
			copy_string(rule.chain, sizeof rule.chain, attribute);
			break;
		case NFTA_RULE_HANDLE:
			if (mnl_attr_validate(attribute, MNL_TYPE_U64) == 0)
				rule.handle = be64toh(mnl_attr_get_u64(attribute));
			break;
		case NFTA_RULE_USERDATA:
			copy_comment(rule.comment, sizeof rule.comment, attribute);
			rule.sealed = user_data_find(attribute, SEAL_TYPE, &rule.seal, sizeof rule.seal);
			break;
		case NFTA_RULE_EXPRESSIONS:
			rule.expressions = attribute;
			break;
		}
	}
	return taker->take(&rule, taker->context);
}

int rule_each(struct netlink *netlink, uint8_t family, const char *table,
	      int (*take)(const struct rule_info *rule, void *context), void *context, struct diag *diag)
{
	union request request;
	struct rule_taker taker = { take, context };
	struct nlmsghdr *header = put_request(&request, NFT_MSG_GETRULE, family, NLM_F_DUMP);
	mnl_attr_put_strz(header, NFTA_RULE_TABLE, table); /* the kernel filters rules by table */
	int result = netlink_request(netlink, header, take_rule, &taker);
	return result < 0 ? diag_errno(diag, -result, "list the rules of table %s", table) : 0;
}

/* The code in the data of an expression "immediate". */
static void take_verdict(const struct nlattr *expression, int32_t *verdict)
{
	static const uint16_t way[] = { NFTA_EXPR_DATA, NFTA_IMMEDIATE_DATA, NFTA_DATA_VERDICT, NFTA_VERDICT_CODE };
	struct nlattr *attribute;
	for (size_t depth = 0; depth < sizeof way / sizeof *way; depth++) {
		const struct nlattr *found = NULL;
		netlink_for_each_nested(attribute, expression) {
			if (depth == 0 && mnl_attr_get_type(attribute) == NFTA_EXPR_NAME &&
			    (mnl_attr_validate(attribute, MNL_TYPE_NUL_STRING) < 0 ||
			     strcmp(mnl_attr_get_str(attribute), "immediate") != 0))
				return;
			if (mnl_attr_get_type(attribute) == way[depth])
				found = attribute;
		}
		if (!found)
			return;
		expression = found;
	}
	if (mnl_attr_validate(expression, MNL_TYPE_U32) == 0)
		*verdict = (int32_t)ntohl(mnl_attr_get_u32(expression));
}

struct rule_effect rule_effect(const struct rule_info *rule)
{
	struct rule_effect effect = { .verdict = NFT_CONTINUE };
	struct nlattr *expression;
	if (!rule->expressions)
		return effect;
	netlink_for_each_nested(expression, rule->expressions) {
		take_counter(expression, &effect.packets, &effect.bytes);
		take_verdict(expression, &effect.verdict);
	}
	return effect;
}

/* ---- flowtables ---- */

void flowtable_parse(const struct nlmsghdr *message, struct flowtable_info *flowtable)
{
	struct nlattr *attribute;
	*flowtable = (struct flowtable_info){ .name = "" };
	netlink_for_each_attribute(attribute, message, sizeof(struct nfgenmsg)) {
		switch (mnl_attr_get_type(attribute)) {
		case NFTA_FLOWTABLE_NAME:
			copy_string(flowtable->name, sizeof flowtable->name, attribute);
			break;
		case NFTA_FLOWTABLE_FLAGS:
			if (mnl_attr_validate(attribute, MNL_TYPE_U32) == 0)
				flowtable->hardware = ntohl(mnl_attr_get_u32(attribute)) & NFT_FLOWTABLE_HW_OFFLOAD;
			break;
		}
	}
}

struct flowtable_taker {
	int (*take)(const struct flowtable_info *flowtable, void *context);
	void *context;
};

static int take_flowtable(const struct nlmsghdr *message, void *context)
{
	const struct flowtable_taker *taker = context;
	struct flowtable_info flowtable;
	flowtable_parse(message, &flowtable);
	return taker->take(&flowtable, taker->context);
}

int flowtable_each(struct netlink *netlink, int (*take)(const struct flowtable_info *flowtable, void *context),
		   void *context, struct diag *diag)
{
	union request request;
	struct flowtable_taker taker = { take, context };
	struct nlmsghdr *header = put_request(&request, NFT_MSG_GETFLOWTABLE, AF_UNSPEC, NLM_F_DUMP);
	int result = netlink_request(netlink, header, take_flowtable, &taker);
	return result < 0 ? diag_errno(diag, -result, "list the flowtables") : 0;
}
