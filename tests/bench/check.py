#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""check.py - does an operation of the data path take more instructions than it did?

    check.py             compare build/release/bench/cleat_count with tests/bench/instructions.json
    check.py --record    write that file anew
    check.py --peer [--record]    the same of DPDK's peer_count and peer_instructions.json, for
                                  docs/performance.md: DPDK is no part of CI

Instructions are counted under valgrind: they are the same at each run, however busy the machine.
They depend on the compiler, so the file says which one it was recorded with.

Exit 0: nothing takes more than 3 % more; 1: something does, or could not be counted; 77: another
compiler than the recorded one (1 where CI=true).
"""
import argparse
import json
import os
import re
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
BASELINE = os.path.join(HERE, 'instructions.json')
PROGRAM = os.path.join(HERE, '../../build/release/bench/cleat_count')
PEER_BASELINE = os.path.join(HERE, 'peer_instructions.json')
PEER_PROGRAM = os.path.join(HERE, '../../build/release/bench/peer_count')
MARK = 'counted'  # the function whose calls are counted
ALLOWED = 0.03
SKIPPED = 77


class Failed(Exception):
    """No counts; says why."""


def dumps(text):
    """Instructions between one dump of callgrind and the next, for those at the mark's end."""
    parts = re.findall(r'^desc: Trigger: (\S+)\n(?:.*\n)*?totals: (\d+)$', text, re.M)
    return [int(total) for trigger, total in parts if trigger == '--dump-after=' + MARK]


def per_element(lines, totals):
    """{name and burst: instructions per element} of what the program says and what was counted."""
    if not lines or len(totals) != 2 * len(lines):
        raise Failed('%d operations, but %d counts: does %s() still stand for itself?' % (
            len(lines), len(totals), MARK))
    counts = {}
    for number, line in enumerate(lines):
        name, burst, rounds = line.split()
        once, twice = totals[2 * number:2 * number + 2]
        counts['%s %s' % (name, burst)] = round((twice - once) / int(rounds) / int(burst), 2)
    return counts


def count(program):
    """Run the program under callgrind."""
    if not os.path.exists(program):
        raise Failed('%s is not built: `scons bench-check` builds it' % program)
    with tempfile.TemporaryDirectory() as folder:
        out = folder + '/out'
        command = ['valgrind', '--tool=callgrind', '--callgrind-out-file=' + out,
                   '--combine-dumps=yes', '--dump-before=' + MARK, '--dump-after=' + MARK, program]
        try:
            done = subprocess.run(command, capture_output=True, text=True, check=False)
        except FileNotFoundError:
            raise Failed('valgrind is missing: tools/deps.sh count') from None
        if done.returncode:
            raise Failed('valgrind ended with %d: %s' % (done.returncode, done.stderr[-1000:]))
        with open(out, encoding='utf-8', errors='replace') as f:
            return per_element(done.stdout.splitlines(), dumps(f.read()))


def compiler(program):
    """What built it, and which version."""
    done = subprocess.run(['readelf', '-p', '.comment', program], capture_output=True, text=True,
                          check=True)
    found = re.findall(r'^ +\[ *[0-9a-f]+\] +(\w+).* (\d+\.\S+)$', done.stdout, re.M)
    return ', '.join(' '.join(words) for words in found)


def compare(counts, before):
    """(sentences on what takes too much, sentences on what else differs)."""
    worse, other = [], []
    for name in sorted(set(counts) | set(before)):
        if name not in before or name not in counts:
            worse.append('%s: only %s' % (name, 'counted' if name in counts else 'recorded'))
            continue
        change = counts[name] / before[name] - 1
        said = '%s: %.2f instructions per element, recorded %.2f (%+.1f %%)' % (
            name, counts[name], before[name], change * 100)
        if change > ALLOWED:
            worse.append(said)
        elif change < -ALLOWED:
            other.append(said)
    return worse, other


def judge(found, recorded):
    """Tell the outcome. @return exit code"""
    print('%-18s %10s %10s' % ('instructions of', 'recorded', 'now'))
    before = recorded['instructions']
    for name, value in found['instructions'].items():
        print('%-18s %10s %10.2f' % (
            name, '%.2f' % before[name] if name in before else '-', value))
    if found['compiler'] != recorded['compiler']:
        print('SKIP: recorded with "%s", built with "%s"' % (
            recorded['compiler'], found['compiler']))
        return 1 if os.environ.get('CI') == 'true' else SKIPPED
    worse, better = compare(found['instructions'], before)
    for said in better:
        print('less: ' + said)
    if better:
        print('record anew with scons bench-check record=1')
    for said in worse:
        print('FAILED: ' + said)
    if worse:
        print('if that is meant, record anew with scons bench-check record=1, and say why')
    return 1 if worse else 0


def main():
    parser = argparse.ArgumentParser(description=__doc__.split('\n', maxsplit=1)[0])
    parser.add_argument('--peer', action='store_true', help="DPDK's operations and counts")
    parser.add_argument('--program', help='what runs the operations')
    parser.add_argument('--baseline', help='the recorded counts')
    parser.add_argument('--counts', help='take counts from this file; count nothing')
    parser.add_argument('--record', action='store_true', help='write the counts as the recorded')
    args = parser.parse_args()
    args.program = args.program or (PEER_PROGRAM if args.peer else PROGRAM)
    args.baseline = args.baseline or (PEER_BASELINE if args.peer else BASELINE)
    try:
        if args.counts:
            with open(args.counts, encoding='utf-8') as f:
                found = json.load(f)
        else:
            found = {'compiler': compiler(args.program), 'instructions': count(args.program)}
        if args.record:
            with open(args.baseline, 'w', encoding='utf-8') as f:
                f.write(json.dumps(found, indent=2) + '\n')
            print('recorded: ' + os.path.relpath(args.baseline))
            return 0
        with open(args.baseline, encoding='utf-8') as f:
            recorded = json.load(f)
    except (Failed, OSError, ValueError, subprocess.CalledProcessError) as why:
        print('check.py: %s' % why, file=sys.stderr)
        return 1
    return judge(found, recorded)


if __name__ == '__main__':
    sys.exit(main())
