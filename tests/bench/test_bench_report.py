#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""test_bench_report.py - report.py makes a table and plots of results, and says what was missed."""
import json
import os
import re
import subprocess
import sys
import tempfile
import xml.etree.ElementTree as xml

HERE = os.path.dirname(os.path.abspath(__file__))
failures = []


def expect(what, good):
    """Note a failure."""
    if not good:
        failures.append(what)
        print('failed: %s' % what)


def row(burst, cleat, peer, goal):
    """As the benchmark writes one; no peer: no ratio."""
    return {'case': 'ring-spsc', 'params': {'burst': burst}, 'unit': 'ns/element', 'cleat': cleat,
            'peer': peer, 'ratio': peer and peer / cleat, 'goal': goal, 'runs': 3,
            'cleat_spread': [cleat * 0.9, cleat * 1.2],
            'peer_spread': peer and [peer * 0.9, peer * 1.1]}


ROWS = [row(1, 10.0, 50.0, 4), row(8, 5.0, 10.0, 3), row(32, 2.0, None, 1.5)]


def report(folder, rows, *args):
    """(exit code, output and errors)"""
    with open(folder + '/run.json', 'w', encoding='utf-8') as f:
        json.dump(rows, f)
    done = subprocess.run([sys.executable, HERE + '/report.py', folder + '/run.json', *args],
                          capture_output=True, text=True, check=False)
    return done.returncode, done.stdout + done.stderr


def check_table(folder):
    """Each row says its ratio and what became of the goal."""
    code, out = report(folder, ROWS)
    expect('table: exit code %d: %s' % (code, out), code == 0)
    lines = out.splitlines()
    expect('a head, a rule and three rows: ' + out, len(lines) == 5)
    for line, word in zip(lines[2:], ('| 5.00 | 4 | reached |', '| 2.00 | 3 | missed by 33.3 % |',
                                      '| - | - | 1.5 |  |')):
        expect('"%s" in: %s' % (word, line), word in line)
    code, out = report(folder, [dict(ROWS[0], error='one line\nanother')])
    expect('a failed run is said, in one line: ' + out, len(out.splitlines()) == 3 and
           '| reached, not all runs succeeded |' in out)
    expect('the spread: ' + lines[2], '10.00 (9.00 to 12.00)' in lines[2])
    moved = dict(ROWS[1], line_ns=[50.0, 300.0], again=[['peer', 7.0]] * 4, mixed=True)
    code, out = report(folder, [dict(ROWS[0], line_ns=[250.0]), moved])
    expect('what a line took: ' + out, 'median of 3 looks' in out and ': 250.0 ns' in out and
           '50.00 to 300.0 ns' in out)
    expect('runs that were made again, rows of several places: ' + out,
           '4 runs were made again' in out and 'all the same: ring-spsc 8.' in out)


def check_documented(folder):
    """What docs/performance.md is made of can be read, and stands there."""
    docs = HERE + '/../../docs/performance'
    with open(docs + '/run.json', encoding='utf-8') as f:
        code, out = report(folder, json.load(f))
    expect('run.json: exit code %d: %s' % (code, out), code == 0)
    with open(docs + '.md', encoding='utf-8') as f:
        expect('performance.md has its table', out.split('\n\n')[0] in f.read())


def check_plots(folder):
    """Each is XML with a line for each side; what has no figures has no plot."""
    code, out = report(folder, ROWS, '--plots', folder + '/plots')
    expect('plots: exit code %d: %s' % (code, out), code == 0)
    expect('only what was measured', os.listdir(folder + '/plots') == ['ring-spsc.svg'])
    name = '{http://www.w3.org/2000/svg}'
    picture = xml.parse(folder + '/plots/ring-spsc.svg').getroot()
    counts = {kind: len(list(picture.iter(name + kind))) for kind in
              ('polyline', 'circle', 'rect')}
    expect('lines and points: %s' % counts, counts == {'polyline': 2, 'circle': 3, 'rect': 2})
    words = [t.text for t in picture.iter(name + 'text')]
    for word in ('burst', 'Cleat', 'DPDK', '1', '8', '32', '50', '2'):
        expect('"%s" among %s' % (word, words), word in words)
    code, out = report(folder, ROWS, '--plots', folder + '/cycles', '--ghz', '2.5')
    expect('in cycles: exit code %d: %s' % (code, out), code == 0)
    picture_in_cycles = xml.parse(folder + '/cycles/ring-spsc.svg').getroot()
    words = [t.text for t in picture_in_cycles.iter(name + 'text')]
    expect('cycles per element among %s' % words, 'cycles of 2.5 GHz per element' in words)
    heights = [float(c.get('cy')) for c in picture.iter(name + 'circle')]
    expect('less is lower: %s' % heights, heights == sorted(heights) and heights[0] < heights[1])


def check_into(folder):
    """The table replaces what stands between the marks, and nothing else."""
    path = folder + '/text.md'
    for before in ('', 'old\n'):
        with open(path, 'w', encoding='utf-8') as f:
            f.write('above\n<!-- report.py: results -->\n%s<!-- report.py: end -->\nbelow\n'
                    '<!-- report.py: instructions -->\nold\n<!-- report.py: end -->\nlast\n' %
                    before)
        code, out = report(folder, ROWS, '--into', path)
        expect('--into: exit code %d: %s' % (code, out), code == 0)
        with open(path, encoding='utf-8') as f:
            text = f.read()
        expect('around it all stays: ' + text, text.startswith('above\n') and
               text.endswith('\nlast\n') and '\nbelow\n' in text and 'old' not in text)
        counted = re.findall(r'^\| ring-spsc \| \d.*$', text, re.M)
        expect('both tables: ' + text, text.count('| ring-spsc | burst') == 3 and
               len(counted) == 1)
        expect('three bursts of both sides: ' + counted[0], 'burst 8: Cleat | DPDK' in text and
               len(re.findall(r' \d+\.\d+ ', counted[0])) == 6)
    with open(path, 'w', encoding='utf-8') as f:
        f.write('no marks\n')
    code, out = report(folder, ROWS, '--into', path)
    expect('no marks: exit code %d: %s' % (code, out), code == 1 and 'has no lines' in out)


def main():
    with tempfile.TemporaryDirectory() as folder:
        check_table(folder)
        check_documented(folder)
        check_plots(folder)
        check_into(folder)
    return 1 if failures else 0


if __name__ == '__main__':
    sys.exit(main())
