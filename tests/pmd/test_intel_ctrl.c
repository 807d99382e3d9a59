/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The control sides of net_em and net_igb on registers in plain memory, with a thread that does
 * what of a chip they wait for: a reset ends, the PHY answers.
 */
#include <check.h>
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "pmd/common/intel_regs.h"
#include "pmd/common/nic_queue.h"
#include "pmd/em/em.h"
#include "pmd/em/em_regs.h"
#include "pmd/igb/igb.h"
#include "runtime/pci/pci_access.h"
#include "tests/pmd/pmd_help.h"

#define BAR_BYTES 0x20000U

static uint8_t *bar;
static uint32_t used; /* of the memory behind the BAR */
static int chip_runs, watched, vectors, linked, resets, phy_deaf;
static pthread_t chip;
static struct cleat_pci_device pci;
static struct cleat_services services;
static const struct cleat_driver *driver;
static struct cleat_port_ctrl *port;
static void (*on_irq)(void *arg);
static void *irq_arg;

static uint32_t *reg(uint32_t off)
{
	return (uint32_t *)(void *)(bar + off);
}

static uint32_t get(uint32_t off)
{
	return cleat_load_acquire(reg(off));
}

static void *run_chip(void *arg)
{
	(void)arg;
	while (cleat_load_acquire(&chip_runs)) {
		uint32_t ctrl = get(CLEAT_INTEL_CTRL), mdic = get(CLEAT_INTEL_MDIC);

		if (ctrl & CLEAT_CTRL_RST) {
			cleat_store_release(reg(CLEAT_INTEL_RCTL), 0);
			cleat_store_release(reg(CLEAT_INTEL_CTRL), ctrl & ~CLEAT_CTRL_RST);
			cleat_store_release(&resets, resets + 1);
		}
		if (mdic != 0 && !(mdic & CLEAT_MDIC_READY) && !cleat_load_acquire(&phy_deaf))
			cleat_store_release(reg(CLEAT_INTEL_MDIC),
				(mdic & ~0xffffU) | CLEAT_MDIC_READY | CLEAT_PHY_AUTONEG);
		(void)usleep(50);
	}
	return NULL;
}

/* ---- what the primary does ---- */

static int bar_map(
	void *ctx, struct cleat_device *device, unsigned number, void **va, uint64_t *len_bytes)
{
	(void)ctx;
	(void)device;
	ck_assert_uint_eq(number, 0);
	*va = bar;
	*len_bytes = BAR_BYTES;
	return 0;
}

static int dma_reserve(void *ctx, const struct cleat_port_ctrl *ctrl, const char *what,
	uint64_t len_bytes, uint64_t align, void **va, uint64_t *iova)
{
	(void)ctx;
	(void)ctrl;
	ck_assert_uint_le(strlen(what), 12);
	used = (uint32_t)cleat_align_up(used, align);
	*va = bar + BAR_BYTES + used;
	*iova = 0x500000000ULL + used;
	used += (uint32_t)len_bytes;
	return 0;
}

static int dma_free(void *ctx, const struct cleat_port_ctrl *ctrl, const char *what)
{
	(void)ctx;
	(void)ctrl;
	(void)what;
	return 0;
}

static int irq_watch(void *ctx, int fd, void (*fn)(void *arg), void *arg)
{
	(void)ctx;
	ck_assert_int_ge(fd, 0);
	on_irq = fn;
	irq_arg = arg;
	watched++;
	return 0;
}

static void irq_unwatch(void *ctx, int fd)
{
	(void)ctx;
	(void)fd;
	watched--;
}

static void link_changed(void *ctx, struct cleat_port_ctrl *ctrl)
{
	(void)ctx;
	(void)ctrl;
	linked++;
}

static int irq_open(struct cleat_pci_device *dev, const int *fds, unsigned n, int *irq_fd)
{
	(void)dev;
	*irq_fd = fds[0];
	return (int)n < vectors ? (int)n : vectors;
}

