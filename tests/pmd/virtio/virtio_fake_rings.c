/* SPDX-License-Identifier: BSD-3-Clause */
/* What the device does with its rings. */
#include <check.h>
#include <string.h>

#include "tests/pmd/virtio/virtio_fake.h"

static struct virtio_desc *desc_of(const struct fake_vq *vq)
{
	return (struct virtio_desc *)vq->place.desc;
}

static struct virtio_avail *avail_of(const struct fake_vq *vq)
{
	return (struct virtio_avail *)vq->place.avail;
}

static struct virtio_used *used_of(const struct fake_vq *vq)
{
	return (struct virtio_used *)vq->place.used;
}

unsigned fake_offered(unsigned number)
{
	const struct fake_vq *vq = &fake.vqs[number];

	if (!vq->enabled)
		return 0;
	return (uint16_t)(cleat_load_acquire(&avail_of(vq)->idx) - vq->last_avail);
}

static uint16_t take_head(struct fake_vq *vq)
{
	uint16_t head = avail_of(vq)->ring[vq->last_avail++ % vq->place.size];

	ck_assert_uint_lt(head, vq->place.size);
	return head;
}

static void put_used(struct fake_vq *vq, uint32_t id, uint32_t len)
{
	used_of(vq)->ring[vq->used_idx++ % vq->place.size] =
		(struct virtio_used_elem){ .id = id, .len = len };
}

void fake_use(unsigned number, uint32_t id, uint32_t len)
{
	struct fake_vq *vq = &fake.vqs[number];

	put_used(vq, id, len);
	cleat_store_release(&used_of(vq)->idx, vq->used_idx);
}

/* Copy into a chain. @return how many bytes found room */
static uint32_t fill(const struct fake_vq *vq, uint16_t head, const uint8_t *from, uint32_t len)
{
	const struct virtio_desc *d = &desc_of(vq)[head];
	uint32_t done = 0;

	for (;;) {
		uint32_t n = len - done < d->len ? len - done : d->len;

		ck_assert(d->flags & VIRTIO_DESC_WRITE);
		memcpy((void *)d->iova, from + done, n);
		done += n;
		if (done == len || !(d->flags & VIRTIO_DESC_NEXT))
			return done;
		d = &desc_of(vq)[d->next];
	}
}

unsigned fake_receive(unsigned queue, const struct virtio_net_header *header, const void *data,
	uint32_t len, int hold)
{
	static uint8_t all[VIRTIO_NET_HEADER_BYTES + 65536];
	uint32_t bytes = cleat_virtio_layout(fake.d) & VIRTIO_LAYOUT_HEADER, done = 0;
	struct fake_vq *vq = &fake.vqs[2 * queue];
	struct virtio_net_header *first = NULL;
	unsigned n = 0;

	memset(all, 0, bytes);
	if (header != NULL)
		memcpy(all, header, bytes);
	memcpy(all + bytes, data, len);
	while (done < len + bytes) {
		uint16_t head;
		uint32_t part;

		if (fake_offered(2 * queue) == 0)
			return 0;
		head = take_head(vq);
		if (first == NULL)
			first = (struct virtio_net_header *)desc_of(vq)[head].iova;
		part = fill(vq, head, all + done, len + bytes - done);
		put_used(vq, head, part);
		done += part;
		n++;
	}
	if (bytes == VIRTIO_NET_HEADER_BYTES) /* unless buffers may be merged it says nothing */
		first->num_buffers = fake.accepted & VIRTIO_NET_F_MRG_RXBUF ? (uint16_t)n : 0xffff;
	if (!hold)
		cleat_store_release(&used_of(vq)->idx, vq->used_idx);
	return n;
}

int fake_take_tx(unsigned queue, struct fake_sent *out)
{
	struct fake_vq *vq = &fake.vqs[2 * queue + 1];
	const struct virtio_desc *d;

	if (fake_offered(2 * queue + 1) == 0)
		return 0;
	out->id = take_head(vq);
	out->descriptors = 0;
	out->len = 0;
	d = &desc_of(vq)[out->id];
	for (;;) {
		ck_assert_uint_gt(d->len, 0);
		ck_assert(!(d->flags & VIRTIO_DESC_WRITE));
		memcpy(out->bytes + out->len, (const void *)d->iova, d->len);
		out->len += d->len;
		out->descriptors++;
		if (!(d->flags & VIRTIO_DESC_NEXT))
			return 1;
		ck_assert_uint_lt(d->next, vq->place.size);
		d = &desc_of(vq)[d->next];
	}
}

void fake_obey(void)
{
	unsigned number = fake.d->command.number;
	struct fake_vq *vq = &fake.vqs[number];
	const struct virtio_desc *d = desc_of(vq);

	while (fake_offered(number) > 0) {
		uint16_t head = take_head(vq);

		ck_assert_uint_eq(d[head].len, 2);
		memcpy(fake.command, (const void *)d[head].iova, 2);
		fake.data_len = d[d[head].next].len;
		memcpy(fake.data, (const void *)d[d[head].next].iova, fake.data_len);
		*(uint8_t *)d[d[d[head].next].next].iova = fake.refuses ? 1 : VIRTIO_NET_CTRL_OK;
		fake.commands++;
		fake_use(number, head, 1);
	}
}
