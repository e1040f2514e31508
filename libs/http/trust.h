/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Whom to trust, as the options --ca, --pin, --name and -k say it, or the configuration of Velociraptor's client. */
#ifndef HTTP_TRUST_H
#define HTTP_TRUST_H

#include "base/option.h"
#include "http/probe.h"
#include "tls/trust_store.h"
#include "velociraptor/config.h"

enum { TRUST_PINS_MAX = 8 };

struct trust_pins {
	struct fingerprint list[TRUST_PINS_MAX];
	size_t count;
};

struct trust_options {
	const char *ca; /* path of a PEM file; NULL: the system's store */
	struct trust_pins pins;
	const char *name; /* that the certificate must bear; NULL: the URL's host, or Velociraptor's own with ca */
	bool insecure;
	/*
	 * Whom Velociraptor's client trusts: counts when none of the above is said; its own certificate counts in any
	 * case. NULL: nobody knows.
	 */
	const struct velociraptor_config *client;
};

/* The rows of these options, for a table whose options struct has a struct trust_options at this offset. */
#define TRUST_OPTION_ROWS(base) \
	OPTION(0, (base) + offsetof(struct trust_options, ca), "ca", "FILE", NULL, \
	       "trust these CA certificates (PEM),\nnot the system's"), \
	OPTION(0, (base) + offsetof(struct trust_options, pins), "pin", "SHA256", trust_parse_pin, \
	       "accept the certificate with this SHA-256;\nmay be repeated"), \
	OPTION(0, (base) + offsetof(struct trust_options, name), "name", "NAME", trust_parse_name, \
	       "the name the certificate must have"), \
	OPTION('k', (base) + offsetof(struct trust_options, insecure), "insecure", "", NULL, \
	       "don't check the certificate")

int trust_parse_pin(void *field, const char *value, struct diag *diag);
int trust_parse_name(void *field, const char *value, struct diag *diag);

/* Whether one of the options is set, so that the client's configuration does not count. */
bool trust_is_chosen(const struct trust_options *options);

/*
 * Opens the anchors that the options need: the CA file, or the system's store when nothing else is named. Returns 0, or
 * -errno with a diagnostic. No system store is no error: every certificate will be untrusted, and refused as such.
 */
int trust_open(const struct trust_options *options, struct trust_store *store, struct diag *diag);

/* Fills settings->tls for settings->url; names is storage for two pointers that lives as long as the settings. */
void trust_fill(const struct trust_options *options, const struct trust_store *store, struct probe_settings *settings,
		const char **names);

#endif
