#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""test_cleat.py - the tool against a running primary: every command, both forms, exit codes."""
import json
import os
import re
import subprocess
import sys
import time

BIN = os.environ.get('CLEAT_BIN', 'build/release/bin')
INSTANCE = 'test-tool-%d' % os.getpid()
COMMANDS = ['ps', 'zones', 'map', 'devices', 'ports', 'queues', 'offloads', 'rings', 'pools',
            'lcores', 'stats', 'audit']
failures = []


def expect(what, good):
    """Note a failure."""
    if not good:
        failures.append(what)
        print('failed: %s' % what)


def cleat(*args, instance=INSTANCE):
    """(exit code, output, errors) of the tool."""
    done = subprocess.run([BIN + '/cleat', '--instance', instance, *args], capture_output=True,
                          text=True, check=False)
    return done.returncode, done.stdout, done.stderr


def wait_until(what, condition):
    """Up to 20 s."""
    end = time.monotonic() + 20
    while time.monotonic() < end:
        if condition():
            return
        time.sleep(0.05)
    expect(what, False)


def rows(command):
    """A command's rows."""
    return json.loads(cleat(command, '--json')[1])


def check_usage():
    """Nothing runs yet."""
    code, _, errors = cleat('ps')
    expect('no primary: 3', code == 3)
    expect('no primary: says what to do', 'cleat-primary' in errors)
    for args, word in ((['frobnicate'], 'frobnicate'), ([], 'cleat ps'), (['ps', 'map'], 'one'),
                       (['ps', '--watch'], 'stats'), (['stats', '--watch=0'], '--watch'),
                       (['stats', '--count', 'x'], '--count'),
                       (['stats', '--count', '3'], '--watch'), (['ps', '--timeout', '1'], 'audit'),
                       (['ps', '--all'], '--all'),
                       (['stats', '--all', '--watch'], '--all'), (['--nonsense'], 'nonsense')):
        code, _, errors = cleat(*args)
        expect('%s: exit code 2, is %d' % (args, code), code == 2)
        expect('%s: "%s" in: %s' % (args, word, errors), word in errors)
    expect('a bad instance name', cleat('ps', instance='a/b')[0] == 2)
    expect('--help', cleat('--help')[0] == 0)


def check_help():
    """Options begin at the left, descriptions are indented, lines fit."""
    for program in ('cleat', 'cleat-primary', 'cleat-rxtx', 'cleat-l2fwd'):
        done = subprocess.run([BIN + '/' + program, '--help'], capture_output=True, text=True,
                              check=False)
        expect(program + ' --help: 0', done.returncode == 0)
        for line in done.stdout.splitlines():
            far = re.match(' {7,}-', line)
            expect('%s --help: %s' % (program, line), len(line) <= 100 and not far)


def check_unwritable():
    """A full disk is no success."""
    for command in (['cleat', 'ps'], ['cleat', 'map'], ['cleat', 'audit', '--json'],
                    ['cleat-rxtx', '--attach-only'],
                    ['cleat-rxtx', '--rx', 'ring:z', '--mode', 'rxonly', '--seconds', '0.1']):
        with open('/dev/full', 'w') as full:
            done = subprocess.run([BIN + '/' + command[0], '--instance', INSTANCE] + command[1:],
                                  stdout=full, stderr=subprocess.PIPE, text=True, check=False)
        expect('%s > /dev/full: 1, is %d' % (command, done.returncode), done.returncode == 1)
        expect('%s > /dev/full: says so' % command, 'cannot be written' in done.stderr)


def check_forms():
    """Every command for people and as JSON."""
    for command in COMMANDS:
        code, out, errors = cleat(command)
        expect('%s: exit code %d %s' % (command, code, errors), code == 0)
        widest = max(out.splitlines(), key=len, default='')
        expect('%s within 100 columns: %s' % (command, widest), 0 < len(widest) <= 100)
        expect('%s: no colour in a pipe' % command, '\033' not in out)
        code, out, errors = cleat(command, '--json')
        expect('%s --json: exit code %d %s' % (command, code, errors), code == 0)
        expect('%s --json: an array with something in it' % command, len(json.loads(out)) > 0)


