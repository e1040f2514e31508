/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Our division for processors without one, on any machine, against its own. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define DIVIDE_32
#define DIVIDE_64
#define __aeabi_uidivmod small_uidivmod
#define __aeabi_uidiv small_uidiv
#define __aeabi_idivmod small_idivmod
#define __aeabi_idiv small_idiv
#define __udivdi3 small_udivdi3
#define __umoddi3 small_umoddi3
#define __divdi3 small_divdi3
#define __moddi3 small_moddi3
#include "third_party/small_divide.c"

#if defined __ARMEL__ && !defined DIVIDE_64_ARM
#error "the library's division is in the program"
#endif

static void compare(uint32_t dividend, uint32_t divisor)
{
	uint64_t both = small_uidivmod(dividend, divisor);
	assert_int_equal((uint32_t)both, dividend / divisor);
	assert_int_equal(both >> 32, dividend % divisor);
	assert_int_equal(small_uidiv(dividend, divisor), dividend / divisor);
}

static void compare_signed(int32_t dividend, int32_t divisor)
{
	if (dividend == INT32_MIN && divisor == -1)
		return; /* has no result */
	uint64_t both = small_idivmod(dividend, divisor);
	assert_int_equal((int32_t)(uint32_t)both, dividend / divisor);
	assert_int_equal((int32_t)(uint32_t)(both >> 32), dividend % divisor);
	assert_int_equal(small_idiv(dividend, divisor), dividend / divisor);
}

static void compare_both(uint32_t dividend, uint32_t divisor)
{
	compare(dividend, divisor);
	compare_signed((int32_t)dividend, (int32_t)divisor);
}

/* Each power of two and what stands beside it, by each other. */
static void around_powers_of_two(void **state)
{
	(void)state;
	for (int i = 0; i < 32 * 3; i++) {
		for (int j = 0; j < 32 * 3; j++) {
			uint32_t divisor = (1u << j / 3) + (uint32_t)(j % 3) - 1;
			if (divisor != 0)
				compare_both((1u << i / 3) + (uint32_t)(i % 3) - 1, divisor);
		}
	}
}

static void any_numbers(void **state)
{
	(void)state;
	uint32_t number = 1;
	for (int i = 0; i < 300000; i++) {
		uint32_t dividend = number = number * 1664525 + 1013904223; /* Numerical Recipes, section 7.1 */
		number = number * 1664525 + 1013904223;
		compare_both(dividend, number >> i % 31 | 1);
	}
}

static void compare_wide(uint64_t dividend, uint64_t divisor)
{
	assert_int_equal(small_udivdi3(dividend, divisor), dividend / divisor);
	assert_int_equal(small_umoddi3(dividend, divisor), dividend % divisor);
	int64_t of = (int64_t)dividend;
	int64_t by = (int64_t)divisor;
	if (of == INT64_MIN && by == -1)
		return;
	assert_true(small_divdi3(of, by) == of / by);
	assert_true(small_moddi3(of, by) == of % by);
}

static void wide_around_powers_of_two(void **state)
{
	(void)state;
	for (int i = 0; i < 64 * 3; i++) {
		for (int j = 0; j < 64 * 3; j++) {
			uint64_t divisor = ((uint64_t)1 << j / 3) + (uint64_t)(j % 3) - 1;
			if (divisor != 0)
				compare_wide(((uint64_t)1 << i / 3) + (uint64_t)(i % 3) - 1, divisor);
		}
	}
}

static void any_wide_numbers(void **state)
{
	(void)state;
	uint64_t number = 1;
	for (int i = 0; i < 100000; i++) {
		uint64_t dividend = number = number * 6364136223846793005 + 1442695040888963407; /* Knuth's MMIX */
		number = number * 6364136223846793005 + 1442695040888963407;
		compare_wide(dividend, number >> i % 63 | 1);
	}
}

#ifdef DIVIDE_64_ARM

static uintptr_t seen_rest; /* which stands on the stack as its end does */

static __attribute__((used)) uint64_t look(uint64_t dividend, uint64_t divisor, uint64_t *rest)
{
	seen_rest = (uintptr_t)rest;
	*rest = divisor;
	return dividend;
}

QUOTIENT_AND_REST(call_look, look)

static void is_aligned(void **state)
{
	(void)state;
	seen_rest = 1;
	call_look();
	assert_int_equal(seen_rest % 8, 0);
}

static void prove(int64_t of, int64_t by)
{
	volatile uint64_t dividend = (uint64_t)of; /* for the compiler to call what has come before the library's */
	volatile uint64_t divisor = (uint64_t)by;
	uint64_t quotient = dividend / divisor;
	uint64_t rest = dividend % divisor;
	assert_true(rest < (uint64_t)by);
	assert_true(quotient * (uint64_t)by + rest == (uint64_t)of);
	volatile int64_t signed_dividend = of;
	volatile int64_t signed_divisor = by;
	if (of == INT64_MIN && by == -1)
		return;
	int64_t signed_quotient = signed_dividend / signed_divisor;
	int64_t signed_rest = signed_dividend % signed_divisor;
	assert_true(wide_magnitude(signed_rest) < wide_magnitude(by));
	assert_true(signed_rest == 0 || (signed_rest < 0) == (of < 0));
	assert_true(signed_quotient * by + signed_rest == of);
}

static void as_arm_compilers_call_it(void **state)
{
	(void)state;
	uint64_t number = 1;
	for (int i = 0; i < 20000; i++) {
		uint64_t dividend = number = number * 6364136223846793005 + 1442695040888963407;
		number = number * 6364136223846793005 + 1442695040888963407;
		prove((int64_t)dividend, (int64_t)number >> i % 63 | 1);
	}
	prove(INT64_MIN, 1);
	prove(INT64_MAX, -1);
	prove(0, INT64_MIN);
}

#endif

int main(void)
{
	const struct CMUnitTest tests[] = {
#ifdef DIVIDE_64_ARM
		cmocka_unit_test(is_aligned),
		cmocka_unit_test(as_arm_compilers_call_it),
#endif
		cmocka_unit_test(around_powers_of_two),
		cmocka_unit_test(any_numbers),
		cmocka_unit_test(wide_around_powers_of_two),
		cmocka_unit_test(any_wide_numbers),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
