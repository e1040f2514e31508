/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which links lead to peers, and what passes on each: from facts as the kernel would state them. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "policy/links.h"

enum { ETHER = 1, CAN = 280, PPP = 512, RAW_IP = 519, INFINIBAND = 32, RADIOTAP = 803, NONE = 0xfffe };

static struct link_facts links[32];
static size_t count;

/* Adds a link; its index is its place, from 1. */
static struct link_facts *add(const char *name, const char *kind, uint16_t arphrd, unsigned facts)
{
	struct link_facts *link = &links[count++];
	assert_true(count <= sizeof links / sizeof *links);
	*link = (struct link_facts){ .index = (uint32_t)count, .facts = (uint16_t)facts };
	strcpy(link->link.name, name);
	link->link.form = (uint8_t)link_form_find(arphrd);
	link->type = link_type_find(name, kind, arphrd);
	return link;
}

static uint32_t on(const char *name)
{
	for (size_t i = 0; i < count; i++) {
		if (strcmp(links[i].link.name, name) == 0)
			return links[i].index;
	}
	fail_msg("no %s", name);
	return 0;
}

static struct link_facts *add_above(const char *lower, const char *name, const char *kind, unsigned facts)
{
	struct link_facts *link = add(name, kind, ETHER, facts);
	link->lower = on(lower);
	return link;
}

static void add_port(const char *master, const char *name, const char *kind, unsigned facts)
{
	add(name, kind, ETHER, facts)->master = on(master);
}

/*
 * "eth0=u10,20" in the order of the links: u untagged, a any VLAN, m any MAC, e EAPOL, s slow protocols, t spanning tree,
 * p PPPoE, then VLAN ids; "-" sealed, "~" idle, "?" the form is not known, "i" no Ethernet.
 */
static void describe(char *described)
{
	for (size_t i = 0; i < count; i++) {
		const struct policy_link *link = &links[i].link;
		described += sprintf(described, "%s%s=%s%s%s", i ? " " : "", link->name, link->sealed ? "-" : "",
				     link_is_idle(&links[i]) ? "~" : "",
				     link->sealed ? "" : link->form == LINK_UNKNOWN ? "?" : link->form == LINK_IP ? "i" : "");
		for (unsigned bit = 0; bit < 7; bit++) {
			if (link->passes & 1u << bit)
				*described++ = "uamestp"[bit];
		}
		for (size_t v = 0; v < link->vlan_count; v++)
			described += sprintf(described, "%s%u", v ? "," : "", link->vlans[v]);
		*described = '\0';
	}
}

static void gives(const char *wanted)
{
	char described[1024] = "";
	links_spread(links, count, false);
	links_finish(links, count);
	describe(described);
	assert_string_equal(described, wanted);
}

static int forget(void **state)
{
	(void)state;
	count = 0;
	return 0;
}

static void uplinks_and_the_rest(void **state)
{
	(void)state;
	add("wan", "", ETHER, FACT_LEADS | FACT_ADDRESS);
	add("lan", "", ETHER, FACT_ADDRESS);
	add("wan2", "", ETHER, FACT_LEADS);
	add("wan3", "", ETHER, 0);
	add("docker0", "bridge", ETHER, FACT_ADDRESS);
	add_port("docker0", "veth1", "veth", 0);
	add("veth2", "veth", ETHER, 0);
	add("ib0", "", INFINIBAND, 0);
	add("ib1", "", INFINIBAND, FACT_ADDRESS);
	add("can0", "can", CAN, 0);
	add("mon0", "", RADIOTAP, 0);
	gives("wan=u lan=- wan2=u wan3=~u docker0=- veth1=- veth2=- ib0=~?u ib1=- can0=~?u mon0=-");
}

static void bridges(void **state)
{
	(void)state;
	add("br-wan", "bridge", ETHER, FACT_LEADS | FACT_STP);
	add_port("br-wan", "eth0", "", 0);
	add_port("br-wan", "tap0", "tun", 0);
	add("br-lan", "bridge", ETHER, FACT_ADDRESS | FACT_VLAN_FILTERING);
	add_port("br-lan", "eth1", "", 0);
	add_port("br-lan", "wlan0", "", FACT_WIRELESS);
	gives("br-wan=u eth0=ut tap0=ut br-lan=- eth1=- wlan0=-");

	/* a VLAN of the second bridge is a way: one that filters tags its ports as it likes, and passes only that VLAN itself */
	add_above("br-lan", "br-lan.7", "vlan", FACT_LEADS)->vlan = 7;
	gives("br-wan=u eth0=ut tap0=ut br-lan=7 eth1=ua7 wlan0=uame7 br-lan.7=u");
}

