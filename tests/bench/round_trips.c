/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a packet costs: usage: round_trips serve ADDRESS PORT, and round_trips COUNT ADDRESS PORT
 *
 * The first answers each byte with a byte until it is killed, and says "ready" when it listens. The second sends COUNT
 * bytes, each after the answer to the one before, and prints the nanoseconds that one took: two packets each way. Both
 * stay on one processor, so that this is work and not waiting.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

static void fail(const char *what)
{
	fprintf(stderr, "round_trips: %s: %s\n", what, strerror(errno));
	exit(1);
}

static int open_socket(void)
{
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	int yes = 1;
	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes) < 0)
		fail("socket");
	return fd;
}

static void send_at_once(int fd)
{
	int yes = 1;
	if (setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes) < 0)
		fail("TCP_NODELAY");
}

static void serve(const struct sockaddr_in *address)
{
	int listener = open_socket();
	if (bind(listener, (const struct sockaddr *)address, sizeof *address) < 0 || listen(listener, 1) < 0)
		fail("listen");
	puts("ready");
	fflush(stdout);
	for (;;) {
		char byte;
		int fd = accept(listener, NULL, NULL);
		if (fd < 0)
			fail("accept");
		send_at_once(fd);
		while (read(fd, &byte, 1) == 1 && write(fd, &byte, 1) == 1)
			;
		close(fd);
	}
}

static void stay_on_one_processor(void)
{
	cpu_set_t first;
	CPU_ZERO(&first);
	CPU_SET(0, &first);
	if (sched_setaffinity(0, sizeof first, &first) < 0)
		fail("processor 0");
}

static int64_t nanoseconds(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000000000LL + now.tv_nsec;
}

static void exchange(const struct sockaddr_in *address, long count)
{
	int fd = open_socket();
	char byte = 'x';
	if (connect(fd, (const struct sockaddr *)address, sizeof *address) < 0)
		fail("connect");
	send_at_once(fd);
	int64_t start = nanoseconds();
	for (long i = 0; i < count; i++) {
		if (write(fd, &byte, 1) != 1 || read(fd, &byte, 1) != 1)
			fail("exchange");
	}
	printf("%lld\n", (long long)((nanoseconds() - start) / count));
	close(fd);
}

int main(int argc, char **argv)
{
	struct sockaddr_in address = { .sin_family = AF_INET };
	if (argc != 4 || inet_pton(AF_INET, argv[2], &address.sin_addr) != 1)
		return 2;
	stay_on_one_processor();
	address.sin_port = htons((uint16_t)atoi(argv[3]));
	if (strcmp(argv[1], "serve") == 0)
		serve(&address);
	else if (atol(argv[1]) > 0)
		exchange(&address, atol(argv[1]));
	return 0;
}
