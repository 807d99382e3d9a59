/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * ring_slot.h - the ring in memory: slots with a lap bit, so that storing a slot is publishing it.
 *
 * Positions count for ever in 64 bits; position p lives in slot p % size. A slot holds
 * handle << 1 | lap, where lap(p) = 1 ^ (p / size & 1), so a zeroed ring is an empty one.
 *
 *   slot at position p, tail <= p < tail + size
 *   bit != lap(p)              empty, or claimed by a producer that has not stored it yet
 *   bit == lap(p), handle      full
 *   bit == lap(p), handle 0    tombstone: was claimed by a producer that died; consumers skip it
 *
 *   allowed    empty → full (its producer), empty → tombstone (the reaper, after the producer's
 *              death), full/tombstone → empty of the next lap (the tail moves past it; the slot
 *              itself is not written)
 *   forbidden  full → anything before the tail has passed it; any store by a consumer
 *
 *                head                       tail
 *   SPSC   stored after the slots     stored after the copy (ring_spsc.h)
 *   MPMC   moved by CAS before the    moved by CAS after the copy (ring_mpmc.h)
 *          slots, announced before
 *
 * Who dies where: a producer before a slot's store still owns that element; after it, the ring
 * does. A consumer before the tail moved took nothing; after it, it owns what it copied. What is
 * left to tidy up is in ring_recover.h.
 */
#ifndef CLEAT_RUNTIME_RING_SLOT_H
#define CLEAT_RUNTIME_RING_SLOT_H

#include "runtime/handle.h"
#include "runtime/limits.h"
#include "runtime/registry.h"

/* Four slots at a time, where x86 lets us; the thread sanitizer could not see it. */
#if defined(__SSE2__) && !defined(__SANITIZE_THREAD__)
#define CLEAT_RING_SSE
#include <emmintrin.h>
#ifdef __SSE4_1__
#include <smmintrin.h>
#endif
#endif

