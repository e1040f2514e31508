/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "http/response.h"

#include <errno.h>
#include <string.h>
#include <strings.h>

#include "base/parse.h"
#include "base/text.h"

void http_parser_init(struct http_parser *parser, char *body, size_t body_size)
{
	*parser = (struct http_parser){ .body = body, .body_size = body_size };
}

static int fail(struct http_parser *parser, int error, const char *reason, struct diag *diag)
{
	parser->state = HTTP_FAILED;
	return diag_fail(diag, error, "HTTP answer: %s", reason);
}

static void copy_printable(char *buffer, size_t size, const char *string)
{
	struct text text = text_on(buffer, size);
	for (; *string; string++)
		text_add_bytes(&text, *string >= ' ' && *string < 0x7f ? string : "?", 1);
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* "HTTP/1.1 200 OK"; the words behind the number are optional and mean nothing. */
static int take_status_line(struct http_parser *parser, const char *line, struct diag *diag)
{
	if (strncmp(line, "HTTP/1.", 7) != 0 || (line[7] != '0' && line[7] != '1') || line[8] != ' ' ||
	    !is_digit(line[9]) || !is_digit(line[10]) || !is_digit(line[11]) || (line[12] != ' ' && line[12] != '\0'))
		return fail(parser, EPROTO, "it does not begin as HTTP/1.1 does", diag);
	unsigned status = (unsigned)((line[9] - '0') * 100 + (line[10] - '0') * 10 + line[11] - '0');
	if (status < 100 || status > 599 || status == 101)
		return fail(parser, EPROTO, "a status that can not be", diag);
	parser->response.status = status;
	parser->state = HTTP_HEADERS;
	return 0;
}

static int take_content_length(struct http_parser *parser, const char *value, struct diag *diag)
{
	uint64_t length = 0;
	const char *at = value;
	for (; is_digit(*at) && length <= UINT64_MAX / 10 - 1; at++)
		length = length * 10 + (uint64_t)(*at - '0');
	if (at == value || *at)
		return fail(parser, EPROTO, "a Content-Length that is no number", diag);
	if (parser->has_length && parser->length != length)
		return fail(parser, EPROTO, "two different Content-Lengths", diag);
	parser->has_length = true;
	parser->length = length;
	return 0;
}

/* "Name: value" with the value's blanks removed; false when the line is for another name. */
static const char *header_value(const char *line, const char *name)
{
	size_t length = strlen(name);
	if (strncasecmp(line, name, length) != 0 || line[length] != ':')
		return NULL;
	return line + length + 1 + strspn(line + length + 1, " \t");
}

static int take_header(struct http_parser *parser, char *line, struct diag *diag)
{
	const char *value;
	size_t length = strlen(line);
	bool framing = header_value(line, "Content-Length") || header_value(line, "Transfer-Encoding");
	if (framing && parser->line_cut)
		return fail(parser, EPROTO, "a header that is too long", diag);
	while (length > 0 && (line[length - 1] == ' ' || line[length - 1] == '\t'))
		line[--length] = '\0';
	if ((value = header_value(line, "Content-Length")))
		return take_content_length(parser, value, diag);
	if ((value = header_value(line, "Transfer-Encoding"))) {
		if (strcasecmp(value, "chunked") != 0)
			return fail(parser, EPROTO, "a Transfer-Encoding that was not asked for", diag);
		parser->chunked = true;
	} else if ((value = header_value(line, "Location"))) {
		copy_printable(parser->response.location, sizeof parser->response.location, value);
	} else if ((value = header_value(line, "Content-Type"))) {
		copy_printable(parser->response.content_type, sizeof parser->response.content_type, value);
	}
	return 0;
}

static void done(struct http_parser *parser)
{
	parser->response.complete = true;
	parser->state = HTTP_DONE;
}

static void give_up_long_body(struct http_parser *parser)
{
	parser->response.too_long = true;
	parser->state = HTTP_DONE;
}

/* The empty line behind the headers: how the body is delimited (RFC 9112 section 6.3). */
static void end_headers(struct http_parser *parser)
{
	if (parser->response.status < 200) { /* an interim answer; the real one follows */
		size_t head_length = parser->head_length;
		http_parser_init(parser, parser->body, parser->body_size);
		parser->head_length = head_length;
		return;
	}
	parser->left = parser->length;
	if (parser->response.status != 200)
		done(parser);
	else if (parser->chunked)
		parser->state = HTTP_CHUNK_SIZE;
	else if (!parser->has_length)
		parser->state = HTTP_BODY_TO_END;
	else if (parser->length > HTTP_BODY_MAX)
		give_up_long_body(parser);
	else if (parser->length == 0)
		done(parser);
	else
		parser->state = HTTP_BODY_LENGTH;
}

/* "1a2b;extension=value" */
static int take_chunk_size(struct http_parser *parser, const char *line, struct diag *diag)
{
	uint64_t size = 0;
	const char *at = line;
	for (; parse_hex_digit(*at) >= 0 && size <= UINT64_MAX >> 8; at++)
		size = size << 4 | (uint64_t)parse_hex_digit(*at);
	if (at == line || parser->line_cut || (*at && *at != ';' && *at != ' ' && *at != '\t'))
		return fail(parser, EPROTO, "a chunk without a size", diag);
	parser->left = size;
	if (size > HTTP_BODY_MAX - parser->response.body_length)
		give_up_long_body(parser);
	else
		parser->state = size > 0 ? HTTP_CHUNK_DATA : HTTP_TRAILERS;
	return 0;
}

/* parser->line holds a whole line without its end. */
static int take_line(struct http_parser *parser, struct diag *diag)
{
	char *line = parser->line;
	if (memchr(line, '\0', parser->line_length))
		return fail(parser, EPROTO, "a NUL byte in the headers", diag);
	switch (parser->state) {
	case HTTP_STATUS_LINE:
		return take_status_line(parser, line, diag);
	case HTTP_HEADERS:
		if (*line)
			return take_header(parser, line, diag);
		end_headers(parser);
		return 0;
	case HTTP_CHUNK_SIZE:
		return take_chunk_size(parser, line, diag);
	case HTTP_CHUNK_END:
		parser->state = HTTP_CHUNK_SIZE;
		return *line ? fail(parser, EPROTO, "a chunk that is longer than it said", diag) : 0;
	case HTTP_TRAILERS:
		if (!*line)
			done(parser);
		return 0;
	case HTTP_BODY_LENGTH:
	case HTTP_BODY_TO_END:
	case HTTP_CHUNK_DATA:
	case HTTP_DONE:
	case HTTP_FAILED:
		break;
	}
	return 0;
}

/*
 * Collects a line, up to and with its LF (a bare LF ends a line, too: RFC 9112 section 2.2), and handles it when it is
 * whole. Returns how many bytes were used, or -errno.
 */
static long feed_line(struct http_parser *parser, const char *bytes, size_t count, struct diag *diag)
{
	const char *newline = memchr(bytes, '\n', count);
	size_t used = newline ? (size_t)(newline - bytes) + 1 : count;
	size_t room = sizeof parser->line - 1 - parser->line_length;
	size_t text = used - (newline != NULL);
	size_t kept = text < room ? text : room;
	parser->head_length += used;
	if (parser->head_length > HTTP_HEAD_MAX)
		return fail(parser, EMSGSIZE, "headers of more than 16 KiB", diag);
	memcpy(parser->line + parser->line_length, bytes, kept);
	parser->line_length += kept;
	parser->line_cut |= kept < text;
	if (!newline)
		return (long)used;
	if (parser->line_length > 0 && parser->line[parser->line_length - 1] == '\r')
		parser->line_length--;
	parser->line[parser->line_length] = '\0';
	int result = take_line(parser, diag);
	parser->line_length = 0;
	parser->line_cut = false;
	return result < 0 ? result : (long)used;
}

static void keep_body(struct http_parser *parser, const char *bytes, size_t count)
{
	struct http_response *response = &parser->response;
	if (response->body_length < parser->body_size) {
		size_t room = parser->body_size - response->body_length;
		memcpy(parser->body + response->body_length, bytes, count < room ? count : room);
	}
	response->body_length += count;
}

/* Returns how many bytes belonged to the body. */
static size_t feed_body(struct http_parser *parser, const char *bytes, size_t count)
{
	if (parser->state == HTTP_BODY_TO_END) {
		size_t room = HTTP_BODY_MAX - parser->response.body_length;
		keep_body(parser, bytes, count < room ? count : room);
		if (count > room)
			give_up_long_body(parser);
		return count;
	}
	size_t part = count < parser->left ? count : (size_t)parser->left;
	keep_body(parser, bytes, part);
	parser->left -= part;
	if (parser->left == 0 && parser->state == HTTP_CHUNK_DATA)
		parser->state = HTTP_CHUNK_END;
	else if (parser->left == 0)
		done(parser);
	return part;
}

static bool in_body(const struct http_parser *parser)
{
	return parser->state == HTTP_BODY_LENGTH || parser->state == HTTP_BODY_TO_END ||
	       parser->state == HTTP_CHUNK_DATA;
}

int http_parser_feed(struct http_parser *parser, const char *bytes, size_t count, struct diag *diag)
{
	while (count > 0 && parser->state != HTTP_DONE) {
		if (parser->state == HTTP_FAILED)
			return fail(parser, EPROTO, "it was broken before", diag);
		long used = in_body(parser) ? (long)feed_body(parser, bytes, count) :
					      feed_line(parser, bytes, count, diag);
		if (used < 0)
			return (int)used;
		bytes += used;
		count -= (size_t)used;
	}
	return parser->state == HTTP_DONE;
}

int http_parser_finish(struct http_parser *parser, struct diag *diag)
{
	if (parser->state == HTTP_BODY_TO_END)
		done(parser);
	if (parser->state == HTTP_DONE)
		return 0;
	bool empty = parser->state == HTTP_STATUS_LINE && parser->head_length == 0;
	return fail(parser, EPROTO, empty ? "the server closed without one" : "the server closed in the middle of it",
		    diag);
}
