#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""layers.py - who may include whom. The order is the data below; every build checks it.

    layers.py [ROOT]    exit 0: the order holds; 1: each breach is told with its line
"""
import os
import re
import sys
from fnmatch import fnmatchcase

# Folder: the folders whose headers it may include, besides its own.
FOLDERS = {
    'runtime': [],
    'proto': [],
    'ipc': ['runtime', 'proto'],
    'pmd': ['runtime'],
    'primary': ['pmd', 'ipc', 'runtime', 'proto'],
    'secondary': ['pmd', 'ipc', 'runtime', 'proto'],
    'tools': ['ipc', 'runtime', 'proto'],
    'tests': ['tools', 'secondary', 'primary', 'pmd', 'ipc', 'runtime', 'proto'],
}

# Inside a folder: a file may include its own tier and those before it. Patterns are of file names
# without the ending; the first that fits counts.
TIERS = {
    'runtime': [
        ('basics', 'arch clock limits look error log std_fds'),
        ('memory', 'handle* row shared registry* thread* grace* window* segment* zone* iova* memory*'
                   ' numa* prefault* hugepage* pagemap*'),
        ('rings and mbufs', 'owner* ring* mempool* pool* mbuf* audit* sweep* cache*'),
        ('devices', 'kvargs* device* bus* driver* vdev* pci*'),
        ('ports', 'port* queue* xstats*'),
        ('lcores', 'lcore* cpuset*'),
    ],
}

# What one driver may not do: include another driver. pmd/common is for all.
PMD_SHARED = 'common'

INCLUDE = re.compile(r'^\s*#\s*include\s+"([^"]+)"')


def tier(folder, name):
    """Number of the tier of a file in a folder with tiers; None if it is in no list."""
    stem = name.rsplit('.', 1)[0]
    for number, (_, patterns) in enumerate(TIERS[folder]):
        if any(fnmatchcase(stem, p) for p in patterns.split()):
            return number
    return None


def breach(path, included):
    """Why `path` may not include `included`, or None."""
    mine, theirs = path.split('/'), included.split('/')
    if len(theirs) < 2 or theirs[0] not in FOLDERS:
        return 'say it from the root: "folder/file.h"'
    if mine[0] != theirs[0]:
        if theirs[0] in FOLDERS[mine[0]]:
            return None
        allowed = ', '.join(FOLDERS[mine[0]]) or 'no other folder'
        return '%s may include %s, not %s' % (mine[0], allowed, theirs[0])
    if mine[0] in TIERS:
        here, there = tier(mine[0], mine[-1]), tier(theirs[0], theirs[-1])
        if there is None or here is None:
            lost = path if here is None else included
            return '%s is in no tier; list it in tools/build/layers.py' % lost
        if there > here:
            names = TIERS[mine[0]]
            return 'tier "%s" lies below tier "%s"' % (names[here][0], names[there][0])
    if mine[0] == 'pmd' and len(mine) > 2 and len(theirs) > 2:
        if theirs[1] not in (mine[1], PMD_SHARED):
            return 'a driver may not include another driver; use pmd/%s' % PMD_SHARED
    return None


def check(root):
    """All breaches below `root` as lines of text, and how many includes were looked at."""
    found, seen = [], 0
    for top in sorted(FOLDERS):
        for folder, _, files in os.walk(os.path.join(root, top)):
            for name in sorted(f for f in files if f.endswith(('.c', '.h'))):
                full = os.path.join(folder, name)
                path = os.path.relpath(full, root)
                with open(full, encoding='utf-8') as f:
                    for number, line in enumerate(f, 1):
                        match = INCLUDE.match(line)
                        if match is None:
                            continue
                        seen += 1
                        why = breach(path, match.group(1))
                        if why:
                            found.append('%s:%d: "%s": %s' % (path, number, match.group(1), why))
    return found, seen


def main():
    root = sys.argv[1] if len(sys.argv) > 1 else '.'
    found, seen = check(root)
    for line in found:
        print(line, file=sys.stderr)
    print('layers: %d includes, %d against the order' % (seen, len(found)))
    return 1 if found else 0


if __name__ == '__main__':
    sys.exit(main())
