/* SPDX-License-Identifier: BSD-3-Clause */
/* net_virtio, control side: what is negotiated, what is told to the device, what is refused. */
#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/clock.h"
#include "runtime/log.h"
#include "tests/pmd/virtio/virtio_fake.h"

static const struct cleat_port_ops *ops(void)
{
	return fake.d->port.ops;
}

static struct cleat_port_ctrl *port(void)
{
	return &fake.d->port;
}

START_TEST(comes_up)
{
	fake_up(FAKE_MODERN | 1ULL << 34, 2, 100, 64); /* packed rings: not asked for */
	ck_assert_uint_eq(fake.accepted, FAKE_MODERN);
	ck_assert_uint_eq(fake.status, VIRTIO_STATUS_ACKNOWLEDGE | VIRTIO_STATUS_DRIVER |
					       VIRTIO_STATUS_FEATURES_OK | VIRTIO_STATUS_DRIVER_OK);
	for (unsigned i = 0; i < 4; i++) {
		ck_assert(fake.vqs[i].enabled);
		ck_assert_uint_eq(fake.vqs[i].place.size, 128);
		ck_assert_uint_eq(fake.vqs[i].place.desc % 4096, 0);
		ck_assert_uint_eq(fake.vqs[i].place.used % 4096, 0);
	}
	ck_assert(!fake.vqs[4].enabled && fake.vqs[8].enabled); /* control: behind 4 pairs */
	ck_assert_uint_eq(fake.d->vqs[0].depth, 100);
	ck_assert_int_eq(port()->link.up, 1);
	fake_down();
}
END_TEST

START_TEST(offloads_decide)
{
	fake_new(FAKE_MODERN, 256, 64);
	fake.d->port.offloads = CLEAT_OFFLOAD_TX_SEGMENTS | CLEAT_OFFLOAD_RX_SCATTER;
	ck_assert_int_eq(fake_start(1, 16), 0);
	ck_assert_uint_eq(fake.accepted & (VIRTIO_NET_F_CSUM | VIRTIO_NET_F_GUEST_CSUM), 0);
	fake_down();
}
END_TEST

/* Its memory stays until it is at rest, and nobody brings it up again meanwhile. */
START_TEST(is_removed_at_rest)
{
	fake_up(FAKE_MODERN, 1, 16, 64);
	fake.stuck = 1;
	ck_assert_int_eq(fake_remove(), -EIO);
	ck_assert_uint_eq(fake.removed, 0);
	fake.d->device->leaving = 1; /* the bus says so */
	fake.stuck = 0;
	ops()->tick(port());
	ck_assert_int_ne(fake.d->state, VIRTIO_RUNNING);
	ck_assert_int_eq(fake_remove(), 0);
	ck_assert_uint_eq(fake.removed, 1);
	ck_assert_int_eq(fake.removed_at_rest, 1);
	fake_down();
}
END_TEST

/* What is not there cannot be brought to rest, and need not be. */
START_TEST(is_removed_when_gone)
{
	fake_up(FAKE_MODERN, 1, 16, 64);
	fake.stuck = fake.gone = 1;
	ck_assert_int_eq(fake_remove(), 0);
	ck_assert_uint_eq(fake.removed, 1);
	fake_down();
}
END_TEST

/* Without its queue a feature that is told over it is not worth anything. */
START_TEST(no_control_queue)
{
	fake_up(FAKE_MODERN & ~VIRTIO_NET_F_CTRL_VQ, 1, 16, 64);
	ck_assert_uint_eq(fake.accepted & (VIRTIO_NET_F_CTRL_RX | VIRTIO_NET_F_MQ |
						  VIRTIO_NET_F_CTRL_MAC_ADDR),
		0);
	ck_assert_uint_eq(fake.d->max_pairs, 1);
	ck_assert_int_eq(ops()->promiscuous_set(port(), 1), 0); /* it is anyway */
	ck_assert_int_eq(ops()->promiscuous_set(port(), 0), -EOPNOTSUPP);
	ck_assert_int_eq(ops()->mac_set(port(), (const uint8_t[6]){ 2 }), -EOPNOTSUPP);
	fake_down();
}
END_TEST

