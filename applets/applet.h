/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What an applet is, and the little that all of them share. The folder applets/NAME defines `const struct applet
 * NAME_applet`; the build makes the registry from the folders that the configuration selects.
 */
#ifndef APPLETS_APPLET_H
#define APPLETS_APPLET_H

#include "base/diag.h"
#include "base/exit_code.h"
#include "base/option.h"
#include "velociraptor/proxy.h"

struct applet {
	const char *name;
	const char *summary; /* one line of at most 60 characters */
	const char *operands; /* as usage shows them after "[options]": "[URL...]"; "" for none */
	const struct option_row *options;
	const char *notes; /* below the options in --help */
	int (*run)(int argc, char **argv); /* argv[0] is the applet's name; returns the exit code */
};

/* Runs another applet of this binary, or returns EXIT_NO_APPLET after saying so. */
int applet_run(const char *name, int argc, char **argv);

/* "APPLET: TEXT" as one line in one write(2) on stderr. Returns code, so that an applet ends with it. */
int applet_fail(const char *applet, enum exit_code code, const struct diag *diag);

/* The same for what is worth a line but does not end the run. */
void applet_warn(const char *applet, const struct diag *diag);

/* applet_fail with EXIT_USAGE_ERROR and, behind it, where to read more. An empty diagnostic: prints the usage. */
int applet_usage_error(const struct applet *applet, const struct diag *diag);

/* Writes a whole text to stdout; a failure is told on stderr. Returns EXIT_DONE or EXIT_SYSTEM_REFUSED. */
int applet_print(const char *applet, const char *bytes, size_t count);

/*
 * Reads the configuration of Velociraptor's client: that path, else the usual one, else what $VELOCIRAPTOR_CONFIG or
 * $VELOCIRAPTOR_LITERAL_CONFIG say; and the variables about proxies. Returns 1, 0 when there is none or the build can't
 * read it, or -errno with a diagnostic. velociraptor_config_fini releases it in each case.
 */
int applet_read_client(const char *path, struct velociraptor_config *config,
		       struct velociraptor_environment *environment, struct diag *diag);

/* Whether a path is that of such a file: it ends in .yaml or .yml. */
bool applet_is_client_path(const char *path);

#endif
