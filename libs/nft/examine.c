/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "nft/examine.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>

#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>

#include "base/text.h"
#include "nft/match.h"
#include "nft/plan.h"
#include "nft/set.h"

enum {
	TRIES_MAX = 40, /* while others change the rule set */
	PAUSE_MS = 5, /* after a try, for each one before it */
	SETS_MAX = 512, /* of a table; more than any plan has */
	LINE_SIZE = 256,
};

struct known_set {
	char name[32]; /* longer ones are not ours */
	uint32_t flags;
	bool sealed;
	struct set_seal seal;
	struct set_seal found;
};

/* A set whose element says how long something lasts. */
struct timer {
	bool found;
	bool runs;
	uint64_t left; /* ms; 0: over, or for ever */
};

/* One table under examination. */
struct work {
	struct table_scope scope;
	const struct examination *examination;
	struct table_state *state;
	enum table_id table;
	bool silent; /* differences are not told */
	bool sets_cut;
	bool counted_is_ours; /* by its name, of this type */
	bool hooked; /* a chain has a hook for packets */
	bool drops; /* a policy or a rule does */
	uint16_t hooks; /* chains of the plan with a hook */
	uint16_t fronts; /* rules in front, of --for */
	uint16_t next; /* number of the rule that is expected */
	uint32_t hook; /* of the chain whose devices are being listed */
	uint32_t devices; /* of it, so far */
	enum set_id counted_id;
	enum ip_family counted_family;
	struct known_set *sets;
	struct known_set *counted; /* whose elements are being listed */
	uint32_t chains; /* bits 1 << enum chain_id that are there */
	uint32_t set_count;
	uint64_t wanted; /* the digest of the element that is looked for */
	struct text *line;
	uint64_t constants; /* of the rule that is being looked at */
	char last_chain[64]; /* of the rule before */
	char last_comment[RULE_COMMENT_SIZE];
};

struct memory {
	struct work work;
	struct known_set sets[SETS_MAX];
};

