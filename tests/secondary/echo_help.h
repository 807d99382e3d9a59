/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * echo_help.h - for the responder's tests: a world with one responder, and questions to it.
 */
#ifndef CLEAT_TESTS_SECONDARY_ECHO_HELP_H
#define CLEAT_TESTS_SECONDARY_ECHO_HELP_H

#include "secondary/echo.h"
#include "tests/runtime/mbuf_help.h"

/* 10.0.0.2, fd00::2, 02:00:00:00:00:02; who asks is .1. */
extern struct cleat_echo echo;
extern struct cleat_mempool *echo_pool;
extern const uint8_t ECHO_MAC[6], ECHO_PEER[6];

void echo_up(void);
/* Every mbuf is back. */
void echo_down(void);

uint16_t get16(const uint8_t *at);

/* A packet whose first segment has @p first bytes, the others @p piece. */
struct cleat_mbuf *echo_packet(const uint8_t *data, uint32_t len, uint32_t first, uint32_t piece);

/* @return what it was, as was counted; an answer is in @p out, its length in @p out_len */
enum cleat_echo_what echo_ask(struct cleat_mbuf *m, uint8_t *out, uint32_t *out_len);

/* Sums of an answer are right by themselves. */
void echo_check_sums(const uint8_t *data, enum cleat_echo_what what);

#endif
