/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The multicall binary: which applet was called, and what `quarbox` itself answers. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "applet.h"
#include "base/output.h"
#include "base/text.h"
#include "build_info.h"

#define APPLET(name) extern const struct applet name##_applet;
#include "applet_list.h"
#undef APPLET

static const struct applet *const applets[] = {
#define APPLET(name) &name##_applet,
#include "applet_list.h"
#undef APPLET
	NULL,
};

/*
 * A build with one applet has no list of applets to show, and no --install: one name is a file's name. It still is that
 * applet by its own name only, other than BusyBox: a link of an older build, `status`, must not release.
 */
enum { SINGLE = sizeof applets / sizeof *applets == 2 };

static const char program[] = "quarbox";

/* All that quarbox or --help prints fits: a row of an option table is about 150 bytes. */
enum { PAGE_SIZE_BYTES = 8192, LINK_PATH_SIZE = 4096, STDERR_MS = 1000, STDOUT_MS = 30000, COLUMNS = 79 };

static const struct applet *find_applet(const char *name)
{
	for (size_t i = 0; applets[i]; i++) {
		if (strcmp(applets[i]->name, name) == 0)
			return applets[i];
	}
	return NULL;
}

/* Messages quote what others wrote: no newline or escape sequence, of 8 bits either, of theirs reaches the terminal. */
static void hide_controls(char *bytes, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (bytes[i] < ' ' || bytes[i] > '~')
			bytes[i] = '?';
	}
}

/* Writes all of it, or as much as is taken in the time; a stuck terminal must not stop a run half way. 0 or -errno. */
static int write_all(int fd, const char *bytes, size_t count, int milliseconds)
{
	struct output output;
	output_init(&output, fd);
	output_write(&output, bytes, count);
	int result = output_drain(&output, deadline_in(milliseconds));
	output_fini(&output);
	return result;
}

/* For a terminal. In files a message stays one line, whatever its length. */
static void wrap(char *bytes, size_t count)
{
	size_t start = 0;
	size_t blank = 0;
	for (size_t i = 0; i < count; i++) {
		if (bytes[i] == ' ')
			blank = i;
		if (i - start < COLUMNS || blank <= start)
			continue;
		bytes[blank] = '\n';
		start = blank + 1;
	}
}

static void write_line(const char *applet, const char *message)
{
	static bool unread; /* who does not read is waited for once */
	char line[512];
	struct text text = TEXT_ON(line);
	text_addf(&text, "%s: %s", applet, message);
	text.length -= text.cut; /* room for the newline */
	hide_controls(line, text.length);
	if (isatty(STDERR_FILENO))
		wrap(line, text.length);
	text_add(&text, "\n");
	/* nothing is left to tell that it failed */
	unread |= write_all(STDERR_FILENO, line, text.length, unread ? 0 : STDERR_MS) < 0;
}

int applet_fail(const char *applet, enum exit_code code, const struct diag *diag)
{
	write_line(applet, diag->text);
	return (int)code;
}

void applet_warn(const char *applet, const struct diag *diag)
{
	write_line(applet, diag->text);
}

int applet_print(const char *applet, const char *bytes, size_t count)
{
	struct diag diag;
	int result = write_all(STDOUT_FILENO, bytes, count, STDOUT_MS);
	if (result == 0 || result == -EPIPE)
		return EXIT_DONE;
	diag_errno(&diag, -result, "write to standard output");
	return applet_fail(applet, EXIT_SYSTEM_REFUSED, &diag);
}

static int print_help(const struct applet *applet)
{
	char page[PAGE_SIZE_BYTES];
	struct text text = TEXT_ON(page);
	text_addf(&text, "Usage: %s [options]%s%s\n\n%s\n\n", applet->name, *applet->operands ? " " : "",
		  applet->operands, applet->summary);
	options_usage(applet->options, &text);
	text_addf(&text, "\n%s", applet->notes);
	return applet_print(applet->name, page, text.length);
}

int applet_usage_error(const struct applet *applet, const struct diag *diag)
{
	struct diag longer;
	enum { ROOM = 55 }; /* of a line of 79 columns with the applet's name in front */
	if (*diag->text == '\0')
		return print_help(applet);
	diag_fail(&longer, EINVAL, "%s%s", diag->text, strlen(diag->text) > ROOM ? "" : "; see --help");
	return applet_fail(applet->name, EXIT_USAGE_ERROR, &longer);
}

static int no_such_applet(const char *name)
{
	struct diag diag;
	diag_fail(&diag, ENOENT, "%.*s: applet not found", 60, name);
	return applet_fail(program, EXIT_NO_APPLET, &diag);
}

int applet_run(const char *name, int argc, char **argv)
{
	const struct applet *applet = find_applet(name);
	return applet ? applet->run(argc, argv) : no_such_applet(name);
}

static int print_overview(void)
{
	char page[PAGE_SIZE_BYTES];
	struct text text = TEXT_ON(page);
	text_add(&text, "quarbox " QUARBOX_VERSION ": network quarantine in one static binary\n"
			"License GPL-2.0-or-later; no warranty.\n\n"
			"Usage: quarbox APPLET [arguments]\n"
			"   or: APPLET [arguments], through a link of that name\n"
			"   or: quarbox --list | --list-full | --install [-s] [DIR]\n"
			"               --help [APPLET] | --version | --build-info\n\n"
			"Applets:\n");
	for (size_t i = 0; applets[i]; i++) {
		text_addf(&text, "  %s", applets[i]->name);
		text_pad_to(&text, 14);
		text_addf(&text, "%s\n", applets[i]->summary);
	}
	return applet_print(program, page, text.length);
}

