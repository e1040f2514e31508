/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "nft/plan.h"

#include <errno.h>
#include <netinet/in.h>
#include <string.h>

#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>

#include "base/text.h"
#include "nft/expression.h"
#include "nft/match.h"
#include "nft/seal.h"
#include "nft/set.h"

enum {
	NAMES_ROOM = 1024, /* two names of 256 bytes, and small attributes */
	DEVICE_ROOM = 2 * POLICY_INTERFACE_SIZE, /* of a chain, and its attribute */
};

static int count_rule(void *context, const struct rule *rule)
{
	struct table_seal *seal = context;
	(void)rule;
	seal->rules++;
	return 0;
}

static int note_chain(void *context, const struct chain *chain)
{
	struct table_seal *seal = context;
	seal->chains |= 1u << chain->id;
	return 0;
}

_Static_assert(CHAIN_IDS <= 32, "struct table_seal has a bit for each");

static struct table_seal seal_table(const struct policy *policy, enum table_id table)
{
	struct table_seal seal = {
		.began = policy->began,
		.began_wall = policy->began_wall,
		.lasts = policy->lasts,
		.format = SEAL_FORMAT,
		.wanted = policy->wanted,
		.layers = policy->layers,
		.refused = policy->refused,
		.without_fib = policy->without_fib,
		.without_log = policy->without_log,
		.stateless = policy->stateless,
		.gaps = policy->gaps,
		.restored = policy->restored,
		.plan = policy->digest,
	};
	(void)policy_each_rule(policy, table, count_rule, &seal);
	(void)policy_each_chain(policy, table, note_chain, &seal);
	return seal;
}

void plan_add_table(struct batch *batch, const struct policy *policy, enum table_id table)
{
	uint8_t data[USER_DATA_SIZE];
	struct table_seal seal = seal_table(policy, table);
	size_t length = user_data_write(data, policy->comment, &seal, sizeof seal);
	struct nlmsghdr *message = batch_message(batch, NFT_MSG_NEWTABLE, NLM_F_CREATE | NLM_F_EXCL, NAMES_ROOM);
	if (!message)
		return;
	mnl_attr_put_strz(message, NFTA_TABLE_NAME, policy->table);
	put_u32(message, NFTA_TABLE_FLAGS, 0);
	mnl_attr_put(message, NFTA_TABLE_USERDATA, length, data);
	batch_message_end(batch, message);
}

void plan_delete_table(struct batch *batch, const char *name)
{
	struct nlmsghdr *message = batch_message(batch, NFT_MSG_DELTABLE, 0, NAMES_ROOM);
	if (!message)
		return;
	mnl_attr_put_strz(message, NFTA_TABLE_NAME, name);
	batch_message_end(batch, message);
}

/* What visiting the chains and rules of a plan needs. */
struct plan_context {
	struct rule_builder builder;
	const struct policy *policy;
	const char *timer; /* set that is looked into in front of the chains */
	const char *comment; /* of the rules that do */
	const uint32_t *led_to; /* as in plan_add_lead; NULL: none */
	uint16_t rules; /* added so far */
};

enum { CHAIN_NAME_SIZE = 64 };

static void name_chain(char name[CHAIN_NAME_SIZE], const char *prefix, const struct chain *chain)
{
	struct text text = text_on(name, CHAIN_NAME_SIZE);
	chain_name(&text, prefix, chain);
}

/* ---- chains ---- */

/*
 * One device as old kernels know it; a list since Linux 5.5; since 6.18 beginnings of names are an attribute of their
 * own in it, and the empty one is that of all names.
 */
static void put_devices(struct nlmsghdr *message, const struct policy *policy, const struct chain *chain)
{
	const struct policy_link *link = policy->links.links;
	uint8_t devices = chain_types[chain->id].devices;
	if (devices == DEVICES_NONE)
		return;
	if (devices == DEVICE_OF_LINK) {
		mnl_attr_put_strz(message, NFTA_HOOK_DEV, chain->link->name);
		return;
	}
	struct nlattr *list = mnl_attr_nest_start(message, NFTA_HOOK_DEVS);
	if (devices == DEVICES_ALL)
		mnl_attr_put_strz(message, PLAN_DEVICE_PREFIX, "");
	for (; devices == DEVICES_SEALED && link < policy->links.links + policy->links.count; link++) {
		if (link->sealed)
			mnl_attr_put_strz(message, NFTA_DEVICE_NAME, link->name);
	}
	mnl_attr_nest_end(message, list);
}

