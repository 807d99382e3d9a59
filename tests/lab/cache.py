# SPDX-License-Identifier: BSD-3-Clause
"""cache.py - the folder with QEMU, kernel, igb_uio.ko, busybox and the peer; fills it.

A part is a folder below $CLEAT_LAB_CACHE/1 that appears in one step when it is complete:

    qemu/     as unpacked; its libraries that the host lacks
    kernel/   vmlinuz, release, modules/RELEASE/ (with igb_uio.ko)
    busybox/  busybox
    peer/     as unpacked: DPDK's testpmd, its libraries and driver plugins; `testpmd` starts it
"""
import contextlib
import fcntl
import glob
import os
import platform
import re
import shutil
import subprocess
import sys

from debian import Apt, Missing, codename

FORMAT = '1'  # another number: the parts are made anew
LIB = 'usr/lib/x86_64-linux-gnu'
QEMU_SUITE = {'bookworm': 'bookworm-backports'}  # QEMU 7.2 there has no igb
TESTPMD = """\
#!/bin/sh
# testpmd - DPDK's, with the libraries and driver plugins beside this file, or where they were
# installed before: those are the system's.
here=$(dirname "$(readlink -f "$0")")
lib=usr/lib/x86_64-linux-gnu
export LD_LIBRARY_PATH=$here/$lib:$here/lib/x86_64-linux-gnu
plugins=
for name in bus_pci bus_vdev mempool_ring net_e1000 net_virtio net_vmxnet3 net_null net_pcap; do
	for file in "$here"/$lib/dpdk/pmds-*/librte_$name.so.[0-9][0-9] \\
		/$lib/dpdk/pmds-*/librte_$name.so.[0-9][0-9]; do
		if [ -e "$file" ]; then
			plugins="$plugins -d $file"
			break
		fi
	done
done
exec "$here/usr/bin/dpdk-testpmd" $plugins "$@"
"""
LIBELF = '/usr/lib/x86_64-linux-gnu'  # of what is unpacked; objtool needs it


def folder():
    """Where the parts lie."""
    home = os.environ.get('XDG_CACHE_HOME') or os.path.expanduser('~/.cache')
    return os.path.join(os.environ.get('CLEAT_LAB_CACHE') or home + '/cleat-lab', FORMAT)


def say(text):
    """Progress."""
    print('lab: ' + text, file=sys.stderr, flush=True)


def make_qemu(apt, new):
    """QEMU and the shared libraries that the host lacks."""
    apt.unpack(apt.lacking('qemu-system-x86', QEMU_SUITE.get(apt.release)), new)


def make_busybox(apt, new):
    """The static busybox."""
    apt.unpack(['busybox-static'], new + '.tmp')
    shutil.copy(new + '.tmp/bin/busybox', new + '/busybox')


def make_kernel(apt, new):
    """The kernel image, all its modules, and igb_uio.ko built for it."""
    image = next(d for d in apt.depends('linux-image-amd64') if d.startswith('linux-image-'))
    release = image[len('linux-image-'):]
    apt.unpack([image], new + '.tmp')
    headers = [p for p in apt.lacking('linux-headers-' + release)
               if re.match('linux-(headers|kbuild|compiler)-|libelf1', p)]
    apt.unpack(headers, new + '.tmp')
    apt.unpack(['dpdk-kmods-dkms'], new + '.tmp')
    shutil.move(new + '.tmp/boot/vmlinuz-' + release, new + '/vmlinuz')
    os.makedirs(new + '/modules')
    lib = [d for d in (new + '.tmp/lib/modules/', new + '.tmp/usr/lib/modules/')
           if os.path.isdir(d + release + '/kernel')]
    shutil.move(lib[0] + release, new + '/modules/' + release)
    shutil.copy(build_igb_uio(new + '.tmp', release), new + '/modules/' + release)
    with open(new + '/release', 'w', encoding='utf-8') as f:
        f.write(release + '\n')


def build_igb_uio(top, release):
    """Build igb_uio.ko with headers that are unpacked below `top`; its path."""
    src = top + '/usr/src'
    for path in glob.glob(src + '/linux-headers-*/Makefile') + \
            glob.glob(src + '/linux-headers-*/.kernelvariables'):
        if os.path.islink(path):
            continue
        with open(path, encoding='utf-8') as f:
            text = f.read()
        with open(path, 'w', encoding='utf-8') as f:
            f.write(text.replace('/usr/src/', src + '/'))
    for path in glob.glob(src + '/linux-headers-*/*'):  # scripts, tools -> /usr/lib/linux-kbuild
        if os.path.islink(path) and os.readlink(path).startswith('/usr/'):
            target = os.readlink(path)
            os.unlink(path)
            os.symlink(top + target, path)
    source = os.path.dirname(glob.glob(src + '/dpdk-kmods-*/**/igb_uio.c', recursive=True)[0])
    with open(source + '/Kbuild', 'w', encoding='utf-8') as f:
        f.write('obj-m := igb_uio.o\n')
    done = subprocess.run(['make', '-C', src + '/linux-headers-' + release, 'M=' + source,
                           'CC=gcc', 'modules'], stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, check=False,
                          env=dict(os.environ, LD_LIBRARY_PATH=top + LIBELF))
    if done.returncode:
        print(done.stdout, file=sys.stderr)
        raise Missing('igb_uio.ko does not build for kernel %s with this gcc' % release)
    return source + '/igb_uio.ko'


def make_peer(apt, new):
    """DPDK's testpmd, its libraries and driver plugins; a script that starts it from here."""
    needed = [p for p in apt.lacking('dpdk-dev')
              if not re.match(r'(udev|rdma-core|libdpdk-dev|librte-meta)|.*-dev=', p)]
    apt.unpack(needed + ['dpdk-dev'], new)
    with open(new + '/testpmd', 'w', encoding='utf-8') as f:
        f.write(TESTPMD)
    os.chmod(new + '/testpmd', 0o755)


PARTS = {'busybox': make_busybox, 'qemu': make_qemu, 'kernel': make_kernel}


@contextlib.contextmanager
def locked(path):
    """One fills, others wait."""
    with open(path, 'w', encoding='utf-8') as f:
        fcntl.flock(f, fcntl.LOCK_EX)
        yield


def fill(peer=False):
    """Make the parts that are not there; the folder. Raises Missing."""
    top, parts = folder(), dict(PARTS, **({'peer': make_peer} if peer else {}))
    if all(os.path.isdir(os.path.join(top, p)) for p in parts):
        return top
    if platform.machine() != 'x86_64':
        raise Missing('the lab is made for x86_64, and this is %s' % platform.machine())
    try:
        os.makedirs(top, exist_ok=True)
        with locked(top + '/.lock'):
            fill_locked(top, [p for p in parts if not os.path.isdir(os.path.join(top, p))], parts)
    except OSError as error:
        raise Missing('%s cannot be filled (%s)' % (top, error)) from error
    return top


def fill_locked(top, lacking, parts):
    """Make these parts."""
    with Apt(QEMU_SUITE.get(codename()), say) as apt:
        for part in lacking:
            new = os.path.join(top, '.new-' + part)
            for path in (new, new + '.tmp'):
                shutil.rmtree(path, ignore_errors=True)
            os.makedirs(new)
            parts[part](apt, new)
            shutil.rmtree(new + '.tmp', ignore_errors=True)
            os.rename(new, os.path.join(top, part))
