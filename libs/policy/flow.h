/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Whether a flow that is open may go on: the answer of the rules (rules.c), for a conntrack entry or a socket. */
#ifndef POLICY_FLOW_H
#define POLICY_FLOW_H

#include "policy/policy.h"

struct policy_flow {
	uint8_t protocol; /* IPPROTO_ */
	struct endpoint source; /* ports: 0 where the protocol has none */
	struct endpoint destination; /* where the packets really go, after destination NAT; of the source's family */
	bool source_own; /* an address of this device's, or loopback */
	bool destination_own;
};

/*
 * Flows within the device are kept; forwarded ones (neither end is its own) never. The direction in which it was opened
 * does not matter: the rules let every TCP segment of an allowed peer's port in but the first, and connection tracking
 * that begins in the middle takes whoever speaks next for the opener. The policy must be normalized.
 */
bool policy_allows_flow(const struct policy *policy, const struct policy_flow *flow);

#endif
