/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/exit_code.h"

#include <errno.h>

enum exit_code exit_code_for(int error)
{
	switch (error < 0 ? -error : error) {
	case EPERM:
	case EACCES:
		return EXIT_NOT_PERMITTED;
	case EPROTONOSUPPORT:
	case EAFNOSUPPORT:
	case EOPNOTSUPP:
	case ENOPROTOOPT:
	case ENOSYS:
		return EXIT_KERNEL_LACKS;
	case EWOULDBLOCK:
		return EXIT_LOCKED;
	default:
		return EXIT_SYSTEM_REFUSED;
	}
}
