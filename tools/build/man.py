#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""man.py - a program's manual page, made of what it says with --help, so that both always agree.

    man.py PROGRAM > PROGRAM.1
"""
import os
import re
import subprocess
import sys

SECTIONS = ('Exit codes:', 'Files:', 'Example:')
SEE_ALSO = ['cleat', 'cleat-l2fwd', 'cleat-primary', 'cleat-rxtx']


def quoted(text):
    """As roff wants it."""
    text = text.replace('\\', '\\e').replace('-', '\\-')
    return re.sub(r"^([.'])", r'\\&\1', text)


def help_of(program):
    """The lines of --help, options and descriptions on one line each."""
    env = dict(os.environ, ARGP_HELP_FMT='rmargin=1000,opt-doc-col=50,no-dup-args-note')
    env.pop('LANG', None)
    done = subprocess.run([program, '--help'], env=env, stdout=subprocess.PIPE, text=True,
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
    usage, intro = lines[0].split(': ', 1)[1], lines[1]
    usage = re.sub(r'^\S+', os.path.basename(name), usage)
    text = ['.\\" SPDX-License-Identifier: BSD-3-Clause', '.TH %s 1 "" Cleat' % name.upper(),
            '.SH NAME', '%s \\- %s' % (quoted(name), quoted(intro.split('. ')[0].rstrip('.'))),
            '.SH SYNOPSIS', quoted(usage), '.SH DESCRIPTION']
    pending = None  # an option whose description stands on the next line
    for line in lines[1:]:
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
    program = sys.argv[1]
    print('\n'.join(page(os.path.basename(program), help_of(program))))
    return 0


if __name__ == '__main__':
    sys.exit(main())
