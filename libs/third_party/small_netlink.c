/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * libmnl's messages and attributes, as far as they are used. What a prebuilt archive brings beside them, above all
 * functions that print, is 2 KB that no linker can leave out of one object file; these the compiler puts into what
 * calls them. Sockets are libmnl's own. This comes before the archive at link time. Formats: linux/netlink.h.
 */
#include <libmnl/libmnl.h>
#include <string.h>

enum { MESSAGE_HEADER = sizeof(struct nlmsghdr), ATTRIBUTE_HEADER = sizeof(struct nlattr) }; /* multiples of 4 */

static uint32_t aligned(size_t size)
{
	return ((uint32_t)size + 3) & ~(uint32_t)3;
}

#define AT(base, offset) ((void *)((char *)(base) + (offset)))
#define CONST_AT(base, offset) ((const void *)((const char *)(base) + (offset)))

/* ---- messages ---- */

struct nlmsghdr *mnl_nlmsg_put_header(void *buffer)
{
	struct nlmsghdr *message = memset(buffer, 0, MESSAGE_HEADER);
	message->nlmsg_len = MESSAGE_HEADER;
	return message;
}

void *mnl_nlmsg_put_extra_header(struct nlmsghdr *message, size_t size)
{
	void *header = AT(message, message->nlmsg_len);
	message->nlmsg_len += aligned(size);
	return memset(header, 0, aligned(size));
}

void *mnl_nlmsg_get_payload(const struct nlmsghdr *message)
{
	return (void *)(uintptr_t)CONST_AT(message, MESSAGE_HEADER); /* not const, as libmnl has it */
}

size_t mnl_nlmsg_get_payload_len(const struct nlmsghdr *message)
{
	return message->nlmsg_len - MESSAGE_HEADER;
}

void *mnl_nlmsg_get_payload_tail(const struct nlmsghdr *message)
{
	return (void *)(uintptr_t)CONST_AT(message, aligned(message->nlmsg_len));
}

bool mnl_nlmsg_ok(const struct nlmsghdr *message, int left)
{
	return left >= (int)sizeof *message && message->nlmsg_len >= sizeof *message &&
	       message->nlmsg_len <= (unsigned int)left;
}

struct nlmsghdr *mnl_nlmsg_next(const struct nlmsghdr *message, int *left)
{
	*left -= (int)aligned(message->nlmsg_len);
	return mnl_nlmsg_get_payload_tail(message);
}

/* ---- attributes ---- */

uint16_t mnl_attr_get_type(const struct nlattr *attribute)
{
	return attribute->nla_type & (uint16_t)NLA_TYPE_MASK;
}

uint16_t mnl_attr_get_payload_len(const struct nlattr *attribute)
{
	return (uint16_t)(attribute->nla_len - ATTRIBUTE_HEADER);
}

void *mnl_attr_get_payload(const struct nlattr *attribute)
{
	return (void *)(uintptr_t)CONST_AT(attribute, ATTRIBUTE_HEADER);
}

bool mnl_attr_ok(const struct nlattr *attribute, int left)
{
	return left >= (int)sizeof *attribute && attribute->nla_len >= sizeof *attribute && attribute->nla_len <= left;
}

struct nlattr *mnl_attr_next(const struct nlattr *attribute)
{
	return (void *)(uintptr_t)CONST_AT(attribute, aligned(attribute->nla_len));
}

void mnl_attr_put(struct nlmsghdr *message, uint16_t type, size_t size, const void *payload)
{
	struct nlattr *attribute = mnl_nlmsg_get_payload_tail(message);
	attribute->nla_type = type;
	attribute->nla_len = (uint16_t)(ATTRIBUTE_HEADER + size);
	memcpy(AT(attribute, ATTRIBUTE_HEADER), payload, size);
	memset(AT(attribute, attribute->nla_len), 0, aligned(size) - size);
	message->nlmsg_len += (uint32_t)(ATTRIBUTE_HEADER + aligned(size));
}

void mnl_attr_put_u8(struct nlmsghdr *message, uint16_t type, uint8_t value)
{
	mnl_attr_put(message, type, sizeof value, &value);
}

void mnl_attr_put_u16(struct nlmsghdr *message, uint16_t type, uint16_t value)
{
	mnl_attr_put(message, type, sizeof value, &value);
}

void mnl_attr_put_u32(struct nlmsghdr *message, uint16_t type, uint32_t value)
{
	mnl_attr_put(message, type, sizeof value, &value);
}

void mnl_attr_put_strz(struct nlmsghdr *message, uint16_t type, const char *text)
{
	mnl_attr_put(message, type, strlen(text) + 1, text);
}

struct nlattr *mnl_attr_nest_start(struct nlmsghdr *message, uint16_t type)
{
	struct nlattr *nest = mnl_nlmsg_get_payload_tail(message);
	nest->nla_type = NLA_F_NESTED | type;
	message->nlmsg_len += ATTRIBUTE_HEADER;
	return nest;
}

void mnl_attr_nest_end(struct nlmsghdr *message, struct nlattr *nest)
{
	nest->nla_len = (uint16_t)((char *)mnl_nlmsg_get_payload_tail(message) - (char *)nest);
}
