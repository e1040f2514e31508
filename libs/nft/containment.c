/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "nft/containment.h"

#include <endian.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <string.h>

#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>

#include "base/text.h"
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
 * quarantine, the plan stands in chains and sets whose names begin with "probation_", with the same rule in front, and
 * a rule in front of each old chain accepts everything while the element of "probation_beside" lasts: of two hooks for
 * a packet one decides. The rules in front bear the comment.
 */
static const char probation_prefix[] = "probation_";

static bool has_prefix(const char *string, const char *prefix)
{
	return strncmp(string, prefix, strlen(prefix)) == 0;
}

enum { TABLE_OWNED = 1 << 1 }; /* NFT_TABLE_F_OWNER, Linux 5.12 */

/* ---- retrying ---- */

/* One attempt: plans with the generation, fills and commits the batch. */
struct attempt {
	struct netlink *netlink;
	struct policy *policy; /* NULL when none is installed */
	const char *table;
	uint64_t milliseconds;
	bool ends_probation;
	bool replaces;
	struct removed_tables *removed;
	const char *default_name; /* may be taken over whoever set it */
	bool spare_owned; /* leave tables alone that another process owns */
	int (*fill)(struct attempt *attempt, struct batch *batch, struct diag *diag);
};

/* A policy of more addresses is sent in parts, when nothing is in force that could be weakened meanwhile. */
enum {
	PARTS_FROM = 4096, /* records */
	PART_SIZE = 128 << 10, /* bytes */
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
	for (int id = 0; id < TABLES; id++) {
		struct batch batch;
		batch_begin(&batch, attempt->netlink, 0);
		batch.family = table_types[id].family;
		plan_delete_table(&batch, attempt->table);
		(void)batch_commit(&batch, NULL, NULL);
		batch_fini(&batch);
	}
}

/*
 * fill returns 1 when there is nothing to commit. guarded: the kernel refuses the transaction when anything at all has
 * changed since fill looked, which somebody who changes his own tables all the time can keep up for ever. Without it
 * only a change to our tables counts: what is to be created must not be there (NLM_F_EXCL), what is to go must.
 */
static int try_once(struct attempt *attempt, bool guarded, struct refusal *refusal, struct diag *diag)
{
	uint32_t generation = 0;
	struct batch batch;
	*refusal = (struct refusal){ .type = -1 };
	int result = guarded ? nft_generation(attempt->netlink, &generation, diag) : 0;
	if (result < 0)
		return result;
	batch_begin(&batch, attempt->netlink, generation);
	result = attempt->fill(attempt, &batch, diag);
	if (result == 0)
		result = batch_commit(&batch, refusal, diag);
	if (result < 0 && batch.parted)
		remove_parts(attempt);
	batch_fini(&batch);
	return result < 0 ? result : 0;
}

/* What kernels answer to an expression, a chain or a family that they do not have. */
static bool says_unsupported(int error)
{
	return error == -ENOENT || error == -EOPNOTSUPP || error == -EPROTONOSUPPORT || error == -EPROTO ||
	       error == -EAFNOSUPPORT;
}

