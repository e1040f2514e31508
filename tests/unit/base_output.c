/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Output to somebody who does not read: nothing blocks, and what is lost is known. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <termios.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/diag.h"
#include "base/exit_code.h"
#include "base/output.h"

enum { SHORT_MS = 100, PLENTY_MS = 30000 }; /* what blocks does so for ever; what is starved takes seconds */

/* A descriptor nobody reads from, which takes nothing more, and the one that could read. */
struct stuck {
	int writer;
	int reader;
};

static void fill(int fd)
{
	static const char bytes[4096];
	int flags = fcntl(fd, F_GETFL);
	fcntl(fd, F_SETFL, flags | O_NONBLOCK);
	for (size_t count = sizeof bytes; count > 0; count /= 2) {
		while (write(fd, bytes, count) > 0)
			continue;
	}
	assert_int_equal(fcntl(fd, F_SETFL, flags), 0); /* blocking again, as the shell's terminal is */
}

static struct stuck stuck_pipe(void)
{
	int fds[2];
	assert_int_equal(pipe(fds), 0);
	fill(fds[1]);
	return (struct stuck){ fds[1], fds[0] };
}

static struct stuck stuck_socket(void)
{
	int fds[2];
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
	fill(fds[1]);
	return (struct stuck){ fds[1], fds[0] };
}

static struct stuck stuck_terminal(void)
{
	int master = posix_openpt(O_RDWR | O_NOCTTY);
	assert_true(master >= 0);
	assert_int_equal(grantpt(master) | unlockpt(master), 0);
	int slave = open(ptsname(master), O_RDWR | O_NOCTTY);
	assert_true(slave >= 0);
	struct termios raw;
	assert_int_equal(tcgetattr(slave, &raw), 0);
	cfmakeraw(&raw);
	assert_int_equal(tcsetattr(slave, TCSANOW, &raw), 0);
	fill(slave);
	/* The kernel goes on to make room while it hands over what it has; stopped, as by ^S, it takes nothing more. */
	assert_int_equal(tcflow(slave, TCOOFF), 0);
	return (struct stuck){ slave, master };
}

static void close_stuck(const struct stuck *stuck)
{
	close(stuck->writer);
	close(stuck->reader);
}

static void check_does_not_block(struct stuck stuck)
{
	struct output output;
	char line[128];
	memset(line, 'x', sizeof line);
	int64_t began = monotonic_ms();
	output_init(&output, stuck.writer);
	for (int i = 0; i < 200; i++)
		output_write(&output, line, sizeof line);
	assert_true(monotonic_ms() - began < PLENTY_MS);
	assert_int_equal(output.error, 0);
	assert_int_not_equal(output.lost, 0); /* 200 lines are more than it keeps */
	assert_int_equal(output.length, OUTPUT_PENDING_SIZE);
	assert_int_equal(output_drain(&output, deadline_in(SHORT_MS)), -EAGAIN);
	assert_true(monotonic_ms() - began < PLENTY_MS);
	output_fini(&output);
	assert_int_equal(fcntl(stuck.writer, F_GETFL) & O_NONBLOCK, 0); /* the flag of others is untouched */
	close_stuck(&stuck);
}

static void full_pipe(void **state)
{
	(void)state;
	check_does_not_block(stuck_pipe());
}

static void full_socket(void **state)
{
	(void)state;
	check_does_not_block(stuck_socket());
}

static void stopped_terminal(void **state)
{
	(void)state;
	check_does_not_block(stuck_terminal());
}

/* A reader that comes back gets the rest. */
static void pending_goes_out_later(void **state)
{
	(void)state;
	struct stuck stuck = stuck_pipe();
	struct output output;
	char bytes[65536];
	output_init(&output, stuck.writer);
	output_write(&output, "the rest", 8);
	assert_int_equal(output.length, 8);
	ssize_t last = 0;
	fcntl(stuck.reader, F_SETFL, O_NONBLOCK);
	for (ssize_t count; (count = read(stuck.reader, bytes, sizeof bytes)) > 0;)
		last = count;
	assert_true(last > 0);
	assert_int_equal(output_drain(&output, deadline_in(PLENTY_MS)), 0);
	assert_int_equal(read(stuck.reader, bytes, sizeof bytes), 8);
	assert_memory_equal(bytes, "the rest", 8);
	assert_int_equal(output.lost, 0);
	output_fini(&output);
	close_stuck(&stuck);
}

