# SPDX-License-Identifier: BSD-3-Clause
"""test_l2fwd.py - the sample program on real ports."""
import asleep
import bed
import lab
import offloads

CONFIG = lab.STANDARD


def test_asleep(guest):
    """Woken by MSI-X for each packet, which goes out where it came, with new addresses; else it
    sleeps."""
    a, b = [n for n in guest.nics if n.model == 'e1000e']
    with bed.Primary(guest, {a: 'vfio-pci', b: 'vfio-pci'}) as primary, \
            guest.capture(a.hub) as wire:
        port = primary.port(b)
        worker = primary.worker('l2fwd', '-p', str(port), '--interrupt', program='cleat-l2fwd')
        asleep.wakes(primary, a, b)
        bed.idle(primary, 'l2fwd')
        bed.stop(worker)
        counts = primary.stats(b)
        assert counts['rx_packets'] == counts['tx_packets'] >= asleep.PACKETS, counts
        macs = bytes.fromhex('0200000000%02x' % port + b.mac.replace(':', ''))
        sent = [f for f in offloads.frames(wire) if f[:12] == macs]
        assert len(sent) == counts['tx_packets'], (len(sent), counts)