static void differs(const struct work *work, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void differs(const struct work *work, const char *format, ...)
{
	char line[LINE_SIZE];
	struct text text = TEXT_ON(line);
	va_list arguments;
	work->state->intact = false;
	if (work->silent || !work->examination->differs)
		return;
	va_start(arguments, format);
	text_vaddf(&text, format, arguments);
	va_end(arguments);
	work->examination->differs(work->examination->context, work->table, line);
}

/* ---- sets ---- */

static int keep_set(const struct set_info *set, void *context)
{
	struct work *work = context;
	if (work->set_count == SETS_MAX) {
		if (!work->sets_cut)
			differs(work, "it has more than %d sets", SETS_MAX);
		work->sets_cut = true;
		return 0; /* later ones are not ours */
	}
	struct known_set *known = &work->sets[work->set_count];
	*known = (struct known_set){ .flags = set->flags, .sealed = set->sealed, .seal = set->seal };
	work->set_count += text_copy(known->name, sizeof known->name, set->name);
	return 0;
}

static struct known_set *find_set(const struct work *work, const char *name)
{
	for (size_t i = 0; i < work->set_count; i++) {
		if (strcmp(work->sets[i].name, name) == 0)
			return &work->sets[i];
	}
	return NULL;
}

/* Of which set of ours the name is; false: of none. */
static bool find_type(const char *name, enum set_id *set, enum ip_family *family)
{
	for (int id = 0; id < SET_IDS; id++) {
		for (int version = IPV4; version < IP_FAMILIES; version++) {
			char own[32];
			struct text text = TEXT_ON(own);
			*set = (enum set_id)id;
			*family = (enum ip_family)version;
			set_name(&text, "", *set, *family);
			if (strcmp(name, own) == 0)
				return true;
		}
	}
	return false;
}

/* What the sets of the inet table allow is told as well. */
static int count_element(const struct element_info *element, void *context)
{
	struct work *work = context;
	const struct examination *examination = work->examination;
	if (element->expires) /* the kernel has learned it: those of the plan stay */
		return 0;
	work->counted->found.sum += digest_element(element->key, element->key_length);
	work->counted->found.count++;
	if (work->counted_is_ours && work->table == TABLE_INET && examination->element)
		examination->element(examination->context, work->counted_id, work->counted_family, element);
	return 0;
}

static int name_element(const struct element_info *element, void *context)
{
	struct work *work = context;
	enum set_id set = work->counted_id;
	enum ip_family family = work->counted_family;
	uint8_t key[64] = { 0 };
	if (digest_element(element->key, element->key_length) != work->wanted || !work->counted_is_ours)
		return 0;
	if (element->key_length == 0) {
		text_add(work->line, "*");
		return 0;
	}
	memcpy(key, element->key, element->key_length < sizeof key ? element->key_length : sizeof key);
	size_t length = family_address_length(family);
	struct set_element parts = { .address = key, .protocol = key[length], .port = key + length };
	if (set_types[set].key & KEY_PROTOCOL)
		parts.port += 4;
	plan_print_element(work->line, set, family, &parts);
	return 0;
}

/* The one element too many has the digest by which the sums differ. */
static int name_addition(struct work *work, const struct known_set *set)
{
	char element[96];
	struct text text = TEXT_ON(element);
	work->wanted = set->found.sum - set->seal.sum;
	work->line = &text;
	int result = element_each(&work->scope, set->name, name_element, work);
	if (text.length)
		differs(work, "set %s: %s was added", set->name, element);
	else
		differs(work, "set %s: an element was added", set->name);
	return result;
}

static int examine_set(struct work *work, struct known_set *set)
{
	if ((set->flags & (NFT_SET_EVAL | NFT_SET_TIMEOUT)) && !set->sealed)
		return 0;
	work->counted = set;
	work->counted_is_ours = find_type(set->name, &work->counted_id, &work->counted_family);
	int result = element_each(&work->scope, set->name, count_element, work);
	if (result < 0 || !set->sealed)
		return result;
	if (set->found.count == set->seal.count + 1)
		return name_addition(work, set);
	if (set->found.count != set->seal.count)
		differs(work, "set %s: %u elements, not %u", set->name, set->found.count, set->seal.count);
	else if (set->found.sum != set->seal.sum)
		differs(work, "set %s: an element was replaced", set->name);
	return 0;
}

static int note_expiry(const struct element_info *element, void *context)
{
	struct timer *timer = context;
	timer->runs = true;
	timer->left = element->expires;
	return 0;
}

static int read_timer(const struct work *work, const char *name, struct timer *timer)
{
	*timer = (struct timer){ .found = find_set(work, name) != NULL };
	return timer->found ? element_each(&work->scope, name, note_expiry, timer) : 0;
}

static int examine_timers(struct work *work)
{
	struct table_state *state = work->state;
	struct timer probation;
	struct timer beside;
	struct timer lasts;
	int result = read_timer(work, set_probation, &probation);
	if (result == 0)
		result = read_timer(work, set_beside, &beside);
	if (result == 0)
		result = read_timer(work, set_lasts, &lasts);
	if (result < 0)
		return result;
	state->probation = probation.found;
	state->beside = beside.runs;
	state->left = lasts.left;
	state->over = (probation.found && !probation.runs) || (lasts.found && !lasts.runs);
	if (lasts.runs && !lasts.left)
		differs(work, "set %s: its element has no end", set_lasts);
	return 0;
}

static int examine_sets(struct work *work)
{
	int result = set_each(&work->scope, keep_set, work);
	for (size_t i = 0; i < work->set_count && result == 0; i++)
		result = examine_set(work, &work->sets[i]);
	return result == 0 ? examine_timers(work) : result;
}

/* ---- chains ---- */

/* The chain of the plan that has this name, or -1; those of links end in a number. */
static int find_chain(const struct work *work, const char *name)
{
	for (int id = 0; id < CHAIN_IDS; id++) {
		const struct chain_type *type = &chain_types[id];
		const char *rest = text_after(name, type->name);
		if (type->table == work->table && rest && *rest == (type->devices == DEVICE_OF_LINK ? '_' : '\0'))
			return id;
	}
	return -1;
}

static bool is_of_probation(const char *name)
{
	return text_after(name, set_probation) != NULL;
}

static void tell_device(void *context, const char *device)
{
	struct work *work = context;
	const struct examination *examination = work->examination;
	work->devices++;
	if (examination->hooked)
		examination->hooked(examination->context, work->hook, device);
}

static int examine_chain(const struct chain_info *chain, void *context)
{
	struct work *work = context;
	int id = find_chain(work, chain->name);
	work->hooked |= chain->base && !chain->nat;
	work->drops |= chain->drops;
	if (is_of_probation(chain->name))
		return 0;
	if (id < 0) {
		differs(work, "chain %.60s is not ours", chain->name);
		return 0;
	}
	const struct chain_type *type = &chain_types[id];
	work->chains |= 1u << id;
	work->hooks += chain->base;
	if (chain->base != (*type->hook != '\0') || (chain->base && chain->hook != type->hook_number))
		differs(work, "chain %.60s has another hook", chain->name);
	else if (chain->base && chain->priority != type->priority)
		differs(work, "chain %.60s has priority %d, not %d", chain->name, chain->priority, type->priority);
	else if (chain->base && chain->drops == type->accepts)
		differs(work, "chain %.60s has policy %s", chain->name, chain->drops ? "drop" : "accept");
	work->hook = chain->hook;
	work->devices = 0;
	if (work->table == TABLE_NETDEV && chain->base)
		chain_each_device(chain, tell_device, work);
	if (type->devices == DEVICE_OF_LINK && work->devices > 1)
		differs(work, "chain %.60s has another interface beside its own", chain->name);
	return 0;
}

static int examine_chains(struct work *work)
{
	int result = chain_each(&work->scope, examine_chain, work);
	for (int id = 0; id < CHAIN_IDS; id++) {
		if (work->state->info.seal.chains & ~work->chains & 1u << id)
			differs(work, "chain %s is missing", chain_types[id].name);
	}
	return result;
}

/* ---- rules ---- */

static void add_constant(void *context, const char *name)
{
	struct work *work = context;
	const struct known_set *set = find_set(work, name);
	if (set)
		work->constants += set->found.sum;
}

static uint64_t digest_of(struct work *work, const struct rule_info *rule)
{
	work->constants = 0;
	const struct nlattr *list = rule->expressions;
	uint64_t digest =
		list ? digest_expressions(list + 1, list->nla_len - sizeof *list, add_constant, work) : 0;
	return digest_rule(digest + work->constants, rule->chain, rule->comment);
}

/* DIRECTIONS: of chains that note attempts. */
static const uint8_t directions[CHAIN_IDS] = {
	[CHAIN_INBOUND] = DIRECTION_IN,
	[CHAIN_OUTBOUND] = DIRECTION_OUT,
	[CHAIN_FORWARD] = DIRECTION_THROUGH,
	[CHAIN_ATTEMPTS] = DIRECTIONS,
	[CHAIN_BRIDGE_INBOUND] = DIRECTION_IN,
	[CHAIN_BRIDGE_OUTBOUND] = DIRECTION_OUT,
	[CHAIN_BRIDGE_FORWARD] = DIRECTION_THROUGH,
	[CHAIN_LINK_INBOUND] = DIRECTION_IN,
	[CHAIN_LINK_OUTBOUND] = DIRECTION_OUT,
	[CHAIN_LINK_ATTEMPTS] = DIRECTIONS,
	[CHAIN_SEALED_INGRESS] = DIRECTION_IN,
	[CHAIN_SEALED_EGRESS] = DIRECTION_OUT,
	[CHAIN_INGRESS] = DIRECTION_IN,
	[CHAIN_EGRESS] = DIRECTION_OUT,
	[CHAIN_LATER_INGRESS] = DIRECTION_IN,
	[CHAIN_LATER_EGRESS] = DIRECTION_OUT,
};

static void add_to(struct tally *tally, const struct rule_effect *effect)
{
	tally->packets += effect->packets;
	tally->bytes += effect->bytes;
}

static void count_rule(struct work *work, const struct rule_info *rule, const struct rule_effect *effect)
{
	struct table_state *state = work->state;
	int id = find_chain(work, rule->chain);
	if (id < 0)
		return;
	uint8_t direction = directions[id];
	if (direction == DIRECTIONS && effect->verdict == NFT_CONTINUE)
		state->unlisted = effect->packets; /* the last one of its chain */
	if (direction == DIRECTIONS)
		return;
	if (effect->verdict == NF_ACCEPT)
		add_to(&state->accepted[direction], effect);
	else if (effect->verdict == NF_DROP)
		add_to(&state->dropped[direction], effect);
}

static void tell_missing(const struct work *work, unsigned count)
{
	const char *rules = count == 1 ? "1 rule is" : "rules are";
	char number[16] = "";
	struct text text = TEXT_ON(number);
	if (count > 1)
		text_addf(&text, "%u ", count);
	if (work->last_chain[0])
		differs(work, "%s: %s%s missing after '%s'", work->last_chain, number, rules, work->last_comment);
	else
		differs(work, "%s%s missing at the beginning", number, rules);
}

/* Rules with a number come in its order, those in front have none. */
static void examine_order(struct work *work, const struct rule_info *rule)
{
	if (rule->seal.number < work->next) {
		differs(work, "%.60s: rule '%s' was moved", rule->chain, rule->comment);
		return;
	}
	if (rule->seal.number > work->next)
		tell_missing(work, rule->seal.number - work->next);
	work->next = (uint16_t)(rule->seal.number + 1);
	text_copy(work->last_chain, sizeof work->last_chain, rule->chain);
	text_copy(work->last_comment, sizeof work->last_comment, rule->comment);
}

static const char *verdict_word(int32_t verdict)
{
	if (verdict == NF_ACCEPT)
		return ", accept";
	return verdict == NF_DROP ? ", drop" : "";
}

static int examine_rule(const struct rule_info *rule, void *context)
{
	struct work *work = context;
	struct rule_effect effect = rule_effect(rule);
	if (is_of_probation(rule->chain))
		return 0;
	work->drops |= effect.verdict == NF_DROP;
	count_rule(work, rule, &effect);
	if (!rule->sealed) {
		differs(work, "%.60s: a rule is not ours%s (handle %llu)", rule->chain, verdict_word(effect.verdict),
			(unsigned long long)rule->handle);
		return 0;
	}
	if (digest_of(work, rule) != rule->seal.digest)
		differs(work, "%.60s: rule '%s' was changed", rule->chain, rule->comment);
	else if (work->table == TABLE_INET && effect.verdict == NF_ACCEPT && work->examination->accepts)
		work->examination->accepts(work->examination->context, rule->comment);
	if (rule->seal.number != SEAL_FRONT)
		examine_order(work, rule);
	else
		work->fronts = (uint16_t)(work->fronts + (strcmp(rule->comment, plan_lasts_comment) == 0));
	return 0;
}

static int examine_rules(struct work *work)
{
	const struct table_seal *seal = &work->state->info.seal;
	int result = rule_each(&work->scope, examine_rule, work);
	if (work->next < seal->rules)
		tell_missing(work, seal->rules - work->next);
	if (seal->lasts && work->fronts != work->hooks)
		differs(work, "%u of %u chains end by themselves (--for)", work->fronts, work->hooks);
	return result;
}

/* ---- tables ---- */

static int examine_table(struct work *work)
{
	struct table_state *state = work->state;
	*state = (struct table_state){ .intact = true };
	int result = table_find(&work->scope, &state->info);
	if (result <= 0)
		return result;
	state->found = true;
	work->silent = !state->info.sealed; /* its rules are counted all the same */
	result = examine_sets(work);
	if (result == 0)
		result = examine_chains(work);
	if (result == 0)
		result = examine_rules(work);
	bool dormant = state->info.flags & NFT_TABLE_F_DORMANT;
	state->filters = work->hooked && work->drops && !dormant;
	if (dormant)
		differs(work, "it is dormant: it holds nothing up");
	state->intact &= state->info.sealed;
	return result;
}

static int examine_tables(struct memory *memory, const struct table_scope *scope,
			  const struct examination *examination, struct table_state states[TABLES])
{
	int result = examination->also ? examination->also(examination->context, scope->diag) : 0;
	/*
	 * What an interrupted list of ours lacks, differs; the generation tells, or is_settled. A list of what others
	 * have must be whole.
	 */
	scope->netlink->takes_interrupted = true;
	for (int id = 0; id < TABLES && result == 0; id++) {
		memory->work = (struct work){
			.scope = *scope,
			.examination = examination,
			.sets = memory->sets,
			.table = (enum table_id)id,
			.state = &states[id],
		};
		memory->work.scope.family = table_types[id].family;
		result = examine_table(&memory->work);
	}
	scope->netlink->takes_interrupted = false;
	return result;
}

/*
 * Somebody has changed something meanwhile. When it was not ours, nothing differs and our tables are still the same
 * ones: where others change theirs all the time, no reading falls between two changes. 1: so it was; 0; -errno.
 */
static int is_settled(struct table_scope scope, const struct table_state states[TABLES])
{
	for (int id = 0; id < TABLES; id++) {
		const struct table_state *state = &states[id];
		struct table_info now;
		scope.family = table_types[id].family;
		int found = table_find(&scope, &now);
		if (found < 0)
			return found;
		if (found != state->found || (found && !(state->intact && now.seal.began == state->info.seal.began)))
			return 0;
	}
	return 1;
}

/* 1 when nothing of ours has changed while it was read; 0; -errno. */
static int try_once(struct memory *memory, const struct table_scope *scope, const struct examination *examination,
		    struct table_state states[TABLES])
{
	uint32_t before;
	uint32_t after;
	int result = nft_generation(scope->netlink, &before, scope->diag);
	if (result == 0)
		result = examine_tables(memory, scope, examination, states);
	if (result == 0)
		result = nft_generation(scope->netlink, &after, scope->diag);
	if (result < 0)
		return result;
	return after == before ? 1 : is_settled(*scope, states);
}

static bool all_intact(const struct table_state states[TABLES])
{
	bool intact = true;
	for (int id = 0; id < TABLES; id++)
		intact &= !states[id].found || states[id].intact;
	return intact;
}

int examine(struct netlink *netlink, const char *name, const struct examination *examination,
	    void (*restart)(void *context), struct table_state states[TABLES], struct diag *diag)
{
	const struct table_scope scope = { .netlink = netlink, .diag = diag, .table = name };
	struct memory *memory = calloc(1, sizeof *memory);
	if (!memory)
		return diag_errno(diag, ENOMEM, "read the rules back");
	int result = 0;
	for (int tries = 0; tries < TRIES_MAX; tries++) {
		restart(examination->context);
		result = try_once(memory, &scope, examination, states);
		/* a transaction that is under way shifts a list before the generation changes: once is no proof */
		bool doubtful = result > 0 && tries == 0 && !all_intact(states);
		if (!doubtful && (result > 0 || (result < 0 && result != -EINTR)))
			break;
		(void)poll(NULL, 0, (tries + 1) * PAUSE_MS);
		result = diag_errno(diag, EBUSY, "read the rules back: others keep changing them");
	}
	free(memory);
	return result < 0 ? result : 0;
}

/* That of another quarantine does no harm; it goes by its name, since a table's comment could be forged as well. */
static int note_behind(const struct chain_info *chain, void *context)
{
	struct text *gap = context;
	uint32_t out = chain->family == NFPROTO_NETDEV ? NF_NETDEV_EGRESS : NF_INET_LOCAL_OUT;
	if (!chain->base || chain->priority != INT32_MAX || chain->hook != out || chain->family == NFPROTO_ARP ||
	    strstr(chain->name, chain_types[CHAIN_OUTBOUND].name) ||
	    strstr(chain->name, chain_types[CHAIN_EGRESS].name) || gap->length)
		return 0;
	text_addf(gap, "what %.40s of table %.40s makes of packets", chain->name, chain->table);
	return 0;
}

int find_behind(struct netlink *netlink, struct text *gap, struct diag *diag)
{
	const struct table_scope all = { .netlink = netlink, .diag = diag };
	return chain_each(&all, note_behind, gap);
}
