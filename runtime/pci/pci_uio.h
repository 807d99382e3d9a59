/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * pci_uio.h - what uio_pci_generic and igb_uio have in common: they show a device as /dev/uioN.
 *
 *   BARs           sysfs `resourceN`; where the kernel does not let it be mapped, /dev/uioN
 *   interrupts     a read of /dev/uioN gives their count; here the descriptor does not block
 *   configuration  sysfs `config`
 *
 * UIO lets in as many as may open the files. So whoever drives a device has them locked (flock). A
 * worker's mapping of a BAR keeps the lock of `resourceN`, also when the primary is dead: nobody
 * else gets the device before the last worker has ended.
 *
 * Source: Documentation/driver-api/uio-howto.rst and Documentation/PCI/sysfs-pci.rst.
 */
#ifndef CLEAT_RUNTIME_PCI_UIO_H
#define CLEAT_RUNTIME_PCI_UIO_H

#include <stddef.h>

#include "runtime/pci/pci_access.h"

#ifdef __cplusplus
extern "C" {
#endif

/* cleat_pci_device.access_data */
struct cleat_uio {
	int number; /* N of uioN */
	int fd;	    /* /dev/uioN */
	int config_fd;
	int resource_fds[CLEAT_PCI_BARS]; /* -1: not opened yet */
	char dir[32];			  /* "uio/uioN", below the device in sysfs */
	int irq_on;
	int messages; /* interrupts are MSI or MSI-X */
};

/* One of maps/mapN. */
struct cleat_uio_map {
	char name[64]; /* "" where there is no such file */
	uint64_t addr;
	uint64_t offset; /* of the first register in the first page */
	uint64_t size;
};

/** Open and lock the files of a device. @param before_node  done when all but /dev/uioN is open;
 * its error is returned. NULL: nothing. @return 0; -EBUSY: another process drives it; negative
 * errno */
int cleat_uio_open(struct cleat_pci_device *dev, int (*before_node)(struct cleat_pci_device *dev));
/** Bus mastering off, everything closed. The method has turned interrupts off. */
void cleat_uio_close(struct cleat_pci_device *dev);
/** An open file of UIO or sysfs does not keep the kernel from that. */
int cleat_uio_is_taken(struct cleat_pci_device *dev);

int cleat_uio_pieces(
	struct cleat_pci_device *dev, unsigned bar, struct cleat_pci_piece *out, unsigned max);
int cleat_uio_config_read(struct cleat_pci_device *dev, uint32_t off, void *buf, uint32_t len);
int cleat_uio_config_write(
	struct cleat_pci_device *dev, uint32_t off, const void *buf, uint32_t len);

/** sysfs `resourceN` of a BAR, opened and locked at the first call. @return borrowed; -EBUSY:
 * another process has it; negative errno */
int cleat_uio_resource(struct cleat_pci_device *dev, unsigned bar);
/** The same of an I/O BAR into @p out, as its descriptor; -1 if the kernel has no such file.
 * @return 0; negative errno */
int cleat_uio_ioport_file(struct cleat_pci_device *dev, unsigned bar, struct cleat_pci_ioport *out);

/** Take the count of interrupts out of /dev/uioN. @return 0, also if there is none; -EIO: the
 * device is gone */
int cleat_uio_event(struct cleat_pci_device *dev);

/** Reset by sysfs's file `reset`. @return 0; -ENOTSUP if the device has none */
int cleat_uio_reset(struct cleat_pci_device *dev);

/** @param dir  of uioN, below the device. @return 0; -ENOENT: there is no map of that number;
 * -EPROTO */
int cleat_uio_map_read(
	const char *address, const char *dir, unsigned map, struct cleat_uio_map *out);

/** Directory of the device's uioN, below the device. @return N; -ENOENT with a sentence */
int cleat_uio_find(const char *address, char *dir, size_t len);

#ifdef __cplusplus
}
#endif

#endif
