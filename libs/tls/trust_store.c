/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tls/trust_store.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tls/pem.h"

enum { STORE_SIZE_MAX = 4 << 20 };

/* Each with a NUL behind it. */
static const char system_bundles[] = "/etc/ssl/certs/ca-certificates.crt\0" /* Debian, OpenWrt, Alpine, Buildroot */
				     "/etc/pki/tls/certs/ca-bundle.crt\0" /* Fedora, RHEL 6 */
				     "/etc/ssl/ca-bundle.pem\0" /* openSUSE */
				     "/etc/pki/tls/cacert.pem\0" /* OpenELEC */
				     "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem\0" /* CentOS, RHEL 7 */
				     "/etc/ssl/cert.pem\0"; /* Alpine */

static int map_file(int fd, const char *path, struct trust_store *store, struct diag *diag)
{
	struct stat status;
	if (fstat(fd, &status) < 0)
		return diag_errno(diag, errno, "read %s", path);
	if (!S_ISREG(status.st_mode))
		return diag_fail(diag, EINVAL, "read %s: not a regular file", path);
	if (status.st_size > STORE_SIZE_MAX)
		return diag_errno(diag, EFBIG, "read %s", path);
	if (status.st_size == 0)
		return diag_fail(diag, EINVAL, "read %s: the file is empty", path);
	size_t length = (size_t)status.st_size;
	void *pages = mmap(NULL, length, PROT_READ, MAP_PRIVATE, fd, 0);
	if (pages == MAP_FAILED)
		return diag_errno(diag, errno, "map %s", path);
	*store = (struct trust_store){ .pem = pages, .length = length };
	return 0;
}

int trust_store_open(const char *path, struct trust_store *store, struct diag *diag)
{
	/* O_NONBLOCK: opening a FIFO must not wait for a writer */
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0)
		return diag_errno(diag, errno, "open %s", path);
	struct trust_store mapped = { 0 };
	int result = map_file(fd, path, &mapped, diag);
	close(fd);
	if (result < 0)
		return result;
	if (!pem_has_certificate(mapped.pem, mapped.length)) {
		trust_store_close(&mapped);
		return diag_fail(diag, EINVAL, "read %s: no PEM certificate in it", path);
	}
	*store = mapped;
	return 0;
}

int trust_store_open_system(struct trust_store *store, struct diag *diag)
{
	for (const char *path = system_bundles; *path; path += strlen(path) + 1) {
		int result = trust_store_open(path, store, diag);
		if (result != -ENOENT && result != -ENOTDIR)
			return result;
	}
	return diag_fail(diag, ENOENT, "no CA bundle on this system (looked for %s and others)", system_bundles);
}

void trust_store_forget(const char *pem, size_t done)
{
	size_t page = (size_t)getpagesize();
	/* that it fails changes nothing but the memory that is used */
	(void)madvise((void *)(uintptr_t)pem, done / page * page, MADV_DONTNEED);
}

void trust_store_close(struct trust_store *store)
{
	if (store->pem)
		munmap((void *)(uintptr_t)store->pem, store->length);
	*store = (struct trust_store){ 0 };
}
