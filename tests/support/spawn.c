/* SPDX-License-Identifier: BSD-3-Clause */
#include "tests/support/spawn.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <grp.h>
#include <pwd.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#ifndef CLEAT_TEST_BIN_DIR
#define CLEAT_TEST_BIN_DIR "build/release/bin"
#endif

struct args {
	char *argv[SPAWN_MAX_ARGS];
	int n;
	char path[512];
};

static void die(const char *what, const char *detail)
{
	fprintf(stderr, "spawn: %s: %s\n", what, detail);
	exit(1);
}

void sleep_us(unsigned us)
{
	struct timespec t = { .tv_sec = us / 1000000, .tv_nsec = (long)(us % 1000000) * 1000 };

	while (nanosleep(&t, &t) < 0 && errno == EINTR)
		;
}

uint64_t now_us(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

/* ---- start ---- */

static const char *bin_dir(void)
{
	const char *dir = getenv("CLEAT_BIN_DIR");

	return dir != NULL && dir[0] != '\0' ? dir : CLEAT_TEST_BIN_DIR;
}

void need_programs(void)
{
	static const char *const NAMES[] = { "cleat-primary", "cleat-rxtx", "cleat-l2fwd",
		"cleat" };
	char path[512];

	for (unsigned i = 0; i < 4; i++) {
		(void)snprintf(path, sizeof(path), "%s/%s", bin_dir(), NAMES[i]);
		if (access(path, X_OK) == 0)
			continue;
		printf("SKIP: %s is not built; run scons, or set CLEAT_BIN_DIR\n", path);
		exit(SPAWN_SKIP);
	}
}

static void add(struct args *a, const char *text)
{
	if (a->n >= SPAWN_MAX_ARGS - 1)
		die("too many arguments", text);
	a->argv[a->n] = strdup(text);
	a->argv[++a->n] = NULL;
}

static void add_all(struct args *a, va_list list)
{
	const char *text;

	while ((text = va_arg(list, const char *)) != NULL)
		add(a, text);
}

static void set_program(struct args *a, const char *program)
{
	memset(a, 0, sizeof(*a));
	if (strchr(program, '/') != NULL)
		(void)snprintf(a->path, sizeof(a->path), "%s", program);
	else
		(void)snprintf(a->path, sizeof(a->path), "%s/%s", bin_dir(), program);
	add(a, program);
}

static void free_args(struct args *a)
{
	for (int i = 0; i < a->n; i++)
		free(a->argv[i]);
}

/* A descriptor of the program while we are still root: nobody may not reach its directory. */
static int open_program(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		die(path, strerror(errno));
	return fd;
}

static void become_nobody(void)
{
	const struct passwd *pw = getpwnam("nobody");
	uid_t uid = pw != NULL ? pw->pw_uid : 65534;
	gid_t gid = pw != NULL ? pw->pw_gid : 65534;

	if (setgroups(0, NULL) < 0 || setresgid(gid, gid, gid) < 0 || setresuid(uid, uid, uid) < 0)
		_exit(126);
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL); /* the change of user cleared it */
}

/* Fork. @return whether we are the child, whose output goes to memory and who dies with us */
static bool is_child(struct child *c, const char *what)
{
	pid_t parent = getpid();

	memset(c, 0, sizeof(*c));
	(void)snprintf(c->what, sizeof(c->what), "%s", what);
	c->out_fd = memfd_create("out", MFD_CLOEXEC);
	c->err_fd = memfd_create("err", MFD_CLOEXEC);
	(void)fflush(NULL);
	c->pid = fork();
	if (c->pid < 0 || c->out_fd < 0 || c->err_fd < 0)
		die("cannot start a child", strerror(errno));
	if (c->pid != 0)
		return false;
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(127);
	(void)dup2(c->out_fd, STDOUT_FILENO);
	(void)dup2(c->err_fd, STDERR_FILENO);
	return true;
}

static void launch(struct child *c, struct args *a, bool as_nobody)
{
	int program = open_program(a->path);

	if (is_child(c, a->argv[0])) {
		if (as_nobody)
			become_nobody();
		(void)fexecve(program, a->argv, environ);
		_exit(127);
	}
	(void)close(program);
	free_args(a);
}

void child_fork(struct child *c, const char *what, int (*fn)(void *arg), void *arg)
{
	int code;

	if (!is_child(c, what))
		return;
	code = fn(arg);
	(void)fflush(NULL);
	_exit(code);
}

void child_start(struct child *c, const char *program, ...)
{
	struct args a;
	va_list list;

	set_program(&a, program);
	va_start(list, program);
	add_all(&a, list);
	va_end(list);
	launch(c, &a, false);
}

