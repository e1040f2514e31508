/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Resolution against servers on 127.0.0.1 and 127.0.0.2 that behave as badly as real ones. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "net/dns_message.h"
#include "net/resolve.h"

enum { PLENTY = 20000, SERVERS = 2, HEADER = 12 };

/* A query as a fake server sees it. */
struct asked {
	size_t server; /* 0: 127.0.0.1, 1: 127.0.0.2 */
	bool tcp;
	char name[256];
	unsigned type;
	unsigned number; /* how many came before, of any type */
	const uint8_t *bytes;
	size_t length;
};

struct reply {
	uint8_t bytes[8192];
	size_t length; /* 0: silence */
};

/* What a server does with a query. May call send_now for further datagrams. */
typedef void behaviour(const struct asked *asked, struct reply *reply);

static struct {
	int udp[SERVERS];
	int tcp[SERVERS];
	uint16_t port;
	pid_t pid;
	struct sockaddr_in peer; /* who asked, for send_now */
} fake;

static struct shared {
	volatile unsigned queries; /* of any type, UDP and TCP */
	volatile unsigned tcp_queries;
	char names[512]; /* that A was asked for, each with a space behind */
	volatile unsigned ids[64];
} *shared;

static void send_now(const struct asked *asked, const struct reply *reply)
{
	sendto(fake.udp[asked->server], reply->bytes, reply->length, 0, (const struct sockaddr *)&fake.peer,
	       sizeof fake.peer);
}

static void start_reply(const struct asked *asked, struct reply *reply, unsigned flags)
{
	memcpy(reply->bytes, asked->bytes, asked->length);
	reply->bytes[2] = (uint8_t)(0x81 | flags >> 8);
	reply->bytes[3] = (uint8_t)(0x80 | flags);
	reply->length = asked->length;
}

/* A record whose owner is the question's name. */
static void add_record(struct reply *reply, unsigned type, const void *data, size_t size)
{
	const uint8_t header[] = { 0xc0, HEADER, 0, (uint8_t)type, 0, 1, 0, 0, 0, 60, (uint8_t)(size >> 8), (uint8_t)size };
	memcpy(reply->bytes + reply->length, header, sizeof header);
	memcpy(reply->bytes + reply->length + sizeof header, data, size);
	reply->length += sizeof header + size;
	unsigned answers = (unsigned)(reply->bytes[6] << 8 | reply->bytes[7]) + 1;
	reply->bytes[6] = (uint8_t)(answers >> 8);
	reply->bytes[7] = (uint8_t)answers;
}

static const uint8_t ipv4[4] = { 192, 0, 2, 10 };
static const uint8_t ipv4_forged[4] = { 203, 0, 113, 66 };
static const uint8_t ipv6[16] = { 0x20, 0x01, 0x0d, 0xb8, [15] = 0x10 };

static void answer_both(const struct asked *asked, struct reply *reply)
{
	start_reply(asked, reply, 0);
	if (asked->type == DNS_TYPE_A)
		add_record(reply, DNS_TYPE_A, ipv4, 4);
	else
		add_record(reply, DNS_TYPE_AAAA, ipv6, 16);
}

static void fail_with(const struct asked *asked, struct reply *reply, unsigned code)
{
	start_reply(asked, reply, code);
}

static void read_question(const uint8_t *bytes, size_t length, struct asked *asked)
{
	size_t out = 0;
	size_t at = HEADER;
	for (; at < length && bytes[at]; at += 1u + bytes[at]) {
		out += (size_t)snprintf(asked->name + out, sizeof asked->name - out, "%s%.*s", out ? "." : "", bytes[at],
					(const char *)bytes + at + 1);
	}
	asked->type = (unsigned)(bytes[at + 1] << 8 | bytes[at + 2]);
}

static void serve_query(behaviour *behave, size_t server, bool tcp, const uint8_t *bytes, size_t length,
			struct reply *reply)
{
	struct asked asked = { .server = server, .tcp = tcp, .bytes = bytes, .length = length };
	read_question(bytes, length, &asked);
	asked.number = shared->queries;
	shared->ids[shared->queries++ % 64] = (unsigned)(bytes[0] << 8 | bytes[1]);
	shared->tcp_queries += tcp;
	size_t used = strlen(shared->names);
	if (asked.type == DNS_TYPE_A)
		snprintf(shared->names + used, sizeof shared->names - used, "%s ", asked.name);
	reply->length = 0;
	behave(&asked, reply);
}

