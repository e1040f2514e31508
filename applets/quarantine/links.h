/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The device's links as they are now: which of them lead to an allowed peer, and what has to pass on each. */
#ifndef QUARANTINE_LINKS_H
#define QUARANTINE_LINKS_H

#include "base/diag.h"
#include "base/text.h"
#include "policy/policy.h"

enum {
	UPLINKS_MAX = 8,
	AWAITED_MAX = 64,
	SURVEY_LINKS_MAX = 4096,
	SURVEY_OUTER_MAX = 16, /* two for each tunnel, one for a peer of WireGuard's */
};

#define AWAITED_ANY "/" /* no link is called so */

/* What is known of the links beside what the kernel says. */
struct links_hints {
	const char *uplinks[UPLINKS_MAX]; /* names of links of which the user says that they lead to peers */
	size_t uplink_count;
	/* before a reboot: names of links that led to peers, or AWAITED_ANY, and what tunnels then sent */
	const char *awaited[AWAITED_MAX];
	size_t awaited_count;
	struct policy_network tunnels[SURVEY_OUTER_MAX];
	size_t tunnel_count;
};

struct links_survey {
	struct policy_link *records; /* on the heap: uplinks, then idle ones, then sealed ones by name */
	size_t uplink_count; /* with what they stand on */
	size_t idle_count; /* not sealed, because they may become the next uplink */
	size_t outer_count;
	const char *daemon; /* what keeps a route to a peer by packets of its own, which are cut; or NULL */
	int tunnel_error; /* errno: WireGuard's peers could not be read; or 0 */
	bool xdp; /* a link has an XDP program */
	bool vrf; /* peers are reached over one */
	bool awaited; /* a link that led to peers before a reboot is not there, or no route to a peer goes over it */
	bool next_hops; /* a route to a peer has a next hop object, and does not say over which link */
	/* what of the lists is not complete */
	bool macs_cut;
	bool on_link_cut;
	bool outer_cut;
	char tunnel[POLICY_INTERFACE_SIZE]; /* one that leads to peers, its outer packets nobody knows where; or "" */
	char backup[POLICY_INTERFACE_SIZE]; /* a link that is sealed, and may be meant as a backup; or "" */
	char unknown[POLICY_INTERFACE_SIZE]; /* somebody named it, and there is no such link; or "" */
	char switched[POLICY_INTERFACE_SIZE]; /* a bridge whose ports a switch joins by itself; or "" */
	struct address ipsec; /* whom IPsec sends what is for a server, unless that is allowed; family 0: nobody */
	struct address gateway; /* of the route that a daemon keeps; family 0: none */
	/* the outer packets of tunnels that lead to peers: to be allowed as well */
	struct policy_network outer[SURVEY_OUTER_MAX];
	struct policy_links links; /* of records */
};

/*
 * Asks the kernel. policy: normalized. Returns 0 or -errno with a diagnostic: -E2BIG when there are more than
 * SURVEY_LINKS_MAX links, -ENOMEM, what the kernel answers.
 */
int links_survey(struct links_survey *survey, const struct policy *policy, const struct links_hints *hints,
		 struct diag *diag);
void links_survey_fini(struct links_survey *survey);

/*
 * "uplinks wan, eth1; idle: eth2; sealed: br-lan, lan1 and 3 more": as many names as fit, the others are counted.
 * Nothing is cut in a text of 80 bytes.
 */
void links_describe(const struct links_survey *survey, struct text *text);

#endif
