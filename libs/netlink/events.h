/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the kernel tells of changes, to whoever listens: of rule sets, and of links, addresses and routes. */
#ifndef NETLINK_EVENTS_H
#define NETLINK_EVENTS_H

#include <stdbool.h>

#include "base/diag.h"

enum { PROGRAM_NAME_SIZE = 16 }; /* the kernel's TASK_COMM_LEN */

struct netlink_events {
	int rules; /* descriptors to poll, -1: closed */
	int links;
	char own[PROGRAM_NAME_SIZE]; /* as whom the kernel knows us */
};

/* What has happened since the last look. */
struct netlink_news {
	bool rules; /* a transaction of rules */
	bool links;
	/* who made the last of these, as it calls itself, of others if there are any; "": not known */
	char program[PROGRAM_NAME_SIZE];
};

/* Begins to listen. Returns 0 or -errno with a diagnostic (-EPROTONOSUPPORT: the kernel has no nf_tables). */
int netlink_events_open(struct netlink_events *events, struct diag *diag);
void netlink_events_close(struct netlink_events *events);

/*
 * Adds what there is by now, without waiting. Transactions of the process `own` do not count, as far as the kernel
 * numbers it as we do. What was lost because there was too much of it counts as news.
 */
void netlink_events_read(struct netlink_events *events, int own, struct netlink_news *news);

#endif
