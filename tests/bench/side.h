/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * side.h - one interface to both sides, so that a measured program is one text compiled twice.
 *
 * Each side's functions are what a user of it would call, inline where it has them inline; only
 * side_pool_get() and side_pool_put() are what a driver of Cleat's calls inside one operation,
 * which is why objects that leave it are side_pool_keep()'s. Modes and kinds are constants where
 * they are called, so that they cost neither side anything.
 *
 *   side_attach()            become a secondary of a running primary; ends the program if it cannot
 *   side_detach()
 *   struct side_ring         side_ring_open(); side_put(), side_get(): values, 0 < value < 2^30
 *                            side_put_mbufs(), side_get_mbufs(): packets
 *   side_pool_open()         side_pool_get(), side_pool_put(): objects, all or none, at once
 *                            side_pool_keep(), side_pool_give(): objects that stay for a while
 *                            side_alloc(), side_free(): packets, all or none
 *   side_rx(), side_tx()     packets, at queue 0 of a port that is ours
 *   side_data()              a packet's bytes; side_set_len()
 *   side_zone_reserve(), side_zone_free(), side_zone_find()
 *   side_grow()              more memory for all, taken from the machine
 *   side_request()           the shortest question to the primary, with its answer
 */
#ifndef CLEAT_TESTS_BENCH_SIDE_H
#define CLEAT_TESTS_BENCH_SIDE_H

#ifdef BENCH_PEER
#include "tests/bench/side_peer.h"
#else
#include "tests/bench/side_cleat.h"
#endif

#endif
