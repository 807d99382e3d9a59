/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * test_garbage.c - a process writes nonsense over all the shared memory it may write, and dies.
 *
 * What it ruined is ruined (its own user let it in), but the primary neither crashes nor hangs: it
 * frees the slot, lets others attach, and ends in order.
 */
#include <check.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "runtime/error.h"
#include "runtime/mempool.h"
#include "runtime/registry.h"
#include "secondary/attach.h"
#include "tests/support/spawn.h"

#define ROUNDS 12

static uint64_t state;

static uint64_t random64(void)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return state;
}

static void scribble(void *p, uint64_t len_bytes, unsigned int one_in)
{
	uint64_t *words = p;

	for (uint64_t i = 0; i < len_bytes / 8; i++) {
		if (random64() % one_in != 0)
			continue;
		words[i] = random64() % 3 == 0 ? random64() : random64() >> (random64() % 64);
	}
}

/* All memory segments, or only the threads' lines, or only pools. */
static void ruin(int what)
{
	const struct cleat_registry_shm *r = cleat_registry;

	if (what % 3 == 0) {
		scribble(&cleat_shared->threads[1], 255 * sizeof(cleat_shared->threads[0]), 3);
		return;
	}
	for (int i = 0; i < CLEAT_MAX_SEGMENTS && what % 3 == 1; i++) {
		if (r->segments[i].kind == CLEAT_SEGMENT_MEMORY)
			scribble((void *)(cleat_window_base + r->segments[i].off),
				r->segments[i].len_bytes, 5);
	}
	for (int i = 0; i < CLEAT_MAX_POOLS && what % 3 == 2; i++) {
		if (r->pools[i].name[0] == '\0')
			continue;
		scribble((void *)(cleat_window_base + r->pools[i].caches_off),
			(uint64_t)CLEAT_MAX_THREADS * r->pools[i].cache_stride, 4);
		scribble((void *)(cleat_window_base + r->pools[i].first_off),
			(uint64_t)r->pools[i].count * r->pools[i].elt_bytes, 9);
	}
}

static void child(const char *instance, int round)
{
	struct cleat_attach_options options = { .instance = instance, .name = "vandal" };

	state = 0x9e3779b97f4a7c15ULL * (uint64_t)(round + 1);
	if (cleat_attach(&options, NULL) < 0) {
		fprintf(stderr, "%s\n", cleat_error());
		_exit(3);
	}
	ruin(round);
	raise(SIGKILL);
	_exit(4);
}

START_TEST(primary_survives_nonsense)
{
	const char *instance = test_instance();
	struct child primary, c;

	primary_start(&primary, 8, "--vdev", "net_null0", "--log-level", "info", NULL);
	for (int round = 0; round < ROUNDS; round++) {
		pid_t pid = fork();
		int status;

		if (pid == 0)
			child(instance, round);
		ck_assert_int_eq(waitpid(pid, &status, 0), pid);
		ck_assert_msg(WIFSIGNALED(status),
			"round %d: the vandal ended with %d; primary: %s", round,
			WEXITSTATUS(status), child_err(&primary));
		ck_assert_msg(
			child_is_running(&primary), "round %d: %s", round, child_err(&primary));
	}
	sleep_us(300000);
	ck_assert_int_eq(
		child_run(&c, "cleat-rxtx", "--instance", test_instance(), "--attach-only", NULL),
		0);
	child_end(&c);
	ck_assert_msg(child_is_running(&primary), "%s", child_err(&primary));
	primary_stop(&primary);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("garbage");
	TCase *tcase = tcase_create("garbage");
	SRunner *runner;
	int failed;

	need_programs();
	tcase_set_timeout(tcase, 120);
	tcase_add_test(tcase, primary_survives_nonsense);
	suite_add_tcase(suite, tcase);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
