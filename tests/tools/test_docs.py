#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""test_docs.py - what the documents say can be done: the workers accept the commands that README,
docs/ and --help show, and the files and functions named there exist."""
import glob
import os
import re
import shlex
import subprocess
import sys

BIN = os.environ.get('CLEAT_BIN', 'build/release/bin')
DOCUMENTS = ['README.md'] + sorted(glob.glob('docs/*.md'))
PROGRAMS = ['cleat', 'cleat-primary', 'cleat-rxtx', 'cleat-l2fwd']
FOLDERS = ['runtime', 'proto', 'ipc', 'pmd', 'primary', 'secondary', 'tools', 'tests']
NO_PRIMARY = 3
failures = []


def expect(what, good):
    """Note a failure."""
    if not good:
        failures.append(what)
        print('failed: %s' % what)


def texts():
    """(where, what stands there) of all documents and helps."""
    for name in DOCUMENTS:
        with open(name, encoding='utf-8') as f:
            yield name, f.read()
    for program in PROGRAMS:
        done = subprocess.run([BIN + '/' + program, '--help'], stdout=subprocess.PIPE, text=True,
                              check=True)
        yield program + ' --help', done.stdout


def commands(text):
    """The words of each command of a worker or of the tool that stands on a line of its own."""
    for line in text.splitlines():
        for part in re.sub('#.*|^Example:', '', line).split(';'):
            words = shlex.split(part, posix=False) if re.match(
                r' *(\./)?cleat(-rxtx|-l2fwd)? [-a-z]', part) else []
            if words and words[1:2] != ['bind']:
                yield [os.path.basename(words[0])] + words[1:]


def check_commands(where, text):
    """Without a primary each gets as far as looking for it. @return how many there were"""
    found = list(commands(text))
    for words in found:
        done = subprocess.run([BIN + '/' + words[0]] + words[1:] + ['--instance', 'test-docs'],
                              capture_output=True, text=True, check=False)
        expect('%s: %s: exit code %d %s' % (where, ' '.join(words), done.returncode, done.stderr),
               done.returncode == NO_PRIMARY)
    return len(found)


def sources():
    """(names of all files, everything that stands in them)."""
    names, all_text = set(), []
    for folder, _, files in (w for top in FOLDERS for w in os.walk(top)):
        for name in files:
            path = os.path.join(folder, name)
            names.add(path)
            if name.endswith(('.c', '.h', '.py')):
                with open(path, encoding='utf-8') as f:
                    all_text.append(f.read())
    return names, '\n'.join(all_text)


def check_names(where, text, names, all_text):
    """@return how many there were"""
    told = set(re.findall(r'`([\w./*-]+\.(?:c|h|py)|cleat_\w+\(\))', text))
    for name in sorted(told):
        if name.endswith('()'):
            expect('%s: there is no %s' % (where, name), name[:-1] in all_text)
        else:
            pattern = re.compile('(.*/)?' + re.escape(name).replace(r'\*', '[^/]*'))
            expect('%s: there is no %s' % (where, name), any(map(pattern.fullmatch, names)))
    return len(told)


def main():
    names, all_text = sources()
    n_commands = n_names = 0
    for where, text in texts():
        n_commands += check_commands(where, text)
        n_names += check_names(where, text, names, all_text)
    expect('the commands are found: %d' % n_commands, n_commands >= 12)
    expect('the names are found: %d' % n_names, n_names >= 40)
    return 1 if failures else 0


if __name__ == '__main__':
    sys.exit(main())