static int irq_ack(struct cleat_pci_device *dev)
{
	(void)dev;
	return 0;
}

static void irq_close(struct cleat_pci_device *dev)
{
	(void)dev;
}

static const struct cleat_pci_access fake_access = {
	.driver = "fake",
	.irq_open = irq_open,
	.irq_ack = irq_ack,
	.irq_close = irq_close,
};

/* ---- set-up ---- */

static void setup(void)
{
	pmd_world_up();
	/* below the ports' state, which lies at the window's end */
	bar = (uint8_t *)(cleat_window_base + MBUF_HELP_BYTES - (4U << 20));
	used = 0;
	vectors = 1;
	watched = linked = resets = phy_deaf = 0;
	*reg(CLEAT_INTEL_STATUS) = CLEAT_STATUS_LU | 2U << 6;
	*reg(CLEAT_INTEL_EECD) = CLEAT_EECD_AUTO_RD;
	*reg(CLEAT_INTEL_RAL(0)) = 0x12005452;
	*reg(CLEAT_INTEL_RAH(0)) = 0x80005634;
	services = pmd_services;
	services.bar_map = bar_map;
	services.dma_reserve = dma_reserve;
	services.dma_free = dma_free;
	services.irq_watch = irq_watch;
	services.irq_unwatch = irq_unwatch;
	services.link_changed = link_changed;
	chip_runs = 1;
	ck_assert_int_eq(pthread_create(&chip, NULL, run_chip, NULL), 0);
}

static void teardown(void)
{
	if (pci.device.driver_data != NULL)
		ck_assert_int_eq(driver->remove(&pci.device, &services), 0);
	ck_assert_int_eq(watched, 0);
	cleat_store_release(&chip_runs, 0);
	ck_assert_int_eq(pthread_join(chip, NULL), 0);
	pmd_world_down();
}

static int probe(const char *name, uint64_t model, const char *args)
{
	int ret;

	driver = NULL;
	do
		driver = cleat_driver_next(driver);
	while (driver != NULL && strcmp(driver->name, name) != 0);
	ck_assert_ptr_nonnull(driver);
	memset(&pci, 0, sizeof(pci));
	(void)strcpy(pci.device.name, "0000:01:00.0");
	pci.device.args = (char *)(uintptr_t)args;
	pci.device.bus = cleat_bus_find("pci");
	pci.device.driver = driver;
	pci.device.numa_node = -1;
	pci.model = model;
	pci.access = &fake_access;
	ret = driver->probe(&pci.device, &services);
	port = ret < 0 ? NULL : pmd_port(ret > 0 ? ret : 0);
	return ret;
}

/* What the primary does with a new port. */
static void start(unsigned queues)
{
	struct cleat_pool_row_shm pool = { .elt_bytes = 64 + 128 + 2048, .headroom_bytes = 128 };

	if (port->ops->configure != NULL)
		ck_assert_int_eq(port->ops->configure(port, queues, queues), 0);
	for (unsigned q = 0; q < queues; q++) {
		ck_assert_int_eq(port->ops->rx_queue_setup(port, q, 64, &pool), 0);
		ck_assert_int_eq(port->ops->tx_queue_setup(port, q, 64), 0);
	}
	ck_assert_int_eq(port->ops->start(port), 0);
}

static int open_queue(enum cleat_dir dir, unsigned queue)
{
	struct cleat_queue_grant grant = { .n_fds = 0 };
	int ret = port->ops->queue_open(port, dir, queue, &grant);

	for (unsigned i = 0; i < grant.n_fds; i++)
		(void)close(grant.fds[i]);
	return ret < 0 ? ret : (int)grant.n_fds;
}

/* ---- tests ---- */

