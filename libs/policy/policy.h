/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The containment as plain data: who may be reached, and the rules that follow from it. No I/O and no heap; addresses
 * stay in the caller's buffers. The back ends in libs/nft write the same plan to the kernel and as text.
 */
#ifndef POLICY_POLICY_H
#define POLICY_POLICY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <netinet/in.h>

#include "base/address.h"
#include "base/diag.h"
#include "base/text.h"

/* Index of per-family data. The numbers that the kernel wants are in family_number(). */
enum ip_family { IPV4, IPV6, IP_FAMILIES };

/* NFPROTO_IPV4 or NFPROTO_IPV6, which equal AF_INET and AF_INET6 (linux/netfilter.h). */
static inline uint8_t family_number(enum ip_family family)
{
	return family == IPV4 ? AF_INET : AF_INET6;
}
static inline size_t family_address_length(enum ip_family family)
{
	return family == IPV4 ? 4 : 16;
}

enum {
	POLICY_TABLE_NAME_MAX = 127, /* bytes; the kernel's NFT_NAME_MAXLEN would allow 255 */
	POLICY_NETWORKS_MAX = 64, /* each is two rules; single addresses go into sets and have no such bound */
	POLICY_DHCP_SERVER_MAX = 8,
	POLICY_INTERFACE_SIZE = 16, /* IFNAMSIZ */
	POLICY_DNS_RATE = 20, /* packets a second to a resolver: enough for the client, too little for bulk data */
	POLICY_DNS_BURST = 40, /* packets */
	POLICY_DYNAMIC_SIZE = 128, /* elements of a set that the kernel fills */
	POLICY_LEARNED_SECONDS = 600, /* then a MAC address is learned again: no flood fills the set for good */
	POLICY_ATTEMPTS = 512, /* elements: a port scan must not fill the memory */
	POLICY_ATTEMPT_SECONDS = 86400, /* after which one that was not seen again is forgotten */
	POLICY_LOG_GROUP_MAX = 65535,
	POLICY_LASTS_MAX = 365 * 86400, /* seconds */
};

/* Why somebody may be reached. */
enum peer_role {
	PEER_SERVER, /* management servers, or the proxy in their place: TCP out */
	PEER_RESOLVER, /* DNS over UDP and TCP out; port and protocol of the record are unused */
	PEER_ALLOW_OUT, /* --allow, we connect */
	PEER_ALLOW_IN, /* --allow, they connect */
	PEER_ROLES,
};

/*
 * Packed records of one family: address, protocol (IPPROTO_TCP or IPPROTO_UDP, 1 byte), port (2 bytes), all in network
 * byte order, so that memcmp orders them. peer_list_add fills them; policy_normalize sorts and removes duplicates.
 */
struct peer_list {
	uint8_t *records; /* the caller's buffer */
	size_t count;
	size_t capacity; /* in records */
};

static inline size_t peer_record_size(enum ip_family family)
{
	return family_address_length(family) + 3;
}

struct policy_network {
	struct address address; /* host bits are 0 */
	uint8_t prefix_length;
	uint8_t protocol; /* one of protocol_word */
	uint16_t port; /* host byte order; of protocols other than TCP and UDP 0, for both directions */
	bool inbound;
	uint16_t own_port; /* of UDP: the only one of ours, both ways, for packets of the kernel's; 0: any */
};

static inline bool protocol_has_ports(uint8_t protocol)
{
	return protocol == IPPROTO_TCP || protocol == IPPROTO_UDP;
}

/* In words of --allow: "tcp:192.0.2.0/24:22:in", "icmp:[2001:db8::1]"; a protocol without a word by its number. */
void policy_network_format(const struct policy_network *network, struct text *text);

/* The name of an IP protocol that can be allowed, as nft and /etc/protocols have it; NULL: it can't be. */
const char *protocol_word(uint8_t protocol);
/* The number of the protocol whose name the string begins with, followed by ':'; 0: there is none. */
uint8_t protocol_find(const char *string);

/* ---- layers ---- */

