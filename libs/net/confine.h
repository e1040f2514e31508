/* SPDX-License-Identifier: GPL-2.0-or-later */
/* How a forked child gives up what it could do harm with. For net/child.c. */
#ifndef NET_CONFINE_H
#define NET_CONFINE_H

#include <sys/types.h>

#include "base/diag.h"

struct confinement {
	pid_t parent; /* the child dies with it */
	int keep; /* the only descriptor that stays open besides stdio; moved when it was 0, 1 or 2 */
};

/*
 * In a forked, single-threaded child with all signals blocked: default signal actions, no terminal, stdio on /dev/null
 * and no other descriptor but `keep`, no core dump, no further process, no file written, uid and gid 65534 without
 * groups when it was root, no capabilities, no_new_privs, not traceable, killed when its parent ends; and no system
 * calls but those of net/system_calls.h.
 *
 * Where the identity can not change (no CAP_SETUID or CAP_SETGID, setgroups denied or 65534 not mapped in a user
 * namespace) it stays and the child goes on: a container must still be able to resolve and probe, and the capabilities
 * are dropped in any case. What is left then is the file access of that uid. Anything else that fails is an error.
 * Returns 0 or -errno.
 */
int confine(struct confinement *confinement, struct diag *diag);

#endif
