/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "http/trust.h"

#include <errno.h>
#include <string.h>

#include "base/parse.h"

/* In the certificates that Velociraptor makes for its servers (its constants.go, PinnedServerName). */
static const char velociraptor_name[] = "VelociraptorServer";

int trust_parse_pin(void *field, const char *value, struct diag *diag)
{
	struct trust_pins *pins = field;
	if (pins->count == TRUST_PINS_MAX)
		return diag_fail(diag, EINVAL, "at most %d pins", TRUST_PINS_MAX);
	if (!fingerprint_parse(value, &pins->list[pins->count]))
		return diag_fail(diag, EINVAL, "'%.*s' is not a SHA-256 of 64 hexadecimal digits", 100, value);
	pins->count++;
	return 0;
}

int trust_parse_name(void *field, const char *value, struct diag *diag)
{
	struct address address;
	if (!host_name_valid(value) && !address_parse(value, &address))
		return diag_fail(diag, EINVAL, "'%.*s' is neither a host name nor an address", 60, value);
	return option_string(field, value, diag);
}

bool trust_is_chosen(const struct trust_options *options)
{
	return options->insecure || options->ca || options->pins.count > 0 || options->name;
}

/* Whose words count; NULL: the options'. */
static const struct velociraptor_config *client_of(const struct trust_options *options)
{
	return trust_is_chosen(options) ? NULL : options->client;
}

static bool needs_no_store(const struct trust_options *options)
{
	const struct velociraptor_config *client = client_of(options);
	if (client)
		return client->self_signed || client->verification == VELOCIRAPTOR_THUMBPRINT_ONLY;
	return options->insecure || options->pins.count > 0;
}

int trust_open(const struct trust_options *options, struct trust_store *store, struct diag *diag)
{
	if (options->ca)
		return trust_store_open(options->ca, store, diag);
	if (needs_no_store(options))
		return 0;
	int result = trust_store_open_system(store, diag);
	return result == -ENOENT ? 0 : result;
}

static struct pem_bundle bundle_of(const char *pem)
{
	return (struct pem_bundle){ .pem = pem, .length = pem ? strlen(pem) : 0 };
}

/*
 * As the client itself: with use_self_signed_ssl its own CA and the pinned name, and nobody else; without, the system's
 * CAs and those of the configuration, and the name in the URL.
 */
static void fill_from_client(const struct velociraptor_config *client, const struct trust_store *store,
			     struct probe_settings *settings, const char **names)
{
	static const enum tls_trust modes[] = {
		[VELOCIRAPTOR_PKI] = TLS_TRUST_CHAIN,
		[VELOCIRAPTOR_PKI_OR_THUMBPRINT] = TLS_TRUST_PIN_OR_CHAIN,
		[VELOCIRAPTOR_THUMBPRINT_ONLY] = TLS_TRUST_PIN,
	};
	const struct pem_bundle ca = bundle_of(client->ca_certificate);
	names[0] = client->self_signed ? client->server_name : settings->url.host;
	settings->pem = (struct certificate_demand){ ca, client->server_name, NULL, PROBE_CLOCK_START };
	settings->same_key = true;
	settings->tls = (struct tls_settings){
		.trust = modes[client->verification],
		.issuer = ca,
		.server_name = client->self_signed ? client->server_name : NULL,
		.pins = client->thumbprints,
		.pin_count = client->thumbprint_count,
		.names = names,
		.name_count = 1,
		.not_before = PROBE_CLOCK_START,
	};
	if (client->self_signed)
		return;
	settings->tls.anchors[0] = (struct pem_bundle){ store->pem, store->length, true };
	settings->tls.anchors[1] = bundle_of(client->root_certs);
	settings->tls.anchors[2] = ca;
}

/* PIN_OR_CHAIN only where somebody named both: without --ca a public CA must not do in the pin's place. */
static enum tls_trust choose_trust(const struct trust_options *options)
{
	if (options->insecure)
		return TLS_TRUST_ANYONE;
	if (options->pins.count == 0)
		return TLS_TRUST_CHAIN;
	return options->ca ? TLS_TRUST_PIN_OR_CHAIN : TLS_TRUST_PIN;
}

void trust_fill(const struct trust_options *options, const struct trust_store *store, struct probe_settings *settings,
		const char **names)
{
	const struct velociraptor_config *client = client_of(options);
	if (options->client) /* who we are does not depend on whom we trust */
		settings->identity = (struct tls_identity){
			bundle_of(options->client->client_certificate),
			bundle_of(options->client->client_certificate_private_key),
		};
	if (client) {
		fill_from_client(client, store, settings, names);
		return;
	}
	const struct pem_bundle bundle = { store->pem, store->length, true };
	bool private_ca = options->ca && !options->insecure;
	names[0] = options->name ? options->name : settings->url.host;
	names[1] = velociraptor_name;
	settings->pem = (struct certificate_demand){ .name = options->name ? options->name : velociraptor_name,
						     .not_before = PROBE_CLOCK_START };
	if (private_ca)
		settings->pem.issuer = bundle;
	settings->same_key = private_ca;
	settings->tls = (struct tls_settings){
		.trust = choose_trust(options),
		.anchors = { private_ca ? (struct pem_bundle){ 0 } : bundle },
		.issuer = settings->pem.issuer,
		.server_name = private_ca ? settings->pem.name : NULL,
		.pins = options->pins.list,
		.pin_count = options->pins.count,
		.names = names,
		.name_count = options->ca && !options->name ? 2 : 1,
		.not_before = PROBE_CLOCK_START,
	};
}
