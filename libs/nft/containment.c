/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "nft/containment.h"

#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>

#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>

#include "base/text.h"
#include "netlink/message.h"
#include "nft/batch.h"
#include "nft/plan.h"
#include "nft/set.h"

enum {
	TRIES_MAX = 40, /* of a transaction while others change the rule set: 4 s in all */
	GUARDED_MAX = 8, /* of these, bound to the generation that was looked at; see try_once */
	PAUSE_MS = 5, /* after a try that lost, for each one before it */
	NAMES_ROOM = 1024,
};

/*
 * A probation, in each of the tables. Where nothing was in force, the plan is installed under its own names, and a rule
 * in front of each base chain accepts everything once the element of set "probation" has expired. Beside an older
 * quarantine, the plan stands in chains and sets whose names begin with "probation_", and a rule in front of each old
 * chain goes to the one for the same hook while the element of "probation_beside" lasts: one of the two plans decides
 * for a packet, and which one is looked up once. Where the plan has none for the same hook, since their interfaces or
 * layers differ or the artifact has set the old one, the old chain accepts everything meanwhile, and a new one has a
 * hook of its own, and the same rule in front as where nothing was in force. The rules in front bear the comment.
 */
static const char probation_prefix[] = "probation_";

enum { TABLE_OWNED = 1 << 1 }; /* NFT_TABLE_F_OWNER, Linux 5.12 */

/* ---- retrying ---- */

/* What stands under the table's name in a family, as far as a probation is concerned. */
struct standing {
	bool found;
	bool filtering; /* it has a base chain, is not dormant, and its time is not over */
	bool lasts; /* it has a time */
	bool goes_on; /* which is not over */
	bool ours; /* by its comment */
	bool foreign; /* it has a chain that neither we nor the artifact would name so */
	bool probation; /* the whole table is one */
	bool beside; /* an older quarantine has one beside it */
};

/* One attempt: plans with the generation, fills and commits the batch. */
struct attempt {
	struct table_scope scope; /* of the family that is being looked at, as the batch's is */
	struct policy *policy; /* NULL when none is installed */
	const char *default_name; /* may be taken over whoever set it */
	int (*fill)(struct attempt *attempt);
	struct removed_tables *removed;
	const char *timer; /* the set that says how long the plan counts; NULL: for good */
	uint64_t milliseconds; /* of it */
	enum after_probation after;
	bool replaces;
	bool spare_owned; /* leave tables alone that another process owns */
	bool probation; /* one stands in any of the tables */
	struct standing standings[TABLES];
	struct batch batch;
};

static void turn_to(struct attempt *attempt, size_t table)
{
	attempt->scope.family = table_types[table].family;
	attempt->batch.family = table_types[table].family;
}

/* A policy of more addresses is sent in parts, when nothing is in force that could be weakened meanwhile. */
enum {
	PARTS_FROM = 4096, /* records */
	PART_SIZE = 32 << 10, /* bytes, after which a part is sent */
};

static bool is_large(const struct policy *policy)
{
	size_t count = 0;
	for (size_t role = 0; role < PEER_ROLES; role++)
		count += policy->peers[role][IPV4].count + policy->peers[role][IPV6].count;
	return count > PARTS_FROM;
}

/* Nothing bore the name before: what there is is of the parts. Without chains it holds no packet up. */
static void remove_parts(struct attempt *attempt)
{
	for (size_t id = 0; id < TABLES; id++) {
		batch_fini(&attempt->batch);
		batch_begin(&attempt->batch, attempt->scope.netlink, 0);
		turn_to(attempt, id);
		plan_delete_table(&attempt->batch, attempt->scope.table);
		(void)batch_commit(&attempt->batch, NULL, NULL);
	}
}

/*
 * fill returns 1 when there is nothing to commit. guarded: the kernel refuses the transaction when anything at all has
 * changed since fill looked, which somebody who changes his own tables all the time can keep up for ever. Without it
 * only a change to our tables counts: what is to be created must not be there (NLM_F_EXCL), what is to go must.
 */
