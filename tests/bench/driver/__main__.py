# SPDX-License-Identifier: BSD-3-Clause
"""Cleat beside DPDK: the same work, in the same processes, on the same cores.

CASE: all without one; --list names them. Each figure is the median of several runs, Cleat's and
DPDK's in turn (A B A B ...). The ratio is above 1 where Cleat is better. Without DPDK on this
machine Cleat's figures are shown alone."""
import argparse
import contextlib
import json
import os
import sys

import cases
import machine
import places
import report
import sides

BY_NAME = {case.name: case for case in cases.CASES}


class Help(argparse.RawDescriptionHelpFormatter):
    """As the other programs word it."""

    def add_usage(self, usage, actions, groups, prefix=None):
        super().add_usage(usage, actions, groups, 'Usage: ')


def add_options(parser):
    """All of them, without a heading."""
    group = parser.add_argument_group()
    group.add_argument('--list', action='store_true', help='the names of the cases')
    group.add_argument('--json', action='store_true', help='a list of results instead of a table')
    group.add_argument('--json-file', metavar='FILE', help='write that list into FILE as well')
    group.add_argument('--runs', type=int, default=5, help='of each side (default 5)')
    group.add_argument('--ms', type=int, default=200,
                       help='how long one run measures, in milliseconds (default 200);\n'
                            'io-null, pcap and what is no loop take their own time')
    group.add_argument('--no-peer', action='store_true', help="Cleat's side alone")
    group.add_argument('-h', '--help', action='help', help='this text')


def arguments():
    """The command line."""
    parser = argparse.ArgumentParser(
        prog='cleat-bench', description=__doc__, formatter_class=Help,
        usage='%(prog)s [OPTION...] [CASE...]', add_help=False,
        epilog='Exit codes: 0 all that was asked for was measured, goals missed or not;\n'
               '1 a measurement failed; 2 wrong usage.')
    parser.add_argument('case', nargs='*', metavar='CASE', help=argparse.SUPPRESS)
    add_options(parser)
    args = parser.parse_args()
    for name in args.case:
        if name not in BY_NAME:
            parser.error('there is no case %s; --list names them' % name)
    if args.runs < 1 or args.ms < 1:
        parser.error('--runs and --ms: give 1 or more')
    if args.json_file and not writable(args.json_file):
        parser.error('--json-file: %s cannot be written' % args.json_file)
    return args


def writable(name):
    """Whether such a file can be made or written over, as far as that shows beforehand."""
    if os.path.exists(name):
        return not os.path.isdir(name) and os.access(name, os.W_OK)
    return os.access(os.path.dirname(name) or '.', os.W_OK)


def one_pair(case, params, both, label):
    """A run of each side: ({side: value}, why one failed or '')."""
    values, why = {}, ''
    for side in both:
        sides.say('%s %s: %s %s' % (case.name, params, side.title, label))
        try:
            values[side.name] = case.measure(side, **params, **case.fixed)
        except sides.Cannot as error:
            sides.say('  none for %s: %s' % (side.title, error))
        except sides.Failed as error:
            why = '%s: %s' % (side.title, ' '.join(str(error).split()))
            sides.say('  ' + why)
    return values, why


def measure(case, params, goal, both, runs):
    """All runs of one point, the sides in turn."""
    values, why, where = {side.name: [] for side in both}, '', both[0].place.whereabouts
    where.row()
    for number in range(1, runs + 1):
        pair, failed = one_pair(case, params, both, '%d of %d' % (number, runs))
        why = failed or why
        for side, value in pair.items():
            values[side].append(value)
    row = report.row_of(case, params, goal, values)
    if where.line_ns:
        row.update(line_ns=where.line_ns, again=where.again, mixed=where.mixed(where.line_ns))
    if why:
        row['error'] = why
    return row


AUTOGROUP = '/proc/self/autogroup'  # niceness counts among sessions only through it


def set_autogroup(nice):
    """Niceness of our session, where there are such groups and it is allowed."""
    with contextlib.suppress(OSError):
        with open(AUTOGROUP, 'w', encoding='ascii') as f:
            f.write(str(nice))


@contextlib.contextmanager
def first_in_line():
    """Go before others on this machine, as all that we start do then, if that is allowed."""
    try:
        os.setpriority(os.PRIO_PROCESS, 0, -20)
        set_autogroup(-20)
    except PermissionError:
        pass
    try:
        yield
    finally:
        set_autogroup(0)


def run(args, place, rows):
    """All that was asked for, row by row."""
    both = [sides.Cleat(place, args.ms)]
    peer = sides.Peer(place, args.ms)
    missing = 'not asked for' if args.no_peer else peer.missing()
    if missing is None:
        both.append(peer)
    else:
        sides.say("Cleat's side alone; DPDK: " + missing)
    if len(place.cores) < 2:
        sides.say('this machine has one processor for us: all processes share it')
    load = os.getloadavg()[0]
    if load > len(place.cores) / 2:
        sides.say('others keep this machine busy (load %.1f): figures of several processes are '
                  'worth less' % load)
    try:
        for name in args.case or BY_NAME:
            case = BY_NAME[name]
            if not args.json:
                print('\n%s\n%s' % (case.about, report.HEAD))
            for params, goal in case.points:
                rows.append(measure(case, params, goal, both, args.runs))
                if not args.json:
                    print(report.line(rows[-1]), flush=True)
            for side in both:
                side.disperse()
            place.give_back()
            if case.flat is not None:
                rows.append(report.flat_row(case, rows[-len(case.points):]))
                if not args.json:
                    print(report.line(rows[-1]), flush=True)
    finally:
        for row in rows:
            if row.get('line_ns'):  # by all that was seen
                row['mixed'] = place.whereabouts.mixed(row['line_ns'])
        with sides.undisturbed():  # one that is cut off would leave the others behind
            for side in both:
                side.close()


def tell(args, rows):
    """As JSON; also what there is of a run that was ended."""
    text = json.dumps(rows, indent=2)
    if args.json:
        print(text)
    if args.json_file:
        with open(args.json_file, 'w', encoding='utf-8') as f:
            f.write(text + '\n')


def main():
    sides.heed_signals()
    args = arguments()
    if args.list:
        for case in cases.CASES:
            print('%-12s %s' % (case.name, case.about))
        return 0
    rows = []
    with contextlib.closing(sides.Place(os.path.dirname(os.path.realpath(sys.argv[0])))) as place:
        place.whereabouts = places.Whereabouts(lambda: machine.glance(place), args.ms / 1000)
        try:
            with first_in_line():
                run(args, place, rows)
        except sides.Failed as why:
            print('cleat-bench: %s' % why, file=sys.stderr)
            return 1
        finally:
            tell(args, rows)
    return 1 if any(r.get('error') for r in rows) else 0


if __name__ == '__main__':
    sys.exit(main())
