/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "policy/coverage.h"

#include <string.h>

/*
 * What is not covered without a layer. Few kernels can hook devices that are not there yet, and few versions of nft can
 * list it: usual, and not "partial".
 */
static const struct {
	uint8_t layer;
	bool usual;
	const char *gap;
} gaps[] = {
	{ LAYER_BRIDGE, false, "frames between the ports of a bridge" },
	{ LAYER_INGRESS, false, "received frames below IP, offloaded flows, macvlan children" },
	{ LAYER_EGRESS, false, "frames that packet sockets and macvlan children send" },
	{ LAYER_LATER, true, "raw frames on interfaces that appear later" },
};

/* By the number of the GAP_ bit, each with a NUL behind it. */
static const char other_gaps[] =
	"DNS to any address: the local resolver's upstreams are unknown\0"
	"raw PPPoE session frames\0"
	"what a switch forwards between its ports by itself\0"
	"packets that programs wrap up for a tunnel's other end themselves\0"
	"what the XDP program of an interface sends on by itself (see ip link)\0"
#if CONFIG_PERSIST
	"raw frames on uplinks: quarantine --restore again when these are up\0"
#endif
	;

void coverage_describe(const struct policy *policy, struct text *text)
{
	const char *separator = "";
	for (int table = 0; table < TABLES; table++) {
		if (!policy_has_table(policy, (enum table_id)table))
			continue;
		text_addf(text, "%s%s", separator, table_types[table].word);
		separator = ", ";
	}
}

static const char *reason(const struct policy *policy, uint8_t layer, uint8_t wanted)
{
	if (!(LAYERS_BUILT & layer))
		return "not in this build";
	if (layer == LAYER_LATER && !(wanted & layer))
		return "see --layers later";
	return policy->refused & layer & wanted ? "the kernel refuses it" : "--layers";
}

bool coverage_gaps(const struct policy *policy, void (*take)(void *context, const char *gap), void *context)
{
	uint8_t wanted = policy->wanted;
	bool partial = policy->gaps != 0;
	char line[160];
	unsigned bit = 1;
	for (const char *gap = other_gaps; *gap; gap += strlen(gap) + 1, bit <<= 1) {
		if (policy->gaps & bit)
			take(context, gap);
	}
	for (size_t i = 0; i < sizeof gaps / sizeof *gaps; i++) {
		struct text text = TEXT_ON(line);
		if (policy->layers & gaps[i].layer)
			continue;
		text_addf(&text, "%s (%s)", gaps[i].gap, reason(policy, gaps[i].layer, wanted));
		take(context, line);
		partial |= (wanted & gaps[i].layer) && !gaps[i].usual;
	}
	if (policy->without_log) {
		take(context, "logging in all tables: the kernel refuses it");
		partial = true;
	}
	if (policy->without_fib) /* to peers alone: usual, too */
		take(context, policy->without_fib & 1 << TABLE_INET ?
				      "packets to peers from addresses that are not ours (no fib here)" :
				      "raw frames to peers from addresses that are not ours (no fib here)");
	for (size_t i = 0; i < policy->links.count; i++) {
		const struct policy_link *link = &policy->links.links[i];
		struct text text = TEXT_ON(line);
		/* of those that are awaited all has been said */
		if (link->sealed || link->form != LINK_UNKNOWN || !(wanted & LAYER_NETDEV) ||
		    (policy->gaps & GAP_AWAITED))
			continue;
		text_addf(&text, "raw frames on %s (its kind, or what the way stands on, is not known)", link->name);
		take(context, line);
		partial = true;
	}
	return partial;
}
