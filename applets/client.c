/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Where the applets find the configuration of Velociraptor's client: libraries don't read the environment. */
#include <stdlib.h>
#include <string.h>

#include "applet.h"

/* The first of them that is set and not empty, as Go's programs read them. */
static const char *first_of(const char *upper, const char *lower)
{
	const char *value = getenv(upper);
	return value && *value ? value : getenv(lower);
}

int applet_read_client(const char *path, struct velociraptor_config *config,
		       struct velociraptor_environment *environment, struct diag *diag)
{
	if (!CONFIG_VELOCIRAPTOR_CONFIG)
		return 0;
	char *literal = getenv("VELOCIRAPTOR_LITERAL_CONFIG");
	const struct velociraptor_sources sources = {
		.path = path,
		.default_path = VELOCIRAPTOR_CONFIG_PATH,
		.environment_path = getenv("VELOCIRAPTOR_CONFIG"),
		.environment_text = literal,
	};
	*environment = (struct velociraptor_environment){
		.http_proxy = first_of("HTTP_PROXY", "http_proxy"),
		.https_proxy = first_of("HTTPS_PROXY", "https_proxy"),
		.no_proxy = first_of("NO_PROXY", "no_proxy"),
	};
	int result = velociraptor_config_find(&sources, config, diag);
	/* a child that talks to strangers gets our environment: no private key may be left there */
	if (literal)
		explicit_bzero(literal, strlen(literal));
	return result;
}

bool applet_is_client_path(const char *path)
{
	const char *dot = strrchr(path, '.');
	return CONFIG_VELOCIRAPTOR_CONFIG && dot && (strcmp(dot, ".yaml") == 0 || strcmp(dot, ".yml") == 0);
}
