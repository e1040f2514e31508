/* SPDX-License-Identifier: GPL-2.0-or-later */
/* quarantine: contain this device, prove that its management server still answers, keep or roll back, tell. */
#include <errno.h>
#include <netinet/in.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netlink.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "../applet.h"
#include "base/date.h"
#include "build_info.h"
#include "links.h"
#include "nft/containment.h"
#include "nft/examine.h"
#include "nft/plan.h"
#include "nft/table.h"
#include "policy/coverage.h"
#include "prove.h"
#include "report.h"
#include "resolvers.h"
#include "settings.h"
#include "sever.h"
#include "state/lock.h"
#if CONFIG_QUARANTINE_NOTIFY
#include "tty/log.h"
#include "tty/notify.h"
#endif

extern const struct applet quarantine_applet;

enum {
	RESOLVE_MS = 10000,
	PROBATION_MARGIN_MS = 8000, /* beyond the probe's deadline: the forbidden URL, and the final transaction */
	DRY_RUN_DRAIN_MS = 60000,
	READ_TRIES = 20,
	LOG_MS = 500,
	COMMAND_WORDS = 32, /* more than a comment has room for */
	NOTIFY_MS = 2000,
	ALLOWED_LISTED = 8, /* addresses of --allow in the last block; -v lists all */
};

/* All that a run holds; every member is safe to release when it was never taken. */
struct run {
	struct settings settings;
	struct report report;
	struct netlink netlink;
	struct resolvers resolvers;
	struct links_survey survey;
	struct proof *proof;
	int lock;
	char **words; /* of the command line, behind the name */
	bool replaces; /* an older quarantine */
	bool partial; /* something named is not covered */
	bool unverified;
	char hardware_flowtable[32]; /* one that hands flows to the network card, "": none */
	char behind[96]; /* a chain of somebody else's that sees what ours have let out, "": none */
	size_t rules;
	size_t gaps_told;
	struct text *gap_list; /* JSON in the making */
	char proven_by[80];
	bool unproven; /* every server was asked, none proved itself, and that is why it ends */
	char comment[128]; /* of the tables: when, how long, by which command line */
};

static struct policy *policy_of(struct run *run)
{
	return &run->settings.targets.policy;
}

/* ---- signals ---- */

static volatile sig_atomic_t interrupted;

static void note_signal(int number)
{
	(void)number;
	interrupted = 1;
}

/*
 * INT and TERM end the proof, so that it is rolled back at once. What a cut session or a stopped terminal sends is
 * ignored: it must not stop a probation half way.
 */
static void catch_signals(void)
{
	static const int ignored[] = { SIGHUP, SIGPIPE, SIGTTOU, SIGTTIN, SIGTSTP };
	struct sigaction ignore = { .sa_handler = SIG_IGN };
	struct sigaction note = { .sa_handler = note_signal };
	for (size_t i = 0; i < sizeof ignored / sizeof *ignored; i++)
		(void)sigaction(ignored[i], &ignore, NULL);
	(void)sigaction(SIGINT, &note, NULL);
	(void)sigaction(SIGTERM, &note, NULL);
}

/* ---- ends ---- */

/* The run failed in a step: its line, and the diagnostic on stderr. */
static int fail_step(struct run *run, enum exit_code code, const struct diag *diag)
{
	char line[REPORT_LINE_SIZE];
	if (run->report.name && !run->report.json)
		report_end(&run->report, false, "");
	if (run->report.json) {
		struct text text = TEXT_ON(line);
		report_json_begin(&text, diag->text);
		json_string(&text, "step", run->report.name ? run->report.name : "read");
		json_bool(&text, "ok", false);
		json_number(&text, "milliseconds", run->report.name ? monotonic_ms() - run->report.began : 0);
		json_number(&text, "exit", code);
		report_json_end(&run->report, &text);
	}
	return code == EXIT_USAGE_ERROR ? applet_usage_error(&quarantine_applet, diag) :
					  applet_fail("quarantine", code, diag);
}

/* A step that failed before anything was changed. */
static int fail_unchanged(struct run *run, int error, const struct diag *diag)
{
	return fail_step(run, exit_code_for(error), diag);
}

/* ---- steps ---- */

static void warn(void *context, const struct diag *diag)
{
	struct run *run = context;
	report_warning(&run->report, diag);
}

static int check_output(struct run *run)
{
	struct diag diag;
	int error = report_error(&run->report);
	if (error == 0)
		return EXIT_DONE;
	diag_errno(&diag, error, "write to standard output (nothing was changed)");
	return applet_fail("quarantine", EXIT_SYSTEM_REFUSED, &diag);
}

