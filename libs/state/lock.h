/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One quarantine at a time. */
#ifndef STATE_LOCK_H
#define STATE_LOCK_H

#include "base/diag.h"

/*
 * Takes the lock of this network namespace, a file in the first of /run, /var/run, /dev/shm and /tmp that can be
 * written to. The kernel releases it when the process ends, however it ends. Returns a descriptor to close;
 * -EWOULDBLOCK when another instance holds it for as many milliseconds; -ENOENT when no folder can be written to, which
 * need not stop anybody: the transactions are safe without it. With a diagnostic.
 */
int lock_take(int milliseconds, struct diag *diag);

#endif
