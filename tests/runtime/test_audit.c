/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * test_audit.c - finds what is lost or doubled, and only that, also beside traffic and deaths.
 */
#include <check.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "runtime/error.h"
#include "runtime/grace.h"
#include "runtime/iova.h"
#include "runtime/mbuf_ref.h"
#include "tests/runtime/mbuf_help.h"

#define MBUFS 512

static struct cleat_mempool *pool;
static struct cleat_ring rings[2];

static void up(void)
{
	mbuf_world_up();
	pool = mbuf_world_pool("p", MBUFS, 128, 32);
	mbuf_world_ring(&rings[0], "r0", 64, CLEAT_RING_MPMC);
	mbuf_world_ring(&rings[1], "r1", 64, CLEAT_RING_MPMC);
}

START_TEST(test_lost)
{
	struct cleat_mbuf *m[6];
	struct cleat_audit audit;
	cleat_handle handle;

	ck_assert_int_eq(cleat_mbuf_alloc_bulk(pool, m, 6), 0);
	/* in no ring, a queue nobody runs, a slot nobody has, nonsense, free but in no cache,
	 * shared with nobody */
	m[0]->owner = cleat_owner_word(CLEAT_OWNER_RING, rings[0].id);
	m[1]->owner = cleat_owner_word(CLEAT_OWNER_QUEUE, cleat_owner_queue_id(3, 1, 1, 0));
	m[2]->owner = cleat_owner_word(CLEAT_OWNER_PROCESS, 77);
	m[3]->owner = UINT64_MAX;
	m[4]->owner = cleat_owner_word(CLEAT_OWNER_POOL, pool->id);
	m[5]->owner = cleat_owner_word(CLEAT_OWNER_SHARED, 0);
	m[5]->ref = 5ULL << 48;
	audit = mbuf_world_audit(pool);
	ck_assert_uint_eq(audit.lost, 6);
	ck_assert_uint_eq(audit.in_pool, MBUFS - 6);
	ck_assert_int_eq(cleat_audit_ok(&audit), 0);
	/* a handle in a ring that is nothing, and one that is nobody's */
	handle = 12345;
	ck_assert_uint_eq(cleat_ring_enqueue_burst(&rings[1], &handle, 1), 1);
	handle = CLEAT_HANDLE_MAX;
	ck_assert_uint_eq(cleat_ring_enqueue_burst(&rings[1], &handle, 1), 1);
	ck_assert_uint_eq(mbuf_world_sweep(1), 6);
	audit = mbuf_world_audit(pool);
	ck_assert_int_eq(cleat_audit_ok(&audit), 1);
	ck_assert_uint_eq(audit.in_pool, MBUFS);
	ck_assert_uint_eq(cleat_sweep_ring(&rings[1]), 0);
	ck_assert_ptr_null(mbuf_world_take_all(pool));
}
END_TEST

START_TEST(test_duplicate)
{
	struct cleat_mbuf *m[2];
	cleat_handle handle;
	struct cleat_audit audit;

	ck_assert_int_eq(cleat_mbuf_alloc_bulk(pool, m, 2), 0);
	handle = cleat_handle_of(m[0]); /* in a ring, though a process has it */
	ck_assert_uint_eq(cleat_ring_enqueue_burst(&rings[0], &handle, 1), 1);
	ck_assert_uint_eq(cleat_ring_enqueue_mbufs(&rings[0], &m[1], 1), 1);
	handle = cleat_handle_of(m[1]); /* in two rings */
	ck_assert_uint_eq(cleat_ring_enqueue_burst(&rings[1], &handle, 1), 1);
	audit = mbuf_world_audit(pool);
	ck_assert_uint_eq(audit.duplicate, 2);
	ck_assert_uint_eq(audit.lost, 0);
	ck_assert_int_eq(cleat_audit_ok(&audit), 0);
}
END_TEST

/* What a dead process may have scribbled is looked at, never believed. */
START_TEST(test_scribbled)
{
	struct cleat_mbuf *m[4];
	struct cleat_cache_shm *cache = cleat_mempool_cache(pool, 1);

	mbuf_world_be(1);
	ck_assert_int_eq(cleat_mbuf_alloc_bulk(pool, m, 4), 0);
	m[0]->next = CLEAT_HANDLE_MAX; /* chains to nowhere, and round */
	m[1]->next = cleat_handle_of(m[1]);
	m[2]->clone = 0xff;
	cleat_mbuf_clone_of(m[2])->parent = CLEAT_HANDLE_MAX - 5;
	m[3]->pool = 999;
	cleat_self.line->intent = 0xfff7777777777777ULL;
	cleat_self.line->ref = (uint64_t)CLEAT_HANDLE_MAX << 32 | 7;
	cleat_self.line->ref_clone = UINT64_MAX;
	cache->len = 32; /* all the same, and a stranger */
	for (uint32_t i = 0; i < 32; i++)
		cleat_cache_handles(cache)[i] = cleat_cache_handles(cache)[i & 1];
	cleat_cache_handles(cache)[5] = CLEAT_HANDLE_MAX;
	mbuf_world_be(0);
	mbuf_world_sweep(1);
	ck_assert_ptr_null(mbuf_world_take_all(pool));
	cache->len = UINT32_MAX;
	cleat_shared->threads[1].ref = (uint64_t)cleat_handle_of(m[0]) << 32 | 7;
	cleat_shared->threads[1].ref_clone = (uint64_t)cleat_handle_of(m[0]) << 8 | 3;
	mbuf_world_sweep(1);
	ck_assert_ptr_null(mbuf_world_take_all(pool));
}
END_TEST