static int step_resolve(struct run *run)
{
	struct diag diag;
	struct targets *targets = &run->settings.targets;
	struct deadline deadline = deadline_in(RESOLVE_MS);
	report_begin(&run->report, "resolve");
	resolvers_read(&run->resolvers, warn, run);
	int result = targets_resolve(targets, &run->resolvers.config, deadline, !run->settings.keep, warn, run, &diag);
#if CONFIG_QUARANTINE_PROBE
	/* a name that can't be resolved can't be reached by it either */
	if (result == 0 && run->proof &&
	    proof_resolve_forbidden(run->proof, &run->resolvers.config, deadline, &diag) < 0)
		warn(run, &diag);
#endif
	if (interrupted)
		result = diag_fail(&diag, EINTR, "interrupted; nothing was changed");
	if (result == -ENOENT)
		return fail_step(run, EXIT_NO_SERVER, &diag);
	if (result < 0)
		return fail_unchanged(run, result, &diag);
	resolvers_choose(&run->resolvers, &run->settings, warn, run);
	run->partial |= run->resolvers.any_by_need;
	size_t resolved = targets_resolved_servers(targets);
	char detail[80];
	struct text text = TEXT_ON(detail);
	text_addf(&text, "servers: %zu of %zu, resolvers: %zu", resolved, targets->server_count, run->resolvers.count);
	report_end(&run->report, true, detail);
	return EXIT_DONE;
}

static int count_rule(void *context, const struct rule *rule)
{
	(void)rule;
	++*(size_t *)context;
	return 0;
}

static void count_rules(struct run *run)
{
	const struct policy *policy = policy_of(run);
	run->rules = 0;
	for (int table = 0; table < TABLES; table++) {
		if (policy_has_table(policy, (enum table_id)table))
			(void)policy_each_rule(policy, (enum table_id)table, count_rule, &run->rules);
	}
}

/* The session of BGP can be allowed; others speak to groups and by protocols of their own. */
static void warn_of_daemon(const struct links_survey *survey, struct diag *diag)
{
	char gateway[ADDRESS_TEXT_SIZE];
	struct text text = TEXT_ON(gateway);
	bool six = survey->gateway.family == AF_INET6;
	address_format(&survey->gateway, &text);
	if (survey->gateway.family && strcmp(survey->daemon, "bgp") == 0)
		diag_fail(diag, 0, "bgp keeps the route and is cut: --allow tcp:%s%s%s:179", six ? "[" : "", gateway,
			  six ? "]" : "");
	else
		diag_fail(diag, 0, "%s keeps the route and is cut: set a static one", survey->daemon);
}

/* What the survey could not say in full. */
static void warn_of_survey(struct run *run)
{
	const struct links_survey *survey = &run->survey;
	struct diag diag;
	if (survey->macs_cut || survey->on_link_cut || survey->outer_cut) {
		diag_fail(&diag, 0, "more %s than are looked at: raw frames are less closely",
			  survey->outer_cut ? "tunnels" : survey->macs_cut ? "MAC addresses" : "prefixes");
		report_warning(&run->report, &diag);
	}
	if (*survey->unknown) {
		diag_fail(&diag, 0, "%s: there is no such interface", survey->unknown);
		report_warning(&run->report, &diag);
	}
	if (survey->tunnel_error) {
		diag_errno(&diag, survey->tunnel_error, "%s: list its peers", survey->tunnel);
		report_warning(&run->report, &diag);
	}
	if (*survey->tunnel) {
		diag_fail(&diag, 0, "%s: --allow what the tunnel itself sends (udp:HOST:PORT)", survey->tunnel);
		report_warning(&run->report, &diag);
	}
	if (survey->next_hops) {
		diag_fail(&diag, 0, "set net.ipv4.nexthop_compat_mode=1 to see the uplink");
		report_warning(&run->report, &diag);
	}
	if (survey->daemon) {
		warn_of_daemon(survey, &diag);
		report_warning(&run->report, &diag);
	}
}

/* The layers below IP need to know the device's links; without that they are left out. */
static int survey_links(struct run *run, struct diag *diag)
{
	struct policy *policy = policy_of(run);
	struct links_survey *survey = &run->survey;
	policy->wanted = run->settings.layers;
	policy->layers = run->settings.layers;
	int result = links_survey(survey, policy, run->settings.uplinks, run->settings.uplink_count, diag);
	if (result == -ENOMEM)
		return result;
	if (result < 0) {
		report_warning(&run->report, diag);
		policy->refused |= policy->layers & LAYER_NETDEV;
		policy->layers &= (uint8_t)~LAYER_NETDEV;
		return 0;
	}
	for (size_t i = 0; i < survey->outer_count; i++) {
		if (policy->network_count == POLICY_NETWORKS_MAX)
			return diag_fail(diag, E2BIG, "more than %d networks and tunnels", POLICY_NETWORKS_MAX);
		policy->networks[policy->network_count++] = survey->outer[i];
		/* from WireGuard's own port nobody else sends but root, who would need its key as well */
		policy->gaps |= survey->outer[i].own_port ? 0 : GAP_TUNNEL;
	}
	policy->links = survey->links;
	for (size_t i = 0; i < policy->links.count; i++) {
		if ((policy->layers & LAYER_EGRESS) && (policy->links.links[i].passes & LINK_PPPOE))
			policy->gaps |= GAP_PPPOE;
	}
	policy->gaps |= (*survey->switched ? GAP_SWITCH : 0) | (survey->xdp ? GAP_XDP : 0);
	if (survey->vrf) /* our own addresses would look like those of others */
		policy->without_fib = (1 << TABLES) - 1;
	warn_of_survey(run);
	return 0;
}

