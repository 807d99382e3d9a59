/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * test_ring_stress.c - each mode between processes: every element once, whole and in its producer's
 * order; then the same while producers and consumers are killed at random moments.
 */
#include <check.h>
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "runtime/ring_recover.h"
#include "tests/runtime/ring_help.h"

#ifdef __SANITIZE_ADDRESS__
#define COUNT  100000U
#define DEATHS 12U /* of the tests with deaths */
#else
#define COUNT  500000U
#define DEATHS 40U
#endif
#define SLOTS	256U
#define BURST	32U
#define ENDLESS 0x80000000U

static const struct {
	uint32_t slots;
	uint32_t max;
	uint16_t bulk;
	uint16_t producers;
	uint16_t consumers;
	enum cleat_ring_mode mode;
} cases[] = {
	{ 8, 4, 0, 1, 1, CLEAT_RING_SPSC },
	{ 8, 4, 1, 1, 1, CLEAT_RING_SPSC },
	{ 2, 2, 0, 1, 1, CLEAT_RING_SPSC },
	{ 4096, 512, 0, 1, 1, CLEAT_RING_SPSC },
	{ 4096, 512, 1, 1, 1, CLEAT_RING_SPSC },
	{ 2, 2, 0, 1, 1, CLEAT_RING_MPMC },
	{ 8, 4, 0, 1, 1, CLEAT_RING_MPMC },
	{ 8, 4, 1, 2, 2, CLEAT_RING_MPMC },
	{ 1024, 64, 0, 2, 2, CLEAT_RING_MPMC },
	{ 1024, 64, 1, 2, 2, CLEAT_RING_MPMC },
	{ 4096, 512, 0, 3, 1, CLEAT_RING_MPMC },
};
#define CASES ((int)(sizeof(cases) / sizeof(*cases)))

/* A worker process; its own struct cleat_ring, as a real one has. Ends with its parent. */
static pid_t start(struct ring_work work, int consumer)
{
	pid_t parent = getpid();
	pid_t pid = fork();
	struct cleat_ring r;

	ck_assert_int_ge(pid, 0);
	if (pid > 0)
		return pid;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent ||
		cleat_ring_open_row(&r, RING_HELP_ID, &cleat_registry->rings[RING_HELP_ID]) < 0)
		_exit(1);
	work.ring = &r;
	r.far = 1;
	if (consumer)
		_exit(ring_consume(&work) < 0);
	ring_produce(&work);
	_exit(0);
}