static int try_once(struct attempt *attempt, bool guarded, struct refusal *refusal)
{
	uint32_t generation = 0;
	struct diag *diag = attempt->scope.diag;
	*refusal = (struct refusal){ .type = -1 };
	int result = guarded ? nft_generation(attempt->scope.netlink, &generation, diag) : 0;
	if (result < 0)
		return result;
	batch_begin(&attempt->batch, attempt->scope.netlink, generation);
	result = attempt->fill(attempt);
	if (result == 0)
		result = batch_commit(&attempt->batch, refusal, diag);
	if (result < 0 && attempt->batch.parted)
		remove_parts(attempt);
	batch_fini(&attempt->batch);
	return result < 0 ? result : 0;
}

/* What kernels answer to an expression, a chain or a family that they do not have. */
static bool says_unsupported(int error)
{
	return error == -ENOENT || error == -EOPNOTSUPP || error == -EPROTONOSUPPORT || error == -EPROTO ||
	       error == -EAFNOSUPPORT;
}

/* The layers without which the transaction may pass. */
static uint8_t refused_layers(const struct refusal *refusal, bool unsupported, int error)
{
	/* a chain has room for 256 devices, NFT_NETDEVICE_MAX */
	if (refusal->type < 0 || !(unsupported || error == -EFBIG))
		return 0;
	if (refusal->family == NFPROTO_BRIDGE)
		return LAYER_BRIDGE;
	if (refusal->family != NFPROTO_NETDEV)
		return 0;
	if (refusal->type == NFT_MSG_NEWCHAIN && refusal->every_device)
		return LAYER_LATER;
	if (refusal->type == NFT_MSG_NEWCHAIN && refusal->hook == NF_NETDEV_EGRESS)
		return LAYER_EGRESS | LAYER_LATER;
	return LAYER_NETDEV;
}

/* The rules that look addresses up, or that log, are left out of the table whose hooks can't. */
static bool give_way_without(uint8_t *without, uint8_t family)
{
	for (unsigned id = 0; id < TABLES; id++) {
		if (table_types[id].family != family || (*without & 1u << id))
			continue;
		*without |= (uint8_t)(1u << id);
		return true;
	}
	return false;
}

/* Whether the plan has become one that the kernel may take: without a layer, or without connection tracking. */
static bool give_way(struct policy *policy, const struct refusal *refusal, int error)
{
	bool lacking = says_unsupported(error);
	bool unsupported = lacking || error == -EINVAL;
	if (!policy)
		return false;
	if (unsupported && refusal->route && !policy->without_routes) {
		policy->without_routes = true;
		return true;
	}
	if (unsupported && ((refusal->fib && give_way_without(&policy->without_fib, refusal->family)) ||
			    (refusal->log && give_way_without(&policy->without_log, refusal->family))))
		return true;
	uint8_t layers = refused_layers(refusal, unsupported, error) & policy->layers;
	if (layers) {
		policy->layers &= (uint8_t)~layers;
		policy->refused |= layers;
		return true;
	}
	if (policy->stateless || refusal->family != NFPROTO_INET || refusal->type != NFT_MSG_NEWRULE || !lacking)
		return false;
	policy->stateless = true;
	return true;
}

/*
 * Unguarded, what was to go is not there, or what is to be created is; for a new rule or chain that is said of what the
 * kernel lacks.
 */
static bool changed_meanwhile(int error, bool guarded, const struct refusal *refusal)
{
	if (error == -ERESTART || error == -EINTR || error == -EAGAIN)
		return true;
	switch (refusal->type) {
	case NFT_MSG_NEWTABLE:
	case NFT_MSG_DELTABLE:
	case NFT_MSG_DELCHAIN:
	case NFT_MSG_NEWSET:
	case NFT_MSG_NEWSETELEM:
	case NFT_MSG_DELSET:
	case NFT_MSG_DELRULE:
		return !guarded && (error == -ENOENT || error == -EEXIST);
	default:
		return false;
	}
}

