#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""test_options.py - wrong options of the workers: exit codes, and a sentence that names the option
as it was given."""
import os
import subprocess
import sys
import time

BIN = os.environ.get('CLEAT_BIN', 'build/release/bin')
INSTANCE = 'test-options-%d' % os.getpid()
FAILED, USAGE = 1, 2
CASES = [  # program, options, exit code, how the sentence begins
    ('cleat-l2fwd', ['--tx-first', '0'], USAGE, '--tx-first 0: give a number from 1 to'),
    ('cleat-l2fwd', ['-T', 'x'], USAGE, '-T x: give'),
    ('cleat-l2fwd', ['-T', '0.0001', '--packets', '9'], USAGE, '-T 0.0001: give'),
    ('cleat-l2fwd', ['-p', ''], USAGE, "-p is wrong at ''"),
    ('cleat-l2fwd', ['-p', '0:1:0'], USAGE, "-p is wrong at ':0'"),
    ('cleat-l2fwd', ['-p', '0:1,'], USAGE, '-p is wrong: it ends with'),
    ('cleat-l2fwd', ['-p', '0:1,0:1'], USAGE, '-p names port 0 twice'),
    ('cleat-l2fwd', ['-p', '7'], FAILED, 'there is no port 7; there are: 0 (net_null0), 1'),
    ('cleat-l2fwd', ['-p', '0000:01:00.0'], FAILED, 'there is no port 0000:01:00.0;'),
    ('cleat-l2fwd', ['-p', '01:00.1,0'], FAILED, 'there is no port 0000:01:00.1;'),
    ('cleat-l2fwd', ['-p', '0:0000:02:00.0'], FAILED, 'there is no port 0000:02:00.0;'),
    ('cleat-l2fwd', ['-p', 'net_null1:0001:02:00.0,0'], FAILED, 'there is no port 0001:02:00.0;'),
    ('cleat-rxtx', ['--rx', 'port:01:00.0:0', '--mode', 'rxonly'], FAILED,
     'there is no port 0000:01:00.0;'),
    ('cleat-rxtx', ['--rx', 'port:0:0'], USAGE, '--tx is missing'),
    ('cleat-rxtx', ['--burst', '513'], USAGE, '--burst 513: give a number from 1 to 512'),
]
failures = []


def expect(what, good):
    """Note a failure."""
    if not good:
        failures.append(what)
        print('failed: %s' % what)


def run(program, *args):
    """(exit code, errors)."""
    done = subprocess.run([BIN + '/' + program, '--instance', INSTANCE, *args],
                          stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, check=False)
    return done.returncode, done.stderr


def main():
    primary = subprocess.Popen([BIN + '/cleat-primary', '--instance', INSTANCE, '--no-huge', '-m',
                                '64', '--no-pci', '--vdev', 'net_null0', '--vdev', 'net_null1'],
                               stderr=subprocess.DEVNULL)
    try:
        end = time.monotonic() + 20
        while run('cleat', 'ps')[0] != 0 and time.monotonic() < end:
            time.sleep(0.05)
        for program, args, code, says in CASES:
            got, errors = run(program, *args)
            what = '%s %s: exit code %d, %s' % (program, args, got, errors)
            expect(what, got == code and errors.startswith('%s: %s' % (program, says)))
    finally:
        primary.terminate()
        primary.wait()
    return 1 if failures else 0


if __name__ == '__main__':
    sys.exit(main())
