/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "nft/plan.h"

#include <errno.h>
#include <libnftnl/rule.h>
#include <netinet/in.h>
#include <string.h>

#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>

#include "nft/match.h"
#include "nft/set.h"

enum {
	NAMES_ROOM = 1024, /* two names of 256 bytes, and small attributes */
	RULE_ROOM = 4096, /* eight matches with at most three expressions of 120 bytes */
	COMMENT_MAX = 128, /* of nft, with the NUL */
};

/* nft's user data holds type 0 (comment of a table or a rule), length, the string with its NUL. */
static size_t comment_data(uint8_t data[2 + COMMENT_MAX], const char *comment)
{
	text_copy((char *)data + 2, COMMENT_MAX, comment);
	size_t length = strlen((char *)data + 2) + 1;
	data[0] = 0;
	data[1] = (uint8_t)length;
	return 2 + length;
}

void plan_add_table(struct batch *batch, const char *name, const char *comment)
{
	uint8_t data[2 + COMMENT_MAX];
	size_t length = comment_data(data, comment);
	struct nlmsghdr *message =
		batch_message(batch, NFT_MSG_NEWTABLE, NFPROTO_INET, NLM_F_CREATE | NLM_F_EXCL, NAMES_ROOM);
	if (!message)
		return;
	mnl_attr_put_strz(message, NFTA_TABLE_NAME, name);
	mnl_attr_put_u32(message, NFTA_TABLE_FLAGS, 0);
	mnl_attr_put(message, NFTA_TABLE_USERDATA, length, data);
	batch_message_end(batch, message);
}

void plan_delete_table(struct batch *batch, uint8_t family, const char *name)
{
	struct nlmsghdr *message = batch_message(batch, NFT_MSG_DELTABLE, family, 0, NAMES_ROOM);
	if (!message)
		return;
	mnl_attr_put_strz(message, NFTA_TABLE_NAME, name);
	batch_message_end(batch, message);
}

static void add_chain(struct batch *batch, const char *table, const char *name, const struct chain_type *hooked,
		      bool drop)
{
	struct nlmsghdr *message = batch_message(batch, NFT_MSG_NEWCHAIN, NFPROTO_INET, NLM_F_CREATE, NAMES_ROOM);
	if (!message)
		return;
	mnl_attr_put_strz(message, NFTA_CHAIN_TABLE, table);
	mnl_attr_put_strz(message, NFTA_CHAIN_NAME, name);
	if (hooked) {
		struct nlattr *hook = mnl_attr_nest_start(message, NFTA_CHAIN_HOOK);
		mnl_attr_put_u32(message, NFTA_HOOK_HOOKNUM, htonl(hooked->hook_number));
		mnl_attr_put_u32(message, NFTA_HOOK_PRIORITY, htonl((uint32_t)(int32_t)hooked->priority));
		mnl_attr_nest_end(message, hook);
		mnl_attr_put_strz(message, NFTA_CHAIN_TYPE, "filter");
		mnl_attr_put_u32(message, NFTA_CHAIN_POLICY, htonl(drop ? NF_DROP : NF_ACCEPT));
	}
	batch_message_end(batch, message);
}

void plan_add_base_chain(struct batch *batch, const char *table, const char *name, enum chain_id id, bool drop)
{
	add_chain(batch, table, name, &chain_types[id], drop);
}

static bool set_names_and_comment(struct nftnl_rule *rule, const char *table, const char *chain, const char *comment)
{
	uint8_t data[2 + COMMENT_MAX];
	size_t length = comment_data(data, comment);
	nftnl_rule_set_u32(rule, NFTNL_RULE_FAMILY, NFPROTO_INET);
	return nftnl_rule_set_str(rule, NFTNL_RULE_TABLE, table) == 0 &&
	       nftnl_rule_set_str(rule, NFTNL_RULE_CHAIN, chain) == 0 &&
	       nftnl_rule_set_data(rule, NFTNL_RULE_USERDATA, data, (uint32_t)length) == 0;
}

/* flags: NLM_F_APPEND puts the rule last, without it stands first. */
static void send_rule(struct rule_builder *builder, const char *chain, const char *comment, uint16_t flags)
{
	if (!builder->error && !set_names_and_comment(builder->rule, builder->table, chain, comment))
		builder->error = -ENOMEM;
	if (builder->error) {
		builder->batch->error = builder->error;
		return;
	}
	struct nlmsghdr *message =
		batch_message(builder->batch, NFT_MSG_NEWRULE, NFPROTO_INET, NLM_F_CREATE | flags, RULE_ROOM);
	if (!message)
		return;
	nftnl_rule_nlmsg_build_payload(message, builder->rule);
	batch_message_end(builder->batch, message);
}

/* What visiting the rules of a plan needs. */
struct rule_context {
	struct batch *batch;
	const struct policy *policy;
	const char *prefix;
	struct nftnl_rule *last; /* freed only after the next was made: musl would unmap and map its page each time */
};

static int add_rule(void *context, const struct rule *source)
{
	struct rule_context *rules = context;
	struct rule_builder builder = {
		.batch = rules->batch,
		.table = rules->policy->table,
		.prefix = rules->prefix,
		.source = source,
		.rule = nftnl_rule_alloc(),
		.error = 0,
	};
	if (!builder.rule) {
		rules->batch->error = -ENOMEM;
		return -ENOMEM;
	}
	for (const struct match *match = source->row->matches; match->kind != MATCH_END; match++)
		match_rows[match->kind].netlink(&builder, match);
	build_counter(&builder);
	build_verdict(&builder, (enum verdict)source->row->verdict);
	char chain[64];
	struct text text = TEXT_ON(chain);
	text_addf(&text, "%s%s", rules->prefix, chain_types[source->row->chain].name);
	send_rule(&builder, chain, source->row->comment, NLM_F_APPEND);
	if (rules->last)
		nftnl_rule_free(rules->last);
	rules->last = builder.rule;
	return 0;
}

