/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What may go to a terminal: a message that can neither move the cursor nor reprogram anything, and its banner. */
#ifndef TTY_MESSAGE_H
#define TTY_MESSAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/text.h"

enum {
	TTY_MESSAGE_CHARACTERS = 255,
	TTY_MESSAGE_SIZE = TTY_MESSAGE_CHARACTERS * 4 + 1, /* bytes with NUL: four are UTF-8's most, RFC 3629 */
	TTY_BROADCAST_SIZE = TTY_MESSAGE_SIZE + 512, /* with banner; the host name has 64 bytes at most */
};

/*
 * Adds message[0..length) to text as one line of at most TTY_MESSAGE_CHARACTERS characters. Newlines and tabs become
 * spaces. Removed: other control characters (C0, DEL, C1), escape and control sequences as a whole (ECMA-48; of a
 * command string without an end only the introducer), bidirectional embeddings, overrides and isolates. Bytes that are
 * not UTF-8 become '?'. Spaces at both ends go. Returns false when characters were cut off.
 */
bool tty_message_clean(const char *message, size_t length, struct text *text);

/*
 * The whole of what a terminal gets: a bell, a banner with host and time (UTC: libraries don't read TZ), the message.
 * Both strings must be clean. Lines end in CR LF, for terminals in raw mode. now is in seconds of the epoch.
 */
void tty_message_compose(const char *message, const char *host, int64_t now, struct text *text);

#endif
