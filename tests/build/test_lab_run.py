#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""test_lab_run.py - where there can be no lab, the runner of the device tests skips each with the
reason and ends well; where CI=true it fails. So does the runner of all tests, which starts it."""
import os
import subprocess
import sys

RUNNERS = (['tests/lab/run'], ['tools/build/runtests.py'])
NO_CACHE = '/dev/null/lab'
RUNS = [  # PATH, CI?, exit code, what is said
    ('lab/hotplug/unplug', False, 0, ['skipped', 'lab/hotplug/unplug  (%s' % NO_CACHE,
                                      '1 passed, 0 failed, 1 skipped']),  # the host is untouched
    ('lab/hotplug/unplug', True, 1, ['failed ', 'skipped in CI: %s' % NO_CACHE,
                                     '1 passed, 1 failed, 0 skipped']),
    ('lab/hotplug/nothing', False, 2, ['no test is called lab/hotplug/nothing']),
]


def run(runner, path, ci):
    """Exit code and output of a runner whose cache of the guest's parts cannot be made."""
    done = subprocess.run([sys.executable, *runner, path], stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, check=False,
                          env=dict(os.environ, CLEAT_LAB_CACHE=NO_CACHE, CI='true' if ci else ''))
    return done.returncode, done.stdout


def main():
    failed = []
    for runner in RUNNERS:
        for path, ci, code, parts in RUNS:
            got, said = run(runner, path, ci)
            if got != code or not all(part in said for part in parts) or 'booted' in said:
                failed.append('%s %s, CI %s: exit code %d:\n%s' % (runner[0], path, ci, got, said))
    print('\n'.join(failed))
    return 1 if failed else 0


if __name__ == '__main__':
    sys.exit(main())
