# SPDX-License-Identifier: BSD-3-Clause
"""death.py - owners of queues that die while others use the same port: the device is done with
their queues, those others go on, the next ones follow."""
import os

import bed
import lab

PROGRAM = os.path.dirname(lab.BIN) + '/tests/lab/resting'


def grows(primary, nic, name):
    """Wait until a counter of a port has grown by some hundreds."""
    least = primary.stats(nic)[name] + 200
    bed.wait_for('%s does not grow' % name, lambda: primary.stats(nic)[name] > least)


def kill(worker):
    """At any instruction."""
    worker.signal(9)
    worker.wait()


def rests(primary, nic, direction):
    """Queue 0, whose owner has died, is nobody's, and its ring stays clear while packets come."""
    primary.guest.check([PROGRAM, primary.instance, str(primary.port(nic)), direction],
                        user='nobody')


def run(guest, a, b, driver, check=None, nic_args=''):
    """
    On NIC b the receiver is killed in traffic while another process sends on it, twice, then the
    sender while the next receiver receives: the other goes on, the next one works. check(primary)
    is called at the end. NIC b receives what is for itself only: it may be a virtual function.
    """
    bed.write_pcap(guest.out + '/in.pcap', bed.frames(b.mac, a.mac, sizes=(60,), rounds=256))
    with bed.Primary(guest, {a: driver, b: driver}, nic_args=nic_args,
                     vdevs=['net_null0,queues=2',
                            'net_pcap0,rx_pcap=/lab/out/in.pcap,infinite_rx=1']) as primary:
        def queue(nic, number=0):
            return 'port:%d:%d' % (primary.port(nic), number)

        def receiver():
            return primary.worker('at-b', '--rx', queue(b), '--tx', queue('net_null0', 1))

        def sender():
            return primary.worker('from-b', '--mode', 'txonly', '--tx', queue(b))

        others = [primary.worker('at-a', '--rx', queue(a), '--tx', queue('net_null0'),
                                 '--promiscuous'),
                  primary.worker('from-a', '--rx', queue('net_pcap0'), '--tx', queue(a))]
        at_b, from_b = receiver(), sender()
        for _ in range(2):
            grows(primary, b, 'rx_packets')
            kill(at_b)
            rests(primary, b, 'rx')
            grows(primary, b, 'tx_packets')
            grows(primary, a, 'rx_packets')
            primary.audit()
            at_b = receiver()
        grows(primary, b, 'rx_packets')
        kill(from_b)
        rests(primary, b, 'tx')
        grows(primary, b, 'rx_packets')
        primary.audit()
        from_b = sender()
        grows(primary, a, 'rx_packets')
        for worker in (at_b, from_b, *others):
            bed.stop(worker)
        assert primary.stats(b)['rx_errors'] == primary.stats(a)['rx_errors'] == 0
        if check:
            check(primary)
