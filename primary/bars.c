/* SPDX-License-Identifier: BSD-3-Clause */
#include "primary/bars.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "primary/device_rows.h"
#include "primary/place.h"
#include "primary/untold.h"
#include "runtime/error.h"
#include "runtime/hugepages.h"
#include "runtime/log.h"
#include "runtime/pci/pci_sigbus.h"
#include "runtime/row.h"
#include "runtime/window.h"

#define BIG_ALIGN (2ULL << 20) /* a large BAR is mapped by large pages */

/* ---- in this process ---- */

static struct cleat_bar *find_bar(
	struct cleat_primary *p, const struct cleat_device *device, unsigned bar)
{
	for (int i = 0; i < CLEAT_MAX_BARS; i++)
		if (p->bars[i].len_bytes != 0 && p->bars[i].device == device &&
			p->bars[i].bar == bar)
			return &p->bars[i];
	return NULL;
}

static struct cleat_bar *free_bar(struct cleat_primary *p)
{
	for (int i = 0; i < CLEAT_MAX_BARS; i++)
		if (p->bars[i].len_bytes == 0)
			return &p->bars[i];
	(void)cleat_err(-ENOSPC, "all %d BARs that can be mapped are in use", CLEAT_MAX_BARS);
	return NULL;
}

static int free_segment(const struct cleat_primary *p)
{
	for (int i = 0; i < CLEAT_MAX_SEGMENTS; i++)
		if (p->segments[i].len_bytes == 0)
			return i;
	return cleat_err(-ENOSPC, "all %d segments are in use", CLEAT_MAX_SEGMENTS);
}

static void drop_segment(struct cleat_primary *p, uint16_t row)
{
	const struct cleat_segment_shm empty = { 0 };

	CLEAT_ROW_WRITE(&cleat_registry->segments[row], &empty);
	cleat_fd_close(&p->segments[row].fd);
	memset(&p->segments[row], 0, sizeof(p->segments[row]));
}

static void write_segment(
	const struct cleat_segment *seg, uint16_t row, uint16_t device, unsigned bar)
{
	struct cleat_segment_shm shm;

	cleat_segment_row(seg, &shm);
	shm.iova = CLEAT_IOVA_NONE;
	shm.iova_table_zone = UINT32_MAX;
	shm.ready = 1;
	shm.device = device;
	shm.bar = (uint16_t)bar;
	CLEAT_ROW_WRITE(&cleat_registry->segments[row], &shm);
}

/* One part of the BAR: a segment with a descriptor of its own. */
static int map_piece(
	struct cleat_primary *p, struct cleat_bar *b, const struct cleat_pci_piece *piece)
{
	int row = free_segment(p), device = cleat_device_row_of(b->device), rc;
	struct cleat_segment *seg;

	if (row < 0)
		return row;
	seg = &p->segments[row];
	*seg = (struct cleat_segment){
		.off = b->off + piece->off,
		.len_bytes = cleat_align_up(piece->len_bytes, CLEAT_PAGE_4K),
		.page_bytes = CLEAT_PAGE_4K,
		.fd = fcntl(piece->fd, F_DUPFD_CLOEXEC, 3),
		.fd_off = piece->fd_off,
		.fd_ro = -1,
		.kind = CLEAT_SEGMENT_BAR,
		.node_asked = CLEAT_NODE_ANY,
		.node_got = CLEAT_NODE_ANY,
	};
	rc = seg->fd < 0 ? cleat_err(-errno, "BAR %u: no descriptor to be had", b->bar)
			 : cleat_window_map(seg->off, seg->len_bytes, seg->fd, seg->fd_off, 1);
	if (rc < 0) {
		drop_segment(p, (uint16_t)row);
		return rc;
	}
	write_segment(seg, (uint16_t)row, device < 0 ? 0xffff : (uint16_t)device, b->bar);
	b->rows[b->n_rows++] = (uint16_t)row;
	return 0;
}

static void *address_of(const struct cleat_bar *b)
{
	return (void *)(cleat_window_base + b->off);
}

static void free_place(struct cleat_primary *p, struct cleat_bar *b)
{
	for (unsigned i = 0; i < b->n_rows; i++)
		drop_segment(p, b->rows[i]);
	memset(b, 0, sizeof(*b));
}

static void unmap_here(struct cleat_primary *p, const struct cleat_bar *b)
{
	cleat_pci_guard_remove(address_of(b));
	for (unsigned i = 0; i < b->n_rows; i++) {
		const struct cleat_segment *seg = &p->segments[b->rows[i]];

		if (cleat_window_unmap(seg->off, seg->len_bytes) < 0)
			cleat_log(CLEAT_LOG_WARNING, "%s", cleat_error());
	}
}