/* A word of the command line, without what nft could not read back. URLs with credentials have been refused before. */
static void add_word(struct text *text, const char *word)
{
	text_add(text, " ");
	for (; *word; word++) {
		bool plain = *word > ' ' && *word < 0x7f && *word != '"' && *word != '\\';
		text_add_bytes(text, plain ? word : "_", 1);
	}
}

/* What `nft list` and status say about the run. */
static void stamp(struct run *run)
{
	struct policy *policy = policy_of(run);
	struct text text = TEXT_ON(run->comment);
	policy->began = (uint64_t)boottime_ms();
	policy->began_wall = time(NULL);
	text_add(&text, POLICY_COMMENT_PREFIX QUARBOX_VERSION ", ");
	date_time_format(policy->began_wall, &text);
	if (policy->lasts) {
		text_add(&text, ", for ");
		duration_format(policy->lasts, &text);
	}
	text_add(&text, ": quarantine");
	for (char **word = run->words; *word; word++)
		add_word(&text, *word);
	if (text.cut)
		strcpy(run->comment + sizeof run->comment - sizeof "...", "...");
}

static int prepare_policy(struct run *run, struct diag *diag)
{
	struct policy *policy = policy_of(run);
	policy->table = run->settings.table;
	policy->comment = run->comment;
	policy->lasts = run->settings.lasts;
	policy->log = run->settings.log.where;
	policy->log_group = run->settings.log.group;
	stamp(run);
	policy->gaps = run->resolvers.any_by_need ? GAP_DNS : 0;
	int result = resolvers_allow(&run->resolvers, &run->settings.targets, diag);
	policy_normalize(policy);
	if (result == 0)
		result = survey_links(run, diag);
	count_rules(run);
	return result;
}

static void flush_dry_run(struct text *text)
{
	struct output *output = text->context;
	output_write(output, text->bytes, text->length);
	(void)output_drain(output, deadline_in(DRY_RUN_DRAIN_MS));
	text->length = 0;
}

static int print_dry_run(struct run *run)
{
	char buffer[2048];
	struct diag diag;
	struct text text = TEXT_ON(buffer);
	text.flush = flush_dry_run;
	text.context = &run->report.output;
	plan_print(policy_of(run), &text);
	flush_dry_run(&text);
	int error = run->report.output.error;
	if (error == 0 && !run->report.output.lost)
		return EXIT_DONE;
	diag_errno(&diag, error ? error : EAGAIN, "write to standard output");
	return applet_fail("quarantine", EXIT_SYSTEM_REFUSED, &diag);
}

static int take_lock(struct run *run)
{
	struct diag diag;
	run->lock = lock_take(&diag);
	if (run->lock == -EWOULDBLOCK) {
		run->report.name = run->report.json ? "lock" : NULL; /* for people it is no step */
		return fail_step(run, EXIT_LOCKED, &diag);
	}
	if (run->lock < 0)
		report_warning(&run->report, &diag);
	return EXIT_DONE;
}

static unsigned probation_ms(const struct run *run)
{
	return run->settings.timeout * 1000 + PROBATION_MARGIN_MS;
}

static int note_flowtable(const struct flowtable_info *flowtable, void *context)
{
	struct run *run = context;
	if (flowtable->hardware)
		text_copy(run->hardware_flowtable, sizeof run->hardware_flowtable, flowtable->name);
	return 0;
}

static int step_contain(struct run *run, bool on_probation)
{
	struct diag diag;
	struct policy *policy = policy_of(run);
	report_begin(&run->report, "contain");
	int result = netlink_open(&run->netlink, NETLINK_NETFILTER, &diag);
	if (result == 0 && on_probation)
		result = containment_begin_probation(&run->netlink, policy, CONFIG_DEFAULT_TABLE, probation_ms(run),
						     &run->replaces, &diag);
	else if (result == 0)
		result = containment_install(&run->netlink, policy, CONFIG_DEFAULT_TABLE, false, &run->replaces, &diag);
	if (result == -EEXIST)
		return fail_step(run, EXIT_USAGE_ERROR, &diag);
	if (result < 0)
		return fail_unchanged(run, result, &diag);
	char detail[80];
	struct text text = TEXT_ON(detail);
	count_rules(run);
	coverage_describe(policy, &text);
	text_addf(&text, ": %zu rules", run->rules);
	if (on_probation)
		text_add(&text, run->replaces ? ", beside older" : ", on probation");
	else if (run->replaces)
		text_add(&text, ", older ones replaced");
	report_end(&run->report, true, detail);
	if (policy->stateless) {
		diag_fail(&diag, 0, "no connection tracking: stateless rules are used");
		report_warning(&run->report, &diag);
	}
	if (flowtable_each(&run->netlink, note_flowtable, run, &diag) < 0)
		report_warning(&run->report, &diag);
	return EXIT_DONE;
}

