/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "velociraptor/document.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

#include "base/text.h"

/* A list or mapping that has not ended. */
struct level {
	uint16_t place;
	uint16_t last; /* child, 0: none yet */
};

struct anchor {
	yaml_char_t *name;
	uint16_t place;
};

struct builder {
	yaml_parser_t parser;
	struct document *document;
	const char *name;
	const char *text;
	size_t length;
	struct level levels[DOCUMENT_DEPTH_MAX];
	size_t depth;
	struct anchor anchors[DOCUMENT_ANCHORS_MAX];
	size_t anchor_count;
	size_t alias_count;
	struct diag *diag;
};

int document_fail(const char *name, unsigned line, unsigned column, struct diag *diag, const char *format, ...)
{
	if (!diag)
		return -EBADMSG;
	struct text text = TEXT_ON(diag->text);
	va_list arguments;
	text_addf(&text, "%s line %u column %u: ", name, line, column);
	va_start(arguments, format);
	text_vaddf(&text, format, arguments);
	va_end(arguments);
	for (char *at = diag->text; *at; at++) {
		if ((unsigned char)*at < ' ' || *at == 0x7f)
			*at = '?';
	}
	return -EBADMSG;
}

static int fail_at(const struct builder *builder, const yaml_mark_t *mark, const char *problem)
{
	return document_fail(builder->name, (unsigned)mark->line + 1, (unsigned)mark->column + 1, builder->diag, "%s",
			     problem);
}

/* Of bytes that are no text, libyaml says only how many come before them. */
static yaml_mark_t mark_of_offset(const struct builder *builder, size_t offset)
{
	yaml_mark_t mark = { 0 };
	for (size_t i = 0; i < offset && i < builder->length; i++) {
		mark.column++;
		if (builder->text[i] == '\n') {
			mark.line++;
			mark.column = 0;
		}
	}
	return mark;
}

static int parser_problem(const struct builder *builder)
{
	const yaml_parser_t *parser = &builder->parser;
	yaml_mark_t mark = parser->problem_mark;
	if (parser->error == YAML_MEMORY_ERROR)
		return diag_errno(builder->diag, ENOMEM, "read %s", builder->name);
	if (parser->error == YAML_READER_ERROR)
		mark = mark_of_offset(builder, parser->problem_offset);
	return fail_at(builder, &mark, parser->problem ? parser->problem : "not YAML");
}

/* ---- nodes ---- */

static int grow(struct builder *builder)
{
	struct document *document = builder->document;
	size_t capacity = document->capacity ? 2 * document->capacity : 64;
	struct node *nodes = realloc(document->nodes, capacity * sizeof *nodes);
	if (!nodes)
		return diag_errno(builder->diag, ENOMEM, "read %s", builder->name);
	document->nodes = nodes;
	document->capacity = capacity;
	return 0;
}

static void link_node(struct builder *builder, uint16_t place)
{
	struct node *nodes = builder->document->nodes;
	if (builder->depth == 0)
		return;
	struct level *level = &builder->levels[builder->depth - 1];
	if (level->last)
		nodes[level->last].next = place;
	else
		nodes[level->place].first = place;
	level->last = place;
}

static int add_node(struct builder *builder, const yaml_event_t *event, enum node_kind kind, struct node **node)
{
	struct document *document = builder->document;
	if (document->count == DOCUMENT_NODES_MAX)
		return fail_at(builder, &event->start_mark, "more items than a client configuration can have");
	int result = document->count == document->capacity ? grow(builder) : 0;
	if (result < 0)
		return result;
	uint16_t place = (uint16_t)document->count++;
	*node = &document->nodes[place];
	**node = (struct node){
		.kind = (uint8_t)kind,
		.line = (uint32_t)event->start_mark.line + 1,
		.column = (uint32_t)event->start_mark.column + 1,
	};
	link_node(builder, place);
	return 0;
}

/* Takes the name from the event. The last anchor of a name counts for the aliases behind it. */
static int add_anchor(struct builder *builder, const yaml_event_t *event, yaml_char_t **name)
{
	if (!*name)
		return 0;
	if (builder->anchor_count == DOCUMENT_ANCHORS_MAX)
		return fail_at(builder, &event->start_mark, "too many anchors");
	builder->anchors[builder->anchor_count++] = (struct anchor){ *name, (uint16_t)(builder->document->count - 1) };
	*name = NULL;
	return 0;
}