/*
 * Where packets are caught. Each can be left out, by the user or because the kernel refuses it; what is then not
 * covered is said.
 */
enum {
	LAYER_INET = 1 << 0, /* IP packets in, out and through */
	LAYER_BRIDGE = 1 << 1, /* frames between the ports of a bridge, and to and from sealed ports */
	LAYER_INGRESS = 1 << 2, /* frames that a link receives, before flowtables, bridges and macvlan children */
	LAYER_EGRESS = 1 << 3, /* frames that a link sends, those of packet sockets too; Linux 5.16 */
	LAYER_LATER = 1 << 4, /* the same of links that appear later; Linux 6.18 */
	LAYER_NETDEV = LAYER_INGRESS | LAYER_EGRESS | LAYER_LATER,
	LAYERS_BUILT = LAYER_INET | (CONFIG_LAYER_BRIDGE ? LAYER_BRIDGE : 0) | (CONFIG_LAYER_NETDEV ? LAYER_NETDEV : 0),
};

/* What people call them, as of --layers. */
struct layer_name {
	char word[7];
	uint8_t layers;
};

enum { LAYER_NAMES = 4 };
extern const struct layer_name layer_names[LAYER_NAMES];

/* The containment's tables, all of the same name, one in each of these families. */
enum table_id { TABLE_INET, TABLE_BRIDGE, TABLE_NETDEV, TABLES };

struct table_type {
	char word[7]; /* nft's for the family */
	uint8_t family; /* NFPROTO_* */
	uint8_t layers; /* that it holds */
};

extern const struct table_type table_types[TABLES];

/* ---- the device's links ---- */

enum {
	POLICY_LINK_VLANS_MAX = 8, /* of one device that lead to peers; with more, frames of any VLAN are looked into */
	POLICY_ON_LINK_MAX = 32, /* prefixes */
	POLICY_MACS_MAX = 64,
	MAC_LENGTH = 6,
};

/* What the frames of a link begin with. */
enum link_form {
	LINK_ETHERNET,
	LINK_IP, /* no link-layer header: tun, PPP, WireGuard, IP in IP */
	LINK_UNKNOWN, /* not in the table of link types: no netdev layer for it, and "partial" */
};

/* What passes on a link that is not sealed: allowed peers in these wrappings, and what keeps the link itself alive. */
enum {
	LINK_UNTAGGED = 1 << 0, /* frames without a VLAN tag */
	LINK_ANY_VLAN = 1 << 1, /* frames with any VLAN tag; else those of vlans[] */
	LINK_ANY_MAC = 1 << 2, /* the device changes its own MAC address (Wi-Fi): it isn't compared */
	LINK_EAPOL = 1 << 3, /* 802.1X and WPA: ethertype 0x888e */
	LINK_SLOW = 1 << 4, /* slow protocols, LACP among them: ethertype 0x8809 */
	LINK_STP = 1 << 5, /* spanning tree: LLC frames to 01:80:c2:00:00:00 */
	LINK_PPPOE = 1 << 6, /* PPPoE discovery, and sessions whose inner packets are allowed */
};

struct policy_link {
	char name[POLICY_INTERFACE_SIZE];
	uint8_t form; /* enum link_form */
	bool sealed; /* it leads to no allowed peer: nothing passes, in no direction */
	uint8_t passes; /* LINK_ bits */
	uint8_t vlan_count;
	uint16_t vlans[POLICY_LINK_VLANS_MAX]; /* VLAN ids (1 to 4094) of the devices above it that lead to peers */
};

/* A prefix that is on a link that leads to peers; host bits are 0. Or the address of a gateway to peers. */
struct policy_prefix {
	uint8_t address[16]; /* family_address_length bytes */
	uint8_t prefix_length;
	uint8_t family; /* enum ip_family */
	bool gateway;
};

/* What the layers below IP have to know of the device. The links are the caller's; loopback is not among them. */
struct policy_links {
	const struct policy_link *links;
	size_t count;
	size_t mac_count;
	size_t on_link_count;
	uint8_t macs[POLICY_MACS_MAX][MAC_LENGTH]; /* the device's own, of all links that are not sealed */
	struct policy_prefix on_link[POLICY_ON_LINK_MAX];
};

