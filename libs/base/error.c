/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/error.h"

#include <errno.h>
#include <stdint.h>
#include <string.h>

/*
 * What sockets to other hosts, the kernel's netlink and the files that go with them answer. notify alone has terminals,
 * the system log and its own input and output, which answer hardly any of these: then the number does.
 */
#if CONFIG_LIB_NET || CONFIG_LIB_NETLINK
#define NETWORK_ERRORS(X) \
	X(ESRCH, "No such process") \
	X(EEXIST, "File exists") \
	X(EXDEV, "Invalid cross-device link") \
	X(EROFS, "Read-only file system") \
	X(EMLINK, "Too many links") \
	X(ERANGE, "Numerical result out of range") \
	X(EPROTO, "Protocol error") \
	X(ENODATA, "No data available") \
	X(EOVERFLOW, "Value too large for defined data type") \
	X(ERESTART, "Interrupted system call should be restarted") \
	X(EOPNOTSUPP, "Operation not supported") \
	X(EAFNOSUPPORT, "Address family not supported by protocol") \
	X(ESTALE, "Stale file handle") \
	X(ECANCELED, "Operation canceled") \
	X(EBADMSG, "Bad message") \
	X(ENOTSOCK, "Socket operation on non-socket") \
	X(ENOPROTOOPT, "Protocol not available") \
	X(EPROTONOSUPPORT, "Protocol not supported") \
	X(EADDRINUSE, "Address already in use") \
	X(EADDRNOTAVAIL, "Cannot assign requested address") \
	X(ENETDOWN, "Network is down") \
	X(ENETUNREACH, "Network is unreachable") \
	X(ECONNABORTED, "Software caused connection abort") \
	X(ENOTCONN, "Transport endpoint is not connected") \
	X(EHOSTDOWN, "Host is down") \
	X(EHOSTUNREACH, "No route to host") \
	X(EALREADY, "Operation already in progress") \
	X(EINPROGRESS, "Operation now in progress")
#else
#define NETWORK_ERRORS(X)
#endif

#define ERRORS(X) \
	X(EPERM, "Operation not permitted") \
	X(ENOENT, "No such file or directory") \
	X(EINTR, "Interrupted system call") \
	X(EIO, "Input/output error") \
	X(ENXIO, "No such device or address") \
	X(EBADF, "Bad file descriptor") \
	X(EAGAIN, "Resource temporarily unavailable") \
	X(ENOMEM, "Cannot allocate memory") \
	X(EACCES, "Permission denied") \
	X(EBUSY, "Device or resource busy") \
	X(ENODEV, "No such device") \
	X(ENOTDIR, "Not a directory") \
	X(EISDIR, "Is a directory") \
	X(EINVAL, "Invalid argument") \
	X(ENFILE, "Too many open files in system") \
	X(EMFILE, "Too many open files") \
	X(ENOTTY, "Inappropriate ioctl for device") \
	X(EFBIG, "File too large") \
	X(ENOSPC, "No space left on device") \
	X(EPIPE, "Broken pipe") \
	X(ENAMETOOLONG, "File name too long") \
	X(ENOSYS, "Function not implemented") \
	X(ELOOP, "Too many levels of symbolic links") \
	X(EMSGSIZE, "Message too long") \
	X(EPROTOTYPE, "Protocol wrong type for socket") \
	X(ECONNRESET, "Connection reset by peer") \
	X(ENOBUFS, "No buffer space available") \
	X(ETIMEDOUT, "Connection timed out") \
	X(ECONNREFUSED, "Connection refused") \
	NETWORK_ERRORS(X)

#define NUMBER(number, words) number,
#define WORDS(number, words) words "\0"
static const uint8_t numbers[] = { ERRORS(NUMBER) };
static const char all_words[] = ERRORS(WORDS);

void text_add_error(struct text *text, int error)
{
	const char *words = all_words;
	for (size_t i = 0; i < sizeof numbers; i++) {
		if (numbers[i] == error) {
			text_add(text, words);
			return;
		}
		words += strlen(words) + 1;
	}
	text_addf(text, "error %d", error);
}