static int run_attempt(struct attempt *attempt)
{
	for (int lost = 0; lost < TRIES_MAX;) {
		struct refusal refusal;
		bool guarded = lost < GUARDED_MAX;
		int result = try_once(attempt, guarded, &refusal);
		if (result == 0)
			return 0;
		if (changed_meanwhile(result, guarded, &refusal))
			(void)poll(NULL, 0, lost++ * PAUSE_MS);
		else if (!give_way(attempt->policy, &refusal, result))
			return result;
	}
	return diag_errno(attempt->scope.diag, EBUSY, "change the rule set: others keep changing it");
}

/* ---- removing a probation ---- */

/* Of the table, whose name has the same attribute in all of them: a set, a chain, or a rule in a chain. */
static void delete_named(struct attempt *attempt, uint16_t type, uint16_t name_attribute, const char *name,
			 uint64_t rule)
{
	struct nlmsghdr *message = batch_message(&attempt->batch, type, 0, NAMES_ROOM);
	if (!message)
		return;
	mnl_attr_put_strz(message, NFTA_TABLE_NAME, attempt->scope.table);
	mnl_attr_put_strz(message, name_attribute, name);
	if (rule)
		netlink_put_network_u64(message, NFTA_RULE_HANDLE, rule);
	batch_message_end(&attempt->batch, message);
}

static int delete_probation_rule(const struct rule_info *rule, void *context)
{
	if (text_after(rule->chain, probation_prefix) || strcmp(rule->comment, plan_probation_comment) == 0)
		delete_named(context, NFT_MSG_DELRULE, NFTA_RULE_CHAIN, rule->chain, rule->handle);
	return 0;
}

static int delete_probation_chain(const struct chain_info *chain, void *context)
{
	if (text_after(chain->name, probation_prefix))
		delete_named(context, NFT_MSG_DELCHAIN, NFTA_CHAIN_NAME, chain->name, 0);
	return 0;
}

static int delete_probation_set(const struct set_info *set, void *context)
{
	if (text_after(set->name, probation_prefix))
		delete_named(context, NFT_MSG_DELSET, NFTA_SET_NAME, set->name, 0);
	return 0;
}

/* Rules before the chains that they go to and the sets that they look into. */
static int delete_remains(struct attempt *attempt)
{
	int result = rule_each(&attempt->scope, delete_probation_rule, attempt);
	if (result == 0)
		result = chain_each(&attempt->scope, delete_probation_chain, attempt);
	return result == 0 ? set_each(&attempt->scope, delete_probation_set, attempt) : result;
}

/* ---- looking at what there is ---- */

static int note_set(const struct set_info *set, void *context)
{
	struct standing *standing = context;
	standing->probation |= strcmp(set->name, set_probation) == 0;
	standing->beside |= strcmp(set->name, set_beside) == 0;
	standing->lasts |= strcmp(set->name, set_lasts) == 0;
	return 0;
}

static int note_element(const struct element_info *element, void *context)
{
	struct standing *standing = context;
	(void)element;
	standing->goes_on = true;
	return 0;
}

static bool is_name_of_ours(const char *chain)
{
	for (size_t id = 0; id < CHAIN_IDS; id++) {
		if (strcmp(chain, chain_types[id].name) == 0)
			return true;
	}
	return text_after(chain, probation_prefix);
}

static int note_chain(const struct chain_info *chain, void *context)
{
	struct standing *standing = context;
	standing->filtering |= chain->base;
	standing->foreign |= !is_name_of_ours(chain->name);
	return 0;
}

/*
 * Somebody's table under a name that was mistyped is not ours to replace: a rollback would not bring its chains back.
 * One without chains must not keep the device from being contained, nor must any of the default name.
 */