/* What else is known not to be covered. */
enum {
	GAP_DNS = 1 << 0, /* any address, because the resolvers that are asked are not known */
	GAP_PPPOE = 1 << 1, /* what is in raw frames of PPPoE sessions */
	GAP_SWITCH = 1 << 2, /* ports that are switched in hardware */
	GAP_TUNNEL = 1 << 3, /* what is in packets that only look like those of a tunnel of the kernel's */
	GAP_XDP = 1 << 4, /* what a program does with packets before any hook of ours, as long as it is attached */
	GAP_AWAITED = 1 << 5, /* raw frames on links that led to peers before a reboot, until they do so again */
};

/* What becomes of packets that are dropped, beside that. */
enum policy_log { LOG_NONE, LOG_KERNEL, LOG_GROUP };

/* The large ones stand last, so that the offsets of the others are small. */
struct policy {
	const char *table;
	const char *comment; /* of the table: marks it as ours, see POLICY_COMMENT_PREFIX */
	uint64_t began; /* ms of CLOCK_BOOTTIME; with the table's name it stands for this run */
	int64_t began_wall; /* seconds since the epoch */
	uint32_t digest; /* plan_digest of it as it was made, before the kernel refused anything; 0: not known */
	uint32_t lasts; /* seconds, then the kernel lets everything pass; 0: until release */
	uint16_t lasts_less; /* ms, below 1000, of the last one: of a time that goes on nothing is to be added */
	uint16_t log_group; /* of nfnetlink_log */
	uint8_t log; /* enum policy_log */
	uint8_t wanted; /* LAYER_ bits that were asked for */
	uint8_t layers; /* those of them that this build has, less those that the kernel refused */
	uint8_t refused; /* LAYER_ bits */
	uint8_t gaps; /* GAP_ bits */
	bool restored; /* from a file, so that it may be no newer than that */
	bool dns_any; /* DNS to every address, rate-limited as a whole */
	bool stateless; /* the kernel has no connection tracking */
	uint8_t without_fib; /* bits 1 << enum table_id: the kernel does not look addresses up there */
	uint8_t without_log; /* the same: it does not log there */
	bool without_routes; /* it does not say in the netdev table whether a packet has a route */
	size_t network_count;
	size_t dhcp_server_count;
	struct policy_links links;
	struct peer_list peers[PEER_ROLES][IP_FAMILIES];
	struct policy_network networks[POLICY_NETWORKS_MAX];
	char dhcp_server[POLICY_DHCP_SERVER_MAX][POLICY_INTERFACE_SIZE]; /* interfaces on which we serve leases */
};

/* The comment of every table of ours begins so. */
#define POLICY_COMMENT_PREFIX "quarbox "

/*
 * 0, or -EINVAL with a diagnostic when the name can't be a table's: empty, longer than POLICY_TABLE_NAME_MAX, not of
 * nft's identifier form (a letter, then letters, digits, '_', '.', '/', '\\'; '-' is no part of it), or a word of its
 * grammar, which nft could list but not read back.
 */
int policy_table_name_check(const char *name, struct diag *diag);

/* False when the list is full: count == capacity. */
bool peer_list_add(struct peer_list *list, const struct address *address, uint8_t protocol, uint16_t port);

/* The first record of a sorted list that begins with no less than the key of `length` bytes; NULL: there is none. */
const uint8_t *peer_list_find(const struct peer_list *list, enum ip_family family, const uint8_t *key, size_t length);

/* Sorts and deduplicates the lists, clears host bits of networks. To be called before anything below. */
void policy_normalize(struct policy *policy);

/*
 * Whether on each link what a socket sends along a route can be told from what a packet socket sends: neither below a
 * VLAN nor on the ports of a bond or a team, which take the route off.
 */
bool policy_sees_routes(const struct policy *policy);

/* Whether the plan has this table: netdev only for a device with links. */
bool policy_has_table(const struct policy *policy, enum table_id table);