static int add_one_chain(const struct plan_context *plan, const struct chain *chain, bool hooked)
{
	const struct chain_type *type = &chain_types[chain->id];
	char name[CHAIN_NAME_SIZE];
	struct batch *batch = plan->builder.batch;
	struct nlmsghdr *message = batch_message(batch, NFT_MSG_NEWCHAIN, NLM_F_CREATE,
						 NAMES_ROOM + plan->policy->links.count * DEVICE_ROOM);
	if (!message)
		return -ENOMEM;
	name_chain(name, plan->builder.prefix, chain);
	mnl_attr_put_strz(message, NFTA_CHAIN_TABLE, plan->policy->table);
	mnl_attr_put_strz(message, NFTA_CHAIN_NAME, name);
	if (hooked) {
		struct nlattr *hook = mnl_attr_nest_start(message, NFTA_CHAIN_HOOK);
		put_u32(message, NFTA_HOOK_HOOKNUM, type->hook_number);
		put_u32(message, NFTA_HOOK_PRIORITY, (uint32_t)(int32_t)type->priority);
		put_devices(message, plan->policy, chain);
		mnl_attr_nest_end(message, hook);
		mnl_attr_put_strz(message, NFTA_CHAIN_TYPE, "filter");
		put_u32(message, NFTA_CHAIN_POLICY, type->accepts ? NF_ACCEPT : NF_DROP);
	}
	batch_message_end(batch, message);
	return 0;
}

/* Such a chain is there already. */
static bool is_led_to(const struct plan_context *plan, const struct chain *chain)
{
	return plan->led_to && plan->led_to[chain->number] & 1u << chain->id;
}

static int add_chain(void *context, const struct chain *chain)
{
	const struct plan_context *plan = context;
	return is_led_to(plan, chain) ? 0 : add_one_chain(plan, chain, *chain_types[chain->id].hook);
}

/* ---- rules ---- */

union expressions {
	struct nlmsghdr header;
	char bytes[RULE_EXPRESSIONS_SIZE];
};

/* number: SEAL_FRONT for a rule that is to stand first; the others are put last. */
static void send_rule(const struct rule_builder *builder, const char *chain, const char *comment, uint16_t number)
{
	const struct nlmsghdr *expressions = builder->expressions;
	size_t expressions_length = mnl_nlmsg_get_payload_len(expressions);
	uint64_t digest = digest_expressions(mnl_nlmsg_get_payload(expressions), expressions_length, NULL, NULL);
	struct rule_seal seal = {
		.digest = digest_rule(digest + builder->constants, chain, comment),
		.number = number,
	};
	uint8_t data[USER_DATA_SIZE];
	size_t length = user_data_write(data, comment, &seal, sizeof seal);
	uint16_t flags = number == SEAL_FRONT ? 0 : NLM_F_APPEND;
	if (builder->error) {
		builder->batch->error = builder->error;
		return;
	}
	struct nlmsghdr *message = batch_message(builder->batch, NFT_MSG_NEWRULE, NLM_F_CREATE | flags,
						 NAMES_ROOM + RULE_EXPRESSIONS_SIZE);
	if (!message)
		return;
	mnl_attr_put_strz(message, NFTA_RULE_TABLE, builder->table);
	mnl_attr_put_strz(message, NFTA_RULE_CHAIN, chain);
	mnl_attr_put(message, NFTA_RULE_EXPRESSIONS | NLA_F_NESTED, expressions_length,
		     mnl_nlmsg_get_payload(expressions));
	mnl_attr_put(message, NFTA_RULE_USERDATA, length, data);
	batch_message_end(builder->batch, message);
}

