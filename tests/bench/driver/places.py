# SPDX-License-Identifier: BSD-3-Clause
"""places.py - where the two processors are. A virtual machine's may be two cores now and two
threads of one core a second later: then a line takes a quarter of the time to the other one, and
what passes lines on is another measurement."""
import collections
import functools
import statistics
import time

import sides

ALIKE = 2.5  # times: within one place looks were up to 2.3 times apart
ENOUGH = 5   # looks alike, of the last LAST: a place, and not a processor that was taken away
LAST = 50
PAUSE_S = 0.02
SURVEY = 25     # times as long as a run: which places are there?
PATIENCE = 600  # times as long: with one row, all waiting and all runs in vain together


def farthest(looks):
    """What a line takes where the processors are farthest apart, strays left out; 0: no place."""
    for most in sorted(looks, reverse=True):
        place = [ns for ns in looks if most / ALIKE <= ns <= most]
        if len(place) >= ENOUGH:
            return statistics.median(place)
    return 0


class Whereabouts:
    """Sees to it that runs between two processors happen where those are farthest apart, as far as
    was seen: on two cores. `look`: what a line takes now, in ns, or None where there is one
    processor; `run_s`: how long a run is."""

    def __init__(self, look, run_s):
        self.look, self.run_s = look, run_s
        self.last = collections.deque(maxlen=LAST)
        self.far = 0  # what a line takes there; it only grows
        self.row()

    def row(self):
        """A row of results begins: its looks, values of runs elsewhere, how long it may wait."""
        self.line_ns, self.again, self.left_s = [], [], PATIENCE * self.run_s

    def see(self):
        """Look once."""
        ns = self.look()
        if ns is not None:
            self.last.append(ns)
            found = farthest(self.last)
            if found > ALIKE * self.far:
                self.far = found
        return ns

    def survey(self):
        """Which places there are; LAST looks at least."""
        until = time.monotonic() + SURVEY * self.run_s
        while self.see() is not None and (len(self.last) < LAST or time.monotonic() < until):
            time.sleep(PAUSE_S)

    def is_far(self, ns):
        """Are they there?"""
        return self.far / ALIKE < ns < self.far * ALIKE

    def mixed(self, line_ns):
        """Were they elsewhere at some of these looks?"""
        return not all(map(self.is_far, line_ns))

    def wait(self):
        """Until they are there, or patience ends: the last look."""
        while True:
            start = time.monotonic()
            ns = self.see()
            if self.is_far(ns) or self.left_s <= 0:
                return ns
            time.sleep(PAUSE_S)
            self.left_s -= time.monotonic() - start

    def settled(self, side, measure):
        """What measure() gives while they are there; when patience has ended, wherever they are."""
        if not self.far:
            self.survey()
        if not self.far:
            return measure()
        while True:
            looks = [self.wait()]
            start = time.monotonic()
            value = measure()
            looks.append(self.see())
            if not self.mixed(looks) or self.left_s <= 0:
                self.line_ns += looks
                return value
            sides.say('  the processors were elsewhere: once more')
            self.again.append([side, value])
            self.left_s -= time.monotonic() - start


def on_two_cores(measure):
    """A measurement of processes on two processors that pass lines to each other."""
    @functools.wraps(measure)
    def settled(side, *args):
        return side.place.whereabouts.settled(side.name, lambda: measure(side, *args))
    return settled
