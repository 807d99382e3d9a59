/* SPDX-License-Identifier: BSD-3-Clause */
/* What the control sides of net_em and net_igb share: filters, interrupts, removal. */
#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/pmd/chip_help.h"

START_TEST(settings)
{
	static const uint8_t group[6] = { 1, 0, 0x5e, 0, 0, 1 };

	ck_assert_int_ge(chip_probe(_i == 0 ? "net_em" : "net_igb", 0, ""), 0);
	chip_start(1);
	ck_assert_int_eq(chip.port->ops->promiscuous_set(chip.port, 1), 0);
	ck_assert_uint_eq(chip_get(CLEAT_INTEL_RCTL) & 0x18, 0x18);
	ck_assert_int_eq(chip.port->ops->promiscuous_set(chip.port, 0), 0);
	ck_assert_int_eq(chip.port->ops->allmulticast_set(chip.port, 1), 0);
	ck_assert_uint_eq(chip_get(CLEAT_INTEL_RCTL) & 0x18, 0x10);
	ck_assert_int_eq(chip.port->ops->mac_filter_add(chip.port, group), 0);
	ck_assert_uint_eq(chip_get(CLEAT_INTEL_RAL(1)), 0x005e0001);
	ck_assert_uint_eq(chip_get(CLEAT_INTEL_RAH(1)), 0x80000100);
	ck_assert_int_eq(chip.port->ops->mac_filter_remove(chip.port, group), 0);
	ck_assert_uint_eq(chip_get(CLEAT_INTEL_RAH(1)), 0);
	ck_assert_int_eq(chip.port->ops->mac_filter_remove(chip.port, group), -ENOENT);
	for (uint8_t i = 0; i < chip.port->max_mac_filters; i++) {
		uint8_t mac[6] = { 2, 0, 0, 0, 0, i };

		ck_assert_int_eq(chip.port->ops->mac_filter_add(chip.port, mac), 0);
	}
	ck_assert_int_eq(chip.port->ops->mac_filter_add(chip.port, group), -ENOSPC);
	ck_assert_int_eq(chip.port->ops->mtu_set(chip.port, 9000), 0);
	ck_assert_uint_eq(chip_get(CLEAT_INTEL_RCTL) & CLEAT_RCTL_LPE, CLEAT_RCTL_LPE);
	chip.port->offloads = 0; /* no scatter: a packet must fit a buffer */
	ck_assert_int_eq(chip.port->ops->mtu_set(chip.port, 9000), -EINVAL);
	ck_assert_ptr_nonnull(strstr(cleat_error(), "rx-scatter"));
	ck_assert_int_eq(chip.port->ops->mtu_set(chip.port, 1500), 0);
}
END_TEST

START_TEST(wakes_who_waits)
{
	struct cleat_queue_grant grant = { .n_fds = 0 };
	uint64_t signals = 0, *armed;

	ck_assert_int_ge(chip_probe("net_em", 0, ""), 0);
	chip_start(1);
	ck_assert_int_eq(chip.port->ops->queue_open(chip.port, CLEAT_RX, 0, &grant), 0);
	ck_assert_uint_eq(grant.n_fds, 1);
	armed = &cleat_port_ctrl_queue(chip.port, CLEAT_RX, 0)->driver[CLEAT_NIC_ARMED];
	*chip_reg(CLEAT_INTEL_ICR) = CLEAT_ICR_RXT;
	chip.on_irq(chip.irq_arg);
	ck_assert_int_lt(read(grant.fds[0], &signals, sizeof(signals)), 0);
	*armed = 1;
	chip.on_irq(chip.irq_arg);
	ck_assert_int_eq(read(grant.fds[0], &signals, sizeof(signals)), sizeof(signals));
	ck_assert_uint_eq(signals, 1);
	ck_assert_uint_ne(chip_get(CLEAT_INTEL_IMC) & CLEAT_ICR_RXT, 0);

	*chip_reg(CLEAT_INTEL_STATUS) = 0;
	*chip_reg(CLEAT_INTEL_ICR) = CLEAT_ICR_LSC;
	chip.on_irq(chip.irq_arg);
	ck_assert_int_eq(chip.linked, 1);
	ck_assert_int_eq(chip.port->link.up, 0);
	*chip_reg(CLEAT_INTEL_STATUS) = CLEAT_STATUS_LU;
	(void)close(grant.fds[0]);
}
END_TEST