static void vlans_on_a_bond(void **state)
{
	(void)state;
	add("bond0", "bond", ETHER, 0);
	add_port("bond0", "eth0", "", 0);
	add_port("bond0", "eth1", "", FACT_SUPPLICANT);
	add_above("bond0", "bond0.10", "vlan", FACT_LEADS)->vlan = 10;
	add_above("bond0", "bond0.20", "vlan", FACT_LEADS)->vlan = 20;
	add_above("bond0", "bond0.30", "vlan", FACT_ADDRESS)->vlan = 30;
	gives("bond0=10,20 eth0=s10,20 eth1=es10,20 bond0.10=u bond0.20=u bond0.30=-");

	/* more than a link can list */
	for (uint16_t vlan = 101; vlan < 101 + POLICY_LINK_VLANS_MAX; vlan++)
		add_above("bond0", "many", "vlan", FACT_LEADS)->vlan = vlan;
	links_spread(links, count, false);
	links_finish(links, count);
	assert_int_equal(links[0].link.passes, LINK_ANY_VLAN);
	assert_int_equal(links[1].link.passes, LINK_ANY_VLAN | LINK_SLOW);
	assert_int_equal(links[0].link.vlan_count, POLICY_LINK_VLANS_MAX);
}

static void tags_that_no_rule_reads(void **state)
{
	(void)state;
	add("eth0", "", ETHER, 0);
	add_above("eth0", "outer", "vlan", 0)->vlan = 5;
	add_above("outer", "inner", "vlan", FACT_LEADS)->vlan = 6;
	add("eth1", "", ETHER, 0);
	add_above("eth1", "provider", "vlan", FACT_LEADS)->vlan = 0; /* 802.1ad */
	gives("eth0=?5 outer=6 inner=u eth1=? provider=u");
}

static void macvlan(void **state)
{
	(void)state;
	add("eth0", "", ETHER, FACT_SUPPLICANT);
	add_above("eth0", "mac0", "macvlan", FACT_LEADS);
	add("eth1", "", ETHER, FACT_ADDRESS);
	/* of one whose lower link is in another namespace, the reader reports none */
	add("mac1", "macvlan", ETHER, FACT_LEADS);
	add_above("eth1", "mac2", "ipvlan", FACT_ADDRESS);
	/* the other end, not what it stands on */
	add_above("eth1", "veth0", "veth", FACT_LEADS);
	gives("eth0=ue mac0=u eth1=- mac1=u mac2=- veth0=u");
}

static void pppoe(void **state)
{
	(void)state;
	add("eth0", "", ETHER, 0);
	add_above("eth0", "eth0.7", "vlan", FACT_PPPOE)->vlan = 7;
	add("eth1", "", ETHER, FACT_ADDRESS);
	add("ppp0", "ppp", PPP, FACT_LEADS);
	add("ppp1", "ppp", PPP, FACT_ADDRESS);
	add("ppp2", "", PPP, 0);
	gives("eth0=p7 eth0.7=p eth1=- ppp0=iu ppp1=- ppp2=~iu");
}

static void a_session_that_leads_nowhere(void **state)
{
	(void)state;
	add("eth0", "", ETHER, FACT_PPPOE | FACT_ADDRESS);
	add("eth1", "", ETHER, FACT_LEADS);
	add("ppp0", "ppp", PPP, FACT_ADDRESS);
	gives("eth0=- eth1=u ppp0=-");
}