/* The named sets of a plan; those of addresses exist once per family, as "server4" and "server6". */
enum set_id {
	SET_SERVER,
	SET_RESOLVER,
	SET_ALLOW_OUT,
	SET_ALLOW_IN,
	SET_DNS_RATE, /* filled by the kernel: packets to each resolver are counted against POLICY_DNS_RATE */
	SET_SEALED, /* links that lead to no allowed peer */
	SET_KNOWN, /* all links that have netdev chains of their own, or can't have any */
	SET_OWN_MAC, /* MAC addresses of the links that aren't sealed; the kernel adds those that they get later */
	SET_OWN_ADDRESS, /* filled by the kernel: IPv4 addresses in whose names peers have been spoken to */
	SET_ATTEMPTS, /* filled by the kernel: whom somebody tried to reach, in vain; interface "": the device itself */
	SET_IDS,
};

/* What a set's key is made of, in this order. */
enum {
	KEY_ADDRESS = 1,
	KEY_PROTOCOL = 2,
	KEY_PORT = 4,
	KEY_INTERFACE = 8, /* alone: its name, one set for both families; or as the last one: its index */
	KEY_MAC = 16, /* alone; one set for both families */
	KEY_IPV4 = 32, /* an address, alone; of one family only */
	KEY_OF_FAMILY = KEY_ADDRESS,
};

struct set_type {
	char name[12]; /* without the family's digit */
	uint8_t key; /* KEY_ bits */
	uint8_t layers; /* in the tables of which it is */
	uint16_t size; /* elements, of one that the kernel fills; else 0 */
	uint16_t timeout; /* minutes after which an element goes; 0: never */
	uint16_t learned; /* the same of those that rules add to others */
};

extern const struct set_type set_types[SET_IDS];

/*
 * Whether the plan has this set: empty sets and the rules that use them are left out. A set that is not one of a family
 * exists for IPV4 only.
 */
bool policy_has_set(const struct policy *policy, enum table_id table, enum set_id set, enum ip_family family);

struct set_element {
	const uint8_t *address; /* family_address_length bytes; of a MAC 6, of an interface POLICY_INTERFACE_SIZE */
	uint8_t protocol;
	const uint8_t *port; /* 2 bytes, network byte order */
};

/* Walks the elements of a set in order. Start with *cursor 0; false at the end. */
bool policy_next_element(const struct policy *policy, enum set_id set, enum ip_family family, size_t *cursor,
			 struct set_element *element);

/* The same for sets of addresses and ports, SET_ALLOW_OUT or SET_ALLOW_IN, in the form of networks. */
bool policy_next_peer(const struct policy *policy, enum set_id set, enum ip_family family, size_t *cursor,
		      struct policy_network *peer);

/*
 * The number of elements that the set is bound to; 0: none. Of a set that the kernel fills it is the bound, of a large
 * one its length: the kernel lays the table out once then, instead of enlarging it again and again, also after the
 * transaction, when a listing would have some elements twice and others not at all. A small one stays open for
 * `nft add element`.
 */
uint32_t policy_set_size(const struct policy *policy, enum set_id set, enum ip_family family);

/* The chains of all tables. Those of inet are named and hooked as the artifact does it. */
enum chain_id {
	CHAIN_INBOUND,
	CHAIN_OUTBOUND,
	CHAIN_FORWARD,
	CHAIN_ATTEMPTS, /* without a hook: notes what is about to be dropped on its way out or through */
	CHAIN_BRIDGE_INBOUND,
	CHAIN_BRIDGE_OUTBOUND,
	CHAIN_BRIDGE_FORWARD,
	CHAIN_LINK_INBOUND, /* without a hook: where the links' chains go to, the rows of CHAIN_INBOUND without state */
	CHAIN_LINK_OUTBOUND,
	CHAIN_LINK_ATTEMPTS, /* CHAIN_ATTEMPTS for what sealed links receive: who is behind them */
	CHAIN_LINK_SOURCE, /* jumped to: whose name is in a packet to a peer */
	CHAIN_LINK_NEW_MAC, /* jumped to: whether a MAC address that was not there is the device's */
	CHAIN_SEALED_INGRESS,
	CHAIN_SEALED_EGRESS,
	CHAIN_INGRESS, /* one for each link that is not sealed */
	CHAIN_EGRESS,
	CHAIN_LATER_INGRESS,
	CHAIN_LATER_EGRESS,
	CHAIN_IDS,
};

