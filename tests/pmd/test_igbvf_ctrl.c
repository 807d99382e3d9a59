/* SPDX-License-Identifier: BSD-3-Clause */
/* The control side of net_igbvf, and a physical function that answers as Linux's igb does. */
#include <check.h>
#include <errno.h>
#include <string.h>

#include "pmd/igbvf/igbvf.h"
#include "runtime/log.h"
#include "tests/pmd/chip_help.h"

/* The physical function's side of it. */
static uint16_t joined[32];
static unsigned n_joined;
static int strips;
static int administered; /* it is in a VLAN that it did not choose */
static int forgot;	 /* who it is: then it takes RESET only */
static int nameless; /* it has no address for it: it says no to RESET, and knows it all the same */
static uint32_t own[2];	  /* the address that it was told */
static int deaf;	  /* it does not answer */
static unsigned asked;	  /* while it was deaf */
static int resets_before; /* it was reset; that ends when the virtual function is reset, too */

static void forget(void)
{
	n_joined = 0;
	forgot = 0;
	cleat_store_release(&strips, administered);
	*chip_reg(CLEAT_IGBVF_MEMORY + 4) = 0x00000002;
	*chip_reg(CLEAT_IGBVF_MEMORY + 8) = 0x00000100;
}

static int join(uint16_t vlan)
{
	if (administered || forgot)
		return 0;
	joined[n_joined++ % 32] = vlan;
	cleat_store_release(&strips, vlan != 0);
	return 1;
}

static void answer(void)
{
	uint32_t word, granted = 1;

	if ((chip_get(CLEAT_IGBVF_MAILBOX) & CLEAT_MAILBOX_RSTD) && chip.resets != resets_before)
		cleat_store_release(chip_reg(CLEAT_IGBVF_MAILBOX), 0);
	if (!(chip_get(CLEAT_IGBVF_MAILBOX) & CLEAT_MAILBOX_REQ))
		return;
	if (cleat_load_acquire(&deaf)) {
		asked++;
		cleat_store_release(chip_reg(CLEAT_IGBVF_MAILBOX), 0);
		return;
	}
	word = chip_get(CLEAT_IGBVF_MEMORY);
	if ((word & 0xffff) == CLEAT_VF_RESET) {
		forget();
		granted = !nameless;
		if (nameless)
			*chip_reg(CLEAT_IGBVF_MEMORY + 4) = 0xdddddddd; /* what was there before */
	}
	if ((word & 0xffff) == CLEAT_VF_SET_MAC)
		for (uint32_t i = 0; i < 2; i++)
			cleat_store_release(&own[i], chip_get(CLEAT_IGBVF_MEMORY + 4 + 4 * i));
	if ((word & 0xffff) == CLEAT_VF_SET_VLAN)
		granted = (uint32_t)join((uint16_t)chip_get(CLEAT_IGBVF_MEMORY + 4));
	*chip_reg(CLEAT_IGBVF_MEMORY) =
		word | CLEAT_VF_CTS | (granted ? CLEAT_VF_ACK : CLEAT_VF_NACK);
	cleat_store_release(
		chip_reg(CLEAT_IGBVF_MAILBOX), CLEAT_MAILBOX_PFSTS | CLEAT_MAILBOX_PFACK);
}

static int probe(const char *args)
{
	static uint64_t stats[CLEAT_IGBVF_STATS];
	int ret;

	n_joined = 0;
	strips = 0;
	cleat_store_release(&chip.turn, answer);
	ret = chip_probe("net_igbvf", 0, args);
	if (ret >= 0)
		chip.port->hw_stats = stats; /* as the primary does */
	return ret;
}

/* Nothing is asked meanwhile, so the chip's thread leaves the mailbox alone. */
static void put_mailbox(uint32_t bits)
{
	n_joined = 0;
	cleat_store_release(&resets_before, cleat_load_acquire(&chip.resets));
	cleat_store_release(chip_reg(CLEAT_IGBVF_MAILBOX), bits);
}

/* The physical function was reset, and says something without CTS. */
static void was_reset(void)
{
	*chip_reg(CLEAT_IGBVF_MEMORY) = 0;
	put_mailbox(CLEAT_MAILBOX_PFSTS);
}

