# SPDX-License-Identifier: BSD-3-Clause
"""counts.py - buffers that queues hold, and packets and bytes that a device counted.

    with counts.at_once(primary, 511, worker):   # it stands still while packets come
        ...
    counts.check_held(primary, 511)              # buffers that are in queues
    counts.check_hardware(primary, nic, frames, 'rx')

A queue is given new buffers when some are missing, so how many it holds depends on how many packets
each burst found. They are full when the packets were there before the worker looked.
"""
import collections
import contextlib
import signal

import bed

NIC_SLOTS, NIC_BATCH = 512, 128  # of an Intel queue: descriptors, and how many are filled at once
CRC_BYTES = 4
LENGTHS = ((64, '64'), (127, '65_to_127'), (255, '128_to_255'), (511, '256_to_511'),
           (1023, '512_to_1023'), (1518, '1024_to_max'))


def posted(packets):
    """Buffers that an Intel rx queue holds after so many packets at once: one descriptor stays
    empty, and others until there is a batch of them."""
    return NIC_SLOTS - 1 - packets % NIC_BATCH


def check_held(primary, expected):
    """So many buffers are in queues, none is lost. More: a queue has lost sight of some. While its
    owner lives, nothing else tells those from what it uses."""
    pool = {}

    def is_there():  # what has come is counted just before the queue is filled again
        pool.update(next(p for p in primary.tool('audit') if p['pool'] == 'default'))
        return pool['in_queues'] == expected

    assert bed.until(is_there, 5) and pool['ok'], (expected, pool)


@contextlib.contextmanager
def at_once(primary, full, *workers):
    """What comes meanwhile is received afterwards. full: buffers that the workers' queues hold
    before anything comes."""
    check_held(primary, full)
    for job in workers:
        job.signal(signal.SIGSTOP)
    yield
    for job in workers:
        job.signal(signal.SIGCONT)


def sizes(frames):
    """{name: packets} of a sender's counters by length, the CRC included."""
    return collections.Counter('tx_size_%s_packets' % next(
        name for most, name in LENGTHS if len(frame) + CRC_BYTES <= most) for frame in frames)


def hardware(frames, *directions):
    """{name: value} of an Intel device's counters that are not 0, rx_size_... not among them: QEMU
    leaves the CRC out there."""
    found = dict(sizes(frames)) if 'tx' in directions else {}
    for d in directions:
        found.update({d + '_good_packets': len(frames), d + '_total_packets': len(frames),
                      d + '_good_bytes': sum(len(f) + CRC_BYTES for f in frames)})
    return found


def check_hardware(primary, nic, frames, *directions):
    """The device itself has counted each of the frames and nothing else; and it has a link."""
    check_registers(primary, nic, hardware(frames, *directions))


def check_function(primary, nic, frames, *directions):
    """The same of a virtual function, which counts less."""
    check_registers(primary, nic, {name: value for name, value in
                                   hardware(frames, *directions).items() if '_good_' in name})


def check_registers(primary, nic, wanted):
    """These are the device's counters, the others 0; and it has a link."""
    port, now = primary.port(nic), {}

    def is_there():  # it is asked once per second
        now.clear()
        now.update({s['counter'][3:]: s['value'] for s in primary.tool('stats', '--all')
                    if s['port'] == port and s['value'] and s['counter'].startswith('hw_') and
                    not s['counter'].startswith('hw_rx_size')})
        return now == wanted

    assert bed.until(is_there, 10), (now, wanted)
    row = next(p for p in primary.tool('ports') if p['port'] == port)
    assert row['link_up'] and row['link_mbps'] == 1000, row
