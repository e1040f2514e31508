/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Listing tables and chains of a real kernel while somebody else changes the rule set: nothing comes twice. */
#include <netinet/in.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <linux/netfilter.h>

#include <cmocka.h>

#include "netlink/socket.h"
#include "nft/table.h"

enum { CHANGES = 20, HOOKED = 60 }; /* deleting so many chains with a hook takes a while */

static int last_table, last_chain;

static int note_table(const struct table_info *table, void *context)
{
	int *twice = context;
	int number = atoi(table->name + 1);
	*twice += number <= last_table;
	last_table = number;
	return 0;
}

static int note_chain(const struct chain_info *chain, void *context)
{
	int *twice = context;
	int number = atoi(chain->name + 1);
	*twice += number <= last_chain;
	last_chain = number;
	return 0;
}

/* Table t1 goes, which was listed before t2; and the first chains of t2, before the others. */
static void change(void)
{
	for (int i = 0; i < CHANGES; i++) {
		FILE *nft = popen("nft -f -", "w");
		if (!nft)
			_exit(1);
		fputs("table netdev t1 {}\ntable netdev t2 {}\n", nft);
		for (int n = 1; n <= HOOKED; n++)
			for (int table = 1; table <= 2; table++)
				fprintf(nft, "add chain netdev t%d c%d { type filter hook ingress device lo priority %d; }\n",
					table, n, n);
		if (pclose(nft) != 0 || system("nft delete table netdev t1") != 0)
			_exit(1);
		nft = popen("nft -f -", "w");
		if (!nft)
			_exit(1);
		for (int n = 1; n < HOOKED; n++)
			fprintf(nft, "delete chain netdev t2 c%d\n", n);
		if (pclose(nft) != 0 || system("nft delete table netdev t2") != 0)
			_exit(1);
	}
	_exit(0);
}

static void test_nothing_comes_twice(void **state)
{
	(void)state;
	struct netlink netlink;
	struct diag diag;
	if (geteuid() != 0 || system("nft --version >/dev/null 2>&1") != 0 || unshare(CLONE_NEWNET) < 0 ||
	    netlink_open(&netlink, NETLINK_NETFILTER, &diag) < 0)
		skip();
	struct table_scope scope = { .netlink = &netlink, .diag = &diag, .table = "t2", .family = NFPROTO_NETDEV };
	pid_t pid = fork();
	assert_true(pid >= 0);
	if (pid == 0)
		change();
	int tables_twice = 0;
	int chains_twice = 0;
	int status;
	pid_t ended;
	do {
		last_table = last_chain = 0;
		(void)table_each(&netlink, note_table, &tables_twice, &diag);
		(void)chain_each(&scope, note_chain, &chains_twice);
		ended = waitpid(pid, &status, WNOHANG);
	} while (ended == 0);
	netlink_close(&netlink);
	assert_int_equal(ended, pid);
	assert_int_equal(status, 0);
	assert_int_equal(tables_twice, 0);
	assert_int_equal(chains_twice, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_nothing_comes_twice),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
