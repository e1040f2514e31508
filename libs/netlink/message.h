/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Netlink's messages: how a request begins, and what the attributes of an answer hold. */
#ifndef NETLINK_MESSAGE_H
#define NETLINK_MESSAGE_H

#include <libmnl/libmnl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct address;

/* Attributes' types are looked for below this: the highest one is IFLA_XDP of linux/if_link.h. */
enum { NETLINK_TYPES = 44 };

/* A message taken apart. All points into it. */
struct netlink_message {
	const struct nlmsghdr *whole;
	const void *header; /* what the protocol has before the attributes */
	const struct nlattr *of[NETLINK_TYPES]; /* the attributes by their type; NULL: not there */
};

/* False when the message is shorter than its header, whose size is given. */
bool netlink_take_apart(struct netlink_message *message, const struct nlmsghdr *whole, size_t header_size);

/* The same for attributes that stand anywhere. Of several of a type the last one counts. */
void netlink_index(const struct nlattr *of[NETLINK_TYPES], const void *bytes, size_t length);

/*
 * Begins a request (NLM_F_REQUEST and these flags) with the protocol's header of so many bytes: all 0 but for the
 * first, which in most protocols is the family.
 */
struct nlmsghdr *netlink_begin(void *buffer, uint16_t type, uint16_t flags, size_t header_size, uint8_t family);

/* Adds a number of 8 bytes, which it takes in the host's byte order, in the network's. */
void netlink_put_network_u64(struct nlmsghdr *message, uint16_t type, uint64_t number);

/* ---- an attribute: each of these takes NULL for one that is not there ---- */

/* The attribute behind this one in a nest, the first one for NULL; NULL when there is no more. */
const struct nlattr *netlink_next(const struct nlattr *nest, const struct nlattr *attribute);

#define netlink_for_each_nested(attribute, nest) \
	for ((attribute) = NULL; ((attribute) = netlink_next((nest), (attribute))) != NULL;)

/* The attribute of this type in a nest. */
const struct nlattr *netlink_find(const struct nlattr *nest, int type);

/* What it holds; NULL when it is shorter. */
const void *netlink_bytes(const struct nlattr *attribute, size_t length);

/* Whether it holds exactly so many bytes. */
bool netlink_holds(const struct nlattr *attribute, size_t size);

/* A number of exactly so many bytes, 1 to 8, in the host's order or the network's; 0 when it is not one. */
uint64_t netlink_number(const struct nlattr *attribute, size_t size);
uint64_t netlink_network_number(const struct nlattr *attribute, size_t size);

/* Reads an address of the family that `address` has already. False when it is not one. */
bool netlink_read_address(const struct nlattr *attribute, struct address *address);

/* "" when it does not end in NUL. */
const char *netlink_string(const struct nlattr *attribute);

#endif
