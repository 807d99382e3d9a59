/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * test_mempool_threads.c - pools and mbufs handed on between threads of one process: for the thread
 * sanitizer, which sees no other process.
 */
#include <check.h>
#include <pthread.h>
#include <sched.h>
#include <string.h>

#include "tests/runtime/mbuf_help.h"

#ifdef __SANITIZE_THREAD__
#define COUNT 5000U
#else
#define COUNT 100000U
#endif
#define BURST 16U

struct work {
	struct cleat_mempool *mp;
	struct cleat_ring *ring;
	uint16_t thread;
	uint32_t wrong;
};

static void fill(struct cleat_mbuf *m, uint32_t number)
{
	uint32_t words[2] = { number, ~number };

	memcpy(cleat_mbuf_append(m, sizeof(words)), words, sizeof(words));
}

static int is_whole(const struct cleat_mbuf *m)
{
	uint32_t words[2];

	memcpy(words, cleat_mbuf_data(m), sizeof(words));
	return m->pkt_len == sizeof(words) && words[0] == ~words[1];
}

/* Allocate, write, pass on. */
static void *produce(void *arg)
{
	struct work *work = arg;
	struct cleat_mbuf *m[BURST];

	cleat_self_use(work->thread);
	for (uint32_t sent = 0; sent < COUNT;) {
		uint32_t n = sent % BURST + 1, put;

		if (n > COUNT - sent)
			n = COUNT - sent;
		if (cleat_mbuf_alloc_bulk(work->mp, m, n) < 0) {
			sched_yield();
			continue;
		}
		for (uint32_t i = 0; i < n; i++)
			fill(m[i], sent + i);
		put = cleat_ring_enqueue_mbufs(work->ring, m, n);
		cleat_mbuf_free_bulk(m + put, n - put);
		if (put == 0)
			sched_yield();
		sent += put;
	}
	return NULL;
}

/* Take, check, free into another thread's pool cache than the one it came from. */
static void *consume(void *arg)
{
	struct work *work = arg;
	struct cleat_mbuf *m[BURST];

	cleat_self_use(work->thread);
	for (uint32_t got = 0; got < COUNT;) {
		uint32_t left = COUNT - got;
		uint32_t n = cleat_ring_dequeue_mbufs(work->ring, m, left < BURST ? left : BURST);

		for (uint32_t i = 0; i < n; i++)
			work->wrong += !is_whole(m[i]);
		cleat_mbuf_free_bulk(m, n);
		if (n == 0)
			sched_yield();
		got += n;
	}
	return NULL;
}

static const struct {
	enum cleat_ring_mode mode;
	uint32_t cache;
} cases[] = {
	{ CLEAT_RING_SPSC, 64 },
	{ CLEAT_RING_SPSC, 0 },
	{ CLEAT_RING_MPMC, 64 },
	{ CLEAT_RING_MPMC, 8 },
};

START_TEST(test_hand_on)
{
	struct cleat_mempool *mp;
	struct cleat_ring ring;
	struct work work[2];
	pthread_t threads[2];
	struct cleat_audit audit;

	mbuf_world_up();
	mp = mbuf_world_pool("p", 600, 128, cases[_i].cache);
	mbuf_world_ring(&ring, "r", 64, cases[_i].mode);
	for (uint16_t i = 0; i < 2; i++) {
		work[i] = (struct work){ .mp = mp, .ring = &ring, .thread = (uint16_t)(i + 1) };
		ck_assert_int_eq(
			pthread_create(&threads[i], NULL, i == 0 ? produce : consume, &work[i]), 0);
	}
	for (int i = 0; i < 2; i++)
		ck_assert_int_eq(pthread_join(threads[i], NULL), 0);
	ck_assert_uint_eq(work[1].wrong, 0);
	audit = mbuf_world_audit(mp);
	ck_assert(cleat_audit_ok(&audit));
	ck_assert_uint_eq(audit.in_pool, 600);
	mbuf_world_down();
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("mempool threads");
	TCase *tc = tcase_create("hand on");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_set_timeout(tc, 120);
	tcase_add_loop_test(tc, test_hand_on, 0, (int)(sizeof(cases) / sizeof(cases[0])));
	suite_add_tcase(suite, tc);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
