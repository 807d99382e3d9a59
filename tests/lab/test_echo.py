# SPDX-License-Identifier: BSD-3-Clause
"""test_echo.py - the responder on NICs of each driver, beside the guest's kernel."""
import echo
import lab
import pci

CONFIG = lab.STANDARD


def test_82576_asleep(guest):
    """ARP, neighbour discovery, pings and UDP, woken by interrupts."""
    echo.respond(guest, *pci.pair(guest, 'igb'), 'vfio-pci', '--interrupt')


def test_virtio(guest):
    """The same, busy, on a modern virtio device, which goes through the IOMMU."""
    echo.respond(guest, *pci.pair(guest, 'virtio-modern'), 'vfio-pci')


def test_82574_offloads(guest):
    """With what the device does for packets switched on, asleep."""
    a, b = pci.pair(guest, 'e1000e')
    echo.respond(guest, a, b, 'vfio-pci', '--interrupt', '--offloads',
            'rx-checksum,rx-vlan-strip,tx-checksum,tx-vlan-insert,tx-segments')


def test_82540(guest):
    """On the controller without MSI-X: woken by INTx."""
    echo.respond(guest, *pci.pair(guest, 'e1000'), 'vfio-pci', '--interrupt')


@lab.needs(lab.NO_IOMMU)
def test_82574_uio(guest):
    """By UIO, whose interrupts come by blocking reads."""
    echo.respond(guest, *pci.pair(guest, 'e1000e'), 'uio_pci_generic', '--interrupt')
