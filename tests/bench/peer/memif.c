/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * memif - both/pipe.c between two DPDK processes that share nothing: --role=source and --role=sink.
 */
#include "tests/bench/side_memif.h"

#include "tests/bench/both/pipe.c"
