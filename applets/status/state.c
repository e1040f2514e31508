/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "state.h"

#include <errno.h>
#include <limits.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netlink.h>

#include "netlink/rtnetlink.h"
#include "nft/match.h"
#include "policy/coverage.h"

enum { DUMP_TRIES = 10 }; /* while something changes */

/* ---- lists of lines ---- */

static void clear_lines(struct lines *lines)
{
	lines->count = 0;
	lines->whole = 0;
	lines->text = TEXT_ON(lines->bytes);
}

/*
 * Ends the line that was added to the text. One that does not fit goes again, and so do all after it. Somebody else's
 * words may be in it, with newlines: they would make lines of their own.
 */
static void end_line(struct lines *lines)
{
	for (char *at = lines->bytes + lines->whole; (at = strchr(at, '\n')) != NULL;)
		*at = '?';
	lines->count++;
	text_add(&lines->text, "\n");
	if (lines->text.cut)
		lines->text.length = lines->whole;
	lines->whole = lines->text.length;
	lines->bytes[lines->whole] = '\0';
}

void each_line(struct lines *lines, void (*take)(void *context, const char *line), void *context)
{
	char *at = lines->bytes;
	size_t taken = 0;
	for (char *end; (end = strchr(at, '\n')); at = end + 1, taken++) {
		*end = '\0';
		take(context, at);
		*end = '\n';
	}
	if (taken < lines->count) {
		char more[64];
		struct text text = TEXT_ON(more);
		text_addf(&text, "and %zu more", lines->count - taken);
		take(context, more);
	}
}

/* ---- reading ---- */

/* The table that there is: the default one of ours, another of ours, or what stands under the default name. */
static int choose_table(const struct table_info *table, void *context)
{
	struct status *status = context;
	bool preferred = strcmp(table->name, CONFIG_DEFAULT_TABLE) == 0;
	int rank = preferred && table->family == NFPROTO_INET;
	if (table_is_ours(table))
		rank = 2 + preferred;
	if (rank == 0 || strcmp(table->name, status->table) == 0)
		return 0;
	if (rank > status->rank) {
		text_copy(status->other, sizeof status->other, status->table);
		text_copy(status->table, sizeof status->table, table->name);
		status->rank = rank;
	} else {
		text_copy(status->other, sizeof status->other, table->name);
	}
	return 0;
}

static int find_table(struct status *status, const char *name, struct diag *diag)
{
	if (name) {
		text_copy(status->table, sizeof status->table, name);
		status->rank = INT_MAX;
	}
	int result = -EINTR;
	for (int tries = 0; tries < DUMP_TRIES && result == -EINTR; tries++)
		result = table_each(&status->netlink, choose_table, status, diag);
	return result;
}

static int keep_link(void *context, const struct netlink_link *link)
{
	struct status *status = context;
	status->xdp |= link->xdp;
	if (link->flags & IFF_LOOPBACK)
		return 0;
	struct seen_link *links = realloc(status->links, (status->link_count + 1) * sizeof *links);
	if (!links)
		return -ENOMEM;
	status->links = links;
	links[status->link_count] = (struct seen_link){ .hooks = 0 };
	text_copy(links[status->link_count++].name, POLICY_INTERFACE_SIZE, link->name);
	return 0;
}

static int read_links(struct status *status, struct diag *diag)
{
	struct netlink route = { 0 };
	int result = netlink_open(&route, NETLINK_ROUTE, diag);
	for (int tries = 0; result == 0 && tries < DUMP_TRIES; tries++) {
		status->link_count = 0;
		result = netlink_each_link(&route, keep_link, status);
		if (result != -EINTR)
			break;
		result = 0;
	}
	netlink_close(&route);
	return result < 0 ? diag_errno(diag, -result, "list the network interfaces") : 0;
}

static void note_hook(void *context, uint32_t hook, const char *device)
{
	struct status *status = context;
	if (strcmp(device, EVERY_DEVICE) == 0)
		status->every_device |= (uint8_t)(1 << hook);
	for (size_t i = 0; i < status->link_count; i++) {
		if (strcmp(status->links[i].name, device) == 0)
			status->links[i].hooks |= (uint8_t)(1 << hook);
	}
}

static int note_known(const struct element_info *element, void *context)
{
	struct status *status = context;
	for (size_t i = 0; i < status->link_count; i++) {
		if (strncmp(status->links[i].name, (const char *)element->key, element->key_length) == 0)
			status->links[i].known = true;
	}
	return 0;
}

