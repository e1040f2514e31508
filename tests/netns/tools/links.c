/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * links [-u UPLINK] [-w AWAITED]... [-d DHCP_SERVER_INTERFACE] [ADDRESS[/LENGTH]...]: the survey of the links of this
 * namespace, for a policy that allows these addresses. A line for each link: its name, group, form, what passes and which
 * VLANs; then the lists.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "quarantine/links.h"

static uint8_t records[IP_FAMILIES][64 * 19];

static void allow(struct policy *policy, char *word)
{
	struct address address;
	char *slash = strchr(word, '/');
	if (slash)
		*slash++ = '\0';
	if (!address_parse(word, &address)) {
		fprintf(stderr, "links: %s\n", word);
		exit(2);
	}
	if (slash)
		policy->networks[policy->network_count++] = (struct policy_network){
			.address = address, .prefix_length = (uint8_t)atoi(slash), .protocol = IPPROTO_TCP, .port = 1 };
	else
		peer_list_add(&policy->peers[PEER_SERVER][address.family == AF_INET ? IPV4 : IPV6], &address, IPPROTO_TCP, 1);
}

static void allow_esp(struct policy *policy, const char *word)
{
	struct policy_network *network = &policy->networks[policy->network_count++];
	*network = (struct policy_network){ .protocol = IPPROTO_ESP };
	if (address_parse(word, &network->address))
		network->prefix_length = (uint8_t)(8 * address_length(&network->address));
}

static void print_link(const struct policy_link *link, const char *group)
{
	static const char *const words[] = { "untagged", "any-vlan", "any-mac", "eapol", "slow", "stp", "pppoe" };
	static const char *const forms[] = { "ethernet", "ip", "unknown" };
	printf("%s %s %s", link->name, group, forms[link->form]);
	for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
		if (link->passes & 1u << i)
			printf(" %s", words[i]);
	}
	for (size_t i = 0; i < link->vlan_count; i++)
		printf(" %u", link->vlans[i]);
	printf("\n");
}

static void print(const struct links_survey *survey, size_t columns)
{
	char line[512];
	for (size_t i = 0; i < survey->links.count; i++)
		print_link(&survey->links.links[i], survey->links.links[i].sealed ? "sealed" :
			   i < survey->uplink_count ? "uplink" : "idle");
	for (size_t i = 0; i < survey->links.mac_count; i++) {
		const uint8_t *mac = survey->links.macs[i];
		printf("mac %02x:%02x:%02x:%02x:%02x:%02x\n", mac[0], mac[1], mac[2], mac[3], mac[4], mac[5]);
	}
	for (size_t i = 0; i < survey->links.on_link_count; i++) {
		const struct policy_prefix *prefix = &survey->links.on_link[i];
		struct address address = { .family = family_number((enum ip_family)prefix->family) };
		struct text text = TEXT_ON(line);
		memcpy(address.bytes, prefix->address, family_address_length((enum ip_family)prefix->family));
		address_format(&address, &text);
		if (prefix->gateway)
			printf("gateway %s\n", line);
		else
			printf("on-link %s/%d\n", line, prefix->prefix_length);
	}
	for (size_t i = 0; i < survey->outer_count; i++) {
		struct text text = TEXT_ON(line);
		address_format(&survey->outer[i].address, &text);
		printf("outer %s/%d %d %s\n", line, survey->outer[i].prefix_length, survey->outer[i].port,
		       survey->outer[i].inbound ? "in" : "out");
	}
	if (*survey->tunnel)
		printf("tunnel %s\n", survey->tunnel);
	if (*survey->backup)
		printf("backup %s\n", survey->backup);
	if (survey->next_hops)
		printf("next hops hide a link\n");
	if (survey->daemon) {
		struct text text = TEXT_ON(line);
		address_format(&survey->gateway, &text);
		printf("kept by %s at %s\n", survey->daemon, survey->gateway.family ? line : "-");
	}
	if (survey->ipsec.family) {
		struct text text = TEXT_ON(line);
		address_format(&survey->ipsec, &text);
		printf("ipsec %s\n", line);
	}
	printf("cut %d %d %d\n", survey->macs_cut, survey->on_link_cut, survey->outer_cut);
	struct text text = text_on(line, columns + 1);
	links_describe(survey, &text);
	printf("line %s\n", line);
}

int main(int argc, char **argv)
{
	static struct policy policy;
	struct links_survey survey;
	struct diag diag;
	struct links_hints hints = { .uplink_count = 0 };
	size_t columns = 200;
	int option;
	for (int family = IPV4; family < IP_FAMILIES; family++)
		policy.peers[PEER_SERVER][family] = (struct peer_list){ records[family], 0, 64 };
	while ((option = getopt(argc, argv, "u:w:d:c:ae:")) >= 0) {
		if (option == 'u')
			hints.uplinks[hints.uplink_count++] = optarg;
		else if (option == 'w') /* it led to peers before a reboot */
			hints.awaited[hints.awaited_count++] = optarg;
		else if (option == 'd')
			text_copy(policy.dhcp_server[policy.dhcp_server_count++], POLICY_INTERFACE_SIZE, optarg);
		else if (option == 'c')
			columns = (size_t)atoi(optarg);
		else if (option == 'e') /* ESP to this address is allowed */
			allow_esp(&policy, optarg);
		else if (option == 'a')
			policy.dns_any = true;
		else
			return 2;
	}
	for (int i = optind; i < argc; i++)
		allow(&policy, argv[i]);
	policy_normalize(&policy);
	if (links_survey(&survey, &policy, &hints, &diag) < 0) {
		fprintf(stderr, "links: %s\n", diag.text);
		return 1;
	}
	print(&survey, columns);
	links_survey_fini(&survey);
	return 0;
}