#if CONFIG_QUARANTINE_PROBE
static void tell_end_json(struct run *run, const char *state, const char *now, enum exit_code code)
{
	char line[REPORT_LINE_SIZE];
	char words[128];
	struct text result = TEXT_ON(words);
	struct text text = TEXT_ON(line);
	if (!run->report.json)
		return;
	text_addf(&result, "%s: %s", state, now);
	report_json_begin(&text, words);
	json_string(&text, "state", state);
	json_string(&text, "table", run->settings.table);
	json_bool(&text, "older", run->replaces);
	json_number(&text, "exit", code);
	report_json_end(&run->report, &text);
}

/* Of the servers that did not prove themselves; `last` has been told already. */
static void tell_other_failures(struct run *run, const struct diag *last)
{
	const struct targets *targets = &run->settings.targets;
	for (size_t i = 0; i < targets->server_count; i++) {
		const struct server *server = &targets->servers[i];
		if (*server->failure.text && strcmp(server->failure.text, last->text) != 0)
			report_warning(&run->report, &server->failure);
	}
}

/* Back to the state before; `code` and `why` say what for. */
static int roll_back(struct run *run, enum exit_code code, const struct diag *why)
{
	struct diag diag;
	const char *state = "rolled back";
	const char *now = run->replaces ? "the older quarantine is in force again" : "nothing of ours is in force";
	bool failed = containment_end_probation(&run->netlink, run->settings.table, &diag) < 0;
	(void)fail_step(run, code, why); /* may wait for a slow terminal, so it comes after */
	if (run->unproven)
		tell_other_failures(run, why);
	if (failed) {
		report_warning(&run->report, &diag);
		state = "uncertain";
		now = "the containment ends by itself when its probation is over";
	}
	report_result(&run->report, state, now);
	tell_end_json(run, state, now, code);
	return (int)code;
}

static int step_prove(struct run *run)
{
	struct diag diag;
	struct text detail = TEXT_ON(run->proven_by);
	struct deadline deadline = deadline_in(run->settings.timeout * 1000ll);
	report_begin(&run->report, "prove");
	int result = proof_run(run->proof, &run->settings.targets, &run->resolvers.config, deadline, &detail, &diag);
	if (interrupted) {
		diag_fail(&diag, EINTR, "interrupted before a server had proven itself");
		return roll_back(run, EXIT_NO_SERVER, &diag);
	}
	if (result < 0 && !run->settings.keep) {
		run->unproven = true;
		return roll_back(run, EXIT_NO_SERVER, &diag);
	}
	if (result < 0) {
		text_add(&detail, "no server; kept all the same (--keep)");
		report_warning(&run->report, &diag);
		tell_other_failures(run, &diag);
	}
	if (proof_clock_unset(run->proof)) {
		diag_fail(&diag, 0, "the clock is not set: \"not yet valid\" does not count");
		report_warning(&run->report, &diag);
	}
	result = proof_forbidden(run->proof, &diag);
	if (result == -EISCONN)
		return roll_back(run, EXIT_STILL_REACHABLE, &diag);
	if (interrupted) {
		diag_fail(&diag, EINTR, "interrupted before the quarantine was kept");
		return roll_back(run, EXIT_NO_SERVER, &diag);
	}
	run->unverified = result < 0;
	char line[128];
	struct text told = TEXT_ON(line);
	if (result == 0 && run->settings.has_forbidden) /* before what may have to be cut: a host's name */
		text_add(&told, "-f out of reach; ");
	text_add(&told, run->proven_by);
	report_end(&run->report, true, line);
	if (result < 0)
		report_warning(&run->report, &diag);
	return EXIT_DONE;
}

static int step_keep(struct run *run)
{
	struct diag diag;
	bool replaced;
	report_begin(&run->report, "keep");
	int result = containment_install(&run->netlink, policy_of(run), CONFIG_DEFAULT_TABLE, true, &replaced, &diag);
	if (result == -ECANCELED)
		return fail_step(run, EXIT_NO_SERVER, &diag);
	if (result == -ETIMEDOUT) /* we were stopped: what was proven then may no longer hold */
		return roll_back(run, EXIT_NO_SERVER, &diag);
	if (result < 0)
		return roll_back(run, exit_code_for(result), &diag);
	report_end(&run->report, true, "permanent");
	return EXIT_DONE;
}
#endif

/* The first thing that is not as it was sent. */
struct verification {
	size_t count;
	struct diag first;
};