static void serve_udp(behaviour *behave, size_t server)
{
	static struct reply reply;
	uint8_t query[512];
	socklen_t size = sizeof fake.peer;
	ssize_t length = recvfrom(fake.udp[server], query, sizeof query, 0, (struct sockaddr *)&fake.peer, &size);
	if (length < HEADER)
		return;
	serve_query(behave, server, false, query, (size_t)length, &reply);
	if (reply.length > 0)
		sendto(fake.udp[server], reply.bytes, reply.length, 0, (struct sockaddr *)&fake.peer, size);
}

static void serve_tcp(behaviour *behave, size_t server)
{
	static struct reply reply;
	uint8_t query[514];
	int fd = accept(fake.tcp[server], NULL, NULL);
	if (fd < 0)
		return;
	ssize_t length = recv(fd, query, sizeof query, 0);
	if (length > HEADER + 2) {
		serve_query(behave, server, true, query + 2, (size_t)length - 2, &reply);
		const uint8_t prefix[] = { (uint8_t)(reply.length >> 8), (uint8_t)reply.length };
		/* In pieces, as TCP may deliver them. */
		if (reply.length > 0 && send(fd, prefix, 1, MSG_NOSIGNAL) == 1 &&
		    send(fd, prefix + 1, 1, MSG_NOSIGNAL) == 1 && send(fd, reply.bytes, 5, MSG_NOSIGNAL) == 5) {
			usleep(20000);
			send(fd, reply.bytes + 5, reply.length - 5, MSG_NOSIGNAL);
		}
	}
	close(fd);
}

_Noreturn static void serve(behaviour *behave)
{
	for (;;) {
		struct pollfd ready[2 * SERVERS];
		for (size_t i = 0; i < SERVERS; i++) {
			ready[i] = (struct pollfd){ .fd = fake.udp[i], .events = POLLIN };
			ready[SERVERS + i] = (struct pollfd){ .fd = fake.tcp[i], .events = POLLIN };
		}
		poll(ready, 2 * SERVERS, -1);
		for (size_t i = 0; i < SERVERS; i++) {
			if (ready[i].revents)
				serve_udp(behave, i);
			if (ready[SERVERS + i].revents)
				serve_tcp(behave, i);
		}
	}
}

static void start(behaviour *behave)
{
	shared->queries = 0;
	shared->tcp_queries = 0;
	shared->names[0] = '\0';
	fake.pid = fork();
	assert_true(fake.pid >= 0);
	if (fake.pid == 0)
		serve(behave);
}

/* What clients of a server that is gone have left in the queues. */
static void drain(size_t server)
{
	char rest[512];
	while (recv(fake.udp[server], rest, sizeof rest, MSG_DONTWAIT) >= 0)
		continue;
	int fd;
	while ((fd = accept(fake.tcp[server], NULL, NULL)) >= 0)
		close(fd);
}

static int stop(void **state)
{
	(void)state;
	if (fake.pid > 0) {
		kill(fake.pid, SIGKILL);
		waitpid(fake.pid, NULL, 0);
	}
	fake.pid = 0;
	for (size_t i = 0; i < SERVERS; i++)
		drain(i);
	return 0;
}

static int bind_one(int type, size_t server)
{
	struct sockaddr_in address = { .sin_family = AF_INET, .sin_port = htons(fake.port) };
	address.sin_addr.s_addr = htonl(0x7f000001 + (uint32_t)server);
	socklen_t length = sizeof address;
	int fd = socket(AF_INET, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0 || bind(fd, (struct sockaddr *)&address, length) < 0)
		return -1;
	if (type == SOCK_STREAM && listen(fd, 16) < 0)
		return -1;
	getsockname(fd, (struct sockaddr *)&address, &length);
	fake.port = ntohs(address.sin_port);
	return fd;
}

static int bind_all(void **state)
{
	(void)state;
	shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (shared == MAP_FAILED)
		return -1;
	for (size_t i = 0; i < SERVERS; i++) {
		fake.udp[i] = bind_one(SOCK_DGRAM, i);
		fake.tcp[i] = bind_one(SOCK_STREAM, i);
		if (fake.udp[i] < 0 || fake.tcp[i] < 0)
			return -1;
	}
	return 0;
}