static int refuse_foreign(const struct attempt *attempt, size_t table)
{
	const char *name = attempt->scope.table;
	const struct standing *standing = &attempt->standings[table];
	if (standing->ours || !standing->foreign || strcmp(name, attempt->default_name) == 0)
		return 0;
	return diag_fail(attempt->scope.diag, EEXIST, "table %s %s: it is somebody else's, no quarantine",
			 table_types[table].word, name);
}

static int look_at_table(struct attempt *attempt, size_t id)
{
	struct table_info table;
	struct standing *standing = &attempt->standings[id];
	*standing = (struct standing){ .found = false };
	turn_to(attempt, id);
	int result = table_find(&attempt->scope, &table);
	if (result <= 0)
		return result;
	standing->found = true;
	standing->ours = table_is_ours(&table);
	result = set_each(&attempt->scope, note_set, standing);
	if (result == 0)
		result = chain_each(&attempt->scope, note_chain, standing);
	if (result == 0 && standing->lasts)
		result = element_each(&attempt->scope, set_lasts, note_element, standing);
	if (result < 0)
		return result;
	if ((table.flags & NFT_TABLE_F_DORMANT) || (standing->lasts && !standing->goes_on))
		standing->filtering = false; /* it holds no packet up, whatever it contains */
	attempt->probation |= standing->probation || standing->beside;
	return refuse_foreign(attempt, id);
}

/* All of the containment's tables. */
static int look_at_tables(struct attempt *attempt)
{
	int result = 0;
	attempt->probation = false;
	for (size_t id = 0; id < TABLES && result == 0; id++)
		result = look_at_table(attempt, id);
	return result;
}

/* Whether an older quarantine counts: not remains of one that is over, nor sets without chains. */
static bool is_older_quarantine(const struct standing *standing)
{
	return standing->found && standing->filtering && !standing->probation;
}

static int fill_end_probation(struct attempt *attempt)
{
	int result = look_at_tables(attempt);
	attempt->replaces = false;
	for (size_t id = 0; id < TABLES; id++)
		attempt->replaces |= is_older_quarantine(&attempt->standings[id]);
	if (result == 0 && !attempt->probation)
		return 1;
	for (size_t id = 0; id < TABLES && result == 0; id++) {
		turn_to(attempt, id);
		if (attempt->standings[id].beside)
			result = delete_remains(attempt);
		else if (attempt->standings[id].probation)
			plan_delete_table(&attempt->batch, attempt->scope.table);
	}
	return result;
}

int containment_end_probation(struct netlink *netlink, const char *table, bool *older, struct diag *diag)
{
	struct attempt attempt = {
		.scope = { .netlink = netlink, .diag = diag, .table = table },
		.default_name = table, /* there is a probation of ours in it, or nothing to end */
		.fill = fill_end_probation,
	};
	int result = run_attempt(&attempt);
	if (result == 0)
		*older = attempt.replaces;
	return result;
}

/* ---- installing, on probation or for good ---- */

/* A plan that is put beside an older quarantine. */
struct beside {
	struct attempt *attempt;
	enum table_id table;
	uint32_t *led_to; /* as in plan_add_lead */
};

/* NAT decides nothing. */
static int lead_from_old_chain(const struct chain_info *chain, void *context)
{
	const struct beside *beside = context;
	if (chain->base && !chain->nat && !text_after(chain->name, probation_prefix))
		plan_add_lead(&beside->attempt->batch, beside->attempt->policy, beside->table, chain,
			      probation_prefix, set_beside, beside->led_to);
	return 0;
}

/*
 * The chains that are led to come before all rules: what the kernel refuses of a rule because of its hook, it then
 * refuses when that rule comes, not when the lead does.
 */
