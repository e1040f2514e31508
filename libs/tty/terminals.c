/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tty/terminals.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "base/io.h"
#include "base/parse.h"
#include "base/text.h"
#include "tty/directory.h"
#include "tty/process.h"
#include "tty/utmp.h"

static const char *const system_utmp[] = { "/run/utmp", "/var/run/utmp", NULL };
const struct tty_paths tty_system_paths = { "/proc", "/dev", system_utmp };

/* All up to the controlling terminal, whatever the program is called (at most 64 bytes), fits. */
enum { STAT_SIZE = 512, PATH_SIZE = 288 };

/* Documentation/admin-guide/devices.txt */
static dev_t console_node(void)
{
	return makedev(5, 1);
}

static struct tty_terminal *find_device(struct tty_list *list, dev_t device)
{
	for (size_t i = 0; i < list->count; i++) {
		if (list->terminals[i].device == device)
			return &list->terminals[i];
	}
	return NULL;
}

/* The terminal, added when it isn't there yet; NULL when the list is full. */
static struct tty_terminal *add_device(struct tty_list *list, dev_t device)
{
	struct tty_terminal *terminal = find_device(list, device);
	if (terminal)
		return terminal;
	if (list->count == TTY_TERMINALS_MAX) {
		list->dropped++;
		return NULL;
	}
	terminal = &list->terminals[list->count++];
	*terminal = (struct tty_terminal){ .device = device };
	return terminal;
}

static void set_node(struct tty_terminal *terminal, const char *prefix, const char *name, dev_t node)
{
	struct text text = TEXT_ON(terminal->name);
	text_addf(&text, "%s%s", prefix, name);
	terminal->node = node;
}

static bool read_process(int proc_fd, const char *pid, struct tty_process *process)
{
	char path[PATH_SIZE];
	char stat[STAT_SIZE];
	struct text text = TEXT_ON(path);
	text_addf(&text, "%s/stat", pid);
	int fd = openat(proc_fd, path, O_RDONLY | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0)
		return false;
	ssize_t length = read_all(fd, stat, sizeof stat);
	close(fd);
	return length > 0 && tty_process_parse(stat, (size_t)length, process);
}

/* Returns whether processes could be seen at all. */
static bool add_from_processes(const struct tty_paths *paths, struct tty_list *list)
{
	struct directory proc;
	struct tty_process process;
	bool seen = false;
	if (directory_open(&proc, AT_FDCWD, paths->proc) < 0)
		return false;
	for (const char *name; (name = directory_next(&proc));) {
		if (*name < '1' || *name > '9' || !read_process(proc.fd, name, &process))
			continue;
		seen = true;
		if (tty_process_present(&process))
			add_device(list, process.terminal);
	}
	directory_close(&proc);
	return seen;
}

/* A name that can be printed anywhere, and that fits with "pts/" in front of it. */
static bool is_plain(const char *name)
{
	size_t length = 0;
	for (; name[length]; length++) {
		if (name[length] <= ' ' || name[length] > '~')
			return false;
	}
	return length + sizeof "pts/" <= TTY_NAME_SIZE;
}

static bool stat_device(int directory_fd, const char *name, dev_t *device)
{
	struct stat status;
	if (fstatat(directory_fd, name, &status, AT_SYMLINK_NOFOLLOW) != 0 || !S_ISCHR(status.st_mode))
		return false;
	*device = status.st_rdev;
	return true;
}

/* Looks in one directory for entries of the devices that have none yet. */
static void name_from_directory(int dev_fd, const char *path, const char *prefix, struct tty_list *list)
{
	struct directory directory;
	dev_t device;
	if (directory_open(&directory, dev_fd, path) < 0)
		return;
	for (const char *name; (name = directory_next(&directory));) {
		if (!is_plain(name) || !stat_device(directory.fd, name, &device))
			continue;
		struct tty_terminal *terminal = find_device(list, device);
		if (terminal && terminal->node == 0)
			set_node(terminal, prefix, name, device);
	}
	directory_close(&directory);
}

/* A process that is gone leaves its record behind when nobody cleaned up. */
static bool process_exists(const struct tty_paths *paths, int32_t pid)
{
	char path[PATH_SIZE];
	struct text text = TEXT_ON(path);
	text_addf(&text, "%s/%d", paths->proc, (int)pid);
	return pid > 0 && access(path, F_OK) == 0;
}

