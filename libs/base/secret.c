/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/secret.h"

#include <stdint.h>
#include <string.h>
#include <sys/mman.h>

char *secret_copy(const char *bytes, size_t length)
{
	char *secret = mmap(NULL, length + 1, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (secret == MAP_FAILED)
		return NULL;
	if (madvise(secret, length + 1, MADV_WIPEONFORK) == 0)
		return memcpy(secret, bytes, length); /* and a NUL, which is there */
	munmap(secret, length + 1);
	return NULL;
}

bool secret_share(const char *secret, bool share)
{
	/* the kernel reads no more than the address; its prototype lacks the const */
	return madvise((void *)(uintptr_t)secret, strlen(secret) + 1, share ? MADV_KEEPONFORK : MADV_WIPEONFORK) == 0;
}

void secret_free(char *secret)
{
	if (secret) /* the kernel clears pages before anybody gets them again */
		munmap(secret, strlen(secret) + 1);
}
