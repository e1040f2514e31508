/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * refuse_netlink COMMAND...: the command's socket(AF_NETLINK, ..., BUS) fails with EPROTONOSUPPORT, as on a kernel that was
 * built without it. BUS, of the compiler's command line, is NETLINK_NETFILTER or another.
 */
#include <errno.h>
#include <linux/filter.h>
#include <linux/netlink.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef BUS
#define BUS NETLINK_NETFILTER
#endif

#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#define LOW(field) ((unsigned)offsetof(struct seccomp_data, field))
#else
#define LOW(field) ((unsigned)offsetof(struct seccomp_data, field) + 4)
#endif
#define LOAD(offset) BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offset)
#define SKIP_UNLESS(value, count) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, value, 0, count)

int main(int argc, char **argv)
{
	if (argc < 2)
		return 2;
	struct sock_filter filter[] = {
		LOAD((unsigned)offsetof(struct seccomp_data, nr)),
		SKIP_UNLESS(SYS_socket, 5),
		LOAD(LOW(args[0])),
		SKIP_UNLESS(AF_NETLINK, 3),
		LOAD(LOW(args[2])),
		SKIP_UNLESS(BUS, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPROTONOSUPPORT),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = { sizeof filter / sizeof *filter, filter };
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) || prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program)) {
		perror("seccomp");
		return 2;
	}
	execvp(argv[1], argv + 1);
	perror(argv[1]);
	return 2;
}
