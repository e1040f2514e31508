/* SPDX-License-Identifier: GPL-2.0-or-later */
/* probe: is that really our management server? */
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <time.h>

#include "../applet.h"
#include "base/date.h"
#include "base/json.h"
#include "http/probe.h"
#include "http/trust.h"
#include "net/resolve.h"

extern const struct applet probe_applet;

enum {
	TIMEOUT_DEFAULT = 30, /* seconds */
	PAGE_SIZE_BYTES = 4096, /* of what is printed about one server */
	LABEL_WIDTH = 15, /* leaves 64 of 79 columns: a SHA-256 */
	LINE_WIDTH = 79,
};

static const char server_certificate[] = "server.pem"; /* what Velociraptor's client asks for first */

struct probe_options {
	struct trust_options trust;
	const char *config; /* path of Velociraptor's configuration; NULL: where it usually is */
	unsigned timeout; /* seconds */
	bool json;
	bool quiet;
	bool verbose;
};

/* What all URLs of a run have in common. */
struct run {
	const struct probe_options *options;
	struct trust_store store;
	struct resolver_config resolvers;
	struct velociraptor_config client; /* zero when it was not read */
	struct velociraptor_environment environment;
};

/* One URL, and what came of it. */
struct target {
	struct probe_settings settings;
	const char *names[2];
	struct velociraptor_way way;
	struct endpoint endpoints[RESOLVED_ADDRESSES_MAX];
	size_t endpoint_count;
	struct probe_report report;
};

#define FIELD(name) offsetof(struct probe_options, name)
static const struct option_row option_table[] = {
	TRUST_OPTION_ROWS(FIELD(trust)),
#if CONFIG_VELOCIRAPTOR_CONFIG
	OPTION('c', FIELD(config), "config", "FILE", NULL,
	       "configuration of Velociraptor's client, default\n" VELOCIRAPTOR_CONFIG_PATH),
#endif
	OPTION('T', FIELD(timeout), "timeout", "TIME", option_timeout, "for each URL, default 30s"),
	OPTION_JSON(FIELD(json)),
	OPTION_QUIET(FIELD(quiet)),
	OPTION('v', FIELD(verbose), "verbose", "", NULL, "print more"),
	OPTION_END,
};

/* --- what is asked, and of whom --- */

/* What is asked of a server. */
static int set_target(const struct run *run, const struct url *server, struct target *target, struct diag *diag)
{
	struct url *url = &target->settings.url;
	int result = 0;
	*url = *server;
	if (CONFIG_VELOCIRAPTOR_CONFIG && run->client.servers)
		result = velociraptor_way_to(&run->client, &run->environment, url, &target->way, diag);
	if (result == 0 && target->way.proxy.set && target->way.proxy.url.tls)
		return diag_fail(diag, EINVAL, "TLS to the proxy %s itself is not supported",
				 target->way.proxy.url.host);
	if (result == 0 && url->path[strlen(url->path) - 1] == '/')
		result = url_append(url, server_certificate, diag);
	target->settings.through_proxy = target->way.proxy.set;
	target->settings.credentials = target->way.proxy.credentials;
	trust_fill(&run->options->trust, &run->store, &target->settings, target->names);
	return result;
}

static int parse_target(const struct run *run, const char *argument, struct target *target, struct diag *diag)
{
	struct url url;
	int result = url_parse(argument, &url, diag);
	return result < 0 ? result : set_target(run, &url, target, diag);
}

/* Whom to connect to. */
static const struct url *peer_of(const struct target *target)
{
	return target->way.proxy.set ? &target->way.proxy.url : &target->settings.url;
}

/* When nobody knows the name. */
static bool use_fallback(const struct run *run, struct target *target)
{
	const struct endpoint *fallback = velociraptor_fallback_for(&run->client, peer_of(target));
	if (!fallback)
		return false;
	target->endpoints[0] = *fallback;
	target->endpoint_count = 1;
	return true;
}

