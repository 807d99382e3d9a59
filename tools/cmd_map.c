/* SPDX-License-Identifier: BSD-3-Clause */
/* cmd_map.c - a picture of the window: its segments, each with its zones and free space, and sums
 * by node. */
#include <inttypes.h>
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>

#include "runtime/registry.h"
#include "runtime/row.h"
#include "tools/command.h"
#include "tools/table.h"

#define BAR_CELLS 64

static const struct cleat_column COLUMNS[] = {
	{ "AT", "offset", 0 },
	{ "SIZE", "len_bytes", 1 },
	{ "WHAT", "zone", 0 },
	{ "OWNER", "owner", 0 },
	{ NULL, NULL, 0 },
};

static const struct cleat_column NODE_COLUMNS[] = {
	{ "NODE", "node", 1 },
	{ "SEGMENTS", "segments", 1 },
	{ "MEMORY", "len_bytes", 1 },
	{ "IN ZONES", "used_bytes", 1 },
	{ "FREE", "free_bytes", 1 },
	{ NULL, NULL, 0 },
};

/* Memory by the node it lies on; the last one: on several, or nobody knows. */
struct node_sums {
	struct {
		uint64_t segments, len, used;
	} at[CLEAT_MAX_NODES + 1];
};

struct piece {
	uint64_t off; /* in the window */
	uint64_t len;
	uint16_t owner;
	char name[CLEAT_NAME_LEN];
};

struct pieces {
	unsigned n;
	struct piece at[CLEAT_MAX_ZONES + 1];
};

static int by_offset(const void *a, const void *b)
{
	const struct piece *x = a, *y = b;

	return x->off < y->off ? -1 : x->off > y->off;
}

static void collect_zones(struct pieces *zones, const struct cleat_segment_shm *seg)
{
	uint64_t base = cleat_registry->header.window_base;

	zones->n = 0;
	for (unsigned i = 0; i < CLEAT_MAX_ZONES; i++) {
		struct cleat_zone_shm row;
		struct piece *p = &zones->at[zones->n];

		if (CLEAT_ROW_READ(&row, &cleat_registry->zones[i]) != 0 || row.len_bytes == 0)
			continue;
		p->off = row.va - base;
		p->len = row.len_bytes;
		p->owner = row.owner_slot;
		(void)snprintf(p->name, sizeof(p->name), "%.31s", row.name);
		if (p->off >= seg->off && p->off - seg->off < seg->len_bytes)
			zones->n++;
	}
	qsort(zones->at, zones->n, sizeof(zones->at[0]), by_offset);
}

/* One character per BAR_CELLS-th of the segment: '#' all in use, '+' in part, '.' free. */
static void draw(const struct pieces *zones, const struct cleat_segment_shm *seg, char *bar)
{
	for (unsigned c = 0; c < BAR_CELLS; c++) {
		uint64_t from = seg->off + seg->len_bytes * c / BAR_CELLS;
		uint64_t to = seg->off + seg->len_bytes * (c + 1) / BAR_CELLS;
		uint64_t used = 0;

		for (unsigned i = 0; i < zones->n; i++) {
			const struct piece *z = &zones->at[i];
			uint64_t a = z->off > from ? z->off : from;
			uint64_t b = z->off + z->len < to ? z->off + z->len : to;

			used += b > a ? b - a : 0;
		}
		bar[c] = used == 0 ? '.' : used == to - from ? '#' : '+';
	}
	bar[BAR_CELLS] = '\0';
}

static void add_piece(struct cleat_table *t, const struct piece *p)
{
	char at[24];

	(void)snprintf(at, sizeof(at), "+0x%010" PRIx64, p->off);
	cleat_table_both(t, p->off, at);
	cleat_table_bytes(t, p->len);
	cleat_table_text(t, p->name);
	cleat_table_who(t, p->owner);
}

/* Zones in order, and what is free between them. */
static struct cleat_table *list(
	const struct pieces *zones, const struct cleat_segment_shm *seg, uint64_t *used)
{
	struct cleat_table *t = cleat_table_new(COLUMNS);
	uint64_t at = seg->off, end = seg->off + seg->len_bytes;

	*used = 0;
	for (unsigned i = 0; i <= zones->n; i++) {
		uint64_t next = i < zones->n ? zones->at[i].off : end;
		struct piece gap = { at, next > at ? next - at : 0, CLEAT_SLOT_NONE, "(free)" };

		if (gap.len >= 4096)
			add_piece(t, &gap);
		if (i == zones->n)
			break;
		add_piece(t, &zones->at[i]);
		*used += zones->at[i].len;
		at = zones->at[i].off + zones->at[i].len;
	}
	return t;
}

static void print_node(const char *what, uint16_t node)
{
	if (node == 0xffff)
		printf("%s any", what);
	else
		printf("%s %u", what, node);
}

/* Where it is, and what a BAR is one of. */
static void print_place(const struct cleat_segment_shm *seg)
{
	struct cleat_device_shm device;

	if (seg->kind == CLEAT_SEGMENT_BAR && seg->device < CLEAT_MAX_DEVICES &&
		CLEAT_ROW_READ(&device, &cleat_registry->devices[seg->device]) == 0)
		printf(" %u of %.*s", seg->bar, (int)sizeof(device.name), device.name);
	printf(" at +0x%010" PRIx64 ", ", seg->off);
}

