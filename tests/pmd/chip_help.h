/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * chip_help.h - for the control sides of Intel's controllers: registers in plain memory, and a
 * thread that does what of a chip they wait for: a reset ends, the PHY answers.
 */
#ifndef CLEAT_TESTS_PMD_CHIP_HELP_H
#define CLEAT_TESTS_PMD_CHIP_HELP_H

#include <check.h>

#include "pmd/common/intel_regs.h"
#include "pmd/common/nic_queue.h"
#include "runtime/pci/pci_config.h"
#include "tests/pmd/pmd_help.h"

#define CHIP_BAR_BYTES 0x20000U

struct chip {
	uint8_t *bar;
	uint8_t config[256];
	int vectors; /* that its interrupts have */
	int watched, linked, resets;
	int phy_deaf;	    /* it does not answer */
	int gone;	    /* the kernel knows of no such device any more */
	void (*turn)(void); /* what else the chip does, again and again; NULL: nothing */
	struct cleat_pci_device pci;
	struct cleat_services services;
	const struct cleat_driver *driver;
	struct cleat_port_ctrl *port; /* after chip_probe() */
	void (*on_irq)(void *arg);
	void *irq_arg;
};
extern struct chip chip;

/* A fixture. Taking it down removes the device. */
void chip_up(void);
void chip_down(void);
/* Let the chip's thread end and go on; chip_up() starts it. */
void chip_halt(void);
void chip_go_on(void);

uint32_t *chip_reg(uint32_t off);
uint32_t chip_get(uint32_t off);

/* From now on its configuration space says that MSI-X is on. */
void chip_msix_on(void);

/* Probe a device of the model by that driver. @return as probe */
int chip_probe(const char *driver, uint64_t model, const char *args);
/* What the primary does with a new port. */
void chip_start(unsigned queues);
/* @return the descriptors granted, or the error */
int chip_open_queue(enum cleat_dir dir, unsigned queue);

/* Run a program's tests, each in that fixture. @return for main() */
int chip_run_tests(const char *name, void (*add)(TCase *tc));

#endif