/* A clone has its parent's address for devices; free again, its own, whatever its notes say. */
START_TEST(test_scribbled_clones)
{
	struct cleat_mbuf *m[2], *clones[2];

	mbuf_world_be(1);
	ck_assert_int_eq(cleat_mbuf_alloc_bulk(pool, m, 2), 0);
	for (int i = 0; i < 2; i++) {
		m[i]->iova = 0x1234000;
		clones[i] = cleat_mbuf_clone(m[i], pool);
		ck_assert_ptr_nonnull(clones[i]);
		ck_assert_uint_eq(clones[i]->iova, 0x1234000);
	}
	cleat_mbuf_clone_of(clones[0])->parent = CLEAT_HANDLE_MAX - 5;
	cleat_mbuf_clone_of(clones[1])->own_iova = 0x1234000;
	mbuf_world_be(0);
	mbuf_world_sweep(1);
	for (int i = 0; i < 2; i++)
		ck_assert_uint_eq(
			clones[i]->iova, cleat_iova_of_range(clones[i] + 1, pool->buf_bytes));
}
END_TEST

/* A thread that stays inside holds the audit up; it says so. */
START_TEST(test_stopped)
{
	struct cleat_audit audits[CLEAT_MAX_POOLS];

	cleat_shared->threads[2].busy = 5;
	ck_assert_int_eq(cleat_audit_run(audits, 20), -ETIMEDOUT);
	ck_assert_int_eq(cleat_sweep_run(1, 20), -ETIMEDOUT);
	cleat_registry->procs[2].state = CLEAT_PROC_DYING;
	ck_assert_int_eq(cleat_audit_run(audits, 1000), 0);
	ck_assert_uint_eq(audits[pool->id].size, MBUFS);
	ck_assert_uint_eq(audits[pool->id + 1].size, 0);
	ck_assert_int_eq(cleat_sweep_run(2, 1000), 0);
	ck_assert_uint_eq(cleat_shared->threads[2].busy % 2, 0);
}
END_TEST

/* What a dead process had in hand is not called lost while its sweep is still to come. */
START_TEST(test_dying)
{
	struct cleat_audit audits[CLEAT_MAX_POOLS];
	cleat_handle handle;
	struct cleat_op op;

	mbuf_world_be(1);
	op = cleat_op_enter();
	ck_assert_uint_eq(cleat_ring_get_mpmc(&pool->ring, &handle, 1, 0), 1);
	cleat_op_exit(op);
	mbuf_world_be(0);
	ck_assert_uint_eq(mbuf_world_audit(pool).lost, 1);
	cleat_registry->procs[1].state = CLEAT_PROC_DYING;
	ck_assert_int_eq(cleat_audit_run(audits, 20), -ETIMEDOUT);
	ck_assert_ptr_nonnull(strstr(cleat_error(), "dead process"));
	mbuf_world_sweep(1);
	ck_assert_int_eq(cleat_audit_run(audits, 1000), 0);
	ck_assert(cleat_audit_ok(&audits[pool->id]));
}
END_TEST

/* ---- beside traffic ---- */

/* Takes from one ring, gives to the other; makes, clones and drops packets on the way. */
static void traffic(uint16_t slot)
{
	struct cleat_ring *in = &rings[slot % 2];
	struct cleat_ring *out = &rings[(slot + 1) % 2];
	struct cleat_mbuf *m[16];
	uint32_t random = 1000U + slot;

	mbuf_world_be(slot);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (cleat_grace_register() < 0)
		_exit(1);
	for (;;) {
		uint32_t n = cleat_ring_dequeue_mbufs(in, m, 8);
		uint32_t sent;

		random = random * 1664525U + 1013904223U;
		if (n < 8 && cleat_mbuf_alloc_bulk(pool, m + n, 2) == 0)
			n += 2;
		if (n > 0 && (random >> 28) < 4) {
			m[n] = cleat_mbuf_clone(m[0], pool);
			n += m[n] != NULL;
		}
		if (n > 1 && (random >> 28) > 13 && cleat_mbuf_chain(m[0], m[n - 1]) == 0)
			n--;
		if ((random >> 24 & 15) < 3 && n > 0)
			cleat_mbuf_free(m[--n]);
		sent = cleat_ring_enqueue_mbufs(out, m, n);
		cleat_mbuf_free_bulk(m + sent, n - sent);
	}
}