static int resolve(const struct run *run, struct target *target, struct deadline deadline, struct diag *diag)
{
	const struct url *url = peer_of(target);
	if (url->address.family) {
		target->endpoints[0] = (struct endpoint){ url->address, url->port };
		target->endpoint_count = 1;
		return 0;
	}
	const char *name = url->host;
	const struct resolve_request request = { &name, 1, HOSTS_PATH, &run->resolvers, deadline };
	struct resolved resolved;
	int error;
	int result = resolve_names(&request, &resolved, &error, diag);
	if (CONFIG_VELOCIRAPTOR_CONFIG && result < 0 && result != -EINTR && use_fallback(run, target))
		return 0;
	if (result < 0)
		return result;
	for (size_t i = 0; i < resolved.count; i++)
		target->endpoints[i] = (struct endpoint){ resolved.addresses[i], url->port };
	target->endpoint_count = resolved.count;
	return 0;
}

/* Fills the report; -errno when it could not be tried. */
static int probe_target(const struct run *run, struct target *target, struct diag *diag)
{
	struct deadline deadline = deadline_in((int64_t)run->options->timeout * 1000);
	struct probe_report *report = &target->report;
	int result = resolve(run, target, deadline, diag);
	if (result < 0) {
		text_copy(report->reason, sizeof report->reason, diag->text);
		report->connected_ms = report->handshake_ms = report->first_byte_ms = report->total_ms = -1;
		return result == -EINTR ? result : 0;
	}
	do
		result = probe_url(&target->settings, target->endpoints, target->endpoint_count, deadline, report,
				   diag);
	while (result == 0 && report->sheds_load && deadline_left(deadline) > PROBE_PAUSE_MS &&
	       poll(NULL, 0, PROBE_PAUSE_MS) == 0);
	return result;
}

/* --- what came of it --- */

/* Without -k the question is "is it ours", and only proof is a yes; with -k it is "does it answer". */
static bool is_yes(const struct run *run, const struct probe_report *report)
{
	return report->verdict == PROBE_PROVEN || (report->verdict == PROBE_REACHED && run->options->trust.insecure);
}

static const char *what_was_proven(const struct tls_facts *tls)
{
	if (tls->by_pin)
		return "its certificate is the pinned one";
	return tls->by_issuer ? "its certificate is the CA's" : "certificate chain and name are verified";
}

static void conclude(const struct run *run, const struct target *target, struct text *text)
{
	const struct probe_report *report = &target->report;
	if (report->verdict == PROBE_PROVEN)
		text_addf(text, "proven: %s%s", what_was_proven(&report->tls),
			  report->pem_checked ? ", and server.pem as well" :
						"; server.pem is not checked without a CA");
	else if (report->verdict == PROBE_REACHED && !target->settings.url.tls)
		text_add(text, "reached, not proven: plain HTTP proves nothing");
	else if (report->verdict == PROBE_REACHED)
		text_add(text, run->options->trust.insecure ? "reached, not verified" : "reached, not proven");
	else
		text_addf(text, "%s: %s", probe_verdict_name(report->verdict), report->reason);
}

static bool has_date_error(const struct tls_facts *tls)
{
	return tls->refusals & (TLS_REFUSED_EXPIRED | TLS_REFUSED_NOT_YET_VALID);
}

static void warn_about_clock(const struct target *target)
{
	struct diag diag;
	if (!target->report.tls.clock_unset)
		return;
	diag_fail(&diag, 0, "warning: this device's clock is before 2026-01-01; %s",
		  has_date_error(&target->report.tls) ? "the certificate had expired even then" :
							"\"not yet valid\" is not held against certificates");
	applet_warn(probe_applet.name, &diag);
}

/* "  label        value", cut at the line's end. */
static void add_row(struct text *text, const char *label, const char *value)
{
	text_addf(text, "  %s", label);
	text_pad_to(text, LABEL_WIDTH);
	text_addf(text, "%.*s\n", LINE_WIDTH - LABEL_WIDTH, value);
}

