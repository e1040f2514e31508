/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The two writers of a plan, without a kernel: the messages are read back by libnftnl, the text is the same at any buffer size. */
#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <libnftnl/chain.h>
#include <libnftnl/expr.h>
#include <libnftnl/rule.h>
#include <libnftnl/set.h>
#include <libnftnl/table.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>

#include "nft/plan.h"
#include "nft/seal.h"
#include "nft/set.h"
#include "nft/table.h"

enum { MANY = 10000, TEXT_SIZE = 65536 };

/* A policy with `count` servers of each family, and one of everything else. */
struct fixture {
	struct policy policy;
	struct netlink netlink; /* without a socket: nothing is sent */
	struct batch batch;
	uint8_t *records[PEER_ROLES][IP_FAMILIES];
};

static void add_peers(struct fixture *fixture, enum peer_role role, enum ip_family family, size_t count)
{
	struct peer_list *list = &fixture->policy.peers[role][family];
	uint8_t *records = calloc(count, peer_record_size(family));
	fixture->records[role][family] = records;
	*list = (struct peer_list){ records, 0, count };
	for (size_t i = 0; i < count; i++) {
		struct address address = { .family = family_number(family), .bytes = { 0x20, 1, (uint8_t)(i >> 8), (uint8_t)i } };
		assert_true(peer_list_add(list, &address, IPPROTO_TCP, (uint16_t)(i % 65535 + 1)));
	}
}

static struct fixture *new_fixture(size_t count)
{
	struct fixture *fixture = calloc(1, sizeof *fixture);
	struct policy *policy = &fixture->policy;
	policy->table = "the_table";
	policy->comment = "quarbox test";
	policy->layers = LAYER_INET;
	for (int role = 0; role < PEER_ROLES; role++) {
		add_peers(fixture, (enum peer_role)role, IPV4, role == PEER_SERVER ? count : 1);
		add_peers(fixture, (enum peer_role)role, IPV6, role == PEER_SERVER ? count : 1);
	}
	for (int kind = 0; kind < 6; kind++) {
		struct policy_network *network = &policy->networks[policy->network_count++];
		assert_true(address_parse(kind & 1 ? "198.51.100.0" : "2001:db8::", &network->address));
		network->prefix_length = 20;
		network->protocol = kind & 2 ? IPPROTO_TCP : IPPROTO_UDP;
		network->port = 22;
		network->own_port = kind & 4 ? 23 : 0;
	}
	strcpy(policy->dhcp_server[policy->dhcp_server_count++], "br-lan");
	policy_normalize(policy);
	batch_begin(&fixture->batch, &fixture->netlink, 4711);
	fixture->batch.family = NFPROTO_INET;
	plan_add_table(&fixture->batch, policy, TABLE_INET);
	set_add_all(&fixture->batch, policy, TABLE_INET, "");
	plan_add_chains(&fixture->batch, policy, TABLE_INET, "", NULL, NULL);
	assert_int_equal(fixture->batch.error, 0);
	return fixture;
}

static void free_fixture(struct fixture *fixture)
{
	for (int role = 0; role < PEER_ROLES; role++) {
		free(fixture->records[role][IPV4]);
		free(fixture->records[role][IPV6]);
	}
	batch_fini(&fixture->batch);
	batch_fini(&fixture->batch);
	free(fixture);
}

/* Calls take for each message of this nf_tables type; -1: for all. Returns how many. */
static size_t each_message(const struct batch *batch, int type, void (*take)(const struct nlmsghdr *message, void *context),
			   void *context)
{
	size_t count = 0;
	for (size_t at = 0; at < batch->length;) {
		const struct nlmsghdr *message = (const struct nlmsghdr *)(const void *)(batch->bytes + at);
		assert_true(message->nlmsg_len >= sizeof *message);
		assert_true(at + message->nlmsg_len <= batch->length);
		if (type < 0 || message->nlmsg_type == (NFNL_SUBSYS_NFTABLES << 8 | type)) {
			take(message, context);
			count++;
		}
		at += NLMSG_ALIGN(message->nlmsg_len);
	}
	return count;
}

