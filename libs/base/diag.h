/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One diagnostic: what was attempted, on what, why it failed. Libraries fill it, applets print it as one line. */
#ifndef BASE_DIAG_H
#define BASE_DIAG_H

struct diag {
	char text[256]; /* NUL-terminated, without program name and newline; cut when longer */
};

/*
 * Both store the formatted attempt ("open /etc/quarbox.conf") and return -error, so that a failing function ends in
 * `return diag_errno(diag, errno, "open %s", path);`. diag may be NULL. The format is text_addf's subset of printf.
 * diag_errno appends ": " and the system's words for error; diag_fail leaves the text as it is (the format says why).
 */
#define diag_errno(diag, error, ...) diag_store(diag, -(error), __VA_ARGS__)
#define diag_fail(diag, error, ...) diag_store(diag, error, __VA_ARGS__)

/* Both, which one is told by the sign of error: one function with variable arguments is 150 bytes less than two. */
int diag_store(struct diag *diag, int error, const char *format, ...) __attribute__((format(printf, 3, 4)));

#endif
