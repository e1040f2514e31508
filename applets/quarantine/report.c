/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "report.h"

#include <errno.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "../applet.h"
#include "base/item.h"

enum {
	NAME_COLUMN = 6,
	DETAIL_COLUMN = 18,
	VERDICT_COLUMN = 64, /* leaves room for "FAILED 999.99s" */
	DRAIN_MS = 3000,
};

void report_init(struct report *report, bool json, bool quiet, unsigned steps)
{
	*report = (struct report){ .json = json, .quiet = quiet, .steps = steps };
	output_init(&report->output, STDOUT_FILENO);
}

int report_fini(struct report *report)
{
	struct output *output = &report->output;
	struct diag diag;
	/* at 9600 baud a byte takes a millisecond */
	int result = output_drain(output, deadline_in(DRAIN_MS + (int)output->length));
	output_fini(output);
	if (result == -EAGAIN) {
		diag_fail(&diag, 0, "warning: standard output did not take %zu bytes", output->lost + output->length);
		applet_warn("quarantine", &diag);
	}
	return result;
}

int report_error(const struct report *report)
{
	int error = report->output.error;
	return error == EPIPE || error == EIO ? 0 : error; /* nobody reads any more: no reason to stop */
}

static void write_text(struct report *report, const struct text *text)
{
	if (!report->quiet)
		output_write(&report->output, text->bytes, text->length);
}

void report_json_begin(struct text *text, const char *result)
{
	json_begin(text);
	json_number(text, "Time", (int64_t)time(NULL));
	json_string(text, "Result", result);
}

void report_json_end(struct report *report, struct text *text)
{
	json_end(text);
	write_text(report, text);
}

void report_begin(struct report *report, const char *name)
{
	report->step++;
	report->name = name;
	report->began = monotonic_ms();
	report->count_count = 0;
}

void report_count(struct report *report, const char *name, unsigned value)
{
	if (report->count_count == REPORT_COUNTS_MAX)
		return;
	report->counts[report->count_count].name = name;
	report->counts[report->count_count++].value = value;
}

static void print_step_json(struct report *report, bool ok, const char *detail, int64_t elapsed)
{
	char line[REPORT_LINE_SIZE];
	char result[REPORT_LINE_SIZE / 2];
	struct text words = TEXT_ON(result);
	text_addf(&words, "%s: %s", report->name, detail);
	struct text text = TEXT_ON(line);
	report_json_begin(&text, result);
	json_string(&text, "step", report->name);
	json_bool(&text, "ok", ok);
	json_number(&text, "milliseconds", elapsed);
	for (size_t i = 0; i < report->count_count; i++)
		json_number(&text, report->counts[i].name, report->counts[i].value);
	report_json_end(report, &text);
}

/* "[2/5] resolve     2 servers, 4 addresses                          ok  0.01s" */
static void print_step_line(struct report *report, bool ok, const char *detail, int64_t elapsed)
{
	char line[REPORT_LINE_SIZE];
	struct text text = TEXT_ON(line);
	text_addf(&text, "[%u/%u]", report->step, report->steps);
	text_pad_to(&text, NAME_COLUMN);
	text_add(&text, report->name);
	text_pad_to(&text, DETAIL_COLUMN);
	text_addf(&text, "%.*s", VERDICT_COLUMN - DETAIL_COLUMN - 1, detail);
	text_pad_to(&text, VERDICT_COLUMN);
	text_addf(&text, "%-6s%3lld.%02llds\n", ok ? "ok" : "FAILED", (long long)(elapsed / 1000),
		  (long long)(elapsed % 1000 / 10));
	write_text(report, &text);
}

void report_end(struct report *report, bool ok, const char *detail)
{
	int64_t elapsed = monotonic_ms() - report->began;
	if (report->json)
		print_step_json(report, ok, detail, elapsed);
	else
		print_step_line(report, ok, detail, elapsed);
}

void report_warning(struct report *report, const struct diag *diag)
{
	char line[REPORT_LINE_SIZE];
	struct text text = TEXT_ON(line);
	struct diag warning;
	diag_fail(&warning, 0, "warning: %s", diag->text);
	applet_warn("quarantine", &warning);
	if (!report->json)
		return;
	report_json_begin(&text, warning.text);
	json_string(&text, "warning", diag->text);
	report_json_end(report, &text);
}

/* The string from that column on, in as many lines as it needs. The lead stands in front of the first. */
static void write_wrapped(struct report *report, const char *lead, size_t column, const char *string)
{
	char lines[2 * REPORT_LINE_SIZE];
	struct text text = TEXT_ON(lines);
	wrap_format(&text, lead, column, string);
	if (!report->json && !report->quiet)
		output_queue(&report->output, text.bytes, text.length); /* the block goes out as one */
}

void report_item(struct report *report, const char *label, const char *string)
{
	char lines[2 * REPORT_LINE_SIZE];
	struct text text = TEXT_ON(lines);
	item_format(&text, label, string);
	if (!report->json && !report->quiet)
		output_queue(&report->output, text.bytes, text.length);
}

void report_result(struct report *report, const char *state, const char *string)
{
	char lead[32];
	struct text text = TEXT_ON(lead);
	text_addf(&text, "%s: ", state);
	write_wrapped(report, lead, text.length, string);
}
