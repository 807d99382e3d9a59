/* SPDX-License-Identifier: BSD-3-Clause */
/* The process's table of queues: install, burst, remove under traffic, gone; statistics by name. */
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "runtime/port.h"
#include "tests/runtime/mbuf_help.h"

#define PORT 5

static struct cleat_queue_shm *queues;
static int refuse;
static uint32_t opened, closed;

/* A driver whose queue data dies with its close: a burst after that is caught. */
static int fake_burst(struct cleat_queue *q, struct cleat_mbuf **mbufs, unsigned n)
{
	uint32_t *alive = q->data;

	(void)mbufs;
	if (cleat_load_relaxed(alive) != 1)
		abort();
	cleat_count(&q->shm->packets, n);
	cleat_count(&q->shm->driver[3], 1);
	return (int)n;
}

static int fake_open(struct cleat_queue *q, struct cleat_queue_conf *conf)
{
	uint32_t *alive;

	(void)conf;
	if (refuse)
		return cleat_err(-EIO, "refused");
	alive = malloc(sizeof(*alive));
	*alive = 1;
	q->data = alive;
	q->burst = fake_burst;
	opened++;
	return 0;
}

static void fake_close(struct cleat_queue *q)
{
	uint32_t *alive = q->data;

	cleat_store_relaxed(alive, 0U);
	free(alive);
	closed++;
}

static const struct cleat_xstat xstats[] = { { "bursts", CLEAT_TX, 3 } };
static struct cleat_data_ops fake = {
	.name = "net_fake",
	.rxq_open = fake_open,
	.txq_open = fake_open,
	.close = fake_close,
	.xstats = xstats,
	.n_xstats = 1,
};
CLEAT_DATA_REGISTER(fake)

static void setup(void)
{
	struct cleat_port_shm *row;

	mbuf_world_up();
	row = &cleat_registry->ports[PORT];
	row->state = CLEAT_PORT_STARTED;
	row->max_rx_queues = 1;
	row->max_tx_queues = 2;
	row->queues_off = MBUF_HELP_BYTES - sizeof(struct cleat_port_area_shm);
	strcpy(row->driver, "net_fake");
	ck_assert_ptr_nonnull(cleat_port_area(row));
	queues = cleat_port_area(row)->queues;
}

static void teardown(void)
{
	cleat_queue_remove_all();
	ck_assert_uint_eq(opened, closed);
	mbuf_world_down();
}

static int install_noted(enum cleat_dir dir, uint16_t queue, uint32_t removals)
{
	struct cleat_queue_conf conf = { .port = PORT,
		.queue = queue,
		.dir = dir,
		.driver = "net_fake",
		.pool = (struct cleat_mempool *)&fake,
		.removals = removals };

	conf.shm = &queues[(unsigned)dir * CLEAT_MAX_QUEUES + queue];
	return cleat_queue_install(&conf);
}

static int install(enum cleat_dir dir, uint16_t queue)
{
	return install_noted(dir, queue, cleat_port_removals(PORT));
}

START_TEST(states)
{
	struct cleat_mbuf *mbufs[4];

	ck_assert_int_eq(cleat_rx_burst(PORT, 0, mbufs, 4), -EPERM);
	ck_assert_int_eq(cleat_rx_burst(CLEAT_MAX_PORTS, 0, mbufs, 4), -ENODEV);
	ck_assert_int_eq(cleat_rx_burst(PORT, CLEAT_MAX_QUEUES, mbufs, 4), -ENODEV);
	ck_assert_int_eq(install(CLEAT_RX, 0), 0);
	ck_assert_int_eq(install(CLEAT_RX, 0), -EBUSY);
	ck_assert_int_eq(cleat_rx_burst(PORT, 0, mbufs, 4), 4);
	ck_assert_int_eq(cleat_tx_burst(PORT, 0, mbufs, 4), -EPERM);
	ck_assert_int_eq(cleat_queue_remove(PORT, CLEAT_RX, 0), 0);
	ck_assert_int_eq(cleat_queue_remove(PORT, CLEAT_RX, 0), -ENOENT);
	ck_assert_int_eq(cleat_rx_burst(PORT, 0, mbufs, 4), -EPERM);
	ck_assert_int_eq(install(CLEAT_TX, 1), 0);
	cleat_port_gone(PORT);
	ck_assert_int_eq(cleat_tx_burst(PORT, 1, mbufs, 4), -ENODEV);
	ck_assert_int_eq(cleat_rx_burst(PORT, 0, mbufs, 4), -ENODEV);
	ck_assert_int_eq(install(CLEAT_TX, 1), 0); /* a new device with this port id */
	ck_assert_int_eq(cleat_tx_burst(PORT, 1, mbufs, 4), 4);
}
END_TEST

