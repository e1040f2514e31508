/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/io.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

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

ssize_t read_text_file(const char *path, char *buffer, size_t size, struct diag *diag)
{
	int fd = open_regular_file(path, diag);
	if (fd < 0)
		return fd;
	ssize_t length = read_all(fd, buffer, size);
	close(fd);
	if (length < 0)
		return diag_errno(diag, (int)-length, "read %s", path);
	if ((size_t)length == size)
		return diag_fail(diag, EFBIG, "read %s: larger than %zu bytes", path, size - 1);
	if (memchr(buffer, '\0', (size_t)length))
		return diag_fail(diag, EINVAL, "read %s: it contains a NUL byte", path);
	buffer[length] = '\0';
	return length;
}
