/* SPDX-License-Identifier: GPL-2.0-or-later */
/* notify: a message to everybody who is logged in, on a system without utmp and without wall. */
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "../applet.h"
#include "base/deadline.h"
#include "base/error.h"
#include "base/json.h"
#include "base/output.h"
#include "tty/log.h"
#include "tty/notify.h"

extern const struct applet notify_applet;

enum {
	INPUT_LIMIT = 64 * 1024, /* bytes that are read from standard input */
	TIMEOUT_DEFAULT = TTY_NOTIFY_TIMEOUT / 1000,
	DRAIN_MS = 1000, /* our own terminal may be the stuck one */
	LINE_SIZE = 512,
	JSON_SIZE = 2 * TTY_MESSAGE_SIZE + LINE_SIZE,
};

struct notify_options {
	bool syslog;
	bool kmsg;
	bool list;
	bool json;
	bool quiet;
	unsigned timeout; /* seconds */
};

/* One run: where its lines go, and how many targets took the message. */
struct run {
	const struct notify_options *options;
	struct output output;
	struct deadline deadline;
	size_t reached;
	size_t missed;
};

#define FIELD(name) offsetof(struct notify_options, name)
static const struct option_row option_table[] = {
	OPTION('s', FIELD(syslog), "syslog", "", NULL, "also write it to the system log"),
	OPTION('K', FIELD(kmsg), "kmsg", "", NULL, "also write it to the kernel's log"),
	OPTION('l', FIELD(list), "list", "", NULL, "only list the terminals"),
	OPTION('T', FIELD(timeout), "timeout", "TIME", option_timeout, "for the whole run, default 5s"),
	OPTION_JSON(FIELD(json)),
	OPTION_QUIET(FIELD(quiet)),
	OPTION_END,
};

static void begin_json(struct text *text, const char *step, const char *result, bool ok)
{
	json_begin(text);
	json_number(text, "Time", (int64_t)time(NULL));
	json_string(text, "Result", result);
	json_string(text, "step", step);
	json_bool(text, "ok", ok);
}

static void print(struct run *run, const struct text *text)
{
	if (!run->options->quiet)
		output_write(&run->output, text->bytes, text->length);
}

/* One line about one target: a terminal, the system log, the kernel's log. error is 0 or -errno. */
static void tell(struct run *run, const char *step, const char *target, const char *result, int error)
{
	char line[LINE_SIZE];
	struct text text = TEXT_ON(line);
	if (run->options->json) {
		begin_json(&text, step, result, error == 0);
		json_string(&text, "target", target);
		json_number(&text, "error", -error);
		json_end(&text);
	} else {
		text_add(&text, target);
		text_pad_to(&text, 18);
		text_addf(&text, "  %s\n", result);
	}
	print(run, &text);
}

static void tell_target(struct run *run, const char *step, const char *target, int error)
{
	char result[LINE_SIZE / 2];
	struct text text = TEXT_ON(result);
	text_add(&text, error == 0 ? "written" : error == -ETIMEDOUT ? "timed out" : "failed: ");
	if (error != 0 && error != -ETIMEDOUT)
		text_add_error(&text, -error);
	run->reached += error == 0;
	run->missed += error != 0;
	tell(run, step, target, result, error);
}

static void tell_terminal(struct run *run, const struct tty_terminal *terminal)
{
	char path[sizeof "/dev/" + TTY_NAME_SIZE];
	struct text text = TEXT_ON(path);
	text_addf(&text, "%s%s", terminal->node ? "/dev/" : "device ", terminal->name);
	if (run->options->list)
		tell(run, "terminal", path, terminal->console ? "console" : "in use", terminal->error);
	else
		tell_target(run, "terminal", path, terminal->error);
}

static void write_logs(struct run *run, const char *message)
{
	static const char syslog_path[] = "/dev/log";
	static const char kmsg_path[] = "/dev/kmsg";
	if (run->options->syslog)
		tell_target(run, "syslog", syslog_path,
			    log_to_syslog(syslog_path, notify_applet.name, message, run->deadline));
	if (run->options->kmsg)
		tell_target(run, "kmsg", kmsg_path, log_to_kmsg(kmsg_path, notify_applet.name, message));
}

static const char nobody[] = "nobody is logged in";

static const char *conclude(const struct run *run)
{
	if (run->reached == 0 && run->missed == 0)
		return nobody;
	if (run->missed == 0)
		return "all reached";
	return run->reached > 0 ? "not all reached" : "none reached";
}

/* The last line: of text when there is something to say that the lines above don't, of JSON always. */
static void tell_summary(struct run *run, const struct tty_notify_report *report)
{
	char line[JSON_SIZE];
	struct text text = TEXT_ON(line);
	const char *result = conclude(run);
	if (run->options->json) {
		begin_json(&text, "summary", result, run->missed == 0);
		json_number(&text, "reached", (int64_t)run->reached);
		json_number(&text, "missed", (int64_t)run->missed);
		json_bool(&text, "cut", report->cut);
		json_string(&text, "message", report->message);
		json_end(&text);
	} else {
		if (run->reached + run->missed == 0)
			text_addf(&text, "%s\n", result);
		if (report->cut)
			text_addf(&text, "the message was cut at %d characters\n", TTY_MESSAGE_CHARACTERS);
		if (report->list.dropped > 0)
			text_addf(&text, "%zu more terminals were left out\n", report->list.dropped);
	}
	print(run, &text);
}

