# SPDX-License-Identifier: BSD-3-Clause
"""stuck.py - what a guest was at when something in it did not end; and a fault of its emulator.

QEMU's emulation of several processors at once now and then loses the end of an interrupt (seen with
10.0 on busy hosts): the processor's interrupt controller goes on to show it as being handled, while
the processor has long been idle or at work on a program. From then on none of lower priority comes
there: no timer, no device, or not even what other processors send. Linux acknowledges an interrupt
before it does anything else, or, one of a level, behind its handlers; in any case before it is idle
or goes back to a program. So such a processor with one in service and others waiting, for seconds,
is not the kernel's doing, nor a program's.
"""
import re
import threading
import time

import lab
from qmp import QmpError

LINES = 150
LOOK_S = 5  # how often it is looked whether the emulator is well
LOOKS, PAUSE_S = 5, 0.4


def outside(guest):
    """The processors that handle nothing: idle, or in a program."""
    states = re.findall(r'CPL=(\d).*HLT=(\d)', guest.look('info registers -a'))
    return [n for n, (level, halted) in enumerate(states) if level == '3' or halted == '1']


def unfinished(guest):
    """Processors that handle nothing but have an interrupt in service and more that wait, before and
    after that is looked at: {number: the vectors in service}."""
    found = {}
    for number in outside(guest):
        text = guest.look('info lapic %d' % number)
        service, waiting = (re.search(r'^%s\s+(.*?)\s*$' % name, text, re.M) for name in
                            ('ISR', 'IRR'))
        if service and waiting and '(none)' not in (service.group(1), waiting.group(1)):
            found[number] = service.group(1)
    still = outside(guest) if found else []
    return {n: vectors for n, vectors in found.items() if n in still}


def lost_interrupt(guest):
    """A sentence if a processor is so at each of several looks, else ''."""
    looks = []
    for _ in range(LOOKS):
        try:
            looks.append(unfinished(guest))
        except (lab.Dead, OSError, QmpError):
            return ''
        if not looks[-1]:
            return ''
        time.sleep(PAUSE_S)
    same = [n for n in looks[0] if all(look.get(n) == looks[0][n] for look in looks)]
    return ', '.join('the emulator lost the end of an interrupt: processor %d handles none, and vector '
                     '%s is in service' % (n, looks[0][n]) for n in same)


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
    """A context that kills the guest if what is in it takes too long, or the emulator is at fault."""

    def __init__(self, guest, limit_s):
        self.guest, self.limit_s, self.done = guest, limit_s, threading.Event()
        self.why = self.fault = self.report = ''
        self.thread = threading.Thread(target=self.run)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.done.set()
        self.thread.join()

    def run(self):
        """Look now and then."""
        end = time.monotonic() + self.limit_s
        while not self.done.wait(LOOK_S) and not self.why:
            self.fault = lost_interrupt(self.guest)
            if self.fault or time.monotonic() > end:
                self.report = report(self.guest)
                self.why = self.fault or 'longer than %d s' % self.limit_s
                self.guest.kill()