START_TEST(em_life)
{
	ck_assert_int_ge(probe("net_em", (uint64_t)_i, ""), 0);
	ck_assert_int_eq(memcmp(port->mac, "\x52\x54\x00\x12\x34\x56", 6), 0);
	ck_assert_int_eq(port->link.up, 1);
	ck_assert_uint_eq(port->link.mbps, 1000);
	ck_assert_int_eq(open_queue(CLEAT_RX, 0), -EINVAL); /* not started */
	start(1);
	ck_assert_uint_eq(get(CLEAT_INTEL_RCTL) & CLEAT_RCTL_EN, 0);
	ck_assert_int_eq(open_queue(CLEAT_RX, 0), 1);
	ck_assert_int_eq(open_queue(CLEAT_TX, 0), 0);
	/* the pool's 2 KiB, CRC stripped, broadcast; RDLEN; the words for the worker */
	ck_assert_uint_eq(get(CLEAT_INTEL_RCTL), 0x04008002);
	ck_assert_uint_eq(get(CLEAT_EM_RDLEN), 1024);
	ck_assert_uint_eq(get(CLEAT_EM_RDBAH), 5);
	ck_assert_uint_eq(get(CLEAT_INTEL_TCTL) & CLEAT_TCTL_EN, CLEAT_TCTL_EN);
	ck_assert_uint_eq(cleat_port_ctrl_queue(port, CLEAT_RX, 0)->driver[CLEAT_NIC_TAIL],
		(uintptr_t)bar + CLEAT_EM_RDT - cleat_window_base);
	ck_assert_int_eq(port->ops->stop(port), -EBUSY);

	/* one rests while the other runs */
	ck_assert_int_eq(port->ops->queue_reset(port, CLEAT_RX, 0), 0);
	ck_assert_uint_eq(get(CLEAT_INTEL_RCTL) & CLEAT_RCTL_EN, 0);
	ck_assert_uint_eq(get(CLEAT_INTEL_TCTL) & CLEAT_TCTL_EN, CLEAT_TCTL_EN);
	ck_assert_int_eq(open_queue(CLEAT_RX, 0), 1);
	ck_assert_uint_eq(get(CLEAT_INTEL_RCTL) & CLEAT_RCTL_EN, CLEAT_RCTL_EN);
	ck_assert_int_eq(port->ops->queue_reset(port, CLEAT_RX, 0), 0);
	/* the last one: the whole device rests */
	ck_assert_int_eq(port->ops->queue_reset(port, CLEAT_TX, 0), 1);
	ck_assert_uint_eq(get(CLEAT_INTEL_TCTL) & CLEAT_TCTL_EN, 0);
	ck_assert_int_eq(port->ops->stop(port), 0);
}
END_TEST

/* DMA does not end: the device is not reset below the owner of the other queue. */
START_TEST(em_stuck_beside_a_living_one)
{
	int before;

	ck_assert_int_ge(probe("net_em", CLEAT_EM_82574, ""), 0);
	start(1);
	ck_assert_int_eq(open_queue(CLEAT_RX, 0), 1);
	ck_assert_int_eq(open_queue(CLEAT_TX, 0), 0);
	*reg(CLEAT_EM_TDT) = 7;
	*reg(CLEAT_EM_TDH) = 5;
	*reg(CLEAT_INTEL_STATUS) |= CLEAT_STATUS_GIO_MASTER;
	before = cleat_load_acquire(&resets);
	ck_assert_int_eq(port->ops->queue_reset(port, CLEAT_RX, 0), -EIO);
	ck_assert_ptr_nonnull(strstr(cleat_error(), "receiving does not end"));
	ck_assert_int_eq(cleat_load_acquire(&resets), before);
	ck_assert_uint_eq(get(CLEAT_INTEL_RCTL) & CLEAT_RCTL_EN, 0);
	ck_assert_uint_eq(get(CLEAT_INTEL_TCTL) & CLEAT_TCTL_EN, CLEAT_TCTL_EN);
	ck_assert_uint_eq(get(CLEAT_EM_TDT), 7);
	ck_assert_uint_eq(get(CLEAT_EM_TDH), 5);
	/* when that one goes, the reset brings both to rest */
	ck_assert_int_eq(port->ops->queue_reset(port, CLEAT_TX, 0), 1);
	ck_assert_int_eq(cleat_load_acquire(&resets), before + 1);
	ck_assert_int_eq(open_queue(CLEAT_RX, 0), 1);
}
END_TEST