static void forget(void *context)
{
	*(struct verification *)context = (struct verification){ .count = 0 };
}

static void note_difference(void *context, enum table_id table, const char *what)
{
	struct verification *verification = context;
	if (verification->count++ == 0)
		diag_fail(&verification->first, 0, "read back: %s %s", table_types[table].word, what);
}

/* Each table of the plan has to be there as it was sent, and as this run sent it; no other. */
static void check_table(const struct policy *policy, enum table_id id, const struct table_state *state,
			struct verification *verification)
{
	bool wanted = policy_has_table(policy, id);
	bool ours = state->found && state->info.sealed && state->info.seal.began == policy->began;
	if (wanted && !ours)
		note_difference(verification, id, state->found ? "table is another run's" : "table is missing");
	else if (wanted && (!state->filters || state->probation || state->beside || state->over))
		note_difference(verification, id, "table is not in force");
	else if (!wanted && state->found)
		note_difference(verification, id, "table is there, and is not part of the plan");
}

static void verify(struct run *run)
{
	struct diag diag;
	struct verification verification;
	const struct examination examination = { .differs = note_difference, .context = &verification };
	struct table_state states[TABLES];
	struct text behind = TEXT_ON(run->behind);
	int result = -EINTR; /* somebody has changed a rule set while it was read */
	for (int tries = 0; tries < READ_TRIES && result == -EINTR; tries++)
		result = find_behind(&run->netlink, &behind, &diag);
	if (result == 0)
		result = examine(&run->netlink, run->settings.table, &examination, forget, states, &diag);
	for (int id = 0; id < TABLES && result == 0; id++)
		check_table(policy_of(run), (enum table_id)id, &states[id], &verification);
	if (result == 0 && verification.count == 0)
		return;
	run->unverified = true;
	report_warning(&run->report, result < 0 ? &diag : &verification.first);
}

static void partial(struct run *run, const char *why)
{
	struct diag diag;
	diag_fail(&diag, 0, "sever: %s", why);
	report_warning(&run->report, &diag);
	run->partial = true;
}

/* What was open before and isn't allowed. */
static void step_sever(struct run *run)
{
	struct diag diag;
	struct sever_report severed;
	char detail[80];
	struct text text = TEXT_ON(detail);
	report_begin(&run->report, "sever");
	int result = sever_flows(policy_of(run), &severed, &diag);
	text_addf(&text, "%u flows, %u sockets ended", severed.entries, severed.sockets);
	if (severed.left)
		text_addf(&text, ", %u left", severed.left);
	report_count(&run->report, "flows", severed.entries);
	report_count(&run->report, "sockets", severed.sockets);
	report_count(&run->report, "left", severed.left);
	report_end(&run->report, result == 0 && severed.left == 0, detail);
	if (result < 0)
		partial(run, diag.text);
	if (severed.left)
		partial(run, "the kernel did not end all that was open");
	if (severed.no_sockets)
		partial(run, "this kernel can't end sockets: they go on after release");
	if (severed.no_conntrack)
		partial(run, "this kernel can't end offloaded flows (no ctnetlink)");
}

/* ---- telling ---- */

#if CONFIG_QUARANTINE_NOTIFY
static void notify_terminals(struct run *run, const char *message)
{
	struct diag diag;
	struct tty_notify_report report;
	const struct tty_notify_options options = { .timeout = NOTIFY_MS };
	char line[96];
	struct text text = TEXT_ON(line);
	if (tty_notify_all(message, &options, &report, &diag) < 0) {
		report_warning(&run->report, &diag);
		return;
	}
	text_addf(&text, "terminals: %zu told%s", report.written, report.cut ? " (message cut)" : "");
	report_item(&run->report, "message", line);
	if (report.timed_out + report.failed == 0)
		return;
	diag_fail(&diag, 0, "message: %zu terminals could not be told", report.timed_out + report.failed);
	report_warning(&run->report, &diag);
}
#endif

static void tell_people(struct run *run)
{
#if CONFIG_QUARANTINE_NOTIFY
	struct diag diag;
	const char *message = run->settings.message;
	if (message && *message)
		notify_terminals(run, message);
	/* a system without a log daemon is no fault */
	(void)log_to_syslog("/dev/log", "quarantine", "network quarantine is in force", deadline_in(LOG_MS), &diag);
#else
	(void)run;
#endif
}

/* "192.0.2.2", with its port when that is not the URL's. */
static void format_endpoint(const struct server *server, const struct endpoint *endpoint, struct text *text)
{
	if (endpoint->port == server_peer(server)->port)
		address_format(&endpoint->address, text);
	else
		endpoint_format(endpoint, text);
}

