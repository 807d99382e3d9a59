#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""test_bench.py - the benchmark works: names, forms, refusals. Not how fast anything is."""
import itertools
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile

BIN = os.environ.get('CLEAT_BIN', 'build/release/bin')
KEYS = {'case', 'params', 'unit', 'cleat', 'peer', 'ratio', 'goal', 'runs'}
SHORT = ('--no-peer', '--runs', '2', '--ms', '5')
failures = []


def expect(what, good):
    """Note a failure."""
    if not good:
        failures.append(what)
        print('failed: %s' % what)


def bench(*args):
    """(exit code, output, errors) of the program."""
    done = subprocess.run([BIN + '/cleat-bench', *args], capture_output=True, text=True,
                          check=False)
    return done.returncode, done.stdout, done.stderr


def leftovers():
    """What a run must not leave behind."""
    return sorted(n for n in os.listdir('/dev/shm') if n.startswith('cleat-bench-'))


def check_list():
    """Names, one a line, each with what it is."""
    code, out, _ = bench('--list')
    expect('--list: exit code %d' % code, code == 0)
    lines = [line.split(None, 1) for line in out.splitlines()]
    expect('--list: a name and what it is: %s' % lines, lines and all(len(l) == 2 for l in lines))
    names = [line[0] for line in lines]
    expect('--list: each name once', len(set(names)) == len(names))
    expect('--list: rings and pools: %s' % names, {'ring-spsc', 'mempool'} <= set(names))


def check_json():
    """One case between two processes, one in one."""
    before = leftovers()
    code, out, errors = bench('ring-spsc', 'mbuf', '--json', *SHORT)
    expect('--json: exit code %d: %s' % (code, errors), code == 0)
    rows = json.loads(out)
    expect('--json: rows of both cases: %s' % rows,
           {r['case'] for r in rows} == {'ring-spsc', 'mbuf'})
    for row in rows:
        expect('keys of %s' % row, KEYS <= set(row))
        expect('measured: %s' % row, row['cleat'] is not None and row['cleat'] > 0)
        expect('no peer, no ratio: %s' % row, row['peer'] is None and row['ratio'] is None)
        expect('two runs: %s' % row, row['runs'] == 2 and len(row['cleat_spread']) == 2)
        expect('goal and parameters: %s' % row, row['goal'] > 0 and row['params']['burst'] > 0)
    expect('progress is told on stderr: %s' % errors, '2 of 2' in errors)
    expect("says that Cleat's side is alone: %s" % errors, "side alone" in errors)
    expect('nothing is left behind', leftovers() == before)


def check_table():
    """The same for people."""
    code, out, _ = bench('mempool', *SHORT)
    expect('a table: exit code %d' % code, code == 0)
    expect('a table has a head: %s' % out, 'ratio' in out and 'goal' in out)
    expect('a table has rows: %s' % out, out.count('\nmempool ') == 4)


def check_help():
    """As the other programs have it, and a manual page made of it that lacks no option."""
    code, out, _ = bench('--help')
    expect('--help: exit code %d: %s' % (code, out), code == 0 and out.startswith('Usage: '))
    done = subprocess.run([sys.executable, 'tools/build/man.py', BIN + '/cleat-bench'],
                          capture_output=True, text=True, check=False)
    page = done.stdout.replace('\\', '')
    expect('the page: exit code %d' % done.returncode, done.returncode == 0)
    for words in ('cleat-bench - Cleat beside DPDK', '.SH OPTIONS', '.B --list',
                  '.B --json-file FILE', '.B --runs RUNS', '.SH EXIT CODES'):
        expect('"%s" in the page: %s' % (words, page), words in page)


