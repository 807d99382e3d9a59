#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
#
# record.sh - record tests/data/capture.pcap between two network namespaces, and convert it.
# Run as root; needs iproute2 tcpdump curl dnsutils iputils-ping python3 tshark (editcap, mergecap).
set -euo pipefail
cd "$(dirname "$0")"
here=$PWD
work=$(mktemp -d)
A=cleat-a B=cleat-b
pids=()

cleanup() {
	for pid in "${pids[@]}"; do kill "$pid" 2>/dev/null || true; done
	ip netns del $A 2>/dev/null || true
	ip netns del $B 2>/dev/null || true
	rm -rf "$work"
}
trap cleanup EXIT

in_a() { ip netns exec $A "$@"; }
in_b() { ip netns exec $B "$@"; }
background() { "$@" >/dev/null 2>&1 & pids+=($!); }

ip netns add $A
ip netns add $B
ip link add cleat-va netns $A type veth peer name cleat-vb netns $B
for n in a b; do
	ns=cleat-$n
	host=$([ $n = a ] && echo 1 || echo 2)
	ip -n $ns link set lo up
	ip -n $ns link set cleat-v$n address 02:00:00:00:00:0$host
	ip -n $ns addr add 10.0.0.$host/24 dev cleat-v$n
	ip -n $ns addr add fd00::$host/64 dev cleat-v$n nodad
	ip -n $ns link set cleat-v$n up
	# A VLAN sub-interface; where the kernel has no 802.1Q, one made of a TAP device.
	if ! ip -n $ns link add link cleat-v$n name cleat-v$n.5 type vlan id 5 2>/dev/null; then
		background ip netns exec $ns python3 "$here/vlan_tap.py" cleat-v$n cleat-v$n.5 5
		for _ in $(seq 50); do
			ip -n $ns link show cleat-v$n.5 >/dev/null 2>&1 && break
			sleep 0.1
		done
	fi
	ip -n $ns addr add 10.0.5.$host/24 dev cleat-v$n.5
	ip -n $ns link set cleat-v$n.5 mtu 1496 up
	# Frames as on a wire: no segment larger than the MTU, checksums filled in.
	if command -v ethtool >/dev/null; then
		ip netns exec $ns ethtool -K cleat-v$n tso off gso off gro off tx off >/dev/null || true
	fi
	ip -n $ns link set cleat-v$n gso_max_segs 1 2>/dev/null || true
done

mkdir "$work/www"
head -c 30000 "$here/../../LICENSE" >"$work/www/small.txt"
python3 -c 'print("\n".join("%d squared is %d" % (i, i * i) for i in range(2500)))' \
	>"$work/www/large.txt"
background ip netns exec $B python3 -m http.server --directory "$work/www" 80
background ip netns exec $B python3 -m http.server --directory "$work/www" --bind fd00::2 8080
background ip netns exec $B python3 "$here/dns_server.py"
# An echo service on UDP port 7.
background ip netns exec $B python3 -c '
import socket
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind(("", 7))
while True:
    data, peer = s.recvfrom(2048)
    s.sendto(data, peer)'
sleep 1.5

ip netns exec $A tcpdump -Z root -i cleat-va -s 0 -B 4096 -U -w "$work/capture.pcap" 2>"$work/tcpdump.log" &
tcpdump_pid=$!
sleep 1
in_a ping -q -c 8 -i 0.05 10.0.0.2
in_a ping -q -c 5 -i 0.05 -s 1472 10.0.0.2
in_a ping -q -c 6 -i 0.05 fd00::2
for size in 18 100 400 800 1200 1472; do in_a ping -q -c 2 -i 0.05 -s $size 10.0.5.2 || true; done
for i in $(seq 20); do
	in_a dig +tries=1 +time=2 @10.0.0.2 "host$i.example.test" A >/dev/null
done
in_a curl -s -o /dev/null http://10.0.0.2/small.txt
in_a curl -s -o /dev/null http://10.0.0.2/large.txt
in_a curl -s -o /dev/null 'http://[fd00::2]:8080/large.txt'
in_a curl -s -o /dev/null http://10.0.5.2/small.txt
for i in $(seq 4); do in_a curl -s -o /dev/null http://10.0.0.2/missing$i || true; done
in_a python3 -c '
import socket
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.settimeout(2)
for size in [1, 2, 18, 19, 22, 86, 214, 470, 982, 1238, 1400, 1471, 1472] * 4:
    s.sendto(bytes(i % 251 for i in range(size)), ("10.0.0.2", 7))
    s.recv(2048)'
sleep 1
kill -TERM $tcpdump_pid # in the background bash ignores SIGINT for it
wait $tcpdump_pid || true
cat "$work/tcpdump.log"

cp "$work/capture.pcap" capture.pcap
editcap -F pcapng capture.pcap capture.pcapng
editcap -F nsecpcap capture.pcap capture.nsec.pcap
chmod 0644 capture.*
ls -l capture.*
