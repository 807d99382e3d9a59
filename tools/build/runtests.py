#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""runtests.py - run the built tests, one line each, and count.

    runtests.py --out build/release [PATH...]

PATH is a folder below tests/ or a test in it without "test_": "runtime", "runtime/grace". What
several tests are about names them all: "runtime/ring" is ring_unit, ring_stress and so on. A test
ends with 0 (passed), 77 (skipped; its last line "SKIP: reason" is shown) or anything else (failed;
its output is shown). Where CI=true a skip is a failure. Exit 0 if none failed, 1 else, 2 if PATH
names no test.

The device tests, tests/lab/test_*.py, have a runner of their own, tests/lab/run, whose counts are
added. They run last, and only for the release variant unless PATH begins with "lab".
"""
import argparse
import os
import re
import signal
import subprocess
import sys
import time

TIMEOUT_S = 300
SKIPPED = 77
NO_SUCH_TEST = 2
LAB = 'tests/lab'


def wanted(name, path):
    """Does `path` name the test `name`, as "runtime/ring" names "runtime/test_ring_unit"?"""
    folder, leaf = os.path.split(name)
    short = os.path.join(folder, leaf[len('test_'):])
    path = path.strip('/')
    return path in ('', name, short, folder) or short.startswith((path + '/', path + '_'))


def find(out, paths):
    """(name, command) of all tests wanted: built programs, and scripts tests/**/test_*.py."""
    tests = []
    for top, ending, command in ((out + '/tests', '', []), ('tests', '.py', ['python3'])):
        for folder, _, files in os.walk(top):
            for f in files:
                full = os.path.join(folder, f)
                stem = full[:-3] if ending else full
                name = os.path.relpath(stem, top)
                if folder == LAB:
                    continue
                if not f.startswith('test_') or not f.endswith(ending) or '.' in stem[len(top):]:
                    continue
                if not ending and not os.path.exists('tests/%s.c' % name):
                    continue  # its source is gone
                if any(wanted(name, p) for p in paths):
                    tests.append((name, command + [full]))
    return sorted(tests)


def environment(out):
    """What tests may rely on."""
    env = dict(os.environ, CLEAT_BIN=os.path.abspath(out + '/bin'),
               CLEAT_TEST_DATA=os.path.abspath('tests/data'))
    env['CLEAT_TEST_VARIANT'] = os.path.basename(out)  # sanitizers are slow: a test may do less
    env.setdefault('ASAN_OPTIONS', 'abort_on_error=0:detect_leaks=1')
    env.setdefault('UBSAN_OPTIONS', 'print_stacktrace=1:halt_on_error=1')
    env.setdefault('TSAN_OPTIONS', 'halt_on_error=1:second_deadlock_stack=1')
    return env


def run(command, env):
    """(exit code or None for too long, output). The test's whole process group ends with it."""
    with subprocess.Popen(command, env=env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, start_new_session=True) as child:
        try:
            output, code = child.communicate(timeout=TIMEOUT_S)[0], child.returncode
        except subprocess.TimeoutExpired:
            os.killpg(child.pid, signal.SIGKILL)
            output, code = child.communicate()[0], None
        try:
            os.killpg(child.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
    return code, output.decode(errors='replace')


def lab_wanted(out, path):
    """Do the device tests run?"""
    if os.path.basename(out) == 'release' and path == '':
        return True
    return path.split('/')[0] == 'lab' and path.split('/')[1:2] != ['unit']


def run_lab(out, path, env, count):
    """Run the device tests, show their lines as they come, add their counts; the exit code."""
    with subprocess.Popen([LAB + '/run', '--out', out, path], env=env, stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, text=True) as child:
        closing = None
        for line in child.stdout:
            closing = re.fullmatch(r'(\d+) passed, (\d+) failed, (\d+) skipped\n', line)
            if not closing:
                print(line, end='', flush=True)
        code = child.wait()
    if closing:
        for key, number in zip(('passed', 'failed', 'skipped'), closing.groups()):
            count[key] += int(number)
    elif code != NO_SUCH_TEST:
        print('failed          lab  (the runner of the device tests ended with %d)' % code)
        count['failed'] += 1
    return code


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument('--out', default='build/release')
    parser.add_argument('--no-lab', action='store_true', help='leave the device tests out')
    parser.add_argument('paths', nargs='*', metavar='PATH')
    args = parser.parse_args()
    paths = [p.strip('/') for p in args.paths] or ['']
    tests, env = find(args.out, paths), environment(args.out)
    ci = os.environ.get('CI') == 'true'
    count = {'passed': 0, 'failed': 0, 'skipped': 0}
    lab = [p for p in paths if lab_wanted(args.out, p) and not args.no_lab]
    for path in paths:
        if path not in lab and not find(args.out, [path]):
            print('no test is called %s' % path, file=sys.stderr)
            return NO_SUCH_TEST
    for name, command in tests:
        start = time.monotonic()
        try:
            code, output = run(command, env)
        except OSError as error:
            code, output = 126, 'cannot be started: %s' % error
        seconds = time.monotonic() - start
        result, note = 'passed', ''
        if code == SKIPPED:
            reasons = [l for l in output.splitlines() if l.startswith('SKIP: ')]
            result, note = 'skipped', reasons[-1][6:] if reasons else 'no reason given'
            if ci:
                result, note = 'failed', 'skipped in CI: ' + note
        elif code is None:
            result, note = 'failed', 'longer than %d s' % TIMEOUT_S
        elif code < 0:
            result, note = 'failed', signal.Signals(-code).name
        elif code > 0:
            result, note = 'failed', 'exit code %d' % code
        count[result] += 1
        print('%-7s %6.2f s  %s%s' % (result, seconds, name, note and '  (%s)' % note), flush=True)
        if result == 'failed':
            print(''.join('    %s\n' % l for l in output.splitlines()[-60:]), end='', flush=True)
    for path in lab:
        if run_lab(args.out, path, env, count) == NO_SUCH_TEST and not find(args.out, [path]):
            return NO_SUCH_TEST
    print('%(passed)d passed, %(failed)d failed, %(skipped)d skipped' % count)
    return 1 if count['failed'] else 0


if __name__ == '__main__':
    sys.exit(main())
