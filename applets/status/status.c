/* SPDX-License-Identifier: GPL-2.0-or-later */
/* status: what is in force, read back from the kernel, and what the device tried to reach meanwhile. */
#include <errno.h>
#include <limits.h>
#include <net/if.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netlink.h>

#include "../applet.h"
#include "attempts.h"
#include "base/date.h"
#include "base/deadline.h"
#include "base/item.h"
#include "base/json.h"
#include "base/output.h"
#include "netlink/rtnetlink.h"
#include "nft/examine.h"
#include "nft/match.h"
#include "policy/coverage.h"

extern const struct applet status_applet;

enum {
	TABLE_NAME_LIMIT = 255, /* NFT_NAME_MAXLEN - 1 */
	DRAIN_MS = 30000,
	LIST_SIZE = 4096, /* of one list in words; what does not fit is counted */
};

struct status_options {
	const char *table;
	bool attempts;
	bool json;
	bool quiet;
};

/* A link of the device that is up or down, and the hooks that look at its frames. */
struct seen_link {
	char name[POLICY_INTERFACE_SIZE];
	uint8_t hooks; /* bits 1 << enum nf_dev_hooks */
	bool known; /* to the chains on every device: they leave it to its own */
};

/* Lines, each ending in a newline, as many as fit. */
struct lines {
	size_t count;
	struct text text;
	char bytes[LIST_SIZE];
};

struct status {
	struct status_options options;
	struct netlink netlink;
	char table[256];
	char other[256]; /* a quarantine of another name, "": none */
	int rank; /* how good a choice the table is */
	struct table_state states[TABLES];
	const struct table_seal *seal; /* of the first table that has one; NULL: none of them is ours */
	const char *comment; /* of the first table that is there; NULL: none is */
	struct seen_link *links;
	size_t link_count;
	uint8_t every_device; /* hooks that are on every device */
	struct lines differences;
	struct lines gaps;
	struct lines peers;
	struct lines resolvers;
	const char *state; /* the word for it */
	enum exit_code code;
	bool partial;
	bool probation;
	bool beside; /* the probation is of another plan than the tables' own */
	bool over; /* in one of the tables at least */
	uint64_t left; /* ms of --for, in the table where it is most; 0: none */
	struct attempts attempts;
	int64_t now; /* seconds since the epoch */
};

static int parse_table(void *field, const char *value, struct diag *diag)
{
	size_t length = strlen(value);
	if (length == 0 || length > TABLE_NAME_LIMIT)
		return diag_fail(diag, EINVAL, "a table's name has 1 to %d characters", TABLE_NAME_LIMIT);
	return option_string(field, value, diag);
}

#define FIELD(name) offsetof(struct status_options, name)
static const struct option_row option_table[] = {
	{ 't', "table", "NAME", parse_table, FIELD(table),
	  "the quarantine of this name;\ndefault: the one that there is" },
	{ 0, "attempts", NULL, option_flag, FIELD(attempts), "whom somebody tried to reach, newest first" },
	OPTION_JSON(FIELD(json)),
	{ 'q', "quiet", NULL, option_flag, FIELD(quiet), "print errors only: the exit code says it" },
	OPTION_END,
};

/* ---- lists of lines ---- */

static void clear_lines(struct lines *lines)
{
	lines->count = 0;
	lines->text = TEXT_ON(lines->bytes);
}

static void add_line(struct lines *lines, const char *line)
{
	lines->count++;
	if (lines->text.length + strlen(line) + 2 > lines->text.size)
		lines->text.cut = true; /* whole lines only */
	else if (!lines->text.cut)
		text_addf(&lines->text, "%s\n", line);
}

/* Calls take for each line. */
static void each_line(struct lines *lines, void (*take)(void *context, const char *line), void *context)
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

static int find_table(struct status *status, struct diag *diag)
{
	if (status->options.table) {
		text_copy(status->table, sizeof status->table, status->options.table);
		status->rank = INT_MAX;
	}
	return table_each(&status->netlink, choose_table, status, diag);
}

