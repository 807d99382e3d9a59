/* SPDX-License-Identifier: BSD-3-Clause */
#include "ipc/rundir.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "runtime/error.h"
#include "runtime/registry.h"

#define SYSTEM_BASE "/run/cleat"

static int print_path(char *to, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

static int print_path(char *to, const char *fmt, ...)
{
	va_list args;
	int len;

	va_start(args, fmt);
	len = vsnprintf(to, CLEAT_PATH_LEN, fmt, args);
	va_end(args);
	if (len < 0 || len >= CLEAT_PATH_LEN)
		return cleat_err(-ENAMETOOLONG,
			"runtime directory: %.80s… has %d characters, a socket's path may have %d; "
			"set XDG_RUNTIME_DIR to something shorter",
			to, len, CLEAT_PATH_LEN - 1);
	return 0;
}

/* The directory that holds this user's instances. */
static int user_base(char *base)
{
	const char *xdg = getenv("XDG_RUNTIME_DIR");

	if (geteuid() == 0)
		return print_path(base, "%s", SYSTEM_BASE);
	if (xdg && xdg[0] == '/')
		return print_path(base, "%s/cleat", xdg);
	return print_path(base, "/tmp/cleat-%u", (unsigned int)geteuid());
}

static int fill_paths(struct cleat_rundir *rd, const char *base, const char *instance)
{
	int err = print_path(rd->dir, "%s/%s", base, instance);

	rd->lock_fd = -1;
	if (!err)
		err = print_path(rd->socket, "%s/%s/primary.sock", base, instance);
	if (!err)
		err = print_path(rd->lock, "%s/%s/primary.lock", base, instance);
	return err;
}

static int check_instance(const char *instance)
{
	if (instance[0] == '.')
		return cleat_err(
			-EINVAL, "instance %s: the name must not start with a dot", instance);
	return cleat_name_check("instance", instance);
}

int cleat_rundir_paths(struct cleat_rundir *rd, const char *instance)
{
	char base[CLEAT_PATH_LEN];
	int err = check_instance(instance);

	memset(rd, 0, sizeof(*rd));
	rd->lock_fd = -1;
	if (!err)
		err = user_base(base);
	return err ? err : fill_paths(rd, base, instance);
}

/* Make @p path, or accept it if nobody but us can put anything there. */
static int make_dir(const char *path)
{
	struct stat st;

	if (mkdir(path, 0755) == 0)
		(void)chmod(path, 0755); /* whatever the umask */
	else if (errno != EEXIST)
		return cleat_err(-errno, "cannot make directory %s: %s", path, strerror(errno));
	if (lstat(path, &st) < 0)
		return cleat_err(-errno, "cannot look at %s: %s", path, strerror(errno));
	if (!S_ISDIR(st.st_mode))
		return cleat_err(-ENOTDIR, "%s is not a directory: remove it", path);
	if (st.st_uid != geteuid() || (st.st_mode & 022) != 0)
		return cleat_err(-EPERM,
			"%s belongs to user %u with mode %03o, but only we (user %u) may write there: "
			"remove it or set XDG_RUNTIME_DIR",
			path, (unsigned int)st.st_uid, (unsigned int)st.st_mode & 0777U,
			(unsigned int)geteuid());
	return 0;
}

static int read_pid(int fd)
{
	char text[16] = "";

	if (pread(fd, text, sizeof(text) - 1, 0) <= 0)
		return 0;
	return atoi(text);
}

/* Open and lock; -EAGAIN when the file was removed under us by a primary that just ended. */
static int lock_file(struct cleat_rundir *rd)
{
	struct stat ours, there;
	int fd = open(rd->lock, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0644);

	if (fd < 0)
		return errno == ENOENT
			       ? -EAGAIN
			       : cleat_err(-errno, "cannot open %s: %s", rd->lock, strerror(errno));
	if (flock(fd, LOCK_EX | LOCK_NB) < 0) {
		int code = errno, pid = read_pid(fd);

		close(fd);
		if (code != EWOULDBLOCK)
			return cleat_err(-code, "cannot lock %s: %s", rd->lock, strerror(code));
		return cleat_err(-EBUSY,
			"another primary, pid %d, runs this instance (%s): end it, or choose "
			"another name by --instance",
			pid, rd->dir);
	}
	if (fstat(fd, &ours) < 0 || stat(rd->lock, &there) < 0 || ours.st_ino != there.st_ino ||
		ours.st_dev != there.st_dev) {
		close(fd);
		return -EAGAIN;
	}
	rd->lock_fd = fd;
	return 0;
}

static int write_pid(const struct cleat_rundir *rd)
{
	char text[16];
	int len = snprintf(text, sizeof(text), "%d\n", (int)getpid());

	if (ftruncate(rd->lock_fd, 0) < 0 || pwrite(rd->lock_fd, text, (size_t)len, 0) != len)
		return cleat_err(-EIO, "cannot write our pid to %s: %s", rd->lock, strerror(errno));
	return 0;
}

int cleat_rundir_claim(struct cleat_rundir *rd, const char *instance)
{
	char base[CLEAT_PATH_LEN];
	int tries, err = cleat_rundir_paths(rd, instance);

	if (!err)
		err = user_base(base);
	if (err)
		return err;
	for (tries = 0, err = -EAGAIN; err == -EAGAIN && tries < 100; tries++) {
		err = make_dir(base);
		if (!err)
			err = make_dir(rd->dir);
		if (!err)
			err = lock_file(rd);
		else if (err == -ENOENT && tries < 99)
			err = -EAGAIN; /* somebody's release took the parent away */
	}
	if (err == -EAGAIN)
		return cleat_err(
			-EAGAIN, "%s comes and goes: is another primary starting?", rd->lock);
	if (err)
		return err;
	err = write_pid(rd);
	if (!err && unlink(rd->socket) < 0 && errno != ENOENT)
		err = cleat_err(
			-errno, "cannot remove the old %s: %s", rd->socket, strerror(errno));
	if (err)
		cleat_rundir_release(rd);
	return err;
}

void cleat_rundir_release(struct cleat_rundir *rd)
{
	char *slash;

	if (rd->lock_fd < 0)
		return;
	(void)unlink(rd->socket);
	(void)unlink(rd->lock); /* while locked, so that it is ours */
	(void)rmdir(rd->dir);
	slash = strrchr(rd->dir, '/');
	if (slash) {
		*slash = '\0';
		(void)rmdir(rd->dir); /* fails while other instances live */
		*slash = '/';
	}
	close(rd->lock_fd);
	rd->lock_fd = -1;
}

int cleat_rundir_find_socket(const char *instance, char *path)
{
	struct cleat_rundir own, system;
	struct stat st;
	int err = cleat_rundir_paths(&own, instance);

	if (err)
		return err;
	err = fill_paths(&system, SYSTEM_BASE, instance);
	if (err)
		return err;
	/* another user could have made our directory in /tmp: only our own socket counts */
	if (lstat(own.socket, &st) == 0 && S_ISSOCK(st.st_mode) && st.st_uid == geteuid()) {
		memcpy(path, own.socket, CLEAT_PATH_LEN);
		return 0;
	}
	if (lstat(system.socket, &st) == 0 && S_ISSOCK(st.st_mode)) {
		memcpy(path, system.socket, CLEAT_PATH_LEN);
		return 0;
	}
	if (strcmp(own.socket, system.socket) == 0)
		return cleat_err(-ENOENT,
			"no primary runs instance %s: there is no %s; start cleat-primary",
			instance, own.socket);
	return cleat_err(-ENOENT,
		"no primary runs instance %s: there is neither %s nor %s; start cleat-primary",
		instance, own.socket, system.socket);
}

int cleat_rundir_holder(const struct cleat_rundir *rd)
{
	int fd = open(rd->lock, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	int pid = 0;

	if (fd < 0)
		return -ESRCH;
	/* a shared lock, for a moment: refused only while a primary holds its own */
	if (flock(fd, LOCK_SH | LOCK_NB) < 0 && errno == EWOULDBLOCK)
		pid = read_pid(fd);
	close(fd);
	return pid > 0 ? pid : -ESRCH;
}
