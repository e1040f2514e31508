/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "velociraptor/pattern.h"

#include <ctype.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

enum { ATOMS_MAX = 128 };

/* The characters that one place of the text may have, and how often. */
struct atom {
	uint8_t set[32]; /* bits */
	bool optional;
	bool repeats;
};

/* One alternative. */
struct sequence {
	struct atom atoms[ATOMS_MAX];
	size_t count;
	bool at_begin;
	bool at_end;
};

static void add_character(struct atom *atom, unsigned char c)
{
	const unsigned char cases[2] = { (unsigned char)tolower(c), (unsigned char)toupper(c) };
	for (size_t i = 0; i < 2; i++)
		atom->set[cases[i] / 8] |= (uint8_t)(1 << cases[i] % 8);
}

static bool has_character(const struct atom *atom, unsigned char c)
{
	return atom->set[c / 8] >> c % 8 & 1;
}

static void invert(struct atom *atom)
{
	for (size_t i = 0; i < sizeof atom->set; i++)
		atom->set[i] ^= 0xff;
}

/* A character that stands for itself, perhaps behind '\'. False: it is something else. */
static bool read_character(const char **at, unsigned char *c)
{
	bool escaped = **at == '\\';
	*at += escaped;
	*c = (unsigned char)**at;
	if (*c == '\0' || (escaped && isalnum(*c)))
		return false;
	++*at;
	return true;
}

/* Behind '['. A set holds characters and ranges; "[:alpha:]" and the like are not among them. */
static const char *read_set(const char **at, struct atom *atom)
{
	static const char problem[] = "a [set] that is not understood";
	bool inverted = **at == '^';
	*at += inverted;
	do {
		unsigned char first;
		unsigned char last;
		if (**at == '[' || !read_character(at, &first))
			return problem;
		last = first;
		if (**at == '-' && (*at)[1] != ']') {
			++*at;
			if (!read_character(at, &last) || last < first)
				return problem;
		}
		for (unsigned c = first; c <= last; c++)
			add_character(atom, (unsigned char)c);
	} while (**at != ']');
	++*at;
	if (inverted)
		invert(atom);
	return NULL;
}

static const char *read_atom(const char **at, struct atom *atom)
{
	unsigned char c;
	if (strchr("(){}*+?^$", **at))
		return "only . [] * + ? | ^ $ and \\ before punctuation are understood";
	if (**at == '.') {
		++*at;
		invert(atom);
		return NULL;
	}
	if (**at == '[') {
		++*at;
		return read_set(at, atom);
	}
	if (!read_character(at, &c))
		return "'\\' is only understood before punctuation";
	add_character(atom, c);
	return NULL;
}

/* "x+" becomes "xx*". */
static const char *read_count(const char **at, struct sequence *sequence)
{
	struct atom *atom = &sequence->atoms[sequence->count - 1];
	char sign = **at;
	if (sign != '*' && sign != '+' && sign != '?')
		return NULL;
	++*at;
	if (sign == '+') {
		if (sequence->count == ATOMS_MAX)
			return "too long";
		sequence->atoms[sequence->count++] = *atom;
		atom++;
	}
	atom->optional = true;
	atom->repeats = sign != '?';
	return NULL;
}

/* Reads up to the alternative's end. Returns what is not understood, or NULL. */
static const char *read_sequence(const char **at, struct sequence *sequence)
{
	memset(sequence, 0, sizeof *sequence);
	sequence->at_begin = **at == '^';
	*at += sequence->at_begin;
	while (**at && **at != '|') {
		if (**at == '$' && ((*at)[1] == '\0' || (*at)[1] == '|')) {
			sequence->at_end = true;
			++*at;
			break;
		}
		if (sequence->count == ATOMS_MAX)
			return "too long";
		const char *problem = read_atom(at, &sequence->atoms[sequence->count]);
		if (problem)
			return problem;
		sequence->count++;
		problem = read_count(at, sequence);
		if (problem)
			return problem;
	}
	return NULL;
}

const char *pattern_problem(const char *pattern)
{
	struct sequence sequence;
	for (;;) {
		const char *problem = read_sequence(&pattern, &sequence);
		if (problem || *pattern == '\0')
			return problem;
		pattern++;
	}
}

/* That the atoms before `place` have matched; then so have those before the next one when this one may be left out. */
static void reach(const struct sequence *sequence, bool *reached, size_t place)
{
	while (!reached[place]) {
		reached[place] = true;
		if (place == sequence->count || !sequence->atoms[place].optional)
			return;
		place++;
	}
}

static void step(const struct sequence *sequence, bool *reached, unsigned char c)
{
	bool next[ATOMS_MAX + 1] = { false };
	for (size_t i = 0; i < sequence->count; i++) {
		if (reached[i] && has_character(&sequence->atoms[i], c))
			reach(sequence, next, sequence->atoms[i].repeats ? i : i + 1);
	}
	memcpy(reached, next, sizeof next);
}

static bool sequence_matches(const struct sequence *sequence, const char *text)
{
	bool reached[ATOMS_MAX + 1] = { false };
	for (const char *at = text;; at++) {
		if (at == text || !sequence->at_begin)
			reach(sequence, reached, 0);
		if (reached[sequence->count] && (!sequence->at_end || *at == '\0'))
			return true;
		if (*at == '\0')
			return false;
		step(sequence, reached, (unsigned char)*at);
	}
}

bool pattern_matches(const char *pattern, const char *text)
{
	struct sequence sequence;
	for (;;) {
		if (read_sequence(&pattern, &sequence) != NULL)
			return false;
		if (sequence_matches(&sequence, text))
			return true;
		if (*pattern == '\0')
			return false;
		pattern++;
	}
}
