/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Division on ARM processors that may lack the instruction, bit by bit. The compiler's library unrolls all 32 steps,
 * twice: 1.1 KB, for a program that divides when it prints a number. These come before it at link time. Names and
 * registers: Run-time ABI for the Arm Architecture, section 5.3.1. The quotient is in r0 and the remainder in r1, which
 * is how a number of 64 bits is returned. Nobody here divides by zero, which the compiler's answers with a signal.
 */
#include <stdint.h>

#if defined __ARMEL__ && !defined __ARM_FEATURE_IDIV

uint64_t __aeabi_uidivmod(uint32_t dividend, uint32_t divisor);
uint32_t __aeabi_uidiv(uint32_t dividend, uint32_t divisor);
uint64_t __aeabi_idivmod(int32_t dividend, int32_t divisor);
int32_t __aeabi_idiv(int32_t dividend, int32_t divisor);

uint64_t __aeabi_uidivmod(uint32_t dividend, uint32_t divisor)
{
	uint32_t quotient = 0;
	uint64_t rest = 0; /* below twice the divisor, which may need 33 bits */
	for (int bit = 31; bit >= 0; bit--) {
		rest = rest << 1 | (dividend >> bit & 1);
		quotient <<= 1;
		if (rest >= divisor) {
			rest -= divisor;
			quotient |= 1;
		}
	}
	return rest << 32 | quotient;
}

uint32_t __aeabi_uidiv(uint32_t dividend, uint32_t divisor)
{
	return (uint32_t)__aeabi_uidivmod(dividend, divisor);
}

static uint32_t magnitude(int32_t number)
{
	return number < 0 ? 0 - (uint32_t)number : (uint32_t)number;
}

/* The remainder has the sign of the dividend. */
uint64_t __aeabi_idivmod(int32_t dividend, int32_t divisor)
{
	uint64_t both = __aeabi_uidivmod(magnitude(dividend), magnitude(divisor));
	uint32_t quotient = (uint32_t)both;
	uint32_t rest = (uint32_t)(both >> 32);
	if ((dividend < 0) != (divisor < 0))
		quotient = 0 - quotient;
	if (dividend < 0)
		rest = 0 - rest;
	return (uint64_t)rest << 32 | quotient;
}

int32_t __aeabi_idiv(int32_t dividend, int32_t divisor)
{
	return (int32_t)__aeabi_idivmod(dividend, divisor);
}

#endif
