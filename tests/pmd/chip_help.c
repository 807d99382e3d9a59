/* SPDX-License-Identifier: BSD-3-Clause */
#include <check.h>
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/pmd/chip_help.h"

struct chip chip;

static pthread_t thread;
static int runs;
static uint32_t used; /* of the memory behind the BAR */

uint32_t *chip_reg(uint32_t off)
{
	return (uint32_t *)(void *)(chip.bar + off);
}

uint32_t chip_get(uint32_t off)
{
	return cleat_load_acquire(chip_reg(off));
}

static void end_reset(void)
{
	uint32_t ctrl = chip_get(CLEAT_INTEL_CTRL);

	if (!(ctrl & CLEAT_CTRL_RST))
		return;
	cleat_store_release(chip_reg(CLEAT_INTEL_RCTL), 0);
	cleat_store_release(chip_reg(CLEAT_INTEL_CTRL), ctrl & ~CLEAT_CTRL_RST);
	cleat_store_release(&chip.resets, chip.resets + 1);
}

static void answer_phy(void)
{
	uint32_t mdic = chip_get(CLEAT_INTEL_MDIC);

	if (mdic != 0 && !(mdic & CLEAT_MDIC_READY) && !cleat_load_acquire(&chip.phy_deaf))
		cleat_store_release(chip_reg(CLEAT_INTEL_MDIC),
			(mdic & ~0xffffU) | CLEAT_MDIC_READY | CLEAT_PHY_AUTONEG);
}

static void *run(void *arg)
{
	(void)arg;
	while (cleat_load_acquire(&runs)) {
		void (*turn)(void) = cleat_load_acquire(&chip.turn);

		end_reset();
		answer_phy();
		if (turn != NULL)
			turn();
		(void)usleep(50);
	}
	return NULL;
}

void chip_halt(void)
{
	cleat_store_release(&runs, 0);
	ck_assert_int_eq(pthread_join(thread, NULL), 0);
}

void chip_go_on(void)
{
	runs = 1;
	ck_assert_int_eq(pthread_create(&thread, NULL, run, NULL), 0);
}

/* ---- what the primary does ---- */

static int bar_map(
	void *ctx, struct cleat_device *device, unsigned number, void **va, uint64_t *len_bytes)
{
	(void)ctx;
	(void)device;
	ck_assert_uint_eq(number, 0);
	*va = chip.bar;
	*len_bytes = CHIP_BAR_BYTES;
	return 0;
}

static int dma_reserve(void *ctx, const struct cleat_port_ctrl *ctrl, const char *what,
	uint64_t len_bytes, uint64_t align, void **va, uint64_t *iova)
{
	(void)ctx;
	(void)ctrl;
	ck_assert_uint_le(strlen(what), 12);
	used = (uint32_t)cleat_align_up(used, align);
	*va = chip.bar + CHIP_BAR_BYTES + used;
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
	chip.on_irq = fn;
	chip.irq_arg = arg;
	chip.watched++;
	return 0;
}

static void irq_unwatch(void *ctx, int fd)
{
	(void)ctx;
	(void)fd;
	chip.watched--;
}

static void link_changed(void *ctx, struct cleat_port_ctrl *ctrl)
{
	(void)ctx;
	(void)ctrl;
	chip.linked++;
}

