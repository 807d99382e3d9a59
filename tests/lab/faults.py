# SPDX-License-Identifier: BSD-3-Clause
"""faults.py - what a guest's kernel says of itself when something in it is broken.

A kernel in which a thread died goes on: what that thread had locked stays locked, and tests that
come later fail for no reason of theirs. So the test in whose time it was said fails.
"""
import re

FAULT = re.compile(r'\b(BUG: |kernel BUG at |Oops: |WARNING: CPU|general protection fault|'
                   r'Unable to handle kernel|blocked for more than|detected stalls|Bad page|'
                   r'list_(add|del) corruption|refcount_t: )')
LINES = 60  # of one fault


def first_words(text):
    """The first line that tells of a fault, without the time; '' if there is none."""
    found = next((l for l in text.splitlines() if FAULT.search(l)), '')
    return re.sub(r'^\[ *[\d.]+\] *', '', found)


def lines(text):
    """Those lines and what follows each."""
    found, left = [], 0
    for line in text.splitlines():
        left = LINES if FAULT.search(line) and not left else left
        if left:
            found.append(line)
            left -= 1
    return '\n'.join(found)


class Listener:
    """What the kernel has said since the last call."""

    def __init__(self, guest):
        self.guest, self.heard = guest, len(guest.console())

    def news(self):
        """Text."""
        text = self.guest.console()
        self.heard, new = len(text), text[self.heard:]
        return new
