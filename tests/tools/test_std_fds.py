#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""test_std_fds.py - programs that are started without standard input, output or error: what they
would print goes nowhere, and above all not to a socket or into memory that got the number."""
import json
import os
import subprocess
import sys
import tempfile
import time

BIN = os.environ.get('CLEAT_BIN', 'build/release/bin')
INSTANCE = 'test-fds-%d' % os.getpid()
failures = []


def expect(what, good):
    """Note a failure."""
    if not good:
        failures.append(what)
        print('failed: %s' % what)


def command(program, *args, closed=''):
    """The words that start a program without these descriptors."""
    shell = 'exec "$@"' + ''.join(' %s>&-' % fd for fd in closed)
    return ['sh', '-c', shell, 'sh', BIN + '/' + program, '--instance', INSTANCE, *args]


def run(*args, **how):
    """(exit code, output, errors)."""
    done = subprocess.run(command(*args, **how), capture_output=True, text=True, check=False)
    return done.returncode, done.stdout, done.stderr


def names():
    """Who is attached; one that has ended stays for a moment."""
    return [p['name'] for p in json.loads(run('cleat', 'ps', '--json')[1])]


def until(condition):
    """Wait for it; False when it took too long."""
    end = time.monotonic() + 20
    while not condition():
        if time.monotonic() > end:
            return False
        time.sleep(0.05)
    return True


class Primary:
    """A context: one runs; `log` is what it said, if it can."""

    def __init__(self, closed=''):
        self.closed, self.log = closed, ''

    def __enter__(self):
        self.file = tempfile.TemporaryFile('w+')
        self.process = subprocess.Popen(
            command('cleat-primary', '--no-huge', '-m', '64', '--no-pci', '--vdev', 'net_null0',
                    '--vdev', 'net_null1', '--log-level', 'debug', closed=self.closed),
            stderr=self.file)
        until(lambda: run('cleat', 'ps')[0] == 0)
        return self

    def __exit__(self, *why):
        self.process.terminate()
        expect('primary without "%s": %s' % (self.closed, self.process.wait()),
               self.process.returncode == 0)
        self.file.seek(0)
        self.log = self.file.read()
        self.file.close()


def check_tool():
    """It cannot say it, so it fails."""
    for args in (['ps'], ['audit', '--json'], ['stats', '--watch=0.1', '--count', '3']):
        code, _, errors = run('cleat', *args, closed='1')
        expect('cleat %s: %d %s' % (args, code, errors), code == 1 and 'be written' in errors)


def check_workers():
    """They stay attached whatever is printed meanwhile."""
    forward = ['cleat-l2fwd', '-p', '0:1', '--seconds', '0.5', '-T', '0.1', '--log-level', 'debug']
    code, _, errors = run(*forward, closed='1')
    expect('without 1: %d %s' % (code, errors), code == 1 and 'be written' in errors)
    code, out, _ = run(*forward, closed='2')
    expect('without 2: %d %s' % (code, out), code == 0 and 'ended by: seconds' in out)
    code, _, _ = run(*forward, closed='012')
    expect('without any: %d' % code, code == 1)


def main():
    with Primary() as primary:
        check_tool()
        check_workers()
    expect('nobody spoke nonsense: %s' % primary.log, 'rejected' not in primary.log)
    expect('the log is there: %s' % primary.log, 'attached' in primary.log)
    with Primary(closed='012') as primary:
        expect('a worker', run('cleat-l2fwd', '-p', '0:1', '--packets', '9')[0] == 0)
        expect('the registry is whole: %s' % names(), until(lambda: names() == ['primary']))
        expect('the audit', run('cleat', 'audit')[0] == 0)
    return 1 if failures else 0


if __name__ == '__main__':
    sys.exit(main())
