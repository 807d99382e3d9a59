/* SPDX-License-Identifier: BSD-3-Clause */
#include <check.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "runtime/error.h"
#include "runtime/row.h"
#include "runtime/window.h"
#include "tests/runtime/mem_help.h"

static struct mem_world world;

static void up(void)
{
	mem_registry_up(&world, CLEAT_IOVA_VA);
}

static void down(void)
{
	mem_down(&world);
}

START_TEST(test_format)
{
	ck_assert_int_eq(cleat_registry_check(), 0);
	ck_assert_uint_eq(cleat_registry->threads[CLEAT_MAX_THREADS - 1].slot, CLEAT_SLOT_NONE);
	ck_assert_uint_eq(cleat_registry->queues[3][1][2].owner_slot, CLEAT_SLOT_NONE);
	ck_assert_uint_eq(cleat_registry->queues[3][1][2].ring, 0xffff);
	ck_assert_uint_eq(cleat_registry->lcores[9].owner_slot, CLEAT_SLOT_NONE);
	ck_assert_uint_eq(cleat_registry->lcores[9].thread, CLEAT_THREAD_NONE);
	ck_assert_uint_eq(cleat_registry->rings[9].producer_slot, CLEAT_SLOT_NONE);
	ck_assert_uint_eq(cleat_registry->header.registry_len, world.registry.len_bytes);
	ck_assert_str_eq(cleat_registry->header.instance, "test");
}
END_TEST

START_TEST(test_check_names_both_versions)
{
	char ours[16];

	snprintf(ours, sizeof(ours), "ABI %d", CLEAT_ABI);
	cleat_registry->header.abi = 777;
	ck_assert_int_eq(cleat_registry_check(), -EPROTO);
	ck_assert_ptr_nonnull(strstr(cleat_error(), "ABI 777"));
	ck_assert_ptr_nonnull(strstr(cleat_error(), ours));
	cleat_registry->header.abi = CLEAT_ABI;
	cleat_registry->header.magic = 1;
	ck_assert_int_eq(cleat_registry_check(), -EPROTO);
	cleat_registry = NULL;
	ck_assert_int_eq(cleat_registry_check(), -EPROTO);
}
END_TEST

START_TEST(test_names)
{
	ck_assert_int_eq(cleat_name_check("ring", "a"), 0);
	ck_assert_int_eq(cleat_name_check("ring", "net_pcap0:rx-0.[1]"), 0);
	ck_assert_int_eq(cleat_name_check("ring", "1234567890123456789012345678901"), 0);
	ck_assert_int_eq(
		cleat_name_check("ring", "12345678901234567890123456789012"), -ENAMETOOLONG);
	ck_assert_ptr_nonnull(strstr(cleat_error(), "ring name"));
	ck_assert_int_eq(cleat_name_check("ring", ""), -EINVAL);
	ck_assert_int_eq(cleat_name_check("ring", NULL), -EINVAL);
	ck_assert_int_eq(cleat_name_check("ring", "a b"), -EINVAL);
	ck_assert_ptr_nonnull(strstr(cleat_error(), "position 2"));
	ck_assert_int_eq(cleat_name_check("ring", "a/b"), -EINVAL);
	ck_assert_int_eq(cleat_name_check("ring", "a\n"), -EINVAL);
	ck_assert_int_eq(cleat_name_check("ring", "\xc3\xa9"), -EINVAL);
}
END_TEST

START_TEST(test_find_in_small_tables)
{
	struct cleat_ring_row_shm ring = { .name = "a", .use = CLEAT_RING_USE_NAMED, .slots = 64 };
	struct cleat_pool_row_shm pool = { .name = "p", .count = 5 };
	struct cleat_port_shm port = { .name = "net_null0", .state = CLEAT_PORT_STOPPED };
	struct cleat_proc_shm proc = { .name = "w1", .state = CLEAT_PROC_READY, .pid = 321 };
	char text[64];

	ck_assert_int_eq(cleat_registry_find_ring("a", NULL), -ENOENT);
	ck_assert_str_eq(cleat_error(), "no ring is named 'a'");
	CLEAT_ROW_WRITE(&cleat_registry->rings[CLEAT_MAX_RINGS - 1], &ring);
	CLEAT_ROW_WRITE(&cleat_registry->pools[2], &pool);
	CLEAT_ROW_WRITE(&cleat_registry->ports[7], &port);
	CLEAT_ROW_WRITE(&cleat_registry->procs[4], &proc);
	memset(&ring, 0, sizeof(ring));
	ck_assert_int_eq(cleat_registry_find_ring("a", &ring), CLEAT_MAX_RINGS - 1);
	ck_assert_uint_eq(ring.slots, 64);
	ck_assert_int_eq(cleat_registry_find_pool("p", &pool), 2);
	ck_assert_int_eq(cleat_registry_find_port("net_null0", &port), 7);
	ck_assert_int_eq(cleat_registry_find_port("net_null", &port), -ENOENT);
	ck_assert_int_eq(cleat_registry_find_proc("w1", &proc), 4);
	ck_assert_str_eq(cleat_registry_who(4, text, sizeof(text)), "w1 (pid 321)");
	ck_assert_str_eq(cleat_registry_who(5, text, sizeof(text)), "slot 5");
	ck_assert_str_eq(cleat_registry_who(CLEAT_SLOT_NONE, text, sizeof(text)), "nobody");

	/* of two of one name, the one that lives */
	proc.state = CLEAT_PROC_DYING;
	CLEAT_ROW_WRITE(&cleat_registry->procs[4], &proc);
	ck_assert_int_eq(cleat_registry_find_proc("w1", NULL), -ENOENT);
	proc.state = CLEAT_PROC_READY;
	CLEAT_ROW_WRITE(&cleat_registry->procs[6], &proc);
	ck_assert_int_eq(cleat_registry_find_proc("w1", NULL), 6);

	/* a row in change may be the one that is looked for */
	cleat_registry->rings[3].seq = 1;
	ck_assert_int_eq(cleat_registry_find_ring("b", NULL), -EAGAIN);
	ck_assert_int_eq(cleat_registry_find_ring("a", NULL), CLEAT_MAX_RINGS - 1);
	ck_assert_int_eq(cleat_registry_find_ring("", NULL), -EINVAL);
}
END_TEST

