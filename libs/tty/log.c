/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tty/log.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "base/text.h"

enum { LINE_SIZE = LOG_MESSAGE_BYTES + 100, USER_WARNING = 1 << 3 | 4, TAG_BYTES = 32 };

static void add_message(struct text *text, const char *message)
{
	text_add_bytes(text, message, text_utf8_prefix(message, strlen(message), LOG_MESSAGE_BYTES));
}

static void add_syslog_head(struct text *text, const char *tag)
{
	static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
	time_t now = time(NULL);
	struct tm utc = { 0 };
	gmtime_r(&now, &utc);
	text_addf(text, "<%d>%.3s %2d %02d:%02d:%02d %.*s[%d]: ", USER_WARNING, months + 3 * utc.tm_mon, utc.tm_mday,
		  utc.tm_hour, utc.tm_min, utc.tm_sec, TAG_BYTES, tag, (int)getpid());
}

/* Returns a socket or -errno. */
static int connect_log(const char *path, int type)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	if (!text_copy(address.sun_path, sizeof address.sun_path, path))
		return -ENAMETOOLONG;
	int fd = socket(AF_UNIX, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	if (connect(fd, (const struct sockaddr *)&address, sizeof address) == 0)
		return fd;
	int error = errno;
	close(fd);
	return -error;
}

/* Returns 0 or -errno. */
static int send_line(int fd, const char *line, size_t length, struct deadline deadline)
{
	struct pollfd ready = { .fd = fd, .events = POLLOUT };
	for (;;) {
		ssize_t count = send(fd, line, length, MSG_NOSIGNAL | MSG_DONTWAIT);
		if (count >= 0)
			return (size_t)count == length ? 0 : -EIO;
		if (errno != EAGAIN && errno != EINTR)
			return -errno;
		if (deadline_passed(deadline))
			return -ETIMEDOUT;
		poll(&ready, 1, deadline_left(deadline));
	}
}

int log_to_syslog(const char *path, const char *tag, const char *message, struct deadline deadline)
{
	char line[LINE_SIZE];
	struct text text = TEXT_ON(line);
	add_syslog_head(&text, tag);
	add_message(&text, message);
	size_t length = text.length;
	int fd = connect_log(path, SOCK_DGRAM);
	if (fd == -EPROTOTYPE) { /* some daemons listen for streams, where a NUL ends each message */
		fd = connect_log(path, SOCK_STREAM);
		length++;
	}
	if (fd < 0)
		return fd;
	int result = send_line(fd, line, length, deadline);
	close(fd);
	return result;
}

int log_to_kmsg(const char *path, const char *tag, const char *message)
{
	char line[LINE_SIZE];
	struct text text = TEXT_ON(line);
	struct stat status;
	text_addf(&text, "<4>%.*s: ", TAG_BYTES, tag);
	add_message(&text, message);
	text_add(&text, "\n");
	int fd = open(path, O_WRONLY | O_NONBLOCK | O_NOCTTY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	int result = 0;
	if (fstat(fd, &status) != 0 || !S_ISCHR(status.st_mode))
		result = -ENODEV;
	else if (write(fd, line, text.length) < 0)
		result = -errno;
	close(fd);
	return result;
}
