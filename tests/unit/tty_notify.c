/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Finding terminals in made-up trees, and writing to real pseudo terminals. Needs no privileges. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <termios.h>
#include <unistd.h>

#include "base/deadline.h"
#include "tty/log.h"
#include "tty/notify.h"
#include "tty/utmp.h"

enum { MASTERS = 3 };

struct world {
	char folder[64];
	char proc[96];
	char utmp[96];
	const char *utmp_list[2];
	struct tty_paths paths; /* a made-up /proc and utmp, the real /dev */
	int masters[MASTERS];
	int slaves[MASTERS];
	char names[MASTERS][TTY_NAME_SIZE]; /* below /dev */
	struct stat devices[MASTERS];
};

static void open_pty(struct world *world, int i)
{
	world->masters[i] = posix_openpt(O_RDWR | O_NOCTTY | O_NONBLOCK);
	assert_true(world->masters[i] >= 0);
	assert_int_equal(grantpt(world->masters[i]) | unlockpt(world->masters[i]), 0);
	const char *path = ptsname(world->masters[i]);
	snprintf(world->names[i], TTY_NAME_SIZE, "%s", path + strlen("/dev/"));
	world->slaves[i] = open(path, O_RDWR | O_NOCTTY);
	assert_true(world->slaves[i] >= 0);
	assert_int_equal(fstat(world->slaves[i], &world->devices[i]), 0);
}

static int open_world(void **state)
{
	struct world *world = calloc(1, sizeof *world);
	strcpy(world->folder, "/tmp/quarbox-tty-XXXXXX");
	assert_non_null(mkdtemp(world->folder));
	snprintf(world->proc, sizeof world->proc, "%s/proc", world->folder);
	snprintf(world->utmp, sizeof world->utmp, "%s/utmp", world->folder);
	mkdir(world->proc, 0755);
	world->utmp_list[0] = world->utmp;
	world->paths = (struct tty_paths){ world->proc, "/dev", world->utmp_list };
	for (int i = 0; i < MASTERS; i++)
		open_pty(world, i);
	*state = world;
	return 0;
}

static int close_world(void **state)
{
	struct world *world = *state;
	char command[128];
	for (int i = 0; i < MASTERS; i++) {
		close(world->slaves[i]);
		close(world->masters[i]);
	}
	snprintf(command, sizeof command, "rm -rf %s", world->folder);
	int result = system(command);
	free(world);
	return result;
}

/* A session leader that is not in the foreground. terminal is a tty_nr. */
static void add_process(struct world *world, int pid, int terminal)
{
	char path[160];
	snprintf(path, sizeof path, "%s/%d", world->proc, pid);
	assert_int_equal(mkdir(path, 0755), 0);
	strcat(path, "/stat");
	FILE *file = fopen(path, "w");
	assert_non_null(file);
	fprintf(file, "%d (s h) S 1 %d %d %d -1 0\n", pid, pid, pid, terminal);
	fclose(file);
}

/* The same on one of the pseudo terminals. st_rdev is encoded as tty_nr for minors below 256 and majors below 4096. */
static void add_shell(struct world *world, int pid, int i)
{
	unsigned major = (unsigned)(world->devices[i].st_rdev >> 8) & 0xfff;
	unsigned minor = (unsigned)world->devices[i].st_rdev & 0xff;
	add_process(world, pid, (int)(major << 8 | minor));
}

static void add_record(struct world *world, int16_t type, int32_t pid, const char *line)
{
	char record[384] = "";
	memcpy(record, &type, sizeof type);
	memcpy(record + 4, &pid, sizeof pid);
	strncpy(record + 8, line, 32);
	FILE *file = fopen(world->utmp, "a");
	assert_non_null(file);
	assert_int_equal(fwrite(record, sizeof record, 1, file), 1);
	fclose(file);
}

static const struct tty_terminal *find(const struct tty_list *list, const char *name)
{
	const struct tty_terminal *found = NULL;
	for (size_t i = 0; i < list->count; i++) {
		if (strcmp(list->terminals[i].name, name) == 0) {
			assert_null(found); /* once only */
			found = &list->terminals[i];
		}
	}
	return found;
}

