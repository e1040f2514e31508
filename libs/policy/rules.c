/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The rules of all tables: everything that a contained device may send and receive, in the order in which the kernel
 * sees them. What is not here is dropped by the last rule of each chain. Read it as nft shows it: quarantine -n.
 *
 * The rows of in- and outbound_chain stand for two tables. In inet they have connection tracking; in netdev, where the
 * chains of the links go to them, they see what packet sockets and macvlan children send, and have no state. Those of
 * the ingress chains of links stand for their egress chains as well.
 */
#include "policy/policy.h"

#include <netinet/in.h>
/* after netinet/in.h: musl's definitions and the kernel's exclude each other only in this order */
#include <linux/netfilter.h>
#include <linux/if_ether.h>
#include <linux/netfilter/nf_conntrack_common.h>

const struct table_type table_types[TABLES] = {
	[TABLE_INET] = { "inet", NFPROTO_INET, LAYER_INET },
	[TABLE_BRIDGE] = { "bridge", NFPROTO_BRIDGE, LAYER_BRIDGE },
	[TABLE_NETDEV] = { "netdev", NFPROTO_NETDEV, LAYER_NETDEV },
};

const struct layer_name layer_names[LAYER_NAMES] = {
	{ "inet", LAYER_INET },
	{ "bridge", LAYER_BRIDGE },
	{ "netdev", LAYER_INGRESS | LAYER_EGRESS },
	{ "later", LAYER_LATER },
};

enum { IP_LAYERS = LAYER_INET | LAYER_NETDEV };

const struct set_type set_types[SET_IDS] = {
	[SET_SERVER] = { "server", KEY_ADDRESS | KEY_PORT, IP_LAYERS },
	[SET_RESOLVER] = { "resolver", KEY_ADDRESS, IP_LAYERS },
	[SET_ALLOW_OUT] = { "allow_out", KEY_ADDRESS | KEY_PROTOCOL | KEY_PORT, IP_LAYERS },
	[SET_ALLOW_IN] = { "allow_in", KEY_ADDRESS | KEY_PROTOCOL | KEY_PORT, IP_LAYERS },
	[SET_DNS_RATE] = { "dns_rate", KEY_ADDRESS, IP_LAYERS, POLICY_DYNAMIC_SIZE },
	[SET_SEALED] = { "sealed", KEY_INTERFACE, LAYER_INET | LAYER_BRIDGE },
	[SET_KNOWN] = { "known", KEY_INTERFACE, LAYER_LATER },
	[SET_OWN_MAC] = { "own_mac", KEY_MAC, LAYER_NETDEV, POLICY_DYNAMIC_SIZE, 0, POLICY_LEARNED_SECONDS / 60 },
	[SET_OWN_ADDRESS] = { "own_address", KEY_IPV4, LAYER_EGRESS, POLICY_DYNAMIC_SIZE },
	[SET_ATTEMPTS] = { "attempts", KEY_ADDRESS | KEY_PROTOCOL | KEY_PORT | KEY_INTERFACE,
			   LAYER_INET | LAYER_INGRESS, POLICY_ATTEMPTS, POLICY_ATTEMPT_SECONDS / 60 },
};

/*
 * outbound behind NAT (-100) and behind every chain that could write another address into what it accepted; inbound
 * before the source NAT of the input hook (100) and before those that could make somebody look like a peer; forward and
 * ingress before every chain that could hand a flow to a flowtable, and before the flowtables themselves.
 */
enum { FIRST = INT32_MIN, LAST = INT32_MAX };

/* The bridge's hooks have the numbers of the IP ones (linux/netfilter_bridge.h). */
const struct chain_type chain_types[CHAIN_IDS] = {
	[CHAIN_INBOUND] = { "inbound_chain", "input", TABLE_INET, LAYER_INET, NF_INET_LOCAL_IN, .priority = FIRST },
	[CHAIN_OUTBOUND] = { "outbound_chain", "output", TABLE_INET, LAYER_INET, NF_INET_LOCAL_OUT,
			     .priority = LAST },
	[CHAIN_FORWARD] = { "forward_chain", "forward", TABLE_INET, LAYER_INET, NF_INET_FORWARD, .priority = FIRST },
	[CHAIN_ATTEMPTS] = { "attempts_chain", "", TABLE_INET, LAYER_INET, 0 },
	[CHAIN_BRIDGE_INBOUND] = { "inbound_chain", "input", TABLE_BRIDGE, LAYER_BRIDGE, NF_INET_LOCAL_IN,
				   .accepts = true, .priority = FIRST },
	[CHAIN_BRIDGE_OUTBOUND] = { "outbound_chain", "output", TABLE_BRIDGE, LAYER_BRIDGE, NF_INET_LOCAL_OUT,
				    .accepts = true, .priority = LAST },
	[CHAIN_BRIDGE_FORWARD] = { "forward_chain", "forward", TABLE_BRIDGE, LAYER_BRIDGE, NF_INET_FORWARD,
				   .priority = FIRST },
	[CHAIN_LINK_INBOUND] = { "inbound_chain", "", TABLE_NETDEV, LAYER_INGRESS | LAYER_LATER, 0 },
	[CHAIN_LINK_OUTBOUND] = { "outbound_chain", "", TABLE_NETDEV, LAYER_EGRESS | LAYER_LATER, 0 },
	[CHAIN_LINK_ATTEMPTS] = { "attempts_chain", "", TABLE_NETDEV, LAYER_INGRESS, 0 },
	[CHAIN_LINK_SOURCE] = { "source_chain", "", TABLE_NETDEV, LAYER_EGRESS | LAYER_LATER, 0 },
	[CHAIN_LINK_NEW_MAC] = { "new_mac_chain", "", TABLE_NETDEV, LAYER_EGRESS, 0 },
	[CHAIN_SEALED_INGRESS] = { "sealed_ingress", "ingress", TABLE_NETDEV, LAYER_INGRESS, NF_NETDEV_INGRESS,
				   DEVICES_SEALED, .priority = FIRST },
	[CHAIN_SEALED_EGRESS] = { "sealed_egress", "egress", TABLE_NETDEV, LAYER_EGRESS, NF_NETDEV_EGRESS,
				  DEVICES_SEALED, .priority = LAST },
	[CHAIN_INGRESS] = { "ingress", "ingress", TABLE_NETDEV, LAYER_INGRESS, NF_NETDEV_INGRESS, DEVICE_OF_LINK,
			    .priority = FIRST },
	[CHAIN_EGRESS] = { "egress", "egress", TABLE_NETDEV, LAYER_EGRESS, NF_NETDEV_EGRESS, DEVICE_OF_LINK,
			   .priority = LAST },
	[CHAIN_LATER_INGRESS] = { "later_ingress", "ingress", TABLE_NETDEV, LAYER_LATER, NF_NETDEV_INGRESS, DEVICES_ALL,
				  .priority = FIRST },
	[CHAIN_LATER_EGRESS] = { "later_egress", "egress", TABLE_NETDEV, LAYER_LATER, NF_NETDEV_EGRESS, DEVICES_ALL,
				 .priority = LAST },
};

enum {
	CT_ESTABLISHED = NF_CT_STATE_BIT(IP_CT_ESTABLISHED),
	CT_RELATED = NF_CT_STATE_BIT(IP_CT_RELATED),

	PORT_DNS = 53,
	PORT_DHCP_SERVER = 67, /* RFC 2131 section 4.1 */
	PORT_DHCP_CLIENT = 68,
	PORT_DHCPV6_CLIENT = 546, /* RFC 8415 section 7.2 */
	PORT_DHCPV6_SERVER = 547,

	ETHERTYPE_SLOW = 0x8809, /* IEEE 802.3 annex 57A; the kernel's ETH_P_SLOW */

	ARP_BYTES = 28, /* of Ethernet and IPv4: RFC 826 */
	ARP_BYTES_SENT = ETH_HLEN + ARP_BYTES, /* egress hooks see the Ethernet header as well */
	ARP_BYTES_PADDED = 60, /* as programs send it */

