/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "prove.h"

#if CONFIG_QUARANTINE_PROBE /* without it there is no TLS library to link with */

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>

#include "base/parse.h"
#include "http/probe.h"

enum {
	FORBIDDEN_MS = 3000, /* dropped packets give no answer: waiting longer proves nothing more */
	RESOLVERS_MS = 2000,
	ENDPOINT_MS = 10000, /* a single one that never answers must not use up a long -T */
};

struct proof {
	const struct settings *settings;
	struct trust_store store;
	struct endpoint forbidden[RESOLVED_ADDRESSES_MAX];
	size_t forbidden_count;
	struct probe_settings probe;
	struct probe_report report;
	struct resolved resolved;
};

static int refuse_proxy(const struct server *server, int error, struct diag *diag)
{
	return diag_fail(diag, error, "prove %s: TLS to the proxy %s itself is not supported", server->url.host,
			 server->proxy.url.host);
}

/* Nothing that is begun without a way that a proof can take comes to a good end. */
static int check_ways(const struct settings *settings, struct diag *diag)
{
	const struct targets *targets = &settings->targets;
	for (size_t i = 0; i < targets->server_count; i++) {
		if (!targets->servers[i].proxy.set || !targets->servers[i].proxy.url.tls)
			return 0;
	}
	return targets->server_count == 0 || settings->keep ? 0 : refuse_proxy(targets->servers, EBADMSG, diag);
}

int proof_open(const struct settings *settings, struct proof **proof, struct diag *diag)
{
	struct proof *opened = calloc(1, sizeof *opened);
	if (!opened)
		return diag_errno(diag, ENOMEM, "prepare the proof");
	opened->settings = settings;
	int result = check_ways(settings, diag);
	if (result == 0)
		result = trust_open(&settings->trust, &opened->store, diag);
	if (result < 0) {
		proof_close(opened);
		return result == -ENOMEM ? result : -EBADMSG;
	}
	*proof = opened;
	return 0;
}

void proof_close(struct proof *proof)
{
	if (proof)
		trust_store_close(&proof->store);
	free(proof);
}

/* Into proof->resolved. */
static int resolve_again(struct proof *proof, const struct url *url, const struct resolver_config *resolvers,
			 struct deadline deadline, struct diag *diag)
{
	const char *name = url->host;
	const struct resolve_request request = { &name, 1, HOSTS_PATH, resolvers, deadline };
	int error;
	if (url->address.family == 0)
		return resolve_names(&request, &proof->resolved, &error, diag);
	proof->resolved.addresses[0] = url->address;
	proof->resolved.count = 1;
	return 0;
}

int proof_resolve_forbidden(struct proof *proof, const struct resolver_config *resolvers, struct deadline deadline,
			    struct diag *diag)
{
	const struct url *url = &proof->settings->forbidden;
	if (!proof->settings->has_forbidden)
		return 0;
	int result = resolve_again(proof, url, resolvers, deadline, diag);
	if (result < 0)
		return result;
	for (size_t i = 0; i < proof->resolved.count; i++) {
		const struct address *address = &proof->resolved.addresses[i];
		proof->forbidden[proof->forbidden_count++] = (struct endpoint){ *address, url->port };
	}
	return 0;
}

/* Where there is a fallback, names that nobody answers for must leave time to try it. */
static struct deadline resolve_deadline(const struct server *server, struct deadline deadline)
{
	if (server->fallback.address.family == 0)
		return deadline;
	return deadline_in(deadline_left(deadline) / 2);
}

/* The addresses that the client would dial now, of those that are allowed. */
static int dialled_endpoints(struct proof *proof, const struct server *server, const struct resolver_config *resolvers,
			     struct deadline deadline, struct endpoint *list, struct diag *diag)
{
	const struct url *peer = server_peer(server);
	int result = resolve_again(proof, peer, resolvers, resolve_deadline(server, deadline), diag);
	if (result == -EINTR)
		return result;
	if (result < 0 && server->fallback.address.family) {
		list[0] = server->fallback;
		return 1;
	}
	if (result < 0 && proof->settings->dns.mode == DNS_NONE)
		return diag_fail(diag, ENOENT, "resolve %s: --dns none allows no resolver", peer->host);
	if (result < 0)
		return result;
	int count = 0;
	for (size_t i = 0; i < proof->resolved.count; i++) {
		const struct address *address = &proof->resolved.addresses[i];
		if (server_has_endpoint(server, address, peer->port))
			list[count++] = (struct endpoint){ *address, peer->port };
	}
	if (count == 0)
		return diag_fail(diag, ENOENT, "resolve %s: other addresses than before the containment", peer->host);
	return count;
}

