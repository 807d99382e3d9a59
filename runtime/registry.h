/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * registry.h - the tables that say what exists: written by the primary alone, read-only in everyone
 * else.
 *
 * One segment of ordinary pages at the window's base. Every table is a fixed array of rows (row.h);
 * a row with an empty name (or state 0) is free. Names are NUL-terminated and unique within their
 * table. Counters and other things that secondaries write live in the shared area (shared.h), never
 * here.
 *
 * The primary dies between two rows: each row is whole by itself; rows refer to each other by index
 * only, and the referred row is always written first and cleared last.
 */
#ifndef CLEAT_RUNTIME_REGISTRY_H
#define CLEAT_RUNTIME_REGISTRY_H

#include "runtime/arch.h"
#include "runtime/handle.h"
#include "runtime/limits.h"

#ifdef __cplusplus
extern "C" {
#endif

#define CLEAT_REGISTRY_MAGIC 0x005441454c43ULL /* "CLEAT" */

enum cleat_iova_mode { CLEAT_IOVA_VA = 0, CLEAT_IOVA_PA = 1 };

struct cleat_registry_header_shm {
	uint64_t magic; /* written last */
	uint32_t abi;
	uint32_t seq;
	uint64_t epoch; /* number of this life of the primary, from 1 */
	uint64_t window_base;
	uint64_t window_len;
	uint64_t registry_len;
	uint64_t start_time_ns; /* CLOCK_REALTIME */
	uint32_t primary_pid;
	uint32_t iova_mode;    /* enum cleat_iova_mode */
	uint64_t shared_off;   /* of struct cleat_shared_shm in the window */
	uint64_t reaped_procs; /* deaths handled */
	uint64_t reaped_mbufs; /* mbufs taken back from the dead */
	uint64_t last_reap_ns; /* how long the last one took, death noticed to all taken back */
	char instance[CLEAT_NAME_LEN];
	char version[CLEAT_NAME_LEN];
	uint64_t iova_shift; /* VA mode: IOVA = address in the primary's window - this */
	uint64_t reserved[3];
};
static_assert(sizeof(struct cleat_registry_header_shm) == 192, "registry ABI 2");

enum cleat_segment_kind {
	CLEAT_SEGMENT_FREE = 0,
	CLEAT_SEGMENT_REGISTRY = 1,
	CLEAT_SEGMENT_MEMORY = 2,
	CLEAT_SEGMENT_BAR = 3,
};

struct cleat_segment_shm {
	uint64_t off; /* in the window */
	uint64_t len_bytes;
	uint64_t page_bytes;
	uint64_t iova; /* IOVA of the start, CLEAT_IOVA_NONE if its pages are scattered */
	uint32_t iova_table_zone; /* zone with one uint64_t per page, or UINT32_MAX */
	uint32_t seq;
	uint16_t kind;	     /* enum cleat_segment_kind */
	uint16_t node_asked; /* 0xffff: any */
	uint16_t node_got;   /* 0xffff: mixed or unknown */
	uint16_t ready;	     /* every secondary has it mapped */
	uint16_t device;     /* BAR: index of its device's row */
	uint16_t bar;
	uint32_t reserved32;
	uint64_t reserved;
};
static_assert(sizeof(struct cleat_segment_shm) == 64, "registry ABI 2");

struct cleat_zone_shm {
	char name[CLEAT_NAME_LEN];
	uint64_t va;	    /* address in the primary's window */
	uint64_t iova;	    /* CLEAT_IOVA_NONE where pages are not contiguous */
	uint64_t len_bytes; /* 0: free row */
	uint32_t seq;
	uint16_t owner_slot;
	uint16_t numa_node;
};
static_assert(sizeof(struct cleat_zone_shm) == 64, "registry ABI 2");

enum cleat_proc_state {
	CLEAT_PROC_FREE = 0,
	CLEAT_PROC_ATTACHING = 1,
	CLEAT_PROC_READY = 2,
	CLEAT_PROC_DYING = 3, /* death proved, the reaper is at work */
};
enum cleat_role { CLEAT_ROLE_PRIMARY = 0, CLEAT_ROLE_SECONDARY = 1, CLEAT_ROLE_OBSERVER = 2 };

struct cleat_proc_shm {
	char name[CLEAT_NAME_LEN]; /* unique among READY ones */
	uint32_t pid;
	uint32_t uid;
	uint64_t start_time_ns; /* CLOCK_REALTIME of the attach */
	uint32_t generation;	/* how often this slot was used */
	uint32_t seq;
	uint16_t state;	    /* enum cleat_proc_state */
	uint16_t role;	    /* enum cleat_role */
	uint32_t attach_us; /* HELLO received to READY received */
	uint64_t reserved[4];
};
static_assert(sizeof(struct cleat_proc_shm) == 96, "registry ABI 2");

/* A data-path thread; its lines are cleat_shared_shm.threads[same index]. */
struct cleat_thread_row_shm {
	uint16_t slot;	/* CLEAT_SLOT_NONE: free */
	uint16_t lcore; /* 0xffff: none claimed */
	uint32_t seq;
	uint32_t tid; /* kernel thread id as told by the process; informative */
	uint32_t generation;
};
static_assert(sizeof(struct cleat_thread_row_shm) == 16, "registry ABI 2");

enum cleat_ring_mode { CLEAT_RING_SPSC = 0, CLEAT_RING_MPMC = 1 };
enum cleat_ring_use {
	CLEAT_RING_USE_FREE = 0,
	CLEAT_RING_USE_NAMED = 1, /* made by request */
	CLEAT_RING_USE_POOL = 2,  /* the free list of a mempool */
	CLEAT_RING_USE_PORT = 3,  /* inside a net_ring port */
};

struct cleat_ring_row_shm {
	char name[CLEAT_NAME_LEN];
	uint64_t off;	/* of struct cleat_ring_shm in the window */
	uint32_t zone;	/* index of the zone it lies in */
	uint32_t slots; /* power of two */
	uint32_t seq;
	uint16_t mode; /* enum cleat_ring_mode */
	uint16_t use;  /* enum cleat_ring_use; 0: free row */
	uint16_t owner_slot;
	uint16_t producer_slot; /* SPSC: who claimed the end, else CLEAT_SLOT_NONE */
	uint16_t consumer_slot;
	uint16_t producers; /* processes that opened the end */
	uint16_t consumers;
	uint16_t reserved16[3];
	uint64_t reserved[3];
};
static_assert(sizeof(struct cleat_ring_row_shm) == 96, "registry ABI 2");

struct cleat_pool_row_shm {
	char name[CLEAT_NAME_LEN]; /* "": free row */
	uint64_t first_off;	   /* first mbuf, in the window */
	uint64_t caches_off;	   /* CLEAT_MAX_THREADS caches, cache_stride bytes apart */
	uint32_t count;		   /* mbufs */
	uint32_t elt_bytes; /* from one mbuf to the next: header, headroom, data; multiple of 64 */
	uint32_t cache_handles; /* 0: no caches */
	uint32_t cache_stride;
	uint32_t zone;
	uint32_t seq;
	uint16_t ring; /* index of the ring that is the free list */
	uint16_t owner_slot;
	uint16_t numa_node;
	uint16_t headroom_bytes;
	uint64_t reserved[3];
};
static_assert(sizeof(struct cleat_pool_row_shm) == 104, "registry ABI 2");

enum cleat_port_state {
	CLEAT_PORT_FREE = 0,
	CLEAT_PORT_STOPPED = 1,
	CLEAT_PORT_STARTED = 2,
	CLEAT_PORT_REMOVED = 3, /* device gone, some process still holds queues */
};
#define CLEAT_PORT_PROMISCUOUS 0x1U
#define CLEAT_PORT_ALLMULTI    0x2U

/* Offloads of a port: what its device can do, and what of that is switched on. */
#define CLEAT_OFFLOAD_RX_CHECKSUM    0x1U   /* CLEAT_MBUF_RX_…_GOOD and _BAD */
#define CLEAT_OFFLOAD_RX_VLAN_STRIP  0x2U   /* CLEAT_MBUF_VLAN */
#define CLEAT_OFFLOAD_RX_SCATTER     0x4U   /* a packet may come in several mbufs */
#define CLEAT_OFFLOAD_RX_RSS	     0x8U   /* CLEAT_MBUF_RSS_HASH */
#define CLEAT_OFFLOAD_TX_CHECKSUM    0x100U /* CLEAT_MBUF_TX_IPV4, _TCP, _UDP */
#define CLEAT_OFFLOAD_TX_VLAN_INSERT 0x200U /* CLEAT_MBUF_TX_VLAN */
#define CLEAT_OFFLOAD_TX_SEGMENTS    0x400U /* packets of several mbufs */

struct cleat_port_shm {
	char name[CLEAT_NAME_LEN];   /* the device: "net_pcap0" */
	char driver[CLEAT_NAME_LEN]; /* "net_pcap"; each process looks its data ops up by this */
	uint8_t mac[6];
	uint16_t state; /* enum cleat_port_state */
	uint32_t flags; /* CLEAT_PORT_… */
	uint32_t seq;
	uint16_t mtu; /* bytes after the Ethernet header */
	uint16_t max_mtu;
	uint16_t rx_queues; /* configured */
	uint16_t tx_queues;
	uint16_t max_rx_queues;
	uint16_t max_tx_queues;
	uint16_t numa_node; /* 0xffff: none */
	uint16_t link_up;
	uint32_t link_mbps;
	uint32_t generation;   /* counts devices that had this port id */
	uint32_t queues_zone;  /* zone of the queues' shared state */
	uint64_t queues_off;   /* struct cleat_queue_shm[2 * CLEAT_MAX_QUEUES]: rx, then tx */
	uint32_t offload_capa; /* CLEAT_OFFLOAD_… */
	uint32_t offloads;     /* switched on */
	uint16_t device;       /* index of its row, 0xffff: none */
	uint16_t max_mac_filters;
	uint32_t reserved32;
	uint64_t reserved[1];
};
static_assert(sizeof(struct cleat_port_shm) == 144, "registry ABI 2");

enum cleat_dir { CLEAT_RX = 0, CLEAT_TX = 1 };

struct cleat_queue_row_shm {
	uint16_t configured;
	uint16_t owner_slot; /* CLEAT_SLOT_NONE: unclaimed */
	uint16_t pool;	     /* rx: where its mbufs come from, at last; 0xffff: none yet */
	uint16_t descriptors;
	uint16_t ring;	 /* net_ring: its ring; else 0xffff */
	uint16_t claims; /* counts them; part of the queue's id in owner words (owner.h) */
	uint32_t seq;
};
static_assert(sizeof(struct cleat_queue_row_shm) == 16, "registry ABI 2");

/* A device on a bus, whether a driver took it or not; what runtime/device.h says of it. */
struct cleat_bar_shm {
	uint64_t phys;	    /* bus address; I/O: first port */
	uint64_t len_bytes; /* 0: there is none */
	uint64_t off;	    /* in the window, 0: not mapped */
	uint64_t mapped[2]; /* bit per slot: this process has it mapped */
	uint16_t kind;	    /* enum cleat_bar_kind */
	uint16_t reserved16[3];
};
static_assert(sizeof(struct cleat_bar_shm) == 48, "registry ABI 2");
static_assert(CLEAT_MAX_PROCS <= 128, "a bit per slot");

struct cleat_device_shm {
	char name[CLEAT_NAME_LEN];   /* "": free row */
	char driver[CLEAT_NAME_LEN]; /* Cleat's, "" unless it is in use */
	char kernel_driver[CLEAT_NAME_LEN];
	char bus[8];
	struct cleat_bar_shm bars[6];
	uint32_t seq;
	uint32_t class_code;
	uint16_t vendor, device;
	uint16_t state;	     /* enum cleat_device_state */
	uint16_t numa_node;  /* 0xffff: none */
	int32_t iommu_group; /* -1: none */
	uint32_t reserved32;
	char why[120]; /* state FAILED, IGNORED, NO_DRIVER: the sentence */
};
static_assert(sizeof(struct cleat_device_shm) == 536, "registry ABI 2");

struct cleat_lcore_shm {
	uint16_t present;    /* the primary may run on it */
	uint16_t owner_slot; /* CLEAT_SLOT_NONE: unclaimed */
	uint16_t thread;     /* CLEAT_THREAD_NONE: claimed, no thread told */
	uint16_t numa_node;
	uint32_t seq;
	uint32_t reserved;
};
static_assert(sizeof(struct cleat_lcore_shm) == 16, "registry ABI 2");

/* Open addressing, linear probing; 0: never used, 1: was used, else zone index + 2 in the low 16
 * bits, and the name's hash in the high ones, so that other zones' rows need not be read. */
#define CLEAT_ZONE_INDEX_SIZE (CLEAT_MAX_ZONES * 2)

struct cleat_registry_shm {
	struct cleat_registry_header_shm header;
	uint32_t zone_index[CLEAT_ZONE_INDEX_SIZE];
	struct cleat_segment_shm segments[CLEAT_MAX_SEGMENTS];
	struct cleat_zone_shm zones[CLEAT_MAX_ZONES];
	struct cleat_proc_shm procs[CLEAT_MAX_PROCS];
	struct cleat_thread_row_shm threads[CLEAT_MAX_THREADS];
	struct cleat_ring_row_shm rings[CLEAT_MAX_RINGS];
	struct cleat_pool_row_shm pools[CLEAT_MAX_POOLS];
	struct cleat_port_shm ports[CLEAT_MAX_PORTS];
	struct cleat_queue_row_shm queues[CLEAT_MAX_PORTS][2][CLEAT_MAX_QUEUES];
	struct cleat_lcore_shm lcores[CLEAT_MAX_LCORES];
	struct cleat_device_shm devices[CLEAT_MAX_DEVICES];
};

/* The registry of this process, at cleat_window_base; NULL before attach. Read-only outside the
 * primary. */
extern struct cleat_registry_shm *cleat_registry;

/* Bytes of the registry segment: sizeof(struct cleat_registry_shm) in whole 4 KiB pages. */
#define CLEAT_REGISTRY_LEN (((uint64_t)sizeof(struct cleat_registry_shm) + 4095) & ~4095ULL)

/**
 * Lay out an empty registry at cleat_registry; primary only, before anyone else maps it.
 *
 * Every row is free, every "none" that is not zero is set; the header is @p header, its abi,
 * registry_len and magic excepted, which are ours. The magic is written last.
 */
void cleat_registry_format(const struct cleat_registry_header_shm *header);

/** 0 if the registry at cleat_registry carries our magic and ABI; else -EPROTO with both versions
 * named. */
int cleat_registry_check(void);

/*
 * Look-ups by name. Each copies the row; @return its index, or -ENOENT / -EAGAIN with a sentence.
 * @p out may be NULL.
 */
int cleat_registry_find_zone(const char *name, struct cleat_zone_shm *out);
int cleat_registry_find_ring(const char *name, struct cleat_ring_row_shm *out);
int cleat_registry_find_pool(const char *name, struct cleat_pool_row_shm *out);
int cleat_registry_find_port(const char *name, struct cleat_port_shm *out);
int cleat_registry_find_proc(const char *name, struct cleat_proc_shm *out);

/** "name (pid 123)" of a slot, into @p text, for messages; "nobody" for CLEAT_SLOT_NONE. @return
 * text */
const char *cleat_registry_who(uint16_t slot, char *text, size_t len);

/** The zone index, primary only: add or remove the zone row @p zone whose name is already written.
 */
void cleat_registry_index_add(uint32_t zone, const char *name);
void cleat_registry_index_remove(uint32_t zone, const char *name);

/** 0 if @p name is 1..31 printable characters without '/' or blanks, else -EINVAL/-ENAMETOOLONG
 * with a sentence that says @p what ("zone", "ring", …) it would have named. */
int cleat_name_check(const char *what, const char *name);

#ifdef __cplusplus
}
#endif

#endif
