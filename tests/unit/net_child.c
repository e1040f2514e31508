/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The unprivileged child: what it has given up, and that nothing it does or fails to do hurts its parent. */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/io.h"
#include "net/child.h"
#include "net/system_calls.h"

enum { PLENTY = 20000, SHORT = 200 }; /* milliseconds */

/* The child looks at itself through calls that the filter forbids; net_system_calls.c is about the filter. */
int restrict_system_calls(struct diag *diag)
{
	(void)diag;
	return 0;
}

/* What the tests' work functions tell besides their result. */
static struct shared {
	volatile pid_t pid;
	volatile int ran_at_exit;
	volatile int handled;
} *shared;

static int map_shared(void **state)
{
	(void)state;
	shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	return shared == MAP_FAILED ? -1 : 0;
}

static int no_children_left(void **state)
{
	(void)state;
	return waitpid(-1, NULL, WNOHANG) == -1 && errno == ECHILD ? 0 : -1;
}

/* What the child knows of itself. */
struct self {
	uid_t uids[3];
	gid_t gids[3];
	int group_count;
	char status[4096]; /* /proc/self/status */
	int dumpable;
	int death_signal;
	struct rlimit core;
	int open_descriptors; /* other than stdio */
	ssize_t read_from_stdin;
	int session_of_its_own;
	int signals_at_default;
	int mask_is_empty;
};

static int describe(const void *argument, void *result, struct diag *diag)
{
	(void)argument;
	struct self *self = result;
	getresuid(&self->uids[0], &self->uids[1], &self->uids[2]);
	getresgid(&self->gids[0], &self->gids[1], &self->gids[2]);
	self->group_count = getgroups(0, NULL);
	for (int fd = 3; fd < 1024; fd++)
		self->open_descriptors += fcntl(fd, F_GETFD) >= 0;
	int status = open_regular_file("/proc/self/status", diag);
	if (status < 0)
		return status;
	ssize_t length = read_all(status, self->status, sizeof self->status - 1);
	close(status);
	if (length < 0)
		return diag_errno(diag, (int)-length, "read /proc/self/status");
	self->status[length] = '\0';
	self->dumpable = prctl(PR_GET_DUMPABLE);
	prctl(PR_GET_PDEATHSIG, &self->death_signal);
	getrlimit(RLIMIT_CORE, &self->core);
	char byte;
	self->read_from_stdin = read(0, &byte, 1);
	self->session_of_its_own = getsid(0) == getpid();
	struct sigaction action;
	sigaction(SIGTERM, NULL, &action);
	self->signals_at_default = action.sa_handler == SIG_DFL;
	sigaction(SIGPIPE, NULL, &action);
	self->signals_at_default &= action.sa_handler == SIG_DFL;
	const sigset_t none = { 0 };
	sigset_t mask = { 0 }; /* the kernel has fewer signals than glibc's set has bits */
	sigprocmask(SIG_BLOCK, NULL, &mask);
	self->mask_is_empty = memcmp(&mask, &none, sizeof mask) == 0;
	return 0;
}

static void on_signal(int number)
{
	(void)number;
	shared->handled++;
}

static void assert_status(const struct self *self, const char *field, const char *value)
{
	char line[128];
	snprintf(line, sizeof line, "\n%s:\t%s\n", field, value);
	if (!strstr(self->status, line))
		fail_msg("no \"%s: %s\" in\n%s", field, value, self->status);
}

static void assert_confined(const struct self *self)
{
	assert_status(self, "CapInh", "0000000000000000");
	assert_status(self, "CapPrm", "0000000000000000");
	assert_status(self, "CapEff", "0000000000000000");
	assert_status(self, "CapAmb", "0000000000000000");
	assert_status(self, "NoNewPrivs", "1");
	assert_int_equal(self->dumpable, 0);
	assert_int_equal(self->death_signal, SIGKILL);
	assert_int_equal(self->core.rlim_cur, 0);
	assert_int_equal(self->core.rlim_max, 0);
	assert_int_equal(self->open_descriptors, 1);
	assert_int_equal(self->read_from_stdin, 0);
	assert_true(self->session_of_its_own);
	assert_true(self->signals_at_default);
	assert_true(self->mask_is_empty);
}

