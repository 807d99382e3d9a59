/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * igbvf_vlan_ctrl.c - VLANs of a virtual function, as far as it may choose (82576 datasheet
 * 7.10.3).
 *
 * What receiving does is the physical function's: which VLANs' packets come (VLVF), and whether
 * their tags are stripped (VMOLR.STRVLAN). Linux's igb lets it join VLANs by mailbox, strips from
 * when one other than 0 was joined, and ends that when 0 is joined; VLAN 0 is there anyway. So the
 * last one joined decides, and without a VLAN there is nothing to strip.
 *
 * On sending the descriptor's VLE bit inserts a tag (7.2.2.3.4), unless an administrator has put
 * the virtual function into a VLAN: then VMVIR decides alone, and joining any is refused. Packets
 * of VLANs that it has not joined may be dropped (DTXSWC, "spoofchk").
 */
#include <errno.h>
#include <stdio.h>

#include "pmd/igbvf/igbvf.h"

#define MAX_VLAN 4094

const struct cleat_kvkey cleat_igbvf_keys[] = { { "vlan", 1 }, { NULL, 0 } };

int cleat_igbvf_take_args(struct cleat_intel_nic *nic, const struct cleat_kvargs *args)
{
	struct cleat_igbvf *vf = cleat_igbvf_of_nic(nic);
	unsigned n = cleat_kvargs_count(args, "vlan");

	if (n > CLEAT_IGBVF_VLANS)
		return cleat_err(-EINVAL, "%s: %u VLANs are given, it joins up to %u",
			nic->port.name, n, CLEAT_IGBVF_VLANS);
	for (unsigned i = 0; i < n; i++) {
		uint64_t vlan = 0;
		int ret = cleat_kvargs_nth_u64(args, "vlan", i, 1, MAX_VLAN, &vlan);

		if (ret < 0)
			return ret;
		vf->vlans[i] = (uint16_t)vlan;
	}
	vf->n_vlans = n;
	return 0;
}

static int join(struct cleat_igbvf *vf, uint16_t vlan)
{
	uint32_t words[3] = { CLEAT_VF_SET_VLAN | CLEAT_VF_VLAN_ADD, vlan, 0 };
	char what[32];

	(void)snprintf(what, sizeof(what), "join VLAN %u", vlan);
	return cleat_igbvf_ask(vf, words, 2, what);
}

int cleat_igbvf_vlans_tell(struct cleat_igbvf *vf)
{
	int ret = 0;

	for (unsigned i = 0; ret == 0 && i < vf->n_vlans; i++)
		ret = join(vf, vf->vlans[i]);
	if (ret == 0 && vf->n_vlans > 0 && !(vf->nic.port.offloads & CLEAT_OFFLOAD_RX_VLAN_STRIP))
		ret = join(vf, 0);
	return ret;
}

int cleat_igbvf_offloads_set(struct cleat_port_ctrl *port, uint32_t offloads)
{
	struct cleat_igbvf *vf = cleat_igbvf_of(port);
	int ret;

	if ((offloads & CLEAT_OFFLOAD_RX_VLAN_STRIP) && vf->n_vlans == 0)
		return cleat_err(-EOPNOTSUPP,
			"%s: rx-vlan-strip: a virtual function has tags stripped of the VLANs that "
			"it joins; name them with vlan=N",
			port->name);
	if (!(offloads & CLEAT_OFFLOAD_TX_VLAN_INSERT))
		return 0;
	/* A physical function that was reset has forgotten us, and refuses all but a reset. The
	 * port is stopped: starting it resets anyway, and what this joins is forgotten then. */
	ret = cleat_igbvf_reset(vf);
	if (ret < 0)
		return ret;
	ret = join(vf, 0);
	if (ret == -EPERM)
		return cleat_err(-EOPNOTSUPP,
			"%s: tx-vlan-insert: an administrator has put it into a VLAN, whose tag "
			"its physical function (%s) inserts",
			port->name, vf->nic.pci->physfn);
	return ret;
}
