/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the configuration of a Velociraptor client (usually /etc/velociraptor/client.config.yaml) says about its
 * servers, the way to them, and whom it trusts. All other keys are passed over.
 *
 * Keys are case-sensitive. Anchors and aliases count as in YAML; merging with "<<", a key that is given twice and
 * values of another type than Velociraptor reads are errors. Only the first document of a file is read.
 */
#ifndef VELOCIRAPTOR_CONFIG_H
#define VELOCIRAPTOR_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/address.h"
#include "base/diag.h"
#include "base/fingerprint.h"
#include "base/url.h"

#define VELOCIRAPTOR_CONFIG_PATH "/etc/velociraptor/client.config.yaml" /* of Velociraptor's deb and rpm packages */

enum { VELOCIRAPTOR_LIST_MAX = 256, VELOCIRAPTOR_CREDENTIALS_SIZE = 128 };

/* Crypto.certificate_verification_mode; PKI is the default. */
enum velociraptor_verification {
	VELOCIRAPTOR_PKI,
	VELOCIRAPTOR_PKI_OR_THUMBPRINT,
	VELOCIRAPTOR_THUMBPRINT_ONLY,
};

struct velociraptor_proxy {
	bool set; /* false: no proxy */
	struct url url; /* http or https; the path means nothing */
	char credentials[VELOCIRAPTOR_CREDENTIALS_SIZE]; /* "user:password", decoded; "": none. Never print it. */
};

/* One of proxy_config.proxy_url_regexp: URLs that match go through this proxy, or through none. */
struct velociraptor_proxy_rule {
	char *pattern; /* see pattern.h */
	struct velociraptor_proxy proxy;
};

/* What to connect to when the name has no address. */
struct velociraptor_fallback {
	struct url from; /* its host and port */
	struct endpoint to;
};

/* Heap memory, released by velociraptor_config_fini. Strings are NULL when the file does not say them. */
struct velociraptor_config {
	struct url *servers; /* server_urls: at least one */
	size_t server_count;
	char *ca_certificate; /* PEM */
	bool self_signed; /* use_self_signed_ssl: only ca_certificate counts, and the name is server_name */
	char *server_name; /* pinned_server_name, never NULL: "VelociraptorServer" when it is not said */
	unsigned connection_timeout; /* seconds, 0: not said */

	struct velociraptor_proxy http_proxy; /* for http and ws servers: proxy_config.http, or proxy */
	struct velociraptor_proxy https_proxy; /* for https and wss servers */
	struct velociraptor_proxy_rule *proxy_rules;
	size_t proxy_rule_count;
	bool has_proxy_section; /* proxy_config is there, so that proxy does not count */
	bool ignore_environment; /* https_proxy and the like don't count */

	struct velociraptor_fallback *fallbacks;
	size_t fallback_count;

	char *root_certs; /* PEM, further trust anchors */
	struct fingerprint *thumbprints; /* of certificates, in DER */
	size_t thumbprint_count;
	enum velociraptor_verification verification;
	bool weak_tls; /* allow_weak_tls_server */
	char *client_certificate; /* PEM */
	char *client_certificate_private_key; /* PEM; a secret of base/secret.h */
};

/* Where a configuration may be, in this order. NULL and "" are passed over. */
struct velociraptor_sources {
	const char *path; /* that the user names: it has to be there */
	const char *default_path; /* it need not be there */
	const char *environment_path; /* $VELOCIRAPTOR_CONFIG: it has to be there */
	const char *environment_text; /* $VELOCIRAPTOR_LITERAL_CONFIG */
};

/*
 * Reads the first of them. Returns 1, 0 when there is none, or -errno with a diagnostic: -EBADMSG with file, line,
 * column and what was expected; -EFBIG above 1 MiB; -EINVAL for what is no regular file; -ENOENT and the like; -ENOMEM.
 * velociraptor_config_fini releases it in each case.
 */
int velociraptor_config_find(const struct velociraptor_sources *sources, struct velociraptor_config *config,
			     struct diag *diag);

int velociraptor_config_read(const char *path, struct velociraptor_config *config, struct diag *diag);
/* `name` stands for the file in diagnostics. */
int velociraptor_config_parse(const char *text, size_t length, const char *name, struct velociraptor_config *config,
			      struct diag *diag);
void velociraptor_config_fini(struct velociraptor_config *config); /* safe on zero */

/* Where the server is when its name has no address; NULL: the configuration does not say. */
const struct endpoint *velociraptor_fallback_for(const struct velociraptor_config *config, const struct url *server);

#endif