static void test_confined(void **state)
{
	(void)state;
	struct self self;
	struct diag diag;
	struct sigaction action = { .sa_handler = on_signal };
	struct sigaction before;
	sigaction(SIGTERM, &action, &before);
	const gid_t groups[] = { 5, 6 };
	if (geteuid() == 0)
		assert_int_equal(setgroups(2, groups), 0);
	int extra[2];
	assert_int_equal(pipe(extra), 0);
	assert_int_equal(fcntl(extra[0], F_DUPFD, 900), 900);
	assert_int_equal(child_run(describe, NULL, &self, sizeof self, deadline_in(PLENTY), &diag), 0);
	close(900);
	close(extra[0]);
	close(extra[1]);
	sigaction(SIGTERM, &before, NULL);
	assert_confined(&self);
	if (geteuid() != 0)
		skip();
	assert_int_equal(setgroups(0, NULL), 0);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(self.uids[i], 65534);
		assert_int_equal(self.gids[i], 65534);
	}
	assert_int_equal(self.group_count, 0);
	assert_status(&self, "CapBnd", "0000000000000000");
}

/* Runs check in a process of its own, which may change itself as it likes. */
static void in_process(int (*check)(void))
{
	pid_t pid = fork();
	assert_true(pid >= 0);
	if (pid == 0)
		_exit(check());
	int status;
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	if (WEXITSTATUS(status) == 77)
		skip();
	assert_int_equal(WEXITSTATUS(status), 0);
}

/* The exit code says which of these is not so. */
static int check_self(uid_t uid)
{
	struct self self;
	struct diag diag;
	if (child_run(describe, NULL, &self, sizeof self, deadline_in(PLENTY), &diag) != 0)
		return 1;
	if (self.uids[0] != uid || self.uids[1] != uid || self.uids[2] != uid)
		return 2;
	if (!strstr(self.status, "\nCapPrm:\t0000000000000000\n") || !strstr(self.status, "\nNoNewPrivs:\t1\n"))
		return 3;
	return self.dumpable || self.death_signal != SIGKILL ? 4 : 0;
}

static int as_user(void)
{
	if (geteuid() == 0 && (setresgid(1000, 1000, 1000) < 0 || setresuid(1000, 1000, 1000) < 0))
		return 9;
	return check_self(geteuid());
}

/* A user namespace that maps nothing but root: no other uid exists, setgroups is denied. */
static int as_lone_root(void)
{
	char map[32];
	snprintf(map, sizeof map, "0 %u 1", geteuid());
	if (unshare(CLONE_NEWUSER) < 0)
		return 77;
	int fd = open("/proc/self/uid_map", O_WRONLY);
	if (fd < 0 || write(fd, map, strlen(map)) < 0)
		return 77;
	close(fd);
	if (geteuid() != 0)
		return 8;
	return check_self(0);
}

/* Root of a container that was started without CAP_SETUID, CAP_SETGID and CAP_SETPCAP. */
static int as_weak_root(void)
{
	if (geteuid() != 0)
		return 77;
	if (prctl(PR_CAPBSET_DROP, 6) < 0 || prctl(PR_CAPBSET_DROP, 7) < 0 || prctl(PR_CAPBSET_DROP, 8) < 0)
		return 77;
	char *const arguments[] = { strdup("/proc/self/exe"), strdup("weak"), NULL };
	execv("/proc/self/exe", arguments); /* the bounding set counts at exec */
	return 9;
}

static int with_closed_stdio(void)
{
	close(0);
	close(1);
	close(2);
	return check_self(geteuid() ? geteuid() : 65534);
}

static void test_not_root(void **state)
{
	(void)state;
	in_process(as_user);
}

static void test_lone_root(void **state)
{
	(void)state;
	in_process(as_lone_root);
}

static void test_weak_root(void **state)
{
	(void)state;
	in_process(as_weak_root);
}

static void test_closed_stdio(void **state)
{
	(void)state;
	in_process(with_closed_stdio);
}

static void write_at_exit(void)
{
	shared->ran_at_exit = 1;
}

static int echo(const void *argument, void *result, struct diag *diag)
{
	memset(result, 'x', 200000);
	*(char *)result = *(const char *)argument;
	return diag_fail(diag, ENOENT, "no \033[31mred\377\n herring");
}

static int answer(const void *argument, void *result, struct diag *diag)
{
	(void)diag;
	*(int *)result = *(const int *)argument + 1;
	return 0;
}

