/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "nft/table.h"

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
	return text_after(table->comment, POLICY_COMMENT_PREFIX) != NULL;
}

/* ---- reading what the kernel answers ---- */

static uint32_t number_of(const struct nlattr *attribute)
{
	return (uint32_t)netlink_network_number(attribute, sizeof(uint32_t));
}

static void parse_table(const struct netlink_message *message, struct table_info *table)
{
	const struct nfgenmsg *generic = message->header;
	const struct nlattr *user_data = message->of[NFTA_TABLE_USERDATA];
	*table = (struct table_info){
		.family = generic->nfgen_family,
		.flags = number_of(message->of[NFTA_TABLE_FLAGS]),
		.name = netlink_string(message->of[NFTA_TABLE_NAME]),
	};
	text_copy(table->comment, sizeof table->comment, user_data_comment(user_data));
	table->sealed = user_data_find(user_data, SEAL_TYPE, &table->seal, sizeof table->seal) &&
			table->seal.format == SEAL_FORMAT;
}

static void parse_chain(const struct netlink_message *message, struct chain_info *chain)
{
	const struct nfgenmsg *generic = message->header;
	const struct nlattr *hook = message->of[NFTA_CHAIN_HOOK];
	const struct nlattr *policy = message->of[NFTA_CHAIN_POLICY];
	*chain = (struct chain_info){
		.family = generic->nfgen_family,
		.table = netlink_string(message->of[NFTA_CHAIN_TABLE]),
		.name = netlink_string(message->of[NFTA_CHAIN_NAME]),
		.base = hook != NULL,
		.drops = netlink_holds(policy, sizeof(uint32_t)) && number_of(policy) == NF_DROP,
		.nat = strcmp(netlink_string(message->of[NFTA_CHAIN_TYPE]), "nat") == 0,
		.hook = number_of(netlink_find(hook, NFTA_HOOK_HOOKNUM)),
		.priority = (int32_t)number_of(netlink_find(hook, NFTA_HOOK_PRIORITY)),
		.hook_attribute = hook,
	};
}

static void take_device(const struct nlattr *attribute, void (*take)(void *context, const char *device), void *context)
{
	char name[POLICY_INTERFACE_SIZE + 1] = "";
	struct text text = TEXT_ON(name);
	text_add(&text, netlink_string(attribute));
	if (mnl_attr_get_type(attribute) == PLAN_DEVICE_PREFIX)
		text_add(&text, EVERY_DEVICE);
	if (text.length > 0)
		take(context, name);
}

void chain_each_device(const struct chain_info *chain, void (*take)(void *context, const char *device), void *context)
{
	const struct nlattr *list = netlink_find(chain->hook_attribute, NFTA_HOOK_DEVS);
	const struct nlattr *device = netlink_find(chain->hook_attribute, NFTA_HOOK_DEV);
	if (!list && device)
		take_device(device, take, context);
	netlink_for_each_nested(device, list)
		take_device(device, take, context);
}

static void parse_set(const struct netlink_message *message, struct set_info *set)
{
	set->name = netlink_string(message->of[NFTA_SET_NAME]);
	set->flags = number_of(message->of[NFTA_SET_FLAGS]);
	set->sealed = user_data_find(message->of[NFTA_SET_USERDATA], SEAL_TYPE, &set->seal, sizeof set->seal);
}

static void parse_rule(const struct netlink_message *message, struct rule_info *rule)
{
	const struct nlattr *user_data = message->of[NFTA_RULE_USERDATA];
	rule->chain = netlink_string(message->of[NFTA_RULE_CHAIN]);
	rule->comment = user_data_comment(user_data);
	rule->handle = netlink_network_number(message->of[NFTA_RULE_HANDLE], sizeof rule->handle);
	rule->sealed = user_data_find(user_data, SEAL_TYPE, &rule->seal, sizeof rule->seal);
	rule->expressions = message->of[NFTA_RULE_EXPRESSIONS];
}

void flowtable_parse(const struct netlink_message *message, struct flowtable_info *flowtable)
{
	flowtable->name = netlink_string(message->of[NFTA_FLOWTABLE_NAME]);
	flowtable->hardware = number_of(message->of[NFTA_FLOWTABLE_FLAGS]) & NFT_FLOWTABLE_HW_OFFLOAD;
}

/* The parameters of an expression with this name; NULL for another one. */
static const struct nlattr *parameters_of(const struct nlattr *expression, const char *name)
{
	return strcmp(netlink_string(netlink_find(expression, NFTA_EXPR_NAME)), name) == 0 ?
		       netlink_find(expression, NFTA_EXPR_DATA) :
		       NULL;
}