void child_start_as_nobody(struct child *c, const char *program, ...)
{
	struct args a;
	va_list list;

	set_program(&a, program);
	va_start(list, program);
	add_all(&a, list);
	va_end(list);
	launch(c, &a, true);
}

int code_where_root_is_needed(int code)
{
	if (code != 0 || geteuid() == 0)
		return code;
	printf("SKIP: all passed but the checks that become another user, which takes root\n");
	return SPAWN_SKIP;
}

/* ---- wait, kill ---- */

static bool reap(struct child *c)
{
	int status;

	if (c->pid == 0)
		return true;
	if (waitpid(c->pid, &status, WNOHANG) != c->pid)
		return false;
	c->status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
	c->pid = 0;
	return true;
}

static bool reap_condition(void *arg)
{
	return reap(arg);
}

bool wait_for(bool (*condition)(void *arg), void *arg, int timeout_ms)
{
	uint64_t end_us = now_us() + (uint64_t)timeout_ms * 1000;

	while (!condition(arg)) {
		if (now_us() > end_us)
			return condition(arg);
		sleep_us(500);
	}
	return true;
}

int child_wait(struct child *c, int timeout_ms)
{
	return wait_for(reap_condition, c, timeout_ms) ? c->status : -ETIMEDOUT;
}

bool child_is_running(struct child *c)
{
	return !reap(c);
}

void child_signal(struct child *c, int signal)
{
	if (c->pid > 0)
		(void)kill(c->pid, signal);
}

static void close_files(struct child *c)
{
	if (c->out_fd > 0)
		(void)close(c->out_fd);
	if (c->err_fd > 0)
		(void)close(c->err_fd);
	c->out_fd = c->err_fd = 0;
}

void child_end(struct child *c)
{
	child_signal(c, SIGKILL);
	(void)child_wait(c, 10000);
	close_files(c);
}

void child_kill_after(struct child *c, unsigned us)
{
	sleep_us(us);
	child_end(c);
}

static const char *text_of(int fd, char *to)
{
	ssize_t n = fd > 0 ? pread(fd, to, SPAWN_TEXT_LEN - 1, 0) : 0;

	to[n > 0 ? n : 0] = '\0';
	return to;
}

const char *child_out(struct child *c)
{
	static char text[SPAWN_TEXT_LEN];

	return text_of(c->out_fd, text);
}

const char *child_err(struct child *c)
{
	static char text[SPAWN_TEXT_LEN];

	return text_of(c->err_fd, text);
}

static bool says_running(void *arg)
{
	return !child_is_running(arg) || strstr(child_err(arg), " is running") != NULL;
}

void child_wait_running(struct child *c)
{
	if (wait_for(says_running, c, 20000) && child_is_running(c))
		return;
	fprintf(stderr, "%s does not come to run: %s\n", c->what, child_err(c));
	child_end(c);
	exit(1);
}

int child_run(struct child *c, const char *program, ...)
{
	struct args a;
	va_list list;

	set_program(&a, program);
	va_start(list, program);
	add_all(&a, list);
	va_end(list);
	launch(c, &a, false);
	return child_wait(c, 30000);
}

int fd_count(void)
{
	DIR *dir = opendir("/proc/self/fd");
	int n = -3; /* ".", "..", and the directory itself */

	while (dir != NULL && readdir(dir) != NULL)
		n++;
	if (dir != NULL)
		(void)closedir(dir);
	return n;
}

/* ---- one test's own names ---- */

static pid_t dir_maker;
static char dir_path[64];

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *at)
{
	(void)st;
	(void)type;
	(void)at;
	(void)remove(path);
	return 0;
}

static void remove_dir(void)
{
	if (dir_maker == getpid())
		(void)nftw(dir_path, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

const char *test_dir(void)
{
	if (dir_maker == getpid())
		return dir_path;
	(void)snprintf(dir_path, sizeof(dir_path), "/tmp/cleat-test-XXXXXX");
	if (mkdtemp(dir_path) == NULL || chmod(dir_path, 0777) < 0)
		die("cannot make a directory", strerror(errno));
	dir_maker = getpid();
	(void)atexit(remove_dir);
	return dir_path;
}

const char *test_path(const char *name)
{
	static char paths[8][128];
	static unsigned next;
	char *path = paths[next++ % 8];

	(void)snprintf(path, sizeof(paths[0]), "%s/%s", test_dir(), name);
	return path;
}

const char *test_instance(void)
{
	static char name[32];

	(void)snprintf(name, sizeof(name), "test-%d", (int)getpid());
	return name;
}
