# SPDX-License-Identifier: BSD-3-Clause
"""test_huge_1g.py - memory on pages of 1 GiB; not every processor outside has them.

The checks are in tests/primary/huge_1g.c, which also runs alone where there are such pages.
"""
import os

import lab

CONFIG = lab.Config(hugepages_1g='1', memory='8G', iommu='off')
PROGRAM = os.path.join(os.path.dirname(lab.BIN), 'tests', 'primary', 'huge_1g')
COUNT = '/sys/kernel/mm/hugepages/hugepages-1048576kB/nr_hugepages'


def run(guest, **how):
    """The checks' exit code and what they said."""
    done = guest.run([PROGRAM], env={'CLEAT_BIN_DIR': lab.BIN}, timeout_s=240, **how)
    return done.code, (done.out + done.err).decode(errors='replace')


def test_reserved_at_boot(guest):
    """The page that is there is used, also by a user without rights, and is free again afterwards."""
    code, said = run(guest, user='nobody')
    assert code == 0, said
    assert guest.check('cat ' + COUNT) == '1'


def test_reserved_at_run_time(guest):
    """root reserves one and gives it back; another user is told why there is none."""
    guest.check('echo 0 >%s; echo 3 >/proc/sys/vm/drop_caches; echo 1 >/proc/sys/vm/compact_memory' %
                COUNT)
    code, said = run(guest)  # at once: what runs takes pieces of the memory that has become free
    assert code == 0, said
    assert guest.check('cat ' + COUNT) == '0'
    code, said = run(guest, user='nobody')
    assert code == 77 and 'only root may reserve one' in said, said
    guest.check('echo 1 >' + COUNT)
