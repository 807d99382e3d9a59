#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""test_bench_places.py - runs between two processors count where those are two cores."""
import itertools
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), 'driver'))
import places  # noqa: E402

NEAR, FAR, STRAY = [34, 50, 41], [235, 245, 212], [1245, 720]
failures = []


def expect(what, good):
    """Note a failure."""
    if not good:
        failures.append(what)
        print('failed: %s' % what)


def whereabouts(*looks, far=235, run_s=0.001):
    """With these looks in turn, for ever, where lines took so long before."""
    where = places.Whereabouts(itertools.cycle(looks).__next__, run_s)
    where.far = far
    return where


def runs():
    """A measurement that gives 0, 1, 2 ..."""
    return itertools.count().__next__


def check_farthest():
    """A place has several looks; single long ones are of a processor that was taken away."""
    expect('one place', places.farthest(NEAR * 3) == 41)
    expect('two places', places.farthest(NEAR * 10 + FAR * 2) == 235)
    expect('stray looks', places.farthest(NEAR * 10 + FAR * 2 + STRAY * 2) == 235)
    expect('no place', places.farthest([]) == places.farthest(STRAY) == 0)


def check_settled():
    """A run counts if the processors were there before it and after it."""
    where = whereabouts(*FAR)
    expect('at once', where.settled('cleat', runs()) == 0 and where.again == [])
    expect('its looks: %s' % where.line_ns, where.line_ns == FAR[:2])
    where = whereabouts(40, 235, 50, 245, 240, run_s=1)
    value = where.settled('peer', runs())
    expect('moved during the first: %s' % where.line_ns, value == 1 and
           where.line_ns == [245, 240] and where.again == [['peer', 0]])
    where.row()
    expect('a new row', where.again == [] and where.line_ns == [])


def check_patience():
    """It ends, and then the row says where the runs were."""
    where = whereabouts(*NEAR)
    expect('wherever', where.settled('cleat', runs()) == 0)
    expect('the row says so: %s' % where.line_ns, where.mixed(where.line_ns))
    expect('it was waited: %g' % where.left_s, where.left_s <= 0)


def check_growing():
    """Processors that stay together for a while do not become the farthest; those that go further
    apart do, and what was measured before is told from it."""
    where = whereabouts(*NEAR)
    for _ in range(10 * places.LAST):
        where.see()
    expect('two cores are still two cores', where.far == 235)
    where = whereabouts(*FAR, far=41)
    before = list(NEAR)
    expect('not yet', not where.mixed(before))
    for _ in range(places.ENOUGH):
        where.see()
    expect('farther: %g' % where.far, where.far in FAR and where.mixed(before))


def check_one_processor():
    """There is nothing to look at."""
    where = places.Whereabouts(lambda: None, 1)
    expect('at once', where.settled('cleat', runs()) == 0 and where.line_ns == [])


def check_survey():
    """Before the first run, without being told."""
    where = whereabouts(*NEAR, *FAR, far=0)
    where.settled('cleat', runs())
    expect('both places: %g' % where.far, where.far in (212, 223.5, 235))


def main():
    for check in (check_farthest, check_settled, check_patience, check_growing,
                  check_one_processor, check_survey):
        check()
    return 1 if failures else 0


if __name__ == '__main__':
    sys.exit(main())
