/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * em.h - net_em's control side: a port with one receive and one transmit queue.
 *
 * The chips cannot stop one queue for certain while the other runs. Bringing one to rest ends
 * receiving (or sending), waits until its head register stands still and, on PCI Express, until no
 * DMA is on its way. When the other queue is at rest, too, the whole device is reset, after which
 * nothing can be on its way. A queue that does not come to rest by the first way while the other is
 * open keeps its buffers until the other is released, too, or the port is stopped: a reset would
 * pull the device from under that one's owner, who knows nothing of it.
 */
#ifndef CLEAT_PMD_EM_H
#define CLEAT_PMD_EM_H

#include "pmd/common/intel_nic.h"

enum cleat_em_model { CLEAT_EM_82540 = 0, CLEAT_EM_82574 = 1 };

cleat_inline enum cleat_em_model cleat_em_model(const struct cleat_intel_nic *nic)
{
	return (enum cleat_em_model)nic->pci->model;
}

/* em_hw_ctrl.c */

/** Whole device to its state after power-up; it does no DMA. @return 0; -ENODEV, -ETIMEDOUT */
int cleat_em_reset(struct cleat_intel_nic *nic);
/** After a reset: set up all but the queues and the PHY. */
void cleat_em_set_up(struct cleat_intel_nic *nic);

/* For struct cleat_intel_chip. */

uint32_t cleat_em_buf_bytes(uint32_t room);
int cleat_em_set_frame(struct cleat_intel_nic *nic, uint32_t mtu);

/* em_queue_ctrl.c: for struct cleat_intel_chip */

int cleat_em_queue_run(struct cleat_intel_nic *nic, enum cleat_dir dir, unsigned queue);
int cleat_em_queue_rest(struct cleat_intel_nic *nic, enum cleat_dir dir, unsigned queue);
uint32_t cleat_em_queue_tail(enum cleat_dir dir, unsigned queue);

/* em_irq_ctrl.c: for struct cleat_intel_chip */

void cleat_em_on_interrupt(void *nic);
void cleat_em_irq_mask(struct cleat_intel_nic *nic);
/** Let link changes come; after each reset. */
void cleat_em_irq_enable(struct cleat_intel_nic *nic);
void cleat_em_irq_arm(struct cleat_intel_nic *nic, unsigned queue, struct cleat_nic_arm *arm);

#endif
