/* SPDX-License-Identifier: BSD-3-Clause */
/* intel_mac_ctrl.c - addresses, filters and the modes of receiving. */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "pmd/common/intel_mac.h"
#include "runtime/clock.h"

#define STEP_US	     20U
#define EEPROM_US    100000U
#define EERD_DATA(v) ((v) >> 16)

int cleat_intel_wait(const struct cleat_intel_mac *mac, uint32_t off, uint32_t mask, uint32_t value,
	unsigned timeout_us)
{
	uint64_t end_us = cleat_now_us() + timeout_us;

	for (;;) {
		int late = cleat_now_us() >= end_us; /* looked at once more afterwards */
		uint32_t now = cleat_intel_read(mac, off);

		if (now == CLEAT_MMIO_GONE)
			return cleat_err(-ENODEV, "%s: the device is gone", mac->port->name);
		if ((now & mask) == value)
			return 0;
		if (late)
			return cleat_err(-ETIMEDOUT,
				"%s: register 0x%x is 0x%x after %u us, bits 0x%x did not "
				"become 0x%x",
				mac->port->name, off, now, timeout_us, mask, value);
		(void)usleep(STEP_US);
	}
}

/* ---- addresses ---- */

static int is_address(const uint8_t a[6])
{
	static const uint8_t ZERO[6];

	return !(a[0] & 1) && memcmp(a, ZERO, sizeof(ZERO)) != 0;
}

/* SDM 5.6.1, 13.4.4: words 0 to 2 hold the address. */
static int read_eeprom(const struct cleat_intel_mac *mac, uint32_t word, uint16_t *out)
{
	int ret;

	cleat_intel_write(mac, CLEAT_INTEL_EERD, CLEAT_EERD_START | word << mac->eerd_shift);
	ret = cleat_intel_wait(mac, CLEAT_INTEL_EERD, mac->eerd_done, mac->eerd_done, EEPROM_US);
	if (ret < 0)
		return cleat_err_prefix(ret, "EEPROM");
	*out = (uint16_t)EERD_DATA(cleat_intel_read(mac, CLEAT_INTEL_EERD));
	return 0;
}

static int address_of_eeprom(struct cleat_intel_mac *mac)
{
	int ret = 0;

	for (uint32_t word = 0; ret == 0 && word < 3; word++) {
		uint16_t value = 0;

		ret = read_eeprom(mac, word, &value);
		mac->own[2 * word] = (uint8_t)value;
		mac->own[2 * word + 1] = (uint8_t)(value >> 8);
	}
	return ret;
}

int cleat_intel_own_address(struct cleat_intel_mac *mac)
{
	uint32_t low = cleat_intel_read(mac, CLEAT_INTEL_RAL(0));
	uint32_t high = cleat_intel_read(mac, CLEAT_INTEL_RAH(0));
	int ret;

	for (unsigned i = 0; i < 6; i++)
		mac->own[i] = (uint8_t)(i < 4 ? low >> 8 * i : high >> 8 * (i - 4));
	if ((high & CLEAT_RAH_AV) && is_address(mac->own))
		return 0;
	ret = address_of_eeprom(mac);
	if (ret < 0)
		return ret;
	return is_address(mac->own)
		       ? 0
		       : cleat_err(-EIO, "%s: no valid MAC address in its EEPROM", mac->port->name);
}

static void write_filter(const struct cleat_intel_mac *mac, unsigned n, const uint8_t *a)
{
	uint32_t low = 0, high = 0;

	if (a != NULL) {
		low = (uint32_t)a[0] | (uint32_t)a[1] << 8 | (uint32_t)a[2] << 16 |
		      (uint32_t)a[3] << 24;
		high = (uint32_t)a[4] | (uint32_t)a[5] << 8 | CLEAT_RAH_AV;
	}
	/* an entry must not be valid while it is half written */
	cleat_intel_write(mac, CLEAT_INTEL_RAH(n), 0);
	cleat_intel_flush(mac);
	cleat_intel_write(mac, CLEAT_INTEL_RAL(n), low);
	cleat_intel_flush(mac);
	cleat_intel_write(mac, CLEAT_INTEL_RAH(n), high);
	cleat_intel_flush(mac);
}