/* Breaks a long line between words, or inside one that is longer than a line. */
static void add_wrapped(struct text *text, const char *string)
{
	size_t width = LINE_WIDTH;
	while (strlen(string) > width) {
		size_t end = width;
		while (end > 0 && string[end] != ' ')
			end--;
		size_t part = end > 0 ? end : width;
		text_add_bytes(text, string, part);
		text_add(text, "\n  ");
		string += part + (end > 0);
		width = LINE_WIDTH - 2;
	}
	text_addf(text, "%s\n", string);
}

static void add_hex(struct text *text, const struct fingerprint *fingerprint)
{
	for (size_t i = 0; i < FINGERPRINT_SIZE; i++)
		text_addf(text, "%02x", fingerprint->bytes[i]);
}

static void print_certificate(const struct run *run, const struct certificate_facts *leaf, struct text *text)
{
	char value[80];
	struct text row = TEXT_ON(value);
	add_row(text, "certificate", leaf->subject);
	if (run->options->verbose)
		add_row(text, "DNS name", *leaf->dns_name ? leaf->dns_name : "none");
	add_row(text, "issued by", leaf->issuer);
	date_format(leaf->not_before, &row);
	text_add(&row, " to ");
	date_format(leaf->not_after, &row);
	add_row(text, "valid", value);
	row = TEXT_ON(value);
	add_hex(&row, &leaf->sha256);
	add_row(text, "SHA-256", value);
	if (!run->options->verbose)
		return;
	row = TEXT_ON(value);
	add_hex(&row, &leaf->key_sha256);
	add_row(text, "key SHA-256", value);
}

static void print_connection(const struct run *run, const struct target *target, struct text *text)
{
	const struct probe_report *report = &target->report;
	char value[128];
	struct text row = TEXT_ON(value);
	for (size_t i = 0; i < target->endpoint_count && run->options->verbose; i++) {
		row = TEXT_ON(value);
		endpoint_format(&target->endpoints[i], &row);
		add_row(text, i == 0 ? "addresses" : "", value);
	}
	if (report->endpoint.address.family == 0)
		return;
	row = TEXT_ON(value);
	endpoint_format(&report->endpoint, &row);
	text_addf(&row, " after %lld ms", (long long)report->connected_ms);
	add_row(text, "connected", value);
	if (!*report->tls.version)
		return;
	row = TEXT_ON(value);
	text_addf(&row, "%s after %lld ms", report->tls.version, (long long)report->handshake_ms);
	add_row(text, "TLS", value);
	if (run->options->verbose)
		add_row(text, "cipher", report->tls.cipher);
}

static void print_answer(const struct probe_report *report, struct text *text)
{
	char value[128];
	struct text row = TEXT_ON(value);
	if (report->http.status == 0)
		return;
	text_addf(&row, "HTTP %u, %zu bytes, first after %lld ms, all after %lld ms", report->http.status,
		  report->http.body_length, (long long)report->first_byte_ms, (long long)report->total_ms);
	add_row(text, "answer", value);
}

static void print_for_people(const struct run *run, const struct target *target, struct text *text)
{
	char line[512];
	struct text words = TEXT_ON(line);
	url_format(&target->settings.url, &words);
	add_wrapped(text, line);
	print_connection(run, target, text);
	if (target->report.tls.has_leaf)
		print_certificate(run, &target->report.tls.leaf, text);
	print_answer(&target->report, text);
	words = TEXT_ON(line);
	conclude(run, target, &words);
	add_wrapped(text, line);
}

static void json_fingerprint(struct text *text, const char *name, const struct fingerprint *fingerprint)
{
	char hex[2 * FINGERPRINT_SIZE + 1];
	struct text digits = TEXT_ON(hex);
	add_hex(&digits, fingerprint);
	json_string(text, name, hex);
}

