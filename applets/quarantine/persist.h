/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What is put in force, as lines of a file (state/saved.h) that --restore reads before the network is up: options of
 * quarantine, and below names of its own, so that no name has to be resolved and no route has to be there.
 */
#ifndef QUARANTINE_PERSIST_H
#define QUARANTINE_PERSIST_H

#include "resolvers.h"
#include "settings.h"

/*
 * Takes a line that is no option of quarantine. Returns 1; 0 when it is another one's; -EINVAL with a diagnostic, which
 * does not name the line. Keeps `value` for interfaces: a copy that stays.
 */
int persist_read_line(struct settings *settings, const char *name, char *value, struct diag *diag);

/* Notes the words of a command line, behind its name, to be saved. Of what a line can't hold nothing is noted. */
void persist_note_command(struct command *command, char **words);

/*
 * Saves what is in force: a policy and what it was made of. 0 or -errno with a diagnostic; then the old one stays.
 * Without keep it is only tried. again: one was there before; -ECANCELED when it is not any more, which is a release.
 */
int persist_save(const struct settings *settings, const struct resolvers *resolvers, const struct links_survey *survey,
		 bool keep, bool again, struct diag *diag);

#endif