def check_installed():
    """Where `scons install` puts things, the measured programs are found."""
    with tempfile.TemporaryDirectory() as prefix:
        os.mkdir(prefix + '/bin')
        os.mkdir(prefix + '/libexec')
        for name in ('cleat-bench', 'cleat-primary'):
            shutil.copy('%s/%s' % (BIN, name), prefix + '/bin')
        os.symlink(os.path.abspath(BIN + '/../bench'), prefix + '/libexec/cleat-bench')
        done = subprocess.run([prefix + '/bin/cleat-bench', 'mbuf', *SHORT], capture_output=True,
                              text=True, check=False)
        alone = subprocess.run([prefix + '/bin/cleat-bench', 'library', '--json', *SHORT],
                               capture_output=True, text=True, check=False)
    expect('installed: exit code %d: %s' % (done.returncode, done.stderr), done.returncode == 0 and
           done.stdout.count('\nmbuf ') == 2)
    expect('no libcleat.a: exit code %d: %s' % (alone.returncode, alone.stderr),
           alone.returncode == 1 and 'Traceback' not in alone.stderr)
    expect('no libcleat.a: the row says so: %s' % alone.stdout,
           'libcleat.a' in json.loads(alone.stdout or '[{}]')[0].get('error', ''))


def check_ended():
    """Told to end in the middle, it takes all with it and does not show its inside."""
    before = leftovers()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)  # as we may not have it, under nohup
        with subprocess.Popen([BIN + '/cleat-bench', '--no-peer', '--runs', '1000', 'request'],
                              stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
                              text=True) as running:
            first = itertools.takewhile(lambda line: '2 of' not in line, running.stderr)
            errors = ''.join(first)
            running.send_signal(number)
            errors += running.stderr.read()
        left = processes_of(running.pid)
        expect('%s: exit code %d' % (number.name, running.returncode),
               running.returncode == 128 + number)
        expect('%s: no traceback: %s' % (number.name, errors), 'Traceback' not in errors)
        expect('%s: no files left behind' % number.name, leftovers() == before)
        expect('%s: no processes left behind: %s' % (number.name, left), not left)
        for pid in left:
            os.kill(int(pid), signal.SIGTERM)


SLOW_PRIMARY = """#!/bin/bash
trap 'kill -TERM $PPID; sleep 1; kill -TERM $child; wait $child; exit' TERM
%s "$@" &
child=$!
wait $child
"""


def check_ended_at_the_end():
    """Told to end while it ends its primary, it waits for that all the same."""
    before = leftovers()
    with tempfile.TemporaryDirectory() as prefix:
        os.mkdir(prefix + '/bin')
        shutil.copy(BIN + '/cleat-bench', prefix + '/bin')
        os.symlink(os.path.abspath(BIN + '/../bench'), prefix + '/bench')
        with open(prefix + '/bin/cleat-primary', 'w', encoding='utf-8') as f:
            f.write(SLOW_PRIMARY % os.path.abspath(BIN + '/cleat-primary'))
        os.chmod(prefix + '/bin/cleat-primary', 0o700)
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        with subprocess.Popen([prefix + '/bin/cleat-bench', 'mbuf', *SHORT],
                              stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as running:
            code = running.wait()
        left = processes_of(running.pid)
        expect('ended at the end: exit code %d' % code, code == 128 + signal.SIGTERM)
        expect('ended at the end: processes left behind: %s' % left, not left)
        expect('ended at the end: no files left behind', leftovers() == before)
        for pid in left:
            os.kill(int(pid), signal.SIGKILL)


# Told to end within Popen(), or within what takes an instance's files away.
INTERRUPTED = """
import os, signal, subprocess, sys
sys.path.insert(0, sys.argv[1])
import places, ports, sides

class Place:
    whereabouts = places.Whereabouts(lambda: None, 0)
    core = staticmethod(int)
    name = path = staticmethod(lambda what: 'x')
    need_huge_dir = staticmethod(lambda: sys.argv[3])

def told(call):
    def and_told(*args, **more):
        result = call(*args, **more)
        print(result.pid if result else 0, flush=True)
        os.kill(os.getpid(), signal.SIGTERM)
        return result
    return and_told

def fail(*args, **more):
    raise sides.Failed('')

sides.heed_signals()
side = sides.Peer(Place, 5)
side.run = fail
if sys.argv[2] == 'popen':
    ports.subprocess.Popen = told(ports.subprocess.Popen)
    ports.null(side)
sides.shutil.rmtree = told(lambda *args, **more: None)
if sys.argv[2] == 'null':
    ports.null(side)
elif sys.argv[2] == 'pcap':
    ports.pcap_peer(side, '')
else:
    ports.memif_between(side, 64, 32, 'no')
"""


def check_peer_ended():
    """The same of testpmd, and of files that the peer leaves behind."""
    driver = os.path.dirname(os.path.abspath(__file__)) + '/driver'
    for what in ('popen', 'null', 'pcap', 'between'):
        with tempfile.TemporaryDirectory() as folder:
            with open(folder + '/stdbuf', 'w', encoding='utf-8') as f:  # it starts testpmd
                f.write('#!/bin/sh\n%s\n' % ('exec sleep 60' if what == 'popen' else ''))
            os.chmod(folder + '/stdbuf', 0o700)
            with open(folder + '/xmap_0', 'w', encoding='utf-8'):
                pass
            done = subprocess.run(
                [sys.executable, '-c', INTERRUPTED, driver, what, folder], check=False,
                capture_output=True, text=True,
                env=dict(os.environ, PATH=folder + ':' + os.environ['PATH']))
            started = done.stdout.split('\n', 1)[0]
            expect('%s: exit code %d: %s' % (what, done.returncode, done.stderr),
                   done.returncode == 128 + signal.SIGTERM)
            expect('%s: files are left behind' % what, not os.path.exists(folder + '/xmap_0'))
        if what == 'popen' and os.path.exists('/proc/' + started):
            expect('testpmd is left behind', False)
            os.kill(int(started), signal.SIGKILL)


def check_ended_later():
    """What was measured before is not lost."""
    with tempfile.TemporaryDirectory() as folder:
        command = [BIN + '/cleat-bench', '--no-peer', '--runs', '10', '--ms', '5', '--json-file',
                   folder + '/rows', 'mbuf', 'request']
        with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
                              text=True) as running:
            for line in running.stderr:
                if line.startswith('request'):
                    running.send_signal(signal.SIGTERM)
        with open(folder + '/rows', encoding='utf-8') as f:
            rows = json.load(f)
    expect('ended later: exit code %d' % running.returncode, running.returncode == 143)
    expect('ended later: rows of mbuf: %s' % rows, [r['case'] for r in rows] == ['mbuf'] * 2)


