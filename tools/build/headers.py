#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""headers.py - every header compiles alone, as C and as C++.

    headers.py -I DIR    DIR holds the generated headers; exit 1 if one does not compile
"""
import argparse
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

FOLDERS = ['runtime', 'proto', 'ipc', 'pmd', 'primary', 'secondary', 'tools', 'tests']
COMMON = ['-fsyntax-only', '-Wall', '-Wextra', '-Werror', '-D_GNU_SOURCE', '-I.']
LANGUAGES = {'c': ['gcc', '-x', 'c', '-std=gnu11'], 'c++': ['g++', '-x', 'c++', '-std=c++17']}


def compile_alone(job):
    """The compiler's complaint about one header in one language; '' if it has none."""
    header, language, include = job
    command = LANGUAGES[language] + COMMON + ['-I' + d for d in include] + ['-']
    text = '#include "%s"\n#include "%s"\n' % (header, header)  # twice: the guard works
    done = subprocess.run(command, input=text, stderr=subprocess.PIPE, text=True, check=False)
    return '' if done.returncode == 0 else '%s alone as %s:\n%s' % (header, language, done.stderr)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument('-I', dest='include', action='append', default=[])
    args = parser.parse_args()
    headers = sorted(os.path.join(d, f) for top in FOLDERS for d, _, files in os.walk(top)
                     for f in files if f.endswith('.h'))
    jobs = [(h, language, args.include) for h in headers for language in LANGUAGES]
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        bad = [text for text in pool.map(compile_alone, jobs) if text]
    print(''.join(bad), end='', file=sys.stderr)
    print('headers: %d, each alone as C and C++, %d complaints' % (len(headers), len(bad)))
    return 1 if bad else 0


if __name__ == '__main__':
    sys.exit(main())
