/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * pcap_state.h - what a net_pcap queue leaves behind for its next owner, in cleat_queue_shm.driver.
 *
 *   rx  position: packets of the file handed out in this pass. Stored last in a burst, so an owner
 *       killed in a burst has handed out nothing and the next one reads the same packets again.
 *   tx  committed: bytes of the file that are whole records. A burst writes its records behind
 *       them, then stores the new end; what a killed owner wrote beyond it is cut off by the
 *       primary (queue_reset) before the next one writes.
 */
#ifndef CLEAT_PMD_PCAP_STATE_H
#define CLEAT_PMD_PCAP_STATE_H

#ifdef __cplusplus
extern "C" {
#endif

/* Words of cleat_queue_shm.driver. */
enum {
	CLEAT_PCAP_RX_POSITION = 0,
	CLEAT_PCAP_RX_PASSES = 1,   /* times the file was read to its end */
	CLEAT_PCAP_RX_INFINITE = 2, /* infinite_rx=1; written by the control side */
	CLEAT_PCAP_RX_CUT = 3,	    /* packets that the capture holds in part (snapshot length) */
	CLEAT_PCAP_RX_WAITS = 4, /* bursts that ended early for lack of mbufs; nothing was lost */
	CLEAT_PCAP_TX_COMMITTED = 0,
};

#define CLEAT_PCAP_HEADER_BYTES 24 /* of a pcap file: draft-ietf-opsawg-pcap, section 4 */
#define CLEAT_PCAP_SNAPLEN	262144

#ifdef __cplusplus
}
#endif

#endif
