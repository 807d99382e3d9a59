/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * virtio_transport.h - the two ways to a virtio device's registers behind one interface. Control
 * side.
 *
 *   modern   virtio_modern_ctrl.c   memory BARs, found by capabilities (4.1.4)
 *   legacy   virtio_legacy_ctrl.c   one I/O BAR
 *
 * All functions return 0 or negative errno with a sentence unless they say otherwise.
 */
#ifndef CLEAT_PMD_VIRTIO_TRANSPORT_H
#define CLEAT_PMD_VIRTIO_TRANSPORT_H

#include "pmd/virtio/virtio_regs.h"
#include "pmd/virtio/virtio_ring.h"
#include "runtime/driver.h"
#include "runtime/pci/pci_access.h"
#include "runtime/pci/pci_ioport.h"

#ifdef __cplusplus
extern "C" {
#endif

struct virtio_transport;

/* Where a queue lies, for the device. */
struct virtio_queue_place {
	uint64_t desc, avail, used; /* IOVA */
	uint16_t size;
	uint16_t vector; /* VIRTIO_NO_VECTOR */
};

/* How a worker tells the device that a queue has something new. */
struct virtio_doorbell {
	uint64_t off; /* in the window, or in fd */
	int fd;	      /* borrowed; -1: memory */
};

struct virtio_transport_ops {
	const char *name; /* "modern", "legacy" */
	int (*features)(struct virtio_transport *t, uint64_t *offered);
	int (*features_set)(struct virtio_transport *t, uint64_t features);
	int (*status)(struct virtio_transport *t, uint8_t *status);
	int (*status_set)(struct virtio_transport *t, uint8_t status);
	/** Of the device's own configuration (5.1.4), not torn. */
	int (*config_read)(struct virtio_transport *t, uint32_t off, void *buf, uint32_t len);
	int (*config_write)(
		struct virtio_transport *t, uint32_t off, const void *buf, uint32_t len);
	/** @param size  receives the largest the queue may have (legacy: the only one); 0: there is
	 * no such queue. Right after a reset only */
	int (*queue_size)(struct virtio_transport *t, uint16_t queue, uint16_t *size);
	/** Between FEATURES_OK and DRIVER_OK, or after queue_reset. */
	int (*queue_enable)(
		struct virtio_transport *t, uint16_t queue, const struct virtio_queue_place *place);
	/** 2.6.1: returns when the device has let go. NULL: not by this transport. -EIO */
	int (*queue_reset)(struct virtio_transport *t, uint16_t queue);
	/** MSI-X vector of configuration changes */
	int (*config_vector)(struct virtio_transport *t, uint16_t vector);
	/** Which causes an interrupt had, VIRTIO_ISR_…; takes it back */
	int (*isr)(struct virtio_transport *t, uint8_t *isr);
	/** From the primary, 4.1.5.2 */
	int (*notify)(struct virtio_transport *t, uint16_t queue);
	/** For workers. -ENOTSUP if they have no way */
	int (*doorbell)(struct virtio_transport *t, uint16_t queue, struct virtio_doorbell *out);
};

/* Where the registers of a modern device are; addresses in the window. */
struct virtio_modern {
	volatile uint8_t *common, *notify, *isr, *config;
	uint32_t common_len, notify_len, config_len;
	uint32_t multiplier;
};

struct virtio_transport {
	const struct virtio_transport_ops *ops;
	struct cleat_pci_device *pci;
	int msix; /* MSI-X is enabled: there are vectors, and legacy registers move */
	struct virtio_modern modern;
	struct cleat_pci_ioport io; /* legacy */
};

/**
 * Find the registers of a modern device and map their BARs.
 *
 * @return  0; -ENOENT: it has no such capabilities, it is legacy; -EPROTO: they make no sense
 */
int cleat_virtio_modern_open(struct virtio_transport *t, struct cleat_device *device,
	const struct cleat_services *services);
/** @return 0; -ENODEV: no I/O BAR */
int cleat_virtio_legacy_open(struct virtio_transport *t, struct cleat_device *device);

#ifdef __cplusplus
}
#endif

#endif
