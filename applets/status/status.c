/* SPDX-License-Identifier: GPL-2.0-or-later */
/* status: what is in force, read back from the kernel, and what the device tried to reach meanwhile. */
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "../applet.h"
#include "base/date.h"
#include "base/item.h"
#include "base/json.h"
#include "base/output.h"
#include "state.h"
#include "state/saved.h"

extern const struct applet status_applet;

struct status_options {
	const char *table;
	bool attempts;
	bool json;
	bool quiet;
};

#define FIELD(name) offsetof(struct status_options, name)
static const struct option_row option_table[] = {
	OPTION('t', FIELD(table), "table", "NAME", table_option,
	       "the quarantine of this name;\ndefault: the one that there is"),
	OPTION(0, FIELD(attempts), "attempts", "", NULL, "whom somebody tried to reach, newest first"),
	OPTION_JSON(FIELD(json)),
	OPTION('q', FIELD(quiet), "quiet", "", NULL, "print errors only: the exit code says it"),
	OPTION_END,
};

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

/* One item of these words, after which there are none. */
static void tell_words(struct text *text, const char *label, struct text *words)
{
	item_format(text, label, words->bytes);
	text_clear(words);
}

/* Seconds since the run began, by a clock that nobody sets. */
static uint64_t age_of(const struct table_seal *seal)
{
	uint64_t now = (uint64_t)boottime_ms();
	return now > seal->began ? (now - seal->began) / 1000 : 0;
}

