/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * memory.h - the primary's segments: registry, memory, growth while others run.
 *
 *   a segment  made → row written (not ready) → prepared, devices reach it → offered to every
 *   process → all answered → in use
 *   What fails before it is offered drops it, and whoever asked for it is told why.
 *   A process that cannot map it loses its connection with the reason; the others go on.
 */
#ifndef CLEAT_PRIMARY_MEMORY_H
#define CLEAT_PRIMARY_MEMORY_H

#include "primary/primary.h"

/** Segment 0 and its tables, empty; the header's magic is written last. */
int cleat_memory_registry(struct cleat_primary *p);
/** The first memory segments, one for each of p->shares, and the zone "cleat.shared". */
int cleat_memory_first(struct cleat_primary *p);
/** The pool "default", and one for each further node. */
int cleat_memory_pool(struct cleat_primary *p);
/** Everything unmapped and closed. */
void cleat_memory_release(struct cleat_primary *p);

/**
 * Begin to grow.
 *
 * @param asked_slot, asked_id  whose request this answers, once every process has the memory
 * @return  0: under way or done; -EBUSY: another growth is; what cleat_segment_create() or
 *          cleat_pci_dma_map() says
 */
int cleat_memory_grow(struct cleat_primary *p, uint64_t len_bytes, int node, uint16_t asked_slot,
	uint32_t asked_id);

/** A process answered for a segment, or cannot any more (slot gone). */
void cleat_memory_mapped(struct cleat_primary *p, uint16_t slot);

/** NUMA node of a message (-1: any) as the runtime wants it. */
uint16_t cleat_memory_node(int node);

#endif