static int add_alias(struct builder *builder, const yaml_event_t *event)
{
	struct node *node;
	const char *name = (const char *)event->data.alias.anchor;
	if (builder->alias_count++ == DOCUMENT_ALIASES_MAX)
		return fail_at(builder, &event->start_mark, "too many aliases");
	for (size_t i = builder->anchor_count; i > 0; i--) {
		const struct anchor *anchor = &builder->anchors[i - 1];
		if (strcmp((const char *)anchor->name, name) != 0)
			continue;
		int result = add_node(builder, event, NODE_ALIAS, &node);
		if (result == 0)
			node->first = anchor->place;
		return result;
	}
	return fail_at(builder, &event->start_mark, "alias of an anchor that was not defined before");
}

static int add_text(struct builder *builder, yaml_event_t *event)
{
	struct node *node;
	int result = add_node(builder, event, NODE_TEXT, &node);
	if (result < 0)
		return result;
	node->plain = event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
	node->text = (char *)event->data.scalar.value; /* libyaml's memory is malloc's */
	node->length = event->data.scalar.length;
	event->data.scalar.value = NULL;
	return add_anchor(builder, event, &event->data.scalar.anchor);
}

static int begin_level(struct builder *builder, const yaml_event_t *event, enum node_kind kind, yaml_char_t **anchor)
{
	struct node *node;
	if (builder->depth == DOCUMENT_DEPTH_MAX)
		return fail_at(builder, &event->start_mark, "lists and mappings are nested too deeply");
	int result = add_node(builder, event, kind, &node);
	if (result < 0)
		return result;
	builder->levels[builder->depth++] = (struct level){ .place = (uint16_t)(builder->document->count - 1) };
	return add_anchor(builder, event, anchor);
}

/* Returns 1 at the document's end. */
static int take_event(struct builder *builder, yaml_event_t *event)
{
	switch (event->type) {
	case YAML_SCALAR_EVENT:
		return add_text(builder, event);
	case YAML_SEQUENCE_START_EVENT:
		return begin_level(builder, event, NODE_LIST, &event->data.sequence_start.anchor);
	case YAML_MAPPING_START_EVENT:
		return begin_level(builder, event, NODE_MAP, &event->data.mapping_start.anchor);
	case YAML_SEQUENCE_END_EVENT:
	case YAML_MAPPING_END_EVENT:
		builder->depth--;
		return 0;
	case YAML_ALIAS_EVENT:
		return add_alias(builder, event);
	case YAML_DOCUMENT_END_EVENT:
	case YAML_STREAM_END_EVENT:
		return 1;
	case YAML_NO_EVENT:
	case YAML_STREAM_START_EVENT:
	case YAML_DOCUMENT_START_EVENT:
		break;
	}
	return 0;
}

static int take_events(struct builder *builder)
{
	int result = 0;
	while (result == 0) {
		yaml_event_t event;
		if (!yaml_parser_parse(&builder->parser, &event))
			return parser_problem(builder);
		result = take_event(builder, &event);
		yaml_event_delete(&event);
	}
	return result < 0 ? result : 0;
}

int document_read(struct document *document, const char *text, size_t length, const char *name, struct diag *diag)
{
	struct builder builder = { .document = document, .name = name, .text = text, .length = length, .diag = diag };
	*document = (struct document){ 0 };
	if (!yaml_parser_initialize(&builder.parser))
		return diag_errno(diag, ENOMEM, "read %s", name);
	yaml_parser_set_input_string(&builder.parser, (const unsigned char *)text, length);
	int result = take_events(&builder);
	for (size_t i = 0; i < builder.anchor_count; i++)
		free(builder.anchors[i].name);
	yaml_parser_delete(&builder.parser);
	return result;
}

void document_fini(struct document *document)
{
	for (size_t i = 0; i < document->count; i++) {
		struct node *node = &document->nodes[i];
		if (node->text)
			explicit_bzero(node->text, node->length);
		free(node->text);
	}
	free(document->nodes);
	*document = (struct document){ 0 };
}

const struct node *document_at(const struct document *document, uint16_t place)
{
	const struct node *node = &document->nodes[place];
	return node->kind == NODE_ALIAS ? &document->nodes[node->first] : node;
}

uint16_t document_next(const struct document *document, uint16_t place)
{
	return document->nodes[place].next;
}
