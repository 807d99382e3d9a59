# SPDX-License-Identifier: BSD-3-Clause
"""test_link.py - a cable that is pulled and put back is told to everybody."""
import bed
import lab

CONFIG = lab.STANDARD
MODELS = ('e1000', 'e1000e', 'igb', 'virtio-modern')


def cable(guest, nic, plugged):
    """Pull it, or put it back."""
    guest.qmp('set_link', name='nic%d' % nic.number, up=plugged)


def told(primary, nic, up):
    """Does the tool say so?"""
    return next(p for p in primary.tool('ports') if p['name'] == nic.address)['link_up'] == up


def pull_and_put_back(guest, nics, driver):
    """All NICs under one primary; a worker on another port hears of each."""
    with bed.Primary(guest, {n: driver for n in nics}, vdevs=['net_null0']) as primary:
        w = primary.worker('w', '--mode', 'rxonly', '--rx', 'port:%d:0' %
                           primary.port('net_null0'))
        for nic in nics:
            assert bed.until(lambda n=nic: told(primary, n, True)), nic
            for up in (False, True):
                cable(guest, nic, up)
                assert bed.until(lambda n=nic, u=up: told(primary, n, u)), (nic, up)
                said = 'port %d: link %s' % (primary.port(nic), 'up' if up else 'down')
                w.wait_for(said, 20)
        bed.stop(w)


def test_vfio(guest):
    """By MSI-X, MSI or INTx."""
    pull_and_put_back(guest, [next(n for n in guest.nics if n.model == m) for m in MODELS],
                      'vfio-pci')


@lab.needs(lab.NO_IOMMU)
def test_uio(guest):
    """By one interrupt line."""
    for driver in ('uio_pci_generic', 'igb_uio'):
        pull_and_put_back(guest, [next(n for n in guest.nics if n.model == m) for m in MODELS],
                          driver)