static void check_command(uint8_t class_, uint8_t command, const void *data, uint32_t len)
{
	ck_assert_uint_eq(fake.command[0], class_);
	ck_assert_uint_eq(fake.command[1], command);
	ck_assert_uint_eq(fake.data_len, len);
	ck_assert_mem_eq(fake.data, data, len);
}

START_TEST(commands)
{
	static const uint8_t MAC[6] = { 2, 1, 2, 3, 4, 5 }, GROUP[6] = { 1, 0, 0x5e, 0, 0, 1 };
	static const uint8_t LISTS[] = { 1, 0, 0, 0, 2, 1, 2, 3, 4, 5, 1, 0, 0, 0, 1, 0, 0x5e, 0, 0,
		1 };
	static const uint8_t LEFT[] = { 0, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0x5e, 0, 0, 1 };

	fake_up(FAKE_MODERN, 1, 16, 64);
	ck_assert_int_eq(ops()->promiscuous_set(port(), 1), 0);
	check_command(0, 0, "\1", 1);
	ck_assert_int_eq(ops()->allmulticast_set(port(), 1), 0);
	check_command(0, 1, "\1", 1);
	ck_assert_int_eq(ops()->mac_filter_add(port(), MAC), 0);
	ck_assert_int_eq(ops()->mac_filter_add(port(), GROUP), 0);
	check_command(1, 0, LISTS, sizeof(LISTS));
	ck_assert_int_eq(ops()->mac_filter_remove(port(), MAC), 0);
	check_command(1, 0, LEFT, sizeof(LEFT));
	ck_assert_int_eq(ops()->mac_filter_remove(port(), MAC), -ENOENT);
	ck_assert_int_eq(ops()->mac_set(port(), MAC), 0);
	check_command(1, 1, MAC, 6);
	fake.refuses = 1;
	ck_assert_int_eq(ops()->mac_set(port(), MAC), -EIO);
	ck_assert_int_eq(ops()->mac_filter_add(port(), MAC), -EIO);
	ck_assert_uint_eq(fake.d->n_filters, 1);
	fake.refuses = 0;
	fake_down();
}
END_TEST

/* What was set before stands after a reset, too. */
START_TEST(settings_survive)
{
	unsigned before;

	fake_up(FAKE_MODERN, 3, 16, 64);
	ck_assert_int_eq(ops()->promiscuous_set(port(), 1), 0);
	ck_assert_int_eq(ops()->mac_filter_add(port(), (const uint8_t[6]){ 2, 9 }), 0);
	memcpy(port()->mac, (const uint8_t[6]){ 2, 8 }, 6);
	before = fake.commands;
	ck_assert_int_eq(cleat_virtio_restart(fake.d), 0);
	ck_assert_uint_eq(fake.commands, before + 5); /* pairs, two modes, filters, address */
	check_command(1, 1, port()->mac, 6);
	fake_down();
}
END_TEST

START_TEST(a_deaf_device)
{
	uint64_t begun_ms;

	fake_up(FAKE_MODERN, 1, 16, 64);
	fake.deaf = 1;
	ck_assert_int_eq(ops()->promiscuous_set(port(), 1), -ETIMEDOUT);
	ck_assert_int_eq(ops()->promiscuous_set(port(), 1), -EIO); /* at once */
	fake.deaf = 0;
	ck_assert_int_eq(cleat_virtio_restart(fake.d), 0);
	ck_assert_int_eq(ops()->promiscuous_set(port(), 0), 0);

	/* it found nonsense in a queue, and says so: nobody waits for it */
	fake.deaf = 1;
	fake.status |= VIRTIO_STATUS_NEEDS_RESET;
	begun_ms = cleat_now_ms();
	ck_assert_int_eq(ops()->promiscuous_set(port(), 1), -ETIMEDOUT);
	ck_assert_uint_lt(cleat_now_ms() - begun_ms, 900);
	fake.deaf = 0;
	ops()->tick(port());
	ck_assert_int_eq(ops()->promiscuous_set(port(), 0), 0);
	fake_down();
}
END_TEST

