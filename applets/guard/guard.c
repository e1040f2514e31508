/* SPDX-License-Identifier: GPL-2.0-or-later */
/* guard: keep the quarantine that was saved in force, whatever happens to its rules or to the device's links. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "../applet.h"
#include "base/deadline.h"
#include "base/json.h"
#include "netlink/events.h"
#include "state/lock.h"
#include "state/saved.h"

extern const struct applet guard_applet;

enum {
	INTERVAL_DEFAULT = 60, /* seconds between looks without a cause: not all that changes is told */
	SETTLE_MS = 100, /* for what belongs together: an interface that comes up, a quarantine that is saved */
	PAUSE_MS = 400, /* between looks: who changes something without end costs no more than that */
	LOOKS_AT_ONCE = 4, /* without: who reloads a rule set may flush it twice, and the device is open meanwhile */
	AGAIN_MS = 2000, /* after a failure, doubled with each until the interval */
	FAILURES_COUNTED = 6,
	RENEW_DEFAULT = 600, /* seconds between looks whether a server answers, which it sees as a connection */
	DISTURBED_MS = 60000, /* until the next one, when it was ended by what happened meanwhile */
	YIELDS_MAX = 4, /* so often in a row: there are networks, and programs, that change something all the time */
	GIVE_WAY_MS = 3000, /* for a renewal that was told to end; killed, it leaves what was there before */
	REPEATED_MS = 60000, /* in which a line is not told again: who plays with the rules does not fill the log */
	LINES_MAX = 20, /* in as long, of any kind */
	LINE_SIZE_MAX = 128,
};

struct guard {
	unsigned interval; /* seconds */
	unsigned renewal; /* likewise */
	bool json;
	bool quiet;
	struct netlink_events events;
	int child; /* the process that is restoring, or 0 */
	struct netlink_news news; /* what has happened while it was */
	int code; /* its exit code; -1: none has run */
	bool changed; /* it had to put something in force */
	unsigned failures; /* one after the other */
	int64_t paused_until; /* ms: as if all looks had paused */
	struct deadline renew_at;
	bool gives_way; /* it was told to end ... */
	struct deadline give_way; /* ... before that */
	bool renews; /* the child looks for a server, and may wait for its proof */
	unsigned yields; /* of renewals, in a row */
	int renewed; /* the exit code of the last one */
	int64_t silent_until; /* ms: no more is told of what a restore says */
	int64_t told_at; /* ms */
	int64_t counted_from; /* ms */
	unsigned lines; /* since then */
	char told[LINE_SIZE_MAX];
};

#define FIELD(name) offsetof(struct guard, name)
static const struct option_row option_table[] = {
	OPTION('i', FIELD(interval), "interval", "TIME", option_timeout,
	       "between looks without news, default 60s"),
#if CONFIG_QUARANTINE_PROBE
	OPTION('r', FIELD(renewal), "renew", "TIME", option_timeout,
	       "between looks whether a server answers,\ndefault 10m"),
#endif
	OPTION_JSON(FIELD(json)),
	OPTION_QUIET(FIELD(quiet)),
	OPTION_END,
};

static volatile sig_atomic_t ended;

/* ---- telling ---- */

static void tell(struct guard *guard, const char *line)
{
	char bytes[LINE_SIZE_MAX + 64];
	struct text text = TEXT_ON(bytes);
	int64_t now = monotonic_ms();
	if (guard->quiet || (strcmp(line, guard->told) == 0 && now - guard->told_at < REPEATED_MS))
		return;
	if (guard->lines == 0 || now - guard->counted_from >= REPEATED_MS) {
		guard->counted_from = now;
		guard->lines = 0;
	}
	if (guard->lines == LINES_MAX)
		return;
	guard->lines++;
	guard->told_at = now;
	text_copy(guard->told, sizeof guard->told, line);
	if (guard->json) {
		json_begin(&text);
		json_number(&text, "Time", (int64_t)time(NULL));
		json_string(&text, "Result", line);
		json_number(&text, "exit", guard->code);
		json_end(&text);
	} else {
		text_addf(&text, "guard: %s\n", line);
		text_hide_controls(&text); /* of a program's name */
	}
	(void)applet_print("guard", text.bytes, text.length); /* a log that is gone does not end a guard */
}

