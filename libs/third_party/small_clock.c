/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * clock_gettime as a plain system call. musl's own searches the kernel's vDSO for a faster one, which takes 700 bytes
 * and which a program that asks for the time some hundred times does not notice. This one comes before the C library
 * at link time; musl's time() calls it by the second name.
 */
#include <errno.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

int __clock_gettime(clockid_t clock, struct timespec *now);

int __clock_gettime(clockid_t clock, struct timespec *now)
{
#ifdef SYS_clock_gettime64
	int before = errno;
	int64_t words[2];
	if (syscall(SYS_clock_gettime64, clock, words) == 0) {
		*now = (struct timespec){ .tv_sec = words[0], .tv_nsec = (long)words[1] };
		return 0;
	}
#ifdef SYS_clock_gettime32
	/* before Linux 5.1 */
	long old[2];
	if (errno == ENOSYS && syscall(SYS_clock_gettime32, clock, old) == 0) {
		*now = (struct timespec){ .tv_sec = old[0], .tv_nsec = old[1] };
		errno = before;
		return 0;
	}
#endif
	(void)before;
	return -1;
#else /* a word of 64 bits from the beginning */
	return (int)syscall(SYS_clock_gettime, clock, now);
#endif
}

int clock_gettime(clockid_t clock, struct timespec *now)
{
	return __clock_gettime(clock, now);
}