	/* as a hook sees packets: egress hooks with the Ethernet header, and perhaps tags */
	HEADER_BYTES = ETH_HLEN + 2 * 4,
	IPV6_BYTES = 40,
	ND_BYTES = HEADER_BYTES + IPV6_BYTES + 40, /* a solicitation or advertisement, one option, a nonce (RFC 7527) */
	MLD_BYTES = HEADER_BYTES + IPV6_BYTES + 400, /* of a report of 19 groups */
	/* Many datagrams or segments may pass the hooks as one packet (GSO), which a rate would count as one. */
	FRAME_BYTES = HEADER_BYTES + ETH_DATA_LEN,

	LOOPBACK_INDEX = 1, /* the kernel's LOOPBACK_IFINDEX, in every namespace */
};

const struct match_constants match_constants = {
	.link_local = { 0xfe, 0x80 },
	.link_multicast = { 0xff, 0x02 },
	.multicast = { 0xff },
	.loopback4 = { 127 },
	.loopback6 = { [15] = 1 },
	.broadcast = { 255, 255, 255, 255 },
	.dhcpv6_servers = { 0xff, 0x02, [13] = 1, [15] = 2 }, /* ff02::1:2, RFC 8415 section 7.1 */
	.slow_multicast = { 0x01, 0x80, 0xc2, 0, 0, 2 }, /* IEEE 802.3 annex 57A */
	.bridge_group = { 0x01, 0x80, 0xc2, 0, 0, 0 }, /* IEEE 802.1D table 7-9 */
};

#define DATA(constant) .data = offsetof(struct match_constants, constant)
#define ICMP_TYPES(...) .kind = MATCH_ICMP_TYPES, .types = { __VA_ARGS__ }
#define UDP_PORTS(s, d) .kind = MATCH_PORTS, .protocol = IPPROTO_UDP, .port = s, .second_port = d

/*
 * What the rules below test or do, each once, so that a row names it in one byte. Of peers it is the address and, where
 * the key has one, their own port; of callers the address, and the port of ours that they use.
 */
