/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

#include "net/connect.h"
#include "net/dns_message.h"
#include "net/socket.h"

enum {
	MESSAGE_SIZE = 4096, /* more than a hundred addresses; what is longer is taken as unusable */
	RETRY_PAUSE_MS = 300, /* before the next try when all servers have failed */
	INSIST_MS = 5000, /* against a packet filter that refuses what is sent */
	INSIST_TRIES = 16, /* in a row */
};

enum { QUERY_A, QUERY_AAAA, QUERY_COUNT };

/* One name, asked for both types. */
struct lookup {
	const struct resolver_config *config;
	struct deadline deadline;
	struct dns_query queries[QUERY_COUNT];
	enum dns_answer answers[QUERY_COUNT]; /* DNS_STRAY: none yet */
	unsigned failed[QUERY_COUNT]; /* servers (bits) that are of no use in this try */
	struct deadline insisting;
	bool sent; /* in this try */
	bool refused;
	struct pollfd sockets[RESOLVERS_MAX]; /* fd is negative where there is none */
	int error; /* -errno that explains best why there is no answer */
	struct resolved *found;
	uint8_t message[MESSAGE_SIZE];
};

static uint16_t random_u16(void)
{
	uint16_t value;
	if (getrandom(&value, sizeof value, GRND_NONBLOCK) == sizeof value)
		return value;
	/* Just booted, no entropy yet: the kernel's choice of source port must do. */
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint16_t)(now.tv_nsec ^ now.tv_nsec >> 16);
}

static socklen_t server_address(const struct resolver_config *config, size_t server, struct sockaddr_storage *storage)
{
	const struct endpoint endpoint = { config->servers[server], config->port };
	socklen_t length = endpoint_to_sockaddr(&endpoint, storage);
	if (storage->ss_family == AF_INET6)
		((struct sockaddr_in6 *)storage)->sin6_scope_id = config->zone[server];
	return length;
}

static bool pending(const struct lookup *lookup, size_t query)
{
	return lookup->answers[query] == DNS_STRAY;
}

static bool done(const struct lookup *lookup)
{
	return !pending(lookup, QUERY_A) && !pending(lookup, QUERY_AAAA);
}

/* One of the two has addresses: what is still missing is worth one more try, not all of them. */
static bool half_done(const struct lookup *lookup)
{
	return lookup->found->count > 0 && !done(lookup);
}

static bool all_failed(const struct lookup *lookup)
{
	unsigned all = (1u << lookup->config->server_count) - 1;
	for (size_t query = 0; query < QUERY_COUNT; query++) {
		if (pending(lookup, query) && lookup->failed[query] != all)
			return false;
	}
	return true;
}

/* Unusable answers explain more than errors of a socket, and those more than silence. */
static void note_failure(struct lookup *lookup, size_t query, size_t server, int error)
{
	lookup->failed[query] |= 1u << server;
	if (lookup->error != -EPROTO)
		lookup->error = error;
}

static void note_socket_failure(struct lookup *lookup, size_t server, int error)
{
	for (size_t query = 0; query < QUERY_COUNT; query++)
		note_failure(lookup, query, server, error);
}

/* Connected, so that the kernel drops what comes from elsewhere; the port is random by the kernel's choice. */
static bool open_socket(struct lookup *lookup, size_t server)
{
	struct pollfd *socket = &lookup->sockets[server];
	if (socket->fd >= 0)
		return true;
	struct sockaddr_storage address;
	socklen_t length = server_address(lookup->config, server, &address);
	int fd = socket_connect(SOCK_DGRAM, &address, length);
	if (fd < 0) {
		note_socket_failure(lookup, server, fd);
		return false;
	}
	*socket = (struct pollfd){ .fd = fd, .events = POLLIN };
	return true;
}

static void send_query(struct lookup *lookup, size_t query, size_t server)
{
	uint8_t message[DNS_QUERY_SIZE];
	size_t length = dns_query_write(&lookup->queries[query], message);
	if (send(lookup->sockets[server].fd, message, length, MSG_NOSIGNAL) >= 0) {
		lookup->sent = true;
		return;
	}
	lookup->refused |= errno == EPERM;
	note_failure(lookup, query, server, -errno);
}

static void send_to_all(struct lookup *lookup)
{
	memset(lookup->failed, 0, sizeof lookup->failed);
	lookup->sent = lookup->refused = false;
	for (size_t server = 0; server < lookup->config->server_count; server++) {
		if (!open_socket(lookup, server))
			continue;
		for (size_t query = 0; query < QUERY_COUNT; query++) {
			if (pending(lookup, query))
				send_query(lookup, query, server);
		}
	}
}

/*
 * While we are contained the packet filter lets so many questions a second pass, of all users. Who floods the resolvers
 * takes nearly all of them; who asks as often gets some, and what is refused costs nobody anything.
 */
