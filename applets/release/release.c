/* SPDX-License-Identifier: GPL-2.0-or-later */
/* release: undo a quarantine, from the console, without network, configuration or the process that set it. */
#include <errno.h>
#include <linux/netlink.h>
#include <signal.h>
#include <string.h>
#include <time.h>

#include "../applet.h"
#include "base/json.h"
#include "nft/blocking.h"
#include "nft/containment.h"
#include "state/saved.h"

extern const struct applet release_applet;

struct release_options {
	const char *table;
	bool json;
	bool quiet;
	bool forgotten; /* what was saved has been removed */
};

#define FIELD(name) offsetof(struct release_options, name)
static const struct option_row option_table[] = {
	OPTION('t', FIELD(table), "table", "NAME", table_option,
	       "only tables of this name;\ndefault: every one of ours, and\n" CONFIG_DEFAULT_TABLE),
	OPTION_JSON(FIELD(json)),
	OPTION_QUIET(FIELD(quiet)),
	OPTION_END,
};

enum { TABLE_COLUMNS = 46 }; /* for a name, so that no line is longer than 79; JSON has more of it */

static void print_table_names(const struct removed_tables *removed, bool json, struct text *text)
{
	size_t named = removed->count < REMOVED_TABLES_MAX ? removed->count : REMOVED_TABLES_MAX;
	const char *separator = json ? ", " : ",\n          ";
	text_add(text, json ? "removed table" : "released: removed table");
	for (size_t i = 0; i < named; i++)
		text_addf(text, "%s%s %.*s", i ? separator : " ", table_family_word(removed->tables[i].family),
			  json ? (int)sizeof removed->tables[i].name : TABLE_COLUMNS, removed->tables[i].name);
	if (named < removed->count)
		text_addf(text, "%sand %zu more", separator, removed->count - named);
}

/* Ends the line or object that has been begun. */
static void print_blocking(const struct blocking *blocking, bool json, struct text *text)
{
	if (json)
		json_array_begin(text, "blocking");
	else
		text_add(text, blocking->count ? "\nstill there, and drops what it does not allow:\n" : "\n");
	for (size_t i = 0; i < blocking->count && i < BLOCKING_LISTED_MAX; i++) {
		if (json)
			json_array_string(text, blocking->chains[i]);
		else
			text_addf(text, "          %s\n", blocking->chains[i]);
	}
	if (json) {
		json_array_end(text);
		json_end(text);
	} else if (blocking->count > BLOCKING_LISTED_MAX) {
		text_addf(text, "          and %zu more\n", blocking->count - BLOCKING_LISTED_MAX);
	}
}

/* Its buffers are not to lie below the kernel's answers: on a device out of memory each page counts. */
__attribute__((noinline)) static int print_result(const struct release_options *options,
						  const struct removed_tables *removed, const struct blocking *blocking)
{
	char words[3584]; /* REMOVED_TABLES_MAX names with families, and what is blocking */
	char line[3584];
	struct text text = TEXT_ON(words);
	struct text object = TEXT_ON(line);
	struct text *out = options->json ? &object : &text;
	if (removed->count == 0 && removed->left)
		text_add(&text, "nothing was released");
	else if (removed->count == 0)
		text_addf(&text, "nothing to release: no quarantine %s",
			  options->table ? "has this name" : "is in force");
	else
		print_table_names(removed, options->json, &text);
	if (options->json) {
		json_begin(out);
		json_number(out, "Time", (int64_t)time(NULL));
		json_string(out, "Result", words);
		json_number(out, "removed", (int64_t)removed->count);
		json_number(out, "left", (int64_t)removed->left);
		if (CONFIG_PERSIST)
			json_bool(out, "forgotten", options->forgotten);
	} else if (options->forgotten) {
		text_addf(out, "%s%s", removed->count ? ",\n          " : "\nremoved ", saved_path);
	}
	print_blocking(blocking, options->json, out);
	if (!options->json)
		text_hide_controls(out);
	/* what was to be done is done: only the telling failed */
	return applet_print("release", out->bytes, out->length) == EXIT_DONE ? EXIT_DONE : EXIT_UNVERIFIED;
}

static int finish(struct netlink *netlink, const struct release_options *options, const struct removed_tables *removed)
{
	struct diag diag;
	struct blocking blocking;
	int code = EXIT_DONE;
	if (!options->quiet) {
		if (blocking_find(netlink, &blocking, &diag) < 0)
			applet_warn("release", &diag);
		code = print_result(options, removed, &blocking);
	}
	if (removed->left == 0)
		return code;
	diag_fail(&diag, EPERM, "table %s: another process owns it, and only that can remove it", removed->left_name);
	return applet_fail("release", EXIT_PARTIAL, &diag);
}

/*
 * A power cut while we work must not bring the quarantine back, so that this comes first; and once more at the end, for
 * one that was saved meanwhile. Where it can't be removed the device is opened all the same.
 */
static int forget_saved(struct release_options *options, struct diag *diag)
{
	int result = CONFIG_PERSIST ? saved_remove(options->table, diag) : 0;
	options->forgotten |= result == 1;
	return result;
}

static int run_release(int argc, char **argv)
{
	struct release_options options = { 0 };
	struct netlink netlink = { 0 };
	struct removed_tables removed = { 0 };
	struct diag diag;
	int operands = options_parse(option_table, &options, argc, argv, &diag);
	if (operands > 0)
		operands = diag_fail(&diag, EINVAL, "unexpected operand '%.*s'", 60, argv[1]);
	if (operands < 0)
		return applet_usage_error(&release_applet, &diag);
	(void)signal(SIGPIPE, SIG_IGN);
	(void)signal(SIGXFSZ, SIG_IGN);
	uint32_t generation; /* who may not ask for it may release nothing */
	int result = netlink_open(&netlink, NETLINK_NETFILTER, &diag);
	if (result == 0 && CONFIG_PERSIST)
		result = nft_generation(&netlink, &generation, &diag);
	if (result == 0) {
		(void)forget_saved(&options, NULL);
		result = containment_remove(&netlink, options.table, CONFIG_DEFAULT_TABLE, &removed, &diag);
	}
	int code;
	if (result < 0)
		code = applet_fail("release", result == -EEXIST ? EXIT_USAGE_ERROR : exit_code_for(result), &diag);
	else
		code = finish(&netlink, &options, &removed);
	netlink_close(&netlink);
	if (result == 0 && forget_saved(&options, &diag) < 0)
		code = applet_fail("release", EXIT_UNVERIFIED, &diag);
	return code;
}

const struct applet release_applet = {
	.name = "release",
	.summary = "end a quarantine, however it was set",
	.operands = "",
	.options = option_table,
	.notes = "Works offline. Nothing to release is no error.\n",
	.run = run_release,
};
