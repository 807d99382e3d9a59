#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""test_layers.py - the layer check finds includes that were planted against the order."""
import os
import sys
import tempfile

sys.path.insert(0, 'tools/build')
import layers  # noqa: E402

# (file, what it includes, a word of the complaint or None)
PLANTED = [
    ('runtime/ring.h', 'runtime/arch.h', None),
    ('runtime/ring.h', 'runtime/port.h', 'tier'),
    ('runtime/arch.h', 'runtime/registry.h', 'tier'),
    ('runtime/port.c', 'ipc/socket.h', 'no other folder'),
    ('runtime/mystery.c', 'runtime/arch.h', 'no tier'),
    ('runtime/ring.c', 'ring.h', 'from the root'),
    ('ipc/client.c', 'proto/cleat.pb-c.h', None),
    ('ipc/client.c', 'primary/server.h', 'not primary'),
    ('pmd/null/null_data.c', 'pmd/null/null.h', None),
    ('pmd/null/null_data.c', 'pmd/pcap/pcap.h', 'another driver'),
    ('pmd/null/null_data.c', 'ipc/socket.h', 'not ipc'),
    ('secondary/pipeline.c', 'primary/server.h', 'not primary'),
    ('primary/server.c', 'secondary/attach.h', 'not secondary'),
    ('tools/main.c', 'pmd/null/null.h', 'not pmd'),
    ('tests/ipc/test_client.c', 'primary/server.h', None),
]


def check_one(path, included):
    """What the check says about a tree with this one include in it."""
    with tempfile.TemporaryDirectory() as root:
        os.makedirs(os.path.join(root, os.path.dirname(path)))
        with open(os.path.join(root, path), 'w', encoding='utf-8') as f:
            f.write('/* */\n#include <stdio.h>\n#include "%s"\n' % included)
        return layers.check(root)


def main():
    failed = 0
    for path, included, word in PLANTED:
        found, seen = check_one(path, included)
        good = seen == 1 and (word in found[0] if word and found else bool(found) == bool(word))
        if not good:
            failed += 1
            print('%s includes %s: expected %s, got %s' % (path, included, word, found))
    if layers.check('.')[0]:
        failed += 1
        print('the tree itself: %s' % layers.check('.')[0])
    return 1 if failed else 0


if __name__ == '__main__':
    sys.exit(main())