void cleat_intel_filters_write(const struct cleat_intel_mac *mac)
{
	write_filter(mac, 0, mac->own);
	for (unsigned n = 1; n < CLEAT_INTEL_RARS; n++)
		write_filter(mac, n, mac->filters_used >> n & 1 ? mac->filters[n] : NULL);
	for (uint32_t i = 0; i < 128; i++) {
		cleat_intel_write(mac, CLEAT_INTEL_MTA + 4 * i, 0);
		cleat_intel_write(mac, CLEAT_INTEL_VFTA + 4 * i, 0);
	}
}

static unsigned find_filter(const struct cleat_intel_mac *mac, const uint8_t addr[6])
{
	for (unsigned n = 1; n < CLEAT_INTEL_RARS; n++)
		if ((mac->filters_used >> n & 1) && memcmp(mac->filters[n], addr, 6) == 0)
			return n;
	return 0;
}

int cleat_intel_filter_add(struct cleat_port_ctrl *port, const uint8_t addr[6])
{
	struct cleat_intel_mac *mac = cleat_intel_mac_of(port);

	if (find_filter(mac, addr) != 0)
		return 0;
	for (unsigned n = 1; n < CLEAT_INTEL_RARS; n++) {
		if (mac->filters_used >> n & 1)
			continue;
		memcpy(mac->filters[n], addr, 6);
		mac->filters_used = (uint16_t)(mac->filters_used | 1U << n);
		write_filter(mac, n, addr);
		return 0;
	}
	return cleat_err(-ENOSPC, "%s: all %d address filters are in use", mac->port->name,
		CLEAT_INTEL_RARS - 1);
}

int cleat_intel_filter_remove(struct cleat_port_ctrl *port, const uint8_t addr[6])
{
	struct cleat_intel_mac *mac = cleat_intel_mac_of(port);
	unsigned n = find_filter(mac, addr);

	if (n == 0)
		return cleat_err(
			-ENOENT, "%s: there is no filter for that address", mac->port->name);
	mac->filters_used = (uint16_t)(mac->filters_used & ~(1U << n));
	write_filter(mac, n, NULL);
	return 0;
}

int cleat_intel_mac_set(struct cleat_port_ctrl *port, const uint8_t addr[6])
{
	struct cleat_intel_mac *mac = cleat_intel_mac_of(port);

	memcpy(mac->own, addr, 6);
	write_filter(mac, 0, mac->own);
	return 0;
}

/* ---- receive control ---- */

void cleat_intel_rctl_write(const struct cleat_intel_mac *mac)
{
	uint32_t rctl = mac->rctl | CLEAT_RCTL_BAM | CLEAT_RCTL_SECRC;

	if (mac->promiscuous)
		rctl |= CLEAT_RCTL_UPE | CLEAT_RCTL_MPE;
	if (mac->allmulticast)
		rctl |= CLEAT_RCTL_MPE;
	if (mac->receiving)
		rctl |= CLEAT_RCTL_EN;
	cleat_intel_write(mac, CLEAT_INTEL_RCTL, rctl);
	cleat_intel_flush(mac);
}

int cleat_intel_promiscuous_set(struct cleat_port_ctrl *port, int on)
{
	struct cleat_intel_mac *mac = cleat_intel_mac_of(port);

	mac->promiscuous = on;
	cleat_intel_rctl_write(mac);
	return 0;
}

int cleat_intel_allmulticast_set(struct cleat_port_ctrl *port, int on)
{
	struct cleat_intel_mac *mac = cleat_intel_mac_of(port);

	mac->allmulticast = on;
	cleat_intel_rctl_write(mac);
	return 0;
}
