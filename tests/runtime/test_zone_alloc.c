/* SPDX-License-Identifier: BSD-3-Clause */
/* The allocator against a naive model: one byte per unit, everything by looking at every unit. */
#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/arch.h"
#include "runtime/error.h"
#include "runtime/handle.h"
#include "runtime/zone_alloc.h"

#define UNIT	   CLEAT_ZONE_UNIT
#define PAGE_UNITS 8U
#define PAGE	   (PAGE_UNITS * UNIT)
#define MAX_UNITS  1024U
#define MAX_LIVE   256
#define SEEDS	   12
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define ROUNDS 600 /* six times as slow */
#else
#define ROUNDS 2500
#endif

/* ---- the model ---- */

struct model_segment {
	uint64_t off;
	uint64_t units;
	uint64_t iova;
	uint64_t *page_iova; /* our copy; NULL: contiguous */
	uint16_t node;
};

struct model {
	uint8_t used[MAX_UNITS];
	struct model_segment segs[5];
	int n_segs;
	uint64_t live_off[MAX_LIVE], live_len[MAX_LIVE];
	int n_live;
};

static const struct model_segment *seg_at(const struct model *m, uint64_t off)
{
	for (int i = 0; i < m->n_segs; i++)
		if (off >= m->segs[i].off && off < m->segs[i].off + m->segs[i].units * UNIT)
			return &m->segs[i];
	return NULL;
}

static uint64_t iova_at(const struct model_segment *seg, uint64_t off)
{
	uint64_t page = (off - seg->off) / PAGE;

	if (seg->page_iova == NULL)
		return seg->iova == CLEAT_IOVA_NONE ? CLEAT_IOVA_NONE : seg->iova + off - seg->off;
	return seg->page_iova[page] == CLEAT_IOVA_NONE
		       ? CLEAT_IOVA_NONE
		       : seg->page_iova[page] + (off - seg->off) % PAGE;
}

static int model_contiguous(const struct model_segment *seg, uint64_t off, uint64_t len)
{
	uint64_t first = iova_at(seg, off);

	if (first == CLEAT_IOVA_NONE)
		return 0;
	for (uint64_t at = 0; at < len; at += UNIT)
		if (iova_at(seg, off + at) != first + at)
			return 0;
	return 1;
}

static int model_serves(const struct model *m, const struct cleat_heap_want *want, uint64_t off,
	uint64_t len, const struct model_segment *seg)
{
	uint64_t va = cleat_window_base + off;

	if (off + len > seg->off + seg->units * UNIT)
		return 0;
	for (uint64_t at = off; at < off + len; at += UNIT)
		if (m->used[at / UNIT])
			return 0;
	if (want->align && va % want->align)
		return 0;
	if (want->boundary && va / want->boundary != (va + len - 1) / want->boundary)
		return 0;
	if (want->node != 0xffff && want->node != seg->node)
		return 0;
	return !want->contiguous || model_contiguous(seg, off, len);
}

/* End of the free run that starts at @p off, within its segment. */
static uint64_t free_end(const struct model *m, const struct model_segment *seg, uint64_t off)
{
	while (off < seg->off + seg->units * UNIT && !m->used[off / UNIT])
		off += UNIT;
	return off;
}

/* Best fit: the smallest run in which it fits, the lowest place in it. */
static int model_find(const struct model *m, const struct cleat_heap_want *want, uint64_t *place)
{
	uint64_t len = cleat_align_up(want->len_bytes, UNIT);
	uint64_t best = UINT64_MAX;

	for (int i = 0; i < m->n_segs; i++) {
		const struct model_segment *seg = &m->segs[i];
		uint64_t off = seg->off, end;

		for (; off < seg->off + seg->units * UNIT; off = end + UNIT) {
			end = free_end(m, seg, off);
			for (uint64_t at = off; at + len <= end && end - off < best; at += UNIT)
				if (model_serves(m, want, at, len, seg)) {
					best = end - off;
					*place = at;
				}
		}
	}
	return best != UINT64_MAX;
}

static void mark(struct model *m, uint64_t off, uint64_t len, uint8_t used)
{
	memset(&m->used[off / UNIT], used, len / UNIT);
}

