/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * test_ring_held.c - an enqueue or dequeue is held before each single instruction, while others use
 * the ring; then every element comes once, in order and whole.
 *
 * The processor's trap flag makes a signal of each instruction; its handler plays the others. So
 * each pair of accesses to a slot has others between them once: a slot that is read a second time
 * after it was looked at, or stored before its elder, shows here whatever the timing.
 */
#include <check.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ucontext.h>

#include "tests/runtime/ring_help.h"

#if !defined(__x86_64__) || defined(__SANITIZE_THREAD__)
int main(void)
{
	printf("SKIP: only x86 has a trap flag, and the thread sanitizer puts signals off\n");
	return 77;
}
#else

#define SLOTS	  32U
#define VICTIM	  1U
#define OTHERS	  2U
#define MAX_LEN	  16U  /* of a burst */
#define OFFERED	  128U /* the victim's elements begin behind it, those of the others at 1 */
#define HANDLES	  256U
#define TRAP_FLAG 0x100

/* Where a sanitizer or no optimisation makes thousands of instructions, some will do. */
#if defined(__SANITIZE_ADDRESS__) || !defined(__OPTIMIZE__)
#define HOLD_EACH 11
#else
#define HOLD_EACH 1
#endif

/* Check's own assertions write to a pipe, also when they hold. */
#define must(x)                                         \
	do {                                            \
		if (!(x))                               \
			ck_abort_msg("not so: %s", #x); \
	} while (0)

static struct ring_world *world;
static struct cleat_ring ring;
static cleat_handle victims[MAX_LEN]; /* what it enqueues, or dequeued */
static volatile uint32_t some;	      /* length of a burst that the compiler does not know */
static cleat_handle given, offered;   /* the last element of the others, of the victim */
static uint8_t seen[HANDLES];
static volatile sig_atomic_t hold, steps; /* before step `hold` the others have their turn */
static void (*others)(void);

/* What the compiler knows of a burst decides what it makes of the call. */
#define DEQUEUE(name, length)                                                \
	static __attribute__((noinline)) uint32_t name(void)                 \
	{                                                                    \
		cleat_handle out[MAX_LEN];                                   \
		uint32_t n = cleat_ring_dequeue_burst(&ring, out, (length)); \
                                                                             \
		memcpy(victims, out, n * sizeof(out[0]));                    \
		return n;                                                    \
	}
DEQUEUE(dequeue_4, 4)
DEQUEUE(dequeue_8, 8)
DEQUEUE(dequeue_16, 16)
DEQUEUE(dequeue_some, some)

#define ENQUEUE(name, length)                                              \
	static __attribute__((noinline)) uint32_t name(void)               \
	{                                                                  \
		return cleat_ring_enqueue_burst(&ring, victims, (length)); \
	}
ENQUEUE(enqueue_8, 8)
ENQUEUE(enqueue_some, some)

static const struct held_case {
	uint32_t (*operate)(void);
	uint32_t n;
	int enqueue;
} cases[] = {
	{ dequeue_4, 4, 0 },
	{ dequeue_8, 8, 0 },
	{ dequeue_16, 16, 0 },
	{ dequeue_some, 11, 0 },
	{ enqueue_8, 8, 1 },
	{ enqueue_some, 11, 1 },
};
#define CASES ((int)(sizeof(cases) / sizeof(*cases)))

static void give(uint32_t n)
{
	cleat_handle handles[SLOTS];

	for (uint32_t i = 0; i < n; i++)
		handles[i] = given + 1 + i;
	given += cleat_ring_enqueue_burst(&ring, handles, n);
}

static int was_given(cleat_handle handle)
{
	return (handle > 0 && handle <= given) || (handle > OFFERED && handle <= offered);
}

static void came(const cleat_handle *handles, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++) {
		if (!was_given(handles[i]))
			ck_abort_msg("step %d: %#x came, never given", (int)hold, handles[i]);
		if (seen[handles[i]]++)
			ck_abort_msg("step %d: %u came twice", (int)hold, handles[i]);
		if (i > 0 && handles[i] < handles[i - 1] &&
			handles[i] / OFFERED == handles[i - 1] / OFFERED)
			ck_abort_msg("step %d: %u before its elder", (int)hold, handles[i - 1]);
	}
}

static uint32_t take(uint32_t n)
{
	cleat_handle out[SLOTS];

	n = cleat_ring_dequeue_burst(&ring, out, n);
	came(out, n);
	return n;
}

