/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * igbvf_regs.h - registers of a virtual function of the 82576, and what it tells the physical one.
 *
 * Source: 82576 datasheet 7.10.2.9 (mailbox), 8.14.3 and 8.14.4 (its registers), 8.27 (registers of
 * a virtual function). The messages are those of Linux's igb driver, which runs the physical
 * function.
 */
#ifndef CLEAT_PMD_IGBVF_REGS_H
#define CLEAT_PMD_IGBVF_REGS_H

/* the blocks of queue 0, see intel_adv.h */
#define CLEAT_IGBVF_RX 0x2800U
#define CLEAT_IGBVF_TX 0x3800U

/* interrupts: as the physical function's, bit per vector */
#define CLEAT_IGBVF_EIMS      0x1524
#define CLEAT_IGBVF_EIMC      0x1528
#define CLEAT_IGBVF_EIAC      0x152c
#define CLEAT_IGBVF_EIAM      0x1530
#define CLEAT_IGBVF_EICR      0x1580
#define CLEAT_IGBVF_EITR(v)   (0x1680U + 4U * (uint32_t)(v))
#define CLEAT_IGBVF_IVAR      0x1700
#define CLEAT_IGBVF_IVAR_MISC 0x1740 /* the mailbox's vector */
#define CLEAT_IGBVF_VALID     0x80U

/* mailbox: memory, and who may use it */
#define CLEAT_IGBVF_MEMORY  0x0800U /* 16 words */
#define CLEAT_IGBVF_WORDS   16U
#define CLEAT_IGBVF_MAILBOX 0x0c40
#define CLEAT_MAILBOX_REQ   (1U << 0) /* a message is there */
#define CLEAT_MAILBOX_ACK   (1U << 1) /* we have taken one */
#define CLEAT_MAILBOX_VFU   (1U << 2) /* the memory is ours */
#define CLEAT_MAILBOX_PFSTS (1U << 4) /* a message is there for us; cleared by reading */
#define CLEAT_MAILBOX_PFACK (1U << 5) /* ours was taken; cleared by reading */
#define CLEAT_MAILBOX_RSTI  (1U << 6) /* the physical function is being reset */
#define CLEAT_MAILBOX_RSTD  (1U << 7) /* and has been; cleared by reading */

/* messages */
#define CLEAT_VF_RESET		 0x01U
#define CLEAT_VF_SET_MAC	 0x02U
#define CLEAT_VF_SET_MULTICAST	 0x03U
#define CLEAT_VF_SET_VLAN	 0x04U
#define CLEAT_VF_SET_LPE	 0x05U
#define CLEAT_VF_SET_PROMISC	 0x06U
#define CLEAT_VF_MAC_CLEAR	 (1U << 16) /* SET_MAC: forget all further addresses */
#define CLEAT_VF_MAC_ADD	 (2U << 16) /* SET_MAC: one more */
#define CLEAT_VF_VLAN_ADD	 (1U << 16) /* SET_VLAN: join it */
#define CLEAT_VF_PROMISC_MULTI	 (2U << 16)
#define CLEAT_VF_PROMISC_UNICAST (1U << 16)
#define CLEAT_VF_INFO(n)	 ((uint32_t)(n) << 16)
#define CLEAT_VF_CTS		 (1U << 29) /* the physical function is ready */
#define CLEAT_VF_NACK		 (1U << 30)
#define CLEAT_VF_ACK		 (1U << 31)

/* statistics: 32 bits, they go round */
#define CLEAT_IGBVF_GPRC 0x0f10
#define CLEAT_IGBVF_GPTC 0x0f14
#define CLEAT_IGBVF_GORC 0x0f18
#define CLEAT_IGBVF_GOTC 0x0f34
#define CLEAT_IGBVF_MPRC 0x0f3c

#define CLEAT_IGBVF_MAX_FRAME 9216 /* with CRC; what the physical function lets through */

#endif
