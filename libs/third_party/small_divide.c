/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Division by functions, where the processor has no instruction for it, bit by bit: the program divides when it prints
 * a number or a date. These come before the compiler's library at link time, whose functions are fast and large.
 * Nobody here divides by zero, which those answer with a signal.
 */
#include <stdint.h>

#if defined __ARMEL__
#define DIVIDE_64_ARM
#ifndef __ARM_FEATURE_IDIV
#define DIVIDE_32
#endif
#elif !defined __LP64__
#define DIVIDE_64
#endif

#ifdef DIVIDE_32

/*
 * ARM processors that may lack the instruction: the library unrolls all 32 steps, twice, which takes 1.1 KB. Names and
 * registers: Run-time ABI for the Arm Architecture, section 5.3.1. The quotient is in r0 and the remainder in r1, which
 * is how a number of 64 bits is returned.
 */
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

#if defined DIVIDE_64 || defined DIVIDE_64_ARM

/*
 * Numbers of two registers. Bits leave the dividend at its upper end, and those of the quotient come in at its lower.
 * Before a step at most 63 bits have come into the rest, so that it can be doubled.
 */
static __attribute__((used)) uint64_t divide(uint64_t dividend, uint64_t divisor, uint64_t *rest)
{
	*rest = 0;
	for (int bit = 0; bit < 64; bit++) {
		*rest = *rest << 1 | dividend >> 63;
		dividend <<= 1;
		if (*rest >= divisor) {
			*rest -= divisor;
			dividend |= 1;
		}
	}
	return dividend;
}

static uint64_t wide_magnitude(int64_t number)
{
	return number < 0 ? 0 - (uint64_t)number : (uint64_t)number;
}

/* The remainder has the sign of the dividend. */
static __attribute__((used)) int64_t divide_signed(int64_t dividend, int64_t divisor, int64_t *rest)
{
	uint64_t unsigned_rest;
	uint64_t quotient = divide(wide_magnitude(dividend), wide_magnitude(divisor), &unsigned_rest);
	*rest = (int64_t)(dividend < 0 ? 0 - unsigned_rest : unsigned_rest);
	return (int64_t)((dividend < 0) != (divisor < 0) ? 0 - quotient : quotient);
}

#endif

#ifdef DIVIDE_64

/* The library has four functions of 1.1 KB each on mips. Names: GCC internals, section 4.1.1. */
uint64_t __udivdi3(uint64_t dividend, uint64_t divisor);
uint64_t __umoddi3(uint64_t dividend, uint64_t divisor);
int64_t __divdi3(int64_t dividend, int64_t divisor);
int64_t __moddi3(int64_t dividend, int64_t divisor);

uint64_t __udivdi3(uint64_t dividend, uint64_t divisor)
{
	uint64_t rest;
	return divide(dividend, divisor, &rest);
}

uint64_t __umoddi3(uint64_t dividend, uint64_t divisor)
{
	uint64_t rest;
	divide(dividend, divisor, &rest);
	return rest;
}

int64_t __divdi3(int64_t dividend, int64_t divisor)
{
	int64_t rest;
	return divide_signed(dividend, divisor, &rest);
}

int64_t __moddi3(int64_t dividend, int64_t divisor)
{
	int64_t rest;
	divide_signed(dividend, divisor, &rest);
	return rest;
}

#endif

#ifdef DIVIDE_64_ARM

/*
 * The remainder is expected in r2 and r3, behind the quotient: nothing that C can return. The library's take 500 bytes,
 * and bring signals along. Source as above, section 5.2. The stack stays aligned to 8 bytes, and with it the remainder.
 */
#define QUOTIENT_AND_REST(name, function) \
	void name(void); \
	__attribute__((naked)) void name(void) \
	{ \
		__asm__("push {r4, lr}\n\t" \
			"sub sp, sp, #16\n\t" \
			"add r4, sp, #8\n\t" \
			"str r4, [sp]\n\t" \
			"bl " #function "\n\t" \
			"ldr r2, [sp, #8]\n\t" \
			"ldr r3, [sp, #12]\n\t" \
			"add sp, sp, #16\n\t" \
			"pop {r4, pc}"); \
	}

QUOTIENT_AND_REST(__aeabi_uldivmod, divide)
QUOTIENT_AND_REST(__aeabi_ldivmod, divide_signed)

#endif
