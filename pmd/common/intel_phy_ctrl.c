/* SPDX-License-Identifier: BSD-3-Clause */
/* intel_phy_ctrl.c - the PHY behind the MAC, and what the MAC says of the link. */
#include <errno.h>

#include "pmd/common/intel_mac.h"
#include "pmd/common/intel_stats.h"

#define MDIC_US 100000U

/* SDM 13.4.7. @return 0 and what was read in *value */
static int mdic(struct cleat_intel_mac *mac, uint32_t command, uint16_t *value)
{
	uint32_t answer;
	int ret;

	cleat_intel_write(mac, CLEAT_INTEL_MDIC, command | CLEAT_MDIC_PHY);
	ret = cleat_intel_wait(mac, CLEAT_INTEL_MDIC, CLEAT_MDIC_READY, CLEAT_MDIC_READY, MDIC_US);
	if (ret < 0)
		return cleat_err_prefix(ret, "PHY");
	answer = cleat_intel_read(mac, CLEAT_INTEL_MDIC);
	if (answer & CLEAT_MDIC_ERROR)
		return cleat_err(-EIO, "%s: the PHY does not answer", mac->port->name);
	*value = (uint16_t)answer;
	return 0;
}

static int has_link(const struct cleat_intel_mac *mac)
{
	return (cleat_intel_read(mac, CLEAT_INTEL_STATUS) & CLEAT_STATUS_LU) != 0;
}

/* A link that is there is kept. */
static int wake(struct cleat_intel_mac *mac)
{
	const uint32_t asleep = CLEAT_PHY_ISOLATE | CLEAT_PHY_POWER_DOWN;
	uint16_t control = 0;
	int ret = mdic(mac, CLEAT_MDIC_READ | CLEAT_MDIC_REG(CLEAT_PHY_CONTROL), &control);

	if (ret < 0 || ((control & asleep) == 0 && (control & CLEAT_PHY_AUTONEG) && has_link(mac)))
		return ret;
	control = (uint16_t)((control & ~asleep) | CLEAT_PHY_AUTONEG | CLEAT_PHY_RESTART_AN);
	return mdic(mac, CLEAT_MDIC_WRITE | CLEAT_MDIC_REG(CLEAT_PHY_CONTROL) | control, &control);
}

int cleat_intel_phy_up(struct cleat_intel_mac *mac)
{
	int ret = mac->phy_lock != NULL ? mac->phy_lock(mac, 1) : 0;

	if (ret < 0)
		return ret;
	ret = wake(mac);
	if (mac->phy_lock != NULL)
		(void)mac->phy_lock(mac, 0);
	return ret;
}

/* ---- link ---- */

int cleat_intel_link_get(struct cleat_port_ctrl *port, struct cleat_link *out)
{
	const struct cleat_intel_mac *mac = cleat_intel_mac_of(port);
	static const uint32_t MBPS[] = { 10, 100, 1000, 1000 };
	uint32_t status = cleat_intel_read(mac, CLEAT_INTEL_STATUS);

	if (status == CLEAT_MMIO_GONE)
		return cleat_err(-ENODEV, "%s: the device is gone", port->name);
	out->up = (status & CLEAT_STATUS_LU) != 0;
	out->mbps = out->up ? MBPS[CLEAT_STATUS_SPEED(status)] : 0;
	return 0;
}

void cleat_intel_link_check(struct cleat_intel_mac *mac)
{
	struct cleat_link now, *known = &mac->port->link;

	if (cleat_intel_link_get(mac->port, &now) < 0 ||
		(now.up == known->up && now.mbps == known->mbps))
		return;
	*known = now;
	mac->services->link_changed(mac->services->ctx, mac->port);
}

void cleat_intel_tick(struct cleat_port_ctrl *port)
{
	struct cleat_intel_mac *mac = cleat_intel_mac_of(port);

	cleat_intel_stats_add(mac->bar, port->hw_stats);
	cleat_intel_link_check(mac);
}
