/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Options as a table: one row serves the command line, the configuration file and the usage text. A row names a field
 * of the applet's own options struct by offset and the function that parses a value into it.
 */
#ifndef BASE_OPTION_H
#define BASE_OPTION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/diag.h"
#include "base/text.h"

struct option_row {
	char letter; /* 0: only the long name */
	uint16_t offset; /* of the field in the options struct */
	/*
	 * Returns 0 or -errno; writes in diag what is wrong with the value, without the option's name. NULL:
	 * option_flag or option_string.
	 */
	int (*parse)(void *field, const char *value, struct diag *diag);
	/* Name, what usage calls the value and help, each with a NUL: a pointer to each takes up to 32 bytes. */
	const char *words;
};

/* argument "": a flag; help: one line, or more with \n. */
#define OPTION(letter, offset, name, argument, parse, help) { letter, offset, parse, name "\0" argument "\0" help }

/* A table ends with a row without words. */
#define OPTION_END { 0, 0, NULL, NULL }

/* For fields of type bool, whose value is NULL, "yes" or "no", and of type const char *. */
int option_flag(void *field, const char *value, struct diag *diag);
int option_string(void *field, const char *value, struct diag *diag); /* keeps the pointer */

/* For a deadline: an unsigned number of seconds, up to ten minutes, after which the artifact's caller gives up. */
int option_timeout(void *field, const char *value, struct diag *diag);

/* Rows that mean the same in every applet. */
#define OPTION_JSON(field) OPTION('j', field, "json", "", NULL, "print JSON, one object a line")
#define OPTION_QUIET(field) OPTION('q', field, "quiet", "", NULL, "print errors only")

/*
 * Parses argv[1..argc) into `values` as getopt_long would: -abc, -tVALUE, -t VALUE, --table=VALUE, --table VALUE, "--"
 * ends options, --flag=no takes a flag back, operands may stand between them. Operands are moved to argv[1..], their
 * number is returned; or -EINVAL with a diagnostic, which is empty where somebody asked for help (-h, --help). Also
 * then all that is right is in `values`: -j says how to tell the error.
 */
int options_parse(const struct option_row *table, void *values, int argc, char **argv, struct diag *diag);

/* Sets one option by its long name, as a line of a configuration file does. */
int options_set(const struct option_row *table, void *values, const char *name, const char *value, struct diag *diag);

/* One or more lines per row, at most 79 columns wide when the help is written so. */
void options_usage(const struct option_row *table, struct text *text);

#endif