static struct resolver_config config_of(size_t servers)
{
	struct resolver_config config = { .ndots = 1, .timeout = 1, .attempts = 2, .port = fake.port };
	for (size_t i = 0; i < servers; i++)
		config.servers[i] = (struct address){ AF_INET, { 127, 0, 0, (uint8_t)(1 + i) } };
	config.server_count = servers;
	return config;
}

static struct resolved resolved;
static struct diag diag;

static int resolve_with(const struct resolver_config *config, const char *name)
{
	memset(&resolved, 0, sizeof resolved);
	return dns_resolve(config, name, deadline_in(PLENTY), &resolved, &diag);
}

static int resolve(const char *name)
{
	struct resolver_config config = config_of(1);
	return resolve_with(&config, name);
}

static void assert_both(void)
{
	assert_int_equal(resolved.count, 2);
	assert_false(resolved.from_hosts);
	assert_memory_equal(resolved.addresses[0].bytes, ipv4, 4);
	assert_memory_equal(resolved.addresses[1].bytes, ipv6, 16);
}

static void assert_only_ipv4(void)
{
	assert_int_equal(resolved.count, 1);
	assert_memory_equal(resolved.addresses[0].bytes, ipv4, 4);
}

static void test_both_types(void **state)
{
	(void)state;
	start(answer_both);
	assert_int_equal(resolve("vr.example.com"), 0);
	assert_both();
	assert_int_equal(shared->queries, 2);
	assert_int_not_equal(shared->ids[0], shared->ids[1]);
	unsigned first = shared->ids[0];
	unsigned different = 0;
	for (int i = 0; i < 4; i++) {
		assert_int_equal(resolve("vr.example.com"), 0);
		different += shared->ids[shared->queries - 2] != first;
	}
	assert_true(different > 0);
}

static void answer_a_only(const struct asked *asked, struct reply *reply)
{
	start_reply(asked, reply, 0);
	if (asked->type == DNS_TYPE_A)
		add_record(reply, DNS_TYPE_A, ipv4, 4);
}

static void test_no_ipv6(void **state)
{
	(void)state;
	start(answer_a_only);
	assert_int_equal(resolve("vr.example.com"), 0);
	assert_only_ipv4();
}

static void answer_with_cname(const struct asked *asked, struct reply *reply)
{
	static const uint8_t target[] = "\x04" "edge\x03" "cdn\x07" "example";
	start_reply(asked, reply, 0);
	add_record(reply, DNS_TYPE_CNAME, target, sizeof target);
	if (asked->type != DNS_TYPE_A)
		return;
	memcpy(reply->bytes + reply->length, target, sizeof target);
	reply->length += sizeof target;
	add_record(reply, DNS_TYPE_A, ipv4, 4);
	size_t at = reply->length - 16; /* without the owner that add_record wrote: the target stands before it */
	memmove(reply->bytes + at, reply->bytes + at + 2, 14);
	reply->length -= 2;
}

static void test_cname(void **state)
{
	(void)state;
	start(answer_with_cname);
	assert_int_equal(resolve("vr.example.com"), 0);
	assert_only_ipv4();
}

static void say_no_name(const struct asked *asked, struct reply *reply)
{
	fail_with(asked, reply, 3);
}

static void say_nothing_there(const struct asked *asked, struct reply *reply)
{
	start_reply(asked, reply, 0);
}

static void test_no_such_name(void **state)
{
	(void)state;
	start(say_no_name);
	assert_int_equal(resolve("vr.example.com"), -ENOENT);
	assert_non_null(strstr(diag.text, "resolve vr.example.com: "));
	stop(NULL);
	start(say_nothing_there);
	assert_int_equal(resolve("vr.example.com"), -ENOENT);
}

static void no_name_for_a(const struct asked *asked, struct reply *reply)
{
	if (asked->type == DNS_TYPE_A)
		fail_with(asked, reply, 3);
}

/* A name that does not exist has no AAAA record, either: nothing to wait for. */
static void test_no_name_settles_both(void **state)
{
	(void)state;
	start(no_name_for_a);
	assert_int_equal(resolve("vr.example.com"), -ENOENT);
}