static void check_header(const struct nlmsghdr *message, void *context)
{
	uint32_t *sequence = context;
	const struct nfgenmsg *generic = mnl_nlmsg_get_payload(message);
	assert_int_equal(message->nlmsg_seq, ++*sequence);
	assert_true(message->nlmsg_flags & NLM_F_REQUEST);
	assert_int_equal(generic->version, NFNETLINK_V0);
	assert_int_equal(generic->nfgen_family, message->nlmsg_type >> 8 ? NFPROTO_INET : AF_UNSPEC);
	/* a length of attributes that does not fit 16 bits would have wrapped */
	const struct nlattr *attribute = mnl_nlmsg_get_payload_offset(message, sizeof *generic);
	const char *end = mnl_nlmsg_get_payload_tail(message);
	size_t total = 0;
	for (; mnl_attr_ok(attribute, (int)(end - (const char *)attribute)); attribute = mnl_attr_next(attribute))
		total += NLMSG_ALIGN(attribute->nla_len);
	assert_int_equal(NLMSG_ALIGN(sizeof *message) + sizeof *generic + total, message->nlmsg_len);
}

static void messages_are_well_formed(void **state)
{
	(void)state;
	struct fixture *fixture = new_fixture(MANY);
	uint32_t sequence = 0;
	const struct nlmsghdr *first = (const struct nlmsghdr *)(const void *)fixture->batch.bytes;
	assert_int_equal(first->nlmsg_type, NFNL_MSG_BATCH_BEGIN);
	const struct nlattr *generation = mnl_nlmsg_get_payload_offset(first, sizeof(struct nfgenmsg));
	assert_int_equal(mnl_attr_get_type(generation), NFNL_BATCH_GENID);
	assert_int_equal(ntohl(mnl_attr_get_u32(generation)), 4711);
	assert_true(each_message(&fixture->batch, -1, check_header, &sequence) > 10);
	free_fixture(fixture);
}

static void check_table(const struct nlmsghdr *message, void *context)
{
	const char *wanted = context;
	struct nftnl_table *table = nftnl_table_alloc();
	uint32_t length;
	assert_int_equal(nftnl_table_nlmsg_parse(message, table), 0);
	assert_string_equal(nftnl_table_get_str(table, NFTNL_TABLE_NAME), "the_table");
	const uint8_t *data = nftnl_table_get_data(table, NFTNL_TABLE_USERDATA, &length);
	assert_int_equal(length, strlen(wanted) + 3 + 2 + sizeof(struct table_seal));
	assert_int_equal(data[strlen(wanted) + 3], SEAL_TYPE);
	assert_int_equal(data[0], 0);
	assert_int_equal(data[1], strlen(wanted) + 1);
	assert_string_equal((const char *)data + 2, wanted);
	nftnl_table_free(table);
}

static void check_chain(const struct nlmsghdr *message, void *context)
{
	int *id = context;
	struct nftnl_chain *chain = nftnl_chain_alloc();
	const struct chain_type *type = &chain_types[(*id)++];
	assert_int_equal(nftnl_chain_nlmsg_parse(message, chain), 0);
	assert_string_equal(nftnl_chain_get_str(chain, NFTNL_CHAIN_NAME), type->name);
	assert_string_equal(nftnl_chain_get_str(chain, NFTNL_CHAIN_TABLE), "the_table");
	assert_int_equal(nftnl_chain_is_set(chain, NFTNL_CHAIN_HOOKNUM), *type->hook != '\0');
	if (!*type->hook) {
		nftnl_chain_free(chain);
		return;
	}
	assert_string_equal(nftnl_chain_get_str(chain, NFTNL_CHAIN_TYPE), "filter");
	assert_int_equal(nftnl_chain_get_u32(chain, NFTNL_CHAIN_HOOKNUM), type->hook_number);
	assert_int_equal(nftnl_chain_get_s32(chain, NFTNL_CHAIN_PRIO), type->priority);
	assert_int_equal(nftnl_chain_get_u32(chain, NFTNL_CHAIN_POLICY), NF_DROP);
	nftnl_chain_free(chain);
}

