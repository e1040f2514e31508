/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tty/notify.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/utsname.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#include "base/deadline.h"

enum { RETRY_MS = 20 };

/* The writing to all terminals of a list. */
struct broadcast {
	struct tty_list *list;
	const char *bytes;
	size_t length;
	struct deadline deadline;
	struct pollfd waiting[TTY_TERMINALS_MAX]; /* goes with list->terminals; fd negative: finished */
};

static void open_all(struct broadcast *broadcast, int dev_fd)
{
	for (size_t i = 0; i < broadcast->list->count; i++) {
		struct tty_terminal *terminal = &broadcast->list->terminals[i];
		terminal->fd = terminal->error ? terminal->error : tty_open(dev_fd, terminal);
		terminal->error = terminal->fd < 0 ? terminal->fd : 0;
		terminal->sent = 0;
		broadcast->waiting[i] = (struct pollfd){ .fd = terminal->fd, .events = POLLOUT };
	}
}

/* Writes what the terminal takes now. Returns whether that was anything, or its end. */
static bool push(const struct broadcast *broadcast, struct tty_terminal *terminal, struct pollfd *waiting)
{
	ssize_t count = write(terminal->fd, broadcast->bytes + terminal->sent, broadcast->length - terminal->sent);
	if (count < 0 && (errno == EAGAIN || errno == EINTR))
		return false;
	if (count < 0)
		terminal->error = -errno;
	else
		terminal->sent += (size_t)count;
	if (count < 0 || terminal->sent == broadcast->length)
		waiting->fd = -1;
	return count != 0;
}

/* One round over the terminals that are not finished. Returns how many are left, and whether something moved. */
static size_t push_all(struct broadcast *broadcast, bool *moved)
{
	size_t left = 0;
	*moved = false;
	for (size_t i = 0; i < broadcast->list->count; i++) {
		struct pollfd *waiting = &broadcast->waiting[i];
		if (waiting->fd >= 0)
			*moved |= push(broadcast, &broadcast->list->terminals[i], waiting);
		left += waiting->fd >= 0;
	}
	return left;
}

static void deliver(struct broadcast *broadcast)
{
	bool moved;
	while (push_all(broadcast, &moved) > 0 && !deadline_passed(broadcast->deadline)) {
		/* a terminal can be ready for one column when the next character needs two: poll alone would spin */
		struct deadline pause = deadline_earlier(deadline_in(RETRY_MS), broadcast->deadline);
		if (!moved)
			poll(NULL, 0, deadline_left(pause));
		poll(broadcast->waiting, (nfds_t)broadcast->list->count, deadline_left(broadcast->deadline));
	}
	for (size_t i = 0; i < broadcast->list->count; i++) {
		if (broadcast->waiting[i].fd >= 0)
			broadcast->list->terminals[i].error = -ETIMEDOUT;
	}
}

/*
 * Where nobody else has a serial line open, closing it waits up to 30 s for the line to take what is left
 * (setserial(8), closing_wait). So wait as long as we have time, then throw the rest away.
 */
static void settle_console(const struct broadcast *broadcast, struct tty_terminal *terminal)
{
	int unsent = 0;
	while (ioctl(terminal->fd, TIOCOUTQ, &unsent) == 0 && unsent > 0 && !deadline_passed(broadcast->deadline))
		poll(NULL, 0, RETRY_MS);
	if (unsent > 0)
		terminal->error = -ETIMEDOUT;
	if (terminal->error)
		tcflush(terminal->fd, TCOFLUSH);
}

static void close_all(struct broadcast *broadcast)
{
	for (size_t i = 0; i < broadcast->list->count; i++) {
		struct tty_terminal *terminal = &broadcast->list->terminals[i];
		if (terminal->fd < 0)
			continue;
		if (terminal->console)
			settle_console(broadcast, terminal);
		close(terminal->fd);
	}
}

/* In the background of a terminal with `stty tostop` a write would stop us; with SIGTTOU blocked it does not. */
static void broadcast_run(struct broadcast *broadcast, int dev_fd)
{
	sigset_t block;
	sigset_t before;
	sigemptyset(&block);
	sigaddset(&block, SIGTTOU);
	sigprocmask(SIG_BLOCK, &block, &before);
	open_all(broadcast, dev_fd);
	deliver(broadcast);
	close_all(broadcast);
	sigprocmask(SIG_SETMASK, &before, NULL);
}

static void count_results(struct tty_notify_report *report)
{
	for (size_t i = 0; i < report->list.count; i++)
		report->failed += report->list.terminals[i].error != 0;
	report->written = report->list.count - report->failed;
}

static void compose(const char *message, struct text *text)
{
	struct utsname system;
	char host[sizeof system.nodename];
	struct text clean = TEXT_ON(host);
	if (uname(&system) == 0)
		tty_message_clean(system.nodename, strlen(system.nodename), &clean);
	tty_message_compose(message, host, time(NULL), text);
}

int tty_notify_all(const char *message, const struct tty_notify_options *options, struct tty_notify_report *report,
		   struct diag *diag)
{
	char bytes[TTY_BROADCAST_SIZE];
	struct text text = TEXT_ON(bytes);
	struct text clean = TEXT_ON(report->message);
	const struct tty_paths *paths = options->paths ? options->paths : &tty_system_paths;
	report->written = report->failed = 0;
	report->cut = !tty_message_clean(message, strlen(message), &clean);
	report->list.count = report->list.dropped = 0;
	if (clean.length == 0)
		return diag_fail(diag, EINVAL, "the message is empty");
	int dev_fd = open(paths->dev, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dev_fd < 0)
		return diag_errno(diag, errno, "open %s", paths->dev);
	compose(report->message, &text);
	tty_find(paths, &report->list);
	struct broadcast broadcast = { .list = &report->list, .bytes = bytes, .length = text.length };
	broadcast.deadline = deadline_in(options->timeout > 0 ? options->timeout : TTY_NOTIFY_TIMEOUT);
	broadcast_run(&broadcast, dev_fd);
	close(dev_fd);
	count_results(report);
	return 0;
}
