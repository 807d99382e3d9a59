#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""test_bench_places.py - runs between two processors count where those are two cores."""
import itertools
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), 'driver'))
import places  # noqa: E402

NEAR, FAR = [34, 50, 41], [235, 245, 212]
failures = []


def expect(what, good):
    """Note a failure."""
    if not good:
        failures.append(what)
        print('failed: %s' % what)


def whereabouts(*looks):
    """With a look at each place in turn, for ever, and a survey that is over at once."""
    where = places.Whereabouts(itertools.cycle(looks).__next__)
    where.seen, where.far = list(looks), places.farthest(looks)
    return where


def check_farthest():
    """A place has several looks; a single long one is a processor that was taken away."""
    expect('one place', places.farthest(NEAR) == 41)
    expect('two places', places.farthest(NEAR * 5 + FAR) == 235)
    expect('a stray look', places.farthest(NEAR * 10 + FAR * 2 + [5000]) == 235)
    expect('no looks', places.farthest([]) is None)


def check_settled():
    """A run counts if the processors were there before it and after it."""
    where = whereabouts(*FAR)
    expect('at once', where.settled(lambda: 7) == 7 and where.again == 0)
    expect('its looks: %s' % where.line_ns, where.line_ns == FAR[:2] and not where.mixed)
    runs = iter(range(100))
    where = whereabouts(40, 235, 50, 245, 240)
    value = where.settled(runs.__next__)
    expect('moved during the first: %s' % where.line_ns,
           value == 1 and where.again == 1 and where.line_ns == [245, 240] and not where.mixed)
    where.row()
    expect('a new row', where.again == 0 and where.line_ns == [])


def check_patience():
    """It ends, and then the row says where the run was."""
    where = whereabouts(*NEAR)
    where.far, where.until = 240, 0
    expect('wherever', where.settled(lambda: 7) == 7)
    expect('the row says so: %s' % where.line_ns, where.mixed and where.line_ns == NEAR[:2])


def check_one_processor():
    """There is nothing to look at."""
    where = places.Whereabouts(lambda: None)
    expect('at once', where.settled(lambda: 7) == 7 and where.line_ns == [])


def check_survey():
    """Before the first run, without being told."""
    places.SURVEY_S, places.PAUSE_S = 0.1, 0
    where = places.Whereabouts(itertools.cycle(NEAR + FAR).__next__)
    where.settled(lambda: 7)
    expect('both places: %s' % where.far, where.far == 235)


def main():
    for check in (check_farthest, check_settled, check_patience, check_one_processor,
                  check_survey):
        check()
    return 1 if failures else 0


if __name__ == '__main__':
    sys.exit(main())
