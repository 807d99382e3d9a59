# SPDX-License-Identifier: BSD-3-Clause
"""places.py - where the two processors are. A virtual machine's may be two cores now and two
threads of one core a second later: then a line takes a quarter of the time to the other one, and
what passes lines on is another measurement."""
import functools
import statistics
import time

ALIKE = 2.5  # times: within one place looks were up to 2.3 times apart
SHARE = 0.03  # of all looks: a place that counts has as many
SURVEY_S = 5
PAUSE_S = 0.02
PATIENCE_S = 60  # with one row


def farthest(looks):
    """What a line takes where the processors are farthest apart, strays left out; None: no looks."""
    for most in sorted(looks, reverse=True):
        place = [ns for ns in looks if most / ALIKE <= ns <= most]
        if len(place) >= SHARE * len(looks):
            return statistics.median(place)
    return None


class Whereabouts:
    """Sees to it that runs between two processors happen where those are farthest apart: on two
    cores. `look`: what a line takes now, in ns, or None where there is one processor."""

    def __init__(self, look):
        self.look = look
        self.seen = []    # all looks
        self.far = None   # what a line takes there
        self.row()

    def row(self):
        """A row of results begins: how long it may wait, and what it had to do, anew."""
        self.until = time.monotonic() + PATIENCE_S
        self.line_ns, self.again, self.mixed = [], 0, False
        self.far = farthest(self.seen)

    def see(self):
        """Look once."""
        ns = self.look()
        if ns is not None:
            self.seen.append(ns)
        return ns

    def survey(self):
        """Which places there are."""
        until = time.monotonic() + SURVEY_S
        while self.see() is not None and time.monotonic() < until:
            time.sleep(PAUSE_S)
        self.far = farthest(self.seen)

    def is_far(self, ns):
        """Are they there?"""
        return self.far / ALIKE < ns < self.far * ALIKE

    def wait(self):
        """Until they are there, or patience ends: the last look."""
        while True:
            ns = self.see()
            if self.is_far(ns) or time.monotonic() > self.until:
                return ns
            time.sleep(PAUSE_S)

    def settled(self, measure):
        """What measure() gives while they are there; when patience has ended, wherever they are."""
        if not self.seen:
            self.survey()
        if self.far is None:
            return measure()
        while True:
            before = self.wait()
            value = measure()
            after = self.see()
            there = self.is_far(before) and self.is_far(after)
            if there or time.monotonic() > self.until:
                self.line_ns += [before, after]
                self.mixed = self.mixed or not there
                return value
            self.again += 1


def on_two_cores(measure):
    """A measurement of processes on two processors that pass lines to each other."""
    @functools.wraps(measure)
    def settled(side, *args):
        return side.place.whereabouts.settled(lambda: measure(side, *args))
    return settled
