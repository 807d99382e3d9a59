/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * mbuf.h - a packet buffer: one cache line of header, then headroom and data.
 *
 *   m                 m + 64 (buffer)    + data_off        + data_off + data_len
 *   | header 64 B     | headroom         | data            | tailroom         |
 *
 * A packet is a chain of one or more mbufs; pkt_len, nb_segs and the metadata count in the first. A
 * clone is an mbuf without data of its own: it names a parent, whose reference count keeps the data
 * in place (mbuf_ref.h).
 *
 * Who owns an mbuf stands in its owner word (owner.h). alloc, free and clone are one operation each
 * (shared.h): call them from a registered thread and outside any other operation.
 */
#ifndef CLEAT_RUNTIME_MBUF_H
#define CLEAT_RUNTIME_MBUF_H

#include <stddef.h>

#include "runtime/handle.h"
#include "runtime/owner.h"

#ifdef __cplusplus
extern "C" {
#endif

struct cleat_mempool;

/* ol_flags */
#define CLEAT_MBUF_VLAN	      0x1U  /* vlan_tci is valid, the tag is not in the data */
#define CLEAT_MBUF_RSS_HASH   0x2U  /* rss_hash is valid */
#define CLEAT_MBUF_TIMESTAMP  0x4U  /* timestamp_ns is valid */
#define CLEAT_MBUF_RX_IP_GOOD 0x10U /* the device checked the IPv4 header checksum */
#define CLEAT_MBUF_RX_IP_BAD  0x20U
#define CLEAT_MBUF_RX_L4_GOOD 0x40U /* TCP or UDP */
#define CLEAT_MBUF_RX_L4_BAD  0x80U
/* What the device shall do on sending; l2_len and l3_len must be set for the checksums. The TCP or
 * UDP checksum field holds the pseudo header's sum, the IPv4 header's holds 0. */
#define CLEAT_MBUF_TX_IPV4 0x100U /* IPv4 header checksum */
#define CLEAT_MBUF_TX_TCP  0x200U
#define CLEAT_MBUF_TX_UDP  0x400U
#define CLEAT_MBUF_TX_VLAN 0x800U /* insert the tag vlan_tci */
#define CLEAT_MBUF_TX_MASK 0xf00U

#define CLEAT_MBUF_HEADROOM_DEFAULT 128
#define CLEAT_MBUF_MAX_SEGS	    255 /* of one packet */

struct cleat_mbuf {
	uint64_t owner; /* owner.h */
	uint64_t ref;	/* mbuf_ref.h */
	uint64_t iova;	/* of the buffer's start (the parent's in a clone), or CLEAT_IOVA_NONE */
	uint16_t data_off;
	uint16_t data_len; /* of this segment */
	uint32_t pkt_len;  /* of the whole packet */
	union {
		struct {
			uint16_t pool;
			uint8_t nb_segs;
			uint8_t clone;	   /* not 0: the data is the parent's (mbuf_ref.h) */
			cleat_handle next; /* segment, or CLEAT_HANDLE_NONE */
		};
		uint64_t shape; /* all four, so that one look tells a single mbuf of a pool */
	};
	uint32_t ol_flags;
	uint32_t packet_type;
	union {
		uint32_t rss_hash; /* received */
		struct {	   /* to be sent, with CLEAT_MBUF_TX_… */
			uint8_t l2_len;
			uint8_t l3_len;
			uint16_t l4_len;
		};
	};
	uint16_t port; /* where it came in; 0xffff: nowhere */
	uint16_t vlan_tci;
	uint64_t timestamp_ns;
};
static_assert(sizeof(struct cleat_mbuf) == 64, "mbuf ABI 2");
static_assert(CLEAT_MBUF_MAX_SEGS == UINT8_MAX, "nb_segs cannot say more");
static_assert(offsetof(struct cleat_mbuf, data_off) == 24, "mbuf ABI 2");
static_assert(offsetof(struct cleat_mbuf, shape) == 32, "mbuf ABI 2");
static_assert(offsetof(struct cleat_mbuf, port) == 52, "mbuf ABI 2");

/* At the start of a clone's own, otherwise unused buffer. */
struct cleat_clone_shm {
	cleat_handle parent;
	uint32_t reserved;
	uint64_t own_iova;
};
static_assert(sizeof(struct cleat_clone_shm) == 16, "mbuf ABI 1");

cleat_inline struct cleat_mbuf *cleat_mbuf_of(cleat_handle handle)
{
	return (struct cleat_mbuf *)cleat_ptr(handle);
}

/** Next segment or NULL. */
cleat_inline struct cleat_mbuf *cleat_mbuf_next(const struct cleat_mbuf *m)
{
	return m->next == CLEAT_HANDLE_NONE ? NULL : cleat_mbuf_of(m->next);
}

/** The shape of an mbuf of pool @p pool that is no clone and has no segment behind it. */
cleat_inline uint64_t cleat_mbuf_single(uint16_t pool)
{
	struct cleat_mbuf m;

	m.shape = 0;
	m.pool = pool;
	m.nb_segs = 1;
	return m.shape;
}

cleat_inline struct cleat_mbuf *cleat_mbuf_last(struct cleat_mbuf *m)
{
	while (m->next != CLEAT_HANDLE_NONE)
		m = cleat_mbuf_of(m->next);
	return m;
}

cleat_inline struct cleat_clone_shm *cleat_mbuf_clone_of(const struct cleat_mbuf *m)
{
	return (struct cleat_clone_shm *)((uintptr_t)(m + 1));
}

/** Start of the buffer that holds the data. */
cleat_inline uint8_t *cleat_mbuf_buf(const struct cleat_mbuf *m)
{
	if (cleat_unlikely(m->clone))
		m = cleat_mbuf_of(cleat_mbuf_clone_of(m)->parent);
	return (uint8_t *)((uintptr_t)(m + 1));
}

/** The data of this segment, data_len bytes. */
cleat_inline uint8_t *cleat_mbuf_data(const struct cleat_mbuf *m)
{
	return cleat_mbuf_buf(m) + m->data_off;
}

/** What a device calls cleat_mbuf_data(). */
cleat_inline uint64_t cleat_mbuf_data_iova(const struct cleat_mbuf *m)
{
	return m->iova + m->data_off;
}

/** Bytes of the buffer that holds the data: headroom, data and tailroom. */
uint32_t cleat_mbuf_buf_bytes(const struct cleat_mbuf *m);

cleat_inline uint32_t cleat_mbuf_headroom(const struct cleat_mbuf *m)
{
	return m->data_off;
}

/** Room behind the data of this segment. */
uint32_t cleat_mbuf_tailroom(const struct cleat_mbuf *m);

/* Start to fetch what whoever has the packet will write: the header, and the first line of the data
 * of a fresh mbuf of a pool with that headroom. */
cleat_inline void cleat_mbuf_prefetch(const struct cleat_mbuf *m, uint16_t headroom)
{
	cleat_prefetch_write(m);
	cleat_prefetch_write((const char *)(m + 1) + headroom);
}

/** Header fields as after alloc: no data, one segment, data_off at @p headroom. Not of a clone. */
cleat_inline void cleat_mbuf_reset(struct cleat_mbuf *m, uint16_t headroom)
{
	m->data_off = headroom;
	m->data_len = 0;
	m->pkt_len = 0;
	m->shape = cleat_mbuf_single(m->pool);
	m->ol_flags = 0;
	m->packet_type = 0;
	m->rss_hash = 0;
	m->port = 0xffff;
	m->vlan_tci = 0;
	m->timestamp_ns = 0;
}

/**
 * Take mbufs from a pool: all @p n or none.
 *
 * @param n  1..CLEAT_MAX_BURST
 * @return   0; -ENOMEM: the pool has not that many at hand; -EINVAL; -EPERM from a thread that is
 *           not registered
 *
 * Ownership: they are the caller's. Killed here: still the pool's, or the dead process's.
 */
int cleat_mbuf_alloc_bulk(struct cleat_mempool *pool, struct cleat_mbuf **out, unsigned n);

/** One, or NULL. */
struct cleat_mbuf *cleat_mbuf_alloc(struct cleat_mempool *pool);

/**
 * Give packets (whole chains) back, each to its segments' pools. NULL entries are skipped.
 *
 * Ownership: takes them. Clones give up their share of the data; a parent stays until its last
 * clone is freed.
 */
void cleat_mbuf_free_bulk(struct cleat_mbuf **mbufs, unsigned n);
void cleat_mbuf_free(struct cleat_mbuf *m);

/**
 * A packet with the same data, without copying it.
 *
 * @param m     borrowed; from now on nobody should write to its data
 * @param pool  where the clone's headers come from, one for each segment
 * @return      the clone, the caller's; NULL if the pool is empty or a parent has 65,535 references
 */
struct cleat_mbuf *cleat_mbuf_clone(struct cleat_mbuf *m, struct cleat_mempool *pool);

/** A packet with the same data, copied into as many segments as it takes. NULL if @p pool is empty.
 */
struct cleat_mbuf *cleat_mbuf_copy(const struct cleat_mbuf *m, struct cleat_mempool *pool);

/** Append packet @p tail to packet @p head; takes @p tail. @return 0, -EOVERFLOW: too many segments
 */
int cleat_mbuf_chain(struct cleat_mbuf *head, struct cleat_mbuf *tail);

/** Room for @p len bytes before the data. @return the new start, NULL if headroom is short */
uint8_t *cleat_mbuf_prepend(struct cleat_mbuf *m, uint16_t len);
/** Room for @p len bytes behind the data of the last segment. @return where, NULL if too little */
uint8_t *cleat_mbuf_append(struct cleat_mbuf *m, uint16_t len);
/** Drop @p len bytes from the first segment's start. @return the new start, NULL if it has less */
uint8_t *cleat_mbuf_adj(struct cleat_mbuf *m, uint16_t len);
/** Drop @p len bytes from the last segment's end. @return 0, -EINVAL if it has less */
int cleat_mbuf_trim(struct cleat_mbuf *m, uint16_t len);

/**
 * @p len bytes from @p off on, over all segments.
 * @return  a pointer into the mbuf if they lie in one segment, else @p buf, filled; NULL if the
 *          packet is shorter
 */
const void *cleat_mbuf_read(const struct cleat_mbuf *m, uint32_t off, uint32_t len, void *buf);

/** Is the packet in order (lengths within buffers, sums right, segments counted)? 0 or -EINVAL with
 * a sentence. */
int cleat_mbuf_check(const struct cleat_mbuf *m);

#ifdef __cplusplus
}
#endif

#endif
