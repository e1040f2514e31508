/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/secret.h"

/* Whether a forked child reads the same text. */
static bool child_sees(const char *secret, const char *text)
{
	int status = 0;
	pid_t child = fork();
	if (child == 0)
		_exit(strcmp(secret, text) == 0 ? 1 : *secret == '\0' ? 0 : 2);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status) && WEXITSTATUS(status) < 2);
	return WEXITSTATUS(status) == 1;
}

static void is_shared_on_demand(void **state)
{
	(void)state;
	char *secret = secret_copy("key and more", 3);
	assert_non_null(secret);
	assert_string_equal(secret, "key");
	assert_false(child_sees(secret, "key"));
	assert_true(secret_share(secret, true));
	assert_true(child_sees(secret, "key"));
	assert_true(secret_share(secret, false));
	assert_false(child_sees(secret, "key"));
	assert_string_equal(secret, "key");
	secret_free(secret);
	secret_free(NULL);
}

/* Also when it fills several pages to the last byte but one. */
static void hides_all_pages(void **state)
{
	static char text[3 * 4096];
	(void)state;
	memset(text, 'k', sizeof text - 1);
	char *secret = secret_copy(text, sizeof text - 1);
	assert_non_null(secret);
	assert_false(child_sees(secret, text));
	assert_false(child_sees(secret + 2 * 4096, text + 2 * 4096));
	secret_free(secret);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(is_shared_on_demand),
		cmocka_unit_test(hides_all_pages),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
