# SPDX-License-Identifier: BSD-3-Clause
"""machine.py - what the machine itself can do, whoever asks: the limits of all other figures."""
import json
import subprocess

import sides

MEMORY_ROUNDS = 4
GLANCE_MS = 5


def ask(place, program, **more):
    """What bench/machine_<program> says."""
    command = ['%s/machine_%s' % (place.bench, program)] + sides.options(
        {'core': place.core(0), 'id': place.core(1), **more})
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise sides.Failed('%s: %s' % (program, done.stderr.strip()))
    return json.loads(done.stdout)


def of_the_machine(side):
    """Measured once, not for each side; not with one processor for two threads that wait for each
    other."""
    if side.name == 'peer':
        raise sides.Cannot('it is the same machine')
    if len(side.place.cores) < 2:
        raise sides.Cannot('there is one processor')


def line(side, lines):
    """Nanoseconds that a cache line takes to the other processor."""
    of_the_machine(side)
    found = ask(side.place, 'lines', role=lines, ms=side.ms)
    return found['ns'] / found['elements']


def memory(side, doing, processors):
    """GB/s."""
    of_the_machine(side)
    found = ask(side.place, 'memory', role=doing, parties=processors, count=MEMORY_ROUNDS)
    return found['elements'] / found['ns']


def glance(place):
    """A quick look at what a line takes now: a virtual machine's processors move. None if there is
    one."""
    if len(place.cores) < 2:
        return None
    found = ask(place, 'lines', role='one', ms=GLANCE_MS)
    return round(found['ns'] / found['elements'], 1)
