#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""report.py - results of tools/bench as a table in Markdown, and as plots.

    report.py FILE.json                       the table
    report.py FILE.json --plots FOLDER        plots as well: FOLDER/*.svg; --ghz N: in cycles
    report.py FILE.json --into FILE.md        the table into a text, between its marks; and between
                                              others, if it has them, check.py's recorded counts

docs/performance.md is made with
    tests/bench/report.py docs/performance/run.json --plots docs/performance --ghz 2.45 \
        --into docs/performance.md
"""
import argparse
import json
import os
import re
import statistics
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
import check  # noqa: E402
import svg  # noqa: E402

RESULTS, COUNTS = '<!-- report.py: results -->\n', '<!-- report.py: instructions -->\n'
END = '<!-- report.py: end -->\n'


def digits(value):
    """A number with three or so figures."""
    return '%.*f' % (0 if value >= 1000 else 1 if value >= 100 else 2, value)


def share(ratio):
    """A ratio; a small one is not 0."""
    return '%.2f' % ratio if ratio >= 0.1 else '%.2g' % ratio


def cell(row, side):
    """median (least to most)"""
    if row[side] is None:
        return '-'
    return '%s (%s to %s)' % tuple(digits(v) for v in (row[side], *row[side + '_spread']))


def verdict(row):
    """What became of the goal."""
    said = []
    if row['ratio'] is not None and row['goal'] is not None:
        said.append('reached' if row['ratio'] >= row['goal'] else
                    'missed by %.3g %%' % ((1 - row['ratio'] / row['goal']) * 100))
    if row.get('error'):  # may be pages; the file has it
        said.append('not all runs succeeded')
    return ', '.join(said)


def far(row):
    """What a line took to the other core meanwhile, in ns, where that decides."""
    return '%.0f' % statistics.median(row['line_ns']) if row.get('line_ns') else ''


def table(rows):
    """All rows."""
    out = ['| case | with | unit | Cleat | DPDK | ratio | goal | | line |',
           '|---|---|---|---:|---:|---:|---:|---|---:|']
    for row in rows:
        params = ', '.join('%s %s' % (key, value) for key, value in row['params'].items())
        out.append('| %s | %s | %s | %s | %s | %s | %s | %s | %s |' % (
            row['case'], params, row['unit'], cell(row, 'cleat'), cell(row, 'peer'),
            '-' if row['ratio'] is None else share(row['ratio']),
            '-' if row['goal'] is None else '%g' % row['goal'], verdict(row), far(row)))
    return '\n'.join(out) + '\n'


def moved(rows):
    """What a line took to the other core during the run: it tells where a virtual machine's
    processors were."""
    looks = sorted(n for row in rows for n in row.get('line_ns') or ())
    if not looks:
        return ''
    mixed = [' '.join([row['case'], *map(str, row['params'].values())])
             for row in rows if row.get('mixed')]
    return ('\nBefore and after each run between two processors it was looked how long a line took '
            'from one to the other: %s ns as\nthe median of %d looks, %s to %s ns in nine of ten '
            'of them. %d runs were made again because the processors had\nmoved; rows with runs '
            'elsewhere all the same: %s.\n' % (
                digits(statistics.median(looks)), len(looks),
                *(digits(looks[int(len(looks) * part)]) for part in (0.05, 0.95)),
                sum(len(row.get('again', ())) for row in rows), ', '.join(mixed) or 'none'))


def recorded(path):
    """{(operation, burst): instructions per element} that check.py recorded."""
    with open(path, encoding='utf-8') as f:
        return {tuple(k.split()): v for k, v in json.load(f)['instructions'].items()}


def instructions():
    """What check.py recorded of both sides: a row for each operation, columns for each burst."""
    ours, theirs = recorded(check.BASELINE), recorded(check.PEER_BASELINE)
    bursts = sorted({burst for _, burst in ours}, key=int)
    out = ['| operation | ' + ' | '.join('burst %s: Cleat | DPDK' % b for b in bursts) + ' |',
           '|---|' + '---:|' * (2 * len(bursts))]
    for name in dict.fromkeys(name for name, _ in ours):
        out.append('| %s | %s |' % (name, ' | '.join(
            digits(side[name, b]) if (name, b) in side else '-'
            for b in bursts for side in (ours, theirs))))
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


def in_cycles(sides, ghz):
    """Points in ns as points in cycles."""
    return {side: [(where, value * ghz, tuple(v * ghz for v in spread))
                   for where, value, spread in found] for side, found in sides.items()}


def plots(rows, ghz):
    """{file: picture}; one that has no figures is left out. `ghz`: cycles instead of ns."""
    per_element = 'cycles of %g GHz per element' % ghz if ghz else 'ns per element'

    def bursts(case):
        return in_cycles(points(rows, case, 'burst'), ghz or 1)

    def crowd(burst):
        return joined(points(rows, 'ring-local', 1, True, mode='mpmc', burst=burst),
                      points(rows, 'ring-mpmc', 2, True, burst=burst),
                      points(rows, 'ring-crowd', 4, True, burst=burst,
                             placing='one of each per core'))
    wanted = {
        'ring-spsc.svg': ('SPSC ring between two processes', 'burst', per_element,
                          bursts('ring-spsc'), True),
        'ring-mpmc.svg': ('MPMC ring between two processes', 'burst', per_element,
                          bursts('ring-mpmc'), True),
        'ring-processes.svg': ('MPMC ring on two cores, burst 32', 'processes',
                               'million elements per second', crowd(32), True),
        'pipeline.svg': ('Packets to another process and back', 'burst',
                         'million packets per second', points(rows, 'pipeline', 'burst'), False),
    }
    return {name: svg.plot(*what) for name, what in wanted.items() if what[3]}


def insert(path, rows):
    """Put the tables between the marks."""
    with open(path, encoding='utf-8') as f:
        text = f.read()
    if not re.search(RESULTS + '(.*\n)*?' + END, text):
        sys.exit('report.py: %s has no lines %s and %s' % (path, RESULTS.strip(), END.strip()))
    for begin, made in ((RESULTS, table(rows) + moved(rows)), (COUNTS, instructions())):
        new = '%s\n%s\n%s' % (begin, made, END)
        text = re.sub(begin + '(?:.*\n)*?' + END, lambda m, new=new: new, text)
    with open(path, 'w', encoding='utf-8') as f:
        f.write(text)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split('\n', maxsplit=1)[0])
    parser.add_argument('file', metavar='FILE.json', help='what tools/bench --json wrote')
    parser.add_argument('--plots', metavar='FOLDER', help='write plots there')
    parser.add_argument('--ghz', type=float, metavar='N',
                        help="the processor's clock: plots of cycles instead of ns")
    parser.add_argument('--into', metavar='FILE.md', help='put the table into that text')
    args = parser.parse_args()
    with open(args.file, encoding='utf-8') as f:
        rows = json.load(f)
    if args.plots:
        os.makedirs(args.plots, exist_ok=True)
        for name, picture in plots(rows, args.ghz).items():
            with open(os.path.join(args.plots, name), 'w', encoding='utf-8') as f:
                f.write(picture)
    if args.into:
        insert(args.into, rows)
    else:
        print(table(rows) + moved(rows), end='')


if __name__ == '__main__':
    main()