/* Which devices a chain of the netdev table is hooked on. */
enum chain_devices { DEVICES_NONE, DEVICES_SEALED, DEVICE_OF_LINK, DEVICES_ALL };

struct chain_type {
	char name[15]; /* of DEVICE_OF_LINK chains without the link's number */
	char hook[8]; /* nft's word; "": not a base chain */
	uint8_t table; /* enum table_id */
	uint8_t layer; /* LAYER_ bit, or several: one of them */
	uint8_t hook_number; /* enum nf_inet_hooks; of netdev enum nf_dev_hooks */
	uint8_t devices; /* enum chain_devices */
	bool accepts; /* the policy */
	int32_t priority;
};

extern const struct chain_type chain_types[CHAIN_IDS];

/* A chain of a plan. */
struct chain {
	enum chain_id id;
	size_t number; /* of the link, from 1; 0 for other chains */
	const struct policy_link *link; /* NULL for other chains */
};

/* The chain's name: that of its type, with the number of its link. */
void chain_name(struct text *text, const char *prefix, const struct chain *chain);

/* Calls visit for each chain of the table in order, until one call returns non-zero, which is then returned. */
int policy_each_chain(const struct policy *policy, enum table_id table,
		      int (*visit)(void *context, const struct chain *chain), void *context);

/*
 * What a rule can test or do. libs/nft/match.c has one row for each, with the writers to netlink and to text; the
 * comments give nft's notation.
 */
