/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * zones.h - ask the primary for memzones. Looking one up needs no message: runtime/zone.h.
 *
 * A zone belongs to the process that reserved it and goes when that process goes.
 */
#ifndef CLEAT_SECONDARY_ZONES_H
#define CLEAT_SECONDARY_ZONES_H

#include "runtime/zone.h"

#ifdef __cplusplus
extern "C" {
#endif

/**
 * Reserve a zone, all zero.
 *
 * @param req  its owner_slot is ignored: it is ours
 * @param out  receives the row; may be NULL
 * @return     index of the row, or negative errno as cleat_zone_reserve(); -ESTALE
 */
int cleat_ctl_zone_reserve(const struct cleat_zone_request *req, struct cleat_zone_shm *out);

/** Give a zone back. @return 0; -ENOENT; -EPERM when it is another process's */
int cleat_ctl_zone_free(const char *name);

/** More memory from the system. @param node  CLEAT_NODE_ANY: any. @return index of the segment */
int cleat_ctl_memory_grow(uint64_t len_bytes, uint16_t node);

#ifdef __cplusplus
}
#endif

#endif
