/* SPDX-License-Identifier: BSD-3-Clause */
/* pci_config.c - command register, capabilities, and the MSI-X table. */
#include "runtime/pci/pci_config.h"

#include <errno.h>
#include <stddef.h>

#include "runtime/arch.h"

/* A device that is gone answers all ones to every read. */
#define GONE 0xffff

static int is_taken(struct cleat_pci_device *dev)
{
	return dev->access->is_taken != NULL && dev->access->is_taken(dev);
}

int cleat_pci_command(struct cleat_pci_device *dev, uint16_t set, uint16_t clear)
{
	uint16_t was, now;
	int ret;

	if (is_taken(dev))
		return cleat_err(-ENODEV, "%s is another driver's by now", dev->device.name);
	ret = cleat_pci_config_read(dev, CLEAT_PCI_COMMAND, &was, sizeof(was));
	if (ret < 0)
		return ret;
	if (was == GONE)
		return cleat_err(-EIO, "%s does not answer any more", dev->device.name);
	now = (uint16_t)((was | set) & ~clear);
	return now == was ? 0 : cleat_pci_config_write(dev, CLEAT_PCI_COMMAND, &now, sizeof(now));
}

/* Not the vendor: a virtual function has ones there. */
int cleat_pci_is_gone(struct cleat_pci_device *dev)
{
	uint16_t command;

	return is_taken(dev) ||
	       cleat_pci_config_read(dev, CLEAT_PCI_COMMAND, &command, sizeof(command)) < 0 ||
	       command == GONE;
}

int cleat_pci_command_on(struct cleat_pci_device *dev)
{
	uint16_t bits = 0;

	for (unsigned i = 0; i < CLEAT_PCI_BARS; i++) {
		if (dev->bars[i].kind == CLEAT_BAR_MEMORY)
			bits |= CLEAT_PCI_COMMAND_MEMORY;
		if (dev->bars[i].kind == CLEAT_BAR_IO)
			bits |= CLEAT_PCI_COMMAND_IO;
	}
	return cleat_pci_command(dev, bits, CLEAT_PCI_COMMAND_MASTER);
}

int cleat_pci_master_on(struct cleat_pci_device *dev)
{
	return cleat_pci_command(dev, CLEAT_PCI_COMMAND_MASTER, 0);
}

/* Offset of the capability after @p at (0: the first), 0 at the end or where the chain is broken.
 */
static uint32_t next_capability(struct cleat_pci_device *dev, uint32_t at)
{
	uint32_t from = at == 0 ? CLEAT_PCI_CAP_FIRST : at + 1;
	uint16_t status;
	uint8_t next;

	if (at == 0 && (cleat_pci_config_read(dev, CLEAT_PCI_STATUS, &status, 2) < 0 ||
			       (status & CLEAT_PCI_STATUS_CAPS) == 0))
		return 0;
	if (cleat_pci_config_read(dev, from, &next, 1) < 0)
		return 0;
	next = (uint8_t)(next & ~3U); /* 6.7: the two low bits are reserved */
	return next >= 0x40 && next < 0xfc ? next : 0;
}

uint32_t cleat_pci_capability(struct cleat_pci_device *dev, uint8_t id, uint32_t after)
{
	/* Each takes four bytes at least: a longer chain goes round in a circle. */
	unsigned left = (CLEAT_PCI_CONFIG_LEN - 0x40) / 4;
	uint32_t at = after;
	uint8_t found;

	while (left-- > 0 && (at = next_capability(dev, at)) != 0) {
		if (cleat_pci_config_read(dev, at, &found, 1) < 0 || found == 0xff)
			return 0;
		if (found == id)
			return at;
	}
	return 0;
}

/* MSI and MSI-X have 16 bits of control at the same place. */
static int is_on(struct cleat_pci_device *dev, uint8_t capability, uint16_t bit)
{
	uint32_t at = cleat_pci_capability(dev, capability, 0);
	uint16_t control = 0;

	return at != 0 &&
	       cleat_pci_config_read(dev, at + CLEAT_PCI_MSIX_CONTROL, &control, sizeof(control)) ==
		       0 &&
	       (control & bit) != 0;
}

int cleat_pci_msi_is_on(struct cleat_pci_device *dev)
{
	return is_on(dev, CLEAT_PCI_CAP_ID_MSI, CLEAT_PCI_MSI_CONTROL_ON);
}

int cleat_pci_msix_is_on(struct cleat_pci_device *dev)
{
	return is_on(dev, CLEAT_PCI_CAP_ID_MSIX, CLEAT_PCI_MSIX_CONTROL_ON);
}

int cleat_pci_msix_table(struct cleat_pci_device *dev, struct cleat_pci_msix *out)
{
	uint32_t at = cleat_pci_capability(dev, CLEAT_PCI_CAP_ID_MSIX, 0);
	uint16_t control;
	uint32_t table;
	int ret;

	if (at == 0)
		return 0;
	ret = cleat_pci_config_read(dev, at + CLEAT_PCI_MSIX_CONTROL, &control, sizeof(control));
	if (ret == 0)
		ret = cleat_pci_config_read(dev, at + CLEAT_PCI_MSIX_TABLE, &table, sizeof(table));
	if (ret < 0)
		return ret;
	out->bar = table & 7U;
	out->off = table & ~7U;
	out->len_bytes = ((uint64_t)(control & CLEAT_PCI_MSIX_CONTROL_SIZE) + 1) *
			 CLEAT_PCI_MSIX_ENTRY_BYTES;
	return 1;
}

unsigned cleat_pci_around_hole(uint64_t bar_len, uint64_t hole_off, uint64_t hole_len,
	uint64_t page, struct cleat_pci_piece out[2])
{
	uint64_t before = hole_off & ~(page - 1);
	uint64_t after = cleat_align_up(hole_off + hole_len, page);
	unsigned n = 0;

	if (before > bar_len)
		before = bar_len;
	if (before > 0)
		out[n++] = (struct cleat_pci_piece){ .off = 0, .len_bytes = before };
	if (after < bar_len)
		out[n++] = (struct cleat_pci_piece){ .off = after, .len_bytes = bar_len - after };
	return n;
}
