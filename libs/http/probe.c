/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "http/probe.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/secret.h"
#include "http/connect.h"
#include "http/get.h"
#include "net/child.h"
#include "net/connect.h"

/* How much longer than the child the parent waits, so that it is the child that says what timed out. Milliseconds. */
enum { GRACE_MS = 500 };

/* What the child is to do. */
struct task {
	const struct probe_settings *settings;
	const struct endpoint *list;
	size_t count;
	struct deadline deadline;
	int64_t started;
	struct tls_identity identity; /* to be shown; none at the first try */
};

const char *probe_verdict_name(enum probe_verdict verdict)
{
	static const char names[][sizeof "unreachable"] = { "unreachable", "refused", "reached", "proven" };
	return names[verdict];
}

static void refuse(struct probe_report *report, enum probe_verdict verdict, const char *reason)
{
	report->verdict = verdict;
	text_copy(report->reason, sizeof report->reason, reason);
}

/* Fills in what the settings leave to the URL, and shakes hands. */
static int start_tls(const struct task *task, struct http_stream *stream, struct probe_report *report,
		     struct diag *diag)
{
	const char *host = task->settings->url.host;
	struct tls_settings settings = task->settings->tls;
	/* nobody has one but Velociraptor's client */
	settings.identity = (struct tls_identity){ { 0 }, { 0 } };
	if (CONFIG_VELOCIRAPTOR_CONFIG)
		settings.identity = task->identity;
	if (!settings.server_name)
		settings.server_name = host;
	if (settings.name_count == 0) {
		settings.names = &host;
		settings.name_count = 1;
	}
	int result = tls_open(stream->fd, &settings, task->deadline, &stream->tls, &report->tls, diag);
	report->handshake_ms = monotonic_ms() - task->started;
	return result;
}

static int ask(const struct task *task, const struct http_stream *stream, const struct http_body *body,
	       struct probe_report *report, struct diag *diag)
{
	const struct probe_settings *settings = task->settings;
	const struct http_request_style style = {
		.through_proxy = settings->through_proxy && !settings->url.tls,
		.credentials = settings->credentials ? settings->credentials : "",
	};
	int64_t first_byte_at;
	int result = http_get(stream, &settings->url, &style, task->deadline, body, &report->http, &first_byte_at,
			      diag);
	if (first_byte_at > 0)
		report->first_byte_ms = first_byte_at - task->started;
	return result;
}

/* Whether server.pem is what it has to be; else the report says why not. */
static bool check_pem(const struct task *task, const struct http_body *body, struct probe_report *report)
{
	struct certificate_demand demand = task->settings->pem;
	char why[TLS_REASON_SIZE];
	char reason[sizeof report->reason];
	struct text text = TEXT_ON(reason);
	struct diag diag;
	size_t length = report->http.body_length;
	if (task->settings->same_key && report->tls.by_issuer)
		demand.key = &report->tls.leaf.key_sha256;
	int result = certificate_check(body->bytes, length, &demand, &report->pem, why, sizeof why, &diag);
	report->pem_checked = result == 0;
	if (result == 0)
		return true;
	text_addf(&text, "server.pem: %s", result < 0 ? diag.text : why);
	refuse(report, PROBE_REFUSED, reason);
	return false;
}

/* What an answer is worth. */
static void judge(const struct task *task, const struct http_body *body, struct probe_report *report)
{
	char reason[sizeof report->reason];
	struct text text = TEXT_ON(reason);
	const struct http_response *http = &report->http;
	if (http->status == 200 && !http->too_long) {
		if (task->settings->pem.issuer.length == 0 || check_pem(task, body, report))
			report->verdict = report->tls.verified ? PROBE_PROVEN : PROBE_REACHED;
		return;
	}
	if (http->status == 200)
		text_addf(&text, "the answer is longer than %d KiB", HTTP_BODY_MAX >> 10);
	else if (*http->location)
		text_addf(&text, "HTTP status %u, redirect to %.*s: not followed", http->status, 160, http->location);
	else
		text_addf(&text, "HTTP status %u, expected 200", http->status);
	refuse(report, PROBE_REFUSED, reason);
}

/*
 * Whether it was for want of a certificate of ours: the server asked for one, and then hung up or sent a status that
 * says so (nginx' is 400). Only TLS 1.3 has an alert of its own for it.
 */
static bool is_demand(const struct probe_report *report, int result)
{
	unsigned status = report->http.status;
	if (!report->tls.asks_identity)
		return false;
	return result == 0 ? status >= 400 && status <= 403 :
			     result == -EPROTO || result == -ECONNRESET || result == -EPIPE;
}

static void explain_demand(const struct task *task, const char *reason, struct probe_report *report)
{
	char whole[sizeof report->reason];
	struct text text = TEXT_ON(whole);
	text_addf(&text, "server demands %s client certificate: %s",
		  task->identity.certificate.length > 0 ? "another" : "a", reason);
	report->demands_identity = true;
	refuse(report, PROBE_REFUSED, whole);
}

