/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The system's logs as further targets of a message. Neither waits: a log daemon that hangs must not hang us. */
#ifndef TTY_LOG_H
#define TTY_LOG_H

#include "base/deadline.h"

/* Longer messages are cut, on a UTF-8 boundary: a record of kmsg has at most 1024 bytes with its head, RFC 3164 too. */
enum { LOG_MESSAGE_BYTES = 900 };

/*
 * "TAG[PID]: MESSAGE" to the log daemon as user.warning (RFC 3164; the time in UTC as musl's syslog does it). Unlike
 * syslog(3), which blocks when the daemon's queue is full and tells nothing, waits until the deadline at most. path is
 * "/dev/log". Returns 0 or -errno.
 */
int log_to_syslog(const char *path, const char *tag, const char *message, struct deadline deadline);

/* "TAG: MESSAGE" to the kernel's log with priority 4, warning. path is "/dev/kmsg". Returns 0 or -errno. */
int log_to_kmsg(const char *path, const char *tag, const char *message);

#endif