START_TEST(an_old_address)
{
	static const uint8_t MAC[6] = { 2, 1, 2, 3, 4, 5 };

	fake_up(VIRTIO_NET_F_MAC | VIRTIO_NET_F_MRG_RXBUF, 1, 16, 64);
	ck_assert_uint_eq(cleat_virtio_layout(fake.d), 12 | VIRTIO_LAYOUT_MERGEABLE);
	ck_assert_int_eq(ops()->mac_set(port(), MAC), 0);
	ck_assert_mem_eq(fake.config, MAC, 6);
	fake_down();
}
END_TEST

START_TEST(what_is_refused)
{
	struct cleat_pool_row_shm row = { .headroom_bytes = 8 };

	fake_up(FAKE_MODERN, 1, 16, 64);
	ck_assert_int_eq(ops()->stop(port()), 0);
	ck_assert_int_eq(ops()->configure(port(), 1, 2), -EINVAL);
	ck_assert_int_eq(ops()->tx_queue_setup(port(), 0, 1), -EINVAL);
	ck_assert_int_eq(ops()->tx_queue_setup(port(), 0, 1025), -EINVAL);
	ck_assert_int_eq(ops()->rx_queue_setup(port(), 0, 16, &row), -EINVAL);
	ck_assert_int_eq(ops()->start(port()), 0);
	ck_assert_int_eq(fake_claim(CLEAT_TX, 0, 0), 0);
	ck_assert_int_eq(ops()->configure(port(), 1, 1), -EBUSY);
	ck_assert_int_eq(ops()->tx_queue_setup(port(), 0, 16), -EBUSY);
	fake_down();
}
END_TEST

/* It would write to physical memory where the program means its own. */
START_TEST(round_the_iommu)
{
	fake_new(FAKE_MODERN, 256, 64);
	cleat_registry->header.iova_mode = CLEAT_IOVA_VA;
	ck_assert_int_eq(cleat_virtio_learn(fake.d), -ENOTSUP);
	fake.offered |= VIRTIO_F_ACCESS_PLATFORM;
	ck_assert_int_eq(cleat_virtio_learn(fake.d), 0);
	ck_assert(fake.d->features & VIRTIO_F_ACCESS_PLATFORM);
	ck_assert_int_eq(fake_start(1, 16), 0);
	fake_down();
}
END_TEST

START_TEST(odd_devices)
{
	fake_new(FAKE_MODERN, 256, 64);
	fake.offered |= VIRTIO_NET_F_MTU;
	memset(fake.config + VIRTIO_NET_CONFIG_MTU, 0, 2);
	ck_assert_int_eq(cleat_virtio_learn(fake.d), -EPROTO); /* an MTU of 0 */
	fake.config[VIRTIO_NET_CONFIG_MTU + 1] = 4;
	ck_assert_int_eq(cleat_virtio_learn(fake.d), 0);
	ck_assert_uint_eq(port()->mtu, 1024);
	fake.config[VIRTIO_NET_CONFIG_MAX_PAIRS] = 0;
	ck_assert_int_eq(cleat_virtio_learn(fake.d), -EPROTO);
	fake.config[VIRTIO_NET_CONFIG_MAX_PAIRS] = 1;
	fake.max_size = 0;
	ck_assert_int_eq(cleat_virtio_learn(fake.d), -EPROTO);
	fake.max_size = 100; /* no power of two */
	ck_assert_int_eq(cleat_virtio_learn(fake.d), -EPROTO);
	fake.max_size = 64;
	ck_assert_int_eq(cleat_virtio_learn(fake.d), 0);
	ck_assert_int_eq(fake_start(1, 16), 0);
	fake_down();
}
END_TEST

