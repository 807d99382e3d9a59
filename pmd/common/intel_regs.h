/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * intel_regs.h - registers that 82540EM, 82574 and 82576 have in the same places.
 *
 * Sources: "SDM" is the software developer's manual of the PCI/PCI-X family of gigabit controllers
 * (8254x); the 82574 datasheet has the same registers in 10.2, the 82576 datasheet in chapter 8.
 */
#ifndef CLEAT_PMD_COMMON_INTEL_REGS_H
#define CLEAT_PMD_COMMON_INTEL_REGS_H

/* SDM 13.4.1: device control */
#define CLEAT_INTEL_CTRL       0x0000
#define CLEAT_CTRL_GIO_DISABLE (1U << 2) /* PCI Express: start no more DMA */
#define CLEAT_CTRL_LRST	       (1U << 3)
#define CLEAT_CTRL_ASDE	       (1U << 5)
#define CLEAT_CTRL_SLU	       (1U << 6) /* set link up */
#define CLEAT_CTRL_ILOS	       (1U << 7)
#define CLEAT_CTRL_FRCSPD      (1U << 11)
#define CLEAT_CTRL_FRCDPX      (1U << 12)
#define CLEAT_CTRL_RST	       (1U << 26)
#define CLEAT_CTRL_RFCE	       (1U << 27)
#define CLEAT_CTRL_TFCE	       (1U << 28)
#define CLEAT_CTRL_VME	       (1U << 30) /* VLAN tags are stripped and inserted */
#define CLEAT_CTRL_PHY_RST     (1U << 31)

/* SDM 13.4.2: device status */
#define CLEAT_INTEL_STATUS	0x0008
#define CLEAT_STATUS_LU		(1U << 1)	/* link up */
#define CLEAT_STATUS_SPEED(s)	((s) >> 6 & 3U) /* 0: 10, 1: 100, else 1000 Mb/s */
#define CLEAT_STATUS_GIO_MASTER (1U << 19)	/* PCI Express: DMA is going on or may */

/* SDM 13.4.3: EEPROM control */
#define CLEAT_INTEL_EECD   0x0010
#define CLEAT_EECD_AUTO_RD (1U << 9) /* PCI Express: the EEPROM has been read */

/* SDM 13.4.4: EEPROM read */
#define CLEAT_INTEL_EERD 0x0014
#define CLEAT_EERD_START (1U << 0)

/* SDM 13.4.6: extended device control */
#define CLEAT_INTEL_CTRL_EXT	0x0018
#define CLEAT_CTRL_EXT_EIAME	(1U << 24) /* an MSI-X message masks its cause */
#define CLEAT_CTRL_EXT_DRV_LOAD (1U << 28) /* tells the firmware that a driver is in charge */
#define CLEAT_CTRL_EXT_PBA_CLR	(1U << 31)

/* SDM 13.4.7: access to the PHY's registers */
#define CLEAT_INTEL_MDIC  0x0020
#define CLEAT_MDIC_REG(r) ((uint32_t)(r) << 16)
#define CLEAT_MDIC_PHY	  (1U << 21) /* address 1: the internal one */
#define CLEAT_MDIC_WRITE  (1U << 26)
#define CLEAT_MDIC_READ	  (2U << 26)
#define CLEAT_MDIC_READY  (1U << 28)
#define CLEAT_MDIC_ERROR  (1U << 30)

/* IEEE 802.3, 22.2.4.1: the PHY's control register */
#define CLEAT_PHY_CONTROL    0
#define CLEAT_PHY_RESTART_AN (1U << 9)
#define CLEAT_PHY_ISOLATE    (1U << 10)
#define CLEAT_PHY_POWER_DOWN (1U << 11)
#define CLEAT_PHY_AUTONEG    (1U << 12)

/* flow control addresses, type and timer (SDM 13.4.8 on), VLAN Ethernet type */
#define CLEAT_INTEL_FCAL  0x0028
#define CLEAT_INTEL_FCAH  0x002c
#define CLEAT_INTEL_FCT	  0x0030
#define CLEAT_INTEL_VET	  0x0038
#define CLEAT_INTEL_FCTTV 0x0170

/* SDM 13.4.17 to 13.4.21: interrupts */
#define CLEAT_INTEL_ICR 0x00c0 /* causes; read to clear */
#define CLEAT_INTEL_ITR 0x00c4
#define CLEAT_INTEL_IMS 0x00d0	  /* write ones: let them come */
#define CLEAT_INTEL_IMC 0x00d8	  /* write ones: hold them back */
#define CLEAT_ICR_LSC	(1U << 2) /* the link has changed */
#define CLEAT_ICR_RXDMT (1U << 4)
#define CLEAT_ICR_RXO	(1U << 6)
#define CLEAT_ICR_RXT	(1U << 7) /* a packet was received */

/* SDM 13.4.22: receive control */
#define CLEAT_INTEL_RCTL    0x0100
#define CLEAT_RCTL_EN	    (1U << 1)
#define CLEAT_RCTL_UPE	    (1U << 3)  /* all unicast */
#define CLEAT_RCTL_MPE	    (1U << 4)  /* all multicast */
#define CLEAT_RCTL_LPE	    (1U << 5)  /* more than 1522 bytes */
#define CLEAT_RCTL_BAM	    (1U << 15) /* broadcast */
#define CLEAT_RCTL_BSIZE(n) ((uint32_t)(n) << 16)
#define CLEAT_RCTL_BSEX	    (1U << 25) /* sizes times 16 */
#define CLEAT_RCTL_SECRC    (1U << 26) /* strip the CRC */

/* SDM 13.4.33, 13.4.34: transmit control, gaps between packets */
#define CLEAT_INTEL_TCTL   0x0400
#define CLEAT_TCTL_EN	   (1U << 1)
#define CLEAT_TCTL_PSP	   (1U << 3) /* pad short packets */
#define CLEAT_TCTL_CT(n)   ((uint32_t)(n) << 4)
#define CLEAT_TCTL_COLD(n) ((uint32_t)(n) << 12)
#define CLEAT_TCTL_RTLC	   (1U << 24)
#define CLEAT_INTEL_TIPG   0x0410
#define CLEAT_TIPG_COPPER  (8U | 8U << 10 | 6U << 20)

/* SDM 13.4: packet buffer allocation, receive checksums */
#define CLEAT_INTEL_PBA	   0x1000
#define CLEAT_INTEL_RXCSUM 0x5000
#define CLEAT_RXCSUM_IP	   (1U << 8)
#define CLEAT_RXCSUM_L4	   (1U << 9)
#define CLEAT_RXCSUM_PCSD  (1U << 13) /* RSS hash instead of the packet's checksum */

/* SDM 13.5.1 to 13.5.4: filters */
#define CLEAT_INTEL_MTA	   0x5200 /* 128 words */
#define CLEAT_INTEL_RAL(n) (0x5400U + 8U * (uint32_t)(n))
#define CLEAT_INTEL_RAH(n) (0x5404U + 8U * (uint32_t)(n))
#define CLEAT_RAH_AV	   (1U << 31)
#define CLEAT_INTEL_VFTA   0x5600 /* 128 words */
#define CLEAT_INTEL_RARS   16	  /* that are used; the 82576 has more */

#endif
