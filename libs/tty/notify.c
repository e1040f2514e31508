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

/* The writing to all terminals of a list; the arrays go with list->terminals. */
struct broadcast {
	struct tty_list *list;
	const char *bytes;
	size_t length;
	struct deadline deadline;
	int fds[TTY_TERMINALS_MAX]; /* -1: could not be opened */
	struct pollfd waiting[TTY_TERMINALS_MAX]; /* fd -1: finished */
	size_t sent[TTY_TERMINALS_MAX];
};

static void open_all(struct broadcast *broadcast, int dev_fd)
{
	for (size_t i = 0; i < broadcast->list->count; i++) {
		struct tty_terminal *terminal = &broadcast->list->terminals[i];
		int fd = terminal->error ? terminal->error : tty_open(dev_fd, terminal);
		terminal->error = fd < 0 ? fd : 0;
		broadcast->fds[i] = fd < 0 ? -1 : fd;
		broadcast->waiting[i] = (struct pollfd){ .fd = broadcast->fds[i], .events = POLLOUT };
		broadcast->sent[i] = 0;
	}
}

/* Writes what the terminal takes now. Returns whether that was anything, or its end. */
static bool push(struct broadcast *broadcast, size_t i)
{
	size_t *sent = &broadcast->sent[i];
	ssize_t count = write(broadcast->fds[i], broadcast->bytes + *sent, broadcast->length - *sent);
	if (count < 0 && (errno == EAGAIN || errno == EINTR))
		return false;
	if (count < 0)
		broadcast->list->terminals[i].error = -errno;
	else
		*sent += (size_t)count;
	if (count < 0 || *sent == broadcast->length)
		broadcast->waiting[i].fd = -1;
	return count != 0;
}

/* One round over the terminals that are not finished. Returns how many are left, and whether something moved. */
static size_t push_all(struct broadcast *broadcast, bool *moved)
{
	size_t left = 0;
	*moved = false;
	for (size_t i = 0; i < broadcast->list->count; i++) {
		if (broadcast->waiting[i].fd >= 0)
			*moved |= push(broadcast, i);
		left += broadcast->waiting[i].fd >= 0;
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
static void settle_console(struct broadcast *broadcast, size_t i)
{
	int unsent = 0;
	while (ioctl(broadcast->fds[i], TIOCOUTQ, &unsent) == 0 && unsent > 0 && !deadline_passed(broadcast->deadline))
		poll(NULL, 0, RETRY_MS);
	if (unsent > 0)
		broadcast->list->terminals[i].error = -ETIMEDOUT;
	if (broadcast->list->terminals[i].error)
		tcflush(broadcast->fds[i], TCOFLUSH);
}

static void close_all(struct broadcast *broadcast)
{
	for (size_t i = 0; i < broadcast->list->count; i++) {
		if (broadcast->fds[i] < 0)
			continue;
		if (broadcast->list->terminals[i].console)
			settle_console(broadcast, i);
		close(broadcast->fds[i]);
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
