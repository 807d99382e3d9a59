/* SPDX-License-Identifier: BSD-3-Clause */
#include "runtime/mbuf_cksum.h"

#include <errno.h>
#include <string.h>

#include "runtime/error.h"
#include "runtime/mbuf_ref.h"
#include "runtime/registry.h"

#define MAC_BYTES     12 /* both addresses, before the type */
#define ETHER_BYTES   14
#define TAG_BYTES     4
#define IPV4_MIN      20
#define IPV4_CHECKSUM 10 /* where the field lies */
#define TCP_BYTES     20
#define TCP_CHECKSUM  16
#define UDP_BYTES     8
#define UDP_CHECKSUM  6

/* ---- sums ---- */

uint32_t cleat_cksum_add(uint32_t sum, const void *data, uint32_t len)
{
	const uint8_t *at = (const uint8_t *)data;
	uint64_t wide = sum;
	uint32_t word;
	uint16_t last = 0;

	for (; len >= sizeof(word); at += sizeof(word), len -= (uint32_t)sizeof(word)) {
		memcpy(&word, at, sizeof(word));
		wide += word;
	}
	if (len >= 2) {
		memcpy(&last, at, 2);
		wide += last;
		at += 2;
		len -= 2;
		last = 0;
	}
	if (len > 0) {
		memcpy(&last, at, 1); /* as if a zero byte followed */
		wide += last;
	}
	wide = (wide & 0xffffffffU) + (wide >> 32);
	return cleat_cksum_fold((uint32_t)(wide & 0xffffU) + (uint32_t)(wide >> 16 & 0xffffU) +
				(uint32_t)(wide >> 32));
}

uint32_t cleat_cksum_pseudo(
	const void *addresses, unsigned address_bytes, uint8_t protocol, uint32_t len)
{
	const uint8_t tail[8] = { (uint8_t)(len >> 24), (uint8_t)(len >> 16), (uint8_t)(len >> 8),
		(uint8_t)len, 0, 0, 0, protocol };

	return cleat_cksum_add(
		cleat_cksum_add(0, tail, sizeof(tail)), addresses, 2 * address_bytes);
}

static uint16_t swap(uint16_t sum)
{
	return (uint16_t)(sum << 8 | sum >> 8);
}

int cleat_mbuf_cksum(const struct cleat_mbuf *m, uint32_t off, uint32_t len, uint32_t *sum)
{
	uint32_t done = 0;

	for (; m != NULL && off >= m->data_len && len > 0; m = cleat_mbuf_next(m))
		off -= m->data_len;
	for (; m != NULL && done < len; m = cleat_mbuf_next(m), off = 0) {
		uint32_t n = m->data_len - off;
		uint16_t part;

		if (n > len - done)
			n = len - done;
		part = cleat_cksum_fold(cleat_cksum_add(0, cleat_mbuf_data(m) + off, n));
		*sum += done & 1 ? swap(part) : part; /* its first byte is the second of a word */
		*sum = cleat_cksum_fold(*sum);
		done += n;
	}
	return done == len ? 0 : -EINVAL;
}

/* ---- what a device would do ---- */

static unsigned l4_bytes(uint32_t flags)
{
	return flags & CLEAT_MBUF_TX_TCP ? TCP_BYTES : UDP_BYTES;
}

static uint32_t l4_field(const struct cleat_mbuf *m)
{
	return (uint32_t)m->l2_len + m->l3_len +
	       (m->ol_flags & CLEAT_MBUF_TX_TCP ? TCP_CHECKSUM : UDP_CHECKSUM);
}

/* Do the flags in @p todo fit the packet? */
static int check(const struct cleat_mbuf *m, uint32_t todo, uint32_t pkt_len)
{
	uint32_t l4 = todo & (CLEAT_MBUF_TX_TCP | CLEAT_MBUF_TX_UDP);
	uint32_t headers = (uint32_t)m->l2_len + m->l3_len + (l4 != 0 ? l4_bytes(l4) : 0);

	if ((todo & CLEAT_MBUF_TX_VLAN) && pkt_len < MAC_BYTES)
		return cleat_err(-EINVAL, "a tag for a packet of %u bytes", pkt_len);
	if (!(todo & CLEAT_MBUF_TX_IPV4) && l4 == 0)
		return 0;
	if (l4 == (CLEAT_MBUF_TX_TCP | CLEAT_MBUF_TX_UDP))
		return cleat_err(-EINVAL, "a TCP and a UDP checksum for one packet");
	if (m->l2_len < ETHER_BYTES || headers > pkt_len ||
		((todo & CLEAT_MBUF_TX_IPV4) && m->l3_len < IPV4_MIN))
		return cleat_err(-EINVAL,
			"checksums for a packet of %u bytes with l2_len %u and l3_len %u", pkt_len,
			m->l2_len, m->l3_len);
	return 0;
}

/* UDP's checksum 0 would mean "none" (RFC 768). */
static uint16_t field_of(uint32_t sum, uint32_t flags)
{
	uint16_t field = (uint16_t)~cleat_cksum_fold(sum);

	return (flags & CLEAT_MBUF_TX_UDP) && field == 0 ? 0xffff : field;
}

