/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/io.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/text.h"

int write_all(int fd, const void *bytes, size_t count)
{
	const char *at = bytes;
	while (count > 0) {
		ssize_t written = write(fd, at, count);
		if (written < 0 && errno == EINTR)
			continue;
		if (written < 0)
			return -errno;
		at += written;
		count -= (size_t)written;
	}
	return 0;
}

ssize_t read_all(int fd, void *buffer, size_t size)
{
	size_t length = 0;
	while (length < size) {
		ssize_t count = read(fd, (char *)buffer + length, size - length);
		if (count < 0 && errno == EINTR)
			continue;
		if (count < 0)
			return -errno;
		if (count == 0)
			break;
		length += (size_t)count;
	}
	return (ssize_t)length;
}

int open_regular_file(const char *path, struct diag *diag)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (fd < 0)
		return diag_errno(diag, errno, "open %s", path);
	struct stat status;
	if (fstat(fd, &status) == 0 && S_ISREG(status.st_mode))
		return fd;
	close(fd);
	return diag_fail(diag, EINVAL, "read %s: not a regular file", path);
}

static bool only_root_writes(const struct stat *status)
{
	return status->st_uid == 0 && (status->st_mode & (S_IWGRP | S_IWOTH)) == 0;
}

bool file_is_roots(const char *path)
{
	char folder[256] = ".";
	const char *slash = strrchr(path, '/');
	struct stat file, around;
	if (slash && (size_t)(slash - path) >= sizeof folder - 1)
		return false;
	if (slash) /* of a file in the root folder that is the slash */
		text_copy(folder, (size_t)(slash - path) + 1 + (slash == path), path);
	/* a link is whoever's it is that made it */
	if (lstat(path, &file) != 0 || file.st_uid != 0 || stat(path, &file) != 0 || stat(folder, &around) != 0)
		return false;
	return S_ISREG(file.st_mode) && only_root_writes(&file) && around.st_uid == 0 &&
	       (only_root_writes(&around) || (around.st_mode & S_ISVTX));
}
