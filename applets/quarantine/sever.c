/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "sever.h"

#include <errno.h>
#include <linux/netlink.h>
#include <unistd.h>

#include "base/deadline.h"
#include "netlink/conntrack.h"
#include "netlink/own_address.h"
#include "netlink/socket_diag.h"
#include "policy/flow.h"

enum { LOOKS = 4 }; /* deleting under a listing can hide others from it */

/* Two netlink sockets: an answer can't be read in the middle of another. */
struct channels {
	struct netlink list;
	struct netlink end;
};

struct severing {
	const struct policy *policy;
	struct sever_report *report;
	struct deadline deadline;
	const struct conntrack_entry *entry; /* the one whose socket is looked for */
	unsigned found; /* at this look: not allowed */
	unsigned refused; /* of these, by the kernel */
	struct channels sockets;
	struct channels entries;
	struct own_addresses own;
};

static bool is_allowed(struct severing *severing, uint8_t protocol, const struct endpoint *source,
		       const struct endpoint *destination)
{
	const struct policy_flow flow = {
		.protocol = protocol,
		.source = *source,
		.destination = *destination,
		.source_own = own_addresses_have(&severing->own, &source->address),
		.destination_own = own_addresses_have(&severing->own, &destination->address),
	};
	return policy_allows_flow(severing->policy, &flow);
}

/* Only what the whole listing has to end for is returned. */
static int count(struct severing *severing, unsigned *ended, int result)
{
	severing->found++;
	if (result == 0)
		++*ended;
	else if (result == -EOPNOTSUPP)
		return result;
	else if (result != -ENOENT)
		severing->refused++;
	return deadline_passed(severing->deadline) ? -ETIMEDOUT : 0;
}

static bool same_end(const struct endpoint *a, const struct endpoint *b)
{
	return a->port == b->port && address_equal(&a->address, &b->address);
}

/* ---- sockets ---- */

static int destroy_socket(struct severing *severing, const struct diag_socket *socket)
{
	int result = socket_diag_destroy(&severing->sockets.end, socket);
	if (result == -EOPNOTSUPP && socket->orphan)
		result = -ENOENT; /* old kernels do not destroy what is left of it; no program can use it */
	return count(severing, &severing->report->sockets, result);
}

static int sever_socket(const struct diag_socket *socket, void *context)
{
	struct severing *severing = context;
	return is_allowed(severing, socket->protocol, &socket->local, &socket->peer) ?
		       0 :
		       destroy_socket(severing, socket);
}

static int sever_socket_of_entry(const struct diag_socket *socket, void *context)
{
	struct severing *severing = context;
	return same_end(&socket->local, &severing->entry->source) &&
			       same_end(&socket->peer, &severing->entry->destination) ?
		       destroy_socket(severing, socket) :
		       0;
}

static int each_socket(struct severing *severing, int (*take)(const struct diag_socket *socket, void *context))
{
	static const uint8_t protocols[] = { IPPROTO_UDP, IPPROTO_UDPLITE };
	int tcp = socket_diag_each_tcp(&severing->sockets.list, take, severing);
	if (tcp < 0)
		return tcp == -ENOENT ? -EOPNOTSUPP : tcp;
	for (size_t i = 0; i < 2 * sizeof protocols; i++) {
		uint8_t protocol = protocols[i / 2];
		uint8_t family = i % 2 ? AF_INET6 : AF_INET;
		int result = socket_diag_each(&severing->sockets.list, family, protocol, take, severing);
		if (result == -ENOENT && protocol == IPPROTO_UDPLITE)
			return 0; /* few kernels have it */
		if (result < 0)
			return result == -ENOENT ? -EOPNOTSUPP : result;
	}
	return 0;
}

static int look_at_sockets(struct severing *severing)
{
	return each_socket(severing, sever_socket);
}

/* ---- connection tracking ---- */

static int sever_entry(const struct conntrack_entry *entry, void *context)
{
	struct severing *severing = context;
	if (is_allowed(severing, entry->protocol, &entry->source, &entry->target))
		return 0;
	/* the program knows only whom it wanted, who may be allowed or this device itself: its socket is still there */
	if (!same_end(&entry->destination, &entry->target) && !severing->report->no_sockets) {
		severing->entry = entry;
		int result = each_socket(severing, sever_socket_of_entry);
		if (result < 0 && result != -EINTR && result != -EOPNOTSUPP)
			return result;
	}
	return count(severing, &severing->report->entries, conntrack_delete(&severing->entries.end, entry));
}

static int look_at_entries(struct severing *severing)
{
	uint32_t count;
	int result = conntrack_count(&severing->entries.list, &count);
	if (result < 0 || count == 0)
		return result;
	return conntrack_each(&severing->entries.list, sever_entry, severing);
}

/* ---- the whole ---- */

/* Until a look finds nothing more. */
static int look_again(struct severing *severing, int (*look)(struct severing *severing))
{
	severing->deadline = deadline_in(SEVER_MS);
	for (int i = 0; i < LOOKS; i++) {
		severing->found = 0;
		severing->refused = 0;
		int result = look(severing);
		if (result < 0 && result != -EINTR)
			return result;
		if (result == 0 && severing->found == 0)
			return 0;
	}
	severing->report->left += severing->refused;
	return 0;
}

/* lacking: the kernel can't list or end them. */
static int sever(struct severing *severing, struct channels *channels, int bus, int (*look)(struct severing *severing),
		 bool *lacking, const char *what, struct diag *diag)
{
	int result = netlink_open(&channels->list, bus, diag);
	if (result == 0)
		result = netlink_open(&channels->end, bus, diag);
	if (result == 0)
		result = look_again(severing, look);
	*lacking = result == -EOPNOTSUPP || result == -EPROTONOSUPPORT;
	return result == 0 || *lacking ? 0 : diag_errno(diag, -result, "end %s connections", what);
}

/* Without nft's ct there may still be those of iptables. */
static bool has_entries(const struct policy *policy)
{
	return !policy->stateless || access("/proc/sys/net/netfilter/nf_conntrack_count", F_OK) == 0;
}

static void close_channels(struct channels *channels)
{
	netlink_close(&channels->list);
	netlink_close(&channels->end);
}

int sever_flows(const struct policy *policy, struct sever_report *report, struct diag *diag)
{
	struct severing severing = { .policy = policy, .report = report };
	*report = (struct sever_report){ 0 };
	int result = own_addresses_read(&severing.own, diag);
	if (result < 0)
		return result;
	/* sockets first: what they send when they end still belongs to their entries */
	result = sever(&severing, &severing.sockets, NETLINK_SOCK_DIAG, look_at_sockets, &report->no_sockets, "open",
		       diag);
	int entries_result = sever(&severing, &severing.entries, NETLINK_NETFILTER, look_at_entries,
				   &report->no_conntrack, "tracked", result < 0 ? NULL : diag);
	report->no_conntrack = report->no_conntrack && has_entries(policy);
	close_channels(&severing.sockets);
	close_channels(&severing.entries);
	return result < 0 ? result : entries_result;
}