static int map_pieces(struct cleat_primary *p, struct cleat_bar *b, struct cleat_pci_device *pci)
{
	struct cleat_pci_piece pieces[CLEAT_PCI_MAX_PIECES];
	int n = pci->access->pieces(pci, b->bar, pieces, CLEAT_PCI_MAX_PIECES);
	int rc = n < 0 ? n : 0;

	if (n == 0)
		rc = cleat_err(-ENOTSUP, "no part of BAR %u may be mapped", b->bar);
	for (int i = 0; rc == 0 && i < n; i++)
		rc = map_piece(p, b, &pieces[i]);
	if (rc == 0)
		rc = cleat_pci_guard_add(address_of(b), b->len_bytes);
	return rc;
}

static int map_bar(
	struct cleat_primary *p, struct cleat_pci_device *pci, unsigned bar, struct cleat_bar **out)
{
	const struct cleat_pci_bar *info = &pci->bars[bar];
	uint64_t len = cleat_align_up(info->len_bytes, CLEAT_PAGE_4K);
	uint64_t align = len < BIG_ALIGN ? cleat_pow2_ceil(len) : BIG_ALIGN;
	struct cleat_bar *b = free_bar(p);
	uint64_t off;
	int rc;

	if (b == NULL)
		return -ENOSPC;
	rc = cleat_place_bar(p, len, align, &off);
	if (rc < 0)
		return rc;
	*b = (struct cleat_bar){
		.device = &pci->device, .off = off, .len_bytes = len, .bar = (uint16_t)bar
	};
	rc = map_pieces(p, b, pci);
	if (rc < 0) {
		unmap_here(p, b);
		free_place(p, b);
		return rc;
	}
	*out = b;
	return 0;
}

int cleat_bar_map(
	void *ctx, struct cleat_device *device, unsigned bar, void **va, uint64_t *len_bytes)
{
	struct cleat_primary *p = ctx;
	struct cleat_pci_device *pci = cleat_pci_of(device);
	struct cleat_bar *b;
	int rc = 0;

	if (pci == NULL || pci->access == NULL || bar >= CLEAT_PCI_BARS ||
		pci->bars[bar].kind != CLEAT_BAR_MEMORY || pci->bars[bar].len_bytes == 0)
		return cleat_err(-ENOENT, "device %s has no memory BAR %u", device->name, bar);
	b = find_bar(p, device, bar);
	if (b == NULL)
		rc = map_bar(p, pci, bar, &b);
	if (rc < 0)
		return cleat_err_prefix(rc, "device %s, BAR %u", device->name, bar);
	*va = address_of(b);
	*len_bytes = pci->bars[bar].len_bytes;
	cleat_device_row_bar(device, bar, b->off, NULL);
	return 0;
}

/* ---- in others ---- */

static void write_mapped(const struct cleat_bar *b)
{
	if (b->device != NULL)
		cleat_device_row_bar(b->device, b->bar, b->off, b->sent);
}

int cleat_bars_offer(struct cleat_conn *c, const struct cleat_device *device)
{
	struct cleat_primary *p = c->p;

	for (int i = 0; device != NULL && i < CLEAT_MAX_BARS; i++) {
		struct cleat_bar *b = &p->bars[i];
		uint8_t all = (uint8_t)((1U << b->n_rows) - 1);
		int rc;

		if (b->len_bytes == 0 || b->device != device || b->sent[c->slot])
			continue;
		rc = cleat_server_send_rows(c, b->rows, b->n_rows);
		if (rc < 0)
			return cleat_err(rc, "the process does not take messages");
		b->sent[c->slot] = true;
		b->holders[c->slot] = (struct cleat_bar_holder){ .has = all, .map_owed = all };
		write_mapped(b);
	}
	return 0;
}

/* Frees the place when nobody is left in it. */
static void settle(struct cleat_primary *p, struct cleat_bar *b)
{
	for (int slot = 0; slot < CLEAT_MAX_PROCS; slot++)
		if (b->sent[slot])
			return;
	free_place(p, b);
}

/* @return bit of the part that is this segment; 0: none is */
static uint8_t part_of(const struct cleat_bar *b, uint32_t segment)
{
	for (unsigned i = 0; b->len_bytes != 0 && i < b->n_rows; i++)
		if (b->rows[i] == segment)
			return (uint8_t)(1U << i);
	return 0;
}

static void clear(uint8_t *bits, uint8_t part)
{
	*bits = (uint8_t)(*bits & ~part);
}

