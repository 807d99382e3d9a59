# SPDX-License-Identifier: BSD-3-Clause
"""death.py - owners of queues that die while others use the same port: those go on, others follow."""
import bed


def grows(primary, nic, name):
    """Wait until a counter of a port has grown by some hundreds."""
    least = primary.stats(nic)[name] + 200
    bed.wait_for('%s does not grow' % name, lambda: primary.stats(nic)[name] > least)


def kill(worker):
    """At any instruction."""
    worker.signal(9)
    worker.wait()


def run(guest, a, b, driver, check=None, nic_args=''):
    """
    On NIC b the receiver is killed in traffic while another process sends on it, twice, then the
    sender while the next receiver receives: the other goes on, the next one works. check(primary)
    is called at the end.
    """
    with bed.Primary(guest, {a: driver, b: driver}, vdevs=['net_null0,queues=2'],
                     nic_args=nic_args) as primary:
        sink = primary.port('net_null0')

        def receiver(name, nic, queue):
            return primary.worker(name, '--rx', 'port:%d:0' % primary.port(nic), '--tx',
                                  'port:%d:%d' % (sink, queue), '--promiscuous')

        def sender(name, nic):
            return primary.worker(name, '--mode', 'txonly', '--tx', 'port:%d:0' %
                                  primary.port(nic))

        others = [receiver('at-a', a, 0), sender('from-a', a)]
        at_b, from_b = receiver('at-b', b, 1), sender('from-b', b)
        for _ in range(2):
            grows(primary, b, 'rx_packets')
            kill(at_b)
            grows(primary, b, 'tx_packets')
            grows(primary, a, 'rx_packets')
            primary.audit()
            at_b = receiver('at-b', b, 1)
        grows(primary, b, 'rx_packets')
        kill(from_b)
        grows(primary, b, 'rx_packets')
        primary.audit()
        from_b = sender('from-b', b)
        grows(primary, a, 'rx_packets')
        for worker in (at_b, from_b, *others):
            bed.stop(worker)
        assert primary.stats(b)['rx_errors'] == primary.stats(a)['rx_errors'] == 0
        if check:
            check(primary)
