/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "state/saved.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/io.h"
#include "base/line.h"

const char saved_path[] = CONFIG_PERSIST_FILE;
static const char new_path[] = CONFIG_PERSIST_FILE ".new";

enum { FRONT_LIMIT = 1 << 30 }; /* bytes; of a file whose first lines are read only */

static void flush(struct text *text)
{
	struct saved *saved = text->context;
	if (saved->error == 0)
		saved->error = -write_all(saved->fd, text->bytes, text->length);
	text_clear(text);
}

int saved_begin(struct saved *saved, const char *table, struct diag *diag)
{
	/* what a power cut has left; O_EXCL follows no link that somebody may have put there since */
	(void)unlink(new_path);
	saved->error = 0;
	saved->fd = open(new_path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (saved->fd < 0)
		return diag_errno(diag, errno, "save %s", saved_path);
	saved->text = TEXT_ON(saved->bytes);
	saved->text.flush = flush;
	saved->text.context = saved;
	text_addf(&saved->text, "# for quarantine --restore; release removes it\ntable %s\n",
		  table);
	return 0;
}

/* All of it is on the disk, or an errno. */
static int finish(struct saved *saved)
{
	flush(&saved->text);
	int error = saved->error;
	if (error == 0 && fsync(saved->fd) < 0)
		error = errno;
	if (close(saved->fd) < 0 && error == 0)
		error = errno;
	return error;
}

int saved_drop(struct saved *saved, struct diag *diag)
{
	int error = finish(saved);
	(void)unlink(new_path);
	return error ? diag_errno(diag, error, "save %s", saved_path) : 0;
}

/* A new name lasts when its folder is on the disk. */
static int sync_folder(void)
{
	char folder[sizeof saved_path + 1] = ".";
	const char *end = strrchr(saved_path, '/');
	if (end) /* of a file in the root folder that is the slash */
		text_copy(folder, (size_t)(end - saved_path) + 1 + (end == saved_path), saved_path);
	int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	int result = fsync(fd) < 0 && errno != EINVAL ? -errno : 0; /* file systems without it say EINVAL */
	close(fd);
	return result;
}

int saved_keep(struct saved *saved, bool again, struct diag *diag)
{
	int error = finish(saved);
	if (error == 0 && again && !saved_is_there(NULL))
		error = ECANCELED;
	if (error == 0 && rename(new_path, saved_path) < 0)
		error = errno;
	if (error == 0)
		error = -sync_folder();
	if (error == 0)
		return 0;
	(void)unlink(new_path);
	return diag_errno(diag, error, "save %s", saved_path);
}

uint32_t saved_stamp(void)
{
	struct stat status;
	if (lstat(saved_path, &status) < 0)
		return errno == ENOENT || errno == ENOTDIR ? 0 : 1;
	/* nanoseconds are below 2^30, and times of a second's clock have none */
	return ((uint32_t)status.st_ino ^ (uint32_t)status.st_ctim.tv_sec ^ (uint32_t)status.st_ctim.tv_nsec << 2) | 1;
}

bool saved_is_there(const char *table)
{
	struct line_reader reader;
	char *line;
	bool found = false;
	if (saved_stamp() == 0)
		return false;
	if (!table)
		return true;
	if (line_reader_open(&reader, saved_path, FRONT_LIMIT, NULL) == 0) {
		for (int i = 0; i < 2 && line_reader_next(&reader, &line, NULL) > 0; i++) {
			const char *name = text_after(line, "table ");
			found |= name && strcmp(name, table) == 0;
		}
	}
	line_reader_close(&reader);
	return found;
}

int saved_remove(const char *table, struct diag *diag)
{
	bool there = saved_is_there(table); /* a read-only file system says that it is, not that nothing is there */
	/* what a power cut has left names servers, too, and is not to come back at the next one */
	bool left = (there || !table) && unlink(new_path) == 0;
	if (!there) {
		if (left)
			(void)sync_folder();
		return 0;
	}
	if (unlink(saved_path) < 0)
		return errno == ENOENT ? 0 : diag_errno(diag, errno, "remove %s", saved_path);
	int result = sync_folder();
	return result < 0 ? diag_errno(diag, -result, "remove %s", saved_path) : 1;
}
