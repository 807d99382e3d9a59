/* SPDX-License-Identifier: BSD-3-Clause */
/* spawn.h: a primary for a test, and what the tool says about it. */
#include <errno.h>
#include <json-c/json.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ipc/rundir.h"
#include "ipc/socket.h"
#include "runtime/error.h"
#include "secondary/attach.h"
#include "tests/support/spawn.h"

static void fail(struct child *c, const char *what)
{
	fprintf(stderr, "%s %s; its log:\n%s", c->what, what, child_err(c));
	child_end(c);
	exit(1);
}

static bool listens(void *arg)
{
	struct child *c = arg;
	char path[CLEAT_PATH_LEN];
	int fd;

	if (!child_is_running(c))
		return true;
	if (cleat_rundir_find_socket(test_instance(), path) < 0)
		return false;
	fd = cleat_socket_connect(path, 100);
	if (fd < 0)
		return false;
	(void)close(fd);
	return true;
}

void primary_wait(struct child *c)
{
	if (!wait_for(listens, c, 20000))
		fail(c, "does not listen");
	if (!child_is_running(c))
		fail(c, "ended at once");
}

void primary_start(struct child *c, unsigned mib, ...)
{
	const char *more[24] = { NULL };
	char memory[16];
	unsigned n = 0;
	va_list list;

	(void)snprintf(memory, sizeof(memory), "%u", mib);
	va_start(list, mib);
	while (n < 23 && (more[n] = va_arg(list, const char *)) != NULL)
		n++;
	va_end(list);
	child_start(c, "cleat-primary", "--instance", test_instance(), "--no-pci", "--no-huge",
		"-m", memory, more[0], more[1], more[2], more[3], more[4], more[5], more[6],
		more[7], more[8], more[9], more[10], more[11], more[12], more[13], more[14],
		more[15], more[16], more[17], more[18], more[19], more[20], more[21], more[22],
		NULL);
	primary_wait(c);
}

void primary_stop(struct child *c)
{
	struct cleat_rundir rd;
	int status;

	child_signal(c, SIGTERM);
	status = child_wait(c, 10000);
	if (status == -ETIMEDOUT)
		fail(c, "does not end on SIGTERM");
	if (status != 0)
		fail(c, "did not end with 0");
	if (cleat_rundir_paths(&rd, test_instance()) == 0 && access(rd.dir, F_OK) == 0)
		fail(c, "left its directory behind");
	child_end(c);
}

void attach_as(const char *name)
{
	struct cleat_attach_options options = { .instance = test_instance(), .name = name };

	if (cleat_attach(&options, NULL) == 0)
		return;
	fprintf(stderr, "%s cannot attach: %s\n", name, cleat_error());
	exit(1);
}

/* ---- audit ---- */

/* Sum the numbers called @p key anywhere below @p value. */
static int64_t sum_of(struct json_object *value, const char *key)
{
	int64_t sum = 0;

	if (json_object_is_type(value, json_type_array)) {
		for (size_t i = 0; i < json_object_array_length(value); i++)
			sum += sum_of(json_object_array_get_idx(value, i), key);
	} else if (json_object_is_type(value, json_type_object)) {
		json_object_object_foreach(value, name, member)
		{
			if (strcmp(name, key) == 0 && json_object_is_type(member, json_type_int))
				sum += json_object_get_int64(member);
			else
				sum += sum_of(member, key);
		}
	}
	return sum;
}

static void audit(struct audit_result *out, char *text, size_t len)
{
	struct json_object *root;
	struct child c;

	memset(out, 0, sizeof(*out));
	out->status =
		child_run(&c, "cleat", "audit", "--json", "--instance", test_instance(), NULL);
	(void)snprintf(text, len, "exit code %d\n%s%s", out->status, child_out(&c), child_err(&c));
	root = json_tokener_parse(child_out(&c));
	child_end(&c);
	if (root == NULL)
		return;
	out->size = sum_of(root, "size");
	out->in_pool = sum_of(root, "in_pool");
	out->in_processes = sum_of(root, "in_processes");
	out->in_rings = sum_of(root, "in_rings");
	out->in_queues = sum_of(root, "in_queues");
	out->lost = sum_of(root, "lost");
	(void)json_object_put(root);
}

void audit_now(struct audit_result *out)
{
	static char text[4096];

	audit(out, text, sizeof(text));
}

bool audit_settles(struct audit_result *out, bool in_processes_too, int timeout_ms)
{
	static char text[4096];
	uint64_t end_us = now_us() + (uint64_t)timeout_ms * 1000;

	for (;;) {
		audit(out, text, sizeof(text));
		if (out->status == 0 && out->size > 0 && out->lost == 0 &&
			(!in_processes_too || out->in_processes == 0))
			return true;
		if (now_us() > end_us)
			break;
		sleep_us(2000);
	}
	fprintf(stderr, "the audit does not come right: %s\n", text);
	return false;
}