/* A verdict, or -ENOMEM: what is missing here says nothing about the server. */
static int talk(const struct task *task, struct http_stream *stream, struct probe_report *report, struct diag *why)
{
	struct diag diag;
	struct http_body body = { .bytes = malloc(HTTP_BODY_MAX), .size = HTTP_BODY_MAX };
	int result = body.bytes ? 0 : diag_errno(&diag, ENOMEM, "receive");
	if (result == 0 && task->settings->through_proxy && task->settings->url.tls)
		result = http_connect(stream->fd, &task->settings->url,
				      task->settings->credentials ? task->settings->credentials : "", task->deadline,
				      &diag);
	if (result == 0 && task->settings->url.tls)
		result = start_tls(task, stream, report, &diag);
	if (result == 0)
		result = ask(task, stream, &body, report, &diag);
	if (result == 0)
		judge(task, &body, report);
	else
		refuse(report, PROBE_REFUSED, diag.text);
	if (is_demand(report, result))
		explain_demand(task, report->reason, report);
	else
		report->sheds_load = !report->tls.has_leaf && (result == -ECONNRESET || result == -EPIPE);
	free(body.bytes);
	return result == -ENOMEM ? diag_fail(why, ENOMEM, "%s", diag.text) : 0;
}

static void init_report(struct probe_report *report)
{
	memset(report, 0, sizeof *report);
	report->connected_ms = -1;
	report->handshake_ms = -1;
	report->first_byte_ms = -1;
}

/* Runs in the child. */
static int probe(const void *argument, void *result, struct diag *diag)
{
	const struct task *task = argument;
	struct probe_report *report = result;
	struct http_stream stream = { 0 };
	size_t chosen;
	int status = 0;
	init_report(report);
	stream.fd = connect_any(task->list, task->count, task->deadline, &chosen, diag);
	if (stream.fd >= 0) {
		report->endpoint = task->list[chosen];
		report->connected_ms = monotonic_ms() - task->started;
		status = talk(task, &stream, report, diag);
		tls_close(stream.tls);
		close(stream.fd);
	} else {
		refuse(report, PROBE_UNREACHABLE, diag->text);
	}
	report->total_ms = monotonic_ms() - task->started;
	return status;
}

static void clean_facts(struct certificate_facts *facts)
{
	child_clean_text(facts->subject, sizeof facts->subject);
	child_clean_text(facts->issuer, sizeof facts->issuer);
	child_clean_text(facts->common_name, sizeof facts->common_name);
	child_clean_text(facts->dns_name, sizeof facts->dns_name);
}

/* The child parsed what a stranger sent: whatever it hands over must be safe to read and to print. */
static void clean_report(struct probe_report *report)
{
	child_clean_text(report->reason, sizeof report->reason);
	child_clean_text(report->tls.version, sizeof report->tls.version);
	child_clean_text(report->tls.cipher, sizeof report->tls.cipher);
	child_clean_text(report->tls.reason, sizeof report->tls.reason);
	clean_facts(&report->tls.leaf);
	clean_facts(&report->pem);
	child_clean_text(report->http.location, sizeof report->http.location);
	child_clean_text(report->http.content_type, sizeof report->http.content_type);
	if (report->verdict > PROBE_PROVEN)
		report->verdict = PROBE_REFUSED;
}

int probe_url(const struct probe_settings *settings, const struct endpoint *list, size_t count,
	      struct deadline deadline, struct probe_report *report, struct diag *diag)
{
	struct task task = { settings, list, count, deadline, monotonic_ms(), { { 0 }, { 0 } } };
	const struct deadline patience = { .at = deadline.at + GRACE_MS };
	struct diag failure = { "" };
	int result = child_run(probe, &task, report, sizeof *report, patience, &failure);
	if (result == 0 && report->demands_identity && settings->identity.key.length > 0 &&
	    secret_share(settings->identity.key.pem, true)) {
		task.identity = settings->identity;
		result = child_run(probe, &task, report, sizeof *report, patience, &failure);
		(void)secret_share(task.identity.key.pem, false); /* the same pages were changed a moment ago */
	}
	if (result == -ETIMEDOUT || result == -EIO) { /* it hung or crashed on what it was sent */
		init_report(report);
		refuse(report, PROBE_REFUSED, failure.text);
		report->total_ms = monotonic_ms() - task.started;
	} else if (result < 0) {
		return diag_fail(diag, -result, "%s", failure.text);
	}
	clean_report(report);
	return 0;
}

int probe_reachable(const struct endpoint *list, size_t count, struct deadline deadline, struct endpoint *reached,
		    struct diag *diag)
{
	size_t chosen;
	int fd = connect_any(list, count, deadline, &chosen, diag);
	if (fd >= 0) {
		close(fd);
		*reached = list[chosen];
		return 1;
	}
	bool could_not_try = fd == -EMFILE || fd == -ENFILE || fd == -ENOMEM || fd == -ENOBUFS || fd == -EINTR;
	return could_not_try ? fd : 0;
}
