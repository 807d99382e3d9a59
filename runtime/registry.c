/* SPDX-License-Identifier: BSD-3-Clause */
#include "runtime/registry.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "runtime/error.h"
#include "runtime/row.h"

struct cleat_registry_shm *cleat_registry;

/* Values of an index entry; above them: INDEX_HASH of the name's hash | zone + INDEX_ZONE. */
enum { INDEX_NEVER = 0, INDEX_WAS = 1, INDEX_ZONE = 2 };
#define INDEX_HASH 0xffff0000U
static_assert(CLEAT_MAX_ZONES + INDEX_ZONE <= 0xffff, "a zone's number has 16 bits");

void cleat_registry_format(const struct cleat_registry_header_shm *header)
{
	struct cleat_registry_shm *reg = cleat_registry;
	struct cleat_registry_header_shm head = *header;

	cleat_store_relaxed(&reg->header.magic, 0);
	memset((char *)reg + sizeof(reg->header), 0, sizeof(*reg) - sizeof(reg->header));
	for (unsigned i = 0; i < CLEAT_MAX_THREADS; i++) {
		reg->threads[i].slot = CLEAT_SLOT_NONE;
		reg->threads[i].lcore = 0xffff;
	}
	for (unsigned i = 0; i < CLEAT_MAX_RINGS; i++) {
		reg->rings[i].owner_slot = CLEAT_SLOT_NONE;
		reg->rings[i].producer_slot = CLEAT_SLOT_NONE;
		reg->rings[i].consumer_slot = CLEAT_SLOT_NONE;
	}
	for (unsigned port = 0; port < CLEAT_MAX_PORTS; port++)
		for (unsigned i = 0; i < 2 * CLEAT_MAX_QUEUES; i++) {
			struct cleat_queue_row_shm *queue =
				&reg->queues[port][i / CLEAT_MAX_QUEUES][i % CLEAT_MAX_QUEUES];

			queue->owner_slot = CLEAT_SLOT_NONE;
			queue->pool = 0xffff;
			queue->ring = 0xffff;
		}
	for (unsigned i = 0; i < CLEAT_MAX_LCORES; i++) {
		reg->lcores[i].owner_slot = CLEAT_SLOT_NONE;
		reg->lcores[i].thread = CLEAT_THREAD_NONE;
	}
	head.magic = 0;
	head.abi = CLEAT_ABI;
	head.seq = 0;
	head.registry_len = CLEAT_REGISTRY_LEN;
	reg->header = head;
	/* partner: the acquire load in cleat_registry_check() */
	cleat_store_release(&reg->header.magic, CLEAT_REGISTRY_MAGIC);
}

int cleat_registry_check(void)
{
	const struct cleat_registry_header_shm *head;

	if (cleat_registry == NULL)
		return cleat_err(-EPROTO, "no registry is mapped in this process");
	head = &cleat_registry->header;
	if (cleat_load_acquire(&head->magic) != CLEAT_REGISTRY_MAGIC)
		return cleat_err(-EPROTO,
			"the registry does not start with Cleat's magic number (found %#llx): "
			"it is not a registry or its primary has not finished starting",
			(unsigned long long)head->magic);
	if (head->abi != CLEAT_ABI || head->registry_len != CLEAT_REGISTRY_LEN)
		return cleat_err(-EPROTO,
			"the primary (version %.*s) lays out shared memory by ABI %u in %llu bytes, this "
			"process by ABI %u in %llu bytes; build both from the same release",
			CLEAT_NAME_LEN - 1, head->version, head->abi,
			(unsigned long long)head->registry_len, (unsigned)CLEAT_ABI,
			(unsigned long long)CLEAT_REGISTRY_LEN);
	return 0;
}

/* ---- names ---- */

