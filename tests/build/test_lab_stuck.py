#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""test_lab_stuck.py - a device test that fails is run again only where the guest's emulator is at
fault, which its own monitor must show at several looks."""
import importlib.machinery
import importlib.util
import os
import sys
import types

LAB = os.path.dirname(os.path.abspath(__file__)) + '/../lab'
sys.path.insert(0, LAB)
import lab  # noqa: E402
import stuck  # noqa: E402

# As QEMU 10.0 wrote it of a guest whose second processor had lost an interrupt's end.
HALTED = ('\nCPU#0\nRIP=ffffffff81a592eb RFL=00000216 [----AP-] CPL=0 II=0 A20=1 SMM=0 HLT=1\n'
          '\nCPU#1\nRIP=ffffffff81a592eb RFL=00000216 [----AP-] CPL=%d II=0 A20=1 SMM=0 HLT=%d\n')
LAPIC = ('dumping local APIC state for CPU %d \n\nLVTT\t 0x000200ec active-hi edge     periodic\n'
         'ESR\t 0x00000000\nISR\t %s\nIRR\t %s\n\n'
         'APR 0x01 TPR 0x10 DFR 0x0f LDR 0x02 PPR 0xe0\n')
failures = []


def expect(what, good):
    """Note a failure."""
    if not good:
        failures.append(what)


class Monitored:
    """A guest of which only the monitor answers. in_service: of its second processor, look by look."""

    def __init__(self, in_service, halted=1, waiting='35 36 41 236 ', level=0):
        self.in_service, self.waiting, self.looks = in_service, waiting, 0
        self.state = level, halted
        self.config, self.link = types.SimpleNamespace(cpus=2), self
        self.killed = self.gone = False

    def look(self, line):
        """What QEMU would say."""
        if line == 'info registers -a':
            return HALTED % self.state
        if line == 'info lapic 0':
            return LAPIC % (0, '(none)', '(none)')
        self.looks += 1
        return LAPIC % (1, self.in_service[min(self.looks, len(self.in_service)) - 1], self.waiting)

    def run(self, *_, **__):
        """No command ends."""
        raise lab.TooLong('not done')

    def console(self):
        """Nothing."""
        return ''

    def sweep(self):
        """Nothing runs."""

    def kill(self):
        """As told."""
        self.killed = True


def check_looks():
    """Only an idle processor with the same interrupt in service at each look."""
    for what, guest, said in (
            ('lost', Monitored(['236 ']), 'processor 1 handles none, and vector 236 is in service'),
            ('lost, in a program', Monitored(['253 '], halted=0, level=3), 'vector 253 is in service'),
            ('none in service', Monitored(['(none)']), ''),
            ('it comes and goes', Monitored(['236 ', '(none)', '236 ']), ''),
            ('others each time', Monitored(['236 ', '35 ', '251 ']), ''),
            ('none waits', Monitored(['236 '], waiting='(none)'), ''),
            ('a processor at work', Monitored(['236 '], halted=0), '')):
        found = stuck.lost_interrupt(guest)
        expect('%s: "%s"' % (what, found), found.endswith(said) and bool(found) == bool(said))
    expect('a report has it all', 'ISR\t 236' in stuck.report(Monitored(['236 '])))


class Booted:
    """Guests one after the other, as Boots gives them."""

    def __init__(self, *guests):
        self.left, self.guest, self.used, self.again = list(guests), None, 0, 0

    def get(self, _config):
        """The one that runs, or the next."""
        if not self.guest:
            self.guest, self.used = self.left.pop(0), self.used + 1
        return self.guest

    def drop(self):
        """Kill it."""
        self.guest.kill()
        self.guest = None


def runner():
    """tests/lab/run as a module."""
    loader = importlib.machinery.SourceFileLoader('lab_run', LAB + '/run')
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader('lab_run', loader))
    loader.exec_module(module)
    return module


def check_again():
    """What a test does in a sound guest counts."""
    run = runner()

    def waits_if_lost(guest):
        if guest.in_service != ['(none)']:
            raise lab.TooLong('not done')

    def waits(_guest):
        raise lab.TooLong('not done')

    def is_wrong(_guest):
        assert False

    def lost():
        return Monitored(['236 '])

    def sound():
        return Monitored(['(none)'])

    for what, test, guests, result, used in (
            ('sound', waits_if_lost, [sound()], 'passed', 1),
            ('lost, then sound', waits_if_lost, [lost(), sound()], 'passed', 2),
            ('it hangs', waits, [sound(), sound()], 'failed', 1),
            ('lost, then it hangs', waits, [lost(), sound(), sound()], 'failed', 2),
            ('lost, but wrong, not late', is_wrong, [lost(), sound()], 'failed', 1),
            ('lost each time', waits, [lost() for _ in range(9)], 'failed', 1 + run.AGAIN)):
        boots = Booted(*guests)
        found = run.outcome(boots, test, None)
        expect('%s: %s in %d guests' % (what, found, boots.used),
               found[1] == result and boots.used == used)
        expect('%s: lost ones are killed' % what,
               all(g.killed for g in guests[:used - 1]) and not any(
                   g.killed for g in guests[used - 1:]))


def main():
    stuck.PAUSE_S = 0
    check_looks()
    check_again()
    print('\n'.join(failures))
    return 1 if failures else 0


if __name__ == '__main__':
    sys.exit(main())