static int fill_beside(struct attempt *attempt, enum table_id table)
{
	struct batch *batch = &attempt->batch;
	const struct policy *policy = attempt->policy;
	uint32_t *led_to = calloc(policy->links.count + 1, sizeof *led_to);
	struct beside beside = { attempt, table, led_to };
	int result = led_to ? delete_remains(attempt) : diag_errno(attempt->scope.diag, ENOMEM, "plan the probation");
	if (result == 0) {
		set_add_timer(batch, attempt->scope.table, set_beside, attempt->milliseconds);
		if (policy_has_table(policy, table))
			set_add_all(batch, policy, table, probation_prefix);
		result = chain_each(&attempt->scope, lead_from_old_chain, &beside);
	}
	if (result == 0 && policy_has_table(policy, table))
		plan_add_chains(batch, policy, table, probation_prefix, set_beside, led_to);
	free(led_to);
	return result;
}

/*
 * A table of the plan begins with its sets, in the place of something that holds no packet up, or of what it replaces.
 * timer: as in struct attempt.
 */
static void start_table(struct attempt *attempt, enum table_id table, const char *timer)
{
	struct batch *batch = &attempt->batch;
	if (attempt->standings[table].found)
		plan_delete_table(batch, attempt->scope.table);
	if (!policy_has_table(attempt->policy, table))
		return;
	plan_add_table(batch, attempt->policy, table);
	if (timer)
		set_add_timer(batch, attempt->scope.table, timer, attempt->milliseconds);
	set_add_all(batch, attempt->policy, table, "");
}

/* A large policy's sets go in parts where nothing of the name is in force; before all chains, which count at once. */
static void allow_parts(struct attempt *attempt)
{
	bool found = false;
	for (size_t id = 0; id < TABLES; id++)
		found |= attempt->standings[id].found;
	if (!found && is_large(attempt->policy))
		attempt->batch.part_size = PART_SIZE;
}

/* The plan stands under its own names already: what made it a probation goes. */
static int fill_keep(struct attempt *attempt)
{
	int result = rule_each(&attempt->scope, delete_probation_rule, attempt);
	if (result == 0)
		delete_named(attempt, NFT_MSG_DELSET, NFTA_SET_NAME, set_probation, 0);
	return result;
}

/* Whether what is there stays: a plan whose probation ends, or an older quarantine that gets a probation beside it. */
static bool stays(const struct attempt *attempt, const struct standing *standing)
{
	if (!CONFIG_QUARANTINE_PROBE) /* there are no probations */
		return false;
	if (attempt->after)
		return attempt->after == AFTER_THE_SAME && standing->probation;
	return attempt->timer && is_older_quarantine(standing);
}

/* Delete and add in one transaction leaks nothing, because every chain of the plan ends in a drop rule. */
static int fill_plan(struct attempt *attempt)
{
	bool ends_probation = CONFIG_QUARANTINE_PROBE && attempt->after != AFTER_NONE;
	const char *timer = CONFIG_QUARANTINE_PROBE ? attempt->timer : NULL;
	int result = look_at_tables(attempt);
	if (result < 0)
		return result;
	if (ends_probation && !attempt->probation)
		return diag_fail(attempt->scope.diag, ECANCELED,
				 "keep the quarantine: its probation was removed meanwhile");
	allow_parts(attempt);
	attempt->replaces = false;
	for (int id = 0; id < TABLES && result == 0; id++) {
		const struct standing *standing = &attempt->standings[id];
		turn_to(attempt, (size_t)id);
		attempt->replaces |= is_older_quarantine(standing);
		if (ends_probation && standing->beside)
			set_delete_timer(&attempt->batch, attempt->scope.table, set_beside);
		if (ends_probation && standing->probation)
			set_delete_timer(&attempt->batch, attempt->scope.table, set_probation);
		if (!stays(attempt, standing))
			start_table(attempt, (enum table_id)id, timer);
		else if (ends_probation)
			result = fill_keep(attempt);
	}
	for (int id = 0; id < TABLES && result == 0; id++) {
		turn_to(attempt, (size_t)id);
		if (stays(attempt, &attempt->standings[id]))
			result = ends_probation ? 0 : fill_beside(attempt, (enum table_id)id);
		else if (policy_has_table(attempt->policy, (enum table_id)id))
			plan_add_chains(&attempt->batch, attempt->policy, (enum table_id)id, "", timer, NULL);
	}
	return result;
}

