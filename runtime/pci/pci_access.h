/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * pci_access.h - one way to reach a PCI device from user space: one per kernel driver that lets us.
 *
 *   vfio-pci           pci_vfio.c          IOMMU, MSI-X, IOVA = VA (or PA)
 *   uio_pci_generic    pci_uio_generic.c   INTx only, PA
 *   igb_uio            pci_igb_uio.c       one vector, PA
 *
 *   closed → open → master → closed. Opening makes the device reachable; a device whose owner was
 *   killed may still have its receiver on, and the addresses it writes to are others' by now, so
 *   its driver lets it do DMA when it has reset it. Closing stops DMA (bus mastering off) and
 *   interrupts, and undoes everything.
 *
 * Primary only, one thread. Everything that a worker needs of a device are the descriptors of
 * cleat_pci_pieces() to map BARs by, the eventfds of its queues, and, for I/O ports, one
 * descriptor.
 *
 * Source: Documentation/driver-api/vfio.rst, Documentation/driver-api/uio-howto.rst.
 */
#ifndef CLEAT_RUNTIME_PCI_ACCESS_H
#define CLEAT_RUNTIME_PCI_ACCESS_H

#include "runtime/pci/pci.h"

#ifdef __cplusplus
extern "C" {
#endif

/* A part of a BAR that may be mapped. What lies between parts (an MSI-X table that the kernel keeps
 * for itself) may not. */
struct cleat_pci_piece {
	uint64_t off; /* in the BAR */
	uint64_t len_bytes;
	uint64_t fd_off; /* where it is in fd */
	int fd;		 /* borrowed: the access method's */
};
#define CLEAT_PCI_MAX_PIECES 4 /* of one BAR */

#define CLEAT_PCI_IOVA_VA 0x1U
#define CLEAT_PCI_IOVA_PA 0x2U

/* How I/O ports of a BAR are reached; see pci_ioport.h, which works from this alone. */
struct cleat_pci_ioport {
	int fd;		 /* pread/pwrite at fd_off + port; -1: by in/out instructions */
	uint32_t base;	 /* first port, for instructions */
	uint64_t fd_off; /* for fd */
	uint32_t len;
};

struct cleat_pci_access {
	const char *driver;  /* the kernel driver it is for */
	uint32_t iova_modes; /* CLEAT_PCI_IOVA_… */
	int (*open)(struct cleat_pci_device *dev);
	void (*close)(struct cleat_pci_device *dev);
	/** @return number of pieces, 0..max; negative errno */
	int (*pieces)(struct cleat_pci_device *dev, unsigned bar, struct cleat_pci_piece *out,
		unsigned max);
	/** Fills @p out; its fd is borrowed. */
	int (*ioport)(struct cleat_pci_device *dev, unsigned bar, struct cleat_pci_ioport *out);
	int (*config_read)(struct cleat_pci_device *dev, uint32_t off, void *buf, uint32_t len);
	int (*config_write)(
		struct cleat_pci_device *dev, uint32_t off, const void *buf, uint32_t len);
	/**
	 * Turn interrupts on.
	 *
	 * @param fds     n eventfds, borrowed until irq_close: vector i writes to fds[i]
	 * @param irq_fd  receives what to poll for vector 0; borrowed: the access method's, or
	 * fds[0]
	 * @return        vectors that are wired, 1..n (with 1 the device has one interrupt for all
	 *                causes); -ENOTSUP if it has none
	 */
	int (*irq_open)(struct cleat_pci_device *dev, const int *fds, unsigned n, int *irq_fd);
	/** irq_fd was readable: read it, and let the next interrupt come. -EIO: the device is gone
	 */
	int (*irq_ack)(struct cleat_pci_device *dev);
	/** The device was told to raise none. igb_uio's MSI and MSI-X stay on until close. */
	void (*irq_close)(struct cleat_pci_device *dev);
	/** Function-level reset if the device has it; bus mastering is off afterwards. -ENOTSUP */
	int (*reset)(struct cleat_pci_device *dev);
	/** What to poll to hear that the kernel wants the device back (hot-unplug), or -1: the
	 * monitor of pci_monitor.h tells. Borrowed */
	int (*unplug_fd)(struct cleat_pci_device *dev);
	/** Has the kernel given it to another driver meanwhile? NULL: it waits for us with that */
	int (*is_taken)(struct cleat_pci_device *dev);
};

/** The access method for a kernel driver's name, or NULL. */
const struct cleat_pci_access *cleat_pci_access_find(const char *kernel_driver);

/** "vfio-pci, uio_pci_generic, igb_uio", for messages. */
const char *cleat_pci_access_names(void);

/**
 * Open by the driver that the device is bound to now; bus mastering is off afterwards.
 *
 * @param iova_mode  CLEAT_PCI_IOVA_VA or CLEAT_PCI_IOVA_PA
 * @return  0; -EBUSY if another kernel driver holds it (the sentence says how to bind it);
 *          -ENODEV if none does; -ENOTSUP if the method does not fit @p iova_mode (the sentence
 * says what does); the method's error
 */
int cleat_pci_open(struct cleat_pci_device *dev, uint32_t iova_mode);
/** Bus mastering on. For drivers, when the device is at rest. @return 0; -EIO: it is gone */
int cleat_pci_master_on(struct cleat_pci_device *dev);
/** Harmless when it is closed. Also lets go of what cleat_pci_iova_shift() opened for it. */
void cleat_pci_close(struct cleat_pci_device *dev);

/* Short forms of the method's functions, for drivers; the device must be open. */
int cleat_pci_config_read(struct cleat_pci_device *dev, uint32_t off, void *buf, uint32_t len);
int cleat_pci_config_write(
	struct cleat_pci_device *dev, uint32_t off, const void *buf, uint32_t len);
/** Offset of a capability (PCI 3.0, 6.7) in configuration space; 0 if there is none. */
uint32_t cleat_pci_capability(struct cleat_pci_device *dev, uint8_t id, uint32_t after);
/** Are the interrupts that irq_open() wired MSI-X, be it one vector? As its capability says. */
int cleat_pci_msix_is_on(struct cleat_pci_device *dev);
/**
 * Is it not there any more, or another driver's by now? Then it is not ours to touch, and does
 * nothing for us, either. Asks the kernel and configuration space: a register that is mapped may
 * read as anything.
 */
int cleat_pci_is_gone(struct cleat_pci_device *dev);

/* ---- memory that devices reach ---- */

/**
 * May IOVAs be addresses of the window? Opens what is needed to ask the IOMMU: the device's group,
 * which stays open until the device is closed. Ask for each device bound to vfio-pci: the last
 * answer holds for all.
 *
 * @param first, last  of the window, in the address space of the primary
 * @param shift        receives what to subtract from an address to get its IOVA: 0 if the IOMMU is
 *                     wide enough, else what brings the window into its range
 * @return             0; -ENOTSUP with a sentence if even so it does not fit
 */
int cleat_pci_iova_shift(
	struct cleat_pci_device *dev, uint64_t first, uint64_t last, uint64_t *shift);

/**
 * Let devices reach a range of the window (all pages present), now and whenever another device is
 * opened. Without VFIO devices it is remembered only.
 *
 * @param iova       of the first page, and the rest follows; unused with @p page_iova
 * @param page_iova  NULL, or one address per page of @p page_bytes (physical addresses); copied
 * @return           0; -EEXIST if part of it is mapped; -ENOSPC: the kernel's limit of mappings
 * (the sentence names the parameter); -ENOMEM: the limit of locked memory
 */
int cleat_pci_dma_map(const void *va, uint64_t len_bytes, uint64_t iova, const uint64_t *page_iova,
	uint64_t page_bytes);
/** Undo it. No device may use the range any more. */
void cleat_pci_dma_unmap(const void *va, uint64_t len_bytes);

#ifdef __cplusplus
}
#endif

#endif
