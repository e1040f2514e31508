/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "netlink/ipsec.h"

#include <netinet/in.h>
#include <string.h>
/* after netinet/in.h: musl's definitions and the kernel's exclude each other only in this order */
#include <linux/xfrm.h>

#include "netlink/socket.h"

struct visitor {
	void (*visit)(void *context, const struct ipsec_policy *policy);
	void *context;
};

static unsigned bits_of(unsigned family)
{
	return family == AF_INET ? 32 : family == AF_INET6 ? 128 : 0;
}

/* Templates come in the order in which they wrap: the last tunnel among them says where all goes. */
static void read_templates(struct ipsec_policy *policy, const struct nlattr *templates)
{
	const struct xfrm_user_tmpl *template = (const struct xfrm_user_tmpl *)(templates + 1);
	size_t count = (templates->nla_len - sizeof *templates) / sizeof *template;
	for (; count > 0; count--, template++) {
		policy->esp |= template->id.proto == IPPROTO_ESP;
		if (template->mode == XFRM_MODE_TRANSPORT || !bits_of(template->family))
			continue;
		policy->endpoint_family = (uint8_t)template->family;
		policy->endpoint = (const uint8_t *)&template->id.daddr;
	}
}

static int take_policy(const struct netlink_message *message, void *context)
{
	const struct visitor *visitor = context;
	const struct nlattr *templates = message->of[XFRMA_TMPL];
	const struct xfrm_selector *selector = message->header;
	struct xfrm_userpolicy_info info;
	memcpy(&info, message->header, sizeof info); /* it has numbers of 8 bytes, and stands at a multiple of 4 */
	unsigned bits = bits_of(selector->family);
	if (info.dir != XFRM_POLICY_OUT || info.action != XFRM_POLICY_ALLOW || message->of[XFRMA_MARK] ||
	    message->of[XFRMA_IF_ID] || selector->ifindex || selector->sport_mask || selector->dport_mask ||
	    (selector->proto && selector->proto != IPPROTO_TCP) || !bits || selector->prefixlen_s > bits ||
	    selector->prefixlen_d > bits)
		return 0;
	struct ipsec_policy policy = {
		.family = (uint8_t)selector->family,
		.source_length = selector->prefixlen_s,
		.destination_length = selector->prefixlen_d,
		.priority = info.priority,
		.source = (const uint8_t *)&selector->saddr,
		.destination = (const uint8_t *)&selector->daddr,
	};
	if (templates)
		read_templates(&policy, templates);
	visitor->visit(visitor->context, &policy);
	return 0;
}

int ipsec_each_policy(void (*visit)(void *context, const struct ipsec_policy *policy), void *context)
{
	_Alignas(struct nlmsghdr) char buffer[128];
	struct visitor visitor = { visit, context };
	struct netlink netlink;
	int result = netlink_open(&netlink, NETLINK_XFRM, NULL);
	if (result < 0)
		return result;
	netlink.takes_interrupted = true;
	struct nlmsghdr *request =
		netlink_begin(buffer, XFRM_MSG_GETPOLICY, NLM_F_DUMP, sizeof(struct xfrm_userpolicy_id), 0);
	result = netlink_request(&netlink, request, sizeof(struct xfrm_userpolicy_info), take_policy, &visitor);
	netlink_close(&netlink);
	return result;
}
