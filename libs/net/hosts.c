/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <string.h>
#include <strings.h>

#include "net/resolve.h"
#include "net/word_reader.h"

/* Equal but for letter case and a final dot. */
static bool same_name(const char *a, const char *b)
{
	size_t a_length = strlen(a);
	size_t b_length = strlen(b);
	a_length -= a_length > 0 && a[a_length - 1] == '.';
	b_length -= b_length > 0 && b[b_length - 1] == '.';
	return a_length == b_length && strncasecmp(a, b, a_length) == 0;
}

/* Every line that has the name counts, as in musl; glibc needs "multi on" for that. */
static int search_words(struct word_reader *reader, const char *name, struct resolved *found, struct diag *diag)
{
	struct address address;
	bool usable = false;
	int more;
	while ((more = word_reader_next(reader, diag)) > 0) {
		if (reader->first)
			usable = address_parse(reader->word, &address);
		else if (usable && same_name(reader->word, name))
			resolved_add(found, &address);
	}
	return more;
}

int hosts_lookup(const char *path, const char *name, struct resolved *resolved, struct diag *diag)
{
	struct resolved found = { 0 };
	struct word_reader reader;
	int result = word_reader_open(&reader, path, "#", INT64_MAX, diag);
	if (result == 0) {
		result = search_words(&reader, name, &found, diag);
		word_reader_close(&reader);
	} else if (result == -ENOENT || result == -ENOTDIR) {
		result = 0;
	}
	found.from_hosts = found.count > 0;
	if (result == 0)
		*resolved = found;
	return result;
}