/* Answers come in the order of the questions: for each part first the Map's. */
static void note_answer(const struct cleat_bar *b, struct cleat_bar_holder *h, uint8_t part,
	uint16_t slot, int status)
{
	if (h->map_owed & part) {
		clear(&h->map_owed, part);
		if (status < 0) {
			clear(&h->has, part);
			cleat_log(CLEAT_LOG_WARNING, "slot %u cannot map BAR %u", slot, b->bar);
		}
	} else if (h->unmap_owed & part) {
		clear(&h->unmap_owed, part);
		if (status >= 0)
			clear(&h->has, part);
		else if (h->has & part)
			cleat_log(CLEAT_LOG_WARNING,
				"slot %u cannot unmap BAR %u: it keeps it until it ends", slot,
				b->bar);
	} else {
		cleat_log(CLEAT_LOG_WARNING, "slot %u answers what nobody asked it about BAR %u",
			slot, b->bar);
	}
}

/* Of a withdrawn BAR: does the process have nothing of it any more, for certain? */
static void settle_holder(struct cleat_primary *p, struct cleat_bar *b, uint16_t slot)
{
	const struct cleat_bar_holder *h = &b->holders[slot];

	if (b->device != NULL || (h->has | h->map_owed | h->unmap_owed) != 0)
		return;
	b->sent[slot] = false;
	settle(p, b);
}

bool cleat_bars_answered(struct cleat_primary *p, uint16_t slot, uint32_t segment, int status)
{
	for (int i = 0; i < CLEAT_MAX_BARS; i++) {
		struct cleat_bar *b = &p->bars[i];
		uint8_t part = part_of(b, segment);

		if (part == 0)
			continue;
		note_answer(b, &b->holders[slot], part, slot, status);
		if (b->sent[slot])
			settle_holder(p, b, slot);
		return true;
	}
	return false;
}

/* What it has not been asked yet, in so far as it takes messages. */
static void ask_to_unmap(struct cleat_primary *p, struct cleat_bar *b, uint16_t slot)
{
	struct cleat_bar_holder *h = &b->holders[slot];
	struct cleat_conn *c = p->procs[slot];

	/* first it hears that the port left: a thread of it may be using the BAR */
	if (c == NULL || cleat_untold_waits(c))
		return;
	for (unsigned i = 0; i < b->n_rows; i++) {
		uint8_t part = (uint8_t)(1U << i);

		if (!(h->has & part) || (h->asked & part))
			continue;
		if (cleat_conn_event(c, CLEAT__EVENT_KIND__EVENT_SEGMENT_REMOVE, b->rows[i], "") <
			0)
			return;
		h->asked |= part;
		h->unmap_owed |= part;
	}
}

static void withdraw(struct cleat_primary *p, struct cleat_bar *b)
{
	unmap_here(p, b);
	cleat_device_row_bar(b->device, b->bar, 0, NULL);
	b->device = NULL;
	for (unsigned i = 0; i < b->n_rows; i++) /* nobody needs it any more to use the device */
		write_segment(&p->segments[b->rows[i]], b->rows[i], 0xffff, b->bar);
	for (uint16_t slot = 0; slot < CLEAT_MAX_PROCS; slot++) {
		if (!b->sent[slot])
			continue;
		ask_to_unmap(p, b, slot);
		if (b->holders[slot].has & ~b->holders[slot].asked)
			cleat_log(CLEAT_LOG_INFO,
				"slot %u keeps BAR %u mapped until it takes messages, or ends",
				slot, b->bar);
		settle_holder(p, b, slot);
	}
	if (b->len_bytes != 0)
		settle(p, b);
}

void cleat_bars_withdraw(void *ctx, struct cleat_device *device)
{
	struct cleat_primary *p = ctx;

	for (int i = 0; i < CLEAT_MAX_BARS; i++)
		if (p->bars[i].len_bytes != 0 && p->bars[i].device == device)
			withdraw(p, &p->bars[i]);
}

void cleat_bars_remind(struct cleat_conn *c)
{
	for (int i = 0; c->slot != CLEAT_SLOT_NONE && i < CLEAT_MAX_BARS; i++) {
		struct cleat_bar *b = &c->p->bars[i];

		if (b->len_bytes != 0 && b->device == NULL && b->sent[c->slot])
			ask_to_unmap(c->p, b, c->slot);
	}
}

void cleat_bars_release(struct cleat_primary *p, uint16_t slot)
{
	for (int i = 0; i < CLEAT_MAX_BARS; i++) {
		struct cleat_bar *b = &p->bars[i];

		if (b->len_bytes == 0 || !b->sent[slot])
			continue;
		b->sent[slot] = false;
		b->holders[slot] = (struct cleat_bar_holder){ 0 };
		write_mapped(b);
		if (b->device == NULL)
			settle(p, b);
	}
}