static void order_is_kept(void **state)
{
	(void)state;
	int fds[2];
	char got[64] = "";
	struct output output;
	assert_int_equal(pipe(fds), 0);
	output_init(&output, fds[1]);
	output_write(&output, "one ", 4);
	assert_int_equal(write(fds[1], "two ", 4), 4);
	output_write(&output, "three", 5);
	assert_int_equal(read(fds[0], got, sizeof got), 13);
	assert_string_equal(got, "one two three");
	output_fini(&output);
	close(fds[0]);
	close(fds[1]);
}

static void regular_files_keep_their_offset(void **state)
{
	(void)state;
	char path[] = "/tmp/quarbox-output-XXXXXX";
	char got[64] = "";
	struct output output;
	int fd = mkstemp(path);
	assert_true(fd >= 0);
	unlink(path);
	assert_int_equal(write(fd, "before ", 7), 7);
	output_init(&output, fd);
	output_write(&output, "ours", 4);
	assert_int_equal(output_drain(&output, deadline_in(0)), 0);
	output_fini(&output);
	assert_int_equal(write(fd, " after", 6), 6);
	assert_int_equal(pread(fd, got, sizeof got, 0), 17);
	assert_string_equal(got, "before ours after");
	close(fd);
}

static void failures_are_kept(void **state)
{
	(void)state;
	struct output output;
	int full = open("/dev/full", O_WRONLY);
	assert_true(full >= 0);
	output_init(&output, full);
	output_write(&output, "x", 1);
	assert_int_equal(output.error, ENOSPC);
	assert_int_equal(output_drain(&output, deadline_in(SHORT_MS)), -ENOSPC);
	output_fini(&output);
	close(full);

	int fds[2];
	(void)signal(SIGPIPE, SIG_IGN);
	assert_int_equal(pipe(fds), 0);
	close(fds[0]);
	output_init(&output, fds[1]);
	output_write(&output, "x", 1);
	assert_int_equal(output.error, EPIPE);
	output_fini(&output);
	close(fds[1]);
}

static void no_descriptor_is_left(void **state)
{
	(void)state;
	int before = dup(0);
	close(before);
	struct stuck stuck = stuck_terminal();
	struct output output;
	output_init(&output, stuck.writer);
	output_fini(&output);
	output_fini(&output);
	close_stuck(&stuck);
	int after = dup(0);
	close(after);
	assert_int_equal(after, before);
}

/* ---- what goes on stderr ---- */

static void diagnostics(void **state)
{
	(void)state;
	struct diag diag;
	assert_int_equal(diag_errno(&diag, ENOENT, "open %s", "/etc/x"), -ENOENT);
	assert_string_equal(diag.text, "open /etc/x: No such file or directory");
	assert_int_equal(diag_fail(&diag, EINVAL, "%d is not %s", 7, "good"), -EINVAL);
	assert_string_equal(diag.text, "7 is not good");
	assert_int_equal(diag_fail(NULL, EINVAL, "%s", "x"), -EINVAL);
	assert_int_equal(diag_errno(NULL, EIO, "%s", "x"), -EIO);
	char long_text[1000];
	memset(long_text, 'a', sizeof long_text - 1);
	long_text[sizeof long_text - 1] = '\0';
	diag_fail(&diag, EINVAL, "%s", long_text);
	assert_int_equal(strlen(diag.text), sizeof diag.text - 1);
}

static void exit_codes(void **state)
{
	(void)state;
	static const struct {
		int error;
		enum exit_code code;
	} rows[] = {
		{ EPERM, EXIT_NOT_PERMITTED }, { EACCES, EXIT_NOT_PERMITTED }, { EOPNOTSUPP, EXIT_KERNEL_LACKS },
		{ EPROTONOSUPPORT, EXIT_KERNEL_LACKS }, { EAFNOSUPPORT, EXIT_KERNEL_LACKS }, { ENOSYS, EXIT_KERNEL_LACKS },
		{ EWOULDBLOCK, EXIT_LOCKED }, { ENOMEM, EXIT_SYSTEM_REFUSED }, { EIO, EXIT_SYSTEM_REFUSED },
		{ 4711, EXIT_SYSTEM_REFUSED },
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		assert_int_equal(exit_code_for(rows[i].error), rows[i].code);
		assert_int_equal(exit_code_for(-rows[i].error), rows[i].code);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(full_pipe),		  cmocka_unit_test(full_socket),
		cmocka_unit_test(stopped_terminal),	  cmocka_unit_test(pending_goes_out_later),
		cmocka_unit_test(order_is_kept),	  cmocka_unit_test(regular_files_keep_their_offset),
		cmocka_unit_test(failures_are_kept),	  cmocka_unit_test(no_descriptor_is_left),
		cmocka_unit_test(diagnostics),		  cmocka_unit_test(exit_codes),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
