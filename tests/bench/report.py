#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""report.py - results of tools/bench as a table in Markdown, and as plots.

    report.py FILE.json                       the table
    report.py FILE.json --plots FOLDER        plots as well: FOLDER/*.svg
    report.py FILE.json --into FILE.md        the table into a text, between its two marks

docs/performance.md is made with
    tests/bench/report.py docs/performance/run.json --plots docs/performance --into docs/performance.md
"""
import argparse
import json
import os
import re
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
import svg  # noqa: E402

BEGIN, END = '<!-- report.py: begin -->\n', '<!-- report.py: end -->\n'


def digits(value):
    """A number with three or so figures."""
    return '%.*f' % (0 if value >= 1000 else 1 if value >= 100 else 2, value)


def cell(row, side):
    """median (least to most)"""
    if row[side] is None:
        return '-'
    return '%s (%s to %s)' % tuple(digits(v) for v in (row[side], *row[side + '_spread']))


def verdict(row):
    """What became of the goal."""
    if row.get('error') or row['ratio'] is None or row['goal'] is None:
        return 'failed: ' + row['error'] if row.get('error') else ''
    if row['ratio'] >= row['goal']:
        return 'reached'
    return 'missed by %.0f %%' % ((1 - row['ratio'] / row['goal']) * 100)


def table(rows):
    """All rows."""
    out = ['| case | with | unit | Cleat | DPDK | ratio | goal | |',
           '|---|---|---|---:|---:|---:|---:|---|']
    for row in rows:
        params = ', '.join('%s %s' % (key, value) for key, value in row['params'].items())
        out.append('| %s | %s | %s | %s | %s | %s | %s | %s |' % (
            row['case'], params, row['unit'], cell(row, 'cleat'), cell(row, 'peer'),
            '-' if row['ratio'] is None else '%.2f' % row['ratio'],
            '-' if row['goal'] is None else '%g' % row['goal'], verdict(row)))
    return '\n'.join(out) + '\n'


def points(rows, case, place, turn=False, **fixed):
    """{side: points of a plot}: those rows of a case; `turn`: ns per element to millions per s."""
    sides = {}
    for row in rows:
        if row['case'] != case or any(row['params'].get(k) != v for k, v in fixed.items()):
            continue
        for side in ('cleat', 'peer'):
            if row[side]:
                values = [row[side], *row[side + '_spread']]
                if turn:
                    values = [1000 / values[0], 1000 / values[2], 1000 / values[1]]
                where = row['params'][place] if isinstance(place, str) else place
                sides.setdefault(side, []).append((where, values[0], tuple(values[1:])))
    return sides


def joined(*parts):
    """Points of several cases."""
    sides = {}
    for part in parts:
        for side, found in part.items():
            sides.setdefault(side, []).extend(found)
    return sides


def plots(rows):
    """{file: picture}; one that has no figures is left out."""
    def crowd(burst):
        return joined(points(rows, 'ring-local', 1, True, mode='mpmc', burst=burst),
                      points(rows, 'ring-mpmc', 2, True, burst=burst),
                      points(rows, 'ring-crowd', 4, True, burst=burst,
                             placing='one of each per core'))
    wanted = {
        'ring-spsc.svg': ('SPSC ring between two processes', 'burst', 'ns per element',
                          points(rows, 'ring-spsc', 'burst'), True),
        'ring-mpmc.svg': ('MPMC ring between two processes', 'burst', 'ns per element',
                          points(rows, 'ring-mpmc', 'burst'), True),
        'ring-processes.svg': ('MPMC ring on two cores, burst 32', 'processes',
                               'million elements per second', crowd(32), True),
        'pipeline.svg': ('Packets to another process and back', 'burst',
                         'million packets per second', points(rows, 'pipeline', 'burst'), False),
    }
    return {name: svg.plot(*what) for name, what in wanted.items() if what[3]}


def insert(path, text):
    """Put the table between the marks."""
    with open(path, encoding='utf-8') as f:
        old = f.read()
    if BEGIN not in old or END not in old:
        sys.exit('report.py: %s has no lines %s and %s' % (path, BEGIN.strip(), END.strip()))
    new = re.sub(re.escape(BEGIN) + '.*?' + re.escape(END), lambda m: BEGIN + text + END, old,
                 flags=re.S)
    with open(path, 'w', encoding='utf-8') as f:
        f.write(new)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split('\n', maxsplit=1)[0])
    parser.add_argument('file', metavar='FILE.json', help='what tools/bench --json wrote')
    parser.add_argument('--plots', metavar='FOLDER', help='write plots there')
    parser.add_argument('--into', metavar='FILE.md', help='put the table into that text')
    args = parser.parse_args()
    with open(args.file, encoding='utf-8') as f:
        rows = json.load(f)
    if args.plots:
        os.makedirs(args.plots, exist_ok=True)
        for name, picture in plots(rows).items():
            with open(os.path.join(args.plots, name), 'w', encoding='utf-8') as f:
                f.write(picture)
    if args.into:
        insert(args.into, '\n' + table(rows) + '\n')
    else:
        print(table(rows), end='')


if __name__ == '__main__':
    main()
