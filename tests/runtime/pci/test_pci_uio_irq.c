/* SPDX-License-Identifier: BSD-3-Clause */
/* Interrupts of UIO devices: what is read, and what is asked of the kernel's modules. */
#include <errno.h>
#include <unistd.h>

#include "tests/runtime/pci/pci_card.h"

/* Write a count as the kernel does, into the FIFO that stands for /dev/uio3. */
static void interrupt(int fd)
{
	const uint32_t count = 1;

	ck_assert_int_eq(write(fd, &count, 4), 4);
}

START_TEST(generic_interrupts)
{
	int irq_fd = -1;

	card_bound_to("uio_pci_generic");
	ck_assert_int_eq(cleat_pci_open(&card, CLEAT_PCI_IOVA_PA), 0);
	ck_assert_int_eq(card.access->irq_open(&card, NULL, 0, &irq_fd), -ENOTSUP); /* pin 0 */
	card_says("no interrupt line");
	card_says(card.iommu_group != CLEAT_PCI_NO_GROUP ? "vfio-pci" : "igb_uio");
	card.iommu_group = CLEAT_PCI_NO_GROUP;
	ck_assert_int_eq(card.access->irq_open(&card, NULL, 0, &irq_fd), -ENOTSUP);
	card_says("igb_uio");
	card_config_byte(0x3d, 1);
	card_config_byte(5, 0x04); /* masked */
	ck_assert_int_eq(card.access->irq_open(&card, NULL, 0, &irq_fd), 1);
	ck_assert_uint_eq(card_command(), 0x03);
	ck_assert_int_eq(card.access->irq_open(&card, NULL, 0, &irq_fd), -EALREADY);
	interrupt(irq_fd);
	card_config_byte(5, 0x04); /* as the kernel's handler does */
	ck_assert_int_eq(card.access->irq_ack(&card), 0);
	ck_assert_uint_eq(card_command(), 0x03);
	ck_assert_int_eq(card.access->irq_ack(&card), 0); /* nothing there: no harm */
	card.access->irq_close(&card);
	ck_assert_uint_eq(card_command(), 0x403);
	card_config_byte(4, 0xff);
	card_config_byte(5, 0xff); /* unplugged */
	ck_assert_int_eq(card.access->irq_open(&card, NULL, 0, &irq_fd), -EIO);
	cleat_pci_close(&card);
}
END_TEST

static uint32_t written(int fd)
{
	uint32_t v = 99;

	ck_assert_int_eq(read(fd, &v, 4), 4);
	return v;
}

START_TEST(igb_interrupts)
{
	int irq_fd = -1;

	card_bound_to("igb_uio");
	ck_assert_int_eq(cleat_pci_open(&card, CLEAT_PCI_IOVA_PA), 0);
	ck_assert_int_eq(card.access->irq_open(&card, NULL, 0, &irq_fd), 1);
	ck_assert_uint_eq(written(irq_fd), 1);
	interrupt(irq_fd);
	ck_assert_int_eq(card.access->irq_ack(&card), 0);
	ck_assert_uint_eq(written(irq_fd), 1);
	card.access->irq_close(&card);
	ck_assert_uint_eq(written(irq_fd), 0);
	card.access->irq_close(&card);
	cleat_pci_close(&card);
}
END_TEST

/* The kernel module must not be asked to switch MSI and MSI-X: the device may go at that moment. */
START_TEST(igb_messages)
{
	static const uint8_t IDS[] = { 0x05, 0x11 }, ON[] = { 0x00, 0x80 };
	uint32_t v;
	int irq_fd = -1;

	card_bound_to("igb_uio");
	ck_assert_int_eq(cleat_pci_open(&card, CLEAT_PCI_IOVA_PA), 0);
	card_config_byte(0x06, 0x10); /* it has a capability at 0x40 */
	card_config_byte(0x34, 0x40);
	card_config_byte(0x40, IDS[_i]);
	card_config_byte(0x42, 0x01);
	card_config_byte(0x43, ON[_i]);
	ck_assert_int_eq(card.access->irq_open(&card, NULL, 0, &irq_fd), 1);
	interrupt(irq_fd);
	ck_assert_int_eq(card.access->irq_ack(&card), 0);
	card.access->irq_close(&card);
	ck_assert_int_ne(read(irq_fd, &v, 4), 4);
	card_config_byte(4, 0xff);
	card_config_byte(5, 0xff); /* unplugged: not taken for one without messages */
	ck_assert_int_eq(card.access->irq_open(&card, NULL, 0, &irq_fd), -EIO);
	ck_assert_int_ne(read(irq_fd, &v, 4), 4);
	cleat_pci_close(&card);
}
END_TEST

int main(void)
{
	TCase *tc = card_case("irq");

	tcase_add_test(tc, generic_interrupts);
	tcase_add_test(tc, igb_interrupts);
	tcase_add_loop_test(tc, igb_messages, 0, 2);
	return card_run("pci_uio_irq", &tc, 1);
}
