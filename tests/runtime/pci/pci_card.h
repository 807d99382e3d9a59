/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * pci_card.h - one device in a tree of its own, opened by an access method, for several tests.
 */
#ifndef CLEAT_TESTS_RUNTIME_PCI_CARD_H
#define CLEAT_TESTS_RUNTIME_PCI_CARD_H

#include <check.h>

#include "runtime/pci/pci_access.h"

#define NIC "0000:00:04.0" /* its address */

extern struct cleat_pci_device card;

/** Anew, as fake_uio(), and read from the tree; not open. */
void card_bound_to(const char *driver);
/** The sentence of the last error has this in it. */
void card_says(const char *part);
/** While it is open: write a byte of its configuration space; read the command register. */
void card_config_byte(unsigned off, uint8_t value);
unsigned card_command(void);

/** A case whose tests begin with an empty tree and must close what they open. */
TCase *card_case(const char *name);
/** Run all cases. @return exit status for main() */
int card_run(const char *name, TCase *const *cases, unsigned n);

#endif
