#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""man.py - a program's manual page, made of what it says with --help, so that both always agree.

    man.py PROGRAM > PROGRAM.1
    man.py PROGRAM COMMAND > PROGRAM-COMMAND.1    of a command with options of its own
"""
import os
import re
import subprocess
import sys

SECTIONS = ('Exit codes:', 'Files:', 'Example:')
SEE_ALSO = ['cleat', 'cleat-bench', 'cleat-bind', 'cleat-l2fwd', 'cleat-primary', 'cleat-rxtx']


def quoted(text):
    """As roff wants it."""
    text = text.replace('\\', '\\e').replace('-', '\\-')
    return re.sub(r"^([.'])", r'\\&\1', text)


def help_of(words):
    """The lines of --help of a program or a command, options and descriptions on one line each."""
    env = dict(os.environ, COLUMNS='1000', ARGP_HELP_FMT='rmargin=1000,opt-doc-col=50,no-dup-args-note')
    env.pop('LANG', None)
    done = subprocess.run(words + ['--help'], env=env, stdout=subprocess.PIPE, text=True,
                          check=True)
    return done.stdout.splitlines()


def body(line):
    """One line that is not an option: text, an example, or the heading of its own section."""
    for word in SECTIONS:
        if line.startswith(word):
            return ['.SH ' + word[:-1].upper(), quoted(line[len(word):].strip())]
    if line.startswith(' '):
        return ['.RS', '.nf', quoted(line.strip()), '.fi', '.RE']
    return [quoted(line)] if line else ['.PP']


def page(name, lines):
    """The page's lines."""
    first = next(i for i, line in enumerate(lines) if line and not re.match(' *(Usage|or): ', line))
    usages = [line.split(': ', 1)[1].strip() for line in lines[:first] if line]
    intro = lines[first]
    text = ['.\\" SPDX-License-Identifier: BSD-3-Clause', '.TH %s 1 "" Cleat' % name.upper(),
            '.SH NAME', '%s \\- %s' % (quoted(name), quoted(intro.split('. ')[0].rstrip('.'))),
            '.SH SYNOPSIS', '\n.br\n'.join(quoted(u) for u in usages), '.SH DESCRIPTION']
    pending = None  # an option whose description stands on the next line
    for line in lines[first:]:
        option = re.match(r'^ +(-\S.*?)(?:  +(\S.*))?$', line)
        if option and '--' in line:
            if '.SH OPTIONS' not in text:
                text.append('.SH OPTIONS')
            pending = not option.group(2)
            text += ['.TP', '.B ' + quoted(option.group(1)), quoted(option.group(2) or '')]
        elif pending and line.strip():
            text[-1] = quoted(line.strip())
            pending = False
        elif re.match(r'^ \S', line):  # the heading of a group of options
            if '.SH OPTIONS' not in text:
                text.append('.SH OPTIONS')
            text += ['.SS ' + quoted(line.strip())]
        elif line.startswith('  ') and text[-2:] == ['.fi', '.RE']:
            text[-2:-2] = [quoted(line.strip())]
        else:
            text += body(line)
    others = ', '.join('\\fB%s\\fR(1)' % quoted(n) for n in SEE_ALSO if n != name)
    return text + ['.SH SEE ALSO', others]


def main():
    words = sys.argv[1:]
    name = '-'.join([os.path.basename(words[0])] + words[1:])
    print('\n'.join(page(name, help_of(words))))
    return 0


if __name__ == '__main__':
    sys.exit(main())
