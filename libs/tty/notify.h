/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A message to everybody who is there. */
#ifndef TTY_NOTIFY_H
#define TTY_NOTIFY_H

#include <stdbool.h>
#include <stddef.h>

#include "base/diag.h"
#include "tty/message.h"
#include "tty/terminals.h"

enum { TTY_NOTIFY_TIMEOUT = 5000 }; /* milliseconds */

struct tty_notify_options {
	const struct tty_paths *paths; /* NULL: the system's */
	int timeout; /* milliseconds for all terminals together; 0: TTY_NOTIFY_TIMEOUT */
};

struct tty_notify_report {
	size_t written;
	size_t failed; /* or took nothing or not all in the time: stopped with ^S, full, no carrier */
	bool cut; /* the message was longer than TTY_MESSAGE_CHARACTERS */
	char message[TTY_MESSAGE_SIZE]; /* as it was shown: clean, for syslog and kmsg */
	struct tty_list list; /* each terminal with its name and error */
};

/*
 * Cleans the message, finds the terminals and writes to all of them at once, so that none holds up another. Never
 * blocks longer than the timeout, and is not stopped by SIGTTOU. Returns 0 when that was done, even if nobody was there
 * or nobody could be reached: see the report. -EINVAL when nothing of the message is left to be shown (nothing is
 * written then), other -errno when /dev can't be opened; with a diagnostic.
 */
int tty_notify_all(const char *message, const struct tty_notify_options *options, struct tty_notify_report *report,
		   struct diag *diag);

#endif