static void tunnels(void **state)
{
	(void)state;
	struct link_facts *vxlan = add("vx0", "vxlan", ETHER, FACT_LEADS);
	struct link_facts *tun = add("tun0", "tun", NONE, FACT_LEADS);
	struct link_facts *idle = add("wg0", "wireguard", NONE, 0);
	struct link_facts *wireguard = add("wg1", "wireguard", NONE, FACT_LEADS);
	struct link_facts *tap = add("tap0", "tun", ETHER, 0);
	struct link_facts *gre = add("gre1", "gre", 778, FACT_LEADS);
	vxlan->port = 4789;
	vxlan->outer = IPPROTO_UDP;
	gives("vx0=u tun0=iu wg0=~iu wg1=iu tap0=- gre1=iu");
	assert_int_equal(link_outer(vxlan), OUTER_UNKNOWN);
	assert_true(address_parse("192.0.2.1", &vxlan->remote));
	assert_int_equal(link_outer(vxlan), OUTER_KNOWN);
	assert_true(address_parse("239.1.1.1", &vxlan->remote));
	assert_int_equal(link_outer(vxlan), OUTER_UNKNOWN);
	assert_int_equal(link_outer(tun), OUTER_UNKNOWN);
	assert_int_equal(link_outer(gre), OUTER_UNKNOWN);
	assert_true(address_parse("192.0.2.1", &gre->remote));
	assert_int_equal(link_outer(gre), OUTER_UNKNOWN);
	gre->outer = IPPROTO_GRE;
	assert_int_equal(link_outer(gre), OUTER_KNOWN);
	gre->outer = IPPROTO_UDP; /* wrapped, and nobody says to which port */
	assert_int_equal(link_outer(gre), OUTER_UNKNOWN);
	assert_int_equal(link_outer(wireguard), OUTER_PEERS);
	assert_int_equal(link_outer(idle), OUTER_NONE);
	assert_int_equal(link_outer(tap), OUTER_NONE);
}

/* What the outer packets of a tunnel go over becomes known only after the first round. */
static void a_second_round_adds(void **state)
{
	(void)state;
	add("br0", "bridge", ETHER, FACT_ADDRESS);
	add_port("br0", "eth0", "", 0);
	add("vx0", "vxlan", ETHER, FACT_LEADS);
	links_spread(links, count, false);
	links[0].facts |= FACT_LEADS;
	gives("br0=u eth0=u vx0=u");
}

static void switches(void **state)
{
	(void)state;
	add("eth0", "", ETHER, FACT_ADDRESS);
	add_above("eth0", "wan", "dsa", FACT_LEADS);
	add_above("eth0", "lan1", "dsa", FACT_ADDRESS);
	add_above("eth0", "lan2", "dsa", 0);
	add("eth1", "", ETHER, FACT_ADDRESS);
	add_above("eth1", "lan3", "dsa", FACT_ADDRESS); /* even then the switch is left alone */
	gives("eth0=?u wan=u lan1=- lan2=~u eth1=~?u lan3=-");
}

static void wireless(void **state)
{
	(void)state;
	add("wlan0", "", ETHER, FACT_WIRELESS | FACT_LEADS);
	add("wlan1", "", ETHER, FACT_WIRELESS);
	add("wlan2", "", ETHER, FACT_WIRELESS | FACT_ADDRESS);
	add("eth0", "", ETHER, FACT_SUPPLICANT | FACT_ADDRESS);
	gives("wlan0=ume wlan1=~ume wlan2=- eth0=-");
}

static void modems(void **state)
{
	(void)state;
	add("wwan0", "wwan", NONE, FACT_LEADS);
	add("wwan1", "", RAW_IP, 0);
	gives("wwan0=iu wwan1=~iu");
	add("eth0", "", ETHER, FACT_ADDRESS);
	add("qmimux0", "", RAW_IP, FACT_LEADS); /* the modem below it is not told */
	gives("wwan0=?u wwan1=?u eth0=?u qmimux0=?u");
}

static void vrf(void **state)
{
	(void)state;
	add("blue", "vrf", ETHER, 0);
	add_port("blue", "eth0", "", FACT_LEADS);
	add_port("blue", "eth1", "", FACT_ADDRESS);
	add("red", "vrf", ETHER, 0);
	gives("blue=u eth0=u eth1=- red=-");
}

static void kinds_that_nobody_knows(void **state)
{
	(void)state;
	add("eth0", "", ETHER, FACT_ADDRESS);
	add("eth1", "", ETHER, FACT_ADDRESS);
	add_above("eth0", "sec0", "macsec", FACT_LEADS);
	add("bat0", "batadv", ETHER, FACT_LEADS);
	add_port("bat0", "wlan0", "", FACT_WIRELESS);
	add("team9", "novel", ETHER, FACT_ADDRESS);
	gives("eth0=?u eth1=- sec0=u bat0=u wlan0=?u team9=-");

	/* nothing says what it stands on: nothing is sealed, and no rules are trusted */
	add("br-int", "openvswitch", ETHER, FACT_LEADS);
	gives("eth0=?u eth1=?u sec0=?u bat0=?u wlan0=?u team9=?u br-int=?u");
}