static void ticks(unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		chip.port->ops->tick(chip.port);
}

static unsigned refused_lines, back_lines;

static void note(enum cleat_log_level level, const char *text, void *arg)
{
	(void)level;
	(void)arg;
	refused_lines += strstr(text, "does not let it join VLAN 5") != NULL;
	back_lines += strstr(text, "is back") != NULL;
}

static int offloads_set(uint32_t offloads)
{
	int ret = chip.port->ops->offloads_set(chip.port, offloads);

	if (ret == 0)
		chip.port->offloads = offloads; /* as the primary does */
	return ret;
}

START_TEST(life)
{
	ck_assert_int_ge(probe(""), 0);
	ck_assert_mem_eq(chip.port->mac, "\2\0\0\0\0\1", 6);
	ck_assert_int_eq(chip_open_queue(CLEAT_RX, 0), -EINVAL);
	chip_start(1);
	ck_assert_uint_eq(n_joined, 0);
	ck_assert_int_eq(chip_open_queue(CLEAT_RX, 0), 1);
	ck_assert_int_eq(chip_open_queue(CLEAT_TX, 0), 0);
	ck_assert_uint_eq(chip_get(CLEAT_IGBVF_RX + CLEAT_ADV_DCTL), 0x02010808);
	ck_assert_int_eq(chip.port->ops->stop(chip.port), -EBUSY);
	ck_assert_int_eq(chip.port->ops->queue_reset(chip.port, CLEAT_RX, 0), 0);
	ck_assert_int_eq(chip.port->ops->queue_reset(chip.port, CLEAT_TX, 0), 0);
	ck_assert_int_eq(chip.port->ops->stop(chip.port), 0);
}
END_TEST

/* Nobody gave it an address: it makes one of its own, the same each time. */
START_TEST(without_an_address)
{
	uint8_t mac[6], told[6];

	nameless = 1;
	ck_assert_msg(probe("") >= 0, "%s", cleat_error());
	cleat_mac_from_name(chip.port->name, mac);
	ck_assert_mem_eq(chip.port->mac, mac, 6);
	chip_start(1);
	memcpy(told, own, 6);
	ck_assert_mem_eq(told, mac, 6);
	ck_assert_int_eq(chip_open_queue(CLEAT_TX, 0), 0);
	ck_assert_int_eq(chip.port->ops->queue_reset(chip.port, CLEAT_TX, 0), 0);
	nameless = 0;
}
END_TEST

/* The VLAN joined last decides whether tags are stripped. */
START_TEST(joins_vlans)
{
	ck_assert_int_ge(probe("vlan=5,vlan=0xffe"), 0);
	ck_assert_uint_eq(chip.port->offloads & CLEAT_OFFLOAD_RX_VLAN_STRIP, 0);
	chip_start(1);
	ck_assert_uint_eq(n_joined, 3);
	ck_assert_mem_eq(joined, ((uint16_t[]){ 5, 0xffe, 0 }), 6);
	ck_assert_int_eq(cleat_load_acquire(&strips), 0);
	ck_assert_int_eq(chip.port->ops->stop(chip.port), 0);

	ck_assert_int_eq(offloads_set(CLEAT_OFFLOAD_RX_VLAN_STRIP | CLEAT_OFFLOAD_RX_SCATTER), 0);
	ck_assert_int_eq(chip.port->ops->start(chip.port), 0);
	ck_assert_uint_eq(n_joined, 2);
	ck_assert_mem_eq(joined, ((uint16_t[]){ 5, 0xffe }), 4);
	ck_assert_int_eq(cleat_load_acquire(&strips), 1);
}
END_TEST

/* What it cannot have is refused by its name. */
START_TEST(without_vlans)
{
	ck_assert_int_ge(probe(""), 0);
	ck_assert_int_eq(offloads_set(CLEAT_OFFLOAD_RX_VLAN_STRIP), -EOPNOTSUPP);
	ck_assert_ptr_nonnull(strstr(cleat_error(), "rx-vlan-strip"));
	ck_assert_ptr_nonnull(strstr(cleat_error(), "vlan=N"));
	ck_assert_int_eq(offloads_set(CLEAT_OFFLOAD_TX_VLAN_INSERT), 0);
}
END_TEST

