/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tty/message.h"

#include "base/date.h"

/* The message while it is read. */
struct reader {
	const char *bytes;
	size_t length;
	size_t at;
	bool no_terminator; /* nothing from here on ends a command string: searched once, so that time stays linear */
};

enum {
	ESCAPE = 0x1b,
	CANCEL = 0x18, /* CAN and SUB end any sequence */
	SUBSTITUTE = 0x1a,
	BELL = 0x07,
	/* C1 controls, ECMA-48 section 5.3; the 7-bit form is ESC and the code less 0x40 */
	DCS = 0x90,
	SOS = 0x98,
	CSI = 0x9b,
	ST = 0x9c,
	OSC = 0x9d,
	PM = 0x9e,
	APC = 0x9f,
};

/* The character at a position; 0xfffd for a byte that is not UTF-8. *count gets its bytes. */
static uint32_t decode(const struct reader *reader, size_t at, size_t *count)
{
	const unsigned char *bytes = (const unsigned char *)reader->bytes + at;
	*count = text_utf8_length(reader->bytes + at, reader->length - at);
	if (*count == 1)
		return bytes[0] < 0x80 ? bytes[0] : 0xfffd;
	uint32_t character = bytes[0] & 0x7fu >> *count; /* less the bits that say how long it is */
	for (size_t i = 1; i < *count; i++)
		character = character << 6 | (bytes[i] & 0x3fu);
	return character;
}

/* Passes over at most `limit` bytes from first to last. */
static void skip_range(struct reader *reader, char first, char last, size_t limit)
{
	for (; limit > 0 && reader->at < reader->length; limit--, reader->at++) {
		if (reader->bytes[reader->at] < first || reader->bytes[reader->at] > last)
			return;
	}
}

/* Parameters, intermediates, final byte: ECMA-48 section 5.4. What stands behind a broken sequence is kept. */
static void skip_control_sequence(struct reader *reader)
{
	skip_range(reader, 0x30, 0x3f, SIZE_MAX);
	skip_range(reader, 0x20, 0x2f, SIZE_MAX);
	skip_range(reader, 0x40, 0x7e, 1);
}

/* The position behind the end of the command string (OSC, DCS, ...), or 0 when it has none. */
static size_t find_string_end(const struct reader *reader)
{
	size_t count;
	for (size_t at = reader->at; at < reader->length; at += count) {
		uint32_t character = decode(reader, at, &count);
		if (character == ESCAPE && at + 1 < reader->length && reader->bytes[at + 1] == '\\')
			return at + 2;
		if (character == BELL || character == ST || character == CANCEL || character == SUBSTITUTE)
			return at + count;
	}
	return 0;
}

static void skip_command_string(struct reader *reader)
{
	size_t end = reader->no_terminator ? 0 : find_string_end(reader);
	if (end > 0)
		reader->at = end;
	else
		reader->no_terminator = true;
}

/* What a C1 control, already passed, begins. */
static void skip_after_c1(struct reader *reader, uint32_t control)
{
	if (control == CSI)
		skip_control_sequence(reader);
	else if (control == DCS || control == SOS || control == OSC || control == PM || control == APC)
		skip_command_string(reader);
}

/* What ESC, already passed, begins: a C1 control in 7-bit form, or intermediates and a final byte (ECMA-35). */
static void skip_after_escape(struct reader *reader)
{
	unsigned char next = reader->at < reader->length ? (unsigned char)reader->bytes[reader->at] : 0;
	if (next >= 0x40 && next <= 0x5f) {
		reader->at++;
		skip_after_c1(reader, next + 0x40u);
		return;
	}
	skip_range(reader, 0x20, 0x2f, SIZE_MAX);
	skip_range(reader, 0x30, 0x7e, 1);
}

static bool is_bidirectional_control(uint32_t character)
{
	return (character >= 0x202a && character <= 0x202e) || (character >= 0x2066 && character <= 0x2069);
}

/* Reads on to the next character that may be shown and adds it to text. Returns false at the end. */
static bool copy_next(struct reader *reader, struct text *text)
{
	while (reader->at < reader->length) {
		size_t start = reader->at;
		size_t count;
		uint32_t character = decode(reader, start, &count);
		reader->at += count;
		if (character == ESCAPE) {
			skip_after_escape(reader);
		} else if (character >= 0x80 && character <= 0x9f) {
			skip_after_c1(reader, character);
		} else if (character == '\n' || character == '\t') {
			text_add(text, " ");
			return true;
		} else if (character >= ' ' && character != 0x7f && !is_bidirectional_control(character)) {
			bool broken = character == 0xfffd && count == 1;
			text_add_bytes(text, broken ? "?" : reader->bytes + start, count);
			return true;
		}
	}
	return false;
}

/* Whether anything but blanks would still come out. Moves the reader. */
static bool has_more(struct reader *reader)
{
	char character[8];
	struct text text = TEXT_ON(character);
	while (copy_next(reader, &text)) {
		if (character[0] != ' ')
			return true;
		text.length = 0;
	}
	return false;
}

bool tty_message_clean(const char *message, size_t length, struct text *text)
{
	struct reader reader = { .bytes = message, .length = length };
	size_t start = text->length;
	size_t characters = 0;
	while (characters < TTY_MESSAGE_CHARACTERS && copy_next(&reader, text)) {
		if (characters == 0 && text->bytes[start] == ' ')
			text->length = start;
		else
			characters++;
	}
	bool complete = !has_more(&reader);
	while (text->length > start && text->bytes[text->length - 1] == ' ')
		text->length--;
	text->bytes[text->length] = '\0';
	return complete;
}

void tty_message_compose(const char *message, const char *host, int64_t now, struct text *text)
{
	text_addf(text, "\r\n\aMessage from quarbox on %s (", host);
	date_time_format(now, text);
	text_addf(text, "):\r\n%s\r\n\r\n", message);
}