/* A PHY that does not answer writes to no memory. */
START_TEST(em_rests_without_phy)
{
	ck_assert_int_ge(probe("net_em", (uint64_t)_i, ""), 0);
	start(1);
	ck_assert_int_eq(open_queue(CLEAT_RX, 0), 1);
	*reg(CLEAT_INTEL_MDIC) = 0;
	cleat_store_release(&phy_deaf, 1);
	ck_assert_int_eq(port->ops->queue_reset(port, CLEAT_RX, 0), 1);
	ck_assert_int_eq(open_queue(CLEAT_RX, 0), 1);
	ck_assert_uint_eq(get(CLEAT_INTEL_RCTL), 0x04008002);
	ck_assert_int_eq(port->ops->queue_reset(port, CLEAT_RX, 0), 1);
	ck_assert_int_eq(port->ops->stop(port), 0);
	ck_assert_int_eq(port->ops->start(port), -ETIMEDOUT);
}
END_TEST

START_TEST(settings)
{
	static const uint8_t group[6] = { 1, 0, 0x5e, 0, 0, 1 };

	ck_assert_int_ge(probe(_i == 0 ? "net_em" : "net_igb", 0, ""), 0);
	start(1);
	ck_assert_int_eq(port->ops->promiscuous_set(port, 1), 0);
	ck_assert_uint_eq(get(CLEAT_INTEL_RCTL) & 0x18, 0x18);
	ck_assert_int_eq(port->ops->promiscuous_set(port, 0), 0);
	ck_assert_int_eq(port->ops->allmulticast_set(port, 1), 0);
	ck_assert_uint_eq(get(CLEAT_INTEL_RCTL) & 0x18, 0x10);
	ck_assert_int_eq(port->ops->mac_filter_add(port, group), 0);
	ck_assert_uint_eq(get(CLEAT_INTEL_RAL(1)), 0x005e0001);
	ck_assert_uint_eq(get(CLEAT_INTEL_RAH(1)), 0x80000100);
	ck_assert_int_eq(port->ops->mac_filter_remove(port, group), 0);
	ck_assert_uint_eq(get(CLEAT_INTEL_RAH(1)), 0);
	ck_assert_int_eq(port->ops->mac_filter_remove(port, group), -ENOENT);
	for (uint8_t i = 0; i < port->max_mac_filters; i++) {
		uint8_t mac[6] = { 2, 0, 0, 0, 0, i };

		ck_assert_int_eq(port->ops->mac_filter_add(port, mac), 0);
	}
	ck_assert_int_eq(port->ops->mac_filter_add(port, group), -ENOSPC);
	ck_assert_int_eq(port->ops->mtu_set(port, 9000), 0);
	ck_assert_uint_eq(get(CLEAT_INTEL_RCTL) & CLEAT_RCTL_LPE, CLEAT_RCTL_LPE);
	port->offloads = 0; /* no scatter: a packet must fit a buffer */
	ck_assert_int_eq(port->ops->mtu_set(port, 9000), -EINVAL);
	ck_assert_ptr_nonnull(strstr(cleat_error(), "rx-scatter"));
	ck_assert_int_eq(port->ops->mtu_set(port, 1500), 0);
}
END_TEST

START_TEST(em_vlan_together)
{
	ck_assert_int_ge(probe("net_em", 0, ""), 0);
	ck_assert_int_eq(port->ops->offloads_set(port, CLEAT_OFFLOAD_TX_VLAN_INSERT), -EOPNOTSUPP);
	ck_assert_int_eq(port->ops->offloads_set(
				 port, CLEAT_OFFLOAD_TX_VLAN_INSERT | CLEAT_OFFLOAD_RX_VLAN_STRIP),
		0);
}
END_TEST

static uint8_t reta(unsigned i)
{
	return bar[CLEAT_IGB_RETA + i];
}