/* It was reset since the port stopped, and nobody has looked yet. */
START_TEST(offloads_when_forgotten)
{
	ck_assert_int_ge(probe("vlan=5"), 0);
	chip_start(1);
	ck_assert_int_eq(chip.port->ops->stop(chip.port), 0);
	forgot = 1;
	ck_assert_int_eq(offloads_set(CLEAT_OFFLOAD_TX_VLAN_INSERT), 0);
	was_reset();
	forgot = 1;
	ck_assert_int_eq(offloads_set(CLEAT_OFFLOAD_TX_VLAN_INSERT), 0);
	ck_assert_int_eq(chip.port->ops->start(chip.port), 0);
	ck_assert_uint_eq(n_joined, 2);
	ck_assert_mem_eq(joined, ((uint16_t[]){ 5, 0 }), 4);
}
END_TEST

START_TEST(in_an_administrators_vlan)
{
	administered = 1;
	ck_assert_int_ge(probe("vlan=5"), 0);
	ck_assert_int_eq(offloads_set(CLEAT_OFFLOAD_TX_VLAN_INSERT), -EOPNOTSUPP);
	ck_assert_ptr_nonnull(strstr(cleat_error(), "tx-vlan-insert"));
	ck_assert_int_eq(offloads_set(CLEAT_OFFLOAD_RX_SCATTER), 0);
	forgot = 1;
	ck_assert_int_eq(offloads_set(CLEAT_OFFLOAD_TX_VLAN_INSERT), -EOPNOTSUPP);
	ck_assert_int_eq(chip.port->ops->start(chip.port), -EPERM);
	ck_assert_ptr_nonnull(strstr(cleat_error(), "does not let it join VLAN 5"));
	administered = 0;
}
END_TEST

START_TEST(comes_back)
{
	ck_assert_int_ge(probe("vlan=5"), 0);
	chip_start(1);
	put_mailbox(CLEAT_MAILBOX_RSTD);
	for (unsigned i = 0; i < 4 && n_joined == 0; i++)
		ticks(1);
	ck_assert_uint_eq(n_joined, 2);
	ck_assert_mem_eq(joined, ((uint16_t[]){ 5, 0 }), 4);
	ck_assert_int_eq(chip_open_queue(CLEAT_TX, 0), 0);
	ck_assert_int_eq(chip.port->ops->queue_reset(chip.port, CLEAT_TX, 0), 0);
}
END_TEST

/* It is lost until it is as it was: with its VLANs, too. */
START_TEST(comes_back_whole_or_not)
{
	cleat_log_set(note, NULL);
	ck_assert_int_ge(probe("vlan=5"), 0);
	chip_start(1);
	administered = 1;
	was_reset();
	ticks(3);
	ck_assert_uint_eq(refused_lines, 1);
	ck_assert_uint_eq(back_lines, 0);
	ck_assert_uint_eq(n_joined, 0);
	ck_assert_int_eq(chip_open_queue(CLEAT_TX, 0), -EAGAIN);
	administered = 0;
	for (unsigned i = 0; i < 4 && n_joined == 0; i++)
		ticks(1);
	ck_assert_uint_eq(n_joined, 2);
	ck_assert_mem_eq(joined, ((uint16_t[]){ 5, 0 }), 4);
	ck_assert_uint_eq(back_lines, 1);
	ck_assert_int_eq(chip_open_queue(CLEAT_TX, 0), 0);
	ck_assert_int_eq(chip.port->ops->queue_reset(chip.port, CLEAT_TX, 0), 0);
}
END_TEST

