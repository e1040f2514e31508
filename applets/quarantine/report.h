/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a run says: a line for each step, warnings, and the last block; for people or as JSON. */
#ifndef QUARANTINE_REPORT_H
#define QUARANTINE_REPORT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/diag.h"
#include "base/exit_code.h"
#include "base/json.h"
#include "base/output.h"
#include "base/text.h"

enum { REPORT_LINE_SIZE = 1024, REPORT_COUNTS_MAX = 3 };

struct report {
	struct output output;
	bool json;
	bool quiet;
	unsigned step; /* the current one, from 1 */
	unsigned steps;
	const char *name; /* of the current step */
	int64_t began; /* monotonic ms */
	size_t count_count;
	struct {
		const char *name;
		unsigned value;
	} counts[REPORT_COUNTS_MAX]; /* of the current step, for its JSON object */
};

void report_init(struct report *report, bool json, bool quiet, unsigned steps);

/* Waits for a slow terminal, and says how much it did not take. Returns 0 or -errno of what could not be written. */
int report_fini(struct report *report);

/* Whether standard output has failed for good (full disk), as opposed to being slow or gone. */
int report_error(const struct report *report);

/* A step begins, and ends with a detail of what was done. */
void report_begin(struct report *report, const char *name);
void report_end(struct report *report, bool ok, const char *detail);

/* A number that the JSON object of the current step has; at most REPORT_COUNTS_MAX, the name is kept by reference. */
void report_count(struct report *report, const char *name, unsigned value);

/* Something that does not end the run: "warning" in JSON, on stderr for people. */
void report_warning(struct report *report, const struct diag *diag);

/* A line of the last block: "  label      text", wrapped at 79 columns. */
void report_item(struct report *report, const char *label, const char *text);

/* How it ended: "state: text", wrapped in the same way. */
void report_result(struct report *report, const char *state, const char *text);

/* An object of JSON under construction goes out by report_json_end. */
void report_json_begin(struct text *text, const char *result);
void report_json_end(struct report *report, struct text *text);

#endif
