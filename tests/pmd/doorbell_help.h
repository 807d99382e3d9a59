/* SPDX-License-Identifier: BSD-3-Clause */
/* doorbell_help.h - how often a register that lies in the window's memory is written. */
#ifndef CLEAT_TESTS_PMD_DOORBELL_HELP_H
#define CLEAT_TESTS_PMD_DOORBELL_HELP_H

#define DOORBELL_SLOT 1 /* the child's (mbuf_help.h) */

/* With the address sanitizer an operation has many times the steps: a few cases do there. */
#ifdef __SANITIZE_ADDRESS__
#define DOORBELL_FEW 1
#else
#define DOORBELL_FEW 0
#endif

/* Let a child do @p burst by single steps, and count its stores to the register of @p bytes, also
 * those that store what is there already. Nothing reads the register meanwhile, and nothing would
 * write 0xee to all of it. It holds what was written last, if anything was. */
unsigned doorbell_writes(void (*burst)(void), volatile void *reg, unsigned bytes);

#endif
