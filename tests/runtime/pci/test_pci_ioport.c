/* SPDX-License-Identifier: BSD-3-Clause */
/* I/O ports of UIO devices: by files where there are some. */
#include <errno.h>

#include "runtime/pci/pci_ioport.h"
#include "tests/runtime/pci/pci_card.h"
#include "tests/runtime/pci/pci_fake.h"
#include "tests/runtime/pci/pci_tree.h"

START_TEST(ports_of_generic)
{
	struct cleat_pci_ioport io;
	uint32_t v = 0x12345678;
	uint16_t half = 0;

	card_bound_to("uio_pci_generic");
	ck_assert_int_eq(cleat_pci_open(&card, CLEAT_PCI_IOVA_PA), 0);
	ck_assert_int_eq(card.access->ioport(&card, 0, &io), -ENOENT); /* memory */
	ck_assert_int_eq(card.access->ioport(&card, 9, &io), -ENOENT);
	ck_assert_int_eq(card.access->ioport(&card, 2, &io), 0);
	ck_assert_uint_eq(io.base, 0xc080);
	ck_assert_uint_eq(io.len, 0x20);
	ck_assert_int_ge(io.fd, 0);
	ck_assert_int_eq(cleat_pci_ioport_write(&io, 4, &v, 4), 0);
	ck_assert_int_eq(cleat_pci_ioport_read(&io, 6, &half, 2), 0);
	ck_assert_uint_eq(half, 0x1234);
	ck_assert_int_eq(cleat_pci_ioport_read(&io, 31, &half, 1), 0);
	ck_assert_int_eq(cleat_pci_ioport_read(&io, 31, &half, 2), -ERANGE);
	ck_assert_int_eq(cleat_pci_ioport_read(&io, 0, &half, 3), -ERANGE);
	ck_assert_int_eq(cleat_pci_ioport_write(&io, UINT32_MAX, &half, 2), -ERANGE);
	fake_zeros(NIC, "resource2", 0); /* what the old descriptor sees is another file */
	cleat_pci_close(&card);

	tree_set(NIC, "resource2", NULL);
	ck_assert_int_eq(cleat_pci_open(&card, CLEAT_PCI_IOVA_PA), 0);
	ck_assert_int_eq(card.access->ioport(&card, 2, &io), 0);
	ck_assert_int_eq(io.fd, -1); /* by instructions, then; not tried here */
	ck_assert_uint_eq(io.base, 0xc080);
	cleat_pci_close(&card);
}
END_TEST

START_TEST(ports_of_igb)
{
	struct cleat_pci_ioport io;

	card_bound_to("igb_uio");
	ck_assert_int_eq(cleat_pci_open(&card, CLEAT_PCI_IOVA_PA), 0);
	ck_assert_int_eq(card.access->ioport(&card, 2, &io), -ENOENT);
	card_says("no ports from 0xc080");
	tree_set(NIC, "uio/uio3/portio/port0/start", "0x60\n");
	tree_set(NIC, "uio/uio3/portio/port0/size", "0x8\n");
	tree_set(NIC, "uio/uio3/portio/port1/start", "0xc080\n");
	tree_set(NIC, "uio/uio3/portio/port1/size", "0x20\n");
	ck_assert_int_eq(card.access->ioport(&card, 2, &io), 0);
	ck_assert_uint_eq(io.base, 0xc080);
	ck_assert_uint_eq(io.len, 0x20);
	ck_assert_int_ge(io.fd, 0);
	tree_set(NIC, "uio/uio3/portio/port1/size", "0x8000\n"); /* beyond the last port */
	ck_assert_int_eq(card.access->ioport(&card, 2, &io), -EPROTO);
	cleat_pci_close(&card);
}
END_TEST

int main(void)
{
	TCase *tc = card_case("ioport");

	tcase_add_test(tc, ports_of_generic);
	tcase_add_test(tc, ports_of_igb);
	return card_run("pci_ioport", &tc, 1);
}