static void list_addresses(const struct server *server, bool all, struct text *text)
{
	enum { SHORT_LIST = 4 };
	if (server->proxy.set) {
		text_add(text, " through ");
		url_format(&server->proxy.url, text);
	}
	for (size_t i = 0; i < server->endpoint_count; i++) {
		if (!all && i == SHORT_LIST) {
			text_addf(text, " and %zu more", server->endpoint_count - i);
			break;
		}
		text_add(text, i ? ", " : " ");
		format_endpoint(server, &server->endpoints[i], text);
	}
}

/* "proven at 192.0.2.2", "not tried": what the proof has shown of it, and of which address. */
static void describe_standing(const struct server *server, struct text *text)
{
	if (server->proven || server->reached) {
		text_add(text, server->proven ? "proven at " : "reached, not proven, at ");
		address_format(&server->proof_at, text);
	} else {
		text_add(text, server->tried ? "not proven" : "not tried");
	}
}

static void tell_servers(struct run *run)
{
	const struct targets *targets = &run->settings.targets;
	for (size_t i = 0; i < targets->server_count; i++) {
		const struct server *server = &targets->servers[i];
		char line[REPORT_LINE_SIZE];
		struct text text = TEXT_ON(line);
		url_format(&server->url, &text);
		if (server->endpoint_count == 0)
			text_add(&text, " NOT allowed: no address");
		list_addresses(server, run->settings.verbose, &text);
		text_add(&text, " (");
		describe_standing(server, &text);
		text_add(&text, ")");
		report_item(&run->report, i ? "" : "allowed", line);
	}
}

static void tell_peer(struct run *run, const struct policy_network *peer, bool all_bits)
{
	char line[96];
	struct text text = TEXT_ON(line);
	bool brackets = peer->address.family == AF_INET6;
	text_addf(&text, "%s:%s", protocol_word(peer->protocol), brackets ? "[" : "");
	address_format(&peer->address, &text);
	text_add(&text, brackets ? "]" : "");
	if (!all_bits)
		text_addf(&text, "/%u", peer->prefix_length);
	if (peer->port)
		text_addf(&text, ":%u%s", peer->port, peer->inbound ? ":in" : "");
	report_item(&run->report, "", line);
}

static void tell_network(struct run *run, const struct policy_network *network)
{
	tell_peer(run, network, false);
}

static void tell_peers(struct run *run, enum set_id set, enum ip_family family, size_t *listed)
{
	size_t cursor = 0;
	struct set_element element;
	while (policy_next_element(policy_of(run), set, family, &cursor, &element)) {
		struct policy_network peer = {
			.address.family = family_number(family),
			.protocol = element.protocol,
			.port = (uint16_t)(element.port[0] << 8 | element.port[1]),
			.inbound = set == SET_ALLOW_IN,
		};
		memcpy(peer.address.bytes, element.address, family_address_length(family));
		if ((*listed)++ < ALLOWED_LISTED || run->settings.verbose)
			tell_peer(run, &peer, true);
	}
}

static void tell_allowed(struct run *run)
{
	const struct policy *policy = policy_of(run);
	char line[512];
	struct text text = TEXT_ON(line);
	size_t listed = 0;
	for (size_t i = 0; i < policy->network_count; i++)
		tell_network(run, &policy->networks[i]);
	for (size_t i = 0; i < policy->dhcp_server_count; i++) {
		text = TEXT_ON(line);
		text_addf(&text, "dhcp-server:%s", policy->dhcp_server[i]);
		report_item(&run->report, "", line);
	}
	for (int family = IPV4; family < IP_FAMILIES; family++) {
		tell_peers(run, SET_ALLOW_OUT, (enum ip_family)family, &listed);
		tell_peers(run, SET_ALLOW_IN, (enum ip_family)family, &listed);
	}
	text = TEXT_ON(line);
	if (listed > ALLOWED_LISTED && !run->settings.verbose) {
		text_addf(&text, "and %zu more (-v lists all)", listed - ALLOWED_LISTED);
		report_item(&run->report, "", line);
	}
	text = TEXT_ON(line);
	resolvers_describe(&run->resolvers, &text);
	report_item(&run->report, "DNS", line);
}

static void ignore_gap(void *context, const char *gap)
{
	(void)context;
	(void)gap;
}

static void tell_gap(void *context, const char *gap)
{
	struct run *run = context;
	report_item(&run->report, run->gaps_told++ ? "" : "not covered", gap);
}

/* Whether something that was asked for is missing. */
static bool tell_gaps(struct run *run, void (*take)(void *context, const char *gap))
{
	char line[96];
	struct text text = TEXT_ON(line);
	bool partial = run->hardware_flowtable[0] || run->behind[0];
	if (*run->behind)
		take(run, run->behind);
	text_addf(&text, "flows that flowtable %s has offloaded to hardware", run->hardware_flowtable);
	if (*run->hardware_flowtable)
		take(run, line);
	return partial | coverage_gaps(policy_of(run), take, run);
}

static enum exit_code final_code(const struct run *run)
{
	if (run->unverified)
		return EXIT_UNVERIFIED;
	return run->partial ? EXIT_PARTIAL : EXIT_DONE;
}