static void table_and_chains(void **state)
{
	(void)state;
	struct fixture *fixture = new_fixture(1);
	char comment[] = "quarbox test";
	int chains = 0;
	assert_int_equal(each_message(&fixture->batch, NFT_MSG_NEWTABLE, check_table, comment), 1);
	assert_int_equal(each_message(&fixture->batch, NFT_MSG_NEWCHAIN, check_chain, &chains), CHAIN_ATTEMPTS + 1);
	free_fixture(fixture);
}

/* ---- rules: what the policy says, in its order ---- */

struct wanted_rules {
	struct rule rules[512];
	size_t count;
	size_t at;
};

static int want_rule(void *context, const struct rule *rule)
{
	struct wanted_rules *wanted = context;
	assert_true(wanted->count < sizeof wanted->rules / sizeof *wanted->rules);
	wanted->rules[wanted->count++] = *rule;
	return 0;
}

static bool is_expression(const struct nftnl_expr *expression, const char *name)
{
	return strcmp(nftnl_expr_get_str(expression, NFTNL_EXPR_NAME), name) == 0;
}

/* The verdict stands last, the counter before it. */
static void check_end(const struct nftnl_rule *rule, uint8_t verdict)
{
	static const int32_t verdicts[] = {
		[VERDICT_DROP] = NF_DROP,
		[VERDICT_ACCEPT] = NF_ACCEPT,
		[VERDICT_JUMP] = NFT_JUMP,
		[VERDICT_RETURN] = NFT_RETURN,
	};
	struct nftnl_expr_iter *iterator = nftnl_expr_iter_create(rule);
	struct nftnl_expr *expression;
	struct nftnl_expr *last = NULL;
	struct nftnl_expr *before = NULL;
	while ((expression = nftnl_expr_iter_next(iterator))) {
		before = last;
		last = expression;
	}
	assert_non_null(last);
	if (verdict == VERDICT_NONE) {
		assert_true(is_expression(last, "counter"));
	} else {
		assert_true(before && is_expression(before, "counter"));
		assert_true(is_expression(last, "immediate"));
		assert_int_equal((int32_t)nftnl_expr_get_u32(last, NFTNL_EXPR_IMM_VERDICT), verdicts[verdict]);
	}
	nftnl_expr_iter_destroy(iterator);
}

static void check_rule(const struct nlmsghdr *message, void *context)
{
	struct wanted_rules *wanted = context;
	struct nftnl_rule *rule = nftnl_rule_alloc();
	assert_true(wanted->at < wanted->count);
	const struct rule *source = &wanted->rules[wanted->at++];
	char words[RULE_COMMENT_SIZE];
	struct text text = TEXT_ON(words);
	rule_comment(source, &text);
	uint32_t length;
	assert_int_equal(nftnl_rule_nlmsg_parse(message, rule), 0);
	assert_string_equal(nftnl_rule_get_str(rule, NFTNL_RULE_TABLE), "the_table");
	assert_string_equal(nftnl_rule_get_str(rule, NFTNL_RULE_CHAIN), chain_types[source->row->chain].name);
	const char *comment = nftnl_rule_get_data(rule, NFTNL_RULE_USERDATA, &length);
	assert_string_equal(comment + 2, words);
	assert_true(message->nlmsg_flags & NLM_F_APPEND);
	check_end(rule, source->row->verdict);
	nftnl_rule_free(rule);
}

static void rules_are_those_of_the_policy(void **state)
{
	(void)state;
	struct fixture *fixture = new_fixture(1);
	struct wanted_rules wanted = { .count = 0 };
	(void)policy_each_rule(&fixture->policy, TABLE_INET, want_rule, &wanted);
	assert_int_equal(each_message(&fixture->batch, NFT_MSG_NEWRULE, check_rule, &wanted), wanted.count);
	assert_true(wanted.count > 40);
	free_fixture(fixture);
}

/* ---- sets ---- */

struct wanted_set {
	const char *name;
	const struct peer_list *list;
	size_t record_size;
	size_t count;
};

