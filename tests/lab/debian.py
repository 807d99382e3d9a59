# SPDX-License-Identifier: BSD-3-Clause
"""debian.py - get Debian packages and unpack them into a folder, without installing anything.

apt-get works here on lists, sources and a cache of its own in a temporary folder, so the host's
apt is as it was before, and no root is needed. The sources are the host's own Debian sources.
"""
import os
import re
import shutil
import subprocess
import tempfile

APT_CONF = """
#clear APT::Update;
#clear DPkg::Post-Invoke;
#clear DPkg::Pre-Install-Pkgs;
Dir::Etc::sourcelist "{top}/sources.list";
Dir::Etc::sourceparts "{top}/sources.list.d";
Dir::Etc::preferencesparts "{top}/none.d";
Dir::Etc::preferences "{top}/none";
Dir::State "{top}/state";
Dir::State::status "/var/lib/dpkg/status";
Dir::Cache "{top}/cache";
APT::Sandbox::User "{user}";
APT::Get::List-Cleanup "false";
Acquire::Retries "3";
Acquire::Languages "none";
Debug::NoLocking "true";
"""


class Missing(Exception):
    """The lab cannot be had on this machine; the text says why, in one sentence."""


def codename():
    """Debian's name for the release that runs here."""
    try:
        with open('/etc/os-release', encoding='utf-8') as f:
            fields = dict(l.rstrip().split('=', 1) for l in f if '=' in l)
    except OSError:
        fields = {}
    if fields.get('ID') != 'debian' or not shutil.which('apt-get'):
        raise Missing('the lab takes its guest from Debian packages, and this is not Debian')
    return fields['VERSION_CODENAME']


def host_sources():
    """The host's source entries: (is it deb822?, text) each."""
    entries = []
    folder = '/etc/apt/sources.list.d'
    files = sorted(os.path.join(folder, f) for f in os.listdir(folder)) \
        if os.path.isdir(folder) else []
    for path in ['/etc/apt/sources.list'] + files:
        if not path.endswith(('.list', '.sources')) or not os.path.exists(path):
            continue
        with open(path, encoding='utf-8') as f:
            lines = [l for l in f.read().splitlines() if not l.lstrip().startswith('#')]
        if path.endswith('.list'):
            entries += [(False, l) for l in lines if l.strip()]
        else:
            entries += [(True, s) for s in re.split(r'\n\s*\n', '\n'.join(lines)) if s.strip()]
    return entries


def private_sources(entries, release, extra_suite):
    """
    What of the host's entries is Debian's own, and the release's entry once more with another
    suite: ([one-line entries], [deb822 stanzas]).
    """
    kept = {False: [], True: []}
    for deb822, text in entries:
        if deb822:
            suites = re.search(r'^Suites:(.*)$', text, re.M | re.I)
            names = suites.group(1).split() if suites else []
        else:
            names = text.replace(']', '] ', 1).split()
            if names[0] != 'deb':
                continue
        if not any(n == release or n.startswith(release + '-') for n in names):
            continue
        kept[deb822].append(text)
        if release in names and extra_suite:
            if deb822:
                kept[True].append(re.sub(r'^Suites:.*$', 'Suites: ' + extra_suite, text,
                                         flags=re.M | re.I))
            else:
                kept[False].append(re.sub(r'(?<=\s)%s(?=\s)' % release, extra_suite, text, count=1))
    return kept[False], kept[True]


class Apt:
    """A private apt. Use as a context: the temporary folder goes away with it."""

    def __init__(self, extra_suite=None, say=print):
        self.release, self.extra_suite, self.say = codename(), extra_suite, say

    def __enter__(self):
        self.top = tempfile.mkdtemp(prefix='cleat-lab-apt-')
        for folder in ('state/lists/partial', 'cache/archives/partial', 'sources.list.d', 'deb'):
            os.makedirs(os.path.join(self.top, folder))
        lines, stanzas = private_sources(host_sources(), self.release, self.extra_suite)
        if not lines and not stanzas:
            raise Missing('/etc/apt names no source of Debian %s' % self.release)
        self._write('sources.list', '\n'.join(lines) + '\n')
        if stanzas:
            self._write('sources.list.d/debian.sources', '\n\n'.join(stanzas) + '\n')
        user = 'root' if os.geteuid() == 0 else ''
        self._write('apt.conf', APT_CONF.format(top=self.top, user=user))
        self._apt('the package lists', 'update', '--error-on=any')
        return self

    def __exit__(self, *_):
        shutil.rmtree(self.top, ignore_errors=True)

    def _write(self, name, text):
        with open(os.path.join(self.top, name), 'w', encoding='utf-8') as f:
            f.write(text)

    def _apt(self, what, *args, tool='apt-get'):
        done = subprocess.run([tool, '-q', '-c', self.top + '/apt.conf', *args],
                              cwd=self.top + '/deb', capture_output=True, text=True, check=False,
                              env=dict(os.environ, LC_ALL='C'))
        if done.returncode:
            errors = [l for l in done.stderr.splitlines() if l.startswith(('E:', 'W:'))]
            raise Missing('%s cannot be had from Debian (%s)' %
                          (what, (errors or ['apt-get failed'])[0][3:]))
        return done.stdout

    def depends(self, package):
        """Names that a package depends on directly."""
        text = self._apt(package, 'show', '--no-all-versions', package, tool='apt-cache')
        line = re.search(r'^Depends: (.*)$', text, re.M)
        return re.findall(r'(?:^|, )([a-z0-9.+-]+)', line.group(1)) if line else []

    def lacking(self, package, suite=None):
        """name=version of a package and of all it needs that the host has not installed."""
        args = ['install', '--simulate', '--no-install-recommends', package]
        text = self._apt(package, *(['-t', suite] if suite else []), *args)
        return ['%s=%s' % m for m in re.findall(r'^Inst (\S+) (?:\[\S+\] )?\((\S+) ', text, re.M)]

    def unpack(self, packages, folder):
        """Download packages and unpack them below a folder."""
        first, more = packages[-1].split('=')[0], len(packages) - 1
        self.say('fetching %s%s' % (first, ' and %d packages it needs' % more if more else ''))
        self._apt(first, 'download', *packages)
        deb = os.path.join(self.top, 'deb')
        for name in sorted(os.listdir(deb)):
            path = os.path.join(deb, name)
            if subprocess.call(['dpkg', '-x', path, folder]):
                raise Missing('%s could not be unpacked into %s' % (name, folder))
            os.unlink(path)
