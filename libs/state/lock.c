/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "state/lock.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/deadline.h"
#include "base/text.h"

enum { PAUSE_MS = 10 }; /* between two tries: a restoring guard is done after about as many */

static const char folders[][9] = { "/run", "/var/run", "/dev/shm", "/tmp" };

/* Rule sets belong to a network namespace; 0 (one lock for all) when /proc is not mounted. */
static unsigned long long namespace_number(void)
{
	struct stat status;
	return stat("/proc/self/ns/net", &status) == 0 ? (unsigned long long)status.st_ino : 0;
}

/*
 * O_NOFOLLOW and the owner's check: in /tmp anybody may have put something under the name, and holding a lock on it
 * would be a way to prevent a quarantine.
 */
static int open_own(const char *path)
{
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0600);
	if (fd < 0)
		return -errno;
	struct stat status;
	if (fstat(fd, &status) == 0 && S_ISREG(status.st_mode) && status.st_uid == geteuid())
		return fd;
	close(fd);
	return -EACCES;
}

/* What flock returns: 0, or -1 with errno. */
static int hold(int fd, struct deadline deadline)
{
	int result;
	while ((result = flock(fd, LOCK_EX | LOCK_NB)) < 0 && errno == EWOULDBLOCK && !deadline_passed(deadline))
		(void)poll(NULL, 0, PAUSE_MS);
	return result;
}

int lock_take(int milliseconds, struct diag *diag)
{
	struct deadline deadline = deadline_in(milliseconds);
	for (size_t i = 0; i < sizeof folders / sizeof *folders; i++) {
		char path[64];
		struct text text = TEXT_ON(path);
		text_addf(&text, "%s/quarbox-%llu.lock", folders[i], namespace_number());
		int fd = open_own(path);
		if (fd < 0)
			continue;
		if (hold(fd, deadline) == 0)
			return fd;
		bool held = errno == EWOULDBLOCK;
		close(fd);
		if (held)
			return diag_fail(diag, EWOULDBLOCK, "lock %s: another quarantine is under way", path);
	}
	return diag_fail(diag, ENOENT, "no folder for the lock file can be written to");
}
