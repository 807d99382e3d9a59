# SPDX-License-Identifier: BSD-3-Clause
"""recorded.py - make files of recorded.txt, which record_sysfs.py wrote: a folder like /sys."""
import json
import os


def unpack(text, root):
    """The tree below `root`, which is made."""
    for entry in text.splitlines():
        path, sign, value = entry.split(' ', 2)
        full = '%s/%s' % (root, path)
        os.makedirs(os.path.dirname(full), exist_ok=True)
        if sign == '->':
            os.symlink(value, full)
            continue
        with open(full, 'wb') as f:
            f.write(bytes.fromhex(value) if sign == ':' else json.loads(value).encode())
