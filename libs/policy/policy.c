/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "policy/policy.h"

#include <ctype.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

/*
 * Words that nft's scanner (src/scanner.l) takes for its own where a table's name stands: `nft add table inet WORD` is
 * a syntax error, so a listing that contains it could not be loaded. Those of 1.0.6, which a test tries on nft, and of
 * the versions before and after it that are known.
 */
static const char reserved_words[] =
	"accept add after ah all and anycast arp at audit bridge broadcast burst bypass bytes cgroup cgroupv2"
	" chain chains classid code comment comp compatibility constant continue counter counters cpu create ct"
	" daddr day dccp define delete describe destination destroy device devices dnat drop dscp dst dup dynamic"
	" ecn egress element elements emergency eq esp ether exists expectation expires export exthdr fanout fib"
	" flags flow flowtable flowtables flush forward frag fwd ge geneve get goto gre gretap gt handle hash hbh"
	" helper hook hooks hoplimit hour ibriport ibrname icmp icmpv6 id ifname igmp iif iifgroup iifname iiftype"
	" import in include index inet ingress input insert interval ip ip6 ipsec jhash json jump key kind last le"
	" length level limit limits list log lshift lt map maps mark masquerade maximum meta meter meters mh"
	" missing monitor ne netdev nftrace not notrack numgen obriport obrname offload offset oif oifgroup"
	" oifname oiftype options or osf out output over packets performance persistent pkttype policy position"
	" postrouting prerouting priority protocol queue quota quotas random redefine redirect reject rename"
	" replace reset return rshift rt rt0 rt2 rtclassid rule rules ruleset saddr sctp secmark secmarks set sets"
	" size skgid skuid snat socket sport srh symhash synproxy synproxys table tables tag tcp th time timeout"
	" timeouts to tproxy transparent type typeof udp udplite undefine unicast update use vlan vmap vxlan with"
	" xfrm xml xor xt ";

static const struct {
	uint8_t number;
	char word[10];
} protocols[] = {
	{ IPPROTO_TCP, "tcp" }, { IPPROTO_UDP, "udp" }, { IPPROTO_IPIP, "ipencap" }, { IPPROTO_IPV6, "ipv6" },
	{ IPPROTO_GRE, "gre" }, { IPPROTO_ESP, "esp" }, { 115, "l2tp" }, /* RFC 3931, without UDP */
	{ IPPROTO_ICMP, "icmp" }, { IPPROTO_ICMPV6, "ipv6-icmp" },
};

const char *protocol_word(uint8_t protocol)
{
	for (size_t i = 0; i < sizeof protocols / sizeof *protocols; i++) {
		if (protocols[i].number == protocol)
			return protocols[i].word;
	}
	return NULL;
}

void policy_network_format(const struct policy_network *network, struct text *text)
{
	bool ipv6 = network->address.family == AF_INET6;
	/* --allow has one word for both */
	uint8_t protocol = network->protocol == IPPROTO_ICMPV6 ? IPPROTO_ICMP : network->protocol;
	const char *word = protocol_word(protocol);
	if (word)
		text_add(text, word);
	else
		text_addf(text, "%u", protocol);
	text_add(text, ipv6 ? ":[" : ":");
	address_format(&network->address, text);
	text_add(text, ipv6 ? "]" : "");
	if (network->prefix_length != 8 * address_length(&network->address))
		text_addf(text, "/%u", network->prefix_length);
	if (network->port)
		text_addf(text, ":%u%s", network->port, network->inbound ? ":in" : "");
}

uint8_t protocol_find(const char *string)
{
	for (size_t i = 0; i < sizeof protocols / sizeof *protocols; i++) {
		const char *rest = text_after(string, protocols[i].word);
		if (rest && *rest == ':')
			return protocols[i].number;
	}
	return 0;
}

static bool is_reserved(const char *name)
{
	size_t wanted = strlen(name);
	size_t length;
	for (const char *word = reserved_words; *word; word += length + 1) {
		length = strcspn(word, " ");
		if (length == wanted && memcmp(word, name, length) == 0)
			return true;
	}
	return false;
}

/* The scanner's {letter}({letter}|{digit}|[/\-_\.])* without '-', which some versions read as a minus. */
static bool is_identifier(const char *name)
{
	if (!isalpha((unsigned char)*name))
		return false;
	for (; *name; name++) {
		if (!isalnum((unsigned char)*name) && !strchr("_./", *name))
			return false;
	}
	return true;
}

int policy_table_name_check(const char *name, struct diag *diag)
{
	size_t length = strlen(name);
	if (length == 0 || length > POLICY_TABLE_NAME_MAX)
		return diag_fail(diag, EINVAL, "table name: must have 1 to %d characters", POLICY_TABLE_NAME_MAX);
	if (!is_identifier(name))
		return diag_fail(diag, EINVAL,
				 "table name '%.*s': a letter, then letters, digits, '_', '.' or '/'", 60,
				 name);
	if (is_reserved(name))
		return diag_fail(diag, EINVAL, "table name '%s': a word of nft's language, nft could not read it back",
				 name);
	return 0;
}

bool peer_list_add(struct peer_list *list, const struct address *address, uint8_t protocol, uint16_t port)
{
	if (list->count == list->capacity)
		return false;
	size_t length = address_length(address);
	uint8_t *record = list->records + list->count * (length + 3);
	memcpy(record, address->bytes, length);
	record[length] = protocol;
	record[length + 1] = (uint8_t)(port >> 8);
	record[length + 2] = (uint8_t)port;
	list->count++;
	return true;
}

const uint8_t *peer_list_find(const struct peer_list *list, enum ip_family family, const uint8_t *key, size_t length)
{
	size_t size = peer_record_size(family);
	size_t first = 0;
	size_t end = list->count;
	while (first < end) {
		size_t middle = first + (end - first) / 2;
		if (memcmp(list->records + middle * size, key, length) < 0)
			first = middle + 1;
		else
			end = middle;
	}
	return first < list->count ? list->records + first * size : NULL;
}

static int compare_ipv4(const void *a, const void *b)
{
	return memcmp(a, b, 4 + 3);
}

static int compare_ipv6(const void *a, const void *b)
{
	return memcmp(a, b, 16 + 3);
}

static void sort_unique(struct peer_list *list, enum ip_family family)
{
	size_t size = peer_record_size(family);
	size_t kept = 0;
	if (list->count > 1)
		qsort(list->records, list->count, size, family == IPV4 ? compare_ipv4 : compare_ipv6);
	for (size_t i = 0; i < list->count; i++) {
		const uint8_t *record = list->records + i * size;
		if (kept > 0 && memcmp(list->records + (kept - 1) * size, record, size) == 0)
			continue;
		memmove(list->records + kept++ * size, record, size);
	}
	list->count = kept;
}

static void clear_host_bits(struct policy_network *network)
{
	for (size_t bit = network->prefix_length; bit < 8 * address_length(&network->address); bit++)
		network->address.bytes[bit / 8] &= (uint8_t)~(0x80u >> bit % 8);
}

void policy_normalize(struct policy *policy)
{
	for (size_t role = 0; role < PEER_ROLES; role++) {
		sort_unique(&policy->peers[role][IPV4], IPV4);
		sort_unique(&policy->peers[role][IPV6], IPV6);
	}
	for (size_t i = 0; i < policy->network_count; i++)
		clear_host_bits(&policy->networks[i]);
}