static void answer_loopback(const struct asked *asked, struct reply *reply)
{
	static const uint8_t loopback[4] = { 127, 0, 0, 1 };
	start_reply(asked, reply, 0);
	if (asked->type == DNS_TYPE_A)
		add_record(reply, DNS_TYPE_A, loopback, 4);
}

static void test_loopback_answer(void **state)
{
	(void)state;
	start(answer_loopback);
	assert_int_equal(resolve("vr.example.com"), -ENOENT);
}

static void first_fails(const struct asked *asked, struct reply *reply)
{
	if (asked->server == 0) {
		fail_with(asked, reply, 2);
		return;
	}
	usleep(50000); /* the failure arrives first */
	answer_both(asked, reply);
}

static void fail_always(const struct asked *asked, struct reply *reply)
{
	fail_with(asked, reply, 5);
}

static void fail_once(const struct asked *asked, struct reply *reply)
{
	if (asked->number < 2)
		fail_with(asked, reply, 2);
	else
		answer_both(asked, reply);
}

static void test_server_failure(void **state)
{
	(void)state;
	struct resolver_config config = config_of(2);
	start(first_fails);
	assert_int_equal(resolve_with(&config, "vr.example.com"), 0);
	assert_both();
	stop(NULL);
	start(fail_always);
	assert_int_equal(resolve_with(&config, "vr.example.com"), -EPROTO);
	assert_int_equal(shared->queries, 8);
	stop(NULL);
	start(fail_once);
	assert_int_equal(resolve("vr.example.com"), 0);
	assert_both();
}

static void second_answers(const struct asked *asked, struct reply *reply)
{
	if (asked->server == 1)
		answer_both(asked, reply);
}

static void test_one_server_is_silent(void **state)
{
	(void)state;
	struct resolver_config config = config_of(2);
	start(second_answers);
	assert_int_equal(resolve_with(&config, "vr.example.com"), 0);
	assert_both();
	assert_in_range(shared->queries, 3, 4); /* no second try */
}

static void answer_second_try(const struct asked *asked, struct reply *reply)
{
	if (asked->number >= 2)
		answer_both(asked, reply);
}

static void test_lost_packets(void **state)
{
	(void)state;
	start(answer_second_try);
	assert_int_equal(resolve("vr.example.com"), 0);
	assert_both();
	assert_int_equal(shared->queries, 4);
}

static void drop_aaaa(const struct asked *asked, struct reply *reply)
{
	if (asked->type == DNS_TYPE_A)
		answer_both(asked, reply);
}

static void test_aaaa_is_dropped(void **state)
{
	(void)state;
	struct resolver_config config = config_of(1);
	config.attempts = 5;
	start(drop_aaaa);
	assert_int_equal(resolve_with(&config, "vr.example.com"), 0);
	assert_only_ipv4();
	assert_int_equal(shared->queries, 3); /* A, AAAA, AAAA once more */
}

static void say_nothing(const struct asked *asked, struct reply *reply)
{
	(void)asked;
	reply->length = 0;
}

static void test_silence(void **state)
{
	(void)state;
	struct resolver_config config = config_of(2);
	start(say_nothing);
	assert_int_equal(resolve_with(&config, "vr.example.com"), -ETIMEDOUT);
	assert_string_equal(diag.text, "resolve vr.example.com: no answer within 2 s");
	assert_int_equal(shared->queries, 8);
	config.timeout = 30;
	struct resolved untouched = { .count = 7 };
	assert_int_equal(dns_resolve(&config, "vr.example.com", deadline_in(200), &untouched, &diag), -ETIMEDOUT);
	assert_int_equal(untouched.count, 7);
	assert_int_equal(dns_resolve(&config, "vr.example.com", deadline_in(-1), &untouched, &diag), -ETIMEDOUT);
}

/* A is known to be empty, AAAA is never answered: that the name has no address is not known. */
static void empty_a(const struct asked *asked, struct reply *reply)
{
	if (asked->type == DNS_TYPE_A)
		start_reply(asked, reply, 0);
}

static void test_half_empty(void **state)
{
	(void)state;
	start(empty_a);
	assert_int_equal(resolve("vr.example.com"), -ETIMEDOUT);
}