int containment_begin_probation(struct netlink *netlink, struct policy *policy, const char *default_name,
				uint64_t milliseconds, bool *replaces, struct diag *diag)
{
	struct attempt attempt = {
		.scope = { .netlink = netlink, .diag = diag, .table = policy->table },
		.default_name = default_name,
		.policy = policy,
		.timer = set_probation,
		.milliseconds = milliseconds,
		.fill = fill_plan,
	};
	int result = run_attempt(&attempt);
	if (result == 0)
		*replaces = attempt.replaces;
	return result;
}

int containment_install(struct netlink *netlink, struct policy *policy, const char *default_name,
			enum after_probation after, bool *replaces, struct diag *diag)
{
	struct attempt attempt = {
		.scope = { .netlink = netlink, .diag = diag, .table = policy->table },
		.default_name = default_name,
		.policy = policy,
		.after = after,
		.fill = fill_plan,
	};
	int result = run_attempt(&attempt);
	if (result == -ENOENT && after)
		return diag_fail(diag, ETIMEDOUT, "keep the quarantine: its probation had ended");
	if (result == 0)
		*replaces = attempt.replaces;
	return result;
}

/* ---- removing ---- */

static bool is_family_of_a_plan(uint8_t family)
{
	for (size_t id = 0; id < TABLES; id++) {
		if (table_types[id].family == family)
			return true;
	}
	return false;
}

static bool is_wanted(const struct attempt *attempt, const struct table_info *table)
{
	const char *name = attempt->scope.table;
	bool ours = table_is_ours(table);
	if (is_family_of_a_plan(table->family) && strcmp(table->name, attempt->default_name) == 0)
		ours = true;
	return name ? (ours || table->family == NFPROTO_INET) && strcmp(table->name, name) == 0 : ours;
}

static int remove_if_wanted(const struct table_info *table, void *context)
{
	struct attempt *attempt = context;
	struct removed_tables *removed = attempt->removed;
	if (!is_wanted(attempt, table))
		return 0;
	if (attempt->spare_owned && (table->flags & TABLE_OWNED)) {
		removed->left++;
		text_copy(removed->left_name, sizeof removed->left_name, table->name);
		return 0;
	}
	attempt->batch.family = table->family;
	plan_delete_table(&attempt->batch, table->name);
	if (removed->count < REMOVED_TABLES_MAX) {
		removed->tables[removed->count].family = table->family;
		text_copy(removed->tables[removed->count].name, sizeof removed->tables[0].name, table->name);
	}
	removed->count++;
	return 0;
}

static int fill_remove(struct attempt *attempt)
{
	*attempt->removed = (struct removed_tables){ .count = 0 };
	int result = attempt->scope.table ? look_at_table(attempt, TABLE_INET) : 0;
	if (result == 0)
		result = table_each(attempt->scope.netlink, remove_if_wanted, attempt, attempt->scope.diag);
	return result == 0 && attempt->removed->count == 0 ? 1 : result;
}

int containment_remove(struct netlink *netlink, const char *name, const char *default_name,
		       struct removed_tables *removed, struct diag *diag)
{
	struct attempt attempt = {
		.scope = { .netlink = netlink, .diag = diag, .table = name },
		.default_name = default_name,
		.removed = removed,
		.fill = fill_remove,
	};
	int result = run_attempt(&attempt);
	if (result != -EPERM)
		return result;
	/* one that another process owns must not protect the others */
	attempt.spare_owned = true;
	result = run_attempt(&attempt);
	return result == 0 && removed->left == 0 ? diag_errno(diag, EPERM, "remove the tables") : result;
}