#ifdef __cplusplus
extern "C" {
#endif

#define CLEAT_RING_TOMBSTONE CLEAT_HANDLE_NONE

/* The slots follow: uint32_t[size]. */
struct cleat_ring_shm {
	uint64_t head; /* where producers go on */
	uint64_t reserved[15];
	uint64_t tail; /* where consumers go on */
	uint64_t reserved2[15];
	uint64_t shown; /* SPSC: the tail as the producer is told of it, seldom (ring_spsc.h) */
	uint64_t reserved3[15];
} cleat_aligned(CLEAT_FALSE_SHARING);
static_assert(sizeof(struct cleat_ring_shm) == 384, "ring ABI 3");
static_assert(offsetof(struct cleat_ring_shm, shown) == 256, "ring ABI 3");

/* A ring as this process sees it: where it is and how large, from the registry, never from the ring
 * itself. */
struct cleat_ring {
	struct cleat_ring_shm *shm;
	uint32_t *slots;
	uint64_t size;	/* power of two */
	uint64_t owner; /* CLEAT_OWNER_BITS() of the mbufs in it */
	uint32_t lag;	/* an eighth; SPSC: shown stays this far behind the tail at most */
	uint16_t id;
	uint16_t mode; /* enum cleat_ring_mode */
	uint32_t far; /* opened by name, and the other end is presumably another process's: lines go
		       * from core to core. 0 also where nobody said so: ports, pools, audits */
	/* Producers: this process may fill it up to here, the tail it last saw and a lap; there is
	 * that much room, or more. SPSC: 0 until it has looked. */
	uint64_t limit cleat_aligned(CLEAT_FALSE_SHARING);
	uint32_t hold; /* MPMC: pauses, the next time it is full: cleat_ring_look_mpmc() */
	/* Consumer, SPSC: the tail that the producer is shown next, or one beyond it */
	uint64_t show cleat_aligned(CLEAT_FALSE_SHARING);
	uint32_t slip; /* how long it waits next: cleat_ring_slip_spsc() */
	/* The same, of packets: cleat_ring_wait_spsc() */
	uint32_t ahead;	  /* so far behind those it takes it fetches others */
	uint32_t close;	  /* it got all it wanted, fewer than that are left, and the ring is far */
	uint32_t skip;	  /* so many times more it does not wait */
	uint32_t skips;	  /* and so many it did not before */
	uint64_t fetched; /* up to here */
} cleat_aligned(CLEAT_FALSE_SHARING);

/** Bytes of a ring of @p slots slots; align it to CLEAT_FALSE_SHARING. */
uint64_t cleat_ring_bytes(uint32_t slots);

/**
 * Make an empty ring in memory that nobody else uses yet.
 *
 * @param shm    cleat_ring_bytes(@p slots) bytes
 * @param slots  power of two, 2..CLEAT_MAX_RING
 * @return       0 or -EINVAL
 */
int cleat_ring_init(struct cleat_ring_shm *shm, uint32_t slots);

/** Describe the ring at @p shm to this process. @return 0 or -EINVAL; borrows @p shm. */
int cleat_ring_open(struct cleat_ring *r, struct cleat_ring_shm *shm, uint32_t slots, uint16_t id,
	enum cleat_ring_mode mode);

/** The same from the registry's row number @p id. @return 0; -ENOENT for a free row; -EINVAL for a
 * row whose numbers do not fit the window. */
int cleat_ring_open_row(struct cleat_ring *r, uint32_t id, const struct cleat_ring_row_shm *row);

/** Elements in the ring, tombstones and claimed slots included; others may change it meanwhile. */
uint32_t cleat_ring_count(const struct cleat_ring *r);

/* Positions still to be looked at. */
struct cleat_ring_cursor {
	uint64_t pos;
	uint64_t end;
};

/** Begin to look at what lies in the ring without taking it; for audits, beside living traffic. */
void cleat_ring_peek_start(const struct cleat_ring *r, struct cleat_ring_cursor *cursor);

/**
 * Copy the next handles, tombstones and empty slots left out. What came after
 * cleat_ring_peek_start() may be missed, what was taken since may still be shown.
 *
 * @return  handles written to @p out, 0..n; 0: that was all
 */
uint32_t cleat_ring_peek(const struct cleat_ring *r, struct cleat_ring_cursor *cursor,
	cleat_handle *out, uint32_t n);

/** Position after the tombstones that start at @p pos. */
uint64_t cleat_ring_after_tombstones(const struct cleat_ring *r, uint64_t pos);

/* Where the slots are, by value. Behind each atomic access the compiler would read a struct
 * cleat_ring's fields anew. */
struct cleat_slots {
	uint32_t *first;
	uint64_t size;
};

cleat_inline struct cleat_slots cleat_ring_slots(const struct cleat_ring *r)
{
	return (struct cleat_slots){ r->slots, r->size };
}

cleat_inline uint32_t cleat_slots_lap(struct cleat_slots s, uint64_t pos)
{
	return (pos & s.size) == 0;
}

cleat_inline uint32_t *cleat_slots_at(struct cleat_slots s, uint64_t pos)
{
	return s.first + (pos & (s.size - 1));
}

cleat_inline uint32_t cleat_ring_lap(const struct cleat_ring *r, uint64_t pos)
{
	return cleat_slots_lap(cleat_ring_slots(r), pos);
}

cleat_inline uint32_t *cleat_ring_slot(const struct cleat_ring *r, uint64_t pos)
{
	return cleat_slots_at(cleat_ring_slots(r), pos);
}

/** As cleat_ring_store(). */
cleat_inline void cleat_slots_store(struct cleat_slots s, uint64_t pos, cleat_handle handle)
{
	/* partner: the acquire loads in cleat_ring_copy_run() and cleat_slots_copy_one() */
	cleat_store_release(
		cleat_slots_at(s, pos), (uint32_t)(handle << 1) | cleat_slots_lap(s, pos));
}

/** Publish one element at a position this thread has claimed. */
cleat_inline void cleat_ring_store(const struct cleat_ring *r, uint64_t pos, cleat_handle handle)
{
	cleat_slots_store(cleat_ring_slots(r), pos, handle);
}

#define CLEAT_SLOTS_PER_LINE (CLEAT_CACHE_LINE / sizeof(uint32_t))

/** The lines whose last slot is among the positions from @p pos up to @p end: they are full (where
 * a ring has no whole line: now and then), and another core reads them next. */
cleat_inline void cleat_slots_demote(struct cleat_slots s, uint64_t pos, uint64_t end)
{
	for (pos |= CLEAT_SLOTS_PER_LINE - 1; pos < end; pos += CLEAT_SLOTS_PER_LINE)
		cleat_demote(cleat_slots_at(s, pos));
}

#ifdef CLEAT_RING_SSE
/*
 * Four slots in one load or store. A slot is 32 aligned bits, which x86 does not tear, also where
 * the four cross a cache line; and it keeps loads in order with loads, stores with stores. In which
 * order the four are seen does not matter: each says by its own lap bit whether it is full, and a
 * full one stays as it is until the tail has passed it.
 *
 * volatile, so that the compiler makes one instruction of it, in the order of the program. Of a
 * plain load it may make two, and does: one for the look at the lap bits, one for the handles, and
 * between them a slot becomes full. Plain stores of two groups it may swap; then a producer could
 * die and leave a full slot behind an empty one.
 */
cleat_inline __m128i cleat_ring_load_four(const uint32_t *slot)
{
	return *(const volatile __m128i_u *)(const void *)slot;
}

cleat_inline void cleat_ring_store_four(uint32_t *slot, __m128i four)
{
	*(volatile __m128i_u *)(void *)slot = four;
}

/* Copy the handles of two or one groups of four. @return whether all slots are full and none a
 * tombstone; if not, what is in @p out does not count */
cleat_inline int cleat_ring_copy_eight(const uint32_t *slot, cleat_handle *out, __m128i bit)
{
	__m128i a = cleat_ring_load_four(slot);
	__m128i b = cleat_ring_load_four(slot + 4);
	__m128i odd = _mm_or_si128(_mm_xor_si128(a, bit), _mm_xor_si128(b, bit));
	__m128i none;

	a = _mm_srli_epi32(a, 1);
	b = _mm_srli_epi32(b, 1);
#ifdef __SSE4_1__
	none = _mm_cmpeq_epi32(_mm_min_epu32(a, b), _mm_setzero_si128());
#else
	none = _mm_or_si128(
		_mm_cmpeq_epi32(a, _mm_setzero_si128()), _mm_cmpeq_epi32(b, _mm_setzero_si128()));
#endif
	odd = _mm_or_si128(_mm_slli_epi32(odd, 31), none);
	_mm_storeu_si128((__m128i *)(void *)out, a);
	_mm_storeu_si128((__m128i *)(void *)(out + 4), b);
	return _mm_movemask_ps(_mm_castsi128_ps(odd)) == 0;
}

cleat_inline int cleat_ring_copy_four(const uint32_t *slot, cleat_handle *out, __m128i bit)
{
	__m128i four = cleat_ring_load_four(slot);
	__m128i handles = _mm_srli_epi32(four, 1);
	__m128i odd = _mm_or_si128(_mm_slli_epi32(_mm_xor_si128(four, bit), 31),
		_mm_cmpeq_epi32(handles, _mm_setzero_si128()));

	_mm_storeu_si128((__m128i *)(void *)out, handles);
	return _mm_movemask_ps(_mm_castsi128_ps(odd)) == 0;
}

/* Of all but the last n % 4, as long as they are full and no tombstones. @return how many */
cleat_inline uint32_t cleat_ring_copy_fours(
	const uint32_t *slot, cleat_handle *out, uint32_t n, uint32_t lap)
{
	const __m128i bit = _mm_set1_epi32((int)lap);
	uint32_t left = n;

	while (left >= 8 && cleat_likely(cleat_ring_copy_eight(slot, out, bit))) {
		slot += 8;
		out += 8;
		left -= 8;
	}
	if (left >= 4 && cleat_likely(cleat_ring_copy_four(slot, out, bit)))
		left -= 4;
	cleat_fence_compiler(); /* with x86's order of loads: an acquire */
	return n - left;
}

cleat_inline void cleat_ring_fill_four(uint32_t *slot, const cleat_handle *handles, __m128i bit)
{
	__m128i four = _mm_loadu_si128((const __m128i *)(const void *)handles);

	cleat_ring_store_four(slot, _mm_or_si128(_mm_slli_epi32(four, 1), bit));
}

/* All but the last n % 4. @return how many */
cleat_inline uint32_t cleat_ring_fill_fours(
	uint32_t *slot, const cleat_handle *handles, uint32_t n, uint32_t lap)
{
	const __m128i bit = _mm_set1_epi32((int)lap);
	uint32_t left = n;

	cleat_fence_compiler(); /* with x86's order of stores: a release */
	for (; left >= 8; slot += 8, handles += 8, left -= 8) {
		cleat_ring_fill_four(slot, handles, bit);
		cleat_ring_fill_four(slot + 4, handles + 4, bit);
	}
	if (left >= 4)
		cleat_ring_fill_four(slot, handles, bit);
	return n & ~3U;
}
#endif

/* Up to the wrap: @p n slots of one lap. */
cleat_inline void cleat_ring_fill_run(
	uint32_t *slot, const cleat_handle *handles, uint32_t n, uint32_t lap)
{
	uint64_t i = 0;

#ifdef CLEAT_RING_SSE
	if (n >= 4)
		i = cleat_ring_fill_fours(slot, handles, n, lap);
#endif
	for (; i < n; i++)
		/* partner: the acquire loads in cleat_ring_copy_run(), cleat_slots_copy_one() */
		cleat_store_release(&slot[i], (uint32_t)(handles[i] << 1) | lap);
}

/* As cleat_slots_fill(), also past the wrap. */
void cleat_slots_fill_on(
	struct cleat_slots s, uint64_t pos, const cleat_handle *handles, uint32_t n);

/** Publish @p n elements from @p pos on. */
cleat_inline void cleat_slots_fill(
	struct cleat_slots s, uint64_t pos, const cleat_handle *handles, uint32_t n)
{
	uint64_t at = pos & (s.size - 1);

	if (n >= 4) {
		if (cleat_likely(at + n <= s.size)) {
			cleat_ring_fill_run(s.first + at, handles, n, cleat_slots_lap(s, pos));
			return;
		}
	} else if (n == 1) {
		cleat_slots_store(s, pos, *handles);
		return;
	}
	cleat_slots_fill_on(s, pos, handles, n);
}

/* Found from a position on: handles, and the position after the last slot that was full. */
struct cleat_ring_found {
	uint64_t end;
	uint64_t n;
};

/* Up to the wrap, @p n slots of one lap, as long as they are full and no tombstones. @return how
 * many */
cleat_inline uint64_t cleat_ring_copy_run(
	const uint32_t *slot, cleat_handle *out, uint32_t n, uint32_t lap)
{
	uint64_t i = 0;

#ifdef CLEAT_RING_SSE
	if (n >= 4)
		i = cleat_ring_copy_fours(slot, out, n, lap);
#endif
	for (; i < n; i++) {
		uint32_t value = cleat_load_acquire(&slot[i]) ^ lap;

		value = value >> 1 | value << 31; /* a wrong lap is the sign */
		if (cleat_unlikely((int32_t)value <= (int32_t)CLEAT_RING_TOMBSTONE))
			break;
		out[i] = value;
	}
	return i;
}

cleat_inline int cleat_ring_is_tombstone(const uint32_t *slot, uint32_t lap)
{
	return cleat_load_relaxed(slot) == (CLEAT_RING_TOMBSTONE << 1 | lap);
}

/* As cleat_slots_copy(), also past the wrap and past tombstones. */
struct cleat_ring_found cleat_slots_copy_on(
	struct cleat_slots s, uint64_t pos, cleat_handle *out, uint32_t n);

/* Of the slot at @p pos alone: its handle. @return 1; 0: it is empty; -1: a tombstone; then what is
 * in @p out does not count */
cleat_inline int cleat_slots_copy_one(struct cleat_slots s, uint64_t pos, cleat_handle *out)
{
	uint32_t value = cleat_load_acquire(cleat_slots_at(s, pos)) ^ cleat_slots_lap(s, pos);

	*out = value >> 1;
	if (value & 1U)
		return 0;
	return cleat_likely(*out != CLEAT_RING_TOMBSTONE) ? 1 : -1;
}

/** Copy up to @p n handles from the full slots from @p pos on, tombstones left out. */
cleat_inline struct cleat_ring_found cleat_slots_copy(
	struct cleat_slots s, uint64_t pos, cleat_handle *out, uint32_t n)
{
	uint64_t at = pos & (s.size - 1);

	if (n >= 4) {
		uint32_t lap = cleat_slots_lap(s, pos);
		uint64_t got;

		if (cleat_likely(at + n <= s.size)) {
			got = cleat_ring_copy_run(s.first + at, out, n, lap);
			if (cleat_likely(
				    got == n || !cleat_ring_is_tombstone(s.first + at + got, lap)))
				return (struct cleat_ring_found){ .end = pos + got, .n = got };
		}
	} else if (n == 1) {
		int got = cleat_slots_copy_one(s, pos, out);

		if (cleat_likely(got >= 0))
			return (struct cleat_ring_found){ .end = pos + (uint64_t)got,
				.n = (uint64_t)got };
	}
	return cleat_slots_copy_on(s, pos, out, n);
}

#ifdef __cplusplus
}
#endif

#endif