static void test_nobody_listens(void **state)
{
	(void)state;
	struct resolver_config config = config_of(1);
	config.servers[0].bytes[3] = 99;
	config.timeout = 30; /* an ICMP error is not waited for */
	assert_int_equal(resolve_with(&config, "vr.example.com"), -ECONNREFUSED);
	config.server_count = 2;
	config.servers[1] = (struct address){ AF_INET, { 127, 0, 0, 1 } };
	start(answer_both);
	assert_int_equal(resolve_with(&config, "vr.example.com"), 0);
	assert_both();
}

/* A forged answer with one thing wrong before each true one. */
static void forge(const struct asked *asked, size_t at, uint8_t bits)
{
	struct reply forged;
	start_reply(asked, &forged, 0);
	add_record(&forged, DNS_TYPE_A, ipv4_forged, 4);
	forged.bytes[at] ^= bits;
	send_now(asked, &forged);
}

static void forge_first(const struct asked *asked, struct reply *reply)
{
	forge(asked, 0, 0x40); /* id; 0x40 because 1 might be the other query's */
	forge(asked, 1, 0x40);
	forge(asked, 2, 0x80); /* not a response */
	forge(asked, HEADER + 1, 0x01); /* other name */
	forge(asked, asked->length - 3, 0x1d); /* other type, with this id */
	forge(asked, asked->length - 1, 0x02); /* other class */
	struct reply rubbish = { .length = 5 };
	send_now(asked, &rubbish);
	rubbish.length = 0;
	send_now(asked, &rubbish);
	answer_a_only(asked, reply);
}

static void test_forged_answers(void **state)
{
	(void)state;
	start(forge_first);
	assert_int_equal(resolve("vr.example.com"), 0);
	assert_only_ipv4();
}

/* Well-formed up to the answers, which are a pointer to itself. */
static void answer_loop(const struct asked *asked, struct reply *reply)
{
	start_reply(asked, reply, 0);
	add_record(reply, DNS_TYPE_A, ipv4, 4);
	reply->bytes[asked->length] = (uint8_t)(0xc0 | asked->length >> 8);
	reply->bytes[asked->length + 1] = (uint8_t)asked->length;
}

static void flip_bits(const struct asked *asked, struct reply *reply)
{
	answer_both(asked, reply);
	for (size_t i = asked->length; i < reply->length; i++)
		reply->bytes[i] ^= (uint8_t)(rand() & rand() & rand());
}

static void test_malformed_answers(void **state)
{
	(void)state;
	start(answer_loop);
	assert_int_equal(resolve("vr.example.com"), -EPROTO);
	stop(NULL);
	start(flip_bits);
	struct resolver_config config = config_of(1);
	config.attempts = 1;
	for (int i = 0; i < 50; i++) {
		int result = resolve_with(&config, "vr.example.com");
		assert_true(result == 0 || result == -EPROTO || result == -ENOENT);
	}
}

/* Over UDP a forged prefix with TC, over TCP more than a datagram without EDNS holds. */
static void truncate_udp(const struct asked *asked, struct reply *reply)
{
	if (!asked->tcp) {
		start_reply(asked, reply, 0x200);
		add_record(reply, DNS_TYPE_A, ipv4_forged, 4);
		return;
	}
	start_reply(asked, reply, 0);
	for (unsigned i = 0; asked->type == DNS_TYPE_A && i < 60; i++)
		add_record(reply, DNS_TYPE_A, (const uint8_t[]){ 192, 0, 2, (uint8_t)(1 + i) }, 4);
}

static void test_truncated(void **state)
{
	(void)state;
	start(truncate_udp);
	assert_int_equal(resolve("vr.example.com"), 0);
	assert_int_equal(shared->tcp_queries, 2);
	assert_int_equal(resolved.count, RESOLVED_ADDRESSES_MAX);
	assert_int_equal(resolved.dropped, 60 - RESOLVED_ADDRESSES_MAX);
	for (size_t i = 0; i < resolved.count; i++)
		assert_int_equal(resolved.addresses[i].bytes[3], 1 + i);
}

/* A datagram that is longer than any buffer here counts as truncated. */
static void answer_huge(const struct asked *asked, struct reply *reply)
{
	answer_both(asked, reply);
	if (!asked->tcp)
		reply->length = 6000;
}

static void test_huge_datagram(void **state)
{
	(void)state;
	start(answer_huge);
	assert_int_equal(resolve("vr.example.com"), 0);
	assert_both();
	assert_int_equal(shared->tcp_queries, 2);
}

