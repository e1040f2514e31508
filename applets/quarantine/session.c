/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "session.h"

#include <string.h>

#include "base/parse.h"
#include "policy/flow.h"

enum { WORDS = 4, WORD_SIZE = ADDRESS_TEXT_SIZE + POLICY_INTERFACE_SIZE }; /* an address with its scope */

/* False: they are not so many, or one is too long. */
static bool split(const char *string, char words[WORDS][WORD_SIZE])
{
	for (size_t i = 0; i < WORDS; i++) {
		size_t length = strcspn(string, " ");
		if (length == 0 || length >= WORD_SIZE || (string[length] == '\0') != (i == WORDS - 1))
			return false;
		memcpy(words[i], string, length);
		words[i][length] = '\0';
		string += length + 1;
	}
	return true;
}

/* The scope does not matter to rules. */
static bool read_end(char *address, const char *port, struct endpoint *end)
{
	address[strcspn(address, "%")] = '\0';
	return address_parse(address, &end->address) && parse_port(port, &end->port);
}

bool session_is_cut(const struct policy *policy, const char *connection, struct text *how)
{
	char words[WORDS][WORD_SIZE];
	struct policy_flow flow = { .protocol = IPPROTO_TCP, .destination_own = true };
	struct endpoint *client = &flow.source;
	if (!connection || !split(connection, words) || !read_end(words[0], words[1], client) ||
	    !read_end(words[2], words[3], &flow.destination) ||
	    client->address.family != flow.destination.address.family)
		return false;
	flow.source_own = address_is_loopback(&client->address) ||
			  address_equal(&client->address, &flow.destination.address);
	if (policy_allows_flow(policy, &flow))
		return false;
	client->port = flow.destination.port; /* --allow names the port of ours that it uses */
	text_add(how, "--allow tcp:");
	endpoint_format(client, how);
	text_add(how, ":in");
	return true;
}