static void test_answers(void **state)
{
	(void)state;
	int argument = 41;
	int result = 0;
	struct diag diag = { "untouched" };
	assert_int_equal(child_run(answer, &argument, &result, sizeof result, deadline_in(PLENTY), &diag), 0);
	assert_int_equal(result, 42);
	assert_string_equal(diag.text, "untouched");
	assert_int_equal(child_run(answer, &argument, &result, sizeof result, deadline_in(PLENTY), NULL), 0);
	assert_false(shared->ran_at_exit);
}

/* More than a pipe holds, with an error, and with a diagnostic that would colour a terminal. */
static void test_big_answer_with_error(void **state)
{
	(void)state;
	static char result[200000];
	struct diag diag;
	assert_int_equal(child_run(echo, "A", result, sizeof result, deadline_in(PLENTY), &diag), -ENOENT);
	assert_int_equal(result[0], 'A');
	assert_int_equal(result[sizeof result - 1], 'x');
	assert_string_equal(diag.text, "no ?[31mred?? herring");
}

static int crash(const void *argument, void *result, struct diag *diag)
{
	(void)diag;
	*(int *)result = 1;
	raise(*(const int *)argument);
	return 0;
}

static int leave(const void *argument, void *result, struct diag *diag)
{
	(void)argument;
	(void)diag;
	*(int *)result = 1;
	_exit(0);
}

static int positive(const void *argument, void *result, struct diag *diag)
{
	(void)result;
	(void)diag;
	return *(const int *)argument;
}

static void test_death(void **state)
{
	(void)state;
	static const int signals[] = { SIGSEGV, SIGABRT, SIGKILL, SIGTERM, SIGPIPE };
	struct diag diag;
	int result = 7;
	for (size_t i = 0; i < sizeof signals / sizeof *signals; i++) {
		assert_int_equal(child_run(crash, &signals[i], &result, sizeof result, deadline_in(PLENTY), &diag), -EIO);
		assert_int_equal(result, 0);
	}
	const int number = SIGSEGV;
	child_run(crash, &number, &result, sizeof result, deadline_in(PLENTY), &diag);
	assert_string_equal(diag.text, "child process: ended by signal 11");
	assert_int_equal(child_run(leave, NULL, &result, sizeof result, deadline_in(PLENTY), &diag), -EIO);
	assert_string_equal(diag.text, "child process: ended without an answer");
	assert_int_equal(result, 0);
}

static void test_return_values_that_are_none(void **state)
{
	(void)state;
	static const int values[] = { 1, 4096, -4096, -2147483647 - 1 };
	struct diag diag;
	int result;
	for (size_t i = 0; i < sizeof values / sizeof *values; i++)
		assert_int_equal(child_run(positive, &values[i], &result, sizeof result, deadline_in(PLENTY), &diag),
				 -EIO);
}

_Noreturn static void stay(void)
{
	shared->pid = getpid();
	for (;;)
		pause();
}

static int hang(const void *argument, void *result, struct diag *diag)
{
	(void)argument;
	(void)result;
	(void)diag;
	stay();
}

/* Begins an answer and never ends it. */
static int trickle(const void *argument, void *result, struct diag *diag)
{
	(void)argument;
	(void)result;
	(void)diag;
	char part[700]; /* more than what goes before the result */
	memset(part, 'x', sizeof part);
	for (int fd = 3; fd < 1024; fd++) {
		if (fcntl(fd, F_GETFD) >= 0)
			write_all(fd, part, sizeof part);
	}
	stay();
}

static bool gone(pid_t pid)
{
	return kill(pid, 0) < 0 && errno == ESRCH;
}

static void test_deadline(void **state)
{
	(void)state;
	struct diag diag;
	char result[1000];
	assert_int_equal(child_run(hang, NULL, &result, sizeof result, deadline_in(SHORT), &diag), -ETIMEDOUT);
	assert_true(gone(shared->pid));
	assert_int_equal(child_run(trickle, NULL, &result, sizeof result, deadline_in(SHORT), &diag), -ETIMEDOUT);
	assert_true(gone(shared->pid));
	for (size_t i = 0; i < sizeof result; i++)
		assert_int_equal(result[i], 0);
	assert_int_equal(child_run(hang, NULL, &result, sizeof result, deadline_in(-1), &diag), -ETIMEDOUT);
}