static void json_tls(const struct tls_facts *tls, struct text *text)
{
	const struct certificate_facts *leaf = &tls->leaf;
	if (*tls->version) {
		json_string(text, "tls_version", tls->version);
		json_string(text, "cipher", tls->cipher);
	}
	if (!tls->has_leaf)
		return;
	json_bool(text, "verified", tls->verified);
	json_bool(text, "clock_unset", tls->clock_unset);
	json_string(text, "subject", leaf->subject);
	json_string(text, "common_name", leaf->common_name);
	json_string(text, "dns_name", leaf->dns_name);
	json_string(text, "issuer", leaf->issuer);
	json_number(text, "not_before", leaf->not_before);
	json_number(text, "not_after", leaf->not_after);
	json_fingerprint(text, "sha256", &leaf->sha256);
	json_fingerprint(text, "key_sha256", &leaf->key_sha256);
}

static void json_times(const struct probe_report *report, struct text *text)
{
	const struct {
		const char *name;
		int64_t value;
	} times[] = {
		{ "connected_ms", report->connected_ms },
		{ "handshake_ms", report->handshake_ms },
		{ "first_byte_ms", report->first_byte_ms },
		{ "total_ms", report->total_ms },
	};
	for (size_t i = 0; i < sizeof times / sizeof *times; i++) {
		if (times[i].value >= 0)
			json_number(text, times[i].name, times[i].value);
	}
}

static void json_answer(const struct probe_report *report, struct text *text)
{
	char address[ADDRESS_TEXT_SIZE];
	struct text formatted = TEXT_ON(address);
	if (report->endpoint.address.family) {
		address_format(&report->endpoint.address, &formatted);
		json_string(text, "address", address);
		json_number(text, "port", report->endpoint.port);
	}
	json_tls(&report->tls, text);
	if (report->http.status) {
		json_number(text, "status", report->http.status);
		json_string(text, "location", report->http.location);
		json_string(text, "content_type", report->http.content_type);
		json_number(text, "body_length", (int64_t)report->http.body_length);
	}
	json_bool(text, "server_pem", report->pem_checked);
	if (report->pem_checked)
		json_string(text, "server_pem_subject", report->pem.subject);
	json_times(report, text);
}

static void print_for_programs(const struct run *run, const struct target *target, struct text *text)
{
	char line[512];
	struct text words = TEXT_ON(line);
	conclude(run, target, &words);
	json_begin(text);
	json_number(text, "Time", (int64_t)time(NULL));
	json_string(text, "Result", line);
	json_string(text, "step", "probe");
	json_bool(text, "ok", is_yes(run, &target->report));
	words = TEXT_ON(line);
	url_format(&target->settings.url, &words);
	json_string(text, "url", line);
	json_string(text, "verdict", probe_verdict_name(target->report.verdict));
	json_answer(&target->report, text);
	json_end(text);
}

static int print_target(const struct run *run, const struct target *target)
{
	char page[PAGE_SIZE_BYTES];
	struct text text = TEXT_ON(page);
	warn_about_clock(target);
	if (run->options->quiet)
		return EXIT_DONE;
	if (run->options->json)
		print_for_programs(run, target, &text);
	else
		print_for_people(run, target, &text);
	return applet_print(probe_applet.name, page, text.length);
}

/* --- the run --- */

static int check_options(const struct probe_options *options, int operands, struct diag *diag)
{
	if (operands < 0)
		return operands;
	const struct trust_options *trust = &options->trust;
	if (trust->insecure && (trust->ca || trust->pins.count > 0 || trust->name))
		return diag_fail(diag, EINVAL, "--insecure contradicts --ca, --pin and --name");
	return 0;
}

static int check_urls(const struct run *run, int count, char **urls, struct diag *diag)
{
	struct target target;
	int result = 0;
	for (int i = 0; i < count && result == 0; i++)
		result = parse_target(run, urls[i], &target, diag);
	return result;
}

