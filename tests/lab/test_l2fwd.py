# SPDX-License-Identifier: BSD-3-Clause
"""test_l2fwd.py - the sample program on real ports."""
import asleep
import bed
import lab
import offloads

CONFIG = lab.STANDARD


def back(guest, model):
    """What comes to one NIC goes out there again, with new addresses; asleep in between."""
    a, b = [n for n in guest.nics if n.model == model]
    with bed.Primary(guest, {a: 'vfio-pci', b: 'vfio-pci'}) as primary, \
            guest.capture(a.hub) as wire:
        port = primary.port(b)
        worker = primary.worker('l2fwd', '-p', str(port), '--promiscuous', '--interrupt',
                                program='cleat-l2fwd')
        asleep.wakes(primary, a)
        bed.idle(primary, 'l2fwd')
        bed.stop(worker)
        counts = primary.stats(b)
        assert counts['rx_packets'] == counts['tx_packets'] >= asleep.PACKETS, counts
        macs = bytes.fromhex('0200000000%02x' % port + b.mac.replace(':', ''))
        sent = [f for f in offloads.frames(wire) if f[:12] == macs]
        assert len(sent) == counts['tx_packets'], (len(sent), counts)


def test_asleep_82574(guest):
    """Woken by MSI-X for each packet, which it sends with new addresses; else it sleeps."""
    back(guest, 'e1000e')


def test_asleep_82576(guest):
    """The same on a device with a vector for each queue."""
    back(guest, 'igb')
