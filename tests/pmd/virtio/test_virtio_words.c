/* SPDX-License-Identifier: BSD-3-Clause */
/* The words that describe a virtqueue lie where any worker may write: what makes no sense is
 * refused, and what was checked is what is used. */
#include <check.h>
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "tests/pmd/virtio/virtio_fake.h"

#define OPENS 20000

static struct cleat_queue queue;
static uint64_t *words;
static int scribbling;

static void setup(void)
{
	fake_up(FAKE_MODERN, 1, 64, 256);
	ck_assert_int_eq(fake_claim(CLEAT_TX, 0, 0), 0);
	queue = (struct cleat_queue){ .shm = cleat_port_ctrl_queue(&fake.d->port, CLEAT_TX, 0),
		.dir = CLEAT_TX };
	words = queue.shm->driver;
}

static int open_queue(void)
{
	struct cleat_queue_conf conf = { .n_fds = 0 };

	return cleat_virtio_queue_open(&queue, &conf);
}

START_TEST(nonsense)
{
	static const struct {
		enum virtio_word which;
		uint64_t value;
	} wrong[] = {
		{ VIRTIO_W_SIZE, 0 },
		{ VIRTIO_W_SIZE, 63 },
		{ VIRTIO_W_SIZE, 2 * VIRTIO_RING_MAX },
		{ VIRTIO_W_DEPTH, 1 },
		{ VIRTIO_W_DEPTH, 65 },
		{ VIRTIO_W_DEPTH, (1ULL << 32) + 64 },
		{ VIRTIO_W_LAYOUT, 11 },
		{ VIRTIO_W_RING, 0 },
		{ VIRTIO_W_RING, MBUF_HELP_BYTES - 4096 },
		{ VIRTIO_W_RING, UINT64_MAX - 4095 },
		{ VIRTIO_W_FDS, VIRTIO_FD_EVENT },
		{ VIRTIO_W_DOORBELL, 3 },
		{ VIRTIO_W_DOORBELL, MBUF_HELP_BYTES },
	};

	for (unsigned i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		uint64_t right = words[wrong[i].which];

		words[wrong[i].which] = wrong[i].value;
		ck_assert_int_eq(open_queue(), -EPROTO);
		ck_assert_ptr_nonnull(strstr(cleat_error(), "makes no sense"));
		words[wrong[i].which] = right;
	}
	ck_assert_int_eq(open_queue(), 0);
	cleat_virtio_queue_close(&queue);
}
END_TEST

static void write_words(uint64_t size, uint64_t depth, uint64_t ring)
{
	cleat_store_relaxed(&words[VIRTIO_W_SIZE], size);
	cleat_store_relaxed(&words[VIRTIO_W_DEPTH], depth);
	cleat_store_relaxed(&words[VIRTIO_W_RING], ring);
	for (int i = 0; i < 20; i++) /* long enough for others to see it */
		cleat_pause();
}

static void *scribble(void *arg)
{
	while (cleat_load_relaxed(&scribbling)) {
		write_words(1ULL << 40, 0xffff, MBUF_HELP_BYTES + 4096);
		write_words(64, 64, (uintptr_t)arg);
	}
	return NULL;
}

/* Somebody writes while the words are read. */
START_TEST(changing)
{
	uint64_t ring = words[VIRTIO_W_RING];
	unsigned opened = 0;
	pthread_t thread;

	scribbling = 1;
	ck_assert_int_eq(pthread_create(&thread, NULL, scribble, (void *)(uintptr_t)ring), 0);
	for (unsigned i = 0; i < OPENS || opened == 0; i++) {
		const struct virtio_queue *vq;

		if (open_queue() < 0)
			continue;
		vq = (const struct virtio_queue *)queue.data;
		if (vq->mask != 63 || vq->depth != 64 ||
			(uintptr_t)vq->desc != cleat_window_base + ring)
			ck_abort_msg("mask %u, depth %u used", vq->mask, vq->depth);
		cleat_virtio_queue_close(&queue);
		opened++;
	}
	cleat_store_relaxed(&scribbling, 0);
	ck_assert_int_eq(pthread_join(thread, NULL), 0);
	words[VIRTIO_W_SIZE] = words[VIRTIO_W_DEPTH] = 64;
	words[VIRTIO_W_RING] = ring;
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("pmd/virtio/words");
	TCase *tc = tcase_create("words");
	SRunner *runner;
	int failed;

	tcase_add_checked_fixture(tc, setup, fake_down);
	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, nonsense);
	tcase_add_test(tc, changing);
	suite_add_tcase(suite, tc);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
