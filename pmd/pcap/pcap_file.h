/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * pcap_file.h - opening capture files, in both roles.
 */
#ifndef CLEAT_PMD_PCAP_FILE_H
#define CLEAT_PMD_PCAP_FILE_H

#include <pcap/pcap.h>
#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

/**
 * Read a capture (pcap, nanosecond pcap, pcapng) from its start, timestamps in nanoseconds.
 *
 * @param fd    borrowed: it is duplicated, but shares its position with the result
 * @param name  for messages
 * @param buffer, buffer_bytes  to read into, so much per system call; borrowed until pcap_close().
 *              0: as much as libc likes
 * @return      the capture; NULL with a sentence: empty, not a capture, not Ethernet
 */
pcap_t *cleat_pcap_open_fd(int fd, const char *name, void *buffer, size_t buffer_bytes);

#ifdef __cplusplus
}
#endif

#endif