/* ---- restoring ---- */

/* In the child: objects of JSON go into the pipe, errors to where our own would, unless there were some just now. */
static int run_option(char *option, int fd, bool silent)
{
	char name[] = "quarantine", json[] = "-j";
	char *arguments[] = { name, option, json, NULL };
	if (dup2(fd, STDOUT_FILENO) < 0 || (silent && dup2(fd, STDERR_FILENO) < 0))
		return EXIT_SYSTEM_REFUSED;
	(void)signal(SIGTERM, SIG_DFL);
	(void)signal(SIGINT, SIG_DFL);
	return applet_run(name, 3, arguments);
}

/* Where the kernel numbers processes in another way than we see, our own transactions come back as news. */
static bool is_foreign(const struct guard *guard, const struct netlink_news *news)
{
	enum { FIRST_PID_NAMESPACE = 0xeffffffc }; /* PROC_PID_INIT_INO of linux/proc_ns.h */
	struct stat numbers;
	if (!news->rules || (stat("/proc/self/ns/pid", &numbers) == 0 && numbers.st_ino == FIRST_PID_NAMESPACE))
		return news->rules;
	return strcmp(news->program, guard->events.own) != 0;
}

/* What a renewal has to give way to. */
static bool is_disturbed(const struct guard *guard)
{
	return ended || (guard->yields < YIELDS_MAX && (guard->news.links || is_foreign(guard, &guard->news)));
}

/*
 * Until there is something to read. What a proof waits for is long: what has to be restored meanwhile ends it, and so
 * does who ends us.
 */
static void wait_beside_proof(struct guard *guard, int fd)
{
	enum { READ, RULES, LINKS, SOCKETS };
	struct pollfd sockets[SOCKETS] = {
		[READ] = { fd, POLLIN, 0 },
		[RULES] = { guard->events.rules, POLLIN, 0 },
		[LINKS] = { guard->events.links, POLLIN, 0 },
	};
	while (!sockets[READ].revents) {
		(void)poll(sockets, SOCKETS, PAUSE_MS);
		netlink_events_read(&guard->events, guard->child, &guard->news);
		if (!is_disturbed(guard))
			continue;
		if (!guard->gives_way)
			guard->give_way = deadline_in(GIVE_WAY_MS);
		guard->gives_way = true;
		(void)kill(guard->child, deadline_passed(guard->give_way) ? SIGKILL : SIGTERM);
	}
}

/* Reads all that it says. Small, because room in the file's memory is room that each applet needs. */
static bool says(struct guard *guard, int fd, const char *words)
{
	char bytes[512];
	size_t length = 0;
	bool found = false;
	for (;;) {
		if (guard->renews)
			wait_beside_proof(guard, fd);
		ssize_t count = read(fd, bytes + length, sizeof bytes - 1 - length);
		if (count < 0 && errno == EINTR)
			continue;
		if (count <= 0)
			return found;
		length += (size_t)count;
		bytes[length] = '\0';
		found |= strstr(bytes, words) != NULL;
		/* their beginning may be the end */
		size_t kept = length < strlen(words) - 1 ? length : strlen(words) - 1;
		memmove(bytes, bytes + length - kept, kept);
		length = kept;
	}
}

