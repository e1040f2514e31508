/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Files with trusted CA certificates, mapped so that only the pages that are looked at take memory. */
#ifndef TLS_TRUST_STORE_H
#define TLS_TRUST_STORE_H

#include <stddef.h>

#include "base/diag.h"

/* Zero-initialized: none. */
struct trust_store {
	const char *pem; /* PEM text, not NUL-terminated; read-only */
	size_t length; /* bytes */
};

/*
 * Maps a PEM file. Returns 0; or -errno with a diagnostic: -ENOENT and the like, -EINVAL when it is no regular file or
 * holds no certificate, -EFBIG above 4 MiB.
 */
int trust_store_open(const char *path, struct trust_store *store, struct diag *diag);

/*
 * The system's own bundle, from the first of the usual places (the list of Go's crypto/x509). -ENOENT: there is none.
 */
int trust_store_open_system(struct trust_store *store, struct diag *diag);

/*
 * Takes the first `done` bytes out of this process' memory; they are read again from the file when somebody looks. Only
 * for what trust_store_open mapped: other memory would be lost.
 */
void trust_store_forget(const char *pem, size_t done);

void trust_store_close(struct trust_store *store);

#endif