enum match_kind {
	MATCH_END,
	MATCH_SOURCE_IN_SET, /* ip saddr . tcp sport @server4; set, far_port */
	MATCH_DESTINATION_IN_SET,
	MATCH_FLOW_IN_SET, /* ct reply ip saddr . ct reply proto-src @server4: the flow that an ICMP error is about */
	MATCH_IN_INTERFACE_IN_SET, /* iifname @sealed; set */
	MATCH_OUT_INTERFACE_IN_SET, /* oifname @sealed; set */
	MATCH_SOURCE_MAC_FOREIGN, /* ether saddr != @own_mac */
	MATCH_DESTINATION_MAC_FOREIGN, /* ether daddr != @own_mac */
	MATCH_ARP_SENDER_IN_SET, /* arp saddr ip @own_address */
	MATCH_ADD_MAC, /* add @own_mac { ether saddr }: not a test, but for room in the set */
	MATCH_ADD_ADDRESS, /* add @own_address { ip saddr } */
	MATCH_NOTE_ATTEMPT, /* update @attempts4 { ip daddr . meta l4proto . th dport . iifname counter }; without
			       far_port the two bytes of th sport: of ICMP type and code. Fails when it is full */
	MATCH_DNS_RATE, /* update @dns_rate4 { ip daddr limit rate ... } */
	MATCH_NEEDS_SET = MATCH_DNS_RATE, /* those up to here: without their set there is no such rule */
	MATCH_IN_INTERFACE, /* iifname: the rule's interface */
	MATCH_OUT_INTERFACE, /* oifname */
	MATCH_IN_LOOPBACK, /* iif "lo"; value: its index */
	MATCH_OUT_LOOPBACK, /* oif "lo" */
	MATCH_FAMILY, /* meta nfproto; in the netdev table meta protocol */
	MATCH_PROTOCOL, /* meta l4proto; protocol, or that of the rule's network */
	MATCH_SOURCE_NETWORK, /* ip6 saddr fe80::/10; network, or the rule's prefix or network */
	MATCH_DESTINATION_NETWORK,
	MATCH_SOURCE_FOREIGN, /* fib saddr type != local: no address of this device */
	MATCH_SOURCE_OWN, /* fib saddr type local */
	MATCH_IP_OPTIONS, /* ip hdrlength != 5 */
	MATCH_FRAGMENT, /* ip frag-off & 0x3fff != 0 */
	MATCH_LATER_FRAGMENT, /* ip frag-off & 0x1fff != 0 */
	MATCH_FRAGMENT_HEADER, /* ip6 nexthdr ipv6-frag */
	MATCH_OTHER_HEADER, /* ip6 nexthdr != { tcp, udp, ipv6-icmp }: routing headers, fragments and the like */
	MATCH_SOURCE_PORT, /* udp sport 53; protocol and port, or those of the rule's network */
	MATCH_DESTINATION_PORT,
	MATCH_PORTS, /* udp sport 68 udp dport 67; protocol, port, second_port; or those of the rule's network, with
			far_port for packets from there */
	MATCH_NOT_OPENING, /* tcp flags != syn / syn,ack: anything but the first segment of a connection */
	MATCH_CT_STATE, /* ct state; value: bits of NF_CT_STATE_BIT */
	MATCH_FLOW_NETWORK, /* as MATCH_FLOW_IN_SET, against the rule's network, its protocol and its port */
	MATCH_FLOW_PROTOCOL,
	MATCH_FLOW_PORT, /* if it has one */
	MATCH_ICMP_TYPES, /* icmp type { ... }, icmpv6 type { ... }; types */
	MATCH_HOP_LIMIT, /* ip6 hoplimit; value */
	MATCH_LIMIT, /* limit rate 20/second burst 40 packets */
	MATCH_OVER_LIMIT, /* limit rate over 20/second burst 40 packets */
	MATCH_SET_TTL, /* ip ttl set; value: not a test, it changes the packet */
	MATCH_TTL, /* ip ttl; value */
	MATCH_HAS_PORTS, /* meta l4proto { tcp, udp, sctp } */
	MATCH_LOG, /* log: to where the policy says */
	MATCH_DESTINATION_MAC, /* ether daddr; data */
	MATCH_UNICAST_MAC, /* ether daddr & 01:... == 0 */
	MATCH_GROUP_MAC, /* ether daddr & 01:... != 0: multicast or broadcast */
	MATCH_ETHER_TYPE, /* ether type; port holds it */
	MATCH_ETHER_TYPE_IP, /* ether type { ip, arp, ip6 }: without a VLAN tag */
	MATCH_VLAN, /* vlan id: that of the rule */
	MATCH_VLAN_TYPE, /* vlan type, of what is in the tag; port holds it */
	MATCH_ARP, /* arp htype 1 arp ptype ip arp hlen 6 arp plen 4: Ethernet and IPv4 (RFC 826) */
	MATCH_ARP_REPLY, /* the same, and arp operation reply */
	MATCH_ARP_SENDER_OWN, /* arp saddr ether @own_mac; left out where the device changes its address by itself */
	MATCH_ARP_SENDER, /* arp saddr ip: the rule's prefix */
	MATCH_ND_TARGET, /* @th,64,128: whom an advertisement is about (RFC 4861), the rule's prefix of one address */
	MATCH_ARP_TARGET, /* arp daddr ip: the rule's prefix */
	MATCH_ARP_NO_SENDER, /* arp saddr ip 0.0.0.0 */
	MATCH_ROUTED, /* meta rtclassid != 4294967295: it has a route, as nothing of packet sockets has */
	MATCH_OF_PROGRAM, /* meta skuid != 4294967295: it comes from a socket, not from the kernel itself */
	MATCH_LENGTHS, /* meta length { ... }; types: bytes of the packet as the hook sees it */
	MATCH_LENGTH_AT_MOST, /* meta length <= port: what is really there, whatever a header says */
	MATCH_KINDS,
};

enum { ICMP_TYPES_MAX = 4 };

