/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * limits.h - how many of each thing there can be; part of the shared-memory ABI.
 */
#ifndef CLEAT_RUNTIME_LIMITS_H
#define CLEAT_RUNTIME_LIMITS_H

/* Changes whenever the layout or the meaning of a shared struct changes; the handshake compares it.
 */
#define CLEAT_ABI 5

#define CLEAT_WINDOW_BASE_DEFAULT 0x200000000000ULL
/* A handle has 31 bits and counts 64-byte units, so a window holds at most 128 GiB. */
#define CLEAT_WINDOW_LEN_MAX	 (1ULL << 37)
#define CLEAT_WINDOW_LEN_DEFAULT CLEAT_WINDOW_LEN_MAX
#define CLEAT_WINDOW_ALIGN	 (1ULL << 30)

#define CLEAT_NAME_LEN	   32  /* with the NUL */
#define CLEAT_MAX_PROCS	   128 /* slots; slot 0 is the primary */
#define CLEAT_MAX_THREADS  256 /* data-path threads of all processes; thread 0 is the primary's */
#define CLEAT_MAX_SEGMENTS 256
#define CLEAT_MAX_ZONES	   16384
#define CLEAT_MAX_RINGS	   1024 /* pool rings included */
#define CLEAT_MAX_POOLS	   64
#define CLEAT_MAX_PORTS	   64
#define CLEAT_MAX_DEVICES  128
#define CLEAT_MAX_QUEUES   16 /* per port and direction */
#define CLEAT_MAX_LCORES   256
#define CLEAT_MAX_NODES	   8
#define CLEAT_MAX_BURST	   512	      /* packets or handles in one call */
#define CLEAT_MAX_RING	   (1U << 20) /* slots of a ring */
#define CLEAT_MAX_CACHE	   512	      /* handles in one thread's cache of a pool */

#define CLEAT_SLOT_NONE	  0xffffU
#define CLEAT_SLOT_DEVICE 0xfffeU /* owner of a queue whose device did not come to rest */
#define CLEAT_THREAD_NONE 0xffffU
#define CLEAT_IOVA_NONE	  0xffffffffffffffffULL

#endif
