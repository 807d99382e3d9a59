# SPDX-License-Identifier: BSD-3-Clause
"""stuck.py - what a guest was at when something in it did not end."""
import threading
import time

import lab
from qmp import QmpError

LINES = 150


def registers(guest):
    """Where each processor is, twice, and its interrupt controller."""
    text = ''
    for _ in range(2):
        lines = guest.look('info registers -a').splitlines()
        text += ''.join('%s\n' % l.rstrip() for l in lines if l.startswith(('CPU#', 'RIP=')))
        time.sleep(0.5)
    return text + ''.join(guest.look('info lapic %d' % n) for n in range(guest.config.cpus))


def tasks(guest):
    """Have the kernel tell which tasks wait and what the processors do; that comes on the console."""
    before = len(guest.console())
    counts = guest.run('for key in w l; do echo $key >/proc/sysrq-trigger; sleep 1; done; '
                       'grep -E "CPU|LOC|RES|CAL|TLB" /proc/interrupts', 20).out.decode()
    return guest.console()[before:] + counts


def report(guest):
    """Text; what cannot be had is said in it."""
    text = 'the console:\n%s\n' % '\n'.join(guest.console().splitlines()[-30:])
    for what in (registers, tasks):
        try:
            found = what(guest)
        except (lab.Dead, lab.TooLong, OSError, QmpError) as error:
            found = str(error)
        text += '%s:\n%s\n' % (what.__name__, '\n'.join(found.splitlines()[-LINES:]))
    return text


class Watch:
    """A context that kills the guest if what is in it takes too long."""

    def __init__(self, guest, limit_s):
        self.guest = guest
        self.why = self.report = ''
        self.timer = threading.Timer(limit_s, self.give_up, (limit_s,))

    def __enter__(self):
        self.timer.start()
        return self

    def __exit__(self, *_):
        self.timer.cancel()
        self.timer.join()

    def give_up(self, limit_s):
        """Say where it is."""
        self.report = report(self.guest)
        self.why = 'longer than %d s' % limit_s
        self.guest.kill()
