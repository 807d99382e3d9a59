# SPDX-License-Identifier: BSD-3-Clause
"""test_em.py - net_em: an 82574 and an 82540EM, both directions, each way to reach them."""
import bed
import lab
import offloads

CONFIG = lab.STANDARD
JUMBO = tuple(range(1515, 9015, 250)) + (4096, 8192, 9014)


def e1000e(guest):
    """The two 82574."""
    return [n for n in guest.nics if n.model == 'e1000e']


def e1000(guest):
    """The two 82540EM."""
    return [n for n in guest.nics if n.model == 'e1000']


def test_vfio_82574(guest):
    """By VFIO, both directions."""
    a, b = e1000e(guest)
    bed.forward(guest, a, b, 'vfio-pci')
    bed.forward(guest, b, a, 'vfio-pci')


def test_vfio_82540(guest):
    """By VFIO, both directions."""
    a, b = e1000(guest)
    bed.forward(guest, a, b, 'vfio-pci')
    bed.forward(guest, b, a, 'vfio-pci')


def test_jumbo(guest):
    """Packets of up to 9014 bytes, which come in several buffers and are sent from several."""
    for a, b in (e1000e(guest), e1000(guest)):
        capture = guest.out + '/jumbo.pcap'
        bed.write_pcap(capture, bed.frames(b.mac, a.mac, sizes=JUMBO, rounds=2))
        bed.forward(guest, a, b, 'vfio-pci', capture=capture, worker_args=('--mtu', '9000'))


def sleeps(guest, a, b, driver):
    """Workers that sleep until the device wakes them."""
    bed.forward(guest, a, b, driver, receiver_args=('--interrupt',))


def test_interrupt(guest):
    """MSI-X of the 82574, the one line of the 82540EM."""
    sleeps(guest, *e1000e(guest), 'vfio-pci')
    sleeps(guest, *e1000(guest), 'vfio-pci')


@lab.needs(lab.NO_IOMMU)
def test_uio(guest):
    """Without an IOMMU, by physical addresses; with interrupts."""
    for driver in ('uio_pci_generic', 'igb_uio'):
        for pair in (e1000e(guest), e1000(guest)):
            bed.forward(guest, *pair, driver)
            sleeps(guest, *pair, driver)


def test_offloads(guest):
    """Checksums and VLAN tags, both ways."""
    offloads.run(guest, *e1000e(guest))
    offloads.run(guest, *e1000(guest), verdict=False)  # QEMU's 82540EM marks all as not looked at
