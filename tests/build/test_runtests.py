#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""test_runtests.py - the runner finds tests by their paths, and counts right what they end with."""
import os
import subprocess
import sys
import tempfile

RUNNER = os.path.abspath('tools/build/runtests.py')
sys.path.insert(0, os.path.dirname(RUNNER))
from runtests import wanted  # noqa: E402

NAMES = ['build/test_layers', 'runtime/test_port', 'runtime/test_ring_kill', 'runtime/test_ring_unit']
PATHS = {  # how many of NAMES each names
    '': 4, 'runtime': 3, 'runtime/': 3, 'runtime/ring': 2, 'runtime/ring_unit': 1,
    'runtime/test_ring_unit': 1, 'runtime/port': 1, 'build/layers': 1, 'runtime/rin': 0, 'ring': 0,
    'run': 0,
}
ENDS = {  # a test's name: what it does
    'good': 'print("fine")',
    'bad': 'raise SystemExit("oh no")',
    'lacks': 'print("SKIP: no unicorns"); raise SystemExit(77)',
    'dies': 'import os; os.kill(os.getpid(), 11)',
}
RUNS = [  # PATHs, CI?, exit code, what is said
    ('x/good', False, 0, ['1 passed, 0 failed, 0 skipped']),
    ('x/lacks', False, 0, ['0 passed, 0 failed, 1 skipped', '(no unicorns)']),
    ('x/lacks', True, 1, ['0 passed, 1 failed, 0 skipped', 'skipped in CI: no unicorns']),
    ('x/bad', False, 1, ['exit code 1', 'oh no']),
    ('x/dies', False, 1, ['SIGSEGV']),
    ('x', False, 1, ['1 passed, 2 failed, 1 skipped']),
    ('x/good x/bad', False, 1, ['1 passed, 1 failed, 0 skipped']),
    ('x/good x', False, 1, ['1 passed, 2 failed, 1 skipped']),
    ('nothing', False, 2, ['no test is called nothing']),
    ('x/good nothing', False, 2, ['no test is called nothing']),
]


def run(root, path, ci):
    """Exit code and output of the runner in a tree of its own."""
    done = subprocess.run([sys.executable, RUNNER, '--out', 'build/release'] + path.split(),
                          cwd=root, env=dict(os.environ, CI='true' if ci else ''), stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, check=False)
    return done.returncode, done.stdout


def main():
    failed = []
    for path, count in PATHS.items():
        found = [n for n in NAMES if wanted(n, path)]
        if len(found) != count:
            failed.append('%r names %s' % (path, found))
    with tempfile.TemporaryDirectory() as root:
        os.makedirs(root + '/tests/x')
        for name, text in ENDS.items():
            with open('%s/tests/x/test_%s.py' % (root, name), 'w', encoding='utf-8') as f:
                f.write(text + '\n')
        for path, ci, code, parts in RUNS:
            got, said = run(root, path, ci)
            if got != code or not all(part in said for part in parts):
                failed.append('%s, CI %s: exit code %d:\n%s' % (path, ci, got, said))
    print('\n'.join(failed))
    return 1 if failed else 0


if __name__ == '__main__':
    sys.exit(main())
