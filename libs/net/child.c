/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "net/child.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/io.h"
#include "net/confine.h"

enum { ERRNO_MAX = 4095 }; /* the kernel's MAX_ERRNO */

/* What goes over the pipe before the result. */
struct answer {
	int32_t value;
	struct diag diag;
};

/* What both sides know. */
struct job {
	int (*work)(const void *argument, void *result, struct diag *diag);
	const void *argument;
	void *result;
	size_t size;
	pid_t parent;
};

_Noreturn static void run_in_child(const struct job *job, int pipe_end)
{
	struct answer answer = { 0 };
	struct confinement confinement = { .parent = job->parent, .keep = pipe_end };
	answer.value = confine(&confinement, &answer.diag);
	if (answer.value == 0)
		answer.value = job->work(job->argument, job->result, &answer.diag);
	if (write_all(confinement.keep, &answer, sizeof answer) == 0)
		write_all(confinement.keep, job->result, job->size);
	_exit(0);
}

/* Exactly size bytes, or -errno; -EIO when the child closed its end before. */
static int receive(int fd, void *buffer, size_t size, struct deadline deadline, const sigset_t *mask)
{
	for (size_t length = 0; length < size;) {
		struct pollfd readable = { .fd = fd, .events = POLLIN };
		int left = deadline_left(deadline);
		struct timespec timeout = { .tv_sec = left / 1000, .tv_nsec = left % 1000 * 1000000L };
		int ready = ppoll(&readable, 1, &timeout, mask);
		if (ready < 0)
			return -errno;
		if (ready == 0)
			return -ETIMEDOUT;
		ssize_t count = read(fd, (char *)buffer + length, size - length);
		if (count < 0)
			return -errno;
		if (count == 0)
			return -EIO;
		length += (size_t)count;
	}
	return 0;
}

/* Ends the child and returns its wait status, 0 when the caller ignores SIGCHLD. */
static int reap(pid_t child)
{
	int status = 0;
	kill(child, SIGKILL);
	while (waitpid(child, &status, 0) < 0) {
		if (errno != EINTR)
			return 0;
	}
	return status;
}

static int explain_silence(int error, int status, struct diag *diag)
{
	if (error == -ETIMEDOUT)
		return diag_fail(diag, ETIMEDOUT, "child process: no answer in time");
	if (error == -EIO && WIFSIGNALED(status) && WTERMSIG(status) != SIGKILL)
		return diag_fail(diag, EIO, "child process: ended by signal %d", WTERMSIG(status));
	if (error == -EIO)
		return diag_fail(diag, EIO, "child process: ended without an answer");
	return diag_errno(diag, -error, "wait for the child process");
}

void child_clean_text(char *text, size_t size)
{
	text[size - 1] = '\0';
	for (; *text; text++) {
		if (*text < ' ' || *text > '~')
			*text = '?';
	}
}

/* The child's word is not trusted: a return value that can be one, a text that can not steer a terminal. */
static int take_answer(struct answer *answer, struct diag *diag)
{
	if (answer->value > 0 || answer->value < -ERRNO_MAX)
		return diag_fail(diag, EIO, "child process: not a valid answer");
	child_clean_text(answer->diag.text, sizeof answer->diag.text);
	if (diag && answer->value < 0)
		*diag = answer->diag;
	return answer->value;
}

static int await(const struct job *job, pid_t child, int fd, struct deadline deadline, const sigset_t *mask,
		 struct diag *diag)
{
	struct answer answer;
	int error = receive(fd, &answer, sizeof answer, deadline, mask);
	if (error == 0)
		error = receive(fd, job->result, job->size, deadline, mask);
	int status = reap(child);
	if (error == 0)
		return take_answer(&answer, diag);
	memset(job->result, 0, job->size);
	return explain_silence(error, status, diag);
}

/* With all signals blocked, so that no handler of the caller's runs in the child; `before` is the caller's mask. */
static int run_with_signals_blocked(const struct job *job, const sigset_t *before, struct deadline deadline,
				    struct diag *diag)
{
	int ends[2];
	if (pipe2(ends, O_CLOEXEC) < 0)
		return diag_errno(diag, errno, "create a pipe");
	pid_t child = _Fork(); /* no threads, so no handlers to run */
	if (child == 0)
		run_in_child(job, ends[1]);
	int result = child < 0 ? diag_errno(diag, errno, "create a process") : 0;
	close(ends[1]);
	if (child > 0) {
		sigset_t mask = *before;
		sigaddset(&mask, SIGCHLD);
		result = await(job, child, ends[0], deadline, &mask, diag);
	}
	close(ends[0]);
	return result;
}

int child_run(int (*work)(const void *argument, void *result, struct diag *diag), const void *argument, void *result,
	      size_t size, struct deadline deadline, struct diag *diag)
{
	const struct job job = { work, argument, result, size, getpid() };
	memset(result, 0, size);
	sigset_t all;
	sigset_t before;
	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, &before);
	int returned = run_with_signals_blocked(&job, &before, deadline, diag);
	sigprocmask(SIG_SETMASK, &before, NULL);
	return returned;
}
