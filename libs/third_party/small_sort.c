/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * qsort by Shell's method (D. L. Shell 1959, with Knuth's gaps). musl's smoothsort is 1.3 KB larger, and gains nothing
 * on what is sorted here: lists of addresses and links, mostly in order already. This one comes before the C library at
 * link time.
 */
#include <stdlib.h>

static void swap(char *a, char *b, size_t size)
{
	while (size-- > 0) {
		char byte = a[size];
		a[size] = b[size];
		b[size] = byte;
	}
}

void qsort(void *array, size_t count, size_t size, int (*compare)(const void *a, const void *b))
{
	char *bytes = array;
	size_t gap = 1;
	while (gap < count / 3)
		gap = 3 * gap + 1;
	for (; gap > 0; gap /= 3) {
		for (size_t i = gap * size; i < count * size; i += size) {
			char *at = bytes + i;
			for (; at >= bytes + gap * size && compare(at - gap * size, at) > 0; at -= gap * size)
				swap(at - gap * size, at, size);
		}
	}
}
