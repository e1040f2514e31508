/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * fstatat as the plain system call, whose struct is the C library's own on these machines. musl's copies it field by
 * field, as the others need it, and goes around what Linux before 2.6.39 could not do: 500 bytes. This one comes before
 * the C library at link time; musl's stat() and fstat() call it by the second name.
 */
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#if defined __LP64__ && !defined __mips__ && defined SYS_newfstatat

int __fstatat(int fd, const char *path, struct stat *status, int flags);

int __fstatat(int fd, const char *path, struct stat *status, int flags)
{
	return (int)syscall(SYS_newfstatat, fd, path, status, flags);
}

int fstatat(int fd, const char *path, struct stat *status, int flags)
{
	return __fstatat(fd, path, status, flags);
}

#endif
