# SPDX-License-Identifier: BSD-3-Clause
"""test_filters.py - which packets a port receives: its address, filters, groups, all."""
import os
import time

import bed
import lab
import test_igbvf

CONFIG = lab.STANDARD
PROGRAM = os.path.dirname(lab.BIN) + '/tests/lab/filters'
ADDED, OTHER = '02:00:00:00:00:05', '02:00:00:00:10:07'
GROUP, OTHER_GROUP = '01:00:5e:00:00:09', '33:33:00:00:01:0a'
PACKETS = 8
HELD_S = 1.2  # QEMU's 82540EM takes nothing for a second when its receiver has been changed


def everybody(own):
    """To whom packets are sent."""
    return [own, ADDED, OTHER, GROUP, OTHER_GROUP]


def script(own):
    """[(setting, what comes of packets to everybody)]; each goes on from the one before."""
    return [('none', [own]),
            ('add=' + ADDED, [own, ADDED]),
            ('add=' + GROUP, [own, ADDED, GROUP]),
            ('remove=' + ADDED, [own, GROUP]),
            ('allmulticast=1', [own, GROUP, OTHER_GROUP]),
            ('allmulticast=0', [own, GROUP]),
            ('remove=' + GROUP, [own])]


def worker(primary, a, b, settings):
    """Set one after the other at NIC b, and send from NIC a after each."""
    return primary.guest.run([PROGRAM, primary.instance, str(primary.port(a)),
                              str(primary.port(b)), ','.join(everybody(b.mac)), *settings],
                             user='nobody')


def filters(primary, a, b, steps):
    """What comes to NIC b is what the steps say. None: anything."""
    done = worker(primary, a, b, [setting for setting, _ in steps])
    assert done.code == 0, (done.out + done.err).decode()
    lines = done.out.decode().splitlines()
    assert len(lines) == len(steps), lines
    for (setting, expected), line in zip(steps, lines):
        assert expected is None or line.split() == expected, '%s: %s came, not %s' % (
            setting, line, expected)


def for_others(primary, a, b):
    """What is for others comes to a worker with --promiscuous only."""
    before = primary.stats(b)['rx_packets']
    for args, expected in (((), 0), (('--promiscuous',), PACKETS)):
        receiver = primary.worker('receiver', '--rx', 'port:%d:0' % primary.port(b), '--mode',
                                  'rxonly', *args)
        bed.end(primary.worker('sender', '--mode', 'txonly', '--tx', 'port:%d:0' % primary.port(a),
                               '--packets', str(PACKETS), wait=False))
        time.sleep(HELD_S)
        assert bed.until(lambda n=expected: primary.stats(b)['rx_packets'] - before >= n)
        bed.stop(receiver)
        got = primary.stats(b)['rx_packets'] - before
        assert got == expected, '%d packets, not %d, with %s' % (got, expected, args)


def one(guest, model):
    """All that a device can tell apart."""
    a, b = [n for n in guest.nics if n.model == model and not n.tap][:2]
    with bed.Primary(guest, {a: 'vfio-pci', b: 'vfio-pci'}) as primary:
        filters(primary, a, b, script(b.mac) + [('promiscuous=1', everybody(b.mac)),
                                                ('promiscuous=0', [b.mac])])
        for_others(primary, a, b)


def test_82574(guest):
    """By address registers; groups and all others when told so."""
    one(guest, 'e1000e')


def test_82540(guest):
    """The same on the older device."""
    one(guest, 'e1000')


def test_82576(guest):
    """The same on a device with several queues."""
    one(guest, 'igb')


def test_virtio(guest):
    """By commands to the device."""
    one(guest, 'virtio-modern')


@lab.needs(lab.NUMA)
def test_vf(guest):
    """A virtual function asks the physical one: for groups always, for further addresses if that
    one trusts it. All groups are granted and taken back, and none is lost by that; QEMU does not
    look at what the kernel sets for them (VMOLR.MPME)."""
    b, a = test_igbvf.functions(guest)[0], guest.nics[0]
    with bed.Primary(guest, {a: 'vfio-pci', b: 'vfio-pci'}) as primary:
        done = worker(primary, a, b, ['add=' + ADDED])
        assert done.code != 0 and b'does not let it receive for further' in done.err, done.err
        test_igbvf.trust(guest, True)
        try:
            filters(primary, a, b, [(setting, None if setting == 'allmulticast=1' else expected)
                                    for setting, expected in script(b.mac)])
        finally:
            test_igbvf.trust(guest, False)
