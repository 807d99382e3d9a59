# SPDX-License-Identifier: BSD-3-Clause
"""test_counts.py - packets that come and go: what queues hold of the buffers, what devices count.

Two queues of an 82576: test_igb.py.
"""
import contextlib

import bed
import counts
import lab
import test_igbvf

CONFIG = lab.STANDARD
VIRTIO_SLOTS = 256


@contextlib.contextmanager
def received(guest, a, b, full, *worker_args):
    """A worker has received 256 packets that NIC a sent to NIC b, all at once: the primary, the
    packets. full: the buffers of its rx queue."""
    frames = bed.frames(b.mac, a.mac, bed.SIZES[:16], rounds=16)
    bed.write_pcap(guest.out + '/in.pcap', frames)
    with bed.Primary(guest, {a: 'vfio-pci', b: 'vfio-pci'},
                     vdevs=['net_pcap0,rx_pcap=/lab/out/in.pcap']) as primary:
        worker = primary.worker('w', '--rx', 'port:%d:0' % primary.port(b), *worker_args)
        with counts.at_once(primary, full, worker):
            bed.end(primary.worker('sender', '--rx', 'port:%d:0' % primary.port('net_pcap0'),
                                   '--tx', 'port:%d:0' % primary.port(a), '--until-idle', '300',
                                   wait=False))
        assert bed.until(lambda: primary.stats(b)['rx_packets'] == len(frames)), primary.stats(b)
        yield primary, frames
        bed.stop(worker)


def sent_on(guest, a, b, check_b=counts.check_hardware):
    """A worker sends on what it receives: the rx queue holds a buffer for each descriptor but one,
    the tx queue none, as what was sent is taken back before the worker rests; the devices have
    counted each packet and byte."""
    with received(guest, a, b, counts.posted(0), '--mode', 'mac', '--tx',
                  'port:%s:0' % b.address) as (primary, frames):
        assert bed.until(lambda: primary.stats(b)['tx_packets'] == len(frames)), primary.stats(b)
        counts.check_held(primary, counts.posted(len(frames)))
        counts.check_hardware(primary, a, frames, 'tx')
        check_b(primary, b, frames, 'rx', 'tx')


def test_82540em(guest):
    """Of one 82540EM to another."""
    sent_on(guest, *[n for n in guest.nics if n.model == 'e1000'])


def test_82574(guest):
    """Of one 82574 to another."""
    sent_on(guest, *[n for n in guest.nics if n.model == 'e1000e'])


@lab.needs(lab.NUMA)
def test_virtual_function(guest):
    """A virtual function's registers are not cleared by reading, nor by its reset: the next primary
    begins at 0 all the same."""
    vf = test_igbvf.functions(guest)[0]
    for _ in range(2):
        sent_on(guest, guest.nics[0], vf, counts.check_function)


def test_virtio(guest):
    """A virtqueue is full again after each burst. (How many sent packets it holds depends on when
    QEMU looks.) The link is as fast as the device says, if it does."""
    a, b = [n for n in guest.nics if n.model == 'virtio-modern' and not n.tap]
    with received(guest, a, b, VIRTIO_SLOTS, '--mode', 'rxonly') as (primary, _):
        counts.check_held(primary, VIRTIO_SLOTS)
        speeds = {p['name']: p['link_mbps'] for p in primary.tool('ports')}
        assert (speeds[a.address], speeds[b.address]) == (0, 10000), speeds


def test_missed(guest):
    """What a device drops for want of buffers is in the port's row. Of QEMU's devices only the
    82540EM counts it, and packets of several buffers that find too few; others wait in QEMU. It
    does not clear the register when that is read, so its count is added again each second."""
    a, b = [n for n in guest.nics if n.model == 'e1000']
    frames = bed.frames(b.mac, a.mac, (9000,), rounds=200)
    bed.write_pcap(guest.out + '/in.pcap', frames)
    with bed.Primary(guest, {a: 'vfio-pci', b: 'vfio-pci'},
                     vdevs=['net_pcap0,rx_pcap=/lab/out/in.pcap']) as primary:
        worker = primary.worker('w', '--mode', 'rxonly', '--mtu', '9000', '--rx',
                                'port:%d:0' % primary.port(b))
        with counts.at_once(primary, counts.posted(0), worker):
            bed.end(primary.worker('sender', '--mtu', '9000', '--until-idle', '300', '--rx',
                                   'port:%d:0' % primary.port('net_pcap0'), '--tx',
                                   'port:%d:0' % primary.port(a), wait=False))
        row = {}

        def all_counted():
            row.update(primary.stats(b))
            missed = len(frames) - row['rx_packets']
            return missed and row['rx_missed'] and row['rx_missed'] % missed == 0

        assert bed.until(all_counted, 10), row
        bed.stop(worker)
