/* SPDX-License-Identifier: BSD-3-Clause */
/* wire.h - numbered packets for workers of device tests, which own queue 0 of a port. */
#ifndef CLEAT_TESTS_LAB_WIRE_H
#define CLEAT_TESTS_LAB_WIRE_H

#include "secondary/ports.h"

/** Prepare queue 0 of a port and claim it, rx or tx. @return 0 or negative errno */
int wire_claim(uint16_t port, enum cleat_dir dir, int promiscuous);

/** "52:54:00:00:00:01,…" @return addresses, at most @p most; -1: it is none */
int wire_parse(const char *text, uint8_t (*macs)[6], int most);

/** Send a packet of 60 bytes that carries a number. @return 0; -1 */
int wire_send(uint16_t port, const uint8_t dst[6], uint32_t number);

/** Take the next packet that wire_send() has made, if one is there, and free it.
 * @return 1: its address and number; 0: none; negative errno */
int wire_receive(uint16_t port, uint8_t dst[6], uint32_t *number);

#endif