/*
 * A record may hold anything that somebody wrote into the file. Only what is a terminal by its name is touched:
 * opening a watchdog, say, starts it.
 */
static bool is_terminal_name(const char *line)
{
	static const char prefixes[][10] = { "tty", "hvc", "hvsi", "xvc", "sclp_line" };
	const char *pts = text_after(line, "pts/");
	uint64_t number;
	if (!is_plain(line))
		return false;
	if (pts)
		return parse_unsigned(pts, UINT32_MAX, &number);
	for (size_t i = 0; i < sizeof prefixes / sizeof *prefixes; i++) {
		if (text_after(line, prefixes[i]))
			return !strchr(line, '/');
	}
	return false;
}

static void add_line(int dev_fd, const char *line, struct tty_list *list)
{
	dev_t device;
	if (!is_terminal_name(line) || !stat_device(dev_fd, line, &device) || device == console_node())
		return;
	struct tty_terminal *terminal = add_device(list, device);
	if (terminal && terminal->node == 0)
		set_node(terminal, "", line, device);
}

static void add_from_utmp(const struct tty_paths *paths, const char *path, int dev_fd, bool processes_seen,
			  struct tty_list *list)
{
	struct stat status;
	struct utmp_entry entry;
	int fd = open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	if (fd < 0)
		return;
	bool regular = fstat(fd, &status) == 0 && S_ISREG(status.st_mode) && status.st_size <= UTMP_FILE_LIMIT;
	size_t size = regular ? (size_t)status.st_size : 0;
	size_t record_size = utmp_record_size(fd, size);
	for (size_t i = 0; record_size > 0 && utmp_read(fd, size, record_size, i, &entry); i++) {
		bool somebody = entry.type == UTMP_USER || entry.type == UTMP_LOGIN;
		if (somebody && (!processes_seen || process_exists(paths, entry.pid)))
			add_line(dev_fd, entry.line, list);
	}
	close(fd);
}

/* Which terminal /dev/console stands for: TIOCGDEV, "get real dev no below /dev/console". */
static bool console_device(int dev_fd, dev_t *device)
{
	const struct tty_terminal console = { .name = "console", .node = console_node() };
	unsigned number = 0;
	int fd = tty_open(dev_fd, &console);
	if (fd < 0)
		return false;
	/* not ioctl(2): the C libraries disagree about the request's type */
	long result = syscall(SYS_ioctl, fd, TIOCGDEV, &number);
	close(fd);
	/* without the ioctl, before Linux 2.6.37, it stays a terminal of its own */
	*device = result < 0 ? console_node() : tty_decode_device(number);
	return true;
}

static void add_console(int dev_fd, struct tty_list *list)
{
	dev_t device;
	if (!console_device(dev_fd, &device))
		return;
	bool known = find_device(list, device);
	struct tty_terminal *terminal = add_device(list, device);
	if (!terminal || terminal->node != 0)
		return;
	set_node(terminal, "", "console", console_node());
	terminal->console = !known;
}

static void mark_without_entry(struct tty_list *list)
{
	for (size_t i = 0; i < list->count; i++) {
		struct tty_terminal *terminal = &list->terminals[i];
		if (terminal->node != 0)
			continue;
		struct text text = TEXT_ON(terminal->name);
		text_addf(&text, "%u:%u", major(terminal->device), minor(terminal->device));
		terminal->error = -ENODEV;
	}
}

void tty_find(const struct tty_paths *paths, struct tty_list *list)
{
	list->count = 0;
	list->dropped = 0;
	bool processes_seen = add_from_processes(paths, list);
	int dev_fd = open(paths->dev, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dev_fd >= 0) {
		/* pts first: an entry elsewhere with the number of a pseudo terminal can't be opened */
		name_from_directory(dev_fd, "pts", "pts/", list);
		name_from_directory(dev_fd, ".", "", list);
		for (const char *const *path = paths->utmp; *path; path++)
			add_from_utmp(paths, *path, dev_fd, processes_seen, list);
		add_console(dev_fd, list);
		close(dev_fd);
	}
	mark_without_entry(list);
}

int tty_open(int dev_fd, const struct tty_terminal *terminal)
{
	struct stat status;
	int fd = openat(dev_fd, terminal->name, O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0)
		return -errno;
	if (fstat(fd, &status) == 0 && S_ISCHR(status.st_mode) && status.st_rdev == terminal->node && isatty(fd))
		return fd;
	close(fd);
	return -ENOTTY;
}
