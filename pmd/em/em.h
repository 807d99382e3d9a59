/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * em.h - net_em's control side: a port with one receive and one transmit queue.
 *
 *   port      STOPPED → started (link, filters, interrupts) → STOPPED
 *   queue     at rest → open (the device works on its ring) → at rest
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

#include "pmd/common/intel_mac.h"
#include "pmd/common/nic_irq.h"
#include "pmd/common/nic_ring.h"
#include "runtime/pci/pci_access.h"

enum cleat_em_model { CLEAT_EM_82540 = 0, CLEAT_EM_82574 = 1 };

struct cleat_em {
	struct cleat_port_ctrl port; /* first */
	struct cleat_pci_device *pci;
	struct cleat_intel_mac mac;
	struct cleat_nic_irq irq;
	struct cleat_nic_ring rings[2]; /* by direction */
	enum cleat_em_model model;
	int running;
};

cleat_inline struct cleat_em *cleat_em_of(struct cleat_port_ctrl *port)
{
	return (struct cleat_em *)port;
}

/* em_hw_ctrl.c */

/** Whole device to its state after power-up; it does no DMA. @return 0; -ENODEV, -ETIMEDOUT */
int cleat_em_reset(struct cleat_em *em);
/** After a reset: set up all but the queues and the PHY. */
void cleat_em_set_up(struct cleat_em *em);
/** Bytes that the device writes to one buffer of @p room bytes; 0: it is too small for any. */
uint32_t cleat_em_buf_bytes(uint32_t room);
/** Have the device take packets as long as @p mtu asks for. */
void cleat_em_set_frame(struct cleat_em *em, uint32_t mtu);

/* em_queue_ctrl.c */

/** Have the device work on a direction's ring, from descriptor 0, without buffers. */
void cleat_em_queue_run(struct cleat_em *em, enum cleat_dir dir);
/** Bring it to rest. @return 0; 1: and the other one, too; -EIO: the device does not stop */
int cleat_em_queue_rest(struct cleat_em *em, enum cleat_dir dir);

/* em_irq_ctrl.c */

int cleat_em_irq_open(struct cleat_em *em);
/** Mask everything, and close. */
void cleat_em_irq_close(struct cleat_em *em);
/** Let link changes come; after each reset. */
void cleat_em_irq_enable(struct cleat_em *em);
void cleat_em_irq_arm(struct cleat_em *em, struct cleat_nic_arm *arm);

#endif