static const char *final_state(enum exit_code code)
{
	if (code == EXIT_UNVERIFIED)
		return "uncertain";
	return code == EXIT_PARTIAL ? "partial" : "contained";
}

static void tell_server_json(struct run *run, const struct server *server)
{
	char line[4096]; /* a URL of 525 bytes twice, SERVER_ADDRESSES_MAX addresses of 48 */
	char url[600];
	char words[640];
	struct text url_text = TEXT_ON(url);
	struct text result = TEXT_ON(words);
	struct text text = TEXT_ON(line);
	url_format(&server->url, &url_text);
	text_addf(&result, "server %s: ", url);
	if (server->endpoint_count)
		describe_standing(server, &result);
	else
		text_add(&result, "not allowed, no address");
	report_json_begin(&text, words);
	json_string(&text, "server", url);
	if (server->proxy.set) {
		url_text = TEXT_ON(url);
		url_format(&server->proxy.url, &url_text);
		json_string(&text, "proxy", url);
	}
	json_array_begin(&text, "addresses");
	for (size_t i = 0; i < server->endpoint_count; i++) {
		char address[ENDPOINT_TEXT_SIZE];
		struct text address_text = TEXT_ON(address);
		format_endpoint(server, &server->endpoints[i], &address_text);
		json_array_string(&text, address);
	}
	json_array_end(&text);
	json_bool(&text, "proven", server->proven);
	if (server->proven || server->reached) {
		char address[ADDRESS_TEXT_SIZE];
		struct text address_text = TEXT_ON(address);
		address_format(&server->proof_at, &address_text);
		json_string(&text, "proof_at", address);
	}
	report_json_end(&run->report, &text);
}

static void list_gap(void *context, const char *gap)
{
	struct run *run = context;
	json_array_string(run->gap_list, gap);
}

static void tell_json(struct run *run, enum exit_code code)
{
	char line[REPORT_LINE_SIZE];
	char words[POLICY_TABLE_NAME_MAX + 32];
	char dns[512];
	const struct targets *targets = &run->settings.targets;
	for (size_t i = 0; i < targets->server_count; i++)
		tell_server_json(run, &targets->servers[i]);
	struct text result = TEXT_ON(words);
	text_addf(&result, "%s: table inet %s", final_state(code), run->settings.table);
	struct text dns_text = TEXT_ON(dns);
	resolvers_describe(&run->resolvers, &dns_text);
	struct text text = TEXT_ON(line);
	report_json_begin(&text, words);
	json_string(&text, "state", final_state(code));
	json_string(&text, "table", run->settings.table);
	json_string(&text, "dns", dns);
	json_number(&text, "rules", (int64_t)run->rules);
	json_array_begin(&text, "layers");
	for (int table = 0; table < TABLES; table++) {
		if (policy_has_table(policy_of(run), (enum table_id)table))
			json_array_string(&text, table_types[table].word);
	}
	json_array_end(&text);
	run->gap_list = &text;
	json_array_begin(&text, "not_covered");
	(void)tell_gaps(run, list_gap);
	json_array_end(&text);
	json_number(&text, "exit", code);
	report_json_end(&run->report, &text);
}

static void tell_links(struct run *run)
{
	char line[512];
	struct text text = TEXT_ON(line);
	coverage_describe(policy_of(run), &text);
	report_item(&run->report, "layers", line);
	text = TEXT_ON(line);
	links_describe(&run->survey, &text);
	report_item(&run->report, "interfaces", line);
	text = TEXT_ON(line);
	text_addf(&text, "%s has an address: if it is a backup, --uplink %s", run->survey.backup, run->survey.backup);
	if (*run->survey.backup)
		report_item(&run->report, "", line);
}

static int tell(struct run *run)
{
	run->partial |= tell_gaps(run, ignore_gap);
	enum exit_code code = final_code(run);
	char line[256];
	struct text text = TEXT_ON(line);
	bool default_table = strcmp(run->settings.table, CONFIG_DEFAULT_TABLE) == 0;
	if (run->report.json)
		tell_json(run, code);
	text_addf(&text, "table inet %s", run->settings.table);
	report_result(&run->report, final_state(code), line);
	tell_servers(run);
	tell_allowed(run);
	tell_links(run);
	tell_gaps(run, tell_gap);
	text = TEXT_ON(line);
	if (policy_of(run)->lasts) {
		duration_format(policy_of(run)->lasts, &text);
		text_add(&text, ", then the kernel lets everything pass");
		report_item(&run->report, "lasts", line);
		text = TEXT_ON(line);
	}
	text_addf(&text, "release%s%s", default_table ? "" : " -t ", default_table ? "" : run->settings.table);
	report_item(&run->report, "undo with", line);
	output_write(&run->report.output, "", 0); /* before terminals that may be slow */
	tell_people(run);
	return (int)code;
}

