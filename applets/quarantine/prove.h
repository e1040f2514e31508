/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Step 6: does a server still answer from inside the containment, and is the forbidden URL out of reach? */
#ifndef QUARANTINE_PROVE_H
#define QUARANTINE_PROVE_H

#include "settings.h"

/*
 * Opens what the proof needs and reads the CA, before anything is cut. 0 or -errno with a diagnostic (-EBADMSG: the CA
 * file can't be used, -ENOMEM).
 */
struct proof;
int proof_open(const struct settings *settings, struct proof **proof, struct diag *diag);
void proof_close(struct proof *proof); /* safe on NULL */

/* Resolves the forbidden URL's host, before anything is cut. 0 or -errno with a diagnostic. */
int proof_resolve_forbidden(struct proof *proof, const struct resolver_config *resolvers, struct deadline deadline,
			    struct diag *diag);

/*
 * Tries each server until one has proven itself, all have been refused for what they are (a wrong certificate does not
 * get better), or the deadline ends. Names are resolved again, with these resolvers.
 * Returns 0 and marks the server, with what proved it in `detail`; -ENOENT when none did, the diagnostic says why the
 * last one did not; -EINTR when a signal came.
 */
int proof_run(struct proof *proof, struct targets *targets, const struct resolver_config *resolvers,
	      struct deadline deadline, struct text *detail, struct diag *diag);

/*
 * Behind proof_run: asks every endpoint of every server, and leaves those out that do not prove themselves before the
 * deadline, each with a warning. The one that was proven before stays. Returns how many were left out, or -EINTR.
 */
int proof_narrow(struct proof *proof, struct targets *targets, struct deadline deadline,
		 void (*warn)(void *context, const struct diag *diag), void *context);

/* Whether the device's clock is behind what it can be, so that "not yet valid" was not held against the certificate. */
bool proof_clock_unset(const struct proof *proof);

/*
 * Whether the resolvers still get an answer when they are asked for a name that none of them can have kept, one below
 * that of a server; `unique` makes it. 0, or -errno with a diagnostic; 0 as well when no server has a name.
 */
int proof_resolvers(const struct targets *targets, const struct resolver_config *resolvers, uint64_t unique,
		    struct diag *diag);

/* 0: out of reach; -EISCONN with a diagnostic: it still answers; other -errno. */
int proof_forbidden(struct proof *proof, struct diag *diag);

#endif
