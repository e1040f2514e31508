/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Work on network input happens in a child process: it has no privileges to lose, and a parser that hangs or crashes is
 * a clean refusal in the parent, which only ever takes a result of fixed size.
 */
#ifndef NET_CHILD_H
#define NET_CHILD_H

#include <stddef.h>

#include "base/deadline.h"
#include "base/diag.h"

/*
 * Forks a child that gives up its privileges (net/confine.h says which) and calls work(argument, result, diag). The
 * child's result (size bytes), return value and diagnostic come back over a pipe. Returns what work returned (0 or
 * -errno); -ETIMEDOUT when the deadline passed, -EIO when the child died without an answer, -EINTR when a signal other
 * than SIGCHLD that the caller catches ended the wait. In all cases the child is gone when child_run returns.
 *
 * The result is set whenever the child answered, also when work failed, and is all zero otherwise. It comes from a
 * process that may have been taken over by what it read: the caller checks every field, bools and enums included. The
 * diagnostic is made printable here.
 */
int child_run(int (*work)(const void *argument, void *result, struct diag *diag), const void *argument, void *result,
	      size_t size, struct deadline deadline, struct diag *diag);

/* Makes a text of a child's result, in a buffer of size bytes, safe to read and to print: printable ASCII. */
void child_clean_text(char *text, size_t size);

#endif
