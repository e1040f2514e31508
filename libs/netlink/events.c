/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "netlink/events.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/filter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/text.h"
#include "netlink/message.h"

enum { GROUP_RULES = 1 << (NFNLGRP_NFTABLES - 1),
       GROUPS_LINKS = RTMGRP_LINK | RTMGRP_IPV4_IFADDR | RTMGRP_IPV4_ROUTE | RTMGRP_IPV6_IFADDR | RTMGRP_IPV6_ROUTE,
       END_OF_RULES = NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_NEWGEN, /* a message that the kernel sends by itself */
       MESSAGES_SIZE = 512,
       READS_MAX = 1024, /* of one look: who changes without end does not hold us up */
};

static int listen_to(int bus, uint32_t groups)
{
	const struct sockaddr_nl address = { .nl_family = AF_NETLINK, .nl_groups = groups };
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, bus);
	if (fd < 0)
		return -errno;
	if (bind(fd, (const struct sockaddr *)&address, sizeof address) == 0)
		return fd;
	int error = errno;
	close(fd);
	return -error;
}

/*
 * The kernel tells of each rule and element: without a filter a large set, or our own transaction while we are busy,
 * fills the buffer, and who did it is lost. BPF loads in network byte order what nlmsg_type has in the machine's. A
 * kernel that takes no filter costs no more than that.
 */
static void hear_ends_only(int fd)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_H | BPF_ABS, offsetof(struct nlmsghdr, nlmsg_type)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, htons(END_OF_RULES), 0, 1),
		BPF_STMT(BPF_RET | BPF_K, UINT32_MAX),
		BPF_STMT(BPF_RET | BPF_K, 0),
	};
	const struct sock_fprog program = { sizeof code / sizeof *code, code };
	(void)setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof program);
}

int netlink_events_open(struct netlink_events *events, struct diag *diag)
{
	events->links = -1;
	(void)prctl(PR_GET_NAME, events->own);
	events->rules = listen_to(NETLINK_NETFILTER, GROUP_RULES);
	if (events->rules == -EPERM)
		return diag_fail(diag, EPERM, "listen to changes: not permitted (needs CAP_NET_ADMIN)");
	if (events->rules < 0)
		return diag_errno(diag, -events->rules, "listen to changes");
	hear_ends_only(events->rules);
	events->links = listen_to(NETLINK_ROUTE, GROUPS_LINKS);
	if (events->links >= 0)
		return 0;
	int error = -events->links;
	netlink_events_close(events);
	return diag_errno(diag, error, "listen to changes");
}

void netlink_events_close(struct netlink_events *events)
{
	if (events->rules >= 0)
		close(events->rules);
	if (events->links >= 0)
		close(events->links);
	events->rules = -1;
	events->links = -1;
}

/* The end of a transaction says whose it was (NFTA_GEN_ of linux/netfilter/nf_tables.h). */
static void take_generation(const struct netlink_events *events, const struct nlmsghdr *whole, int own,
			    struct netlink_news *news)
{
	struct netlink_message message;
	if (whole->nlmsg_type != END_OF_RULES ||
	    !netlink_take_apart(&message, whole, sizeof(struct nfgenmsg)))
		return;
	if (netlink_network_number(message.of[NFTA_GEN_PROC_PID], 4) == (uint64_t)own)
		return;
	const char *program = netlink_string(message.of[NFTA_GEN_PROC_NAME]);
	news->rules = true;
	if (!*news->program || strcmp(program, events->own) != 0)
		text_copy(news->program, sizeof news->program, program);
}

/* Only the kernel's own messages: another process can send to our port. Returns false when there are no more. */
static bool read_rules(const struct netlink_events *events, int own, struct netlink_news *news)
{
	_Alignas(struct nlmsghdr) char bytes[MESSAGES_SIZE];
	struct sockaddr_nl from;
	socklen_t from_size = sizeof from;
	ssize_t length = recvfrom(events->rules, bytes, sizeof bytes, 0, (struct sockaddr *)&from, &from_size);
	if (length < 0 && errno == ENOBUFS)
		news->rules = true;
	if (length < 0)
		return errno == ENOBUFS || errno == EINTR;
	int left = (int)length;
	const struct nlmsghdr *message = (const struct nlmsghdr *)bytes;
	for (; from.nl_pid == 0 && mnl_nlmsg_ok(message, left); message = mnl_nlmsg_next(message, &left))
		take_generation(events, message, own, news);
	return true;
}

/* What it is does not matter: that there is something does. */
static bool read_links(int fd, struct netlink_news *news)
{
	char byte;
	ssize_t length = recv(fd, &byte, sizeof byte, 0);
	news->links |= length > 0 || errno == ENOBUFS;
	return length > 0 || errno == ENOBUFS || errno == EINTR;
}

void netlink_events_read(struct netlink_events *events, int own, struct netlink_news *news)
{
	int reads = 0;
	while (reads < READS_MAX && read_rules(events, own, news))
		reads++;
	while (reads < 2 * READS_MAX && read_links(events->links, news))
		reads++;
}
