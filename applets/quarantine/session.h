/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The SSH session in which somebody has called us, if it is one. */
#ifndef QUARANTINE_SESSION_H
#define QUARANTINE_SESSION_H

#include "policy/policy.h"

/*
 * connection: what SSH_CONNECTION holds, "CLIENT PORT DEVICE PORT" (sshd(8), dropbear the same); NULL or anything else:
 * there is no session. Whether the policy, which must be normalized, cuts it off; then `how` gets what would keep it:
 * "--allow tcp:192.0.2.9:22:in".
 */
bool session_is_cut(const struct policy *policy, const char *connection, struct text *how);

#endif