static void note_difference(void *context, enum table_id table, const char *what)
{
	struct status *status = context;
	text_addf(&status->differences.text, "%s %s", table_types[table].word, what);
	end_line(&status->differences);
}

static void begin_again(void *context)
{
	struct status *status = context;
	clear_lines(&status->differences);
	clear_lines(&status->gaps);
	clear_lines(&status->peers);
	clear_lines(&status->networks);
	clear_lines(&status->resolvers);
	status->partial = false;
	status->any_resolver = false;
	status->every_device = 0;
	for (size_t i = 0; i < status->link_count; i++) {
		status->links[i].hooks = 0;
		status->links[i].known = false;
	}
}

/* "192.0.2.1:443", "tcp:192.0.2.1:22:in" */
static void list_peer(void *context, enum set_id set, enum ip_family family, const struct element_info *element)
{
	struct status *status = context;
	struct lines *lines = set == SET_RESOLVER ? &status->resolvers : &status->peers;
	uint8_t key = set_types[set].key;
	size_t length = family_address_length(family);
	size_t port_at = length + (key & KEY_PROTOCOL ? 4 : 0);
	const uint8_t *port = element->key + port_at;
	if (!(key & KEY_ADDRESS) || element->key_length != port_at + (key & KEY_PORT ? 4 : 0))
		return;
	struct policy_network peer = {
		.address.family = family_number(family),
		.prefix_length = (uint8_t)(8 * length),
		.protocol = key & KEY_PROTOCOL ? element->key[length] : 0,
		.port = key & KEY_PORT ? (uint16_t)(port[0] << 8 | port[1]) : 0,
		.inbound = set == SET_ALLOW_IN,
	};
	memcpy(peer.address.bytes, element->key, length);
	if (key & KEY_PROTOCOL)
		policy_network_format(&peer, &lines->text);
	else if (key & KEY_PORT)
		endpoint_format(&(struct endpoint){ peer.address, peer.port }, &lines->text);
	else
		address_format(&peer.address, &lines->text);
	end_line(lines);
}

/* Networks, protocols and the like: rules let them pass, not elements of sets. */
static void list_rule(void *context, const char *comment)
{
	struct status *status = context;
	const char *what = text_after(comment, RULE_ALLOW " ");
	if (!what)
		what = text_after(comment, RULE_TUNNEL " ");
	if (what) {
		text_add(&status->networks.text, what);
		end_line(&status->networks);
	}
	if (strcmp(comment, RULE_DNS_ANY) == 0) {
		status->any_resolver = true;
		text_add(&status->resolvers.text, "any address");
		end_line(&status->resolvers);
	}
}

static void note_gap(void *context, const char *gap)
{
	struct status *status = context;
	text_add(&status->gaps.text, gap);
	end_line(&status->gaps);
}

static int note_flowtable(const struct flowtable_info *flowtable, void *context)
{
	struct status *status = context;
	if (!flowtable->hardware)
		return 0;
	text_addf(&status->gaps.text, "flows that flowtable %.31s has offloaded to hardware", flowtable->name);
	end_line(&status->gaps);
	status->partial = true;
	return 0;
}

/* All but the examination. */
static int read_rest(void *context, struct diag *diag)
{
	struct status *status = context;
	char line[128];
	struct text behind = TEXT_ON(line);
	char known[32];
	struct text text = TEXT_ON(known);
	set_name(&text, "", SET_KNOWN, IPV4);
	const struct table_scope netdev = { &status->netlink, diag, status->table, NFPROTO_NETDEV };
	int result = element_each(&netdev, known, note_known, status);
	if (result == 0)
		result = flowtable_each(&status->netlink, note_flowtable, status, diag);
	if (result == 0)
		result = find_behind(&status->netlink, &behind, diag);
	if (behind.length)
		note_gap(status, line);
	status->partial |= behind.length > 0;
	return result == 0 ? attempts_read(&status->netlink, status->table, &status->attempts, diag) : result;
}

int status_read(struct status *status, const char *table, struct diag *diag)
{
	const struct examination examination = { note_difference, note_hook, list_peer, list_rule, read_rest, status };
	clear_lines(&status->differences);
	clear_lines(&status->gaps);
	int result = netlink_open(&status->netlink, NETLINK_NETFILTER, diag);
	if (result == 0)
		result = find_table(status, table, diag);
	if (result < 0 || !status->table[0])
		return result;
	result = read_links(status, diag);
	if (result < 0)
		return result;
	return examine(&status->netlink, status->table, &examination, begin_again, status->states, diag);
}

