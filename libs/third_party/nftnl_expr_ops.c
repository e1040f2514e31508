/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * libnftnl finds the code of an expression by its name, in a table that names all of them and so links all of them: 33
 * KB more than ours. This definition of its internal function comes before the archive at link time, takes the place of
 * the one there, and names the expressions that libs/nft builds or reads back. An expression that is missing here is
 * one that nftnl_expr_alloc() refuses with EOPNOTSUPP, and that a read-back shows as a rule without it.
 */
#include <stddef.h>
#include <string.h>

/* Opaque but for its first member, in all releases of libnftnl since the first. */
struct expr_ops {
	const char *name;
};

#define EXPRESSIONS(X) \
	X(bitwise) X(cmp) X(counter) X(ct) X(dynset) X(immediate) X(limit) X(lookup) X(meta) X(payload)

#define DECLARE(expression) extern struct expr_ops expr_ops_##expression;
EXPRESSIONS(DECLARE)

struct expr_ops *nftnl_expr_ops_lookup(const char *type);

struct expr_ops *nftnl_expr_ops_lookup(const char *type)
{
#define ADDRESS(expression) &expr_ops_##expression,
	static struct expr_ops *const known[] = { EXPRESSIONS(ADDRESS) };

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		if (strcmp(known[i]->name, type) == 0)
			return known[i];
	}
	return NULL;
}
