/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * clock_at EPOCH COMMAND...: the command and its children read a clock (CLOCK_REALTIME) that stands at EPOCH, seconds since
 * 1970. Programs that ask the vDSO instead of the kernel are not deceived. The exit code is the command's.
 */
#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { PROCESSES_MAX = 32768 };

/* Where a process that is in clock_gettime wants to have the time; the exit from the call does not say it. */
static unsigned long wanted[PROCESSES_MAX];

static void fail(const char *what)
{
	fprintf(stderr, "clock_at: %s: %s\n", what, strerror(errno));
	exit(2);
}

static void look_at_call(pid_t pid, long epoch)
{
	struct __ptrace_syscall_info call;
	unsigned long *place = &wanted[pid % PROCESSES_MAX];
	if (ptrace(PTRACE_GET_SYSCALL_INFO, pid, sizeof call, &call) < 0)
		return; /* it was killed */
	if (call.op == PTRACE_SYSCALL_INFO_ENTRY) {
		bool asked = call.entry.nr == SYS_clock_gettime && call.entry.args[0] == CLOCK_REALTIME;
		*place = asked ? call.entry.args[1] : 0;
	} else if (call.op == PTRACE_SYSCALL_INFO_EXIT && *place) {
		ptrace(PTRACE_POKEDATA, pid, *place, epoch);
	}
}

int main(int argc, char **argv)
{
	if (argc < 3)
		return 2;
	long epoch = strtol(argv[1], NULL, 10);
	pid_t command = fork();
	if (command < 0)
		fail("fork");
	if (command == 0) {
		ptrace(PTRACE_TRACEME, 0, 0, 0);
		raise(SIGSTOP);
		execvp(argv[2], argv + 2);
		fail(argv[2]);
	}
	int status;
	const long options = PTRACE_O_TRACESYSGOOD | PTRACE_O_EXITKILL | PTRACE_O_TRACEFORK | PTRACE_O_TRACECLONE;
	if (waitpid(command, &status, 0) < 0 || ptrace(PTRACE_SETOPTIONS, command, 0, options) < 0)
		fail("trace");
	ptrace(PTRACE_SYSCALL, command, 0, 0);
	for (;;) {
		pid_t pid = waitpid(-1, &status, __WALL);
		if (pid < 0)
			fail("wait");
		if (pid == command && !WIFSTOPPED(status))
			return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
		if (!WIFSTOPPED(status))
			continue;
		int signal = WSTOPSIG(status);
		if (signal == (SIGTRAP | 0x80))
			look_at_call(pid, epoch);
		if (signal == (SIGTRAP | 0x80) || signal == SIGTRAP || signal == SIGSTOP) /* a call, an event, a new child */
			signal = 0;
		ptrace(PTRACE_SYSCALL, pid, 0, signal);
	}
}