static bool is_good(const struct proof *proof)
{
	return proof->report.verdict == PROBE_PROVEN ||
	       (proof->report.verdict == PROBE_REACHED && proof->settings->trust.insecure);
}

static void describe(const struct proof *proof, const struct server *server, struct text *detail)
{
	const struct probe_report *report = &proof->report;
	text_addf(detail, "%s %s", server->url.host, probe_verdict_name(report->verdict));
	if (*report->tls.version)
		text_addf(detail, ", %s", report->tls.version);
}

static int explain(const struct proof *proof, const struct server *server, struct diag *diag)
{
	const struct probe_report *report = &proof->report;
	const char *reason = report->reason;
	if (report->verdict == PROBE_REACHED)
		reason = "it answers, but who it is was not verified (-k accepts that)";
	return diag_fail(diag, ENOENT, "prove %s: %s", server->url.host, reason);
}

/* What is asked, and through whom. The rest of proof->probe is trust_fill's. */
static int set_request(struct proof *proof, const struct server *server, struct diag *diag)
{
	const struct velociraptor_proxy *proxy = &server->proxy;
	if (proxy->set && proxy->url.tls)
		return refuse_proxy(server, ENOENT, diag);
	proof->probe.url = server->url;
	proof->probe.through_proxy = proxy->set;
	proof->probe.credentials = proxy->credentials;
	return url_append(&proof->probe.url, "server.pem", diag);
}

/* The verdict about the first of the list that answers: 0, or -ENOENT with a diagnostic. */
static int ask(struct proof *proof, const struct server *server, const struct endpoint *list, size_t count,
	       struct deadline deadline, struct diag *diag)
{
	const char *names[2];
	int result = set_request(proof, server, diag);
	if (result < 0)
		return result;
	trust_fill(&proof->settings->trust, &proof->store, &proof->probe, names);
	result = probe_url(&proof->probe, list, count, deadline, &proof->report, diag);
	if (result < 0)
		return result;
	return is_good(proof) ? 0 : explain(proof, server, diag);
}

/* One that accepts and never speaks must not use up the time of the others. */
static struct deadline share(struct deadline deadline, size_t remaining)
{
	return deadline_in(deadline_left(deadline) / (int64_t)remaining);
}

static struct deadline endpoint_share(struct deadline deadline, size_t remaining)
{
	return deadline_earlier(share(deadline, remaining), deadline_in(ENDPOINT_MS));
}

/* Whether it may be otherwise in a moment: nothing was said about who it is or we are, and HTTP gave no answer. */
static bool may_change(const struct proof *proof)
{
	const struct probe_report *report = &proof->report;
	return report->tls.refusals == 0 && report->http.status == 0 && !report->demands_identity;
}

/*
 * The client speaks with the first one that takes its connection, whoever that is. Where the others are left out later,
 * any will do. *again: whether another try may end otherwise.
 */
static int prove_server(struct proof *proof, const struct server *server, const struct resolver_config *resolvers,
			struct deadline deadline, bool *again, struct diag *diag)
{
	const bool alone = proof->settings->proven_only;
	struct endpoint list[RESOLVED_ADDRESSES_MAX];
	int count = dialled_endpoints(proof, server, resolvers, deadline, list, diag);
	int result = count;
	*again |= count < 0;
	for (int i = 0; i < count; i += alone ? 1 : count) {
		struct deadline own = alone ? endpoint_share(deadline, (size_t)(count - i)) : deadline;
		proof->report = (struct probe_report){ .verdict = PROBE_UNREACHABLE };
		result = ask(proof, server, &list[i], alone ? 1 : (size_t)count, own, diag);
		*again |= may_change(proof);
		if (result == 0 || result == -EINTR)
			break;
	}
	return result;
}

