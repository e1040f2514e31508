/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Connections and streams, on loopback. */
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "net/connect.h"

enum { PLENTY = 20000, SHORT = 200 }; /* milliseconds */

static struct endpoint endpoint_of(const char *address, uint16_t port)
{
	struct endpoint endpoint = { .port = port };
	assert_true(address_parse(address, &endpoint.address));
	return endpoint;
}

/* A socket on a free port, which is returned in *endpoint; not listening yet. */
static int bind_to(const char *address, struct endpoint *endpoint)
{
	struct sockaddr_storage storage;
	*endpoint = endpoint_of(address, 0);
	socklen_t length = endpoint_to_sockaddr(endpoint, &storage);
	int fd = socket(storage.ss_family, SOCK_STREAM, 0);
	if (fd < 0 || bind(fd, (struct sockaddr *)&storage, length) < 0)
		return -1;
	assert_int_equal(getsockname(fd, (struct sockaddr *)&storage, &length), 0);
	endpoint->port = ntohs(((struct sockaddr_in *)&storage)->sin_port); /* same place in both families */
	return fd;
}

static int listen_on(const char *address, struct endpoint *endpoint)
{
	int fd = bind_to(address, endpoint);
	if (fd >= 0)
		assert_int_equal(listen(fd, 16), 0);
	return fd;
}

/* A listener whose queue is full: further connections get no answer. fds[0] listens. */
static struct endpoint silent(const char *address, int fds[4])
{
	struct endpoint endpoint;
	struct sockaddr_storage storage;
	fds[0] = bind_to(address, &endpoint);
	assert_int_equal(listen(fds[0], 0), 0);
	socklen_t length = endpoint_to_sockaddr(&endpoint, &storage);
	for (int i = 1; i < 4; i++) {
		fds[i] = socket(storage.ss_family, SOCK_STREAM | SOCK_NONBLOCK, 0);
		connect(fds[i], (struct sockaddr *)&storage, length);
	}
	return endpoint;
}

static void close_all(const int *fds, size_t count)
{
	for (size_t i = 0; i < count; i++)
		close(fds[i]);
}

static int count_descriptors(void)
{
	int count = 0;
	for (int fd = 0; fd < 256; fd++)
		count += fcntl(fd, F_GETFD) >= 0;
	return count;
}

static void test_refused_then_working(void **state)
{
	(void)state;
	struct endpoint list[2];
	struct diag diag;
	size_t chosen = 99;
	int refusing = bind_to("127.0.0.1", &list[0]);
	int listener = listen_on("127.0.0.1", &list[1]);
	int before = count_descriptors();
	int fd = connect_any(list, 2, deadline_in(PLENTY), &chosen, &diag);
	assert_true(fd >= 0);
	assert_int_equal(chosen, 1);
	assert_int_equal(count_descriptors(), before + 1);
	assert_true(fcntl(fd, F_GETFL) & O_NONBLOCK);
	assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
	int no_delay = 0;
	socklen_t size = sizeof no_delay;
	assert_int_equal(getsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &no_delay, &size), 0);
	assert_true(no_delay);
	close(fd);
	close(refusing);
	close(listener);
}

static void test_all_refused(void **state)
{
	(void)state;
	struct endpoint list[20];
	struct diag diag;
	size_t chosen = 99;
	int refusing = bind_to("127.0.0.1", &list[0]);
	for (uint8_t i = 1; i < 20; i++) {
		list[i] = list[0];
		list[i].address.bytes[3] = (uint8_t)(1 + i);
	}
	int before = count_descriptors();
	assert_int_equal(connect_any(list, 20, deadline_in(PLENTY), &chosen, &diag), -ECONNREFUSED);
	assert_int_equal(chosen, 99);
	assert_int_equal(count_descriptors(), before);
	char name[ENDPOINT_TEXT_SIZE];
	struct text text = TEXT_ON(name);
	endpoint_format(&list[19], &text);
	assert_non_null(strstr(diag.text, name));
	assert_non_null(strstr(diag.text, strerror(ECONNREFUSED)));
	assert_int_equal(connect_any(list, 0, deadline_in(PLENTY), &chosen, &diag), -EINVAL);
	close(refusing);
}

static void test_silent_then_working(void **state)
{
	(void)state;
	struct endpoint list[2];
	struct diag diag;
	size_t chosen = 99;
	int fds[4];
	list[0] = silent("127.0.0.1", fds);
	int listener = listen_on("127.0.0.1", &list[1]);
	int before = count_descriptors();
	int fd = connect_any(list, 2, deadline_in(PLENTY), &chosen, &diag);
	assert_true(fd >= 0);
	assert_int_equal(chosen, 1);
	assert_int_equal(count_descriptors(), before + 1);
	close(fd);
	close(listener);
	close_all(fds, 4);
}

/* More silent addresses than may be open at once do not hide the one that works. */
static void test_many_silent(void **state)
{
	(void)state;
	struct endpoint list[10];
	struct diag diag;
	size_t chosen = 99;
	int fds[4];
	list[0] = silent("127.0.0.1", fds);
	for (int i = 1; i < 9; i++)
		list[i] = list[0];
	int listener = listen_on("127.0.0.1", &list[9]);
	int fd = connect_any(list, 10, deadline_in(PLENTY), &chosen, &diag);
	assert_true(fd >= 0);
	assert_int_equal(chosen, 9);
	close(fd);
	close(listener);
	close_all(fds, 4);
}