/* All ones: nothing waits for long, and it can be removed. */
START_TEST(vanishes)
{
	ck_assert_int_ge(chip_probe(_i == 0 ? "net_em" : "net_igb", 0, ""), 0);
	chip_start(1);
	ck_assert_int_eq(chip_open_queue(CLEAT_RX, 0), 1);
	ck_assert_int_eq(chip_open_queue(CLEAT_TX, 0), 0);
	chip_halt();
	chip.gone = 1;
	memset(chip.bar, 0xff, CHIP_BAR_BYTES);
	chip.port->ops->tick(chip.port);
	chip.on_irq(chip.irq_arg);
	/* writes do not stay in a device that is gone, here they do; so each register anew */
	ck_assert_int_ge(chip.port->ops->queue_reset(chip.port, CLEAT_RX, 0), 0);
	memset(chip.bar, 0xff, CHIP_BAR_BYTES);
	ck_assert_int_ge(chip.port->ops->queue_reset(chip.port, CLEAT_TX, 0), 0);
	memset(chip.bar, 0xff, CHIP_BAR_BYTES);
	chip_go_on();
}
END_TEST

static void halt_while_sending(int model)
{
	ck_assert_int_ge(chip_probe(model == 0 ? "net_em" : "net_igb", 0, ""), 0);
	chip_start(1);
	ck_assert_int_eq(chip_open_queue(CLEAT_TX, 0), 0);
	chip_halt();
}

/* Its memory stays until it is at rest, which is tried again. */
START_TEST(is_removed_at_rest)
{
	halt_while_sending(_i);
	ck_assert_int_eq(chip.driver->remove(&chip.pci.device, &chip.services), -ETIMEDOUT);
	ck_assert_ptr_nonnull(chip.pci.device.driver_data);
	ck_assert_ptr_eq(pmd_port(0), chip.port);
	ck_assert_int_eq(chip_open_queue(CLEAT_RX, 0), -EINVAL);
	chip_go_on();
	ck_assert_int_eq(chip.driver->remove(&chip.pci.device, &chip.services), 0);
	ck_assert_ptr_null(chip.pci.device.driver_data);
	ck_assert_ptr_null(pmd_port(0));
}
END_TEST

/* What its registers read as says nothing then: it will not come to rest, nor write to memory. */
START_TEST(is_removed_when_gone)
{
	halt_while_sending(_i);
	chip.gone = 1;
	ck_assert_int_eq(chip.driver->remove(&chip.pci.device, &chip.services), 0);
	ck_assert_ptr_null(chip.pci.device.driver_data);
	ck_assert_ptr_null(pmd_port(0));
	chip_go_on();
}
END_TEST

/* Whoever switches memory decoding off makes all registers read as ones. */
START_TEST(ones_do_not_prove_that_it_is_gone)
{
	halt_while_sending(_i);
	memset(chip.bar, 0xff, CHIP_BAR_BYTES);
	ck_assert_int_lt(chip.driver->remove(&chip.pci.device, &chip.services), 0);
	ck_assert_ptr_nonnull(chip.pci.device.driver_data);
	ck_assert_ptr_eq(pmd_port(0), chip.port);
	chip.gone = 1;
	ck_assert_int_eq(chip.driver->remove(&chip.pci.device, &chip.services), 0);
	chip_go_on();
}
END_TEST

/* It may still write into the buffers. */
START_TEST(ones_do_not_give_buffers_back)
{
	ck_assert_int_ge(chip_probe(_i == 0 ? "net_em" : "net_igb", 0, ""), 0);
	chip_start(1);
	ck_assert_int_eq(chip_open_queue(CLEAT_RX, 0), 1);
	ck_assert_int_eq(chip_open_queue(CLEAT_TX, 0), 0);
	chip_halt();
	for (int dir = 0; dir < 2; dir++) {
		memset(chip.bar, 0xff, CHIP_BAR_BYTES);
		ck_assert_int_eq(chip.port->ops->queue_reset(chip.port, dir, 0), -EIO);
		ck_assert_ptr_nonnull(strstr(cleat_error(), "does not answer"));
	}
	chip.gone = 1;
	ck_assert_int_eq(chip.driver->remove(&chip.pci.device, &chip.services), 0);
	chip_go_on();
}
END_TEST

static void add(TCase *tc)
{
	tcase_add_loop_test(tc, settings, 0, 2);
	tcase_add_test(tc, wakes_who_waits);
	tcase_add_loop_test(tc, vanishes, 0, 2);
	tcase_add_loop_test(tc, is_removed_at_rest, 0, 2);
	tcase_add_loop_test(tc, is_removed_when_gone, 0, 2);
	tcase_add_loop_test(tc, ones_do_not_prove_that_it_is_gone, 0, 2);
	tcase_add_loop_test(tc, ones_do_not_give_buffers_back, 0, 2);
}

int main(void)
{
	return chip_run_tests("pmd/intel_nic", add);
}
