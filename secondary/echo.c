/* SPDX-License-Identifier: BSD-3-Clause */
/* echo.h: the burst, Ethernet and VLAN tags, and how an answer gets back into its mbuf. */
#include "secondary/echo.h"

#include "runtime/mbuf_cksum.h"
#include "runtime/mbuf_ref.h"
#include "secondary/echo_head.h"

enum { MAC_BYTES = 6, ETHER_TYPE = 12, ETHER_BYTES = 14, TAG_BYTES = 4 };
enum { TYPE_IP4 = 0x0800, TYPE_ARP = 0x0806, TYPE_TAG = 0x8100, TYPE_IP6 = 0x86dd };

const char *cleat_echo_name(enum cleat_echo_what what)
{
	static const char *const NAMES[CLEAT_ECHO_WHATS] = { "arp", "icmp", "udp", "nd", "icmp6",
		"udp6", "not_ours", "other", "fragment", "bad", "shared" };

	return NAMES[what];
}

/* ---- Ethernet ---- */

/* Ours, everybody's, or the group of IPv6 (RFC 2464, section 7). Whoever sends is one host. */
static int is_for_us(const struct cleat_echo *echo, const uint8_t *frame)
{
	static const uint8_t ALL[6] = { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff }, NONE[6];
	const uint8_t *from = frame + MAC_BYTES;

	if ((from[0] & 1) || memcmp(from, NONE, 6) == 0 || memcmp(from, echo->mac, 6) == 0)
		return 0;
	return memcmp(frame, echo->mac, 6) == 0 || memcmp(frame, ALL, 6) == 0 ||
	       (frame[0] == 0x33 && frame[1] == 0x33);
}

/* A request to everybody is one for an address; anything else came to us alone. */
static int is_to_us_alone(const struct cleat_echo *echo, const uint8_t *frame)
{
	return memcmp(frame, echo->mac, 6) == 0;
}

static enum cleat_echo_what dispatch(
	const struct cleat_echo *echo, struct cleat_echo_head *h, unsigned type)
{
	enum cleat_echo_what what;

	if (type == TYPE_ARP)
		return cleat_echo_arp(echo, h);
	if (type == TYPE_IP4)
		return is_to_us_alone(echo, h->bytes) ? cleat_echo_ip4(echo, h)
						      : CLEAT_ECHO_NOT_OURS;
	if (type != TYPE_IP6)
		return CLEAT_ECHO_OTHER;
	what = cleat_echo_ip6(echo, h);
	return what < CLEAT_ECHO_ANSWERS && what != CLEAT_ECHO_ND && !is_to_us_alone(echo, h->bytes)
		       ? CLEAT_ECHO_NOT_OURS
		       : what;
}

/* To who sent it; an advertisement to all nodes goes to their group. */
static void turn_ethernet(const struct cleat_echo *echo, struct cleat_echo_head *h)
{
	static const uint8_t GROUP[6] = { 0x33, 0x33, 0, 0, 0, 1 };
	const uint8_t *ip6_to = h->bytes + h->l3 + 24;

	memcpy(h->bytes, h->bytes + MAC_BYTES, 6);
	memcpy(h->bytes + MAC_BYTES, echo->mac, 6);
	if (h->set_len != 0 && ip6_to[0] == 0xff)
		memcpy(h->bytes, GROUP, 6);
}

static enum cleat_echo_what answer(const struct cleat_echo *echo, struct cleat_echo_head *h)
{
	enum cleat_echo_what what;
	unsigned type;

	if (!cleat_echo_has(h, 0, ETHER_BYTES))
		return CLEAT_ECHO_BAD;
	if (!is_for_us(echo, h->bytes))
		return CLEAT_ECHO_NOT_OURS;
	h->l3 = ETHER_BYTES;
	type = cleat_echo_get16(h->bytes + ETHER_TYPE);
	if (type == TYPE_TAG) {
		if (!cleat_echo_has(h, ETHER_BYTES, TAG_BYTES))
			return CLEAT_ECHO_BAD;
		type = cleat_echo_get16(h->bytes + ETHER_BYTES + 2);
		h->l3 += TAG_BYTES;
	}
	what = dispatch(echo, h, type);
	if (what < CLEAT_ECHO_ANSWERS)
		turn_ethernet(echo, h);
	return what;
}