def check_contents():
    """What is shown is so."""
    names = {p['name']: p for p in rows('ps')}
    expect('ps shows the worker', names.get('w', {}).get('state') == 'ready')
    expect('ps shows the primary', any(p['role'] == 'primary' for p in names.values()))
    expect('two ports', [p['driver'] for p in rows('ports')] == ['net_null', 'net_null'])
    expect('two devices', [d['device'] for d in rows('devices')['devices']] ==
           ['net_null0', 'net_null1'])
    loads = rows('offloads')
    expect('offloads of two ports: %s' % loads,
           len(loads) >= 14 and not any(o['has'] or o['on'] for o in loads))
    counters = {(c['port'], c['counter']) for c in json.loads(cleat('stats', '--all', '--json')[1])}
    expect('counters by name: %s' % counters,
           {(0, 'rx_packets'), (1, 'tx_q0_dropped')} <= counters)
    holders = [q['holder'] for q in rows('queues') if q['holder']]
    expect('the worker holds queues: %s' % holders, any(h.startswith('w (pid') for h in holders))
    for segment in rows('map'):
        if segment['pieces']:
            total = sum(p['len_bytes'] for p in segment['pieces'])
            expect('the map adds up: %s' % segment, abs(total - segment['len_bytes']) < 65536)
    expect('the map sums up by node', re.search(r'\nNODE +SEGMENTS .*\n +\d+ +1 +64.0 MiB ',
                                                cleat('map')[1]))
    for pool in rows('audit'):
        where = ('in_pool', 'in_processes', 'in_rings', 'in_queues', 'shared', 'lost')
        expect('the audit adds up: %s' % pool, pool['size'] == sum(pool[k] for k in where))
        expect('the audit says ok: %s' % pool, pool['ok'] and pool['lost'] == 0)


def check_watch():
    """Rates while packets move."""
    code, out, _ = cleat('stats', '--watch=0.2', '--count', '3', '--json')
    looks, at, decoder = [], 0, json.JSONDecoder()
    while out[at:].strip():
        at += len(out[at:]) - len(out[at:].lstrip())
        look, at = decoder.raw_decode(out, at)
        looks.append(look)
    expect('--watch --count 3: exit code %d' % code, code == 0)
    expect('three looks', len(looks) == 3)
    expect('packets move', all(look[0]['rx_packets_per_s'] > 0 for look in looks))


def main():
    check_usage()
    check_help()
    primary = subprocess.Popen([BIN + '/cleat-primary', '--instance', INSTANCE, '--no-huge', '-m',
                                '64', '--no-pci', '--vdev', 'net_null0', '--vdev', 'net_null1'],
                               stderr=subprocess.DEVNULL)
    worker = None
    try:
        wait_until('the primary answers', lambda: cleat('ps')[0] == 0)
        worker = subprocess.Popen([BIN + '/cleat-rxtx', '--instance', INSTANCE, '--name', 'w',
                                   '--rx', 'port:0:0', '--tx', 'port:1:0'],
                                  stdout=subprocess.DEVNULL)
        wait_until('the worker sends', lambda: any(s['tx_packets'] for s in rows('stats')))
        check_forms()
        check_contents()
        check_watch()
        check_unwritable()
        worker.kill()
        worker.wait()
        wait_until('the death is seen', lambda: all(p['name'] != 'w' for p in rows('ps')))
        expect('the audit after a kill', cleat('audit')[0] == 0)
    finally:
        for process in (worker, primary):
            if process and process.poll() is None:
                process.terminate()
                process.wait()
    expect('the primary ends with 0', primary.returncode == 0)
    expect('afterwards: 3', cleat('ps')[0] == 3)
    return 1 if failures else 0


if __name__ == '__main__':
    sys.exit(main())