/* One that does not answer takes the primary's time less and less often. */
START_TEST(is_asked_less_and_less)
{
	static const unsigned at[] = { 1, 2, 4, 8, 16, 32, 64, 96 };
	unsigned n = 0;

	ck_assert_int_ge(probe("vlan=5"), 0);
	chip_start(1);
	was_reset();
	cleat_store_release(&deaf, 1);
	for (unsigned i = 1; i <= 100; i++) {
		ticks(1);
		if (n < sizeof(at) / sizeof(at[0]) && at[n] == i)
			n++;
		ck_assert_msg(
			cleat_load_acquire(&asked) == n, "asked %u times in %u ticks", asked, i);
	}
	put_mailbox(CLEAT_MAILBOX_RSTD); /* it has come up: not only after 28 ticks more */
	ticks(4);
	ck_assert_uint_gt(cleat_load_acquire(&asked), n);
}
END_TEST

/* Lost again, it is asked at once, and as often as the first time. */
START_TEST(is_asked_anew)
{
	ck_assert_int_ge(probe("vlan=5"), 0);
	chip_start(1);
	was_reset();
	cleat_store_release(&deaf, 1);
	ticks(7);
	ck_assert_uint_eq(cleat_load_acquire(&asked), 3);
	cleat_store_release(&deaf, 0);
	ticks(1);
	ck_assert_uint_eq(n_joined, 2);
	was_reset();
	cleat_store_release(&deaf, 1);
	ticks(2);
	ck_assert_uint_eq(cleat_load_acquire(&asked), 5);
	cleat_store_release(&deaf, 0);
	ticks(1);
	ck_assert_uint_eq(n_joined, 0);
	ticks(1);
	ck_assert_uint_eq(n_joined, 2);
}
END_TEST

/* While it is being reset it is looked at, and not touched. */
START_TEST(is_not_asked_during_its_reset)
{
	int resets;

	ck_assert_int_ge(probe("vlan=5"), 0);
	chip_start(1);
	resets = cleat_load_acquire(&chip.resets);
	put_mailbox(CLEAT_MAILBOX_RSTI);
	ticks(50);
	ck_assert_int_eq(cleat_load_acquire(&chip.resets), resets);
	ck_assert_int_eq(chip.port->link.up, 0);
	ck_assert_int_eq(chip_open_queue(CLEAT_TX, 0), -EAGAIN);
	put_mailbox(0);
	ticks(1);
	ck_assert_int_gt(cleat_load_acquire(&chip.resets), resets);
	ck_assert_uint_eq(n_joined, 2);
	ticks(1);
	ck_assert_int_eq(chip.port->link.up, 1);
}
END_TEST

/* In the order of the counters' names. */
static const uint32_t STATS[CLEAT_IGBVF_STATS] = { CLEAT_IGBVF_GPRC, CLEAT_IGBVF_GPTC,
	CLEAT_IGBVF_GORC, CLEAT_IGBVF_GOTC, CLEAT_IGBVF_MPRC };

/* The device has counted so far: another number in each register. */
static void put_stats(uint32_t first)
{
	for (uint32_t i = 0; i < CLEAT_IGBVF_STATS; i++)
		cleat_store_release(chip_reg(STATS[i]), first + 100 * i);
}

static void check_stats(uint64_t expected)
{
	for (unsigned i = 0; i < CLEAT_IGBVF_STATS; i++)
		ck_assert_msg(chip.port->hw_stats[i] == expected, "counter %u: %llu, not %llu", i,
			(unsigned long long)chip.port->hw_stats[i], (unsigned long long)expected);
}

static void start_counting(uint32_t first)
{
	put_stats(first);
	ck_assert_int_ge(probe("vlan=5"), 0);
	chip_start(1);
	ticks(1);
}

/* The physical function is reset, with these values in the registers; then it is back. */
static void reset_and_back(uint32_t bits, uint32_t first)
{
	put_mailbox(bits);
	put_stats(first);
	for (unsigned i = 0; i < 4 && n_joined == 0; i++)
		ticks(1);
	ck_assert_uint_eq(n_joined, 2);
	ticks(1);
}

/* What was counted for somebody else before is not ours; the registers go round. */
START_TEST(counts_from_the_start)
{
	start_counting(0xffffff00);
	check_stats(0);
	put_stats(0xffffff07);
	ticks(1);
	check_stats(7);
	ticks(1);
	check_stats(7);
	put_stats(0x107);
	ticks(1);
	check_stats(0x207);
}
END_TEST

