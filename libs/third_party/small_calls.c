/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * System calls as every kernel has them that we run on. musl's go around what Linux before 2.6.27 to 4.3 could not do,
 * and make threads cancellable: 1 KB. These come before the C library at link time; musl's own functions call some of
 * them by the names with underscores.
 */
#include <sys/syscall.h>

#ifdef SYS_fstatat64
/* Before the C library's, whose st_atime is a macro. */
#define stat kernel_stat
#include <asm/stat.h>
#undef stat
#endif

#include <fcntl.h>
#include <stdarg.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

int __fstatat(int fd, const char *path, struct stat *status, int flags);

#if defined __LP64__ && !defined __mips__ && defined SYS_newfstatat

#define OWN_FSTATAT
/* On these machines the kernel's struct is that of the C library, whose copying of fields is for the others. */
int __fstatat(int fd, const char *path, struct stat *status, int flags)
{
	return (int)syscall(SYS_newfstatat, fd, path, status, flags);
}

#elif defined SYS_fstatat64

#define OWN_FSTATAT
/* Without the times, which nobody here reads; for their sake musl asks statx(2) first. */
int __fstatat(int fd, const char *path, struct stat *status, int flags)
{
	struct stat64 found;
	if (syscall(SYS_fstatat64, fd, path, &found, flags) != 0)
		return -1;
	*status = (struct stat){
		.st_dev = found.st_dev,
		.st_ino = found.st_ino,
		.st_mode = found.st_mode,
		.st_nlink = found.st_nlink,
		.st_uid = found.st_uid,
		.st_gid = found.st_gid,
		.st_rdev = found.st_rdev,
		.st_size = found.st_size,
	};
	return 0;
}

#endif

#ifdef OWN_FSTATAT
int fstatat(int fd, const char *path, struct stat *status, int flags)
{
	return __fstatat(fd, path, status, flags);
}
#endif

#ifndef __LP64__
/* musl's turns the times in answers of older kernels into wider ones; nobody here asks for such. */
int ioctl(int fd, int request, ...)
{
	va_list arguments;
	va_start(arguments, request);
	void *argument = va_arg(arguments, void *);
	va_end(arguments);
	return (int)syscall(SYS_ioctl, fd, request, argument);
}

/* Likewise these three, for times before Linux 5.1. */
ssize_t recvmsg(int fd, struct msghdr *message, int flags)
{
	return syscall(SYS_recvmsg, fd, message, flags);
}

int getsockopt(int fd, int level, int option, void *value, socklen_t *size)
{
	return (int)syscall(SYS_getsockopt, fd, level, option, value, size);
}

int setsockopt(int fd, int level, int option, const void *value, socklen_t size)
{
	return (int)syscall(SYS_setsockopt, fd, level, option, value, size);
}
#endif

/* Nobody here asks for O_TMPFILE. */
int open(const char *path, int flags, ...)
{
	va_list arguments;
	va_start(arguments, flags);
	mode_t mode = flags & O_CREAT ? va_arg(arguments, mode_t) : 0;
	va_end(arguments);
	return (int)syscall(SYS_openat, AT_FDCWD, path, flags | O_LARGEFILE, mode);
}

/* Nobody here makes a file by this: it would have no permissions. */
int openat(int folder, const char *path, int flags, ...)
{
	return (int)syscall(SYS_openat, folder, path, flags | O_LARGEFILE, 0);
}

/* Of commands with an argument that is a number; nobody here asks for another. */
int fcntl(int fd, int command, ...)
{
#ifdef SYS_fcntl64
	enum { NUMBER = SYS_fcntl64 };
#else
	enum { NUMBER = SYS_fcntl };
#endif
	va_list arguments;
	va_start(arguments, command);
	int argument = va_arg(arguments, int);
	va_end(arguments);
	return (int)syscall(NUMBER, fd, command, argument);
}

int pipe2(int ends[2], int flags)
{
	return (int)syscall(SYS_pipe2, ends, flags);
}

#ifdef SYS_socket
int socket(int family, int type, int protocol)
{
	return (int)syscall(SYS_socket, family, type, protocol);
}
#endif
