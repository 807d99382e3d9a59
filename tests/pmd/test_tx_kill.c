/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * test_tx_kill.c - a worker killed at every instruction of a burst that frees what was sent: an
 * original and clones of it, while a neighbour holds one more clone.
 *
 * As tests/runtime/test_mbuf_kill.c does it: the worker goes on by single steps, and after each one
 * the shared memory is swept as if it had died there, then put back.
 */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/pmd/nic_help.h"
#include "tests/runtime/step_help.h"

#define MBUFS	  64
#define VICTIM	  1
#define NEIGHBOUR 2

static struct cleat_mbuf *next, *neighbours;

static void setup(void)
{
	nic_world_up(MBUFS);
}

static struct cleat_mbuf *packet(void)
{
	struct cleat_mbuf *m = cleat_mbuf_alloc(nic.pool);

	ck_assert_ptr_nonnull(m);
	ck_assert_ptr_nonnull(cleat_mbuf_append(m, 100));
	return m;
}

/* Sent: a packet of two segments, two clones of it, before and after it, and plain ones. */
static void send_all(void)
{
	struct cleat_mbuf *original = packet(), *sent[6];

	ck_assert_int_eq(cleat_mbuf_chain(original, packet()), 0);
	sent[0] = packet();
	sent[1] = cleat_mbuf_clone(original, nic.pool);
	sent[2] = original;
	sent[3] = packet();
	sent[4] = cleat_mbuf_clone(original, nic.pool);
	sent[5] = packet();
	neighbours = cleat_mbuf_clone(original, nic.pool);
	ck_assert(sent[1] != NULL && sent[4] != NULL && neighbours != NULL);
	cleat_mbuf_own(neighbours, cleat_owner_word(CLEAT_OWNER_PROCESS, NEIGHBOUR));
	ck_assert_int_eq(nic_claim("net_igb", CLEAT_TX, CLEAT_OFFLOAD_TX_SEGMENTS), 0);
	ck_assert_int_eq(cleat_tx_burst(NIC_PORT, 0, sent, 6), 6);
	nic_send_all();
	next = packet();
}

static void burst(void)
{
	(void)cleat_tx_burst(NIC_PORT, 0, &next, 1);
}

static void neighbour_frees(void)
{
	mbuf_world_be(NEIGHBOUR);
	ck_assert_int_eq(cleat_mbuf_check(neighbours), 0);
	cleat_mbuf_free(neighbours);
	mbuf_world_be(0);
}

/* The worker is dead. The neighbour frees its clone before the sweep, or after it. */
static void check_death(int k, int before)
{
	struct cleat_audit audit;
	const char *wrong;

	if (before)
		neighbour_frees();
	mbuf_world_sweep(VICTIM);
	audit = mbuf_world_audit(nic.pool);
	ck_assert_msg(cleat_audit_ok(&audit) && (before || audit.in_pool == MBUFS - 4),
		"step %d, %d: %lu lost, %lu twice, %lu in the pool", k, before,
		(unsigned long)audit.lost, (unsigned long)audit.duplicate,
		(unsigned long)audit.in_pool);
	if (!before)
		neighbour_frees();
	mbuf_world_sweep(NEIGHBOUR); /* its cache */
	audit = mbuf_world_audit(nic.pool);
	ck_assert_msg(audit.in_pool == MBUFS, "step %d, %d: %lu in the pool", k, before,
		(unsigned long)audit.in_pool);
	wrong = mbuf_world_take_all(nic.pool);
	ck_assert_msg(wrong == NULL, "step %d, %d: %s", k, before, wrong);
}

START_TEST(every_instruction)
{
	uint64_t len;
	void *memory = mbuf_world_memory(&len), *saved = malloc(len);
	pid_t pid;
	int k = 0, stores = 0;

	ck_assert_ptr_nonnull(saved);
	mbuf_world_be(VICTIM);
	send_all();
	mbuf_world_be(0);
	pid = step_help_start(burst, VICTIM);
	do {
		/* where the shared memory is as before, so is what follows a death */
		if (k++ != 0 && memcmp(saved, memory, len) == 0)
			continue;
		memcpy(saved, memory, len);
		for (int before = 0; before < 2; before++) {
			check_death(k, before);
			memcpy(memory, saved, len);
		}
		stores++;
	} while (step_help_step(pid));
	step_help_end(pid);
	ck_assert_int_gt(stores, 30);
	free(saved);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("pmd/tx_kill");
	TCase *tc = tcase_create("tx_kill");
	SRunner *runner;
	int failed;

#ifdef __SANITIZE_THREAD__
	printf("SKIP: the thread sanitizer cannot be single-stepped\n");
	return 77;
#endif
	tcase_set_timeout(tc, 240);
	tcase_add_checked_fixture(tc, setup, nic_world_down);
	tcase_add_test(tc, every_instruction);
	suite_add_tcase(suite, tc);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