/* Write a field that may lie across segments. The packet is long enough. */
static void write_field(struct cleat_mbuf *m, uint32_t off, uint16_t field)
{
	uint8_t bytes[2];

	memcpy(bytes, &field, sizeof(bytes));
	for (unsigned i = 0; i < 2; i++, off++) {
		while (off >= m->data_len) {
			off -= m->data_len;
			m = cleat_mbuf_next(m);
		}
		cleat_mbuf_data(m)[off] = bytes[i];
	}
}

static int insert_tag(struct cleat_mbuf *m)
{
	const uint8_t tag[TAG_BYTES] = { 0x81, 0x00, (uint8_t)(m->vlan_tci >> 8),
		(uint8_t)m->vlan_tci };
	uint8_t *data;

	if (m->data_len < MAC_BYTES)
		return cleat_err(-EINVAL, "a tag for a packet whose first segment has %u bytes",
			m->data_len);
	data = cleat_mbuf_prepend(m, TAG_BYTES);
	if (data == NULL)
		return cleat_err(-ENOSPC, "no headroom for a tag: %u bytes", m->data_off);
	memmove(data, data + TAG_BYTES, MAC_BYTES);
	memcpy(data + MAC_BYTES, tag, TAG_BYTES);
	m->l2_len = (uint8_t)(m->l2_len + TAG_BYTES);
	m->ol_flags &= ~CLEAT_MBUF_TX_VLAN;
	return 0;
}

/* The L4 sum first: neither covers the other's field. */
static int fill_in(struct cleat_mbuf *m, uint32_t todo)
{
	uint32_t l4 = (uint32_t)m->l2_len + m->l3_len;
	uint32_t sum = 0;
	int err = 0;

	if (todo & (CLEAT_MBUF_TX_TCP | CLEAT_MBUF_TX_UDP)) {
		err = cleat_mbuf_cksum(m, l4, m->pkt_len - l4, &sum);
		if (err == 0)
			write_field(m, l4_field(m), field_of(sum, todo));
	}
	if (err == 0 && (todo & CLEAT_MBUF_TX_IPV4)) {
		write_field(m, m->l2_len + IPV4_CHECKSUM, 0);
		sum = 0;
		err = cleat_mbuf_cksum(m, m->l2_len, m->l3_len, &sum);
		if (err == 0)
			write_field(m, m->l2_len + IPV4_CHECKSUM, field_of(sum, 0));
	}
	return err < 0 ? cleat_err(err, "a packet is shorter than its header says") : 0;
}

static uint32_t left_to_software(uint32_t flags, uint32_t offloads)
{
	uint32_t todo = flags & CLEAT_MBUF_TX_MASK;

	if (offloads & CLEAT_OFFLOAD_TX_CHECKSUM)
		todo &= ~(CLEAT_MBUF_TX_IPV4 | CLEAT_MBUF_TX_TCP | CLEAT_MBUF_TX_UDP);
	if (offloads & CLEAT_OFFLOAD_TX_VLAN_INSERT)
		todo &= ~CLEAT_MBUF_TX_VLAN;
	return todo;
}

int cleat_mbuf_cksum_prepare(struct cleat_mbuf *m, uint32_t offloads)
{
	uint32_t todo = left_to_software(m->ol_flags, offloads);
	int err;

	if (todo == 0)
		return 0;
	err = check(m, todo, m->pkt_len);
	if (err == 0)
		for (const struct cleat_mbuf *s = m; s != NULL; s = cleat_mbuf_next(s))
			if (!cleat_mbuf_is_plain(s))
				return cleat_err(-EBUSY,
					"the packet's data is shared with a clone: copy it first");
	if (err == 0 && (todo & CLEAT_MBUF_TX_VLAN))
		err = insert_tag(m);
	if (err == 0)
		err = fill_in(m, todo);
	if (err == 0)
		m->ol_flags &= ~todo;
	return err;
}

int cleat_frame_cksum_prepare(uint8_t *frame, uint32_t *len, const struct cleat_mbuf *m)
{
	uint32_t todo = m->ol_flags & CLEAT_MBUF_TX_MASK;
	uint32_t l4 = (uint32_t)m->l2_len + m->l3_len;
	int err = check(m, todo, *len);
	uint16_t field = 0;

	if (err < 0)
		return err;
	if (todo & (CLEAT_MBUF_TX_TCP | CLEAT_MBUF_TX_UDP)) {
		field = field_of(cleat_cksum_add(0, frame + l4, *len - l4), todo);
		memcpy(frame + l4_field(m), &field, sizeof(field));
	}
	if (todo & CLEAT_MBUF_TX_IPV4) {
		memset(frame + m->l2_len + IPV4_CHECKSUM, 0, sizeof(field));
		field = field_of(cleat_cksum_add(0, frame + m->l2_len, m->l3_len), 0);
		memcpy(frame + m->l2_len + IPV4_CHECKSUM, &field, sizeof(field));
	}
	if (todo & CLEAT_MBUF_TX_VLAN) {
		memmove(frame + MAC_BYTES + TAG_BYTES, frame + MAC_BYTES, *len - MAC_BYTES);
		frame[MAC_BYTES] = 0x81;
		frame[MAC_BYTES + 1] = 0;
		frame[MAC_BYTES + 2] = (uint8_t)(m->vlan_tci >> 8);
		frame[MAC_BYTES + 3] = (uint8_t)m->vlan_tci;
		*len += TAG_BYTES;
	}
	return 0;
}