/* A producer that dies leaves no full slot behind an empty one. */
static void check_no_gap(void)
{
	uint64_t tail = ring.shm->tail;
	int empty = 0;

	for (uint64_t pos = tail; pos < tail + SLOTS; pos++)
		if ((*cleat_ring_slot(&ring, pos) & 1U) != cleat_ring_lap(&ring, pos))
			empty = 1;
		else if (empty)
			ck_abort_msg("step %d: a full slot behind an empty one", (int)hold);
}

static void fill(void)
{
	give(16);
}

static void drain(void)
{
	check_no_gap();
	take(SLOTS);
}

static void pass_a_lap(void)
{
	for (uint32_t i = 0; i < SLOTS; i += 4) {
		take(6);
		give(6);
	}
}

static void on_step(int signo, siginfo_t *info, void *context)
{
	ucontext_t *at = context;

	(void)signo;
	(void)info;
	if (steps++ != hold)
		return;
	at->uc_mcontext.gregs[REG_EFL] &= ~TRAP_FLAG;
	cleat_self_use(OTHERS);
	others();
	cleat_self_use(VICTIM);
}

static uint32_t step_through(uint32_t (*operate)(void))
{
	uint32_t n;

	steps = 0;
	cleat_self_use(VICTIM);
	__builtin_ia32_writeeflags_u64(__builtin_ia32_readeflags_u64() | TRAP_FLAG);
	n = operate();
	__builtin_ia32_writeeflags_u64(__builtin_ia32_readeflags_u64() & ~(uint64_t)TRAP_FLAG);
	return n;
}

/* @return 0 once the call is over before the others' turn */
static int run(const struct held_case *c, uint64_t start, uint32_t first)
{
	uint32_t n;

	/* the slots hold what the lap before left there */
	ring_world_start_at(&ring, start);
	memset(seen, 0, sizeof(seen));
	given = 0;
	offered = OFFERED;
	cleat_self_use(OTHERS);
	give(first);
	for (uint32_t i = 0; c->enqueue && i < c->n; i++)
		victims[i] = ++offered;
	some = c->n;
	n = step_through(c->operate);
	if (c->enqueue)
		must(n == c->n);
	else
		came(victims, n);
	while (take(SLOTS) > 0)
		;
	for (cleat_handle h = 1; h <= offered; h++)
		if (was_given(h) && !seen[h])
			ck_abort_msg("step %d: %u is lost", (int)hold, h);
	return steps > hold;
}

static void hold_everywhere(const struct held_case *c, uint64_t start, uint32_t first)
{
	for (hold = 0; run(c, start, first); hold += HOLD_EACH)
		;
	must(hold > 20);
}

static void set_up(enum cleat_ring_mode mode, void (*meanwhile)(void))
{
	struct sigaction action = { .sa_sigaction = on_step, .sa_flags = SA_SIGINFO };

	must(sigaction(SIGTRAP, &action, NULL) == 0);
	others = meanwhile;
	world = ring_world_new(&ring, SLOTS, mode);
}

/* A producer fills what a consumer looks for, a consumer takes what a producer gives. */
START_TEST(test_other_end)
{
	const struct held_case *c = &cases[_i / 2];

	set_up(_i % 2 ? CLEAT_RING_SPSC : CLEAT_RING_MPMC, c->enqueue ? drain : fill);
	hold_everywhere(c, 2 * SLOTS, 0);
	hold_everywhere(c, 3 * SLOTS - 6, c->n / 2); /* it wraps */
	if (!c->enqueue)
		hold_everywhere(c, 2 * SLOTS, c->n / 2 + 1);
	ring_world_free(world, SLOTS);
}
END_TEST

/* More pass than the ring holds: what was read is a lap old. */
START_TEST(test_lap)
{
	set_up(CLEAT_RING_MPMC, pass_a_lap);
	hold_everywhere(&cases[_i], 2 * SLOTS, cases[_i].n / 2);
	ring_world_free(world, SLOTS);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("ring");
	TCase *tcase = tcase_create("held");
	SRunner *runner;
	int failed;

	tcase_set_timeout(tcase, 240);
	tcase_add_loop_test(tcase, test_other_end, 0, 2 * CASES);
	tcase_add_loop_test(tcase, test_lap, 0, CASES);
	suite_add_tcase(suite, tcase);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}

#endif
