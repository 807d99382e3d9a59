# SPDX-License-Identifier: BSD-3-Clause
"""vfio_regions.py - runs in the guest: what the kernel says of the BARs of a device of vfio-pci that
nobody has open, asked without any code of Cleat's.

    vfio_regions.py 0000:01:00.0

prints JSON: {"bars": {BAR: {"offset": in the device file, "len": bytes,
                             "pages": offsets of the pages that can be mapped}},
              "table": {"bar", "off", "len"} of the MSI-X table, or null}

Source: include/uapi/linux/vfio.h; PCI Local Bus Specification 3.0, 6.7 and 6.8.2.
"""
import fcntl
import json
import mmap
import os
import struct
import sys

TYPE1 = 1
SET_IOMMU, SET_CONTAINER, DEVICE_FD, REGION_INFO = 0x3b66, 0x3b68, 0x3b6a, 0x3b6c
REGION = struct.Struct('IIIIQQ')  # argsz, flags, index, cap_offset, size, offset
CAN_MMAP, CONFIG_REGION, BARS = 4, 7, 6
CAPABILITIES, MSIX = 0x34, 0x11


def open_device(address):
    """The device's descriptor, through a container of its own."""
    group_number = os.path.basename(os.readlink('/sys/bus/pci/devices/%s/iommu_group' % address))
    container = os.open('/dev/vfio/vfio', os.O_RDWR)
    group = os.open('/dev/vfio/' + group_number, os.O_RDWR)
    fcntl.ioctl(group, SET_CONTAINER, struct.pack('i', container))
    fcntl.ioctl(container, SET_IOMMU, TYPE1)
    return fcntl.ioctl(group, DEVICE_FD, bytearray(address.encode() + b'\0'))


def region(device, index):
    """(flags, size, offset)"""
    info = bytearray(REGION.pack(REGION.size, 0, index, 0, 0, 0))
    fcntl.ioctl(device, REGION_INFO, info)
    _, flags, _, _, size, offset = REGION.unpack(info)
    return flags, size, offset


def can_map(device, offset):
    """Does the kernel map this page?"""
    try:
        mmap.mmap(device, mmap.PAGESIZE, mmap.MAP_SHARED, mmap.PROT_READ, offset=offset).close()
        return True
    except OSError:
        return False


def bars(device):
    """Those in memory, by what the kernel lets be mapped of them."""
    found = {}
    for bar in range(BARS):
        flags, size, offset = region(device, bar)
        if size and flags & CAN_MMAP:
            found[bar] = {'offset': offset, 'len': size, 'pages': [
                at for at in range(0, size, mmap.PAGESIZE) if can_map(device, offset + at)]}
    return found


def msix_table(device):
    """Where the MSI-X table is."""
    config = os.pread(device, 256, region(device, CONFIG_REGION)[2])
    at = config[CAPABILITIES]
    while at and config[at] != MSIX:
        at = config[at + 1]
    if not at:
        return None
    control, where = struct.unpack_from('<HI', config, at + 2)
    return {'bar': where & 7, 'off': where & ~7, 'len': 16 * ((control & 0x7ff) + 1)}


def main():
    device = open_device(sys.argv[1])
    print(json.dumps({'bars': bars(device), 'table': msix_table(device)}))


if __name__ == '__main__':
    main()
