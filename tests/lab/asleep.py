# SPDX-License-Identifier: BSD-3-Clause
"""asleep.py - workers with --interrupt: do they sleep, and does each packet wake them?

Such a worker looks at its queues ten times a second in any case. So a packet that comes through
does not prove that it woke anybody: how long it was away does.
"""
import os

import bed
import lab

PROGRAM = os.path.dirname(lab.BIN) + '/tests/lab/away'
PACKETS = 11
QUICK = 9  # of them at least: who loses every third interrupt has no more than 8
# away.c sends 30 ms after the one before is back: who is not woken looks some 70 ms later
LONGEST_US = 40000
TRIES = 10


def away_us(primary, a, b):
    """How long each packet that goes out at NIC a is away, which somebody sends back at NIC b."""
    out = primary.guest.check([PROGRAM, primary.instance, str(primary.port(a)), b.mac,
                               str(PACKETS)], user='nobody')
    found = [int(line) for line in out.split()]
    assert len(found) == PACKETS, out
    return found


def wakes(primary, a, b):
    """Packets from NIC a to NIC b, one at a time, wake the worker that sends them back there. On a
    busy host it is looked again: who is not woken is late each time."""
    found = []
    while len(found) < TRIES:
        found.append(away_us(primary, a, b))
        if sum(us < LONGEST_US for us in found[-1]) >= QUICK:
            return
    raise AssertionError('packets do not wake it: us away %s' % found)


def sends_back(primary, a, b):
    """A worker that sends back what comes to NIC b: it sleeps, and packets from NIC a wake it. They
    go back to nobody's address: a virtual function would get what is for its own at once."""
    own = 'port:%d:0' % primary.port(b)
    worker = primary.worker('back', '--rx', own, '--tx', own, '--mode', 'mac', '--interrupt')
    wakes(primary, a, b)
    bed.idle(primary, 'back')
    bed.stop(worker)


def run(guest, a, b, driver, **more):
    """Under a primary of its own. more: for bed.Primary()."""
    with bed.Primary(guest, {a: driver, b: driver}, **more) as primary:
        sends_back(primary, a, b)


def forward(guest, a, b, driver, promiscuous=True):
    """After many packets from NIC a to NIC b, byte for byte, to a worker that sleeps as well."""
    bed.forward(guest, a, b, driver, check=lambda primary: sends_back(primary, a, b),
                receiver_args=('--interrupt',) + ('--promiscuous',) * promiscuous)