/* Granted before the device left, installed after: nobody would ever take it away again. */
START_TEST(what_comes_after_the_device_left_is_refused)
{
	uint32_t before = cleat_port_removals(PORT), opened_before = opened;
	struct cleat_mbuf *mbufs[4];

	cleat_port_gone(PORT + 1); /* another one */
	ck_assert_int_eq(install_noted(CLEAT_RX, 0, before), 0);
	ck_assert_int_eq(cleat_queue_in_use(PORT, CLEAT_RX, 0), 1);
	cleat_port_gone(PORT);
	ck_assert_int_eq(cleat_queue_in_use(PORT, CLEAT_RX, 0), 0);
	ck_assert_int_eq(install_noted(CLEAT_RX, 0, before), -ENODEV);
	ck_assert_ptr_nonnull(strstr(cleat_error(), "its device left"));
	ck_assert_uint_eq(opened, opened_before + 1);
	ck_assert_int_eq(cleat_rx_burst(PORT, 0, mbufs, 4), -ENODEV);
	ck_assert_int_eq(install(CLEAT_RX, 0), 0); /* the next device with that port id */
	ck_assert_int_eq(cleat_rx_burst(PORT, 0, mbufs, 4), 4);
	ck_assert_int_eq(cleat_queue_in_use(CLEAT_MAX_PORTS, CLEAT_RX, 0), 0);
	ck_assert_uint_eq(cleat_port_removals(CLEAT_MAX_PORTS), 0);
}
END_TEST

START_TEST(refusals_close_descriptors)
{
	struct cleat_queue_conf conf = { .port = PORT,
		.driver = "net_other",
		.shm = queues,
		.pool = (struct cleat_mempool *)&fake,
		.n_fds = 1 };
	int fd = open("/dev/null", O_RDONLY);

	conf.fds[0] = fd;
	ck_assert_int_eq(cleat_queue_install(&conf), -ENOTSUP);
	ck_assert_ptr_nonnull(strstr(cleat_error(), "net_other"));
	ck_assert_int_eq(conf.fds[0], -1);
	ck_assert_int_eq(fcntl(fd, F_GETFD), -1);
	refuse = 1;
	ck_assert_int_eq(install(CLEAT_RX, 0), -EIO);
	refuse = 0;
}
END_TEST

START_TEST(statistics_by_name)
{
	struct cleat_xstat_value values[64];
	struct cleat_port_stats stats;
	uint64_t value;
	int count;

	ck_assert_int_eq(install(CLEAT_TX, 1), 0);
	ck_assert_int_eq(cleat_tx_burst(PORT, 1, NULL, 7), 7);
	queues[CLEAT_MAX_QUEUES].missed = 2;
	queues[0].errors = 3;
	queues[0].missed = 4;
	cleat_port_area(&cleat_registry->ports[PORT])->hw_stats[CLEAT_HW_RX_MISSED] = 5;
	ck_assert_int_eq(cleat_port_stats(PORT, &stats), 0);
	ck_assert_uint_eq(stats.tx_packets, 7);
	ck_assert_uint_eq(stats.tx_dropped, 2);
	ck_assert_uint_eq(stats.rx_errors, 3);
	ck_assert_uint_eq(stats.rx_missed, 9);
	ck_assert_int_eq(cleat_port_stats(PORT + 1, &stats), -ENODEV);
	count = cleat_port_xstats(PORT, values, 64);
	ck_assert_int_eq(count, 8 + 3 * 4 + 2);
	ck_assert_int_eq(cleat_port_xstats(PORT, NULL, 0), count);
	ck_assert_str_eq(values[0].name, "rx_packets");
	ck_assert_int_eq(cleat_port_xstat(PORT, "tx_q1_bursts", &value), 0);
	ck_assert_uint_eq(value, 1);
	ck_assert_int_eq(cleat_port_xstat(PORT, "tx_dropped", &value), 0);
	ck_assert_uint_eq(value, 2);
	ck_assert_int_eq(cleat_port_xstat(PORT, "rx_missed", &value), 0);
	ck_assert_uint_eq(value, 9);
	ck_assert_int_eq(cleat_port_xstat(PORT, "rx_q0_missed", &value), 0);
	ck_assert_uint_eq(value, 4);
	ck_assert_int_eq(cleat_port_xstat(PORT, "tx_q9_bursts", &value), -ENOENT);
}
END_TEST

static uint32_t stop;

static void *traffic(void *arg)
{
	unsigned long moved = 0;

	(void)arg;
	while (!cleat_load_relaxed(&stop)) {
		int ret = cleat_rx_burst(PORT, 0, NULL, 8);

		if (ret > 0)
			moved++;
		else if (ret != -EPERM && ret != -ENODEV)
			abort();
	}
	return (void *)moved;
}

START_TEST(changes_under_traffic)
{
	pthread_t threads[2];
	unsigned long moved = 0;
	void *result;

	for (int i = 0; i < 2; i++)
		ck_assert_int_eq(pthread_create(&threads[i], NULL, traffic, NULL), 0);
	for (int i = 0; i < 50; i++) {
		ck_assert_int_eq(install(CLEAT_RX, 0), 0);
		(void)usleep(500);
		if (i % 2 == 0)
			ck_assert_int_eq(cleat_queue_remove(PORT, CLEAT_RX, 0), 0);
		else
			cleat_port_gone(PORT);
	}
	cleat_store_relaxed(&stop, 1U);
	for (int i = 0; i < 2; i++) {
		ck_assert_int_eq(pthread_join(threads[i], &result), 0);
		moved += (unsigned long)result;
	}
	ck_assert_uint_gt(moved, 0);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("runtime/port");
	TCase *tc = tcase_create("port");
	SRunner *runner;
	int failed;

	tcase_set_timeout(tc, 60);
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, states);
	tcase_add_test(tc, what_comes_after_the_device_left_is_refused);
	tcase_add_test(tc, refusals_close_descriptors);
	tcase_add_test(tc, statistics_by_name);
	tcase_add_test(tc, changes_under_traffic);
	suite_add_tcase(suite, tc);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
