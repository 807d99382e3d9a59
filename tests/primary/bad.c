/* SPDX-License-Identifier: BSD-3-Clause */
#include "tests/primary/bad.h"

#include <dirent.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "ipc/rundir.h"
#include "runtime/clock.h"
#include "runtime/error.h"
#include "runtime/limits.h"

static int fds_at_rest;
static char instance[CLEAT_NAME_LEN]; /* test_instance() is another one in children */

/* ---- the primary ---- */

static int fds_of(pid_t pid)
{
	char path[64];
	DIR *dir;
	int n = -2; /* "." and ".." */

	(void)snprintf(path, sizeof(path), "/proc/%d/fd", (int)pid);
	dir = opendir(path);
	ck_assert_msg(dir != NULL, "%s: %s", path, strerror(errno));
	while (readdir(dir) != NULL)
		n++;
	(void)closedir(dir);
	return n;
}

/* It says so before anybody connects, so that its descriptors can be counted. */
static bool listens(void *arg)
{
	struct child *c = arg;

	return !child_is_running(c) || strstr(child_err(c), "is ready") != NULL;
}

static void start(struct child *primary, const char *mib, const char *option, const char *value,
	const char *flag)
{
	(void)snprintf(instance, sizeof(instance), "%s", test_instance());
	child_start(primary, "cleat-primary", "--instance", instance, "--no-pci", "-m", mib,
		"--vdev", "net_null0", option, value, flag, NULL);
	if (!wait_for(listens, primary, 20000) || !child_is_running(primary))
		ck_abort_msg("it does not listen: %s", child_err(primary));
	fds_at_rest = fds_of(primary->pid);
}

void bad_primary_with(struct child *primary, const char *option, const char *value)
{
	start(primary, "16", option, value, NULL);
}

void bad_primary_telling(struct child *primary, const char *mib)
{
	start(primary, mib, "--log-level", "info", "--no-huge");
}

void bad_primary(struct child *primary)
{
	bad_primary_with(primary, "--no-huge", "--no-pci");
}

static bool at_rest(void *arg)
{
	return fds_of(((const struct child *)arg)->pid) == fds_at_rest;
}

/* Attach as another one; while the slots of the dead are being swept there may be none. */
static bool attaches(void *arg)
{
	int sock = bad_connect(), rc = bad_handshake(sock, "well", CLEAT__ROLE__ROLE_SECONDARY);

	(void)arg;
	if (rc == 0) {
		bad_send_empty(sock, CLEAT__ENVELOPE__BODY_READY, 0);
		bad_ping(sock);
	}
	(void)close(sock);
	ck_assert_msg(rc == 0 || rc == -ENOSPC, "refused with %d", rc);
	return rc == 0;
}

/* The end of it: Check takes no long messages. */
static const char *log_of(struct child *c)
{
	const char *text = child_err(c);
	size_t len = strlen(text);

	return len > 1500 ? text + len - 1500 : text;
}

void bad_still_serves(struct child *primary)
{
	struct audit_result audit;

	ck_assert_msg(child_is_running(primary), "it ended with %d: %s", primary->status,
		log_of(primary));
	ck_assert(wait_for(attaches, NULL, 4000));
	ck_assert(audit_settles(&audit, true, 3000));
}

void bad_still_well(struct child *primary)
{
	bad_still_serves(primary);
	ck_assert_msg(wait_for(at_rest, primary, 4000), "%d descriptors, %d at the start: %s",
		fds_of(primary->pid), fds_at_rest, log_of(primary));
}

struct search {
	struct child *c;
	const char *part;
};

static bool is_logged(void *arg)
{
	const struct search *s = arg;

	return strstr(child_err(s->c), s->part) != NULL;
}

void bad_expect_log(struct child *primary, const char *part)
{
	struct search s = { primary, part };

	ck_assert_msg(
		wait_for(is_logged, &s, 3000), "the log has no \"%s\": %s", part, log_of(primary));
}

void bad_expect_sentence(struct child *c, const char *part)
{
	const char *text = child_err(c), *end = strchr(text, '\n');

	ck_assert_msg(end != NULL && end[1] == '\0', "not one line: \"%s\"", text);
	ck_assert_msg(strstr(text, part) != NULL, "no \"%s\" in: %s", part, text);
}

/* ---- a client ---- */

int bad_connect(void)
{
	char path[CLEAT_PATH_LEN];
	int sock = cleat_rundir_find_socket(instance, path);

	sock = sock < 0 ? sock : cleat_socket_connect(path, 5000);
	ck_assert_msg(sock >= 0, "%s", cleat_error());
	return sock;
}

void bad_hello(Cleat__Hello *hello, const char *name, Cleat__Role role)
{
	static char version[] = CLEAT_VERSION;

	cleat__hello__init(hello);
	hello->proto_major = CLEAT_PROTO_MAJOR;
	hello->proto_minor = CLEAT_PROTO_MINOR;
	hello->abi = CLEAT_ABI;
	hello->name = (char *)(uintptr_t)name;
	hello->role = role;
	hello->version = version;
	hello->tid = (uint32_t)gettid();
}

void bad_send_hello(int sock, Cleat__Hello *hello)
{
	Cleat__Envelope env = CLEAT__ENVELOPE__INIT;

	env.body_case = CLEAT__ENVELOPE__BODY_HELLO;
	env.hello = hello;
	ck_assert_msg(cleat_message_send(sock, &env, NULL, 0) == 0, "%s", cleat_error());
}

