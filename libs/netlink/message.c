/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "netlink/message.h"

#include <endian.h>
#include <string.h>

#include "base/address.h"

void netlink_index(const struct nlattr *of[NETLINK_TYPES], const void *bytes, size_t length)
{
	const struct nlattr *attribute = bytes;
	int left = (int)length;
	memset(of, 0, NETLINK_TYPES * sizeof *of);
	for (; mnl_attr_ok(attribute, left); attribute = mnl_attr_next(attribute)) {
		uint16_t type = mnl_attr_get_type(attribute);
		if (type < NETLINK_TYPES)
			of[type] = attribute;
		left -= (int)MNL_ALIGN(attribute->nla_len);
	}
}

bool netlink_take_apart(struct netlink_message *message, const struct nlmsghdr *whole, size_t header_size)
{
	size_t length = mnl_nlmsg_get_payload_len(whole);
	size_t begin = NLMSG_ALIGN(header_size);
	if (length < begin)
		return false;
	message->whole = whole;
	message->header = mnl_nlmsg_get_payload(whole);
	netlink_index(message->of, (const char *)message->header + begin, length - begin);
	return true;
}

struct nlmsghdr *netlink_begin(void *buffer, uint16_t type, uint16_t flags, size_t header_size, uint8_t family)
{
	struct nlmsghdr *request = mnl_nlmsg_put_header(buffer);
	request->nlmsg_type = type;
	request->nlmsg_flags = NLM_F_REQUEST | flags;
	*(uint8_t *)mnl_nlmsg_put_extra_header(request, header_size) = family;
	return request;
}

void netlink_put_network_u64(struct nlmsghdr *message, uint16_t type, uint64_t number)
{
	uint8_t bytes[8];
	for (size_t i = sizeof bytes; i > 0; number >>= 8)
		bytes[--i] = (uint8_t)number;
	mnl_attr_put(message, type, sizeof bytes, bytes);
}

const struct nlattr *netlink_next(const struct nlattr *nest, const struct nlattr *attribute)
{
	if (!nest)
		return NULL;
	const struct nlattr *next = attribute ? mnl_attr_next(attribute) : mnl_attr_get_payload(nest);
	return mnl_attr_ok(next, (int)((const char *)nest + nest->nla_len - (const char *)next)) ? next : NULL;
}

const struct nlattr *netlink_find(const struct nlattr *nest, int type)
{
	const struct nlattr *attribute;
	netlink_for_each_nested(attribute, nest) {
		if (mnl_attr_get_type(attribute) == type)
			break;
	}
	return attribute;
}

const void *netlink_bytes(const struct nlattr *attribute, size_t length)
{
	return attribute && attribute->nla_len >= sizeof *attribute + length ? attribute + 1 : NULL;
}

bool netlink_holds(const struct nlattr *attribute, size_t size)
{
	return attribute && attribute->nla_len == sizeof *attribute + size;
}

uint64_t netlink_network_number(const struct nlattr *attribute, size_t size)
{
	uint64_t number = 0;
	if (!netlink_holds(attribute, size))
		return 0;
	for (const uint8_t *byte = (const uint8_t *)(attribute + 1); size > 0; size--)
		number = number << 8 | *byte++;
	return number;
}

uint64_t netlink_number(const struct nlattr *attribute, size_t size)
{
	uint64_t number = 0;
	if (BYTE_ORDER == BIG_ENDIAN)
		return netlink_network_number(attribute, size);
	if (!netlink_holds(attribute, size))
		return 0;
	for (const uint8_t *bytes = (const uint8_t *)(attribute + 1); size > 0;)
		number = number << 8 | bytes[--size];
	return number;
}

bool netlink_read_address(const struct nlattr *attribute, struct address *address)
{
	size_t length = address_length(address);
	if (!netlink_holds(attribute, length))
		return false;
	memcpy(address->bytes, attribute + 1, length);
	return true;
}

const char *netlink_string(const struct nlattr *attribute)
{
	const char *string = netlink_bytes(attribute, 1);
	return string && ((const char *)attribute)[attribute->nla_len - 1] == '\0' ? string : "";
}
