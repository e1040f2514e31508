/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Times a command: usage: run RUNS [--until TEXT] [--before COMMAND... --] COMMAND... [-- COMMAND...]
 *
 * Several commands run one after the other and count as one. That of --before runs first each time and is not timed.
 * Prints a line for each run: wall time and CPU time (user and system, children included) in microseconds. The wall time
 * ends when the command does or, with --until, when its output has the text; so does the CPU time, of the command alone.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

extern char **environ;

enum { COMMANDS_MAX = 32 };

struct times {
	long long wall, cpu;
};

static void fail(const char *what, const char *why)
{
	fprintf(stderr, "run: %s: %s\n", what, why);
	exit(1);
}

static long long microseconds(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000000LL + now.tv_nsec / 1000;
}

static long long in_microseconds(struct timeval time)
{
	return time.tv_sec * 1000000LL + time.tv_usec;
}

static const char *until; /* NULL: the end */

/*
 * What a process has run so far: the first figure is in nanoseconds. Of one that runs the kernel tells what it was at
 * the last tick, so it is stopped for this.
 */
static long long cpu_of(pid_t pid)
{
	char path[64];
	long long nanoseconds = -1;
	siginfo_t state;
	if (kill(pid, SIGSTOP) || waitid(P_PID, (id_t)pid, &state, WSTOPPED | WEXITED | WNOWAIT))
		fail("stop", strerror(errno));
	snprintf(path, sizeof path, "/proc/%d/schedstat", (int)pid);
	FILE *file = fopen(path, "r");
	if (!file || fscanf(file, "%lld", &nanoseconds) != 1)
		fail(path, "not to be read");
	fclose(file);
	if (kill(pid, SIGCONT))
		fail("go on", strerror(errno));
	return nanoseconds / 1000;
}

/* Reads what it says until it ends; returns when the text came, else 0, and what CPU time it had taken by then. */
static long long watch(int output, pid_t pid, long long *cpu)
{
	static char said[1 << 16];
	size_t length = 0;
	long long found = 0;
	ssize_t count;
	while ((count = read(output, said + length, sizeof said - 1 - length)) > 0) {
		length += (size_t)count;
		said[length] = '\0';
		if (found || !strstr(said, until))
			continue;
		found = microseconds();
		*cpu = cpu_of(pid);
	}
	return found;
}

/* Runs it to its end, adds its times, returns its exit code; what it writes is dropped. */
static int run_one(char **command, struct times *times)
{
	int output[2] = { -1, -1 };
	posix_spawn_file_actions_t actions;
	posix_spawn_file_actions_init(&actions);
	if (until && pipe(output) == 0) {
		posix_spawn_file_actions_adddup2(&actions, output[1], 1);
		posix_spawn_file_actions_addclose(&actions, output[0]);
	} else {
		posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0);
	}
	posix_spawn_file_actions_addopen(&actions, 2, "/dev/null", O_WRONLY, 0);
	pid_t pid;
	int status;
	struct rusage usage;
	long long start = microseconds();
	int error = posix_spawn(&pid, command[0], &actions, NULL, command, environ);
	if (error)
		fail(command[0], strerror(error));
	close(output[1]);
	long long cpu = 0;
	long long found = until ? watch(output[0], pid, &cpu) : 0;
	close(output[0]);
	while (wait4(pid, &status, 0, &usage) < 0) {
		if (errno != EINTR)
			fail("wait", strerror(errno));
	}
	times->wall += (found ? found : microseconds()) - start;
	times->cpu += found ? cpu : in_microseconds(usage.ru_utime) + in_microseconds(usage.ru_stime);
	posix_spawn_file_actions_destroy(&actions);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

/* Ends the command at its "--" and returns where the next one begins, NULL when it was the last. */
static char **cut(char **command)
{
	for (; *command; command++) {
		if (strcmp(*command, "--") == 0) {
			*command = NULL;
			return command + 1;
		}
	}
	return NULL;
}

int main(int argc, char **argv)
{
	char **commands[COMMANDS_MAX];
	char **before = NULL;
	size_t count = 0;
	if (argc < 3)
		fail("usage", "run RUNS [--before COMMAND... --] COMMAND... [-- COMMAND...]");
	char **next = argv + 2;
	const char *text = NULL;
	if (strcmp(*next, "--until") == 0 && argc > 4) {
		text = next[1];
		next += 2;
	}
	if (strcmp(*next, "--before") == 0) {
		before = next + 1;
		next = cut(next + 1);
	}
	for (; next && *next && count < COMMANDS_MAX; next = cut(next))
		commands[count++] = next;
	for (int runs = atoi(argv[1]); runs > 0; runs--) {
		struct times times = { 0, 0 }, ignored = { 0, 0 };
		if (before)
			run_one(before, &ignored);
		until = text;
		for (size_t i = 0; i < count; i++) {
			/* of several, one may fail: the artifact begins by deleting a table that is not there */
			if (run_one(commands[i], &times) != 0 && count == 1)
				fail(commands[i][0], "it failed");
		}
		until = NULL;
		printf("%lld %lld\n", times.wall, times.cpu);
	}
	return 0;
}
