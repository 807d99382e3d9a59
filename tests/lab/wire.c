/* SPDX-License-Identifier: BSD-3-Clause */
#include "tests/lab/wire.h"

#include <stdio.h>
#include <string.h>

#include "runtime/mbuf.h"
#include "runtime/mempool.h"

#define LENGTH 60

/* From nobody, of the type for local experiments; the number follows. */
static const uint8_t TAIL[] = { 0x02, 0, 0, 0, 0, 0x01, 0x88, 0xb5 };
#define NUMBER_AT (6 + sizeof(TAIL))

int wire_claim(uint16_t port, enum cleat_dir dir, int promiscuous)
{
	struct cleat_port_wish wish = {
		.pool = "default", .queues = 1, .promiscuous = promiscuous
	};
	int rc = cleat_port_prepare(port, dir, 0, &wish);

	return rc < 0 ? rc : cleat_ctl_queue_claim(port, dir, 0);
}

int wire_parse(const char *text, uint8_t (*macs)[6], int most)
{
	int n = 0, used;

	for (;; text++) {
		uint8_t *m = macs[n];

		if (n == most || sscanf(text, "%hhx:%hhx:%hhx:%hhx:%hhx:%hhx%n", &m[0], &m[1],
					 &m[2], &m[3], &m[4], &m[5], &used) != 6)
			return -1;
		n++;
		text += used;
		if (*text != ',')
			return *text == '\0' ? n : -1;
	}
}

int wire_send(uint16_t port, const uint8_t dst[6], uint32_t number)
{
	struct cleat_mempool *pool = cleat_mempool_by_name("default");
	struct cleat_mbuf *m = cleat_mbuf_alloc(pool);
	uint8_t *p = m == NULL ? NULL : cleat_mbuf_append(m, LENGTH);

	if (p == NULL)
		return -1;
	memset(p, 0, LENGTH);
	memcpy(p, dst, 6);
	memcpy(p + 6, TAIL, sizeof(TAIL));
	memcpy(p + NUMBER_AT, &number, sizeof(number));
	if (cleat_tx_burst(port, 0, &m, 1) == 1)
		return 0;
	cleat_mbuf_free(m);
	return -1;
}

int wire_receive(uint16_t port, uint8_t dst[6], uint32_t *number)
{
	struct cleat_mbuf *m;
	int n = cleat_rx_burst(port, 0, &m, 1);
	const uint8_t *p;

	if (n <= 0)
		return n;
	p = cleat_mbuf_data(m);
	n = m->data_len >= NUMBER_AT + sizeof(*number) && p[12] == 0x88 && p[13] == 0xb5;
	if (n) {
		memcpy(dst, p, 6);
		memcpy(number, p + NUMBER_AT, sizeof(*number));
	}
	cleat_mbuf_free(m);
	return n;
}
