/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * generate.h - made-up packets: Ethernet, IPv4, UDP to the discard port, numbered.
 */
#ifndef CLEAT_SECONDARY_GENERATE_H
#define CLEAT_SECONDARY_GENERATE_H

#include "runtime/mempool.h"
#include "secondary/endpoint.h"

#ifdef __cplusplus
extern "C" {
#endif

#define CLEAT_GENERATE_MIN 60 /* bytes, FCS not counted */
#define CLEAT_GENERATE_MAX 9000

struct cleat_generator {
	struct cleat_mempool *pool; /* borrowed */
	uint16_t len_bytes;
	uint64_t next; /* number of the next packet, big endian at byte 42 */
	uint8_t head[42];
};

/** @param len_bytes  of each packet; must fit an mbuf of the pool. @return 0 or -EINVAL */
int cleat_generator_init(struct cleat_generator *g, struct cleat_mempool *pool, uint16_t len_bytes);

/**
 * The same for packets that @p tx will send.
 * @param pool  name, or NULL: the one on the NUMA node of the sending port
 * @return 0; -ENOENT: no such pool; -EINVAL
 */
int cleat_generator_open(struct cleat_generator *g, const struct cleat_endpoint *tx,
	const char *pool, uint16_t len_bytes);

/** A cleat_source_fn. @param arg  struct cleat_generator. @return @p n, or 0 when the pool is empty
 */
int cleat_generate(struct cleat_mbuf **mbufs, unsigned n, void *arg);

#ifdef __cplusplus
}
#endif

#endif
