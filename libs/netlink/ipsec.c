/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "netlink/ipsec.h"

#include <errno.h>
#include <linux/xfrm.h>
#include <string.h>

#include "netlink/socket.h"

struct visitor {
	void (*visit)(void *context, const struct ipsec_policy *policy);
	void *context;
};

static size_t bits_of(unsigned family)
{
	return family == AF_INET ? 32 : family == AF_INET6 ? 128 : 0;
}

/* Of the outermost of the templates, which come in the order in which they wrap. */
static void read_endpoint(struct ipsec_policy *policy, const struct nlattr *templates)
{
	size_t count = (templates->nla_len - sizeof *templates) / sizeof(struct xfrm_user_tmpl);
	const struct xfrm_user_tmpl *last = (const struct xfrm_user_tmpl *)(templates + 1) + count - 1;
	if (count == 0 || last->mode == XFRM_MODE_TRANSPORT || !bits_of(last->family))
		return;
	policy->endpoint_family = (uint8_t)last->family;
	policy->endpoint = (const uint8_t *)&last->id.daddr;
}

static int take_policy(const struct netlink_message *message, void *context)
{
	const struct visitor *visitor = context;
	const struct nlattr *templates = message->of[XFRMA_TMPL];
	/* the structure has numbers of 8 bytes as well, for which it may stand badly */
	const uint8_t *direction = (const uint8_t *)message->header + offsetof(struct xfrm_userpolicy_info, dir);
	const struct xfrm_selector *selector = message->header;
	if (*direction != XFRM_POLICY_OUT || !templates || message->of[XFRMA_MARK] || message->of[XFRMA_IF_ID] ||
	    !bits_of(selector->family) || selector->prefixlen_d > bits_of(selector->family))
		return 0;
	struct ipsec_policy policy = {
		.family = (uint8_t)selector->family,
		.prefix_length = selector->prefixlen_d,
		.endpoint_family = (uint8_t)selector->family,
		.prefix = (const uint8_t *)&selector->daddr,
		.endpoint = (const uint8_t *)&selector->daddr,
	};
	read_endpoint(&policy, templates);
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
