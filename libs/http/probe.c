/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "http/probe.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

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
};

const char *probe_verdict_name(enum probe_verdict verdict)
{
	static const char *const names[] = { "unreachable", "refused", "reached", "proven" };
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

static int ask(const struct task *task, const struct http_stream *stream, struct probe_report *report,
	       struct diag *diag)
{
	const struct http_body body = { report->body, sizeof report->body };
	int64_t first_byte_at;
	int result = http_get(stream, &task->settings->url, task->deadline, &body, &report->http, &first_byte_at, diag);
	if (first_byte_at > 0)
		report->first_byte_ms = first_byte_at - task->started;
	report->body_length = report->http.body_length < sizeof report->body ? report->http.body_length :
									       sizeof report->body;
	return result;
}

/* What an answer is worth; the body is the business of who knows what should be in it. */
static void judge(struct probe_report *report)
{
	char reason[sizeof report->reason];
	struct text text = TEXT_ON(reason);
	const struct http_response *http = &report->http;
	if (http->status == 200 && !http->too_long) {
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

static void talk(const struct task *task, struct http_stream *stream, struct probe_report *report)
{
	struct diag diag;
	int result = task->settings->url.tls ? start_tls(task, stream, report, &diag) : 0;
	if (result == 0)
		result = ask(task, stream, report, &diag);
	if (result == 0)
		judge(report);
	else
		refuse(report, PROBE_REFUSED, diag.text);
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
	init_report(report);
	stream.fd = connect_any(task->list, task->count, task->deadline, &chosen, diag);
	if (stream.fd >= 0) {
		report->endpoint = task->list[chosen];
		report->connected_ms = monotonic_ms() - task->started;
		talk(task, &stream, report);
		tls_close(stream.tls);
		close(stream.fd);
	} else {
		refuse(report, PROBE_UNREACHABLE, diag->text);
	}
	report->total_ms = monotonic_ms() - task->started;
	return 0;
}

static void clean_text(char *string, size_t size)
{
	string[size - 1] = '\0';
	for (; *string; string++) {
		if (*string < ' ' || *string > '~')
			*string = '?';
	}
}

/* The child parsed what a stranger sent: whatever it hands over must be safe to read and to print. */
static void clean_report(struct probe_report *report)
{
	struct certificate_facts *leaf = &report->tls.leaf;
	clean_text(report->reason, sizeof report->reason);
	clean_text(report->tls.version, sizeof report->tls.version);
	clean_text(report->tls.cipher, sizeof report->tls.cipher);
	clean_text(report->tls.reason, sizeof report->tls.reason);
	clean_text(leaf->subject, sizeof leaf->subject);
	clean_text(leaf->issuer, sizeof leaf->issuer);
	clean_text(leaf->common_name, sizeof leaf->common_name);
	clean_text(leaf->dns_name, sizeof leaf->dns_name);
	clean_text(report->http.location, sizeof report->http.location);
	clean_text(report->http.content_type, sizeof report->http.content_type);
	if (report->verdict > PROBE_PROVEN)
		report->verdict = PROBE_REFUSED;
	if (report->body_length > sizeof report->body)
		report->body_length = 0;
}

int probe_url(const struct probe_settings *settings, const struct endpoint *list, size_t count,
	      struct deadline deadline, struct probe_report *report, struct diag *diag)
{
	const struct task task = { settings, list, count, deadline, monotonic_ms() };
	const struct deadline patience = { .at = deadline.at + GRACE_MS };
	struct diag failure = { "" };
	int result = child_run(probe, &task, report, sizeof *report, patience, &failure);
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