/* The CA store and resolv.conf are read here, by the process that may; the child gets them with its memory. */
static int read_files(struct run *run, struct diag *diag)
{
	int result = trust_open(&run->options->trust, &run->store, diag);
	return result < 0 ? result : resolver_config_read("/etc/resolv.conf", &run->resolvers, diag);
}

/* Velociraptor's configuration, when it is named or nothing else is. */
static int read_client(struct run *run, struct probe_options *options, int operands, struct diag *diag)
{
	if (operands > 0 && !options->config)
		return 0;
	int result = applet_read_client(options->config, &run->client, &run->environment, diag);
	if (result > 0)
		options->trust.client = &run->client;
	return result < 0 ? result : 0;
}

/* One server; the exit code, and in *code what becomes of that of the whole run. */
static int probe_one(const struct run *run, const char *argument, const struct url *server, int *code)
{
	struct target target = { 0 };
	struct diag diag = { "" };
	int result = argument ? parse_target(run, argument, &target, &diag) : set_target(run, server, &target, &diag);
	if (result == -EINVAL)
		return applet_fail(probe_applet.name, EXIT_BAD_CONFIG, &diag);
	if (result == 0)
		result = probe_target(run, &target, &diag);
	if (result < 0)
		return applet_fail(probe_applet.name, exit_code_for(result), &diag);
	if (!is_yes(run, &target.report))
		*code = EXIT_ANSWER_NO;
	return print_target(run, &target);
}

/* Those of the command line, else those of Velociraptor's configuration. */
static int probe_all(const struct run *run, int operands, char **urls)
{
	size_t count = operands ? (size_t)operands : run->client.server_count;
	int code = EXIT_DONE;
	int failed = EXIT_DONE;
	for (size_t i = 0; i < count && failed == EXIT_DONE; i++)
		failed = probe_one(run, operands ? urls[i] : NULL, operands ? NULL : &run->client.servers[i], &code);
	return failed == EXIT_DONE ? code : failed;
}

static int probe_main(int argc, char **argv)
{
	struct probe_options options = { .timeout = TIMEOUT_DEFAULT };
	struct run run = { .options = &options };
	struct diag diag = { "" };
	int code = EXIT_BAD_CONFIG;
	int count = options_parse(option_table, &options, argc, argv, &diag);
	if (check_options(&options, count, &diag) < 0 || check_urls(&run, count, argv + 1, &diag) < 0)
		return applet_usage_error(&probe_applet, &diag);
	int result = read_client(&run, &options, count, &diag);
	if (result == 0)
		result = read_files(&run, &diag);
	if (result < 0) {
		code = result == -ENOMEM ? EXIT_SYSTEM_REFUSED : EXIT_BAD_CONFIG;
		applet_fail(probe_applet.name, (enum exit_code)code, &diag);
	} else if (count == 0 && !run.client.servers) {
		diag_fail(&diag, EINVAL, "no URL given");
		code = applet_usage_error(&probe_applet, &diag);
	} else {
		code = probe_all(&run, count, argv + 1);
	}
	trust_store_close(&run.store);
	if (CONFIG_VELOCIRAPTOR_CONFIG)
		velociraptor_config_fini(&run.client);
	return code;
}

#if CONFIG_VELOCIRAPTOR_CONFIG
#define USAGE_OPERANDS "[URL...]"
#define USAGE_WITHOUT_URL "Without a URL, the servers of Velociraptor's client are asked.\n"
#else
#define USAGE_OPERANDS "URL..."
#define USAGE_WITHOUT_URL ""
#endif

const struct applet probe_applet = {
	.name = "probe",
	.summary = "prove over HTTPS that the management server answers",
	.operands = USAGE_OPERANDS,
	.options = option_table,
	.notes = USAGE_WITHOUT_URL "server.pem is added to a URL that ends in '/'. Without --ca, --pin or -k the\n"
		 "system's CA certificates count. Exit code: 0 proven (-k: reached), 1 not.\n",
	.run = probe_main,
};
