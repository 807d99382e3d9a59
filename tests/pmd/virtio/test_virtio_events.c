/* SPDX-License-Identifier: BSD-3-Clause */
/* With VIRTIO_F_EVENT_IDX net_virtio and its device say by index when the other is to speak up: the
 * doorbell rings for the entry that the device waits for, interrupts come when they are wanted and
 * never else, also where the indexes of 16 bits begin again. */
#include <check.h>
#include <stdlib.h>
#include <unistd.h>

#include "tests/pmd/virtio/virtio_fake.h"

#define DESCRIPTORS 128
#define MBUFS	    512
#define RX	    0 /* numbers of the virtqueues */
#define TX	    1
#define N	    32
#define ROUNDS	    (3 * 65536 / N) /* in packets, the indexes begin again three times */

static const uint8_t packet[60], longer[700];

static void setup(void)
{
	fake_up(FAKE_MODERN | VIRTIO_F_EVENT_IDX, 1, DESCRIPTORS, MBUFS);
}

static uint16_t *used_event(unsigned number)
{
	return virtio_used_event(
		(struct virtio_avail *)fake.vqs[number].place.avail, fake.vqs[number].place.size);
}

/* The device waits for the entry of this index. */
static void await(unsigned number, uint16_t index)
{
	*virtio_avail_event((struct virtio_used *)fake.vqs[number].place.used,
		fake.vqs[number].place.size) = index;
}

static void no_flags(unsigned number)
{
	ck_assert_uint_eq(((struct virtio_avail *)fake.vqs[number].place.avail)->flags, 0);
}

/* ---- the doorbell ---- */

/* Send that many packets. @return whether the doorbell rang */
static int send(unsigned n)
{
	struct cleat_mbuf *mbufs[N];

	*fake_doorbell(TX) = 0xeeee;
	ck_assert_int_eq(cleat_mbuf_alloc_bulk(fake.pool, mbufs, n), 0);
	for (unsigned i = 0; i < n; i++)
		ck_assert_ptr_nonnull(cleat_mbuf_append(mbufs[i], 60));
	ck_assert_int_eq(cleat_tx_burst(0, 0, mbufs, n), (int)n);
	ck_assert(*fake_doorbell(TX) == 0xeeee || *fake_doorbell(TX) == TX);
	return *fake_doorbell(TX) == TX;
}

static void use_all_sent(void)
{
	static struct fake_sent sent;

	while (fake_take_tx(0, &sent))
		fake_use(TX, sent.id, 0);
}

START_TEST(rings_for_the_entry_awaited)
{
	ck_assert_int_eq(fake_claim(CLEAT_TX, 0, 0), 0);
	ck_assert_int_eq(send(4), 1); /* a device that was reset waits for the first */
	ck_assert_int_eq(send(4), 0); /* 4 to 7; it is at work yet */
	await(TX, 10);
	ck_assert_int_eq(send(4), 1); /* 8 to 11 */
	await(TX, 15);
	ck_assert_int_eq(send(4), 1); /* the last one of 12 to 15 */
	await(TX, 20);
	ck_assert_int_eq(send(4), 0); /* the next one after 16 to 19 */
	ck_assert_int_eq(send(1), 1);
	((struct virtio_used *)fake.vqs[TX].place.used)->flags = VIRTIO_USED_NO_NOTIFY;
	await(TX, 21);
	ck_assert_int_eq(send(1), 1); /* the flag says nothing any more, 2.7.10 */
}
END_TEST

START_TEST(rings_on_and_on)
{
	ck_assert_int_eq(fake_claim(CLEAT_TX, 0, 0), 0);
	for (unsigned i = 0; i < ROUNDS; i++) {
		await(TX, fake.vqs[TX].last_avail);
		ck_assert_msg(send(N), "no doorbell after %u packets", i * N);
		use_all_sent();
	}
}
END_TEST

/* It stays where it was: the driver comes by it once in 65,536 entries. */
START_TEST(rings_not_for_an_old_one)
{
	unsigned rang = 0;

	ck_assert_int_eq(fake_claim(CLEAT_TX, 0, 0), 0);
	await(TX, 100);
	for (unsigned i = 0; i < ROUNDS; i++) {
		rang += (unsigned)send(N);
		use_all_sent();
	}
	ck_assert_uint_eq(rang, 3);
}
END_TEST

