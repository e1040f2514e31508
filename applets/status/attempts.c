/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "attempts.h"

#include <errno.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include <linux/netfilter.h>

#include "nft/match.h"
#include "nft/table.h"

enum { ATTEMPTS_MAX = POLICY_ATTEMPTS * IP_FAMILIES * TABLES };

struct reading {
	struct attempts *attempts;
	enum ip_family family;
};

/* The key: address, protocol, port, each padded to 4 bytes, and the interface's index in host byte order. */
static int take_attempt(const struct element_info *element, void *context)
{
	const struct reading *reading = context;
	struct attempts *attempts = reading->attempts;
	struct attempt *attempt;
	size_t length = family_address_length(reading->family);
	const uint8_t *key = element->key;
	const uint64_t lifetime = POLICY_ATTEMPT_SECONDS * 1000ull;
	if (element->key_length != length + 4 + 4 + sizeof attempt->interface || attempts->count == ATTEMPTS_MAX)
		return 0;
	attempt = &attempts->list[attempts->count++];
	*attempt = (struct attempt){
		.address.family = family_number(reading->family),
		.protocol = key[length],
		.port = (uint16_t)(key[length + 4] << 8 | key[length + 5]),
		.packets = element->packets,
		.age = element->expires < lifetime ? lifetime - element->expires : 0,
	};
	memcpy(attempt->address.bytes, key, length);
	memcpy(&attempt->interface, key + length + 8, sizeof attempt->interface);
	return 0;
}

static int by_age(const void *a, const void *b)
{
	const struct attempt *left = a;
	const struct attempt *right = b;
	if (left->age != right->age)
		return left->age < right->age ? -1 : 1;
	return memcmp(&left->address, &right->address, sizeof left->address);
}

int attempts_read(struct netlink *netlink, const char *table, struct attempts *attempts, struct diag *diag)
{
	attempts->count = 0;
	if (!attempts->list)
		attempts->list = calloc(ATTEMPTS_MAX, sizeof *attempts->list);
	if (!attempts->list)
		return diag_errno(diag, ENOMEM, "list attempts");
	for (int i = 0; i < TABLES * IP_FAMILIES; i++) {
		enum ip_family family = (enum ip_family)(i % IP_FAMILIES);
		struct reading reading = { attempts, family };
		const struct table_scope scope = { netlink, diag, table, table_types[i / IP_FAMILIES].family };
		char name[32];
		struct text text = TEXT_ON(name);
		set_name(&text, "", SET_ATTEMPTS, family);
		int result = element_each(&scope, name, take_attempt, &reading);
		if (result < 0)
			return result;
	}
	qsort(attempts->list, attempts->count, sizeof *attempts->list, by_age);
	return 0;
}

void attempts_fini(struct attempts *attempts)
{
	free(attempts->list);
}

void attempt_protocol(const struct attempt *attempt, struct text *text)
{
	static const struct {
		uint8_t protocol;
		char word[sizeof "icmpv6"];
	} words[] = {
		{ IPPROTO_TCP, "tcp" },
		{ IPPROTO_UDP, "udp" },
		{ IPPROTO_SCTP, "sctp" },
		{ IPPROTO_ICMP, "icmp" },
		{ IPPROTO_IGMP, "igmp" },
		{ IPPROTO_ICMPV6, "icmpv6" },
		{ IPPROTO_GRE, "gre" },
		{ IPPROTO_ESP, "esp" },
	};
	for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
		if (words[i].protocol == attempt->protocol) {
			text_add(text, words[i].word);
			return;
		}
	}
	text_addf(text, "protocol %u", attempt->protocol);
}

void attempt_interface(const struct attempt *attempt, struct text *text)
{
	char name[IF_NAMESIZE];
	if (!attempt->interface)
		return;
	if (if_indextoname(attempt->interface, name))
		text_add(text, name);
	else
		text_addf(text, "interface %u", attempt->interface);
}

void attempt_describe(const struct attempt *attempt, struct text *text)
{
	bool has_port = attempt->protocol == IPPROTO_TCP || attempt->protocol == IPPROTO_UDP ||
			attempt->protocol == IPPROTO_SCTP;
	bool brackets = has_port && attempt->address.family == AF_INET6;
	attempt_protocol(attempt, text);
	text_add(text, brackets ? " [" : " ");
	address_format(&attempt->address, text);
	text_add(text, brackets ? "]" : "");
	if (has_port)
		text_addf(text, ":%u", attempt->port);
	else if (attempt->protocol == IPPROTO_ICMP || attempt->protocol == IPPROTO_ICMPV6)
		text_addf(text, " type %u", attempt->port >> 8);
}
