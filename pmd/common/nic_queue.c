/* SPDX-License-Identifier: BSD-3-Clause */
/* nic_queue.c - the words that describe a queue, checked against the window. */
#include "pmd/common/nic_queue.h"

#include <errno.h>

const struct cleat_xstat cleat_nic_xstats[CLEAT_NIC_XSTATS] = {
	{ "pool_empty", CLEAT_RX, CLEAT_NIC_NO_MBUF },
	{ "too_long_packets", CLEAT_RX, CLEAT_NIC_TOO_LONG },
	{ "refused_packets", CLEAT_TX, CLEAT_NIC_BAD_PACKET },
};

static uint64_t word(const struct cleat_queue_conf *conf, enum cleat_nic_word which)
{
	return cleat_load_relaxed(&conf->shm->driver[which]);
}

static void *in_window(uint64_t off, uint64_t len_bytes, uint64_t align)
{
	if (off == 0 || off % align != 0 || off >= cleat_window_len ||
		len_bytes > cleat_window_len - off)
		return NULL;
	return (void *)(cleat_window_base + off);
}

static int wrong(const struct cleat_queue_conf *conf, const char *what, uint64_t value)
{
	return cleat_err(-EPROTO, "port %u %s queue %u: the %s in shared memory, 0x%llx, is wrong",
		conf->port, conf->dir == CLEAT_RX ? "rx" : "tx", conf->queue, what,
		(unsigned long long)value);
}

static int view_ring(const struct cleat_queue_conf *conf, struct cleat_nic_view *out)
{
	uint64_t count = word(conf, CLEAT_NIC_COUNT);
	uint64_t ring = word(conf, CLEAT_NIC_RING), tail = word(conf, CLEAT_NIC_TAIL);

	if (count < CLEAT_NIC_MIN_DESCRIPTORS || count > CLEAT_NIC_MAX_DESCRIPTORS ||
		count % CLEAT_NIC_ALIGN != 0)
		return wrong(conf, "number of descriptors", count);
	out->count = (uint32_t)count;
	out->ring = (struct cleat_nic_desc *)in_window(ring, count * CLEAT_NIC_DESC_BYTES, 128);
	if (out->ring == NULL)
		return wrong(conf, "place of the descriptors", ring);
	out->tail = (volatile uint32_t *)in_window(tail, sizeof(uint32_t), sizeof(uint32_t));
	return out->tail == NULL ? wrong(conf, "place of the tail register", tail) : 0;
}

static int view_arm(const struct cleat_queue_conf *conf, struct cleat_nic_view *out)
{
	uint64_t on = word(conf, CLEAT_NIC_ARM_ON), off = word(conf, CLEAT_NIC_ARM_OFF);

	out->arm_bits = (uint32_t)word(conf, CLEAT_NIC_ARM_BITS);
	out->arm_on = out->arm_off = NULL;
	if (conf->dir != CLEAT_RX || on == 0)
		return 0;
	out->arm_on = (volatile uint32_t *)in_window(on, sizeof(uint32_t), sizeof(uint32_t));
	if (off != 0)
		out->arm_off =
			(volatile uint32_t *)in_window(off, sizeof(uint32_t), sizeof(uint32_t));
	return out->arm_on == NULL || (off != 0 && out->arm_off == NULL)
		       ? wrong(conf, "place of the interrupt mask", on)
		       : 0;
}

int cleat_nic_view(const struct cleat_queue_conf *conf, struct cleat_nic_view *out)
{
	int ret = view_ring(conf, out);
	uint64_t buf = word(conf, CLEAT_NIC_BUF_BYTES), frame = word(conf, CLEAT_NIC_MAX_FRAME);

	if (ret < 0)
		return ret;
	if (conf->dir == CLEAT_RX && (buf == 0 || buf > UINT16_MAX))
		return wrong(conf, "size of a buffer", buf);
	if (conf->dir == CLEAT_TX && (frame == 0 || frame > UINT16_MAX))
		return wrong(conf, "longest packet", frame);
	out->buf_bytes = (uint32_t)buf;
	out->max_frame = (uint32_t)frame;
	return view_arm(conf, out);
}
