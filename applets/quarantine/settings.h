/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the operator asked for: command line and configuration file. */
#ifndef QUARANTINE_SETTINGS_H
#define QUARANTINE_SETTINGS_H

#include "../applet.h"
#include "links.h"
#include "targets.h"
#if CONFIG_QUARANTINE_PROBE
#include "http/trust.h"
#endif

enum dns_mode { DNS_RESOLVERS, DNS_ANY, DNS_NONE, DNS_LIST };

enum {
	DNS_LIST_MAX = 8,
	COMMAND_WORDS_MAX = 64,
	RENEW_TIMEOUT = 10, /* seconds at most for a proof that nobody asked for: an impostor can be reached as long */
	PROBATION_MARGIN = 8, /* seconds beyond the proof's deadline: the forbidden URL, and the final transaction */
};

struct dns_settings {
	enum dns_mode mode;
	bool by_need; /* DNS_ANY, because nobody knew whom a local resolver asks: of what was saved */
	struct address list[2 * DNS_LIST_MAX]; /* of DNS_LIST; what was saved may be more than an option takes */
	size_t count;
};

/* The command that has set up what is saved, as words that stay until the process ends. */
struct command {
	const char *folder; /* in which it was given; NULL: not known */
	char *words[COMMAND_WORDS_MAX]; /* behind the name */
	size_t count; /* 0: not known */
	bool too_long; /* more than there is room for: likewise */
};

struct settings {
	const char *table;
	const char *message;
	const char *config; /* path of either kind; NULL: the default ones, which need not exist */
	struct velociraptor_config client; /* zero when it was not read */
	struct targets targets; /* what is asked of the policy itself is in its policy: layers wanted, how long, log */
	struct dns_settings dns;
	struct links_hints links;
	int64_t saved_at; /* of what is restored: seconds since the epoch */
	uint32_t saved_stamp; /* of the file that was read */
	struct command command; /* of what is restored or renewed */
	unsigned timeout; /* seconds */
	bool remove;
	bool persist;
	bool restore;
	bool renew; /* with restore: it is not known yet whether that is needed */
	bool nothing_saved; /* that could be restored */
	bool saved_whole; /* its last line was read */
	bool dry_run;
	bool no_probe;
	bool keep;
	bool proven_only;
	bool json;
	bool quiet;
	bool verbose;
	bool has_forbidden;
	struct url forbidden;
#if CONFIG_QUARANTINE_PROBE
	struct trust_options trust;
#endif
};

extern const struct option_row quarantine_options[];

/*
 * Reads both, or with --restore in place of the file what was saved; the command line wins, and when it names a server
 * those of the file don't count. When neither names one, the configuration of Velociraptor's client does, with the way
 * to them and whom to trust. Returns 0; -EINVAL for the command line, -EBADMSG for a file, -ENOMEM; with a diagnostic.
 */
int settings_read(struct settings *settings, int argc, char **argv, struct diag *diag);

/*
 * Of --renew, when what was saved is to be set up anew: the command that did it, read again, but kept only when a
 * server proves itself. What else is allowed moves over from `saved`. Errors as above.
 */
int settings_read_again(struct settings *settings, struct settings *saved, struct diag *diag);

void settings_fini(struct settings *settings);

#endif