static const struct verdict_form {
	int8_t number;
	bool with_chain;
	char word[7]; /* nft's */
} verdict_forms[] = {
	[VERDICT_DROP] = { NF_DROP, false, "drop" },
	[VERDICT_ACCEPT] = { NF_ACCEPT, false, "accept" },
	[VERDICT_GOTO] = { NFT_GOTO, true, "goto " },
	[VERDICT_JUMP] = { NFT_JUMP, true, "jump " },
	[VERDICT_RETURN] = { NFT_RETURN, false, "return" },
	[VERDICT_NONE] = { 0, false, "" },
};

static enum chain_id jump_target(enum chain_id from)
{
	if (chain_types[from].table == TABLE_INET)
		return CHAIN_ATTEMPTS;
	if (from == CHAIN_SEALED_INGRESS)
		return CHAIN_LINK_ATTEMPTS;
	return from == CHAIN_EGRESS ? CHAIN_LINK_NEW_MAC : CHAIN_LINK_SOURCE;
}

/* The chain that GOTO or JUMP means. */
static enum chain_id target_of(const struct rule *rule)
{
	if (rule->row->verdict == VERDICT_JUMP)
		return jump_target(rule->chain.id);
	return chain_types[rule->chain.id].hook_number == NF_NETDEV_INGRESS ? CHAIN_LINK_INBOUND : CHAIN_LINK_OUTBOUND;
}

static void build_end(struct rule_builder *builder)
{
	const struct rule *rule = builder->source;
	const struct verdict_form *form = &verdict_forms[rule->row->verdict];
	char target[CHAIN_NAME_SIZE];
	build_counter(builder);
	if (form->with_chain)
		name_chain(target, builder->prefix, &(struct chain){ .id = target_of(rule) });
	if (rule->row->verdict != VERDICT_NONE)
		build_verdict(builder, (uint32_t)form->number, form->with_chain ? target : NULL);
}

static int add_rule(void *context, const struct rule *source)
{
	struct plan_context *plan = context;
	struct rule_builder *builder = &plan->builder;
	const struct match *match;
	char chain[CHAIN_NAME_SIZE];
	char comment[RULE_COMMENT_SIZE];
	struct text text = TEXT_ON(comment);
	builder_start(builder, source);
	for (size_t i = 0; (match = row_match(source->row, i))->kind != MATCH_END; i++)
		match_build(builder, match);
	build_end(builder);
	name_chain(chain, builder->prefix, &source->chain);
	rule_comment(source, &text);
	send_rule(builder, chain, comment, plan->rules++);
	return 0;
}

/* ---- probation and self-release ---- */

const char plan_probation_comment[] = "quarbox probation";
const char plan_lasts_comment[] = "quarbox self-release";

/*
 * A chain that is led to needs none: it is not entered any more then, and an end between the two rules would let a
 * packet pass for which the older chain was to decide.
 */
static int add_over_rule(void *context, const struct chain *chain)
{
	struct plan_context *plan = context;
	struct rule_builder *builder = &plan->builder;
	char name[CHAIN_NAME_SIZE];
	if (!*chain_types[chain->id].hook || is_led_to(plan, chain))
		return 0;
	name_chain(name, builder->prefix, chain);
	builder_start(builder, NULL);
	build_timer_test(builder, plan->timer, true);
	build_verdict(builder, NF_ACCEPT, NULL);
	send_rule(builder, name, plan->comment, SEAL_FRONT);
	return 0;
}

/* Once the element is gone, every chain with a hook lets everything pass. */
static void add_over_rules(struct plan_context *plan, enum table_id table, const char *timer, const char *comment)
{
	plan->timer = timer;
	plan->comment = comment;
	(void)policy_each_chain(plan->policy, table, add_over_rule, plan);
}

void plan_add_chains(struct batch *batch, const struct policy *policy, enum table_id table, const char *prefix,
		     const char *probation, const uint32_t *led_to)
{
	union expressions expressions;
	struct plan_context plan = {
		.builder = { batch, policy->table, prefix, .expressions = &expressions.header },
		.policy = policy,
		.led_to = led_to,
	};
	char lasts[32];
	struct text text = TEXT_ON(lasts);
	batch->part_size = 0; /* chains and rules count from one moment on */
	/* failures are in batch->error */
	(void)policy_each_chain(policy, table, add_chain, &plan);
	(void)policy_each_rule(policy, table, add_rule, &plan);
	text_addf(&text, "%s%s", prefix, set_lasts);
	if (policy->lasts)
		add_over_rules(&plan, table, lasts, plan_lasts_comment);
	if (probation)
		add_over_rules(&plan, table, probation, plan_probation_comment);
}