/* ---- the zone index ---- */

static void add_zone(uint32_t zone)
{
	struct cleat_zone_shm row = { .len_bytes = 64 };

	snprintf(row.name, sizeof(row.name), "zone-%u", zone);
	CLEAT_ROW_WRITE(&cleat_registry->zones[zone], &row);
	cleat_registry_index_add(zone, row.name);
}

static void remove_zone(uint32_t zone)
{
	static const struct cleat_zone_shm none;
	char name[CLEAT_NAME_LEN];

	memcpy(name, cleat_registry->zones[zone].name, sizeof(name));
	cleat_registry_index_remove(zone, name);
	CLEAT_ROW_WRITE(&cleat_registry->zones[zone], &none);
}

static int find_zone(uint32_t zone)
{
	char name[CLEAT_NAME_LEN];

	snprintf(name, sizeof(name), "zone-%u", zone);
	return cleat_registry_find_zone(name, NULL);
}

START_TEST(test_zone_index_full_and_empty)
{
	for (uint32_t i = 0; i < CLEAT_MAX_ZONES; i++)
		add_zone(i);
	for (uint32_t i = 0; i < CLEAT_MAX_ZONES; i++)
		ck_assert_int_eq(find_zone(i), (int)i);
	for (uint32_t i = 0; i < CLEAT_MAX_ZONES; i += 2)
		remove_zone(i);
	for (uint32_t i = 0; i < CLEAT_MAX_ZONES; i++)
		ck_assert_int_eq(find_zone(i), i % 2 ? (int)i : -ENOENT);
	for (uint32_t i = 1; i < CLEAT_MAX_ZONES; i += 2)
		remove_zone(i);
	/* what was used is cleaned up, or look-ups would grow slow with time */
	for (uint32_t i = 0; i < CLEAT_ZONE_INDEX_SIZE; i++)
		ck_assert_uint_eq(cleat_registry->zone_index[i], 0);
}
END_TEST

START_TEST(test_zone_index_random)
{
	enum { N = 300 };
	uint8_t there[N] = { 0 };

	srand(7);
	for (int round = 0; round < 20000; round++) {
		uint32_t zone = (uint32_t)rand() % N;

		if (there[zone])
			remove_zone(zone);
		else
			add_zone(zone);
		there[zone] ^= 1;
		zone = (uint32_t)rand() % N;
		ck_assert_int_eq(find_zone(zone), there[zone] ? (int)zone : -ENOENT);
	}
}
END_TEST

START_TEST(test_zone_index_garbage)
{
	add_zone(3);
	for (uint32_t i = 0; i < CLEAT_ZONE_INDEX_SIZE; i++)
		if (cleat_registry->zone_index[i] == 0)
			cleat_registry->zone_index[i] = 0xfffffff0;
	ck_assert_int_eq(find_zone(3), 3);
	ck_assert_int_eq(find_zone(4), -ENOENT);
}
END_TEST

/* ---- read-only for everybody else ---- */

static int store_into_registry(void *arg)
{
	*(volatile uint64_t *)&cleat_registry->header.epoch = (uint64_t)(uintptr_t)arg;
	return 0;
}

/* What a secondary does: drop what it has, map what it received. */
static int write_as_secondary(void *arg)
{
	int fd_ro = world.registry.fd_ro;

	if (cleat_window_map(0, CLEAT_REGISTRY_LEN, fd_ro, 0, 1) != -EACCES)
		return 2;
	if (cleat_window_map(0, CLEAT_REGISTRY_LEN, fd_ro, 0, 0) < 0)
		return 3;
	if (mprotect(cleat_registry, 4096, PROT_READ | PROT_WRITE) == 0)
		return 4;
	if (cleat_registry_check() < 0)
		return 5;
	return store_into_registry(arg);
}

START_TEST(test_write_faults)
{
	ck_assert_int_eq(mem_in_child(store_into_registry, (void *)9), 0);
	ck_assert_uint_eq(cleat_registry->header.epoch, 9);
	ck_assert_int_eq(mem_in_child(write_as_secondary, (void *)8), SIGSEGV);
	ck_assert_uint_eq(cleat_registry->header.epoch, 9);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("registry");
	TCase *tcase = tcase_create("registry");
	SRunner *runner;
	int failed;

	tcase_add_checked_fixture(tcase, up, down);
	tcase_set_timeout(tcase, 60);
	tcase_add_test(tcase, test_format);
	tcase_add_test(tcase, test_check_names_both_versions);
	tcase_add_test(tcase, test_names);
	tcase_add_test(tcase, test_find_in_small_tables);
	tcase_add_test(tcase, test_zone_index_full_and_empty);
	tcase_add_test(tcase, test_zone_index_random);
	tcase_add_test(tcase, test_zone_index_garbage);
	tcase_add_test(tcase, test_write_faults);
	suite_add_tcase(suite, tcase);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
