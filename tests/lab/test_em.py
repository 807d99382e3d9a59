# SPDX-License-Identifier: BSD-3-Clause
"""test_em.py - net_em: an 82574 and an 82540EM, both directions, each way to reach them."""
import asleep
import bed
import death
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
    """By VFIO, both directions; back to a worker that sleeps until MSI-X wakes it."""
    a, b = e1000e(guest)
    bed.forward(guest, a, b, 'vfio-pci')
    asleep.forward(guest, b, a, 'vfio-pci')


def test_vfio_82540(guest):
    """The same; the one interrupt line of the 82540EM wakes."""
    a, b = e1000(guest)
    bed.forward(guest, a, b, 'vfio-pci')
    asleep.forward(guest, b, a, 'vfio-pci')


def test_jumbo(guest):
    """Packets of up to 9014 bytes, which come in several buffers and are sent from several."""
    for a, b in (e1000e(guest), e1000(guest)):
        capture = guest.out + '/jumbo.pcap'
        bed.write_pcap(capture, bed.frames(b.mac, a.mac, sizes=JUMBO, rounds=2))
        bed.forward(guest, a, b, 'vfio-pci', capture=capture, worker_args=('--mtu', '9000'))


@lab.needs(lab.NO_IOMMU)
def test_uio_82574(guest):
    """Without an IOMMU, by physical addresses, both directions; woken by the one interrupt line,
    or by MSI-X with one vector for all, which igb_uio gives it."""
    a, b = e1000e(guest)
    asleep.forward(guest, a, b, 'uio_pci_generic')
    asleep.forward(guest, b, a, 'igb_uio')


@lab.needs(lab.NO_IOMMU)
def test_uio_82540(guest):
    """The same by the one interrupt line."""
    a, b = e1000(guest)
    asleep.forward(guest, a, b, 'uio_pci_generic')
    asleep.forward(guest, b, a, 'igb_uio')


def test_offloads(guest):
    """Checksums and VLAN tags, both ways."""
    offloads.run(guest, *e1000e(guest))
    offloads.run(guest, *e1000(guest), verdict=False)  # QEMU's 82540EM marks all as not looked at


def test_death_82574(guest):
    """Its one receiver or sender dies while the other direction is another process's."""
    death.run(guest, *e1000e(guest), 'vfio-pci')


def test_death_82540(guest):
    """The same."""
    death.run(guest, *e1000(guest), 'vfio-pci')


@lab.needs(lab.NO_IOMMU)
def test_death_uio(guest):
    """By physical addresses, which no IOMMU keeps in bounds."""
    death.run(guest, *e1000e(guest), 'igb_uio')