static int keep_link(void *context, const struct netlink_link *link)
{
	struct status *status = context;
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
	for (int tries = 0; result == 0 && tries < 3; tries++) {
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
	if (strcmp(device, "*") == 0)
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
	char line[320];
	struct text text = TEXT_ON(line);
	text_addf(&text, "%s %s", table_types[table].word, what);
	add_line(&status->differences, line);
}

static void begin_again(void *context)
{
	struct status *status = context;
	clear_lines(&status->differences);
	clear_lines(&status->gaps);
	clear_lines(&status->peers);
	clear_lines(&status->resolvers);
	status->partial = false;
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
	struct address address = { .family = family_number(family) };
	size_t length = family_address_length(family);
	size_t port_at = length + (key & KEY_PROTOCOL ? 4 : 0);
	const uint8_t *port = element->key + port_at;
	bool brackets = (key & KEY_PORT) && family == IPV6;
	char line[96];
	struct text text = TEXT_ON(line);
	if (!(key & KEY_ADDRESS) || element->key_length != port_at + (key & KEY_PORT ? 4 : 0))
		return;
	memcpy(address.bytes, element->key, length);
	if (key & KEY_PROTOCOL)
		text_add(&text, element->key[length] == IPPROTO_TCP ? "tcp:" : "udp:");
	text_add(&text, brackets ? "[" : "");
	address_format(&address, &text);
	text_add(&text, brackets ? "]" : "");
	if (key & KEY_PORT)
		text_addf(&text, ":%u", port[0] << 8 | port[1]);
	if (set == SET_ALLOW_IN)
		text_add(&text, ":in");
	add_line(lines, line);
}

/* Something that makes it partial. */
static void note_uncovered(struct status *status, const char *gap)
{
	add_line(&status->gaps, gap);
	status->partial = true;
}

static int note_flowtable(const struct flowtable_info *flowtable, void *context)
{
	struct status *status = context;
	char line[96];
	struct text text = TEXT_ON(line);
	if (!flowtable->hardware)
		return 0;
	text_addf(&text, "flows that flowtable %.31s has offloaded to hardware", flowtable->name);
	note_uncovered(status, line);
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
	int result = element_each(&status->netlink, NFPROTO_NETDEV, status->table, known, note_known, status, diag);
	if (result == 0)
		result = flowtable_each(&status->netlink, note_flowtable, status, diag);
	if (result == 0)
		result = find_behind(&status->netlink, &behind, diag);
	if (behind.length)
		note_uncovered(status, line);
	return result == 0 ? attempts_read(&status->netlink, status->table, &status->attempts, diag) : result;
}

static int read_all(struct status *status, struct diag *diag)
{
	const struct examination examination = { note_difference, note_hook, list_peer, read_rest, status };
	int result = netlink_open(&status->netlink, NETLINK_NETFILTER, diag);
	if (result == 0)
		result = find_table(status, diag);
	if (result < 0 || !status->table[0])
		return result;
	result = read_links(status, diag);
	if (result < 0)
		return result;
	return examine(&status->netlink, status->table, &examination, begin_again, status->states, diag);
}

/* ---- what follows from it ---- */

static void note_gap(void *context, const char *gap)
{
	struct status *status = context;
	add_line(&status->gaps, gap);
}

/* Links that appeared later, or that lost their hooks when they were made anew. */
static void judge_links(struct status *status)
{
	uint8_t wanted = status->seal->layers & LAYER_INGRESS ? 1 << NF_NETDEV_INGRESS : 0;
	wanted |= status->seal->layers & LAYER_EGRESS ? 1 << NF_NETDEV_EGRESS : 0;
	for (size_t i = 0; i < status->link_count; i++) {
		const struct seen_link *link = &status->links[i];
		char line[96];
		struct text text = TEXT_ON(line);
		uint8_t hooks = link->hooks | (link->known ? 0 : status->every_device);
		if ((hooks & wanted) == wanted)
			continue;
		text_addf(&text, "raw frames on %s (it came later, or was made anew)", link->name);
		note_uncovered(status, line);
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
		.gaps = status->seal->gaps,
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

static void judge(struct status *status)
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

/* ---- telling people ---- */

struct telling {
	struct text *text;
	const char *label;
};

static void tell_line(void *context, const char *line)
{
	struct telling *telling = context;
	item_format(telling->text, telling->label, line);
	telling->label = "";
}

static void tell_lines(struct text *text, const char *label, struct lines *lines)
{
	struct telling telling = { text, label };
	each_line(lines, tell_line, &telling);
}

/* Seconds since the run began, by a clock that nobody sets. */
static uint64_t age_of(const struct table_seal *seal)
{
	struct timespec now;
	if (clock_gettime(CLOCK_BOOTTIME, &now) < 0)
		return 0;
	uint64_t milliseconds = (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
	return milliseconds > seal->began ? (milliseconds - seal->began) / 1000 : 0;
}

static void tell_times(struct status *status, struct text *text)
{
	char line[128];
	struct text words = TEXT_ON(line);
	const struct table_seal *seal = status->seal;
	if (!seal)
		return;
	date_format(seal->began_wall, &words);
	text_add(&words, " (");
	duration_format(age_of(seal), &words);
	text_add(&words, " ago)");
	item_format(text, "since", line);
	words = TEXT_ON(line);
	text_add(&words, "released");
	if (status->left) {
		text_add(&words, ", or ");
		duration_format(status->left / 1000, &words);
		text_add(&words, " from now");
	}
	bool ended = status->over && status->code == EXIT_ANSWER_NO;
	item_format(text, "until", ended ? "its time was over" : line);
}

/* What the inet table lets pass, others have let pass as well. */
static uint64_t count_accepted(const struct status *status, enum direction direction)
{
	return status->states[TABLE_INET].accepted[direction].packets;
}

/* A packet is dropped only once. */
static struct tally count_dropped(const struct status *status, enum direction direction)
{
	struct tally sum = { 0 };
	for (int id = 0; id < TABLES; id++) {
		sum.packets += status->states[id].dropped[direction].packets;
		sum.bytes += status->states[id].dropped[direction].bytes;
	}
	return sum;
}

static uint64_t count_unlisted(const struct status *status)
{
	return status->states[TABLE_INET].unlisted + status->states[TABLE_NETDEV].unlisted;
}

static void tell_counters(const struct status *status, struct text *text)
{
	static const char *const labels[] = { "in", "out", "through" };
	for (int i = 0; i < DIRECTIONS; i++) {
		char line[128];
		struct text words = TEXT_ON(line);
		struct tally dropped = count_dropped(status, (enum direction)i);
		text_addf(&words, "%llu packets allowed, %llu dropped (%llu bytes)",
			  (unsigned long long)count_accepted(status, (enum direction)i),
			  (unsigned long long)dropped.packets, (unsigned long long)dropped.bytes);
		item_format(text, labels[i], line);
	}
}

static void tell_attempt_summary(const struct status *status, struct text *text)
{
	char line[128];
	struct text words = TEXT_ON(line);
	if (status->attempts.count == 0)
		return;
	text_addf(&words, "%zu, the last to ", status->attempts.count);
	attempt_describe(&status->attempts.list[0], &words);
	text_add(&words, " (--attempts)");
	item_format(text, "attempts", line);
}

static void tell_release(const struct status *status, struct text *text)
{
	char line[320];
	struct text words = TEXT_ON(line);
	bool usual = strcmp(status->table, CONFIG_DEFAULT_TABLE) == 0;
	text_addf(&words, "release%s%s", usual ? "" : " -t ", usual ? "" : status->table);
	item_format(text, "undo with", line);
}

static void tell_state(const struct status *status, struct text *text)
{
	if (!status->comment)
		text_add(text, "not quarantined: no table of ours is there\n");
	else if (status->code == EXIT_ANSWER_NO && status->over)
		text_addf(text, "not quarantined: the time of table %.60s is over\n", status->table);
	else if (status->code == EXIT_ANSWER_NO)
		text_addf(text, "not quarantined: table %.60s holds nothing up\n", status->table);
	else if (status->beside)
		text_addf(text, "%s beside an older one: table %.60s\n", status->state, status->table);
	else
		text_addf(text, "%s: table %.60s%s\n", status->state, status->table,
			  status->seal && status->differences.count == 0 ? ", intact" : "");
}

static void tell(struct status *status, struct text *text)
{
	tell_state(status, text);
	if (*status->other)
		item_format(text, "also there", status->other);
	if (!status->comment)
		return;
	tell_lines(text, "differs", &status->differences);
	tell_times(status, text);
	item_format(text, "set by", *status->comment ? status->comment : "Velociraptor's artifact, or by hand");
	tell_lines(text, "allowed", &status->peers);
	tell_lines(text, "resolvers", &status->resolvers);
	tell_counters(status, text);
	tell_attempt_summary(status, text);
	if (status->code != EXIT_ANSWER_NO)
		tell_lines(text, "not covered", &status->gaps);
	tell_release(status, text);
}

static void tell_attempts(const struct status *status, struct text *text)
{
	uint64_t unlisted = count_unlisted(status);
	if (status->attempts.count == 0)
		text_add(text, "no attempts were noted\n");
	for (size_t i = 0; i < status->attempts.count; i++) {
		const struct attempt *attempt = &status->attempts.list[i];
		char age[32];
		char line[160];
		struct text words = TEXT_ON(age);
		duration_format(attempt->age / 1000, &words);
		words = TEXT_ON(line);
		attempt_describe(attempt, &words);
		text_addf(&words, " %llu packet%s%s", (unsigned long long)attempt->packets,
			  attempt->packets == 1 ? "" : "s", attempt->interface ? " from " : "");
		attempt_interface(attempt, &words);
		item_format(text, age, line);
	}
	if (unlisted)
		text_addf(text, "%llu packet%s more: the list was full, or they were not IP\n",
			  (unsigned long long)unlisted, unlisted == 1 ? "" : "s");
}

/* ---- telling programs ---- */

static void begin_json(const struct status *status, struct text *text, const char *result)
{
	json_begin(text);
	json_number(text, "Time", status->now);
	json_string(text, "Result", result);
}

static void json_line(void *context, const char *line)
{
	json_array_string(context, line);
}

static void json_lines(struct text *text, const char *name, struct lines *lines)
{
	json_array_begin(text, name);
	each_line(lines, json_line, text);
	json_array_end(text);
}

static void json_counters(const struct status *status, struct text *text)
{
	static const char *const names[][2] = {
		{ "in_allowed", "in_dropped" },
		{ "out_allowed", "out_dropped" },
		{ "through_allowed", "through_dropped" },
	};
	for (int i = 0; i < DIRECTIONS; i++) {
		json_number(text, names[i][0], (int64_t)count_accepted(status, (enum direction)i));
		json_number(text, names[i][1], (int64_t)count_dropped(status, (enum direction)i).packets);
	}
	json_number(text, "attempts", (int64_t)status->attempts.count);
	json_number(text, "attempts_unlisted", (int64_t)count_unlisted(status));
}

static void tell_json(struct status *status, struct text *text)
{
	char words[128];
	struct text result = TEXT_ON(words);
	tell_state(status, &result);
	if (result.length)
		words[result.length - 1] = '\0'; /* the newline */
	begin_json(status, text, words);
	json_string(text, "state", status->state);
	json_number(text, "exit", status->code);
	if (status->comment) {
		json_string(text, "table", status->table);
		json_bool(text, "intact", status->seal && status->differences.count == 0);
		json_string(text, "set_by", status->comment);
	}
	if (*status->other)
		json_string(text, "other", status->other);
	if (status->seal) {
		json_number(text, "since", status->seal->began_wall);
		json_number(text, "age", (int64_t)age_of(status->seal));
		json_number(text, "left", (int64_t)(status->left / 1000));
	}
	if (status->comment) {
		json_lines(text, "differs", &status->differences);
		json_lines(text, "allowed", &status->peers);
		json_lines(text, "resolvers", &status->resolvers);
		json_lines(text, "not_covered", &status->gaps);
		json_counters(status, text);
	}
	json_end(text);
}

static void tell_attempt_json(const struct status *status, const struct attempt *attempt, struct text *text)
{
	char words[160];
	char address[ADDRESS_TEXT_SIZE];
	char protocol[16];
	char interface[32];
	struct text result = TEXT_ON(words);
	struct text address_text = TEXT_ON(address);
	struct text protocol_text = TEXT_ON(protocol);
	struct text interface_text = TEXT_ON(interface);
	attempt_describe(attempt, &result);
	address_format(&attempt->address, &address_text);
	attempt_protocol(attempt, &protocol_text);
	attempt_interface(attempt, &interface_text);
	begin_json(status, text, words);
	json_string(text, "address", address);
	json_string(text, "protocol", protocol);
	json_number(text, "port", attempt->port);
	json_string(text, "interface", interface);
	json_number(text, "packets", (int64_t)attempt->packets);
	json_number(text, "last", status->now - (int64_t)(attempt->age / 1000));
	json_end(text);
}

/* ---- the whole ---- */

static void flush(struct text *text)
{
	struct output *output = text->context;
	output_write(output, text->bytes, text->length);
	(void)output_drain(output, deadline_in(DRAIN_MS));
	text->length = 0;
}

static void print_attempts_json(const struct status *status, struct output *output)
{
	for (size_t i = 0; i < status->attempts.count; i++) {
		char line[512];
		struct text text = TEXT_ON(line);
		tell_attempt_json(status, &status->attempts.list[i], &text);
		text.context = output;
		flush(&text);
	}
}

static void print(struct status *status, struct output *output)
{
	static char page[6 * LIST_SIZE]; /* a JSON object has to stand in it whole: four lists, escaped */
	struct text text = TEXT_ON(page);
	text.context = output;
	if (status->options.json && status->options.attempts) {
		print_attempts_json(status, output);
		return;
	}
	if (status->options.json) {
		tell_json(status, &text);
	} else {
		text.flush = flush;
		if (status->options.attempts)
			tell_attempts(status, &text);
		else
			tell(status, &text);
	}
	flush(&text);
}

static int print_all(struct status *status)
{
	struct output output;
	struct diag diag;
	if (status->options.quiet)
		return status->code;
	output_init(&output, STDOUT_FILENO);
	print(status, &output);
	int error = output.error ? output.error : output.lost ? EAGAIN : 0;
	output_fini(&output);
	if (error == 0)
		return status->code;
	diag_errno(&diag, error, "write to standard output");
	return applet_fail("status", EXIT_SYSTEM_REFUSED, &diag);
}

static int run_status(int argc, char **argv)
{
	static struct status status; /* its lists are large for a stack */
	struct diag diag;
	int operands = options_parse(option_table, &status.options, argc, argv, &diag);
	if (operands > 0)
		operands = diag_fail(&diag, EINVAL, "unexpected operand '%.*s'", 40, argv[1]);
	if (operands < 0)
		return applet_usage_error(&status_applet, &diag);
	(void)signal(SIGPIPE, SIG_IGN);
	clear_lines(&status.differences);
	clear_lines(&status.gaps);
	status.now = time(NULL);
	int result = read_all(&status, &diag);
	if (result == 0)
		judge(&status);
	int code = result < 0 ? applet_fail("status", exit_code_for(result), &diag) : print_all(&status);
	attempts_fini(&status.attempts);
	free(status.links);
	netlink_close(&status.netlink);
	return code;
}

const struct applet status_applet = {
	.name = "status",
	.summary = "what is in force, and what the device tried to reach",
	.operands = "",
	.options = option_table,
	.notes = "Exit: 0 contained, 1 not quarantined, 5 partial or changed, 6 on probation,\n"
		 "64 usage, 69 kernel, 71 system, 77 not permitted.\n",
	.run = run_status,
};