static void join(pid_t pid)
{
	int status;

	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

/* What is confirmed came once, what was offered at the death once or never, nothing else came.
 * @return how many of the confirmed never came */
static uint32_t check_seen(const struct ring_world *world, uint32_t producer)
{
	uint32_t missing = 0;
	uint32_t wrong = 0;

	for (uint32_t seq = 0; seq < RING_HELP_SEQS; seq++) {
		uint8_t seen = world->seen[producer][seq];

		if (seq < world->producers[producer].confirmed)
			missing += seen == 0;
		wrong += seen > (seq < world->producers[producer].offered);
	}
	ck_assert_uint_eq(wrong, 0);
	return missing;
}

START_TEST(test_processes)
{
	struct cleat_ring r;
	struct ring_world *world = ring_world_new(&r, cases[_i].slots, cases[_i].mode);
	uint16_t producers = cases[_i].producers;
	uint16_t workers = (uint16_t)(producers + cases[_i].consumers);
	uint32_t count = cases[_i].slots < 1000 ? COUNT / 10 : COUNT;
	pid_t pids[8];

	for (uint16_t w = 0; w < workers; w++) {
		struct ring_work work = { .world = world,
			.producer = w,
			.producers = producers,
			.to = w < producers ? count : count * producers,
			.max = cases[_i].max,
			.bulk = cases[_i].bulk,
			.thread = (uint16_t)(w + 1) };

		pids[w] = start(work, w >= producers);
	}
	for (uint16_t w = 0; w < workers; w++)
		join(pids[w]);
	for (uint16_t p = 0; p < producers; p++)
		ck_assert_uint_eq(check_seen(world, p), 0);
	ck_assert_uint_eq(cleat_ring_count(&r), 0);
	ring_world_free(world, cases[_i].slots);
}
END_TEST

static void kill_after_random_time(pid_t pid, uint32_t round)
{
	usleep(200 + round * 7919 % 5000);
	ck_assert_int_eq(kill(pid, SIGKILL), 0);
	ck_assert_int_eq(waitpid(pid, NULL, 0), pid);
}

static void recover(struct ring_world *world, struct cleat_ring *r, uint16_t thread)
{
	struct cleat_thread_set dead = { 0 };
	int tries = 0;
	int rc;

	if (r->mode == CLEAT_RING_SPSC) {
		cleat_ring_recover_producer(r);
		return;
	}
	cleat_thread_set_add(&dead, thread);
	while ((rc = cleat_ring_recover(&dead)) == -EAGAIN && tries++ < 10000)
		usleep(100);
	ck_assert_int_eq(rc, 0);
	ck_assert_uint_eq(world->shared.threads[thread].intent, 0);
}

/* The living producer gets through more than the ring holds: it is not wedged. */
static void wait_for_progress(const struct ring_world *world, uint32_t producer, uint32_t slots)
{
	const uint32_t *confirmed = &world->producers[producer].confirmed;
	uint32_t from = cleat_load_acquire(confirmed);
	int tries = 0;

	while (cleat_load_acquire(confirmed) - from < 4 * slots &&
		cleat_load_acquire(confirmed) < RING_HELP_SEQS && tries++ < 50000)
		usleep(100);
	ck_assert_int_lt(tries, 50000);
}

/* Nobody produces any more: let the consumer take the rest and end. */
static void drain(struct ring_world *world, const struct cleat_ring *r, pid_t consumer)
{
	for (int tries = 0; cleat_ring_count(r) != 0 && tries < 50000; tries++)
		usleep(100);
	ck_assert_uint_eq(cleat_ring_count(r), 0);
	__atomic_fetch_add(&world->taken, ENDLESS, __ATOMIC_ACQ_REL);
	join(consumer);
}

/* A producer is killed; a consumer and (MPMC) another producer go on. */
START_TEST(test_producers_killed)
{
	enum cleat_ring_mode mode = _i < 2 ? CLEAT_RING_MPMC : CLEAT_RING_SPSC;

	for (uint32_t round = 0; round < DEATHS; round++) {
		struct cleat_ring r;
		struct ring_world *world = ring_world_new(&r, SLOTS, mode);
		struct ring_work work = {
			.world = world, .producers = 2, .max = BURST, .bulk = (uint16_t)(_i % 2)
		};
		pid_t consumer, victim, living = 0;

		work.thread = 3;
		work.to = RING_HELP_SEQS;
		victim = start(work, 0);
		if (mode == CLEAT_RING_MPMC) {
			work.thread = 2;
			work.producer = 1;
			living = start(work, 0);
		}
		work.thread = 1;
		work.to = ENDLESS;
		work.bulk = 0;
		consumer = start(work, 1);

		kill_after_random_time(victim, round);
		recover(world, &r, 3);
		if (living) {
			wait_for_progress(world, 1, SLOTS);
			kill_after_random_time(living, 0);
			recover(world, &r, 2);
		}
		drain(world, &r, consumer);
		ck_assert_uint_eq(check_seen(world, 0), 0);
		ck_assert_uint_eq(check_seen(world, 1), 0);
		ring_world_free(world, SLOTS);
	}
}
END_TEST

/* A consumer is killed; another goes on. What the victim had taken and not counted is its own. */
START_TEST(test_consumers_killed)
{
	for (uint32_t round = 0; round < DEATHS; round++) {
		struct cleat_ring r;
		struct ring_world *world = ring_world_new(&r, SLOTS, CLEAT_RING_MPMC);
		struct ring_work work = {
			.world = world, .producers = 1, .max = BURST, .bulk = (uint16_t)(_i % 2)
		};
		pid_t victim, consumer, producer;

		work.to = ENDLESS;
		work.thread = 3;
		victim = start(work, 1);
		work.thread = 1;
		work.bulk = 0;
		consumer = start(work, 1);
		work.thread = 2;
		work.to = RING_HELP_SEQS;
		producer = start(work, 0);

		kill_after_random_time(victim, round);
		wait_for_progress(world, 0, SLOTS);
		kill_after_random_time(producer, 0);
		recover(world, &r, 2);
		drain(world, &r, consumer);
		ck_assert_uint_le(check_seen(world, 0), BURST);
		ring_world_free(world, SLOTS);
	}
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("ring");
	TCase *tcase = tcase_create("stress");
	SRunner *runner;
	int failed;

	tcase_set_timeout(tcase, 120);
	tcase_add_loop_test(tcase, test_processes, 0, CASES);
	tcase_add_loop_test(tcase, test_producers_killed, 0, 4);
	tcase_add_loop_test(tcase, test_consumers_killed, 0, 2);
	suite_add_tcase(suite, tcase);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