/* @return as cleat_message_recv(), but waits up to 8 s */
static int receive(int sock, struct cleat_message *m)
{
	int rc = cleat_socket_wait(sock, POLLIN, cleat_now_ns() + UINT64_C(8000000000));

	ck_assert_msg(rc == 0, "the primary says nothing");
	rc = cleat_message_recv(sock, m);
	ck_assert_msg(rc >= 0, "%s", cleat_error());
	return rc;
}

int bad_handshake(int sock, const char *name, Cleat__Role role)
{
	struct cleat_message m;
	Cleat__Hello hello;
	int last = 0, status = 0;

	bad_hello(&hello, name, role);
	bad_send_hello(sock, &hello);
	while (!last) {
		ck_assert_int_eq(receive(sock, &m), 1);
		if (m.env->body_case == CLEAT__ENVELOPE__BODY_REJECT) {
			status = m.env->reject->status;
			last = 1;
		}
		if (m.env->body_case == CLEAT__ENVELOPE__BODY_MAP)
			last = m.env->map->last;
		cleat_message_clear(&m);
	}
	return status;
}

int bad_attach(const char *name, Cleat__Role role)
{
	int sock = bad_connect();

	ck_assert_int_eq(bad_handshake(sock, name, role), 0);
	bad_send_empty(sock, CLEAT__ENVELOPE__BODY_READY, 0);
	return sock;
}

void bad_send_empty(int sock, Cleat__Envelope__BodyCase kind, uint32_t id)
{
	unsigned tag = (unsigned)kind << 3 | 2; /* length-delimited */
	unsigned char packet[8];
	size_t len = 0;

	if (id != 0) {
		packet[len++] = 1 << 3;
		packet[len++] = (unsigned char)(id & 0x7f);
	}
	packet[len++] = (unsigned char)(tag < 0x80 ? tag : (tag & 0x7f) | 0x80);
	if (tag >= 0x80)
		packet[len++] = (unsigned char)(tag >> 7);
	packet[len++] = 0;
	ck_assert_msg(cleat_socket_send(sock, packet, len, NULL, 0) == 0, "%s", cleat_error());
}

/* The next message of @p kind. @return 0 if the connection ended before */
static int next_of(int sock, Cleat__Envelope__BodyCase kind, struct cleat_message *m)
{
	while (receive(sock, m) == 1) {
		if (m->env->body_case == kind)
			return 1;
		cleat_message_clear(m);
	}
	return 0;
}

static const char *copy(const char *text)
{
	static char detail[CLEAT_ERROR_LEN];

	(void)snprintf(detail, sizeof(detail), "%s", text);
	return detail;
}

int bad_request(int sock, Cleat__Envelope *env, const char **detail)
{
	static uint32_t id;
	struct cleat_message m;
	int status;

	env->id = id++ % 100 + 1;
	ck_assert_msg(cleat_message_send(sock, env, NULL, 0) == 0, "%s", cleat_error());
	ck_assert(next_of(sock, CLEAT__ENVELOPE__BODY_REPLY, &m));
	ck_assert_uint_eq(m.env->id, env->id);
	status = m.env->reply->status;
	*detail = copy(m.env->reply->detail);
	cleat_message_clear(&m);
	return status;
}

void bad_ping(int sock)
{
	Cleat__Envelope env = CLEAT__ENVELOPE__INIT;
	Cleat__Ping ping = CLEAT__PING__INIT;
	const char *detail;

	env.body_case = CLEAT__ENVELOPE__BODY_PING;
	env.ping = &ping;
	ck_assert_int_eq(bad_request(sock, &env, &detail), 0);
}

int bad_reject(int sock, const char **detail)
{
	struct cleat_message m;
	int status;

	*detail = "";
	if (!next_of(sock, CLEAT__ENVELOPE__BODY_REJECT, &m))
		return 1;
	status = m.env->reject->status;
	*detail = copy(m.env->reject->detail);
	cleat_message_clear(&m);
	return status;
}

void bad_expect_reject(int sock, int status, const char *part)
{
	struct cleat_message m;
	const char *detail;
	int got = bad_reject(sock, &detail);

	ck_assert_msg(got == status, "status %d, not %d: %s", got, status, detail);
	ck_assert_msg(strstr(detail, part) != NULL, "no \"%s\" in: %s", part, detail);
	ck_assert_int_eq(receive(sock, &m), 0);
	(void)close(sock);
}

void bad_child(void (*fn)(const void *arg), const void *arg)
{
	pid_t pid;
	int status;

	(void)fflush(NULL);
	pid = fork();
	ck_assert_int_ge(pid, 0);
	if (pid == 0) {
		fn(arg);
		_exit(0);
	}
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_int_eq(status, 0);
}

int bad_run(const char *name, const TTest *const *tests, size_t n, double timeout_s)
{
	Suite *suite = suite_create(name);
	TCase *tc = tcase_create(name);
	SRunner *runner;
	int failed;

	need_programs();
	tcase_set_timeout(tc, timeout_s);
	for (size_t i = 0; i < n; i++)
		tcase_add_test(tc, tests[i]);
	suite_add_tcase(suite, tc);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