/* ---- the mbuf ---- */

static int read_head(const struct cleat_mbuf *m, struct cleat_echo_head *h)
{
	const void *data;

	h->pkt_len = m->pkt_len;
	h->len = m->pkt_len < CLEAT_ECHO_HEAD ? m->pkt_len : CLEAT_ECHO_HEAD;
	h->set_len = 0;
	data = cleat_mbuf_read(m, 0, h->len, h->bytes);
	if (data == NULL)
		return -1;
	if (data != h->bytes)
		memcpy(h->bytes, data, h->len);
	return 0;
}

/* Into as many segments as it came from. */
static void write_head(struct cleat_mbuf *m, const struct cleat_echo_head *h)
{
	uint32_t done = 0;

	for (; m != NULL && done < h->len; m = cleat_mbuf_next(m)) {
		uint32_t n = m->data_len < h->len - done ? m->data_len : h->len - done;

		memcpy(cleat_mbuf_data(m), h->bytes + done, n);
		done += n;
	}
}

/* The packet becomes h->set_len bytes in its first segment. @return -1 if they do not fit there */
static int resize(struct cleat_mbuf *m, struct cleat_echo_head *h)
{
	if (h->set_len > cleat_mbuf_buf_bytes(m) - m->data_off)
		return -1;
	if (m->next != CLEAT_HANDLE_NONE) {
		struct cleat_mbuf *rest = cleat_mbuf_next(m);

		m->next = CLEAT_HANDLE_NONE;
		rest->nb_segs = (uint8_t)(m->nb_segs - 1);
		m->nb_segs = 1;
		cleat_mbuf_free(rest);
	}
	m->data_len = (uint16_t)h->set_len;
	m->pkt_len = h->len = h->set_len;
	return 0;
}

static int is_plain(const struct cleat_mbuf *m)
{
	for (; m != NULL; m = cleat_mbuf_next(m))
		if (!cleat_mbuf_is_plain(m))
			return 0;
	return 1;
}

/* What the device took off goes on again. @return -1 if it cannot be done */
static int set_flags(struct cleat_mbuf *m, uint32_t tx_offloads)
{
	m->ol_flags = m->ol_flags & CLEAT_MBUF_VLAN ? CLEAT_MBUF_TX_VLAN : 0;
	m->l2_len = m->l3_len = 0;
	return cleat_mbuf_cksum_prepare(m, tx_offloads) < 0 ? -1 : 0;
}

static enum cleat_echo_what one(const struct cleat_echo *echo, struct cleat_mbuf *m)
{
	struct cleat_echo_head h;
	enum cleat_echo_what what;

	if ((m->ol_flags & (CLEAT_MBUF_RX_IP_BAD | CLEAT_MBUF_RX_L4_BAD)) || read_head(m, &h) < 0)
		return CLEAT_ECHO_BAD;
	what = answer(echo, &h);
	if (what >= CLEAT_ECHO_ANSWERS)
		return what;
	if (!is_plain(m))
		return CLEAT_ECHO_SHARED;
	if (h.set_len != 0 && resize(m, &h) < 0)
		return CLEAT_ECHO_BAD;
	write_head(m, &h);
	return set_flags(m, echo->tx_offloads) < 0 ? CLEAT_ECHO_BAD : what;
}

unsigned cleat_echo_work(struct cleat_mbuf **mbufs, unsigned n, void *arg)
{
	struct cleat_mbuf *drop[CLEAT_MAX_BURST];
	struct cleat_echo *echo = arg;
	unsigned answers = 0, drops = 0;

	for (unsigned i = 0; i < n; i++) {
		enum cleat_echo_what what = one(echo, mbufs[i]);

		echo->counts[what]++;
		if (what < CLEAT_ECHO_ANSWERS)
			mbufs[answers++] = mbufs[i];
		else
			drop[drops++] = mbufs[i];
	}
	cleat_mbuf_free_bulk(drop, drops);
	return answers;
}
