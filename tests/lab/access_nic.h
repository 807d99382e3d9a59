/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * access_nic.h - for tests/lab/access.c: registers of the guest's NICs, and how to make one of them
 * interrupt without a packet.
 */
#ifndef CLEAT_TESTS_LAB_ACCESS_NIC_H
#define CLEAT_TESTS_LAB_ACCESS_NIC_H

#include "runtime/pci/pci_access.h"

/** End the test with a sentence, and with the last one of cleat_err(). */
#define need(what, ...)                                                   \
	do {                                                              \
		if (!(what))                                              \
			nic_fail(__FILE__, __LINE__, #what, __VA_ARGS__); \
	} while (0)
void nic_fail(const char *file, int line, const char *what, const char *fmt, ...)
	__attribute__((format(printf, 4, 5), noreturn));

/** Map BAR 0 whole. */
volatile uint8_t *nic_map(struct cleat_pci_device *dev, uint64_t *len_bytes);
uint32_t nic_read(volatile uint8_t *bar, uint32_t reg);
void nic_write(volatile uint8_t *bar, uint32_t reg, uint32_t value);

#define NIC_STATUS 0x8 /* device status of all of Intel's */

/** Is it one of Intel's gigabit controllers, with these registers? */
int nic_is_intel(const struct cleat_pci_device *dev);
/** Has the kernel switched MSI-X on? */
int nic_has_msix_on(struct cleat_pci_device *dev);
/** Let the device interrupt, and fire vector @p v (0 unless several are wired). */
void nic_fire(struct cleat_pci_device *dev, volatile uint8_t *bar, unsigned v);
/** What the driver does first in an interrupt: read the cause, so that the line falls. */
void nic_quiet(struct cleat_pci_device *dev, volatile uint8_t *bar);

#endif
