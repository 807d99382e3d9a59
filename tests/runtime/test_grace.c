/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * test_grace.c - a grace period ends when those inside an operation have left it, or are dead;
 * and it sees a neighbour's entry although that has no fence.
 */
#include <check.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "runtime/grace.h"
#include "tests/runtime/ring_help.h"

static struct cleat_grace grace;

START_TEST(test_waits_for_those_inside)
{
	struct cleat_thread_set gone = { 0 };
	struct cleat_ring r;
	struct ring_world *world = ring_world_new(&r, 8, CLEAT_RING_MPMC);
	struct cleat_op op;

	ck_assert_int_eq(cleat_grace_register(), 0);
	ck_assert_int_eq(cleat_grace_begin(&grace), 0);
	ck_assert_int_eq(cleat_grace_poll(&grace, NULL), 1);

	cleat_self_use(3);
	op = cleat_op_enter();
	ck_assert_int_eq(cleat_grace_begin(&grace), 0);
	ck_assert_int_eq(cleat_grace_poll(&grace, NULL), 0);
	ck_assert_int_eq(cleat_grace_poll(&grace, &gone), 0);
	cleat_op_exit(op);
	op = cleat_op_enter(); /* another one is no reason to wait */
	ck_assert_int_eq(cleat_grace_poll(&grace, &gone), 1);

	ck_assert_int_eq(cleat_grace_begin(&grace), 0);
	ck_assert_int_eq(cleat_grace_poll(&grace, NULL), 0);
	cleat_thread_set_add(&gone, 3); /* killed inside */
	ck_assert_int_eq(cleat_grace_poll(&grace, &gone), 1);
	ring_world_free(world, 8);
}
END_TEST

/*
 * The neighbour reads a flag inside operations and writes what it read to a copy. Once the flag is
 * changed and a grace period is over, the old value may never be written again.
 */
START_TEST(test_no_old_value_after_a_grace_period)
{
	struct cleat_ring r;
	struct ring_world *world = ring_world_new(&r, 8, CLEAT_RING_MPMC);
	uint32_t *flag = &world->producers[0].offered;
	uint32_t *copy = &world->producers[7].confirmed;
	uint32_t wrong = 0;
	pid_t pid = fork();
	struct cleat_op op;

	ck_assert_int_ge(pid, 0);
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		cleat_self_use(1);
		if (cleat_grace_register() < 0)
			_exit(1);
		for (;;) {
			op = cleat_op_enter();
			cleat_store_relaxed(copy, cleat_load_relaxed(flag));
			cleat_op_exit(op);
		}
	}
	for (uint32_t i = 1; i < 20000; i++) {
		cleat_store_relaxed(flag, i);
		if (cleat_grace_begin(&grace) < 0)
			ck_abort_msg("no membarrier");
		while (!cleat_grace_poll(&grace, NULL))
			sched_yield();
		/* the copy is ours now, until the neighbour writes the new value */
		cleat_store_relaxed(copy, i);
		for (int k = 0; k < 50; k++)
			wrong += cleat_load_relaxed(copy) != i;
	}
	ck_assert_uint_eq(wrong, 0);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	ring_world_free(world, 8);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("grace");
	TCase *tcase = tcase_create("grace");
	SRunner *runner;
	int failed;

	tcase_set_timeout(tcase, 60);
	tcase_add_test(tcase, test_waits_for_those_inside);
	tcase_add_test(tcase, test_no_old_value_after_a_grace_period);
	suite_add_tcase(suite, tcase);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
