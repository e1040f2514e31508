/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The least that anybody can do: sends the bytes of a file, a recorded nf_tables transaction, to the kernel and reads
 * its answers. Usage: floor FILE. Exits 0 when the kernel accepted it.
 */
#include <fcntl.h>
#include <linux/netlink.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

/* Whether there was an answer and none of them was a refusal. */
static int read_answers(int netlink)
{
	static union {
		struct nlmsghdr header;
		char bytes[8192];
	} buffer;
	int answers = 0;
	ssize_t length;
	while ((length = recv(netlink, &buffer, sizeof buffer, MSG_DONTWAIT)) > 0) {
		const struct nlmsghdr *message = &buffer.header;
		for (size_t left = (size_t)length; NLMSG_OK(message, left); message = NLMSG_NEXT(message, left)) {
			const struct nlmsgerr *answer = NLMSG_DATA(message);
			if (message->nlmsg_type == NLMSG_ERROR && answer->error != 0)
				return 0;
			answers++;
		}
	}
	return answers > 0;
}

int main(int argc, char **argv)
{
	struct stat status;
	struct sockaddr_nl kernel = { .nl_family = AF_NETLINK };
	int file = open(argc > 1 ? argv[1] : "", O_RDONLY);
	if (file < 0 || fstat(file, &status) < 0)
		return 2;
	const void *batch = mmap(NULL, (size_t)status.st_size, PROT_READ, MAP_PRIVATE, file, 0);
	int netlink = socket(AF_NETLINK, SOCK_RAW, NETLINK_NETFILTER);
	int size = (int)status.st_size + 65536;
	if (batch == MAP_FAILED || netlink < 0)
		return 2;
	if (size > 2 * 65536)
		setsockopt(netlink, SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof size);
	if (sendto(netlink, batch, (size_t)status.st_size, 0, (struct sockaddr *)&kernel, sizeof kernel) < 0)
		return 3;
	return read_answers(netlink) ? 0 : 4;
}
