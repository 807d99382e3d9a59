/* SPDX-License-Identifier: BSD-3-Clause */
#include "tests/lab/access_nic.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "runtime/error.h"
#include "runtime/pci/pci_config.h"

/* 82540EM manual, 13.4.17 to 13.4.21; 82574 datasheet, 10.2.4 */
#define ICR	  0x00c0
#define ICS	  0x00c8
#define IMS	  0x00d0
#define IMC	  0x00d8
#define CAUSE_LSC (1U << 2)
/* 82574 datasheet, 10.2.4.9: vector of "other" causes in bits 18:16, valid in 19 */
#define IVAR	    0x00e4
#define IVAR_OTHER  (1U << 19)
#define CAUSE_OTHER (1U << 24)
/* 82576 datasheet, 8.8; the registers above have the same places there */
#define IGB_GPIE      0x1514
#define IGB_GPIE_MSIX (1U << 4)
#define IGB_EICS      0x1520
#define IGB_EIMS      0x1524
#define IGB_EIMC      0x1528
#define IGB_EICR      0x1580

void nic_fail(const char *file, int line, const char *what, const char *fmt, ...)
{
	va_list args;

	printf("%s:%d: %s: ", file, line, what);
	va_start(args, fmt);
	vprintf(fmt, args);
	va_end(args);
	printf(" (last error: %s)\n", cleat_error());
	exit(1);
}

volatile uint8_t *nic_map(struct cleat_pci_device *dev, uint64_t *len_bytes)
{
	struct cleat_pci_piece piece[CLEAT_PCI_MAX_PIECES];
	void *p;

	need(dev->access->pieces(dev, 0, piece, CLEAT_PCI_MAX_PIECES) == 1, "BAR 0 is one piece");
	p = mmap(NULL, piece[0].len_bytes, PROT_READ | PROT_WRITE, MAP_SHARED, piece[0].fd,
		(off_t)piece[0].fd_off);
	need(p != MAP_FAILED, "mmap %m");
	*len_bytes = piece[0].len_bytes;
	return (volatile uint8_t *)p;
}

uint32_t nic_read(volatile uint8_t *bar, uint32_t reg)
{
	return *(volatile uint32_t *)(bar + reg);
}

void nic_write(volatile uint8_t *bar, uint32_t reg, uint32_t value)
{
	*(volatile uint32_t *)(bar + reg) = value;
}

int nic_is_intel(const struct cleat_pci_device *dev)
{
	return dev->vendor == 0x8086;
}

static int is_igb(const struct cleat_pci_device *dev)
{
	return dev->device_id == 0x10c9;
}

int nic_has_msix_on(struct cleat_pci_device *dev)
{
	uint32_t at = cleat_pci_capability(dev, CLEAT_PCI_CAP_ID_MSIX, 0);
	uint16_t control = 0;

	if (at != 0)
		need(cleat_pci_config_read(dev, at + CLEAT_PCI_MSIX_CONTROL, &control, 2) == 0,
			"MSI-X control");
	return control >> 15;
}

/* The cause first, then the mask: so it is one interrupt and not two. */
void nic_fire(struct cleat_pci_device *dev, volatile uint8_t *bar, unsigned v)
{
	int msix = nic_has_msix_on(dev);

	if (is_igb(dev) && msix) {
		nic_write(bar, IGB_GPIE, IGB_GPIE_MSIX);
		nic_write(bar, IGB_EICS, 1U << v);
		nic_write(bar, IGB_EIMS, 1U << v);
	} else if (msix) {
		nic_write(bar, IVAR, (IVAR_OTHER | v << 16));
		nic_write(bar, ICS, CAUSE_OTHER);
		nic_write(bar, IMS, CAUSE_OTHER);
	} else {
		nic_write(bar, ICS, CAUSE_LSC);
		nic_write(bar, IMS, CAUSE_LSC);
	}
}

/* Mask, then clear by reading, and by writing ones where MSI-X is on (82574, 10.2.4.1). */
void nic_quiet(struct cleat_pci_device *dev, volatile uint8_t *bar)
{
	if (is_igb(dev)) {
		nic_write(bar, IGB_EIMC, UINT32_MAX);
		nic_write(bar, IGB_EICR, UINT32_MAX);
	}
	nic_write(bar, IMC, UINT32_MAX);
	(void)nic_read(bar, ICR);
	nic_write(bar, ICR, UINT32_MAX);
}
