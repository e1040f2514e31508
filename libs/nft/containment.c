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
	TRIES_MAX = 20, /* of a transaction while others change the rule set */
	PAUSE_MS = 5, /* after a try that lost, for each one before it */
	NAMES_ROOM = 1024,
	OLD_CHAINS_MAX = 16, /* base chains of an older quarantine that are looked at */
};

/*
 * A probation has one of two forms. Where nothing was in force, the plan is installed under its own names, and a rule
 * in front of each chain accepts everything once the elements of set "probation" have expired. Beside an older
 * quarantine, the plan stands in chains and sets whose names begin with "probation_", and a rule in front of each old
 * chain goes there while the elements of "probation_beside" last. The rules in front bear the comment.
 */
static const char probation_set[] = "probation";
static const char probation_prefix[] = "probation_";
static const char beside_set[] = "probation_beside";
static const char probation_comment[] = "quarbox probation";

static bool has_prefix(const char *string, const char *prefix)
{
	return strncmp(string, prefix, strlen(prefix)) == 0;
}

enum { TABLE_OWNED = 1 << 1 }; /* NFT_TABLE_F_OWNER, Linux 5.12 */

/* ---- retrying ---- */

/*
 * One attempt: plans with the generation, fills and commits the batch. Returns 0 or -errno; sets *refused as
 * batch_commit does.
 */
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

static void remove_parts(struct attempt *attempt)
{
	struct batch batch;
	batch_begin(&batch, attempt->netlink, 0);
	plan_delete_table(&batch, NFPROTO_INET, attempt->table);
	(void)batch_commit(&batch, NULL, NULL); /* without chains it holds no packet up */
	batch_fini(&batch);
}

/* fill returns 1 when there is nothing to commit. */
static int try_once(struct attempt *attempt, int *refused, struct diag *diag)
{
	uint32_t generation = 0;
	struct batch batch;
	*refused = -1;
	int result = nft_generation(attempt->netlink, &generation, diag);
	if (result < 0)
		return result;
	batch_begin(&batch, attempt->netlink, generation);
	result = attempt->fill(attempt, &batch, diag);
	if (result == 0)
		result = batch_commit(&batch, refused, diag);
	if (result < 0 && batch.parted)
		remove_parts(attempt);
	batch_fini(&batch);
	return result < 0 ? result : 0;
}

/* What kernels answer to an expression that they do not have. */
static bool says_unsupported(int error)
{
	return error == -ENOENT || error == -EOPNOTSUPP || error == -EPROTONOSUPPORT || error == -EPROTO ||
	       error == -EAFNOSUPPORT;
}

static int run_attempt(struct attempt *attempt, struct diag *diag)
{
	int result = -EAGAIN;
	for (int tries = 0; tries < TRIES_MAX; tries++) {
		int refused;
		result = try_once(attempt, &refused, diag);
		bool changed_meanwhile = result == -ERESTART || result == -EINTR || result == -EAGAIN;
		bool no_conntrack = attempt->policy && !attempt->policy->stateless && refused == NFT_MSG_NEWRULE &&
				    says_unsupported(result);
		if (!no_conntrack && !changed_meanwhile)
			return result;
		if (no_conntrack)
			attempt->policy->stateless = true;
		else
			(void)poll(NULL, 0, tries * PAUSE_MS);
	}
	return diag_errno(diag, EBUSY, "change the rule set: others keep changing it");
}

/* ---- removing a probation ---- */

