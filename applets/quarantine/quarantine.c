/* SPDX-License-Identifier: GPL-2.0-or-later */
/* quarantine: contain this device, prove that its management server still answers, keep or roll back, tell. */
#include <errno.h>
#include <netinet/in.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netlink.h>
#include <poll.h>
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
#include "persist.h"
#include "policy/coverage.h"
#include "prove.h"
#include "report.h"
#include "resolvers.h"
#include "session.h"
#include "settings.h"
#include "sever.h"
#include "state/lock.h"
#include "state/saved.h"
#if CONFIG_QUARANTINE_PROBE
#include "http/probe.h"
#endif
#if CONFIG_QUARANTINE_NOTIFY
#include "tty/log.h"
#include "tty/notify.h"
#endif

extern const struct applet quarantine_applet;

enum {
	LOCK_WAIT_MS = 500, /* for one that ends soon, as guard's */
	RESOLVE_MS = 10000,
	READ_TRIES = 20,
	LAST_WORDS_MS = 300, /* for sshd to send what we say before we cut it off */
	LOG_MS = 500,
	NOTIFY_MS = 2000,
	LINKS_SIZE = 512, /* bytes of the line of interfaces: links_describe fills what there is */
	SAVED_OFTEN = 60, /* seconds of --for: whoever restores often does not write a flash chip as often */
	REACH_MS = 3000, /* for a server to take a connection, when all its addresses are tried ... */
	REACH_EACH_MS = 250, /* ... one after the other (net/connect.h) */
	REACH_MAX_MS = 12000,
	ALLOWED_LISTED = 8, /* addresses of --allow in the last block; -v lists all */
};

/* What is restored as it stands in the kernel. */
struct standing {
	bool changed; /* something is not as it was installed */
	size_t hooks; /* on devices */
	struct table_state states[TABLES];
};

/* What the kernel may refuse of a policy. */
struct granted {
	uint8_t layers;
	uint8_t refused;
	uint8_t without_fib;
	uint8_t without_log;
	bool stateless;
	bool without_routes;
};

/* All that a run holds; every member is safe to release when it was never taken. */
struct run {
	int lock;
	bool replaces; /* an older quarantine */
	bool partial; /* something named is not covered */
	bool unverified;
	bool saved; /* it can come back after a reboot */
	bool was_saved; /* a file of this table was there under the lock: only release takes it away */
	bool gone; /* somebody has removed its tables meanwhile */
	bool rebooted; /* nothing was in force when it was restored */
	bool unchanged; /* it was in force already */
	bool unproven; /* every server was asked, none proved itself, and that is why it ends */
	int left_out; /* addresses that --proven-only does not allow any more */
	struct report report; /* its diag is that of what this run does */
	struct settings settings;
	struct settings *before; /* of --renew, when it has come to that: what was saved */
	struct netlink netlink;
	struct resolvers resolvers;
	struct links_survey survey;
	struct proof *proof;
	char **words; /* of the command line, behind the name */
	/* what is not covered, in words; "": covered */
	char offloaded[96]; /* flows that a flowtable hands to the network card */
	char behind[96]; /* a chain of somebody else's that sees what ours have let out */
	struct standing standing;
	uint32_t saved_lasts; /* seconds: what is left of --for as the file says */
	int64_t ends_at; /* ms of CLOCK_BOOTTIME: of what is renewed, when it has a time */
	struct granted planned; /* before the kernel has answered */
	size_t rules;
	size_t gaps_told;
	char proven_by[80];
	char comment[128]; /* of the tables: when, how long, by which command line */
};

/* Of what is larger musl's malloc takes several at once, 192 KB more where pages have 64 KB. */
_Static_assert(sizeof(struct run) <= 32736, "a run is larger than a class of malloc's");

static struct policy *policy_of(struct run *run)
{
	return &run->settings.targets.policy;
}

static bool restores(const struct run *run)
{
	return CONFIG_PERSIST && run->settings.restore;
}