static void check_elements(const struct nlmsghdr *message, void *context)
{
	struct wanted_set *wanted = context;
	struct nftnl_set *set = nftnl_set_alloc();
	assert_int_equal(nftnl_set_elems_nlmsg_parse(message, set), 0);
	if (strcmp(nftnl_set_get_str(set, NFTNL_SET_NAME), wanted->name) == 0) {
		struct nftnl_set_elems_iter *iterator = nftnl_set_elems_iter_create(set);
		struct nftnl_set_elem *element;
		size_t address_length = wanted->record_size - 3;
		while ((element = nftnl_set_elems_iter_next(iterator))) {
			uint32_t length;
			const uint8_t *key = nftnl_set_elem_get(element, NFTNL_SET_ELEM_KEY, &length);
			const uint8_t *record = wanted->list->records + wanted->count++ * wanted->record_size;
			assert_true(wanted->count <= wanted->list->count);
			assert_int_equal(length, address_length + 4); /* the port in a word of its own */
			assert_memory_equal(key, record, address_length);
			assert_memory_equal(key + address_length, record + address_length + 1, 2);
			assert_memory_equal(key + address_length + 2, "\0\0", 2);
		}
		nftnl_set_elems_iter_destroy(iterator);
	}
	nftnl_set_free(set);
}

static void elements_arrive_whole(void **state)
{
	(void)state;
	static const size_t counts[] = { 1, 2, 100, MANY };
	for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) {
		struct fixture *fixture = new_fixture(counts[i]);
		for (int family = 0; family < IP_FAMILIES; family++) {
			struct wanted_set wanted = {
				.name = family == IPV4 ? "server4" : "server6",
				.list = &fixture->policy.peers[PEER_SERVER][family],
				.record_size = peer_record_size((enum ip_family)family),
			};
			assert_true(each_message(&fixture->batch, NFT_MSG_NEWSETELEM, check_elements, &wanted) > 0);
			assert_int_equal(wanted.count, counts[i]);
		}
		free_fixture(fixture);
	}
}

static void check_set(const struct nlmsghdr *message, void *context)
{
	size_t *named = context;
	struct nftnl_set *set = nftnl_set_alloc();
	assert_int_equal(nftnl_set_nlmsg_parse(message, set), 0);
	assert_string_equal(nftnl_set_get_str(set, NFTNL_SET_TABLE), "the_table");
	*named += !(nftnl_set_get_u32(set, NFTNL_SET_FLAGS) & NFT_SET_ANONYMOUS);
	nftnl_set_free(set);
}

static void sets_are_those_of_the_policy(void **state)
{
	(void)state;
	struct fixture *fixture = new_fixture(1);
	size_t named = 0;
	(void)each_message(&fixture->batch, NFT_MSG_NEWSET, check_set, &named);
	assert_int_equal(named, (SET_DNS_RATE + 1 + 1) * IP_FAMILIES); /* and SET_ATTEMPTS */
	free_fixture(fixture);
}

/* ---- text ---- */

static void collect(struct text *text)
{
	struct text *all = text->context;
	text_add_bytes(all, text->bytes, text->length);
	text->length = 0;
}

/* Long plans pass through a small buffer; what is printed must not depend on where it is full. */
static void text_does_not_depend_on_the_buffer(void **state)
{
	(void)state;
	struct fixture *fixture = new_fixture(5);
	char *whole = malloc(TEXT_SIZE);
	char *parts = malloc(TEXT_SIZE);
	struct text wanted = text_on(whole, TEXT_SIZE);
	plan_print(&fixture->policy, &wanted);
	assert_false(wanted.cut);
	for (size_t size = 64; size < 512; size++) {
		char small[512];
		struct text got = text_on(parts, TEXT_SIZE);
		struct text text = text_on(small, size);
		text.flush = collect;
		text.context = &got;
		plan_print(&fixture->policy, &text);
		collect(&text);
		assert_string_equal(parts, whole);
	}
	free(whole);
	free(parts);
	free_fixture(fixture);
}

