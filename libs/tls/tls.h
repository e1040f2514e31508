/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A TLS client over a connected socket, and what it found out about who answered. Nothing here knows which library does
 * the work; tls_mbedtls.c and certificate_mbedtls.c are the only files that do.
 */
#ifndef TLS_TLS_H
#define TLS_TLS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/deadline.h"
#include "base/diag.h"
#include "base/fingerprint.h"
#include "base/parse.h"

/*
 * What makes a peer the right one. The first three are Velociraptor's certificate_verification_mode PKI,
 * PKI_OR_THUMBPRINT and THUMBPRINT_ONLY.
 */
enum tls_trust {
	TLS_TRUST_CHAIN, /* a chain to a trust anchor, and one of the names */
	TLS_TRUST_PIN_OR_CHAIN, /* a pin, or else chain and name */
	TLS_TRUST_PIN, /* a pin, and nothing but a pin */
	TLS_TRUST_ANYONE, /* nobody is refused, and nothing is verified */
};

/* PEM text with any number of certificates. */
struct pem_bundle {
	const char *pem; /* not NUL-terminated */
	size_t length; /* bytes; 0: there is none */
	bool mapped; /* it is a trust_store's: pages that were read are given back to the system */
};

enum { TLS_ANCHORS_MAX = 3 };

/* What we show to a server that asks who we are. */
struct tls_identity {
	struct pem_bundle certificate; /* ours, and behind it those that signed it; length 0: we have none */
	struct pem_bundle key; /* its private key: PKCS #1, SEC 1 or PKCS #8, without a password */
};

/* All pointers are the caller's, and must stay until tls_open returns. */
struct tls_settings {
	enum tls_trust trust;
	struct pem_bundle anchors[TLS_ANCHORS_MAX]; /* trusted certificates */
	/* a private CA: what it has signed itself, without anybody between, is good whatever its name */
	struct pem_bundle issuer;
	const struct fingerprint *pins; /* of the leaf certificate's DER */
	size_t pin_count;
	const char *const *names; /* DNS names or IP addresses; the certificate must be for one of them */
	size_t name_count;
	const char *server_name; /* for server name indication; NULL or an IP address: none is sent */
	struct tls_identity identity;
	/*
	 * Seconds since 1970 before which it can not be, the date of the build. When the clock is behind it then it is
	 * wrong: "not yet valid" means nothing then, is not held against a certificate and is told as clock_unset.
	 */
	int64_t not_before;
};

enum { DISTINGUISHED_NAME_SIZE = 160, TLS_REASON_SIZE = 256 };

/* What the certificate says. Text is printable ASCII, other characters are '?', and what does not fit is cut. */
struct certificate_facts {
	char subject[DISTINGUISHED_NAME_SIZE]; /* "CN=VelociraptorServer, O=Velociraptor" */
	char issuer[DISTINGUISHED_NAME_SIZE];
	char common_name[72]; /* of the subject; at most 64 characters, RFC 5280 appendix A */
	char dns_name[HOST_NAME_MAX_LENGTH + 1]; /* the first one of the subject's alternative names, or "" */
	int64_t not_before; /* seconds since 1970 */
	int64_t not_after;
	struct fingerprint sha256; /* of the DER */
	struct fingerprint key_sha256; /* of its SubjectPublicKeyInfo: equal when two certificates have the same key */
};

/* Why a certificate was refused; bits. */
enum tls_refusal {
	TLS_REFUSED_UNTRUSTED = 1, /* the chain leads to no trust anchor */
	TLS_REFUSED_NAME = 2,
	TLS_REFUSED_EXPIRED = 4,
	TLS_REFUSED_NOT_YET_VALID = 8,
	TLS_REFUSED_USAGE = 16, /* not for servers */
	TLS_REFUSED_WEAK = 32, /* key, hash or signature below the library's default profile, or unknown to it */
	TLS_REFUSED_PIN = 64,
};

/* Fixed size, no pointers: it crosses a pipe. */
struct tls_facts {
	char version[12]; /* "TLSv1.3" */
	char cipher[64];
	struct certificate_facts leaf;
	bool has_leaf; /* leaf is filled */
	bool verified; /* chain and name, or a pin, were checked and are good */
	bool by_pin; /* it was a pin that decided */
	bool by_issuer; /* it was settings.issuer */
	bool asks_identity; /* the server asked for a client certificate, which does not mean that it has to have one */
	bool clock_unset; /* the clock is behind settings.not_before: see there */
	unsigned refusals; /* enum tls_refusal; never 0 when a certificate was refused */
	char reason[TLS_REASON_SIZE]; /* why, in words: "certificate CN=x, expected y"; "" when not refused */
};

/* What a certificate that a server hands out as a file has to be. */
struct certificate_demand {
	struct pem_bundle issuer; /* one of these has signed it */
	const char *name; /* its subject's common name; where it has none, the first DNS name or address of it */
	const struct fingerprint *key; /* it is for this key (certificate_facts.key_sha256); NULL: any */
	int64_t not_before; /* as of tls_settings */
};

/*
 * Checks the first certificate of a PEM text: an RSA key, signed by the issuer itself, valid now, of this name and key.
 * Returns 0 with the facts; 1 when it is not what is demanded, with the reason in words; -ENOMEM with a diagnostic.
 */
int certificate_check(const char *pem, size_t length, const struct certificate_demand *demand,
		      struct certificate_facts *facts, char *reason, size_t reason_size, struct diag *diag);

struct tls;

/*
 * Handshake (TLS 1.2 or newer) on a connected, non-blocking socket, which stays the caller's. facts is filled as far as
 * it got, also on failure. Returns 0 and sets *tls; or -errno with a diagnostic: -EKEYREJECTED when the certificate was
 * refused (facts says why; nothing was sent to the peer but the handshake), -EBADMSG when the identity can't be read,
 * -ETIMEDOUT, -ECONNRESET when the peer closed, -EPROTO for alerts and everything that is not TLS, -ENOMEM.
 */
int tls_open(int fd, const struct tls_settings *settings, struct deadline deadline, struct tls **tls,
	     struct tls_facts *facts, struct diag *diag);

/* Says goodbye to the peer when that needs no waiting, and frees. The socket stays open. */
void tls_close(struct tls *tls);

/*
 * As stream_receive and stream_send_all of net/connect.h. 0 from tls_receive: the peer ended the stream and said so. A
 * connection that just closes is -ECONNRESET, because anybody on the way can cut it.
 */
long tls_receive(struct tls *tls, void *buffer, size_t size, struct deadline deadline, struct diag *diag);
int tls_send_all(struct tls *tls, const void *bytes, size_t count, struct deadline deadline, struct diag *diag);

#endif