static uint64_t counted(const struct nlattr *counter, int type)
{
	return netlink_network_number(netlink_find(counter, type), sizeof(uint64_t));
}

struct rule_effect rule_effect(const struct rule_info *rule)
{
	struct rule_effect effect = { .verdict = NFT_CONTINUE };
	const struct nlattr *expression;
	netlink_for_each_nested(expression, rule->expressions) {
		const struct nlattr *counter = parameters_of(expression, "counter");
		const struct nlattr *data = netlink_find(parameters_of(expression, "immediate"), NFTA_IMMEDIATE_DATA);
		const struct nlattr *code = netlink_find(netlink_find(data, NFTA_DATA_VERDICT), NFTA_VERDICT_CODE);
		if (counter) {
			effect.packets = counted(counter, NFTA_COUNTER_PACKETS);
			effect.bytes = counted(counter, NFTA_COUNTER_BYTES);
		}
		if (netlink_holds(code, sizeof(uint32_t)))
			effect.verdict = (int32_t)number_of(code);
	}
	return effect;
}

/* ---- asking for it ---- */

/* Who takes it, by its kind. */
union visitor {
	int (*table)(const struct table_info *table, void *context);
	int (*chain)(const struct chain_info *chain, void *context);
	int (*set)(const struct set_info *set, void *context);
	int (*element)(const struct element_info *element, void *context);
	int (*rule)(const struct rule_info *rule, void *context);
	int (*flowtable)(const struct flowtable_info *flowtable, void *context);
};

struct query {
	uint16_t type; /* NFT_MSG_GET... */
	const struct table_scope *scope;
	union visitor visitor;
	void *context;
	uint64_t last; /* handle of what was listed */
};

static int visit_elements(const struct netlink_message *message, const struct query *query)
{
	const struct nlattr *nest;
	int result = 0;
	netlink_for_each_nested(nest, message->of[NFTA_SET_ELEM_LIST_ELEMENTS]) {
		const struct nlattr *key = netlink_find(netlink_find(nest, NFTA_SET_ELEM_KEY), NFTA_DATA_VALUE);
		const struct nlattr *counter = parameters_of(netlink_find(nest, NFTA_SET_ELEM_EXPR), "counter");
		/* without a key it is for all that no other element is for: "*" */
		const struct element_info element = {
			.key = key ? (const uint8_t *)(key + 1) : (const uint8_t *)"",
			.key_length = key ? key->nla_len - sizeof *key : 0,
			.expires = counted(nest, NFTA_SET_ELEM_EXPIRATION),
			.packets = counted(counter, NFTA_COUNTER_PACKETS),
		};
		result = query->visitor.element(&element, query->context);
		if (result < 0)
			break;
	}
	return result;
}

/*
 * The kernel lists tables, and the chains of a table, in the order of their handles, but some twice while it commits:
 * when it goes on where it has stopped, what is being deleted counts as listed (seen on 6.12, 6.18).
 */
static bool comes_again(struct query *query, const struct netlink_message *message)
{
	bool table = query->type == NFT_MSG_GETTABLE;
	if (!table && !(query->type == NFT_MSG_GETCHAIN && query->scope->table))
		return false;
	uint64_t handle = netlink_network_number(message->of[table ? NFTA_TABLE_HANDLE : NFTA_CHAIN_HANDLE], 8);
	if (handle && handle <= query->last)
		return true;
	query->last = handle;
	return false;
}

static int take_message(const struct netlink_message *message, void *context)
{
	struct query *query = context;
	union {
		struct table_info table;
		struct chain_info chain;
		struct set_info set;
		struct rule_info rule;
		struct flowtable_info flowtable;
	} object;
	/* the attribute that names the table is the first one of all kinds */
	const char *table = query->scope->table;
	if (table && strcmp(netlink_string(message->of[NFTA_TABLE_NAME]), table) != 0)
		return 0;
	if (comes_again(query, message))
		return 0;
	switch (query->type) {
	case NFT_MSG_GETTABLE:
		parse_table(message, &object.table);
		return query->visitor.table(&object.table, query->context);
	case NFT_MSG_GETCHAIN:
		parse_chain(message, &object.chain);
		return query->visitor.chain(&object.chain, query->context);
	case NFT_MSG_GETSET:
		parse_set(message, &object.set);
		return query->visitor.set(&object.set, query->context);
	case NFT_MSG_GETSETELEM:
		return visit_elements(message, query);
	case NFT_MSG_GETRULE:
		parse_rule(message, &object.rule);
		return query->visitor.rule(&object.rule, query->context);
	case NFT_MSG_GETFLOWTABLE:
		flowtable_parse(message, &object.flowtable);
		return query->visitor.flowtable(&object.flowtable, query->context);
	case NFT_MSG_GETGEN:
		*(uint32_t *)query->context = number_of(message->of[NFTA_GEN_ID]);
	}
	return 0;
}

