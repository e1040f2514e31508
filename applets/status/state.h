/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What is in force, as the kernel has it, and what follows from it. */
#ifndef STATUS_STATE_H
#define STATUS_STATE_H

#include "attempts.h"
#include "base/exit_code.h"
#include "nft/examine.h"

enum { LIST_SIZE = 4096 /* of one list in words; what does not fit is counted */ };

/* A link of the device that is up or down, and the hooks that look at its frames. */
struct seen_link {
	char name[POLICY_INTERFACE_SIZE];
	uint8_t hooks; /* bits 1 << enum nf_dev_hooks */
	bool known; /* to the chains on every device: they leave it to its own */
};

/* Lines, each ending in a newline, as many as fit. */
struct lines {
	size_t count;
	struct text text;
	size_t whole; /* bytes of it that are whole lines */
	char bytes[LIST_SIZE];
};

struct status {
	struct netlink netlink;
	char table[256];
	char other[256]; /* a quarantine of another name, "": none */
	int rank; /* how good a choice the table is */
	struct table_state states[TABLES];
	const struct table_seal *seal; /* of the first table that has one; NULL: none of them is ours */
	const char *comment; /* of the first table that is there; NULL: none is */
	struct seen_link *links;
	size_t link_count;
	bool xdp; /* a link has an XDP program */
	uint8_t every_device; /* hooks that are on every device */
	struct lines differences;
	struct lines gaps;
	struct lines peers;
	struct lines networks; /* and protocols and interfaces: what rules let pass, not sets */
	struct lines resolvers;
	bool any_resolver; /* all have one rate together */
	const char *state; /* the word for it */
	enum exit_code code;
	bool partial;
	bool probation;
	bool beside; /* the probation is of another plan than the tables' own */
	bool over; /* in one of the tables at least */
	uint64_t left; /* ms of --for, in the table where it is most; 0: none */
	struct attempts attempts;
	int64_t now; /* seconds since the epoch */
};

/*
 * status: zeros. table: the name, or NULL for the one that there is. Returns 0 or -errno with a diagnostic; status_fini
 * is for both.
 */
int status_read(struct status *status, const char *table, struct diag *diag);
void status_fini(struct status *status);

/* Fills state and code in, and what goes with them. */
void status_judge(struct status *status);

/* Calls take for each line, and once more with how many there was no room for. */
void each_line(struct lines *lines, void (*take)(void *context, const char *line), void *context);

#endif
