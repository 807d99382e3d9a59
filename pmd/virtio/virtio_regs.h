/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * virtio_regs.h - registers, feature bits and structures of a virtio network device on PCI.
 *
 * Source: Virtual I/O Device (VIRTIO) Version 1.2; sections are named at each part. The legacy
 * layout is in "Legacy Interfaces: A Note on PCI Device Layout" of 4.1.4. All fields are little
 * endian; in a legacy device they have the byte order of the machine.
 */
#ifndef CLEAT_PMD_VIRTIO_REGS_H
#define CLEAT_PMD_VIRTIO_REGS_H

#include <assert.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "fields are used as they are");

/* 4.1.2: PCI ids */
#define VIRTIO_VENDOR	      0x1af4U
#define VIRTIO_DEVICE_NET_OLD 0x1000U /* transitional: legacy, and mostly modern too */
#define VIRTIO_DEVICE_NET     0x1041U /* modern only */

#define VIRTIO_ETHER_BYTES 18U /* of a frame besides its MTU: the header, with a tag */

/* 2.1: device status */
#define VIRTIO_STATUS_RESET	  0x00U
#define VIRTIO_STATUS_ACKNOWLEDGE 0x01U
#define VIRTIO_STATUS_DRIVER	  0x02U
#define VIRTIO_STATUS_DRIVER_OK	  0x04U
#define VIRTIO_STATUS_FEATURES_OK 0x08U
#define VIRTIO_STATUS_NEEDS_RESET 0x40U
#define VIRTIO_STATUS_FAILED	  0x80U

/* 6: feature bits of every device */
#define VIRTIO_F_ANY_LAYOUT	 (1ULL << 27) /* legacy only: modern ones have no other */
#define VIRTIO_F_EVENT_IDX	 (1ULL << 29)
#define VIRTIO_F_VERSION_1	 (1ULL << 32)
#define VIRTIO_F_ACCESS_PLATFORM (1ULL << 33) /* addresses pass the IOMMU */
#define VIRTIO_F_RING_RESET	 (1ULL << 40) /* one queue can be reset, 2.6.1 */

/* 5.1.3: feature bits of a network device */
#define VIRTIO_NET_F_CSUM	   (1ULL << 0)
#define VIRTIO_NET_F_GUEST_CSUM	   (1ULL << 1)
#define VIRTIO_NET_F_MTU	   (1ULL << 3)
#define VIRTIO_NET_F_MAC	   (1ULL << 5)
#define VIRTIO_NET_F_MRG_RXBUF	   (1ULL << 15)
#define VIRTIO_NET_F_STATUS	   (1ULL << 16)
#define VIRTIO_NET_F_CTRL_VQ	   (1ULL << 17)
#define VIRTIO_NET_F_CTRL_RX	   (1ULL << 18)
#define VIRTIO_NET_F_MQ		   (1ULL << 22)
#define VIRTIO_NET_F_CTRL_MAC_ADDR (1ULL << 23)
#define VIRTIO_NET_F_SPEED_DUPLEX  (1ULL << 63)

/* 4.1.4: PCI capabilities that say where the registers of a modern device are */
#define VIRTIO_PCI_CAP_ID	  0x09U /* vendor specific */
#define VIRTIO_PCI_CAP_TYPE	  3U	/* offset in the capability: which registers */
#define VIRTIO_PCI_CAP_BAR	  4U
#define VIRTIO_PCI_CAP_OFFSET	  8U
#define VIRTIO_PCI_CAP_LENGTH	  12U
#define VIRTIO_PCI_CAP_MULTIPLIER 16U /* of the notification registers, 4.1.4.4 */

#define VIRTIO_PCI_CAP_COMMON 1U
#define VIRTIO_PCI_CAP_NOTIFY 2U
#define VIRTIO_PCI_CAP_ISR    3U
#define VIRTIO_PCI_CAP_DEVICE 4U

