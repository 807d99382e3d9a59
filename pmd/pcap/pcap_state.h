/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * pcap_state.h - what a net_pcap queue leaves behind for its next owner: words of
 * cleat_queue_shm.driver, and for tx the stage.
 *
 *   rx  position: packets of the file handed out in this pass. Stored last in a burst, so an owner
 *       killed in a burst has handed out nothing and the next one reads the same packets again.
 *
 *   tx  The stage is memory that the primary shares with the owner. Byte b of the file lies at
 *       b % CLEAT_PCAP_STAGE_BYTES of it, so both words below are places in the file.
 *
 *         0 .. WRITTEN      in the file
 *         WRITTEN .. END    whole records, sent as far as the caller knows: in the stage, and
 *                           perhaps in the file as well
 *         END ..            being made; nobody was told
 *
 *       END moves when records are whole, WRITTEN when write(2) has returned. Whoever dies between
 *       the two leaves the records in the stage, and the primary writes them
 * (cleat_pcap_tx_settle): the same bytes to the same place, if they were there already. What the
 * file has beyond END is cut off then. WRITTEN never passes what is in the file, and a byte of the
 * stage is used anew only when WRITTEN has passed it.
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
	CLEAT_PCAP_TX_END = 0,
	CLEAT_PCAP_TX_WRITTEN = 1,
};

#define CLEAT_PCAP_HEADER_BYTES 24 /* of a pcap file: draft-ietf-opsawg-pcap, section 4 */
#define CLEAT_PCAP_RECORD_BYTES 16 /* before each packet: section 5 */
#define CLEAT_PCAP_SNAPLEN	262144
#define CLEAT_PCAP_TAG_BYTES	4		/* what sending may add to a packet: a VLAN tag */
#define CLEAT_PCAP_STAGE_BYTES	(512ULL * 1024) /* a power of two; each record fits */

#ifdef __cplusplus
}
#endif

#endif