/* A reset of its own leaves the registers alone; what came since the last look counts. */
START_TEST(counts_over_a_stop)
{
	start_counting(5000);
	put_stats(5010);
	ck_assert_int_eq(chip.port->ops->stop(chip.port), 0);
	ck_assert_int_eq(offloads_set(CLEAT_OFFLOAD_TX_VLAN_INSERT), 0);
	ck_assert_int_eq(chip.port->ops->start(chip.port), 0);
	check_stats(10);
	put_stats(5011);
	ticks(1);
	check_stats(11);
}
END_TEST

/* The physical function is reset, and the registers go on, or begin anew. */
START_TEST(counts_over_a_reset)
{
	start_counting(5000);
	put_stats(5010);
	ticks(1);
	*chip_reg(CLEAT_IGBVF_MEMORY) = 0;
	reset_and_back(CLEAT_MAILBOX_PFSTS, 5013);
	check_stats(13);
	reset_and_back(CLEAT_MAILBOX_RSTD, 0);
	for (unsigned i = 0; i < CLEAT_IGBVF_STATS; i++) /* 0 and what came since */
		ck_assert_uint_eq(chip.port->hw_stats[i], 13 + 100 * i);
	put_stats(4);
	ticks(1);
	for (unsigned i = 0; i < CLEAT_IGBVF_STATS; i++)
		ck_assert_uint_eq(chip.port->hw_stats[i], 17 + 100 * i);
}
END_TEST

/* Only its configuration space says that; until then it may write to memory, which is kept. */
START_TEST(ones_do_not_prove_that_it_is_gone)
{
	ck_assert_int_ge(probe(""), 0);
	chip_start(1);
	ck_assert_int_eq(chip_open_queue(CLEAT_TX, 0), 0);
	chip_halt();
	memset(chip.bar, 0xff, CHIP_BAR_BYTES);
	ck_assert_int_eq(chip.driver->remove(&chip.pci.device, &chip.services), -ENODEV);
	ck_assert_ptr_nonnull(chip.pci.device.driver_data);
	ck_assert_ptr_eq(pmd_port(0), chip.port);
	chip.gone = 1;
	ck_assert_int_eq(chip.driver->remove(&chip.pci.device, &chip.services), 0);
	ck_assert_ptr_null(pmd_port(0));
	chip_go_on();
}
END_TEST

START_TEST(arguments)
{
	static const char *const wrong[] = { "vlan=0", "vlan=5,vlan=4095", "vlan=x", "queues=1" };
	char many[256] = "vlan=1";

	for (unsigned i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		ck_assert_int_eq(probe(wrong[i]), -EINVAL);
		ck_assert_ptr_nonnull(strstr(cleat_error(), i < 3 ? "vlan" : "queues"));
	}
	for (unsigned i = 0; i < CLEAT_IGBVF_VLANS; i++)
		(void)strcat(many, ",vlan=2");
	ck_assert_int_eq(probe(many), -EINVAL);
	ck_assert_ptr_nonnull(strstr(cleat_error(), "17 VLANs"));
}
END_TEST

static void add(TCase *tc)
{
	tcase_add_test(tc, life);
	tcase_add_test(tc, without_an_address);
	tcase_add_test(tc, joins_vlans);
	tcase_add_test(tc, without_vlans);
	tcase_add_test(tc, offloads_when_forgotten);
	tcase_add_test(tc, in_an_administrators_vlan);
	tcase_add_test(tc, comes_back);
	tcase_add_test(tc, comes_back_whole_or_not);
	tcase_add_test(tc, is_asked_less_and_less);
	tcase_add_test(tc, is_asked_anew);
	tcase_add_test(tc, is_not_asked_during_its_reset);
	tcase_add_test(tc, counts_from_the_start);
	tcase_add_test(tc, counts_over_a_stop);
	tcase_add_test(tc, counts_over_a_reset);
	tcase_add_test(tc, ones_do_not_prove_that_it_is_gone);
	tcase_add_test(tc, arguments);
}

int main(void)
{
	return chip_run_tests("pmd/igbvf_ctrl", add);
}