static void test_processes(void **state)
{
	struct world *world = *state;
	struct tty_list list;
	add_shell(world, 100, 0);
	add_shell(world, 101, 0);
	add_shell(world, 102, 1);
	add_process(world, 103, 0);
	mkdir(strcat(world->folder, "/proc/self"), 0755);
	world->folder[strlen(world->folder) - strlen("/proc/self")] = '\0';
	tty_find(&world->paths, &list);
	assert_non_null(find(&list, world->names[0]));
	assert_false(find(&list, world->names[0])->console);
	assert_non_null(find(&list, world->names[1]));
	assert_null(find(&list, world->names[2]));
	assert_int_equal(list.dropped, 0);
}

static void test_device_without_entry(void **state)
{
	struct world *world = *state;
	struct tty_list list;
	add_process(world, 100, 250 << 8 | 9);
	tty_find(&world->paths, &list);
	const struct tty_terminal *terminal = find(&list, "250:9");
	assert_non_null(terminal);
	assert_int_equal(terminal->error, -ENODEV);
}

static void test_utmp(void **state)
{
	struct world *world = *state;
	struct tty_list list;
	add_record(world, UTMP_USER, 200, world->names[1]);
	add_record(world, UTMP_USER, 200, world->names[1]);
	add_record(world, 8, 201, world->names[2]); /* DEAD_PROCESS */
	add_record(world, UTMP_USER, 202, "../etc/passwd");
	add_record(world, UTMP_USER, 202, "pts/../null");
	add_record(world, UTMP_USER, 202, "null");
	add_record(world, UTMP_USER, 202, ":0");
	tty_find(&world->paths, &list); /* no process can be seen: utmp is believed */
	assert_non_null(find(&list, world->names[1]));
	assert_null(find(&list, world->names[2]));
	for (size_t i = 0; i < list.count; i++)
		assert_null(strstr(list.terminals[i].name, "null"));
	add_shell(world, 100, 0);
	tty_find(&world->paths, &list); /* now process 200 is seen not to exist */
	assert_null(find(&list, world->names[1]));
	assert_non_null(find(&list, world->names[0]));
}

static void test_more_than_fit(void **state)
{
	struct world *world = *state;
	struct tty_list list;
	for (int i = 0; i < TTY_TERMINALS_MAX + 5; i++)
		add_process(world, 100 + i, 250 << 8 | i);
	tty_find(&world->paths, &list);
	assert_int_equal(list.count, TTY_TERMINALS_MAX);
	assert_true(list.dropped == 5 || list.dropped == 6); /* with the console */
}

static void test_nothing_there(void **state)
{
	(void)state;
	static const char *const utmp[] = { "/nonexistent/utmp", NULL };
	const struct tty_paths paths = { "/nonexistent/proc", "/nonexistent/dev", utmp };
	struct tty_list list;
	tty_find(&paths, &list);
	assert_int_equal(list.count, 0);
	struct tty_notify_report report;
	struct diag diag;
	assert_int_equal(tty_notify_all("x", &(struct tty_notify_options){ .paths = &paths }, &report, &diag), -ENOENT);
	assert_non_null(strstr(diag.text, "/nonexistent/dev"));
}

/* Everything that the pseudo terminal shows; "" when nothing came within a second. */
static void read_master(int fd, char *buffer, size_t size)
{
	size_t length = 0;
	struct pollfd ready = { .fd = fd, .events = POLLIN };
	while (length + 1 < size && poll(&ready, 1, length > 0 ? 100 : 1000) > 0) {
		ssize_t count = read(fd, buffer + length, size - 1 - length);
		if (count <= 0)
			break;
		length += (size_t)count;
	}
	buffer[length] = '\0';
}

