/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * pcap_data.h - the two directions of net_pcap's data side.
 */
#ifndef CLEAT_PMD_PCAP_DATA_H
#define CLEAT_PMD_PCAP_DATA_H

#include "runtime/port.h"

#ifdef __cplusplus
extern "C" {
#endif

int cleat_pcap_rxq_open(struct cleat_queue *q, struct cleat_queue_conf *conf);
void cleat_pcap_rxq_close(struct cleat_queue *q);
int cleat_pcap_txq_open(struct cleat_queue *q, struct cleat_queue_conf *conf);
void cleat_pcap_txq_close(struct cleat_queue *q);

#ifdef __cplusplus
}
#endif

#endif