/* Returns the exit code, -1: it could not run to its end. */
static int run_child(struct guard *guard)
{
	int ends[2], status = 0;
	char option[] = "--restore";
	if (guard->renews)
		memcpy(option, "--renew", sizeof "--renew");
	bool silent = guard->renews || monotonic_ms() < guard->silent_until;
	if (pipe2(ends, O_CLOEXEC) < 0)
		return -1;
	guard->child = _Fork(); /* there is one thread, and nothing has registered for fork's handlers */
	if (guard->child == 0)
		_exit(run_option(option, ends[1], silent));
	close(ends[1]);
	if (guard->child < 0) {
		close(ends[0]);
		guard->child = 0;
		return -1;
	}
	guard->gives_way = false;
	guard->changed = !says(guard, ends[0], guard->renews ? "nothing to renew" : "\"unchanged\":true");
	close(ends[0]);
	while (waitpid(guard->child, &status, 0) < 0 && errno == EINTR)
		;
	/* by now: its number may become another's */
	netlink_events_read(&guard->events, guard->child, &guard->news);
	guard->child = 0;
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void add_cause(const struct guard *guard, struct text *line, const struct netlink_news *news)
{
	bool foreign = is_foreign(guard, news);
	if (!foreign && news->links) {
		text_add(line, ": links, addresses or routes have changed");
		return;
	}
	if (news->rules)
		text_add(line, ": the rules were changed");
	if (foreign && *news->program)
		text_add(line, " by ");
	for (const char *at = news->program; foreign && *at; at++)
		text_addf(line, "%c", *at > ' ' && *at < 0x7f ? *at : '?');
}

/* What came of it, unless all is as it was. */
static void tell_state(struct guard *guard, int before, const struct netlink_news *news)
{
	char words[LINE_SIZE_MAX];
	struct text line = TEXT_ON(words);
	if (!saved_is_there(NULL))
		text_add(&line, "its time is over, or it was released");
	else if (guard->changed || guard->code != before)
		text_addf(&line, "%s, %s", guard->code == EXIT_DONE ? "contained" : "partial",
			  guard->changed ? "put in force" : "as saved");
	if (guard->changed)
		add_cause(guard, &line, is_foreign(guard, news) || news->links ? news : &guard->news);
	if (line.length)
		tell(guard, words);
}

/* Whether another quarantine is under way: it may leave the device open, and no news tells of its end. */
static bool is_locked(void)
{
	struct diag diag;
	int lock = lock_take(PAUSE_MS, &diag);
	if (lock >= 0)
		close(lock);
	return lock == -EWOULDBLOCK;
}

/* Puts in force what is saved. Returns the milliseconds after which to look again, if nothing happens before. */
static int keep(struct guard *guard, const struct netlink_news *news)
{
	int before = guard->code;
	int interval = (int)guard->interval * 1000;
	if (!saved_is_there(NULL)) {
		guard->code = -1;
		tell(guard, "nothing is saved (quarantine --persist): waiting");
		return interval;
	}
	if (is_locked()) {
		guard->news = *news; /* still, with what has come since */
		netlink_events_read(&guard->events, guard->child, &guard->news);
		return PAUSE_MS;
	}
	guard->code = run_child(guard);
	bool done = guard->code == EXIT_DONE || guard->code == EXIT_PARTIAL;
	/* it has said what warnings there are, or why not */
	if ((guard->changed || !done) && monotonic_ms() >= guard->silent_until)
		guard->silent_until = monotonic_ms() + REPEATED_MS;
	if (done) {
		tell_state(guard, before, news);
		guard->failures = 0;
		return interval;
	}
	if (guard->code == EXIT_LOCKED) /* another one was quicker, or has saved anew */
		return PAUSE_MS;
	if (guard->code < 0)
		tell(guard, "quarantine --restore could not run: trying again");
	int again = AGAIN_MS << guard->failures;
	guard->failures += guard->failures < FAILURES_COUNTED;
	return again < interval ? again : interval;
}

/* A server may have moved: what is saved has its address of then. */
static void renew(struct guard *guard)
{
	char words[LINE_SIZE_MAX];
	struct text line = TEXT_ON(words);
	guard->renews = true;
	int code = run_child(guard);
	guard->renews = false;
	int before = guard->renewed;
	guard->renew_at = deadline_in(guard->renewal * 1000ll);
	bool done = code == EXIT_DONE || code == EXIT_PARTIAL || code == EXIT_UNVERIFIED;
	if (!done && (guard->gives_way || code == EXIT_LOCKED)) { /* it is another run's turn, or was released */
		guard->yields++;
		guard->renew_at = deadline_earlier(guard->renew_at, deadline_in(DISTURBED_MS));
		return;
	}
	guard->yields = 0;
	guard->renewed = code;
	if (done) {
		if (guard->changed)
			tell(guard, "no server answered: contained anew, with one at another address");
	} else if (code == EXIT_NO_SERVER && code != before) {
		tell(guard, "no server answers, and none has proven itself at another address");
	} else if (code != before) {
		text_addf(&line, "no server answers, and --renew can't look elsewhere (%d)", code);
		tell(guard, words);
	}
}

/* ---- the whole ---- */

static void note_end(int number)
{
	(void)number;
	ended = 1;
}

/* Without SA_RESTART, so that it ends a poll. */
static void catch_signals(void)
{
	struct sigaction end = { .sa_handler = note_end };
	(void)sigaction(SIGTERM, &end, NULL);
	(void)sigaction(SIGINT, &end, NULL);
	(void)signal(SIGCHLD, SIG_DFL); /* whoever starts us may have it ignored: then no exit code is kept */
	(void)signal(SIGHUP, SIG_IGN);
	(void)signal(SIGPIPE, SIG_IGN);
	(void)signal(SIGXFSZ, SIG_IGN);
}

/* Until something happens, or for so many milliseconds. Who removes our rules opens the device: that does not wait. */
static void wait_for_news(struct guard *guard, int milliseconds, struct netlink_news *news)
{
	struct deadline deadline = deadline_in(milliseconds);
	*news = guard->news;
	guard->news = (struct netlink_news){ .rules = false };
	while (!ended && !news->rules && !news->links && !deadline_passed(deadline)) {
		struct pollfd sockets[] = { { guard->events.rules, POLLIN, 0 }, { guard->events.links, POLLIN, 0 } };
		if (poll(sockets, 2, deadline_left(deadline)) > 0)
			netlink_events_read(&guard->events, guard->child, news);
	}
	if (ended || (news->rules && guard->code >= 0) || !(news->rules || news->links))
		return;
	(void)poll(NULL, 0, SETTLE_MS);
	netlink_events_read(&guard->events, guard->child, news);
}

static void pause_after_look(struct guard *guard)
{
	int64_t now = monotonic_ms();
	if (guard->paused_until < now)
		guard->paused_until = now;
	int64_t left = guard->paused_until - now - (LOOKS_AT_ONCE - 1) * PAUSE_MS;
	guard->paused_until += PAUSE_MS;
	if (left > 0)
		(void)poll(NULL, 0, (int)left);
}

static int run_guard(int argc, char **argv)
{
	static struct guard guard; /* all 0, so that it takes no room in the file */
	struct netlink_news news = { .rules = false };
	struct diag diag;
	guard.interval = INTERVAL_DEFAULT;
	guard.renewal = RENEW_DEFAULT;
	guard.code = -1;
	int operands = options_parse(option_table, &guard, argc, argv, &diag);
	if (operands > 0)
		operands = diag_fail(&diag, EINVAL, "unexpected operand '%.*s'", 60, argv[1]);
	if (operands < 0)
		return applet_usage_error(&guard_applet, &diag);
	catch_signals();
	int result = netlink_events_open(&guard.events, &diag);
	if (result < 0)
		return applet_fail("guard", exit_code_for(result), &diag);
	guard.renew_at = deadline_in(guard.renewal * 1000ll);
	while (!ended) {
		int milliseconds = keep(&guard, &news);
		if (CONFIG_QUARANTINE_PROBE && (guard.code == EXIT_DONE || guard.code == EXIT_PARTIAL)) {
			if (deadline_passed(guard.renew_at))
				renew(&guard);
			int left = deadline_left(guard.renew_at);
			milliseconds = left < milliseconds ? left : milliseconds;
		}
		pause_after_look(&guard);
		wait_for_news(&guard, milliseconds, &news);
	}
	netlink_events_close(&guard.events);
	return EXIT_DONE;
}

const struct applet guard_applet = {
	.name = "guard",
	.summary = "keep a quarantine that was saved in force",
	.operands = "",
	.options = option_table,
	.notes = "When it ends (TERM) the quarantine goes on: see release.\n",
	.run = run_guard,
};
