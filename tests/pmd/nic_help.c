/* SPDX-License-Identifier: BSD-3-Clause */
#include "tests/pmd/nic_help.h"

#include <check.h>
#include <string.h>

#include "pmd/common/nic_tx.h"
#include "runtime/iova.h"
#include "runtime/row.h"

struct nic nic;

/* Queues' state, rings and registers: the window's last 64 KiB. */
static void *at(uint64_t off)
{
	return (void *)(cleat_window_base + MBUF_HELP_BYTES - 65536 + off);
}

static void describe(enum cleat_dir dir)
{
	uint64_t *words;

	nic.shm[dir] = at(dir * sizeof(struct cleat_queue_shm));
	nic.ring[dir] = at(4096 + dir * 4096U);
	nic.tail[dir] = at(16384 + dir * 64U);
	nic.mask[dir] = at(16640 + dir * 64U);
	nic.head[dir] = 0;
	words = nic.shm[dir]->driver;
	words[CLEAT_NIC_RING] = (uintptr_t)nic.ring[dir] - cleat_window_base;
	words[CLEAT_NIC_COUNT] = NIC_COUNT;
	words[CLEAT_NIC_TAIL] = (uintptr_t)nic.tail[dir] - cleat_window_base;
	words[CLEAT_NIC_BUF_BYTES] = 2048;
	words[CLEAT_NIC_MAX_FRAME] = 9014;
}

void nic_pages(uint64_t page_bytes)
{
	struct cleat_segment_shm row = {
		.kind = CLEAT_SEGMENT_MEMORY, .page_bytes = page_bytes, .ready = 1
	};

	CLEAT_ROW_WRITE(&cleat_registry->segments[1], &row);
}

void nic_world_up(uint32_t mbufs)
{
	mbuf_world_up();
	/* a device sees the window where the process does */
	cleat_iova_chunks[0].start_off = 0;
	cleat_iova_chunks[0].iova = cleat_window_base;
	cleat_iova_chunks[0].table = NULL;
	cleat_iova_chunks[0].page_shift = 12;
	cleat_iova_chunks[0].len_bytes = MBUF_HELP_BYTES;
	nic_pages(1ULL << 30); /* so large that no packet crosses into another */
	nic.pool = mbuf_world_pool("p", mbufs, 2048, 32);
	describe(CLEAT_RX);
	describe(CLEAT_TX);
	nic.shm[CLEAT_RX]->driver[CLEAT_NIC_ARM_ON] = (uintptr_t)nic.mask[0] - cleat_window_base;
	nic.shm[CLEAT_RX]->driver[CLEAT_NIC_ARM_OFF] = (uintptr_t)nic.mask[1] - cleat_window_base;
	nic.shm[CLEAT_RX]->driver[CLEAT_NIC_ARM_BITS] = 0x90;
}

void nic_world_down(void)
{
	cleat_queue_remove_all();
	memset(&cleat_iova_chunks[0], 0, sizeof(cleat_iova_chunks[0]));
	mbuf_world_down();
}

void nic_conf(
	struct cleat_queue_conf *conf, const char *driver, enum cleat_dir dir, uint32_t offloads)
{
	*conf = (struct cleat_queue_conf){ .port = NIC_PORT,
		.dir = dir,
		.ring = 0xffff,
		.driver = driver,
		.shm = nic.shm[dir],
		.pool = dir == CLEAT_RX ? nic.pool : NULL,
		.offloads = offloads,
		.descriptors = NIC_COUNT,
		.mtu = 1500,
		.owner_id = dir == CLEAT_RX ? NIC_OWNER_RX : NIC_OWNER_TX,
		.numa_node = -1 };
}

int nic_claim(const char *driver, enum cleat_dir dir, uint32_t offloads)
{
	struct cleat_queue_conf conf;

	nic_conf(&conf, driver, dir, offloads);
	return cleat_queue_install(&conf);
}

uint32_t nic_pending(enum cleat_dir dir)
{
	return (*nic.tail[dir] + NIC_COUNT - nic.head[dir]) % NIC_COUNT;
}

static struct cleat_nic_desc *next(enum cleat_dir dir)
{
	struct cleat_nic_desc *desc = &nic.ring[dir][nic.head[dir]];

	nic.head[dir] = (nic.head[dir] + 1) % NIC_COUNT;
	return desc;
}

void nic_receive(const void *data, uint32_t len, uint64_t w0, uint64_t w1)
{
	struct cleat_nic_desc *desc;

	ck_assert_uint_ne(nic_pending(CLEAT_RX), 0);
	desc = next(CLEAT_RX);
	ck_assert_uint_eq(desc->w[1], 0);
	memcpy((void *)(uintptr_t)desc->w[0], data, len);
	if (w0 != 0)
		desc->w[0] = w0;
	cleat_store_release(&desc->w[1], w1);
}

void nic_send_all(void)
{
	while (nic_pending(CLEAT_TX) != 0) {
		struct cleat_nic_desc *desc = next(CLEAT_TX);

		if (desc->w[1] & CLEAT_NIC_TX_RS)
			cleat_store_release(&desc->w[1], CLEAT_NIC_TX_DD);
	}
}

uint32_t nic_owned(enum cleat_owner_kind kind)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < nic.pool->count; i++) {
		const struct cleat_mbuf *m = cleat_mbuf_of(cleat_mempool_handle(nic.pool, i));

		n += cleat_owner_kind_of(m->owner) == (unsigned)kind;
	}
	return n;
}
