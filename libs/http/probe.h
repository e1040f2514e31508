/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Is that really our management server? One GET of one URL in an unprivileged child, and what came of it. */
#ifndef HTTP_PROBE_H
#define HTTP_PROBE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/address.h"
#include "base/deadline.h"
#include "base/diag.h"
#include "base/url.h"
#include "http/response.h"
#include "tls/tls.h"

enum {
	PROBE_CLOCK_START = 1767225600, /* 2026-01-01, seconds since 1970: for tls.not_before; we are not older */
	PROBE_PAUSE_MS = 500, /* until a server that sheds load is asked again */
};

enum probe_verdict {
	PROBE_UNREACHABLE, /* no TCP connection */
	PROBE_REFUSED, /* something took the connection, but a check failed or the answer never came */
	PROBE_REACHED, /* it answers as the server does; who it is was not verified (plain HTTP, TLS_TRUST_ANYONE) */
	PROBE_PROVEN, /* and its certificates were verified as the settings ask */
};

/* The verdict in one word: "unreachable", "refused", "reached", "proven". */
const char *probe_verdict_name(enum probe_verdict verdict);

/* Pointers must stay until probe_url returns; names and anchors are used by the child, which has its copy. */
struct probe_settings {
	struct url url; /* whole: with server.pem */
	/* The addresses are those of an HTTP proxy, which makes the way to the URL's host. */
	bool through_proxy;
	const char *credentials; /* for the proxy, "user:password"; NULL or "": none */
	struct tls_settings tls; /* server_name NULL: the URL's host; name_count 0: the URL's host is the one name */
	/* What is in server.pem, unless the issuer is empty: then it is not looked at. The key is filled in here. */
	struct certificate_demand pem;
	/* Shown to a server that does not answer without; else the child does not get the key (base/secret.h). */
	struct tls_identity identity;
	/*
	 * It has the key of the TLS connection when tls.issuer decided there: anybody can replay a file, and users of
	 * the API have certificates of that issuer as well. Not for a proxy that has one of its own.
	 */
	bool same_key;
};

/* Fixed size, no pointers: it is what the child hands over. */
struct probe_report {
	enum probe_verdict verdict;
	char reason[256]; /* why it is not PROBE_REACHED or PROBE_PROVEN; one line, printable ASCII */
	struct endpoint endpoint; /* that took the connection; family 0: none did */
	struct tls_facts tls; /* version "": there was no TLS handshake, or it did not end */
	struct http_response http; /* status 0: there was no answer */
	struct certificate_facts pem; /* of server.pem */
	bool pem_checked; /* and it is as demanded */
	bool sheds_load; /* it closed the connection at once, as Velociraptor's server does under load: ask again */
	bool demands_identity; /* the server does not answer without a client certificate, or not to the one we have */
	/* milliseconds since probe_url was called; -1: it did not come to that */
	int64_t connected_ms;
	int64_t handshake_ms; /* the TLS handshake's end, verification included */
	int64_t first_byte_ms;
	int64_t total_ms;
};

/*
 * Connects to the first of the addresses that answers and asks for the URL. Returns 0 with the report filled, whatever
 * the verdict; a child that crashed or hung is PROBE_REFUSED. Returns -errno with a diagnostic only when it could not
 * be tried: -EINTR (see child_run), -EAGAIN, -ENOMEM and the like.
 */
int probe_url(const struct probe_settings *settings, const struct endpoint *list, size_t count,
	      struct deadline deadline, struct probe_report *report, struct diag *diag);

/*
 * Whether anything takes a TCP connection at one of the addresses, before the deadline. Returns 1 and sets *reached, 0
 * when nothing does, or -errno with a diagnostic when it could not be tried.
 */
int probe_reachable(const struct endpoint *list, size_t count, struct deadline deadline, struct endpoint *reached,
		    struct diag *diag);

#endif