static int irq_open(struct cleat_pci_device *dev, const int *fds, unsigned n, int *irq_fd)
{
	(void)dev;
	*irq_fd = fds[0];
	return (int)n < chip.vectors ? (int)n : chip.vectors;
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

static int config_read(struct cleat_pci_device *dev, uint32_t off, void *buf, uint32_t len)
{
	(void)dev;
	ck_assert_uint_le(off + len, sizeof(chip.config));
	memcpy(buf, chip.config + off, len);
	return chip.gone ? -ENODEV : 0;
}

/* What receives when the chip is found was left so by a killed process: no DMA before its reset. */
static int config_write(struct cleat_pci_device *dev, uint32_t off, const void *buf, uint32_t len)
{
	(void)dev;
	ck_assert_uint_eq(off, CLEAT_PCI_COMMAND);
	ck_assert_uint_eq(len, 2);
	memcpy(chip.config + off, buf, len);
	if (chip.config[off] & CLEAT_PCI_COMMAND_MASTER)
		ck_assert_uint_gt(cleat_load_acquire(&chip.resets), 0);
	return chip.gone ? -ENODEV : 0;
}

static const struct cleat_pci_access fake_access = {
	.driver = "fake",
	.config_read = config_read,
	.config_write = config_write,
	.irq_open = irq_open,
	.irq_ack = irq_ack,
	.irq_close = irq_close,
};

static void fill_services(void)
{
	chip.services = pmd_services;
	chip.services.bar_map = bar_map;
	chip.services.dma_reserve = dma_reserve;
	chip.services.dma_free = dma_free;
	chip.services.irq_watch = irq_watch;
	chip.services.irq_unwatch = irq_unwatch;
	chip.services.link_changed = link_changed;
}

/* ---- the fixture ---- */

void chip_up(void)
{
	pmd_world_up();
	memset(&chip, 0, sizeof(chip));
	/* below the ports' state, which lies at the window's end */
	chip.bar = (uint8_t *)(cleat_window_base + MBUF_HELP_BYTES - (4U << 20));
	chip.vectors = 1;
	used = 0;
	*chip_reg(CLEAT_INTEL_STATUS) = CLEAT_STATUS_LU | 2U << 6;
	*chip_reg(CLEAT_INTEL_EECD) = CLEAT_EECD_AUTO_RD;
	*chip_reg(CLEAT_INTEL_RAL(0)) = 0x12005452;
	*chip_reg(CLEAT_INTEL_RAH(0)) = 0x80005634;
	fill_services();
	chip_go_on();
}

void chip_down(void)
{
	if (chip.pci.device.driver_data != NULL)
		ck_assert_int_eq(chip.driver->remove(&chip.pci.device, &chip.services), 0);
	ck_assert_int_eq(chip.watched, 0);
	chip_halt();
	pmd_world_down();
}

void chip_msix_on(void)
{
	chip.config[0x06] = 0x10; /* it has capabilities, the first at 0x40 */
	chip.config[0x34] = 0x40;
	chip.config[0x40] = 0x11;
	chip.config[0x43] = 0x80;
}

int chip_probe(const char *driver, uint64_t model, const char *args)
{
	int ret;

	chip.driver = NULL;
	do
		chip.driver = cleat_driver_next(chip.driver);
	while (chip.driver != NULL && strcmp(chip.driver->name, driver) != 0);
	ck_assert_ptr_nonnull(chip.driver);
	memset(&chip.pci, 0, sizeof(chip.pci));
	(void)strcpy(chip.pci.device.name, "0000:01:00.0");
	chip.pci.device.args = (char *)(uintptr_t)args;
	chip.pci.device.bus = cleat_bus_find("pci");
	chip.pci.device.driver = chip.driver;
	chip.pci.device.numa_node = -1;
	chip.pci.model = model;
	chip.pci.access = &fake_access;
	ret = chip.driver->probe(&chip.pci.device, &chip.services);
	chip.port = ret < 0 ? NULL : pmd_port(ret);
	if (chip.port != NULL)
		ck_assert_uint_ne(chip.config[CLEAT_PCI_COMMAND] & CLEAT_PCI_COMMAND_MASTER, 0);
	return ret;
}

void chip_start(unsigned queues)
{
	struct cleat_pool_row_shm pool = { .elt_bytes = 64 + 128 + 2048, .headroom_bytes = 128 };
	const struct cleat_port_ops *ops = chip.port->ops;

	if (ops->configure != NULL)
		ck_assert_int_eq(ops->configure(chip.port, queues, queues), 0);
	for (unsigned q = 0; q < queues; q++) {
		ck_assert_int_eq(ops->rx_queue_setup(chip.port, q, 64, &pool), 0);
		ck_assert_int_eq(ops->tx_queue_setup(chip.port, q, 64), 0);
	}
	ck_assert_int_eq(ops->start(chip.port), 0);
}

int chip_open_queue(enum cleat_dir dir, unsigned queue)
{
	struct cleat_queue_grant grant = { .n_fds = 0 };
	int ret = chip.port->ops->queue_open(chip.port, dir, queue, &grant);

	for (unsigned i = 0; i < grant.n_fds; i++)
		(void)close(grant.fds[i]);
	return ret < 0 ? ret : (int)grant.n_fds;
}

int chip_run_tests(const char *name, void (*add)(TCase *tc))
{
	Suite *suite = suite_create(name);
	TCase *tc = tcase_create("all");
	SRunner *runner;
	int failed;

	tcase_set_timeout(tc, 20);
	tcase_add_checked_fixture(tc, chip_up, chip_down);
	add(tc);
	suite_add_tcase(suite, tc);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
