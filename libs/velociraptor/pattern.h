/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The part of regular expressions that people write for URLs, matched in time that is linear in the text: characters,
 * '.', [sets], '\' before punctuation, each with '*', '+' or '?'; '^' at the begin, '$' at the end; '|' between
 * alternatives. Case does not matter, as in Velociraptor's proxy_url_regexp.
 */
#ifndef VELOCIRAPTOR_PATTERN_H
#define VELOCIRAPTOR_PATTERN_H

#include <stdbool.h>

/* What in a pattern is not understood, in words; NULL when all of it is. */
const char *pattern_problem(const char *pattern);

/* Whether a pattern without problem matches anywhere in the text. */
bool pattern_matches(const char *pattern, const char *text);

#endif