void plan_add_contents(struct batch *batch, const struct policy *policy, const char *prefix, bool hooked)
{
	set_add_all(batch, policy, prefix);
	batch->part_size = 0; /* chains and rules count from one moment on */
	for (int id = 0; id < CHAIN_IDS; id++) {
		char name[64];
		struct text text = TEXT_ON(name);
		text_addf(&text, "%s%s", prefix, chain_types[id].name);
		add_chain(batch, policy->table, name, hooked ? &chain_types[id] : NULL, true);
	}
	struct rule_context context = { .batch = batch, .policy = policy, .prefix = prefix };
	(void)policy_each_rule(policy, add_rule, &context); /* failures are in batch->error */
	if (context.last)
		nftnl_rule_free(context.last);
}

void plan_add_probation_rule(struct batch *batch, const char *table, const char *chain, const char *set,
			     enum probation_rule kind, const char *target, const char *comment)
{
	struct rule_builder builder = { .batch = batch, .table = table, .prefix = "", .rule = nftnl_rule_alloc() };
	if (!builder.rule) {
		batch->error = -ENOMEM;
		return;
	}
	build_probation_test(&builder, set, kind == PROBATION_OVER);
	if (kind == PROBATION_GOTO)
		build_goto(&builder, target);
	else
		build_verdict(&builder, VERDICT_ACCEPT);
	send_rule(&builder, chain, comment, 0);
	nftnl_rule_free(builder.rule);
}

/* ---- text ---- */

static void print_key_type(struct text *text, enum set_id set, enum ip_family family)
{
	uint8_t key = set_types[set].key;
	text_addf(text, "\t\ttype %s%s%s\n", family == IPV4 ? "ipv4_addr" : "ipv6_addr",
		  key & KEY_PROTOCOL ? " . inet_proto" : "", key & KEY_PORT ? " . inet_service" : "");
}

static void print_element(struct text *text, enum set_id set, enum ip_family family, const struct set_element *element)
{
	struct address address = { .family = family_number(family) };
	memcpy(address.bytes, element->address, family_address_length(family));
	address_format(&address, text);
	if (set_types[set].key & KEY_PROTOCOL)
		text_add(text, element->protocol == IPPROTO_TCP ? " . tcp" : " . udp");
	if (set_types[set].key & KEY_PORT)
		text_addf(text, " . %u", (unsigned)element->port[0] << 8 | element->port[1]);
}

/* nft puts two IPv4 addresses on a line, and one of anything longer. */
static void print_elements(const struct policy *policy, struct text *text, enum set_id set, enum ip_family family)
{
	size_t cursor = 0;
	struct set_element element;
	size_t a_line = family == IPV4 && set_types[set].key == KEY_ADDRESS ? 2 : 1;
	for (size_t i = 0; policy_next_element(policy, set, family, &cursor, &element); i++) {
		if (i == 0)
			text_add(text, "\t\telements = { ");
		else
			text_add(text, i % a_line ? ", " : ",\n\t\t\t     ");
		print_element(text, set, family, &element);
	}
	text_add(text, " }\n");
}

static void print_set(const struct policy *policy, struct text *text, enum set_id set, enum ip_family family)
{
	text_add(text, "\tset ");
	set_name(text, "", set, family);
	text_add(text, " {\n");
	print_key_type(text, set, family);
	if (set_types[set].dynamic)
		text_addf(text, "\t\tsize %d\n\t\tflags dynamic\n", POLICY_DNS_RATE_SIZE);
	else
		print_elements(policy, text, set, family);
	text_add(text, "\t}\n\n");
}

struct print_context {
	struct text *text;
	enum chain_id chain;
};

static int print_rule(void *context, const struct rule *rule)
{
	const struct print_context *print = context;
	if (rule->row->chain != print->chain)
		return 0;
	struct text *text = print->text;
	text_add(text, "\t\t");
	for (const struct match *match = rule->row->matches; match->kind != MATCH_END; match++) {
		match_rows[match->kind].text(text, rule, match);
		if (text->length > 0 && text->bytes[text->length - 1] != ' ')
			text_add(text, " ");
	}
	text_addf(text, "counter %s comment \"%s\"\n", rule->row->verdict == VERDICT_ACCEPT ? "accept" : "drop",
		  rule->row->comment);
	return 0;
}

static void print_chain(const struct policy *policy, struct text *text, enum chain_id id)
{
	const struct chain_type *chain = &chain_types[id];
	struct print_context context = { text, id };
	text_addf(text, "\tchain %s {\n\t\ttype filter hook %s priority %d; policy drop;\n", chain->name, chain->hook,
		  chain->priority);
	(void)policy_each_rule(policy, print_rule, &context);
	text_addf(text, "\t}\n%s", id + 1 < CHAIN_IDS ? "\n" : "");
}

void plan_print(const struct policy *policy, struct text *text)
{
	text_addf(text, "table inet %s {\n\tcomment \"%s\"\n", policy->table, policy->comment);
	for (int set = 0; set < SET_IDS; set++) {
		for (int family = IPV4; family < IP_FAMILIES; family++) {
			if (policy_has_set(policy, (enum set_id)set, (enum ip_family)family))
				print_set(policy, text, (enum set_id)set, (enum ip_family)family);
		}
	}
	for (int id = 0; id < CHAIN_IDS; id++)
		print_chain(policy, text, (enum chain_id)id);
	text_add(text, "}\n");
}