static void print_segment(
	unsigned index, const struct cleat_segment_shm *seg, const struct pieces *zones)
{
	static const char *const KINDS[] = { "free", "registry", "memory", "BAR" };
	char bar[BAR_CELLS + 1], size[24], page[24], used_text[24];
	uint64_t used;
	struct cleat_table *t = list(zones, seg, &used);

	printf("\n%ssegment %u%s  %s", cleat_bold(stdout), index, cleat_plain(stdout),
		seg->kind < 4 ? KINDS[seg->kind] : "?");
	print_place(seg);
	printf("%s on pages of %s", cleat_bytes_text(seg->len_bytes, size),
		cleat_bytes_text(seg->page_bytes, page));
	if (seg->kind != CLEAT_SEGMENT_BAR) {
		print_node(", node asked", seg->node_asked);
		print_node(", got", seg->node_got);
	}
	puts(seg->ready || seg->kind == CLEAT_SEGMENT_REGISTRY ? "" : ", not in use yet");
	if (seg->kind == CLEAT_SEGMENT_MEMORY) {
		draw(zones, seg, bar);
		printf("|%s| %s in use\n", bar, cleat_bytes_text(used, used_text));
		cleat_table_print(t, stdout, "all free");
	}
	cleat_table_free(t);
}

static void add_to_node(
	struct node_sums *sums, const struct cleat_segment_shm *seg, const struct pieces *zones)
{
	unsigned node = seg->node_got < CLEAT_MAX_NODES ? seg->node_got : CLEAT_MAX_NODES;

	if (seg->kind != CLEAT_SEGMENT_MEMORY)
		return;
	sums->at[node].segments++;
	sums->at[node].len += seg->len_bytes;
	for (unsigned i = 0; i < zones->n; i++)
		sums->at[node].used += zones->at[i].len;
}

static void print_nodes(const struct node_sums *sums)
{
	struct cleat_table *t = cleat_table_new(NODE_COLUMNS);

	for (unsigned node = 0; node <= CLEAT_MAX_NODES; node++) {
		if (sums->at[node].segments == 0)
			continue;
		cleat_table_node(t, node < CLEAT_MAX_NODES ? (uint16_t)node : 0xffff);
		cleat_table_number(t, sums->at[node].segments);
		cleat_table_bytes(t, sums->at[node].len);
		cleat_table_bytes(t, sums->at[node].used);
		cleat_table_bytes(t, sums->at[node].len - sums->at[node].used);
	}
	puts("");
	cleat_table_print(t, stdout, "no memory");
	cleat_table_free(t);
}

static void add_json(struct json_object *array, unsigned index, const struct cleat_segment_shm *seg,
	const struct pieces *zones)
{
	struct json_object *o = json_object_new_object();
	uint64_t used;
	struct cleat_table *t = list(zones, seg, &used);

	json_object_object_add(o, "segment", json_object_new_int((int)index));
	json_object_object_add(o, "kind", json_object_new_int(seg->kind));
	json_object_object_add(o, "offset", json_object_new_uint64(seg->off));
	json_object_object_add(o, "len_bytes", json_object_new_uint64(seg->len_bytes));
	json_object_object_add(o, "page_bytes", json_object_new_uint64(seg->page_bytes));
	json_object_object_add(o, "used_bytes", json_object_new_uint64(used));
	json_object_object_add(o, "node_asked",
		seg->node_asked == 0xffff ? NULL : json_object_new_int(seg->node_asked));
	json_object_object_add(
		o, "node_got", seg->node_got == 0xffff ? NULL : json_object_new_int(seg->node_got));
	json_object_object_add(o, "pieces", cleat_table_json(t));
	json_object_array_add(array, o);
	cleat_table_free(t);
}

int cleat_cmd_map(const struct cleat_tool *tool)
{
	const struct cleat_registry_header_shm *h = &cleat_registry->header;
	struct pieces *zones = malloc(sizeof(*zones));
	struct json_object *array = json_object_new_array();
	struct node_sums sums = { 0 };
	char size[24];

	if (zones == NULL || array == NULL) {
		fputs("cleat: out of memory\n", stderr);
		return CLEAT_EXIT_FAILED;
	}
	if (!tool->json)
		printf("window  0x%" PRIx64 ", %s, IOVA mode %s   # in use  + in part  . free\n",
			h->window_base, cleat_bytes_text(h->window_len, size),
			h->iova_mode == CLEAT_IOVA_PA ? "PA" : "VA");
	for (unsigned i = 0; i < CLEAT_MAX_SEGMENTS; i++) {
		struct cleat_segment_shm seg;

		if (CLEAT_ROW_READ(&seg, &cleat_registry->segments[i]) != 0 ||
			seg.kind == CLEAT_SEGMENT_FREE)
			continue;
		collect_zones(zones, &seg);
		add_to_node(&sums, &seg, zones);
		if (tool->json)
			add_json(array, i, &seg, zones);
		else
			print_segment(i, &seg, zones);
	}
	if (tool->json)
		puts(json_object_to_json_string_ext(array, JSON_C_TO_STRING_PRETTY));
	else
		print_nodes(&sums);
	json_object_put(array);
	free(zones);
	return CLEAT_EXIT_OK;
}