static void test_interrupted(void **state)
{
	(void)state;
	struct sigaction action = { .sa_handler = on_signal };
	struct sigaction before;
	sigaction(SIGINT, &action, &before);
	pid_t parent = getpid();
	shared->pid = 0;
	shared->handled = 0;
	pid_t helper = fork(); /* the child itself may not: it has another uid */
	if (helper == 0) {
		while (shared->pid == 0)
			usleep(1000);
		kill(parent, SIGINT);
		_exit(0);
	}
	struct diag diag;
	int result;
	assert_int_equal(child_run(hang, NULL, &result, sizeof result, deadline_in(PLENTY), &diag), -EINTR);
	assert_true(gone(shared->pid));
	assert_int_equal(shared->handled, 1);
	waitpid(helper, NULL, 0);
	sigaction(SIGINT, &before, NULL);
}

static int answer_late(const void *argument, void *result, struct diag *diag)
{
	usleep(300000);
	return answer(argument, result, diag);
}

/*
 * A caller that handles SIGCHLD, for another child that ends meanwhile, gets the answer all the same, and keeps its
 * mask.
 */
static void test_sigchld(void **state)
{
	(void)state;
	struct sigaction action = { .sa_handler = on_signal };
	struct sigaction before;
	struct diag diag;
	int argument = 1;
	int result = 0;
	sigset_t mask;
	sigaction(SIGCHLD, &action, &before);
	shared->handled = 0;
	pid_t other = fork();
	if (other == 0) {
		usleep(50000);
		_exit(0);
	}
	assert_int_equal(child_run(answer_late, &argument, &result, sizeof result, deadline_in(PLENTY), &diag), 0);
	assert_int_equal(result, 2);
	assert_int_equal(shared->handled, 1);
	assert_int_equal(waitpid(other, NULL, 0), other);
	sigprocmask(SIG_BLOCK, NULL, &mask);
	for (int number = 1; number < 32; number++)
		assert_int_equal(sigismember(&mask, number), 0);
	action.sa_handler = SIG_IGN;
	sigaction(SIGCHLD, &action, NULL);
	assert_int_equal(child_run(answer, &argument, &result, sizeof result, deadline_in(PLENTY), &diag), 0);
	sigaction(SIGCHLD, &before, NULL);
}

static void test_dies_with_parent(void **state)
{
	(void)state;
	shared->pid = 0;
	prctl(PR_SET_CHILD_SUBREAPER, 1); /* so that we can wait for the grandchild */
	pid_t parent = fork();
	if (parent == 0) {
		int result;
		child_run(hang, NULL, &result, sizeof result, deadline_in(PLENTY), NULL);
		_exit(0);
	}
	while (shared->pid == 0)
		usleep(1000);
	kill(parent, SIGKILL);
	assert_int_equal(waitpid(parent, NULL, 0), parent);
	int status;
	assert_int_equal(waitpid(shared->pid, &status, 0), shared->pid);
	assert_true(WIFSIGNALED(status));
	assert_int_equal(WTERMSIG(status), SIGKILL);
	prctl(PR_SET_CHILD_SUBREAPER, 0);
}

int main(int argc, char **argv)
{
	if (argc == 2 && strcmp(argv[1], "weak") == 0)
		return map_shared(NULL) < 0 ? 9 : check_self(0);
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(test_confined, no_children_left),
		cmocka_unit_test_teardown(test_not_root, no_children_left),
		cmocka_unit_test_teardown(test_lone_root, no_children_left),
		cmocka_unit_test_teardown(test_weak_root, no_children_left),
		cmocka_unit_test_teardown(test_closed_stdio, no_children_left),
		cmocka_unit_test_teardown(test_answers, no_children_left),
		cmocka_unit_test_teardown(test_big_answer_with_error, no_children_left),
		cmocka_unit_test_teardown(test_death, no_children_left),
		cmocka_unit_test_teardown(test_return_values_that_are_none, no_children_left),
		cmocka_unit_test_teardown(test_deadline, no_children_left),
		cmocka_unit_test_teardown(test_interrupted, no_children_left),
		cmocka_unit_test_teardown(test_sigchld, no_children_left),
		cmocka_unit_test_teardown(test_dies_with_parent, no_children_left),
	};
	atexit(write_at_exit);
	return cmocka_run_group_tests(tests, map_shared, NULL);
}