#define RULE_MATCHES(X) \
	/* by its index: root can call the uplink "lo" */ \
	X(IN_LOOPBACK, .kind = MATCH_IN_LOOPBACK, .value = LOOPBACK_INDEX) \
	X(OUT_LOOPBACK, .kind = MATCH_OUT_LOOPBACK, .value = LOOPBACK_INDEX) \
	X(IN_INTERFACE, .kind = MATCH_IN_INTERFACE) /* that of the rule */ \
	X(OUT_INTERFACE, .kind = MATCH_OUT_INTERFACE) \
	X(IN_SEALED, .kind = MATCH_IN_INTERFACE_IN_SET, .set = SET_SEALED) \
	X(OUT_SEALED, .kind = MATCH_OUT_INTERFACE_IN_SET, .set = SET_SEALED) \
	X(IN_KNOWN, .kind = MATCH_IN_INTERFACE_IN_SET, .set = SET_KNOWN) \
	X(OUT_KNOWN, .kind = MATCH_OUT_INTERFACE_IN_SET, .set = SET_KNOWN) \
	X(FAMILY, .kind = MATCH_FAMILY) \
	X(UDP, .kind = MATCH_PROTOCOL, .protocol = IPPROTO_UDP) \
	\
	X(FROM_SERVER, .kind = MATCH_SOURCE_IN_SET, .set = SET_SERVER, .far_port = true) \
	X(FROM_RESOLVER, .kind = MATCH_SOURCE_IN_SET, .set = SET_RESOLVER, .far_port = true) \
	X(FROM_ALLOWED, .kind = MATCH_SOURCE_IN_SET, .set = SET_ALLOW_OUT, .far_port = true) \
	X(FROM_CALLER, .kind = MATCH_SOURCE_IN_SET, .set = SET_ALLOW_IN) \
	X(TO_SERVER, .kind = MATCH_DESTINATION_IN_SET, .set = SET_SERVER, .far_port = true) \
	X(TO_RESOLVER, .kind = MATCH_DESTINATION_IN_SET, .set = SET_RESOLVER, .far_port = true) \
	X(TO_ALLOWED, .kind = MATCH_DESTINATION_IN_SET, .set = SET_ALLOW_OUT, .far_port = true) \
	X(TO_CALLER, .kind = MATCH_DESTINATION_IN_SET, .set = SET_ALLOW_IN) \
	X(ABOUT_SERVER, .kind = MATCH_FLOW_IN_SET, .set = SET_SERVER, .far_port = true) \
	X(ABOUT_RESOLVER, .kind = MATCH_FLOW_IN_SET, .set = SET_RESOLVER, .far_port = true) \
	X(ABOUT_ALLOWED, .kind = MATCH_FLOW_IN_SET, .set = SET_ALLOW_OUT, .far_port = true) \
	X(ABOUT_CALLER, .kind = MATCH_FLOW_IN_SET, .set = SET_ALLOW_IN) \
	\
	X(FROM_NETWORK, .kind = MATCH_SOURCE_NETWORK) \
	X(FROM_PREFIX, .kind = MATCH_SOURCE_NETWORK) \
	X(TO_NETWORK, .kind = MATCH_DESTINATION_NETWORK) \
	X(TO_PREFIX, .kind = MATCH_DESTINATION_NETWORK) \
	X(FLOW_NETWORK, .kind = MATCH_FLOW_NETWORK) \
	X(FLOW_PROTOCOL, .kind = MATCH_FLOW_PROTOCOL) \
	X(FLOW_PORT, .kind = MATCH_FLOW_PORT) \
	X(NETWORK_PROTOCOL, .kind = MATCH_PROTOCOL) \
	X(NETWORK_SOURCE_PORT, .kind = MATCH_SOURCE_PORT) \
	X(NETWORK_DESTINATION_PORT, .kind = MATCH_DESTINATION_PORT) \
	X(PORTS_FROM_NETWORK, .kind = MATCH_PORTS, .protocol = IPPROTO_UDP, .far_port = true) \
	X(PORTS_TO_NETWORK, .kind = MATCH_PORTS, .protocol = IPPROTO_UDP) \
	\
	X(FROM_UNSPECIFIED, .kind = MATCH_SOURCE_NETWORK, DATA(unspecified), .prefix_length = 128) \
	X(FROM_LOOPBACK4, .kind = MATCH_SOURCE_NETWORK, DATA(loopback4), .prefix_length = 8) \
	X(FROM_LOOPBACK6, .kind = MATCH_SOURCE_NETWORK, DATA(loopback6), .prefix_length = 128) \
	X(FROM_LINK_LOCAL, .kind = MATCH_SOURCE_NETWORK, DATA(link_local), .prefix_length = 10) \
	X(TO_LINK_LOCAL, .kind = MATCH_DESTINATION_NETWORK, DATA(link_local), .prefix_length = 10) \
	X(TO_LINK_MULTICAST, .kind = MATCH_DESTINATION_NETWORK, DATA(link_multicast), .prefix_length = 16) \
	X(TO_MULTICAST, .kind = MATCH_DESTINATION_NETWORK, DATA(multicast), .prefix_length = 8) \
	X(TO_DHCPV6_SERVERS, .kind = MATCH_DESTINATION_NETWORK, DATA(dhcpv6_servers), .prefix_length = 128) \
	X(TO_BROADCAST, .kind = MATCH_DESTINATION_NETWORK, DATA(broadcast), .prefix_length = 32) \
	X(FOREIGN_SOURCE, .kind = MATCH_SOURCE_FOREIGN) \
	X(OWN_SOURCE, .kind = MATCH_SOURCE_OWN) \
	\
	X(FROM_DNS, .kind = MATCH_SOURCE_PORT, .protocol = IPPROTO_UDP, .port = PORT_DNS) \
	X(FROM_DNS_TCP, .kind = MATCH_SOURCE_PORT, .protocol = IPPROTO_TCP, .port = PORT_DNS) \
	X(TO_DNS, .kind = MATCH_DESTINATION_PORT, .protocol = IPPROTO_UDP, .port = PORT_DNS) \
	X(TO_DNS_TCP, .kind = MATCH_DESTINATION_PORT, .protocol = IPPROTO_TCP, .port = PORT_DNS) \
	X(TO_DHCP_SERVER, UDP_PORTS(PORT_DHCP_CLIENT, PORT_DHCP_SERVER)) \
	X(TO_DHCP_CLIENT, UDP_PORTS(PORT_DHCP_SERVER, PORT_DHCP_CLIENT)) \
	X(TO_DHCPV6_SERVER, UDP_PORTS(PORT_DHCPV6_CLIENT, PORT_DHCPV6_SERVER)) \
	X(TO_DHCPV6_CLIENT, .kind = MATCH_DESTINATION_PORT, .protocol = IPPROTO_UDP, .port = PORT_DHCPV6_CLIENT) \
	X(NOT_OPENING, .kind = MATCH_NOT_OPENING) \
	X(RELATED, .kind = MATCH_CT_STATE, .value = CT_RELATED) \
	/* replies over UDP: tracked, or deliberately not tracked by a rule of the firewall's ("notrack") */ \
	X(ANSWERED, .kind = MATCH_CT_STATE, .value = CT_ESTABLISHED | CT_STATE_UNTRACKED) \
	\
	X(ICMP_ERRORS, ICMP_TYPES(ICMP_UNREACHABLE, ICMP_EXCEEDED, ICMP_PARAMETER)) \
	X(ICMPV6_ERRORS, ICMP_TYPES(ICMPV6_UNREACHABLE, ICMPV6_TOO_BIG, ICMPV6_EXCEEDED, ICMPV6_PARAMETER)) \
	X(PING, ICMP_TYPES(ICMP_ECHO_REQUEST)) \
	X(PINGV6, ICMP_TYPES(ICMPV6_ECHO_REQUEST)) \
	X(PONG, ICMP_TYPES(ICMP_ECHO_REPLY)) \
	X(PONGV6, ICMP_TYPES(ICMPV6_ECHO_REPLY)) \
	X(UNREACHABLE, ICMP_TYPES(ICMP_UNREACHABLE)) \
	X(TOO_BIG, ICMP_TYPES(ICMPV6_TOO_BIG)) \
	X(DISCOVERY_IN, ICMP_TYPES(ND_ROUTER_ADVERT, ND_NEIGHBOR_SOLICIT, ND_NEIGHBOR_ADVERT)) \
	X(DISCOVERY_OUT, ICMP_TYPES(ND_ROUTER_SOLICIT, ND_NEIGHBOR_SOLICIT, ND_NEIGHBOR_ADVERT)) \
	X(SOLICITATION, ICMP_TYPES(ND_NEIGHBOR_SOLICIT)) \
	X(SOLICITATIONS, ICMP_TYPES(ND_ROUTER_SOLICIT, ND_NEIGHBOR_SOLICIT)) \
	X(ADVERTISEMENT, ICMP_TYPES(ND_NEIGHBOR_ADVERT)) \
	X(ABOUT_PREFIX, .kind = MATCH_ND_TARGET) \
	X(DISCOVERY_SIZE, .kind = MATCH_LENGTH_AT_MOST, .port = ND_BYTES) \
	X(LISTENER_QUERY, ICMP_TYPES(MLD_QUERY)) \
	X(LISTENER_REPORTS, ICMP_TYPES(MLD_REPORT, MLD_DONE, MLD2_REPORT)) \
	X(REPORT_SIZE, .kind = MATCH_LENGTH_AT_MOST, .port = MLD_BYTES) \
	X(ONE_FRAME, .kind = MATCH_LENGTH_AT_MOST, .port = FRAME_BYTES) \
	X(HOP_LIMIT_1, .kind = MATCH_HOP_LIMIT, .value = 1) \
	X(HOP_LIMIT_255, .kind = MATCH_HOP_LIMIT, .value = 255) \
	X(TTL_1, .kind = MATCH_TTL, .value = 1) \
	X(SET_TTL_1, .kind = MATCH_SET_TTL, .value = 1) \
	X(HAS_OPTIONS, .kind = MATCH_IP_OPTIONS) \
	X(FRAGMENT, .kind = MATCH_FRAGMENT) \
	X(LATER_FRAGMENT, .kind = MATCH_LATER_FRAGMENT) \
	X(FRAGMENT_HEADER, .kind = MATCH_FRAGMENT_HEADER) \
	X(OTHER_HEADER, .kind = MATCH_OTHER_HEADER) \
	X(OF_PROGRAM, .kind = MATCH_OF_PROGRAM) \
	X(ROUTED, .kind = MATCH_ROUTED) \
	\
	X(LIMIT, .kind = MATCH_LIMIT) \
	X(OVER_LIMIT, .kind = MATCH_OVER_LIMIT) \
	X(DNS_RATE, .kind = MATCH_DNS_RATE, .set = SET_DNS_RATE) \
	X(LOG, .kind = MATCH_LOG) \
	X(HAS_PORTS, .kind = MATCH_HAS_PORTS) \
	X(NOTE_ATTEMPT, .kind = MATCH_NOTE_ATTEMPT, .set = SET_ATTEMPTS, .far_port = true) \
	X(NOTE_OTHER_ATTEMPT, .kind = MATCH_NOTE_ATTEMPT, .set = SET_ATTEMPTS) \
	X(ADD_MAC, .kind = MATCH_ADD_MAC, .set = SET_OWN_MAC) \
	X(ADD_ADDRESS, .kind = MATCH_ADD_ADDRESS, .set = SET_OWN_ADDRESS) \
	\
	X(FROM_FOREIGN_MAC, .kind = MATCH_SOURCE_MAC_FOREIGN, .set = SET_OWN_MAC) \
	X(TO_FOREIGN_MAC, .kind = MATCH_DESTINATION_MAC_FOREIGN, .set = SET_OWN_MAC) \
	X(TO_UNICAST_MAC, .kind = MATCH_UNICAST_MAC) \
	X(TO_GROUP_MAC, .kind = MATCH_GROUP_MAC) \
	X(TO_SLOW_MULTICAST, .kind = MATCH_DESTINATION_MAC, DATA(slow_multicast)) \
	X(TO_BRIDGE_GROUP, .kind = MATCH_DESTINATION_MAC, DATA(bridge_group)) \
	X(UNTAGGED_IP_OR_ARP, .kind = MATCH_ETHER_TYPE_IP) \
	X(TYPE_SLOW, .kind = MATCH_ETHER_TYPE, .port = ETHERTYPE_SLOW) \
	X(TYPE_EAPOL, .kind = MATCH_ETHER_TYPE, .port = ETH_P_PAE) \
	X(TYPE_PPPOE_DISCOVERY, .kind = MATCH_ETHER_TYPE, .port = ETH_P_PPP_DISC) \
	X(TYPE_PPPOE_SESSION, .kind = MATCH_ETHER_TYPE, .port = ETH_P_PPP_SES) \
	X(TYPE_VLAN, .kind = MATCH_ETHER_TYPE, .port = ETH_P_8021Q) \
	X(VLAN, .kind = MATCH_VLAN) \
	X(IN_TAG_PPPOE_DISCOVERY, .kind = MATCH_VLAN_TYPE, .port = ETH_P_PPP_DISC) \
	X(IN_TAG_PPPOE_SESSION, .kind = MATCH_VLAN_TYPE, .port = ETH_P_PPP_SES) \
	\
	X(ARP, .kind = MATCH_ARP) \
	X(ARP_REPLY, .kind = MATCH_ARP_REPLY) \
	X(ARP_FROM_OWN_MAC, .kind = MATCH_ARP_SENDER_OWN, .set = SET_OWN_MAC) \
	X(ARP_FROM_OWN_ADDRESS, .kind = MATCH_ARP_SENDER_IN_SET, .set = SET_OWN_ADDRESS) \
	X(ARP_FROM_PREFIX, .kind = MATCH_ARP_SENDER) \
	X(ARP_TO_PREFIX, .kind = MATCH_ARP_TARGET) \
	X(ARP_WITHOUT_SENDER, .kind = MATCH_ARP_NO_SENDER) \
	/* Ethernet pads frames to 60 bytes, those with a VLAN tag to 64 or 60 */ \
	X(ARP_SIZES_IN, .kind = MATCH_LENGTHS, \
	  .types = { ARP_BYTES, 60 - ETH_HLEN - 4, 60 - ETH_HLEN, 64 - ETH_HLEN }) \
	X(ARP_SIZES_OF_PROGRAMS, .kind = MATCH_LENGTHS, .types = { ARP_BYTES_SENT, ARP_BYTES_PADDED }) \
	X(ARP_SIZE_SENT, .kind = MATCH_LENGTHS, .types = { ARP_BYTES_SENT })