/* ---- the same in both ---- */

static void check_same(const struct model *m, const struct cleat_heap *heap)
{
	struct cleat_heap_stats stats;
	struct cleat_heap_block block;
	uint64_t from = 0, sum = 0, largest = 0, blocks = 0;

	for (int i = 0; i < m->n_segs; i++) {
		const struct model_segment *seg = &m->segs[i];
		uint64_t off = seg->off, end;

		for (; off < seg->off + seg->units * UNIT; off = end + UNIT) {
			end = free_end(m, seg, off);
			if (end == off)
				continue;
			ck_assert_int_eq(cleat_heap_next_free(heap, from, &block), 1);
			ck_assert_uint_eq(block.off, off);
			ck_assert_uint_eq(block.len_bytes, end - off);
			ck_assert_uint_eq(block.segment->off, seg->off);
			from = end;
			sum += end - off;
			largest = end - off > largest ? end - off : largest;
			blocks++;
			if (end == seg->off + seg->units * UNIT)
				break;
		}
	}
	ck_assert_int_eq(cleat_heap_next_free(heap, from, &block), 0);
	cleat_heap_stats(heap, 0xffff, &stats);
	ck_assert_uint_eq(stats.free_bytes, sum);
	ck_assert_uint_eq(stats.largest_bytes, largest);
	ck_assert_uint_eq(stats.blocks, blocks);
}

static uint32_t random_state;

static uint32_t rnd(uint32_t n)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 17;
	random_state ^= random_state << 5;
	return random_state % n;
}

static struct cleat_heap_want random_want(void)
{
	struct cleat_heap_want want = { .node = 0xffff };

	want.len_bytes = 1 + rnd(rnd(4) ? 6 * UNIT : 60 * UNIT);
	if (rnd(3) == 0)
		want.align = 1ULL << rnd(13);
	if (rnd(3) == 0)
		want.boundary = cleat_pow2_ceil(want.len_bytes + UNIT) << rnd(3);
	if (rnd(3) == 0)
		want.node = (uint16_t)rnd(3);
	want.contiguous = rnd(3) == 0;
	return want;
}

static void step_alloc(struct model *m, struct cleat_heap *heap)
{
	struct cleat_heap_want want = random_want();
	uint64_t len = cleat_align_up(want.len_bytes, UNIT);
	uint64_t expected = 0, got = 0;
	int possible = model_find(m, &want, &expected);
	int rc;

	if (m->n_live == MAX_LIVE)
		return;
	rc = cleat_heap_alloc(heap, &want, &got);
	ck_assert_int_eq(rc, possible ? 0 : -ENOSPC);
	if (rc < 0)
		return;
	ck_assert_uint_eq(got, expected);
	ck_assert_uint_eq(cleat_heap_iova(heap, got, len),
		model_contiguous(seg_at(m, got), got, len) ? iova_at(seg_at(m, got), got)
							   : CLEAT_IOVA_NONE);
	mark(m, got, len, 1);
	m->live_off[m->n_live] = got;
	m->live_len[m->n_live++] = want.len_bytes;
}

static void step_free(struct model *m, struct cleat_heap *heap)
{
	uint64_t off, len;
	int i;

	if (m->n_live == 0)
		return;
	i = (int)rnd((uint32_t)m->n_live);
	off = m->live_off[i];
	len = m->live_len[i];
	ck_assert_int_eq(cleat_heap_free(heap, off, len), 0);
	ck_assert_int_eq(cleat_heap_free(heap, off, len), -EINVAL); /* twice */
	mark(m, off, cleat_align_up(len, UNIT), 0);
	m->n_live--;
	m->live_off[i] = m->live_off[m->n_live];
	m->live_len[i] = m->live_len[m->n_live];
}

static void step_claim(struct model *m, struct cleat_heap *heap)
{
	uint64_t off = rnd(MAX_UNITS) * UNIT, len = (1 + rnd(10)) * UNIT;
	const struct model_segment *seg = seg_at(m, off);
	int possible = seg && free_end(m, seg, off) >= off + len;

	if (m->n_live == MAX_LIVE)
		return;
	ck_assert_int_eq(cleat_heap_claim(heap, off, len), possible ? 0 : -EBUSY);
	if (!possible)
		return;
	mark(m, off, len, 1);
	m->live_off[m->n_live] = off;
	m->live_len[m->n_live++] = len;
}

