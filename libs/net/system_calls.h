/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The only system calls that a confined child may make. For net/confine.c. */
#ifndef NET_SYSTEM_CALLS_H
#define NET_SYSTEM_CALLS_H

#include "base/diag.h"

/*
 * From here on this process can talk to IPv4 and IPv6 peers through sockets, read and write its descriptors, wait, ask
 * for the time, for random numbers and for memory that is not executable, and end. All other calls fail with EPERM:
 * nothing is opened, executed, forked or traced, and no other kind of socket is made. They do not kill, because a call
 * that some C library makes and that is not listed must not cost a device its management. Needs no_new_privs.
 *
 * Returns 0, also on kernels and machines without such filters: what else confine() takes away has to do there; or
 * -errno with a diagnostic.
 */
int restrict_system_calls(struct diag *diag);

#endif