START_TEST(igb_queues)
{
	ck_assert_int_ge(probe("net_igb", 0, "queues=4"), 0);
	ck_assert_uint_eq(port->default_rx_queues, 4);
	vectors = 3; /* two queues of the four can wake their owners */
	start(4);
	for (unsigned i = 0; i < 128; i++)
		ck_assert_uint_eq(reta(i), 0);
	ck_assert_int_eq(open_queue(CLEAT_RX, 1), 1);
	ck_assert_int_eq(open_queue(CLEAT_RX, 3), 0);
	ck_assert_int_eq(open_queue(CLEAT_TX, 3), 0);
	for (unsigned i = 0; i < 128; i++)
		ck_assert_uint_eq(reta(i), i % 2 ? 3 : 1);
	/* one buffer of 2 KiB, dropped when there is none; enabled */
	ck_assert_uint_eq(get(CLEAT_IGB_RX(3) + CLEAT_ADV_SRRCTL), 0x82000002);
	ck_assert_uint_eq(get(CLEAT_IGB_RX(3) + CLEAT_ADV_DCTL), 0x02010808);
	ck_assert_uint_eq(get(CLEAT_IGB_RX(3) + CLEAT_ADV_LEN), 1024);
	ck_assert_uint_eq(get(CLEAT_IGB_RX(0) + CLEAT_ADV_DCTL), 0);
	ck_assert_uint_eq(get(CLEAT_IGB_TX(3) + CLEAT_ADV_DCTL), 0x02000108);
	ck_assert_uint_eq(cleat_port_ctrl_queue(port, CLEAT_RX, 1)->driver[CLEAT_NIC_ARM_BITS], 4);
	ck_assert_uint_eq(cleat_port_ctrl_queue(port, CLEAT_RX, 3)->driver[CLEAT_NIC_ARM_ON], 0);

	ck_assert_int_eq(port->ops->queue_reset(port, CLEAT_RX, 1), 0);
	for (unsigned i = 0; i < 128; i++)
		ck_assert_uint_eq(reta(i), 3);
	ck_assert_uint_eq(get(CLEAT_IGB_RX(1) + CLEAT_ADV_DCTL), 0x00010808);
	ck_assert_uint_eq(get(CLEAT_IGB_RX(3) + CLEAT_ADV_DCTL), 0x02010808);
	ck_assert_int_eq(open_queue(CLEAT_RX, 1), 1);
	ck_assert_uint_eq(reta(0), 1);
	ck_assert_uint_eq(reta(1), 3);
}
END_TEST

/* One vector: an owner who holds it back would leave the others asleep. */
START_TEST(igb_shared_vector)
{
	unsigned queues = (unsigned)_i;

	ck_assert_int_ge(probe("net_igb", 0, "queues=2"), 0);
	vectors = 1;
	start(queues);
	for (unsigned q = 0; q < queues; q++) {
		const uint64_t *words = cleat_port_ctrl_queue(port, CLEAT_RX, q)->driver;

		ck_assert_int_eq(open_queue(CLEAT_RX, q), 1);
		ck_assert_uint_eq(words[CLEAT_NIC_ARM_ON],
			(uintptr_t)bar + CLEAT_INTEL_IMS - cleat_window_base);
		ck_assert_uint_eq(words[CLEAT_NIC_ARM_OFF],
			queues == 1 ? (uintptr_t)bar + CLEAT_INTEL_IMC - cleat_window_base : 0);
	}
}
END_TEST

START_TEST(igb_arguments)
{
	static const char *const wrong[] = { "queues=0", "queues=17", "queue=2", "queues=x" };

	for (unsigned i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		ck_assert_int_eq(probe("net_igb", 0, wrong[i]), -EINVAL);
		ck_assert_ptr_nonnull(strstr(cleat_error(), "queue"));
	}
}
END_TEST