START_TEST(rings_for_new_buffers)
{
	struct cleat_mbuf *mbufs[N];

	ck_assert_int_eq(fake_claim(CLEAT_RX, 0, 0), 0);
	*fake_doorbell(RX) = 0xeeee;
	ck_assert_int_eq(cleat_rx_burst(0, 0, mbufs, N), 0);
	ck_assert_uint_eq(*fake_doorbell(RX), RX);
	ck_assert_uint_eq(fake_offered(RX), DESCRIPTORS);
	for (unsigned i = 0; i < N; i++)
		ck_assert_uint_eq(fake_receive(0, NULL, packet, sizeof(packet), 0), 1);
	*fake_doorbell(RX) = 0xeeee;
	ck_assert_int_eq(cleat_rx_burst(0, 0, mbufs, N), N);
	ck_assert_uint_eq(*fake_doorbell(RX), 0xeeee);
	ck_assert_uint_eq(fake_offered(RX), DESCRIPTORS);
	cleat_mbuf_free_bulk(mbufs, N);
}
END_TEST

/* ---- interrupts ---- */

/* The device receives a packet. @return whether it interrupts for that, 2.7.7.2 */
static int receive_one(void)
{
	uint16_t before = fake.vqs[RX].used_idx;

	ck_assert_uint_eq(fake_receive(0, NULL, packet, sizeof(packet), 0), 1);
	return virtio_event_is_due(*used_event(RX), before, fake.vqs[RX].used_idx);
}

/* Packets come and are taken, none interrupts. */
static void receive_quietly(unsigned rounds)
{
	struct cleat_mbuf *mbufs[N];

	for (unsigned i = 0; i < rounds; i++) {
		for (unsigned k = 0; k < N; k++)
			ck_assert_msg(!receive_one(), "interrupt after %u packets", i * N + k);
		ck_assert_int_eq(cleat_rx_burst(0, 0, mbufs, N), N);
		cleat_mbuf_free_bulk(mbufs, N);
	}
	no_flags(RX);
}

static void claim_with_interrupts(void)
{
	struct cleat_mbuf *mbufs[N];

	fake.d->irq_fd = 0; /* as if there were some */
	ck_assert_int_eq(fake_claim(CLEAT_RX, 0, 0), 0);
	fake.d->irq_fd = -1;
	ck_assert_int_eq(cleat_rx_burst(0, 0, mbufs, N), 0);
}

START_TEST(none_while_polled)
{
	claim_with_interrupts();
	receive_quietly(ROUNDS);
}
END_TEST

START_TEST(one_for_who_sleeps)
{
	struct cleat_mbuf *mbufs[N];

	claim_with_interrupts();
	receive_quietly(5);
	ck_assert_int_eq(cleat_rx_arm(0, 0), 0);
	no_flags(RX);
	ck_assert_int_eq(receive_one(), 1);
	ck_assert_int_eq(receive_one(), 0);
	ck_assert_int_eq(cleat_rx_disarm(0, 0), 0);
	ck_assert_int_eq(cleat_rx_burst(0, 0, mbufs, N), 2);
	cleat_mbuf_free_bulk(mbufs, 2);
	receive_quietly(ROUNDS);
	ck_assert_int_eq(receive_one(), 0);
	ck_assert_int_eq(cleat_rx_arm(0, 0), 1); /* it is there already */
	ck_assert_int_eq(receive_one(), 0);
	ck_assert_int_eq(cleat_rx_burst(0, 0, mbufs, N), 2);
	cleat_mbuf_free_bulk(mbufs, 2);
}
END_TEST

static void set_used(uint16_t index)
{
	((struct virtio_used *)fake.vqs[RX].place.used)->idx = index;
}

/* A look that finds nothing whole leaves him awake to the next packet. */
START_TEST(armed_stays_armed)
{
	struct cleat_mbuf *mbufs[N];

	claim_with_interrupts();
	ck_assert_int_eq(cleat_rx_arm(0, 0), 0);
	ck_assert_int_eq(cleat_rx_burst(0, 0, mbufs, N), 0);
	ck_assert_uint_eq(fake_receive(0, NULL, longer, sizeof(longer), 1), 2);
	set_used(1); /* the rest of the packet is not there yet */
	ck_assert_int_eq(cleat_rx_burst(0, 0, mbufs, N), 0);
	ck_assert_uint_eq(*used_event(RX), 0);
	set_used(2);
	ck_assert_int_eq(cleat_rx_burst(0, 0, mbufs, N), 1);
	cleat_mbuf_free(mbufs[0]);
	receive_quietly(ROUNDS); /* and that was it, also without disarming */
}
END_TEST

START_TEST(none_for_what_is_sent)
{
	ck_assert_int_eq(fake_claim(CLEAT_TX, 0, 0), 0);
	for (unsigned i = 0; i < ROUNDS; i++) {
		uint16_t before = fake.vqs[TX].used_idx;

		(void)send(N);
		use_all_sent();
		ck_assert(!virtio_event_is_due(*used_event(TX), before, fake.vqs[TX].used_idx));
	}
	no_flags(TX);
}
END_TEST

