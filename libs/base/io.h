/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Files and descriptors, with EINTR and short counts handled. */
#ifndef BASE_IO_H
#define BASE_IO_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "base/diag.h"

/* Writes all of it; blocks when the descriptor does. Returns 0 or -errno. */
int write_all(int fd, const void *bytes, size_t count);

/* Reads until end of file or until the buffer is full. Returns the count or -errno. */
ssize_t read_all(int fd, void *buffer, size_t size);

/*
 * Opens for reading without waiting for a FIFO's writer, and refuses what is not a regular file (/dev/zero would never
 * end). Returns the descriptor or -errno, -EINVAL, with a diagnostic.
 */
int open_regular_file(const char *path, struct diag *diag);

/*
 * Whether nobody but root can have put the file there or can change it. Its folder counts as well; a sticky one keeps
 * others from replacing what root has put there. False when it is not there.
 */
bool file_is_roots(const char *path);

#endif
