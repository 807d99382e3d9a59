/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * igb.h - net_igb's control side: a port with up to 16 pairs of queues, each its owner's alone.
 *
 * Each queue stops by itself, whatever the others do. The redirection table of RSS holds exactly
 * the receive queues that are open, in turn: what went to a queue whose owner is gone goes to the
 * others, and comes back when somebody claims it. Packets that RSS has no hash for go to the first
 * open one (MRQC.DEF_Q; QEMU 10 sends them to queue 0).
 */
#ifndef CLEAT_PMD_IGB_H
#define CLEAT_PMD_IGB_H

#include "pmd/common/intel_adv.h"
#include "pmd/common/intel_nic.h"
#include "pmd/igb/igb_regs.h"

/* igb_hw_ctrl.c */

/** Whole device to its state after power-up; it does no DMA. @return 0; -ENODEV, -ETIMEDOUT */
int cleat_igb_reset(struct cleat_intel_nic *nic);
/** Reset, set up all but the queues. */
int cleat_igb_init(struct cleat_intel_nic *nic);
/** Have the device take packets as long as @p mtu asks for. */
int cleat_igb_set_frame(struct cleat_intel_nic *nic, uint32_t mtu);
/** For cleat_intel_mac.phy_lock. */
int cleat_igb_phy_lock(struct cleat_intel_mac *mac, int take);

/* igb_rss_ctrl.c */

/** Fill a redirection table with the queues whose bits are set, in turn; with queue 0 if none is.
 */
void cleat_igb_reta(uint16_t open, uint8_t table[CLEAT_IGB_RETA_ENTRIES]);
/** Key, hash fields and, as the queues are now, the table. */
void cleat_igb_rss_init(struct cleat_intel_nic *nic);
/** A receive queue was opened or closed. */
void cleat_igb_rss_update(struct cleat_intel_nic *nic);

/* igb_irq_ctrl.c: for struct cleat_intel_chip */

void cleat_igb_on_interrupt(void *nic);
void cleat_igb_irq_mask(struct cleat_intel_nic *nic);
void cleat_igb_irq_enable(struct cleat_intel_nic *nic);
void cleat_igb_irq_arm(struct cleat_intel_nic *nic, unsigned queue, struct cleat_nic_arm *arm);

#endif