static int prove_round(struct proof *proof, struct targets *targets, const struct resolver_config *resolvers,
		       struct deadline deadline, bool *again, struct text *detail, struct diag *diag)
{
	int result = -ENOENT;
	*again = false;
	size_t remaining = targets_resolved_servers(targets);
	for (size_t i = 0; i < targets->server_count; i++) {
		struct server *server = &targets->servers[i];
		if (server->endpoint_count == 0)
			continue;
		proof->report = (struct probe_report){ .verdict = PROBE_UNREACHABLE };
		result = prove_server(proof, server, resolvers, share(deadline, remaining--), again, diag);
		server->tried = true;
		server->proof_at = proof->report.endpoint;
		server->proven = result == 0 && proof->report.verdict == PROBE_PROVEN;
		server->reached = result == 0 && proof->report.verdict == PROBE_REACHED;
		server->failure.text[0] = '\0';
		if (result == 0)
			describe(proof, server, detail);
		if (result == 0 || result == -EINTR)
			return result;
		server->failure = *diag;
	}
	return result;
}

int proof_run(struct proof *proof, struct targets *targets, const struct resolver_config *resolvers,
	      struct deadline deadline, struct text *detail, struct diag *diag)
{
	int result = diag_fail(diag, ENOENT, "prove a server: none has an address");
	bool again = targets_resolved_servers(targets) > 0;
	while (again && !deadline_passed(deadline)) {
		result = prove_round(proof, targets, resolvers, deadline, &again, detail, diag);
		if (result == 0 || result == -EINTR)
			return result;
		if (again && poll(NULL, 0, deadline_left(deadline_earlier(deadline, deadline_in(PROBE_PAUSE_MS)))) < 0)
			return -EINTR;
	}
	return -ENOENT;
}

static bool endpoints_equal(const struct endpoint *a, const struct endpoint *b)
{
	return a->port == b->port && address_equal(&a->address, &b->address);
}

/* Asks this endpoint alone; one that sheds load is asked again. As ask. */
static int prove_endpoint(struct proof *proof, struct server *server, const struct endpoint *endpoint,
			  struct deadline deadline, struct diag *diag)
{
	int result;
	if (server->proven && endpoints_equal(&server->proof_at, endpoint))
		return 0;
	for (;;) {
		proof->report = (struct probe_report){ .verdict = PROBE_UNREACHABLE };
		result = ask(proof, server, endpoint, 1, deadline, diag);
		if (!proof->report.sheds_load || deadline_passed(deadline))
			break;
		if (poll(NULL, 0, deadline_left(deadline_earlier(deadline, deadline_in(PROBE_PAUSE_MS)))) < 0)
			return -EINTR;
	}
	server->tried = true;
	if (result == 0 && !server->proven) {
		server->proven = true;
		server->proof_at = *endpoint;
	}
	return result;
}

/* diag: what ask has said, which becomes the warning. Where nothing answers, the reason names the endpoint itself. */
static void describe_left_out(const struct proof *proof, const struct endpoint *endpoint, struct diag *diag)
{
	char name[ENDPOINT_TEXT_SIZE] = "";
	struct text text = TEXT_ON(name);
	const struct diag asked = *diag;
	const char *reason = proof->report.reason;
	if (proof->report.verdict == PROBE_REACHED)
		reason = "it answers, but who it is was not verified";
	if (proof->report.verdict != PROBE_UNREACHABLE || !*reason) {
		text_add(&text, " ");
		endpoint_format(endpoint, &text);
	}
	diag_fail(diag, ENOENT, "left out%s: %s", name, *reason ? reason : asked.text);
}

