/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "net/resolve.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "net/child.h"

/* Milliseconds that the parent gives the child to hand its answer over after its own deadline. */
enum { HAND_OVER_MS = 200 };

/* One name's result as it comes from the child. */
struct dns_outcome {
	struct resolved resolved;
	int error;
};

/* What the child works on. */
struct dns_task {
	const struct resolve_request *request;
	const struct resolved *known; /* per name, from the hosts file */
	struct deadline deadline;
};

static int compare(const struct address *a, const struct address *b)
{
	if (a->family != b->family)
		return a->family == AF_INET ? -1 : 1;
	return memcmp(a->bytes, b->bytes, sizeof a->bytes);
}

void resolved_add(struct resolved *resolved, const struct address *address)
{
	size_t place = 0;
	while (place < resolved->count && compare(&resolved->addresses[place], address) < 0)
		place++;
	if (place < resolved->count && compare(&resolved->addresses[place], address) == 0)
		return;
	if (resolved->count == RESOLVED_ADDRESSES_MAX) {
		resolved->dropped++;
		return;
	}
	memmove(&resolved->addresses[place + 1], &resolved->addresses[place],
		(resolved->count - place) * sizeof *address);
	resolved->addresses[place] = *address;
	resolved->count++;
}

static size_t count_unknown(const struct dns_task *task, size_t from)
{
	size_t unknown = 0;
	for (size_t i = from; i < task->request->count; i++)
		unknown += task->known[i].count == 0;
	return unknown;
}

/* In the child. Each name gets its share of what is left, so that one dead domain does not use up the others' time. */
static int resolve_unknown(const void *argument, void *result, struct diag *diag)
{
	const struct dns_task *task = argument;
	const struct resolve_request *request = task->request;
	struct dns_outcome *outcomes = result;
	int first = 0;
	for (size_t i = 0; i < request->count; i++) {
		if (task->known[i].count > 0)
			continue;
		int64_t share = deadline_left(task->deadline) / (int64_t)count_unknown(task, i);
		outcomes[i].error = dns_resolve(request->config, request->names[i], deadline_in(share),
						&outcomes[i].resolved, first == 0 ? diag : NULL);
		if (first == 0)
			first = outcomes[i].error;
	}
	return first;
}

/* An address as only a well-behaved child reports it: a known family, unused bytes zero, nothing that is local. */
static bool plausible(const struct address *address)
{
	static const uint8_t zero[12];
	if (address->family != AF_INET && address->family != AF_INET6)
		return false;
	if (address->family == AF_INET && memcmp(address->bytes + 4, zero, sizeof zero) != 0)
		return false;
	return !address_is_loopback(address) && !address_is_unspecified(address) && !address_is_multicast(address);
}

/* Takes over what is plausible, field by field: the child is not trusted. */
static int take_outcome(const struct dns_outcome *outcome, int child_error, struct resolved *resolved)
{
	struct resolved checked = { 0 };
	size_t count = outcome->resolved.count;
	for (size_t i = 0; i < count && i < RESOLVED_ADDRESSES_MAX; i++) {
		if (plausible(&outcome->resolved.addresses[i]))
			resolved_add(&checked, &outcome->resolved.addresses[i]);
	}
	checked.dropped = outcome->resolved.dropped;
	*resolved = checked;
	if (checked.count > 0)
		return 0;
	if (outcome->error < 0)
		return outcome->error;
	return child_error < 0 ? child_error : -EIO;
}

static int take_outcomes(const struct dns_task *task, const struct dns_outcome *outcomes, int child_error,
			 struct resolved *results, int *errors, struct diag *diag)
{
	int first = 0;
	for (size_t i = 0; i < task->request->count; i++) {
		if (results[i].count > 0)
			continue;
		errors[i] = take_outcome(&outcomes[i], child_error, &results[i]);
		if (first == 0 && errors[i] < 0 && outcomes[i].error >= 0) /* the child said nothing about it */
			diag_errno(diag, -errors[i], "resolve %s", task->request->names[i]);
		if (first == 0)
			first = errors[i];
	}
	return first;
}

static int resolve_in_child(const struct resolve_request *request, struct resolved *results, int *errors,
			    struct diag *diag)
{
	int left = deadline_left(request->deadline);
	int hand_over = left / 4 < HAND_OVER_MS ? left / 4 : HAND_OVER_MS;
	const struct dns_task task = { request, results, deadline_in(left - hand_over) };
	size_t size = request->count * sizeof(struct dns_outcome);
	struct dns_outcome *outcomes = calloc(request->count, sizeof *outcomes);
	if (!outcomes)
		return diag_errno(diag, ENOMEM, "resolve");
	int child_error = child_run(resolve_unknown, &task, outcomes, size, request->deadline, diag);
	int first = take_outcomes(&task, outcomes, child_error, results, errors, diag);
	free(outcomes);
	return first;
}

int resolve_names(const struct resolve_request *request, struct resolved *results, int *errors, struct diag *diag)
{
	bool all_known = true;
	for (size_t i = 0; i < request->count; i++) {
		results[i] = (struct resolved){ 0 };
		errors[i] = 0;
		hosts_lookup(request->hosts_path, request->names[i], &results[i], NULL);
		all_known &= results[i].count > 0;
	}
	return all_known ? 0 : resolve_in_child(request, results, errors, diag);
}