/* Writes until nothing has been taken for 50 ms: the kernel moves bytes to the master's side in the background. */
static void fill(int slave)
{
	static const char block[256] = { 'x' };
	struct pollfd ready = { .fd = slave, .events = POLLOUT };
	int flags = fcntl(slave, F_GETFL);
	fcntl(slave, F_SETFL, flags | O_NONBLOCK);
	do {
		while (write(slave, block, sizeof block) > 0 || write(slave, block, 1) > 0)
			continue;
	} while (poll(&ready, 1, 50) > 0);
	fcntl(slave, F_SETFL, flags);
}

static void test_stuck_does_not_hold_up(void **state)
{
	struct world *world = *state;
	struct tty_notify_report report;
	struct diag diag;
	char seen[4096];
	for (int i = 0; i < MASTERS; i++)
		add_shell(world, 100 + i, i);
	assert_memory_equal(world->names[0], "pts/", 4);
	fill(world->slaves[0]);
	assert_int_equal(tcflow(world->slaves[1], TCOOFF), 0); /* as ^S does */
	int64_t start = monotonic_ms();
	/* below /dev/pts there is no console: nobody is disturbed by this test */
	const struct tty_paths paths = { world->proc, "/dev/pts", world->utmp_list };
	const struct tty_notify_options options = { &paths, 300 };
	assert_int_equal(tty_notify_all("to \x1b[31mall", &options, &report, &diag), 0);
	assert_in_range(monotonic_ms() - start, 290, 20000);
	assert_int_equal(find(&report.list, world->names[0] + 4)->error, -ETIMEDOUT);
	assert_int_equal(find(&report.list, world->names[1] + 4)->error, -ETIMEDOUT);
	assert_int_equal(find(&report.list, world->names[2] + 4)->error, 0);
	assert_int_equal(report.failed, 2);
	assert_int_equal(report.written, 1);
	assert_string_equal(report.message, "to all");
	read_master(world->masters[2], seen, sizeof seen);
	assert_non_null(strstr(seen, "to all\r"));
	assert_null(strstr(seen, "\x1b"));
	assert_non_null(strchr(seen, '\a'));
}

static void test_empty(void **state)
{
	struct world *world = *state;
	struct tty_notify_report report;
	struct diag diag;
	char seen[64];
	add_shell(world, 100, 0);
	const struct tty_notify_options options = { &world->paths, 100 };
	assert_int_equal(tty_notify_all(" \x1b[2J\n", &options, &report, &diag), -EINVAL);
	assert_string_equal(diag.text, "the message is empty");
	read_master(world->masters[0], seen, sizeof seen);
	assert_string_equal(seen, "");
}

/* tty_open on what stands under the name of a terminal in a made-up /dev. */
static int open_planted(struct world *world, const char *name)
{
	struct tty_terminal terminal = { .device = world->devices[0].st_rdev, .node = world->devices[0].st_rdev };
	int dev_fd = open(world->folder, O_RDONLY | O_DIRECTORY);
	snprintf(terminal.name, sizeof terminal.name, "%s", name);
	int fd = tty_open(dev_fd, &terminal);
	close(dev_fd);
	return fd;
}

static void test_planted(void **state)
{
	struct world *world = *state;
	char path[160];
	char target[64];
	snprintf(target, sizeof target, "/dev/%s", world->names[0]);
	snprintf(path, sizeof path, "%s/link", world->folder);
	assert_int_equal(symlink(target, path), 0);
	assert_int_equal(open_planted(world, "link"), -ELOOP);
	snprintf(path, sizeof path, "%s/fifo", world->folder);
	assert_int_equal(mkfifo(path, 0600), 0);
	assert_int_equal(open_planted(world, "fifo"), -ENXIO);
	int reader = open(path, O_RDONLY | O_NONBLOCK);
	assert_int_equal(open_planted(world, "fifo"), -ENOTTY);
	close(reader);
	snprintf(path, sizeof path, "%s/file", world->folder);
	close(open(path, O_CREAT | O_WRONLY, 0600));
	assert_int_equal(open_planted(world, "file"), -ENOTTY);
	assert_int_equal(open_planted(world, "missing"), -ENOENT);
}