#define NAME_OF_MATCH(name, ...) name,
#define ROW_OF_MATCH(name, ...) [name] = { __VA_ARGS__ },

enum { NO_MATCH, RULE_MATCHES(NAME_OF_MATCH) };

const struct match rule_matches[] = { RULE_MATCHES(ROW_OF_MATCH) };
_Static_assert(sizeof rule_matches / sizeof *rule_matches <= UINT8_MAX + 1, "struct rule_row has a byte for each");

/* behind the last there has to be room: with too many it divides by 0, which does not compile */
#define MATCHES(...) { 0 / (sizeof(uint8_t[]){ __VA_ARGS__ } <= RULE_MATCHES_MAX) + __VA_ARGS__, NO_MATCH }
#define NO_MATCHES { NO_MATCH }

/* What nft shows beside the rules, as members of one struct, so that a row needs no pointer. */
#define RULE_COMMENTS(X) \
	X(lacp, "LACP") \
	X(eapol, "802.1X") \
	X(spanning_tree, "spanning tree") \
	X(pppoe_discovery, "PPPoE discovery") \
	X(pppoe_session, "PPPoE session") \
	X(ip_and_arp, "IP and ARP") \
	X(vlan, "VLAN") \
	X(vlans, "VLANs") \
	X(ip, "IP") \
	X(multicast_listener_reports, "multicast listener reports") \
	X(icmp_errors, "ICMP errors") \
	X(loopback, "loopback") \
	X(sealed_interfaces, "sealed interfaces") \
	X(server_replies, "server replies") \
	X(dns_replies, "DNS replies") \
	X(dns_replies_over_tcp, "DNS replies over TCP") \
	X(dhcp_replies, "DHCP replies") \
	X(dhcpv6_replies, "DHCPv6 replies") \
	X(neighbour_discovery, "neighbour discovery") \
	X(multicast_listener_queries, "multicast listener queries") \
	X(allow_replies, "replies, " RULE_ALLOW) \
	X(allow, RULE_ALLOW) \
	X(allow_back, "back, " RULE_ALLOW) \
	X(tunnel, RULE_TUNNEL) \
	X(tunnel_back, "back, " RULE_TUNNEL) \
	X(dhcp_requests, "DHCP requests") \
	X(arp, "ARP") \
	X(fragments, "fragments") \
	X(log, "log") \
	X(everything_else, "everything else") \
	X(attempts, "attempts") \
	X(dhcpv6_requests, "DHCPv6 requests") \
	X(reports_of_programs, "reports of programs") \
	X(extension_headers, "extension headers") \
	X(in_the_gateways_name, "in the gateway's name") \
	X(advertisements_of_programs, "advertisements of programs") \
	X(solicitations_of_programs, "solicitations of programs") \
	X(neighbour_advertisements, "neighbour advertisements") \
	X(neighbour_reachability, "neighbour reachability") \
	X(not_our_address, "not our address") \
	X(in_whose_name, "in whose name") \
	X(own_addresses, "own addresses") \
	X(ip_options, "IP options") \
	X(frames_to_many, "frames to many") \
	X(broadcast_to_one, "broadcast to one") \
	X(servers, "servers") \
	X(dns, "DNS") \
	X(dns_any, RULE_DNS_ANY) \
	X(dns_over_tcp, "DNS over TCP") \
	X(arp_probes, "ARP probes") \
	X(arp_of_programs, "ARP of programs") \
	X(arp_replies, "ARP replies") \
	X(arp_elsewhere, "ARP elsewhere") \
	X(forwarding, "forwarding") \
	X(other_attempts, "other attempts") \
	X(attempts_beyond_the_list, "attempts beyond the list") \
	X(seen_by_inet, "seen by inet") \
	X(loopback_address, "loopback address") \
	X(link_local_address, "link-local address") \
	X(new_mac_address, "new MAC address") \
	X(new_mac_address_dhcp, "new MAC address, DHCP") \
	X(of_programs, "of programs") \
	X(new_mac_address_arp, "new MAC address, ARP") \
	X(not_from_us, "not from us") \
	X(not_for_us, "not for us") \
	X(priority_tag, "priority tag") \
	X(known_interfaces, "known interfaces") \
	X(later_interfaces, "later interfaces")

#define MEMBER_OF_COMMENT(name, comment) char name[sizeof comment];
#define TEXT_OF_COMMENT(name, comment) comment,

static const struct rule_comments {
	RULE_COMMENTS(MEMBER_OF_COMMENT)
} rule_comments = { RULE_COMMENTS(TEXT_OF_COMMENT) };

void rule_comment(const struct rule *rule, struct text *text)
{
	text_add(text, (const char *)&rule_comments + rule->row->comment);
	if (rule->network) {
		text_add(text, " ");
		policy_network_format(rule->network, text);
	}
	if (rule->interface)
		text_addf(text, " dhcp-server:%s", rule->interface);
}

#define COMMENT(name) offsetof(struct rule_comments, name)

#define ACCEPT(chain, when, comment, ...) { chain, VERDICT_ACCEPT, COMMENT(comment), when, 0, MATCHES(__VA_ARGS__) }
#define DROP(chain, when, comment, ...) { chain, VERDICT_DROP, COMMENT(comment), when, 0, MATCHES(__VA_ARGS__) }
#define RETURN(chain, when, comment, ...) { chain, VERDICT_RETURN, COMMENT(comment), when, 0, MATCHES(__VA_ARGS__) }
#define DROP_REST(chain, comment) { chain, VERDICT_DROP, COMMENT(comment), WHEN_ANY_FAMILY, 0, NO_MATCHES }

/* Rows of both chains of a link: what it needs of LINK_ bits, what else. */
#define ACCEPT_ON_LINK(passes, comment, ...) \
	{ CHAIN_INGRESS, VERDICT_ACCEPT, COMMENT(comment), WHEN_ANY_FAMILY | WHEN_ETHERNET, passes, \
	  MATCHES(__VA_ARGS__) }
#define GO_ON(passes, when, comment, ...) \
	{ CHAIN_INGRESS, VERDICT_GOTO, COMMENT(comment), WHEN_ANY_FAMILY | when, passes, MATCHES(__VA_ARGS__) }

#define ACCEPT_IN_VLAN(passes, comment, ...) \
	{ CHAIN_INGRESS, VERDICT_ACCEPT, COMMENT(comment), WHEN_ANY_FAMILY | WHEN_ETHERNET | FOR_VLAN, passes, \
	  MATCHES(VLAN, __VA_ARGS__) }, \
	{ CHAIN_INGRESS, VERDICT_ACCEPT, COMMENT(comment), WHEN_ANY_FAMILY | WHEN_ETHERNET | WHEN_ANY_VLAN, passes, \
	  MATCHES(TYPE_VLAN, __VA_ARGS__) }

#define MLD_ROWS(size) \
	ACCEPT(CHAIN_OUTBOUND, WHEN_IPV6, multicast_listener_reports, FROM_LINK_LOCAL, TO_MULTICAST, \
	       HOP_LIMIT_1, LISTENER_REPORTS, size, LIMIT), \
	ACCEPT(CHAIN_OUTBOUND, WHEN_IPV6, multicast_listener_reports, FROM_UNSPECIFIED, TO_MULTICAST, \
	       HOP_LIMIT_1, LISTENER_REPORTS, size, LIMIT)

