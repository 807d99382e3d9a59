#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""test_huge_1g.py - memory on pages of 1 GiB, here or, where there are none, in the lab's guest.

The checks are in huge_1g.c. Not every processor and kernel has pages of that size, and memory may
be in too many pieces for one; a guest has them always.
"""
import os
import shutil
import subprocess
import sys

sys.path.insert(0, 'tests/lab')
import lab  # noqa: E402

SKIPPED = 77


def in_guest(programs):
    """The same in a guest, on copies: not every folder is seen from there."""
    try:
        with lab.Guest(lab.Config(hugepages_1g='1', memory='5G', iommu='off')) as guest:
            for program in programs:
                shutil.copy(program, guest.out)
            done = guest.run(['/lab/out/huge_1g'], env={'CLEAT_BIN_DIR': '/lab/out'},
                             timeout_s=200)
    except lab.Missing as missing:
        print('SKIP: %s' % missing)
        return SKIPPED
    print('in the guest:\n%s' % (done.out + done.err).decode(errors='replace'))
    return done.code


def main():
    folder = os.path.abspath(os.environ.get('CLEAT_BIN', 'build/release/bin'))
    test = os.path.join(os.path.dirname(folder), 'tests', 'primary', 'huge_1g')
    code = subprocess.call([test])
    if code != SKIPPED:
        return code
    names = ('cleat-primary', 'cleat-rxtx', 'cleat-l2fwd', 'cleat')
    return in_guest([test] + [os.path.join(folder, n) for n in names])


if __name__ == '__main__':
    sys.exit(main())
