# SPDX-License-Identifier: BSD-3-Clause
"""report.py - rows of results: medians, ratio, verdict; as a table."""
import statistics


def digits(value):
    """A number with three or so figures."""
    if value is None:
        return '-'
    return '%.*f' % (0 if value >= 1000 else 1 if value >= 100 else 2, value)


def row_of(case, params, goal, values):
    """One result. `values`: {'cleat': [...], 'peer': [...]}, each may be empty."""
    row = {'case': case.name, 'params': params, 'unit': case.unit}
    for side in ('cleat', 'peer'):
        runs = values.get(side) or []
        row[side] = statistics.median(runs) if runs else None
    row['ratio'] = None
    if row['cleat'] and row['peer']:
        row['ratio'] = row['peer'] / row['cleat'] if case.lower() else row['cleat'] / row['peer']
    row['goal'] = goal
    row['runs'] = max((len(v) for v in values.values()), default=0)
    row['reached'] = None if row['ratio'] is None or goal is None else row['ratio'] >= goal
    for side in ('cleat', 'peer'):
        runs = values.get(side) or []
        row[side + '_spread'] = [min(runs), max(runs)] if runs else None
    return row


def flat_row(case, rows):
    """How much a figure grows over its case's points; the ratio is what is allowed to that."""
    row = {'case': case.name, 'params': {'of': 'most to least of all'}, 'unit': 'times'}
    for side in ('cleat', 'peer'):
        values = [r[side] for r in rows]
        row[side] = max(values) / min(values) if all(values) else None
        row[side + '_spread'] = [row[side]] * 2 if row[side] else None
    row.update(ratio=case.flat / row['cleat'] if row['cleat'] else None, goal=1,
               runs=max(r['runs'] for r in rows))
    row['reached'] = None if row['ratio'] is None else row['ratio'] >= 1
    return row


def spread(row, side):
    """median (least-most)"""
    if row[side] is None:
        return '-'
    return '%s (%s-%s)' % ((digits(row[side]),) + tuple(digits(v) for v in row[side + '_spread']))


def verdict(row):
    """What became of the goal."""
    if row.get('error'):
        return row['error']
    return {None: '', True: 'reached', False: 'MISSED'}[row['reached']] + (
        ', not all where cores are farthest' if row.get('mixed') else '')


def line(row):
    """A row as text."""
    what = ' '.join('%s=%s' % item if not isinstance(item[1], str) else item[1]
                    for item in row['params'].items())
    return '%-12s %-34s %-11s %-26s %-26s %6s %6s  %s' % (
        row['case'], what, row['unit'], spread(row, 'cleat'), spread(row, 'peer'),
        '-' if row['ratio'] is None else '%.2f' % row['ratio'],
        '-' if row['goal'] is None else '%g' % row['goal'], verdict(row))


HEAD = '%-12s %-34s %-11s %-26s %-26s %6s %6s' % (
    'case', 'with', 'unit', 'cleat: median (spread)', 'DPDK: median (spread)', 'ratio', 'goal')