static void truncate_then_close(const struct asked *asked, struct reply *reply)
{
	if (!asked->tcp)
		start_reply(asked, reply, 0x200);
}

static void truncate_everywhere(const struct asked *asked, struct reply *reply)
{
	start_reply(asked, reply, 0x200);
}

static void huge_over_tcp(const struct asked *asked, struct reply *reply)
{
	start_reply(asked, reply, asked->tcp ? 0 : 0x200);
	if (asked->tcp)
		reply->length = 8000;
}

static void wrong_id_over_tcp(const struct asked *asked, struct reply *reply)
{
	truncate_udp(asked, reply);
	reply->bytes[0] ^= asked->tcp ? 1 : 0;
}

static void test_tcp_failures(void **state)
{
	(void)state;
	behaviour *const cases[] = { truncate_then_close, truncate_everywhere, huge_over_tcp, wrong_id_over_tcp };
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		start(cases[i]);
		assert_int_equal(resolve("vr.example.com"), -EPROTO);
		assert_int_equal(resolved.count, 0);
		stop(NULL);
	}
}

/* Knows one name only. */
static void know_corp(const struct asked *asked, struct reply *reply)
{
	if (strcmp(asked->name, "vr.corp.example") == 0)
		answer_both(asked, reply);
	else
		fail_with(asked, reply, 3);
}

static void refuse_others(const struct asked *asked, struct reply *reply)
{
	if (strcmp(asked->name, "vr.corp.example") == 0)
		answer_both(asked, reply);
	else
		fail_with(asked, reply, 5);
}

static void assert_asked(const char *names)
{
	assert_string_equal(shared->names, names);
	shared->names[0] = '\0';
}

static void test_search_list(void **state)
{
	(void)state;
	struct resolver_config config = config_of(1);
	strcpy(config.search[0], "lan");
	strcpy(config.search[1], "corp.example");
	config.search_count = 2;
	start(know_corp);
	assert_int_equal(resolve_with(&config, "vr"), 0);
	assert_both();
	assert_asked("vr.lan vr.corp.example ");
	assert_int_equal(resolve_with(&config, "vr."), -ENOENT);
	assert_asked("vr ");
	assert_int_equal(resolve_with(&config, "x"), -ENOENT);
	assert_asked("x.lan x.corp.example x ");
	assert_int_equal(resolve_with(&config, "x.y"), -ENOENT);
	assert_asked("x.y x.y.lan x.y.corp.example ");
	config.ndots = 2;
	assert_int_equal(resolve_with(&config, "x.y"), -ENOENT);
	assert_asked("x.y.lan x.y.corp.example x.y ");
	assert_int_equal(resolve_with(&config, "vr.corp.example"), 0);
	assert_asked("vr.corp.example ");
	stop(NULL);
	start(refuse_others);
	assert_int_equal(resolve_with(&config, "vr"), 0);
	assert_both();
	assert_asked("vr.lan vr.lan vr.corp.example ");
}

static void test_name_too_long_for_domain(void **state)
{
	(void)state;
	char name[254];
	struct resolver_config config = config_of(1);
	memset(name, 'a', sizeof name);
	for (size_t i = 50; i < sizeof name; i += 51)
		name[i] = '.';
	name[250] = '\0';
	strcpy(config.search[0], "ab.example"); /* cut behind "ab." it would be a name */
	config.search_count = 1;
	config.ndots = 15;
	start(answer_both);
	assert_int_equal(resolve_with(&config, name), 0);
	text_copy(name + 250, sizeof name - 250, " ");
	assert_asked(name);
}

/* A hosts file that has hosted.example. */
static void make_hosts(char *path)
{
	int fd = mkstemp(path);
	assert_true(fd >= 0);
	assert_true(write(fd, "192.0.2.77 hosted.example\n127.0.0.1 here.example\n", 50) == 50);
	close(fd);
}

static void know_vr_drop_dead(const struct asked *asked, struct reply *reply)
{
	if (strcmp(asked->name, "vr.example.com") == 0)
		answer_both(asked, reply);
	else if (strcmp(asked->name, "dead.example") != 0)
		fail_with(asked, reply, 3);
}