static void routes_without_a_link(void **state)
{
	(void)state;
	add("eth0", "", ETHER, FACT_ADDRESS);
	links_spread(links, count, true);
	gives("eth0=?u");
}

static void no_links(void **state)
{
	(void)state;
	gives("");
}

/* ---- routes ---- */

static uint8_t records[4 * 19];

static bool covers(const struct policy *policy, const char *prefix, uint8_t length)
{
	struct address address;
	assert_true(address_parse(prefix, &address));
	return policy_route_leads(policy, address.family == AF_INET ? IPV4 : IPV6, address.bytes, length);
}

static void add_peer(struct policy *policy, const char *string)
{
	struct address address;
	assert_true(address_parse(string, &address));
	assert_true(peer_list_add(&policy->peers[PEER_ALLOW_IN][address.family == AF_INET ? IPV4 : IPV6], &address, 6, 80));
}

static void routes_to_addresses(void **state)
{
	(void)state;
	struct policy policy = { .peers[PEER_ALLOW_IN][IPV4] = { records, 0, 4 } };
	assert_false(covers(&policy, "0.0.0.0", 0));
	add_peer(&policy, "203.0.113.77");
	add_peer(&policy, "192.0.2.130");
	policy_normalize(&policy);
	assert_true(covers(&policy, "0.0.0.0", 0));
	assert_true(covers(&policy, "128.0.0.0", 1));
	assert_false(covers(&policy, "0.0.0.0", 1));
	assert_true(covers(&policy, "192.0.2.128", 25));
	assert_false(covers(&policy, "192.0.2.0", 25));
	assert_true(covers(&policy, "192.0.2.130", 32));
	assert_false(covers(&policy, "192.0.2.131", 32));
	assert_true(covers(&policy, "203.0.113.76", 31));
	assert_false(covers(&policy, "203.0.113.78", 31));
	assert_false(covers(&policy, "224.0.0.0", 4));
	assert_false(covers(&policy, "::", 0));
	policy.dns_any = true;
	assert_true(covers(&policy, "::", 0));
	assert_false(covers(&policy, "2000::", 3));
}

static void routes_to_ipv6_addresses(void **state)
{
	(void)state;
	struct policy policy = { .peers[PEER_ALLOW_IN][IPV6] = { records, 0, 4 } };
	add_peer(&policy, "2001:db8:0:1::5");
	assert_true(covers(&policy, "2001:db8::", 63));
	assert_false(covers(&policy, "2001:db8::", 64));
	assert_true(covers(&policy, "2001:db8:0:1::5", 128));
	assert_false(covers(&policy, "2001:db8:0:1::4", 128));
	assert_false(covers(&policy, "0.0.0.0", 0));
}

static void routes_to_networks(void **state)
{
	(void)state;
	struct policy policy = { .networks[0] = { .prefix_length = 20 }, .network_count = 1 };
	assert_true(address_parse("198.51.96.0", &policy.networks[0].address));
	assert_true(covers(&policy, "0.0.0.0", 0));
	assert_true(covers(&policy, "198.51.0.0", 16));
	assert_true(covers(&policy, "198.51.111.4", 30));
	assert_false(covers(&policy, "198.51.112.0", 24));
	assert_false(covers(&policy, "::", 0));
}

