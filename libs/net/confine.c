/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "net/confine.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <linux/capability.h>

#include "net/system_calls.h"

/*
 * The system calls themselves: the C library's functions do the same in every thread, with 2 KB of code for that, and
 * this process has one. The first 32-bit kernels had 16-bit ids; the calls for today's have names of their own there.
 */
#ifdef SYS_setresuid32
enum { CALL_SETGROUPS = SYS_setgroups32, CALL_SETRESGID = SYS_setresgid32, CALL_SETRESUID = SYS_setresuid32 };
#else
enum { CALL_SETGROUPS = SYS_setgroups, CALL_SETRESGID = SYS_setresgid, CALL_SETRESUID = SYS_setresuid };
#endif

enum {
	NOBODY = 65534, /* the kernel's overflow uid and gid: owns no files by convention */
	CLOSE_LIMIT = 65536, /* descriptors to close one by one where close_range is missing (before Linux 5.9) */
};

/* Handlers of the caller must not run here. Unknown numbers and SIGKILL fail, which is fine. */
static int reset_signals(struct confinement *confinement, struct diag *diag)
{
	(void)confinement;
	(void)diag;
	const struct sigaction action = { .sa_handler = SIG_DFL };
	for (int number = 1; number < NSIG; number++)
		sigaction(number, &action, NULL);
	sigset_t none;
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	return 0;
}

/* A hangup or ^C is for the parent to handle; it kills the child when it wants to. */
static int leave_terminal(struct confinement *confinement, struct diag *diag)
{
	(void)confinement;
	return setsid() < 0 ? diag_errno(diag, errno, "setsid") : 0;
}

static void close_from(unsigned first, unsigned last)
{
#ifdef SYS_close_range
	if (first > last || syscall(SYS_close_range, first, last, 0) == 0)
		return;
#endif
	struct rlimit limit = { .rlim_cur = CLOSE_LIMIT };
	prlimit(0, RLIMIT_NOFILE, NULL, &limit);
	rlim_t end = limit.rlim_cur < CLOSE_LIMIT ? limit.rlim_cur : CLOSE_LIMIT;
	for (unsigned fd = first; fd <= last && fd < end; fd++)
		close((int)fd);
}

static int keep_one_descriptor(struct confinement *confinement, struct diag *diag)
{
	int keep = fcntl(confinement->keep, F_DUPFD_CLOEXEC, 3);
	if (keep < 0)
		return diag_errno(diag, errno, "duplicate a pipe");
	confinement->keep = keep;
	close_from(3, (unsigned)keep - 1);
	close_from((unsigned)keep + 1, UINT_MAX);
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	if (null < 0) /* no /dev yet: a descriptor that takes and gives nothing */
		null = open("/", O_PATH | O_CLOEXEC);
	if (null < 0)
		return diag_errno(diag, errno, "open /dev/null");
	for (int fd = 0; fd < 3; fd++) {
		if (dup2(null, fd) < 0)
			return diag_errno(diag, errno, "redirect stdio");
	}
	if (null > 2)
		close(null);
	return 0;
}

static int limit_resources(struct confinement *confinement, struct diag *diag)
{
	(void)confinement;
	static const struct rlimit none;
	/* musl's setrlimit brings what stops all threads, of which there is one */
	if (prlimit(0, RLIMIT_CORE, &none, NULL) < 0 || prlimit(0, RLIMIT_NPROC, &none, NULL) < 0 ||
	    prlimit(0, RLIMIT_FSIZE, &none, NULL) < 0)
		return diag_errno(diag, errno, "limit resources");
	return 0;
}

/* The errors of a process that may not, or whose user namespace has no such id; see confine.h. */
static bool not_possible_here(int error)
{
	return error == EPERM || error == EINVAL;
}

static int drop_bounding_set(struct confinement *confinement, struct diag *diag)
{
	(void)confinement;
	for (unsigned long capability = 0; capability < 64; capability++) {
		if (prctl(PR_CAPBSET_DROP, capability, 0, 0, 0) == 0)
			continue;
		/* EINVAL: past the kernel's last one. EPERM: no matter, no_new_privs keeps the set from being used. */
		return not_possible_here(errno) ? 0 : diag_errno(diag, errno, "drop the capability bounding set");
	}
	return 0;
}

/* A process that is not root keeps its identity, but not a saved one. */
static int change_identity(struct confinement *confinement, struct diag *diag)
{
	(void)confinement;
	bool root = geteuid() == 0;
	uid_t uid = root ? NOBODY : geteuid();
	gid_t gid = root ? NOBODY : getegid();
	if (syscall(CALL_SETGROUPS, 0, NULL) < 0 && !not_possible_here(errno))
		return diag_errno(diag, errno, "drop supplementary groups");
	if (syscall(CALL_SETRESGID, gid, gid, gid) < 0 && !not_possible_here(errno))
		return diag_errno(diag, errno, "set the group id %u", gid);
	if (syscall(CALL_SETRESUID, uid, uid, uid) < 0 && !not_possible_here(errno))
		return diag_errno(diag, errno, "set the user id %u", uid);
	return 0;
}

/* Needs no privilege and has no excuse. The ambient set shrinks with the permitted set (capabilities(7)). */
static int drop_capabilities(struct confinement *confinement, struct diag *diag)
{
	(void)confinement;
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	static const struct __user_cap_data_struct none[_LINUX_CAPABILITY_U32S_3];
	if (syscall(SYS_capset, &header, none) < 0)
		return diag_errno(diag, errno, "drop capabilities");
	return 0;
}

/* After the change of identity, which resets "dumpable" and the parent-death signal (prctl(2)). */
static int set_process_flags(struct confinement *confinement, struct diag *diag)
{
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return diag_errno(diag, errno, "set no_new_privs");
	if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0 || prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) < 0)
		return diag_errno(diag, errno, "set process flags");
	if (getppid() != confinement->parent)
		return diag_fail(diag, ESRCH, "the parent process has ended");
	return 0;
}

static int restrict_calls(struct confinement *confinement, struct diag *diag)
{
	(void)confinement;
	return restrict_system_calls(diag);
}

int confine(struct confinement *confinement, struct diag *diag)
{
	/* In this order: each step needs what a later one takes away. */
	int result = reset_signals(confinement, diag);
	if (result == 0)
		result = leave_terminal(confinement, diag);
	if (result == 0)
		result = keep_one_descriptor(confinement, diag);
	if (result == 0)
		result = limit_resources(confinement, diag);
	if (result == 0)
		result = drop_bounding_set(confinement, diag);
	if (result == 0)
		result = change_identity(confinement, diag);
	if (result == 0)
		result = drop_capabilities(confinement, diag);
	if (result == 0)
		result = set_process_flags(confinement, diag);
	if (result == 0)
		result = restrict_calls(confinement, diag);
	return result;
}