/* 4.1.4.3: common configuration, offsets */
#define VIRTIO_COMMON_DEVICE_FEATURE_SELECT 0U
#define VIRTIO_COMMON_DEVICE_FEATURE	    4U
#define VIRTIO_COMMON_DRIVER_FEATURE_SELECT 8U
#define VIRTIO_COMMON_DRIVER_FEATURE	    12U
#define VIRTIO_COMMON_CONFIG_VECTOR	    16U
#define VIRTIO_COMMON_NUM_QUEUES	    18U
#define VIRTIO_COMMON_STATUS		    20U
#define VIRTIO_COMMON_GENERATION	    21U
#define VIRTIO_COMMON_QUEUE_SELECT	    22U
#define VIRTIO_COMMON_QUEUE_SIZE	    24U
#define VIRTIO_COMMON_QUEUE_VECTOR	    26U
#define VIRTIO_COMMON_QUEUE_ENABLE	    28U
#define VIRTIO_COMMON_QUEUE_NOTIFY_OFF	    30U
#define VIRTIO_COMMON_QUEUE_DESC	    32U
#define VIRTIO_COMMON_QUEUE_AVAIL	    40U
#define VIRTIO_COMMON_QUEUE_USED	    48U
#define VIRTIO_COMMON_BYTES		    56U
#define VIRTIO_COMMON_QUEUE_RESET	    58U /* with VIRTIO_F_RING_RESET */

#define VIRTIO_NO_VECTOR 0xffffU

/* Legacy: one I/O BAR */
#define VIRTIO_LEGACY_BAR	      0U
#define VIRTIO_LEGACY_DEVICE_FEATURES 0U
#define VIRTIO_LEGACY_DRIVER_FEATURES 4U
#define VIRTIO_LEGACY_QUEUE_PFN	      8U
#define VIRTIO_LEGACY_QUEUE_SIZE      12U
#define VIRTIO_LEGACY_QUEUE_SELECT    14U
#define VIRTIO_LEGACY_QUEUE_NOTIFY    16U
#define VIRTIO_LEGACY_STATUS	      18U
#define VIRTIO_LEGACY_ISR	      19U
#define VIRTIO_LEGACY_CONFIG_VECTOR   20U /* these two only while MSI-X is enabled */
#define VIRTIO_LEGACY_QUEUE_VECTOR    22U
#define VIRTIO_LEGACY_CONFIG	      20U
#define VIRTIO_LEGACY_CONFIG_MSIX     24U
#define VIRTIO_LEGACY_PAGE_SHIFT      12U /* of the queue's address; its alignment, too */

/* 4.1.4.5: interrupt status; reading it takes the interrupt back */
#define VIRTIO_ISR_QUEUE  0x1U
#define VIRTIO_ISR_CONFIG 0x2U

/* 5.1.4: device configuration, offsets */
#define VIRTIO_NET_CONFIG_MAC	    0U
#define VIRTIO_NET_CONFIG_STATUS    6U
#define VIRTIO_NET_CONFIG_MAX_PAIRS 8U
#define VIRTIO_NET_CONFIG_MTU	    10U
#define VIRTIO_NET_CONFIG_SPEED	    12U
#define VIRTIO_NET_S_LINK_UP	    0x1U
#define VIRTIO_NET_SPEED_UNKNOWN    0x7fffffffU /* and above */

/* 5.1.6: the header before each packet; num_buffers only if header_bytes is 12 */
struct virtio_net_header {
	uint8_t flags;
	uint8_t gso_type;
	uint16_t hdr_len;
	uint16_t gso_size;
	uint16_t csum_start;  /* from the packet's start */
	uint16_t csum_offset; /* from csum_start */
	uint16_t num_buffers;
};
static_assert(sizeof(struct virtio_net_header) == 12, "VIRTIO 1.2, 5.1.6");
#define VIRTIO_NET_HEADER_BYTES	    12U
#define VIRTIO_NET_HEADER_BYTES_OLD 10U /* legacy without mergeable buffers */
#define VIRTIO_NET_HDR_NEEDS_CSUM   0x1U
#define VIRTIO_NET_HDR_DATA_VALID   0x2U

/* 5.1.6.5: control queue */
#define VIRTIO_NET_CTRL_RX	    0U
#define VIRTIO_NET_CTRL_RX_PROMISC  0U
#define VIRTIO_NET_CTRL_RX_ALLMULTI 1U
#define VIRTIO_NET_CTRL_MAC	    1U
#define VIRTIO_NET_CTRL_MAC_TABLE   0U
#define VIRTIO_NET_CTRL_MAC_ADDR    1U
#define VIRTIO_NET_CTRL_MQ	    4U
#define VIRTIO_NET_CTRL_MQ_PAIRS    0U
#define VIRTIO_NET_CTRL_OK	    0U

#ifdef __cplusplus
}
#endif

#endif
