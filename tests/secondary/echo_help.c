/* SPDX-License-Identifier: BSD-3-Clause */
#include "tests/secondary/echo_help.h"

#include <check.h>
#include <string.h>

#include "runtime/error.h"
#include "runtime/mbuf_cksum.h"

const uint8_t ECHO_MAC[6] = { 2, 0, 0, 0, 0, 2 }, ECHO_PEER[6] = { 2, 0, 0, 0, 0, 1 };

struct cleat_mempool *echo_pool;
struct cleat_echo echo;

void echo_up(void)
{
	mbuf_world_up();
	echo_pool = mbuf_world_pool("p", 512, 1600, 32);
	memset(&echo, 0, sizeof(echo));
	memcpy(echo.mac, ECHO_MAC, 6);
	ck_assert_int_eq(cleat_echo_set_ip(&echo, "10.0.0.2"), 0);
	ck_assert_int_eq(cleat_echo_set_ip6(&echo, "fd00::2"), 0);
}

void echo_down(void)
{
	ck_assert_ptr_null(mbuf_world_take_all(echo_pool));
	mbuf_world_down();
}

uint16_t get16(const uint8_t *at)
{
	return (uint16_t)(at[0] << 8 | at[1]);
}

struct cleat_mbuf *echo_packet(const uint8_t *data, uint32_t len, uint32_t first, uint32_t piece)
{
	struct cleat_mbuf *head = NULL;

	while (len > 0 || head == NULL) {
		uint32_t most = head == NULL ? first : piece;
		uint16_t n = (uint16_t)(len < most ? len : most);
		struct cleat_mbuf *m = cleat_mbuf_alloc(echo_pool);

		ck_assert_ptr_nonnull(m);
		memcpy(cleat_mbuf_append(m, n), data, n);
		data += n;
		len -= n;
		if (head == NULL)
			head = m;
		else
			ck_assert_int_eq(cleat_mbuf_chain(head, m), 0);
	}
	return head;
}

/* Which of the counts went up by one. */
static enum cleat_echo_what counted(const uint64_t *before)
{
	enum cleat_echo_what what = CLEAT_ECHO_WHATS;

	for (unsigned i = 0; i < CLEAT_ECHO_WHATS; i++) {
		ck_assert_uint_le(echo.counts[i] - before[i], 1);
		if (echo.counts[i] == before[i])
			continue;
		ck_assert_int_eq(what, CLEAT_ECHO_WHATS);
		what = (enum cleat_echo_what)i;
	}
	ck_assert_int_ne(what, CLEAT_ECHO_WHATS);
	return what;
}

enum cleat_echo_what echo_ask(struct cleat_mbuf *m, uint8_t *out, uint32_t *out_len)
{
	uint64_t before[CLEAT_ECHO_WHATS];
	enum cleat_echo_what what;
	const void *data;
	unsigned left;

	memcpy(before, echo.counts, sizeof(before));
	left = cleat_echo_work(&m, 1, &echo);
	what = counted(before);
	ck_assert_uint_eq(left, what < CLEAT_ECHO_ANSWERS ? 1 : 0);
	if (left == 0)
		return what;
	ck_assert_msg(cleat_mbuf_check(m) == 0, "%s", cleat_error());
	*out_len = m->pkt_len;
	data = cleat_mbuf_read(m, 0, m->pkt_len, out);
	if (data != out)
		memcpy(out, data, m->pkt_len);
	cleat_mbuf_free(m);
	return what;
}

void echo_check_sums(const uint8_t *data, enum cleat_echo_what what)
{
	const uint8_t *ip = data + 14;
	uint32_t sum = 0, len;

	if (what == CLEAT_ECHO_ARP)
		return;
	if (get16(data + 12) == 0x0800) {
		ck_assert_uint_eq(cleat_cksum_fold(cleat_cksum_add(0, ip, 20)), 0xffff);
		len = get16(ip + 2) - 20U;
		if (what == CLEAT_ECHO_UDP)
			sum = cleat_cksum_pseudo(ip + 12, 4, 17, len);
		sum = cleat_cksum_add(sum, ip + 20, len);
	} else {
		len = get16(ip + 4);
		sum = cleat_cksum_add(cleat_cksum_pseudo(ip + 8, 16, ip[6], len), ip + 40, len);
	}
	ck_assert_uint_eq(cleat_cksum_fold(sum), 0xffff);
}