/* ICMP and ICMPv6 types (RFC 792; RFC 4443; RFC 2710 and 3810; RFC 4861). */
enum {
	ICMP_ECHO_REPLY = 0,
	ICMP_ECHO_REQUEST = 8,
	ICMP_UNREACHABLE = 3, /* with code 4, fragmentation needed: path MTU discovery */
	ICMP_EXCEEDED = 11,
	ICMP_PARAMETER = 12,
	ICMPV6_UNREACHABLE = 1,
	ICMPV6_TOO_BIG = 2,
	ICMPV6_EXCEEDED = 3,
	ICMPV6_PARAMETER = 4,
	ICMPV6_ECHO_REQUEST = 128,
	ICMPV6_ECHO_REPLY = 129,
	MLD_QUERY = 130,
	MLD_REPORT = 131,
	MLD_DONE = 132,
	ND_ROUTER_SOLICIT = 133,
	ND_ROUTER_ADVERT = 134,
	ND_NEIGHBOR_SOLICIT = 135,
	ND_NEIGHBOR_ADVERT = 136,
	MLD2_REPORT = 143,
};

/* NF_CT_STATE_UNTRACKED_BIT of the kernel, which its headers keep from user space. */
enum { CT_STATE_UNTRACKED = 1 << 6 };

/* Bytes that matches compare with, and a name: all in one place, so that a match needs no pointer. */
struct match_constants {
	char nothing; /* at 0, which stands for none */
	uint8_t link_local[16];
	uint8_t link_multicast[16];
	uint8_t unspecified[16];
	uint8_t multicast[16];
	uint8_t loopback4[4];
	uint8_t loopback6[16];
	uint8_t broadcast[4];
	uint8_t dhcpv6_servers[16];
	uint8_t slow_multicast[MAC_LENGTH];
	uint8_t bridge_group[MAC_LENGTH];
};

extern const struct match_constants match_constants;

struct match {
	uint8_t kind; /* enum match_kind */
	union {
		uint8_t set; /* enum set_id */
		uint8_t protocol;
		uint8_t value;
		uint8_t prefix_length;
	};
	bool far_port; /* in-set matches: the port of the key is the peer's own, else ours */
	uint8_t data; /* where its bytes are in match_constants, 0: none */
	union {
		struct {
			uint16_t port; /* host byte order; of MATCH_PORTS the source */
			uint16_t second_port; /* of MATCH_PORTS the destination */
		};
		uint8_t types[ICMP_TYPES_MAX]; /* at least one; 0 behind the last */
	};
};

/* String or address bytes; NULL: it has none. */
static inline const void *match_data(const struct match *match)
{
	return match->data ? (const char *)&match_constants + match->data : NULL;
}

/*
 * GOTO: to the chain of the netdev table that decides for all links, in the same direction. JUMP: to
 * CHAIN_ATTEMPTS, that of sealed links to CHAIN_LINK_ATTEMPTS; from the egress of a link to CHAIN_LINK_NEW_MAC, from
 * the chain for all links to CHAIN_LINK_SOURCE. NONE: the next rule decides.
 */
enum verdict { VERDICT_DROP, VERDICT_ACCEPT, VERDICT_GOTO, VERDICT_JUMP, VERDICT_RETURN, VERDICT_NONE };

