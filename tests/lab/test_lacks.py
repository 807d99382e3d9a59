# SPDX-License-Identifier: BSD-3-Clause
"""test_lacks.py - what a device does not have is refused by name: one of each, under one primary."""
import os

import bed
import lab
import test_igbvf

CONFIG = lab.NO_IOMMU
PROGRAM = os.path.dirname(lab.BIN) + '/tests/lab/lacks'
ALL = ('rx-checksum', 'rx-vlan-strip', 'rx-scatter', 'rx-rss', 'tx-checksum', 'tx-vlan-insert',
       'tx-segments')
LEGACY, OLDEST = 10, 12  # as in test_virtio.py


def without(driver, *names):
    """{what is asked for: part of the sentence} of a driver that lacks these offloads."""
    has = ','.join(name for name in ALL if name not in names)
    return {n: 'its driver %s has no %s; it has: %s' % (driver, n, has) for n in names}


def most(queues, mtu, filters, why='all %d address filters are in use'):
    """The same of what it has a number of."""
    return {'queues': 'has at most %d rx and %d tx queues' % (queues, queues),
            'mtu': 'MTU 65535 is not from 68 to %d' % mtu,
            'filters:%d' % filters: why % filters if '%' in why else why}


EM = {**without('net_em', 'rx-rss'),
      'tx-vlan-insert': 'inserts VLAN tags only while it strips them'}
VIRTIO = without('net_virtio', 'rx-checksum', 'rx-vlan-strip', 'rx-rss', 'tx-checksum',
                 'tx-vlan-insert')


def expected(guest):
    """{NIC: {what is asked for: part of the sentence}}, the rest is granted."""
    first = {n.model: n for n in reversed(guest.nics) if not n.vfs}
    return {
        first['e1000']: {**EM, **most(1, 16106, 15)},
        first['e1000e']: {**EM, **most(1, 9212, 15)},
        first['igb']: most(16, 9706, 15),
        test_igbvf.functions(guest)[0]: {
            **without('net_igbvf', 'rx-rss'), 'rx-vlan-strip': 'name them with vlan=N',
            **most(1, 9194, 0, 'does not let it receive for further addresses')},
        first['virtio-modern']: {**VIRTIO, **most(1, 9216, 32)},
        guest.nics[LEGACY]: {**VIRTIO, **most(1, 9216, 32)},
        guest.nics[OLDEST]: {
            **without('net_virtio', 'rx-scatter', *VIRTIO),
            **most(1, 1500, 0, 'its driver net_virtio cannot receive for further addresses')},
    }


def test_by_name(guest):
    """Offloads, queues, lengths and addresses."""
    devices = expected(guest)
    with bed.Primary(guest, {nic: 'uio_pci_generic' for nic in devices}) as primary:
        told = {nic.address: {} for nic in devices}
        for line in guest.check([PROGRAM, primary.instance], user='nobody').splitlines():
            device, what, sentence = line.split(' ', 2)
            told[device][what] = sentence
    for nic, wanted in devices.items():
        had = told[nic.address]
        assert set(had) == set(wanted), (nic, had)
        for what, part in wanted.items():
            assert part in had[what], (nic, what, had[what], part)