/* No server answers where it was when it was saved. */
static bool renews(const struct run *run)
{
	return CONFIG_PERSIST && CONFIG_QUARANTINE_PROBE && run->before;
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
 * ignored: it must not stop a probation half way. A file that may not grow is an error of write.
 */
static void catch_signals(void)
{
	static const int ignored[] = { SIGHUP, SIGPIPE, SIGXFSZ, SIGTTOU, SIGTTIN, SIGTSTP };
	struct sigaction note = { .sa_handler = note_signal };
	for (size_t i = 0; i < sizeof ignored / sizeof *ignored; i++)
		(void)signal(ignored[i], SIG_IGN);
	(void)sigaction(SIGINT, &note, NULL);
	(void)sigaction(SIGTERM, &note, NULL);
}

/* ---- ends ---- */

/* The run failed in a step: its line, and the diagnostic on stderr. */
static int fail_step(struct run *run, enum exit_code code)
{
	const struct diag *diag = &run->report.diag;
	report_failure(&run->report, code);
	return code == EXIT_USAGE_ERROR ? applet_usage_error(&quarantine_applet, diag) :
					  applet_fail("quarantine", code, diag);
}

/* A step that failed before anything was changed. */
static int fail_unchanged(struct run *run, int error)
{
	return fail_step(run, exit_code_for(error));
}

/* What was asked for can't be done: no step has begun. */
static int refuse(struct run *run, int error)
{
	if (*run->report.diag.text == '\0') /* help */
		return applet_usage_error(&quarantine_applet, &run->report.diag);
	return fail_step(run, error == -EBADMSG ? EXIT_BAD_CONFIG :
			 error == -ENOMEM ? EXIT_SYSTEM_REFUSED : EXIT_USAGE_ERROR);
}

static int fail_output(struct run *run, int error, const char *what)
{
	struct diag *diag = &run->report.diag;
	diag_errno(diag, error, "write to standard output%s", what);
	return applet_fail("quarantine", EXIT_SYSTEM_REFUSED, diag);
}

/* ---- steps ---- */

static void warn(void *context, const struct diag *diag)
{
	struct run *run = context;
	report_warning(&run->report, diag);
}

static void warn_of(struct run *run, const char *subject, const char *what)
{
	diag_fail(&run->report.diag, 0, "%s%s", subject, what);
	report_warning(&run->report, &run->report.diag);
}

static bool has_other_address(const struct targets *targets, const struct targets *before)
{
	for (size_t i = 0; i < targets->server_count; i++) {
		const struct server *server = &targets->servers[i];
		for (size_t j = 0; j < server->endpoint_count; j++) {
			const struct endpoint *endpoint = &server->endpoints[j];
			bool known = false;
			for (size_t k = 0; k < before->server_count; k++)
				known |= server_has_endpoint(&before->servers[k], &endpoint->address, endpoint->port);
			if (!known)
				return true;
		}
	}
	return false;
}

static int step_resolve(struct run *run)
{
	struct diag *diag = &run->report.diag;
	struct targets *targets = &run->settings.targets;
	struct deadline deadline = deadline_in(RESOLVE_MS);
	report_begin(&run->report, "resolve");
	if (!restores(run)) /* then their addresses are known */
		resolvers_read(&run->resolvers, &run->report);
	int result = targets_resolve(targets, &run->resolvers.config, deadline, !run->settings.keep, warn, run, diag);
#if CONFIG_QUARANTINE_PROBE
	/* a name that can't be resolved can't be reached by it either */
	if (result == 0 && run->proof &&
	    proof_resolve_forbidden(run->proof, &run->resolvers.config, deadline, diag) < 0)
		report_warning(&run->report, diag);
#endif
	if (interrupted)
		result = diag_fail(diag, EINTR, "interrupted; nothing was changed");
	if (result == -ENOENT)
		return fail_step(run, EXIT_NO_SERVER);
	if (result < 0)
		return fail_unchanged(run, result);
	if (renews(run) && !has_other_address(targets, &run->before->targets)) {
		diag_fail(diag, EHOSTUNREACH, "no server answers, and none has another address");
		return fail_step(run, EXIT_NO_SERVER);
	}
	resolvers_choose(&run->resolvers, &run->settings, &run->report);
	run->partial |= run->resolvers.any_by_need;
	struct text *detail = report_line(&run->report);
	text_addf(detail, "servers: %zu of %zu, resolvers: %zu", targets_resolved_servers(targets),
		  targets->server_count, run->resolvers.count);
	report_end(&run->report, true, detail->bytes);
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
static void warn_of_daemon(struct run *run)
{
	const struct links_survey *survey = &run->survey;
	const struct endpoint gateway = { survey->gateway, 179 };
	struct text *allow = report_line(&run->report);
	endpoint_format(&gateway, allow);
	if (survey->gateway.family && strcmp(survey->daemon, "bgp") == 0)
		warn_of(run, "bgp keeps the route and is cut: --allow tcp:", allow->bytes);
	else
		warn_of(run, survey->daemon, " keeps the route and is cut: set a static one");
}

/* What the survey could not say in full. */
static void warn_of_survey(struct run *run)
{
	const struct links_survey *survey = &run->survey;
	struct diag *diag = &run->report.diag;
	if (survey->macs_cut || survey->on_link_cut || survey->outer_cut)
		warn_of(run, survey->outer_cut ? "more tunnels" : survey->macs_cut ? "more MAC addresses" :
			"more prefixes", " than are looked at: raw frames are less closely");
	if (*survey->unknown)
		warn_of(run, survey->unknown, ": there is no such interface");
	if (survey->tunnel_error) {
		diag_errno(diag, survey->tunnel_error, "%s: list its peers", survey->tunnel);
		report_warning(&run->report, diag);
	}
	if (*survey->tunnel)
		warn_of(run, survey->tunnel, ": --allow what the tunnel itself sends (udp:HOST:PORT)");
	if (CONFIG_QUARANTINE_IPSEC && survey->ipsec.family) {
		struct text *to = report_line(&run->report);
		address_format(&survey->ipsec, to);
		warn_of(run, to->bytes, ": --allow esp:HOST, udp:HOST:500, :4500 (IPsec)");
	}
	if (survey->next_hops)
		warn_of(run, "", "set net.ipv4.nexthop_compat_mode=1 to see the uplink");
	if (survey->daemon)
		warn_of_daemon(run);
}

/* The layers below IP need to know the device's links; without that they are left out. */
static int survey_links(struct run *run)
{
	struct diag *diag = &run->report.diag;
	struct policy *policy = policy_of(run);
	struct links_survey *survey = &run->survey;
	policy->layers = policy->wanted;
	int result = links_survey(survey, policy, &run->settings.links, diag);
	if (result == -ENOMEM)
		return result;
	if (result < 0) {
		report_warning(&run->report, diag);
		policy->refused |= policy->layers & LAYER_NETDEV;
		policy->layers &= (uint8_t)~LAYER_NETDEV;
	}
	if (policy->network_count + survey->outer_count > POLICY_NETWORKS_MAX)
		return diag_fail(diag, E2BIG, "more than %d networks and tunnels", POLICY_NETWORKS_MAX);
	uint8_t gaps = (*survey->switched ? GAP_SWITCH : 0) | (survey->xdp ? GAP_XDP : 0) |
		       (survey->awaited ? GAP_AWAITED : 0);
	memcpy(&policy->networks[policy->network_count], survey->outer, survey->outer_count * sizeof *survey->outer);
	policy->network_count += survey->outer_count;
	if (result < 0)
		return 0;
	for (size_t i = 0; i < survey->outer_count; i++) {
		/* from WireGuard's own port nobody else sends but root, who would need its key as well */
		if (!survey->outer[i].own_port)
			gaps |= GAP_TUNNEL;
	}
	policy->links = survey->links;
	for (size_t i = 0; i < policy->links.count; i++) {
		if ((policy->layers & LAYER_EGRESS) && (policy->links.links[i].passes & LINK_PPPOE))
			gaps |= GAP_PPPOE;
	}
	policy->gaps |= gaps;
	if (survey->vrf) /* our own addresses would look like those of others */
		policy->without_fib = (1 << TABLES) - 1;
	if (!restores(run) || run->settings.dry_run)
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
	for (char **word = run->words; *word && !text.cut; word++)
		add_word(&text, *word);
	if (text.cut)
		memcpy(run->comment + sizeof run->comment - sizeof "...", "...", sizeof "...");
}

static int prepare_policy(struct run *run)
{
	struct policy *policy = policy_of(run);
	policy->table = run->settings.table;
	policy->comment = run->comment;
	policy->restored = restores(run) || renews(run);
	stamp(run);
	policy->gaps = run->resolvers.any_by_need ? GAP_DNS : 0;
	int result = resolvers_allow(&run->resolvers, &run->settings.targets, &run->report.diag);
	policy_normalize(policy);
	if (result == 0)
		result = survey_links(run);
	/* only of what is saved: writing the text takes time and memory */
	if (CONFIG_PERSIST && result == 0 && (run->settings.persist || saved_stamp() != 0))
		policy->digest = plan_digest(policy);
	run->planned = (struct granted){
		.layers = policy->layers,
		.refused = policy->refused,
		.without_fib = policy->without_fib,
		.without_log = policy->without_log,
		.stateless = policy->stateless,
		.without_routes = policy->without_routes,
	};
	return result;
}

static int print_dry_run(struct run *run)
{
	const struct output *output = &run->report.output;
	struct text *plan = report_stream(&run->report);
	plan_print(policy_of(run), plan);
	plan->flush(plan);
	if (output->error == 0 && !output->lost)
		return EXIT_DONE;
	return fail_output(run, output->error ? output->error : EAGAIN, "");
}

static int check_output(struct run *run)
{
	int error = report_error(&run->report);
	return error == 0 ? EXIT_DONE : fail_output(run, error, " (nothing was changed)");
}

/* Another run is at work, or has just been. For people it is no step. */
static int fail_locked(struct run *run)
{
	run->report.name = run->report.json ? "lock" : NULL;
	return fail_step(run, EXIT_LOCKED);
}

static int take_lock(struct run *run)
{
	run->lock = lock_take(LOCK_WAIT_MS, &run->report.diag);
	if (run->lock == -EWOULDBLOCK)
		return fail_locked(run);
	if (run->lock < 0)
		report_warning(&run->report, &run->report.diag);
	return EXIT_DONE;
}

/* Who has typed the command may see nothing of its end. */
static void warn_of_session(struct run *run)
{
	struct text *how = report_line(&run->report);
	if (!session_is_cut(policy_of(run), getenv("SSH_CONNECTION"), how))
		return;
	warn_of(run, "SSH session ends without ", how->bytes);
	(void)poll(NULL, 0, LAST_WORDS_MS);
}

/* So many milliseconds, exactly: who restores often must not make it last longer. */
static void set_lasts(struct policy *policy, uint64_t left)
{
	policy->lasts = (uint32_t)((left + 999) / 1000);
	policy->lasts_less = (uint16_t)(policy->lasts * 1000ull - left);
	if (policy->lasts > POLICY_LASTS_MAX) /* the kernel counts in ticks */
		policy->lasts = POLICY_LASTS_MAX;
}

static unsigned probation_ms(const struct run *run)
{
	return (run->settings.timeout + PROBATION_MARGIN) * 1000;
}

static int note_flowtable(const struct flowtable_info *flowtable, void *context)
{
	struct run *run = context;
	if (!flowtable->hardware)
		return 0;
	struct text text = TEXT_ON(run->offloaded);
	text_addf(&text, "flows that flowtable %.*s has offloaded to hardware", 31, flowtable->name);
	return 0;
}

/*
 * The policy lasts as long as is left of what it renews. Returns EXIT_DONE, or with a diagnostic another code when
 * there is nothing to renew any more: it was released (who does that removes the file first, and then all tables), or
 * its time is over, or will be within so many milliseconds.
 */
static int go_on_renewing(struct run *run, unsigned proof_ms)
{
	struct diag *diag = &run->report.diag;
	int64_t left = run->ends_at - boottime_ms();
	if (CONFIG_PERSIST && saved_stamp() != run->settings.saved_stamp) {
		diag_fail(diag, ECANCELED, "released meanwhile");
		return EXIT_LOCKED;
	}
	if (run->ends_at == 0)
		return EXIT_DONE;
	if (left <= proof_ms) {
		diag_fail(diag, ETIME, "the time of the older one is over");
		return EXIT_NO_SERVER;
	}
	set_lasts(policy_of(run), (uint64_t)left);
	return EXIT_DONE;
}

static int step_contain(struct run *run, bool on_probation)
{
	struct diag *diag = &run->report.diag;
	struct policy *policy = policy_of(run);
	report_begin(&run->report, "contain");
	int code = renews(run) ? go_on_renewing(run, probation_ms(run)) : EXIT_DONE;
	if (code != EXIT_DONE)
		return fail_step(run, (enum exit_code)code);
	/* kept but not saved, a restore would bring back what reaches no server */
	int result = renews(run) ? persist_save(&run->settings, &run->resolvers, &run->survey, false, false, diag) : 0;
	if (result < 0)
		return fail_unchanged(run, result);
	if (!restores(run)) /* nobody has typed it */
		warn_of_session(run);
	result = interrupted ? diag_fail(diag, EINTR, "interrupted; nothing was changed") :
			       netlink_open(&run->netlink, NETLINK_NETFILTER, diag);
	if (result == 0 && on_probation)
		result = containment_begin_probation(&run->netlink, policy, CONFIG_DEFAULT_TABLE, probation_ms(run),
						     &run->replaces, diag);
	else if (result == 0)
		result = containment_install(&run->netlink, policy, CONFIG_DEFAULT_TABLE, AFTER_NONE, &run->replaces,
					     diag);
	if (result == -EEXIST)
		return fail_step(run, EXIT_USAGE_ERROR);
	if (result < 0)
		return fail_unchanged(run, result);
	struct text *detail = report_line(&run->report);
	count_rules(run);
	coverage_describe(policy, detail);
	text_addf(detail, ": %zu rules", run->rules);
	if (on_probation)
		text_add(detail, run->replaces ? ", beside older" : ", on probation");
	else if (run->replaces)
		text_add(detail, ", older gone");
	report_end(&run->report, true, detail->bytes);
	if (policy->stateless)
		warn_of(run, "", "no connection tracking: stateless rules are used");
	return EXIT_DONE;
}

#if CONFIG_QUARANTINE_PROBE
/* Of the servers that did not prove themselves; that of the last one, the diagnostic, has been told already. */
static void tell_other_failures(struct run *run)
{
	const struct targets *targets = &run->settings.targets;
	for (size_t i = 0; i < targets->server_count; i++) {
		const struct server *server = &targets->servers[i];
		if (*server->failure.text && strcmp(server->failure.text, run->report.diag.text) != 0)
			report_warning(&run->report, &server->failure);
	}
}

/* Back to the state before; `code` and the diagnostic say what for. */
static int roll_back(struct run *run, enum exit_code code)
{
	struct diag diag;
	const char *state = "rolled back";
	bool older = false; /* the time of one that was there may be over by now */
	bool failed = containment_end_probation(&run->netlink, run->settings.table, &older, &diag) < 0;
	const char *now = older ? "the older quarantine is in force again" : "nothing of ours is in force";
	(void)fail_step(run, code); /* may wait for a slow terminal, so it comes after */
	if (run->unproven)
		tell_other_failures(run);
	if (failed) {
		report_warning(&run->report, &diag);
		state = "uncertain";
		now = "the containment ends by itself when its probation is over";
	}
	text_addf(report_line(&run->report), "%s: %s", state, now);
	struct text *object = report_result(&run->report, state, run->settings.table);
	if (object) {
		json_bool(object, "older", failed ? run->replaces : older);
		json_number(object, "exit", code);
		report_object_end(&run->report);
	}
	return (int)code;
}

/* Of fewer peers by now. */
static uint32_t digest_of_planned(struct run *run)
{
	struct policy planned = *policy_of(run);
	planned.layers = run->planned.layers;
	planned.refused = run->planned.refused;
	planned.without_fib = run->planned.without_fib;
	planned.without_log = run->planned.without_log;
	planned.stateless = run->planned.stateless;
	planned.without_routes = run->planned.without_routes;
	return plan_digest(&planned);
}

/* What makes an address a server's is its proof, not an answer of the resolver's, which may be forged. */
static void leave_out_unproven(struct run *run, struct deadline deadline)
{
	struct targets *targets = &run->settings.targets;
	int left_out = run->settings.proven_only ? proof_narrow(run->proof, targets, deadline, warn, run) : 0;
	if (left_out <= 0) /* or interrupted, so that it is rolled back */
		return;
	run->left_out = left_out;
	targets_narrow(targets);
	policy_normalize(&targets->policy);
	if (targets->policy.digest)
		targets->policy.digest = digest_of_planned(run);
}

/* What the proof has asked a local resolver for, that may have known from before. */
static void check_resolvers(struct run *run)
{
	struct diag diag;
	const struct resolvers *resolvers = &run->resolvers;
	if (!resolvers->through_local ||
	    proof_resolvers(&run->settings.targets, &resolvers->config, policy_of(run)->began, &diag) == 0)
		return;
	report_warning(&run->report, &diag);
	run->unverified = true;
}

static bool is_proven(const struct targets *targets)
{
	for (size_t i = 0; i < targets->server_count; i++) {
		if (targets->servers[i].proven)
			return true;
	}
	return false;
}

static int step_prove(struct run *run)
{
	struct diag *diag = &run->report.diag;
	struct text proven_by = TEXT_ON(run->proven_by);
	struct deadline deadline = deadline_in(run->settings.timeout * 1000ll);
	report_begin(&run->report, "prove");
	if (renews(run) && !run->replaces) { /* the older one was removed since we looked at it */
		diag_fail(diag, ECANCELED, "released meanwhile");
		return roll_back(run, EXIT_LOCKED);
	}
	int result = proof_run(run->proof, &run->settings.targets, &run->resolvers.config, deadline, &proven_by, diag);
	if (interrupted) {
		diag_fail(diag, EINTR, "interrupted before a server had proven itself");
		return roll_back(run, EXIT_NO_SERVER);
	}
	if (result < 0 && !run->settings.keep) {
		run->unproven = true;
		return roll_back(run, EXIT_NO_SERVER);
	}
	if (renews(run) && !is_proven(&run->settings.targets)) {
		diag_fail(diag, EACCES, "a server answers, but has not proven itself");
		return roll_back(run, EXIT_NO_SERVER);
	}
	if (result < 0) {
		text_add(&proven_by, "no server; kept all the same (--keep)");
		report_warning(&run->report, diag);
		tell_other_failures(run);
	}
	if (proof_clock_unset(run->proof))
		warn_of(run, "the clock is not set: ", "\"not yet valid\" does not count");
	leave_out_unproven(run, deadline);
	check_resolvers(run);
	result = interrupted ? -EINTR : proof_forbidden(run->proof, diag);
	if (result == -EISCONN)
		return roll_back(run, EXIT_STILL_REACHABLE);
	if (interrupted) {
		diag_fail(diag, EINTR, "interrupted before the quarantine was kept");
		return roll_back(run, EXIT_NO_SERVER);
	}
	run->unverified |= result < 0;
	struct text *detail = report_line(&run->report);
	if (result == 0 && run->settings.has_forbidden) /* before what may have to be cut: a host's name */
		text_add(detail, "-f out of reach; ");
	if (run->left_out)
		text_addf(detail, "%d left out; ", run->left_out);
	text_add(detail, run->proven_by);
	report_end(&run->report, true, detail->bytes);
	if (result < 0)
		report_warning(&run->report, diag);
	return EXIT_DONE;
}

static int step_keep(struct run *run)
{
	bool replaced;
	report_begin(&run->report, "keep");
	int code = renews(run) ? go_on_renewing(run, 0) : EXIT_DONE;
	if (code != EXIT_DONE)
		return roll_back(run, (enum exit_code)code);
	int result = containment_install(&run->netlink, policy_of(run), CONFIG_DEFAULT_TABLE,
					 run->left_out ? AFTER_A_WIDER : AFTER_THE_SAME, &replaced,
					 &run->report.diag);
	if (result == -ECANCELED)
		return fail_step(run, EXIT_NO_SERVER);
	if (result == -ETIMEDOUT) /* we were stopped: what was proven then may no longer hold */
		return roll_back(run, EXIT_NO_SERVER);
	if (result < 0)
		return roll_back(run, exit_code_for(result));
	report_end(&run->report, true, "permanent");
	if (run->left_out)
		count_rules(run);
	return EXIT_DONE;
}
#endif

/* What others' tables make of packets: not all of it can be covered. */
static int find_others(struct run *run)
{
	struct diag *diag = &run->report.diag;
	struct text behind = TEXT_ON(run->behind);
	if (flowtable_each(&run->netlink, note_flowtable, run, diag) < 0)
		report_warning(&run->report, diag);
	int result = -EINTR; /* somebody has changed a rule set while it was read */
	for (int tries = 0; tries < READ_TRIES && result == -EINTR; tries++)
		result = find_behind(&run->netlink, &behind, diag);
	return result;
}

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

static int is_hooked(void *context, const struct chain *chain)
{
	(void)context;
	return *chain_types[chain->id].hook != '\0';
}

/* Each table of the plan has to be there as it was sent, and as this run sent it; no other. NULL: so it is. */
static const char *table_difference(const struct policy *policy, enum table_id id, const struct table_state *state)
{
	if (!policy_has_table(policy, id))
		return state->found ? "table is there, and is not part of the plan" : NULL;
	if (!state->found)
		return "table is missing";
	if (!state->info.sealed || state->info.seal.began != policy->began)
		return "table is another run's";
	/* where no link has frames of a known form the plan itself has nothing that could hold them up */
	bool filters = state->filters || !policy_each_chain(policy, id, is_hooked, NULL);
	return !filters || state->probation || state->beside || state->over ? "table is not in force" : NULL;
}

static void verify(struct run *run)
{
	struct diag *diag = &run->report.diag;
	struct verification verification;
	const struct examination examination = { .differs = note_difference, .context = &verification };
	struct table_state states[TABLES];
	int result = find_others(run);
	if (result == 0)
		result = examine(&run->netlink, run->settings.table, &examination, forget, states, diag);
	run->gone = result == 0 && !states[TABLE_INET].found;
	for (int id = 0; id < TABLES && result == 0; id++) {
		const char *what = table_difference(policy_of(run), (enum table_id)id, &states[id]);
		if (what)
			note_difference(&verification, (enum table_id)id, what);
	}
	if (result == 0 && verification.count == 0)
		return;
	run->unverified = true;
	report_warning(&run->report, result < 0 ? diag : &verification.first);
}

static void partial(struct run *run, const char *why)
{
	warn_of(run, "sever: ", why);
	run->partial = true;
}

/* What was open before and isn't allowed. */
static void step_sever(struct run *run)
{
	struct diag diag;
	struct sever_report severed;
	report_begin(&run->report, "sever");
	int result = sever_flows(policy_of(run), &severed, &diag);
	struct text *detail = report_line(&run->report);
	text_addf(detail, "%u flows, %u sockets ended", severed.entries, severed.sockets);
	if (severed.left)
		text_addf(detail, ", %u left", severed.left);
	struct text *object = report_end_object(&run->report, result == 0 && severed.left == 0, detail->bytes);
	if (object) {
		json_number(object, "flows", severed.entries);
		json_number(object, "sockets", severed.sockets);
		json_number(object, "left", severed.left);
		report_object_end(&run->report);
	}
	if (result < 0)
		partial(run, diag.text);
	if (severed.left)
		partial(run, "the kernel did not end all that was open");
	if (severed.no_sockets)
		partial(run, "this kernel can't end sockets: they go on after release");
	if (severed.no_conntrack)
		partial(run, "this kernel can't end offloaded flows (no ctnetlink)");
}

/* ---- a reboot ---- */

/*
 * The clock of a device without one: certificates and logs need a time that is at least behind what was. Once: one that
 * was wrong when it was saved is set right by whoever keeps it.
 */
static void set_clock(struct run *run)
{
	struct timespec then = { .tv_sec = (time_t)run->settings.saved_at };
	if (!run->rebooted || time(NULL) >= then.tv_sec || clock_settime(CLOCK_REALTIME, &then) == 0)
		return;
	diag_errno(&run->report.diag, errno, "set the clock to when it was saved");
	report_warning(&run->report, &run->report.diag);
}

static void note_changed(void *context, enum table_id table, const char *what)
{
	struct standing *standing = context;
	(void)table;
	(void)what;
	standing->changed = true;
}

/* Those on every device, of no name, are not counted. */
static void note_hooked(void *context, uint32_t hook, const char *device)
{
	struct standing *standing = context;
	(void)hook;
	standing->hooks += *device != '\0' && strcmp(device, EVERY_DEVICE) != 0;
}

static void look_again(void *context)
{
	struct standing *standing = context;
	standing->changed = false;
	standing->hooks = 0;
}

/*
 * What the kernel has of it. That also says what is left of --for, as long as it is this one that was saved: else it is
 * what was left then. Whatever the wall clock says: it may have been wrong then, or be wrong now. Returns 0, -ETIME
 * when the time is over, -EEXIST when there is a newer one, or another -errno with a diagnostic.
 */
static int read_standing(struct run *run)
{
	struct policy *policy = policy_of(run);
	struct standing *standing = &run->standing;
	const struct table_state *older = &standing->states[TABLE_INET];
	const struct examination examination = { .differs = note_changed, .hooked = note_hooked, .context = standing };
	struct netlink netlink = { 0 };
	int result = netlink_open(&netlink, NETLINK_NETFILTER, &run->report.diag);
	if (result == 0)
		result = examine(&netlink, run->settings.table, &examination, look_again, standing->states,
				 &run->report.diag);
	netlink_close(&netlink);
	run->saved_lasts = policy->lasts;
	run->rebooted = result == 0 && !older->found;
	if (result < 0 || !older->found || older->probation) /* what is on probation was never kept */
		return result;
	if (!older->over && older->info.sealed && !older->info.seal.restored &&
	    older->info.seal.began_wall > run->settings.saved_at)
		return diag_fail(&run->report.diag, EEXIST, "a newer quarantine is in force, and was not saved");
	if (older->over && run->saved_lasts)
		return -ETIME;
	if (older->left == 0 || !run->saved_lasts)
		return 0;
	run->ends_at = boottime_ms() + (int64_t)older->left;
	set_lasts(policy, older->left);
	return 0;
}

/* On a link that was made anew there are none. */
static size_t count_hooks(const struct policy *policy)
{
	size_t hooks = (policy->layers & LAYER_INGRESS ? 1 : 0) + (policy->layers & LAYER_EGRESS ? 1 : 0);
	size_t links = 0;
	for (size_t i = 0; i < policy->links.count; i++)
		links += policy->links.links[i].sealed || policy->links.links[i].form != LINK_UNKNOWN;
	return hooks * links;
}

/*
 * While a device starts, modules of its kernel may come later than we do: what was refused is asked for again each time
 * that as long has passed again since it was started, for three minutes. Later a refusal counts for good: to ask
 * resets the counters.
 */
static bool may_have_come(const struct table_seal *seal, uint64_t now)
{
	enum { STARTING_MS = 180000 };
	bool lacks = seal->refused | seal->without_fib | seal->without_log | seal->stateless;
	return lacks && seal->began < STARTING_MS && now >= 2 * seal->began;
}

/* Whether all of the plan counts already, so that nothing has to be done, and no counter begins anew. */
static bool is_in_force(struct run *run)
{
	struct policy *policy = policy_of(run);
	const struct standing *standing = &run->standing;
	const struct table_seal *seal = &standing->states[TABLE_INET].info.seal;
	struct policy planned = *policy;
	if (standing->changed || !standing->states[TABLE_INET].found || !standing->states[TABLE_INET].info.sealed ||
	    seal->plan != policy->digest || seal->wanted != policy->wanted || seal->gaps != policy->gaps ||
	    may_have_come(seal, policy->began))
		return false;
	/* what the kernel refused of the plan when it was installed */
	planned.began = seal->began;
	planned.layers = seal->layers;
	planned.refused = seal->refused;
	planned.without_fib = seal->without_fib;
	planned.without_log = seal->without_log;
	planned.stateless = seal->stateless;
	for (int id = 0; id < TABLES; id++) {
		if (table_difference(&planned, (enum table_id)id, &standing->states[id]))
			return false;
	}
	if (standing->hooks != count_hooks(&planned))
		return false;
	*policy = planned;
	return true;
}

/* Nothing has to be put in force, which is no failure. */
static int restore_nothing(struct run *run, const char *why)
{
	const char *state = run->settings.renew ? "nothing to renew" : "nothing to restore";
	text_addf(report_line(&run->report), "%s: %s", state, why);
	struct text *object = report_result(&run->report, state, "");
	if (object) {
		json_number(object, "exit", EXIT_DONE);
		report_object_end(&run->report);
	}
	return EXIT_DONE;
}

/* The time of what was saved is over: it does not come back after the next reboot either. */
static int end_saved(struct run *run)
{
	if (!run->settings.dry_run && saved_remove(run->settings.table, &run->report.diag) < 0)
		return fail_step(run, EXIT_SYSTEM_REFUSED);
	return restore_nothing(run, "its time is over");
}

/* Only what is in force, and long enough for a proof. */
static int prepare_renewal(struct run *run, bool *over)
{
	const struct table_state *older = &run->standing.states[TABLE_INET];
	uint32_t lasts = policy_of(run)->lasts;
	bool ends = lasts && lasts * 1000ull <= probation_ms(run);
	*over = ends || !older->found || older->probation;
	return *over ? restore_nothing(run, ends ? "it ends soon" : "it is not in force") : EXIT_DONE;
}

/* Under the lock, so that what is saved and what stands are of one run. *over: there is nothing more to do. */
static int prepare_restore(struct run *run, bool *over)
{
	struct diag *diag = &run->report.diag;
	int code = run->settings.dry_run ? EXIT_DONE : take_lock(run);
	if (code != EXIT_DONE)
		return code;
	if (saved_stamp() != run->settings.saved_stamp) {
		diag_fail(diag, EAGAIN, "%s: saved anew, or released, meanwhile", saved_path);
		return fail_locked(run);
	}
	int result = read_standing(run);
	*over = result == -ETIME;
	if (*over)
		return end_saved(run);
	if (result == -EEXIST) /* as it would be if it had said so itself */
		return fail_step(run, EXIT_UNVERIFIED);
	if (result < 0)
		return fail_unchanged(run, result);
	if (renews(run))
		return prepare_renewal(run, over);
	if (!run->settings.dry_run)
		set_clock(run);
	return EXIT_DONE;
}

#if CONFIG_PERSIST && CONFIG_QUARANTINE_PROBE
/* Returns 1 when a server takes a connection where it was, 0, or -errno with a diagnostic. */
static int answers(const struct targets *targets, struct diag *diag)
{
	struct endpoint reached;
	struct endpoint *list = calloc(SERVERS_MAX * SERVER_ENDPOINTS_MAX, sizeof *list);
	size_t count = 0;
	if (!list)
		return diag_errno(diag, ENOMEM, "renew");
	for (size_t i = 0; i < targets->server_count; i++) {
		const struct server *server = &targets->servers[i];
		memcpy(&list[count], server->endpoints, server->endpoint_count * sizeof *list);
		count += server->endpoint_count;
	}
	struct deadline deadline = deadline_in(REACH_MS + (int64_t)count * REACH_EACH_MS);
	deadline = deadline_earlier(deadline, deadline_in(REACH_MAX_MS));
	int result = probe_reachable(list, count, deadline, &reached, diag);
	free(list);
	return result;
}

/*
 * A management server may move: what was saved has its addresses of then, and lets it be found nowhere else. As long as
 * one answers nothing is done. *over as above.
 */
static int begin_renewal(struct run *run, bool *over)
{
	struct diag *diag = &run->report.diag;
	int result = answers(&run->settings.targets, diag);
	*over = true;
	if (result < 0)
		return fail_unchanged(run, result);
	if (result > 0)
		return restore_nothing(run, "a server answers");
	run->before = malloc(sizeof *run->before);
	if (!run->before)
		return fail_unchanged(run, diag_errno(diag, ENOMEM, "renew"));
	*run->before = run->settings;
	result = settings_read_again(&run->settings, run->before, diag);
	if (result < 0)
		return refuse(run, result);
	*over = false;
	catch_signals();
	return EXIT_DONE;
}
#endif

/*
 * What has taken the place of a saved quarantine is saved, too, else a reboot would bring the older one back. Of one
 * that was restored only what is left of its time is new.
 */
static void step_save(struct run *run)
{
	struct settings *settings = &run->settings;
	struct diag *diag = &run->report.diag;
	run->saved = saved_is_there(settings->table);
	uint32_t left = policy_of(run)->lasts;
	if (restores(run) ? run->saved_lasts - left < SAVED_OFTEN : !settings->persist && !run->saved)
		return;
	if (!run->saved && !restores(run) && saved_is_there(NULL)) /* there is one file */
		warn_of(run, saved_path, ": another table's is replaced");
	if (!restores(run) && !renews(run))
		persist_note_command(&settings->command, run->words);
	int result = persist_save(settings, &run->resolvers, &run->survey, true, run->was_saved, diag);
	run->saved = result == 0 || (run->saved && restores(run)); /* else what is there is another one */
	if (result == 0 || result == -ECANCELED) /* released meanwhile: see below */
		return;
	report_warning(&run->report, diag);
	run->unverified = true;
}

/*
 * Who releases removes the file before and after the tables, but knows nothing of one that is written still later, nor
 * of tables that somebody restores who had read the file before. Where there was a file before, it is there unless
 * somebody has released it: tables that are gone again were removed by somebody else, and guard puts them in force. One
 * that is there but can't be read is no release. Returns EXIT_DONE, or another code when nothing is in force any more.
 */
static int notice_release(struct run *run)
{
	struct diag *diag = &run->report.diag;
	struct removed_tables removed = { 0 };
	int result = 0;
	if (run->was_saved && !saved_is_there(NULL)) {
		run->saved = false;
		result = containment_remove(&run->netlink, run->settings.table, CONFIG_DEFAULT_TABLE, &removed, diag);
		if (result == 0) {
			diag_fail(diag, ECANCELED, "released meanwhile");
			return fail_locked(run);
		}
		run->unverified = true;
	} else if (!run->was_saved && run->gone && run->saved) {
		run->saved = false;
		result = saved_remove(run->settings.table, diag);
	}
	if (result < 0)
		report_warning(&run->report, diag);
	return EXIT_DONE;
}

/* ---- telling ---- */

#if CONFIG_QUARANTINE_NOTIFY
static void notify_terminals(struct run *run, const char *message)
{
	struct diag *diag = &run->report.diag;
	struct tty_notify_report told;
	const struct tty_notify_options options = { .timeout = NOTIFY_MS };
	if (tty_notify_all(message, &options, &told, diag) < 0) {
		report_warning(&run->report, diag);
		return;
	}
	struct text *line = report_line(&run->report);
	text_addf(line, "terminals: %zu told%s", told.written, told.cut ? " (message cut)" : "");
	report_item(&run->report, "message");
	if (told.failed == 0)
		return;
	diag_fail(diag, 0, "message: %zu terminals could not be told", told.failed);
	report_warning(&run->report, diag);
}
#endif

static void tell_people(struct run *run)
{
#if CONFIG_QUARANTINE_NOTIFY
	const char *message = run->settings.message;
	if (message && *message)
		notify_terminals(run, message);
	/* a system without a log daemon is no fault */
	(void)log_to_syslog("/dev/log", "quarantine", "network quarantine is in force", deadline_in(LOG_MS));
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
		address_format(&server->proof_at.address, text);
	} else {
		text_add(text, server->tried ? "not proven" : "not tried");
	}
}

static void tell_servers(struct run *run)
{
	const struct targets *targets = &run->settings.targets;
	for (size_t i = 0; i < targets->server_count; i++) {
		const struct server *server = &targets->servers[i];
		struct text *line = report_line(&run->report);
		url_format(&server->url, line);
		if (server->endpoint_count == 0)
			text_addf(line, " NOT allowed: %s", server->left_out ? "left out" : "no address");
		list_addresses(server, run->settings.verbose, line);
		text_add(line, " (");
		describe_standing(server, line);
		text_add(line, ")");
		report_item(&run->report, i ? "" : "allowed");
	}
}

static void tell_peer(struct run *run, const struct policy_network *peer)
{
	policy_network_format(peer, report_line(&run->report));
	report_item(&run->report, "");
}

static void tell_peers(struct run *run, enum set_id set, enum ip_family family, size_t *listed)
{
	size_t cursor = 0;
	struct policy_network peer;
	while (policy_next_peer(policy_of(run), set, family, &cursor, &peer)) {
		if ((*listed)++ < ALLOWED_LISTED || run->settings.verbose)
			tell_peer(run, &peer);
	}
}

static void tell_allowed(struct run *run)
{
	const struct policy *policy = policy_of(run);
	struct text *line;
	size_t listed = 0;
	for (size_t i = 0; i < policy->network_count; i++)
		tell_peer(run, &policy->networks[i]);
	for (size_t i = 0; i < policy->dhcp_server_count; i++) {
		line = report_line(&run->report);
		text_addf(line, "dhcp-server:%s", policy->dhcp_server[i]);
		report_item(&run->report, "");
	}
	for (int family = IPV4; family < IP_FAMILIES; family++) {
		for (int set = SET_ALLOW_OUT; set <= SET_ALLOW_IN; set++)
			tell_peers(run, (enum set_id)set, (enum ip_family)family, &listed);
	}
	line = report_line(&run->report);
	if (listed > ALLOWED_LISTED && !run->settings.verbose) {
		text_addf(line, "and %zu more (-v lists all)", listed - ALLOWED_LISTED);
		report_item(&run->report, "");
	}
	line = report_line(&run->report);
	resolvers_describe(&run->resolvers, line);
	report_item(&run->report, "DNS");
}

static void ignore_gap(void *context, const char *gap)
{
	(void)context;
	(void)gap;
}

static void gap_item(void *context, const char *gap)
{
	struct run *run = context;
	text_add(report_line(&run->report), gap);
	report_item(&run->report, run->gaps_told++ ? "" : "not covered");
}

static void gap_in_array(void *context, const char *gap)
{
	struct run *run = context;
	json_array_string(&run->report.out, gap);
}

/* Whether something that was asked for is missing. */
static bool tell_gaps(struct run *run, void (*take)(void *context, const char *gap))
{
	if (*run->behind)
		take(run, run->behind);
	if (*run->offloaded)
		take(run, run->offloaded);
	return coverage_gaps(policy_of(run), take, run) || *run->offloaded || *run->behind;
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

static void tell_url_json(struct run *run, const char *name, const struct url *url)
{
	struct text *line = report_line(&run->report);
	url_format(url, line);
	json_string(&run->report.out, name, line->bytes);
}

static void tell_server_json(struct run *run, const struct server *server)
{
	struct text *line = report_line(&run->report);
	text_add(line, "server ");
	url_format(&server->url, line);
	text_add(line, ": ");
	if (server->endpoint_count)
		describe_standing(server, line);
	else
		text_addf(line, "not allowed, %s", server->left_out ? "left out" : "no address");
	struct text *object = report_object(&run->report, line->bytes);
	tell_url_json(run, "server", &server->url);
	if (server->proxy.set)
		tell_url_json(run, "proxy", &server->proxy.url);
	json_array_begin(object, "addresses");
	for (size_t i = 0; i < server->endpoint_count + server->left_out; i++) {
		if (i == server->endpoint_count) {
			json_array_end(object);
			json_array_begin(object, "left_out");
		}
		format_endpoint(server, &server->endpoints[i], report_line(&run->report));
		json_array_string(object, line->bytes);
	}
	json_array_end(object);
	json_bool(object, "proven", server->proven);
	if (server->proven || server->reached) {
		address_format(&server->proof_at.address, report_line(&run->report));
		json_string(object, "proof_at", line->bytes);
	}
	report_object_end(&run->report);
}

static void tell_json(struct run *run, struct text *object, enum exit_code code)
{
	struct text *line = report_line(&run->report);
	resolvers_describe(&run->resolvers, line);
	json_string(object, "dns", line->bytes);
	json_number(object, "rules", (int64_t)run->rules);
	if (CONFIG_PERSIST)
		json_bool(object, "saved", run->saved);
	if (restores(run))
		json_bool(object, "unchanged", run->unchanged);
	json_array_begin(object, "layers");
	for (int table = 0; table < TABLES; table++) {
		if (policy_has_table(policy_of(run), (enum table_id)table))
			json_array_string(object, table_types[table].word);
	}
	json_array_end(object);
	json_array_begin(object, "not_covered");
	(void)tell_gaps(run, gap_in_array);
	json_array_end(object);
	json_number(object, "exit", code);
	report_object_end(&run->report);
}

static void tell_links(struct run *run)
{
	struct text *line = report_line(&run->report);
	coverage_describe(policy_of(run), line);
	report_item(&run->report, "layers");
	line = report_line(&run->report);
	line->size = LINKS_SIZE;
	links_describe(&run->survey, line);
	report_item(&run->report, "interfaces");
	line = report_line(&run->report);
	text_addf(line, "%s has an address: if it is a backup, --uplink %s", run->survey.backup, run->survey.backup);
	if (*run->survey.backup)
		report_item(&run->report, "");
}

static void tell_items(struct run *run)
{
	const char *table = run->settings.table;
	bool default_table = strcmp(table, CONFIG_DEFAULT_TABLE) == 0;
	tell_servers(run);
	tell_allowed(run);
	tell_links(run);
	(void)tell_gaps(run, gap_item);
	struct text *line = report_line(&run->report);
	if (policy_of(run)->lasts) {
		duration_format(policy_of(run)->lasts, line);
		text_add(line, ", then the kernel lets everything pass");
		report_item(&run->report, "lasts");
		line = report_line(&run->report);
	}
	if (CONFIG_PERSIST && run->saved) {
		text_addf(line, "%s, for quarantine --restore", saved_path);
		report_item(&run->report, "saved in");
		line = report_line(&run->report);
	}
	text_addf(line, "release%s%s", default_table ? "" : " -t ", default_table ? "" : table);
	report_item(&run->report, "undo with");
	output_write(&run->report.output, "", 0); /* before terminals that may be slow */
}

static int tell(struct run *run)
{
	const struct targets *targets = &run->settings.targets;
	run->partial |= tell_gaps(run, ignore_gap);
	enum exit_code code = final_code(run);
	for (size_t i = 0; run->report.json && i < targets->server_count; i++)
		tell_server_json(run, &targets->servers[i]);
	const char *state = final_state(code);
	text_addf(report_line(&run->report), "%s: table inet %s", state, run->settings.table);
	struct text *object = report_result(&run->report, state, run->settings.table);
	if (object)
		tell_json(run, object, code);
	else
		tell_items(run);
	if (!CONFIG_PERSIST || !run->unchanged) /* else they have been told */
		tell_people(run);
	return (int)code;
}

/* ---- the whole ---- */

/* Of what is restored and in force only what is left of its time is saved again. */
static int leave_in_force(struct run *run)
{
	struct diag *diag = &run->report.diag;
	run->unchanged = true;
	report_begin(&run->report, "contain");
	int result = netlink_open(&run->netlink, NETLINK_NETFILTER, diag);
	if (result < 0)
		return fail_unchanged(run, result);
	count_rules(run);
	report_end(&run->report, true, "in force already");
	step_save(run);
	if (find_others(run) < 0) {
		report_warning(&run->report, diag);
		run->unverified = true;
	}
	int code = notice_release(run);
	return code == EXIT_DONE ? tell(run) : code;
}

static int contain_and_prove(struct run *run)
{
	run->was_saved = CONFIG_PERSIST && (restores(run) || renews(run) || saved_is_there(run->settings.table));
	if (restores(run) && is_in_force(run))
		return leave_in_force(run);
	if (restores(run)) /* not each time that nothing has to be done */
		warn_of_survey(run);
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
	if (CONFIG_PERSIST)
		step_save(run);
	if (CONFIG_QUARANTINE_SEVER)
		step_sever(run);
	verify(run);
	if (CONFIG_PERSIST)
		code = notice_release(run);
	return code == EXIT_DONE ? tell(run) : code;
}

static int run_steps(struct run *run)
{
	int result = 0;
	if (run->settings.dry_run)
		run->report.quiet = true;
	bool over = false;
	int code = EXIT_DONE;
	if (CONFIG_PERSIST && run->settings.nothing_saved)
		return restore_nothing(run, "no quarantine is saved");
#if CONFIG_PERSIST && CONFIG_QUARANTINE_PROBE
	if (run->settings.renew)
		code = begin_renewal(run, &over);
	if (code != EXIT_DONE || over)
		return code;
#endif
	report_begin(&run->report, "read");
#if CONFIG_QUARANTINE_PROBE
	if (!run->settings.no_probe)
		result = proof_open(&run->settings, &run->proof, &run->report.diag);
	if (result < 0)
		return fail_step(run, result == -EBADMSG ? EXIT_BAD_CONFIG : exit_code_for(result));
#endif
	bool restore = restores(run);
	if (restore || renews(run))
		code = prepare_restore(run, &over);
	if (code != EXIT_DONE || over)
		return code;
	report_end(&run->report, true, run->settings.client.servers ? "options and Velociraptor's configuration" :
			 restore ? saved_path : "options and configuration");
	code = step_resolve(run);
	if (code != EXIT_DONE)
		return code;
	result = prepare_policy(run);
	if (result < 0)
		return fail_unchanged(run, result);
	if (run->settings.dry_run)
		return print_dry_run(run);
	code = check_output(run);
	if (code == EXIT_DONE && !restore && !renews(run))
		code = take_lock(run);
	if (code != EXIT_DONE)
		return code;
	return contain_and_prove(run);
}

static int finish(struct run *run, int code)
{
	int result = report_fini(&run->report);
	if (result < 0 && (code == EXIT_DONE || code == EXIT_PARTIAL) && report_error(&run->report) != 0) {
		(void)fail_output(run, -result, "");
		code = EXIT_UNVERIFIED;
	}
#if CONFIG_QUARANTINE_PROBE
	proof_close(run->proof);
#endif
	netlink_close(&run->netlink);
	links_survey_fini(&run->survey);
	settings_fini(&run->settings);
	if (run->before)
		settings_fini(run->before);
	free(run->before);
	if (run->lock >= 0)
		close(run->lock);
	free(run);
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
	if (settings->table) {
		text_addf(&text, "--table=%s", settings->table);
		arguments[count++] = table;
	}
	if (settings->json)
		arguments[count++] = json;
	if (settings->quiet)
		arguments[count++] = quiet;
	return applet_run(name, count, arguments);
}

static int run_quarantine(int argc, char **argv)
{
	struct run *run = calloc(1, sizeof *run);
	struct diag diag;
	if (!run) {
		diag_errno(&diag, ENOMEM, "read the command line");
		return applet_fail("quarantine", EXIT_SYSTEM_REFUSED, &diag);
	}
	run->lock = -1;
	run->words = argv + 1;
	int result = settings_read(&run->settings, argc, argv, &run->report.diag);
	if (result == 0 && run->settings.remove)
		return run_release(&run->settings);
	/* these may end at any time: a pipe that nobody reads, ^C */
	if (!run->settings.dry_run && !run->settings.renew)
		catch_signals();
	bool probe = CONFIG_QUARANTINE_PROBE && (!run->settings.no_probe || run->settings.renew);
	report_init(&run->report, run->settings.json, run->settings.quiet, (probe ? 5 : 3) + CONFIG_QUARANTINE_SEVER);
	return finish(run, result < 0 ? refuse(run, result) : run_steps(run));
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