static pid_t start(uint16_t slot)
{
	pid_t pid = fork();

	ck_assert_int_ge(pid, 0);
	if (pid == 0)
		traffic(slot);
	return pid;
}

static void stop(pid_t pid)
{
	int status;

	kill(pid, SIGKILL);
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_msg(
		WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL, "a worker fell: %#x", status);
}

static void check_audit(const char *when, int round)
{
	struct cleat_audit audit = mbuf_world_audit(pool);

	ck_assert_msg(cleat_audit_ok(&audit), "%s %d: %lu lost, %lu twice", when, round,
		(unsigned long)audit.lost, (unsigned long)audit.duplicate);
	ck_assert_uint_eq(audit.size, MBUFS);
}

/* A claim whose first half is consumed while others filled the ring behind it. */
START_TEST(test_half_consumed_claim)
{
	struct cleat_ring *r = &rings[0];
	struct cleat_mbuf *m[64];
	uint64_t pos;

	mbuf_world_be(1);
	ck_assert_int_eq(cleat_mbuf_alloc_bulk(pool, m, 4), 0);
	ck_assert_uint_eq(cleat_ring_claim_mpmc(r, 4, 1, &pos), 4);
	for (uint32_t i = 0; i < 2; i++) {
		m[i]->owner = cleat_owner_word(CLEAT_OWNER_RING, r->id);
		cleat_ring_store(r, pos + i, cleat_handle_of(m[i]));
	}
	mbuf_world_be(2);
	ck_assert_uint_eq(cleat_ring_dequeue_mbufs(r, m, 4), 2);
	cleat_mbuf_free_bulk(m, 2);
	ck_assert_int_eq(cleat_mbuf_alloc_bulk(pool, m, 62), 0);
	ck_assert_uint_eq(cleat_ring_enqueue_mbufs(r, m, 62), 62);
	ck_assert_uint_eq(cleat_ring_dequeue_mbufs(r, m, 64), 0);
	mbuf_world_be(0);
	mbuf_world_sweep(1);
	mbuf_world_be(2);
	ck_assert_uint_eq(cleat_ring_dequeue_mbufs(r, m, 64), 62);
	cleat_mbuf_free_bulk(m, 62);
	mbuf_world_be(0);
	mbuf_world_sweep(2);
	ck_assert_ptr_null(mbuf_world_take_all(pool));
}
END_TEST

START_TEST(test_traffic_and_deaths)
{
	pid_t pids[4];
	struct cleat_audit audit;

	for (uint16_t slot = 1; slot < 4; slot++)
		pids[slot] = start(slot);
	for (int i = 0; i < 30; i++)
		check_audit("audit", i);
	for (int i = 0; i < 60; i++) {
		uint16_t slot = (uint16_t)(1 + i % 3);

		usleep((unsigned)(i * 37 % 3000));
		stop(pids[slot]);
		mbuf_world_sweep(slot);
		check_audit("death", i);
		pids[slot] = start(slot);
	}
	for (uint16_t slot = 1; slot < 4; slot++)
		stop(pids[slot]);
	/* all at once: each is swept while the others are dead, too */
	for (uint16_t slot = 1; slot < 4; slot++)
		cleat_registry->procs[slot].state = CLEAT_PROC_DYING;
	for (uint16_t slot = 1; slot < 4; slot++)
		mbuf_world_sweep(slot);
	cleat_sweep_ring(&rings[0]);
	cleat_sweep_ring(&rings[1]);
	mbuf_world_sweep(1);
	audit = mbuf_world_audit(pool);
	ck_assert_msg(audit.in_pool == MBUFS, "pool %lu, processes %lu, rings %lu, shared %lu",
		(unsigned long)audit.in_pool, (unsigned long)audit.in_processes,
		(unsigned long)audit.in_rings, (unsigned long)audit.shared);
	ck_assert_ptr_null(mbuf_world_take_all(pool));
}
END_TEST

int main(void)
{
	Suite *s = suite_create("audit");
	TCase *t = tcase_create("audit");
	SRunner *sr;
	int failed;

	tcase_add_checked_fixture(t, up, mbuf_world_down);
	tcase_set_timeout(t, 120);
	tcase_add_test(t, test_lost);
	tcase_add_test(t, test_duplicate);
	tcase_add_test(t, test_scribbled);
	tcase_add_test(t, test_scribbled_clones);
	tcase_add_test(t, test_stopped);
	tcase_add_test(t, test_dying);
	tcase_add_test(t, test_half_consumed_claim);
	tcase_add_test(t, test_traffic_and_deaths);
	suite_add_tcase(s, t);
	sr = srunner_create(s);
	srunner_run_all(sr, CK_NORMAL);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