static void test_many_names(void **state)
{
	(void)state;
	char hosts[] = "/tmp/quarbox-net-dns-XXXXXX";
	static const char *const names[] = { "hosted.example", "dead.example", "none.example", "vr.example.com",
					     "here.example" };
	enum { COUNT = sizeof names / sizeof *names };
	struct resolver_config config = config_of(1);
	struct resolved results[COUNT];
	int errors[COUNT];
	make_hosts(hosts);
	start(know_vr_drop_dead);
	config.timeout = 30; /* only the share of the time ends the dead one */
	struct resolve_request request = { names, COUNT, hosts, &config, deadline_in(1500) };
	assert_int_equal(resolve_names(&request, results, errors, &diag), -ETIMEDOUT);
	assert_non_null(strstr(diag.text, "dead.example"));
	static const int expected[COUNT] = { 0, -ETIMEDOUT, -ENOENT, 0, 0 };
	assert_memory_equal(errors, expected, sizeof expected);
	assert_int_equal(results[0].count, 1);
	assert_true(results[0].from_hosts);
	assert_int_equal(results[1].count, 0);
	assert_int_equal(results[2].count, 0);
	resolved = results[3];
	assert_both();
	assert_int_equal(results[4].count, 1);
	unlink(hosts);
}

/* The last name's time is over with the request's: what the others got is handed over all the same. */
static void test_last_name_is_dead(void **state)
{
	(void)state;
	static const char *const names[] = { "vr.example.com", "dead.example" };
	struct resolver_config config = config_of(1);
	struct resolved results[2];
	int errors[2];
	start(know_vr_drop_dead);
	config.timeout = 30;
	struct resolve_request request = { names, 2, "/nonexistent", &config, deadline_in(800) };
	assert_int_equal(resolve_names(&request, results, errors, &diag), -ETIMEDOUT);
	assert_string_equal(diag.text, "resolve dead.example: no answer within 1 s");
	assert_int_equal(errors[0], 0);
	assert_int_equal(results[0].count, 2);
}

static void test_all_from_hosts(void **state)
{
	(void)state;
	char hosts[] = "/tmp/quarbox-net-dns-XXXXXX";
	static const char *const names[] = { "hosted.example" };
	struct resolver_config config = config_of(1);
	struct resolved results[1];
	int errors[1] = { 9 };
	make_hosts(hosts);
	start(answer_both);
	struct resolve_request request = { names, 1, hosts, &config, deadline_in(PLENTY) };
	assert_int_equal(resolve_names(&request, results, errors, &diag), 0);
	assert_int_equal(errors[0], 0);
	assert_int_equal(shared->queries, 0);
	unlink(hosts);
	assert_int_equal(resolve_names(&request, results, errors, &diag), 0);
	assert_int_equal(shared->queries, 2);
	assert_int_equal(results[0].count, 2);
	assert_false(results[0].from_hosts);
	request.deadline = deadline_in(-1);
	assert_int_equal(resolve_names(&request, results, errors, &diag), -ETIMEDOUT);
	assert_int_equal(errors[0], -ETIMEDOUT);
	assert_int_equal(results[0].count, 0);
	assert_non_null(strstr(diag.text, "hosted.example"));
}

#define SERVED(test) cmocka_unit_test_teardown(test, stop)

int main(void)
{
	const struct CMUnitTest tests[] = {
		SERVED(test_both_types),
		SERVED(test_no_ipv6),
		SERVED(test_cname),
		SERVED(test_no_such_name),
		SERVED(test_no_name_settles_both),
		SERVED(test_loopback_answer),
		SERVED(test_server_failure),
		SERVED(test_one_server_is_silent),
		SERVED(test_lost_packets),
		SERVED(test_aaaa_is_dropped),
		SERVED(test_silence),
		SERVED(test_half_empty),
		SERVED(test_nobody_listens),
		SERVED(test_forged_answers),
		SERVED(test_malformed_answers),
		SERVED(test_truncated),
		SERVED(test_huge_datagram),
		SERVED(test_tcp_failures),
		SERVED(test_search_list),
		SERVED(test_name_too_long_for_domain),
		SERVED(test_many_names),
		SERVED(test_last_name_is_dead),
		SERVED(test_all_from_hosts),
	};
	return cmocka_run_group_tests(tests, bind_all, NULL);
}
