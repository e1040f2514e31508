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

enum {
	REPORT_LINE_SIZE = 1024,
	REPORT_OUT_SIZE = 4096, /* JSON of a server: a URL of 525 bytes twice, SERVER_ENDPOINTS_MAX addresses of 48 */
};

struct report {
	bool json;
	bool quiet;
	unsigned step; /* the current one, from 1 */
	unsigned steps;
	const char *name; /* of the current step; NULL: none has begun */
	int64_t began; /* monotonic ms */
	struct text line; /* see report_line */
	struct diag diag; /* what has failed, for report_failure: whoever fails fills it */
	struct text out; /* what is written next: lines, or an object */
	char line_bytes[REPORT_LINE_SIZE];
	char out_bytes[REPORT_OUT_SIZE];
	struct output output;
};

/* report: zero */
void report_init(struct report *report, bool json, bool quiet, unsigned steps);

/* Waits for a slow terminal, and says how much it did not take. Returns 0 or -errno of what could not be written. */
int report_fini(struct report *report);

/* Whether standard output has failed for good (full disk), as opposed to being slow or gone. */
int report_error(const struct report *report);

/* An empty text to say something in, one at a time: valid until the next call. */
struct text *report_line(struct report *report);

/* A step begins, and ends with a detail of what was done. */
void report_begin(struct report *report, const char *name);
void report_end(struct report *report, bool ok, const char *detail);

/* report_end, but the object of JSON may get more members until report_object_end; NULL for people. */
struct text *report_end_object(struct report *report, bool ok, const char *detail);

/* The current step has failed, for which the run ends with this code: its line or object. */
void report_failure(struct report *report, enum exit_code code);

/* Something that does not end the run: "warning" in JSON, on stderr for people. */
void report_warning(struct report *report, const struct diag *diag);

/* The line as one of the last block: "  label      text", wrapped at 79 columns. Nothing in JSON. */
void report_item(struct report *report, const char *label);

/*
 * How it ended: the line, which begins with "state: ", wrapped in the same way. Returns the object of JSON, to which
 * more can be added until report_object_end; NULL for people.
 */
struct text *report_result(struct report *report, const char *state, const char *table);

/* An object of JSON under construction goes out by report_object_end. */
struct text *report_object(struct report *report, const char *result);
void report_object_end(struct report *report);

/*
 * A text of any length that goes to standard output, and waits for that: as it is, but to a terminal without what would
 * steer it. The caller flushes it at the end.
 */
struct text *report_stream(struct report *report);

#endif