static void test_deadline(void **state)
{
	(void)state;
	struct endpoint list[3];
	struct diag diag;
	size_t chosen = 99;
	int fds[4];
	list[0] = silent("127.0.0.1", fds);
	list[1] = list[0];
	list[2] = list[0];
	int before = count_descriptors();
	assert_int_equal(connect_any(list, 3, deadline_in(SHORT), &chosen, &diag), -ETIMEDOUT);
	assert_int_equal(connect_any(list, 3, deadline_in(2 * SHORT), &chosen, &diag), -ETIMEDOUT);
	assert_int_equal(connect_any(list, 3, deadline_in(-1), &chosen, &diag), -ETIMEDOUT);
	assert_non_null(strstr(diag.text, "connect to 127.0.0.1:"));
	assert_int_equal(count_descriptors(), before);
	close_all(fds, 4);
}

/* IPv6 goes first, then the families take turns: of four that refuse, the last one tried is named. */
static void test_turns(void **state)
{
	(void)state;
	struct endpoint list[4];
	struct diag diag;
	size_t chosen = 99;
	int refusing6 = bind_to("::1", &list[3]);
	if (refusing6 < 0)
		skip();
	int refusing = bind_to("127.0.0.1", &list[0]);
	list[1] = list[0];
	list[1].address.bytes[3] = 2;
	list[2] = list[0];
	list[2].address.bytes[3] = 3;
	assert_int_equal(connect_any(list, 4, deadline_in(PLENTY), &chosen, &diag), -ECONNREFUSED);
	assert_non_null(strstr(diag.text, "127.0.0.3"));
	assert_int_equal(listen(refusing6, 4), 0);
	assert_int_equal(listen(refusing, 4), 0);
	int fd = connect_any(list, 4, deadline_in(PLENTY), &chosen, &diag);
	assert_true(fd >= 0);
	assert_int_equal(chosen, 3);
	close(fd);
	/* Two of IPv6 that refuse and one of IPv4 that works: the second attempt is the IPv4 one. */
	int other6 = bind_to("::1", &list[0]);
	int last6 = listen_on("::1", &list[1]);
	list[2] = endpoint_of("127.0.0.1", list[2].port);
	fd = connect_any(list, 3, deadline_in(PLENTY), &chosen, &diag);
	assert_true(fd >= 0);
	assert_int_equal(chosen, 2);
	close(fd);
	const int fds[] = { refusing6, refusing, other6, last6 };
	close_all(fds, 4);
}

static void test_receive(void **state)
{
	(void)state;
	int pair[2];
	char buffer[8];
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	assert_int_equal(stream_receive(pair[0], buffer, sizeof buffer, deadline_in(SHORT)), -ETIMEDOUT);
	assert_int_equal(write(pair[1], "0123456789", 10), 10);
	assert_int_equal(stream_receive(pair[0], buffer, sizeof buffer, deadline_in(-1)), 8);
	assert_memory_equal(buffer, "01234567", 8);
	assert_int_equal(stream_receive(pair[0], buffer, sizeof buffer, deadline_in(PLENTY)), 2);
	close(pair[1]);
	assert_int_equal(stream_receive(pair[0], buffer, sizeof buffer, deadline_in(PLENTY)), 0);
	close(pair[0]);
	assert_int_equal(stream_receive(-1, buffer, sizeof buffer, deadline_in(PLENTY)), -EBADF);
}

static void test_receive_waits(void **state)
{
	(void)state;
	int pair[2];
	char buffer[8];
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	pid_t writer = fork();
	if (writer == 0) {
		usleep(50000);
		_exit(write(pair[1], "ab", 2) == 2 ? 0 : 1);
	}
	assert_int_equal(stream_receive(pair[0], buffer, sizeof buffer, deadline_in(PLENTY)), 2);
	waitpid(writer, NULL, 0);
	close_all(pair, 2);
}

static void test_send(void **state)
{
	(void)state;
	static char big[1 << 20];
	int pair[2];
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	assert_int_equal(stream_send_all(pair[0], big, sizeof big, deadline_in(SHORT)), -ETIMEDOUT);
	close_all(pair, 2);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	pid_t reader = fork();
	if (reader == 0) {
		close(pair[0]);
		size_t total = 0;
		ssize_t count;
		while ((count = read(pair[1], big, sizeof big)) > 0)
			total += (size_t)count;
		_exit(total == sizeof big ? 0 : 1);
	}
	assert_int_equal(stream_send_all(pair[0], big, sizeof big, deadline_in(PLENTY)), 0);
	close(pair[0]);
	int status;
	assert_int_equal(waitpid(reader, &status, 0), reader);
	assert_int_equal(status, 0);
	close(pair[1]);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	close(pair[1]);
	assert_int_equal(stream_send_all(pair[0], "x", 1, deadline_in(PLENTY)), -EPIPE); /* and no SIGPIPE */
	close(pair[0]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_refused_then_working),
		cmocka_unit_test(test_all_refused),
		cmocka_unit_test(test_silent_then_working),
		cmocka_unit_test(test_many_silent),
		cmocka_unit_test(test_deadline),
		cmocka_unit_test(test_turns),
		cmocka_unit_test(test_receive),
		cmocka_unit_test(test_receive_waits),
		cmocka_unit_test(test_send),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
