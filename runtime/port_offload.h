/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * port_offload.h - the names of offloads: what people read and write for CLEAT_OFFLOAD_… bits.
 */
#ifndef CLEAT_RUNTIME_PORT_OFFLOAD_H
#define CLEAT_RUNTIME_PORT_OFFLOAD_H

#include <stddef.h>

#include "runtime/registry.h"

#ifdef __cplusplus
extern "C" {
#endif

#define CLEAT_OFFLOAD_TEXT_LEN 160 /* holds the names of all */

/** The name of one bit, "rx-checksum"; NULL if it has none. */
const char *cleat_offload_name(uint32_t bit);

/** Every bit that has a name. */
uint32_t cleat_offload_known(void);

/** "rx-checksum,tx-segments", or "none"; bits without a name are left out. @return @p text */
const char *cleat_offload_text(uint32_t offloads, char *text, size_t len);

/** The reverse: names with commas between them, or "none". @return 0; -EINVAL, with what is wrong
 * and all the names */
int cleat_offload_parse(const char *text, uint32_t *out);

#ifdef __cplusplus
}
#endif

#endif
