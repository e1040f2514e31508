/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Reads a directory without the heap: readdir(3) brings an allocator along, which is half the size of notify. */
#ifndef TTY_DIRECTORY_H
#define TTY_DIRECTORY_H

#include <stddef.h>

struct directory {
	int fd; /* -1: closed */
	size_t length; /* of what is in buffer */
	size_t at;
	_Alignas(8) char buffer[2048];
};

/* Opens path, relative to the directory `at` (or AT_FDCWD), not through a symbolic link. Returns 0 or -errno. */
int directory_open(struct directory *directory, int at, const char *path);
void directory_close(struct directory *directory);

/* The next name, valid until the next call; NULL at the end or after an error. "." and ".." are among them. */
const char *directory_next(struct directory *directory);

#endif
