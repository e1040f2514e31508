/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Output that never blocks the run: a contained device may have cut the very session that we write to, and a serial
 * console may be slower than we are. What the descriptor does not take now waits in a bounded buffer.
 */
#ifndef BASE_OUTPUT_H
#define BASE_OUTPUT_H

#include <stdbool.h>
#include <stddef.h>

#include "base/deadline.h"

enum { OUTPUT_PENDING_SIZE = 8192 }; /* more than two screens of 80x24 */

struct output {
	int fd; /* the descriptor that is written to */
	int own_fd; /* a non-blocking reopening of it that we close, or -1 */
	bool is_socket;
	bool may_block; /* neither reopened nor a socket nor a regular file */
	int error; /* errno of the first write that failed for good; 0: none */
	size_t lost; /* bytes that were dropped because the buffer was full */
	size_t length;
	char pending[OUTPUT_PENDING_SIZE];
};

/* Opens fd a second time as non-blocking where that is possible (the flag on fd itself belongs to the shell, too). */
void output_init(struct output *output, int fd);
/* Closes what output_init opened. */
void output_fini(struct output *output);

/* Queues the bytes; output_write also writes what can be written at once. */
void output_queue(struct output *output, const char *bytes, size_t count);
void output_write(struct output *output, const char *bytes, size_t count);

/* Waits for the descriptor to take the rest. Returns 0, or -errno: -EAGAIN when the deadline passed. */
int output_drain(struct output *output, struct deadline deadline);

struct text;
/* Writes what a text holds, whose context is an output, and waits for up to a minute. It can be the text's flush. */
void output_flush(struct text *text);

#endif
