/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * test_mbuf_kill.c - a process killed at every instruction of what it does with mbufs.
 *
 * A child goes through one operation by single steps. At each step everything it shares is as it
 * would be had it been killed there: that memory is saved, the child declared dead and swept, and
 * the count taken; then the memory is put back and the child goes one step further. At the end the
 * child is killed for real, half way through the same operation.
 *
 * At each step twice: a neighbour, a living process, does its part before the sweep, or after it.
 */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/mbuf_ref.h"
#include "runtime/ring_recover.h"
#include "tests/runtime/mbuf_help.h"
#include "tests/runtime/step_help.h"

#define VICTIM	  1
#define NEIGHBOUR 2
#define MBUFS	  48
#define CACHE	  8
#define N	  4
#define QUEUE	  0x0870 /* a tx queue's owner id */

static struct cleat_mempool *pool;
static struct cleat_ring ring;
/* What the processes pass each other; set before the fork. */
static struct cleat_mbuf *victims[16];
static struct cleat_mbuf *neighbours[16];

struct scenario {
	const char *name;
	enum cleat_ring_mode mode;
	void (*prepare)(void);	 /* in the parent, who plays both */
	void (*operate)(void);	 /* in the victim */
	void (*neighbour)(void); /* gives all up that the neighbour has */
};

static void be_victim(void)
{
	mbuf_world_be(VICTIM);
}

static void take_victims(unsigned n)
{
	be_victim();
	ck_assert_int_eq(cleat_mbuf_alloc_bulk(pool, victims, n), 0);
}

/* ---- scenarios ---- */

static void prepare_nothing(void)
{
}

static void prepare_cached(void)
{
	be_victim();
	cleat_mbuf_free(cleat_mbuf_alloc(pool));
}

static void prepare_4(void)
{
	take_victims(N);
}

static void prepare_12(void)
{
	take_victims(12);
}

static void op_alloc(void)
{
	cleat_mbuf_alloc_bulk(pool, victims, N);
}

static void op_alloc_uncached(void)
{
	cleat_mbuf_alloc_bulk(pool, victims, CACHE + 2);
}

static void op_free(void)
{
	cleat_mbuf_free_bulk(victims, N);
}

/* More than the cache holds, in steps that fill and flush it. */
static void op_free_flush(void)
{
	for (int i = 0; i < 12; i += 3)
		cleat_mbuf_free_bulk(victims + i, 3);
}

static void op_free_uncached(void)
{
	cleat_mbuf_free_bulk(victims, 12);
}

/* Three packets, the middle one of two segments. */
static void prepare_packets(void)
{
	take_victims(N);
	ck_assert_int_eq(cleat_mbuf_chain(victims[1], victims[3]), 0);
}

static void op_enqueue(void)
{
	cleat_ring_enqueue_mbufs(&ring, victims, 3);
}

/* Takes what was delivered. */
static void neighbour_consume(void)
{
	struct cleat_mbuf *got[16];
	uint32_t n;

	while ((n = cleat_ring_dequeue_mbufs(&ring, got, 16)) > 0) {
		for (uint32_t i = 0; i < n; i++)
			ck_assert_int_eq(cleat_mbuf_check(got[i]), 0);
		cleat_mbuf_free_bulk(got, n);
	}
}

/* The neighbour had sent them. */
static void prepare_sent(void)
{
	mbuf_world_be(NEIGHBOUR);
	ck_assert_int_eq(cleat_mbuf_alloc_bulk(pool, victims, N), 0);
	ck_assert_int_eq(cleat_mbuf_chain(victims[1], victims[3]), 0);
	ck_assert_uint_eq(cleat_ring_enqueue_mbufs(&ring, victims, 3), 3);
}

static void op_dequeue(void)
{
	struct cleat_mbuf *got[16];

	cleat_ring_dequeue_mbufs(&ring, got, 2);
}

static void neighbour_nothing(void)
{
}

static void op_clone(void)
{
	cleat_mbuf_clone(victims[1], pool);
}

/* Has clones of the victim's packet. */
static void prepare_neighbours_clone(void)
{
	prepare_packets();
	neighbours[0] = cleat_mbuf_clone(victims[1], pool);
	ck_assert_ptr_nonnull(neighbours[0]);
	ck_assert_uint_eq(cleat_ring_enqueue_mbufs(&ring, neighbours, 1), 1);
	mbuf_world_be(NEIGHBOUR);
	ck_assert_uint_eq(cleat_ring_dequeue_mbufs(&ring, neighbours, 1), 1);
}

static void neighbour_free(void)
{
	cleat_mbuf_free(neighbours[0]);
}

/* A further clone comes and goes, so that tags are overwritten. */
static void neighbour_clone_free(void)
{
	struct cleat_mbuf *further = cleat_mbuf_clone(neighbours[0], pool);

	ck_assert_ptr_nonnull(further);
	ck_assert_int_eq(cleat_mbuf_check(further), 0);
	cleat_mbuf_free(further);
	neighbour_free();
}