static void delete_rule(struct batch *batch, const char *table, const char *chain, uint64_t handle)
{
	struct nlmsghdr *message = batch_message(batch, NFT_MSG_DELRULE, NFPROTO_INET, 0, NAMES_ROOM);
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
	struct nlmsghdr *message = batch_message(batch, type, NFPROTO_INET, 0, NAMES_ROOM);
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
	if (has_prefix(rule->chain, probation_prefix) || strcmp(rule->comment, probation_comment) == 0)
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

static int delete_probation_set(const char *name, void *context)
{
	const struct remains *remains = context;
	if (has_prefix(name, probation_prefix))
		delete_named(remains->batch, NFT_MSG_DELSET, NFTA_SET_TABLE, remains->table, NFTA_SET_NAME, name);
	return 0;
}

/* Rules before the chains that they go to and the sets that they look into. */
static int delete_remains(struct netlink *netlink, struct batch *batch, const char *table, struct diag *diag)
{
	struct remains remains = { batch, table };
	int result = rule_each(netlink, NFPROTO_INET, table, delete_probation_rule, &remains, diag);
	if (result == 0)
		result = chain_each(netlink, NFPROTO_INET, table, delete_probation_chain, &remains, diag);
	if (result == 0)
		result = set_each(netlink, NFPROTO_INET, table, delete_probation_set, &remains, diag);
	return result;
}

/* What stands under the table's name, as far as a probation is concerned. */
struct standing {
	bool found;
	bool filtering; /* it has a base chain, and is not dormant */
	bool ours; /* by its comment */
	bool foreign; /* it has a base chain that neither we nor the artifact would name so */
	bool probation; /* the whole table is one */
	bool beside; /* an older quarantine has one beside it */
};

static int note_set(const char *name, void *context)
{
	struct standing *standing = context;
	standing->probation |= strcmp(name, probation_set) == 0;
	standing->beside |= strcmp(name, beside_set) == 0;
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

/* Somebody's firewall under a name that was mistyped is not ours to replace or remove. */
static int refuse_foreign(const struct attempt *attempt, const struct standing *standing, struct diag *diag)
{
	if (!standing->found || standing->ours || !standing->foreign ||
	    strcmp(attempt->table, attempt->default_name) == 0)
		return 0;
	return diag_fail(diag, EEXIST, "table inet %s: it is somebody else's, no quarantine", attempt->table);
}

static int look_at_table(struct attempt *attempt, struct standing *standing, struct diag *diag)
{
	struct table_info table;
	*standing = (struct standing){ .found = false };
	int result = table_find(attempt->netlink, NFPROTO_INET, attempt->table, &table, &standing->found, diag);
	if (result == 0 && standing->found)
		result = set_each(attempt->netlink, NFPROTO_INET, attempt->table, note_set, standing, diag);
	if (result == 0 && standing->found)
		result = chain_each(attempt->netlink, NFPROTO_INET, attempt->table, note_chain, standing, diag);
	if (result < 0 || !standing->found)
		return result;
	standing->ours = table_is_ours(&table);
	if (table.flags & NFT_TABLE_F_DORMANT)
		standing->filtering = false; /* it holds no packet up, whatever it contains */
	return refuse_foreign(attempt, standing, diag);
}

/* Whether an older quarantine counts, as opposed to nothing, remains of a dead probation, or sets without chains. */
static bool is_older_quarantine(const struct standing *standing)
{
	return standing->found && standing->filtering && !standing->probation;
}

static int fill_end_probation(struct attempt *attempt, struct batch *batch, struct diag *diag)
{
	struct standing standing;
	int result = look_at_table(attempt, &standing, diag);
	if (result < 0)
		return result;
	if (!standing.probation && !standing.beside)
		return 1;
	if (standing.beside)
		return delete_remains(attempt->netlink, batch, attempt->table, diag);
	plan_delete_table(batch, NFPROTO_INET, attempt->table);
	return 0;
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

/* The base chains of an older quarantine that decide about packets at the hooks of the plan. */
struct old_chains {
	struct chain_info chains[OLD_CHAINS_MAX];
	size_t count;
};

static int keep_old_chain(const struct chain_info *chain, void *context)
{
	struct old_chains *old = context;
	bool ours = has_prefix(chain->name, probation_prefix);
	if (!chain->base || chain->nat || ours)
		return 0;
	if (old->count == OLD_CHAINS_MAX)
		return -E2BIG;
	old->chains[old->count++] = *chain;
	return 0;
}

/* The first old chain at each hook goes to the new plan, the others stand back; a hook without one gets its own. */
static void divert_hook(struct batch *batch, const char *table, const struct old_chains *old, enum chain_id id)
{
	char target[64];
	struct text text = TEXT_ON(target);
	text_addf(&text, "%s%s", probation_prefix, chain_types[id].name);
	enum probation_rule kind = PROBATION_GOTO;
	for (size_t i = 0; i < old->count; i++) {
		if (old->chains[i].hook != chain_types[id].hook_number)
			continue;
		plan_add_probation_rule(batch, table, old->chains[i].name, beside_set, kind, target, probation_comment);
		kind = PROBATION_STAND_BACK;
	}
	if (kind == PROBATION_STAND_BACK)
		return;
	char hooked[64];
	text = TEXT_ON(hooked);
	text_addf(&text, "%shook_%s", probation_prefix, chain_types[id].hook);
	plan_add_base_chain(batch, table, hooked, id, false);
	plan_add_probation_rule(batch, table, hooked, beside_set, kind, target, probation_comment);
}

static int fill_beside(struct attempt *attempt, struct batch *batch, struct diag *diag)
{
	struct old_chains old = { .count = 0 };
	int result = delete_remains(attempt->netlink, batch, attempt->table, diag);
	if (result == 0)
		result = chain_each(attempt->netlink, NFPROTO_INET, attempt->table, keep_old_chain, &old, diag);
	if (result == -E2BIG)
		return diag_fail(diag, E2BIG, "replace table %s: it has more than %d base chains", attempt->table,
				 OLD_CHAINS_MAX);
	if (result < 0)
		return result;
	set_add_probation(batch, attempt->table, beside_set, attempt->milliseconds);
	plan_add_contents(batch, attempt->policy, probation_prefix, false);
	for (int id = 0; id < CHAIN_IDS; id++)
		divert_hook(batch, attempt->table, &old, (enum chain_id)id);
	return 0;
}

/* found: something that holds no packet up stands under the name and goes first. */
static void start_table(struct attempt *attempt, struct batch *batch, bool found)
{
	if (found)
		plan_delete_table(batch, NFPROTO_INET, attempt->table);
	plan_add_table(batch, attempt->table, attempt->policy->comment);
	if (!found && is_large(attempt->policy))
		batch->part_size = PART_SIZE;
}

static int fill_begin_probation(struct attempt *attempt, struct batch *batch, struct diag *diag)
{
	struct standing standing;
	int result = look_at_table(attempt, &standing, diag);
	if (result < 0)
		return result;
	attempt->replaces = is_older_quarantine(&standing);
	if (attempt->replaces)
		return fill_beside(attempt, batch, diag);
	start_table(attempt, batch, standing.found);
	plan_add_contents(batch, attempt->policy, "", true);
	set_add_probation(batch, attempt->table, probation_set, attempt->milliseconds);
	for (int id = 0; id < CHAIN_IDS; id++)
		plan_add_probation_rule(batch, attempt->table, chain_types[id].name, probation_set, PROBATION_OVER,
					NULL, probation_comment);
	return 0;
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
	set_delete_probation(batch, attempt->table, probation_set);
	int result = rule_each(attempt->netlink, NFPROTO_INET, attempt->table, delete_probation_rule, &remains, diag);
	if (result == 0)
		delete_named(batch, NFT_MSG_DELSET, NFTA_SET_TABLE, attempt->table, NFTA_SET_NAME, probation_set);
	return result;
}

static int fill_install(struct attempt *attempt, struct batch *batch, struct diag *diag)
{
	struct standing standing;
	int result = look_at_table(attempt, &standing, diag);
	if (result < 0)
		return result;
	attempt->replaces = is_older_quarantine(&standing);
	if (attempt->ends_probation && !standing.probation && !standing.beside)
		return diag_fail(diag, ECANCELED, "keep the quarantine: its probation was removed meanwhile");
	if (attempt->ends_probation && standing.probation)
		return fill_keep(attempt, batch, diag);
	if (attempt->ends_probation)
		set_delete_probation(batch, attempt->table, beside_set);
	/* Delete and add in one transaction leaks nothing, because every chain of the plan ends in a drop rule. */
	start_table(attempt, batch, standing.found);
	plan_add_contents(batch, attempt->policy, "", true);
	return 0;
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

/* ---- reading back ---- */

/* The plan's rule of this number. */
struct wanted_rule {
	size_t number;
	size_t seen;
	const struct rule_row *row; /* NULL: the plan has fewer */
};

static int pick_rule(void *context, const struct rule *rule)
{
	struct wanted_rule *wanted = context;
	if (wanted->seen++ != wanted->number)
		return 0;
	wanted->row = rule->row;
	return 1;
}

static const struct rule_row *plan_rule(const struct policy *policy, size_t number)
{
	struct wanted_rule wanted = { .number = number };
	(void)policy_each_rule(policy, pick_rule, &wanted);
	return wanted.row;
}

struct read_back {
	const struct policy *policy;
	size_t count;
	bool differs;
};

static int compare_rule(const struct rule_info *rule, void *context)
{
	struct read_back *read_back = context;
	const struct rule_row *row = plan_rule(read_back->policy, read_back->count++);
	if (!row || strcmp(rule->comment, row->comment) != 0 || strcmp(rule->chain, chain_types[row->chain].name) != 0)
		read_back->differs = true;
	return 0;
}

int containment_read_back(struct netlink *netlink, const struct policy *policy, bool *intact, struct diag *diag)
{
	struct read_back read_back = { .policy = policy };
	int result = rule_each(netlink, NFPROTO_INET, policy->table, compare_rule, &read_back, diag);
	if (result < 0)
		return result;
	*intact = !read_back.differs && plan_rule(policy, read_back.count) == NULL;
	return 0;
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
	plan_delete_table(removal->batch, table->family, table->name);
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
	int result = attempt->table ? look_at_table(attempt, &standing, diag) : 0;
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
