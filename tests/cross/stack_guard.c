/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Looks for the stack protector's value where the compiler has put it, between a buffer and what a longer one would run
 * over. toolchain.sh says where the compiler has it from; from a wrong place it would be 0 for each process, and
 * everything would work, without protection. Exit code: 0 it is the C library's random number, 1 it is not.
 */
#include <stdint.h>

extern uintptr_t __stack_chk_guard; /* musl's, which takes it from the kernel's random bytes */

/* A frame's words, and as many more behind the buffer as a frame has for alignment and saved registers. */
enum { BUFFER = 8, BEHIND = 16 };

static __attribute__((noinline)) int has_guard(void)
{
	uintptr_t buffer[BUFFER] = { 0 };
	volatile uintptr_t *words = buffer;
	__asm__ volatile("" : "+r"(words) : : "memory"); /* the compiler may not know what it points to */
	for (int i = BUFFER; i < BUFFER + BEHIND; i++) {
		if (words[i] == __stack_chk_guard)
			return __stack_chk_guard != 0;
	}
	return 0;
}

int main(void)
{
	return !has_guard();
}