/* ---- the whole ---- */

static int contain_and_prove(struct run *run)
{
	bool probe = CONFIG_QUARANTINE_PROBE && !run->settings.no_probe;
	int code = step_contain(run, probe);
#if CONFIG_QUARANTINE_PROBE
	if (code == EXIT_DONE && probe)
		code = step_prove(run);
	if (code == EXIT_DONE && probe)
		code = step_keep(run);
#endif
	if (code != EXIT_DONE)
		return code;
	if (CONFIG_QUARANTINE_SEVER)
		step_sever(run);
	verify(run);
	return tell(run);
}

static int run_steps(struct run *run)
{
	struct diag diag;
	int result = 0;
	if (run->settings.dry_run)
		run->report.quiet = true;
	report_begin(&run->report, "read");
#if CONFIG_QUARANTINE_PROBE
	if (!run->settings.no_probe)
		result = proof_open(&run->settings, &run->proof, &diag);
	if (result < 0)
		return fail_step(run, result == -EBADMSG ? EXIT_BAD_CONFIG : exit_code_for(result), &diag);
#endif
	report_end(&run->report, true, run->settings.client.servers ? "options and Velociraptor's configuration" :
								       "options and configuration");
	int code = step_resolve(run);
	if (code != EXIT_DONE)
		return code;
	result = prepare_policy(run, &diag);
	if (result < 0)
		return fail_unchanged(run, result, &diag);
	if (run->settings.dry_run)
		return print_dry_run(run);
	code = check_output(run);
	if (code == EXIT_DONE)
		code = take_lock(run);
	return code == EXIT_DONE ? contain_and_prove(run) : code;
}

static int finish(struct run *run, int code)
{
	struct diag diag;
	int result = report_fini(&run->report);
	if (result < 0 && (code == EXIT_DONE || code == EXIT_PARTIAL) && report_error(&run->report) != 0) {
		diag_errno(&diag, -result, "write to standard output");
		code = applet_fail("quarantine", EXIT_UNVERIFIED, &diag);
	}
#if CONFIG_QUARANTINE_PROBE
	proof_close(run->proof);
#endif
	netlink_close(&run->netlink);
	links_survey_fini(&run->survey);
	settings_fini(&run->settings);
	if (run->lock >= 0)
		close(run->lock);
	return code;
}

/* -r: release with what it understands. */
static int run_release(const struct settings *settings)
{
	char name[] = "release";
	char table[NFT_NAME_MAXLEN + 16]; /* longer than one of ours: somebody else's by that name is not to be hit */
	char json[] = "-j";
	char quiet[] = "-q";
	char *arguments[5] = { name };
	int count = 1;
	struct text text = TEXT_ON(table);
	text_addf(&text, "--table=%s", settings->table ? settings->table : "");
	if (settings->table)
		arguments[count++] = table;
	if (settings->json)
		arguments[count++] = json;
	if (settings->quiet)
		arguments[count++] = quiet;
	return applet_run(name, count, arguments);
}

/* What was asked for can't be done: no step has begun. */
static int refuse(struct run *run, int error, const struct diag *diag)
{
	if (*diag->text == '\0') /* help */
		return applet_usage_error(&quarantine_applet, diag);
	return fail_step(run, error == -EBADMSG ? EXIT_BAD_CONFIG :
			 error == -ENOMEM ? EXIT_SYSTEM_REFUSED : EXIT_USAGE_ERROR, diag);
}

static int run_quarantine(int argc, char **argv)
{
	char *words[COMMAND_WORDS + 1] = { NULL }; /* in the order in which they were typed */
	struct run run = { .lock = -1, .words = words };
	struct diag diag;
	for (int i = 0; i < argc - 1 && i < COMMAND_WORDS; i++)
		words[i] = argv[i + 1];
	int result = settings_read(&run.settings, argc, argv, &diag);
	if (result == 0 && run.settings.remove)
		return run_release(&run.settings);
	if (!run.settings.dry_run) /* which may end at any time: a pipe that nobody reads, ^C */
		catch_signals();
	bool probe = CONFIG_QUARANTINE_PROBE && !run.settings.no_probe;
	report_init(&run.report, run.settings.json, run.settings.quiet, (probe ? 5 : 3) + CONFIG_QUARANTINE_SEVER);
	return finish(&run, result < 0 ? refuse(&run, result, &diag) : run_steps(&run));
}

const struct applet quarantine_applet = {
	.name = "quarantine",
	.summary = "cut this device off from all but its management server",
	.operands = "[URL...]",
	.options = quarantine_options,
	.notes = "Exit: 0 contained, 3 rolled back (no server proved itself), 4 rolled back\n"
		 "(forbidden URL answers), 5 partial, 6 not verified, 64 usage, 69 kernel,\n"
		 "71 system, 75 locked, 77 not permitted, 78 configuration.\n",
	.run = run_quarantine,
};
