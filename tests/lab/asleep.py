# SPDX-License-Identifier: BSD-3-Clause
"""asleep.py - workers with --interrupt: do they sleep, and does each packet wake them?

Such a worker looks at its queues ten times a second in any case. So a packet that comes through
does not prove that it woke anybody: how long it was away does.
"""
import os
import statistics

import bed
import lab

PROGRAM = os.path.dirname(lab.BIN) + '/tests/lab/away'
PACKETS = 11
# away.c sends 30 ms after the one before is back: who is not woken looks some 70 ms later
LONGEST_US = 40000
TRIES = 3


def wakes(primary, nic):
    """Packets that go out at a NIC and that a worker sends back there, one at a time, wake it. On a
    busy host it is looked again: who is not woken is late each time."""
    medians_us = []
    while len(medians_us) < TRIES:
        out = primary.guest.check([PROGRAM, primary.instance, str(primary.port(nic)),
                                   str(PACKETS)], user='nobody')
        away_us = [int(line) for line in out.split()]
        assert len(away_us) == PACKETS, out
        medians_us.append(statistics.median(away_us))
        if medians_us[-1] < LONGEST_US:
            return
    raise AssertionError('packets do not wake it: us away %s' % medians_us)


def run(guest, a, b, driver, **more):
    """A worker that sends back what comes to NIC b: it sleeps, and packets from NIC a wake it.
    more: for bed.Primary()."""
    with bed.Primary(guest, {a: driver, b: driver}, **more) as primary:
        own = 'port:%d:0' % primary.port(b)
        worker = primary.worker('back', '--rx', own, '--tx', own, '--promiscuous', '--interrupt')
        wakes(primary, a)
        bed.idle(primary, 'back')
        bed.stop(worker)
