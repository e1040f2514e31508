/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/option.h"

#include <errno.h>
#include <string.h>

#include "base/parse.h"

enum { HELP_COLUMN = 26, TIMEOUT_LIMIT = 600 };

int option_flag(void *field, const char *value, struct diag *diag)
{
	bool *flag = field;
	if (!value || strcmp(value, "yes") == 0)
		*flag = true;
	else if (strcmp(value, "no") == 0)
		*flag = false;
	else
		return diag_fail(diag, EINVAL, "'%.*s' is neither yes nor no", 40, value);
	return 0;
}

int option_string(void *field, const char *value, struct diag *diag)
{
	(void)diag;
	*(const char **)field = value;
	return 0;
}

int option_timeout(void *field, const char *value, struct diag *diag)
{
	uint64_t seconds;
	if (!parse_duration(value, TIMEOUT_LIMIT, &seconds))
		return diag_fail(diag, EINVAL, "'%.*s' is not a duration of 1s to 10m", 40, value);
	*(unsigned *)field = (unsigned)seconds;
	return 0;
}

/* What usage calls the value; "": a flag. */
static const char *argument_of(const struct option_row *row)
{
	return row->words + strlen(row->words) + 1;
}

static bool is_flag(const struct option_row *row)
{
	return *argument_of(row) == '\0';
}

static const struct option_row *find_letter(const struct option_row *table, char letter)
{
	for (; table->words; table++) {
		if (table->letter == letter)
			return table;
	}
	return NULL;
}

static const struct option_row *find_name(const struct option_row *table, const char *name, size_t length)
{
	for (; table->words; table++) {
		if (text_after(name, table->words) == name + length)
			return table;
	}
	return NULL;
}

/* Parses the value and puts the option's name in front of what is wrong with it. */
static int set_row(const struct option_row *row, void *values, const char *value, struct diag *diag)
{
	struct diag reason = { "" };
	void *field = (char *)values + row->offset;
	int result = row->parse ? row->parse(field, value, &reason) :
		     is_flag(row) ? option_flag(field, value, &reason) :
				    option_string(field, value, &reason);
	return result < 0 ? diag_fail(diag, -result, "option --%s: %s", row->words, reason.text) : 0;
}

int options_set(const struct option_row *table, void *values, const char *name, const char *value, struct diag *diag)
{
	const struct option_row *row = find_name(table, name, strlen(name));
	if (!row)
		return diag_fail(diag, EINVAL, "unknown option '%.*s'", 60, name);
	if (!is_flag(row) && (!value || !*value))
		return diag_fail(diag, EINVAL, "option '%s' needs a value: %s", name, argument_of(row));
	return set_row(row, values, value && *value ? value : NULL, diag);
}

/*
 * --name, --name=value, --name value, --flag=no. `next` is the following argument or NULL; sets *used when it was
 * taken.
 */
static int parse_long(const struct option_row *table, void *values, const char *word, const char *next, bool *used,
		      struct diag *diag)
{
	size_t length = strcspn(word, "=");
	const struct option_row *row = find_name(table, word, length);
	if (!row)
		return diag_fail(diag, EINVAL, "unknown option '--%.*s'", (int)(length < 60 ? length : 60), word);
	const char *value = word[length] == '=' ? word + length + 1 : NULL;
	if (!is_flag(row) && !value) {
		value = next;
		*used = true;
	}
	if (!is_flag(row) && !value)
		return diag_fail(diag, EINVAL, "option --%s needs a value: %s", row->words, argument_of(row));
	return set_row(row, values, value, diag);
}

/* -abc, -tVALUE, -t VALUE, with word after the dash; h among them asks for help. */
static int parse_letters(const struct option_row *table, void *values, const char *word, const char *next, bool *used,
			 struct diag *diag)
{
	for (; *word; word++) {
		const struct option_row *row = find_letter(table, *word);
		if (!row)
			return diag_fail(diag, EINVAL, *word == 'h' ? "" : "unknown option '-%c'", *word);
		if (is_flag(row)) {
			int result = set_row(row, values, NULL, diag);
			if (result < 0)
				return result;
			continue;
		}
		*used = word[1] == '\0';
		const char *value = *used ? next : word + 1;
		if (!value)
			return diag_fail(diag, EINVAL, "option -%c needs a value: %s", *word, argument_of(row));
		return set_row(row, values, value, diag);
	}
	return 0;
}

int options_parse(const struct option_row *table, void *values, int argc, char **argv, struct diag *diag)
{
	int operands = 0;
	int error = 0;
	bool only_operands = false;
	for (int i = 1; i < argc; i++) {
		const char *word = argv[i];
		const char *next = i + 1 < argc ? argv[i + 1] : NULL;
		bool used = false;
		int result = 0;
		if (only_operands || word[0] != '-' || word[1] == '\0')
			argv[++operands] = argv[i];
		else if (strcmp(word, "--") == 0)
			only_operands = true;
		else if (strcmp(word, "--help") == 0)
			result = diag_fail(diag, EINVAL, "%s", "");
		else if (word[1] == '-')
			result = parse_long(table, values, word + 2, next, &used, diag);
		else
			result = parse_letters(table, values, word + 1, next, &used, diag);
		i += used;
		if (result == 0)
			continue;
		error = result;
		diag = NULL; /* the first one is told */
	}
	return error < 0 ? error : operands;
}

void options_usage(const struct option_row *table, struct text *text)
{
	for (; table->words; table++) {
		if (table->letter)
			text_addf(text, "  -%c, ", table->letter);
		else
			text_add(text, "      ");
		const char *argument = argument_of(table);
		const char *help = argument + strlen(argument) + 1;
		text_addf(text, "--%s%s%s", table->words, is_flag(table) ? "" : " ", argument);
		for (const char *line = help; *line;) {
			size_t length = strcspn(line, "\n");
			text_add(text, line == help ? " " : "");
			text_pad_to(text, HELP_COLUMN);
			text_add_bytes(text, line, length);
			text_add(text, "\n");
			line += length + (line[length] == '\n');
		}
	}
}
