/* SPDX-License-Identifier: BSD-3-Clause */
/* Bursts ask nothing of the kernel: Intel's drivers, net_null, net_ring. For net_virtio:
 * virtio/test_virtio_doorbell.c; net_pcap reads and writes files. */
#include <check.h>
#include <stdlib.h>

#include "tests/pmd/nic_help.h"
#include "tests/pmd/pmd_help.h"
#include "tests/runtime/syscall_help.h"

#define N   24
#define DD  1U
#define EOP 2U

static struct cleat_mbuf *packets[N], *received[N];
static struct cleat_mempool *pool;
static uint16_t port;

static void make_packets(void)
{
	ck_assert_int_eq(cleat_mbuf_alloc_bulk(pool, packets, N), 0);
	for (unsigned i = 0; i < N; i++)
		ck_assert_ptr_nonnull(cleat_mbuf_append(packets[i], 60));
}

/* The caller's thread is made known to liburcu at its first burst. */
static void warm_up(void)
{
	struct cleat_mbuf *m;

	(void)cleat_rx_burst(port, 1, &m, 1);
}

static void send(void)
{
	(void)cleat_tx_burst(port, 0, packets, N);
}

static void receive(void)
{
	(void)cleat_rx_burst(port, 0, received, N);
}

static void send_then_receive(void)
{
	send();
	receive();
	receive(); /* there is nothing more */
}

/* ---- Intel's drivers ---- */

static const char *const drivers[] = { "net_em", "net_igb", "net_igbvf" };
#define DRIVERS 3

static void nic_setup(void)
{
	nic_world_up(256);
	pool = nic.pool;
	port = NIC_PORT;
}

START_TEST(nic_sends)
{
	ck_assert_int_eq(nic_claim(drivers[_i], CLEAT_TX, 0), 0);
	warm_up();
	make_packets();
	syscall_help_none(send, 0);
	send();
	nic_send_all();
	make_packets(); /* now there is something to be freed */
	syscall_help_none(send, 0);
	ck_assert_uint_eq(nic.shm[CLEAT_TX]->packets, 3 * N); /* the parent sent once, too */
}
END_TEST

START_TEST(nic_receives)
{
	ck_assert_int_eq(nic_claim(drivers[_i], CLEAT_RX, 0), 0);
	warm_up();
	syscall_help_none(receive, 0); /* posts buffers */
	receive();
	for (unsigned i = 0; i < N; i++) {
		static const uint8_t data[60];
		uint64_t done = _i == 0 ? (uint64_t)(DD | EOP) << 32 | 60 : 60ULL << 32 | DD | EOP;

		nic_receive(data, 60, 0, done);
	}
	syscall_help_none(receive, 0);
	ck_assert_uint_eq(nic.shm[CLEAT_RX]->packets, N);
}
END_TEST

/* ---- devices without hardware ---- */

static const char *const specs[] = { "net_null0", "net_null0,copy=1", "net_ring0" };
#define SPECS 3

static void vdev_setup(void)
{
	pmd_world_up();
	pool = mbuf_world_pool("p", 256, 2048, 32);
}

START_TEST(vdev_bursts)
{
	struct cleat_port_stats stats;
	int id = pmd_plug(specs[_i]);

	ck_assert_int_ge(id, 0);
	port = (uint16_t)id;
	ck_assert_int_eq(pmd_claim(id, CLEAT_RX, 0, pool), 0);
	ck_assert_int_eq(pmd_claim(id, CLEAT_TX, 0, NULL), 0);
	warm_up();
	make_packets();
	syscall_help_none(send_then_receive, 0);
	ck_assert_int_eq(cleat_port_stats(port, &stats), 0);
	ck_assert_uint_eq(stats.tx_packets, N);
	ck_assert_uint_ge(stats.rx_packets, N);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("pmd/no_syscalls");
	TCase *nics = tcase_create("nics"), *vdevs = tcase_create("vdevs");
	SRunner *runner;
	int failed;

	tcase_add_checked_fixture(nics, nic_setup, nic_world_down);
	tcase_add_loop_test(nics, nic_sends, 0, DRIVERS);
	tcase_add_loop_test(nics, nic_receives, 0, DRIVERS);
	suite_add_tcase(suite, nics);
	tcase_add_checked_fixture(vdevs, vdev_setup, pmd_world_down);
	tcase_add_loop_test(vdevs, vdev_bursts, 0, SPECS);
	suite_add_tcase(suite, vdevs);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
