/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * bind_state.c - the driver that a device had before: a file per address, gone with a reboot, as is
 * what it tells of.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tools/bind.h"

#define PATH_LEN 512

static int path_of(const char *address, const struct bind_options *o, char path[PATH_LEN])
{
	if (snprintf(path, PATH_LEN, "%s/%s", o->state_dir, address) >= PATH_LEN)
		return cleat_err(-ENAMETOOLONG, "--state-dir is too long");
	return 0;
}

/* Make a folder and those above it, for all to read. */
static int make_folder(const char *folder)
{
	char path[PATH_LEN];

	if (snprintf(path, sizeof(path), "%s/", folder) >= (int)sizeof(path))
		return cleat_err(-ENAMETOOLONG, "--state-dir is too long");
	for (char *at = path + 1; (at = strchr(at, '/')) != NULL; at++) {
		*at = '\0';
		if (mkdir(path, 0755) == 0)
			(void)chmod(path, 0755); /* whatever the umask */
		else if (errno != EEXIST)
			return cleat_err(-errno, "cannot make %s: %s", path, strerror(errno));
		*at = '/';
	}
	return 0;
}

/* A new file in the old one's place, so that there is always a whole one. */
static int replace(const char *path, const char *text)
{
	char new_path[PATH_LEN + 8];
	int fd, code = 0;

	(void)snprintf(new_path, sizeof(new_path), "%s.new", path);
	fd = open(new_path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0644);
	if (fd < 0)
		return cleat_err(-errno, "cannot write %s: %s", new_path, strerror(errno));
	if (dprintf(fd, "%s\n", text) < 0)
		code = -errno;
	if (close(fd) < 0 && code == 0)
		code = -errno;
	if (code == 0 && rename(new_path, path) < 0)
		code = -errno;
	if (code == 0)
		return 0;
	(void)unlink(new_path);
	return cleat_err(code, "cannot write %s: %s", path, strerror(-code));
}

int bind_remembered(const char *address, const struct bind_options *o, char out[CLEAT_NAME_LEN])
{
	char path[PATH_LEN];
	FILE *f;
	int code = path_of(address, o, path);

	if (code < 0)
		return code;
	f = fopen(path, "re");
	if (f == NULL)
		return cleat_err(-errno, "%s: %s", path, strerror(errno));
	out[0] = '\0';
	if (fgets(out, CLEAT_NAME_LEN, f) == NULL || strchr(out, '\n') == NULL ||
		strchr(out, '/') != NULL)
		code = cleat_err(-EPROTO, "%s does not hold the name of a driver; remove it", path);
	(void)fclose(f);
	out[strcspn(out, "\n")] = '\0';
	return code;
}

int bind_remember(const struct bind_device *d, const struct bind_options *o)
{
	const char *driver = d->pci.kernel_driver;
	char path[PATH_LEN], old[CLEAT_NAME_LEN];
	int code = path_of(d->pci.device.name, o, path);

	if (code < 0)
		return code;
	if ((driver[0] == '\0' || bind_is_userspace(driver)) &&
		bind_remembered(d->pci.device.name, o, old) == 0)
		return 0; /* from one user-space driver to the next */
	code = make_folder(o->state_dir);
	return code < 0 ? code : replace(path, bind_is_userspace(driver) ? BIND_ANY : driver);
}

int bind_forget(const char *address, const struct bind_options *o)
{
	char path[PATH_LEN];
	int code = path_of(address, o, path);

	if (code < 0)
		return code;
	if (unlink(path) < 0 && errno != ENOENT)
		return cleat_err(-errno, "cannot remove %s: %s", path, strerror(errno));
	return 0;
}

static int is_address(const struct dirent *entry)
{
	char address[CLEAT_NAME_LEN];

	return cleat_pci_address(entry->d_name, address);
}

int bind_each_remembered(
	const struct bind_options *o, int (*visit)(const char *address, void *arg), void *arg)
{
	struct dirent **entries;
	int n = scandir(o->state_dir, &entries, is_address, alphasort);
	int code = 0;

	if (n < 0)
		return errno == ENOENT ? 0
				       : cleat_err(-errno, "%s: %s", o->state_dir, strerror(errno));
	for (int i = 0; i < n; i++) {
		code = code == 0 ? visit(entries[i]->d_name, arg) : code;
		free(entries[i]);
	}
	free(entries);
	return code;
}
