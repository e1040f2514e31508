/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "report.h"

#include <errno.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "../applet.h"
#include "base/item.h"

enum {
	NAME_COLUMNS = 12,
	DETAIL_COLUMNS = 46, /* with a blank; leaves room for "FAILED 999.99s" */
	DRAIN_MS = 3000,
};

void report_init(struct report *report, bool json, bool quiet, unsigned steps)
{
	report->json = json;
	report->quiet = quiet;
	report->steps = steps;
	output_init(&report->output, STDOUT_FILENO);
}

int report_fini(struct report *report)
{
	struct output *output = &report->output;
	struct diag *diag = &report->diag;
	/* at 9600 baud a byte takes a millisecond */
	int result = output_drain(output, deadline_in(DRAIN_MS + (int)output->length));
	output_fini(output);
	if (result == -EAGAIN) {
		diag_fail(diag, 0, "warning: standard output did not take %zu bytes", output->lost + output->length);
		applet_warn("quarantine", diag);
	}
	return result;
}

int report_error(const struct report *report)
{
	int error = report->output.error;
	return error == EPIPE || error == EIO ? 0 : error; /* nobody reads any more: no reason to stop */
}

struct text *report_line(struct report *report)
{
	report->line = TEXT_ON(report->line_bytes);
	return &report->line;
}

static struct text *begin_out(struct report *report)
{
	report->out = TEXT_ON(report->out_bytes);
	return &report->out;
}

/* What people read is ASCII: names of interfaces and servers are others' words. */
static void hide_controls(struct report *report)
{
	if (!report->json)
		text_hide_controls(&report->out);
}

static void write_out(struct report *report)
{
	hide_controls(report);
	if (!report->quiet)
		output_write(&report->output, report->out.bytes, report->out.length);
}

/* The last block goes out as one. */
static void queue_out(struct report *report)
{
	hide_controls(report);
	if (!report->quiet)
		output_queue(&report->output, report->out.bytes, report->out.length);
}

struct text *report_object(struct report *report, const char *result)
{
	struct text *object = begin_out(report);
	json_begin(object);
	json_number(object, "Time", (int64_t)time(NULL));
	json_string(object, "Result", result);
	return object;
}

void report_object_end(struct report *report)
{
	json_end(&report->out);
	write_out(report);
}

static void flush_to_terminal(struct text *text)
{
	text_hide_controls(text);
	output_flush(text);
}

struct text *report_stream(struct report *report)
{
	struct text *text = begin_out(report);
	text->flush = isatty(report->output.fd) ? flush_to_terminal : output_flush;
	text->context = &report->output;
	return text;
}

void report_begin(struct report *report, const char *name)
{
	report->step++;
	report->name = name;
	report->began = monotonic_ms();
}

static int64_t elapsed(const struct report *report)
{
	return report->name ? monotonic_ms() - report->began : 0;
}

static struct text *step_object(struct report *report, bool ok, const char *result)
{
	struct text *object = report_object(report, result);
	json_string(object, "step", report->name ? report->name : "read");
	json_bool(object, "ok", ok);
	json_number(object, "milliseconds", elapsed(report));
	return object;
}

/* "[2/5] resolve     2 servers, 4 addresses                          ok  0.01s" */
static void print_step_line(struct report *report, bool ok, const char *detail)
{
	int64_t hundredths = elapsed(report) / 10;
	text_addf(begin_out(report), "[%u/%u] %-*s%-*.*s%-6s%3lld.%02llds\n", report->step, report->steps, NAME_COLUMNS,
		  report->name, DETAIL_COLUMNS, DETAIL_COLUMNS - 1, detail, ok ? "ok" : "FAILED",
		  (long long)(hundredths / 100), (long long)(hundredths % 100));
	write_out(report);
}

struct text *report_end_object(struct report *report, bool ok, const char *detail)
{
	char result[REPORT_LINE_SIZE / 2];
	struct text text = TEXT_ON(result);
	if (!report->json) {
		print_step_line(report, ok, detail);
		return NULL;
	}
	text_addf(&text, "%s: %s", report->name, detail);
	return step_object(report, ok, result);
}

void report_end(struct report *report, bool ok, const char *detail)
{
	if (report_end_object(report, ok, detail))
		report_object_end(report);
}

void report_failure(struct report *report, enum exit_code code)
{
	if (report->json) {
		json_number(step_object(report, false, report->diag.text), "exit", code);
		report_object_end(report);
	} else if (report->name) {
		print_step_line(report, false, "");
	}
}

void report_warning(struct report *report, const struct diag *diag)
{
	struct diag warning;
	diag_fail(&warning, 0, "warning: %s", diag->text);
	applet_warn("quarantine", &warning);
	if (!report->json)
		return;
	json_string(report_object(report, warning.text), "warning", diag->text);
	report_object_end(report);
}

void report_item(struct report *report, const char *label)
{
	if (report->json)
		return;
	item_format(begin_out(report), label, report->line.bytes);
	queue_out(report);
}

struct text *report_result(struct report *report, const char *state, const char *table)
{
	char lead[32];
	struct text text = TEXT_ON(lead);
	if (report->json) {
		struct text *object = report_object(report, report->line.bytes);
		json_string(object, "state", state);
		json_string(object, "table", table);
		return object;
	}
	text_addf(&text, "%s: ", state);
	wrap_format(begin_out(report), lead, text.length, report->line.bytes + text.length);
	queue_out(report);
	return NULL;
}
