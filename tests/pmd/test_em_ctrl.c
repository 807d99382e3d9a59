/* SPDX-License-Identifier: BSD-3-Clause */
/* The control side of net_em. */
#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "pmd/em/em.h"
#include "pmd/em/em_regs.h"
#include "tests/pmd/chip_help.h"

START_TEST(em_life)
{
	ck_assert_int_ge(chip_probe("net_em", (uint64_t)_i, ""), 0);
	ck_assert_int_eq(memcmp(chip.port->mac, "\x52\x54\x00\x12\x34\x56", 6), 0);
	ck_assert_int_eq(chip.port->link.up, 1);
	ck_assert_uint_eq(chip.port->link.mbps, 1000);
	ck_assert_int_eq(chip_open_queue(CLEAT_RX, 0), -EINVAL); /* not started */
	chip_start(1);
	ck_assert_uint_eq(chip_get(CLEAT_INTEL_RCTL) & CLEAT_RCTL_EN, 0);
	ck_assert_int_eq(chip_open_queue(CLEAT_RX, 0), 1);
	ck_assert_int_eq(chip_open_queue(CLEAT_TX, 0), 0);
	/* the pool's 2 KiB, CRC stripped, broadcast; RDLEN; the words for the worker */
	ck_assert_uint_eq(chip_get(CLEAT_INTEL_RCTL), 0x04008002);
	ck_assert_uint_eq(chip_get(CLEAT_EM_RDLEN), 1024);
	ck_assert_uint_eq(chip_get(CLEAT_EM_RDBAH), 5);
	ck_assert_uint_eq(chip_get(CLEAT_INTEL_TCTL) & CLEAT_TCTL_EN, CLEAT_TCTL_EN);
	ck_assert_uint_eq(cleat_port_ctrl_queue(chip.port, CLEAT_RX, 0)->driver[CLEAT_NIC_TAIL],
		(uintptr_t)chip.bar + CLEAT_EM_RDT - cleat_window_base);
	ck_assert_int_eq(chip.port->ops->stop(chip.port), -EBUSY);

	/* one rests while the other runs */
	ck_assert_int_eq(chip.port->ops->queue_reset(chip.port, CLEAT_RX, 0), 0);
	ck_assert_uint_eq(chip_get(CLEAT_INTEL_RCTL) & CLEAT_RCTL_EN, 0);
	ck_assert_uint_eq(chip_get(CLEAT_INTEL_TCTL) & CLEAT_TCTL_EN, CLEAT_TCTL_EN);
	ck_assert_int_eq(chip_open_queue(CLEAT_RX, 0), 1);
	ck_assert_uint_eq(chip_get(CLEAT_INTEL_RCTL) & CLEAT_RCTL_EN, CLEAT_RCTL_EN);
	ck_assert_int_eq(chip.port->ops->queue_reset(chip.port, CLEAT_RX, 0), 0);
	/* the last one: the whole device rests */
	ck_assert_int_eq(chip.port->ops->queue_reset(chip.port, CLEAT_TX, 0), 1);
	ck_assert_uint_eq(chip_get(CLEAT_INTEL_TCTL) & CLEAT_TCTL_EN, 0);
	ck_assert_int_eq(chip.port->ops->stop(chip.port), 0);
}
END_TEST

/* SDM 13.4.2: what STATUS says of the link; the fourth speed is the third one again. */
START_TEST(em_link_speeds)
{
	static const struct {
		uint32_t status;
		int up;
		uint32_t mbps;
	} cases[] = { { 0, 0, 0 }, { 2, 1, 10 }, { 0x42, 1, 100 }, { 0x82, 1, 1000 },
		{ 0xc2, 1, 1000 }, { 0xc0, 0, 0 } };
	struct cleat_link link;

	ck_assert_int_ge(chip_probe("net_em", CLEAT_EM_82574, ""), 0);
	chip_halt();
	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		*chip_reg(CLEAT_INTEL_STATUS) = cases[i].status;
		ck_assert_int_eq(chip.port->ops->link_get(chip.port, &link), 0);
		ck_assert_int_eq(link.up, cases[i].up);
		ck_assert_uint_eq(link.mbps, cases[i].mbps);
	}
	chip_go_on();
}
END_TEST

/* DMA does not end: the device is not reset below the owner of the other queue. */
START_TEST(em_stuck_beside_a_living_one)
{
	int before;

	ck_assert_int_ge(chip_probe("net_em", CLEAT_EM_82574, ""), 0);
	chip_start(1);
	ck_assert_int_eq(chip_open_queue(CLEAT_RX, 0), 1);
	ck_assert_int_eq(chip_open_queue(CLEAT_TX, 0), 0);
	*chip_reg(CLEAT_EM_TDT) = 7;
	*chip_reg(CLEAT_EM_TDH) = 5;
	*chip_reg(CLEAT_INTEL_STATUS) |= CLEAT_STATUS_GIO_MASTER;
	before = cleat_load_acquire(&chip.resets);
	ck_assert_int_eq(chip.port->ops->queue_reset(chip.port, CLEAT_RX, 0), -EIO);
	ck_assert_ptr_nonnull(strstr(cleat_error(), "receiving does not end"));
	ck_assert_int_eq(cleat_load_acquire(&chip.resets), before);
	ck_assert_uint_eq(chip_get(CLEAT_INTEL_RCTL) & CLEAT_RCTL_EN, 0);
	ck_assert_uint_eq(chip_get(CLEAT_INTEL_TCTL) & CLEAT_TCTL_EN, CLEAT_TCTL_EN);
	ck_assert_uint_eq(chip_get(CLEAT_EM_TDT), 7);
	ck_assert_uint_eq(chip_get(CLEAT_EM_TDH), 5);
	/* when that one goes, the reset brings both to rest */
	ck_assert_int_eq(chip.port->ops->queue_reset(chip.port, CLEAT_TX, 0), 1);
	ck_assert_int_eq(cleat_load_acquire(&chip.resets), before + 1);
	ck_assert_int_eq(chip_open_queue(CLEAT_RX, 0), 1);
}
END_TEST

