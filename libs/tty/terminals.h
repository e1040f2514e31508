/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Where somebody is, found without utmp: the controlling terminals of processes that lead a session or are in the
 * foreground (a shell, but also a getty's login prompt: whoever stands before it is who should read the message), what
 * utmp files add, and always the system console, which the operator of an incident may be watching.
 */
#ifndef TTY_TERMINALS_H
#define TTY_TERMINALS_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

enum { TTY_NAME_SIZE = 32, TTY_TERMINALS_MAX = 64 };

/* Where to look. Parameters for the tests' sake. */
struct tty_paths {
	const char *proc;
	const char *dev;
	const char *const *utmp; /* ends with NULL; files that do not exist are passed over */
};

extern const struct tty_paths tty_system_paths;

struct tty_terminal {
	char name[TTY_NAME_SIZE]; /* below /dev: "pts/0"; "136:0" when /dev has no entry for it */
	dev_t device; /* the terminal itself */
	dev_t node; /* what stat shows for the entry: device, or that of /dev/console; 0: no entry */
	bool console; /* the system console, and nobody is known to be there */
	int error; /* of writing: 0 or -errno, -ETIMEDOUT when it did not take all in time, -ENODEV without entry */
	int fd; /* while it is written to; negative: it could not be opened */
	size_t sent; /* bytes */
};

struct tty_list {
	size_t count;
	size_t dropped; /* terminals beyond TTY_TERMINALS_MAX */
	struct tty_terminal terminals[TTY_TERMINALS_MAX];
};

/*
 * Fills the list; each terminal is in it once. Whatever of /proc, /dev/pts and utmp is missing only makes it shorter.
 * Names are printable ASCII.
 */
void tty_find(const struct tty_paths *paths, struct tty_list *list);

/*
 * Opens one for writing, non-blocking, close-on-exec, never as controlling terminal; dev_fd is a descriptor of /dev.
 * What is planted under its name (a link, a FIFO, another device) is refused with -ENOTTY, -ENXIO or -ELOOP. Returns
 * the descriptor or -errno.
 */
int tty_open(int dev_fd, const struct tty_terminal *terminal);

#endif