static void op_free_parent(void)
{
	cleat_mbuf_free(victims[1]);
}

/* The victim has clones, the neighbour the original. */
static void prepare_victims_clone(void)
{
	mbuf_world_be(NEIGHBOUR);
	ck_assert_int_eq(cleat_mbuf_alloc_bulk(pool, neighbours, 2), 0);
	ck_assert_int_eq(cleat_mbuf_chain(neighbours[0], neighbours[1]), 0);
	victims[0] = cleat_mbuf_clone(neighbours[0], pool);
	ck_assert_ptr_nonnull(victims[0]);
	ck_assert_uint_eq(cleat_ring_enqueue_mbufs(&ring, victims, 1), 1);
	be_victim();
	ck_assert_uint_eq(cleat_ring_dequeue_mbufs(&ring, victims, 1), 1);
}

static void op_free_clone(void)
{
	cleat_mbuf_free(victims[0]);
}

/* The neighbour gave the original up before: the victim has the last hold. */
static void prepare_last_clone(void)
{
	prepare_victims_clone();
	mbuf_world_be(NEIGHBOUR);
	cleat_mbuf_free(neighbours[0]);
}

static void op_clone_of_clone(void)
{
	cleat_mbuf_free(cleat_mbuf_clone(victims[0], pool));
}

/* The victim has both. */
static void prepare_both(void)
{
	prepare_packets();
	victims[4] = cleat_mbuf_clone(victims[1], pool);
	ck_assert_ptr_nonnull(victims[4]);
}

static void op_free_both(void)
{
	cleat_mbuf_free(victims[1]);
	cleat_mbuf_free(victims[4]);
}

static void op_free_both_clone_first(void)
{
	cleat_mbuf_free(victims[4]);
	cleat_mbuf_free(victims[1]);
}

/* A clone on its way to the neighbour. */
static void op_send_clone(void)
{
	cleat_ring_enqueue_mbufs(&ring, &victims[4], 1);
	cleat_mbuf_free(victims[1]);
}

/* A tx queue of the victim's has both, and frees them when they are sent; the neighbour has one
 * more clone. */
static void prepare_sent_both(void)
{
	uint64_t word;

	prepare_neighbours_clone();
	be_victim();
	victims[4] = cleat_mbuf_clone(victims[1], pool);
	ck_assert_ptr_nonnull(victims[4]);
	word = cleat_owner_word(CLEAT_OWNER_QUEUE, QUEUE);
	cleat_mbuf_own(victims[1], word);
	cleat_mbuf_own(victims[4], word);
}

/* The original was freed elsewhere: the queue's clone is the last that holds it. */
static void prepare_sent_last(void)
{
	prepare_last_clone();
	cleat_mbuf_own(victims[0], cleat_owner_word(CLEAT_OWNER_QUEUE, QUEUE));
}

#define MPMC CLEAT_RING_MPMC
#define SPSC CLEAT_RING_SPSC
static const struct scenario scenarios[] = {
	{ "alloc, cache empty", MPMC, prepare_nothing, op_alloc, neighbour_nothing },
	{ "alloc, cached", MPMC, prepare_cached, op_alloc, neighbour_nothing },
	{ "alloc past the cache", MPMC, prepare_nothing, op_alloc_uncached, neighbour_nothing },
	{ "free", MPMC, prepare_4, op_free, neighbour_nothing },
	{ "free, cache flushed", MPMC, prepare_12, op_free_flush, neighbour_nothing },
	{ "free past the cache", MPMC, prepare_12, op_free_uncached, neighbour_nothing },
	{ "enqueue, mpmc", MPMC, prepare_packets, op_enqueue, neighbour_consume },
	{ "enqueue, spsc", SPSC, prepare_packets, op_enqueue, neighbour_consume },
	{ "dequeue, mpmc", MPMC, prepare_sent, op_dequeue, neighbour_consume },
	{ "dequeue, spsc", SPSC, prepare_sent, op_dequeue, neighbour_nothing },
	{ "clone", MPMC, prepare_packets, op_clone, neighbour_nothing },
	{ "clone, with a clone elsewhere", MPMC, prepare_neighbours_clone, op_clone,
		neighbour_clone_free },
	{ "free the original", MPMC, prepare_neighbours_clone, op_free_parent, neighbour_free },
	{ "free the original, others clone", MPMC, prepare_neighbours_clone, op_free_parent,
		neighbour_clone_free },
	{ "free a clone", MPMC, prepare_victims_clone, op_free_clone, neighbour_free },
	{ "free a clone, others clone", MPMC, prepare_victims_clone, op_free_clone,
		neighbour_clone_free },
	{ "free the last clone", MPMC, prepare_last_clone, op_free_clone, neighbour_nothing },
	{ "clone of a clone", MPMC, prepare_victims_clone, op_clone_of_clone, neighbour_free },
	{ "free original and clone", MPMC, prepare_both, op_free_both, neighbour_nothing },
	{ "free clone and original", MPMC, prepare_both, op_free_both_clone_first,
		neighbour_nothing },
	{ "send a clone", MPMC, prepare_both, op_send_clone, neighbour_consume },
	{ "sent original, then clone", MPMC, prepare_sent_both, op_free_both, neighbour_free },
	{ "sent clone, then original", MPMC, prepare_sent_both, op_free_both_clone_first,
		neighbour_free },
	{ "sent last clone", MPMC, prepare_sent_last, op_free_clone, neighbour_nothing },
};
#define SCENARIOS ((int)(sizeof(scenarios) / sizeof(scenarios[0])))