def hugepages():
    """How many the kernel has set aside."""
    with open('/proc/sys/vm/nr_hugepages', encoding='ascii') as f:
        return int(f.read())


def check_hugepages():
    """What is set aside for a case is given back, what others had stays theirs. Others may change it
    at the same time, but not each time."""
    sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)) + '/driver')
    import sides  # the program is made of it
    place, found = sides.Place(BIN), []
    try:
        for _ in range(5):
            before = hugepages()
            place.reserve_hugepages(place.free_hugepages() + 3)
            during = hugepages()
            place.give_back()
            found.append((during - before, hugepages() - before))
            if found[-1] == (3, 0):
                break
    finally:
        place.close()
    if os.access(sides.HUGE + 'nr_hugepages', os.W_OK):
        expect('3 hugepages are set aside and given back: %s' % found, found[-1] == (3, 0))


def processes_of(driver):
    """What it started and is still there."""
    return [n for n in os.listdir('/proc') if n.isdigit() and
            'bench-%d-' % driver in command_line(n)]


def command_line(pid):
    """Of a process, "" if it is no more."""
    try:
        with open('/proc/%s/cmdline' % pid, encoding='utf-8', errors='replace') as f:
            return f.read()
    except OSError:
        return ''


def check_usage():
    """What cannot be run."""
    for args, word in ((['nonsense'], 'nonsense'), (['--runs', '0'], '--runs'),
                       (['--nonsense'], '--nonsense'),
                       (['--json-file', '/nonexistent/file', 'mbuf', *SHORT], '/nonexistent/file')):
        code, _, errors = bench(*args)
        expect('%s: exit code 2, is %d' % (args, code), code == 2)
        expect('%s: "%s" in: %s' % (args, word, errors), word in errors)
        expect('%s: nothing is measured first: %s' % (args, errors), ' 1 of ' not in errors)


def main():
    check_list()
    check_usage()
    check_ended()
    check_ended_at_the_end()
    check_peer_ended()
    check_ended_later()
    check_hugepages()
    check_help()
    check_installed()
    check_json()
    check_table()
    return 1 if failures else 0


if __name__ == '__main__':
    sys.exit(main())
