/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What /proc/PID/stat says about a process and its controlling terminal. */
#ifndef TTY_PROCESS_H
#define TTY_PROCESS_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct tty_process {
	char state; /* a letter as in proc_pid_stat(5) */
	int pid;
	int group;
	int session;
	int foreground_group; /* of the terminal; -1: none */
	dev_t terminal; /* 0: none */
};

/* The kernel's new_encode_dev, include/linux/kdev_t.h: how tty_nr and TIOCGDEV give device numbers. */
dev_t tty_decode_device(unsigned encoded);

/*
 * stat[0..length) in the format of proc_pid_stat(5); later fields may be missing. The name of the program may hold
 * anything, also ") S 1". Returns false when it is not in that format.
 */
bool tty_process_parse(const char *stat, size_t length, struct tty_process *process);

/* Lives, has a terminal, and leads the session or is in the foreground there. */
bool tty_process_present(const struct tty_process *process);

#endif