/* The types come first: nft needs to know the protocol before it takes ports of conntrack's for ports. */
#define ICMP_ERROR_ROWS(about) \
	ACCEPT(CHAIN_INBOUND, WHEN_IPV4 | WHEN_CT, icmp_errors, ICMP_ERRORS, RELATED, about), \
	ACCEPT(CHAIN_INBOUND, WHEN_IPV6 | WHEN_CT, icmp_errors, ICMPV6_ERRORS, RELATED, about)

const struct rule_row rule_rows[] = {
	/* The device talks to itself, on its own addresses too: they all pass the loopback interface. */
	ACCEPT(CHAIN_INBOUND, WHEN_ANY_FAMILY | ONLY_INET, loopback, IN_LOOPBACK),
	DROP(CHAIN_INBOUND, WHEN_ANY_FAMILY | ONLY_INET, sealed_interfaces, IN_SEALED),

	/* No state is asked for: a connection may be older than connection tracking. Never a bare SYN. */
	ACCEPT(CHAIN_INBOUND, WHEN_IP, server_replies, FROM_SERVER, NOT_OPENING),

	ACCEPT(CHAIN_INBOUND, WHEN_IP | WHEN_CT, dns_replies, FROM_RESOLVER, FROM_DNS, ANSWERED),
	ACCEPT(CHAIN_INBOUND, WHEN_IP | WHEN_STATELESS, dns_replies, FROM_RESOLVER, FROM_DNS),
	ACCEPT(CHAIN_INBOUND, WHEN_IP, dns_replies_over_tcp, FROM_RESOLVER, FROM_DNS_TCP, NOT_OPENING),
	ACCEPT(CHAIN_INBOUND, WHEN_ANY_FAMILY | WHEN_DNS_ANY | WHEN_CT, dns_replies, FROM_DNS, ANSWERED),
	ACCEPT(CHAIN_INBOUND, WHEN_ANY_FAMILY | WHEN_DNS_ANY | WHEN_STATELESS, dns_replies, FROM_DNS),
	ACCEPT(CHAIN_INBOUND, WHEN_ANY_FAMILY | WHEN_DNS_ANY, dns_replies_over_tcp, FROM_DNS_TCP, NOT_OPENING),

	/*
	 * From any server: a relay's address is nobody's to know beforehand. The rate keeps it from being a channel.
	 * For neighbours there is another, so that nobody from afar can use it up and let the lease run out.
	 */
	ACCEPT(CHAIN_INBOUND, WHEN_IPV4 | FOR_ON_LINK, dhcp_replies, FROM_PREFIX, TO_DHCP_CLIENT, LIMIT),
	ACCEPT(CHAIN_INBOUND, WHEN_IPV4, dhcp_replies, FAMILY, TO_DHCP_CLIENT, LIMIT),
	/* Providers' servers answer from global addresses, and RFC 8415 says where they listen, not from which port. */
	ACCEPT(CHAIN_INBOUND, WHEN_IPV6, dhcpv6_replies, TO_LINK_LOCAL, TO_DHCPV6_CLIENT, LIMIT),

	/* Hop limit 255: it was not forwarded (RFC 4861 section 11.2). Redirects are not needed. */
	ACCEPT(CHAIN_INBOUND, WHEN_IPV6, neighbour_discovery, HOP_LIMIT_255, DISCOVERY_IN),
	ACCEPT(CHAIN_INBOUND, WHEN_IPV6, multicast_listener_queries, FROM_LINK_LOCAL, HOP_LIMIT_1, LISTENER_QUERY),

	/* What they are about is looked up in conntrack: a flow that is allowed, by address, protocol and port. */
	ICMP_ERROR_ROWS(ABOUT_SERVER),
	ICMP_ERROR_ROWS(ABOUT_RESOLVER),
	ICMP_ERROR_ROWS(ABOUT_ALLOWED),
	ICMP_ERROR_ROWS(ABOUT_CALLER),
	/* Without conntrack nothing says to which flow they belong; without any, path MTU discovery fails. */
	ACCEPT(CHAIN_INBOUND, WHEN_IPV4 | WHEN_STATELESS, icmp_errors, UNREACHABLE, LIMIT),
	ACCEPT(CHAIN_INBOUND, WHEN_IPV6 | WHEN_STATELESS, icmp_errors, TOO_BIG, LIMIT),

	ACCEPT(CHAIN_INBOUND, WHEN_IP, allow_replies, FROM_ALLOWED, NOT_OPENING),
	ACCEPT(CHAIN_INBOUND, WHEN_IP | WHEN_CT, allow_replies, FROM_ALLOWED, UDP, ANSWERED),
	ACCEPT(CHAIN_INBOUND, WHEN_IP | WHEN_STATELESS, allow_replies, FROM_ALLOWED, UDP),
	ACCEPT(CHAIN_INBOUND, WHEN_IP, allow, FROM_CALLER),

	ACCEPT(CHAIN_INBOUND, WHEN_IP | FOR_NETWORK_OUT | FOR_NETWORK_TCP, allow_replies, FROM_NETWORK,
	       NETWORK_SOURCE_PORT, NOT_OPENING),
	ACCEPT(CHAIN_INBOUND, WHEN_IP | FOR_NETWORK_OUT | FOR_NETWORK_UDP | WHEN_CT, allow_replies, FROM_NETWORK,
	       NETWORK_SOURCE_PORT, ANSWERED),
	ACCEPT(CHAIN_INBOUND, WHEN_IP | FOR_NETWORK_OUT | FOR_NETWORK_UDP | WHEN_STATELESS, allow_replies, FROM_NETWORK,
	       NETWORK_SOURCE_PORT),
	ACCEPT(CHAIN_INBOUND, WHEN_IP | FOR_NETWORK_IN | FOR_NETWORK_TCP | FOR_NETWORK_UDP, allow, FROM_NETWORK,
	       NETWORK_DESTINATION_PORT),
	ACCEPT(CHAIN_INBOUND, WHEN_IP | FOR_NETWORK_OUT | FOR_NETWORK_PORTLESS, allow_back, FROM_NETWORK,
	       NETWORK_PROTOCOL),
	ACCEPT(CHAIN_INBOUND, WHEN_IPV4 | FOR_NETWORK_OUT | FOR_NETWORK_ICMP, allow_replies, FROM_NETWORK, PONG),
	ACCEPT(CHAIN_INBOUND, WHEN_IPV6 | FOR_NETWORK_OUT | FOR_NETWORK_ICMP, allow_replies, FROM_NETWORK, PONGV6),
	/* whoever speaks first */
	ACCEPT(CHAIN_INBOUND, WHEN_IP | FOR_NETWORK_OUT | FOR_NETWORK_PORTS, tunnel_back, FROM_NETWORK,
	       PORTS_FROM_NETWORK),
	ACCEPT(CHAIN_INBOUND, WHEN_IPV4 | WHEN_CT | FOR_EVERY_NETWORK, icmp_errors, ICMP_ERRORS, RELATED,
	       FLOW_NETWORK, FLOW_PROTOCOL, FLOW_PORT),
	ACCEPT(CHAIN_INBOUND, WHEN_IPV6 | WHEN_CT | FOR_EVERY_NETWORK, icmp_errors, ICMPV6_ERRORS, RELATED,
	       FLOW_NETWORK, FLOW_PROTOCOL, FLOW_PORT),

	ACCEPT(CHAIN_INBOUND, WHEN_IPV4 | FOR_DHCP_SERVER | ONLY_INET, allow, IN_INTERFACE, FAMILY,
	       TO_DHCP_SERVER),
	/* on a bridge port the packet comes by another name */
	ACCEPT(CHAIN_INBOUND, WHEN_IPV4 | WHEN_DHCP_SERVER | ONLY_NETDEV, dhcp_requests, FAMILY, TO_DHCP_SERVER),

	ACCEPT(CHAIN_INBOUND, WHEN_ANY_FAMILY | ONLY_NETDEV, arp, ARP, ARP_SIZES_IN),

	/* inet looks at the whole when it is put together; a first one has ports, and is looked at here as well */
	ACCEPT(CHAIN_INBOUND, WHEN_IPV4 | ONLY_NETDEV, fragments, LATER_FRAGMENT),
	ACCEPT(CHAIN_INBOUND, WHEN_IPV6 | ONLY_NETDEV, fragments, FRAGMENT_HEADER),

	{ CHAIN_INBOUND, VERDICT_NONE, COMMENT(log), WHEN_ANY_FAMILY | WHEN_LOG, 0, MATCHES(LIMIT, LOG) },
	DROP_REST(CHAIN_INBOUND, everything_else),

	ACCEPT(CHAIN_OUTBOUND, WHEN_ANY_FAMILY | ONLY_INET, loopback, OUT_LOOPBACK),
	{ CHAIN_OUTBOUND, VERDICT_JUMP, COMMENT(attempts), WHEN_ANY_FAMILY | ONLY_INET, 0, MATCHES(OUT_SEALED) },
	DROP(CHAIN_OUTBOUND, WHEN_ANY_FAMILY | ONLY_INET, sealed_interfaces, OUT_SEALED),
	/*
	 * A renewal goes to the server's own address, which nobody should have to pin. TTL 1 keeps it on the link; a
	 * server behind a relay is reached again by the broadcast at rebinding time (RFC 2131 section 4.4.5).
	 */
	ACCEPT(CHAIN_OUTBOUND, WHEN_IPV4 | ONLY_INET, dhcp_requests, FAMILY, TO_DHCP_SERVER, ONE_FRAME, LIMIT,
	       SET_TTL_1),
	/*
	 * What a packet socket sends may change while the rules look at it (PACKET_TX_RING), or behind them, when the
	 * kernel writes a checksum where it was told to (PACKET_VNET_HDR); its Ethernet header does not. So it can't be
	 * trusted with a TTL, and whom it names as IP's destination only counts in a frame to everybody. A server of
	 * leases needs frames to one.
	 */
	ACCEPT(CHAIN_OUTBOUND, WHEN_IPV4 | ONLY_NETDEV | WHEN_ALL_ROUTED, dhcp_requests, TO_DHCP_SERVER, TTL_1, ROUTED,
	       ONE_FRAME, LIMIT),
	ACCEPT(CHAIN_OUTBOUND, WHEN_IPV4 | ONLY_NETDEV | WHEN_UNROUTED, dhcp_requests, TO_DHCP_SERVER, TTL_1, ONE_FRAME,
	       LIMIT),
	ACCEPT(CHAIN_OUTBOUND, WHEN_IPV4 | FOR_DHCP_SERVER | ONLY_INET, allow_replies, OUT_INTERFACE, FAMILY,
	       TO_DHCP_CLIENT, ONE_FRAME, LIMIT),
	/* Here they may leave on any link: to its own hosts only, else port 68 of everybody would be a way out. */
	ACCEPT(CHAIN_OUTBOUND, WHEN_IPV4 | WHEN_DHCP_SERVER | FOR_ON_LINK | ONLY_NETDEV, dhcp_replies, TO_PREFIX,
	       TO_DHCP_CLIENT, ONE_FRAME, LIMIT),
	{ CHAIN_OUTBOUND, VERDICT_JUMP, COMMENT(in_whose_name), WHEN_IPV4 | ONLY_NETDEV | WHEN_ALL_ROUTED, 0,
	  MATCHES(FAMILY, OF_PROGRAM, TO_UNICAST_MAC) },
	DROP(CHAIN_OUTBOUND, WHEN_IPV4 | ONLY_NETDEV | WHEN_UNROUTED, broadcast_to_one, TO_BROADCAST, TO_UNICAST_MAC),
	/* DHCP clients broadcast through packet sockets, which have no TTL that we could set. */
	ACCEPT(CHAIN_OUTBOUND, WHEN_IPV4 | ONLY_NETDEV, dhcp_requests, TO_BROADCAST, TO_DHCP_SERVER, ONE_FRAME, LIMIT),
	ACCEPT(CHAIN_OUTBOUND, WHEN_IPV4 | WHEN_DHCP_SERVER | ONLY_NETDEV, dhcp_replies, TO_BROADCAST, TO_DHCP_CLIENT,
	       ONE_FRAME, LIMIT),
	/* Of IPv6 packet sockets send nothing that anybody needs. */
	{ CHAIN_OUTBOUND, VERDICT_JUMP, COMMENT(in_whose_name), WHEN_IPV6 | ONLY_NETDEV | WHEN_ALL_ROUTED, 0,
	  MATCHES(FAMILY, OF_PROGRAM) },
	ACCEPT(CHAIN_OUTBOUND, WHEN_IPV6, dhcpv6_requests, FROM_LINK_LOCAL, TO_DHCPV6_SERVERS, TO_DHCPV6_SERVER,
	       ONE_FRAME, LIMIT),

	/*
	 * RFC 3810 section 5.2.13: link-local, or unspecified while duplicate address detection runs. The kernel's own
	 * report, which comes from no program, may list many groups.
	 */
	MLD_ROWS(REPORT_SIZE),
	DROP(CHAIN_OUTBOUND, WHEN_IPV6, reports_of_programs, LISTENER_REPORTS, OF_PROGRAM),
	MLD_ROWS(ONE_FRAME),
	/* IPv6 tunnels have a header of their own (RFC 2473 section 4.1.1) */
	ACCEPT(CHAIN_OUTBOUND, WHEN_IPV6 | FOR_NETWORK_OUT | FOR_NETWORK_PORTLESS, allow, TO_NETWORK, NETWORK_PROTOCOL),
	/* behind the reports, which have one as well */
	DROP(CHAIN_OUTBOUND, WHEN_IPV6, extension_headers, OTHER_HEADER),

	/*
	 * A program that advertises could do so in the gateway's name; a child of a link could be told to. Who asks in
	 * its name puts himself into everybody's table in its place.
	 */
	DROP(CHAIN_OUTBOUND, WHEN_IPV6 | FOR_GATEWAY | ONLY_NETDEV, in_the_gateways_name, ADVERTISEMENT, ABOUT_PREFIX),
	DROP(CHAIN_OUTBOUND, WHEN_IPV6 | FOR_GATEWAY | ONLY_NETDEV, in_the_gateways_name, DISCOVERY_OUT, FROM_PREFIX),
	DROP(CHAIN_OUTBOUND, WHEN_IPV6, advertisements_of_programs, ADVERTISEMENT, OF_PROGRAM),
	/*
	 * So it is with any neighbour's name. A link-local address is only known on the device that has it, not on a
	 * port below that: there it passes.
	 */
	DROP(CHAIN_OUTBOUND, WHEN_IPV6 | WHEN_FIB | ONLY_INET, not_our_address, SOLICITATIONS, OF_PROGRAM,
	     FOREIGN_SOURCE),
	{ CHAIN_OUTBOUND, VERDICT_JUMP, COMMENT(in_whose_name), WHEN_IPV6 | ONLY_NETDEV, 0,
	  MATCHES(SOLICITATIONS, OF_PROGRAM) },
	/* The kernel's own have no rate: a flood of questions from others must not keep it from asking. */
	DROP(CHAIN_OUTBOUND, WHEN_IPV6, solicitations_of_programs, SOLICITATIONS, OF_PROGRAM, OVER_LIMIT),
	ACCEPT(CHAIN_OUTBOUND, WHEN_IPV6, neighbour_discovery, TO_LINK_LOCAL, HOP_LIMIT_255, DISCOVERY_OUT,
	       DISCOVERY_SIZE),
	ACCEPT(CHAIN_OUTBOUND, WHEN_IPV6, neighbour_discovery, TO_LINK_MULTICAST, HOP_LIMIT_255, DISCOVERY_OUT,
	       DISCOVERY_SIZE),
	/* Who asks for us may have an address of another network. */
	ACCEPT(CHAIN_OUTBOUND, WHEN_IPV6, neighbour_advertisements, HOP_LIMIT_255, ADVERTISEMENT, DISCOVERY_SIZE,
	       LIMIT),
	/*
	 * Is a neighbour with a global address still there (RFC 4861 section 7.3)? Where a router advertises another
	 * prefix later, the question that gets no answer is followed by one to everybody.
	 */
	ACCEPT(CHAIN_OUTBOUND, WHEN_IPV6 | FOR_ON_LINK, neighbour_reachability, TO_PREFIX, HOP_LIMIT_255, SOLICITATION,
	       DISCOVERY_SIZE, LIMIT),

	/*
	 * What follows is for peers alone. Answers to packets in somebody else's name would go to him; a source route
	 * or a routing header makes the peer hand them on; of fragments only the first has ports, and nobody here needs
	 * any; frames to everybody reach others than the peer.
	 */
	DROP(CHAIN_OUTBOUND, WHEN_ANY_FAMILY | WHEN_FIB | ONLY_INET, not_our_address, FOREIGN_SOURCE),
	{ CHAIN_OUTBOUND, VERDICT_JUMP, COMMENT(in_whose_name), WHEN_ANY_FAMILY | ONLY_NETDEV, 0, NO_MATCHES },
	/* the kernel's ARP under a MAC address that is not known is known by it */
	{ CHAIN_OUTBOUND, VERDICT_NONE, COMMENT(own_addresses), WHEN_IPV4 | ONLY_NETDEV, 0, MATCHES(ADD_ADDRESS) },
	DROP(CHAIN_OUTBOUND, WHEN_IPV4, ip_options, HAS_OPTIONS),
	DROP(CHAIN_OUTBOUND, WHEN_IPV4, fragments, FRAGMENT),
	DROP(CHAIN_OUTBOUND, WHEN_IP | ONLY_NETDEV, frames_to_many, FAMILY, TO_GROUP_MAC),

	ACCEPT(CHAIN_OUTBOUND, WHEN_IP, servers, TO_SERVER),

	ACCEPT(CHAIN_OUTBOUND, WHEN_IP, dns, TO_RESOLVER, TO_DNS, ONE_FRAME, DNS_RATE),
	ACCEPT(CHAIN_OUTBOUND, WHEN_IP, dns_over_tcp, TO_RESOLVER, TO_DNS_TCP, ONE_FRAME, DNS_RATE),
	ACCEPT(CHAIN_OUTBOUND, WHEN_ANY_FAMILY | WHEN_DNS_ANY, dns_any, TO_DNS, ONE_FRAME, LIMIT),
	ACCEPT(CHAIN_OUTBOUND, WHEN_ANY_FAMILY | WHEN_DNS_ANY, dns_over_tcp, TO_DNS_TCP, ONE_FRAME, LIMIT),

	ACCEPT(CHAIN_OUTBOUND, WHEN_IP, allow, TO_ALLOWED),
	ACCEPT(CHAIN_OUTBOUND, WHEN_IP, allow_replies, TO_CALLER, NOT_OPENING),
	ACCEPT(CHAIN_OUTBOUND, WHEN_IP | WHEN_CT, allow_replies, TO_CALLER, UDP, ANSWERED),
	ACCEPT(CHAIN_OUTBOUND, WHEN_IP | WHEN_STATELESS, allow_replies, TO_CALLER, UDP),

	ACCEPT(CHAIN_OUTBOUND, WHEN_IP | FOR_NETWORK_OUT | FOR_NETWORK_TCP | FOR_NETWORK_UDP, allow, TO_NETWORK,
	       NETWORK_DESTINATION_PORT),
	ACCEPT(CHAIN_OUTBOUND, WHEN_IPV4 | FOR_NETWORK_OUT | FOR_NETWORK_PORTLESS, allow, TO_NETWORK, NETWORK_PROTOCOL),
	ACCEPT(CHAIN_OUTBOUND, WHEN_IPV4 | FOR_NETWORK_OUT | FOR_NETWORK_ICMP, allow, TO_NETWORK, PING),
	ACCEPT(CHAIN_OUTBOUND, WHEN_IPV6 | FOR_NETWORK_OUT | FOR_NETWORK_ICMP, allow, TO_NETWORK, PINGV6),
	ACCEPT(CHAIN_OUTBOUND, WHEN_IP | FOR_NETWORK_OUT | FOR_NETWORK_PORTS, tunnel, TO_NETWORK, PORTS_TO_NETWORK),
	ACCEPT(CHAIN_OUTBOUND, WHEN_IP | FOR_NETWORK_IN | FOR_NETWORK_TCP, allow_replies, TO_NETWORK,
	       NETWORK_SOURCE_PORT, NOT_OPENING),
	ACCEPT(CHAIN_OUTBOUND, WHEN_IP | FOR_NETWORK_IN | FOR_NETWORK_UDP | WHEN_CT, allow_replies, TO_NETWORK,
	       NETWORK_SOURCE_PORT, ANSWERED),
	ACCEPT(CHAIN_OUTBOUND, WHEN_IP | FOR_NETWORK_IN | FOR_NETWORK_UDP | WHEN_STATELESS, allow_replies, TO_NETWORK,
	       NETWORK_SOURCE_PORT),

	/*
	 * Programs may ask whether somebody has the address that a lease offers (RFC 5227), of whatever network; what
	 * else they send could be in the gateway's name. The kernel speaks in its own.
	 */
	ACCEPT(CHAIN_OUTBOUND, WHEN_ANY_FAMILY | ONLY_NETDEV, arp_probes, ARP, ARP_FROM_OWN_MAC, ARP_WITHOUT_SENDER,
	       ARP_SIZES_OF_PROGRAMS, LIMIT),
	DROP(CHAIN_OUTBOUND, WHEN_ANY_FAMILY | ONLY_NETDEV, arp_of_programs, ARP, OF_PROGRAM),
	DROP(CHAIN_OUTBOUND, WHEN_ANY_FAMILY | FOR_GATEWAY | ONLY_NETDEV, in_the_gateways_name, ARP, ARP_FROM_PREFIX),
	ACCEPT(CHAIN_OUTBOUND, WHEN_ANY_FAMILY | FOR_ON_LINK | ONLY_NETDEV, arp, ARP, ARP_FROM_OWN_MAC, ARP_TO_PREFIX,
	       ARP_SIZE_SENT),
	/* A gateway asks in the name of any address that it has. */
	ACCEPT(CHAIN_OUTBOUND, WHEN_ANY_FAMILY | ONLY_NETDEV, arp_replies, ARP_REPLY, ARP_FROM_OWN_MAC, ARP_SIZE_SENT,
	       LIMIT),
	/* The network may become another one than that in which the device was contained, by a lease or by hand. */
	ACCEPT(CHAIN_OUTBOUND, WHEN_ANY_FAMILY | ONLY_NETDEV, arp_elsewhere, ARP, ARP_FROM_OWN_MAC, ARP_SIZE_SENT,
	       LIMIT),

	{ CHAIN_OUTBOUND, VERDICT_JUMP, COMMENT(attempts), WHEN_ANY_FAMILY | ONLY_INET, 0, NO_MATCHES },
	{ CHAIN_OUTBOUND, VERDICT_NONE, COMMENT(log), WHEN_ANY_FAMILY | WHEN_LOG | ONLY_NETDEV, 0,
	  MATCHES(LIMIT, LOG) },
	DROP_REST(CHAIN_OUTBOUND, everything_else),

	{ CHAIN_FORWARD, VERDICT_JUMP, COMMENT(attempts), WHEN_ANY_FAMILY, 0, NO_MATCHES },
	DROP_REST(CHAIN_FORWARD, forwarding),

	/* Who is called is what an investigation wants to know. Without ports: ICMP's type and code in their place. */
	{ CHAIN_ATTEMPTS, VERDICT_NONE, COMMENT(log), WHEN_ANY_FAMILY | WHEN_LOG, 0, MATCHES(LIMIT, LOG) },
	{ CHAIN_ATTEMPTS, VERDICT_RETURN, COMMENT(attempts), WHEN_IP, 0, MATCHES(HAS_PORTS, NOTE_ATTEMPT) },
	{ CHAIN_ATTEMPTS, VERDICT_RETURN, COMMENT(other_attempts), WHEN_IP, 0, MATCHES(NOTE_OTHER_ATTEMPT) },
	{ CHAIN_ATTEMPTS, VERDICT_NONE, COMMENT(attempts_beyond_the_list), WHEN_ANY_FAMILY, 0, NO_MATCHES },

#if CONFIG_LAYER_BRIDGE
	/* Frames for the device itself and from it pass a bridge that leads to a peer: other tables look at them. */
	DROP(CHAIN_BRIDGE_INBOUND, WHEN_ANY_FAMILY, sealed_interfaces, IN_SEALED),
	DROP(CHAIN_BRIDGE_OUTBOUND, WHEN_ANY_FAMILY, sealed_interfaces, OUT_SEALED),
	DROP_REST(CHAIN_BRIDGE_FORWARD, forwarding),
#endif

#if CONFIG_LAYER_NETDEV
	/*
	 * What a socket of ours sends along a route has passed inet, where its address was the device's own: here it
	 * may be one that NAT has given it, and that no link has. Packet sockets and children know no route of ours.
	 */
	RETURN(CHAIN_LINK_SOURCE, WHEN_ANY_FAMILY | WHEN_ROUTES, seen_by_inet, OF_PROGRAM, ROUTED),
	DROP(CHAIN_LINK_SOURCE, WHEN_IP | WHEN_ALL_ROUTED, of_programs, FAMILY, OF_PROGRAM),
	RETURN(CHAIN_LINK_SOURCE, WHEN_IPV6, link_local_address, FROM_LINK_LOCAL, SOLICITATIONS),
	DROP(CHAIN_LINK_SOURCE, WHEN_ANY_FAMILY | WHEN_FIB, not_our_address, FOREIGN_SOURCE),
	DROP(CHAIN_LINK_SOURCE, WHEN_IPV4, loopback_address, FROM_LOOPBACK4),
	DROP(CHAIN_LINK_SOURCE, WHEN_IPV6, loopback_address, FROM_LOOPBACK6),

	/*
	 * A link may get another MAC address. Packet sockets must not make one up, except to ask for a lease; children
	 * in other namespaces have their own. The kernel speaks in the name of an address of the device: with IPv6 it
	 * asks for its neighbours so, with IPv4 by ARP, whose sender can't be looked up.
	 */
	RETURN(CHAIN_LINK_NEW_MAC, WHEN_ANY_FAMILY | WHEN_ROUTES, new_mac_address, OF_PROGRAM, ROUTED, ADD_MAC),
	RETURN(CHAIN_LINK_NEW_MAC, WHEN_IPV4, new_mac_address_dhcp, TO_DHCP_SERVER, OF_PROGRAM, ADD_MAC),
	DROP(CHAIN_LINK_NEW_MAC, WHEN_ANY_FAMILY, of_programs, OF_PROGRAM),
	RETURN(CHAIN_LINK_NEW_MAC, WHEN_ANY_FAMILY, new_mac_address_arp, ARP, ARP_FROM_OWN_ADDRESS, ADD_MAC),
	RETURN(CHAIN_LINK_NEW_MAC, WHEN_ANY_FAMILY | WHEN_FIB, new_mac_address, OWN_SOURCE, ADD_MAC),
	DROP_REST(CHAIN_LINK_NEW_MAC, not_from_us),

	/* What a LAN says to all is nobody's attempt to get out. */
	DROP(CHAIN_SEALED_INGRESS, WHEN_ANY_FAMILY, frames_to_many, TO_GROUP_MAC),
	{ CHAIN_SEALED_INGRESS, VERDICT_JUMP, COMMENT(attempts), WHEN_ANY_FAMILY, 0, NO_MATCHES },
	DROP_REST(CHAIN_SEALED_INGRESS, sealed_interfaces),
	DROP_REST(CHAIN_SEALED_EGRESS, sealed_interfaces),

	/* Each port of a bond sends them from its own address, not from the bond's, which it has otherwise. */
	ACCEPT_ON_LINK(LINK_SLOW, lacp, TO_SLOW_MULTICAST, TYPE_SLOW, LIMIT),
	/* macvlan children and bridge ports of others have MAC addresses of their own. */
	DROP(CHAIN_INGRESS, WHEN_ANY_FAMILY | WHEN_ETHERNET | WHEN_FIXED_MAC | ONLY_INGRESS, not_for_us, TO_UNICAST_MAC,
	     TO_FOREIGN_MAC),
	{ CHAIN_INGRESS, VERDICT_JUMP, COMMENT(new_mac_address),
	  WHEN_ANY_FAMILY | WHEN_ETHERNET | WHEN_FIXED_MAC | ONLY_EGRESS, 0, MATCHES(FROM_FOREIGN_MAC) },

	/* What keeps the link itself alive. */
	ACCEPT_ON_LINK(LINK_EAPOL, eapol, TYPE_EAPOL, LIMIT),
	ACCEPT_ON_LINK(LINK_STP, spanning_tree, TO_BRIDGE_GROUP, LIMIT),
	ACCEPT_ON_LINK(LINK_PPPOE, pppoe_discovery, TYPE_PPPOE_DISCOVERY, LIMIT),
	ACCEPT_ON_LINK(LINK_PPPOE, pppoe_session, TYPE_PPPOE_SESSION),
	ACCEPT_IN_VLAN(LINK_PPPOE, pppoe_discovery, IN_TAG_PPPOE_DISCOVERY, LIMIT),
	ACCEPT_IN_VLAN(LINK_PPPOE, pppoe_session, IN_TAG_PPPOE_SESSION),

	GO_ON(LINK_UNTAGGED, WHEN_ETHERNET, ip_and_arp, UNTAGGED_IP_OR_ARP),
	GO_ON(0, WHEN_ETHERNET | FOR_VLAN, vlan, VLAN),
	GO_ON(LINK_ANY_VLAN, WHEN_ETHERNET, vlans, TYPE_VLAN),
	{ CHAIN_INGRESS, VERDICT_GOTO, COMMENT(ip), WHEN_ANY_FAMILY | WHEN_IP_LINK, 0, NO_MATCHES },
	/* a priority in a tag that means no VLAN (IEEE 802.1Q): the kernel takes it for untagged */
	GO_ON(LINK_UNTAGGED, WHEN_ETHERNET | ONLY_INGRESS, priority_tag, VLAN),
	DROP_REST(CHAIN_INGRESS, everything_else),

	/* On every device: the known ones have their own chains. A new one's address and prefixes are not known. */
	ACCEPT(CHAIN_LATER_INGRESS, WHEN_ANY_FAMILY, loopback, IN_LOOPBACK),
	ACCEPT(CHAIN_LATER_INGRESS, WHEN_ANY_FAMILY, known_interfaces, IN_KNOWN),
	{ CHAIN_LATER_INGRESS, VERDICT_GOTO, COMMENT(later_interfaces), WHEN_ANY_FAMILY, 0, NO_MATCHES },
	DROP_REST(CHAIN_LATER_INGRESS, everything_else),

	ACCEPT(CHAIN_LATER_EGRESS, WHEN_ANY_FAMILY, loopback, OUT_LOOPBACK),
	ACCEPT(CHAIN_LATER_EGRESS, WHEN_ANY_FAMILY, known_interfaces, OUT_KNOWN),
	ACCEPT(CHAIN_LATER_EGRESS, WHEN_ANY_FAMILY, arp, ARP, ARP_SIZE_SENT, LIMIT),
	{ CHAIN_LATER_EGRESS, VERDICT_GOTO, COMMENT(later_interfaces), WHEN_ANY_FAMILY, 0, NO_MATCHES },
	DROP_REST(CHAIN_LATER_EGRESS, everything_else),
#endif
};

const size_t rule_row_count = sizeof rule_rows / sizeof *rule_rows;