/* ---- set-up ---- */

static uint64_t *random_pages(uint64_t pages)
{
	uint64_t *table = calloc(pages, sizeof(*table));
	uint64_t iova = 0x1000000;

	for (uint64_t i = 0; table && i < pages; i++) {
		iova = rnd(3) ? iova + PAGE : 0x1000000 + rnd(1000) * PAGE;
		table[i] = rnd(12) ? iova : CLEAT_IOVA_NONE;
	}
	return table;
}

static void add_segment(struct model *m, struct cleat_heap *heap, uint64_t off, uint64_t pages,
	uint16_t node, int kind)
{
	struct model_segment *seg = &m->segs[m->n_segs++];
	struct cleat_heap_segment add = {
		.off = off,
		.len_bytes = pages * PAGE,
		.page_bytes = PAGE,
		.iova = kind == 0 ? off + 0x10000 : CLEAT_IOVA_NONE,
		.node = node,
	};

	*seg = (struct model_segment){ off, pages * PAGE_UNITS, add.iova, NULL, node };
	if (kind == 2) {
		seg->page_iova = random_pages(pages);
		add.page_iova = malloc(pages * sizeof(uint64_t));
		memcpy(add.page_iova, seg->page_iova, pages * sizeof(uint64_t));
	}
	ck_assert_int_eq(cleat_heap_add(heap, &add), 0);
}

START_TEST(test_random_against_model)
{
	struct cleat_heap *heap = cleat_heap_create();
	struct model *m = calloc(1, sizeof(*m));

	random_state = 12345U + (uint32_t)_i * 7919U;
	/* addresses decide alignment and boundary, so the base matters */
	cleat_window_base = _i % 3 == 0 ? 0 : 0x200000000000 + (uintptr_t)(_i % 3 - 1) * 64 * 5;
	ck_assert_ptr_nonnull(heap);
	add_segment(m, heap, 0, 20, 0, 0);
	add_segment(m, heap, 20 * PAGE, 40, 1, 2); /* adjacent: nothing may reach across */
	add_segment(m, heap, 60 * PAGE, 20, 1, 1);
	add_segment(m, heap, 90 * PAGE, 30, 0xffff, 2); /* a gap before it */
	for (int i = 0; i < ROUNDS; i++) {
		/* first it fills, then it empties, and so on */
		uint32_t share = i / 500 % 2 ? 3 : 6;

		if (rnd(10) < share)
			step_alloc(m, heap);
		else if (rnd(8) == 0)
			step_claim(m, heap);
		else
			step_free(m, heap);
		check_same(m, heap);
	}
	while (m->n_live)
		step_free(m, heap);
	check_same(m, heap);
	for (int i = 0; i < m->n_segs; i++) {
		ck_assert_int_eq(cleat_heap_remove(heap, m->segs[i].off), 0);
		free(m->segs[i].page_iova);
	}
	free(m);
	cleat_heap_destroy(heap);
	cleat_window_base = 0;
}
END_TEST

/* ---- by hand ---- */

static struct cleat_heap *heap_of(uint64_t off, uint64_t len_bytes)
{
	struct cleat_heap *heap = cleat_heap_create();
	struct cleat_heap_segment seg = { .off = off, .len_bytes = len_bytes, .page_bytes = 4096 };

	ck_assert_ptr_nonnull(heap);
	ck_assert_int_eq(cleat_heap_add(heap, &seg), 0);
	return heap;
}

