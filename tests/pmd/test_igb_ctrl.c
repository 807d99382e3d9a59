/* SPDX-License-Identifier: BSD-3-Clause */
/* The control side of net_igb. */
#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "pmd/igb/igb.h"
#include "tests/pmd/chip_help.h"

static uint8_t reta(unsigned i)
{
	return chip.bar[CLEAT_IGB_RETA + i];
}

START_TEST(igb_queues)
{
	ck_assert_int_ge(chip_probe("net_igb", 0, "queues=4"), 0);
	ck_assert_uint_eq(chip.port->default_rx_queues, 4);
	ck_assert_uint_ne(chip.port->offloads & CLEAT_OFFLOAD_RX_RSS, 0);
	chip.vectors = 3; /* two queues of the four can wake their owners */
	chip_start(4);
	for (unsigned i = 0; i < 128; i++)
		ck_assert_uint_eq(reta(i), 0);
	ck_assert_int_eq(chip_open_queue(CLEAT_RX, 1), 1);
	ck_assert_int_eq(chip_open_queue(CLEAT_RX, 3), 0);
	ck_assert_int_eq(chip_open_queue(CLEAT_TX, 3), 0);
	for (unsigned i = 0; i < 128; i++)
		ck_assert_uint_eq(reta(i), i % 2 ? 3 : 1);
	/* one buffer of 2 KiB, dropped when there is none; enabled */
	ck_assert_uint_eq(chip_get(CLEAT_IGB_RX(3) + CLEAT_ADV_SRRCTL), 0x82000002);
	ck_assert_uint_eq(chip_get(CLEAT_IGB_RX(3) + CLEAT_ADV_DCTL), 0x02010808);
	ck_assert_uint_eq(chip_get(CLEAT_IGB_RX(3) + CLEAT_ADV_LEN), 1024);
	ck_assert_uint_eq(chip_get(CLEAT_IGB_RX(0) + CLEAT_ADV_DCTL), 0);
	ck_assert_uint_eq(chip_get(CLEAT_IGB_TX(3) + CLEAT_ADV_DCTL), 0x02000108);
	ck_assert_uint_eq(
		cleat_port_ctrl_queue(chip.port, CLEAT_RX, 1)->driver[CLEAT_NIC_ARM_BITS], 4);
	ck_assert_uint_eq(
		cleat_port_ctrl_queue(chip.port, CLEAT_RX, 3)->driver[CLEAT_NIC_ARM_ON], 0);

	ck_assert_int_eq(chip.port->ops->queue_reset(chip.port, CLEAT_RX, 1), 0);
	for (unsigned i = 0; i < 128; i++)
		ck_assert_uint_eq(reta(i), 3);
	ck_assert_uint_eq(chip_get(CLEAT_IGB_RX(1) + CLEAT_ADV_DCTL), 0x00010808);
	ck_assert_uint_eq(chip_get(CLEAT_IGB_RX(3) + CLEAT_ADV_DCTL), 0x02010808);
	ck_assert_int_eq(chip_open_queue(CLEAT_RX, 1), 1);
	ck_assert_uint_eq(reta(0), 1);
	ck_assert_uint_eq(reta(1), 3);
}
END_TEST

static uint32_t hash_fields(void)
{
	return chip_get(CLEAT_IGB_MRQC) & ~CLEAT_MRQC_DEF_Q(7);
}

/* A hash is worth its time only if it chooses a queue, or somebody wants to see it. */
START_TEST(igb_hash)
{
	ck_assert_int_ge(chip_probe("net_igb", 0, ""), 0);
	ck_assert_uint_eq(chip.port->offloads & CLEAT_OFFLOAD_RX_RSS, 0);
	chip_start(1);
	ck_assert_uint_eq(hash_fields(), CLEAT_MRQC_RSS);
	chip.port->ops->stop(chip.port);
	chip.port->offloads |= CLEAT_OFFLOAD_RX_RSS;
	chip_start(1);
	ck_assert_uint_eq(hash_fields(), CLEAT_MRQC_RSS | CLEAT_MRQC_FIELDS);
	chip.port->ops->stop(chip.port);
	chip.port->offloads &= ~CLEAT_OFFLOAD_RX_RSS;
	chip_start(2);
	ck_assert_uint_eq(hash_fields(), CLEAT_MRQC_RSS | CLEAT_MRQC_FIELDS);
}
END_TEST

/* One vector: an owner who holds it back would leave the others asleep. */
START_TEST(igb_shared_vector)
{
	unsigned queues = (unsigned)_i;

	ck_assert_int_ge(chip_probe("net_igb", 0, "queues=2"), 0);
	chip.vectors = 1;
	chip_start(queues);
	for (unsigned q = 0; q < queues; q++) {
		const uint64_t *words = cleat_port_ctrl_queue(chip.port, CLEAT_RX, q)->driver;

		ck_assert_int_eq(chip_open_queue(CLEAT_RX, q), 1);
		ck_assert_uint_eq(words[CLEAT_NIC_ARM_ON],
			(uintptr_t)chip.bar + CLEAT_INTEL_IMS - cleat_window_base);
		ck_assert_uint_eq(words[CLEAT_NIC_ARM_OFF],
			queues == 1 ? (uintptr_t)chip.bar + CLEAT_INTEL_IMC - cleat_window_base
				    : 0);
	}
}
END_TEST

START_TEST(igb_arguments)
{
	static const char *const wrong[] = { "queues=0", "queues=17", "queue=2", "queues=x" };

	for (unsigned i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		ck_assert_int_eq(chip_probe("net_igb", 0, wrong[i]), -EINVAL);
		ck_assert_ptr_nonnull(strstr(cleat_error(), "queue"));
	}
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

static void add(TCase *tc)
{
	tcase_add_test(tc, igb_queues);
	tcase_add_test(tc, igb_hash);
	tcase_add_loop_test(tc, igb_shared_vector, 1, 3);
	tcase_add_test(tc, igb_arguments);
	tcase_add_test(tc, redirection_table);
}

int main(void)
{
	return chip_run_tests("pmd/igb_ctrl", add);
}