/* A PHY that does not answer writes to no memory. */
START_TEST(em_rests_without_phy)
{
	ck_assert_int_ge(chip_probe("net_em", (uint64_t)_i, ""), 0);
	chip_start(1);
	ck_assert_int_eq(chip_open_queue(CLEAT_RX, 0), 1);
	*chip_reg(CLEAT_INTEL_MDIC) = 0;
	cleat_store_release(&chip.phy_deaf, 1);
	ck_assert_int_eq(chip.port->ops->queue_reset(chip.port, CLEAT_RX, 0), 1);
	ck_assert_int_eq(chip_open_queue(CLEAT_RX, 0), 1);
	ck_assert_uint_eq(chip_get(CLEAT_INTEL_RCTL), 0x04008002);
	ck_assert_int_eq(chip.port->ops->queue_reset(chip.port, CLEAT_RX, 0), 1);
	ck_assert_int_eq(chip.port->ops->stop(chip.port), 0);
	ck_assert_int_eq(chip.port->ops->start(chip.port), -ETIMEDOUT);
}
END_TEST

START_TEST(em_vlan_together)
{
	ck_assert_int_ge(chip_probe("net_em", 0, ""), 0);
	ck_assert_int_eq(
		chip.port->ops->offloads_set(chip.port, CLEAT_OFFLOAD_TX_VLAN_INSERT), -EOPNOTSUPP);
	ck_assert_int_eq(chip.port->ops->offloads_set(chip.port,
				 CLEAT_OFFLOAD_TX_VLAN_INSERT | CLEAT_OFFLOAD_RX_VLAN_STRIP),
		0);
}
END_TEST

/* An 82574: without MSI-X the cause register tells; with it, only what has a vector comes at all.
 */
static const struct {
	int vectors, msix;
	uint32_t ivar, eiac, ims, arms, held;
} wired[] = {
	{ 1, 0, 0, 0, CLEAT_ICR_LSC, 0xd0, 0xd0 },
	{ 1, 1, 0x80008, 0, CLEAT_ICR_LSC | CLEAT_EM_ICR_OTHER, CLEAT_EM_ICR_RXQ0,
		CLEAT_EM_ICR_RXQ0 },
	{ 2, 1, 0x80009, CLEAT_EM_ICR_RXQ0, CLEAT_ICR_LSC | CLEAT_EM_ICR_OTHER, CLEAT_EM_ICR_RXQ0,
		0 },
};

START_TEST(em_vectors)
{
	const uint64_t *words;

	ck_assert_int_ge(chip_probe("net_em", CLEAT_EM_82574, ""), 0);
	chip.vectors = wired[_i].vectors;
	if (wired[_i].msix)
		chip_msix_on();
	chip_start(1);
	ck_assert_uint_eq(chip_get(CLEAT_EM_IVAR), wired[_i].ivar);
	ck_assert_uint_eq(chip_get(CLEAT_EM_EIAC), wired[_i].eiac);
	ck_assert_uint_eq(chip_get(CLEAT_INTEL_IMS), wired[_i].ims);
	ck_assert_int_eq(chip_open_queue(CLEAT_RX, 0), 1);
	words = cleat_port_ctrl_queue(chip.port, CLEAT_RX, 0)->driver;
	ck_assert_uint_eq(words[CLEAT_NIC_ARM_BITS], wired[_i].arms);

	/* a packet: held back where the primary passes it on, and the rest may come again */
	*chip_reg(CLEAT_INTEL_IMC) = 0;
	*chip_reg(CLEAT_INTEL_IMS) = 0;
	*chip_reg(CLEAT_INTEL_ICR) = wired[_i].arms;
	chip.on_irq(chip.irq_arg);
	ck_assert_uint_eq(chip_get(CLEAT_INTEL_IMC), wired[_i].held);
	ck_assert_uint_eq(chip_get(CLEAT_INTEL_IMS), wired[_i].msix ? wired[_i].ims : 0);

	/* the same after a reset */
	*chip_reg(CLEAT_EM_IVAR) = 0;
	ck_assert_int_eq(chip.port->ops->queue_reset(chip.port, CLEAT_RX, 0), 1);
	ck_assert_uint_eq(chip_get(CLEAT_EM_IVAR), wired[_i].ivar);
	ck_assert_int_eq(chip.port->ops->stop(chip.port), 0);
}
END_TEST

static void add(TCase *tc)
{
	tcase_add_loop_test(tc, em_life, 0, 2);
	tcase_add_test(tc, em_link_speeds);
	tcase_add_test(tc, em_stuck_beside_a_living_one);
	tcase_add_loop_test(tc, em_rests_without_phy, 0, 2);
	tcase_add_test(tc, em_vlan_together);
	tcase_add_loop_test(tc, em_vectors, 0, sizeof(wired) / sizeof(wired[0]));
}

int main(void)
{
	return chip_run_tests("pmd/em_ctrl", add);
}