static void prefixes_are_for_all_names(void **state)
{
	(void)state;
	struct fixture *fixture = new_fixture(1);
	size_t plain = fixture->batch.length;
	plan_add_chains(&fixture->batch, &fixture->policy, TABLE_INET, "probation_", "the_set", NULL);
	for (size_t at = plain; at < fixture->batch.length;) {
		const struct nlmsghdr *message = (const struct nlmsghdr *)(const void *)(fixture->batch.bytes + at);
		if (message->nlmsg_type == (NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_NEWCHAIN)) {
			struct nftnl_chain *chain = nftnl_chain_alloc();
			assert_int_equal(nftnl_chain_nlmsg_parse(message, chain), 0);
			assert_int_equal(strncmp(nftnl_chain_get_str(chain, NFTNL_CHAIN_NAME), "probation_", 10), 0);
			nftnl_chain_free(chain);
		}
		at += NLMSG_ALIGN(message->nlmsg_len);
	}
	free_fixture(fixture);
}

/*
 * An older chain of these devices, ended by NULL; "/" and the beginning of names is one. Returns the bits of the plan's chains that
 * it leads to; number: of the link.
 */
static uint32_t lead(enum table_id table, const struct chain_info *like, const char *const *devices, size_t number)
{
	static const struct policy_link links[] = { { .name = "wan", .form = LINK_ETHERNET },
						    { .name = "lan0", .sealed = true },
						    { .name = "lan1", .sealed = true },
						    { .name = "wan1", .form = LINK_ETHERNET } };
	struct fixture *fixture = new_fixture(1);
	struct chain_info older = *like;
	uint32_t led_to[5] = { 0 };
	uint32_t all = 0;
	union {
		struct nlmsghdr header;
		char bytes[512];
	} buffer = { .bytes = { 0 } };
	struct nlmsghdr *message = mnl_nlmsg_put_header(&buffer);
	struct nlattr *hook = mnl_attr_nest_start(message, NFTA_CHAIN_HOOK);
	struct nlattr *list = *devices ? mnl_attr_nest_start(message, NFTA_HOOK_DEVS) : NULL;
	for (; *devices; devices++) {
		bool begins = **devices == '/';
		mnl_attr_put_strz(message, begins ? PLAN_DEVICE_PREFIX : NFTA_DEVICE_NAME, *devices + begins);
	}
	if (list)
		mnl_attr_nest_end(message, list);
	mnl_attr_nest_end(message, hook);
	older.name = "older";
	older.base = true;
	older.hook_attribute = hook;
	fixture->policy.layers = LAYER_INET | LAYER_BRIDGE | LAYER_NETDEV | LAYER_LATER;
	fixture->policy.links.links = links;
	fixture->policy.links.count = sizeof links / sizeof *links;
	plan_add_lead(&fixture->batch, &fixture->policy, table, &older, "probation_", "the_set", led_to);
	assert_int_equal(fixture->batch.error, 0);
	for (size_t i = 0; i < 5; i++)
		all |= led_to[i];
	assert_int_equal(all, led_to[number]);
	free_fixture(fixture);
	return all;
}