int cleat_name_check(const char *what, const char *name)
{
	size_t len = name ? strnlen(name, CLEAT_NAME_LEN) : 0;

	if (len == 0)
		return cleat_err(-EINVAL, "the %s needs a name of 1 to %d characters", what,
			CLEAT_NAME_LEN - 1);
	if (len == CLEAT_NAME_LEN)
		return cleat_err(-ENAMETOOLONG,
			"%s name '%.*s…' is longer than %d characters; choose a shorter one", what,
			CLEAT_NAME_LEN - 1, name, CLEAT_NAME_LEN - 1);
	for (size_t i = 0; i < len; i++)
		if (name[i] <= ' ' || name[i] > '~' || name[i] == '/')
			return cleat_err(-EINVAL,
				"%s name '%.*s' has a character that is not allowed at position %zu; use "
				"printable ASCII without blanks and '/'",
				what, (int)i, name, i + 1);
	return 0;
}

static int same_name(const char row[CLEAT_NAME_LEN], const char *name)
{
	return row[0] != '\0' && strncmp(row, name, CLEAT_NAME_LEN) == 0;
}

/* ---- look-ups in the small tables: one after the other ---- */

static int not_found(const char *what, const char *name, int busy)
{
	if (busy)
		return cleat_err(-EAGAIN,
			"a row of the %s table is being changed and may be '%s'; try again", what,
			name);
	return cleat_err(-ENOENT, "no %s is named '%s'", what, name);
}

/* A table has `char name[]` at offset 0 of each row. @p is_used tells of a whole copy. */
struct table {
	const char *what;
	const void *rows;
	size_t count, row_len, seq_off;
	int (*is_used)(const void *row);
};

static int find(const struct table *table, const char *name, void *out)
{
	_Alignas(8) char copy[256];
	int busy = 0;
	int rc = cleat_name_check(table->what, name);

	static_assert(sizeof(struct cleat_port_shm) <= sizeof(copy), "the largest row fits");
	if (rc < 0)
		return rc;
	for (size_t i = 0; i < table->count; i++) {
		const char *row = (const char *)table->rows + i * table->row_len;

		if (cleat_row_read(copy, row, table->row_len, table->seq_off) < 0)
			busy = 1;
		else if (same_name(copy, name) && table->is_used(copy)) {
			if (out)
				memcpy(out, copy, table->row_len);
			return (int)i;
		}
	}
	return not_found(table->what, name, busy);
}

static int ring_used(const void *row)
{
	return ((const struct cleat_ring_row_shm *)row)->use != CLEAT_RING_USE_FREE;
}

static int pool_used(const void *row)
{
	return ((const struct cleat_pool_row_shm *)row)->name[0] != '\0';
}

static int port_used(const void *row)
{
	uint16_t state = ((const struct cleat_port_shm *)row)->state;

	return state == CLEAT_PORT_STOPPED || state == CLEAT_PORT_STARTED;
}

static int proc_ready(const void *row)
{
	return ((const struct cleat_proc_shm *)row)->state == CLEAT_PROC_READY;
}

#define TABLE(what, field, used)                                                          \
	{                                                                                 \
		(what), cleat_registry->field,                                            \
			sizeof(cleat_registry->field) / sizeof(cleat_registry->field[0]), \
			sizeof(cleat_registry->field[0]),                                 \
			offsetof(__typeof__(cleat_registry->field[0]), seq), (used)       \
	}

int cleat_registry_find_ring(const char *name, struct cleat_ring_row_shm *out)
{
	struct table table = TABLE("ring", rings, ring_used);

	return find(&table, name, out);
}

int cleat_registry_find_pool(const char *name, struct cleat_pool_row_shm *out)
{
	struct table table = TABLE("pool", pools, pool_used);

	return find(&table, name, out);
}

int cleat_registry_find_port(const char *name, struct cleat_port_shm *out)
{
	struct table table = TABLE("port", ports, port_used);

	return find(&table, name, out);
}

int cleat_registry_find_proc(const char *name, struct cleat_proc_shm *out)
{
	struct table table = TABLE("process", procs, proc_ready);

	return find(&table, name, out);
}

