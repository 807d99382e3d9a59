/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * bus_list.h - the allow and block lists, as bus.c asks them.
 */
#ifndef CLEAT_RUNTIME_BUS_LIST_H
#define CLEAT_RUNTIME_BUS_LIST_H

#include "runtime/bus.h"

#ifdef __cplusplus
extern "C" {
#endif

/** 1 if the block list names the device, or its bus has an allow list that does not. */
int cleat_bus_lists_hide(const struct cleat_device *device);

#ifdef __cplusplus
}
#endif

#endif
