/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Servers and --allow specifications of quarantine: what they become in the policy, and what is refused. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "quarantine/targets.h"

static struct targets *new_targets(void)
{
	struct targets *targets = calloc(1, sizeof *targets);
	assert_non_null(targets);
	return targets;
}

static void free_targets(struct targets *targets)
{
	targets_fini(targets);
	targets_fini(targets); /* safe on zero */
	free(targets);
}

static const char *word_of(uint8_t protocol)
{
	return protocol == IPPROTO_TCP ? "tcp" : "udp";
}

/* All that a single specification can have made, in words. */
static void describe(const struct targets *targets, char *words, size_t size)
{
	const struct policy *policy = &targets->policy;
	struct text text = text_on(words, size);
	for (int role = 0; role < PEER_ROLES; role++) {
		for (int family = 0; family < IP_FAMILIES; family++) {
			const struct peer_list *list = &policy->peers[role][family];
			size_t length = family_address_length((enum ip_family)family);
			for (size_t i = 0; i < list->count; i++) {
				const uint8_t *record = list->records + i * peer_record_size((enum ip_family)family);
				struct address address = { .family = family_number((enum ip_family)family) };
				memcpy(address.bytes, record, length);
				text_addf(&text, "%s %s ", role == PEER_ALLOW_IN ? "in" : "out", word_of(record[length]));
				address_format(&address, &text);
				text_addf(&text, " %d", record[length + 1] << 8 | record[length + 2]);
			}
		}
	}
	for (size_t i = 0; i < policy->network_count; i++) {
		const struct policy_network *network = &policy->networks[i];
		text_addf(&text, "%s %s ", network->inbound ? "in" : "out", word_of(network->protocol));
		address_format(&network->address, &text);
		text_addf(&text, "/%d %d", network->prefix_length, network->port);
	}
	for (size_t i = 0; i < targets->name_count; i++)
		text_addf(&text, "%s %s %s %d", targets->names[i].inbound ? "in" : "out", word_of(targets->names[i].protocol),
			  targets->names[i].host, targets->names[i].port);
	for (size_t i = 0; i < policy->dhcp_server_count; i++)
		text_addf(&text, "dhcp %s", policy->dhcp_server[i]);
}

static void allowed(void **state)
{
	(void)state;
	static const char *const rows[][2] = {
		{ "tcp:192.0.2.1:22", "out tcp 192.0.2.1 22" },
		{ "udp:192.0.2.1:123:out", "out udp 192.0.2.1 123" },
		{ "tcp:192.0.2.1:65535:in", "in tcp 192.0.2.1 65535" },
		{ "tcp:[2001:db8::1]:22:in", "in tcp 2001:db8::1 22" },
		{ "udp:[::ffff:192.0.2.1]:53", "out udp 192.0.2.1 53" },
		{ "tcp:192.0.2.1/32:22", "out tcp 192.0.2.1 22" },
		{ "tcp:[2001:db8::1]/128:22", "out tcp 2001:db8::1 22" },
		{ "tcp:10.0.0.0/8:22:in", "in tcp 10.0.0.0/8 22" },
		{ "udp:0.0.0.0/0:123", "out udp 0.0.0.0/0 123" },
		{ "udp:[::]/0:123", "out udp ::/0 123" },
		{ "udp:[2001:db8::]/127:123:in", "in udp 2001:db8::/127 123" },
		{ "tcp:jump.example.com:22", "out tcp jump.example.com 22" },
		{ "udp:ntp:123:in", "in udp ntp 123" },
		{ "dhcp-server:br-lan", "dhcp br-lan" },
		{ "dhcp-server:eth0.100@x", "dhcp eth0.100@x" },
		{ "dhcp-server:123456789012345", "dhcp 123456789012345" },
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct targets *targets = new_targets();
		char words[256];
		struct diag diag = { "" };
		if (targets_add_allowed(targets, rows[i][0], &diag) != 0)
			fail_msg("%s", diag.text);
		describe(targets, words, sizeof words);
		assert_string_equal(words, rows[i][1]);
		free_targets(targets);
	}
}

static void refused(void **state)
{
	(void)state;
	static const char *const bad[] = {
		"", "tcp", "tcp:", "tcp::22", "tcp:192.0.2.1", "tcp:192.0.2.1:", "tcp:192.0.2.1:0", "tcp:192.0.2.1:65536",
		"tcp:192.0.2.1:22:", "tcp:192.0.2.1:22:both", "tcp:192.0.2.1:22:in:", "tcp:192.0.2.1:22:IN", "icmp:192.0.2.1:1",
		"TCP:192.0.2.1:22", "192.0.2.1:22", "tcp:192.0.2.1/33:22", "tcp:192.0.2.1/:22", "tcp:192.0.2.1/-1:22",
		"tcp:192.0.2.1/255.0.0.0:22", "tcp:[2001:db8::1]/129:22", "tcp:2001:db8::1:22", "tcp:[2001:db8::1:22",
		"tcp:[2001:db8::1]22", "tcp:[192.0.2.1]:22", "tcp:[name]:22", "tcp:name/24:22", "tcp:256.1.1.1:22", "tcp:1.2.3:22",
		"tcp:a..b:22", "tcp:a b:22", "tcp:a;b:22", "tcp:[fe80::1%lo]:22", "tcp:192.0.2.1:22 ", " tcp:192.0.2.1:22",
		"tcp:192.0.2.1:http", "tcp:192.0.2.1:1-9", "tcp:*:22", "tcp:[::ffff:10.0.0.0]/104:22", "dhcp-server:",
		"dhcp-server:1234567890123456", "dhcp-server:a b", "dhcp-server:a/b", "dhcp-server:a\"b", "dhcp-server:.",
		"dhcp-server:..", "dhcp-server:eth*", "dhcp-server:a:b", "dhcp-server:a\n", "dhcp-server", "dhcp:lan",
	};
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		struct targets *targets = new_targets();
		char words[256];
		struct diag diag = { "" };
		if (targets_add_allowed(targets, bad[i], &diag) != -EINVAL)
			fail_msg("'%s' was accepted", bad[i]);
		assert_true(*diag.text != '\0');
		describe(targets, words, sizeof words);
		assert_string_equal(words, "");
		free_targets(targets);
	}
}