static void lists_of_the_result(void **state)
{
	(void)state;
	struct policy_links result = { .count = 0 };
	struct policy_prefix prefix = { { 192, 0, 2, 77 }, 26, IPV4, false };
	uint8_t mac[MAC_LENGTH] = { 2 };
	assert_true(policy_links_add_prefix(&result, &prefix));
	prefix.address[3] = 64;
	assert_true(policy_links_add_prefix(&result, &prefix));
	assert_int_equal(result.on_link_count, 1);
	assert_int_equal(result.on_link[0].address[3], 64);
	prefix.prefix_length = 32;
	for (uint8_t i = 1; i < POLICY_ON_LINK_MAX; i++) {
		prefix.address[0] = i;
		assert_true(policy_links_add_prefix(&result, &prefix));
	}
	assert_true(policy_links_add_prefix(&result, &prefix));
	prefix.address[0] = 0;
	assert_false(policy_links_add_prefix(&result, &prefix));
	for (uint8_t i = 0; i < POLICY_MACS_MAX; i++) {
		mac[5] = i;
		assert_true(policy_links_add_mac(&result, mac));
		assert_true(policy_links_add_mac(&result, mac));
	}
	mac[5] = POLICY_MACS_MAX;
	assert_false(policy_links_add_mac(&result, mac));
	assert_int_equal(result.mac_count, POLICY_MACS_MAX);
}

static void switches_forward_by_themselves(void **state)
{
	(void)state;
	add("br-lan", "bridge", ETHER, 0);
	add("bond0", "bond", ETHER, 0);
	add_port("br-lan", "lan1", "dsa", FACT_SWITCHED);
	add_port("br-lan", "wlan0", "", FACT_WIRELESS);
	add_port("bond0", "lan2", "dsa", FACT_SWITCHED);
	add_port("bond0", "lan3", "dsa", FACT_SWITCHED);
	add("lan4", "dsa", ETHER, FACT_SWITCHED);
	assert_null(links_switched_bridge(links, count)); /* one port on the bridge, two in a bond, one alone */
	add_port("br-lan", "lan5", "dsa", FACT_SWITCHED);
	assert_ptr_equal(links_switched_bridge(links, count), &links[0]);
}

static void addresses_in_a_vrf_are_not_looked_up(void **state)
{
	(void)state;
	add("mgmt", "vrf", ETHER, 0);
	add("other", "vrf", ETHER, 0);
	add_port("mgmt", "eth0", "", 0);
	add_port("other", "eth1", "", FACT_ADDRESS);
	add("eth2", "", ETHER, FACT_LEADS);
	links_spread(links, count, false);
	assert_false(links_have_vrf(links, count));
	links[2].facts |= FACT_LEADS;
	links_spread(links, count, false);
	assert_true(links_have_vrf(links, count));
}

/* What is found last of one link still counts for those before it. */
static void children_are_ways_whatever_their_master(void **state)
{
	(void)state;
	struct link_facts *above = add("above", "ipvlan", ETHER, FACT_ADDRESS);
	struct link_facts *uplink = add("eth0", "", ETHER, FACT_LEADS);
	struct link_facts *child = add("child", "macvlan", ETHER, FACT_ADDRESS);
	struct link_facts *bridge = add("br0", "bridge", ETHER, FACT_LEADS);
	above->lower = child->index;
	child->lower = uplink->index;
	child->master = bridge->index;
	links_spread(links, count, false);
	links_finish(links, count);
	assert_false(child->link.sealed);
	assert_false(above->link.sealed);
}

#define WITHOUT_LINKS(test) cmocka_unit_test_setup(test, forget)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITHOUT_LINKS(uplinks_and_the_rest),
		WITHOUT_LINKS(bridges),
		WITHOUT_LINKS(vlans_on_a_bond),
		WITHOUT_LINKS(tags_that_no_rule_reads),
		WITHOUT_LINKS(macvlan),
		WITHOUT_LINKS(pppoe),
		WITHOUT_LINKS(a_session_that_leads_nowhere),
		WITHOUT_LINKS(tunnels),
		WITHOUT_LINKS(a_second_round_adds),
		WITHOUT_LINKS(switches),
		WITHOUT_LINKS(wireless),
		WITHOUT_LINKS(modems),
		WITHOUT_LINKS(vrf),
		WITHOUT_LINKS(kinds_that_nobody_knows),
		WITHOUT_LINKS(routes_without_a_link),
		WITHOUT_LINKS(no_links),
		WITHOUT_LINKS(switches_forward_by_themselves),
		WITHOUT_LINKS(addresses_in_a_vrf_are_not_looked_up),
		WITHOUT_LINKS(children_are_ways_whatever_their_master),
		cmocka_unit_test(routes_to_addresses),
		cmocka_unit_test(routes_to_ipv6_addresses),
		cmocka_unit_test(routes_to_networks),
		cmocka_unit_test(lists_of_the_result),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