/* Whether a name leads to this program: a link of any kind that an earlier --install or a package has made. */
static bool is_own_link(int directory, const char *name)
{
	struct stat there;
	struct stat own;
	return fstatat(directory, name, &there, 0) == 0 && stat("/proc/self/exe", &own) == 0 &&
	       there.st_dev == own.st_dev && there.st_ino == own.st_ino;
}

/* Makes one link, if it is not there yet; what else exists under the name stays and is told. Returns 0 or -errno. */
static int install_link(const char *own_path, int directory, const char *name, bool symbolic)
{
	int result = symbolic ? symlinkat(own_path, directory, name) : linkat(AT_FDCWD, own_path, directory, name, 0);
	int error = result < 0 ? errno : 0;
	return error == EEXIST && is_own_link(directory, name) ? 0 : -error;
}

static int install_all(const char *own_path, const char *path, bool symbolic)
{
	struct diag diag;
	int code = EXIT_DONE;
	int directory = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (directory < 0) {
		diag_errno(&diag, errno, "open directory %s", path);
		return applet_fail(program, EXIT_SYSTEM_REFUSED, &diag);
	}
	for (size_t i = 0; applets[i]; i++) {
		int result = install_link(own_path, directory, applets[i]->name, symbolic);
		if (result < 0) {
			diag_errno(&diag, -result, "link %s in %s to %s", applets[i]->name, path, own_path);
			code = applet_fail(program, EXIT_SYSTEM_REFUSED, &diag);
		}
	}
	close(directory);
	return code;
}

/* --install [-s] [DIR]; DIR defaults to where the binary is. */
static int install_links(int argc, char **argv)
{
	struct diag diag;
	bool symbolic = argc > 0 && strcmp(argv[0], "-s") == 0;
	char own_path[LINK_PATH_SIZE];
	char beside_it[LINK_PATH_SIZE];
	if (argc - symbolic > 1) {
		diag_fail(&diag, EINVAL, "--install takes at most -s and one directory");
		return applet_fail(program, EXIT_USAGE_ERROR, &diag);
	}
	ssize_t length = readlink("/proc/self/exe", own_path, sizeof own_path - 1);
	if (length < 0) {
		diag_errno(&diag, errno, "read /proc/self/exe (is /proc mounted?)");
		return applet_fail(program, EXIT_SYSTEM_REFUSED, &diag);
	}
	own_path[length] = '\0';
	text_copy(beside_it, sizeof beside_it, own_path);
	*(strrchr(beside_it, '/') + 1) = '\0';
	return install_all(own_path, argc > symbolic ? argv[symbolic] : beside_it, symbolic);
}

/* The options that print a text which is known when it is built. */
static const struct {
	char option[sizeof "--build-info"];
	const char *text;
} texts[] = {
	{ "--version", "quarbox " QUARBOX_VERSION "\n" },
	{ "--build-info", BUILD_INFO },
#define APPLET(name) #name "\n"
	{ "--list", ""
#include "applet_list.h"
	},
#undef APPLET
#define APPLET(name) LINK_FOLDER #name "\n"
	/* as BusyBox does, where each link goes below / */
	{ "--list-full", ""
#include "applet_list.h"
	},
#undef APPLET
};

static int run_quarbox(int argc, char **argv)
{
	const char *word = argc > 1 ? argv[1] : "--help";
	if (word[0] != '-')
		return applet_run(word, argc - 1, argv + 1);
	if (strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0) {
		const struct applet *applet = argc > 2 ? find_applet(argv[2]) : NULL;
		if (argc > 2 && !applet)
			return no_such_applet(argv[2]);
		if (SINGLE)
			applet = applets[0];
		return applet ? print_help(applet) : print_overview();
	}
	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
		if (strcmp(word, texts[i].option) == 0)
			return applet_print(program, texts[i].text, strlen(texts[i].text));
	}
	if (!SINGLE && strcmp(word, "--install") == 0)
		return install_links(argc - 2, argv + 2);
	struct diag diag;
	diag_fail(&diag, EINVAL, "unknown option '%.*s'; see --help", 40, word);
	return applet_fail(program, EXIT_USAGE_ERROR, &diag);
}

/*
 * A descriptor 0, 1 or 2 that is closed at the start would be given to the next file or socket that is opened, and
 * messages would be written into it.
 */
static void hold_standard_descriptors(void)
{
	struct stat status;
	for (int fd = 0; fd <= 2; fd++) {
		if (fstat(fd, &status) < 0 && open("/dev/null", fd == 0 ? O_RDONLY : O_WRONLY) < 0)
			(void)open("/", O_RDONLY | O_DIRECTORY); /* a /dev that is not there yet: writes to it fail */
	}
}

int main(int argc, char **argv)
{
	hold_standard_descriptors();
	const char *path = argc > 0 && argv[0] ? argv[0] : program;
	const char *slash = strrchr(path, '/');
	const char *name = slash ? slash + 1 : path;
	if (*name == '-') /* as login shells are called */
		name++;
	if (text_after(name, program))
		return run_quarbox(argc, argv);
	return applet_run(name, argc, argv);
}