/* When a row of the rule table is part of a plan. */
enum {
	WHEN_IPV4 = 1 << 0,
	WHEN_IPV6 = 1 << 1,
	WHEN_ANY_FAMILY = 1 << 2, /* one rule for both families */
	WHEN_CT = 1 << 3, /* only with connection tracking */
	WHEN_STATELESS = 1 << 4, /* only without */
	WHEN_DNS_ANY = 1 << 5,
	FOR_NETWORK_OUT = 1 << 6, /* once for each network of --allow */
	FOR_NETWORK_IN = 1 << 7,
	FOR_NETWORK_TCP = 1 << 8,
	FOR_NETWORK_UDP = 1 << 9,
	FOR_DHCP_SERVER = 1 << 10, /* once for each interface */
	ONLY_INET = 1 << 11, /* rows of in- and outbound_chain are in the inet and the netdev table, but for these */
	ONLY_NETDEV = 1 << 12,
	FOR_ON_LINK = 1 << 13, /* once for each prefix of the family; rows of any family are about ARP, so IPv4 */
	FOR_VLAN = 1 << 14, /* once for each VLAN of the link */
	WHEN_DHCP_SERVER = 1 << 15,
	WHEN_ETHERNET = 1 << 16, /* on links with Ethernet headers */
	WHEN_IP_LINK = 1 << 17, /* on links without */
	WHEN_FIXED_MAC = 1 << 18, /* on links without LINK_ANY_MAC */
	WHEN_FIB = 1 << 19, /* only where the kernel can look addresses up */
	WHEN_ANY_VLAN = 1 << 20, /* on links with LINK_ANY_VLAN */
	WHEN_ROUTES = 1 << 21, /* only where the kernel says whether a packet has a route */
	FOR_NETWORK_PORTLESS = 1 << 22, /* of protocols other than TCP and UDP; their direction is FOR_NETWORK_OUT */
	FOR_GATEWAY = 1 << 23, /* once for each gateway of the family; rows of any family are about ARP, so IPv4 */
	WHEN_LOG = 1 << 24,
	FOR_NETWORK_PORTS = 1 << 25, /* with a port of ours, and these have no other rows; direction as above */
	ONLY_INGRESS = 1 << 26, /* rows of the chains of links are in both, but for these */
	ONLY_EGRESS = 1 << 27,
	FOR_NETWORK_ICMP = 1 << 28, /* to be pinged: its direction is FOR_NETWORK_OUT */
	WHEN_ALL_ROUTED = 1 << 29, /* only where every link sees the routes of packets: see policy_sees_routes */
	WHEN_UNROUTED = 1 << 30, /* only where not */
	WHEN_IP = WHEN_IPV4 | WHEN_IPV6,
	FOR_EVERY_NETWORK = FOR_NETWORK_OUT | FOR_NETWORK_IN | FOR_NETWORK_TCP | FOR_NETWORK_UDP |
			    FOR_NETWORK_PORTLESS | FOR_NETWORK_PORTS,
};

enum { RULE_MATCHES_MAX = 6 };

struct rule_row {
	uint8_t chain; /* enum chain_id */
	uint8_t verdict; /* enum verdict */
	uint16_t comment; /* of rule_comment */
	uint32_t when;
	uint8_t passes; /* LINK_ bits, of which the link needs one; 0: none */
	uint8_t matches[RULE_MATCHES_MAX + 1]; /* where they are in rule_matches, then 0 */
};

/* Each match that a row has, once; the first is MATCH_END. */
extern const struct match rule_matches[];

/* The match of that number of a row; behind the last one MATCH_END. */
static inline const struct match *row_match(const struct rule_row *row, size_t number)
{
	return &rule_matches[row->matches[number]];
}

extern const struct rule_row rule_rows[];
extern const size_t rule_row_count;

/* A rule of the plan: a row made concrete. */
struct rule {
	const struct rule_row *row;
	const struct policy *policy;
	struct chain chain;
	enum ip_family family; /* meaningless for WHEN_ANY_FAMILY rows */
	const struct policy_network *network; /* NULL unless the row is for networks */
	const char *interface; /* NULL unless the row is for interfaces */
	const struct policy_prefix *prefix; /* NULL unless the row is for on-link prefixes */
	uint16_t vlan; /* of FOR_VLAN rows */
};

/* Comments of one rule for each thing that was asked for, the first two with its words: "--allow gre:192.0.2.1". */
#define RULE_ALLOW "--allow"
#define RULE_TUNNEL "tunnel"
#define RULE_DNS_ANY "--dns any"

/* What nft shows beside the rule. */
void rule_comment(const struct rule *rule, struct text *text);

enum { RULE_COMMENT_SIZE = 128 }; /* no rule needs more, and nft takes no more */

/* Calls visit for each rule of the table, chain by chain in order, until one call returns non-zero, then returned. */
int policy_each_rule(const struct policy *policy, enum table_id table,
		     int (*visit)(void *context, const struct rule *rule), void *context);

#endif