static char warned[256];

static void note(enum cleat_log_level level, const char *text, void *arg)
{
	(void)arg;
	if (level == CLEAT_LOG_WARNING)
		(void)snprintf(warned, sizeof(warned), "%s", text);
}

static void check_odd_queue(uint16_t number, uint16_t size, unsigned pairs, const char *says)
{
	warned[0] = '\0';
	fake.odd_vq = number;
	fake.odd_size = size;
	for (unsigned i = 0; i < VIRTIO_MAX_VQS; i++)
		fake.d->vqs[i].max_size = 0; /* as of a new device */
	ck_assert_int_eq(cleat_virtio_learn(fake.d), 0);
	ck_assert_uint_eq(fake.d->max_pairs, pairs);
	ck_assert_ptr_nonnull(strstr(warned, says));
	ck_assert_uint_eq(port()->max_descriptors, 256);
	ck_assert_uint_eq(fake.d->command.number, 8); /* behind the device's 4 pairs */
	for (unsigned i = 0; i < VIRTIO_MAX_VQS; i++)
		ck_assert_uint_eq(fake.d->vqs[i].max_size, i < 2 * pairs ? 256 : 0);
}

/* A queue that cannot be used costs the pairs from its own on, not the device. */
START_TEST(odd_queues)
{
	fake_new(FAKE_MODERN, 256, 64);
	cleat_log_set(note, NULL);
	check_odd_queue(7, 100, 3, "virtqueue 7 of 100 descriptors");
	check_odd_queue(4, 0, 2, "virtqueue 4 of 0 descriptors");
	check_odd_queue(3, 1, 1, "virtqueue 3 of 1 descriptors");
	check_odd_queue(4, 0, 2, "2 queue pairs");
	fake.odd_vq = 1;
	ck_assert_int_eq(cleat_virtio_learn(fake.d), -EPROTO);
	fake.odd_vq = 8;
	ck_assert_int_eq(cleat_virtio_learn(fake.d), -EPROTO);
	check_odd_queue(5, 0, 2, "virtqueue 5");
	ck_assert_int_eq(fake_start(2, 16), 0);
	ck_assert(fake.vqs[3].enabled && !fake.vqs[4].enabled && fake.vqs[8].enabled);
	ck_assert_uint_gt(fake.commands, 0);
	fake_down();
}
END_TEST

START_TEST(link_changes)
{
	fake_up(FAKE_MODERN, 1, 16, 64);
	fake.config[VIRTIO_NET_CONFIG_STATUS] = 0;
	ops()->tick(port());
	ck_assert_int_eq(port()->link.up, 0);
	ck_assert_uint_eq(fake.link_events, 2);
	ops()->tick(port());
	ck_assert_uint_eq(fake.link_events, 2);
	fake_down();
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("pmd/virtio/ctrl");
	TCase *tc = tcase_create("ctrl");
	SRunner *runner;
	int failed;

	tcase_set_timeout(tc, 30);
	tcase_add_test(tc, comes_up);
	tcase_add_test(tc, offloads_decide);
	tcase_add_test(tc, is_removed_at_rest);
	tcase_add_test(tc, is_removed_when_gone);
	tcase_add_test(tc, no_control_queue);
	tcase_add_test(tc, commands);
	tcase_add_test(tc, settings_survive);
	tcase_add_test(tc, a_deaf_device);
	tcase_add_test(tc, an_old_address);
	tcase_add_test(tc, what_is_refused);
	tcase_add_test(tc, round_the_iommu);
	tcase_add_test(tc, odd_devices);
	tcase_add_test(tc, odd_queues);
	tcase_add_test(tc, link_changes);
	suite_add_tcase(suite, tc);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