static int exit_code_of(const struct run *run)
{
	if (run->missed == 0)
		return EXIT_DONE;
	return run->reached > 0 ? EXIT_PARTIAL : EXIT_SYSTEM_REFUSED;
}

static int list_terminals(struct run *run)
{
	char line[sizeof nobody + 1];
	struct text text = TEXT_ON(line);
	struct tty_list list;
	tty_find(&tty_system_paths, &list);
	for (size_t i = 0; i < list.count; i++)
		tell_terminal(run, &list.terminals[i]);
	if (list.count == 0 && !run->options->json) {
		text_addf(&text, "%s\n", nobody);
		print(run, &text);
	}
	return EXIT_DONE;
}

static int send_message(struct run *run, const char *message)
{
	struct tty_notify_report report;
	struct diag diag;
	struct tty_notify_options options = { .timeout = (int)run->options->timeout * 1000 };
	if (tty_notify_all(message, &options, &report, &diag) < 0) {
		if (*report.message)
			return applet_fail(notify_applet.name, EXIT_SYSTEM_REFUSED, &diag);
		return applet_usage_error(&notify_applet, &diag);
	}
	for (size_t i = 0; i < report.list.count; i++)
		tell_terminal(run, &report.list.terminals[i]);
	run->missed += report.list.dropped;
	write_logs(run, report.message);
	tell_summary(run, &report);
	return exit_code_of(run);
}

/* The words of the command line with a space between them. */
static void join_words(int count, char **words, struct text *text)
{
	for (int i = 0; i < count; i++) {
		text_add(text, i > 0 ? " " : "");
		text_add(text, words[i]);
	}
}

/*
 * Standard input up to its end, the limit or the deadline; what follows can't be shown anyway. NUL bytes are dropped.
 * Returns 0 or -errno.
 */
static int read_input(struct deadline deadline, struct text *text)
{
	char bytes[1024];
	while (!text->cut) {
		struct pollfd ready = { .fd = STDIN_FILENO, .events = POLLIN };
		int events = poll(&ready, 1, deadline_left(deadline));
		if (events == 0)
			return -ETIMEDOUT;
		ssize_t count = events < 0 ? -1 : read(STDIN_FILENO, bytes, sizeof bytes);
		if (count < 0 && errno != EINTR && errno != EAGAIN)
			return -errno;
		if (count == 0)
			break;
		for (ssize_t i = 0; i < count; i++)
			text_add_bytes(text, &bytes[i], bytes[i] != '\0');
	}
	return 0;
}

static int run_with_message(struct run *run, int operands, char **argv)
{
	char message[INPUT_LIMIT];
	struct text text = TEXT_ON(message);
	struct diag diag;
	if (operands == 1 && strcmp(argv[1], "-") == 0) {
		int result = read_input(run->deadline, &text);
		if (result < 0) {
			diag_errno(&diag, -result, "read standard input");
			return applet_fail(notify_applet.name, EXIT_SYSTEM_REFUSED, &diag);
		}
	} else {
		join_words(operands, argv + 1, &text);
	}
	return send_message(run, message);
}

/* Our own output may be the terminal that is stuck: then its lines are lost, and the exit code still tells. */
static int finish_output(struct run *run, int code)
{
	struct diag diag;
	int result = output_drain(&run->output, deadline_in(DRAIN_MS));
	output_fini(&run->output);
	if (result == 0 || result == -EAGAIN)
		return code;
	diag_errno(&diag, -result, "write to standard output");
	return applet_fail(notify_applet.name, EXIT_SYSTEM_REFUSED, &diag);
}

static int notify_run(int argc, char **argv)
{
	struct notify_options options = { .timeout = TIMEOUT_DEFAULT };
	struct run run = { .options = &options };
	struct diag diag;
	int operands = options_parse(option_table, &options, argc, argv, &diag);
	if (operands == 0 && !options.list)
		operands = diag_fail(&diag, EINVAL, "no message");
	else if (operands > 0 && options.list)
		operands = diag_fail(&diag, EINVAL, "--list takes no message");
	if (operands < 0)
		return applet_usage_error(&notify_applet, &diag);
	run.deadline = deadline_in((int64_t)options.timeout * 1000);
	output_init(&run.output, STDOUT_FILENO);
	int code = options.list ? list_terminals(&run) : run_with_message(&run, operands, argv);
	return finish_output(&run, code);
}

const struct applet notify_applet = {
	.name = "notify",
	.summary = "write a message to everybody who is logged in",
	.operands = "MESSAGE... | -",
	.options = option_table,
	.notes = "With - the message is read from standard input. At most 255 characters are\n"
		 "shown; control characters and escape sequences are removed.\n",
	.run = notify_run,
};
