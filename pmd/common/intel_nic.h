/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * intel_nic.h - the control side that the ports of 82540EM, 82574, 82576 and its virtual functions
 * share: from device to port, and what the primary asks of it. Control side only.
 *
 *   port      STOPPED → started → STOPPED
 *   queue     at rest → open (the device works on its ring) → at rest
 *
 * A chip is a table: its limits, and the steps that program its registers. The order of the steps
 * is here; what a step does is the chip's.
 */
#ifndef CLEAT_PMD_COMMON_INTEL_NIC_H
#define CLEAT_PMD_COMMON_INTEL_NIC_H

#include "pmd/common/intel_mac.h"
#include "pmd/common/nic_irq.h"
#include "pmd/common/nic_ring.h"
#include "runtime/kvargs.h"
#include "runtime/pci/pci_access.h"

#ifdef __cplusplus
extern "C" {
#endif

#define CLEAT_INTEL_QUEUES 16

struct cleat_intel_chip;

/* A driver's own struct starts with it. */
struct cleat_intel_nic {
	struct cleat_port_ctrl port; /* first */
	const struct cleat_intel_chip *chip;
	struct cleat_pci_device *pci;
	struct cleat_intel_mac mac;
	struct cleat_nic_irq irq;
	struct cleat_nic_ring rings[2][CLEAT_INTEL_QUEUES]; /* by direction */
	unsigned queues[2];				    /* configured */
	int running;
};

struct cleat_intel_chip {
	uint32_t nic_bytes; /* of the driver's own struct */
	uint32_t bar_bytes; /* what BAR 0 must have */
	uint32_t max_frame; /* with CRC */
	uint32_t min_buf;   /* the smallest buffer that buf_bytes() takes */
	uint16_t max_queues;
	uint16_t max_mac_filters;
	uint32_t offload_capa; /* CLEAT_OFFLOAD_… */
	uint32_t offloads;     /* at first */
	uint32_t eerd_done;    /* see struct cleat_intel_mac, for this and the next two */
	uint32_t eerd_shift;
	int (*phy_lock)(struct cleat_intel_mac *mac, int take);
	const struct cleat_port_ops *ops;
	const struct cleat_kvkey *keys; /* its device's arguments; NULL: it takes none */

	/** Take what the arguments say into the driver's own struct, whose port has its name and
	 * limits. NULL with keys NULL. */
	int (*take_args)(struct cleat_intel_nic *nic, const struct cleat_kvargs *args);
	/** Bytes that the device writes to one buffer of @p room bytes; 0: it is too small. */
	uint32_t (*buf_bytes)(uint32_t room);
	/** After the BAR is mapped: the device to rest, and its own address to mac.own. */
	int (*find)(struct cleat_intel_nic *nic);
	/** From rest to a device that works, but for queues and interrupts. */
	int (*begin)(struct cleat_intel_nic *nic);
	/** All queues to rest; begin() follows some time. */
	int (*end)(struct cleat_intel_nic *nic);
	/** To rest for good: it does no DMA afterwards. 0 as well if it is gone. */
	int (*leave)(struct cleat_intel_nic *nic);
	/** Have the device take packets as long as @p mtu asks for. */
	int (*set_frame)(struct cleat_intel_nic *nic, uint32_t mtu);

	/** May a queue be opened now? NULL: always. */
	int (*may_open)(struct cleat_intel_nic *nic);
	/** Have the device work on a queue's ring from descriptor 0, without buffers. The ring's
	 * is_open says already what it will be; so in rest(). On failure it is at rest. */
	int (*run)(struct cleat_intel_nic *nic, enum cleat_dir dir, unsigned queue);
	/** Bring it to rest. @return see cleat_port_ops.queue_reset; -ENODEV: it reads as ones */
	int (*rest)(struct cleat_intel_nic *nic, enum cleat_dir dir, unsigned queue);
	/** Where the queue's tail register is. */
	uint32_t (*tail)(enum cleat_dir dir, unsigned queue);

	/** The interrupt of vector 0; @p nic is a struct cleat_intel_nic. */
	void (*on_interrupt)(void *nic);
	/** Hold all interrupts back. */
	void (*irq_mask)(struct cleat_intel_nic *nic);
	/** Let them come as they are wired; harmless when none is. */
	void (*irq_enable)(struct cleat_intel_nic *nic);
	/** How the queue's owner lets its interrupt come. */
	void (*irq_arm)(struct cleat_intel_nic *nic, unsigned queue, struct cleat_nic_arm *arm);
};

cleat_inline struct cleat_intel_nic *cleat_intel_nic_of(struct cleat_port_ctrl *port)
{
	return (struct cleat_intel_nic *)port;
}

/** Longest packet without the CRC. */
cleat_inline uint32_t cleat_intel_max_packet(const struct cleat_intel_chip *chip)
{
	return chip->max_frame - 4;
}

/* ---- intel_probe_ctrl.c: for cleat_driver ---- */

int cleat_intel_probe(struct cleat_device *device, const struct cleat_services *services,
	const struct cleat_intel_chip *chip);
int cleat_intel_remove(struct cleat_device *device, const struct cleat_services *services);

/* ---- intel_nic_ctrl.c: for cleat_port_ops ---- */

int cleat_intel_configure(struct cleat_port_ctrl *port, unsigned rx_queues, unsigned tx_queues);
int cleat_intel_rx_queue_setup(struct cleat_port_ctrl *port, unsigned queue, unsigned descriptors,
	const struct cleat_pool_row_shm *pool);
int cleat_intel_tx_queue_setup(struct cleat_port_ctrl *port, unsigned queue, unsigned descriptors);
int cleat_intel_queue_open(struct cleat_port_ctrl *port, enum cleat_dir dir, unsigned queue,
	struct cleat_queue_grant *grant);
int cleat_intel_queue_reset(struct cleat_port_ctrl *port, enum cleat_dir dir, unsigned queue);
int cleat_intel_start(struct cleat_port_ctrl *port);
int cleat_intel_stop(struct cleat_port_ctrl *port);
int cleat_intel_mtu_set(struct cleat_port_ctrl *port, unsigned mtu);

/* What is the same in each driver's cleat_port_ops. */
#define CLEAT_INTEL_PORT_OPS                                                              \
	.configure = cleat_intel_configure, .rx_queue_setup = cleat_intel_rx_queue_setup, \
	.tx_queue_setup = cleat_intel_tx_queue_setup, .start = cleat_intel_start,         \
	.stop = cleat_intel_stop, .mtu_set = cleat_intel_mtu_set,                         \
	.link_get = cleat_intel_link_get, .queue_open = cleat_intel_queue_open,           \
	.queue_reset = cleat_intel_queue_reset

/* And of the chips whose addresses and filters the driver itself writes (intel_mac.h). */
#define CLEAT_INTEL_MAC_OPS                                                             \
	.promiscuous_set = cleat_intel_promiscuous_set, .mac_set = cleat_intel_mac_set, \
	.allmulticast_set = cleat_intel_allmulticast_set,                               \
	.mac_filter_add = cleat_intel_filter_add, .mac_filter_remove = cleat_intel_filter_remove

#ifdef __cplusplus
}
#endif

#endif