/* ---- what follows from it ---- */

/* Links that appeared later, or that lost their hooks when they were made anew. */
static void judge_links(struct status *status)
{
	uint8_t wanted = status->seal->layers & LAYER_INGRESS ? 1 << NF_NETDEV_INGRESS : 0;
	wanted |= status->seal->layers & LAYER_EGRESS ? 1 << NF_NETDEV_EGRESS : 0;
	for (size_t i = 0; i < status->link_count; i++) {
		const struct seen_link *link = &status->links[i];
		uint8_t hooks = link->hooks | (link->known ? 0 : status->every_device);
		if ((hooks & wanted) == wanted)
			continue;
		text_addf(&status->gaps.text, "raw frames on %s (it came later, or %s)", link->name,
			  status->seal->gaps & GAP_AWAITED ? "its route did" : "was made anew");
		end_line(&status->gaps);
		status->partial = true;
	}
}

/* The tables that the run installed, by its seal. */
static void judge_tables(struct status *status)
{
	const struct policy plan = {
		.wanted = status->seal->wanted,
		.layers = status->seal->layers,
		.refused = status->seal->refused,
		.without_fib = status->seal->without_fib,
		.without_log = status->seal->without_log,
		/* the one that comes and goes */
		.gaps = (uint8_t)((status->seal->gaps & ~GAP_XDP) | (status->xdp ? GAP_XDP : 0)),
		.links.count = 0,
	};
	for (int id = 0; id < TABLES; id++) {
		const struct table_state *state = &status->states[id];
		bool planned = plan.layers & LAYERS_BUILT & table_types[id].layers;
		bool sealed = state->found && state->info.sealed;
		if (planned && !state->found && (id != TABLE_NETDEV || status->link_count > 0))
			note_difference(status, (enum table_id)id, "table is missing");
		else if (state->found && (!sealed || state->info.seal.began != status->seal->began))
			note_difference(status, (enum table_id)id, "table is not of the same run");
	}
	status->partial |= coverage_gaps(&plan, note_gap, status);
	if (plan.layers & (LAYER_INGRESS | LAYER_EGRESS))
		judge_links(status);
}

static void judge_unsealed(struct status *status)
{
	note_gap(status, "whether its rules are complete: quarantine did not set it");
	for (int id = TABLE_BRIDGE; id < TABLES; id++) {
		if (!status->states[id].found)
			note_gap(status, id == TABLE_BRIDGE ? "bridged frames" : "raw frames");
	}
	status->partial = true;
}

static void conclude(struct status *status, const char *state, enum exit_code code)
{
	status->state = state;
	status->code = code;
}

/* What counts for a time only: where one table holds packets up, another whose time is over is a hole. */
static bool judge_times(struct status *status)
{
	bool filters = false;
	for (int id = 0; id < TABLES; id++) {
		const struct table_state *state = &status->states[id];
		filters |= state->filters && !state->over;
		status->over |= state->over;
		status->beside |= state->beside;
		status->probation |= state->beside || (state->probation && !state->over);
		status->left = state->left > status->left ? state->left : status->left;
	}
	for (int id = 0; id < TABLES; id++) {
		if (filters && status->states[id].over)
			note_difference(status, (enum table_id)id, "its time is over: it lets everything pass");
	}
	return filters;
}

void status_judge(struct status *status)
{
	for (int id = TABLES - 1; id >= 0; id--) {
		const struct table_state *state = &status->states[id];
		if (state->found)
			status->comment = state->info.comment;
		if (state->found && state->info.sealed)
			status->seal = &state->info.seal;
	}
	if (!judge_times(status)) {
		conclude(status, "not quarantined", EXIT_ANSWER_NO);
		return;
	}
	if (status->seal)
		judge_tables(status);
	else
		judge_unsealed(status);
	if (status->probation)
		conclude(status, "on probation", EXIT_UNVERIFIED);
	else if (status->partial || status->differences.count > 0)
		conclude(status, "partial", EXIT_PARTIAL);
	else
		conclude(status, "contained", EXIT_DONE);
}

void status_fini(struct status *status)
{
	attempts_fini(&status->attempts);
	free(status->links);
	netlink_close(&status->netlink);
}
