/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The only thread of a program that starts none and has no variable of its own for each thread (libs/own_libc.ld fails
 * the link if it had). musl's start-up code reads the header of the program for such variables and for the size of
 * other threads' stacks, and lays out what there is: 450 bytes more. This comes before the C library at link time.
 */
#include <stddef.h>

/* musl's: makes what is at thread the structure of the running thread. Negative: the kernel has refused. */
int __init_tp(void *thread);
void __init_tls(size_t *auxiliary);

/* For musl's struct pthread; tests/configs_test.sh compares. */
enum { THREAD_SIZE = 384 };

void __init_tls(size_t *auxiliary)
{
	static max_align_t thread[THREAD_SIZE / sizeof(max_align_t)];
	(void)auxiliary;
	if (__init_tp(thread) < 0)
		__builtin_trap(); /* as musl does */
}