const char *cleat_registry_who(uint16_t slot, char *text, size_t len)
{
	struct cleat_proc_shm row;

	if (slot == CLEAT_SLOT_NONE)
		(void)snprintf(text, len, "nobody");
	else if (slot == CLEAT_SLOT_DEVICE)
		(void)snprintf(text, len, "a device that does not come to rest");
	else if (slot >= CLEAT_MAX_PROCS || cleat_registry == NULL ||
		 CLEAT_ROW_READ(&row, &cleat_registry->procs[slot]) < 0 ||
		 row.state == CLEAT_PROC_FREE)
		(void)snprintf(text, len, "slot %u", slot);
	else
		(void)snprintf(text, len, "%.*s (pid %u)", CLEAT_NAME_LEN - 1, row.name, row.pid);
	return text;
}

/* ---- the zone index ---- */

/* FNV-1a, 32 bits. */
static uint32_t hash_name(const char *name)
{
	uint32_t hash = 2166136261U;

	for (unsigned i = 0; i < CLEAT_NAME_LEN && name[i] != '\0'; i++)
		hash = (hash ^ (uint8_t)name[i]) * 16777619U;
	return hash;
}

static_assert((CLEAT_ZONE_INDEX_SIZE & (CLEAT_ZONE_INDEX_SIZE - 1)) == 0, "used as a mask");

static uint32_t *index_entry(uint32_t at)
{
	return &cleat_registry->zone_index[at & (CLEAT_ZONE_INDEX_SIZE - 1)];
}

static uint32_t index_value(uint32_t hash, uint32_t zone)
{
	return (hash & INDEX_HASH) | (zone + INDEX_ZONE);
}

int cleat_registry_find_zone(const char *name, struct cleat_zone_shm *out)
{
	struct cleat_zone_shm row;
	uint32_t start;
	int busy = 0;
	int rc = cleat_name_check("zone", name);

	if (rc < 0)
		return rc;
	start = hash_name(name);
	for (uint32_t i = 0; i < CLEAT_ZONE_INDEX_SIZE; i++) {
		/* partner: the release store in cleat_registry_index_add() */
		uint32_t value = cleat_load_acquire(index_entry(start + i));
		uint32_t zone = (value & ~INDEX_HASH) - INDEX_ZONE;

		if (value == INDEX_NEVER)
			break;
		if (((value ^ start) & INDEX_HASH) != 0 || zone >= CLEAT_MAX_ZONES)
			continue;
		if (CLEAT_ROW_READ(&row, &cleat_registry->zones[zone]) < 0)
			busy = 1;
		else if (row.len_bytes && same_name(row.name, name)) {
			if (out)
				*out = row;
			return (int)zone;
		}
	}
	return not_found("zone", name, busy);
}

void cleat_registry_index_add(uint32_t zone, const char *name)
{
	uint32_t start = hash_name(name);

	/* There are twice as many entries as zones, so one is free. */
	for (uint32_t i = 0; i < CLEAT_ZONE_INDEX_SIZE; i++) {
		uint32_t *entry = index_entry(start + i);

		if (*entry < INDEX_ZONE) {
			/* partner: the acquire load in cleat_registry_find_zone() */
			cleat_store_release(entry, index_value(start, zone));
			return;
		}
	}
}

void cleat_registry_index_remove(uint32_t zone, const char *name)
{
	uint32_t start = hash_name(name);

	for (uint32_t i = 0; i < CLEAT_ZONE_INDEX_SIZE; i++) {
		uint32_t at = start + i;

		if (*index_entry(at) == INDEX_NEVER)
			return;
		if (*index_entry(at) != index_value(start, zone))
			continue;
		cleat_store_release(index_entry(at), INDEX_WAS);
		/* Nothing lies behind: this and the "was" before it need not be passed any more. */
		for (uint32_t n = 0; n < CLEAT_ZONE_INDEX_SIZE; n++, at--) {
			if (*index_entry(at + 1) != INDEX_NEVER || *index_entry(at) != INDEX_WAS)
				break;
			cleat_store_release(index_entry(at), INDEX_NEVER);
		}
		return;
	}
}
