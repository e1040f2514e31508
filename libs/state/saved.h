/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The quarantine that is to come back after a reboot: one file of lines, "name value", of which the first two are a
 * comment and "table NAME". What else is in it is its writer's matter.
 */
#ifndef STATE_SAVED_H
#define STATE_SAVED_H

#include <stdbool.h>
#include <stdint.h>

#include "base/diag.h"
#include "base/text.h"

extern const char saved_path[]; /* CONFIG_PERSIST_FILE */

/* One in the making, beside the one that is there until saved_keep. */
struct saved {
	struct text text; /* to write to, of any length */
	int fd;
	int error; /* errno of the first write that failed; 0: none */
	char bytes[512];
};

/* Begins a new one. Returns 0, or -errno with a diagnostic and nothing to end. */
int saved_begin(struct saved *saved, const char *table, struct diag *diag);

/* Ends it, as one that could be kept, or -errno with a diagnostic; the one that is there stays. */
int saved_drop(struct saved *saved, struct diag *diag);

/*
 * It takes the other's place at once: after a power cut there is the old file or the new one, whole. Returns 0, or
 * -errno with a diagnostic; then the old one is as it was, unless it was the folder that could not be written. again:
 * when none is there any more somebody has released it, which this must not undo: -ECANCELED.
 */
int saved_keep(struct saved *saved, bool again, struct diag *diag);

/* Tells one file from the next that takes its place; 0: there is none. */
uint32_t saved_stamp(void);

/* Whether one is saved of this table, or with NULL of any: then also one that can't be read. */
bool saved_is_there(const char *table);

/* Removes it if it is of this table, or with NULL of any. 1: it was there, 0: none was, or -errno with a diagnostic. */
int saved_remove(const char *table, struct diag *diag);

#endif