/* ---- beside an older quarantine ---- */

/* An older chain, and what it is compared with. */
struct lead {
	const struct policy *policy;
	const struct chain_info *older;
	size_t devices; /* of it */
	size_t sealed; /* of these, in the plan */
	char device[POLICY_INTERFACE_SIZE + 1]; /* the last one */
	struct chain chain; /* of the plan, that fits */
};

static size_t count_sealed(const struct policy *policy)
{
	size_t count = 0;
	for (size_t i = 0; i < policy->links.count; i++)
		count += policy->links.links[i].sealed;
	return count;
}

static void note_device(void *context, const char *device)
{
	struct lead *lead = context;
	const struct policy_links *links = &lead->policy->links;
	lead->devices++;
	text_copy(lead->device, sizeof lead->device, device);
	for (size_t i = 0; i < links->count; i++)
		lead->sealed += links->links[i].sealed && strcmp(links->links[i].name, device) == 0;
}

/*
 * Linux 6.14 and 6.15 list the name that a device had when it was hooked. Where another one has that name by now, only
 * its IP packets are contained until the probation ends.
 */
static bool has_same_devices(const struct lead *lead, const struct chain *chain)
{
	switch (chain_types[chain->id].devices) {
	case DEVICE_OF_LINK:
		return lead->devices == 1 && strcmp(lead->device, chain->link->name) == 0;
	case DEVICES_SEALED:
		return lead->devices == lead->sealed && lead->devices == count_sealed(lead->policy);
	case DEVICES_ALL:
		return lead->devices == 1 && strcmp(lead->device, EVERY_DEVICE) == 0;
	default:
		return lead->devices == 0;
	}
}

static int find_same_hook(void *context, const struct chain *chain)
{
	struct lead *lead = context;
	const struct chain_type *type = &chain_types[chain->id];
	const struct chain_info *older = lead->older;
	if (!*type->hook || older->hook != type->hook_number || older->priority != type->priority ||
	    older->drops == type->accepts || !has_same_devices(lead, chain))
		return 0;
	lead->chain = *chain;
	return 1;
}

void plan_add_lead(struct batch *batch, const struct policy *policy, enum table_id table,
		   const struct chain_info *older, const char *prefix, const char *set, uint32_t *led_to)
{
	union expressions expressions;
	struct plan_context plan = {
		.builder = { batch, policy->table, prefix, .expressions = &expressions.header },
		.policy = policy,
		.led_to = led_to,
	};
	struct lead lead = { .policy = policy, .older = older };
	char target[CHAIN_NAME_SIZE];
	chain_each_device(older, note_device, &lead);
	bool found = policy_has_table(policy, table) && policy_each_chain(policy, table, find_same_hook, &lead);
	if (found) {
		if (!is_led_to(&plan, &lead.chain))
			(void)add_one_chain(&plan, &lead.chain, false); /* failures are in batch->error */
		led_to[lead.chain.number] |= 1u << lead.chain.id;
		name_chain(target, prefix, &lead.chain);
	}
	builder_start(&plan.builder, NULL);
	build_timer_test(&plan.builder, set, false);
	build_verdict(&plan.builder, found ? (uint32_t)NFT_GOTO : NF_ACCEPT, found ? target : NULL);
	send_rule(&plan.builder, older->name, plan_probation_comment, SEAL_FRONT);
}

/* ---- text ---- */

static void print_key_type(struct text *text, enum set_id set, enum ip_family family)
{
	uint8_t key = set_types[set].key;
	const char *first = family == IPV4 ? "ipv4_addr" : "ipv6_addr";
	if (key == KEY_INTERFACE)
		first = "ifname";
	else if (key == KEY_MAC)
		first = "ether_addr";
	text_addf(text, "\t\ttype %s%s%s%s\n", first, key & KEY_PROTOCOL ? " . inet_proto" : "",
		  key & KEY_PORT ? " . inet_service" : "",
		  key & KEY_INTERFACE && key != KEY_INTERFACE ? " . iface_index" : "");
}