static void counts_are_bounded(void **state)
{
	(void)state;
	struct targets *targets = new_targets();
	struct diag diag;
	for (int i = 0; i < POLICY_NETWORKS_MAX; i++)
		assert_int_equal(targets_add_allowed(targets, "tcp:192.0.2.0/24:1", &diag), 0);
	assert_int_equal(targets_add_allowed(targets, "tcp:192.0.2.0/24:1", &diag), -EINVAL);
	for (int i = 0; i < POLICY_DHCP_SERVER_MAX; i++)
		assert_int_equal(targets_add_allowed(targets, "dhcp-server:lan", &diag), 0);
	assert_int_equal(targets_add_allowed(targets, "dhcp-server:lan", &diag), -EINVAL);
	for (int i = 0; i < NAMES_MAX; i++)
		assert_int_equal(targets_add_allowed(targets, "tcp:name:1", &diag), 0);
	assert_int_equal(targets_add_allowed(targets, "tcp:name:1", &diag), -EINVAL);
	for (int i = 0; i < SERVERS_MAX; i++)
		assert_int_equal(targets_add_server(targets, "https://vr/", &diag), 0);
	assert_int_equal(targets_add_server(targets, "https://vr/", &diag), -EINVAL);
	for (int i = 0; i < 1000; i++) /* single addresses have no bound */
		assert_int_equal(targets_add_allowed(targets, "tcp:192.0.2.1:1", &diag), 0);
	assert_int_equal(targets->policy.peers[PEER_ALLOW_OUT][IPV4].count, 1000);
	free_targets(targets);
}

static void servers(void **state)
{
	(void)state;
	static const char *const bad[] = { "", "vr.example.com", "https://0.0.0.0/", "https://[::]/", "https://224.0.0.1/",
					   "https://255.255.255.255/", "https://[ff02::1]/" };
	struct targets *targets = new_targets();
	struct diag diag;
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		assert_int_equal(targets_add_server(targets, bad[i], &diag), -EINVAL);
	assert_int_equal(targets->server_count, 0);
	assert_int_equal(targets_add_server(targets, "https://127.0.0.1:8000/", &diag), 0);
	assert_int_equal(targets->server_count, 1);
	free_targets(targets);
}

/* Literal addresses need nobody to ask. */
static void literals_resolve_to_themselves(void **state)
{
	(void)state;
	struct targets *targets = new_targets();
	struct resolver_config resolvers = { 0 };
	struct diag diag;
	assert_int_equal(targets_add_server(targets, "https://192.0.2.1:8000/", &diag), 0);
	assert_int_equal(targets_add_server(targets, "https://[2001:db8::1]/", &diag), 0);
	assert_int_equal(targets_resolved_servers(targets), 0);
	assert_int_equal(targets_resolve(targets, &resolvers, deadline_in(0), true, NULL, NULL, &diag), 0);
	assert_int_equal(targets_resolved_servers(targets), 2);
	char words[256];
	describe(targets, words, sizeof words);
	assert_string_equal(words, "out tcp 192.0.2.1 8000out tcp 2001:db8::1 443");
	free_targets(targets);
}

/* A proxy is allowed in the server's place; a fallback beside whom it stands in for. */
static void ways(void **state)
{
	(void)state;
	struct targets *targets = new_targets();
	struct resolver_config resolvers = { 0 };
	struct url url;
	struct velociraptor_proxy proxy;
	struct endpoint fallback = { .port = 8001 };
	struct diag diag;
	assert_int_equal(url_parse("https://192.0.2.1:8000/", &url, &diag), 0);
	assert_int_equal(velociraptor_proxy_parse("http://u:p@192.0.2.2:3128", &proxy, &diag), 0);
	assert_true(address_parse("192.0.2.3", &fallback.address));
	assert_int_equal(targets_add_way(targets, &url, &proxy, NULL, &diag), 0);
	assert_int_equal(targets_add_way(targets, &url, NULL, &fallback, &diag), 0);
	fallback = (struct endpoint){ url.address, url.port }; /* the server's own */
	assert_int_equal(targets_add_way(targets, &url, NULL, &fallback, &diag), 0);
	assert_int_equal(targets_resolve(targets, &resolvers, deadline_in(0), true, NULL, NULL, &diag), 0);
	char words[256];
	describe(targets, words, sizeof words);
	assert_string_equal(words, "out tcp 192.0.2.2 3128out tcp 192.0.2.1 8000out tcp 192.0.2.3 8001out tcp 192.0.2.1 8000");
	assert_string_equal(server_peer(&targets->servers[0])->host, "192.0.2.2");
	assert_string_equal(server_peer(&targets->servers[1])->host, "192.0.2.1");
	assert_int_equal(targets->servers[2].endpoint_count, 1);
	assert_int_equal(velociraptor_proxy_parse("http://0.0.0.0:1", &proxy, &diag), 0);
	assert_int_equal(targets_add_way(targets, &url, &proxy, NULL, &diag), -EINVAL);
	free_targets(targets);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(allowed), cmocka_unit_test(refused), cmocka_unit_test(counts_are_bounded),
		cmocka_unit_test(servers), cmocka_unit_test(literals_resolve_to_themselves), cmocka_unit_test(ways),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
