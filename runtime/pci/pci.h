/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * pci.h - a PCI function as sysfs shows it, and the bus that finds them. Primary only.
 *
 * Scanning changes nothing and opens no device. A device that a kernel network or disk driver holds
 * is never touched: only those bound to a driver of pci_access.h can be opened.
 *
 * Source: Documentation/PCI/sysfs-pci.rst of the kernel; PCI Local Bus Specification 3.0,
 * chapter 6.
 */
#ifndef CLEAT_RUNTIME_PCI_H
#define CLEAT_RUNTIME_PCI_H

#include "runtime/device.h"

#ifdef __cplusplus
extern "C" {
#endif

#define CLEAT_PCI_BARS	   6
#define CLEAT_PCI_ANY	   0xffffU /* in an id: matches every vendor, device, … */
#define CLEAT_PCI_NO_GROUP (-1)

/* What a driver knows; its table (cleat_driver.ids) ends with vendor 0. */
struct cleat_pci_id {
	uint16_t vendor;
	uint16_t device;
	uint16_t subvendor; /* CLEAT_PCI_ANY */
	uint16_t subdevice;
	uint64_t model; /* the driver's own */
};
#define CLEAT_PCI_ID(vendor_, device_, model_)                         \
	{                                                              \
		vendor_, device_, CLEAT_PCI_ANY, CLEAT_PCI_ANY, model_ \
	}

enum cleat_bar_kind { CLEAT_BAR_NONE = 0, CLEAT_BAR_MEMORY = 1, CLEAT_BAR_IO = 2 };

/* One base address register, from the sysfs file `resource`. */
struct cleat_pci_bar {
	uint64_t phys; /* bus address; for CLEAT_BAR_IO the first port */
	uint64_t len_bytes;
	uint16_t kind; /* enum cleat_bar_kind */
	uint16_t prefetchable;
};

struct cleat_pci_access;

struct cleat_pci_device {
	struct cleat_device device; /* first; its name is the address, "0000:01:00.0" */
	uint16_t vendor, device_id, subvendor, subdevice;
	uint32_t class_code; /* 24 bits: 0x020000 is an Ethernet controller */
	uint8_t revision;
	uint32_t irq;
	char local_cpus[256];		    /* list: "0-3,8"; cut at a comma if longer */
	char kernel_driver[CLEAT_NAME_LEN]; /* "" if none is bound */
	int iommu_group;		    /* CLEAT_PCI_NO_GROUP */
	char physfn[CLEAT_NAME_LEN]; /* the SR-IOV physical function of a virtual one, or "" */
	uint16_t numvfs, totalvfs;   /* of a physical function with SR-IOV */
	struct cleat_pci_bar bars[CLEAT_PCI_BARS];
	uint64_t model;			       /* of the id that matched */
	const struct cleat_pci_access *access; /* set while open, pci_access.h */
	void *access_data;		       /* the access method's own */
	int gone;			       /* the last scan did not find it any more */
	uint32_t had_locked;		       /* pci_uio.c: files that it had locked, ever */
};

/** The PCI device that a device is, or NULL if it is on another bus. */
struct cleat_pci_device *cleat_pci_of(struct cleat_device *device);

/** Where sysfs is: "/sys" unless changed (--sysfs-root, tests). Borrows @p root for ever. */
void cleat_pci_sysfs_set(const char *root);
const char *cleat_pci_sysfs(void);

/** Is it an address "DDDD:BB:DD.F" (domain optional)? @p out receives it with domain, in lower
 * case.
 * @return 1 or 0 */
int cleat_pci_address(const char *text, char out[CLEAT_NAME_LEN]);

/**
 * Read one device from sysfs.
 *
 * @param dev  cleared and filled; `device` gets name and numa_node only
 * @return     0; -ENODEV if it is not there; -EPROTO with a sentence that names the file whose text
 *             makes no sense
 */
int cleat_pci_read(const char *address, struct cleat_pci_device *dev);

/** Read what may change while a device is there: driver, IOMMU group, BARs, SR-IOV. @return as
 * above */
int cleat_pci_reread(struct cleat_pci_device *dev);

#ifdef __cplusplus
}
#endif

#endif
