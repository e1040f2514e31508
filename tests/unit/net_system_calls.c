/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a confined child can't do, asked from inside it: every way to a file, a program, a process or the rule set. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/ptrace.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "net/child.h"

enum { PLENTY = 20000 }; /* milliseconds */

static const struct timespec now = { 1, 0 };
static char *const words[] = { NULL };

/* The calls themselves: a C library's function may do more, or do it in another way. */
static long make_call(unsigned which)
{
	switch (which) {
	case 0: return syscall(SYS_openat, AT_FDCWD, "/etc/passwd", O_RDONLY);
	case 1: return syscall(SYS_openat, AT_FDCWD, "/tmp/x", O_WRONLY | O_CREAT, 0600);
	case 2: return syscall(SYS_execve, "/bin/true", words, words);
	case 3: return syscall(SYS_socket, AF_NETLINK, SOCK_RAW, 12);
	case 4: return syscall(SYS_socket, AF_UNIX, SOCK_STREAM, 0);
	case 5: return syscall(SYS_socket, AF_PACKET, SOCK_RAW, 0);
	case 6: return syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0);
	case 7: return syscall(SYS_ptrace, PTRACE_ATTACH, getppid(), 0, 0);
	case 8: return syscall(SYS_kill, getppid(), 0);
#ifndef __s390x__
	case 9: return (long)mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
#endif
	case 10: return syscall(SYS_mprotect, (uintptr_t)&now & ~4095ul, 4096, PROT_READ | PROT_EXEC);
	case 11: return syscall(SYS_mount, "none", "/", "tmpfs", 0, NULL);
	case 12: return syscall(SYS_unshare, CLONE_NEWUSER);
	case 13: return syscall(SYS_ioctl, 1, TIOCSTI, "x");
	case 14: return syscall(SYS_unlinkat, AT_FDCWD, "/tmp/x", 0);
	case 15: return syscall(SYS_bind, 1, NULL, 0);
	case 16: return syscall(SYS_clock_settime, CLOCK_REALTIME, &now);
	case 17: return syscall(SYS_process_vm_writev, getppid(), NULL, 0, NULL, 0, 0);
	case 18: return syscall(SYS_setresuid, 0, 0, 0);
	case 19: return syscall(SYS_prctl, 0, 0, 0, 0, 0);
	case 20: return syscall(SYS_dup, 1);
#ifdef SYS_io_uring_setup
	case 21: return syscall(SYS_io_uring_setup, 1, NULL);
#endif
#ifdef SYS_bpf
	case 22: return syscall(SYS_bpf, 0, NULL, 0);
#endif
#ifdef __x86_64__
	case 23: return syscall(SYS_open, "/etc/passwd", O_RDONLY);
	case 24: return syscall(0x40000000 | SYS_getpid); /* x32's numbers */
#endif
	default: errno = EPERM; return -1;
	}
}

enum { CALLS = 25 };

struct answers {
	int error[CALLS]; /* 0: it could be called */
	int allowed; /* bits */
};

static int try_calls(const void *argument, void *result, struct diag *diag)
{
	(void)argument;
	(void)diag;
	struct answers *answers = result;
	struct pollfd none = { .fd = -1 };
	struct timespec time;
	char byte;
	for (unsigned i = 0; i < CALLS; i++)
		answers->error[i] = make_call(i) < 0 ? errno : 0;
	int four = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int six = socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	answers->allowed |= four >= 0 ? 1 : 0;
	answers->allowed |= six >= 0 || errno == EAFNOSUPPORT ? 2 : 0;
	answers->allowed |= poll(&none, 1, 1) == 0 ? 4 : 0;
	answers->allowed |= getrandom(&byte, 1, 0) == 1 ? 8 : 0;
	answers->allowed |= clock_gettime(CLOCK_REALTIME, &time) == 0 ? 16 : 0;
	void *memory = malloc(1 << 20);
	answers->allowed |= memory ? 32 : 0;
	free(memory);
	answers->allowed |= fcntl(four, F_SETFL, O_NONBLOCK) == 0 ? 64 : 0;
	return 0;
}

static void confined_children_can_do_little(void **state)
{
	(void)state;
	struct answers answers;
	struct diag diag;
	assert_int_equal(child_run(try_calls, NULL, &answers, sizeof answers, deadline_in(PLENTY), &diag), 0);
	for (unsigned i = 0; i < CALLS; i++) {
		if (answers.error[i] != EPERM)
			fail_msg("call %u: %s", i, strerror(answers.error[i]));
	}
	assert_int_equal(answers.allowed, 127);
}

/* The same calls outside do something else than fail so: the test above would not notice a filter of everything. */
static void unconfined_processes_can(void **state)
{
	(void)state;
	assert_true(make_call(0) >= 0);
	assert_true(make_call(3) >= 0);
	assert_true(make_call(8) == 0);
	assert_true(make_call(20) >= 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(confined_children_can_do_little),
		cmocka_unit_test(unconfined_processes_can),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