/* The layers without which the transaction may pass. */
static uint8_t refused_layers(const struct refusal *refusal, int error)
{
	/* a chain has room for 256 devices, NFT_NETDEVICE_MAX */
	if (refusal->type < 0 || !(says_unsupported(error) || error == -EINVAL || error == -EFBIG))
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
static bool give_way_without(uint8_t *without, const struct refusal *refusal, int error)
{
	bool unsupported = says_unsupported(error) || error == -EINVAL;
	for (unsigned id = 0; id < TABLES; id++) {
		if (!unsupported || table_types[id].family != refusal->family || (*without & 1u << id))
			continue;
		*without |= (uint8_t)(1u << id);
		return true;
	}
	return false;
}

/* Whether the plan has become one that the kernel may take: without a layer, or without connection tracking. */
static bool give_way(struct policy *policy, const struct refusal *refusal, int error)
{
	if (policy && refusal->route && !policy->without_routes && (says_unsupported(error) || error == -EINVAL)) {
		policy->without_routes = true;
		return true;
	}
	if (policy && refusal->fib && give_way_without(&policy->without_fib, refusal, error))
		return true;
	if (policy && refusal->log && give_way_without(&policy->without_log, refusal, error))
		return true;
	uint8_t layers = policy ? refused_layers(refusal, error) & policy->layers : 0;
	if (layers) {
		policy->layers &= (uint8_t)~layers;
		policy->refused |= layers;
		return true;
	}
	if (!policy || policy->stateless || refusal->family != NFPROTO_INET || refusal->type != NFT_MSG_NEWRULE ||
	    !says_unsupported(error))
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

static int run_attempt(struct attempt *attempt, struct diag *diag)
{
	for (int lost = 0; lost < TRIES_MAX;) {
		struct refusal refusal;
		bool guarded = lost < GUARDED_MAX;
		int result = try_once(attempt, guarded, &refusal, diag);
		if (result == 0)
			return 0;
		if (changed_meanwhile(result, guarded, &refusal))
			(void)poll(NULL, 0, lost++ * PAUSE_MS);
		else if (!give_way(attempt->policy, &refusal, result))
			return result;
	}
	return diag_errno(diag, EBUSY, "change the rule set: others keep changing it");
}

/* ---- removing a probation ---- */

static void delete_rule(struct batch *batch, const char *table, const char *chain, uint64_t handle)
{
	struct nlmsghdr *message = batch_message(batch, NFT_MSG_DELRULE, 0, NAMES_ROOM);
	if (!message)
		return;
	mnl_attr_put_strz(message, NFTA_RULE_TABLE, table);
	mnl_attr_put_strz(message, NFTA_RULE_CHAIN, chain);
	if (handle)
		mnl_attr_put_u64(message, NFTA_RULE_HANDLE, htobe64(handle));
	batch_message_end(batch, message);
}

static void delete_named(struct batch *batch, uint16_t type, uint16_t table_attribute, const char *table,
			 uint16_t name_attribute, const char *name)
{
	struct nlmsghdr *message = batch_message(batch, type, 0, NAMES_ROOM);
	if (!message)
		return;
	mnl_attr_put_strz(message, table_attribute, table);
	mnl_attr_put_strz(message, name_attribute, name);
	batch_message_end(batch, message);
}

struct remains {
	struct batch *batch;
	const char *table;
};

static int delete_probation_rule(const struct rule_info *rule, void *context)
{
	const struct remains *remains = context;
	if (has_prefix(rule->chain, probation_prefix) || strcmp(rule->comment, plan_probation_comment) == 0)
		delete_rule(remains->batch, remains->table, rule->chain, rule->handle);
	return 0;
}

static int delete_probation_chain(const struct chain_info *chain, void *context)
{
	const struct remains *remains = context;
	if (has_prefix(chain->name, probation_prefix))
		delete_named(remains->batch, NFT_MSG_DELCHAIN, NFTA_CHAIN_TABLE, remains->table, NFTA_CHAIN_NAME,
			     chain->name);
	return 0;
}

static int delete_probation_set(const struct set_info *set, void *context)
{
	const struct remains *remains = context;
	if (has_prefix(set->name, probation_prefix))
		delete_named(remains->batch, NFT_MSG_DELSET, NFTA_SET_TABLE, remains->table, NFTA_SET_NAME, set->name);
	return 0;
}

/* Rules before the chains that they go to and the sets that they look into. */
static int delete_remains(struct netlink *netlink, struct batch *batch, const char *table, struct diag *diag)
{
	struct remains remains = { batch, table };
	int result = rule_each(netlink, batch->family, table, delete_probation_rule, &remains, diag);
	if (result == 0)
		result = chain_each(netlink, batch->family, table, delete_probation_chain, &remains, diag);
	if (result == 0)
		result = set_each(netlink, batch->family, table, delete_probation_set, &remains, diag);
	return result;
}

/* What stands under the table's name in a family, as far as a probation is concerned. */
struct standing {
	bool found;
	bool filtering; /* it has a base chain, is not dormant, and its time is not over */
	bool lasts; /* it has a time */
	bool goes_on; /* which is not over */
	bool ours; /* by its comment */
	bool foreign; /* it has a base chain that neither we nor the artifact would name so */
	bool probation; /* the whole table is one */
	bool beside; /* an older quarantine has one beside it */
};

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
	return has_prefix(chain, probation_prefix);
}

static int note_chain(const struct chain_info *chain, void *context)
{
	struct standing *standing = context;
	standing->filtering |= chain->base;
	standing->foreign |= chain->base && !is_name_of_ours(chain->name);
	return 0;
}

/*
 * Somebody's firewall under a name that was mistyped is not ours to replace or remove. The artifact sets nothing but an
 * inet table; in the other families only our comment makes a table ours.
 */
static int refuse_foreign(const struct attempt *attempt, enum table_id table, const struct standing *standing,
			  struct diag *diag)
{
	if (standing->ours)
		return 0;
	if (table == TABLE_INET && (!standing->foreign || strcmp(attempt->table, attempt->default_name) == 0))
		return 0;
	return diag_fail(diag, EEXIST, "table %s %s: it is somebody else's, no quarantine", table_types[table].word,
			 attempt->table);
}

static int look_at_table(struct attempt *attempt, enum table_id id, struct standing *standing, struct diag *diag)
{
	struct table_info table;
	uint8_t family = table_types[id].family;
	*standing = (struct standing){ .found = false };
	int result = table_find(attempt->netlink, family, attempt->table, &table, &standing->found, diag);
	if (result == 0 && standing->found)
		result = set_each(attempt->netlink, family, attempt->table, note_set, standing, diag);
	if (result == 0 && standing->found)
		result = chain_each(attempt->netlink, family, attempt->table, note_chain, standing, diag);
	if (result == 0 && standing->lasts)
		result = element_each(attempt->netlink, family, attempt->table, set_lasts, note_element, standing,
				      diag);
	if (result < 0 || !standing->found)
		return result;
	standing->ours = table_is_ours(&table);
	if ((table.flags & NFT_TABLE_F_DORMANT) || (standing->lasts && !standing->goes_on))
		standing->filtering = false; /* it holds no packet up, whatever it contains */
	return refuse_foreign(attempt, id, standing, diag);
}

/* All of the containment's tables as they stand. */
struct standings {
	struct standing of[TABLES];
	bool probation; /* in any of them */
};

static int look_at_tables(struct attempt *attempt, struct standings *standings, struct diag *diag)
{
	standings->probation = false;
	for (int id = 0; id < TABLES; id++) {
		struct standing *standing = &standings->of[id];
		int result = look_at_table(attempt, (enum table_id)id, standing, diag);
		if (result < 0)
			return result;
		standings->probation |= standing->probation || standing->beside;
	}
	return 0;
}

/* Whether an older quarantine counts: not remains of one that is over, nor sets without chains. */
static bool is_older_quarantine(const struct standing *standing)
{
	return standing->found && standing->filtering && !standing->probation;
}

static int fill_end_probation(struct attempt *attempt, struct batch *batch, struct diag *diag)
{
	struct standings standings;
	int result = look_at_tables(attempt, &standings, diag);
	if (result < 0)
		return result;
	if (!standings.probation)
		return 1;
	for (int id = 0; id < TABLES && result == 0; id++) {
		batch->family = table_types[id].family;
		if (standings.of[id].beside)
			result = delete_remains(attempt->netlink, batch, attempt->table, diag);
		else if (standings.of[id].probation)
			plan_delete_table(batch, attempt->table);
	}
	return result;
}

int containment_end_probation(struct netlink *netlink, const char *table, struct diag *diag)
{
	struct attempt attempt = {
		.netlink = netlink,
		.table = table,
		.default_name = table, /* there is a probation of ours in it, or nothing to end */
		.fill = fill_end_probation,
	};
	return run_attempt(&attempt, diag);
}

/* ---- beginning a probation ---- */

struct old_chains {
	struct batch *batch;
	const char *table;
};

/* NAT decides nothing. */
static int let_old_chain_stand_back(const struct chain_info *chain, void *context)
{
	const struct old_chains *old = context;
	bool ours = has_prefix(chain->name, probation_prefix);
	if (chain->base && !chain->nat && !ours)
		plan_add_stand_back_rule(old->batch, old->table, chain->name, set_beside);
	return 0;
}

static int fill_beside(struct attempt *attempt, struct batch *batch, enum table_id table, struct diag *diag)
{
	struct old_chains old = { batch, attempt->table };
	int result = delete_remains(attempt->netlink, batch, attempt->table, diag);
	if (result < 0)
		return result;
	set_add_timer(batch, attempt->table, set_beside, attempt->milliseconds);
	if (policy_has_table(attempt->policy, table)) {
		set_add_all(batch, attempt->policy, table, probation_prefix);
		plan_add_chains(batch, attempt->policy, table, probation_prefix, set_beside);
	}
	return chain_each(attempt->netlink, batch->family, attempt->table, let_old_chain_stand_back, &old, diag);
}

/*
 * A table of the plan begins with its sets, in the place of something that holds no packet up, or of what it replaces.
 * probation: the set that says how long it counts; NULL: for good.
 */
static void start_table(struct attempt *attempt, struct batch *batch, enum table_id table, bool found,
			const char *probation)
{
	if (found)
		plan_delete_table(batch, attempt->table);
	if (!policy_has_table(attempt->policy, table))
		return;
	plan_add_table(batch, attempt->policy, table);
	if (probation)
		set_add_timer(batch, attempt->table, probation, attempt->milliseconds);
	set_add_all(batch, attempt->policy, table, "");
}

/* A large policy's sets go in parts where nothing of the name is in force; before all chains, which count at once. */
static void allow_parts(const struct attempt *attempt, const struct standings *standings, struct batch *batch)
{
	bool found = false;
	for (int id = 0; id < TABLES; id++)
		found |= standings->of[id].found;
	if (!found && is_large(attempt->policy))
		batch->part_size = PART_SIZE;
}

static int fill_begin_probation(struct attempt *attempt, struct batch *batch, struct diag *diag)
{
	struct standings standings;
	int result = look_at_tables(attempt, &standings, diag);
	if (result < 0)
		return result;
	allow_parts(attempt, &standings, batch);
	attempt->replaces = false;
	for (int id = 0; id < TABLES; id++) {
		batch->family = table_types[id].family;
		if (is_older_quarantine(&standings.of[id]))
			attempt->replaces = true;
		else
			start_table(attempt, batch, (enum table_id)id, standings.of[id].found, set_probation);
	}
	for (int id = 0; id < TABLES && result == 0; id++) {
		batch->family = table_types[id].family;
		if (is_older_quarantine(&standings.of[id]))
			result = fill_beside(attempt, batch, (enum table_id)id, diag);
		else if (policy_has_table(attempt->policy, (enum table_id)id))
			plan_add_chains(batch, attempt->policy, (enum table_id)id, "", set_probation);
	}
	return result;
}

int containment_begin_probation(struct netlink *netlink, struct policy *policy, const char *default_name,
				uint64_t milliseconds, bool *replaces, struct diag *diag)
{
	struct attempt attempt = {
		.netlink = netlink,
		.default_name = default_name,
		.policy = policy,
		.table = policy->table,
		.milliseconds = milliseconds,
		.fill = fill_begin_probation,
	};
	int result = run_attempt(&attempt, diag);
	if (result == 0)
		*replaces = attempt.replaces;
	return result;
}

/* ---- installing ---- */

/* The plan stands under its own names already: what made it a probation goes. */
static int fill_keep(struct attempt *attempt, struct batch *batch, struct diag *diag)
{
	struct remains remains = { batch, attempt->table };
	set_delete_timer(batch, attempt->table, set_probation);
	int result = rule_each(attempt->netlink, batch->family, attempt->table, delete_probation_rule, &remains, diag);
	if (result == 0)
		delete_named(batch, NFT_MSG_DELSET, NFTA_SET_TABLE, attempt->table, NFTA_SET_NAME, set_probation);
	return result;
}

/* Whether the table stands as it shall, but for what makes it a probation. */
static bool is_kept(const struct attempt *attempt, const struct standing *standing)
{
	return attempt->ends_probation && standing->probation;
}

/* Delete and add in one transaction leaks nothing, because every chain of the plan ends in a drop rule. */
static int fill_install(struct attempt *attempt, struct batch *batch, struct diag *diag)
{
	struct standings standings;
	int result = look_at_tables(attempt, &standings, diag);
	if (result < 0)
		return result;
	if (attempt->ends_probation && !standings.probation)
		return diag_fail(diag, ECANCELED, "keep the quarantine: its probation was removed meanwhile");
	allow_parts(attempt, &standings, batch);
	attempt->replaces = false;
	for (int id = 0; id < TABLES && result == 0; id++) {
		const struct standing *standing = &standings.of[id];
		batch->family = table_types[id].family;
		attempt->replaces |= is_older_quarantine(standing);
		if (attempt->ends_probation && standing->beside)
			set_delete_timer(batch, attempt->table, set_beside);
		if (is_kept(attempt, standing))
			result = fill_keep(attempt, batch, diag);
		else
			start_table(attempt, batch, (enum table_id)id, standing->found, NULL);
	}
	for (int id = 0; id < TABLES && result == 0; id++) {
		batch->family = table_types[id].family;
		if (!is_kept(attempt, &standings.of[id]) && policy_has_table(attempt->policy, (enum table_id)id))
			plan_add_chains(batch, attempt->policy, (enum table_id)id, "", NULL);
	}
	return result;
}

int containment_install(struct netlink *netlink, struct policy *policy, const char *default_name, bool ends_probation,
			bool *replaces, struct diag *diag)
{
	struct attempt attempt = {
		.netlink = netlink,
		.default_name = default_name,
		.policy = policy,
		.table = policy->table,
		.ends_probation = ends_probation,
		.fill = fill_install,
	};
	int result = run_attempt(&attempt, diag);
	if (result == -ENOENT && ends_probation)
		return diag_fail(diag, ETIMEDOUT, "keep the quarantine: its probation had ended");
	if (result == 0)
		*replaces = attempt.replaces;
	return result;
}

/* ---- removing ---- */

struct removal {
	const struct attempt *attempt;
	struct batch *batch;
};

static bool is_wanted(const struct attempt *attempt, const struct table_info *table)
{
	if (attempt->table)
		return strcmp(table->name, attempt->table) == 0 &&
		       (table->family == NFPROTO_INET || table_is_ours(table));
	return table_is_ours(table) ||
	       (table->family == NFPROTO_INET && strcmp(table->name, attempt->default_name) == 0);
}

static int remove_if_wanted(const struct table_info *table, void *context)
{
	const struct removal *removal = context;
	struct removed_tables *removed = removal->attempt->removed;
	if (!is_wanted(removal->attempt, table))
		return 0;
	if (removal->attempt->spare_owned && (table->flags & TABLE_OWNED)) {
		removed->left++;
		text_copy(removed->left_name, sizeof removed->left_name, table->name);
		return 0;
	}
	removal->batch->family = table->family;
	plan_delete_table(removal->batch, table->name);
	if (removed->count < REMOVED_TABLES_MAX) {
		removed->tables[removed->count].family = table->family;
		text_copy(removed->tables[removed->count].name, sizeof removed->tables[0].name, table->name);
	}
	removed->count++;
	return 0;
}

static int fill_remove(struct attempt *attempt, struct batch *batch, struct diag *diag)
{
	struct removal removal = { attempt, batch };
	struct standing standing;
	*attempt->removed = (struct removed_tables){ .count = 0 };
	int result = attempt->table ? look_at_table(attempt, TABLE_INET, &standing, diag) : 0;
	if (result < 0)
		return result;
	result = table_each(attempt->netlink, remove_if_wanted, &removal, diag);
	if (result < 0)
		return result;
	return attempt->removed->count == 0 ? 1 : 0;
}

int containment_remove(struct netlink *netlink, const char *name, const char *default_name,
		       struct removed_tables *removed, struct diag *diag)
{
	struct attempt attempt = {
		.netlink = netlink,
		.table = name,
		.default_name = default_name,
		.removed = removed,
		.fill = fill_remove,
	};
	int result = run_attempt(&attempt, diag);
	if (result != -EPERM)
		return result;
	/* one that another process owns must not protect the others */
	attempt.spare_owned = true;
	int again = run_attempt(&attempt, diag);
	return again == 0 && removed->left == 0 ? diag_errno(diag, EPERM, "remove the tables") : again;
}