/* ---- anew ---- */

static void begin(uint64_t more)
{
	fake_down();
	fake_up(FAKE_MODERN | VIRTIO_F_EVENT_IDX | more, 1, DESCRIPTORS, MBUFS);
}

/* The next owner finds the events of a device that was just reset, whatever the last one left. */
static void die_and_send_again(void)
{
	ck_assert_int_eq(fake_claim(CLEAT_TX, 0, 0), 0);
	ck_assert_int_eq(send(4), 1);
	await(TX, 4);
	*used_event(TX) = 2;
	fake_kill(CLEAT_TX, 0);
	ck_assert_int_eq(cleat_virtio_vq_reset(fake.d, TX), 0);
	(void)fake_take_back(CLEAT_TX, 0);
	ck_assert_uint_eq(*used_event(TX), UINT16_MAX);
	no_flags(TX);
	ck_assert_int_eq(fake_claim(CLEAT_TX, 0, 0), 0);
	ck_assert_int_eq(send(1), 1);
}

START_TEST(a_reset_queue_begins_anew)
{
	unsigned resets = fake.resets;

	die_and_send_again();
	ck_assert_uint_gt(fake.resets, resets); /* of the whole device */
	begin(VIRTIO_F_RING_RESET);
	resets = fake.resets;
	die_and_send_again();
	ck_assert_uint_eq(fake.resets, resets);
}
END_TEST

/* Below an owner who goes on: wherever his indexes were. */
START_TEST(a_living_owner_begins_anew)
{
	struct cleat_mbuf *mbufs[N];

	claim_with_interrupts();
	ck_assert_int_eq(fake_claim(CLEAT_TX, 0, 0), 0);
	for (unsigned i = 0; i < 5; i++) {
		receive_quietly(i + 1);
		(void)send(N - i);
		(void)send(N - i);
		use_all_sent();
		await(RX, 77);
		await(TX, 77);
		ck_assert_int_eq(cleat_virtio_restart(fake.d), 0);
		*fake_doorbell(RX) = 0xeeee;
		ck_assert_int_eq(cleat_rx_burst(0, 0, mbufs, N), 0);
		ck_assert_uint_eq(*fake_doorbell(RX), RX);
		ck_assert_uint_eq(fake_offered(RX), DESCRIPTORS);
		ck_assert_int_eq(send(1), 1);
		ck_assert_uint_eq(*used_event(RX), UINT16_MAX);
		ck_assert_uint_eq(*used_event(TX), UINT16_MAX);
		use_all_sent();
	}
}
END_TEST

/* He has looked, found nothing and sleeps on. */
START_TEST(a_sleeper_is_woken_after_a_reset)
{
	struct cleat_mbuf *mbufs[N];

	claim_with_interrupts();
	receive_quietly(3);
	ck_assert_int_eq(cleat_rx_arm(0, 0), 0);
	ck_assert_int_eq(cleat_virtio_restart(fake.d), 0);
	ck_assert_int_eq(cleat_rx_burst(0, 0, mbufs, N), 0);
	ck_assert_int_eq(receive_one(), 1);
	ck_assert_int_eq(cleat_rx_disarm(0, 0), 0);
	ck_assert_int_eq(cleat_rx_burst(0, 0, mbufs, N), 1);
	cleat_mbuf_free(mbufs[0]);
}
END_TEST

static TCase *doorbell(void)
{
	TCase *tc = tcase_create("doorbell");

	tcase_add_test(tc, rings_for_the_entry_awaited);
	tcase_add_test(tc, rings_on_and_on);
	tcase_add_test(tc, rings_not_for_an_old_one);
	tcase_add_test(tc, rings_for_new_buffers);
	tcase_add_test(tc, a_reset_queue_begins_anew);
	tcase_add_test(tc, a_living_owner_begins_anew);
	return tc;
}

static TCase *interrupts(void)
{
	TCase *tc = tcase_create("interrupts");

	tcase_add_test(tc, none_while_polled);
	tcase_add_test(tc, one_for_who_sleeps);
	tcase_add_test(tc, armed_stays_armed);
	tcase_add_test(tc, a_sleeper_is_woken_after_a_reset);
	tcase_add_test(tc, none_for_what_is_sent);
	return tc;
}

int main(void)
{
	Suite *suite = suite_create("pmd/virtio/events");
	TCase *cases[] = { doorbell(), interrupts() };
	SRunner *runner;
	int failed;

	for (unsigned i = 0; i < 2; i++) {
		tcase_set_timeout(cases[i], 60);
		tcase_add_checked_fixture(cases[i], setup, fake_down);
		suite_add_tcase(suite, cases[i]);
	}
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
