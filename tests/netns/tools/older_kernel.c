/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * older_kernel LACKS COMMAND...: the command meets a kernel that refuses part of its nf_tables transactions: egress (before
 * Linux 5.16), netdev (no hook of that family), bridge (not built), ct (no connection tracking), fib (addresses are not looked
 * up), route (nothing is said of a packet's route: built without CONFIG_IP_ROUTE_CLASSID), later (before 6.18).
 *
 * What it sends is changed on its way into the kernel to something that no kernel knows, so that the answer is the kernel's
 * own: EOPNOTSUPP for a hook or a family, ENOENT for an expression, EINVAL for an attribute. With DISTURBED=yes in the
 * environment somebody changes another table just before each transaction: it never is of the generation that was looked at.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netlink.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum { UNKNOWN_HOOK = 7, UNKNOWN_FAMILY = 12, DEVICE_PREFIX = 2, UNKNOWN_DEVICE_ATTRIBUTE = 9, UNKNOWN_META_KEY = 99 };

static void fail(const char *what)
{
	fprintf(stderr, "older_kernel: %s: %s\n", what, strerror(errno));
	exit(2);
}

#define EACH_ATTRIBUTE(attribute, begin, end) \
	struct nlattr *attribute = (struct nlattr *)(void *)(begin); \
	(char *)attribute + sizeof *attribute <= (end) && attribute->nla_len >= sizeof *attribute; \
	attribute = (struct nlattr *)(void *)((char *)attribute + NLA_ALIGN(attribute->nla_len))

static unsigned type_of(const struct nlattr *attribute)
{
	return attribute->nla_type & NLA_TYPE_MASK;
}

static char *payload(struct nlattr *attribute)
{
	return (char *)attribute + NLA_HDRLEN;
}

static char *end_of(struct nlattr *attribute)
{
	return (char *)attribute + attribute->nla_len;
}

static void change_devices(struct nlattr *devices)
{
	for (EACH_ATTRIBUTE(device, payload(devices), end_of(devices))) {
		if (type_of(device) == DEVICE_PREFIX)
			device->nla_type = UNKNOWN_DEVICE_ATTRIBUTE;
	}
}

static void change_hook(struct nlattr *hook, const char *lacks)
{
	for (EACH_ATTRIBUTE(attribute, payload(hook), end_of(hook))) {
		if (type_of(attribute) == NFTA_HOOK_DEVS && strcmp(lacks, "later") == 0)
			change_devices(attribute);
		if (type_of(attribute) != NFTA_HOOK_HOOKNUM)
			continue;
		uint32_t *number = (uint32_t *)(void *)payload(attribute);
		if (strcmp(lacks, "netdev") == 0 || (strcmp(lacks, "egress") == 0 && *number == htonl(1)))
			*number = htonl(UNKNOWN_HOOK);
	}
}

static void change_expressions(char *from, char *end, const char *expression)
{
	struct {
		struct nlattr header;
		char name[4];
	} name = { { (uint16_t)(NLA_HDRLEN + strlen(expression) + 1), NFTA_EXPR_NAME }, "" };
	char *found;
	strcpy(name.name, expression);
	while ((found = memmem(from, (size_t)(end - from), &name, name.header.nla_len))) {
		found[NLA_HDRLEN] = '?';
		from = found + name.header.nla_len;
	}
}

static void change_route(char *from, char *end)
{
	struct {
		struct nlattr header;
		uint32_t key;
	} route = { { sizeof route, NFTA_META_KEY }, htonl(NFT_META_RTCLASSID) };
	char *found;
	while ((found = memmem(from, (size_t)(end - from), &route, sizeof route)))
		found[NLA_HDRLEN + 3] = UNKNOWN_META_KEY;
}

static void change_message(struct nlmsghdr *message, const char *lacks)
{
	struct nfgenmsg *generic = NLMSG_DATA(message);
	char *attributes = (char *)generic + NLMSG_ALIGN(sizeof *generic);
	char *end = (char *)message + message->nlmsg_len;
	if (message->nlmsg_type >> 8 != NFNL_SUBSYS_NFTABLES)
		return;
	switch (message->nlmsg_type & 0xff) {
	case NFT_MSG_NEWTABLE:
		if (generic->nfgen_family == NFPROTO_BRIDGE && strcmp(lacks, "bridge") == 0)
			generic->nfgen_family = UNKNOWN_FAMILY;
		break;
	case NFT_MSG_NEWCHAIN:
		for (EACH_ATTRIBUTE(attribute, attributes, end)) {
			if (type_of(attribute) == NFTA_CHAIN_HOOK && generic->nfgen_family == NFPROTO_NETDEV)
				change_hook(attribute, lacks);
		}
		break;
	case NFT_MSG_NEWRULE:
		if (strcmp(lacks, "ct") == 0 || strcmp(lacks, "fib") == 0)
			change_expressions(attributes, end, lacks);
		if (strcmp(lacks, "route") == 0)
			change_route(attributes, end);
		break;
	}
}

/* What the traced process is about to send. */
struct sent {
	char *original, *changed;
	size_t length;
	off_t address;
};

static void change(struct sent *sent, const struct __ptrace_syscall_info *call, int memory, const char *lacks)
{
	sent->address = (off_t)call->entry.args[1];
	sent->length = (size_t)call->entry.args[2];
	sent->original = malloc(sent->length);
	sent->changed = malloc(sent->length);
	if (!sent->original || !sent->changed ||
	    pread(memory, sent->original, sent->length, sent->address) != (ssize_t)sent->length)
		fail("read what it sends");
	memcpy(sent->changed, sent->original, sent->length);
	const struct nlmsghdr *first = (const struct nlmsghdr *)(const void *)sent->changed;
	if (sent->length >= sizeof *first && first->nlmsg_type == NFNL_MSG_BATCH_BEGIN && getenv("DISTURBED") &&
	    system("nft 'add table inet other; delete table inet other'") != 0)
		fail("disturb");
	for (size_t at = 0; at + sizeof(struct nlmsghdr) <= sent->length;) {
		struct nlmsghdr *message = (struct nlmsghdr *)(void *)(sent->changed + at);
		if (message->nlmsg_len < sizeof *message || at + message->nlmsg_len > sent->length)
			break;
		change_message(message, lacks);
		at += NLMSG_ALIGN(message->nlmsg_len);
	}
	if (pwrite(memory, sent->changed, sent->length, sent->address) != (ssize_t)sent->length)
		fail("change what it sends");
}

/* The process goes on to look at what it has sent. */
static void put_back(struct sent *sent, int memory)
{
	if (sent->original && pwrite(memory, sent->original, sent->length, sent->address) != (ssize_t)sent->length)
		fail("put back what it sent");
	free(sent->original);
	free(sent->changed);
	*sent = (struct sent){ NULL, NULL, 0, 0 };
}

static int follow(pid_t pid, const char *lacks)
{
	char path[32];
	struct sent sent = { NULL, NULL, 0, 0 };
	int status;
	int signal = 0;
	snprintf(path, sizeof path, "/proc/%d/mem", (int)pid);
	int memory = -1;
	for (;;) {
		if (waitpid(pid, &status, 0) < 0)
			fail("wait");
		if (!WIFSTOPPED(status))
			return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
		struct __ptrace_syscall_info call = { .op = PTRACE_SYSCALL_INFO_NONE };
		signal = WSTOPSIG(status);
		if (signal == (SIGTRAP | 0x80)) {
			signal = 0;
			if (ptrace(PTRACE_GET_SYSCALL_INFO, pid, sizeof call, &call) < 0)
				fail("look at a call");
		} else if (signal == SIGTRAP || signal == SIGSTOP) {
			signal = 0;
			memory = open(path, O_RDWR); /* after exec it is another one */
			if (memory < 0)
				fail(path);
		}
		if (call.op == PTRACE_SYSCALL_INFO_ENTRY && call.entry.nr == SYS_sendto)
			change(&sent, &call, memory, lacks);
		else if (call.op == PTRACE_SYSCALL_INFO_EXIT)
			put_back(&sent, memory);
		if (ptrace(PTRACE_SYSCALL, pid, 0, signal) < 0)
			fail("go on");
	}
}

int main(int argc, char **argv)
{
	if (argc < 3)
		return 2;
	pid_t pid = fork();
	if (pid < 0)
		fail("fork");
	if (pid == 0) {
		ptrace(PTRACE_TRACEME, 0, 0, 0);
		raise(SIGSTOP);
		execvp(argv[2], argv + 2);
		fail(argv[2]);
	}
	int status;
	if (waitpid(pid, &status, 0) < 0 || ptrace(PTRACE_SETOPTIONS, pid, 0, PTRACE_O_TRACESYSGOOD | PTRACE_O_EXITKILL) < 0 ||
	    ptrace(PTRACE_SYSCALL, pid, 0, 0) < 0)
		fail("trace");
	return follow(pid, argv[1]);
}
