/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * handles.h - many handles at once: copied, made of pointers, made into pointers.
 *
 * With loads and stores of 16 bytes wherever four are left: a wide load of what was stored a
 * moment ago in narrow pieces waits until the pieces have left the store buffer.
 */
#ifndef CLEAT_RUNTIME_HANDLES_H
#define CLEAT_RUNTIME_HANDLES_H

#include <string.h>

#include "runtime/handle.h"

#ifdef __SSE4_1__
#include <smmintrin.h>
#endif

#ifdef __cplusplus
extern "C" {
#endif

cleat_inline void cleat_handles_copy(cleat_handle *to, const cleat_handle *from, uint32_t n)
{
	uint64_t i = 0;

	for (; i + 8 <= n; i += 8) { /* one load, one store each */
		memcpy(to + i, from + i, 4 * sizeof(to[0]));
		memcpy(to + i + 4, from + i + 4, 4 * sizeof(to[0]));
	}
	if (n & 4) { /* no loops: the compiler would unroll them for many more */
		memcpy(to + i, from + i, 4 * sizeof(to[0]));
		i += 4;
	}
	if (n & 2) {
		memcpy(to + i, from + i, 2 * sizeof(to[0]));
		i += 2;
	}
	if (n & 1)
		to[i] = from[i];
}

/* The one pointer at @p to, of any type, that a handle means. */
cleat_inline void cleat_handle_to_ptr_at(char *to, uintptr_t base, cleat_handle handle)
{
	void *p = cleat_ptr_at(base, handle);

	memcpy(to, &p, sizeof(p));
}

/** The pointers that @p n trusted handles mean. @param out  array of @p n pointers of any type */
cleat_inline void cleat_handles_to_ptrs(void *out, const cleat_handle *handles, uint32_t n)
{
	const uint64_t each = sizeof(void *);
	char *to = (char *)out;
	uintptr_t base = cleat_window_base;
	uint64_t i = 0;

#ifdef __SSE4_1__
	const __m128i bases = _mm_set1_epi64x((long long)base);

	for (; i + 4 <= n; i += 4) {
		__m128i four = _mm_loadu_si128((const __m128i *)(const void *)&handles[i]);
		__m128i low = _mm_slli_epi64(_mm_cvtepu32_epi64(four), CLEAT_HANDLE_SHIFT);
		__m128i high = _mm_slli_epi64(
			_mm_unpackhi_epi32(four, _mm_setzero_si128()), CLEAT_HANDLE_SHIFT);

		_mm_storeu_si128((__m128i *)(void *)(to + each * i), _mm_add_epi64(low, bases));
		_mm_storeu_si128(
			(__m128i *)(void *)(to + each * i + 16), _mm_add_epi64(high, bases));
	}
	if (n & 2) { /* no loop: the compiler would unroll it for many more */
		cleat_handle_to_ptr_at(to + each * i, base, handles[i]);
		cleat_handle_to_ptr_at(to + each * (i + 1), base, handles[i + 1]);
		i += 2;
	}
	if (n & 1)
		cleat_handle_to_ptr_at(to + each * i, base, handles[i]);
#else
	for (; i < n; i++)
		cleat_handle_to_ptr_at(to + each * i, base, handles[i]);
#endif
}

/* The handle of the one pointer at @p from, of any type. */
cleat_inline cleat_handle cleat_handle_of_ptr_at(const char *from, uintptr_t base)
{
	void *p;

	memcpy(&p, from, sizeof(p));
	return (cleat_handle)(((uintptr_t)p - base) >> CLEAT_HANDLE_SHIFT);
}

/** The handles of @p n pointers into the window. @param ptrs  array of @p n pointers of any type */
cleat_inline void cleat_handles_of_ptrs(cleat_handle *out, const void *ptrs, uint32_t n)
{
	const uint64_t each = sizeof(void *);
	const char *from = (const char *)ptrs;
	uintptr_t base = cleat_window_base;
	uint64_t i = 0;

#ifdef __SSE4_1__
	const __m128i bases = _mm_set1_epi64x((long long)base);

	for (; i + 4 <= n; i += 4) {
		__m128i low = _mm_loadu_si128((const __m128i *)(const void *)(from + each * i));
		__m128i high =
			_mm_loadu_si128((const __m128i *)(const void *)(from + each * i + 16));

		low = _mm_srli_epi64(_mm_sub_epi64(low, bases), CLEAT_HANDLE_SHIFT);
		high = _mm_srli_epi64(_mm_sub_epi64(high, bases), CLEAT_HANDLE_SHIFT);
		_mm_storeu_si128((__m128i *)(void *)&out[i],
			_mm_castps_si128(_mm_shuffle_ps(_mm_castsi128_ps(low),
				_mm_castsi128_ps(high), _MM_SHUFFLE(2, 0, 2, 0))));
	}
	if (n & 2) { /* as above */
		out[i] = cleat_handle_of_ptr_at(from + each * i, base);
		out[i + 1] = cleat_handle_of_ptr_at(from + each * (i + 1), base);
		i += 2;
	}
	if (n & 1)
		out[i] = cleat_handle_of_ptr_at(from + each * i, base);
#else
	for (; i < n; i++)
		out[i] = cleat_handle_of_ptr_at(from + each * i, base);
#endif
}

#ifdef __cplusplus
}
#endif

#endif
