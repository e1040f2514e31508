/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <net/if.h>
#include <string.h>

#include "net/resolve.h"
#include "net/word_reader.h"

/* Bytes of a resolv.conf; real ones have less than one thousand. */
enum { FILE_LIMIT = 16384 };

/* Limits of resolv.conf(5). */
enum { NDOTS_LIMIT = 15, TIMEOUT_LIMIT = 30, ATTEMPTS_LIMIT = 5 };

enum keyword { KEYWORD_OTHER, KEYWORD_NAMESERVER, KEYWORD_SEARCH, KEYWORD_OPTIONS };

static enum keyword keyword_of(const struct word_reader *reader)
{
	if (strcmp(reader->word, "nameserver") == 0)
		return KEYWORD_NAMESERVER;
	if (strcmp(reader->word, "search") == 0 || strcmp(reader->word, "domain") == 0)
		return KEYWORD_SEARCH;
	return strcmp(reader->word, "options") == 0 ? KEYWORD_OPTIONS : KEYWORD_OTHER;
}

/* The index of the interface that a zone names or numbers (RFC 4007 section 11); 0 when there is none. */
static unsigned zone_index(const char *zone)
{
	uint64_t index;
	return parse_unsigned(zone, INT32_MAX, &index) ? (unsigned)index : if_nametoindex(zone);
}

static void add_server(struct resolver_config *config, char *word)
{
	char *zone = strchr(word, '%');
	if (zone)
		*zone++ = '\0';
	struct address address;
	if (config->server_count == RESOLVERS_MAX || !address_parse(word, &address))
		return;
	unsigned index = zone && address_is_link_local(&address) ? zone_index(zone) : 0;
	for (size_t i = 0; i < config->server_count; i++) {
		if (address_equal(&config->servers[i], &address) && config->zone[i] == index)
			return;
	}
	config->zone[config->server_count] = index;
	config->servers[config->server_count++] = address;
}

static void add_search(struct resolver_config *config, char *word)
{
	size_t length = strlen(word);
	if (config->search_count == RESOLVER_SEARCH_MAX || !host_name_valid(word))
		return;
	if (word[length - 1] == '.')
		word[length - 1] = '\0';
	text_copy(config->search[config->search_count++], sizeof *config->search, word);
}

/* "timeout:3" sets *value to 3 or the nearest that is allowed; other options and malformed numbers do nothing. */
static void take_number(const char *word, const char *prefix, unsigned least, unsigned most, unsigned *value)
{
	const char *digits = text_after(word, prefix);
	uint64_t number;
	if (!digits || !parse_unsigned(digits, UINT32_MAX, &number))
		return;
	*value = number < least ? least : number > most ? most : (unsigned)number;
}

static void take_option(struct resolver_config *config, const char *word)
{
	take_number(word, "ndots:", 0, NDOTS_LIMIT, &config->ndots);
	take_number(word, "timeout:", 1, TIMEOUT_LIMIT, &config->timeout);
	take_number(word, "attempts:", 1, ATTEMPTS_LIMIT, &config->attempts);
}

static void take_word(struct resolver_config *config, enum keyword *keyword, char *word)
{
	switch (*keyword) {
	case KEYWORD_NAMESERVER:
		add_server(config, word);
		*keyword = KEYWORD_OTHER; /* one a line */
		break;
	case KEYWORD_SEARCH:
		add_search(config, word);
		break;
	case KEYWORD_OPTIONS:
		take_option(config, word);
		break;
	case KEYWORD_OTHER:
		break;
	}
}

static int read_words(struct word_reader *reader, struct resolver_config *config, struct diag *diag)
{
	enum keyword keyword = KEYWORD_OTHER;
	int more;
	while ((more = word_reader_next(reader, diag)) > 0) {
		if (reader->first) {
			keyword = keyword_of(reader);
			if (keyword == KEYWORD_SEARCH) /* the last such line counts */
				config->search_count = 0;
		} else {
			take_word(config, &keyword, reader->word);
		}
	}
	return more;
}

int resolver_config_read(const char *path, struct resolver_config *config, struct diag *diag)
{
	struct resolver_config parsed = { .ndots = 1, .timeout = 2, .attempts = 3, .port = 53 };
	struct word_reader reader;
	int result = word_reader_open(&reader, path, "#;", FILE_LIMIT, diag);
	if (result == 0) {
		result = read_words(&reader, &parsed, diag);
		word_reader_close(&reader);
	} else if (result == -ENOENT || result == -ENOTDIR) {
		result = 0;
	}
	if (result < 0)
		return result;
	if (parsed.server_count == 0)
		parsed.servers[parsed.server_count++] = (struct address){ AF_INET, { 127, 0, 0, 1 } };
	*config = parsed;
	return 0;
}
