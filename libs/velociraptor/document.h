/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The first document of a YAML file as a tree, within limits. An alias leads to the node that it names, which is not
 * copied, so a tree is never larger than its text. document.c is the only place that sees libyaml.
 */
#ifndef VELOCIRAPTOR_DOCUMENT_H
#define VELOCIRAPTOR_DOCUMENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/diag.h"

enum {
	DOCUMENT_SIZE_MAX = 1 << 20, /* bytes of text */
	DOCUMENT_DEPTH_MAX = 32, /* lists and mappings inside each other */
	DOCUMENT_NODES_MAX = 16384, /* texts, lists, mappings and aliases together */
	DOCUMENT_ANCHORS_MAX = 64,
	DOCUMENT_ALIASES_MAX = 256,
};

enum node_kind { NODE_TEXT, NODE_LIST, NODE_MAP, NODE_ALIAS };

struct node {
	uint8_t kind; /* enum node_kind; what document_at returns is never NODE_ALIAS */
	bool plain; /* a text without quotes, that is not a block either */
	uint16_t first; /* child, 0: none (or whom an alias names). A mapping's are key, value, key, value ... */
	uint16_t next; /* of the same parent, 0: none */
	uint32_t line; /* from 1 */
	uint32_t column; /* from 1, in characters */
	char *text; /* NODE_TEXT: the value in UTF-8, NUL-terminated */
	size_t length; /* bytes of text; it may hold NUL */
};

struct document {
	struct node *nodes; /* [0] is the root */
	size_t count; /* 0: the document is empty */
	size_t capacity;
};

/*
 * Reads text, which diagnostics call `name`. Only the first document is read, as Velociraptor's own reader does.
 * Returns 0; -EBADMSG with "NAME line L column C: what is wrong", or -ENOMEM. The document is the caller's to release,
 * also after a failure.
 */
int document_read(struct document *document, const char *text, size_t length, const char *name, struct diag *diag);
void document_fini(struct document *document); /* overwrites the texts: some are keys */

/* The node at this place, 0 the root; of an alias whom it names. */
const struct node *document_at(const struct document *document, uint16_t place);
/* The place behind this one, of the same parent; 0 when it was the last. The first one is parent->first. */
uint16_t document_next(const struct document *document, uint16_t place);

/* Fills diag with "NAME line L column C: PROBLEM", control characters as '?'. Returns -EBADMSG. */
int document_fail(const char *name, unsigned line, unsigned column, struct diag *diag, const char *format, ...)
	__attribute__((format(printf, 5, 6)));

#endif
