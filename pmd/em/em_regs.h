/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * em_regs.h - registers of 82540EM and 82574 besides those of pmd/common/intel_regs.h.
 *
 * Sources: 8254x SDM ("SDM"); 82574 datasheet ("DS"), whose specification update has the bits that
 * must be set.
 */
#ifndef CLEAT_PMD_EM_REGS_H
#define CLEAT_PMD_EM_REGS_H

/* SDM 13.4.25 to 13.4.31: the receive ring */
#define CLEAT_EM_RDBAL	0x2800
#define CLEAT_EM_RDBAH	0x2804
#define CLEAT_EM_RDLEN	0x2808
#define CLEAT_EM_RDH	0x2810
#define CLEAT_EM_RDT	0x2818
#define CLEAT_EM_RDTR	0x2820
#define CLEAT_EM_RXDCTL 0x2828
#define CLEAT_EM_RADV	0x282c

/* SDM 13.4.36 to 13.4.44: the transmit ring */
#define CLEAT_EM_TDBAL	0x3800
#define CLEAT_EM_TDBAH	0x3804
#define CLEAT_EM_TDLEN	0x3808
#define CLEAT_EM_TDH	0x3810
#define CLEAT_EM_TDT	0x3818
#define CLEAT_EM_TIDV	0x3820
#define CLEAT_EM_TXDCTL 0x3828
#define CLEAT_EM_TADV	0x382c

/* fetch in units of descriptors, write each back at once */
#define CLEAT_EM_DCTL_GRAN	  (1U << 24)
#define CLEAT_EM_TXDCTL_WTHRESH_1 (1U << 16)
#define CLEAT_EM_TXDCTL_82574	  (1U << 22) /* DS 10.2.6: must be set */

/* SDM 13.4.4: EERD; DS 10.2.2: it has its fields elsewhere */
#define CLEAT_EM_EERD_DONE_82540  (1U << 4)
#define CLEAT_EM_EERD_SHIFT_82540 8
#define CLEAT_EM_EERD_DONE_82574  (1U << 1)
#define CLEAT_EM_EERD_SHIFT_82574 2

/* Packet buffer: kilobytes for receiving; the rest (64 or 40 in all) is for sending. SDM 13.4 PBA,
 * DS 10.2.2. */
#define CLEAT_EM_PBA_82540	 48
#define CLEAT_EM_PBA_82540_JUMBO 40
#define CLEAT_EM_PBA_82574	 20

/* DS 10.2: who may use the PHY; receive filter control: legacy descriptors when it is 0 */
#define CLEAT_EM_EXTCNF	     0x0f00
#define CLEAT_EM_EXTCNF_MDIO (1U << 5)
#define CLEAT_EM_RFCTL	     0x5008

/* Bits that DS's specification update wants set or cleared. */
#define CLEAT_EM_CTRL_CLEAR_82574     (1U << 29)
#define CLEAT_EM_CTRL_EXT_SET_82574   (1U << 22)
#define CLEAT_EM_CTRL_EXT_CLEAR_82574 (1U << 23)

/* DS 10.2.4: MSI-X */
#define CLEAT_EM_EIAC	       0x00dc /* causes that their message clears */
#define CLEAT_EM_IAM	       0x00e0
#define CLEAT_EM_IVAR	       0x00e4
#define CLEAT_EM_IVAR_RX0(v)   (0x8U | (uint32_t)(v))
#define CLEAT_EM_IVAR_OTHER(v) ((0x8U | (uint32_t)(v)) << 16)
#define CLEAT_EM_ICR_RXQ0      (1U << 20)
#define CLEAT_EM_ICR_OTHER     (1U << 24)

/* Longest packets with CRC that the chips take: SDM 13.4.22 and errata; DS 10.2.5. */
#define CLEAT_EM_MAX_FRAME_82540 16128
#define CLEAT_EM_MAX_FRAME_82574 9234

#endif