static void send_pending(struct lookup *lookup)
{
	send_to_all(lookup);
	for (unsigned tries = 1; !lookup->sent && lookup->refused && !deadline_passed(lookup->insisting); tries++) {
		if (tries % INSIST_TRIES == 0)
			poll(NULL, 0, 1);
		send_to_all(lookup);
	}
}

static int receive_exactly(int fd, uint8_t *buffer, size_t size, struct deadline deadline)
{
	for (size_t length = 0; length < size;) {
		long count = stream_receive(fd, buffer + length, size - length, deadline);
		if (count <= 0)
			return count == 0 ? -EPROTO : (int)count;
		length += (size_t)count;
	}
	return 0;
}

/* RFC 1035 section 4.2.2: a length of two bytes goes before each message. Returns the answer's length or -errno. */
static int exchange_on_stream(struct lookup *lookup, size_t query, int fd, struct deadline deadline)
{
	uint8_t *message = lookup->message;
	size_t length = dns_query_write(&lookup->queries[query], message + 2);
	message[0] = (uint8_t)(length >> 8);
	message[1] = (uint8_t)length;
	int error = socket_wait(fd, POLLOUT, deadline);
	if (error == 0)
		error = socket_connect_result(fd);
	if (error == 0)
		error = stream_send_all(fd, message, length + 2, deadline);
	if (error == 0)
		error = receive_exactly(fd, message, 2, deadline);
	length = (size_t)message[0] << 8 | message[1];
	if (error == 0 && length > sizeof lookup->message)
		error = -EPROTO;
	if (error == 0)
		error = receive_exactly(fd, message, length, deadline);
	return error < 0 ? error : (int)length;
}

static int exchange_over_tcp(struct lookup *lookup, size_t query, size_t server)
{
	struct sockaddr_storage address;
	socklen_t address_length = server_address(lookup->config, server, &address);
	int fd = socket_connect(SOCK_STREAM, &address, address_length);
	if (fd < 0)
		return fd;
	struct deadline deadline = deadline_earlier(lookup->deadline, deadline_in(lookup->config->timeout * 1000));
	int length = exchange_on_stream(lookup, query, fd, deadline);
	close(fd);
	return length;
}

static void ask_over_tcp(struct lookup *lookup, size_t query, size_t server)
{
	int length = exchange_over_tcp(lookup, query, server);
	if (length < 0) {
		note_failure(lookup, query, server, length == -ETIMEDOUT ? -EPROTO : length);
		return;
	}
	enum dns_answer answer =
		dns_answer_read(&lookup->queries[query], lookup->message, (size_t)length, lookup->found);
	if (answer == DNS_STRAY || answer == DNS_UNUSABLE || answer == DNS_TRUNCATED)
		note_failure(lookup, query, server, -EPROTO);
	else
		lookup->answers[query] = answer;
}

/* Takes a datagram, or the first bytes of one that was too long. Returns whether it was an answer to this query. */
static bool take_message(struct lookup *lookup, size_t query, size_t server, size_t length)
{
	const struct dns_query *asked = &lookup->queries[query];
	bool cut = length > sizeof lookup->message;
	if (cut)
		length = sizeof lookup->message;
	struct resolved ignored = { 0 };
	enum dns_answer answer = dns_answer_read(asked, lookup->message, length, cut ? &ignored : lookup->found);
	if (answer == DNS_STRAY)
		return false;
	if (answer == DNS_TRUNCATED || cut)
		ask_over_tcp(lookup, query, server);
	else if (answer == DNS_UNUSABLE)
		note_failure(lookup, query, server, -EPROTO);
	else
		lookup->answers[query] = answer;
	if (lookup->answers[query] == DNS_NO_NAME) /* then it has no other records, either */
		lookup->answers[QUERY_A] = lookup->answers[QUERY_AAAA] = DNS_NO_NAME;
	return true;
}

static void receive_from(struct lookup *lookup, size_t server)
{
	int fd = lookup->sockets[server].fd;
	ssize_t length = recv(fd, lookup->message, sizeof lookup->message, MSG_DONTWAIT | MSG_TRUNC);
	if (length < 0) {
		if (errno != EINTR && errno != EAGAIN && errno != EWOULDBLOCK)
			note_socket_failure(lookup, server, -errno);
		return;
	}
	for (size_t query = 0; query < QUERY_COUNT; query++) {
		if (pending(lookup, query) && take_message(lookup, query, server, (size_t)length))
			return;
	}
}

/* `pause`: how many milliseconds to wait on when all servers have failed, before the next try. */
static void receive_until(struct lookup *lookup, struct deadline end, int64_t pause)
{
	bool paused = false;
	while (!done(lookup) && !deadline_passed(end)) {
		if (!paused && all_failed(lookup)) {
			end = deadline_earlier(end, deadline_in(pause));
			paused = true;
			continue;
		}
		if (poll(lookup->sockets, lookup->config->server_count, deadline_left(end)) <= 0)
			continue;
		for (size_t server = 0; server < lookup->config->server_count; server++) {
			if (lookup->sockets[server].fd >= 0 && lookup->sockets[server].revents)
				receive_from(lookup, server);
		}
	}
}

