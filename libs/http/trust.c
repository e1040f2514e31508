/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "http/trust.h"

#include <errno.h>

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

int trust_open(const struct trust_options *options, struct trust_store *store, struct diag *diag)
{
	if (options->ca)
		return trust_store_open(options->ca, store, diag);
	if (options->insecure || options->pins.count > 0)
		return 0;
	int result = trust_store_open_system(store, diag);
	return result == -ENOENT ? 0 : result;
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
