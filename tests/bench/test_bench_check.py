#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""test_bench_check.py - check.py fails where it must, on made-up counts. Counts nothing itself."""
import json
import os
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
import check  # noqa: E402

failures = []


def expect(what, good):
    """Note a failure."""
    if not good:
        failures.append(what)
        print('failed: %s' % what)


def outcome(recorded, now, compilers=('gcc 12', 'gcc 12'), ci=False):
    """(exit code, all it says) with these counts."""
    with tempfile.TemporaryDirectory() as folder:
        paths = [folder + '/recorded', folder + '/now']
        for path, which, counts in zip(paths, compilers, (recorded, now)):
            with open(path, 'w', encoding='utf-8') as f:
                json.dump({'compiler': which, 'instructions': counts}, f)
        done = subprocess.run(
            [sys.executable, HERE + '/check.py', '--baseline', paths[0], '--counts', paths[1]],
            capture_output=True, text=True, check=False,
            env=dict(os.environ, CI='true' if ci else ''))
    return done.returncode, done.stdout + done.stderr


def check_verdicts():
    """More, less, the same, and names that are only on one side."""
    before = {'ring 8': 20.0, 'mbuf 8': 75.0}
    for about, now, code, words in (
            ('the same', before, 0, ()),
            ('2.9 % more', {'ring 8': 20.58, 'mbuf 8': 75.0}, 0, ()),
            ('3.1 % more', {'ring 8': 20.62, 'mbuf 8': 75.0}, 1, ('FAILED: ring 8', '+3.1 %')),
            ('more there, less here', {'ring 8': 10.0, 'mbuf 8': 90.0}, 1,
             ('FAILED: mbuf 8', 'less: ring 8')),
            ('3.1 % less', {'ring 8': 19.38, 'mbuf 8': 75.0}, 0,
             ('less: ring 8', 'record anew with scons bench-check record=1')),
            ('one is gone', {'ring 8': 20.0}, 1, ('mbuf 8: only recorded',)),
            ('one is new', dict(before, pool=5.0), 1, ('pool: only counted',))):
        got, said = outcome(before, now)
        expect('%s: exit code %d: %s' % (about, got, said), got == code)
        for word in words:
            expect('%s: "%s" in: %s' % (about, word, said), word in said)
        expect('%s: FAILED only then: %s' % (about, said), ('FAILED' in said) == (code == 1))


def check_compiler():
    """Counts of another compiler are not judged, and that is a failure in CI."""
    for ci, code in ((False, 77), (True, 1)):
        got, said = outcome({'ring 8': 20.0}, {'ring 8': 30.0}, ('gcc 12', 'gcc 13'), ci)
        expect('another compiler, CI %s: exit code %d: %s' % (ci, got, said), got == code)
        expect('both are named: ' + said, 'gcc 12' in said and 'gcc 13' in said)


def dump(trigger, total):
    """As callgrind writes one."""
    return 'desc: Trigger: %s\n\nevents: Ir\nsummary: 1\n\nfn=(1)\n1 2\n\ntotals: %d\n' % (
        trigger, total)


def check_counting():
    """What lies outside the mark and what comes before the rounds drops out."""
    before, after = '--dump-before=counted', '--dump-after=counted'
    text = ''.join(dump(*d) for d in (
        (before, 99999), (after, 1100), (before, 7), (after, 2100),
        (before, 88888), (after, 5000), (before, 7), (after, 9000)))
    counts = check.per_element(['ring 1 100', 'mbuf 8 100'], check.dumps(text))
    expect('counts: %s' % counts, counts == {'ring 1': 10.0, 'mbuf 8': 5.0})
    for lines in (['ring 1 100'], []):  # a mark that was compiled away must not pass
        try:
            check.per_element(lines, check.dumps(text))
            expect('%d operations with 4 counts are refused' % len(lines), False)
        except check.Failed:
            pass


def main():
    check_verdicts()
    check_compiler()
    check_counting()
    return 1 if failures else 0


if __name__ == '__main__':
    sys.exit(main())