static void converse(struct lookup *lookup)
{
	const struct resolver_config *config = lookup->config;
	unsigned last = config->attempts;
	for (unsigned attempt = 1; attempt <= last && !done(lookup) && !deadline_passed(lookup->deadline); attempt++) {
		send_pending(lookup);
		receive_until(lookup, deadline_earlier(lookup->deadline, deadline_in(config->timeout * 1000)),
			      attempt < last ? RETRY_PAUSE_MS : 0);
		if (half_done(lookup) && last > attempt + 1)
			last = attempt + 1;
	}
}

/* -ENOENT is certain; when one type has no record and the other no answer, the name may have an address. */
static int outcome(const struct lookup *lookup)
{
	if (lookup->found->count > 0)
		return 0;
	return done(lookup) ? -ENOENT : lookup->error;
}

/* Asks for one fully qualified name. Returns 0, or -errno as dns_resolve does. */
static int look_up(const struct resolver_config *config, const char *name, struct deadline deadline,
		   struct resolved *found)
{
	static const uint16_t types[QUERY_COUNT] = { DNS_TYPE_A, DNS_TYPE_AAAA };
	struct lookup lookup = { .config = config, .deadline = deadline, .error = -ETIMEDOUT, .found = found };
	lookup.insisting = deadline_earlier(deadline, deadline_in(INSIST_MS));
	if (!dns_name_parse(name, &lookup.queries[0].name))
		return -ENOENT;
	uint16_t id = random_u16();
	for (size_t query = 0; query < QUERY_COUNT; query++) {
		lookup.queries[query] = (struct dns_query){ lookup.queries[0].name, id, types[query] };
		id ^= (uint16_t)(random_u16() | 1); /* never the same id twice */
	}
	for (size_t server = 0; server < RESOLVERS_MAX; server++)
		lookup.sockets[server].fd = -1;
	converse(&lookup);
	for (size_t server = 0; server < RESOLVERS_MAX; server++) {
		if (lookup.sockets[server].fd >= 0)
			close(lookup.sockets[server].fd);
	}
	return outcome(&lookup);
}

/* name.domain; when that is too long, it does not exist (and what is cut may be a name, but another one). */
static int look_up_below(const struct resolver_config *config, const char *name, const char *domain,
			 struct deadline deadline, struct resolved *found)
{
	char full[HOST_NAME_MAX_LENGTH + 2];
	struct text text = TEXT_ON(full);
	text_addf(&text, "%s.%s", name, domain);
	return text.cut ? -ENOENT : look_up(config, full, deadline, found);
}

/*
 * The order of resolv.conf(5). Silence ends the search, for the same servers would be asked; an unusable answer does
 * not, because servers refuse domains that are not theirs, but it is remembered.
 */
static int search(const struct resolver_config *config, const char *name, struct deadline deadline,
		  struct resolved *found)
{
	size_t length = strlen(name);
	size_t dots = 0;
	for (size_t i = 0; i < length; i++)
		dots += name[i] == '.';
	bool absolute = length > 0 && name[length - 1] == '.';
	bool as_is_first = absolute || dots >= config->ndots;
	size_t domains = absolute ? 0 : config->search_count;
	int result = -ENOENT;
	for (size_t step = 0; step <= domains; step++) {
		bool as_is = step == (as_is_first ? 0 : domains);
		const char *domain = as_is ? NULL : config->search[as_is_first ? step - 1 : step];
		int error = as_is ? look_up(config, name, deadline, found) :
				    look_up_below(config, name, domain, deadline, found);
		if (error != -ENOENT && error != -EPROTO)
			return error;
		if (error == -EPROTO)
			result = error;
	}
	return result;
}

static int explain(int error, const char *name, int64_t milliseconds, struct diag *diag)
{
	long long seconds = (milliseconds + 500) / 1000;
	switch (-error) {
	case ENOENT:
		return diag_fail(diag, ENOENT, "resolve %s: no such name, or it has no address", name);
	case EPROTO:
		return diag_fail(diag, EPROTO, "resolve %s: no usable answer", name);
	case ETIMEDOUT:
		return diag_fail(diag, ETIMEDOUT, "resolve %s: no answer within %lld s", name, seconds ? seconds : 1);
	case EPERM: /* what the kernel says where a chain of the output hook drops */
		return diag_fail(diag, EPERM, "resolve %s: blocked by the packet filter", name);
	default:
		return diag_errno(diag, -error, "resolve %s", name);
	}
}

int dns_resolve(const struct resolver_config *config, const char *name, struct deadline deadline,
		struct resolved *resolved, struct diag *diag)
{
	int64_t begin = monotonic_ms();
	struct resolved found = { 0 };
	int error = search(config, name, deadline, &found);
	if (error < 0)
		return explain(error, name, monotonic_ms() - begin, diag);
	*resolved = found;
	return 0;
}
