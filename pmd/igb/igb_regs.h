/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * igb_regs.h - registers of the 82576 besides those of pmd/common/intel_regs.h and intel_adv.h.
 *
 * Source: 82576 datasheet, section numbers below.
 */
#ifndef CLEAT_PMD_IGB_REGS_H
#define CLEAT_PMD_IGB_REGS_H

/* 8.10, 8.12: a block of registers for each of 16 queues */
#define CLEAT_IGB_RX(q)	 (0xc000U + 0x40U * (uint32_t)(q))
#define CLEAT_IGB_TX(q)	 (0xe000U + 0x40U * (uint32_t)(q))
#define CLEAT_IGB_QUEUES 16

/* 8.4: EERD */
#define CLEAT_IGB_EERD_DONE  (1U << 1)
#define CLEAT_IGB_EERD_SHIFT 2

/* 8.10: longest packet, CRC included; RSS in 8.11 */
#define CLEAT_IGB_RLPML		0x5004
#define CLEAT_IGB_MRQC		0x5818
#define CLEAT_MRQC_RSS		2U
#define CLEAT_MRQC_DEF_Q(q)	((uint32_t)(q) << 3)	   /* for packets without a hash */
#define CLEAT_MRQC_FIELDS	(0x33U << 16 | 0xcU << 20) /* IPv4, IPv6, each also with TCP, UDP */
#define CLEAT_IGB_RETA		0x5c00			   /* 128 entries of a byte */
#define CLEAT_IGB_RETA_ENTRIES	128
#define CLEAT_IGB_RSSRK		0x5c80 /* 40 bytes */
#define CLEAT_IGB_RSS_KEY_BYTES 40

/* 8.8: interrupts */
#define CLEAT_IGB_GPIE	    0x1514
#define CLEAT_GPIE_NSICR    (1U << 0) /* reading ICR clears it, always */
#define CLEAT_GPIE_MSIX	    (1U << 4)
#define CLEAT_GPIE_EIAME    (1U << 30) /* a message masks its cause */
#define CLEAT_GPIE_PBA	    (1U << 31)
#define CLEAT_IGB_EIMS	    0x1524
#define CLEAT_IGB_EIMC	    0x1528
#define CLEAT_IGB_EIAC	    0x152c
#define CLEAT_IGB_EIAM	    0x1530
#define CLEAT_IGB_EICR	    0x1580
#define CLEAT_IGB_EITR(v)   (0x1680U + 4U * (uint32_t)(v))
#define CLEAT_IGB_IVAR(q)   (0x1700U + 4U * ((uint32_t)(q)&7U)) /* queues q and q + 8 */
#define CLEAT_IGB_IVAR_MISC 0x1740
#define CLEAT_IVAR_VALID    0x80U

/* 8.7: who may use the PHY */
#define CLEAT_IGB_SWSM	     0x5b50
#define CLEAT_SWSM_SMBI	     (1U << 0) /* reads 0 to whoever gets it */
#define CLEAT_SWSM_SWESMBI   (1U << 1) /* sticks when the firmware has it not */
#define CLEAT_IGB_SW_FW_SYNC 0x5b5c
#define CLEAT_SW_FW_PHY(lan) (2U << (lan))
#define CLEAT_SW_FW_FIRMWARE 16 /* its bits lie so much higher */
#define CLEAT_STATUS_LAN(s)  ((s) >> 2 & 3U)

/* 1.3: 9.5 KB */
#define CLEAT_IGB_MAX_FRAME 9728

#endif