static void leads_go_to_the_same_hook_and_devices(void **state)
{
	(void)state;
	static const char *const none[] = { NULL }, *const wan[] = { "wan", NULL }, *const wan1[] = { "wan1", NULL },
				 *const other[] = { "wan2", NULL }, *const both[] = { "wan", "wan1", NULL },
				 *const sealed[] = { "lan1", "lan0", NULL }, *const one[] = { "lan0", NULL },
				 *const more[] = { "lan0", "lan1", "lan2", NULL }, *const changed[] = { "lan0", "lan2", NULL },
				 *const every[] = { "/", NULL }, *const many[] = { "/wan", NULL },
				 *const odd[] = { "*", NULL };
	const struct chain_info input = { .drops = true, .hook = NF_INET_LOCAL_IN, .priority = INT32_MIN },
				output = { .drops = true, .hook = NF_INET_LOCAL_OUT, .priority = INT32_MAX },
				accepts = { .hook = NF_INET_LOCAL_IN, .priority = INT32_MIN },
				late = { .drops = true, .hook = NF_INET_LOCAL_IN, .priority = 0 },
				ingress = { .drops = true, .hook = NF_NETDEV_INGRESS, .priority = INT32_MIN };
	assert_int_equal(lead(TABLE_INET, &input, none, 0), 1u << CHAIN_INBOUND);
	assert_int_equal(lead(TABLE_INET, &output, none, 0), 1u << CHAIN_OUTBOUND);
	assert_int_equal(lead(TABLE_INET, &accepts, none, 0), 0);
	assert_int_equal(lead(TABLE_INET, &late, none, 0), 0);
	assert_int_equal(lead(TABLE_BRIDGE, &accepts, none, 0), 1u << CHAIN_BRIDGE_INBOUND);
	assert_int_equal(lead(TABLE_BRIDGE, &input, none, 0), 0);
	assert_int_equal(lead(TABLE_NETDEV, &ingress, wan, 1), 1u << CHAIN_INGRESS);
	assert_int_equal(lead(TABLE_NETDEV, &ingress, wan1, 4), 1u << CHAIN_INGRESS);
	assert_int_equal(lead(TABLE_NETDEV, &ingress, sealed, 0), 1u << CHAIN_SEALED_INGRESS);
	assert_int_equal(lead(TABLE_NETDEV, &ingress, every, 0), 1u << CHAIN_LATER_INGRESS);
	const char *const *unlike[] = { none, other, both, one, more, changed, many, odd };
	for (size_t i = 0; i < sizeof unlike / sizeof *unlike; i++)
		assert_int_equal(lead(TABLE_NETDEV, &ingress, unlike[i], 0), 0);
}

/* A flowtable as the kernel writes it (nf_tables_fill_flowtable_info), with these flags in network byte order. */
static void flowtable_with(const void *flags, size_t length, struct flowtable_info *flowtable)
{
	struct netlink_message parts;
	static union {
		struct nlmsghdr header;
		char bytes[256];
	} buffer = { .bytes = { 0 } };
	struct nlmsghdr *message = mnl_nlmsg_put_header(&buffer);
	mnl_nlmsg_put_extra_header(message, sizeof(struct nfgenmsg));
	mnl_attr_put_strz(message, NFTA_FLOWTABLE_TABLE, "fw4");
	mnl_attr_put_strz(message, NFTA_FLOWTABLE_NAME, "ft");
	if (length)
		mnl_attr_put(message, NFTA_FLOWTABLE_FLAGS, length, flags);
	assert_true(netlink_take_apart(&parts, message, sizeof(struct nfgenmsg)));
	flowtable_parse(&parts, flowtable);
}

static void hardware_flowtables_are_seen(void **state)
{
	(void)state;
	static const uint8_t none[4] = { 0, 0, 0, 0 }, hardware[4] = { 0, 0, 0, 1 }, counter[4] = { 0, 0, 0, 2 };
	struct flowtable_info flowtable;
	flowtable_with(NULL, 0, &flowtable);
	assert_string_equal(flowtable.name, "ft");
	assert_false(flowtable.hardware);
	flowtable_with(none, sizeof none, &flowtable);
	assert_false(flowtable.hardware);
	flowtable_with(counter, sizeof counter, &flowtable);
	assert_false(flowtable.hardware);
	flowtable_with(hardware, 2, &flowtable);
	assert_false(flowtable.hardware);
	flowtable_with(hardware, sizeof hardware, &flowtable);
	assert_true(flowtable.hardware);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(messages_are_well_formed),
		cmocka_unit_test(table_and_chains),
		cmocka_unit_test(rules_are_those_of_the_policy),
		cmocka_unit_test(elements_arrive_whole),
		cmocka_unit_test(sets_are_those_of_the_policy),
		cmocka_unit_test(text_does_not_depend_on_the_buffer),
		cmocka_unit_test(prefixes_are_for_all_names),
		cmocka_unit_test(leads_go_to_the_same_hook_and_devices),
		cmocka_unit_test(hardware_flowtables_are_seen),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