void plan_print_element(struct text *text, enum set_id set, enum ip_family family,
			const struct set_element *element)
{
	struct address address = { .family = family_number(family) };
	uint8_t key = set_types[set].key;
	if (key == KEY_INTERFACE) {
		text_addf(text, "\"%s\"", (const char *)element->address);
		return;
	}
	if (key == KEY_MAC) {
		print_mac(text, element->address);
		return;
	}
	memcpy(address.bytes, element->address, family_address_length(family));
	address_format(&address, text);
	if (key & KEY_PROTOCOL)
		text_add(text, element->protocol == IPPROTO_TCP ? " . tcp" : " . udp");
	if (key & KEY_PORT)
		text_addf(text, " . %u", (unsigned)element->port[0] << 8 | element->port[1]);
}

/* nft puts two IPv4 addresses on a line, and one of anything else. */
static size_t elements_a_line(enum set_id set, enum ip_family family)
{
	return set_types[set].key == KEY_ADDRESS && family == IPV4 ? 2 : 1;
}

static void print_elements(const struct policy *policy, struct text *text, enum set_id set, enum ip_family family)
{
	size_t cursor = 0;
	struct set_element element;
	size_t a_line = elements_a_line(set, family);
	for (size_t i = 0; policy_next_element(policy, set, family, &cursor, &element); i++) {
		if (i == 0)
			text_add(text, "\t\telements = { ");
		else
			text_add(text, i % a_line ? ", " : ",\n\t\t\t     ");
		plan_print_element(text, set, family, &element);
	}
	if (cursor)
		text_add(text, " }\n");
}

static void print_duration(struct text *text, uint32_t seconds)
{
	static const struct {
		char letter;
		uint32_t seconds;
	} units[] = { { 'd', 86400 }, { 'h', 3600 }, { 'm', 60 }, { 's', 1 } };
	for (size_t i = 0; i < sizeof units / sizeof *units; i++) {
		if (seconds >= units[i].seconds)
			text_addf(text, "%u%c", seconds / units[i].seconds, units[i].letter);
		seconds %= units[i].seconds;
	}
}

static void print_lasts(struct text *text, uint32_t seconds)
{
	text_addf(text, "\tset %s {\n\t\ttype mark\n\t\tflags timeout\n", set_lasts);
	text_add(text, "\t\telements = { 0x00000000 timeout ");
	print_duration(text, seconds);
	text_add(text, " }\n\t}\n\n");
}

static void print_set(const struct policy *policy, struct text *text, enum set_id set, enum ip_family family)
{
	text_add(text, "\tset ");
	set_name(text, "", set, family);
	text_add(text, " {\n");
	print_key_type(text, set, family);
	const struct set_type *type = &set_types[set];
	uint32_t size = policy_set_size(policy, set, family);
	if (size)
		text_addf(text, "\t\tsize %u\n", size);
	if (type->size)
		text_addf(text, "\t\tflags dynamic%s\n", type->timeout || type->learned ? ",timeout" : "");
	if (type->timeout) {
		text_add(text, "\t\ttimeout ");
		print_duration(text, type->timeout * 60u);
		text_add(text, "\n");
	}
	print_elements(policy, text, set, family);
	text_add(text, "\t}\n\n");
}

struct print_context {
	const struct policy *policy;
	struct text *text;
	const struct chain *chain; /* of which the rules are printed */
	enum table_id table;
	bool first;
};

static bool same_chain(const struct chain *a, const struct chain *b)
{
	return a->id == b->id && a->number == b->number;
}

static void print_verdict(struct text *text, const struct rule *rule)
{
	const struct verdict_form *form = &verdict_forms[rule->row->verdict];
	if (rule->row->verdict == VERDICT_NONE)
		return;
	text_addf(text, " %s", form->word);
	if (form->with_chain)
		chain_name(text, "", &(struct chain){ .id = target_of(rule) });
}

