/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tty/directory.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

/* struct linux_dirent64, getdents(2): 8 bytes inode, 8 bytes offset, 2 bytes length, 1 byte type, the name. */
enum { ENTRY_LENGTH_AT = 16, ENTRY_NAME_AT = 19 };

int directory_open(struct directory *directory, int at, const char *path)
{
	directory->length = 0;
	directory->at = 0;
	directory->fd = openat(at, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	return directory->fd < 0 ? -errno : 0;
}

void directory_close(struct directory *directory)
{
	if (directory->fd >= 0)
		close(directory->fd);
	directory->fd = -1;
}

const char *directory_next(struct directory *directory)
{
	if (directory->at >= directory->length) {
		long count = syscall(SYS_getdents64, directory->fd, directory->buffer, sizeof directory->buffer);
		directory->length = count > 0 ? (size_t)count : 0;
		directory->at = 0;
		if (count <= 0)
			return NULL;
	}
	const char *entry = directory->buffer + directory->at;
	uint16_t length;
	memcpy(&length, entry + ENTRY_LENGTH_AT, sizeof length);
	directory->at += length;
	return entry + ENTRY_NAME_AT;
}