/* One endpoint may be that of several servers, by several URLs: it stays when one of them proves itself there. */
static int prove_any(struct proof *proof, struct targets *targets, const struct endpoint *endpoint,
		     struct deadline deadline, struct diag *diag)
{
	int result = -ENOENT;
	size_t servers = 0;
	for (size_t i = 0; i < targets->server_count; i++)
		servers += server_has_endpoint(&targets->servers[i], &endpoint->address, endpoint->port);
	for (size_t i = 0; i < targets->server_count && result != 0 && result != -EINTR; i++) {
		struct server *server = &targets->servers[i];
		if (server_has_endpoint(server, &endpoint->address, endpoint->port))
			result = prove_endpoint(proof, server, endpoint, share(deadline, servers--), diag);
	}
	return result;
}

/* How many endpoints have not been asked yet. */
static size_t endpoints_from(const struct targets *targets, size_t server, size_t at)
{
	size_t count = targets->servers[server].endpoint_count - at;
	while (++server < targets->server_count)
		count += targets->servers[server].endpoint_count;
	return count;
}

int proof_narrow(struct proof *proof, struct targets *targets, struct deadline deadline,
		 void (*warn)(void *context, const struct diag *diag), void *context)
{
	struct diag diag;
	int left_out = 0;
	for (size_t i = 0; i < targets->server_count; i++) {
		struct server *server = &targets->servers[i];
		for (size_t at = 0; at < server->endpoint_count;) {
			const struct endpoint endpoint = server->endpoints[at];
			struct deadline own = endpoint_share(deadline, endpoints_from(targets, i, at));
			int result = prove_any(proof, targets, &endpoint, own, &diag);
			if (result == -EINTR)
				return result;
			if (result == 0) {
				at++;
				continue;
			}
			describe_left_out(proof, &endpoint, &diag);
			warn(context, &diag);
			targets_leave_out(targets, &endpoint);
			left_out++;
		}
	}
	return left_out;
}

bool proof_clock_unset(const struct proof *proof)
{
	return proof->report.tls.clock_unset;
}

/* A name by which a server is found over DNS alone; NULL: none needs it. */
static const char *named_host(const struct targets *targets)
{
	for (size_t i = 0; i < targets->server_count; i++) {
		const struct server *server = &targets->servers[i];
		const char *host = server_peer(server)->host;
		struct resolved known = { .count = 0 };
		if (server_peer(server)->address.family || server->fallback.address.family || !server->endpoint_count)
			continue;
		(void)hosts_lookup(HOSTS_PATH, host, &known, NULL);
		if (known.count == 0)
			return host;
	}
	return NULL;
}

int proof_resolvers(const struct targets *targets, const struct resolver_config *resolvers, uint64_t unique,
		    struct diag *diag)
{
	const char *host = named_host(targets);
	char name[HOST_NAME_MAX_LENGTH + 1];
	const char *names = name;
	struct text text = TEXT_ON(name);
	struct resolved resolved;
	struct diag ignored;
	int error = 0;
	if (!host)
		return 0;
	text_addf(&text, "q%llx.%s", (unsigned long long)unique, host);
	if (text.cut)
		return 0;
	const struct resolve_request request = { &names, 1, HOSTS_PATH, resolvers, deadline_in(RESOLVERS_MS) };
	int result = resolve_names(&request, &resolved, &error, &ignored);
	if (result == 0 || result == -ENOENT || result == -EIO || result == -EINTR) /* EIO: addresses of nobody's */
		return 0;
	return diag_fail(diag, -result, "the local resolver gets no answers any more: --dns any, or whom it asks");
}

int proof_forbidden(struct proof *proof, struct diag *diag)
{
	struct endpoint reached;
	if (!proof->settings->has_forbidden)
		return 0;
	if (proof->forbidden_count == 0)
		return diag_fail(diag, ENOENT, "-f %.32s: not tried, it has no address",
				 proof->settings->forbidden.host);
	int result = probe_reachable(proof->forbidden, proof->forbidden_count, deadline_in(FORBIDDEN_MS), &reached,
				     diag);
	if (result <= 0)
		return result;
	char endpoint[ENDPOINT_TEXT_SIZE];
	struct text text = TEXT_ON(endpoint);
	endpoint_format(&reached, &text);
	return diag_fail(diag, EISCONN, "the forbidden %s still answers at %s", proof->settings->forbidden.host,
			 endpoint);
}

#endif