static void test_other_device(void **state)
{
	struct world *world = *state;
	struct tty_terminal terminal = { .node = world->devices[0].st_rdev };
	int dev_fd = open("/dev", O_RDONLY | O_DIRECTORY);
	snprintf(terminal.name, sizeof terminal.name, "%s", world->names[1]);
	assert_int_equal(tty_open(dev_fd, &terminal), -ENOTTY);
	snprintf(terminal.name, sizeof terminal.name, "%s", world->names[0]);
	int fd = tty_open(dev_fd, &terminal);
	assert_true(fd >= 0);
	assert_true(fcntl(fd, F_GETFL) & O_NONBLOCK);
	assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
	close(fd);
	close(dev_fd);
}

static int listen_log(struct world *world, int type, char *path, size_t size)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	snprintf(path, size, "%s/log", world->folder);
	snprintf(address.sun_path, sizeof address.sun_path, "%s", path);
	unlink(path);
	int fd = socket(AF_UNIX, type | SOCK_NONBLOCK, 0);
	assert_int_equal(bind(fd, (const struct sockaddr *)&address, sizeof address), 0);
	return fd;
}

static void test_syslog_datagram(void **state)
{
	char path[96];
	char seen[2048] = "";
	int fd = listen_log(*state, SOCK_DGRAM, path, sizeof path);
	assert_int_equal(log_to_syslog(path, "notify", "to all", deadline_in(500)), 0);
	assert_true(recv(fd, seen, sizeof seen - 1, 0) > 0);
	char tail[64];
	snprintf(tail, sizeof tail, " notify[%d]: to all", (int)getpid());
	assert_int_equal(strncmp(seen, "<12>", 4), 0);
	assert_string_equal(seen + 4 + strlen("Jan  1 00:00:00"), tail);
	/* fill the queue: it must end at the deadline */
	int result = 0;
	int64_t start = monotonic_ms();
	for (int i = 0; i < 10000 && result == 0; i++)
		result = log_to_syslog(path, "notify", "more", deadline_in(200));
	assert_int_equal(result, -ETIMEDOUT);
	assert_in_range(monotonic_ms() - start, 190, 20000);
	close(fd);
	assert_int_equal(log_to_syslog(path, "notify", "x", deadline_in(200)), -ECONNREFUSED);
}

static void test_syslog_stream(void **state)
{
	char path[96];
	char seen[2048] = "";
	int fd = listen_log(*state, SOCK_STREAM, path, sizeof path);
	assert_int_equal(listen(fd, 4), 0);
	assert_int_equal(log_to_syslog(path, "notify", "to all", deadline_in(500)), 0);
	int connection = accept(fd, NULL, NULL);
	ssize_t count = recv(connection, seen, sizeof seen - 1, 0);
	assert_true(count > 8);
	assert_memory_equal(seen + count - 7, "to all", 7); /* with NUL */
	close(connection);
	close(fd);
}

static void test_kmsg_refuses_files(void **state)
{
	struct world *world = *state;
	FILE *file = fopen(world->utmp, "w");
	fclose(file);
	assert_int_equal(log_to_kmsg(world->utmp, "notify", "x"), -ENODEV);
	assert_int_equal(log_to_kmsg("/nonexistent/kmsg", "notify", "x"), -ENOENT);
}

#define WITH_WORLD(test) cmocka_unit_test_setup_teardown(test, open_world, close_world)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_WORLD(test_processes),
		WITH_WORLD(test_device_without_entry),
		WITH_WORLD(test_utmp),
		WITH_WORLD(test_more_than_fit),
		WITH_WORLD(test_nothing_there),
		WITH_WORLD(test_stuck_does_not_hold_up),
		WITH_WORLD(test_empty),
		WITH_WORLD(test_planted),
		WITH_WORLD(test_other_device),
		WITH_WORLD(test_syslog_datagram),
		WITH_WORLD(test_syslog_stream),
		WITH_WORLD(test_kmsg_refuses_files),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