/* set: whose elements are asked for; else NULL. */
static int ask(struct query *query, const char *set, uint16_t flags)
{
	union {
		struct nlmsghdr header;
		char bytes[768]; /* two names of 256 bytes and the headers */
	} request;
	const struct table_scope *scope = query->scope;
	uint16_t type = (uint16_t)(NFNL_SUBSYS_NFTABLES << 8 | query->type);
	(void)netlink_begin(&request, type, flags, sizeof(struct nfgenmsg), scope->family);
	if (scope->table)
		mnl_attr_put_strz(&request.header, NFTA_TABLE_NAME, scope->table);
	if (set)
		mnl_attr_put_strz(&request.header, NFTA_SET_ELEM_LIST_SET, set);
	return netlink_request(scope->netlink, &request.header, sizeof(struct nfgenmsg), take_message, query);
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
	uint32_t id = 0;
	const struct table_scope all = { .netlink = netlink };
	struct query query = { .type = NFT_MSG_GETGEN, .scope = &all, .context = &id };
	int result = ask(&query, NULL, NLM_F_ACK);
	if (result < 0)
		return refused(result, diag);
	*generation = id;
	return 0;
}

int table_each(struct netlink *netlink, int (*take)(const struct table_info *table, void *context), void *context,
	       struct diag *diag)
{
	const struct table_scope all = { .netlink = netlink };
	struct query query = { NFT_MSG_GETTABLE, &all, { .table = take }, context, 0 };
	int result = ask(&query, NULL, NLM_F_DUMP);
	return result < 0 ? refused(result, diag) : 0;
}

static int copy_table(const struct table_info *table, void *context)
{
	*(struct table_info *)context = *table;
	return 0;
}

int table_find(const struct table_scope *scope, struct table_info *table)
{
	struct query query = { NFT_MSG_GETTABLE, scope, { .table = copy_table }, table, 0 };
	*table = (struct table_info){ .name = NULL };
	int result = ask(&query, NULL, NLM_F_ACK);
	if (result < 0 && result != -ENOENT)
		return diag_errno(scope->diag, -result, "look up table %s %s", table_family_word(scope->family),
				  scope->table);
	bool found = table->name != NULL;
	table->name = scope->table; /* what it was points into an answer that is gone */
	return found;
}

/* What is listed is told in the diagnostic: "the chains", or "set " and its name. */
static int list(const struct table_scope *scope, const char *set, union visitor visitor, void *context, uint16_t type,
		const char *what)
{
	struct query query = { type, scope, visitor, context, 0 };
	int result = ask(&query, set, NLM_F_DUMP);
	if (result >= 0)
		return 0;
	/* removed since it was looked up: who plans on it has to start over in any case */
	if (result == -ENOENT && (type == NFT_MSG_GETSET || type == NFT_MSG_GETSETELEM))
		return 0;
	return diag_errno(scope->diag, -result, "list %s%s%s%s", what, set ? set : "",
			  scope->table ? " of table " : "", scope->table ? scope->table : "");
}

int chain_each(const struct table_scope *scope, int (*take)(const struct chain_info *chain, void *context),
	       void *context)
{
	return list(scope, NULL, (union visitor){ .chain = take }, context, NFT_MSG_GETCHAIN, "the chains");
}

int set_each(const struct table_scope *scope, int (*take)(const struct set_info *set, void *context), void *context)
{
	return list(scope, NULL, (union visitor){ .set = take }, context, NFT_MSG_GETSET, "the sets");
}

int element_each(const struct table_scope *scope, const char *set,
		 int (*take)(const struct element_info *element, void *context), void *context)
{
	return list(scope, set, (union visitor){ .element = take }, context, NFT_MSG_GETSETELEM, "set ");
}

int rule_each(const struct table_scope *scope, int (*take)(const struct rule_info *rule, void *context), void *context)
{
	return list(scope, NULL, (union visitor){ .rule = take }, context, NFT_MSG_GETRULE, "the rules");
}

int flowtable_each(struct netlink *netlink, int (*take)(const struct flowtable_info *flowtable, void *context),
		   void *context, struct diag *diag)
{
	const struct table_scope all = { .netlink = netlink, .diag = diag };
	return list(&all, NULL, (union visitor){ .flowtable = take }, context, NFT_MSG_GETFLOWTABLE, "the flowtables");
}
