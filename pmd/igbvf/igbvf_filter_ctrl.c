/* SPDX-License-Identifier: BSD-3-Clause */
/* igbvf_filter_ctrl.c - addresses and modes, as far as the physical function grants them. */
#include <errno.h>
#include <string.h>

#include "pmd/igbvf/igbvf.h"

#define CRC 4U

static int ask_address(
	struct cleat_igbvf *vf, uint32_t message, const uint8_t *mac, const char *what)
{
	uint32_t words[3] = { message, 0, 0 };

	memcpy(&words[1], mac, 6);
	return cleat_igbvf_ask(vf, words, 3, what);
}

int cleat_igbvf_mac_set(struct cleat_port_ctrl *port, const uint8_t mac[6])
{
	struct cleat_igbvf *vf = cleat_igbvf_of(port);
	int ret = ask_address(vf, CLEAT_VF_SET_MAC, mac, "change its MAC address");

	if (ret == 0)
		memcpy(vf->nic.mac.own, mac, 6);
	return ret;
}

/* 82576 datasheet 8.11: bits 47 to 36 of the address choose the bit of the multicast table. */
static uint16_t multicast_hash(const uint8_t mac[6])
{
	return (uint16_t)((mac[4] >> 4 | mac[5] << 4) & 0xfff);
}

/* All group addresses among the filters at once. */
static int tell_groups(struct cleat_igbvf *vf)
{
	uint32_t words[1 + CLEAT_IGBVF_FILTERS / 2 + 2] = { 0 };
	uint16_t hashes[CLEAT_IGBVF_FILTERS] = { 0 };
	unsigned n = 0;

	for (unsigned i = 0; i < CLEAT_IGBVF_FILTERS; i++)
		if ((vf->nic.mac.filters_used >> i & 1) && (vf->nic.mac.filters[i][0] & 1))
			hashes[n++] = multicast_hash(vf->nic.mac.filters[i]);
	words[0] = CLEAT_VF_SET_MULTICAST | CLEAT_VF_INFO(n);
	memcpy(&words[1], hashes, sizeof(hashes));
	return cleat_igbvf_ask(vf, words, 1 + CLEAT_IGBVF_FILTERS / 2, "join a group");
}

/* It can only forget all: then tell the others again. */
static int tell_unicast(struct cleat_igbvf *vf)
{
	int ret = ask_address(vf, CLEAT_VF_SET_MAC | CLEAT_VF_MAC_CLEAR, vf->nic.mac.own,
		"receive for further addresses");

	for (unsigned i = 0; ret == 0 && i < CLEAT_IGBVF_FILTERS; i++)
		if ((vf->nic.mac.filters_used >> i & 1) && !(vf->nic.mac.filters[i][0] & 1))
			ret = ask_address(vf, CLEAT_VF_SET_MAC | CLEAT_VF_MAC_ADD,
				vf->nic.mac.filters[i], "receive for further addresses");
	return ret;
}

int cleat_igbvf_filter_add(struct cleat_port_ctrl *port, const uint8_t mac[6])
{
	struct cleat_igbvf *vf = cleat_igbvf_of(port);
	unsigned n = (unsigned)__builtin_ctz(~(uint32_t)vf->nic.mac.filters_used);
	int ret;

	if (n >= CLEAT_IGBVF_FILTERS)
		return cleat_err(-ENOSPC, "%s: all %d address filters are in use", port->name,
			CLEAT_IGBVF_FILTERS);
	memcpy(vf->nic.mac.filters[n], mac, 6);
	vf->nic.mac.filters_used = (uint16_t)(vf->nic.mac.filters_used | 1U << n);
	ret = mac[0] & 1 ? tell_groups(vf)
			 : ask_address(vf, CLEAT_VF_SET_MAC | CLEAT_VF_MAC_ADD, mac,
				   "receive for further addresses");
	if (ret < 0)
		vf->nic.mac.filters_used = (uint16_t)(vf->nic.mac.filters_used & ~(1U << n));
	return ret;
}

int cleat_igbvf_filter_remove(struct cleat_port_ctrl *port, const uint8_t mac[6])
{
	struct cleat_igbvf *vf = cleat_igbvf_of(port);

	for (unsigned n = 0; n < CLEAT_IGBVF_FILTERS; n++) {
		if (!(vf->nic.mac.filters_used >> n & 1) ||
			memcmp(vf->nic.mac.filters[n], mac, 6) != 0)
			continue;
		vf->nic.mac.filters_used = (uint16_t)(vf->nic.mac.filters_used & ~(1U << n));
		return mac[0] & 1 ? tell_groups(vf) : tell_unicast(vf);
	}
	return cleat_err(-ENOENT, "%s: there is no filter for that address", port->name);
}

static int tell_modes(struct cleat_igbvf *vf)
{
	uint32_t words[3] = { CLEAT_VF_SET_PROMISC, 0, 0 };

	if (vf->nic.mac.promiscuous)
		words[0] |= CLEAT_VF_PROMISC_UNICAST | CLEAT_VF_PROMISC_MULTI;
	if (vf->nic.mac.allmulticast)
		words[0] |= CLEAT_VF_PROMISC_MULTI;
	return cleat_igbvf_ask(vf, words, 1,
		vf->nic.mac.promiscuous ? "receive what is for others" : "receive all groups");
}

static int set_mode(struct cleat_igbvf *vf, int *mode, int on)
{
	int before = *mode, ret;

	if (before == on)
		return 0;
	*mode = on;
	ret = tell_modes(vf);
	if (ret < 0)
		*mode = before;
	return ret;
}

int cleat_igbvf_promiscuous_set(struct cleat_port_ctrl *port, int on)
{
	return set_mode(cleat_igbvf_of(port), &cleat_igbvf_of(port)->nic.mac.promiscuous, on);
}

int cleat_igbvf_allmulticast_set(struct cleat_port_ctrl *port, int on)
{
	return set_mode(cleat_igbvf_of(port), &cleat_igbvf_of(port)->nic.mac.allmulticast, on);
}

int cleat_igbvf_mtu_tell(struct cleat_igbvf *vf, unsigned mtu)
{
	uint32_t words[3] = { CLEAT_VF_SET_LPE, cleat_intel_frame(mtu) + CRC, 0 };

	return cleat_igbvf_ask(vf, words, 2, "receive packets that long");
}

int cleat_igbvf_settings(struct cleat_igbvf *vf)
{
	int ret = 0;

	/* one that was given by an administrator may not even be said again */
	if (memcmp(vf->nic.mac.own, vf->granted, 6) != 0)
		ret = cleat_igbvf_mac_set(&vf->nic.port, vf->nic.mac.own);
	if (ret == 0)
		ret = cleat_igbvf_mtu_tell(vf, vf->nic.port.mtu);
	if (ret == 0)
		ret = cleat_igbvf_vlans_tell(vf);
	if (ret == 0 && vf->nic.mac.filters_used != 0)
		ret = tell_groups(vf);
	if (ret == 0 && vf->nic.mac.filters_used != 0)
		ret = tell_unicast(vf);
	if (ret == 0 && (vf->nic.mac.promiscuous || vf->nic.mac.allmulticast))
		ret = tell_modes(vf);
	return ret;
}
