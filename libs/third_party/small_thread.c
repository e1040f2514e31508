/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The size of a new thread's stack. Nobody starts one, but musl's start-up code takes a larger size from the header of
 * the program. musl's own is not 0, and all that a small program has in .data: a page of the file. This one comes
 * before the C library at link time.
 */
extern unsigned __default_stacksize;

unsigned __default_stacksize;
