/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Measures memory: usage: peak COMMAND... [-- COMMAND...]
 *
 * Prints the most that one of the commands' processes had resident at any time, in KiB. ru_maxrss and VmHWM would be
 * the obvious sources, but they come from counters that are off by up to 128 KiB for each processor, and ru_maxrss
 * of a process begins with what its parent had. So every process is traced and stopped before each call that can give
 * memory back, and its pages are counted (proc_pid_smaps_rollup(5)).
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <linux/ptrace.h>

static long peak; /* KiB */

static void fail(const char *what, const char *why)
{
	fprintf(stderr, "peak: %s: %s\n", what, why);
	exit(1);
}

static void note_memory(pid_t pid)
{
	char path[64], line[128];
	long resident;
	snprintf(path, sizeof path, "/proc/%d/smaps_rollup", (int)pid);
	FILE *file = fopen(path, "r");
	if (!file)
		return; /* it was killed */
	while (fgets(line, sizeof line, file)) {
		if (sscanf(line, "Rss: %ld kB", &resident) == 1 && resident > peak)
			peak = resident;
	}
	fclose(file);
}

static int gives_memory_back(unsigned long long call)
{
	return call == SYS_munmap || call == SYS_brk || call == SYS_mremap || call == SYS_madvise ||
	       call == SYS_exit_group || call == SYS_exit;
}

static void note_stop(pid_t pid, int signal)
{
	struct ptrace_syscall_info info;
	if (signal != (SIGTRAP | 0x80) ||
	    ptrace((int)PTRACE_GET_SYSCALL_INFO, pid, (void *)sizeof info, &info) < 0)
		return;
	if (info.op == PTRACE_SYSCALL_INFO_ENTRY && gives_memory_back(info.entry.nr))
		note_memory(pid);
}

/* What a stopped process is to be told when it goes on: 0 unless a signal was on its way to it. */
static int signal_to_deliver(int status)
{
	int signal = WSTOPSIG(status);
	int from_tracing = signal == (SIGTRAP | 0x80) || status >> 16 != 0 || signal == SIGSTOP;
	return from_tracing ? 0 : signal;
}

static void trace(pid_t child)
{
	const long options = PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK | PTRACE_O_TRACECLONE |
			     PTRACE_O_TRACEEXEC | PTRACE_O_EXITKILL;
	int status;
	pid_t pid;
	if (waitpid(child, &status, 0) < 0 || ptrace(PTRACE_SETOPTIONS, child, NULL, (void *)options) < 0)
		fail("trace", strerror(errno));
	ptrace(PTRACE_SYSCALL, child, NULL, NULL);
	while ((pid = waitpid(-1, &status, __WALL)) > 0) {
		if (!WIFSTOPPED(status))
			continue;
		note_stop(pid, WSTOPSIG(status));
		ptrace(PTRACE_SYSCALL, pid, NULL, (void *)(long)signal_to_deliver(status));
	}
}

static void run_one(char **command)
{
	pid_t child = fork();
	if (child < 0)
		fail("fork", strerror(errno));
	if (child == 0) {
		int null = open("/dev/null", O_WRONLY);
		dup2(null, 1);
		dup2(null, 2);
		ptrace(PTRACE_TRACEME, 0, NULL, NULL);
		raise(SIGSTOP);
		execv(command[0], command);
		_exit(127);
	}
	trace(child);
}

int main(int argc, char **argv)
{
	char **command = argv + 1;
	for (int i = 1; i < argc; i++) {
		if (strcmp(argv[i], "--") != 0)
			continue;
		argv[i] = NULL;
		run_one(command);
		command = argv + i + 1;
	}
	run_one(command);
	printf("%ld\n", peak);
	return 0;
}