/* ---- the steps ---- */

static pid_t start_victim(const struct scenario *s)
{
	mbuf_world_be(0);
	mbuf_world_clear();
	pool = mbuf_world_pool("p", MBUFS, 64, CACHE);
	mbuf_world_ring(&ring, "r", 16, s->mode);
	s->prepare();
	mbuf_world_be(0);
	return step_help_start(s->operate, VICTIM);
}

static void as_neighbour(const struct scenario *s)
{
	mbuf_world_be(NEIGHBOUR);
	s->neighbour();
	mbuf_world_be(0);
}

/* The victim is dead: does everything come back, once? */
static void check_death(const struct scenario *s, int k, int neighbour_first)
{
	const char *when = neighbour_first ? "before" : "after";
	struct cleat_audit audit;
	const char *wrong;

	if (neighbour_first)
		as_neighbour(s);
	mbuf_world_sweep(VICTIM);
	cleat_ring_recover_producer(&ring);
	audit = mbuf_world_audit(pool);
	ck_assert_msg(cleat_audit_ok(&audit) && audit.size == MBUFS,
		"%s, step %d, neighbour %s: %lu lost, %lu twice", s->name, k, when,
		(unsigned long)audit.lost, (unsigned long)audit.duplicate);
	if (!neighbour_first)
		as_neighbour(s);
	cleat_sweep_ring(&ring);
	mbuf_world_sweep(NEIGHBOUR); /* its cache */
	audit = mbuf_world_audit(pool);
	ck_assert_msg(audit.in_pool == MBUFS,
		"%s, step %d, neighbour %s: pool %lu, processes %lu, rings %lu, shared %lu",
		s->name, k, when, (unsigned long)audit.in_pool, (unsigned long)audit.in_processes,
		(unsigned long)audit.in_rings, (unsigned long)audit.shared);
	wrong = mbuf_world_take_all(pool);
	ck_assert_msg(wrong == NULL, "%s, step %d, neighbour %s: %s", s->name, k, when, wrong);
}

static void check_both(const struct scenario *s, int k, void *memory, void *saved, uint64_t len)
{
	struct cleat_ring ring_now = ring;

	memcpy(saved, memory, len);
	for (int neighbour_first = 0; neighbour_first < 2; neighbour_first++) {
		check_death(s, k, neighbour_first);
		memcpy(memory, saved, len);
		ring = ring_now;
	}
}

START_TEST(test_every_instruction)
{
	const struct scenario *s = &scenarios[_i];
	pid_t pid = start_victim(s);
	uint64_t len;
	void *memory = mbuf_world_memory(&len);
	void *saved = malloc(len);
	int k = 0, stores = 0;

	ck_assert_ptr_nonnull(saved);
	do {
		/* the dead leave only this memory: where it is as before, so is what follows */
		if (k++ != 0 && memcmp(saved, memory, len) == 0)
			continue;
		check_both(s, k, memory, saved, len);
		stores++;
	} while (step_help_step(pid));
	ck_assert_int_gt(stores, 1);
	step_help_end(pid);
	free(saved);
	printf("%-34s %5d instructions, %d stores\n", s->name, k, stores);

	/* and for real */
	pid = start_victim(s);
	/* it may be over sooner: the first one had symbols to look up */
	for (int i = 0; i < k / 2 && step_help_step(pid); i++)
		;
	step_help_end(pid);
	check_death(s, k / 2, 0);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("mbuf_kill");
	TCase *t = tcase_create("mbuf_kill");
	SRunner *sr;
	int failed;

#ifdef __SANITIZE_THREAD__
	printf("SKIP: the thread sanitizer cannot be single-stepped\n");
	return 77;
#endif
	tcase_add_checked_fixture(t, mbuf_world_up, mbuf_world_down);
	tcase_set_timeout(t, 120);
	tcase_add_loop_test(t, test_every_instruction, 0, SCENARIOS);
	suite_add_tcase(s, t);
	sr = srunner_create(s);
	srunner_run_all(sr, CK_NORMAL);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