static void tell_times(struct status *status, struct text *text, struct text *words)
{
	const struct table_seal *seal = status->seal;
	if (!seal)
		return;
	date_time_format(seal->began_wall, words);
	text_add(words, " (");
	duration_format(age_of(seal), words);
	text_add(words, " ago)");
	tell_words(text, "since", words);
	bool ended = status->over && status->code == EXIT_ANSWER_NO;
	text_add(words, ended ? "its time was over" : status->probation ? "its probation ends" : "released");
	if (status->left && !ended) {
		text_add(words, ", or ");
		duration_format(status->left / 1000, words);
		text_add(words, " from now");
	}
	tell_words(text, "until", words);
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

static void tell_counters(const struct status *status, struct text *text, struct text *words)
{
	static const char labels[][sizeof "through"] = { "in", "out", "through" };
	for (int i = 0; i < DIRECTIONS; i++) {
		struct tally dropped = count_dropped(status, (enum direction)i);
		text_addf(words, "%llu packets allowed, %llu dropped (%llu bytes)",
			  (unsigned long long)count_accepted(status, (enum direction)i),
			  (unsigned long long)dropped.packets, (unsigned long long)dropped.bytes);
		tell_words(text, labels[i], words);
	}
}

static void tell_attempt_summary(const struct status *status, struct text *text, struct text *words)
{
	if (status->attempts.count == 0)
		return;
	text_addf(words, "%zu, the last to ", status->attempts.count);
	attempt_describe(&status->attempts.list[0], words);
	text_add(words, " (--attempts)");
	tell_words(text, "attempts", words);
}

static void tell_release(const struct status *status, struct text *text, struct text *words)
{
	bool usual = strcmp(status->table, CONFIG_DEFAULT_TABLE) == 0;
	text_addf(words, "release%s%s", usual ? "" : " -t ", usual ? "" : status->table);
	tell_words(text, "undo with", words);
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

static void tell_dns_bound(const struct status *status, struct text *text, struct text *words)
{
	if (status->resolvers.count == 0 || !status->seal)
		return;
	if (status->any_resolver) /* one rate for UDP, one for TCP */
		text_addf(words, "together at most %d packets a second", 2 * POLICY_DNS_RATE);
	else
		text_addf(words, "each at most %d packets a second", POLICY_DNS_RATE);
	tell_words(text, "", words);
}

/* Whether a reboot brings it back, or would bring one back. */
static bool is_saved(const struct status *status)
{
	return CONFIG_PERSIST && saved_is_there(status->comment ? status->table : NULL);
}

static void tell_saved(const struct status *status, struct text *text, struct text *words)
{
	if (!is_saved(status))
		return;
	text_addf(words, "%s, for quarantine --restore", saved_path);
	tell_words(text, "saved in", words);
}

static void tell(struct status *status, struct text *text)
{
	char line[320];
	struct text words = TEXT_ON(line);
	tell_state(status, text);
	if (*status->other)
		item_format(text, "also there", status->other);
	if (!status->comment) {
		tell_saved(status, text, &words);
		return;
	}
	tell_lines(text, "differs", &status->differences);
	tell_times(status, text, &words);
	item_format(text, "set by", *status->comment ? status->comment : "Velociraptor's artifact, or by hand");
	tell_lines(text, "allowed", &status->peers);
	tell_lines(text, status->peers.count ? "" : "allowed", &status->networks);
	tell_lines(text, "resolvers", &status->resolvers);
	tell_dns_bound(status, text, &words);
	tell_counters(status, text, &words);
	tell_attempt_summary(status, text, &words);
	if (status->code != EXIT_ANSWER_NO)
		tell_lines(text, "not covered", &status->gaps);
	tell_saved(status, text, &words);
	tell_release(status, text, &words);
}

static void tell_attempts(const struct status *status, struct text *text)
{
	uint64_t unlisted = count_unlisted(status);
	char age[32];
	char line[160];
	struct text label = TEXT_ON(age);
	struct text words = TEXT_ON(line);
	if (status->attempts.count == 0)
		text_add(text, "no attempts were noted\n");
	for (size_t i = 0; i < status->attempts.count; i++) {
		const struct attempt *attempt = &status->attempts.list[i];
		text_clear(&label);
		duration_format(attempt->age / 1000, &label);
		attempt_describe(attempt, &words);
		text_addf(&words, " %llu packet%s%s", (unsigned long long)attempt->packets,
			  attempt->packets == 1 ? "" : "s", attempt->interface ? " from " : "");
		attempt_interface(attempt, &words);
		tell_words(text, age, &words);
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
	static const char names[][2][sizeof "through_allowed"] = {
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
	if (CONFIG_PERSIST)
		json_bool(text, "saved", is_saved(status));
	if (status->seal) {
		json_number(text, "since", status->seal->began_wall);
		json_number(text, "age", (int64_t)age_of(status->seal));
		json_number(text, "left", (int64_t)(status->left / 1000));
	}
	if (status->comment) {
		json_lines(text, "differs", &status->differences);
		json_array_begin(text, "allowed");
		each_line(&status->peers, json_line, text);
		each_line(&status->networks, json_line, text);
		json_array_end(text);
		json_lines(text, "resolvers", &status->resolvers);
		json_lines(text, "not_covered", &status->gaps);
		json_counters(status, text);
	}
	json_end(text);
}

/* A member with these words, after which there are none. */
static void json_words(struct text *text, const char *name, struct text *words)
{
	json_string(text, name, words->bytes);
	text_clear(words);
}

static void tell_attempt_json(const struct status *status, const struct attempt *attempt, struct text *text)
{
	char line[160];
	struct text words = TEXT_ON(line);
	attempt_describe(attempt, &words);
	begin_json(status, text, line);
	text_clear(&words);
	address_format(&attempt->address, &words);
	json_words(text, "address", &words);
	attempt_protocol(attempt, &words);
	json_words(text, "protocol", &words);
	json_number(text, "port", attempt->port);
	attempt_interface(attempt, &words);
	json_words(text, "interface", &words);
	json_number(text, "packets", (int64_t)attempt->packets);
	json_number(text, "last", status->now - (int64_t)(attempt->age / 1000));
	json_end(text);
}

/* ---- the whole ---- */

static void print_attempts_json(const struct status *status, struct output *output)
{
	for (size_t i = 0; i < status->attempts.count; i++) {
		char line[512];
		struct text text = TEXT_ON(line);
		tell_attempt_json(status, &status->attempts.list[i], &text);
		text.context = output;
		output_flush(&text);
	}
}

static void flush_for_people(struct text *text)
{
	text_hide_controls(text);
	output_flush(text);
}

static void print(struct status *status, const struct status_options *options, struct output *output)
{
	/* A JSON object has to stand in it whole: five lists, at worst six bytes for one. Unused, it costs nothing. */
	static char page[(5 * 6 + 1) * LIST_SIZE];
	struct text text = TEXT_ON(page);
	text.context = output;
	if (options->json && options->attempts) {
		print_attempts_json(status, output);
		return;
	}
	if (options->json) {
		tell_json(status, &text);
		output_flush(&text);
		return;
	}
	text.flush = flush_for_people;
	if (options->attempts)
		tell_attempts(status, &text);
	else
		tell(status, &text);
	flush_for_people(&text);
}

static int print_all(struct status *status, const struct status_options *options)
{
	struct output output;
	struct diag diag;
	if (options->quiet)
		return status->code;
	output_init(&output, STDOUT_FILENO);
	print(status, options, &output);
	int error = output.error ? output.error : output.lost || output.length ? EAGAIN : 0;
	output_fini(&output);
	if (error == 0)
		return status->code;
	diag_errno(&diag, error, "write to standard output");
	return applet_fail("status", EXIT_SYSTEM_REFUSED, &diag);
}

/* Of one name, or of the table that there is: one whose time is over does not hide another one that counts. */
static int look(struct status *status, const char *table, struct diag *diag)
{
	char over[sizeof status->table];
	char other[sizeof status->other];
	status->now = time(NULL);
	int result = status_read(status, table, diag);
	if (result < 0)
		return result;
	status_judge(status);
	if (status->code != EXIT_ANSWER_NO || table || !*status->other)
		return 0;
	text_copy(over, sizeof over, status->table);
	text_copy(other, sizeof other, status->other);
	status_fini(status);
	*status = (struct status){ .now = time(NULL) };
	result = status_read(status, other, diag);
	text_copy(status->other, sizeof status->other, over);
	if (result == 0)
		status_judge(status);
	return result;
}

static int run_status(int argc, char **argv)
{
	static struct status status; /* its lists are large for a stack */
	struct status_options options = { 0 };
	struct diag diag;
	int operands = options_parse(option_table, &options, argc, argv, &diag);
	if (operands > 0)
		operands = diag_fail(&diag, EINVAL, "unexpected operand '%.*s'", 40, argv[1]);
	if (operands < 0)
		return applet_usage_error(&status_applet, &diag);
	(void)signal(SIGPIPE, SIG_IGN);
	(void)signal(SIGXFSZ, SIG_IGN);
	int result = look(&status, options.table, &diag);
	int code = result < 0 ? applet_fail("status", exit_code_for(result), &diag) : print_all(&status, &options);
	status_fini(&status);
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