START_TEST(wakes_who_waits)
{
	struct cleat_queue_grant grant = { .n_fds = 0 };
	uint64_t signals = 0, *armed;

	ck_assert_int_ge(probe("net_em", 0, ""), 0);
	start(1);
	ck_assert_int_eq(port->ops->queue_open(port, CLEAT_RX, 0, &grant), 0);
	ck_assert_uint_eq(grant.n_fds, 1);
	armed = &cleat_port_ctrl_queue(port, CLEAT_RX, 0)->driver[CLEAT_NIC_ARMED];
	*reg(CLEAT_INTEL_ICR) = CLEAT_ICR_RXT;
	on_irq(irq_arg);
	ck_assert_int_lt(read(grant.fds[0], &signals, sizeof(signals)), 0);
	*armed = 1;
	on_irq(irq_arg);
	ck_assert_int_eq(read(grant.fds[0], &signals, sizeof(signals)), sizeof(signals));
	ck_assert_uint_eq(signals, 1);
	ck_assert_uint_ne(get(CLEAT_INTEL_IMC) & CLEAT_ICR_RXT, 0);

	*reg(CLEAT_INTEL_STATUS) = 0;
	*reg(CLEAT_INTEL_ICR) = CLEAT_ICR_LSC;
	on_irq(irq_arg);
	ck_assert_int_eq(linked, 1);
	ck_assert_int_eq(port->link.up, 0);
	*reg(CLEAT_INTEL_STATUS) = CLEAT_STATUS_LU;
	(void)close(grant.fds[0]);
}
END_TEST

/* All ones: nothing waits for long, and it can be removed. */
START_TEST(vanishes)
{
	ck_assert_int_ge(probe(_i == 0 ? "net_em" : "net_igb", 0, ""), 0);
	start(1);
	ck_assert_int_eq(open_queue(CLEAT_RX, 0), 1);
	ck_assert_int_eq(open_queue(CLEAT_TX, 0), 0);
	cleat_store_release(&chip_runs, 0);
	ck_assert_int_eq(pthread_join(chip, NULL), 0);
	memset(bar, 0xff, BAR_BYTES);
	port->ops->tick(port);
	on_irq(irq_arg);
	/* writes do not stay in a device that is gone, here they do; so each register anew */
	ck_assert_int_ge(port->ops->queue_reset(port, CLEAT_RX, 0), 0);
	memset(bar, 0xff, BAR_BYTES);
	ck_assert_int_ge(port->ops->queue_reset(port, CLEAT_TX, 0), 0);
	memset(bar, 0xff, BAR_BYTES);
	chip_runs = 1;
	ck_assert_int_eq(pthread_create(&chip, NULL, run_chip, NULL), 0);
}
END_TEST

START_TEST(redirection_table)
{
	uint8_t t[CLEAT_IGB_RETA_ENTRIES];

	cleat_igb_reta(0, t);
	ck_assert_uint_eq(t[0] | t[127], 0);
	cleat_igb_reta(0x8421, t);
	for (unsigned i = 0; i < CLEAT_IGB_RETA_ENTRIES; i++) {
		static const uint8_t q[] = { 0, 5, 10, 15 };

		ck_assert_uint_eq(t[i], q[i % 4]);
	}
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("pmd/intel_ctrl");
	TCase *tc = tcase_create("intel_ctrl");
	SRunner *runner;
	int failed;

	tcase_set_timeout(tc, 20);
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_loop_test(tc, em_life, 0, 2);
	tcase_add_loop_test(tc, settings, 0, 2);
	tcase_add_test(tc, em_stuck_beside_a_living_one);
	tcase_add_loop_test(tc, em_rests_without_phy, 0, 2);
	tcase_add_test(tc, em_vlan_together);
	tcase_add_test(tc, igb_queues);
	tcase_add_loop_test(tc, igb_shared_vector, 1, 3);
	tcase_add_test(tc, igb_arguments);
	tcase_add_test(tc, wakes_who_waits);
	tcase_add_loop_test(tc, vanishes, 0, 2);
	tcase_add_test(tc, redirection_table);
	suite_add_tcase(suite, tc);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