static int print_rule(void *context, const struct rule *rule)
{
	const struct print_context *print = context;
	struct text *text = print->text;
	if (!same_chain(&rule->chain, print->chain))
		return 0;
	text_add(text, "\t\t");
	const struct match *match;
	for (size_t i = 0; (match = row_match(rule->row, i))->kind != MATCH_END; i++) {
		match_print(text, rule, match);
		if (text->length > 0 && text->bytes[text->length - 1] != ' ')
			text_add(text, " ");
	}
	text_add(text, "counter");
	print_verdict(text, rule);
	text_add(text, " comment \"");
	rule_comment(rule, text);
	text_add(text, "\"\n");
	return 0;
}

/* nft lists several in the order of their names, as they come here. */
static void print_sealed_devices(const struct policy *policy, struct text *text)
{
	bool several = count_sealed(policy) > 1;
	const char *separator = several ? " devices = { " : " device \"";
	for (size_t i = 0; i < policy->links.count; i++) {
		if (!policy->links.links[i].sealed)
			continue;
		text_addf(text, "%s%s", separator, policy->links.links[i].name);
		separator = ", ";
	}
	text_add(text, several ? " }" : "\"");
}

static void print_devices(const struct policy *policy, struct text *text, const struct chain *chain)
{
	uint8_t devices = chain_types[chain->id].devices; /* DEVICES_ALL is not in the text, see plan_print */
	if (devices == DEVICE_OF_LINK)
		text_addf(text, " device \"%s\"", chain->link->name);
	else if (devices == DEVICES_SEALED)
		print_sealed_devices(policy, text);
}

static int print_chain(void *context, const struct chain *chain)
{
	struct print_context *print = context;
	const struct chain_type *type = &chain_types[chain->id];
	struct text *text = print->text;
	text_add(text, print->first ? "\tchain " : "\n\tchain ");
	print->first = false;
	chain_name(text, "", chain);
	text_add(text, " {\n");
	if (*type->hook) {
		text_addf(text, "\t\ttype filter hook %s", type->hook);
		print_devices(print->policy, text, chain);
		text_addf(text, " priority %d; policy %s;\n", type->priority, type->accepts ? "accept" : "drop");
		if (print->policy->lasts)
			text_addf(text, "\t\tmeta mark & 0x00000000 != @%s accept comment \"%s\"\n", set_lasts,
				  plan_lasts_comment);
	}
	print->chain = chain;
	(void)policy_each_rule(print->policy, print->table, print_rule, print);
	text_add(text, "\t}\n");
	return 0;
}

static void print_table(const struct policy *policy, enum table_id table, struct text *text)
{
	struct print_context print = { .policy = policy, .text = text, .table = table, .first = true };
	text_addf(text, "table %s %s {\n\tcomment \"%s\"\n", table_types[table].word, policy->table, policy->comment);
	if (policy->lasts)
		print_lasts(text, policy->lasts);
	for (int set = 0; set < SET_IDS; set++) {
		for (int family = IPV4; family < IP_FAMILIES; family++) {
			if (policy_has_set(policy, table, (enum set_id)set, (enum ip_family)family))
				print_set(policy, text, (enum set_id)set, (enum ip_family)family);
		}
	}
	(void)policy_each_chain(policy, table, print_chain, &print);
	text_add(text, "}\n");
}

/* A hook on every device is nothing that all versions of nft can read: netlink alone has it. */
void plan_print(const struct policy *policy, struct text *text)
{
	struct policy plan = *policy;
	plan.layers &= (uint8_t)~LAYER_LATER;
	for (int table = 0; table < TABLES; table++) {
		if (policy_has_table(&plan, (enum table_id)table))
			print_table(&plan, (enum table_id)table, text);
	}
}

/* ---- a digest ---- */

static void digest_text(struct text *text)
{
	uint64_t *digest = text->context;
	*digest = *digest * 3 + digest_element(text->bytes, text->length);
	text_clear(text);
}

uint32_t plan_digest(const struct policy *policy)
{
	char bytes[256];
	uint64_t digest = 0;
	struct text text = TEXT_ON(bytes);
	struct policy timeless = *policy;
	text.flush = digest_text;
	text.context = &digest;
	timeless.comment = "";
	timeless.lasts = policy->lasts != 0;
	plan_print(&timeless, &text);
	digest_text(&text);
	return (uint32_t)(digest ^ digest >> 32) | 1;
}
