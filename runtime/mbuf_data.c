/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * mbuf_data.c - the data of a packet: room before, behind, and pieces of it.
 */
#include <errno.h>
#include <string.h>

#include "runtime/error.h"
#include "runtime/mbuf.h"
#include "runtime/mempool.h"

uint32_t cleat_mbuf_buf_bytes(const struct cleat_mbuf *m)
{
	const struct cleat_mempool *pool;

	if (m->clone)
		m = cleat_mbuf_of(cleat_mbuf_clone_of(m)->parent);
	pool = cleat_mempool_by_id(m->pool);
	return pool ? pool->buf_bytes : 0;
}

uint32_t cleat_mbuf_tailroom(const struct cleat_mbuf *m)
{
	uint32_t used = (uint32_t)m->data_off + m->data_len;
	uint32_t bytes = cleat_mbuf_buf_bytes(m);

	return used < bytes ? bytes - used : 0;
}

uint8_t *cleat_mbuf_prepend(struct cleat_mbuf *m, uint16_t len)
{
	if (len > m->data_off || (uint32_t)m->data_len + len > UINT16_MAX)
		return NULL;
	m->data_off = (uint16_t)(m->data_off - len);
	m->data_len = (uint16_t)(m->data_len + len);
	m->pkt_len += len;
	return cleat_mbuf_data(m);
}

uint8_t *cleat_mbuf_append(struct cleat_mbuf *m, uint16_t len)
{
	struct cleat_mbuf *last = cleat_mbuf_last(m);
	uint8_t *end = cleat_mbuf_data(last) + last->data_len;

	if (len > cleat_mbuf_tailroom(last))
		return NULL;
	last->data_len = (uint16_t)(last->data_len + len);
	m->pkt_len += len;
	return end;
}

uint8_t *cleat_mbuf_adj(struct cleat_mbuf *m, uint16_t len)
{
	if (len > m->data_len)
		return NULL;
	m->data_off = (uint16_t)(m->data_off + len);
	m->data_len = (uint16_t)(m->data_len - len);
	m->pkt_len -= len;
	return cleat_mbuf_data(m);
}

int cleat_mbuf_trim(struct cleat_mbuf *m, uint16_t len)
{
	struct cleat_mbuf *last = cleat_mbuf_last(m);

	if (len > last->data_len)
		return -EINVAL;
	last->data_len = (uint16_t)(last->data_len - len);
	m->pkt_len -= len;
	return 0;
}

int cleat_mbuf_chain(struct cleat_mbuf *head, struct cleat_mbuf *tail)
{
	if ((unsigned)head->nb_segs + tail->nb_segs > CLEAT_MBUF_MAX_SEGS)
		return cleat_err(-EOVERFLOW, "a packet has at most %u segments, not %u + %u",
			CLEAT_MBUF_MAX_SEGS, head->nb_segs, tail->nb_segs);
	cleat_mbuf_last(head)->next = cleat_handle_of(tail);
	head->nb_segs = (uint8_t)(head->nb_segs + tail->nb_segs);
	head->pkt_len += tail->pkt_len;
	tail->nb_segs = 1;
	tail->pkt_len = tail->data_len;
	return 0;
}

static const void *gather(const struct cleat_mbuf *m, uint32_t off, uint32_t len, uint8_t *buf)
{
	uint32_t done = 0;

	for (; m != NULL && done < len; m = cleat_mbuf_next(m)) {
		uint32_t n = m->data_len - off;

		if (n > len - done)
			n = len - done;
		memcpy(buf + done, cleat_mbuf_data(m) + off, n);
		done += n;
		off = 0;
	}
	return done == len ? buf : NULL;
}

const void *cleat_mbuf_read(const struct cleat_mbuf *m, uint32_t off, uint32_t len, void *buf)
{
	while (m != NULL && off >= m->data_len && (off > 0 || len > 0)) {
		off -= m->data_len;
		m = cleat_mbuf_next(m);
	}
	if (m == NULL)
		return len == 0 && off == 0 ? buf : NULL;
	if (len <= m->data_len - off)
		return cleat_mbuf_data(m) + off;
	return gather(m, off, len, buf);
}

int cleat_mbuf_check(const struct cleat_mbuf *m)
{
	const struct cleat_mbuf *first = m;
	unsigned segs = 0;
	uint64_t len = 0;

	for (; m != NULL; m = cleat_mbuf_next(m)) {
		uint32_t bytes = cleat_mbuf_buf_bytes(m);

		if ((uint32_t)m->data_off + m->data_len > bytes)
			return cleat_err(-EINVAL,
				"segment %u: %u bytes at offset %u in a buffer of %u", segs,
				m->data_len, m->data_off, bytes);
		len += m->data_len;
		if (++segs > CLEAT_MBUF_MAX_SEGS)
			return cleat_err(-EINVAL, "more than %u segments", CLEAT_MBUF_MAX_SEGS);
	}
	if (segs != first->nb_segs || len != first->pkt_len)
		return cleat_err(-EINVAL, "%u segments with %llu bytes, the header says %u with %u",
			segs, (unsigned long long)len, first->nb_segs, first->pkt_len);
	return 0;
}
