/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * pcap_tx_ctrl.h - net_pcap, control side: a tx queue's file and stage, whoever writes them.
 */
#ifndef CLEAT_PMD_PCAP_TX_CTRL_H
#define CLEAT_PMD_PCAP_TX_CTRL_H

#include "runtime/port.h"

#ifdef __cplusplus
extern "C" {
#endif

/** Write the file header, as libpcap does. @param fd  borrowed, empty. @return 0 or -EIO */
int cleat_pcap_tx_begin(int fd);

/** Memory for the stage; its length is sealed. @return a descriptor, or negative errno */
int cleat_pcap_tx_stage(void);

/**
 * The owner is gone: write what it left in the stage, cut off what it did not finish. A file that
 * somebody cut before its first record begins anew.
 *
 * @param shm  the dead process's words: checked, and put right
 * @return     0; negative errno when the file cannot be written: nothing is lost, try again
 */
int cleat_pcap_tx_settle(int file, int stage, struct cleat_queue_shm *shm);

#ifdef __cplusplus
}
#endif

#endif