START_TEST(test_bad_wants)
{
	struct cleat_heap *heap = heap_of(0, 1 << 20);
	struct cleat_heap_want want = { .node = 0xffff };
	uint64_t off;

	ck_assert_int_eq(cleat_heap_alloc(heap, &want, &off), -EINVAL);
	want.len_bytes = UINT64_MAX;
	ck_assert_int_eq(cleat_heap_alloc(heap, &want, &off), -EINVAL);
	want.len_bytes = 100;
	want.align = 48;
	ck_assert_int_eq(cleat_heap_alloc(heap, &want, &off), -EINVAL);
	want.align = 0;
	want.boundary = 100;
	ck_assert_int_eq(cleat_heap_alloc(heap, &want, &off), -EINVAL);
	want.boundary = 64;
	ck_assert_int_eq(cleat_heap_alloc(heap, &want, &off), -EINVAL);
	want.boundary = 0;
	want.align = 1ULL << 63;
	ck_assert_int_eq(cleat_heap_alloc(heap, &want, &off), 0); /* offset 0 is so aligned */
	ck_assert_int_eq(cleat_heap_alloc(heap, &want, &off), -ENOSPC);
	cleat_heap_destroy(heap);
}
END_TEST

START_TEST(test_errors_say_the_largest)
{
	struct cleat_heap *heap = heap_of(0, 1 << 20);
	struct cleat_heap_want want = { .len_bytes = 2 << 20, .node = 0xffff };
	uint64_t off;

	ck_assert_int_eq(cleat_heap_alloc(heap, &want, &off), -ENOSPC);
	ck_assert_ptr_nonnull(strstr(cleat_error(), "2048 KiB asked"));
	ck_assert_ptr_nonnull(strstr(cleat_error(), "largest free block is 1024 KiB"));
	ck_assert_ptr_nonnull(strstr(cleat_error(), "-m"));
	want.len_bytes = 64;
	want.node = 3;
	ck_assert_int_eq(cleat_heap_alloc(heap, &want, &off), -ENOSPC);
	ck_assert_ptr_nonnull(strstr(cleat_error(), "node 3"));
	cleat_heap_destroy(heap);
}
END_TEST

START_TEST(test_segments)
{
	struct cleat_heap *heap = heap_of(1 << 20, 1 << 20);
	struct cleat_heap_segment seg = {
		.off = 0, .len_bytes = (1 << 20) + 64, .page_bytes = 4096
	};
	struct cleat_heap_want want = { .len_bytes = 64, .node = 0xffff };
	uint64_t off;

	ck_assert_int_eq(cleat_heap_add(heap, &seg), -EEXIST);
	seg.len_bytes = 63;
	ck_assert_int_eq(cleat_heap_add(heap, &seg), -EINVAL);
	seg.len_bytes = 0;
	ck_assert_int_eq(cleat_heap_add(heap, &seg), -EINVAL);
	seg.len_bytes = 1 << 20;
	ck_assert_int_eq(cleat_heap_add(heap, &seg), 0);
	ck_assert_int_eq(cleat_heap_alloc(heap, &want, &off), 0);
	ck_assert_uint_eq(off, 0);
	ck_assert_int_eq(cleat_heap_remove(heap, 64), -ENOENT);
	ck_assert_int_eq(cleat_heap_remove(heap, 0), -EBUSY);
	ck_assert_int_eq(cleat_heap_remove(heap, 1 << 20), 0);
	ck_assert_int_eq(cleat_heap_free(heap, 1 << 20, 64), -EINVAL);
	ck_assert_int_eq(cleat_heap_free(heap, 0, 128), -EINVAL); /* half of it is free */
	ck_assert_int_eq(cleat_heap_free(heap, 0, UINT64_MAX), -EINVAL);
	ck_assert_int_eq(cleat_heap_free(heap, 1, 64), -EINVAL);
	ck_assert_int_eq(cleat_heap_free(heap, 0, 1), 0);
	ck_assert_int_eq(cleat_heap_remove(heap, 0), 0);
	cleat_heap_destroy(heap);
	cleat_heap_destroy(NULL);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("zone_alloc");
	TCase *tcase = tcase_create("zone_alloc");
	SRunner *runner;
	int failed;

	tcase_set_timeout(tcase, 120);
	tcase_add_loop_test(tcase, test_random_against_model, 0, SEEDS);
	tcase_add_test(tcase, test_bad_wants);
	tcase_add_test(tcase, test_errors_say_the_largest);
	tcase_add_test(tcase, test_segments);
	suite_add_tcase(suite, tcase);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
