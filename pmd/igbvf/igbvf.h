/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * igbvf.h - net_igbvf's control side: a virtual function of an 82576, one pair of queues.
 *
 * Most of what concerns the port is the physical function's to decide, which the kernel's igb
 * driver runs; it is asked by mailbox. Each question is answered within a bounded time, or fails.
 *
 *   port      STOPPED → started → lost (the physical function was reset) → started by itself
 *
 * While it is lost the link is down and its queues stand still; afterwards they move again when
 * they are claimed anew. It stays lost until it has all its settings again, VLANs included.
 */
#ifndef CLEAT_PMD_IGBVF_H
#define CLEAT_PMD_IGBVF_H

#include "pmd/common/intel_adv.h"
#include "pmd/common/intel_nic.h"
#include "pmd/igbvf/igbvf_regs.h"

#define CLEAT_IGBVF_FILTERS 8 /* the physical function may have fewer */
#define CLEAT_IGBVF_VLANS   16
#define CLEAT_IGBVF_STATS   5

struct cleat_igbvf_stats {
	uint32_t value[CLEAT_IGBVF_STATS];
};

struct cleat_igbvf {
	struct cleat_intel_nic nic;    /* first; bits of mac.filters_used from 0 on */
	struct cleat_igbvf_stats seen; /* as read last */
	uint32_t mailbox;	       /* bits that reading cleared, and nobody has asked for yet */
	uint8_t granted[6]; /* the address that the physical function gave at the last reset */
	uint16_t vlans[CLEAT_IGBVF_VLANS]; /* that it joins */
	unsigned n_vlans;
	int lost;
	int failed;	/* why it did not come back when that was tried last; 0: not tried yet */
	unsigned ticks; /* from that try to the next */
	unsigned ticks_left; /* of them */
};

cleat_inline struct cleat_igbvf *cleat_igbvf_of(struct cleat_port_ctrl *port)
{
	return (struct cleat_igbvf *)port;
}

cleat_inline struct cleat_igbvf *cleat_igbvf_of_nic(struct cleat_intel_nic *nic)
{
	return (struct cleat_igbvf *)nic;
}

/* igbvf_mbx_ctrl.c */

/**
 * Ask the physical function.
 *
 * @param words  n of them, 1..16; receives the answer
 * @param what   for messages: "change its MAC address"
 * @return       0; -EPERM: it refuses; -ETIMEDOUT: no answer; -ENODEV: the device is gone
 */
int cleat_igbvf_ask(struct cleat_igbvf *vf, uint32_t *words, unsigned n, const char *what);

/** Bits of the mailbox's register, those of before included; the given ones are then forgotten. */
uint32_t cleat_igbvf_mailbox(struct cleat_igbvf *vf, uint32_t forget);

/* igbvf_hw_ctrl.c */

/** Reset, and make ourselves known; `granted` is what the physical function says,
 * zero if it has no address for us. */
int cleat_igbvf_reset(struct cleat_igbvf *vf);
/** Queues and interrupts to rest; the physical function still knows us and can be asked.
 * @return 0; -EIO; -ENODEV: it reads as ones */
int cleat_igbvf_rest(struct cleat_igbvf *vf);
/** To rest, and forgotten by the physical function. */
int cleat_igbvf_leave(struct cleat_igbvf *vf);

/* For struct cleat_intel_chip. */
void cleat_igbvf_on_interrupt(void *nic);
void cleat_igbvf_irq_mask(struct cleat_intel_nic *nic);
void cleat_igbvf_irq_enable(struct cleat_intel_nic *nic);
void cleat_igbvf_irq_arm(struct cleat_intel_nic *nic, unsigned queue, struct cleat_nic_arm *arm);

void cleat_igbvf_tick(struct cleat_port_ctrl *port);

/* igbvf_filter_ctrl.c: for cleat_port_ops */

int cleat_igbvf_mac_set(struct cleat_port_ctrl *port, const uint8_t mac[6]);
int cleat_igbvf_filter_add(struct cleat_port_ctrl *port, const uint8_t mac[6]);
int cleat_igbvf_filter_remove(struct cleat_port_ctrl *port, const uint8_t mac[6]);
int cleat_igbvf_promiscuous_set(struct cleat_port_ctrl *port, int on);
int cleat_igbvf_allmulticast_set(struct cleat_port_ctrl *port, int on);
int cleat_igbvf_mtu_tell(struct cleat_igbvf *vf, unsigned mtu);
/** All of it again, VLANs included, after a reset. */
int cleat_igbvf_settings(struct cleat_igbvf *vf);

/* igbvf_vlan_ctrl.c */

/* For struct cleat_intel_chip. */
extern const struct cleat_kvkey cleat_igbvf_keys[];
int cleat_igbvf_take_args(struct cleat_intel_nic *nic, const struct cleat_kvargs *args);

/** Join the VLANs; strip their tags or not, as the port's offloads say. */
int cleat_igbvf_vlans_tell(struct cleat_igbvf *vf);
/* For cleat_port_ops. */
int cleat_igbvf_offloads_set(struct cleat_port_ctrl *port, uint32_t offloads);

/** Statistics registers as they are. @return 0: the device is gone */
int cleat_igbvf_stats_read(const struct cleat_igbvf *vf, struct cleat_igbvf_stats *now);
/** Counting begins: what was counted before is not ours. */
void cleat_igbvf_stats_begin(struct cleat_igbvf *vf);
/** Add what has come since they were read last. */
void cleat_igbvf_stats_add(struct cleat_igbvf *vf, const struct cleat_igbvf_stats *now);
/** The same after a reset, which may have let them begin again at 0. */
void cleat_igbvf_stats_go_on(struct cleat_igbvf *vf);

#endif
